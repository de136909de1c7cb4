//! What git is run with: the program, its search path, identity and deadlines, and the one configuration file that
//! holds for every call. Starts nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What holds for every call, in a file because a process that git starts on the other side of a local push
/// drops `-c` and `GIT_CONFIG_*` but keeps `GIT_CONFIG_GLOBAL`. A repository's own configuration goes before
/// it: that is how the local forge's update hook still runs when a mirror pushes (spec 3.9).
pub(crate) const GLOBAL_CONFIG: &str = "\
# Written by orchd at every start.
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tuntrackedCache = false
[init]
\tdefaultBranch = main
\ttemplateDir =
[gc]
\tauto = 0
[maintenance]
\tauto = false
[commit]
\tgpgSign = false
[tag]
\tgpgSign = false
[push]
\tgpgSign = false
[rerere]
\tenabled = false
[submodule]
\trecurse = false
[credential]
\thelper =
[protocol \"ext\"]
\tallow = never
[protocol \"file\"]
\tallow = always
";

/// The same for the other side of a push into a repository on this machine that is not orchd's: its hooks are its own.
pub(crate) const RECEIVER_CONFIG: &str = "\
# Written by orchd at every start.
[safe]
\tdirectory = *
";

/// Who git says did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name; not empty.
    pub name: String,
    /// The address; need not exist.
    pub email: String,
}

/// How to run git. Everything the program sees is here.
#[derive(Debug, Clone)]
pub struct GitConfig {
    /// The program, looked up in `search_path` unless it is a path.
    pub program: PathBuf,
    /// `PATH` for git and what it starts (ssh, sh).
    pub search_path: OsString,
    /// A directory of orchd's own that stands for the home directory.
    pub home: PathBuf,
    /// Committer of rebases, author of records.
    pub identity: Identity,
    /// For calls on this machine's disk.
    pub deadline: Duration,
    /// For calls that talk to a remote.
    pub network_deadline: Duration,
    /// More variables, for instance `https_proxy` or `SSL_CERT_FILE`; names starting with `GIT_` are refused.
    pub extra_env: Vec<(String, String)>,
}

impl GitConfig {
    /// The defaults, with `home` as the directory that stands for the home directory.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self {
            program: PathBuf::from("git"),
            search_path: OsString::from("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            home: home.into(),
            identity: Identity { name: "orchd".to_owned(), email: "orchd@localhost".to_owned() },
            deadline: Duration::from_secs(600),
            network_deadline: Duration::from_secs(600),
            extra_env: Vec::new(),
        }
    }
}
