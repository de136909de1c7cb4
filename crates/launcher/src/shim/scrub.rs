//! What a run printed or handed in of the credentials it was given is overwritten once it is over: nothing of orchd's
//! may hold one (I-19). In place and of the same length, so that sizes and places of everything else stay.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use memchr::memmem::Finder;

use super::note;
use crate::dialect::mask::SECRET_MIN;
use crate::log;
use crate::run_dir::RunDir;

/// Bytes that are looked at at once.
const PART: usize = 1024 * 1024;
/// What a run writes that others read.
const FILES: [&str; 4] = [RunDir::STDOUT, RunDir::STDERR, RunDir::SUBMISSION, RunDir::USAGE];

/// Overwrites `secrets` in the files of a run that is over, those it hands in (`takes`) included.
pub(super) fn scrub(dir: &RunDir, secrets: &[String], takes: &[String]) {
    let finders: Vec<Finder<'_>> =
        secrets.iter().filter(|s| s.len() >= SECRET_MIN).map(|s| Finder::new(s.as_bytes())).collect();
    if finders.is_empty() {
        return;
    }
    for name in FILES.into_iter().chain(takes.iter().map(String::as_str)) {
        if let Err(error) = file(dir, name, &finders) {
            note(&format!("{name} may still hold a credential of the run: {error}"));
        }
    }
}

fn file(dir: &RunDir, name: &str, finders: &[Finder<'_>]) -> io::Result<()> {
    let Some(_) = log::open(dir, name)? else { return Ok(()) };
    let target = File::options().write(true).open(dir.file(name))?;
    let longest = finders.iter().map(|finder| finder.needle().len()).max().unwrap_or(0);
    let (mut kept, mut next): (Vec<u8>, u64) = (Vec::new(), 0);
    loop {
        let part = log::chunk(dir, name, next, PART)?;
        if part.dropped > 0 {
            kept.clear();
        }
        // A credential may lie across two parts: the end of the last one is looked at again.
        let begin = part.offset - kept.len() as u64;
        kept.extend_from_slice(&part.bytes);
        for finder in finders {
            for at in finder.find_iter(&kept) {
                let stars = vec![b'*'; finder.needle().len()];
                target.write_all_at(&stars, begin + at as u64)?;
            }
        }
        if part.eof {
            return Ok(());
        }
        next = part.next;
        kept.drain(..kept.len().saturating_sub(longest.saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests;
