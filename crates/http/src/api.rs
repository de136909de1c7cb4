//! The handlers. Each translates a request, calls the engine and translates the answer; errors leave through one
//! envelope with a stable code and a sentence that says what to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, extract::DefaultBodyLimit};
use orchd_core::id::{InputId, Key, ProjectId, ProviderId, RepoId, TaskId};
use orchd_core::job::JobKind;
use orchd_core::port::board::Board;
use orchd_core::port::host::Room;
use orchd_core::port::store::{InputOutcome, JobRow, JobState, StoreError};
use orchd_core::provider::Health;
use orchd_core::render;
use orchd_core::stage::Role;
use orchd_core::task::Request;
use orchd_core::time::Timestamp;
use orchd_engine::{CommandError, Engine, EngineError, NewRequest};
use serde::Deserialize;

use crate::audit::invariants;
use crate::convert;
use crate::dto;
use crate::session::{Hearing, session};

/// The largest request body.
const BODY_MAX: usize = 1024 * 1024;
/// Events per answer at most.
const EVENTS_MAX: u32 = 500;

/// What is pending is counted up to this many of a kind.
const PENDING_MAX: u32 = 100;

/// What the handlers need from the daemon.
pub struct App {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The built-in board, where requests become issues.
    pub board: Arc<dyn Board>,
    /// Things only the daemon can read.
    pub files: Arc<dyn Files>,
    /// Called after anything that may make a task due: a hint, nothing more.
    pub hint: Arc<dyn Fn() + Send + Sync>,
    /// What keeps the processes of runs together, for people.
    pub containment: String,
    /// By what its projects are configured, in one word.
    pub configured: Arc<dyn Fn() -> String + Send + Sync>,
    /// Now.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What lies in files: run logs and patches.
#[async_trait]
pub trait Files: Send + Sync {
    /// A part of a run's output.
    async fn log(&self, run: &str, stream: dto::Stream, offset: u64) -> Result<dto::LogPart, String>;
    /// A run as a session: what was said from this offset of its output on, and what comes.
    async fn session(&self, run: &str, from: u64) -> Result<Hearing, String>;
    /// The patch of a task.
    async fn diff(&self, task: &orchd_core::task::Task) -> Result<dto::Diff, String>;
}

type Shared = State<Arc<App>>;
type Answer<T> = Result<Json<T>, Problem>;

/// The routes under `/api/v1`.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/state", get(state))
        .route("/tasks", get(tasks).post(new_task))
        .route("/tasks/{key}", get(one_task))
        .route("/tasks/{key}/why", get(why))
        .route("/tasks/{key}/events", get(events))
        .route("/tasks/{key}/commands", post(command))
        .route("/tasks/{key}/deps/add", post(deps_add))
        .route("/tasks/{key}/deps/rm", post(deps_rm))
        .route("/tasks/{key}/log", get(log))
        .route("/tasks/{key}/session", get(session))
        .route("/tasks/{key}/diff", get(diff))
        .route("/queue", get(queue))
        .route("/invariants", get(invariants))
        .route("/providers", get(providers))
        .route("/providers/{provider}/close", post(close_provider))
        .route("/repos/{repo}/commands", post(repo_command))
        .route("/drain", post(drain))
        .route("/undrain", post(undrain))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such path under /api/v1".to_owned())
        })
        // A request is small; anything larger is a mistake or worse.
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(app);
    Router::new().nest("/api/v1", api)
}

async fn state(State(app): Shared) -> Answer<dto::State> {
    let engine = &app.engine;
    let store = engine.store();
    let names: Vec<(TaskId, String)> =
        store.tasks().await?.into_iter().map(|(t, _)| (t.id, t.key.to_string())).collect();
    let name = |id: TaskId| {
        names.iter().find(|(t, _)| *t == id).map_or_else(|| id.to_string(), |(_, key)| key.clone())
    };
    let repos = store.repos().await?.iter().map(|(repo, _)| convert::repo(repo, name)).collect();
    Ok(Json(dto::State {
        v: 1,
        now: (app.now)().0,
        drained: store.drained().await?,
        short: short(engine),
        containment: app.containment.clone(),
        configured: Some((app.configured)()),
        providers: store
            .providers()
            .await?
            .iter()
            .filter_map(|(health, _)| health.line((app.now)()))
            .collect(),
        tasks: all_tasks(&app).await?,
        repos,
        jobs: open_jobs(&app).await?,
        // After the jobs: what the end of one left to be decided is counted.
        pending: pending(&app).await?,
    }))
}

async fn pending(app: &App) -> Result<usize, Problem> {
    let (store, now) = (app.engine.store(), (app.now)());
    let due = store.due(now, PENDING_MAX).await?;
    Ok(due.tasks.len() + due.repos.len() + store.dirty_projections(now, PENDING_MAX).await?.len())
}

/// What the host is short of.
fn short(engine: &Engine) -> Option<String> {
    match engine.room() {
        Room::Enough => None,
        Room::Short { why } => Some(why),
    }
}

async fn all_tasks(app: &App) -> Result<Vec<dto::Task>, Problem> {
    let mut tasks = Vec::new();
    for (task, version) in app.engine.store().tasks().await? {
        if let Some(view) = app.engine.view(task.id).await? {
            tasks.push(convert::task(&view, version, (app.now)()));
        }
    }
    Ok(tasks)
}

async fn tasks(State(app): Shared) -> Answer<Vec<dto::Task>> {
    Ok(Json(all_tasks(&app).await?))
}

async fn open_jobs(app: &App) -> Result<Vec<dto::Job>, Problem> {
    let store = app.engine.store();
    let tasks = store.tasks().await?;
    let name = |of: &orchd_core::fact::Address| match of {
        orchd_core::fact::Address::Task(id) => {
            tasks.iter().find(|(t, _)| t.id == *id).map_or_else(|| id.to_string(), |(t, _)| t.key.to_string())
        }
        orchd_core::fact::Address::Repo(repo) => repo.to_string(),
    };
    let rows = store.jobs(None, 10_000).await?;
    let open = rows.iter().filter(|row| matches!(row.state, JobState::Queued | JobState::Running));
    Ok(open.map(|row| convert::job(row, name(&row.of))).collect())
}

async fn queue(State(app): Shared) -> Answer<Vec<dto::Job>> {
    Ok(Json(open_jobs(&app).await?))
}

/// Finds a task by key (its latest life) or id.
async fn find(app: &App, key: &str) -> Result<TaskId, Problem> {
    if let Ok(id) = key.parse::<TaskId>() {
        return Ok(id);
    }
    let key = Key::new(key);
    for policy in app.engine.policies().values() {
        if let Some(id) = app.engine.store().find_task(&policy.project, &key).await? {
            return Ok(id);
        }
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        "task-not-found",
        format!("there is no task {key}; `orchctl task list` shows all"),
    ))
}

async fn view(app: &App, key: &str) -> Result<orchd_core::view::View, Problem> {
    let id = find(app, key).await?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, "task-not-found", format!("there is no task {key}"));
    app.engine.view(id).await?.ok_or_else(missing)
}

async fn one_task(State(app): Shared, Path(key): Path<String>) -> Answer<dto::Task> {
    let view = view(&app, &key).await?;
    let version = app
        .engine
        .store()
        .tasks()
        .await?
        .into_iter()
        .find(|(t, _)| t.id == view.task.id)
        .map_or(0, |(_, v)| v);
    Ok(Json(convert::task(&view, version, (app.now)())))
}

async fn why(State(app): Shared, Path(key): Path<String>) -> Answer<dto::Why> {
    let view = view(&app, &key).await?;
    let mut text = render::why::explain(&view, (app.now)()).to_text();
    if let (Some(_), Some(short)) = (&view.task.job, short(&app.engine)) {
        text.push_str(&format!("\nNothing new is started on this host: {short}.\n"));
    }
    Ok(Json(dto::Why { text }))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn events(
    State(app): Shared,
    Path(key): Path<String>,
    Query(After { after }): Query<After>,
) -> Answer<Vec<dto::Event>> {
    let id = find(&app, &key).await?;
    let events = app.engine.store().task_events(id, after, EVENTS_MAX).await?;
    Ok(Json(events.iter().map(convert::event).collect()))
}

async fn new_task(State(app): Shared, Json(new): Json<dto::NewTask>) -> Answer<dto::Task> {
    let policies = app.engine.policies();
    let policy = match &new.project {
        Some(name) => policies.get(&ProjectId::new(name.as_str())),
        None => policies.values().next(),
    };
    let missing = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "project-not-found",
            "there is no such project in the configuration".to_owned(),
        )
    };
    let policy = Arc::clone(policy.ok_or_else(missing)?);
    let now = (app.now)();
    let issue =
        app.board.add_issue(&policy.project, &policy.key_prefix, &new.title, &new.description, now).await?;
    let request = Request {
        title: new.title,
        description: new.description,
        waiver: new.waive_description,
        labels: Vec::new(),
        priority: new.priority,
    };
    let by = convert::actor(None);
    let start = NewRequest {
        project: policy.project.clone(),
        key: issue.key,
        request,
        track: new.track,
        by: by.clone(),
        repair: new.repair,
    };
    let task = app.engine.start(start).await?;
    for on in &new.after {
        app.engine.depend(task.id, &Key::new(on.as_str()), &by).await?;
    }
    (app.hint)();
    one_task(State(app), Path(task.id.to_string())).await
}

async fn command(
    State(app): Shared,
    Path(key): Path<String>,
    Json(wire): Json<dto::Command>,
) -> Answer<dto::Receipt> {
    let task = find(&app, &key).await?;
    let command = convert::command(&wire).map_err(Problem::unreadable)?;
    let id = match &wire.id {
        Some(text) => {
            text.parse::<InputId>().map_err(|e| Problem::unreadable(("bad-request", e.to_string())))?
        }
        None => app.engine.mint_input(),
    };
    let receipt = app.engine.command(task, id, command).await;
    (app.hint)();
    Ok(Json(told(receipt?)))
}

async fn repo_command(
    State(app): Shared,
    Path(repo): Path<String>,
    Json(wire): Json<dto::RepoCommand>,
) -> Answer<dto::Receipt> {
    let command = convert::repo_command(&wire).map_err(Problem::unreadable)?;
    let repo = RepoId::new(repo);
    let known = app.engine.policies().values().any(|p| p.repo == repo);
    if !known {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "repo-not-found",
            format!("there is no repository {repo}"),
        ));
    }
    let receipt = app.engine.repo_command(&repo, app.engine.mint_input(), command).await;
    (app.hint)();
    Ok(Json(told(receipt?)))
}

fn told(receipt: orchd_engine::Receipt) -> dto::Receipt {
    let outcome = match receipt.outcome {
        InputOutcome::Done(_) => "applied",
        InputOutcome::Waiting | InputOutcome::Unknown => "waiting",
    };
    dto::Receipt { input: receipt.input.to_string(), outcome: outcome.to_owned() }
}

async fn deps_add(
    State(app): Shared,
    Path(key): Path<String>,
    Json(change): Json<dto::Change>,
) -> Answer<dto::Task> {
    let task = find(&app, &key).await?;
    let on = change
        .on
        .clone()
        .ok_or_else(|| Problem::unreadable(("bad-request", "`on` names the issue to wait for".to_owned())))?;
    app.engine.depend(task, &Key::new(on), &convert::actor(change.by.as_deref())).await?;
    (app.hint)();
    one_task(State(app), Path(key)).await
}

async fn deps_rm(
    State(app): Shared,
    Path(key): Path<String>,
    Json(change): Json<dto::Change>,
) -> Answer<dto::Task> {
    let task = find(&app, &key).await?;
    let on =
        change.on.ok_or_else(|| Problem::unreadable(("bad-request", "`on` names the issue".to_owned())))?;
    app.engine.depend_no_more(task, &Key::new(on)).await?;
    (app.hint)();
    one_task(State(app), Path(key)).await
}

/// Those that the configuration names, and those that were ever unwell.
async fn providers(State(app): Shared) -> Answer<Vec<dto::Provider>> {
    let store = app.engine.store();
    let mut all: BTreeMap<ProviderId, Health> =
        app.engine.named_providers().into_iter().map(|id| (id.clone(), Health::new(id))).collect();
    all.extend(store.providers().await?.into_iter().map(|(health, _)| (health.provider.clone(), health)));
    let (words, now) = (store.provider_events(EVENTS_MAX).await?, (app.now)());
    Ok(Json(all.values().map(|health| convert::provider(health, &words, now)).collect()))
}

async fn close_provider(
    State(app): Shared,
    Path(provider): Path<String>,
    Json(change): Json<dto::Change>,
) -> Answer<Vec<dto::Provider>> {
    let by = convert::actor(change.by.as_deref());
    app.engine.close_provider(&ProviderId::new(provider), &by).await?;
    (app.hint)();
    providers(State(app)).await
}

async fn drain(State(app): Shared, Json(change): Json<dto::Change>) -> Answer<dto::State> {
    app.engine.drain(true, &convert::actor(change.by.as_deref())).await?;
    state(State(app)).await
}

async fn undrain(State(app): Shared, Json(change): Json<dto::Change>) -> Answer<dto::State> {
    app.engine.drain(false, &convert::actor(change.by.as_deref())).await?;
    (app.hint)();
    state(State(app)).await
}

#[derive(Deserialize)]
struct LogQuery {
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    stream: dto::Stream,
    run: Option<String>,
    of: Option<String>,
}

/// The latest run of a task that prints something: an agent's, or a suite's; of a role or a kind of job where `of` names one.
pub(crate) async fn latest_run(app: &App, key: &str, of: Option<&str>) -> Result<Option<String>, Problem> {
    let task = find(app, key).await?;
    let rows = app.engine.store().jobs(Some(task), 10_000).await?;
    let prints = |row: &&JobRow| matches!(row.job.kind, JobKind::Agent | JobKind::Ci | JobKind::Test);
    let is_asked = |row: &&JobRow| {
        let names = [Some(row.job.kind.name()), row.job.role.map(Role::name)];
        of.is_none_or(|of| names.contains(&Some(of)))
    };
    let mut runs = rows.iter().rev().filter(prints).filter(is_asked);
    Ok(runs.find_map(|row| row.run).map(|run| run.to_string()))
}

/// An output of a task's latest run, or of the named one.
async fn log(
    State(app): Shared,
    Path(key): Path<String>,
    Query(query): Query<LogQuery>,
) -> Answer<dto::LogPart> {
    let run = match query.run {
        Some(run) => Some(run),
        None => latest_run(&app, &key, query.of.as_deref()).await?,
    };
    let Some(run) = run else {
        let none = dto::LogPart { run: None, text: String::new(), next: 0, total: 0, eof: true, ended: None };
        return Ok(Json(none));
    };
    let part = app.files.log(&run, query.stream, query.offset).await;
    part.map(Json).map_err(|why| Problem::new(StatusCode::NOT_FOUND, "log-not-found", why))
}

async fn diff(State(app): Shared, Path(key): Path<String>) -> Answer<dto::Diff> {
    let view = view(&app, &key).await?;
    let diff = app.files.diff(&view.task).await;
    diff.map(Json).map_err(|why| Problem::new(StatusCode::CONFLICT, "no-diff", why))
}

/// An error on its way out.
pub struct Problem {
    status: StatusCode,
    body: dto::FailureBody,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, message: String) -> Self {
        Self {
            status,
            body: dto::FailureBody { code: code.to_owned(), message, details: serde_json::Value::Null },
        }
    }

    fn unreadable((code, message): convert::Unreadable) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(dto::Failure { error: self.body })).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // Logged once, here: the answer carries a sentence, not the store's text.
        tracing::error!("{error}");
        let message =
            "the store did not answer; nothing was changed that was not confirmed. Try again".to_owned();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", message)
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::UnknownProject { .. } => {
                Self::new(StatusCode::CONFLICT, "project-unknown", error.to_string())
            }
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let text = error.to_string();
        match error {
            CommandError::Engine(error) => error.into(),
            CommandError::Alive { .. } => Self::new(StatusCode::CONFLICT, "task-alive", text),
            CommandError::KeyTaken { .. } => Self::new(StatusCode::CONFLICT, "key-taken", text),
            CommandError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", text),
            CommandError::Refused { code, why } => Self::new(StatusCode::CONFLICT, &code, why),
        }
    }
}
