//! What a waiting shim keeps in memory: the program it is a part of is large, and starting up touches much of it that
//! watching a run never needs again. Those pages are the program's file and come back by themselves when they are used.

use std::fs;

/// Gives back the pages of program files that the start-up touched. Best effort: it changes nothing but memory in use.
pub(super) fn shrink() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    maps.lines().filter_map(unwritten).for_each(|(start, end)| give_back(start, end));
}

/// Start and end of a mapping that is a file's own content: code, or the read-only first part of a program file. What
/// the loader has written to (relocated tables) is mapped behind, and is not touched.
fn unwritten(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, mode, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let is_file = fields.nth(2).is_some_and(|path| path.starts_with('/'));
    let is_first = u64::from_str_radix(offset, 16) == Ok(0);
    let is_unwritten = mode == "r-xp" || mode == "r--p" && is_first;
    let (start, end) = range.split_once('-')?;
    let of = |hex: &str| usize::from_str_radix(hex, 16).ok();
    (is_file && is_unwritten).then_some((of(start)?, of(end)?))
}

#[expect(unsafe_code, reason = "no safe binding of this system call exists: its ranges are numbers")]
fn give_back(start: usize, end: usize) {
    // SAFETY: the range is a private mapping of a file that this process never writes to (code, or the first read-only
    // segment; a change would need it writable first, which the mode says it is not). Dropping its pages loses nothing:
    // the next access reads the same bytes of the same, still mapped file. A failure changes nothing.
    let _ = unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests;
