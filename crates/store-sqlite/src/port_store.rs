//! The port `Store`: what is asked, handed to `query/` as one transaction each. JSON is written before and
//! read after it, on the asker's own thread.

use std::fmt::Display;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use orchd_core::event::{Event, ProviderEvent, RepoEvent};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{
    Actor, BootId, EffectId, InputId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, TaskId, Token,
    TransitionId,
};
use orchd_core::job::JobResult;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, DependencyOutcome, Dirty, Due, Expired,
    InputOutcome, Inventory, JobRow, LedgerRow, Loaded, LoadedRepo, Logged, NewTask, RenewOutcome,
    RepoCommit, Rows, SendOutcome, SettleOutcome, Store, StoreResult, Surface,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

use crate::fail::Fail;
use crate::group::Answer;
use crate::query::{
    claim, commit, create, dependency, due, effect, event, input, inventory, job, lease, list, load,
    projection, provider, repo, setting, wake,
};
use crate::store::SqliteStore;
use crate::text;

/// What a commit's caller is told. A rule that said no is a mistake of a caller, never ordinary: it is logged
/// here, once, by its name.
fn outcome(of: impl Display, answer: Answer<()>) -> CommitOutcome {
    match answer {
        Ok(()) => CommitOutcome::Committed,
        Err(Fail::Conflict) => CommitOutcome::Conflict,
        Err(Fail::Rule(constraint)) => {
            tracing::error!(%of, %constraint, "a commit broke a constraint; nothing of it was written");
            CommitOutcome::Conflict
        }
        Err(Fail::Row { table, row, why }) => {
            tracing::error!(%of, table, %row, %why, "a commit met a row that can not be read or written");
            CommitOutcome::Conflict
        }
        Err(Fail::Database(why)) => {
            tracing::error!(%of, %why, "what became of a commit is not known");
            CommitOutcome::Unknown
        }
    }
}

fn each<R, T>(rows: Vec<R>, of: impl Fn(R) -> Answer<T>) -> StoreResult<Vec<T>> {
    Ok(rows.into_iter().map(of).collect::<Answer<Vec<T>>>()?)
}

#[async_trait]
impl Store for SqliteStore {
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        let (id, project) = (repo.id.to_string(), repo.project.to_string());
        let body = text::json("repos", &id, repo)?;
        Ok(self.write("ensure_repo", move |conn| repo::ensure(conn, &id, &project, &body)).await?)
    }

    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        let mut counted = None;
        if mutant::on(Mutant::Inc37) {
            counted = Some(self.read(create::next_seq).await?);
            // Others come in between, also where every method is done at its first poll: the mutant's whole point.
            let mut yielded = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        Ok(self.write("create_task", move |conn| create::create(conn, new, counted)).await?)
    }

    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        let new = input::NewInput::new(to, id, input, at)?;
        Ok(self.write("put_input", move |conn| input::put(conn, &new)).await?)
    }

    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        Ok(self.read(move |conn| input::outcome(conn, id)).await?)
    }

    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        let id: Arc<str> = task.to_string().into();
        let asked = Arc::clone(&id);
        let found = self.read(move |conn| load::find(conn, &asked, since)).await?;
        Ok(found.map(|found| load::loaded(&id, found)).transpose()?)
    }

    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        let id = repo.to_string();
        let found = self.read(move |conn| repo::load(conn, &id)).await?;
        Ok(found.map(|found| repo::loaded(repo, found)).transpose()?)
    }

    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        match of {
            Address::Task(task) => {
                let id: Arc<str> = task.to_string().into();
                let asked = Arc::clone(&id);
                let found = self.read(move |conn| load::bodies(conn, &asked)).await?;
                Ok(found.map(|found| load::rows(&id, found)).transpose()?)
            }
            Address::Repo(id) => {
                let asked = id.clone();
                let found = self.read(move |conn| repo::row(conn, asked.as_str())).await?;
                let of_row = |row| repo::of_row(id.as_str(), row).map(|(repo, _)| Rows { task: None, repo });
                Ok(found.map(of_row).transpose()?)
            }
        }
    }

    async fn commit(&self, commit: Commit) -> CommitOutcome {
        let transition = commit.transition;
        let answer = match commit::Prepared::new(commit) {
            Ok(prepared) => self.write("commit", move |conn| commit::commit(conn, &prepared)).await,
            Err(fail) => Err(fail),
        };
        outcome(transition, answer)
    }

    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        let transition = commit.transition;
        let answer = match repo::Prepared::new(commit) {
            Ok(prepared) => self.write("commit_repo", move |conn| repo::commit(conn, &prepared)).await,
            Err(fail) => Err(fail),
        };
        outcome(transition, answer)
    }

    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        // Asked of the writer: a commit that is still on its way there is answered first.
        Ok(self.write("was_committed", move |conn| commit::was_committed(conn, transition)).await?)
    }

    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due> {
        Ok(self.read(move |conn| due::due(conn, now.0, limit)).await?)
    }

    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        let (filter, runs, clock) = (filter.clone(), runs.to_vec(), Arc::clone(&self.clock));
        Ok(self.write("claim", move |conn| claim::claim(conn, &filter, &runs, clock.now())).await?)
    }

    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        let (held, clock) = (held.to_vec(), Arc::clone(&self.clock));
        Ok(self.write("renew", move |conn| lease::renew(conn, boot, &held, ttl, clock.now())).await?)
    }

    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome> {
        let result = result.clone();
        Ok(self.write("settle", move |conn| lease::settle(conn, job, token, result, fact, at)).await?)
    }

    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        let clock = Arc::clone(&self.clock);
        Ok(self.write("release", move |conn| lease::release(conn, job, token, clock.now())).await?)
    }

    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        let clock = Arc::clone(&self.clock);
        Ok(self.write("send_effect", move |conn| effect::send(conn, effect, job, token, clock.now())).await?)
    }

    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        let clock = Arc::clone(&self.clock);
        Ok(self.read(move |conn| lease::expired(conn, limit, clock.now())).await?)
    }

    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        let clock = Arc::clone(&self.clock);
        Ok(self.write("take_over", move |conn| claim::take_over(conn, boot, ttl, clock.now())).await?)
    }

    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        each(self.read(move |conn| projection::behind(conn, now.0, limit)).await?, projection::of_row)
    }

    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        let (task, shown) = (task.to_string(), shown.to_owned());
        Ok(self
            .write("ack_projection", move |conn| projection::ack(conn, &task, surface, version, &shown))
            .await?)
    }

    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        let (task, error) = (task.to_string(), error.to_owned());
        Ok(self
            .write("defer_projection", move |conn| {
                projection::defer(conn, &task, surface, &error, retry_at.0)
            })
            .await?)
    }

    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome {
        let (id, by) = (provider.clone(), by.clone());
        let answer =
            self.write("close_provider", move |conn| provider::close(conn, &id, epoch, by, at)).await;
        outcome(provider, answer)
    }

    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>> {
        let rows = self.read(move |conn| provider::log(conn, limit)).await?;
        each(rows, |(seq, at, body)| Ok((Timestamp(at), text::decode(seq, &body)?)))
    }

    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        let by = by.to_string();
        Ok(self.write("set_drained", move |conn| setting::set_drained(conn, drained, &by, at.0)).await?)
    }

    async fn wake_all(&self, at: Timestamp) -> StoreResult<()> {
        Ok(self.write("wake_all", move |conn| wake::all(conn, "", at.0)).await?)
    }

    async fn drained(&self) -> StoreResult<bool> {
        Ok(self.read(setting::drained).await?)
    }

    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome> {
        let (task, on, source) = (task.to_string(), on.clone(), source.to_owned());
        Ok(self.write("add_dependency", move |conn| dependency::add(conn, &task, &on, &source, at.0)).await?)
    }

    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        let (task, on) = (task.to_string(), on.to_string());
        Ok(self.write("remove_dependency", move |conn| dependency::remove(conn, &task, &on, at.0)).await?)
    }

    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        each(self.read(list::tasks).await?, list::of_row)
    }

    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        let (project, key) = (project.clone(), key.clone());
        let found = self.read(move |conn| create::find(conn, &project, &key)).await?;
        Ok(found.map(|id| text::id("tasks", &id, &id)).transpose()?)
    }

    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        each(self.read(repo::all).await?, |(id, row)| repo::of_row(&id, row))
    }

    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        each(self.read(provider::all).await?, provider::of_row)
    }

    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        Ok(self.read(dependency::all).await?)
    }

    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        let id = task.to_string();
        let rows = self.read(move |conn| event::of_task(conn, &id, after, limit)).await?;
        Ok(event::logged(rows, &Address::Task(task))?)
    }

    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        let id = repo.to_string();
        let rows = self.read(move |conn| event::of_repo(conn, &id, after, limit)).await?;
        Ok(event::logged(rows, &Address::Repo(repo.clone()))?)
    }

    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        let task = task.map(|id| id.to_string());
        each(self.read(move |conn| job::newest(conn, task.as_deref(), limit)).await?, job::row)
    }

    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        let task = task.map(|id| id.to_string());
        each(self.read(move |conn| effect::all(conn, task.as_deref())).await?, effect::row)
    }

    async fn inventory(&self) -> StoreResult<Inventory> {
        // One transaction: of one moment, and other readers wait for it; what is long is the JSON, outside of it.
        Ok(inventory::inventory(self.read(inventory::find).await?)?)
    }
}
