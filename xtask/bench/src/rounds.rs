//! The rounds: one run that is recorded and not measured, then floor and engine in turn, each on a fresh copy
//! of the same prepared store. What both left behind is compared, so that neither can do less than the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use orchd_core::id::TaskId;
use rusqlite::Connection;
use tokio::runtime::{Builder, Runtime};

use crate::floor::{self, Floor};
use crate::moment::{Moment, Took};
use crate::record::Recorder;
use crate::script::{self, Cycle, JobRequest};
use crate::wal::Commits;
use crate::workload::{self, CLAIM, Size};

/// What one side took for all cycles of a round.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sides {
    pub(crate) decisions: Took,
    pub(crate) jobs: Took,
}

/// COMMITs of all cycles of a round.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CommitCounts {
    pub(crate) decisions: u32,
    pub(crate) jobs: u32,
}

/// Everything measured.
pub(crate) struct Measured {
    pub(crate) floor: Vec<Sides>,
    pub(crate) engine: Vec<Sides>,
    pub(crate) floor_commits: CommitCounts,
    pub(crate) engine_commits: CommitCounts,
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
    let (script, engine_commits) = bench.record().context("the recorded run")?;
    let groups = Groups::like(&script, engine_commits);
    let mut measured =
        Measured { floor: Vec::new(), engine: Vec::new(), floor_commits: CommitCounts::default(), engine_commits };
    for round in 0..size.rounds {
        // In turn, and each first every other time: the machine has other things to do as well.
        for side in [round % 2, 1 - round % 2] {
            if side == 0 {
                let (took, commits) = bench.floor(&script, groups).context("the floor")?;
                measured.floor.push(took);
                measured.floor_commits = commits;
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
    fn record(&self) -> Result<(Vec<Cycle>, CommitCounts)> {
        let path = self.fresh("engine.db")?;
        let mut counts = CommitCounts::default();
        let mut script = Vec::new();
        {
            let recorder = Recorder::new(workload::open(&path)?);
            let engine = workload::engine(Arc::<Recorder<_>>::clone(&recorder), self.size.tasks);
            let commits = Commits::watch(&path)?;
            // One thread: what is asked is then written down in the order in which it reaches the store.
            let runtime = Builder::new_current_thread().build()?;
            for _ in 0..self.size.cycles {
                let before = commits.count()?;
                runtime.block_on(workload::jobs(&engine))?;
                let jobs = recorder.take();
                let between = commits.count()?;
                runtime.block_on(workload::decisions(&engine, &self.tasks))?;
                counts.jobs += between - before;
                counts.decisions += commits.count()? - between;
                script.push(script::cycle(jobs, recorder.take())?);
            }
        }
        self.check(&path)?;
        Ok((script, counts))
    }

    fn engine(&self) -> Result<Sides> {
        let path = self.fresh("engine.db")?;
        let mut took = Sides::default();
        {
            let runtime = runtime()?;
            let engine = workload::engine(Arc::new(workload::open(&path)?), self.size.tasks);
            for _ in 0..self.size.cycles {
                let start = Moment::now();
                let jobs = runtime.block_on(workload::jobs(&engine))?;
                let between = Moment::now();
                runtime.block_on(workload::decisions(&engine, &self.tasks))?;
                took.jobs += between - start;
                took.decisions += Moment::now() - between;
                ensure!(jobs == self.size.tasks, "{jobs} jobs in a cycle, not {}", self.size.tasks);
            }
        }
        self.check(&path)?;
        Ok(took)
    }

    fn floor(&self, script: &[Cycle], groups: Groups) -> Result<(Sides, CommitCounts)> {
        let path = self.fresh("floor.db")?;
        let (mut took, mut commits) = (Sides::default(), CommitCounts::default());
        {
            let conn = floor::open(&path)?;
            let mut floor = Floor::prepare(&conn)?;
            for cycle in script {
                let start = Moment::now();
                commits.jobs += floor.jobs(cycle, groups.jobs)?;
                let between = Moment::now();
                commits.decisions += floor.decisions(cycle, groups.decisions)?;
                took.jobs += between - start;
                took.decisions += Moment::now() - between;
            }
        }
        self.check(&path)?;
        Ok((took, commits))
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
            transitions: number("SELECT count(*) FROM transition WHERE task IS NOT NULL")?,
            versions: number("SELECT sum(t.version) FROM task t JOIN task_body b USING (seq, version)")?,
            settled: number("SELECT count(*) FROM job WHERE state = 'succeeded' AND task IS NOT NULL")?,
            queued: number("SELECT count(*) FROM job WHERE state = 'queued'")?,
            consumed: number("SELECT count(*) FROM input WHERE outcome = 'applied' AND task IS NOT NULL")?,
            waiting: number("SELECT count(*) FROM input WHERE outcome IS NULL")?,
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
    /// The smallest groups with which the floor needs no more COMMITs than the engine did.
    fn like(script: &[Cycle], engine: CommitCounts) -> Self {
        let most = 4 * CLAIM;
        let enough = |count: &dyn Fn(usize) -> u32, wanted: u32| {
            (1..most).find(|group| count(*group) <= wanted).unwrap_or(most)
        };
        let decisions = |group: usize| script.iter().map(|cycle| count(floor::groups(&cycle.decisions, group))).sum();
        let jobs = |group: usize| script.iter().map(|cycle| count(job_groups(&cycle.jobs, group))).sum();
        Self { decisions: enough(&decisions, engine.decisions), jobs: enough(&jobs, engine.jobs) }
    }
}

fn count(groups: impl Iterator) -> u32 {
    u32::try_from(groups.count()).unwrap_or(u32::MAX)
}

fn job_groups(requests: &[JobRequest], group: usize) -> impl Iterator<Item = &[JobRequest]> {
    let mut rest = requests;
    std::iter::from_fn(move || {
        let now = floor::next_group(rest, group);
        rest = &rest[now.len()..];
        (!now.is_empty()).then_some(now)
    })
}
