//! `orchctl task …` and `orchctl why`: start, list and look at tasks.

use orchd_http::client::Client;
use orchd_http::dto;

use crate::cli::{TaskArgs, TaskCommand};
use crate::exit::Exit;
use crate::render::{Out, cut, span};
use crate::session::Session;

pub(crate) async fn run(session: &Session, out: &Out, args: TaskArgs) -> Result<(), Exit> {
    let client = &session.client;
    match args.what {
        TaskCommand::Amend { key, title, description } => {
            let by = crate::act::person();
            let command = dto::Command {
                command: "amend".to_owned(),
                title,
                description,
                by,
                ..dto::Command::default()
            };
            crate::act::run(client, out, &key, command).await
        }
        TaskCommand::New { title, description, project, track, priority, after, repair } => {
            let new = dto::NewTask {
                project,
                title,
                // As with `run`: who gives a title alone means it.
                waive_description: description.is_empty(),
                description,
                track,
                priority,
                after,
                repair,
            };
            let task: dto::Task = client.post("/tasks", &new).await?;
            if out.json {
                return out.data(&task);
            }
            out.line(&format!(
                "{} is waiting to be let in. `orchctl task events {}` follows it.",
                task.key, task.key
            ));
            Ok(())
        }
        TaskCommand::List => list(session, out).await,
        TaskCommand::Show { key } => show(client, out, &key).await,
        TaskCommand::Events { key, all } => events(client, out, &key, all).await,
        TaskCommand::Log { key, follow, run, of } => {
            crate::log::show(client, out, &crate::log::Asked { key, run, of }, follow).await
        }
        TaskCommand::Diff { key } => diff(client, out, &key).await,
    }
}

async fn list(session: &Session, out: &Out) -> Result<(), Exit> {
    let state: dto::State = session.client.get("/state").await?;
    if out.json {
        return out.data(&state.tasks);
    }
    if state.tasks.is_empty() {
        out.line("No task yet: `orchctl task new \"…\"` starts one.");
        return Ok(());
    }
    let row = |task: &dto::Task| {
        let waiting = task.job.clone().unwrap_or_else(|| waiting(task));
        vec![
            task.key.clone(),
            task.stage.clone(),
            waiting,
            span(state.now - task.waiting_since),
            cut(&task.title, 60),
        ]
    };
    out.table(&["KEY", "STAGE", "NOW", "FOR", "TITLE"], state.tasks.iter().map(row).collect());
    let is_open = |task: &dto::Task| task.stage != "done" && task.stage != "cancelled";
    if !session.is_served() && state.tasks.iter().any(is_open) {
        out.line("Nobody works on them now: `orchctl run` does, or the server, `orchd`.");
    }
    Ok(())
}

/// What a task waits for, in the words of its sentence.
fn waiting(task: &dto::Task) -> String {
    match task.waiting.as_deref() {
        Some("paused") if !task.questions.is_empty() => "asks you".to_owned(),
        Some("person") => "needs your word".to_owned(),
        Some(other) => other.to_owned(),
        None => String::new(),
    }
}

async fn show(client: &Client, out: &Out, key: &str) -> Result<(), Exit> {
    let task: dto::Task = client.get(&format!("/tasks/{key}")).await?;
    if out.json {
        return out.data(&task);
    }
    out.line(&format!("{}  {}", task.key, task.title));
    out.line(&format!("  {} ({}), visit {}", task.status, task.stage, task.visit));
    out.line(&format!("  {}", task.sentence));
    if let Some(hold) = &task.hold {
        out.line(&format!("  Hold {}: {}", hold.code, cut(&hold.detail, 400)));
    }
    for question in &task.questions {
        out.line(&format!("  asks: {question}"));
    }
    out.line(&format!("  track {}, branch {}, task {}", task.track, task.branch, task.id));
    if let (Some(base), Some(head)) = (&task.base, &task.head) {
        out.line(&format!("  head {head} on main {base}"));
    }
    for sha in &task.landed {
        out.line(&format!("  landed {sha}"));
    }
    out.line(&format!("  rework {}, runs {}, cost ${:.2}", task.rework, task.runs, task.cost_usd));
    let stage = |s: &dto::StageTotals| {
        vec![
            s.stage.clone(),
            s.visits.to_string(),
            s.attempts.to_string(),
            span(s.ms),
            format!("${:.2}", s.cost_usd),
        ]
    };
    out.table(
        &["  STAGE", "VISITS", "RUNS", "TIME", "COST"],
        task.stages.iter().map(stage).map(indent).collect(),
    );
    let gate = |g: &dto::Gate| {
        let stands = if g.stands { "stands" } else { "is asked again" };
        vec![
            g.gate.clone(),
            g.outcome.clone(),
            stands.to_owned(),
            g.subject.clone(),
            cut(g.evidence.lines().next().unwrap_or_default(), 80),
        ]
    };
    out.table(
        &["  GATE", "RESULT", "NOW", "ABOUT", "EVIDENCE"],
        task.gates.iter().map(gate).map(indent).collect(),
    );
    out.line(&format!("  you may: {}", task.commands.join(", ")));
    Ok(())
}

fn indent(mut row: Vec<String>) -> Vec<String> {
    if let Some(first) = row.first_mut() {
        first.insert_str(0, "  ");
    }
    row
}

async fn events(client: &Client, out: &Out, key: &str, all: bool) -> Result<(), Exit> {
    let mut after = 0;
    let mut whole = Vec::new();
    loop {
        let part: Vec<dto::Event> = client.get(&format!("/tasks/{key}/events?after={after}")).await?;
        let Some(last) = part.last() else { break };
        after = last.seq;
        whole.extend(part);
    }
    if out.json {
        return out.data(&whole);
    }
    let start = whole.first().map_or(0, |e| e.at);
    for event in &whole {
        let line = if event.line.is_empty() { event.event.as_str() } else { event.line.as_str() };
        if all || !event.line.is_empty() {
            out.line(&format!("{:>10}  {line}", span(event.at - start)));
        }
    }
    Ok(())
}

async fn diff(client: &Client, out: &Out, key: &str) -> Result<(), Exit> {
    let diff: dto::Diff = client.get(&format!("/tasks/{key}/diff")).await?;
    if out.json {
        return out.data(&diff);
    }
    out.text(&diff.text);
    if let Some(whole) = &diff.whole {
        out.line(&format!("… cut; the whole: {whole}"));
    }
    Ok(())
}

pub(crate) async fn why(client: &Client, out: &Out, key: &str) -> Result<(), Exit> {
    let why: dto::Why = client.get(&format!("/tasks/{key}/why")).await?;
    if out.json {
        return out.data(&why);
    }
    out.text(&why.text);
    Ok(())
}
