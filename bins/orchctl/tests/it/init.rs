//! `orchctl init` on repositories of many kinds: it works or says exactly why not, and the repository is the same
//! afterwards to the last byte.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

struct Place {
    dir: TempDir,
    repo: PathBuf,
}

impl Place {
    /// A home, and a repository of this folder's name with one commit on main.
    fn new(folder: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().canonicalize().unwrap().join(folder);
        std::fs::create_dir_all(&repo).unwrap();
        let place = Self { dir, repo };
        place.git(&["init", "-q", "-b", "main"]);
        std::fs::write(place.repo.join("Makefile"), "test:\n\ttrue\n").unwrap();
        place.commit();
        place
    }

    fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.repo).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "more"]);
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join(".config/orchd/orchd.toml")
    }

    /// With what nobody can be asked for.
    fn init(&self, args: &[&str]) -> Said {
        let all = ["--script", "/bin/true", "--money-per-task", "5", "--money-per-day", "unlimited"];
        self.orchctl(&[&["init"], &all[..], args].concat())
    }

    fn orchctl(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchctl"));
        command.args(args).current_dir(&self.repo).env_clear();
        command.env("HOME", self.dir.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        Said::of(command.output().unwrap())
    }
}

struct Said {
    out: String,
    error: String,
    code: Option<i32>,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { out: text(output.stdout), error: text(output.stderr), code: output.status.code() }
    }

    #[track_caller]
    fn is_refused(&self, code: i32, why: &str) {
        assert!(
            self.error.contains(why) && self.code == Some(code),
            "{:?}: {}{}",
            self.code,
            self.out,
            self.error
        );
    }

    #[track_caller]
    fn is_good(&self) {
        assert!(self.error.is_empty() && self.code == Some(0), "{:?}: {}{}", self.code, self.out, self.error);
    }
}

/// What a file is: its mode, time and bytes.
pub(crate) type What = (u32, std::time::SystemTime, Vec<u8>);

/// Paths of files that are not the same in both.
pub(crate) fn unlike(one: &BTreeMap<PathBuf, What>, other: &BTreeMap<PathBuf, What>) -> Vec<PathBuf> {
    let paths = one.keys().chain(other.keys().filter(|path| !one.contains_key(*path)));
    paths.filter(|path| one.get(*path) != other.get(*path)).cloned().collect()
}

/// Every file below.
pub(crate) fn all(dir: &Path) -> BTreeMap<PathBuf, What> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = if meta.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(path, (meta.permissions().mode(), meta.modified().unwrap(), bytes));
        }
    }
    found
}

#[test]
fn a_project_is_set_up_and_the_repository_is_not_touched() {
    let place = Place::new("My Shop");
    std::fs::write(place.repo.join("unfinished"), "work").unwrap();
    let before = all(&place.repo);
    let dry = place.init(&["--dry-run"]);
    dry.is_good();
    assert!(dry.out.contains("Nothing was written") && !place.config().exists(), "{}", dry.out);
    let said = place.init(&[]);
    said.is_good();
    assert!(
        said.out.contains("main is main") && said.out.contains("tests: make test (by Makefile"),
        "{}",
        said.out
    );
    assert_eq!(place.init(&[]).out.lines().count(), 1, "the second time changes nothing and says so");
    let check = place.orchctl(&["config", "check"]);
    check.is_good();
    assert!(check.out.contains("project my-shop"), "{}", check.out);
    let command = place.orchctl(&["config", "explain", "project.my-shop.test.command"]).out;
    assert!(command.starts_with("project.my-shop.test.command = \"make test\""), "{command}");
    assert_eq!(unlike(&all(&place.repo), &before), Vec::<PathBuf>::new());
}

#[test]
fn what_a_person_wrote_stays_and_a_second_project_follows() {
    let place = Place::new("one");
    place.init(&["--no-test"]).is_good();
    let first = format!("{}# mine", std::fs::read_to_string(place.config()).unwrap());
    std::fs::write(place.config(), &first).unwrap();
    let other = place.repo.join("two");
    std::fs::create_dir(&other).unwrap();
    let place = Place { dir: place.dir, repo: other };
    place.git(&["init", "-q", "-b", "master"]);
    std::fs::write(place.repo.join("a"), "").unwrap();
    place.commit();
    let said = place.init(&["--test", "sh \"all tests\".sh"]);
    said.is_good();
    assert!(said.out.contains("main is master"), "{}", said.out);
    let text = std::fs::read_to_string(place.config()).unwrap();
    assert!(text.starts_with(&first), "{text}");
    assert!(place.orchctl(&["config", "check"]).out.contains("projects one, two"));
}

#[test]
fn repositories_it_can_not_work_on_are_told_and_left_alone() {
    let nowhere = tempfile::tempdir().unwrap();
    let place = Place::new("r");
    place.init(&[nowhere.path().to_str().unwrap()]).is_refused(1, "is in no git repository");
    place.init(&["--main", "trunk"]).is_refused(1, "has no commit on trunk");
    place.init(&["--main", "a b"]).is_refused(1, "a b");
    let empty = Place::new("e");
    std::fs::remove_dir_all(empty.repo.join(".git")).unwrap();
    empty.git(&["init", "-q", "-b", "main"]);
    empty.init(&[]).is_refused(1, "has no commit on main or master");
    let shallow = Place { repo: place.repo.join("shallow"), dir: tempfile::tempdir().unwrap() };
    let url = format!("file://{}", place.repo.display());
    place.commit_empty();
    place.git(&["clone", "-q", "--depth", "1", &url, shallow.repo.to_str().unwrap()]);
    shallow.init(&[]).is_refused(1, "shallow");
    for place in [&place, &empty, &shallow] {
        assert!(!place.config().exists());
    }
}

impl Place {
    fn commit_empty(&self) {
        self.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    }
}

#[test]
fn a_path_that_no_configuration_can_name_is_told() {
    let place = Place::new("r");
    let odd = place.repo.join(std::ffi::OsStr::from_bytes(b"l\xe4den"));
    std::fs::create_dir(&odd).unwrap();
    let odd = Place { repo: odd, dir: tempfile::tempdir().unwrap() };
    odd.git(&["init", "-q", "-b", "main"]);
    odd.commit_empty();
    odd.init(&["--no-test"]).is_refused(1, "is not UTF-8");
}

#[test]
fn odd_repositories_are_worked_on() {
    let place = Place::new("läden \"und\" 'mehr'");
    place.git(&["checkout", "-q", "--detach"]);
    place.init(&["--name", "x"]).is_good();
    let bare = Place { repo: place.repo.join("bare.git"), dir: tempfile::tempdir().unwrap() };
    place.git(&["clone", "-q", "--bare", ".", bare.repo.to_str().unwrap()]);
    let said = bare.init(&["--no-test"]);
    said.is_good();
    assert!(said.out.contains("[project.bare]"), "{}", said.out);
    let tree = Place { repo: place.repo.join("tree"), dir: tempfile::tempdir().unwrap() };
    place.git(&["worktree", "add", "-q", "--detach", tree.repo.to_str().unwrap()]);
    tree.init(&[]).is_good();
    // From a folder inside, the repository is meant.
    let inner = place.repo.join("src/deep");
    std::fs::create_dir_all(&inner).unwrap();
    let said = place.init(&[inner.to_str().unwrap()]);
    assert!(said.out.contains("is project x in"), "{}{}", said.out, said.error);
}

#[test]
fn what_only_a_person_can_say_is_asked_for() {
    let place = Place::new("r");
    let money = place.orchctl(&["init", "--script", "/bin/true", "--money-per-task", "5"]);
    money.is_refused(2, "say with --money-per-day how many US dollars that a day may cost, or \"unlimited\"");
    let taken = Place { repo: place.repo.join("sub/r"), dir: tempfile::tempdir().unwrap() };
    std::fs::create_dir_all(&taken.repo).unwrap();
    std::fs::create_dir_all(taken.config().parent().unwrap()).unwrap();
    std::fs::write(taken.config(), "[project.r]\nrepo = \"/elsewhere\"\n").unwrap();
    taken.git(&["init", "-q", "-b", "main"]);
    taken.commit_empty();
    taken.init(&[]).is_refused(2, "has another project r; give this one a name with --name");
    place.init(&["--money-per-task", "much"]).is_refused(2, "--money-per-task");
    std::fs::remove_file(place.repo.join("Makefile")).unwrap();
    place.init(&[]).is_refused(2, "say it with --test COMMAND, or --no-test");
    let agent = place.orchctl(&["init", "--no-test", "--money-per-task", "5", "--money-per-day", "5"]);
    agent.is_refused(2, "no agent can work here; install one and log in");
    assert!(agent.out.contains("agent: claude: ") && agent.out.contains("agent: codex: "), "{}", agent.out);
    assert!(!place.config().exists());
}

#[test]
fn nothing_of_orchds_goes_into_the_repository() {
    let place = Place::new("r");
    let before = all(&place.repo);
    place.init(&["--data", "data"]).is_refused(1, "the data directory (--data DIR) would be");
    place.init(&["--config", "orchd.toml"]).is_refused(1, "the configuration (--config FILE) would be");
    assert_eq!(unlike(&all(&place.repo), &before), Vec::<PathBuf>::new());
}
