//! The subject `patch` (spec 1.2): a digest of what a branch changes, stable under a clean rebase and changed by
//! any change of content. Streams, so that a patch of any size costs the same memory. Not `git patch-id`,
//! which stops at a NUL and can give two patches one id.

use orchd_core::id::{Digest, Sha};
use sha2::Digest as _;

use crate::error::GitError;
use crate::mirror::Mirror;

impl Mirror {
    /// SHA-256 over `git diff main...head` without the line numbers of `@@` lines and without the `index` lines
    /// of text files.
    pub async fn patch_digest(&self, main: &Sha, head: &Sha) -> Result<Digest, GitError> {
        let ask = async {
            let mut patch = PatchHasher::default();
            let call = self.three_dot("digest a patch", &["--full-index", "--binary"], main, head);
            call.stream(&mut |bytes| patch.feed(bytes)).await?;
            Ok(patch.finish())
        };
        self.known("patch", &[main.as_str(), head.as_str()], |_| true, ask).await
    }
}

/// Where in a line the stream stands.
#[derive(Default, Clone, Copy, PartialEq)]
enum At {
    #[default]
    LineStart,
    /// In a line of content (or `---`, `+++`): hashed as it comes, however long it is.
    Content,
    /// In a header line: kept until its end, since it may be left out. git bounds its length.
    Header,
}

/// Digests a diff piece by piece.
#[derive(Default)]
struct PatchHasher {
    sha: sha2::Sha256,
    at: At,
    header: Vec<u8>,
    /// An `index` line, until the next line tells whether its file is binary.
    index: Vec<u8>,
}

impl PatchHasher {
    fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            if self.at == At::LineStart {
                let content = matches!(first, b' ' | b'+' | b'-' | b'\\');
                self.at = if content { At::Content } else { At::Header };
                if content {
                    // Content directly after an index line: a text file.
                    self.index.clear();
                }
            }
            let end = bytes.iter().position(|b| *b == b'\n');
            let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
            match self.at {
                At::Content | At::LineStart => self.sha.update(piece),
                At::Header => self.header.extend_from_slice(piece),
            }
            if end.is_some() {
                if self.at == At::Header {
                    self.end_header();
                }
                self.at = At::LineStart;
            }
            bytes = rest;
        }
    }

    fn end_header(&mut self) {
        let line = std::mem::take(&mut self.header);
        let index = std::mem::take(&mut self.index);
        if line.starts_with(b"index ") {
            self.index = line;
        } else if line.starts_with(b"@@ ") {
            self.sha.update(b"@@");
            self.sha.update(after_line_numbers(&line));
        } else {
            if line.starts_with(b"GIT binary patch") {
                self.sha.update(index);
            }
            self.sha.update(line);
        }
    }

    fn finish(mut self) -> Digest {
        if !self.header.is_empty() {
            self.end_header();
        }
        Digest::new(self.sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

/// The rest of an `@@` line after its line numbers: from the space before its second `@@`.
fn after_line_numbers(line: &[u8]) -> &[u8] {
    let close = line.windows(3).skip(1).position(|window| window == b" @@");
    close.map_or(line, |at| &line[at + 1..])
}

#[cfg(test)]
mod tests;
