//! What a remote lets orchd do, found out by pushes of which nothing stays: a ref of its own is made and deleted, and main
//! is only pushed to together with two refs of which one is below the other, which no repository can hold, so that all of
//! it must fail whatever anybody else does there meanwhile. For `orchctl doctor`.

use orchd_core::id::{Digest, RefName, Sha};

use crate::error::GitError;
use crate::mirror::{FETCH, Mirror};
use crate::push::{PushAnswer, RefChange, push};

/// What came of asking for one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It would be done.
    Allowed,
    /// It would not.
    Refused {
        /// The server's words.
        why: String,
    },
    /// Nobody knows, or it was too dangerous to ask.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What a remote lets orchd do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Refs of orchd's own, where the mirror was told that they go.
    pub own_refs: Tried,
    /// Several refs, all or none: without it, main could move and the landing's ref be missing.
    pub atomic: Tried,
    /// Moving main forward by a push.
    pub main: Tried,
    /// Replacing main by something else: a server had better refuse.
    pub forced: Tried,
}

impl Mirror {
    /// Tries what a landing will need. The error: main can not even be read.
    pub async fn try_remote(&self) -> Result<Trial, GitError> {
        let main = self.read_main().await?;
        let stone = self.commit("an unrelated commit", None).await?;
        let next = self.commit("a commit on main", Some(&main)).await?;
        let not_asked = |why: &str| Tried::Unknown { why: why.to_owned() };
        let test = self.test_ref("");
        let own_refs = self.make(&test, &stone).await?;
        if own_refs != Tried::Allowed {
            let why = "it takes a ref of orchd's own to ask";
            let (atomic, main, forced) = (not_asked(why), not_asked(why), not_asked(why));
            return Ok(Trial { own_refs, atomic, main, forced });
        }
        let atomic = self.is_atomic(&stone).await?;
        let ahead = if atomic == Tried::Allowed {
            self.would_move(&main, &next).await?
        } else {
            not_asked("it is only asked of a server that takes several refs together or none")
        };
        // Who may not push to main at all hears of that, and not whether force would help.
        let forced = if ahead == Tried::Allowed {
            self.would_move(&main, &stone).await?
        } else {
            not_asked("it is only asked where main can be pushed to")
        };
        self.unmake(&test, &stone).await?;
        Ok(Trial { own_refs, atomic, main: ahead, forced })
    }

    /// A ref of this trial's own: another one at the same time has others.
    fn test_ref(&self, what: &str) -> RefName {
        let own = format!("{} {}", self.dir().display(), std::process::id());
        let own: String = Digest::of(own.as_bytes()).as_str().chars().take(12).collect();
        RefName::new(format!("refs/orchd/test-{own}{what}"))
    }

    /// Main's commit, and nothing below it that a server can leave out.
    async fn read_main(&self) -> Result<Sha, GitError> {
        let tracking = self.tracking(self.main_branch())?;
        let refspec = format!("+{}:{tracking}", self.main_ref());
        let absent = || GitError::NoMain {
            remote: self.remote().to_owned(),
            main: self.main_branch().as_str().to_owned(),
        };
        if self.ls_remote(&[self.main_ref()]).await?.is_empty() {
            return Err(absent());
        }
        let call = self.remote_call("fetch main").args(FETCH).args(["--depth=1", "--filter=tree:0"]);
        call.args(["origin", &refspec]).done().await?;
        self.resolve(&tracking).await?.ok_or_else(absent)
    }

    /// A commit without files. Its author and dates are constants, so that a second trial makes the same.
    async fn commit(&self, message: &str, parent: Option<&Sha>) -> Result<Sha, GitError> {
        let tree = self.call("write an empty tree").args(["hash-object", "-w", "-t", "tree", "--stdin"]);
        let tree = tree.stdin(Vec::new()).sha().await?;
        let mut call = self.call("write a commit to try with").args(["commit-tree", tree.as_str()]);
        if let Some(parent) = parent {
            call = call.args(["-p", parent.as_str()]);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            for (what, value) in [("NAME", "orchd"), ("EMAIL", "orchd@localhost"), ("DATE", "@1 +0000")] {
                call = call.env(format!("GIT_{who}_{what}"), value);
            }
        }
        call.stdin(format!("orchd: {message}, to try what a server allows\n")).sha().await
    }

    async fn make(&self, name: &RefName, at: &Sha) -> Result<Tried, GitError> {
        let change =
            RefChange { name: name.clone(), expected: String::new(), source: at.as_str().to_owned() };
        Ok(match push(self, "try a ref of orchd's own", &[change]).await? {
            // Said and done are two things.
            PushAnswer::Accepted(_) if self.stands(name).await?.as_ref() != Some(at) => {
                Tried::Refused { why: format!("the server said yes, and {name} is not there") }
            }
            PushAnswer::Accepted(_) => Tried::Allowed,
            PushAnswer::Rejected { why, .. } => Tried::Refused { why },
            PushAnswer::NoAnswer { why } => Tried::Unknown { why },
        })
    }

    /// Best effort: one that stays is harmless.
    async fn unmake(&self, name: &RefName, at: &Sha) -> Result<(), GitError> {
        let change =
            RefChange { name: name.clone(), expected: at.as_str().to_owned(), source: String::new() };
        push(self, "delete a ref of orchd's own", &[change]).await.map(drop)
    }

    async fn stands(&self, name: &RefName) -> Result<Option<Sha>, GitError> {
        Ok(self.ls_remote(&[name]).await?.into_iter().next().map(|(_, sha)| sha))
    }

    async fn is_atomic(&self, stone: &Sha) -> Result<Tried, GitError> {
        let witness = self.test_ref("-witness");
        let (_, answer) = self.push_in_vain(&witness, "", stone).await?;
        Ok(match (answer, self.stands(&witness).await?) {
            (PushAnswer::Rejected { .. }, None) => Tried::Allowed,
            (PushAnswer::NoAnswer { why }, None) => Tried::Unknown { why },
            (_, Some(_)) => {
                self.unmake(&witness, stone).await?;
                Tried::Refused { why: "of two refs pushed together it made one alone".to_owned() }
            }
            (PushAnswer::Accepted(_), None) => {
                Tried::Refused { why: "it said yes to a push that it did not carry out".to_owned() }
            }
        })
    }

    /// Whether main would move from where it is to `to`, were it not for the ref beside it.
    async fn would_move(&self, from: &Sha, to: &Sha) -> Result<Tried, GitError> {
        let (main, answer) = self.push_in_vain(self.main_ref(), from.as_str(), to).await?;
        Ok(match (answer, main) {
            // Git's word for "there was nothing wrong with this one".
            (PushAnswer::Rejected { .. }, Some(own)) if own.contains("atomic") => Tried::Allowed,
            // Refused here, by the lease: the server was not asked.
            (PushAnswer::Rejected { .. }, Some(own)) if own.contains("stale") => {
                Tried::Unknown { why: "somebody pushed to it meanwhile; ask again".to_owned() }
            }
            (PushAnswer::Rejected { why, .. }, _) => Tried::Refused { why },
            (PushAnswer::NoAnswer { why }, _) => Tried::Unknown { why },
            (PushAnswer::Accepted(_), _) => {
                Tried::Unknown { why: "the server said yes to what can not be: look at its main".to_owned() }
            }
        })
    }

    /// Pushes one change together with two that can not be, both or either; what was said of the first, and of all.
    async fn push_in_vain(
        &self,
        name: &RefName,
        expected: &str,
        to: &Sha,
    ) -> Result<(Option<String>, PushAnswer), GitError> {
        let source = to.as_str().to_owned();
        let asked = RefChange { name: name.clone(), expected: expected.to_owned(), source: source.clone() };
        let vain = |what| {
            let name = self.test_ref(what);
            RefChange { name, expected: String::new(), source: source.clone() }
        };
        let changes = [asked, vain("-vain"), vain("-vain/below")];
        let answer = push(self, "try a push that must fail", &changes).await?;
        let own = match &answer {
            PushAnswer::Rejected { each, .. } => {
                each.iter().find(|(of, _)| of == name).map(|(_, said)| said.clone())
            }
            PushAnswer::Accepted(_) | PushAnswer::NoAnswer { .. } => None,
        };
        Ok((own, answer))
    }
}
