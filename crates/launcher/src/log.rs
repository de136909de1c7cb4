//! A run's output files: reading the tail for people, chunks for those attached, lines for parsers, and keeping a long
//! one bounded. The operating system writes them; what is no longer kept is a hole in the file, so the file itself
//! tells total and dropped. Output is bytes of any kind: broken UTF-8 is replaced, never an error.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use rustix::fs::{FallocateFlags, SeekFrom as Seek, fallocate, seek};
use serde::{Deserialize, Serialize};

use crate::run_dir::RunDir;

/// Holes begin and end at multiples of this: no common file system has larger blocks, so that exactly what was asked
/// for is dropped.
const BLOCK: u64 = 64 * 1024;
/// A reader that meets a hole growing over what it reads begins anew; each time it is further on.
const RACES: u32 = 8;
/// What is read at a time.
const PIECE: usize = 256 * 1024;

/// What is kept of a long output: its beginning and its end. What lies between is dropped while the run goes on, in
/// steps, so that a little more than this may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Bytes from the beginning.
    pub head: u64,
    /// Bytes up to the end.
    pub tail: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { head: 256 * 1024, tail: 16 * 1024 * 1024 }
    }
}

/// How much of an output there was, and how much of it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Bytes written so far.
    pub total: u64,
    /// Offsets that are no longer kept; empty where all is.
    pub dropped: Range<u64>,
}

impl Extent {
    /// Bytes that are no longer kept.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped.end - self.dropped.start
    }

    fn of(file: &File) -> io::Result<Self> {
        let total = file.metadata()?.len();
        let whole = Self { total, dropped: 0..0 };
        let hole = match seek(file, Seek::Hole(0)) {
            Ok(at) if at < total => at,
            // No hole, an empty file, or a file system that does not know: then nothing was dropped.
            Ok(_) | Err(_) => return Ok(whole),
        };
        let end = match seek(file, Seek::Data(hole)) {
            Ok(at) => at.min(total),
            Err(rustix::io::Errno::NXIO) => total,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { total, dropped: hole..end })
    }
}

/// The extent of an output file, at any time; a missing file is empty.
pub fn extent(dir: &RunDir, name: &str) -> io::Result<Extent> {
    match open(dir, name)? {
        Some(file) => Extent::of(&file),
        None => Ok(Extent { total: 0, dropped: 0..0 }),
    }
}

/// Drops the middle of a file that became too long. Returns whether the file system can; nothing that is kept moves,
/// so that a writer needs to know nothing.
pub(crate) fn rotate(file: &File, keep: Keep) -> io::Result<bool> {
    let extent = Extent::of(file)?;
    let begin = keep.head.next_multiple_of(BLOCK);
    let end = extent.total.saturating_sub(keep.tail) / BLOCK * BLOCK;
    // An eighth of what is kept at a time: dropping is cheap, but not free.
    let step = (keep.tail / 8).max(BLOCK);
    let from = if extent.dropped.is_empty() { begin } else { extent.dropped.end.max(begin) };
    if end < from.saturating_add(step) {
        return Ok(true);
    }
    match fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, end - from) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A part of an output file, for who reads on from where they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes, as they came.
    pub bytes: Vec<u8>,
    /// Where they begin.
    pub offset: u64,
    /// How many bytes between the offset asked for and this one are no longer kept.
    pub dropped: u64,
    /// Where to read on.
    pub next: u64,
    /// Bytes written so far.
    pub total: u64,
    /// Nothing came after these bytes when they were read. Whether more will come, the run's state tells.
    pub eof: bool,
}

/// At most `cap` bytes from `offset`; what is no longer kept is passed over and counted.
pub fn chunk(dir: &RunDir, name: &str, offset: u64, cap: usize) -> io::Result<Chunk> {
    let Some(mut file) = open(dir, name)? else {
        return Ok(Chunk { bytes: Vec::new(), offset, dropped: 0, next: offset, total: 0, eof: true });
    };
    for _ in 0..RACES {
        let extent = Extent::of(&file)?;
        let gap = &extent.dropped;
        let at = if gap.contains(&offset) { gap.end } else { offset };
        let end = if at < gap.start { gap.start } else { extent.total };
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        (&file).take(end.saturating_sub(at).min(cap as u64)).read_to_end(&mut bytes)?;
        let next = at + bytes.len() as u64;
        let now = Extent::of(&file)?;
        let is_whole = now.dropped.is_empty() || next <= now.dropped.start || at >= now.dropped.end;
        if is_whole {
            let (dropped, eof) = (at - offset, next >= now.total);
            return Ok(Chunk { bytes, offset: at, dropped, next, total: now.total, eof });
        }
    }
    let said = format!("{name} is written faster than it can be read; read its end");
    Err(io::Error::new(io::ErrorKind::ResourceBusy, said))
}

/// Shows all that is kept of a file of the run, piece by piece, each with how many bytes before it are no longer kept;
/// a missing file has none. Who reads lines ends the one before such a gap. Returns the bytes written so far.
pub fn pieces(dir: &RunDir, name: &str, mut see: impl FnMut(&[u8], u64)) -> io::Result<u64> {
    let mut at = 0;
    loop {
        let piece = chunk(dir, name, at, PIECE)?;
        see(&piece.bytes, piece.dropped);
        at = piece.next;
        if piece.eof {
            return Ok(at);
        }
    }
}

/// The end of an output file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The last bytes, as text.
    pub text: String,
    /// How many bytes came before them.
    pub before: u64,
    /// How many of those are no longer kept.
    pub dropped: u64,
}

/// The last `cap` bytes of a file of the run; a missing file is empty.
pub fn tail(dir: &RunDir, name: &str, cap: u64) -> io::Result<Tail> {
    let extent = extent(dir, name)?;
    let from = extent.total.saturating_sub(cap).max(extent.dropped.end);
    let Chunk { bytes, offset, .. } = chunk(dir, name, from, usize::try_from(cap).unwrap_or(usize::MAX))?;
    // The cut may fall inside a character: its rest is dropped too.
    let cut = if offset == 0 { 0 } else { bytes.iter().take(3).take_while(|b| **b & 0xC0 == 0x80).count() };
    let text = String::from_utf8_lossy(&bytes[cut..]).into_owned();
    Ok(Tail { text, before: offset + cut as u64, dropped: extent.dropped_bytes() })
}

/// Calls `see` with every line of a file of the run, each cut at `cap` bytes; a missing file has none. Of the line in
/// which what is kept is interrupted, the beginning is shown; the line with which it goes on is not, as it is none.
pub fn lines(dir: &RunDir, name: &str, cap: usize, mut see: impl FnMut(&str)) -> io::Result<()> {
    let Some(mut file) = open(dir, name)? else { return Ok(()) };
    let gap = Extent::of(&file)?.dropped;
    if gap.is_empty() {
        file.rewind()?;
        return lines_of(&file, cap, &mut see);
    }
    file.rewind()?;
    lines_of((&file).take(gap.start), cap, &mut see)?;
    file.seek(SeekFrom::Start(gap.end))?;
    let mut is_first = true;
    lines_of(&file, cap, &mut |line| {
        if !std::mem::take(&mut is_first) {
            see(line);
        }
    })
}

fn lines_of(text: impl io::Read, cap: usize, see: &mut dyn FnMut(&str)) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, text);
    let mut line = Vec::new();
    let mut is_open = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|&b| b == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        line.extend_from_slice(&part[..part.len().min(cap.saturating_sub(line.len()))]);
        let used = part.len() + usize::from(end.is_some());
        is_open = end.is_none();
        if !is_open {
            see(&String::from_utf8_lossy(&line));
            line.clear();
        }
        reader.consume(used);
    }
    if is_open {
        see(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// A run may have put anything in place of its outputs: what is no file holds no output.
pub(crate) fn open(dir: &RunDir, name: &str) -> io::Result<Option<File>> {
    match dir.regular(name) {
        Ok(file) => Ok(Some(file)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData => Ok(None),
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => Ok(None),
            _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;
