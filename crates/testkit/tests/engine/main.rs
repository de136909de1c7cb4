//! The engine's steps on the store in memory, where a step meets what it can not handle: a project that is gone from
//! the configuration. Whatever else there is to do goes on, and nothing that may be alive is started twice.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

mod alerting;
mod board;

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::id::{BootId, Key, ProjectId, RepoId};
use orchd_core::lease::LeasePolicy;
use orchd_core::policy::Policy;
use orchd_core::port::alert::Alerts;
use orchd_core::port::clock::{Clock, Ids as _};
use orchd_core::port::store::{JobState, Store};
use orchd_core::port::tracker::Tracker;
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::{Request, Task};
use orchd_core::time::Timestamp;
use orchd_engine::{Deps, Engine, NewRequest};
use orchd_testkit::contract::lab::Lab;
use orchd_testkit::{CountingIds, ManualClock, MemoryStore, NoSurfaces, Space, block_on};

/// A process of this store with one project and nobody to work, and these surfaces.
fn process(lab: &Lab, tracker: Arc<dyn Tracker>, alerts: Arc<dyn Alerts>) -> Engine {
    let policy = Policy::new("project", "repo", "P");
    Engine::new(Deps {
        store: lab.shared() as Arc<dyn Store>,
        clock: Arc::clone(&lab.clock) as Arc<dyn Clock>,
        ids: Arc::new(CountingIds::new(61)),
        tracker,
        forge: Arc::new(NoSurfaces),
        alerts,
        executors: BTreeMap::new(),
        host: Arc::new(Space(true)),
        policies: BTreeMap::from([(policy.project.clone(), Arc::new(policy))]),
        boot: lab.boot(),
        leases: LeasePolicy::default(),
        max_running: None,
    })
}

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    ids: Arc<CountingIds>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
        let store = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
        Self { store, clock, ids: Arc::new(CountingIds::new(1)) }
    }

    /// Another life of the process, with these projects in its configuration.
    fn engine(&self, projects: &[&str], room: bool) -> Engine {
        let policy = |name: &&str| (ProjectId::new(*name), Arc::new(Policy::new(name, name, "T")));
        Engine::new(Deps {
            store: Arc::<MemoryStore>::clone(&self.store),
            clock: Arc::<ManualClock>::clone(&self.clock),
            ids: Arc::<CountingIds>::clone(&self.ids),
            tracker: Arc::new(NoSurfaces),
            forge: Arc::new(NoSurfaces),
            alerts: Arc::new(NoSurfaces),
            executors: BTreeMap::new(),
            policies: projects.iter().map(policy).collect(),
            boot: BootId(self.ids.next()),
            leases: LeasePolicy::default(),
            max_running: None,
            host: Arc::new(Space(room)),
        })
    }

    /// A task of a project of its own, asked for.
    fn ask(&self, engine: &Engine, project: &str) -> Task {
        let repo = Repo::new(RepoId::new(project), ProjectId::new(project));
        block_on(self.store.ensure_repo(&repo)).unwrap();
        let request = Request {
            title: "Do something".to_owned(),
            description: "Something.".to_owned(),
            ..Request::default()
        };
        block_on(engine.start(NewRequest {
            project: ProjectId::new(project),
            key: Key::new(format!("{project}-1")),
            request,
            track: None,
            by: orchd_core::id::Actor::new("person"),
            repair: false,
        }))
        .unwrap()
    }

    fn jobs(&self, state: JobState) -> usize {
        let rows = block_on(self.store.jobs(None, 100)).unwrap();
        rows.iter().filter(|row| row.state == state).count()
    }
}

#[test]
fn a_project_that_is_gone_stops_nobody_elses_decisions() {
    let world = World::new();
    let both = world.engine(&["a", "b"], true);
    let (gone, there) = (world.ask(&both, "a"), world.ask(&both, "b"));
    let one = world.engine(&["b"], true);
    // What is said about the missing one is an error of its own; the other one is decided all the same.
    for _ in 0..4 {
        let _ = block_on(one.decide_due());
    }
    let stage = |task: &Task| {
        let tasks = block_on(world.store.tasks()).unwrap();
        tasks.into_iter().find(|(t, _)| t.id == task.id).map(|(t, _)| (t.stage, t.reason.is_some()))
    };
    assert_eq!(stage(&gone), Some((Stage::Created, false)), "nothing was decided for it");
    assert!(
        stage(&there).is_some_and(|(stage, said)| stage != Stage::Created || said),
        "{:?}",
        stage(&there)
    );
}

#[test]
fn a_claimed_job_whose_project_is_gone_is_given_back_and_not_held() {
    let world = World::new();
    let known = world.engine(&["a"], true);
    world.ask(&known, "a");
    block_on(known.decide_due()).unwrap();
    assert_eq!(world.jobs(JobState::Queued), 1, "a look at main is asked for");
    let stranger = world.engine(&["b"], true);
    assert!(block_on(stranger.claim(4)).unwrap().is_empty());
    assert_eq!((world.jobs(JobState::Queued), stranger.held().len()), (1, 0));
    assert_eq!(block_on(known.claim(4)).unwrap().len(), 1, "who knows the project can have it at once");
}

/// Its run may live: somebody else must not start another in its place.
#[test]
fn a_taken_over_job_whose_project_is_gone_stays_held() {
    let world = World::new();
    let first = world.engine(&["a"], true);
    world.ask(&first, "a");
    block_on(first.decide_due()).unwrap();
    assert_eq!(block_on(first.claim(4)).unwrap().len(), 1);
    let next = world.engine(&["b"], true);
    assert!(block_on(next.take_over()).unwrap().is_empty());
    assert_eq!((world.jobs(JobState::Running), next.held().len()), (1, 1));
    let last = world.engine(&["a"], true);
    assert_eq!(block_on(last.take_over()).unwrap().len(), 1, "it is adopted once the project is back");
}

/// A look at main is a side job: what frees the way goes on, what fills the host does not begin.
#[test]
fn without_room_only_side_jobs_are_claimed() {
    let world = World::new();
    let roomy = world.engine(&["a"], true);
    world.ask(&roomy, "a");
    block_on(roomy.decide_due()).unwrap();
    let full = world.engine(&["a"], false);
    let claimed = block_on(full.claim(4)).unwrap();
    assert!(claimed.iter().all(|context| context.claimed.kind.class() == orchd_core::job::JobClass::Side));
    assert_eq!(claimed.len(), 1);
}
