//! The scripted world: a model of git, the landing's door, the environment and the roles, which answers a
//! job as the real executors would when all goes well, or with one of the misfortunes a test asks for.

use std::collections::{BTreeMap, BTreeSet};

use orchd_core::account::{Account, AgentSession};
use orchd_core::docs::{Adr, Brd, DocFacts};
use orchd_core::effect::{LandingAnswer, ProbeAnswer, Proof};
use orchd_core::id::{Digest, Key, RunId, Sha, TaskId};
use orchd_core::job::{
    AgentOutcome, AgentRun, BranchState, DeployAnswer, JobResult, MainReport, ProbeOf, ReadyOutcome,
    ReadyRun, SuiteOutcome, SuiteRun, Work,
};
use orchd_core::policy::Money;
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;
use orchd_core::verdict::{Finding, Priority, Question, Submission, Verdict};
use uuid::Uuid;

use super::build::{sha, tree};

/// What every run uses.
pub(crate) fn account() -> Account {
    Account {
        cost: Money(120_000),
        tokens: (1000, 200),
        session: Some(AgentSession { profile: "script".to_owned(), id: "s-1".to_owned() }),
        ..Account::default()
    }
}

/// What goes wrong with one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    /// Nothing.
    Good,
    /// The check runs and says no; a deploy hook exits 1; a rebase conflicts.
    Red,
    /// The rebase changes the patch; a deploy hook exits 2.
    Changed,
    /// Infrastructure, before anything was done.
    Infra,
    /// The work was done, and its answer was lost.
    LostAfter,
    /// The lease ran out before anything was done; the act may still come later.
    LostBefore,
    /// The job answers that the infrastructure failed it, in its own form.
    OwnInfra,
    /// A transient error of the provider.
    Transient,
    /// The quota is used up.
    Quota,
    /// The role's run fails.
    Failed,
    /// The role asks.
    Asks,
}

/// What everybody shares outside orchd.
pub(crate) struct World {
    /// Main's history, oldest first.
    pub(crate) main: Vec<Sha>,
    /// Trees that are red on main, with the failing tests.
    pub(crate) red_trees: BTreeMap<Sha, Vec<String>>,
    /// The door of each landing: the head that went through, or `None` where it was closed.
    pub(crate) doors: BTreeMap<(TaskId, u32), Option<Sha>>,
    /// Heads that went into main, with whose they are.
    pub(crate) landed: Vec<(TaskId, u32, Sha)>,
    /// What production runs.
    pub(crate) running: Option<Sha>,
    /// Hooks that were run, by their idempotency key.
    pub(crate) hooks: Vec<String>,
    /// Keys the environment has seen: a repeat is a no-op there.
    hook_keys: BTreeSet<String>,
    /// Pushes of workers that were declared lost and may still come.
    pub(crate) zombies: Vec<(TaskId, u32, Sha, Sha)>,
    /// The failing tests of a red suite.
    pub(crate) failing: Vec<String>,
    /// Main and the user's repository have diverged.
    pub(crate) diverged: bool,
    counter: u64,
}

/// The job to be answered.
pub(crate) struct Asked<'a> {
    pub(crate) work: &'a Work,
    pub(crate) task: Option<&'a Task>,
    pub(crate) effect_key: Option<String>,
    pub(crate) has_suite: bool,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            main: vec![sha("main 0")],
            red_trees: BTreeMap::new(),
            doors: BTreeMap::new(),
            landed: Vec::new(),
            running: None,
            hooks: Vec::new(),
            hook_keys: BTreeSet::new(),
            zombies: Vec::new(),
            failing: vec!["tests::a".to_owned()],
            diverged: false,
            counter: 0,
        }
    }

    pub(crate) fn head(&self) -> Sha {
        self.main.last().expect("main has a first commit").clone()
    }

    fn fresh(&mut self, word: &str) -> Sha {
        self.counter += 1;
        sha(&format!("{word} {}", self.counter))
    }

    /// Somebody else's commit lands on main.
    pub(crate) fn main_moves(&mut self) {
        let commit = self.fresh("somebody's commit");
        self.main.push(commit);
    }

    /// Main is red from now on, until it moves.
    pub(crate) fn main_is_red(&mut self, failing: &[&str]) {
        let names = failing.iter().map(|name| (*name).to_owned()).collect();
        self.red_trees.insert(tree(&self.head()), names);
    }

    /// A lost worker's push arrives after all.
    pub(crate) fn zombie_acts(&mut self, n: usize) {
        if self.zombies.is_empty() {
            return;
        }
        let (task, landing, base, head) = self.zombies.remove(n % self.zombies.len());
        // Nobody hears a lost worker's answer.
        let _ = self.push(task, landing, &base, &head);
    }

    pub(crate) fn answer(&mut self, asked: &Asked, luck: Luck) -> JobResult {
        // A role's run may have got somewhere before it was broken off.
        let used = || asked.work.role().map(|_| Box::new(account()));
        let infra = || JobResult::Infra { reason: "the disk is full".to_owned(), account: used() };
        let lost = || JobResult::Lost { reason: "the lease expired".to_owned(), account: used() };
        match luck {
            Luck::Infra => infra(),
            Luck::LostBefore => {
                if let (Work::Push { landing, base, head, .. }, Some(task)) = (asked.work, asked.task) {
                    self.zombies.push((task.id, *landing, base.clone(), head.clone()));
                }
                lost()
            }
            Luck::LostAfter => {
                // Its answer is what gets lost.
                let _ = self.do_it(asked, Luck::Good);
                lost()
            }
            Luck::Good
            | Luck::Red
            | Luck::Changed
            | Luck::OwnInfra
            | Luck::Transient
            | Luck::Quota
            | Luck::Failed
            | Luck::Asks => self.do_it(asked, luck),
        }
    }

    fn do_it(&mut self, asked: &Asked, luck: Luck) -> JobResult {
        match asked.work {
            Work::Agent { role, entry, start, base, .. } => {
                self.agent(asked, *role, *entry, (start, base), luck)
            }
            Work::Ci { head } | Work::Test { head } => {
                let base =
                    asked.task.and_then(|t| t.branch_state.as_ref()).map_or(self.head(), |b| b.base.clone());
                let outcome = self.suite(luck, &base);
                JobResult::Suite(SuiteRun { head: head.clone(), base_tree: tree(&base), base, outcome })
            }
            Work::RebaseAndRetest { head, patch, tested } => {
                JobResult::Ready(Box::new(self.rebase(asked, head, patch, *tested, luck)))
            }
            Work::Push { landing, base, head, .. } => {
                let task = asked.task.expect("a push is a task's job").id;
                JobResult::Landing(match luck {
                    Luck::Red => LandingAnswer::Refused { why: "protected".to_owned() },
                    Luck::OwnInfra => LandingAnswer::NotSent { why: "no connection".to_owned() },
                    Luck::Changed => LandingAnswer::Unknown { why: "the connection dropped".to_owned() },
                    Luck::Good
                    | Luck::Infra
                    | Luck::LostAfter
                    | Luck::LostBefore
                    | Luck::Transient
                    | Luck::Quota
                    | Luck::Failed
                    | Luck::Asks => self.push(task, *landing, base, head),
                })
            }
            Work::Deploy { sha, .. } => JobResult::Deploy(self.deploy(asked, sha, luck)),
            Work::Probe { of, close, .. } => JobResult::Probe(self.probe(asked, of, *close, luck)),
            Work::MainSuite { at, known } => JobResult::Main(self.look(asked, at.as_ref(), known, luck)),
            Work::CleanUp { .. } => JobResult::Cleaned { salvaged: vec!["refs/orchd/salvage/1".to_owned()] },
        }
    }

    /// Main's own word on a base: green, unless it is red there.
    fn suite(&self, luck: Luck, base: &Sha) -> SuiteOutcome {
        let red = |failing: &[String]| SuiteOutcome::Red {
            failing: failing.to_vec(),
            output: format!("failed: {}", failing.join(" ")),
        };
        if luck == Luck::OwnInfra {
            return SuiteOutcome::Infra { reason: "timed out after 900 s".to_owned() };
        }
        if let Some(failing) = self.red_trees.get(&tree(base)) {
            return red(failing);
        }
        match luck {
            Luck::Red => red(&self.failing),
            Luck::Good
            | Luck::Changed
            | Luck::Infra
            | Luck::LostAfter
            | Luck::LostBefore
            | Luck::OwnInfra
            | Luck::Transient
            | Luck::Quota
            | Luck::Failed
            | Luck::Asks => SuiteOutcome::Green { tests: Some(23), warning: None },
        }
    }

    fn agent(
        &mut self,
        asked: &Asked,
        role: Role,
        entry: u32,
        (start, base): (&Sha, &Sha),
        luck: Luck,
    ) -> JobResult {
        let key = asked.task.map_or_else(|| Key::new("DEMO-0"), |task| task.key.clone());
        let completed = |submission| AgentOutcome::Completed { submission: Box::new(submission) };
        let outcome = match luck {
            Luck::Transient => AgentOutcome::Transient { why: "529 overloaded".to_owned(), retry_at: None },
            Luck::Quota => AgentOutcome::Quota { resets_at: asked.now + orchd_core::time::Span::mins(30) },
            Luck::Failed => AgentOutcome::Failed { why: "exit 3".to_owned() },
            Luck::OwnInfra => AgentOutcome::Infra { why: "the program is missing".to_owned() },
            Luck::Asks => completed(Submission {
                questions: vec![Question { text: "Which colour?".to_owned(), blocking: true }],
                ..Submission::default()
            }),
            Luck::Good | Luck::Red | Luck::Changed | Luck::Infra | Luck::LostAfter | Luck::LostBefore => {
                completed(self.submission(role, luck == Luck::Red))
            }
        };
        let worked = matches!(&outcome, AgentOutcome::Completed { .. }) && luck != Luck::Asks;
        let branch = self.branch_after(asked, role, (start, base), worked);
        JobResult::Agent(Box::new(AgentRun {
            run: RunId(Uuid::from_u128(u128::from(self.counter) | 0x90 << 64)),
            role,
            entry,
            outcome,
            branch: Some(branch),
            dropped: Vec::new(),
            ignored_fields: Vec::new(),
            docs: docs(&key),
            account: account(),
            took_ms: 60_000,
            salvage: None,
        }))
    }

    fn submission(&mut self, role: Role, red: bool) -> Submission {
        self.counter += 1;
        let mut submission = Submission { summary: Some("as asked".to_owned()), ..Submission::default() };
        match role {
            Role::Analyst => submission.artifacts = vec!["01-brd.md".to_owned()],
            Role::Architect => {
                submission.artifacts = vec!["06-adr/ADR-001-x.md".to_owned(), "10-tech-risks.md".to_owned()];
                if red {
                    submission.conflicts = vec![format!("conflict {}", self.counter)];
                }
            }
            Role::Developer => {}
            Role::Reviewer | Role::Tester => {
                submission.verdict = Some(if red { Verdict::Negative } else { Verdict::Positive });
                if red {
                    let text = format!("finding {}", self.counter);
                    submission.findings =
                        vec![Finding { priority: Priority::P1, file: None, line: None, text }];
                }
            }
        }
        submission
    }

    fn branch_after(
        &mut self,
        asked: &Asked,
        role: Role,
        (start, base): (&Sha, &Sha),
        worked: bool,
    ) -> BranchState {
        let before = asked.task.and_then(|task| task.branch_state.clone()).unwrap_or_else(|| BranchState {
            base: base.clone(),
            head: start.clone(),
            patch: Digest::of(b"nothing"),
            docs: Digest::of(b"no documents"),
            ahead: false,
        });
        if !worked || role.is_judge() {
            return before;
        }
        let head = self.fresh("commit");
        match role {
            Role::Analyst | Role::Architect => {
                BranchState { docs: Digest::of(format!("docs {head}").as_bytes()), head, ..before }
            }
            Role::Developer | Role::Reviewer | Role::Tester => BranchState {
                patch: Digest::of(format!("patch {head}").as_bytes()),
                head,
                ahead: true,
                ..before
            },
        }
    }

    fn rebase(&mut self, asked: &Asked, head: &Sha, patch: &Digest, tested: bool, luck: Luck) -> ReadyRun {
        let before = asked.task.and_then(|task| task.branch_state.clone()).expect("the branch is there");
        let main = self.head();
        let outcome = match luck {
            Luck::OwnInfra => ReadyOutcome::Infra { reason: "the mirror is locked".to_owned() },
            Luck::Red if before.base != main => ReadyOutcome::Conflict {
                files: vec!["src/lib.rs".to_owned()],
                hunks: format!("<<<<<<< {}", self.fresh("hunk")),
            },
            Luck::Good
            | Luck::Red
            | Luck::Changed
            | Luck::Infra
            | Luck::LostAfter
            | Luck::LostBefore
            | Luck::Transient
            | Luck::Quota
            | Luck::Failed
            | Luck::Asks => {
                let rebased = before.base != main;
                let new_head = if rebased { self.fresh("rebased") } else { head.clone() };
                let changed = luck == Luck::Changed && rebased;
                let patch =
                    if changed { Digest::of(format!("patch {new_head}").as_bytes()) } else { patch.clone() };
                let asked_suite = asked.has_suite && (rebased || !tested);
                let suite = asked_suite.then(|| self.suite(luck, &main));
                let branch = BranchState { base: main.clone(), head: new_head, patch, ..before };
                ReadyOutcome::Ready { branch, rebased, suite }
            }
        };
        ReadyRun {
            from: head.clone(),
            patch_before: asked
                .task
                .and_then(|task| task.branch_state.as_ref())
                .map_or_else(|| patch.clone(), |branch| branch.patch.clone()),
            main_tree: tree(&main),
            main,
            outcome,
        }
    }

    /// One atomic push: main from base to head, together with the must-not-exist ref of this landing.
    fn push(&mut self, task: TaskId, landing: u32, base: &Sha, head: &Sha) -> LandingAnswer {
        match self.doors.get(&(task, landing)) {
            Some(Some(through)) if self.main.contains(through) => {
                return LandingAnswer::Landed { proof: self.proof(through.clone()) };
            }
            Some(_) => return LandingAnswer::Refused { why: "the door is closed".to_owned() },
            None => {}
        }
        if self.head() != *base {
            return LandingAnswer::StaleBase { main: self.head() };
        }
        self.doors.insert((task, landing), Some(head.clone()));
        self.main.push(head.clone());
        self.landed.push((task, landing, head.clone()));
        LandingAnswer::Landed { proof: self.proof(head.clone()) }
    }

    pub(crate) fn proof(&self, head: Sha) -> Proof {
        let main = self.head();
        Proof { head, main_tree: tree(&main), main, missing_markers: Vec::new(), marker_warning: None }
    }

    fn deploy(&mut self, asked: &Asked, commit: &Sha, luck: Luck) -> DeployAnswer {
        let key = asked.effect_key.clone().expect("a deployment has a ledger entry");
        if !self.hook_keys.insert(key.clone()) {
            // The naive marker: this key was initiated before, so nothing is done.
            return DeployAnswer::Unknown { why: "already initiated".to_owned() };
        }
        self.hooks.push(key);
        let output = "the hook said no".to_owned();
        match luck {
            Luck::Red => DeployAnswer::FailedTakenBack { output },
            Luck::Changed => DeployAnswer::FailedBroken { output },
            Luck::OwnInfra => DeployAnswer::Unknown { why: "killed by signal 9".to_owned() },
            Luck::Good
            | Luck::Infra
            | Luck::LostAfter
            | Luck::LostBefore
            | Luck::Transient
            | Luck::Quota
            | Luck::Failed
            | Luck::Asks => {
                self.running = Some(commit.clone());
                DeployAnswer::Deployed { revision: None }
            }
        }
    }

    fn probe(&mut self, asked: &Asked, of: &ProbeOf, close: bool, luck: Luck) -> ProbeAnswer {
        if luck == Luck::OwnInfra {
            return ProbeAnswer::Infra { why: "the remote does not answer".to_owned() };
        }
        let task = asked.task.expect("a probe is a task's job").id;
        match of {
            ProbeOf::Landing { landing, head } => {
                if self.main.contains(head) {
                    return ProbeAnswer::Landed { proof: self.proof(head.clone()) };
                }
                let closed = self.doors.contains_key(&(task, *landing));
                if !close && !closed {
                    return ProbeAnswer::Absent { main: self.head() };
                }
                self.doors.entry((task, *landing)).or_insert(None);
                ProbeAnswer::Closed { main: self.head() }
            }
            ProbeOf::Deploy { sha, .. } if self.running.as_ref() == Some(sha) => ProbeAnswer::Deployed,
            ProbeOf::Deploy { .. } if luck == Luck::Changed => ProbeAnswer::NoRevision,
            ProbeOf::Deploy { .. } => ProbeAnswer::NotDeployed,
        }
    }

    fn look(&self, asked: &Asked, at: Option<&Sha>, known: &[Sha], luck: Luck) -> MainReport {
        let main = self.head();
        let mut suites = Vec::new();
        for commit in [Some(&main), at].into_iter().flatten().filter(|_| asked.has_suite) {
            let own = tree(commit);
            if !known.contains(&own) && !suites.iter().any(|(seen, _)| *seen == own) {
                let luck = if luck == Luck::OwnInfra { luck } else { Luck::Good };
                suites.push((own, self.suite(luck, commit)));
            }
        }
        let diverged = self.diverged.then(|| "the user's main has diverged; run `orchctl pull`".to_owned());
        MainReport { tree: tree(&main), sha: main, at: asked.now, diverged, suites }
    }
}

/// A complete package of documents.
pub(crate) fn docs(key: &Key) -> DocFacts {
    DocFacts {
        brd: Some(Brd { goal: true, scope: true, acceptance: true }),
        adrs: vec![Adr {
            path: format!("docs/work-items/{key}/06-adr/ADR-001-x.md"),
            number: Some(1),
            has_status: true,
        }],
        risks: true,
        questions: Vec::new(),
        changed: Vec::new(),
        taken_numbers: Vec::new(),
        taken_by: Vec::new(),
    }
}
