//! Reading a run's output files: the tail for people, the lines for parsers. Output is bytes of any kind: broken
//! UTF-8 is replaced, never an error. Writing them is the operating system's.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use crate::run_dir::RunDir;

/// The end of an output file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The last bytes, as text.
    pub text: String,
    /// How many bytes came before them.
    pub dropped: u64,
}

/// The last `cap` bytes of a file of the run; a missing file is empty.
pub fn tail(dir: &RunDir, name: &str, cap: u64) -> io::Result<Tail> {
    let mut file = match File::open(dir.file(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Tail { text: String::new(), dropped: 0 });
        }
        Err(error) => return Err(error),
    };
    let mut dropped = file.metadata()?.len().saturating_sub(cap);
    file.seek(SeekFrom::Start(dropped))?;
    let mut bytes = Vec::new();
    file.take(cap).read_to_end(&mut bytes)?;
    // The cut may fall inside a character: its rest is dropped too.
    let cut = if dropped == 0 { 0 } else { bytes.iter().take(3).take_while(|b| **b & 0xC0 == 0x80).count() };
    dropped += cut as u64;
    Ok(Tail { text: String::from_utf8_lossy(&bytes[cut..]).into_owned(), dropped })
}

/// Calls `see` with every line of a file of the run, each cut at `cap` bytes; a missing file has none.
pub fn lines(dir: &RunDir, name: &str, cap: usize, mut see: impl FnMut(&str)) -> io::Result<()> {
    let file = match File::open(dir.file(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|&b| b == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        line.extend_from_slice(&part[..part.len().min(cap.saturating_sub(line.len()))]);
        let used = part.len() + usize::from(end.is_some());
        if end.is_some() {
            see(&String::from_utf8_lossy(&line));
            line.clear();
        }
        reader.consume(used);
    }
    if !line.is_empty() {
        see(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
