//! What a run is enclosed in: its group, its sandbox, its place in the kernel's list of victims. Raised before the run
//! starts and razed after the last process that works for it, the git of the leftovers included.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Resource, Rlimit, geteuid, getrlimit, setrlimit, setsid};

use super::birth;
use super::note;
use super::priority;
use super::tree::Tree;
use crate::containment::group::Group;
use crate::containment::{self, Containment, Controller, Here};
use crate::ended::Ended;
use crate::process;
use crate::run_dir::RunDir;
use crate::sandbox::{self, SandboxMode, SandboxUse, Walls};
use crate::spec::RunSpec;

/// Where memory runs out on the whole host, the kernel takes a run before it takes orchd or a shim.
const OOM_SCORE: &[u8] = b"500";
const OOM_FILE: &std::ffi::CStr = c"/proc/self/oom_score_adj";
/// Room for what else this user starts, where the kernel can only count by user.
const OTHERS: u64 = 256;

pub(super) struct Enclosure {
    containment: Containment,
    group: Option<Group>,
    walls: Option<Walls>,
    sandbox: SandboxUse,
    refusal: Option<String>,
    /// `RLIMIT_NPROC` of the run.
    tasks: Option<u64>,
}

impl Enclosure {
    pub(super) fn raise(spec: &RunSpec, dir: &RunDir, here: Here) -> Self {
        let (containment, group) = here.enter(spec.run, &spec.limits);
        let tasks = spec.limits.processes.filter(|_| {
            !geteuid().is_root() && !group.as_ref().is_some_and(|group| group.keeps(Controller::Pids))
        });
        let mut enclosure = Self {
            containment,
            group,
            walls: None,
            sandbox: SandboxUse::Off,
            refusal: None,
            // Only a backstop, as it counts all of the user's: the ceiling itself is sampled.
            tasks: tasks.map(|ceiling| own_tasks() + 2 * u64::from(ceiling) + OTHERS),
        };
        enclosure.wall_in(spec, dir);
        enclosure
    }

    fn wall_in(&mut self, spec: &RunSpec, dir: &RunDir) {
        let Some(sandbox) = &spec.sandbox else { return };
        let built = sandbox::probe().map_err(|error| error.to_string()).and_then(|program| {
            dir.make_outbox().map_err(|error| format!("the outbox cannot be made: {error}"))?;
            Walls::around(program, sandbox, spec, dir).map_err(|error| error.to_string())
        });
        match built {
            Ok(walls) => {
                self.walls = Some(walls);
                self.sandbox = SandboxUse::On { network: sandbox.network };
            }
            Err(why) => {
                self.refusal = match sandbox.mode {
                    SandboxMode::Require => Some(format!("it must run in a sandbox: {why}")),
                    SandboxMode::Prefer => None,
                };
                self.sandbox = SandboxUse::Missing { why };
            }
        }
    }

    /// What keeps the run together.
    pub(super) fn containment(&self) -> &Containment {
        &self.containment
    }

    /// What keeps it from the host.
    pub(super) fn sandbox(&self) -> &SandboxUse {
        &self.sandbox
    }

    pub(super) fn has_outbox(&self) -> bool {
        self.walls.is_some()
    }

    /// Whether the run may start with this program, or why not.
    pub(super) fn admits(&self, program: &str, env: &BTreeMap<String, String>) -> Result<(), String> {
        if let Some(why) = &self.refusal {
            return Err(why.clone());
        }
        match &self.walls {
            Some(walls) if !walls.finds(program, env.get("PATH").map(String::as_str)) => Err(format!(
                "{program}: it is not there, or the sandbox does not show it; name its directory among what is readable"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Starts a command that was made here. Who waits for it is `tree`.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Pid> {
        birth::spawn(command, self.group.as_ref().map(Group::path))
    }

    /// A command that runs in here, its arguments not yet given; for [`Self::spawn`]. It leads a session of its own: where the kernel
    /// shares CPUs among sessions, the shim's share is not the run's.
    #[expect(unsafe_code, reason = "the child must enter its group before it runs a program of the run")]
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = match self.walls.as_ref().and_then(|walls| walls.argv().split_first()) {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        let door = self.group.as_ref().and_then(|group| {
            group.door().map_err(|error| note(&format!("the run's cgroup cannot be entered: {error}"))).ok()
        });
        let tasks = self.tasks;
        let enter = move || {
            // A refusal is seen by the parent, which looks where the child is.
            let _ = door.as_ref().filter(|_| birth::is_outside()).map(|door| rustix::io::write(door, b"0"));
            // Refused where /proc is not to be written: the kernel then chooses by size alone.
            let _ = stand_in_front();
            priority::give_way();
            // A backstop; what it cannot keep is sampled.
            let _ = tasks.map(limit_tasks);
            setsid()?;
            Ok(())
        };
        // SAFETY: between fork and exec `enter` makes system calls on borrowed and constant data alone: it neither
        // allocates nor locks nor panics. The shim has one thread, so no lock was left held by the fork either.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// The processes of `main`, a process started in here.
    pub(super) fn tree(&self, main: Pid) -> Tree<'_> {
        Tree::new(main, self.group.as_ref(), self.walls.is_some())
    }

    /// The run's main process was started: is it where it belongs? One that is not is swept like any other.
    pub(super) fn received(&mut self, main: Pid) {
        let Some(group) = &self.group else { return };
        let is_in = group.pids().is_ok_and(|pids| pids.contains(&main.as_raw_nonzero().get()));
        // It may have ended already; then the group was not needed, and does no harm.
        let now = process::Stat::of(main.as_raw_nonzero().get());
        if is_in || now.is_ok_and(|stat| stat.is_none_or(|stat| stat.is_dead())) {
            return;
        }
        self.containment = containment::refused(group.path());
        note(&format!("{}", self.containment));
        self.raze();
        self.group = None;
    }

    /// The ceiling that the kernel says the run broke.
    pub(super) fn broke(&self) -> Option<Ended> {
        self.group.as_ref().and_then(Group::broke)
    }

    /// Removes the empty group.
    pub(super) fn raze(&self) {
        if let Some(group) = &self.group
            && let Err(error) = group.remove()
        {
            note(&format!("the cgroup {} could not be removed: {error}", group.path().display()));
        }
    }
}

/// Raising the own score needs no privilege; lowering it again does.
fn stand_in_front() -> io::Result<()> {
    let mut now = [0; 16];
    let file = rustix::fs::open(OOM_FILE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let n = rustix::io::read(&file, &mut now)?;
    // With its line end: four digits, or three from 500 on. Somebody has chosen already.
    let is_high = now[0].is_ascii_digit() && (n > 4 || n == 4 && now[0] >= OOM_SCORE[0]);
    if !is_high {
        rustix::io::pwrite(&file, OOM_SCORE, 0)?;
    }
    Ok(())
}

fn limit_tasks(tasks: u64) -> io::Result<()> {
    let now = getrlimit(Resource::Nproc);
    let to = now.maximum.map_or(tasks, |maximum| maximum.min(tasks));
    Ok(setrlimit(
        Resource::Nproc,
        Rlimit { current: Some(to), maximum: now.maximum.map(|_| to).or(Some(to)) },
    )?)
}

/// Threads of all processes of this user, now.
fn own_tasks() -> u64 {
    let me = geteuid().as_raw();
    let mut tasks = 0;
    let listed = process::each(|stat| {
        if fs::metadata(format!("/proc/{}", stat.pid)).is_ok_and(|meta| meta.uid() == me) {
            tasks += stat.threads;
        }
    });
    if let Err(error) = listed {
        note(&format!("the processes of this user cannot be counted: {error}"));
    }
    tasks
}
