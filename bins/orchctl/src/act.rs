//! Commands of people to a task: approve, reject, stop and the rest. Each is one call; the server judges.

use orchd_http::client::Client;
use orchd_http::dto;

use crate::cli::{Command, Judge};
use crate::exit::Exit;
use crate::render::Out;

/// The task's key and the command's wire form, for the commands that are one.
pub(crate) fn command(command: &Command) -> Option<(String, dto::Command)> {
    let of = |name: &str, judge: &Judge| dto::Command {
        command: name.to_owned(),
        at: judge.at.clone(),
        visit: judge.visit,
        by: person(),
        ..dto::Command::default()
    };
    let (judge, command) = match command {
        Command::Approve(judge) => (judge, of("approve", judge)),
        Command::ConfirmDeploy(judge) => (judge, of("confirm-deploy", judge)),
        Command::Stop(judge) => (judge, of("stop", judge)),
        Command::Escalate(judge) => (judge, of("escalate", judge)),
        Command::Reject { judge, reason } => {
            (judge, dto::Command { reason: Some(reason.clone()), ..of("reject", judge) })
        }
        Command::Pause { judge, reason, now } => {
            (judge, dto::Command { reason: reason.clone(), now: *now, ..of("pause", judge) })
        }
        Command::Resume { judge, answer } => {
            (judge, dto::Command { answers: answer.clone(), ..of("resume", judge) })
        }
        Command::Retry { judge, repair, answer } => {
            (judge, dto::Command { repair: *repair, answers: answer.clone(), ..of("retry", judge) })
        }
        Command::Prioritise { judge, priority } => {
            (judge, dto::Command { priority: Some(*priority), ..of("prioritise", judge) })
        }
        Command::Demo(_)
        | Command::Task(_)
        | Command::Why { .. }
        | Command::Doctor
        | Command::Config(_)
        | Command::Init(_)
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Run(_)
        | Command::Pull { .. }
        | Command::Attach { .. }
        | Command::Say { .. }
        | Command::Queue
        | Command::Deps(_)
        | Command::Repo(_)
        | Command::Provider(_)
        | Command::Drain
        | Command::Undrain
        | Command::Submit(_)
        | Command::Engine(_)
        | Command::DemoAgent { .. } => return None,
    };
    Some((judge.key.clone(), command))
}

/// The person at this terminal, as the log will name them.
pub(crate) fn person() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the person's name is read once per command, here")]
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    var("ORCHD_ACTOR").or_else(|| var("USER")).or_else(|| var("LOGNAME"))
}

/// Says it, and shows where the task stands then.
pub(crate) async fn run(client: &Client, out: &Out, key: &str, command: dto::Command) -> Result<(), Exit> {
    let receipt: dto::Receipt = client.post(&format!("/tasks/{key}/commands"), &command).await?;
    if out.json {
        return out.data(&receipt);
    }
    let task: dto::Task = client.get(&format!("/tasks/{key}")).await?;
    out.line(&format!("{}: {} {}", command.command, task.key, receipt.outcome));
    out.line(&format!("{}: {}", task.status, task.sentence));
    Ok(())
}
