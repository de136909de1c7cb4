//! Gate `deploy-verdict`: the deploy hook's outcome (spec 3.8, 3.9). Asking the person and the hook's own
//! effect are decided in `decide/deploying.rs`.

use super::Judged;
use crate::evolve::confirmed;
use crate::hold::HoldCode;
use crate::job::DeployAnswer;
use crate::policy::Deploy;
use crate::reason::{Ask, Wait};
use crate::time::Timestamp;
use crate::view::View;

pub(super) fn judge(view: &View, _now: Timestamp) -> Judged {
    let task = &view.task;
    let auto = match &view.policy.deploy {
        Deploy::None => {
            return Judged::not_applicable("the project is not deployed (deploy.kind = \"none\")");
        }
        Deploy::Hook { has_runner: false, .. } => return Judged::not_applicable("no runner in this version"),
        Deploy::Hook { auto_confirm, .. } => *auto_confirm,
    };
    if task.deploy.deployed.is_some()
        && task.deploy.deployed == task.landing.proof.as_ref().map(|p| p.head.clone())
    {
        return Judged::pass("deployed");
    }
    if let Some(reason) = &task.declined {
        return Judged::hold(HoldCode::DeployDeclined, format!("declined: {reason}"));
    }
    match &task.evidence.deploy {
        Some(DeployAnswer::Deployed { .. }) => Judged::pass("the hook deployed it"),
        Some(DeployAnswer::FailedTakenBack { output }) => {
            Judged::hold(HoldCode::DeployFailed, output.clone())
        }
        Some(DeployAnswer::FailedBroken { output }) => {
            Judged::hold(HoldCode::EnvironmentBroken, output.clone())
        }
        Some(DeployAnswer::Unknown { why }) => Judged::hold(HoldCode::DeployUnknown, why.clone()),
        Some(DeployAnswer::NotStarted { why }) => Judged::defer(why.clone()),
        None if auto || confirmed(task) => Judged::NeedsRun,
        None => Judged::wait(Wait::Person { ask: Ask::ConfirmDeploy, until: None }),
    }
}
