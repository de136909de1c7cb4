//! Starting a process inside its cgroup. Moving one there makes the kernel wait until every CPU has passed its
//! scheduler, some 20 ms in which a run could have begun; who is born there waits for nothing. Says nothing of what the
//! process is to be, and keeps no handle: one place reaps every child, see `tree`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};

/// `clone3`: the child begins in the cgroup that `cgroup` is a descriptor of. Since Linux 5.7.
const INTO_CGROUP: u64 = 0x2_0000_0000;
/// What a child says first.
const ALIVE: u8 = b'a';
/// Of a child that could not become the program.
const NO_PROGRAM: i32 = 127;

/// The kernel's `struct clone_args`, as of Linux 5.7.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// In the child alone: it is where it belongs already.
static IS_INSIDE: AtomicBool = AtomicBool::new(false);

/// For what a command does before it becomes its program: whether it still has to go where it belongs.
pub(super) fn is_outside() -> bool {
    !IS_INSIDE.load(Ordering::Relaxed)
}

/// Starts `command`, in the cgroup `group` where the kernel lets it: else it is for the command itself to go there.
pub(super) fn spawn(command: &mut Command, group: Option<&Path>) -> io::Result<Pid> {
    if let Some(group) = group
        && let Some(pid) = inside(command, group)?
    {
        return Ok(pid);
    }
    let child = command.spawn()?;
    // The handle is dropped, which neither waits nor kills.
    Pid::from_raw(child.id().cast_signed()).ok_or_else(no_pid)
}

/// `None`: the kernel, or what guards it, has no such call or does not let it go there. Newer kernels also kill who is
/// born in a group that was killed as a whole before, if the parent's own group was not: such a child says nothing.
fn inside(command: &mut Command, group: &Path) -> io::Result<Option<Pid>> {
    let Ok(group) = File::open(group) else { return Ok(None) };
    // Closed as the child becomes its program. Until then it says that it lives, and then why it did not become it.
    let (hears, tells) = pipe_with(PipeFlags::CLOEXEC)?;
    let Ok(cgroup) = u64::try_from(group.as_raw_fd()) else { return Ok(None) };
    let exit_signal = libc::SIGCHLD.unsigned_abs().into();
    let args = CloneArgs { flags: INTO_CGROUP, exit_signal, cgroup, ..CloneArgs::default() };
    match fork(&args) {
        None => Ok(None),
        Some(0) => {
            IS_INSIDE.store(true, Ordering::Relaxed);
            let mut tells = File::from(tells);
            // Nobody listening means that the shim is gone.
            let _ = tells.write_all(&[ALIVE]);
            let error = command.exec();
            // Nor now.
            let _ = tells.write_all(&error.raw_os_error().unwrap_or(libc::EINVAL).to_ne_bytes());
            leave()
        }
        Some(pid) => {
            drop(tells);
            let pid = Pid::from_raw(pid).ok_or_else(no_pid)?;
            let mut said = Vec::new();
            File::from(hears).read_to_end(&mut said)?;
            if said == [ALIVE] {
                return Ok(Some(pid));
            }
            waitpid(Some(pid), WaitOptions::empty())?;
            match said.last_chunk() {
                Some(why) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(*why))),
                None => Ok(None),
            }
        }
    }
}

/// `None`: refused.
#[expect(unsafe_code, reason = "no safe binding of this system call exists")]
fn fork(args: &CloneArgs) -> Option<i32> {
    // SAFETY: the pointer is to whole `clone_args` of the given size. Without a stack and CLONE_VM this is a fork: the
    // child goes on with a copy of everything. A shim has one thread, so that copy holds no lock of another.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const *args, size_of::<CloneArgs>()) };
    i32::try_from(pid).ok().filter(|pid| *pid >= 0)
}

#[expect(unsafe_code, reason = "the copy of a shim must not run the shim's own endings")]
fn leave() -> ! {
    // SAFETY: ends the calling process; nothing of it is used afterwards.
    unsafe { libc::_exit(NO_PROGRAM) }
}

fn no_pid() -> io::Error {
    io::Error::other("the system gave no pid")
}

#[cfg(test)]
mod tests;
