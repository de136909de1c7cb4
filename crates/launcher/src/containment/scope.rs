//! Asking systemd for a scope with a delegated cgroup, where the own one may not be changed: which manager can be
//! asked, and with which words. Pure but for looking whether its socket is there.

use std::path::Path;

use orchd_core::id::RunId;
use rustix::process::geteuid;

/// Where distributions put it. The shim is started without any PATH.
const PROGRAMS: [&str; 2] = ["/usr/bin/systemd-run", "/bin/systemd-run"];

/// A systemd that answers to this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// The one of the host.
    System,
    /// The one of the user's session.
    User,
}

/// What comes before the shim's own argument list, and the variables it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

/// The manager to ask.
pub(crate) fn manager() -> Option<Manager> {
    program()?;
    if geteuid().is_root() {
        Path::new("/run/systemd/private").exists().then_some(Manager::System)
    } else {
        Path::new(&runtime_dir()).join("systemd/private").exists().then_some(Manager::User)
    }
}

/// The name of a run's scope.
pub(crate) fn unit(run: RunId) -> String {
    format!("orchd-run-{run}.scope")
}

/// Ways to start the shim of `run`, to be tried in turn; the last one is without systemd.
pub(crate) fn prefixes(run: RunId, wanted: bool) -> Vec<Prefix> {
    let asked = wanted.then(|| Some((program()?, manager()?))).flatten();
    let mut ways = Vec::new();
    if let Some((program, manager)) = asked {
        // Where a process is killed for want of memory, systemd would end the whole scope, the shim in it. Versions
        // before 253 do neither that nor know the word.
        ways.push(scope(program, manager, run, &["--property=OOMPolicy=continue"]));
        ways.push(scope(program, manager, run, &[]));
    }
    ways.push(Prefix::default());
    ways
}

pub(super) fn scope(program: &str, manager: Manager, run: RunId, more: &[&str]) -> Prefix {
    let mut argv = vec![program.to_owned()];
    let mut env = Vec::new();
    match manager {
        Manager::System => {}
        Manager::User => {
            argv.push("--user".to_owned());
            env.push(("XDG_RUNTIME_DIR".to_owned(), runtime_dir()));
        }
    }
    let unit = format!("--unit={}", unit(run));
    argv.extend(["--scope", "--quiet", "--collect", &unit, "--property=Delegate=yes"].map(str::to_owned));
    argv.extend(more.iter().map(|&word| word.to_owned()));
    argv.push("--".to_owned());
    Prefix { argv, env }
}

fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|path| Path::new(path).exists())
}

fn runtime_dir() -> String {
    format!("/run/user/{}", geteuid().as_raw())
}
