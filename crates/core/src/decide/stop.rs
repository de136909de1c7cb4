//! STOP: the running job is told to end, the remains are salvaged and removed by one job, then `cancelled`
//! (spec 1.7). An irreversible step that is under way was resolved before this is asked.

use super::{Decided, Decision, FreezeOrder};
use crate::budget;
use crate::hold::{Held, HoldCode};
use crate::job::{DeployAnswer, JobSpec, Work};
use crate::mutant::{self, Mutant};
use crate::reason::{Ask, Reason, Wait};
use crate::time::Timestamp;
use crate::view::View;

pub(super) fn decide(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    if let Some(job) = &task.job {
        return match job.ending {
            Some(_) => Decided::stay(Reason::Working { job: job.id, kind: job.kind, ending: true }),
            None => Decided::new(Decision::EndJob { job: job.id, why: "stopped".to_owned() }),
        };
    }
    if let Some(job) = &task.side_job {
        return Decided::stay(Reason::Working { job: job.id, kind: job.kind, ending: false });
    }
    let waits_for_person =
        matches!(task.reason, Some(Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, .. })));
    if waits_for_person && mutant::on(Mutant::Inc26) {
        return Decided::stay(Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, until: None }));
    }
    let nothing_left = task.cut_from.is_none() && task.branch_state.is_none();
    if task.cleaned || nothing_left {
        return cancel(view);
    }
    let failures = task.clean_up_failures;
    if failures > view.policy.budgets.infra {
        // What can not be reached is owed, and said; it keeps neither the task nor the repository waiting.
        return cancel(view);
    }
    let not_before = (failures > 0).then(|| now + budget::backoff(&view.policy.budgets, task.id, failures));
    Decided::run(JobSpec { work: Work::CleanUp { branch: task.branch.clone() }, not_before })
}

/// What is merged or deployed stays; where that left main or production broken, the repository freezes.
fn cancel(view: &View) -> Decided {
    let ours = |held: &&Held| held.code.row().freezes && held.code != HoldCode::MainRed;
    let broken = view.task.hold.as_ref().filter(ours);
    let mending = view.task.fix_forward.is_some() && !view.task.landed();
    let deployed_broken = matches!(view.task.evidence.deploy, Some(DeployAnswer::FailedBroken { .. }));
    let regressed = view.task.landing.proof.as_ref().is_some_and(|proof| !proof.missing_markers.is_empty());
    let mut decided = Decided::new(Decision::Cancel);
    if broken.is_some() || mending || deployed_broken || regressed {
        let why = format!("{} was stopped while main or production is broken", view.task.key);
        decided.freeze = Some(FreezeOrder { why, by_task: false });
    }
    decided
}
