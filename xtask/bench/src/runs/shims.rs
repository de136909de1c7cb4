//! The shims of a data directory as the kernel sees them: how many there are, what memory and processor time each one
//! has. Reads `/proc` alone.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// What a shim keeps in memory, in MB (10^6 bytes).
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Everything of it, the program's pages that all shims share included.
    pub(super) resident: f64,
    /// Its share, where a page of several processes is shared out among them.
    pub(super) proportional: f64,
    /// What it alone has.
    pub(super) private: f64,
}

/// Pids of the shims whose run lies below `data`.
pub(super) fn of(data: &Path) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ended meanwhile is none.
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        if line.split(|byte| *byte == 0).nth(1) == Some(b"shim") && holds_any(pid, data) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Whether a process has a file below `dir` open: a shim that waits for its run has none.
fn holds_any(pid: u32, dir: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|file| file.starts_with(dir))
}

/// What a process keeps in memory.
pub(super) fn memory(pid: u32) -> Result<Memory> {
    let (status, maps) = (read(pid, "status")?, read(pid, "smaps_rollup")?);
    let sum = |text: &str, keys: &[&str]| -> f64 {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let of_key = lines.filter(|(key, _)| keys.contains(key));
        of_key.filter_map(|(_, value)| value.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).sum()
    };
    let mb = |kib: f64| kib * 1024.0 / 1e6;
    Ok(Memory {
        resident: mb(sum(&status, &["VmRSS"])),
        proportional: mb(sum(&maps, &["Pss"])),
        private: mb(sum(&maps, &["Private_Clean", "Private_Dirty"])),
    })
}

/// Seconds that a process of one thread has had of the processors.
pub(super) fn cpu(pid: u32) -> Result<f64> {
    let text = read(pid, "schedstat")?;
    let first = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    Ok(first.context("schedstat has no numbers")? / 1e9)
}

fn read(pid: u32, file: &str) -> Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| format!("process {pid} is gone"))
}
