//! Repositories, dependencies and the drain: `repo`, `deps`, `drain`, `undrain`.

use orchd_http::client::Client;
use orchd_http::dto;

use crate::act::person;
use crate::cli::{DepsArgs, DepsCommand, RepoArgs, RepoCommand};
use crate::exit::Exit;
use crate::render::Out;

pub(crate) async fn run(client: &Client, out: &Out, args: RepoArgs) -> Result<(), Exit> {
    match args.what {
        RepoCommand::List => list(client, out).await,
        RepoCommand::Freeze { repo, reason } => say(client, out, &repo, "freeze", reason).await,
        RepoCommand::Unfreeze { repo } => say(client, out, &repo, "unfreeze", None).await,
    }
}

async fn say(
    client: &Client,
    out: &Out,
    repo: &str,
    command: &str,
    reason: Option<String>,
) -> Result<(), Exit> {
    let command = dto::RepoCommand { command: command.to_owned(), reason, by: person() };
    let receipt: dto::Receipt = client.post(&format!("/repos/{repo}/commands"), &command).await?;
    if out.json {
        return out.data(&receipt);
    }
    list(client, out).await
}

async fn list(client: &Client, out: &Out) -> Result<(), Exit> {
    let state: dto::State = client.get("/state").await?;
    if out.json {
        return out.data(&state.repos);
    }
    let row = |repo: &dto::Repo| {
        vec![
            repo.id.clone(),
            repo.main.as_deref().map(|sha| sha.chars().take(10).collect()).unwrap_or_default(),
            repo.occupants.join(" "),
            repo.landing.clone().unwrap_or_default(),
            repo.frozen.clone().unwrap_or_else(|| "no".to_owned()),
        ]
    };
    out.table(&["REPOSITORY", "MAIN", "AT WORK", "LANDING", "FROZEN"], state.repos.iter().map(row).collect());
    Ok(())
}

pub(crate) async fn deps(client: &Client, out: &Out, args: DepsArgs) -> Result<(), Exit> {
    let (key, on, verb) = match args.what {
        DepsCommand::Add { key, on } => (key, on, "add"),
        DepsCommand::Rm { key, on } => (key, on, "rm"),
    };
    let change = dto::Change { on: Some(on), by: person() };
    let task: dto::Task = client.post(&format!("/tasks/{key}/deps/{verb}"), &change).await?;
    if out.json {
        return out.data(&task);
    }
    let waits = if task.depends_on.is_empty() { "nothing".to_owned() } else { task.depends_on.join(", ") };
    out.line(&format!("{} waits for {waits}", task.key));
    Ok(())
}

pub(crate) async fn drain(client: &Client, out: &Out, drained: bool) -> Result<(), Exit> {
    let change = dto::Change { on: None, by: person() };
    let path = if drained { "/drain" } else { "/undrain" };
    let state: dto::State = client.post(path, &change).await?;
    if out.json {
        return out.data(&state);
    }
    let running = state.jobs.iter().filter(|job| job.state == "running").count();
    out.line(if drained { "Drained: nothing is admitted and no pipeline job starts." } else { "Undrained." });
    out.line(&format!("{running} job(s) are running."));
    Ok(())
}
