//! Where a row of bad repositories is played: a home with the repository in it, the programs as a person starts them, and
//! everything that is the person's, to be compared.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use tempfile::TempDir;

use super::table::{Host, Row};
use crate::init::{What, all, unlike};

/// What every row's program may use. The agent writes one line; the reviewer approves.
const PRELUDE: &str = r#"
first() {
    mkdir -p "$1"; cd "$1"; git init -q -b "${2:-main}"; echo --help > flags; git add flags; git commit -q -m first
}
more() { git add .; git commit -q -m more; }
cat > agent <<'END'
#!/bin/sh
set -e
out="$ORCHD_RUN_DIR/s.json"
case "$ORCHD_ROLE" in
developer) cd "$ORCHD_WORKTREE"; echo --version >> flags; echo '{"summary": "added it"}' > "$out" ;;
reviewer) echo '{"verdict": "APPROVED", "summary": "looked at it"}' > "$out" ;;
esac
"$ORCHD_SUBMIT" submit "$out"
END
chmod 755 agent
"#;

/// A program that hangs fails its test.
const LIMIT: &str = "600";

/// A user who is nobody here.
const ANOTHER: &str = "12345";

/// orchd's own, seen from the home.
const DATA: &str = ".local/share/orchd";
const CONFIG: &str = ".config/orchd/orchd.toml";

pub(super) struct Place {
    dir: TempDir,
    row: &'static Row,
}

/// Every file and folder that is the person's.
pub(super) type Theirs = BTreeMap<PathBuf, What>;

/// What a program said, and how it ended.
pub(super) struct Said {
    pub(super) out: String,
    pub(super) error: String,
    pub(super) code: Option<i32>,
}

impl Said {
    #[track_caller]
    pub(super) fn ends(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.error);
    }

    pub(super) fn says(&self, line: &str) -> bool {
        self.out.lines().chain(self.error.lines()).any(|said| said == line)
    }
}

impl Place {
    /// The row's repository, or why it can not be had here.
    pub(super) fn set(row: &'static Row) -> Result<Self, String> {
        let place = Self { dir: tempfile::tempdir().unwrap(), row };
        place.fits()?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-e", "-c", &format!("{PRELUDE}{}", row.made)]).current_dir(place.home()).env_clear();
        shell.envs(place.variables()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@b");
        }
        let Output { status, stdout, stderr } = shell.output().unwrap();
        let said = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{}: it could not be made: {said}", row.is);
        std::fs::create_dir_all(place.data()).unwrap();
        if row.host == Host::AnothersRepository {
            let owned = Command::new("chown").args(["-R", ANOTHER]).arg(place.repository()).status().unwrap();
            assert!(owned.success());
        }
        Ok(place)
    }

    /// As the person, in the repository.
    pub(super) fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(self.repository());
        let output = git.env_clear().envs(self.variables()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn fits(&self) -> Result<(), String> {
        match self.row.host {
            Host::Plain => Ok(()),
            Host::AnothersRepository if is_root() => Ok(()),
            Host::AnothersRepository => Err("only root can give a repository to another user".to_owned()),
            Host::ReadOnly | Host::ReadOnlyLater if !is_root() => Ok(()),
            Host::ReadOnly | Host::ReadOnlyLater | Host::SmallDisk | Host::FullDisk => self.mounts(),
        }
    }

    /// Whether file systems can be mounted that nobody else sees.
    fn mounts(&self) -> Result<(), String> {
        let tried = unshare().args(["mount -t tmpfs tmpfs \"$0\""]).arg(self.dir.path()).output();
        match tried {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!(
                "nothing can be mounted here: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            Err(error) => Err(format!("unshare can not be started: {error}")),
        }
    }

    fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.home().join(DATA)
    }

    /// Where the person is.
    pub(super) fn at(&self) -> PathBuf {
        self.home().join(self.row.at)
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.home().join(self.row.top.unwrap_or(self.row.at))
    }

    pub(super) fn config(&self) -> PathBuf {
        self.home().join(CONFIG)
    }

    fn variables(&self) -> Vec<(String, String)> {
        let home = self.home().to_str().unwrap().to_owned();
        let path = format!("{home}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        let all = [("HOME", home), ("PATH", path), ("GIT_CONFIG_NOSYSTEM", "1".to_owned())];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    pub(super) fn init(&self) -> Said {
        let agent = self.home().join("agent");
        let mut args = vec!["init", "--name", "shop", "--money-per-task", "1", "--money-per-day", "1"];
        args.extend(["--script", agent.to_str().unwrap()]);
        args.extend(self.row.test.iter().flat_map(|test| ["--test", test]));
        let is_odd = self.row.host == Host::ReadOnly;
        self.orchctl(&args, if is_odd { Host::ReadOnly } else { Host::Plain })
    }

    pub(super) fn run(&self) -> Said {
        let host = if self.row.host == Host::ReadOnlyLater { Host::ReadOnly } else { self.row.host };
        self.orchctl(&["run", "Add a --version flag", "--track", "express"], host)
    }

    /// What a person starts, where the row has them.
    pub(super) fn orchctl(&self, args: &[&str], host: Host) -> Said {
        let exe = env!("CARGO_BIN_EXE_orchctl");
        let locked = host == Host::ReadOnly && !is_root();
        let mut command = match host {
            Host::Plain | Host::AnothersRepository => Command::new("timeout"),
            Host::ReadOnly | Host::ReadOnlyLater if locked => Command::new("timeout"),
            Host::ReadOnly | Host::ReadOnlyLater => {
                self.inside("mount --bind \"$0\" \"$0\"; mount -o remount,ro,bind \"$0\"; cd \"$0\"", &self.repository())
            }
            Host::SmallDisk => self.inside("mount -t tmpfs -o size=16m tmpfs \"$0\"", &self.data()),
            Host::FullDisk => self.inside(
                "mount -t tmpfs -o size=64k tmpfs \"$0\"; head -c 1m /dev/zero > \"$0/other\" 2> /dev/null || true",
                &self.data(),
            ),
        };
        command.args([LIMIT, exe]).args(args).current_dir(self.at()).env_clear().envs(self.variables());
        let settings = |(name, value): (&str, &str)| (format!("ORCHD__{name}"), value.to_owned());
        command.envs(self.row.set.iter().copied().map(settings));
        // A test's host may be full.
        if self.row.host != Host::SmallDisk {
            command.envs([("HOST__DISK_FLOOR", "0 MiB"), ("HOST__MEMORY_FLOOR", "0 MiB")].map(settings));
        }
        let writable = Writable(if locked { self.lock() } else { Vec::new() });
        let Output { stdout, stderr, status } = command.output().unwrap();
        drop(writable);
        let text = |bytes: Vec<u8>| self.plain(&String::from_utf8_lossy(&bytes));
        Said { out: text(stdout), error: text(stderr), code: status.code() }
    }

    /// The program in mounts of its own: `mounts` is a shell program about `place`.
    fn inside(&self, mounts: &str, place: &Path) -> Command {
        let mut command = unshare();
        command.arg(format!("set -e; {mounts}; exec \"$@\"")).arg(place).arg("timeout");
        command
    }

    /// Takes away the right to write, from an ordinary user.
    fn lock(&self) -> Vec<(PathBuf, u32)> {
        let mut taken = Vec::new();
        for (path, (mode, ..)) in directories(&self.repository()).chain(all(&self.repository())) {
            taken.push((path.clone(), mode));
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o222)).unwrap();
        }
        taken
    }

    /// With its identities taken out.
    fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let at = [(self.data(), "<data>"), (self.repository(), "<repository>"), (self.home(), "<home>")];
        for (path, name) in at {
            text = text.replace(path.to_str().unwrap(), name);
        }
        for words in ["Permission denied (os error 13)", "Read-only file system (os error 30)"] {
            text = text.replace(words, "<words of the system>");
        }
        text.lines().map(|line| plain_line(line) + "\n").collect()
    }

    /// Everything that is the person's: all but orchd's data and configuration.
    pub(super) fn theirs(&self) -> Theirs {
        let home = self.home();
        let mut found: Theirs = all(&home).into_iter().chain(directories(&home)).collect();
        found.retain(|path, _| {
            let inner = path.strip_prefix(&home).unwrap();
            !inner.starts_with(".local") && !inner.starts_with(".config")
        });
        found
    }

    /// What is not as it was, but for what orchd may add.
    pub(super) fn touched(&self, before: &Theirs) -> Vec<PathBuf> {
        let mut touched = unlike(&self.theirs(), before);
        touched.retain(|path| before.contains_key(path) || !is_orchds(path));
        touched
    }
}

/// Commits that landed, and the one ref that names them, with the folders on the way to it.
fn is_orchds(path: &Path) -> bool {
    let names: Vec<&str> = path.iter().map(|name| name.to_str().unwrap_or_default()).collect();
    let ends = |end: &[&str]| names.ends_with(end);
    names.contains(&"objects")
        || ends(&["refs", "remotes"])
        || ends(&["refs", "remotes", "orchd"])
        || ends(&["refs", "remotes", "orchd", "main"])
        || ends(&["logs"])
        || ends(&["logs", "refs"])
}

/// Every folder below, and its mode.
fn directories(dir: &Path) -> impl Iterator<Item = (PathBuf, What)> {
    let mut found = vec![dir.to_owned()];
    let mut next = 0;
    while let Some(dir) = found.get(next).cloned() {
        let inner = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        found.extend(inner.filter(|path| path.symlink_metadata().unwrap().is_dir()));
        next += 1;
    }
    found.into_iter().map(|path| {
        let mode = path.metadata().unwrap().permissions().mode();
        (path, (mode, SystemTime::UNIX_EPOCH, Vec::new()))
    })
}

/// Gives back what [`Place::lock`] took.
struct Writable(Vec<(PathBuf, u32)>);

impl Drop for Writable {
    fn drop(&mut self) {
        for (path, mode) in &self.0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode)).unwrap();
        }
    }
}

fn plain_line(line: &str) -> String {
    // The time and the key before a fact.
    let line = match line.split_once("s  SHOP-1  ") {
        Some((time, fact)) if time.trim().bytes().all(|b| b.is_ascii_digit() || b"m.".contains(&b)) => fact,
        _ => line,
    };
    let words = line.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let core = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_name = matches!(core.len(), 10 | 40) && core.bytes().all(|b| b.is_ascii_hexdigit());
        if is_name { word.replace(core, "<commit>") } else { word.to_owned() }
    });
    let line: String = words.collect();
    match (line.split_once(" has "), line.split_once(" MiB free")) {
        (Some((front, _)), Some((_, rest))) => format!("{front} has <n> MiB free{rest}"),
        _ => line,
    }
}

/// A shell in mounts of its own; the next argument is its program.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(if is_root() { ["--mount"].as_slice() } else { ["--mount", "--map-root-user"].as_slice() });
    command.args(["/bin/sh", "-c"]);
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
