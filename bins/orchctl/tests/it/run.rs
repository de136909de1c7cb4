//! `orchctl run` and `pull`: a person's own repository, from a request to their branch, with the engine in the process of
//! the command. The agent is a script; git, the tests and the engine are real.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::init::{What, all, unlike};

/// Adds the line that the test wants; the reviewer approves, the analyst asks first.
const AGENT: &str = r#"#!/bin/sh
set -e
out="$ORCHD_RUN_DIR/s.json"
case "$ORCHD_ROLE" in
developer) cd "$ORCHD_WORKTREE"; echo --version >> flags; echo '{"summary": "added it"}' > "$out" ;;
reviewer) echo '{"verdict": "APPROVED", "summary": "looked at it"}' > "$out" ;;
*) echo '{"questions": [{"text": "Which version?", "blocking": true}], "summary": "asked"}' > "$out" ;;
esac
"$ORCHD_SUBMIT" submit "$out"
"#;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.repo()).unwrap();
        place.git(&["init", "-q", "-b", "main"]);
        std::fs::write(place.repo().join("Makefile"), "test:\n\ttest -f flags && echo 'ok 1 - flags'\n")
            .unwrap();
        std::fs::write(place.repo().join("flags"), "--help\n").unwrap();
        place.git(&["add", "."]);
        place.git(&["commit", "-q", "-m", "first"]);
        let agent = place.dir.path().join("agent");
        std::fs::write(&agent, AGENT).unwrap();
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
        let init =
            ["init", "--money-per-task", "1", "--money-per-day", "1", "--script", agent.to_str().unwrap()];
        let (said, code) = place.orchctl(&init);
        assert_eq!(code, Some(0), "{said}");
        let config = place.dir.path().join(".config/orchd/orchd.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        // A test's host may be full.
        let floors = "\n[host]\ndisk_floor = \"1 MiB\"\nmemory_floor = \"1 MiB\"\n";
        std::fs::write(config, format!("{text}{floors}")).unwrap();
        place
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.repo()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Every file of the repository but the commits that landed and the one ref that names them.
    fn own(&self) -> BTreeMap<PathBuf, What> {
        let mut all = all(&self.repo());
        let orchds =
            ["objects", "refs/remotes", "logs/refs/remotes"].map(|name| self.repo().join(".git").join(name));
        all.retain(|path, _| !orchds.iter().any(|dir| path.starts_with(dir)));
        all
    }

    fn command(&self, dir: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchctl"));
        command.args(args).current_dir(self.dir.path().join(dir)).env_clear();
        command.env("HOME", self.dir.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    /// All that it says, and how it ends.
    fn orchctl(&self, args: &[&str]) -> (String, Option<i32>) {
        self.orchctl_in("shop", args)
    }

    fn orchctl_in(&self, dir: &str, args: &[&str]) -> (String, Option<i32>) {
        let Output { stdout, stderr, status } = self.command(dir, args).output().unwrap();
        (String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap(), status.code())
    }
}

#[test]
fn a_request_becomes_commits_in_ones_branch() {
    let place = Place::new();
    std::fs::write(place.repo().join("unfinished"), "mine").unwrap();
    let before = place.own();
    let (said, code) = place.orchctl(&["run", "Add a --version flag", "--track", "express"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("SHOP-1 is done") && said.contains("orchctl pull"), "{said}");
    assert!(said.contains("developer starts") && said.contains("landed"), "{said}");
    // Nothing of the person's has moved.
    assert_eq!(unlike(&place.own(), &before), Vec::<PathBuf>::new());
    let (said, code) = place.orchctl(&["pull"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read_to_string(place.repo().join("flags")).unwrap(), "--help\n--version\n");
    assert!(place.orchctl(&["pull"]).0.contains("Nothing new has landed."));
    // One's own commit first, and another landing: no fast-forward, and nothing is changed.
    let (said, code) = place.orchctl(&["run", "Add another flag", "--track", "express"]);
    assert_eq!(code, Some(0), "{said}");
    place.git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    let own = place.git(&["rev-parse", "HEAD"]);
    let (said, code) = place.orchctl(&["pull"]);
    assert!(
        said.contains("it is no fast-forward from here, and nothing was changed") && code == Some(1),
        "{said}"
    );
    assert_eq!(place.git(&["rev-parse", "HEAD"]), own);
}

#[test]
fn a_question_ends_it_with_the_way_on() {
    let place = Place::new();
    let (said, code) = place.orchctl(&["run", "Add a --version flag"]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("it asks: Which version?"), "{said}");
    assert!(said.contains("orchctl resume SHOP-1 --answer"), "{said}");
    // Nobody works any more, and the next one goes on with it.
    let (said, code) = place.orchctl(&["stop", "SHOP-1"]);
    assert_eq!(code, Some(0), "{said}");
    let (said, code) = place.orchctl(&["run"]);
    assert!(said.contains("SHOP-1 was cancelled") && code == Some(1), "{said}");
    let (said, code) = place.orchctl(&["run"]);
    assert!(said.contains("there is nothing to go on with") && code == Some(1), "{said}");
}

#[test]
fn without_a_configuration_it_says_how_to_make_one() {
    let place = Place::new();
    std::fs::remove_file(place.dir.path().join(".config/orchd/orchd.toml")).unwrap();
    let (said, code) = place.orchctl(&["run", "Add a --version flag"]);
    assert!(said.contains("`orchctl init` in your repository makes it") && code == Some(1), "{said}");
}

/// In a repository that is no project nobody works on another one's.
#[test]
fn a_request_is_for_the_repository_one_is_in() {
    let place = Place::new();
    let other = place.dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let at = other.to_str().unwrap();
    place.git(&["init", "-q", at]);
    let (said, code) = place.orchctl(&["task", "list"]);
    assert!(said.contains("the server, `orchd`, makes it") && code == Some(3), "{said}");
    assert_eq!(place.orchctl(&["run", "Add a --quiet flag", "--track", "express"]).1, Some(0));
    for words in [&["run", "Add a --version flag"][..], &["task", "new", "Add a --version flag"]] {
        let (said, code) = place.orchctl_in("other", words);
        assert!(said.contains("is no project") && said.contains("--project which you mean: shop"), "{said}");
        assert_eq!(code, Some(1), "{said}");
    }
    let (said, code) =
        place.orchctl_in("other", &["task", "new", "Add a --version flag", "--project", "shop"]);
    assert!(said.contains("SHOP-2") && code == Some(0), "{said}");
    place.git(&["worktree", "add", "-q", "../beside"]);
    let (said, code) = place.orchctl_in("beside", &["task", "new", "Add a --brief flag"]);
    assert!(said.contains("SHOP-3") && code == Some(0), "another work tree of the same: {said}");
}

/// Who changed the configuration since is told so, and gets nothing done by the old one.
#[test]
fn a_server_of_another_configuration_is_told() {
    let place = Place::new();
    std::fs::write(place.dir.path().join("agent"), "#!/bin/sh\nsleep 2\nexit 1\n").unwrap();
    let mut first = place.command("shop", &["run", "Take your time", "--track", "express"]);
    let mut first =
        first.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    // Who asks before there is an engine would be it for a moment, and in its way.
    let socket = place.dir.path().join(".local/share/orchd/orchd.sock");
    let works = || socket.exists() && place.orchctl(&["queue"]).0.contains("SHOP-1");
    let looks = (0..600).find(|_| {
        #[expect(clippy::disallowed_methods, reason = "a test of real processes waits in real time")]
        std::thread::sleep(std::time::Duration::from_millis(100));
        works()
    });
    assert!(looks.is_some(), "the first one works");
    let config = place.dir.path().join(".config/orchd/orchd.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("approval = \"auto\"", "approval = \"ask\"")).unwrap();
    let (said, code) = place.orchctl(&["run", "Add a --version flag", "--track", "express"]);
    assert!(said.contains("works by another configuration") && code == Some(1), "{said}");
    let (said, _) = place.orchctl(&["doctor"]);
    assert!(said.contains("MISSING  server: the server that runs works by another configuration"), "{said}");
    assert!(!first.wait().unwrap().success());
    let (said, _) = place.orchctl(&["task", "list"]);
    assert!(!said.contains("SHOP-2") && said.contains("Nobody works on them now"), "{said}");
}
