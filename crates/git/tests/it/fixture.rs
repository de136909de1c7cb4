//! A forge, its mirror and a person's repository in a temporary directory whose name holds a space, a newline and
//! a letter that is not ASCII. People's git is run by hand here, never through the crate under test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use orchd_core::id::{Branch, RunId, Sha, TaskId};
use orchd_git::{ForgeRepo, Git, GitConfig, Mirror, MirrorConfig, Remote};

pub(crate) struct World {
    pub(crate) git: Git,
    pub(crate) forge: ForgeRepo,
    pub(crate) mirror: Mirror,
    pub(crate) user: Person,
    pub(crate) base: Sha,
    dir: PathBuf,
    _temp: tempfile::TempDir,
}

impl World {
    /// A forge imported from a person's repository with one commit, and a mirror that has fetched main.
    pub(crate) async fn new() -> Self {
        let (temp, dir, git) = empty();
        let user = Person::new(&dir.join("us er"));
        user.commit("README", "hello\n", "first");
        let main = Branch::new("main");
        let (forge, _) = ForgeRepo::init_from(&git, &dir.join("forge"), &user.dir, &main).await.unwrap();
        let mirror = open_mirror(&git, &dir.join("mirror"), forge.dir()).await;
        let base = mirror.fetch_main().await.unwrap().sha;
        Self { git, forge, mirror, user, base, dir, _temp: temp }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A commit over `parent` that the mirror has, with `content` in `file`.
    pub(crate) async fn commit_on(&self, parent: &Sha, file: &str, content: &str) -> Sha {
        self.commit_bytes(parent, &[(file, content.as_bytes())]).await
    }

    pub(crate) async fn commit_bytes(&self, parent: &Sha, files: &[(&str, &[u8])]) -> Sha {
        let writer =
            Person::clone_of(self.mirror.dir(), &self.dir.join(format!("writer-{}", fresh())), parent);
        for (file, content) in files {
            writer.write(file, content);
        }
        writer.run(["add", "-A"]);
        writer.run(["commit", "-q", "-m", "work", "--author", "Dev Eloper <dev@example.org>"]);
        let head = writer.head();
        writer.run([
            OsStr::new("push"),
            OsStr::new("-q"),
            self.mirror.dir().as_os_str(),
            OsStr::new(&format!("HEAD:refs/test/{}", fresh())),
        ]);
        head
    }

    /// Lands a commit on the forge's main as another actor would.
    pub(crate) async fn advance_main(&self, file: &str, content: &str) -> Sha {
        let main = self.mirror.fetch_main().await.unwrap().sha;
        let head = self.commit_on(&main, file, content).await;
        let name = orchd_core::id::RefName::merge(task(), 1);
        let outcome = self.mirror.land(&main, &head, &name).await.unwrap();
        assert!(matches!(outcome, orchd_git::LandOutcome::Applied { .. }), "{outcome:?}");
        self.mirror.fetch_main().await.unwrap().sha
    }
}

/// A temporary directory with an awkward name, and git.
pub(crate) fn empty() -> (tempfile::TempDir, PathBuf, Git) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("sp ace\nnew ö \"q\"");
    std::fs::create_dir(&dir).unwrap();
    let git = Git::new(GitConfig::new(dir.join("home"))).unwrap();
    (temp, dir, git)
}

pub(crate) async fn open_mirror(git: &Git, dir: &Path, remote: &Path) -> Mirror {
    Mirror::open_or_init(git, MirrorConfig::new(dir, Remote::Path(remote.to_owned()))).await.unwrap()
}

/// Unique in this process, which is all that a temporary directory needs.
fn fresh() -> uuid::Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    uuid::Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into())
}

pub(crate) fn task() -> TaskId {
    TaskId(fresh())
}

pub(crate) fn run() -> RunId {
    RunId(fresh())
}

/// Writes an executable script. Through another process, because a descriptor that this one has open for writing
/// is for a moment inherited by whatever another test is starting, and the script is "text file busy" meanwhile.
pub(crate) fn script(path: &Path, body: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(body);
    assert!(shell.status().unwrap().success());
}

/// A work tree with somebody in it.
pub(crate) struct Person {
    pub(crate) dir: PathBuf,
}

impl Person {
    pub(crate) fn new(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let person = Self { dir: dir.to_owned() };
        person.run(["init", "-q", "-b", "main"]);
        person
    }

    /// As `git clone` does, at `at`; a path with a newline is nothing that `git clone --shared` could do.
    pub(crate) fn clone_of(from: &Path, dir: &Path, at: &Sha) -> Self {
        let person = Self::new(dir);
        person.run([
            OsStr::new("fetch"),
            OsStr::new("-q"),
            from.as_os_str(),
            OsStr::new("+refs/*:refs/from/*"),
        ]);
        person.run(["checkout", "-q", "--detach", at.as_str()]);
        person
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(&self.dir).args(args);
        command.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("HOME", "/nonexistent"),
        ]);
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Person")
                .env(format!("GIT_{who}_EMAIL"), "person@example.org");
        }
        command
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn commit(&self, file: &str, content: &str, message: &str) -> Sha {
        self.write(file, content);
        self.run(["add", "-A"]);
        self.run(["commit", "-q", "-m", message]);
        self.head()
    }

    pub(crate) fn head(&self) -> Sha {
        Sha::parse(&self.run(["rev-parse", "HEAD"])).unwrap()
    }
}
