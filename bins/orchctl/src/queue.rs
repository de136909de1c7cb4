//! `orchctl queue`: queued and running jobs.

use orchd_http::client::Client;
use orchd_http::dto;

use crate::exit::Exit;
use crate::render::{Out, span};

pub(crate) async fn run(client: &Client, out: &Out) -> Result<(), Exit> {
    let state: dto::State = client.get("/state").await?;
    if out.json {
        return out.data(&state.jobs);
    }
    if let Some(short) = &state.short {
        out.line(&format!("Nothing new is started: {short}."));
    }
    for provider in &state.providers {
        out.line(provider);
    }
    if state.jobs.is_empty() {
        out.line("No job is queued or running. `orchctl task list` shows what the tasks wait for.");
        return Ok(());
    }
    let row = |job: &dto::Job| {
        let since = job.started_at.unwrap_or(job.since);
        vec![
            job.of.clone(),
            job.kind.clone(),
            job.state.clone(),
            span(state.now - since),
            job.run.clone().unwrap_or_default(),
        ]
    };
    out.table(&["TASK", "JOB", "STATE", "FOR", "RUN"], state.jobs.iter().map(row).collect());
    Ok(())
}
