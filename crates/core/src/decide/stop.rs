//! STOP: the running job is told to end, the remains are salvaged and removed by one job, then `cancelled`
//! (spec 1.7). An irreversible step that is under way was resolved before this is asked.

use super::{Decided, Decision};
use crate::budget;
use crate::job::{JobSpec, Work};
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
    let not_before =
        task.evidence.infra.as_ref().map(|_| now + budget::backoff(&view.policy.budgets, task.id, 3));
    Decided::run(JobSpec { work: Work::CleanUp { branch: task.branch.clone() }, not_before })
}

/// What is merged or deployed stays; where that left main or production broken, the repository freezes.
fn cancel(view: &View) -> Decided {
    let broken = view.task.hold.as_ref().filter(|held| held.code.row().freezes);
    let mending = view.task.fix_forward.is_some() && !view.task.landed();
    let mut decided = Decided::new(Decision::Cancel);
    if broken.is_some() || mending {
        decided.freeze = Some(format!("{} was stopped while main or production is broken", view.task.key));
    }
    decided
}
