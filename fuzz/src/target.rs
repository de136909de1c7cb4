//! What is fuzzed: each target is one reader of bytes that somebody else wrote, called as the product calls it. A
//! target panics where the reader does, or where what it read breaks a promise.

mod agent;
mod files;
mod said;

/// One reader of foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: the folder of its corpus.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]),
    /// Bytes of memory that it may hold at once for each byte of its input; a constant part comes on top.
    pub memory: u64,
}

/// Where every line, an empty one too, is an event, and all events are kept here to be looked at.
const EVENTS: u64 = 512;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "submission", read: said::submission, memory: 64 },
    Target { name: "artifact", read: said::artifact, memory: 64 },
    Target { name: "claude", read: agent::claude, memory: 64 },
    Target { name: "codex", read: agent::codex, memory: 64 },
    Target { name: "gemini", read: agent::gemini, memory: 64 },
    Target { name: "opencode", read: agent::opencode, memory: 64 },
    Target { name: "plain", read: agent::plain, memory: EVENTS },
    Target { name: "masking", read: agent::masking, memory: EVENTS },
    Target { name: "summary", read: agent::summary, memory: 64 },
    Target { name: "run-dir", read: files::run_dir, memory: 64 },
    Target { name: "log", read: files::log, memory: 64 },
    Target { name: "record", read: said::record, memory: 64 },
    Target { name: "policy", read: said::policy, memory: 64 },
    Target { name: "config", read: said::config, memory: 1024 },
    Target { name: "api", read: said::api, memory: 64 },
];

/// The target of a name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
