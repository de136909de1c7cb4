//! `orchctl task log`: what a run printed, its standard output first and then its standard error; followed on request,
//! from run to run until the task is over.

use std::time::Duration;

use orchd_http::client::{Client, ClientError};
use orchd_http::dto;

use crate::exit::Exit;
use crate::render::Out;

/// How often an output that has nothing new is looked at again.
const LOOK: Duration = Duration::from_millis(300);

/// Whose output is asked for.
pub(crate) struct Asked {
    pub(crate) key: String,
    /// This run; else the latest one.
    pub(crate) run: Option<String>,
    /// The latest run of this role or suite.
    pub(crate) of: Option<String>,
}

/// Shows a run's outputs; with `follow` those of the runs after it too.
pub(crate) async fn show(client: &Client, out: &Out, asked: &Asked, follow: bool) -> Result<(), Exit> {
    let mut shown: Option<String> = None;
    loop {
        // Asked before the run: what began before the end of the task is shown.
        let over = is_over(client, &asked.key).await?;
        let latest = latest(client, asked, follow).await?;
        if latest.is_some() && latest != shown {
            shown.clone_from(&latest);
            let run = latest.unwrap_or_default();
            if follow {
                out.line(&format!("── run {run} ──"));
            }
            one_run(client, out, asked, &run, follow).await?;
        } else if over || !follow {
            if shown.is_none() {
                out.line(&format!(
                    "no such run of {} has begun; `orchctl why {}` says what it waits for",
                    asked.key, asked.key
                ));
            }
            return Ok(());
        } else {
            tokio::time::sleep(LOOK).await;
        }
        if shown.is_some() && (!follow || asked.run.is_some()) {
            return Ok(());
        }
    }
}

/// The run to show now, if one has begun.
async fn latest(client: &Client, asked: &Asked, follow: bool) -> Result<Option<String>, Exit> {
    if asked.run.is_some() {
        return Ok(asked.run.clone());
    }
    let of = asked.of.as_ref().map(|of| format!("&of={of}")).unwrap_or_default();
    let path = format!("/tasks/{}/log?offset={}{of}", asked.key, u64::MAX);
    match client.get::<dto::LogPart>(&path).await {
        Ok(part) => Ok(part.run),
        // It was claimed and has no output yet.
        Err(ClientError::Refused(why)) if follow && why.code == "log-not-found" => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn is_over(client: &Client, key: &str) -> Result<bool, Exit> {
    let task: dto::Task = client.get(&format!("/tasks/{key}")).await?;
    Ok(task.stage == "done" || task.stage == "cancelled")
}

/// Both outputs of a run, or that there is nothing.
async fn one_run(client: &Client, out: &Out, asked: &Asked, run: &str, follow: bool) -> Result<(), Exit> {
    let printed = stream(client, out, asked, run, (dto::Stream::Stdout, follow)).await?;
    let complained = stream(client, out, asked, run, (dto::Stream::Stderr, false)).await?;
    if printed.total == 0 && complained.total == 0 {
        match complained.ended {
            Some(ended) => out.line(&format!("it printed nothing; it ended with: {ended}")),
            None => out.line("it has printed nothing so far"),
        }
    }
    Ok(())
}

/// One output to its end, or, where it is not followed, as far as it is; the last part of it.
async fn stream(
    client: &Client,
    out: &Out,
    asked: &Asked,
    run: &str,
    (stream, follow): (dto::Stream, bool),
) -> Result<dto::LogPart, Exit> {
    let key = &asked.key;
    let name = if stream == dto::Stream::Stderr { "stderr" } else { "stdout" };
    let (mut offset, mut ends_line) = (0, true);
    loop {
        let path = format!("/tasks/{key}/log?run={run}&stream={name}&offset={offset}");
        let part: dto::LogPart = client.get(&path).await?;
        if stream == dto::Stream::Stderr && offset == 0 && !part.text.is_empty() {
            out.line("── standard error ──");
        }
        out.text(&part.text);
        offset = part.next;
        if !part.text.is_empty() {
            ends_line = part.text.ends_with('\n');
            continue;
        }
        if part.eof || !follow || is_left(client, asked, run).await? {
            if !ends_line {
                out.line("");
            }
            return Ok(part);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a run that has not ended never will: another one has begun after it, or the task is over.
async fn is_left(client: &Client, asked: &Asked, run: &str) -> Result<bool, Exit> {
    let other = latest(client, asked, true).await?.is_some_and(|latest| latest != run);
    Ok(other || is_over(client, &asked.key).await?)
}
