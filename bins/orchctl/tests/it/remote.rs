//! `forge = "git"`: main is at a remote that may be pushed to and is nothing but git. What is ready lands there by push, and
//! `doctor` says beforehand what a server does not allow. Servers of several minds, by their hooks.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::init::{all, unlike};

struct Place {
    dir: TempDir,
}

/// Adds a flag; where a file says so, somebody else pushes to main meanwhile, once.
fn agent(hub: &Path) -> String {
    format!(
        r#"#!/bin/sh
set -e
out="$ORCHD_RUN_DIR/s.json"
case "$ORCHD_ROLE" in
developer)
    cd "$ORCHD_WORKTREE"; echo --version >> flags; echo '{{"summary": "added it"}}' > "$out"
    if [ -e '{hub}/intrude' ]; then
        rm '{hub}/intrude'; cd "$ORCHD_RUN_DIR"; git clone -q '{hub}' other; cd other; echo hello > other
        git add other; git -c user.name=b -c user.email=b@c commit -q -m other; git push -q origin main
    fi ;;
*) echo '{{"verdict": "APPROVED", "summary": "looked at it"}}' > "$out" ;;
esac
"$ORCHD_SUBMIT" submit "$out"
"#,
        hub = hub.display()
    )
}

/// Refuses what a `case` pattern over the ref's name matches.
fn refusing(pattern: &str, words: &str) -> String {
    format!("#!/bin/sh\ncase \"$1\" in {pattern}) echo '{words}' >&2; exit 1 ;; esac\n")
}

impl Place {
    /// A hub with one commit, a person's clone of it, and a project that lands there.
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        let (hub, shop) = (place.at("hub.git"), place.at("shop"));
        place.git(&place.at(""), &["init", "-q", "--bare", "-b", "main", hub.to_str().unwrap()]);
        place.git(&place.at(""), &["clone", "-q", hub.to_str().unwrap(), shop.to_str().unwrap()]);
        std::fs::write(shop.join("Makefile"), "test:\n\ttest -f flags && echo 'ok 1 - flags'\n").unwrap();
        std::fs::write(shop.join("flags"), "--help\n").unwrap();
        place.git(&shop, &["checkout", "-q", "-B", "main"]);
        place.git(&shop, &["add", "."]);
        place.git(&shop, &["commit", "-q", "-m", "first"]);
        place.git(&shop, &["push", "-q", "-u", "origin", "main"]);
        place.program("agent", &agent(&hub));
        let agent = place.at("agent");
        let args = ["init", "--forge", "git", "--money-per-task", "1", "--money-per-day", "1", "--script"];
        let (said, code) = place.orchctl(&[&args[..], &[agent.to_str().unwrap()]].concat());
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("main: at origin, ") && said.contains("nothing is written into it"), "{said}");
        // A test's host may be full.
        let floors = "\n[host]\ndisk_floor = \"1 MiB\"\nmemory_floor = \"1 MiB\"\n";
        place.edit("", floors);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.at(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Replaces a text of the configuration, or with none adds one at its end.
    fn edit(&self, from: &str, to: &str) {
        let path = self.at(".config/orchd/orchd.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        let text = if from.is_empty() { text + to } else { text.replace(from, to) };
        std::fs::write(path, text).unwrap();
    }

    fn git(&self, at: &Path, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(at).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the hub has below a prefix.
    fn refs(&self, below: &str) -> Vec<String> {
        let said = self.git(&self.at("hub.git"), &["for-each-ref", "--format=%(refname)", below]);
        said.lines().map(str::to_owned).collect()
    }

    /// Subjects of main's commits at the hub, the newest first.
    fn landed(&self) -> Vec<String> {
        let said = self.git(&self.at("hub.git"), &["log", "--format=%s", "main"]);
        said.lines().map(str::to_owned).collect()
    }

    fn orchctl(&self, args: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchctl"));
        command.args(args).current_dir(self.at("shop")).env_clear();
        command.env("HOME", self.at("")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let Output { stdout, stderr, status } = command.output().unwrap();
        (String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap(), status.code())
    }

    fn run(&self) -> (String, Option<i32>) {
        self.orchctl(&["run", "Add a --version flag", "--track", "express"])
    }

    /// What `doctor` finds of the remote.
    fn doctor(&self) -> String {
        let (said, _) = self.orchctl(&["doctor", "--json"]);
        let found: serde_json::Value =
            serde_json::Deserializer::from_str(&said).into_iter().next().unwrap().unwrap();
        let of = |finding: &&serde_json::Value| finding["what"] == "shop: remote";
        let tell = |finding: &serde_json::Value| format!("{} {}\n", finding["health"], finding["sentence"]);
        found.as_array().unwrap().iter().filter(of).map(tell).collect()
    }
}

#[test]
fn what_is_ready_is_pushed_to_main() {
    let place = Place::new();
    let before = all(&place.at("shop"));
    let (said, code) = place.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.git(&place.at("hub.git"), &["show", "main:flags"]), "--help\n--version");
    assert_eq!(place.refs("refs/orchd/merge").len(), 1);
    assert_eq!(place.refs("refs/heads"), ["refs/heads/main"], "the task's branch is gone again");
    assert_eq!(unlike(&all(&place.at("shop")), &before), Vec::<PathBuf>::new());
    let (said, code) = place.orchctl(&["pull"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read_to_string(place.at("shop/flags")).unwrap(), "--help\n--version\n");
}

/// Main moved between the gates and the landing: it lands on top of what it was tested with, and nothing is lost.
#[test]
fn somebody_elses_push_comes_first() {
    let place = Place::new();
    std::fs::write(place.at("hub.git/intrude"), "").unwrap();
    let (said, code) = place.run();
    assert_eq!(code, Some(0), "{said}");
    let landed = place.landed();
    let at = |subject: &str| landed.iter().position(|one| one == subject).unwrap();
    assert!(at("other") < at("first") && at("other") > 0, "{landed:?}");
    assert_eq!(place.git(&place.at("hub.git"), &["show", "main:other"]), "hello");
}

#[test]
fn a_server_that_allows_everything_is_told_so() {
    let place = Place::new();
    let before = place.refs("refs");
    let said = place.doctor();
    assert!(said.contains("refs of orchd's own can be made") && said.contains("can be pushed to"), "{said}");
    assert!(said.contains("could be replaced by a forced push"), "{said}");
    place.git(&place.at("hub.git"), &["config", "receive.denyNonFastForwards", "true"]);
    let said = place.doctor();
    assert!(said.contains("can be pushed to") && said.contains("its main refuses forced pushes"), "{said}");
    assert_eq!((place.refs("refs"), place.landed()), (before, vec!["first".to_owned()]), "nothing stays");
}

#[test]
fn a_server_without_other_refs_gets_tags() {
    let place = Place::new();
    place.program("hub.git/hooks/update", &refusing("refs/orchd/*", "branches and tags alone"));
    let said = place.doctor();
    assert!(said.contains("branches and tags alone") && said.contains("refs = \\\"tags\\\""), "{said}");
    place.edit("[project.shop.remote]\n", "[project.shop.remote]\nrefs = \"tags\"\n");
    let said = place.doctor();
    assert!(said.contains("refs of orchd's own can be made") && !said.contains("missing"), "{said}");
    let (said, code) = place.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.refs("refs/tags/orchd/merge").len(), 1);
    assert_eq!(place.refs("refs/orchd"), Vec::<String>::new());
}

/// The server's words are what a person reads, beforehand and on the Hold; main stays.
#[test]
fn a_server_that_protects_main_is_told_beforehand() {
    let place = Place::new();
    let hook = "#!/bin/sh\nwhile read -r old new name; do\n[ \"$name\" = refs/heads/main ] && { echo 'main is protected' >&2; exit 1; }\ndone\nexit 0\n";
    place.program("hub.git/hooks/pre-receive", hook);
    let said = place.doctor();
    assert!(said.contains("its main takes no push") && said.contains("main is protected"), "{said}");
    let (said, code) = place.run();
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("main is protected"), "{said}");
    assert_eq!(place.landed(), ["first"]);
}

/// What landed in one place would be missing in the other.
#[test]
fn a_project_lands_in_one_place_for_good() {
    let place = Place::new();
    let (said, code) = place.run();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is proven to be in main of "), "{said}");
    place.edit("forge = \"git\"", "forge = \"local\"");
    let url = format!("url = \"{}\"", place.at("hub.git").display());
    place.edit(&format!("[project.shop.remote]\n{url}\n"), "");
    let (said, code) = place.orchctl(&["run", "Add another flag", "--track", "express"]);
    assert!(said.contains("is to land in orchd's own main: its tasks and what landed are there"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    let (said, _) = place.orchctl(&["init", "--forge", "git", "--script", "/bin/true"]);
    assert!(said.contains("is project shop in ") && said.contains("set up otherwise"), "{said}");
}

#[test]
fn a_remote_that_is_not_there_is_told() {
    let place = Place::new();
    std::fs::rename(place.at("hub.git"), place.at("elsewhere.git")).unwrap();
    let said = place.doctor();
    assert!(said.contains("missing") && said.contains("can not be read"), "{said}");
    place.edit("main = \"main\"", "main = \"trunk\"");
    std::fs::rename(place.at("elsewhere.git"), place.at("hub.git")).unwrap();
    let said = place.doctor();
    assert!(said.contains("missing") && said.contains("trunk"), "{said}");
}

/// By a command that plays ssh on this machine.
#[test]
fn a_remote_is_reached_by_ssh() {
    let place = Place::new();
    let ssh = "#!/bin/sh\n[ \"$1\" = -G ] && exit 1\necho \"$1\" >> \"$(dirname \"$0\")/hosts\"\nshift; exec sh -c \"$*\"\n";
    place.program("ssh-here", ssh);
    let hub = place.at("hub.git");
    let (path, url) =
        (format!("url = \"{}\"", hub.display()), format!("url = \"git@hub:{}\"", hub.display()));
    let command = format!("{url}\nssh_command = \"'{}'\"", place.at("ssh-here").display());
    place.edit(&path, &command);
    let (said, code) = place.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.landed().len(), 2);
    assert!(std::fs::read_to_string(place.at("hosts")).unwrap().lines().all(|host| host == "git@hub"));
}
