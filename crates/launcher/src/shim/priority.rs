//! The shim's place among the processes that want a CPU. It sleeps nearly always, but a run that forks without end
//! leaves it one turn in thousands: then its ceilings would be kept by nobody.

use rustix::process::setpriority_process;

/// Between its runs and the rest, where the privilege for more is missing.
const FIRST: i32 = -15;
/// Runs give way to orchd, and to whatever else the host does.
const RUN: i32 = 5;

/// Before all ordinary processes, where that is permitted; what is forked from here is ordinary again.
pub(super) fn urgent() {
    if !schedule(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 1) {
        // Refused too without the privilege: then the runs' own place must do.
        let _ = setpriority_process(None, FIRST);
    }
}

/// Does something long as everyone else does, then is urgent again.
pub(super) fn ordinarily<T>(work: impl FnOnce() -> T) -> T {
    ordinary();
    let done = work();
    urgent();
    done
}

/// As everyone else.
pub(super) fn ordinary() {
    schedule(libc::SCHED_OTHER, 0);
    // Never refused unless it was never raised.
    let _ = setpriority_process(None, 0);
}

/// For the child of a fork, before it executes a run's program.
pub(super) fn give_way() {
    // Lowering is always permitted.
    let _ = setpriority_process(None, RUN);
}

#[expect(unsafe_code, reason = "no safe binding of this system call exists in the crates used here")]
fn schedule(policy: i32, priority: i32) -> bool {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the pointer is to a whole `sched_param` that lives through the call, which keeps nothing of it; 0 names
    // the calling process.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
}
