//! What a new clone takes over from the one before it, without any git in that one (INC-43): declared caches, and files
//! that look as a checkout makes them. Whether these are the commit's is then git's to say, in the new clone, by their
//! content. They keep their times, so that what was built from them stays built; and a large tree is not written anew.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::error::GitError;
use crate::permission;
use crate::read::records;

/// Every permission but those to execute, which git compares.
const MODE: u32 = 0o7666;

/// Moves a cache folder from the old clone to the new one, unless the new one has tracked files there.
pub(crate) fn cache(old: &Path, new: &Path, cache: &str) -> Result<(), GitError> {
    let (mut from, mut to) = (old.to_owned(), new.to_owned());
    for part in cache.split('/') {
        from.push(part);
        to.push(part);
        // A link could lead out of the clone.
        if !is_folder(&from).unwrap_or(false) || !is_folder(&to).unwrap_or(true) {
            return Ok(());
        }
    }
    if fs::symlink_metadata(&to).is_ok() {
        return Ok(());
    }
    make_parent(&to)?;
    fs::rename(&from, &to).map_err(|error| permission::explain("carry over", &from, error))
}

/// Moves the files that the new clone's commit has from the old clone to the new one. `tree` is its listing, as
/// `ls-tree -r -z` writes it. What cannot be moved is left: it is checked out instead.
pub(crate) fn files(old: &Path, new: &Path, tree: &[u8]) -> Result<(), GitError> {
    // Made by this process a moment ago: so are the files of a checkout.
    let model = new.join(".git/HEAD");
    let model = fs::metadata(&model).map_err(|error| permission::explain("look at", &model, error))?;
    let mut folder = Folder { inner: PathBuf::new(), is_there: is_folder(old).unwrap_or(false) };
    for path in records(tree).filter_map(regular) {
        let parent = path.parent().unwrap_or(Path::new(""));
        if folder.inner != parent {
            folder = Folder::of(old, parent);
        }
        let (from, to) = (old.join(path), new.join(path));
        let is_alike = |meta: Metadata| is_as_made(&meta, &model);
        if !folder.is_there || !fs::symlink_metadata(&from).is_ok_and(is_alike) {
            continue;
        }
        make_parent(&to)?;
        // What stays behind is checked out.
        let _ = fs::rename(&from, &to);
    }
    Ok(())
}

/// The path of a regular file that may be moved: it stays within its clone and out of the repository.
fn regular(entry: &[u8]) -> Option<&Path> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (kind, path) = (&entry[..tab], Path::new(OsStr::from_bytes(&entry[tab + 1..])));
    let is_inner = |part: Component<'_>| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
    };
    // Where it is missing git takes the commit's: a run's own would say which bytes count as the same.
    let says_how = path.file_name() == Some(OsStr::new(".gitattributes"));
    (kind.starts_with(b"100") && !says_how && path.components().all(is_inner)).then_some(path)
}

/// A file that is nowhere else, that others may do with what they may with ours, and no more.
fn is_as_made(file: &Metadata, model: &Metadata) -> bool {
    let alike = |meta: &Metadata| (meta.uid(), meta.gid(), meta.dev(), meta.mode() & MODE);
    file.is_file() && file.nlink() == 1 && alike(file) == alike(model)
}

/// A folder of the old clone.
struct Folder {
    inner: PathBuf,
    /// It is there, and no link leads to it.
    is_there: bool,
}

impl Folder {
    fn of(root: &Path, inner: &Path) -> Self {
        let mut path = root.to_owned();
        let mut is_there = is_folder(root).unwrap_or(false);
        for part in inner.components() {
            path.push(part);
            is_there = is_there && is_folder(&path).unwrap_or(false);
        }
        Self { inner: inner.to_owned(), is_there }
    }
}

fn is_folder(path: &Path) -> std::io::Result<bool> {
    fs::symlink_metadata(path).map(|meta| meta.is_dir())
}

fn make_parent(path: &Path) -> Result<(), GitError> {
    match path.parent() {
        Some(parent) => {
            fs::create_dir_all(parent).map_err(|error| permission::explain("make", parent, error))
        }
        None => Ok(()),
    }
}
