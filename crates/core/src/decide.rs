//! The only judge: what happens next to a task, from its view and the time alone. Level-triggered: it does not
//! know who woke it. Each concern is a file of `decide/`; what a decision writes is `enact.rs`.

mod effect;
mod entering;
mod landing;
mod run;
mod stage;
mod stop;

pub(crate) use run::role;
pub(crate) use stage::head_gates;

use crate::effect::Intent;
use crate::event::{How, Spends};
use crate::gate::{GateName, GateResult};
use crate::hold::{Held, HoldCode};
use crate::id::{JobId, Sha};
use crate::job::JobSpec;
use crate::mutant::{self, Mutant};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::task::Assignment;
use crate::time::Timestamp;
use crate::view::{DepState, View};

/// What happens next.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing, and why.
    Stay(Reason),
    /// A job starts; with an intent, it may take an irreversible step.
    Run(Box<Order>),
    /// The running job is told to end.
    EndJob {
        /// The job.
        job: JobId,
        /// Why.
        why: String,
    },
    /// All gates stand.
    Advance {
        /// To where.
        to: Stage,
        /// The commit of main a new branch is cut from.
        cut_from: Option<Sha>,
    },
    /// Work goes back.
    Rollback {
        /// To where.
        to: Stage,
        /// Why, and what it spends.
        how: How,
        /// What the stage must do.
        assignment: Option<Assignment>,
    },
    /// A role asks people.
    Pause {
        /// The questions.
        questions: Vec<String>,
    },
    /// A person must decide or repair.
    Hold {
        /// The code.
        code: HoldCode,
        /// What happened.
        detail: String,
        /// The gate whose budget ran out.
        gate: Option<GateName>,
    },
    /// STOP has come to its end.
    Cancel,
    /// The task is done.
    Finish,
}

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What to do.
    pub spec: JobSpec,
    /// The irreversible step it may take; stored in the same commit. A resend names the open effect in its work.
    pub intent: Option<Intent>,
    /// What it spends.
    pub spends: Option<Spends>,
}

/// A decision with what was judged on the way and what the repository must do for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Results of gates that were judged for this decision, in order.
    pub judged: Vec<GateResult>,
    /// What happens.
    pub decision: Decision,
    /// A look at main this task needs: main itself, or also a commit it was red against.
    pub look: Option<Look>,
    /// The repository freezes.
    pub freeze: Option<FreezeOrder>,
}

/// A freeze that a decision brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeOrder {
    /// Why.
    pub why: String,
    /// This task is the cause, and must be able to end it.
    pub by_task: bool,
}

/// A look at main that a task needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Also judge the tree of this commit.
    pub at: Option<Sha>,
    /// The task waits for a look that is asked for from now on.
    pub ask_anew: bool,
}

impl Decided {
    fn new(decision: Decision) -> Self {
        Self { judged: Vec::new(), decision, look: None, freeze: None }
    }

    fn stay(reason: Reason) -> Self {
        Self::new(Decision::Stay(reason))
    }

    fn hold(code: HoldCode, detail: impl Into<String>) -> Self {
        Self::hold_gate(code, detail, None)
    }

    fn hold_gate(code: HoldCode, detail: impl Into<String>, gate: Option<GateName>) -> Self {
        Self::new(Decision::Hold { code, detail: detail.into(), gate })
    }

    fn run(spec: JobSpec) -> Self {
        Self::new(Decision::Run(Box::new(Order { spec, intent: None, spends: None })))
    }
}

/// Decides. Deterministic and total: the same view and time give the same decision, and every reachable view
/// has one (I-15).
pub fn decide(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    if task.stage.is_terminal() {
        return Decided::stay(Reason::Ended);
    }
    let binds = |held: &&Held| task.stopping.is_none() && !over(view, held) && !mutant::on(Mutant::Inc23);
    let held = task.hold.as_ref().filter(binds);
    if let Some(held) = held {
        return Decided::stay(Reason::Held { code: held.code });
    }
    if task.stopping.is_some() && mutant::on(Mutant::NaiveCancel) {
        return stop::decide(view, now);
    }
    if let Some(decided) = effect::open_question(view, now) {
        return decided;
    }
    if task.stopping.is_some() {
        return stop::decide(view, now);
    }
    if let Some(decided) = working(view) {
        return decided;
    }
    if let Some(pause) = task.pause.as_ref().filter(|_| !mutant::on(Mutant::PauseIgnored)) {
        return Decided::stay(Reason::Paused { by: pause.by.to_string(), why: pause_text(pause) });
    }
    let wanted =
        if task.stage == Stage::Created { entering::decide(view, now) } else { stage::decide(view, now) };
    entering::let_in_first(view, wanted, now)
}

/// Whether a Hold's cause is gone by itself: a dependency that ended was removed, or started a next life.
fn over(view: &View, held: &Held) -> bool {
    held.code == HoldCode::DependencyEnded && view.deps.iter().all(|dep| dep.state != DepState::Ended)
}

fn pause_text(pause: &crate::task::Pause) -> String {
    if pause.questions.is_empty() { pause.why.clone() } else { pause.questions.join(" / ") }
}

/// While a job of the task is queued or runs, nothing else happens, but that it may be told to end.
fn working(view: &View) -> Option<Decided> {
    let job = view.task.job.as_ref().or(view.task.side_job.as_ref())?;
    let end = view.task.pause.as_ref().is_some_and(|p| p.now) && job.ending.is_none();
    if end && view.task.effect.is_none() {
        return Some(Decided::new(Decision::EndJob { job: job.id, why: "paused".to_owned() }));
    }
    Some(Decided::stay(Reason::Working { job: job.id, kind: job.kind, ending: job.ending.is_some() }))
}
