//! The directory of one run: names, permissions (0700, files 0600) and durable writes (temporary file, fsync, rename,
//! fsync of the directory). What the files say is defined in `spec`, `result` and `shim`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};

use crate::containment::Containment;
use crate::process::ProcessId;

/// A run's own directory, by absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

/// `shim.json`: who supervises the run and what it supervises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimIdentity {
    /// The shim itself; it leads a session.
    pub shim: ProcessId,
    /// The main process, once started; it leads the run's session, so that its pid is also the session's.
    pub child: Option<ProcessId>,
    /// What keeps its processes together, once known.
    #[serde(default)]
    pub containment: Option<Containment>,
}

impl RunDir {
    /// What to run; see `spec`.
    pub const SPEC: &str = "spec.json";
    /// The prompt, written by whoever starts an agent.
    pub const PROMPT: &str = "prompt.md";
    /// Standard output of the run, as it came.
    pub const STDOUT: &str = "stdout.log";
    /// Standard error of the run, as it came.
    pub const STDERR: &str = "stderr.log";
    /// Who supervises; see [`ShimIdentity`].
    pub const SHIM: &str = "shim.json";
    /// What the shim itself had to say, for people.
    pub const SHIM_LOG: &str = "shim.log";
    /// Written by the agent through `orchctl submit`.
    pub const SUBMISSION: &str = "submission.json";
    /// Tokens and money, where the program tells.
    pub const USAGE: &str = "usage.json";
    /// The end; see `result`.
    pub const RESULT: &str = "result.json";
    /// A request to stop: its content is the reason.
    pub const STOP: &str = "stop";
    /// What a run in a sandbox sees in place of this directory.
    pub(crate) const OUTBOX: &str = "outbox";

    /// Whether a file of this name may be exchanged with a run: a plain name that means nothing else here.
    pub(crate) fn is_free_name(name: &str) -> bool {
        const OWN: [&str; 11] = [
            RunDir::SPEC,
            RunDir::PROMPT,
            RunDir::STDOUT,
            RunDir::STDERR,
            RunDir::SHIM,
            RunDir::SHIM_LOG,
            RunDir::SUBMISSION,
            RunDir::USAGE,
            RunDir::RESULT,
            RunDir::STOP,
            RunDir::OUTBOX,
        ];
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain) && !OWN.contains(&name)
    }

    /// Makes the directory (and its parents) for its owner alone.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Self::open(path)
    }

    /// An existing directory. The path is made absolute, as the shim works elsewhere.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = fs::canonicalize(path.into())?;
        if path.is_dir() { Ok(Self { path }) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// What a run in a sandbox sees in place of this directory.
    pub(crate) fn make_outbox(&self) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(self.file(Self::OUTBOX))
    }

    /// Makes a directory anew that was removed, and usable again one that was closed.
    pub(crate) fn restore(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where one of its files is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole and durably, or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.place(name, bytes, File::sync_all)?;
        File::open(&self.path)?.sync_all()
    }

    /// Writes a file whole, or not at all, for every process of this boot of the host. For what comes before a run: were
    /// the host to fail now, there would be no run; its shim [keeps](Self::keep) it before it says that the run is under
    /// way.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.place(name, bytes, |_| Ok(()))
    }

    /// Makes durable what was put; its name is with the next file that is [written](Self::write) here. Absent is fine.
    pub(crate) fn keep(&self, name: &str) -> io::Result<()> {
        match self.regular(name) {
            Ok(file) => file.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn place(&self, name: &str, bytes: &[u8], sync: fn(&File) -> io::Result<()>) -> io::Result<()> {
        let temporary = format!(".{name}.tmp");
        let mut file = self.fresh(&temporary)?;
        file.write_all(bytes)?;
        sync(&file)?;
        if fs::symlink_metadata(self.file(name)).is_ok_and(|meta| meta.is_dir()) {
            self.clear(name)?;
        }
        fs::rename(self.file(&temporary), self.file(name))
    }

    /// The prompt of an agent's run; returns its path.
    pub fn write_prompt(&self, text: &str) -> io::Result<PathBuf> {
        self.put(Self::PROMPT, text.as_bytes())?;
        Ok(self.file(Self::PROMPT))
    }

    /// A regular file's content if it has at most `cap` bytes. A run may put anything here: links are not followed,
    /// pipes do not block, and a giant is refused before it is read.
    pub fn read(&self, name: &str, cap: u64) -> io::Result<Vec<u8>> {
        let file = self.regular(name)?;
        let mut bytes = Vec::new();
        file.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > cap {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{name} is larger than {cap} bytes"),
            ));
        }
        Ok(bytes)
    }

    /// A regular file of the directory, to be read.
    pub(crate) fn regular(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(self.file(name))?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not a regular file")))
        }
    }

    /// A file of the shim's own in place of whatever a run put there.
    pub(crate) fn fresh(&self, name: &str) -> io::Result<File> {
        self.clear(name)?;
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.file(name))
    }

    /// Removes whatever is there; links are not followed.
    fn clear(&self, name: &str) -> io::Result<()> {
        let path = self.file(name);
        let cleared = match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        cleared.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }

    /// Makes the files that its shim would make, for which the run waits.
    pub fn lay_out(&self) -> io::Result<()> {
        [Self::STDOUT, Self::STDERR, Self::SHIM_LOG].iter().try_for_each(|name| self.output(name).map(drop))
    }

    /// A new file for the output of a process: appended to, never read by us while it runs.
    pub(crate) fn output(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.file(name))
    }

    /// Asks the shim to end the run; it looks every quarter of a second. The first reason stands.
    pub fn request_stop(&self, why: &str) -> io::Result<()> {
        if self.file(Self::STOP).exists() {
            return Ok(());
        }
        self.write(Self::STOP, why.as_bytes())
    }

    /// The reason of a request to stop, if there is one.
    pub(crate) fn stop_requested(&self) -> Option<String> {
        if !self.file(Self::STOP).exists() {
            return None;
        }
        let why = self.read(Self::STOP, 4096).unwrap_or_default();
        let why = String::from_utf8_lossy(&why).trim().to_owned();
        Some(if why.is_empty() { "no reason given".to_owned() } else { why })
    }

    /// Who supervises; `None` before a shim came that far.
    pub fn identity(&self) -> io::Result<Option<ShimIdentity>> {
        match self.read(Self::SHIM, 64 * 1024) {
            // The host failed in the moment of the start: nothing of it is left, and nothing is known of it.
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The directory itself, taken by the shim for its life: a second shim on the same run would run the work twice.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let dir = File::open(&self.path)?;
        flock(&dir, FlockOperation::NonBlockingLockExclusive)?;
        Ok(dir)
    }
}

#[cfg(test)]
mod tests;
