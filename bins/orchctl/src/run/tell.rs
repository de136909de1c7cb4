//! How it ended, what a person may do about it, and where what landed is.

use std::path::PathBuf;

use orchd_daemon::{Config, ConfiguredProject, Document};
use orchd_http::dto::Task;

use super::rest::has_ended;
use crate::exit::{Exit, FAILED, WAITS};
use crate::own_git::{ask, quoted};
use crate::pull::LANDED;
use crate::render::Out;
use crate::view;

/// What the watch ended with.
pub(super) struct Ended {
    pub(super) tasks: Vec<Task>,
    /// What the host is short of.
    pub(super) short: Option<String>,
}

pub(super) fn conclude(out: &Out, ended: &Ended, document: Option<&Document>) -> Result<(), Exit> {
    let tasks = &ended.tasks;
    if out.json {
        out.data(tasks)?;
    } else {
        for task in tasks {
            out.line("");
            tell(out, task, ended.short.as_deref(), document);
        }
    }
    if !tasks.iter().all(has_ended) {
        return Err(Exit::Code(WAITS));
    }
    if tasks.iter().all(|task| task.stage == "done") { Ok(()) } else { Err(Exit::Code(FAILED)) }
}

fn tell(out: &Out, task: &Task, short: Option<&str>, document: Option<&Document>) {
    let key = &task.key;
    let spent = format!("{} runs, ${:.2}", task.runs, task.cost_usd);
    if task.stage == "done" {
        let landed = task.landed.last().map(String::as_str).unwrap_or_default();
        let sha = view::short(landed);
        let config = document.map(Document::config);
        let project = config.and_then(|config| {
            config.projects.iter().find(|project| project.policy.project.as_str() == task.project)
        });
        let remote = project.and_then(|project| project.remote.as_ref());
        let main = remote.map_or("orchd's main".to_owned(), |remote| format!("main of {}", remote.url));
        out.line(&format!("{key} is done: {sha} is proven to be in {main} ({spent})."));
        let missing = config.zip(project).and_then(|(config, project)| not_shown(config, project, landed));
        match (missing, remote) {
            (Some(todo), _) => out.line(&todo),
            (None, Some(_)) => out.line("`orchctl pull` brings it into your branch."),
            (None, None) => {
                out.line("`orchctl pull` brings it into your branch; `git log orchd/main` shows it.");
            }
        }
        return;
    }
    if task.stage == "cancelled" {
        out.line(&format!("{key} was cancelled ({spent})."));
        return;
    }
    match (&task.hold, short) {
        (Some(hold), _) => {
            out.line(&format!("{key} is on Hold ({}): {}", hold.code, view::cut(&hold.detail, 2_000)))
        }
        (None, Some(short)) if task.waiting.as_deref() == Some("working") => {
            out.line(&format!("{key} waits for room: {short}"));
        }
        (None, _) => out.line(&format!("{key} waits for you: {}", view::cut(&task.sentence, 2_000))),
    }
    for question in &task.questions {
        out.line(&format!("  it asks: {}", view::cut(question, 2_000)));
    }
    if !task.questions.is_empty() {
        out.line(&format!("  answer with: orchctl resume {key} --answer \"...\""));
    }
    let typed = |command: &String| match command.as_str() {
        "amend" => format!("orchctl task amend {key} -d TEXT"),
        "prioritise" => format!("orchctl prioritise {key} N"),
        "reject" => format!("orchctl reject {key} --reason TEXT"),
        command => format!("orchctl {command} {key}"),
    };
    let mut ways: Vec<String> = task.commands.iter().map(typed).collect();
    if task.waiting.as_deref() == Some("frozen") {
        ways.insert(0, format!("orchctl repo unfreeze {}", task.repo));
    }
    out.line(&format!("You may: {}", ways.join(", ")));
    out.line(&format!("See also: orchctl why {key}, orchctl task log {key}. Then `orchctl run` goes on."));
}

/// The way to a commit that landed, where orchd could not show it in the person's repository.
fn not_shown(config: &Config, project: &ConfiguredProject, landed: &str) -> Option<String> {
    let repo = project.repo.as_ref().filter(|_| project.remote.is_none())?;
    if let Ok(Some(_)) = ask(repo, &["merge-base", "--is-ancestor", landed, LANDED]) {
        return None;
    }
    let forge: PathBuf = config.data.join("forges").join(format!("{}.git", project.policy.repo));
    Some(format!(
        "orchd/main could not be written into {}; make that possible, then take it with: git -C {} fetch {} main:{LANDED}",
        repo.display(),
        quoted(repo),
        quoted(&forge)
    ))
}
