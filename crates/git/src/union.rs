//! Union merges and what they lose. `merge=union` keeps both sides' lines but has dropped entries (INC-33), so
//! after a rebase each entry of either side must still be there, unless the other side took it out.

use std::collections::BTreeSet;

use orchd_core::id::Sha;
use orchd_core::mutant::{self, Mutant};

use crate::checkout::GateCheckout;
use crate::error::GitError;
use crate::read::{DIFF, records};

/// A file declared `merge=union` is text; above this it is not compared but reported as too large.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// A line that a union merge lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VanishedEntry {
    /// The file.
    pub file: String,
    /// The line, without the white space at its end.
    pub line: String,
}

/// The attribute lines that declare `patterns`.
pub(crate) fn attributes(patterns: &[String]) -> Result<String, GitError> {
    let line = |pattern: &String| {
        if pattern.is_empty() || pattern.starts_with(['#', '!']) || pattern.contains(|c: char| c.is_control())
        {
            let why = "it is empty, starts with # or !, or holds a control character";
            return Err(GitError::BadName { kind: "merge=union pattern", text: pattern.clone(), why });
        }
        Ok(format!("\"{}\" merge=union\n", pattern.replace('\\', "\\\\").replace('"', "\\\"")))
    };
    patterns.iter().map(line).collect()
}

/// The entries of union files that `rebased` lost, both sides taken from `base`.
pub(crate) async fn vanished(
    checkout: &GateCheckout,
    base: &Sha,
    sides: [&Sha; 2],
    rebased: &Sha,
) -> Result<Vec<VanishedEntry>, GitError> {
    let mut lost = Vec::new();
    for file in union_files(checkout, base, sides).await? {
        let before = lines(checkout, base, &file).await?;
        let [ours, theirs] =
            [lines(checkout, sides[0], &file).await?, lines(checkout, sides[1], &file).await?];
        let after = lines(checkout, rebased, &file).await?;
        for line in expected(&before, &ours, &theirs).difference(&after) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            lost.push(VanishedEntry { file: text(&file), line: text(line) });
        }
    }
    Ok(lost)
}

/// What must be there: each side's lines without those that the other side took out.
fn expected(before: &Lines, ours: &Lines, theirs: &Lines) -> Lines {
    if mutant::on(Mutant::Inc33) {
        return Lines::new();
    }
    let removed = |side: &Lines| before.difference(side).cloned().collect::<Lines>();
    let (by_us, by_them) = (removed(ours), removed(theirs));
    let kept_ours = ours.difference(&by_them);
    kept_ours.chain(theirs.difference(&by_us)).cloned().collect()
}

type Lines = BTreeSet<Vec<u8>>;

/// The union files that either side changed, as git itself sees the attribute. Either and not both: a side that
/// added an entry and took it out again has changed nothing by the end, and its replay can still cost one.
async fn union_files(
    checkout: &GateCheckout,
    base: &Sha,
    sides: [&Sha; 2],
) -> Result<Vec<Vec<u8>>, GitError> {
    let mut changed = BTreeSet::new();
    for side in sides {
        let call = checkout.call("list changed files").args(DIFF).args(["--name-only", "-z"]);
        let bytes = call.args([base.as_str(), side.as_str(), "--"]).bytes().await?;
        changed.extend(records(&bytes).map(<[u8]>::to_vec));
    }
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let asked = changed.into_iter().collect::<Vec<_>>().join(&0);
    let ask = checkout.call("read attributes").args(["check-attr", "-z", "--stdin", "merge"]).stdin(asked);
    let bytes = ask.bytes().await?;
    // Answers come as path, attribute, value.
    let fields: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let union = |triple: &[&[u8]]| (triple[2] == b"union").then(|| triple[0].to_vec());
    Ok(fields.chunks_exact(3).filter_map(union).collect())
}

async fn lines(checkout: &GateCheckout, sha: &Sha, file: &[u8]) -> Result<Lines, GitError> {
    use std::os::unix::ffi::OsStringExt;
    let mut name = format!("{sha}:").into_bytes();
    name.extend_from_slice(file);
    let name = std::ffi::OsString::from_vec(name);
    let output =
        checkout.call("read a merged file").arg("show").arg(name).cap(MAX_FILE_BYTES).output().await?;
    if output.truncated {
        let what = String::from_utf8_lossy(file).into_owned();
        return Err(GitError::TooLarge { what, limit: MAX_FILE_BYTES as u64 });
    }
    // The commits are known to be there, so a failure means that this one has no such file.
    let content = if output.code == Some(0) { output.stdout } else { Vec::new() };
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    Ok(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests;
