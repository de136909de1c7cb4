//! What the engine asked of its store, as prepared text: the floor binds it and does nothing else. What the
//! floor has no statement for is refused here, so that it can never do less than the engine's store.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use orchd_core::event::{Event, encode};
use orchd_core::fact::{Fact, Input};
use orchd_core::id::JobId;
use orchd_core::job::JobClass;
use orchd_core::port::store::{ClaimFilter, Claimed, Commit, Disposition, JobState};

use crate::record::Asked;

/// One cycle: first the jobs, then the decisions, each in the order of asking.
pub(crate) struct Cycle {
    pub(crate) jobs: Vec<JobRequest>,
    pub(crate) decisions: Vec<Decision>,
}

/// A request of the job part.
pub(crate) enum JobRequest {
    Claim(Claim),
    Settle(Settle),
}

/// A claim.
pub(crate) struct Claim {
    pub(crate) owner: String,
    pub(crate) limit: i64,
    pub(crate) max_running: Option<i64>,
    pub(crate) until: i64,
    pub(crate) runs: Vec<String>,
    /// Job and task of each job that this claim gets.
    pub(crate) gets: Vec<(String, String)>,
}

/// A settlement; the token is found in the job's row, which the claim wrote.
pub(crate) struct Settle {
    pub(crate) job: String,
    pub(crate) task: String,
    pub(crate) state: &'static str,
    pub(crate) fact: String,
    pub(crate) body: String,
}

/// A decision: loaded by `task` and `since`, then written.
pub(crate) struct Decision {
    pub(crate) task: String,
    pub(crate) since: i64,
    pub(crate) repo: String,
    pub(crate) project: String,
    pub(crate) key: String,
    pub(crate) life: i64,
    pub(crate) seq: i64,
    pub(crate) transition: String,
    pub(crate) version: i64,
    pub(crate) wakes: i64,
    pub(crate) due_at: Option<i64>,
    pub(crate) at: i64,
    pub(crate) stage: &'static str,
    pub(crate) candidacy: &'static str,
    pub(crate) priority: i64,
    pub(crate) body: String,
    /// Providers whose epoch is compared.
    pub(crate) relied_on: Vec<(String, i64)>,
    pub(crate) consumed: Vec<String>,
    pub(crate) events: Vec<String>,
    pub(crate) costs: Vec<i64>,
    pub(crate) job: Option<Job>,
    pub(crate) dirty: Vec<&'static str>,
}

/// A job to enqueue.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) class: &'static str,
    pub(crate) available_at: i64,
    pub(crate) spec: String,
}

/// A cycle of what was recorded.
pub(crate) fn cycle(jobs: Vec<Asked>, decisions: Vec<Asked>) -> Result<Cycle> {
    let mut requests = Vec::new();
    let mut held: BTreeMap<JobId, Claimed> = BTreeMap::new();
    for asked in jobs {
        requests.push(match asked {
            Asked::Claim { filter, runs, claimed } => {
                let claim = claim(&filter, runs.iter().map(ToString::to_string).collect(), &claimed)?;
                held.extend(claimed.into_iter().map(|one| (one.job, one)));
                JobRequest::Claim(claim)
            }
            Asked::Settle { job, result, fact } => {
                let Some(one) = held.remove(&job) else {
                    anyhow::bail!("{job} was settled and never claimed")
                };
                let told =
                    Input::Fact { fact: Fact::JobEnded { job, kind: one.kind, result: result.clone() } };
                JobRequest::Settle(Settle {
                    job: job.to_string(),
                    task: task_of(&one)?,
                    state: JobState::of(&result).name(),
                    fact: fact.to_string(),
                    body: serde_json::to_string(&told)?,
                })
            }
            Asked::Commit(commit) => anyhow::bail!("a decision among the jobs: {:?}", commit.transition),
        });
    }
    let decisions = decisions.into_iter().map(decision).collect::<Result<_>>()?;
    Ok(Cycle { jobs: requests, decisions })
}

fn task_of(claimed: &Claimed) -> Result<String> {
    match &claimed.of {
        orchd_core::fact::Address::Task(task) => Ok(task.to_string()),
        orchd_core::fact::Address::Repo(repo) => anyhow::bail!("a job of {repo} among the tasks' jobs"),
    }
}

fn claim(filter: &ClaimFilter, runs: Vec<String>, claimed: &[Claimed]) -> Result<Claim> {
    let until = orchd_core::lease::LeasePolicy { ttl: filter.ttl }.until(crate::workload::NOW);
    let gets = claimed.iter().map(|one| Ok((one.job.to_string(), task_of(one)?))).collect::<Result<_>>()?;
    Ok(Claim {
        owner: filter.boot.to_string(),
        limit: i64::from(filter.limit),
        max_running: filter.max_running.map(i64::from),
        until: until.0,
        runs,
        gets,
    })
}

fn decision(asked: Asked) -> Result<Decision> {
    let Asked::Commit(commit) = asked else { anyhow::bail!("a job's request among the decisions") };
    plain(&commit)?;
    let task = &commit.task;
    let job = commit.job.as_ref().map(|job| {
        let kind = job.spec.work.kind();
        anyhow::Ok(Job {
            id: job.id.to_string(),
            kind: kind.name(),
            class: match kind.class() {
                JobClass::Pipeline => "pipeline",
                JobClass::Side => "side",
            },
            available_at: job.spec.not_before.map_or(0, |moment| moment.0),
            spec: serde_json::to_string(&job.spec)?,
        })
    });
    Ok(Decision {
        task: task.id.to_string(),
        since: commit.at.day_start().0,
        repo: task.repo.to_string(),
        project: task.project.to_string(),
        key: task.key.to_string(),
        life: i64::from(task.life),
        seq: i64::try_from(task.seq)?,
        transition: commit.transition.to_string(),
        version: i64::try_from(commit.version)?,
        wakes: i64::try_from(commit.wakes)?,
        due_at: commit.due_at.map(|due| due.0),
        at: commit.at.0,
        stage: task.stage.name(),
        candidacy: commit.candidacy.name(),
        priority: i64::from(task.request.priority),
        body: serde_json::to_string(task)?,
        relied_on: commit
            .providers
            .iter()
            .map(|(id, change)| Ok((id.to_string(), i64::try_from(change.epoch)?)))
            .collect::<Result<_>>()?,
        consumed: commit.consumed.iter().map(|(id, _)| id.to_string()).collect(),
        events: commit.events.iter().map(encode).collect::<Result<_, _>>()?,
        costs: commit.events.iter().filter_map(Event::account).map(|account| account.cost.0).collect(),
        job: job.transpose()?,
        dirty: commit.dirty.iter().map(|surface| surface.name()).collect(),
    })
}

/// Refuses a commit that writes what the floor does not write.
fn plain(commit: &Commit) -> Result<()> {
    let task = &commit.task;
    let applied = commit.consumed.iter().all(|(_, disposition)| *disposition == Disposition::Applied);
    let moves = task.pause.is_some() || task.hold.is_some() || task.stopping.is_some();
    let unwell = commit.providers.values().any(|change| change.health.is_some());
    let beside = commit.repo.is_some() || commit.end_job.is_some() || !commit.ledger.is_empty() || unwell;
    let wakes = commit.wake_repo || commit.wake_dependents || commit.wake_all;
    ensure!(
        applied && !moves && !beside && !wakes,
        "the workload writes something that the floor has no statement for: {commit:#?}"
    );
    Ok(())
}
