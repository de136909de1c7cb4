//! The place of its own that a program keeps its state in while it works in a sandbox: one per task and role, made ready
//! before each run. Its sessions stay, all else goes, and what it needs of the user's is brought in. What a run plants
//! there reaches neither the user's own program, nor another role, nor its own next run.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use orchd_launcher::SharedFile;
use orchd_launcher::profile::state::{Brought, How, Keeps, OwnState};
use serde_json::{Map, Value};
use tokio::fs;
use tokio::io::AsyncReadExt as _;

use super::site::Site;
use crate::confine::{self, Own};
use crate::error::RunnerError;

/// Settings and logins are text for a screen or two.
const CAP: u64 = 4 * 1024 * 1024;

/// Makes the place ready and tells the program of it in `env`. Without a sandbox the program uses the user's: nothing
/// would keep it from there.
pub(super) async fn make(site: &Site<'_>, env: &mut BTreeMap<String, String>) -> Result<Own, RunnerError> {
    if !confine::is_walled(&site.context.policy) {
        return Ok(Own::default());
    }
    let of_role = site.shop.state_dir(site.task.id).join(site.assigned.role.name());
    let Some(state) = site.profile.own_state(&of_role.join(site.profile.name()), env)? else {
        return Ok(Own::default());
    };
    if state.dir.is_symlink() {
        orchd_git::remove_tree(&state.dir).await?;
    }
    make_dir(&state.dir).await?;
    sweep(&state).await?;
    let mut own = Own { write: vec![state.dir.clone()], shared: Vec::new(), read: state.read.clone() };
    for brought in &state.brought {
        own.shared.extend(bring(&state, brought).await?);
    }
    env.extend(state.env);
    Ok(own)
}

async fn make_dir(dir: &Path) -> Result<(), RunnerError> {
    let failed = |source| RunnerError::Io { doing: "make", path: dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).await.map_err(failed)
}

/// Removes all but sessions. A link could lead anywhere: none stays.
async fn sweep(state: &OwnState) -> Result<(), RunnerError> {
    let mut open: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let dir = state.dir.join(&below);
        let failed = |source| RunnerError::Io { doing: "clear", path: dir.clone(), source };
        // A run may have closed it; it is its owner's.
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).await.map_err(failed)?;
        let mut entries = fs::read_dir(&dir).await.map_err(failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let path = below.join(entry.file_name());
            let kind = entry.file_type().await.map_err(failed)?;
            match state.keeps(&path) {
                Keeps::File if kind.is_file() => {}
                Keeps::Within if kind.is_dir() => open.push(path),
                Keeps::File | Keeps::Within | Keeps::Nothing => {
                    orchd_git::remove_tree(&entry.path()).await?;
                }
            }
        }
    }
    Ok(())
}

/// Brings a file of the user's in. One that is shared is only named: it is put there with the sandbox.
async fn bring(state: &OwnState, brought: &Brought) -> Result<Option<SharedFile>, RunnerError> {
    let Brought { from, to, how } = brought;
    if let Some(parent) = to.parent() {
        make_dir(parent).await?;
    }
    let bytes = match how {
        How::Shared => {
            let file = fs::canonicalize(from).await.ok().filter(|file| file.is_file());
            return Ok(file.map(|file| SharedFile { file, at: to.clone() }));
        }
        How::Copied => read(from).await,
        How::KeysOnly => read(from).await.map(|bytes| bytes.map(|bytes| keys(&bytes, state, from))),
    };
    let Some(bytes) = bytes.map_err(RunnerError::io("read", from))? else { return Ok(None) };
    write(to, &bytes).await.map_err(RunnerError::io("write", to))?;
    Ok(None)
}

/// A file's content; `None` where there is none.
async fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path).await {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    fs::File::open(path).await?.take(CAP + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > CAP {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {CAP} bytes")));
    }
    Ok(Some(bytes))
}

async fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, bytes).await?;
    tokio::io::AsyncWriteExt::flush(&mut file).await
}

/// The keys among logins by provider, as opencode writes them. Other logins are renewed where they are used, or name
/// an address that settings are taken from.
fn keys(bytes: &[u8], state: &OwnState, from: &Path) -> Vec<u8> {
    let all: Map<String, Value> = serde_json::from_slice(bytes).unwrap_or_else(|error| {
        tracing::warn!("{} is left out: {error}", from.display());
        Map::new()
    });
    let wanted = |name: &String| state.provider.as_ref().is_none_or(|provider| provider == name);
    let (keys, others): (Map<_, _>, Map<_, _>) = all
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .partition(|(_, login)| login.get("type").and_then(Value::as_str) == Some("api"));
    if !others.is_empty() {
        let names: Vec<&str> = others.keys().map(String::as_str).collect();
        tracing::warn!(
            "{}: only keys are given to a run in a sandbox; left out are {}; set the provider's key for orchd",
            from.display(),
            names.join(", ")
        );
    }
    Value::Object(keys).to_string().into_bytes()
}
