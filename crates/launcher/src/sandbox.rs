//! The sandbox of a run, where the host offers one: bubblewrap with a read-only system, its own process ids, a private
//! `/tmp`, and only those paths writable that the caller names. Builds an argument list and says whether it would
//! work; which roles get one, and which paths, is the caller's.

mod mounts;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::run_dir::RunDir;
use crate::spec::RunSpec;
use mounts::{Mounts, What};

/// Where distributions put it. The shim is started without any PATH.
const PROGRAMS: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];

/// What every run in a sandbox may read: programs and settings of the system. Homes are not among it.
const SYSTEM: [&str; 12] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    "/snap",
    "/sys/devices/system/cpu",
];
/// Where `/etc/resolv.conf` may point to.
const NAMES: [&str; 3] = ["/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"];

/// What a run may see and write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// What happens where the host offers none.
    pub mode: SandboxMode,
    /// Whether it may use the network.
    pub network: bool,
    /// Writable, besides the working directory: the state of its program. Those that are missing are left out.
    pub write: Vec<PathBuf>,
    /// Single files of others, writable, each seen at another place: a login that its program renews.
    #[serde(default)]
    pub shared: Vec<SharedFile>,
    /// Readable, besides the system: toolchains in a home, the mirror's `objects`, the program itself.
    pub read: Vec<PathBuf>,
    /// Empty, though something around it is readable (`/etc/orchd`). Of two nested paths the inner one decides.
    pub hide: Vec<PathBuf>,
}

/// A file that a run sees at another place. It cannot be removed or replaced there, only written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// The file.
    pub file: PathBuf,
    /// Where it is seen.
    pub at: PathBuf,
}

/// What happens where the host offers no sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// The run starts without one, and its result says so.
    Prefer,
    /// The run does not start.
    Require,
}

/// What a run had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SandboxUse {
    /// None was asked for.
    #[default]
    Off,
    /// It ran in one.
    On {
        /// Whether it had the network.
        network: bool,
    },
    /// One was asked for, and the host offers none.
    Missing {
        /// Why, with the command that mends it.
        why: String,
    },
}

impl fmt::Display for SandboxUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On { network: true } => f.write_str("on, with the network"),
            Self::On { network: false } => f.write_str("on, without the network"),
            Self::Missing { why } => write!(f, "off: {why}"),
        }
    }
}

/// Why this host offers no sandbox, with what mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSandbox {
    /// The program is not there.
    #[error("bubblewrap is not installed; install it: apt-get install bubblewrap (or dnf, pacman, apk add)")]
    NotInstalled,
    /// It is there and refuses.
    #[error(
        "{program} does not work here: {said}; if user namespaces are off, allow them: sysctl -w \
         kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 (each where it exists)"
    )]
    Refused {
        /// The program.
        program: &'static str,
        /// The first line of what it said.
        said: String,
    },
}

/// Whether a sandbox would work here: tries one around `true`. Returns the program.
pub fn probe() -> Result<&'static str, NoSandbox> {
    let program =
        PROGRAMS.into_iter().find(|path| Path::new(path).exists()).ok_or(NoSandbox::NotInstalled)?;
    let refused = |said: &str| NoSandbox::Refused {
        program,
        said: said.lines().next().unwrap_or("it said nothing").trim().to_owned(),
    };
    let tried = Command::new(program)
        .args(WALLS)
        .args([
            "--unshare-net",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--",
            "/bin/sh",
            "-c",
            ":",
        ])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| refused(&error.to_string()))?;
    if tried.status.success() { Ok(program) } else { Err(refused(&String::from_utf8_lossy(&tried.stderr))) }
}

/// What is the same for all. It ends with its shim, as the kernel ends a process id namespace with its first process.
const WALLS: [&str; 7] = [
    "--die-with-parent",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--cap-drop",
    "ALL",
];

/// The walls around one run.
#[derive(Debug)]
pub(crate) struct Walls {
    argv: Vec<String>,
    mounts: Mounts,
}

/// Why a program cannot be started within walls.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WallError {
    #[error("the path {0} is not UTF-8")]
    NotUtf8(PathBuf),
}

impl Walls {
    /// The walls for `spec`, whose run sees the outbox in place of its directory `dir`.
    pub(crate) fn around(
        program: &str,
        sandbox: &Sandbox,
        spec: &RunSpec,
        dir: &RunDir,
    ) -> Result<Self, WallError> {
        let mut mounts = Mounts::default();
        SYSTEM.iter().for_each(|path| mounts.add(*path, What::Read));
        if sandbox.network {
            NAMES.iter().for_each(|path| mounts.add(*path, What::Read));
        }
        mounts.add("/tmp", What::Fresh);
        mounts.add("/var/tmp", What::Fresh);
        let writable = || sandbox.write.iter().chain([&spec.cwd]);
        if let Some(home) = spec.env.get("HOME").map(Path::new)
            && home.is_absolute()
            && home.parent().is_some()
            && !writable().any(|path| home.starts_with(path))
        {
            mounts.add(home, What::Fresh);
        }
        sandbox.hide.iter().for_each(|path| mounts.add(path, What::Hide));
        sandbox.read.iter().for_each(|path| mounts.add(path, What::Read));
        writable().for_each(|path| mounts.add(path, What::Write));
        for SharedFile { file, at } in &sandbox.shared {
            mounts.add(at, What::Shared(file.clone()));
        }
        mounts.add(dir.path(), What::Instead(dir.file(RunDir::OUTBOX)));
        let gives = spec.gives.iter().map(String::as_str);
        gives.chain([RunDir::PROMPT]).for_each(|name| mounts.add(dir.file(name), What::Read));

        let mut argv: Vec<String> = [program].into_iter().chain(WALLS).map(str::to_owned).collect();
        if !sandbox.network {
            argv.push("--unshare-net".to_owned());
        }
        argv.extend(["--proc", "/proc", "--dev", "/dev"].map(str::to_owned));
        argv.extend(mounts.argv()?);
        argv.extend(["--chdir".to_owned(), mounts::text(&spec.cwd)?, "--".to_owned()]);
        Ok(Self { argv, mounts })
    }

    /// What comes before the program.
    pub(crate) fn argv(&self) -> &[String] {
        &self.argv
    }

    /// Whether `program` can be found from inside, looked for along `path`. Bubblewrap itself would answer with an
    /// exit code that looks like the program's own.
    pub(crate) fn finds(&self, program: &str, path: Option<&str>) -> bool {
        if program.contains('/') {
            return !Path::new(program).is_absolute() || self.mounts.shows(Path::new(program));
        }
        path.unwrap_or("/usr/bin:/bin").split(':').any(|dir| self.mounts.shows(&Path::new(dir).join(program)))
    }
}

#[cfg(test)]
mod tests;
