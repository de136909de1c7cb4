//! How a shim leaves the process that started it: terminal, working directory, descriptors.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{getpid, set_child_subreaper, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin};

use super::{ShimError, note};
use crate::run_dir::RunDir;

/// Away from the parent's terminal and its signals, and parent of every orphan below.
pub(super) fn detach() -> Result<(), ShimError> {
    let setup = |what| move |source: io::Error| ShimError::Setup { what, source };
    // Refused only to the leader of a process group, which then leads a session or is run by hand.
    if let Err(error) = setsid() {
        note(&format!("stays in its session: {error}"));
    }
    set_child_subreaper(Some(getpid())).map_err(|e| setup("become the parent of orphans")(e.into()))?;
    std::env::set_current_dir("/").map_err(setup("leave the working directory"))
}

/// What the shim says belongs to its run from here on, and nobody tells it anything more.
pub(super) fn belong_to(dir: &RunDir) -> io::Result<()> {
    dup2_stderr(dir.output(RunDir::SHIM_LOG)?)?;
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// Whatever descriptors orchd's own parent left open to it (a job server, a socket) end here: the run inherits its
/// three standard ones and no other.
#[expect(unsafe_code, reason = "a descriptor known only by its number cannot be borrowed in another way")]
pub(super) fn keep_descriptors_private() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(fd) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if fd > 2 {
            // SAFETY: the number is used for one call that neither closes nor keeps it. The shim has one thread, so
            // that nothing closes it meanwhile; were it closed, the call would answer EBADF and touch nothing.
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
        }
    }
    Ok(())
}
