//! The floor: the statements of the engine's store, prepared once by hand and run by one thread over the same
//! schema with the same durability and the same number of requests per COMMIT. What is bound was prepared
//! before; nothing is decided, parsed or written as JSON here. Nothing else belongs here.

use std::hint::black_box;
use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, Statement, params};

use crate::script::{Claim, Cycle, Decision, Job, JobRequest, Settle};
use crate::workload::NOW;

/// What the store's writing connection is set to.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -32768;";

/// A connection as the store's writer has it.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(PRAGMAS)?;
    Ok(conn)
}

/// All statements, prepared.
pub(crate) struct Floor<'c> {
    begin: Statement<'c>,
    begin_immediate: Statement<'c>,
    commit: Statement<'c>,
    savepoint: Statement<'c>,
    release: Statement<'c>,

    rows: Statement<'c>,
    waiting: Statement<'c>,
    candidates: Statement<'c>,
    names: Statement<'c>,
    bodies: Statement<'c>,
    deps: Statement<'c>,
    providers: Statement<'c>,

    swap: Statement<'c>,
    body: Statement<'c>,
    remember: Statement<'c>,
    provider: Statement<'c>,
    consume: Statement<'c>,
    event: Statement<'c>,
    cost: Statement<'c>,
    enqueue: Statement<'c>,
    want: Statement<'c>,

    ready: Statement<'c>,
    drained: Statement<'c>,
    running: Statement<'c>,
    draw: Statement<'c>,
    take: Statement<'c>,

    of_token: Statement<'c>,
    input: Statement<'c>,
    wake: Statement<'c>,
    end: Statement<'c>,
}

impl<'c> Floor<'c> {
    /// Prepares everything on a connection of [`open`].
    pub(crate) fn prepare(conn: &'c Connection) -> Result<Self> {
        let sql = |text: &str| conn.prepare(text);
        Ok(Self {
            begin: sql("BEGIN")?,
            begin_immediate: sql("BEGIN IMMEDIATE")?,
            commit: sql("COMMIT")?,
            savepoint: sql("SAVEPOINT request")?,
            release: sql("RELEASE request")?,
            rows: sql("SELECT b.body, b.version, t.version, t.wakes, t.stage, r.id, r.epoch, r.body, \
                 (SELECT coalesce(sum(micros), 0) FROM run_costs c WHERE c.project = t.project AND c.at >= ?2), \
                 (SELECT value FROM settings WHERE name = 'drained') \
                 FROM tasks t JOIN task_bodies b ON b.seq = t.seq JOIN repos r ON r.id = t.repo WHERE t.id = ?1")?,
            waiting: sql(
                "SELECT id, body, at FROM inputs WHERE task = ?1 AND outcome IS NULL ORDER BY place",
            )?,
            candidates: sql(
                "SELECT t.id, t.key, t.seq, t.candidacy, t.priority, t.candidacy_since FROM tasks t \
                 WHERE t.repo = ?1 AND t.candidacy <> 'none' AND (t.candidacy = 'returning' OR NOT EXISTS ( \
                 SELECT 1 FROM dependencies d WHERE d.task = t.id AND 'done' IS NOT ( \
                 SELECT l.stage FROM tasks l WHERE l.project = t.project AND l.key = d.on_key \
                 ORDER BY l.life DESC LIMIT 1))) ORDER BY t.seq",
            )?,
            names: sql("WITH named (id, place) AS ( \
                 SELECT o.value, o.key FROM repos r, json_each(r.body, '$.occupants') o WHERE r.id = ?1 \
                 UNION ALL SELECT r.body ->> '$.landing_task', 1000000 FROM repos r WHERE r.id = ?1 \
                 UNION ALL SELECT q.value, 2000000 + q.key FROM repos r, json_each(r.body, '$.lane_queue') q \
                 WHERE r.id = ?1 \
                 UNION ALL SELECT e.value ->> 1, 3000000 + e.key FROM repos r, json_each(r.body, '$.deploying') e \
                 WHERE r.id = ?1) \
                 SELECT t.id, t.key FROM named n JOIN tasks t ON t.id = n.id GROUP BY t.id ORDER BY min(n.place)")?,
            bodies: sql("SELECT b.body, b.version, t.version, t.stage, r.id, r.epoch, r.body \
                 FROM tasks t JOIN task_bodies b ON b.seq = t.seq JOIN repos r ON r.id = t.repo WHERE t.id = ?1")?,
            deps: sql(
                "SELECT d.on_key, (SELECT l.stage FROM tasks l WHERE l.project = t.project AND l.key = d.on_key \
                 ORDER BY l.life DESC LIMIT 1) \
                 FROM dependencies d JOIN tasks t ON t.id = d.task WHERE d.task = ?1 ORDER BY d.on_key",
            )?,
            providers: sql("SELECT id, epoch, body FROM providers ORDER BY id")?,
            swap: sql(
                "UPDATE tasks SET version = version + 1, seq = ?2, project = ?3, repo = ?4, key = ?5, life = ?6, \
                 stage = ?7, due_at = CASE wakes WHEN ?8 THEN ?9 ELSE ?10 END, candidacy = ?11, \
                 candidacy_since = CASE WHEN ?11 = 'none' THEN NULL WHEN candidacy = ?11 THEN candidacy_since \
                 ELSE ?10 END, priority = ?12, paused = 0, held = 0, stopping = 0 \
                 WHERE id = ?1 AND version = ?13 \
                 AND NOT EXISTS (SELECT 1 FROM transitions WHERE id = ?14) RETURNING version",
            )?,
            body: sql("UPDATE task_bodies SET version = ?2, body = ?3 WHERE seq = ?1")?,
            remember: sql(
                "INSERT INTO transitions (id, task, repo, version, at) VALUES (?1, ?2, NULL, ?3, ?4)",
            )?,
            provider: sql("SELECT coalesce((SELECT epoch FROM providers WHERE id = ?1), 0)")?,
            consume: sql("UPDATE inputs SET outcome = 'applied', code = NULL, why = NULL \
                 WHERE id = ?1 AND task = ?2 AND outcome IS NULL")?,
            event: sql("INSERT INTO events (task, repo, at, body) VALUES (?1, NULL, ?2, ?3)")?,
            cost: sql("INSERT INTO run_costs (project, at, micros) VALUES (?1, ?2, ?3)")?,
            enqueue: sql(
                "INSERT INTO jobs (id, task, repo, kind, class, state, priority, created_at, available_at, spec, \
                 attempt) VALUES (?1, ?2, NULL, ?3, ?4, 'queued', ?5, ?6, ?7, ?8, 0)",
            )?,
            want: sql("INSERT INTO projections (task, surface, desired, acked) VALUES (?1, ?2, ?3, 0) \
                 ON CONFLICT (task, surface) DO UPDATE SET desired = max(desired, excluded.desired)")?,
            ready: sql("SELECT id, task, repo, kind, spec, attempt FROM jobs \
                 WHERE state = 'queued' AND class = ?1 AND available_at <= ?2 \
                 ORDER BY priority, place LIMIT ?3")?,
            drained: sql("SELECT value FROM settings WHERE name = 'drained'")?,
            running: sql("SELECT count(*) FROM jobs WHERE state = 'running' AND class = 'pipeline'")?,
            draw: sql("UPDATE settings SET value = value + ?1 WHERE name = 'token' RETURNING value")?,
            take: sql(
                "UPDATE jobs SET state = 'running', owner = ?2, run = ?3, token = ?4, started_at = ?5, \
                 until = ?6, attempt = attempt + 1 WHERE id = ?1 AND state = 'queued'",
            )?,
            of_token: sql("SELECT task, repo, kind, state, fact, told_to_end FROM jobs \
                 WHERE id = ?1 AND token = ?2 AND run IS NOT NULL")?,
            input: sql("INSERT INTO inputs (id, task, repo, at, body) VALUES (?1, ?2, NULL, ?3, ?4)")?,
            wake: sql(
                "UPDATE tasks SET wakes = wakes + 1, due_at = min(coalesce(due_at, ?2), ?2) WHERE id = ?1",
            )?,
            end: sql(
                "UPDATE jobs SET state = ?2, fact = ?3, owner = NULL, until = NULL, told_to_end = told_to_end \
                 WHERE id = ?1 AND state IN ('queued', 'running')",
            )?,
        })
    }

    /// The decisions of a cycle: what a group needs is loaded, then the group is written under one COMMIT.
    pub(crate) fn decisions(&mut self, cycle: &Cycle, group: usize) -> Result<u64> {
        let mut commits = 0;
        for decisions in groups(&cycle.decisions, group) {
            for decision in decisions {
                self.load(&decision.task, decision.since)?;
            }
            self.begin_immediate.raw_execute()?;
            for decision in decisions {
                self.savepoint(decisions.len())?;
                self.decide(decision)?;
                self.release(decisions.len())?;
            }
            self.commit.raw_execute()?;
            commits += 1;
        }
        Ok(commits)
    }

    /// The jobs of a cycle: a claim is answered, by its COMMIT, before its tasks are read and it is settled.
    pub(crate) fn jobs(&mut self, cycle: &Cycle, group: usize) -> Result<u64> {
        let (mut commits, mut at) = (0, 0);
        let mut tokens = std::collections::BTreeMap::new();
        while at < cycle.jobs.len() {
            let requests = next_group(&cycle.jobs[at..], group);
            at += requests.len();
            self.begin_immediate.raw_execute()?;
            for request in requests {
                self.savepoint(requests.len())?;
                match request {
                    JobRequest::Claim(claim) => tokens.extend(self.claim(claim)?),
                    JobRequest::Settle(settle) => {
                        let token = tokens.remove(settle.job.as_str()).unwrap_or_default();
                        self.settle(settle, token)?;
                    }
                }
                self.release(requests.len())?;
            }
            self.commit.raw_execute()?;
            commits += 1;
            if let Some(JobRequest::Claim(claim)) = requests.last() {
                for (_, task) in &claim.gets {
                    self.rows_of(task)?;
                }
            }
        }
        Ok(commits)
    }

    /// One request alone needs no savepoint.
    fn savepoint(&mut self, requests: usize) -> Result<()> {
        if requests > 1 { Ok(self.savepoint.raw_execute().map(drop)?) } else { Ok(()) }
    }

    fn release(&mut self, requests: usize) -> Result<()> {
        if requests > 1 { Ok(self.release.raw_execute().map(drop)?) } else { Ok(()) }
    }

    fn load(&mut self, task: &str, since: i64) -> Result<()> {
        self.begin.raw_execute()?;
        let repo = self.rows.query_row(params![task, since], |row| {
            see(row)?;
            row.get::<_, String>(5)
        })?;
        each(&mut self.waiting, [task])?;
        each(&mut self.candidates, [&repo])?;
        each(&mut self.names, [&repo])?;
        each(&mut self.deps, [task])?;
        each(&mut self.providers, [])?;
        self.commit.raw_execute()?;
        Ok(())
    }

    /// What a claimed job is about.
    fn rows_of(&mut self, task: &str) -> Result<()> {
        self.begin.raw_execute()?;
        self.bodies.query_row([task], see)?;
        self.commit.raw_execute()?;
        Ok(())
    }

    fn decide(&mut self, d: &Decision) -> Result<()> {
        let values = params![
            d.task,
            d.seq,
            d.project,
            d.repo,
            d.key,
            d.life,
            d.stage,
            d.wakes,
            d.due_at,
            d.at,
            d.candidacy,
            d.priority,
            d.version,
            d.transition,
        ];
        let version: i64 = self.swap.query_row(values, |row| row.get(0))?;
        one(self.body.execute(params![d.seq, version, d.body])?)?;
        self.remember.execute(params![d.transition, d.task, version, d.at])?;
        for body in &d.events {
            self.event.execute(params![d.task, d.at, body])?;
        }
        for micros in &d.costs {
            self.cost.execute(params![d.project, d.at, micros])?;
        }
        for (id, epoch) in &d.relied_on {
            let now: i64 = self.provider.query_row([id], |row| row.get(0))?;
            ensure!(now == *epoch, "the provider {id} changed under the floor");
        }
        for input in &d.consumed {
            one(self.consume.execute(params![input, d.task])?)?;
        }
        if let Some(Job { id, kind, class, available_at, spec }) = &d.job {
            self.enqueue.execute(params![id, d.task, kind, class, d.priority, d.at, available_at, spec])?;
        }
        for surface in &d.dirty {
            self.want.execute(params![d.task, surface, version])?;
        }
        Ok(())
    }

    fn claim<'s>(&mut self, claim: &'s Claim) -> Result<Vec<(&'s str, i64)>> {
        let side = each(&mut self.ready, params!["side", NOW.0, claim.limit])?;
        ensure!(side == 0, "a side job among the workload's jobs");
        black_box(self.drained.query_row([], |row| row.get::<_, i64>(0))?);
        let mut room = claim.limit;
        if let Some(max) = claim.max_running {
            room = room.min(max - self.running.query_row([], |row| row.get::<_, i64>(0))?);
        }
        if room > 0 {
            let got = each(&mut self.ready, params!["pipeline", NOW.0, room])?;
            ensure!(got == claim.gets.len(), "the floor's queue is not the engine's");
        }
        if claim.gets.is_empty() {
            return Ok(Vec::new());
        }
        let many = i64::try_from(claim.gets.len())?;
        let last: i64 = self.draw.query_row([many], |row| row.get(0))?;
        let mut held = Vec::with_capacity(claim.gets.len());
        for (((job, _), run), token) in claim.gets.iter().zip(&claim.runs).zip(last - many + 1..) {
            one(self.take.execute(params![job, claim.owner, run, token, NOW.0, claim.until])?)?;
            held.push((job.as_str(), token));
        }
        Ok(held)
    }

    fn settle(&mut self, settle: &Settle, token: i64) -> Result<()> {
        let found = self.of_token.query_row(params![settle.job, token], see).optional()?;
        ensure!(found.is_some(), "{} is not held under the token {token}", settle.job);
        self.input.execute(params![settle.fact, settle.task, NOW.0, settle.body])?;
        one(self.wake.execute(params![settle.task, NOW.0])?)?;
        one(self.end.execute(params![settle.job, settle.state, settle.fact])?)
    }
}

/// The requests of the next COMMIT: a claim ends its group, because its answer is waited for.
pub(crate) fn next_group(requests: &[JobRequest], group: usize) -> &[JobRequest] {
    let claim = requests.iter().take(group).position(|r| matches!(r, JobRequest::Claim(_)));
    &requests[..claim.map_or(group.min(requests.len()), |at| at + 1)]
}

/// The decisions of each COMMIT: a task's second one needs the first one's answer.
pub(crate) fn groups(decisions: &[Decision], group: usize) -> impl Iterator<Item = &[Decision]> {
    let mut rest = decisions;
    std::iter::from_fn(move || {
        let most = group.min(rest.len());
        let again = (1..most).find(|n| rest[..*n].iter().any(|d| d.task == rest[*n].task));
        let (now, later) = rest.split_at(again.unwrap_or(most));
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

/// Reads every column, as whoever asked would.
fn see(row: &Row<'_>) -> rusqlite::Result<()> {
    for column in 0.. {
        match row.get_ref(column) {
            Ok(value) => drop(black_box(value)),
            Err(rusqlite::Error::InvalidColumnIndex(_)) => break,
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn each(statement: &mut Statement<'_>, values: impl Params) -> Result<usize> {
    let mut rows = statement.query(values)?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        see(row)?;
        seen += 1;
    }
    Ok(seen)
}

fn one(rows: usize) -> Result<()> {
    ensure!(rows == 1, "a statement of the floor changed {rows} rows, not one");
    Ok(())
}

#[cfg(test)]
mod tests;
