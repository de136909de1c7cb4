//! The rounds: one run that is recorded and not measured, then floor and engine in turn, each on a fresh copy
//! of the same prepared store. What both left behind is compared, so that neither can do less than the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use orchd_core::id::TaskId;
use orchd_store_sqlite::SqliteStore;
use rusqlite::Connection;
use tokio::runtime::{Builder, Runtime};

use crate::floor::{self, Floor};
use crate::moment::{Moment, Took};
use crate::record::Recorder;
use crate::script::{self, Cycle, JobRequest};
use crate::workload::{self, CLAIM, Size};

/// One side's round: all its cycles, the decisions and the jobs apart.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    pub(crate) decisions: Part,
    pub(crate) jobs: Part,
}

/// What a part of a round took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) took: Took,
    pub(crate) commits: u64,
}

impl Part {
    fn add(&mut self, took: Took, commits: u64) {
        self.took += took;
        self.commits += commits;
    }
}

/// Everything measured.
pub(crate) struct Measured {
    pub(crate) floor: Vec<Side>,
    pub(crate) engine: Vec<Side>,
}

/// The runtime of the shipped program.
fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).build()?)
}

struct Bench {
    dir: PathBuf,
    size: Size,
    tasks: Vec<TaskId>,
}

/// Measures in a directory of its own; the disk it is on is what durability costs.
pub(crate) fn measure(dir: &Path, size: Size) -> Result<Measured> {
    let prepared = dir.join("prepared.db");
    let tasks = runtime()?.block_on(workload::prepare(&prepared, size))?;
    let bench = Bench { dir: dir.to_owned(), size, tasks };
    let script = bench.record().context("the recorded run")?;
    // The engine's groups are as large as its askers make them: they are counted before the floor is told.
    let groups = Groups::like(&script, bench.engine().context("the run that counts COMMITs")?);
    let mut measured = Measured { floor: Vec::new(), engine: Vec::new() };
    for round in 0..size.rounds {
        // In turn, and each first every other time: the machine has other things to do as well.
        for side in [round % 2, 1 - round % 2] {
            if side == 0 {
                measured.floor.push(bench.floor(&script, groups).context("the floor")?);
            } else {
                measured.engine.push(bench.engine().context("the engine")?);
            }
        }
    }
    Ok(measured)
}

impl Bench {
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let to = self.dir.join(name);
        for end in ["", "-wal", "-shm"] {
            let with = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
            let (from, to) = (with(&self.dir.join("prepared.db")), with(&to));
            match fs::remove_file(&to) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                Ok(()) | Err(_) => {}
            }
            if from.exists() {
                fs::copy(&from, &to)?;
                fs::File::open(&to)?.sync_all()?;
            }
        }
        Ok(to)
    }

    /// One run of the engine with everything written down that it asked of its store.
    fn record(&self) -> Result<Vec<Cycle>> {
        let path = self.fresh("engine.db")?;
        let mut script = Vec::new();
        {
            let recorder = Recorder::new(workload::open(&path)?);
            let engine = workload::engine(Arc::<Recorder<_>>::clone(&recorder), self.size.tasks);
            // One thread: what is asked is then written down in the order in which it reaches the store.
            let runtime = Builder::new_current_thread().build()?;
            for _ in 0..self.size.cycles {
                runtime.block_on(workload::jobs(&engine))?;
                let jobs = recorder.take();
                runtime.block_on(workload::decisions(&engine, &self.tasks))?;
                script.push(script::cycle(jobs, recorder.take())?);
            }
        }
        self.check(&path)?;
        Ok(script)
    }

    fn engine(&self) -> Result<Side> {
        let path = self.fresh("engine.db")?;
        let mut side = Side::default();
        {
            let runtime = runtime()?;
            let store = Arc::new(workload::open(&path)?);
            let commits = || store.written().map_or(0, |written| written.transactions);
            let engine = workload::engine(Arc::<SqliteStore>::clone(&store), self.size.tasks);
            for _ in 0..self.size.cycles {
                let (start, before) = (Moment::now(), commits());
                let jobs = runtime.block_on(workload::jobs(&engine))?;
                let (middle, between) = (Moment::now(), commits());
                runtime.block_on(workload::decisions(&engine, &self.tasks))?;
                side.jobs.add(middle - start, between - before);
                side.decisions.add(Moment::now() - middle, commits() - between);
                ensure!(jobs == self.size.tasks, "{jobs} jobs in a cycle, not {}", self.size.tasks);
            }
        }
        self.check(&path)?;
        Ok(side)
    }

    fn floor(&self, script: &[Cycle], groups: Groups) -> Result<Side> {
        let path = self.fresh("floor.db")?;
        let mut side = Side::default();
        {
            let conn = floor::open(&path)?;
            let mut floor = Floor::prepare(&conn)?;
            for cycle in script {
                let start = Moment::now();
                let jobs = floor.jobs(cycle, groups.jobs)?;
                let middle = Moment::now();
                let decisions = floor.decisions(cycle, groups.decisions)?;
                side.jobs.add(middle - start, jobs);
                side.decisions.add(Moment::now() - middle, decisions);
            }
        }
        self.check(&path)?;
        Ok(side)
    }

    /// What either side must have left: so many transitions, settled jobs, consumed inputs, and whole rows.
    fn check(&self, path: &Path) -> Result<()> {
        let before = Left::of(&self.dir.join("prepared.db"))?;
        let after = Left::of(path)?;
        let (jobs, decisions) = (i64::try_from(self.size.jobs())?, i64::try_from(self.size.decisions())?);
        let wanted = Left {
            transitions: before.transitions + decisions,
            versions: before.versions + decisions,
            settled: before.settled + jobs,
            queued: before.queued,
            consumed: before.consumed + jobs,
            waiting: before.waiting,
        };
        ensure!(after == wanted, "{} was left as {after:?}, not as {wanted:?}", path.display());
        Ok(())
    }
}

/// What a store holds, in numbers.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    transitions: i64,
    versions: i64,
    settled: i64,
    queued: i64,
    consumed: i64,
    waiting: i64,
}

impl Left {
    fn of(path: &Path) -> Result<Self> {
        let conn = Connection::open(path)?;
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok(Self {
            transitions: number("SELECT count(*) FROM transitions WHERE task IS NOT NULL")?,
            versions: number("SELECT sum(t.version) FROM tasks t JOIN task_bodies b USING (seq, version)")?,
            settled: number("SELECT count(*) FROM jobs WHERE state = 'succeeded' AND task IS NOT NULL")?,
            queued: number("SELECT count(*) FROM jobs WHERE state = 'queued'")?,
            consumed: number("SELECT count(*) FROM inputs WHERE outcome = 'applied' AND task IS NOT NULL")?,
            waiting: number("SELECT count(*) FROM inputs WHERE outcome IS NULL")?,
        })
    }
}

/// Requests that share a COMMIT of the floor, at most.
#[derive(Debug, Clone, Copy)]
struct Groups {
    decisions: usize,
    jobs: usize,
}

impl Groups {
    /// The groups with which the floor's COMMITs come nearest to the engine's.
    fn like(script: &[Cycle], engine: Side) -> Self {
        let nearest = |commits: &dyn Fn(usize) -> u64, wanted: u64| {
            (1..=4 * CLAIM).min_by_key(|group| commits(*group).abs_diff(wanted)).unwrap_or(1)
        };
        let decisions =
            |group: usize| script.iter().map(|cycle| count(floor::groups(&cycle.decisions, group))).sum();
        let jobs = |group: usize| script.iter().map(|cycle| count(job_groups(&cycle.jobs, group))).sum();
        Self {
            decisions: nearest(&decisions, engine.decisions.commits),
            jobs: nearest(&jobs, engine.jobs.commits),
        }
    }
}

fn count(groups: impl Iterator) -> u64 {
    groups.count() as u64
}

fn job_groups(requests: &[JobRequest], group: usize) -> impl Iterator<Item = &[JobRequest]> {
    let mut rest = requests;
    std::iter::from_fn(move || {
        let now = floor::next_group(rest, group);
        rest = &rest[now.len()..];
        (!now.is_empty()).then_some(now)
    })
}
