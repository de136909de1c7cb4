//! What a task or a repository needs a person for, if anything: a function of its row alone.

use super::board;
use crate::hold::HoldCode;
use crate::port::alert::{Alert, AlertKind};
use crate::reason::{Ask, Reason, Wait};
use crate::repo::Repo;
use crate::task::Task;

/// What a task needs a person for.
pub fn of_task(task: &Task) -> Option<Alert> {
    let (kind, code) = needed(task)?;
    let key = &task.key;
    let commands: Vec<String> = match (kind, code) {
        (AlertKind::Approval, _) => {
            vec![
                format!("orchctl task diff {key}"),
                format!("orchctl approve {key}"),
                format!("orchctl reject {key} --reason TEXT"),
            ]
        }
        (AlertKind::ConfirmDeploy, _) => {
            vec![format!("orchctl confirm-deploy {key}"), format!("orchctl reject {key} --reason TEXT")]
        }
        (AlertKind::Question, _) => vec![format!("orchctl resume {key} --answer TEXT")],
        (AlertKind::Hold | AlertKind::Frozen, Some(code)) => {
            let amended = matches!(code, HoldCode::Entry | HoldCode::Ambiguous);
            let amend = amended.then(|| format!("orchctl task amend {key} -d TEXT"));
            let ends = code.row().ends.iter().map(|kind| format!("orchctl {} {key}", kind.name()));
            amend.into_iter().chain(ends).collect()
        }
        (AlertKind::Hold | AlertKind::Frozen, None) => Vec::new(),
    };
    let status = board::status(task);
    Some(Alert {
        kind,
        project: task.project.clone(),
        repo: task.repo.clone(),
        task: Some(key.clone()),
        title: Some(task.request.title.clone()),
        code: code.map(|code| code.row().name),
        sentence: status.line,
        questions: task.pause.as_ref().map(|pause| pause.questions.clone()).unwrap_or_default(),
        commands,
        since: task.reason_since,
    })
}

fn needed(task: &Task) -> Option<(AlertKind, Option<HoldCode>)> {
    if task.stage.is_terminal() || task.stopping.is_some() {
        return None;
    }
    if let Some(held) = &task.hold {
        return Some((AlertKind::Hold, Some(held.code)));
    }
    if task.pause.as_ref().is_some_and(|pause| !pause.questions.is_empty()) {
        return Some((AlertKind::Question, None));
    }
    match &task.reason {
        Some(Reason::Wait(Wait::Person { ask, .. })) => match ask {
            Ask::Approve => Some((AlertKind::Approval, None)),
            Ask::ConfirmDeploy => Some((AlertKind::ConfirmDeploy, None)),
        },
        _other => None,
    }
}

/// What a repository needs a person for.
pub fn of_repo(repo: &Repo) -> Option<Alert> {
    let freeze = repo.frozen.as_ref()?;
    Some(Alert {
        kind: AlertKind::Frozen,
        project: repo.project.clone(),
        repo: repo.id.clone(),
        task: None,
        title: None,
        code: None,
        sentence: format!("{} is frozen by {}: {}", repo.id, freeze.by, freeze.why),
        questions: Vec::new(),
        // One that ends by itself is mended, not unfrozen.
        commands: if freeze.diverged {
            Vec::new()
        } else {
            vec![format!("orchctl repo unfreeze {}", repo.id)]
        },
        since: freeze.at,
    })
}
