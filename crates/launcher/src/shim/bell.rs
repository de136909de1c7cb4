//! What wakes the shim: a request to end (SIGTERM, SIGINT), the end of a process, a span of time. One poll, no thread,
//! no busy loop. What follows from it is decided by the callers.

use std::cell::Cell;
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Rings when the shim is asked to end the run.
pub(super) struct Bell {
    rings: UnixStream,
    rang: Cell<bool>,
}

impl Bell {
    pub(super) fn install() -> io::Result<Self> {
        let (rings, write) = UnixStream::pair()?;
        rings.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGTERM, write.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGINT, write)?;
        Ok(Self { rings, rang: Cell::new(false) })
    }

    /// Whether a signal asked for the end, ever.
    pub(super) fn rang(&self) -> bool {
        self.rang.get()
    }

    /// Returns after `ms` milliseconds at the latest, sooner when it rings or when `process` (a pidfd) ends.
    pub(super) fn wait(&self, ms: i64, process: Option<BorrowedFd<'_>>) {
        let ms = ms.max(1);
        let timeout = Timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 };
        let mut fds = vec![PollFd::new(&self.rings, PollFlags::IN)];
        fds.extend(process.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        // Interrupted or refused: the caller looks at the world and comes again.
        let _ = poll(&mut fds, Some(&timeout));
        let mut bytes = [0; 64];
        while let Ok(n) = (&self.rings).read(&mut bytes) {
            if n == 0 {
                break;
            }
            self.rang.set(true);
        }
    }
}
