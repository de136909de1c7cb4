//! `orchctl attach`: watching a task's runs as they work, one after the other, from any terminal and as often as one
//! likes: the run does not know. `orchctl say` is the next turn. What a session says comes over server-sent events.

use std::time::Duration;

use orchd_http::client::{Client, ClientError, Said};
use orchd_http::dto;
use serde_json::Value;

use crate::act;
use crate::exit::Exit;
use crate::render::{Out, cut};

/// How often it is looked whether another run has begun.
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row that found no server, or one that said nothing: a minute.
const PATIENCE: u32 = 120;
/// A tool's arguments on one line.
const ARGUMENTS: usize = 160;

/// Shows the runs of a task until it is over or waits for a person; only the named one where `run` is given.
pub(crate) async fn attach(client: &Client, out: &Out, key: &str, run: Option<String>) -> Result<(), Exit> {
    let mut shown: Option<String> = None;
    loop {
        if let Some(begun) = next_run(client, key, run.as_deref(), shown.as_deref()).await? {
            watch(client, out, key, &begun).await?;
            shown = Some(begun);
        }
        if run.is_some() {
            return Ok(());
        }
        let task: dto::Task = client.get(&format!("/tasks/{key}")).await?;
        if task.job.is_none() && !matches!(task.waiting.as_deref(), Some("working")) {
            out.line(&format!("── {}: {}", task.status, task.sentence));
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The run to show next, if there is one that was not shown.
async fn next_run(
    client: &Client,
    key: &str,
    named: Option<&str>,
    shown: Option<&str>,
) -> Result<Option<String>, Exit> {
    if let Some(named) = named {
        return Ok(Some(named.to_owned()));
    }
    let part: dto::LogPart = match client.get(&format!("/tasks/{key}/log?offset={}", u64::MAX)).await {
        Ok(part) => part,
        // The run was claimed and has no output yet.
        Err(ClientError::Refused(why)) if why.code == "log-not-found" => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(part.run.filter(|run| Some(run.as_str()) != shown))
}

/// One run to its end. A connection that broke is made again where it was lost: the run goes on without a server.
async fn watch(client: &Client, out: &Out, key: &str, run: &str) -> Result<(), Exit> {
    out.line(&format!("── run {run}"));
    let path = format!("/tasks/{key}/session?run={run}");
    let mut last: Option<String> = None;
    let mut alone = 0;
    loop {
        let heard = match client.listen(&path, last.as_deref()).await {
            Ok(heard) => Some(heard),
            Err(ClientError::NotRunning { .. } | ClientError::Broken { .. }) if alone < PATIENCE => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(mut heard) = heard {
            while let Some(said) = heard.next().await {
                alone = 0;
                show(out, &said)?;
                if said.id.is_some() {
                    last.clone_from(&said.id);
                }
                if said.name == "over" {
                    return Ok(());
                }
            }
        }
        alone += 1;
        if alone == 1 {
            out.line("── the server is away; the run goes on");
        }
        if alone > PATIENCE {
            return Err(Exit::failed(format!("the session of run {run} can not be heard any more")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn show(out: &Out, said: &Said) -> Result<(), Exit> {
    if out.json {
        return out.data(&serde_json::json!({ "event": said.name, "data": said.data }));
    }
    if let Some(line) = line(said) {
        out.line(&line);
    }
    Ok(())
}

/// What a person reads of an event.
fn line(said: &Said) -> Option<String> {
    let text = |name: &str| said.data.get(name).and_then(Value::as_str).unwrap_or_default();
    match said.name.as_str() {
        "user" => Some(format!("> {}", text("text").trim_end())),
        "text" => Some(text("text").trim_end().to_owned()).filter(|line| !line.is_empty()),
        "session" => {
            let model = text("model");
            (!model.is_empty()).then(|| format!("[session with {model}]"))
        }
        "tool" => match text("outcome") {
            "running" => Some(format!("[{}] {}", text("name"), cut(text("arguments"), ARGUMENTS))),
            "succeeded" => None,
            outcome => Some(format!("[{}] {outcome}", text("name"))),
        },
        "error" => Some(format!("! {}", text("message"))),
        "cancelled" => Some(format!("! broken off: {}", text("why"))),
        "result" => Some(format!("= {}", text("text").trim_end())),
        "dropped" => Some(format!("[{} bytes are gone: the log is bounded]", said.data["bytes"])),
        "caught-up" => Some("── live".to_owned()),
        "over" => Some(format!("── the run is over: {}", text("ended"))),
        // The turn's end and its usage are the task's account, which `task show` has.
        _bookkeeping => None,
    }
}

/// The next turn: words for the run that follows, which goes on in the last one's session where the program can.
pub(crate) async fn say(client: &Client, out: &Out, key: &str, words: String) -> Result<(), Exit> {
    let task: dto::Task = client.get(&format!("/tasks/{key}")).await?;
    let name = if task.hold.is_some() { "retry" } else { "resume" };
    let command = dto::Command {
        command: name.to_owned(),
        answers: Some(words),
        visit: Some(task.visit),
        by: act::person(),
        ..dto::Command::default()
    };
    if !out.json {
        let what = if name == "retry" { "the Hold is ended by it" } else { "the pause is ended by it" };
        out.line(&format!("Said; {what}, and it is the next run's first word."));
    }
    act::run(client, out, key, command).await
}

#[cfg(test)]
mod tests;
