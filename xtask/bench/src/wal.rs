//! How many COMMITs a store has written, read off its write-ahead log: the frame that ends a transaction
//! says how large the database is now. Only for a log that nobody restarts, which an open reader ensures.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Counts COMMITs from when it was made.
pub(crate) struct Commits {
    log: PathBuf,
    // Its open transaction keeps the log from starting anew.
    _reader: Connection,
}

impl Commits {
    pub(crate) fn watch(path: &Path) -> Result<Self> {
        let reader = Connection::open(path)?;
        reader.execute_batch("PRAGMA busy_timeout = 5000; BEGIN; SELECT count(*) FROM setting;")?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self { log: log.into(), _reader: reader })
    }

    /// COMMITs in the log by now. Ask while nobody writes.
    pub(crate) fn count(&self) -> Result<u32> {
        let log = fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        let Some(header) = log.get(..HEADER) else { return Ok(0) };
        let page = word(&header[8..12]) as usize;
        ensure!(page.is_power_of_two(), "{} is not a write-ahead log", self.log.display());
        let salt = &header[16..24];
        let frames = log[HEADER..].chunks_exact(FRAME_HEADER + page);
        // Frames of an earlier log that was longer have another salt.
        let ours = frames.take_while(|frame| frame[8..16] == *salt);
        Ok(u32::try_from(ours.filter(|frame| word(&frame[4..8]) != 0).count())?)
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}
