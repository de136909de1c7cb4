//! One repository of a person, the local forge that follows it, a workshop, and jobs as the engine would hand them out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use orchd_core::event::Birth;
use orchd_core::evolve::born;
use orchd_core::fact::Address;
use orchd_core::id::{Actor, Branch, EffectId, JobId, Key, ProjectId, RepoId, RunId, Sha, TaskId, Token};
use orchd_core::job::{JobResult, JobSpec, Work};
use orchd_core::pipeline::TrackName;
use orchd_core::policy::{Agent, Policy, Suite};
use orchd_core::port::clock::Clock;
use orchd_core::port::executor::{About, Guard, RunContext};
use orchd_core::port::store::{Claimed, SendOutcome};
use orchd_core::repo::Repo;
use orchd_core::stage::Role;
use orchd_core::task::{Request, Task};
use orchd_core::time::{Span, Timestamp};
use orchd_git::{Access, ForgeRepo, Git, GitConfig, Mirror, RefSpace, Remote};
use orchd_launcher::Launcher;
use orchd_runners::{RepoPlace, UserRepo, Workshop, WorkshopConfig, executors};

/// Files `{"summary": "done"}` as a submission, as `orchctl submit` would.
pub(crate) const SUBMIT: &str = "say() { printf %s \"$1\" > \"$ORCHD_RUN_DIR/.s\" && \
     mv \"$ORCHD_RUN_DIR/.s\" \"$ORCHD_RUN_DIR/submission.json\"; }; ";

pub(crate) struct World {
    pub(crate) git: Git,
    pub(crate) forge: ForgeRepo,
    pub(crate) shop: Workshop,
    pub(crate) user: PathBuf,
    pub(crate) base: Sha,
    pub(crate) policy: Policy,
    pub(crate) repo: Repo,
    pub(crate) data: PathBuf,
    _temp: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (data, user) = (temp.path().join("da ta"), temp.path().join("user"));
        let git = Git::new(GitConfig::new(data.join("home"))).unwrap();
        std::fs::create_dir_all(&user).unwrap();
        run_git(&user, &["init", "-q", "-b", "main"]);
        let base = commit(&user, &[("README", "hello\n")], "first");
        let forge_dir = data.join("forge/demo.git");
        let (forge, _) = ForgeRepo::init_from(&git, &forge_dir, &user, &Branch::new("main")).await.unwrap();
        let mut policy = Policy::new("demo", "demo", "DEMO");
        policy.test = Some(suite("echo 'ok 1 - all'"));
        let repo = Repo::new(RepoId::new("demo"), ProjectId::new("demo"));
        let shop = workshop(&data, &git, &forge, &user, &[]);
        Self { git, forge, shop, user, base, policy, repo, data, _temp: temp }
    }

    /// The workshop of the next process of orchd.
    pub(crate) fn restarted(&self) -> Workshop {
        workshop(&self.data, &self.git, &self.forge, &self.user, &[])
    }

    /// The same with variables of its own.
    pub(crate) fn restarted_with(&mut self, env: &[(&str, &str)]) {
        self.shop = workshop(&self.data, &self.git, &self.forge, &self.user, env);
    }

    pub(crate) async fn mirror(&self) -> Mirror {
        self.shop.mirror(&RepoId::new("demo")).await.unwrap()
    }

    /// Gives a role to a shell script.
    pub(crate) fn plays(&mut self, role: Role, script: &str) {
        let command = vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{SUBMIT}{script}")];
        let agent = Agent { model: Some("m-1".to_owned()), ..Agent::new("script", command, Span::secs(60)) };
        self.policy.agents.insert(role, agent);
    }

    pub(crate) fn task(&self, key: &str) -> Task {
        let request = Request {
            title: "Add a greeting".to_owned(),
            description: "Say ```hello``` to people.".to_owned(),
            ..Request::default()
        };
        let birth = Birth {
            id: TaskId(fresh()),
            seq: 1,
            project: ProjectId::new("demo"),
            repo: RepoId::new("demo"),
            key: Key::new(key),
            life: 1,
            branch: Branch::new(format!("orchd/{key}")),
            request,
            track: TrackName::from("full"),
            by: Actor::new("test"),
        };
        born(&birth, Timestamp(0))
    }

    pub(crate) fn agent(&self, role: Role, start: &Sha) -> Work {
        Work::Agent {
            role,
            entry: 3,
            start: start.clone(),
            base: self.base.clone(),
            must_fix: Vec::new(),
            questions: Vec::new(),
            answers: None,
            last_failure: None,
            agent: self.policy.agents.get(&role).cloned().map(Box::new),
            resume: None,
        }
    }

    pub(crate) fn context(&self, about: Option<&Task>, work: Work) -> (RunContext, Arc<TestGuard>) {
        let guard = Arc::new(TestGuard::default());
        let of = match about {
            Some(task) => Address::Task(task.id),
            None => Address::Repo(self.repo.id.clone()),
        };
        let claimed = Claimed {
            job: JobId(fresh()),
            of,
            kind: work.kind(),
            spec: JobSpec { work, not_before: None },
            run: RunId(fresh()),
            token: Token(1),
            until: Timestamp(i64::MAX),
            attempt: 1,
        };
        let context = RunContext {
            claimed,
            about: about.map_or(About::Repo, |task| About::Task(Box::new(task.clone()))),
            repo: self.repo.clone(),
            policy: Arc::new(self.policy.clone()),
            guard: guard.clone(),
        };
        (context, guard)
    }

    /// Runs a job as the engine would.
    pub(crate) async fn work(&self, context: RunContext) -> JobResult {
        work_in(&self.shop, context).await
    }

    pub(crate) async fn job(&self, about: Option<&Task>, work: Work) -> JobResult {
        let (context, _) = self.context(about, work);
        self.work(context).await
    }

    /// A commit over `parent` in the mirror.
    pub(crate) async fn commit_on(&self, parent: &Sha, files: &[(&str, &str)]) -> Sha {
        let mirror = self.mirror().await;
        mirror.fetch_main().await.unwrap();
        let dir = self.data.join(format!("writer-{}", fresh()));
        std::fs::create_dir_all(&dir).unwrap();
        run_git(&dir, &["init", "-q"]);
        let from = mirror.dir().to_str().unwrap().to_owned();
        run_git(&dir, &["fetch", "-q", &from, "+refs/*:refs/from/*"]);
        run_git(&dir, &["checkout", "-q", "--detach", parent.as_str()]);
        let head = commit(&dir, files, "work");
        run_git(&dir, &["push", "-q", &from, &format!("HEAD:refs/test/{}", fresh())]);
        head
    }

    /// Another's commit on the forge's main.
    pub(crate) fn advance_main(&self, files: &[(&str, &str)]) -> Sha {
        let dir = self.data.join(format!("other-{}", fresh()));
        let forge = self.forge.dir().to_str().unwrap().to_owned();
        std::fs::create_dir_all(&dir).unwrap();
        run_git(&dir, &["init", "-q"]);
        run_git(&dir, &["fetch", "-q", &forge, "main"]);
        run_git(&dir, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
        let head = commit(&dir, files, "another's");
        run_git(&dir, &["push", "-q", &forge, "HEAD:refs/heads/main"]);
        head
    }

    /// Puts a task's branch at a head, as after its development.
    pub(crate) async fn developed(&self, task: &mut Task, head: &Sha) {
        let mirror = self.mirror().await;
        let main = mirror.fetch_main().await.unwrap().sha;
        mirror.ensure_branch(&task.branch, head).await.unwrap();
        mirror.push_branch(&task.branch, head, None).await.unwrap();
        task.branch_state = Some(orchd_core::job::BranchState {
            base: mirror.merge_base(&main, head).await.unwrap().unwrap(),
            head: head.clone(),
            patch: mirror.patch_digest(&main, head).await.unwrap(),
            docs: orchd_core::id::Digest::of(b""),
            ahead: true,
        });
    }
}

pub(crate) async fn work_in(shop: &Workshop, context: RunContext) -> JobResult {
    let executors = executors(shop.clone());
    let executor = executors[&context.claimed.kind].clone();
    tokio::time::timeout(Duration::from_secs(120), executor.run(context)).await.expect("within two minutes")
}

pub(crate) fn suite(command: &str) -> Suite {
    Suite { command: command.to_owned(), timeout: Span::secs(60) }
}

fn workshop(data: &Path, git: &Git, forge: &ForgeRepo, user: &Path, env: &[(&str, &str)]) -> Workshop {
    let own = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let usual =
        [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/nonexistent"), ("ORCHD_SECRET", "token")]
            .into_iter()
            .filter(|(name, _)| !env.iter().any(|(own, _)| own == name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let place = RepoPlace {
        remote: Remote::Path(forge.dir().to_owned()),
        main: Branch::new("main"),
        access: Access::Anonymous,
        refs: RefSpace::default(),
        user: Some(UserRepo { dir: user.to_owned(), branch: Branch::new("main"), forge: forge.clone() }),
    };
    Workshop::new(WorkshopConfig {
        data: data.to_owned(),
        git: git.clone(),
        launcher: Launcher::new(shim(), vec!["shim".to_owned()]),
        clock: Arc::new(Fixed),
        repos: BTreeMap::from([(RepoId::new("demo"), place)]),
        submit: PathBuf::from("/nonexistent/orchctl"),
        env: usual.chain(own).collect(),
    })
}

/// The example beside the test executable (`target/debug/deps/it-…` and `target/debug/examples/runner-shim`).
fn shim() -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let shim = me.parent().and_then(Path::parent).unwrap().join("examples/runner-shim");
    assert!(shim.exists(), "{} is missing; cargo build -p orchd-runners --examples", shim.display());
    shim
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
}

/// The engine's side of a job, as a ledger of one entry and a word to end.
#[derive(Default)]
pub(crate) struct TestGuard {
    sent: Mutex<bool>,
    told: Mutex<Option<String>>,
}

impl TestGuard {
    pub(crate) fn tell(&self, why: &str) {
        *self.told.lock().unwrap() = Some(why.to_owned());
    }
}

#[async_trait]
impl Guard for TestGuard {
    async fn may_send(&self, _: EffectId) -> SendOutcome {
        let mut sent = self.sent.lock().unwrap();
        if *sent {
            return SendOutcome::Stale;
        }
        *sent = true;
        SendOutcome::MaySend
    }

    fn told_to_end(&self) -> Option<String> {
        self.told.lock().unwrap().clone()
    }
}

/// Unique in this process, which is all that a temporary directory needs.
pub(crate) fn fresh() -> uuid::Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = u128::from(std::process::id()) << 64;
    uuid::Uuid::from_u128(id | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// People's git, run by hand.
pub(crate) fn run_git(at: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(at).args(args);
    command.envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("HOME", "/nonexistent"),
    ]);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Person").env(format!("GIT_{who}_EMAIL"), "p@example.org");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn commit(at: &Path, files: &[(&str, &str)], message: &str) -> Sha {
    for (file, content) in files {
        let path = at.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    run_git(at, &["add", "-A"]);
    run_git(at, &["commit", "-q", "--allow-empty", "-m", message]);
    Sha::parse(&run_git(at, &["rev-parse", "HEAD"])).unwrap()
}
