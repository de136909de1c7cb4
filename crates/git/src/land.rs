//! The landing (spec 3.9, reliability 2.8): one atomic push of main and of a ref that must not exist, which makes a
//! repeat harmless, a stale actor impossible, and lets STOP close the door. A rejection is believed only after a
//! look at that ref; the only proof of landing is ancestry in main, asked of git.

use std::time::Duration;

use orchd_core::id::{RefName, Sha};
use orchd_core::mutant::{self, Mutant};

use crate::error::GitError;
use crate::mirror::Mirror;
use crate::names::check_ref;
use crate::push::{PushAnswer, RefAnswer, RefChange, push};
use crate::read::Ancestry;

/// Tries when the receiver only says that another push holds a lock.
const LOCK_TRIES: u32 = 6;

/// What became of a landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandOutcome {
    /// This push moved main.
    Applied {
        /// Main now: the head.
        main: Sha,
    },
    /// The head was in main before this push.
    AlreadyLanded {
        /// Main now.
        main: Sha,
    },
    /// Main is not where the gates saw it; nothing was changed.
    StaleBase {
        /// Main now.
        main: Sha,
    },
    /// The head does not contain the base: landing it would throw main's history away. Not sent.
    NotDescendant,
    /// STOP closed this landing; it can never happen.
    Tombstoned,
    /// The receiver would not; nothing was changed.
    Refused {
        /// Its words.
        why: String,
    },
    /// No answer: [`Mirror::probe_landing`] is the only way on.
    Unknown {
        /// What broke.
        why: String,
    },
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The head is in main: the proof.
    Landed {
        /// Main now.
        main: Sha,
    },
    /// It is not, and the landing's ref does not exist: it may be sent again.
    Absent {
        /// Main now.
        main: Sha,
    },
    /// It is not and never will be.
    Tombstoned {
        /// Main now.
        main: Sha,
    },
    /// The landing's ref is taken, yet the head is not in main: somebody rewrote main, or landed another head
    /// under this landing's name. A person must look.
    Contradicted {
        /// Main now.
        main: Sha,
        /// What the ref holds.
        holder: Sha,
    },
}

/// What became of closing a landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseOutcome {
    /// No late twin can land any more.
    Closed,
    /// Too late: it landed.
    Landed {
        /// Main now.
        main: Sha,
    },
    /// The receiver would not.
    Refused {
        /// Its words.
        why: String,
    },
    /// No answer; a repeat is harmless.
    Unknown {
        /// What broke.
        why: String,
    },
}

/// Who holds a landing's ref at the remote.
enum Holder {
    Nobody,
    Head,
    Tombstone,
    Other(Sha),
}

/// The remote as one look shows it.
struct Sight {
    main: Option<Sha>,
    holder: Holder,
}

impl Mirror {
    /// Moves the remote's main from `base` to `head` and creates `merge_ref`, both or neither.
    pub async fn land(&self, base: &Sha, head: &Sha, merge_ref: &RefName) -> Result<LandOutcome, GitError> {
        check_ref(merge_ref)?;
        // A lease compares and then forces: without this an unrelated history would replace main (INC-46).
        if !mutant::on(Mutant::Inc46) && self.is_ancestor(base, head).await? == Ancestry::No {
            return Ok(LandOutcome::NotDescendant);
        }
        self.push_landing(base, head, merge_ref).await
    }

    /// The push and the reading of its answer, without the ancestry check: the receiver has its own.
    async fn push_landing(
        &self,
        base: &Sha,
        head: &Sha,
        merge_ref: &RefName,
    ) -> Result<LandOutcome, GitError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let source = head.as_str().to_owned();
            let main = RefChange {
                name: self.main_ref().clone(),
                expected: base.as_str().to_owned(),
                source: source.clone(),
            };
            let fence = RefChange { name: merge_ref.clone(), expected: String::new(), source };
            let (why, answered) = match push(self, "land", &[main, fence]).await? {
                PushAnswer::Accepted(answers) => return Ok(self.accepted(&answers, head)),
                PushAnswer::Rejected { why, .. } => (why, true),
                PushAnswer::NoAnswer { why } => (why, false),
            };
            let seen = match self.look(merge_ref, Some(head)).await {
                Ok(seen) => seen,
                Err(error) => return Ok(LandOutcome::Unknown { why: format!("{why}; then: {error}") }),
            };
            let outcome = match self.after_no(seen, base, head, why, answered).await {
                Ok(outcome) => outcome,
                Err(error) => return Ok(LandOutcome::Unknown { why: error.to_string() }),
            };
            let busy = matches!(&outcome, LandOutcome::Refused { why } if is_lock(why));
            if !busy || tries == LOCK_TRIES {
                return Ok(outcome);
            }
            tokio::time::sleep(Duration::from_millis(50 << tries)).await;
        }
    }

    fn accepted(&self, answers: &[(RefName, RefAnswer)], head: &Sha) -> LandOutcome {
        let main = head.clone();
        let moved =
            answers.iter().any(|(name, answer)| name == self.main_ref() && *answer == RefAnswer::Moved);
        if moved { LandOutcome::Applied { main } } else { LandOutcome::AlreadyLanded { main } }
    }

    /// What a push that did not say yes means, now that the landing's ref has been looked at.
    async fn after_no(
        &self,
        seen: Sight,
        base: &Sha,
        head: &Sha,
        why: String,
        answered: bool,
    ) -> Result<LandOutcome, GitError> {
        Ok(match (seen.holder, seen.main) {
            (Holder::Head, _) => {
                let main = self.fetch_main().await?.sha;
                match self.is_ancestor(head, &main).await? {
                    Ancestry::Yes => LandOutcome::AlreadyLanded { main },
                    Ancestry::No => {
                        LandOutcome::Refused { why: format!("the head landed once and main lost it; {why}") }
                    }
                }
            }
            (Holder::Tombstone, _) => LandOutcome::Tombstoned,
            (Holder::Other(other), _) => {
                LandOutcome::Refused { why: format!("another head, {other}, landed under this name; {why}") }
            }
            // Nobody knows whether a receiver that did not answer is still at work.
            (Holder::Nobody, _) if !answered => LandOutcome::Unknown { why },
            (Holder::Nobody, Some(main)) if main != *base => LandOutcome::StaleBase { main },
            (Holder::Nobody, _) => LandOutcome::Refused { why },
        })
    }

    /// Asks the remote and git whether `head` landed.
    pub async fn probe_landing(&self, merge_ref: &RefName, head: &Sha) -> Result<ProbeOutcome, GitError> {
        // The ref first, main after it: a landing in between is then seen in main.
        let seen = self.look(merge_ref, Some(head)).await?;
        let main = self.fetch_main().await?.sha;
        if self.is_ancestor(head, &main).await? == Ancestry::Yes {
            return Ok(ProbeOutcome::Landed { main });
        }
        Ok(match seen.holder {
            Holder::Nobody => ProbeOutcome::Absent { main },
            Holder::Tombstone => ProbeOutcome::Tombstoned { main },
            Holder::Head => ProbeOutcome::Contradicted { main, holder: head.clone() },
            Holder::Other(holder) => ProbeOutcome::Contradicted { main, holder },
        })
    }

    /// Closes a landing for STOP: writes a tombstone where the landing would have to create its ref.
    pub async fn tombstone(&self, merge_ref: &RefName) -> Result<CloseOutcome, GitError> {
        check_ref(merge_ref)?;
        let stone = self.tombstone_commit(merge_ref).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            let source = stone.as_str().to_owned();
            let change = RefChange { name: merge_ref.clone(), expected: String::new(), source };
            let (why, answered) = match push(self, "close a landing", &[change]).await? {
                PushAnswer::Accepted(_) => return Ok(CloseOutcome::Closed),
                PushAnswer::Rejected { why, .. } => (why, true),
                PushAnswer::NoAnswer { why } => (why, false),
            };
            let holder = match self.look(merge_ref, None).await {
                Ok(seen) => seen.holder,
                Err(error) => return Ok(CloseOutcome::Unknown { why: format!("{why}; then: {error}") }),
            };
            match holder {
                Holder::Tombstone => return Ok(CloseOutcome::Closed),
                Holder::Head => return Ok(CloseOutcome::Refused { why }),
                Holder::Other(head) => return self.landed_instead(&head, why).await,
                Holder::Nobody if !answered => return Ok(CloseOutcome::Unknown { why }),
                Holder::Nobody if is_lock(&why) && tries < LOCK_TRIES => {
                    tokio::time::sleep(Duration::from_millis(50 << tries)).await;
                }
                Holder::Nobody => return Ok(CloseOutcome::Refused { why }),
            }
        }
    }

    async fn landed_instead(&self, head: &Sha, why: String) -> Result<CloseOutcome, GitError> {
        let main = self.fetch_main().await?.sha;
        // The mirror may lack a head that another machine landed; if main contained it, it would have come along.
        let landed = self.has_commit(head).await? && self.is_ancestor(head, &main).await? == Ancestry::Yes;
        let lost = format!("the landing's ref holds {head}, which main does not contain; {why}");
        Ok(if landed { CloseOutcome::Landed { main } } else { CloseOutcome::Refused { why: lost } })
    }

    async fn look(&self, merge_ref: &RefName, head: Option<&Sha>) -> Result<Sight, GitError> {
        let refs = self.ls_remote(&[self.main_ref(), merge_ref]).await?;
        let find = |name: &RefName| refs.iter().find(|(found, _)| found == name).map(|(_, sha)| sha.clone());
        let holder = match find(merge_ref) {
            None => Holder::Nobody,
            Some(sha) if Some(&sha) == head => Holder::Head,
            Some(sha) if sha == self.tombstone_commit(merge_ref).await? => Holder::Tombstone,
            Some(sha) => Holder::Other(sha),
        };
        Ok(Sight { main: find(self.main_ref()), holder })
    }

    /// The tombstone of one landing: a root commit without files. Its author and dates are constants, so that
    /// every process makes the same object and knows it again.
    async fn tombstone_commit(&self, merge_ref: &RefName) -> Result<Sha, GitError> {
        let tree = self.call("write an empty tree").args(["hash-object", "-w", "-t", "tree", "--stdin"]);
        let tree = tree.stdin(Vec::new()).sha().await?;
        let mut call = self.call("write a tombstone").args(["commit-tree", tree.as_str()]);
        for who in ["AUTHOR", "COMMITTER"] {
            for (what, value) in [("NAME", "orchd"), ("EMAIL", "orchd@localhost"), ("DATE", "@1 +0000")] {
                call = call.env(format!("GIT_{who}_{what}"), value);
            }
        }
        call.stdin(format!("orchd: this landing is closed\n\n{merge_ref}\n")).sha().await
    }
}

/// Whether a refusal is only about two pushes at once.
fn is_lock(why: &str) -> bool {
    ["cannot lock", "failed to update ref", "failed to lock", "Unable to create"]
        .iter()
        .any(|words| why.contains(words))
}

#[cfg(test)]
mod tests;
