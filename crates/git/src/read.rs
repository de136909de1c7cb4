//! Questions to the mirror's object store: ancestry, trees, files, diffs. Reads only, no network. A failure of
//! git is always an error, never a "no".

use std::sync::Arc;

use orchd_core::id::{Digest, Sha};

use crate::command::Call;
use crate::error::GitError;
use crate::mirror::Mirror;
use crate::names::check_inner_path;

/// A line or three for each submodule.
const GITMODULES_MAX: usize = 1024 * 1024;
/// A listing that is kept for the next question.
const LISTING: usize = 64 * 1024;
/// The question after one.
const FOLDER: &str = "folder";
/// A file that is.
const SMALL: usize = 16 * 1024;

/// Whether one commit is in the history of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestry {
    /// It is, or both are the same.
    Yes,
    /// It is not.
    No,
}

/// What a branch has over its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Commits that touch something outside the given folder.
    Outside,
    /// Commits, but none that touches anything outside it.
    OnlyInside,
    /// No commit at all.
    Even,
}

/// Text cut to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capped {
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Whether something was cut off its end.
    pub truncated: bool,
}

/// One file's line counts in a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Its path; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Lines added; none for a binary file.
    pub added: Option<u64>,
    /// Lines deleted; none for a binary file.
    pub deleted: Option<u64>,
}

/// A diff that no attribute, driver, rename guess or submodule setting of the judged tree can bend.
pub(crate) const DIFF: &[&str] =
    &["diff", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];

impl Mirror {
    /// Whether `ancestor` is in the history of `descendant`.
    pub async fn is_ancestor(&self, ancestor: &Sha, descendant: &Sha) -> Result<Ancestry, GitError> {
        let of = [ancestor.as_str(), descendant.as_str()];
        self.known("is-ancestor", &of, |_| true, self.ask_ancestry(ancestor, descendant)).await
    }

    async fn ask_ancestry(&self, ancestor: &Sha, descendant: &Sha) -> Result<Ancestry, GitError> {
        let doing = "compare histories";
        let call =
            self.call(doing).args(["merge-base", "--is-ancestor", ancestor.as_str(), descendant.as_str()]);
        let output = call.output().await?;
        match output.code {
            Some(0) => Ok(Ancestry::Yes),
            Some(1) => Ok(Ancestry::No),
            code => Err(GitError::Failed { doing, code, stderr: output.stderr }),
        }
    }

    /// The commit two histories parted at; none if they are unrelated.
    pub async fn merge_base(&self, a: &Sha, b: &Sha) -> Result<Option<Sha>, GitError> {
        self.known("merge-base", &[a.as_str(), b.as_str()], |_| true, self.ask_merge_base(a, b)).await
    }

    async fn ask_merge_base(&self, a: &Sha, b: &Sha) -> Result<Option<Sha>, GitError> {
        let doing = "find the merge base";
        let output = self.call(doing).args(["merge-base", a.as_str(), b.as_str()]).output().await?;
        match output.code {
            Some(0) => {
                let text = String::from_utf8_lossy(&output.stdout);
                Sha::parse(&text).map(Some).map_err(|e| GitError::Unreadable { doing, why: e.to_string() })
            }
            Some(1) => Ok(None),
            code => Err(GitError::Failed { doing, code, stderr: output.stderr }),
        }
    }

    /// Whether the mirror has the commit with everything that git would need to read it.
    pub async fn has_commit(&self, sha: &Sha) -> Result<bool, GitError> {
        let call = self.call("look for a commit").args(["cat-file", "--batch-check=%(objecttype)"]);
        let ask = async { Ok(call.stdin(format!("{sha}\n")).text().await? == "commit") };
        // One that is not there may come.
        self.known("has-commit", &[sha.as_str()], |there| *there, ask).await
    }

    /// Spares the question, for a commit that was just taken in.
    pub(crate) fn has_now(&self, sha: &Sha) {
        self.answers().keep(("has-commit", sha.as_str().to_owned()), Arc::new(true));
    }

    /// The tree of a commit.
    pub async fn tree_of(&self, sha: &Sha) -> Result<Sha, GitError> {
        let call = self.call("find a commit's tree").args(["rev-parse", "--verify"]);
        let ask = call.arg(format!("{sha}^{{tree}}")).sha();
        self.known("tree", &[sha.as_str()], |_| true, ask).await
    }

    /// A digest of the file or folder at `path`, mode and content; none if there is nothing.
    pub async fn tree_digest(&self, head: &Sha, path: &str) -> Result<Option<Digest>, GitError> {
        Ok(self.entry(head, path).await?.map(|entry| Digest::of(entry.as_bytes())))
    }

    /// The content of a regular file; none if there is none. Links are not followed.
    pub async fn read_file(
        &self,
        sha: &Sha,
        path: &str,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.entry(sha, path).await? else { return Ok(None) };
        let mut fields = entry.split([' ', '\t']);
        let (Some("100644" | "100755"), Some("blob"), Some(blob)) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Ok(None);
        };
        let call = self.call("read a file").args(["cat-file", "blob", blob]).cap(max_bytes);
        let is_small = |bytes: &Vec<u8>| bytes.len() <= SMALL.min(max_bytes);
        let of = [blob, &max_bytes.to_string()];
        match self.known("blob", &of, is_small, call.bytes()).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(GitError::TooLarge { limit, .. }) => Err(GitError::TooLarge { what: path.to_owned(), limit }),
            Err(error) => Err(error),
        }
    }

    /// The first part of `path` at which something else than a folder stands: a link, a file, a submodule. None where
    /// a folder is there, or could be.
    pub async fn obstacle(&self, head: &Sha, path: &str) -> Result<Option<String>, GitError> {
        let path = check_inner_path(path)?;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        // One listing has all of it, as far as it is folders.
        let listing = self.listing(head, path).await?;
        for part in ends.map(|end| &path[..end]) {
            if found(&listing, part).is_some_and(|entry| entry.starts_with("040000 ")) {
                continue;
            }
            return Ok(self.entry(head, part).await?.map(|_| part.to_owned()));
        }
        Ok(None)
    }

    /// `mode type object\tpath` of one entry.
    async fn entry(&self, sha: &Sha, path: &str) -> Result<Option<String>, GitError> {
        let path = check_inner_path(path)?;
        // A listing of what is in it has it too, where it is a folder.
        if let Some(entry) = self.known_listing(sha, path).and_then(|listing| found(&listing, path)) {
            return Ok(Some(entry));
        }
        // Its folder as a whole: who asks for one document asks for its neighbours too.
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(found(&self.listing(sha, folder).await?, path))
    }

    /// The entries of a folder, and those of the folders on the way to it, as `ls-tree -z` writes them.
    async fn listing(&self, sha: &Sha, folder: &str) -> Result<Arc<Vec<u8>>, GitError> {
        let call =
            self.call("look into a tree").args(["ls-tree", "-t", "-z", "--full-tree", sha.as_str(), "--"]);
        let call = if folder.is_empty() { call } else { call.arg(format!("{folder}/")) };
        let ask = async { Ok(Arc::new(call.bytes().await?)) };
        let is_short = |listing: &Arc<Vec<u8>>| listing.len() <= LISTING;
        self.known(FOLDER, &[sha.as_str(), folder], is_short, ask).await
    }

    /// Every file of a commit, as `ls-tree -r -z` writes them.
    pub(crate) async fn all_files(&self, sha: &Sha) -> Result<Vec<u8>, GitError> {
        self.call("list a tree").args(["ls-tree", "-r", "-z", "--full-tree", sha.as_str()]).bytes().await
    }

    fn known_listing(&self, sha: &Sha, folder: &str) -> Option<Arc<Vec<u8>>> {
        self.answers().get(&(FOLDER, format!("{sha}\0{folder}")))
    }

    /// What `base...head` changes, as `--raw -z` writes it.
    async fn changed_entries(&self, base: &Sha, head: &Sha) -> Result<Arc<Vec<u8>>, GitError> {
        let call = self.three_dot("list changed entries", &["--raw", "--no-abbrev", "-z"], base, head);
        let ask = async { Ok(Arc::new(call.bytes().await?)) };
        let is_short = |listing: &Arc<Vec<u8>>| listing.len() <= LISTING;
        self.known("changed", &[base.as_str(), head.as_str()], is_short, ask).await
    }

    /// The files of a commit below a folder, sorted by path; of a link its own path.
    pub async fn files_below(&self, sha: &Sha, folder: &str) -> Result<Vec<String>, GitError> {
        let call = self.call("list a folder").args(["ls-tree", "-r", "-z", "--name-only", "--full-tree"]);
        let listing = call.args([sha.as_str(), "--", folder]).bytes().await?;
        Ok(records(&listing).map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// The files that `base...head` changes, sorted by path.
    pub async fn changed_files(&self, base: &Sha, head: &Sha) -> Result<Vec<String>, GitError> {
        let listing = self.changed_entries(base, head).await?;
        // Without renames every entry is `:mode mode object object status` and one path.
        let paths = records(&listing).skip(1).step_by(2);
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// Paths at which `base...head` puts a repository of its own that `.gitmodules` does not name: what is in there
    /// is in no commit of this one, and nobody could fetch it.
    pub async fn undeclared_repositories(&self, base: &Sha, head: &Sha) -> Result<Vec<String>, GitError> {
        let listing = self.changed_entries(base, head).await?;
        let fields: Vec<String> =
            records(&listing).map(|field| String::from_utf8_lossy(field).into()).collect();
        // Without renames every entry is `:mode mode object object status` and one path.
        let is_repository = |entry: &str| entry.split(' ').nth(1) == Some("160000");
        let mut found: Vec<String> = fields
            .chunks_exact(2)
            .filter(|pair| is_repository(&pair[0]))
            .map(|pair| pair[1].clone())
            .collect();
        if !found.is_empty() {
            let declared = self.declared_submodules(head).await?;
            found.retain(|path| !declared.contains(path));
        }
        Ok(found)
    }

    async fn declared_submodules(&self, head: &Sha) -> Result<Vec<String>, GitError> {
        let text = self.read_file(head, ".gitmodules", GITMODULES_MAX).await?.unwrap_or_default();
        let call = self.call("read .gitmodules").args(["config", "-z", "--file", "-", "--get-regexp"]);
        let output = call.arg(r"^submodule\..*\.path$").stdin(text).output().await?;
        // A file that cannot be read declares nothing.
        let values = records(&output.stdout).map(|record| {
            let text = String::from_utf8_lossy(record);
            text.split_once('\n').map(|(_, path)| path.to_owned())
        });
        Ok(values.flatten().collect())
    }

    /// Line counts of `base...head` per file.
    pub async fn numstat(&self, base: &Sha, head: &Sha) -> Result<Vec<FileStat>, GitError> {
        let doing = "count changed lines";
        let bytes = self.three_dot(doing, &["--numstat", "-z"], base, head).bytes().await?;
        let stat = |record: &[u8]| {
            let text = String::from_utf8_lossy(record);
            let mut fields = text.splitn(3, '\t');
            let (added, deleted, path) = (fields.next()?, fields.next()?, fields.next()?);
            Some(FileStat { path: path.to_owned(), added: added.parse().ok(), deleted: deleted.parse().ok() })
        };
        let odd = || GitError::Unreadable { doing, why: "a record without three fields".to_owned() };
        records(&bytes).map(|record| stat(record).ok_or_else(odd)).collect()
    }

    /// The text of `base...head`, cut to `max_bytes`.
    pub async fn diff(&self, base: &Sha, head: &Sha, max_bytes: usize) -> Result<Capped, GitError> {
        let doing = "show a diff";
        let output = self.three_dot(doing, &[], base, head).cap(max_bytes).output().await?;
        match output.code {
            Some(0) => Ok(capped(&output.stdout, output.truncated)),
            code => Err(GitError::Failed { doing, code, stderr: output.stderr }),
        }
    }

    /// What `head` has over `base`, seen from outside the folder `inside`.
    pub async fn ahead_outside(&self, base: &Sha, head: &Sha, inside: &str) -> Result<Ahead, GitError> {
        let of = [base.as_str(), head.as_str(), inside];
        self.known("ahead-outside", &of, |_| true, self.ask_ahead(base, head, inside)).await
    }

    async fn ask_ahead(&self, base: &Sha, head: &Sha, inside: &str) -> Result<Ahead, GitError> {
        let inside = check_inner_path(inside)?;
        let range = format!("{base}..{head}");
        let any = |paths: Vec<String>| {
            let call = self.call("look for commits").env("GIT_LITERAL_PATHSPECS", "0");
            call.args(["rev-list", "--max-count=1", &range, "--"]).args(paths).text()
        };
        let outside = vec![":(top)".to_owned(), format!(":(top,literal,exclude){inside}")];
        if !any(outside).await?.is_empty() {
            return Ok(Ahead::Outside);
        }
        Ok(if any(Vec::new()).await?.is_empty() { Ahead::Even } else { Ahead::OnlyInside })
    }

    pub(crate) fn three_dot(
        &self,
        doing: &'static str,
        options: &[&str],
        base: &Sha,
        head: &Sha,
    ) -> Call<'_> {
        self.call(doing).args(DIFF).args(options).args([&format!("{base}...{head}"), "--"])
    }
}

/// The entry of `path` in what `ls-tree -z` wrote.
fn found(listing: &[u8], path: &str) -> Option<String> {
    let is_it = |entry: &&[u8]| {
        let name = entry.iter().position(|byte| *byte == b'\t').map(|tab| &entry[tab + 1..]);
        name == Some(path.as_bytes())
    };
    records(listing).find(is_it).map(|entry| String::from_utf8_lossy(entry).into_owned())
}

/// The parts of an answer given with `-z`.
pub(crate) fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|record| !record.is_empty())
}

pub(crate) fn capped(bytes: &[u8], truncated: bool) -> Capped {
    Capped { text: String::from_utf8_lossy(bytes).into_owned(), truncated }
}
