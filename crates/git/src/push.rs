//! One push and its answer, read from git's porcelain lines. Tells "the receiver said no" from "nobody knows
//! what the receiver did"; what a no means is for the caller.

use orchd_core::id::RefName;

use crate::error::GitError;
use crate::mirror::Mirror;

/// What git says of one ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefAnswer {
    Moved,
    UpToDate,
    Rejected,
}

/// What is known after a push.
#[derive(Debug)]
pub(crate) enum PushAnswer {
    /// Every ref was moved or was there already.
    Accepted(Vec<(RefName, RefAnswer)>),
    /// At least one was refused, here by the lease or there by the receiver; of an atomic push, none moved.
    Rejected {
        /// All of it, for people.
        why: String,
        /// What was said of each that was refused.
        each: Vec<(RefName, String)>,
    },
    /// The connection, the process or the deadline broke: it may have happened, it may still happen.
    NoAnswer { why: String },
}

/// One ref's update: from what is expected there (empty: must not exist) to the source (empty: delete).
pub(crate) struct RefChange {
    pub(crate) name: RefName,
    pub(crate) expected: String,
    pub(crate) source: String,
}

/// Pushes all changes or none, each with its lease.
pub(crate) async fn push(
    mirror: &Mirror,
    doing: &'static str,
    changes: &[RefChange],
) -> Result<PushAnswer, GitError> {
    // No `-c` and no hook setting here: the receiver's own configuration decides about the receiver's hooks.
    let call = mirror.remote_call(doing).args(["push", "--porcelain", "--atomic", "--no-verify"]);
    let call = call.args(["--no-follow-tags", "--recurse-submodules=no"]);
    let call = match mirror.receiver() {
        Some(receiver) => call.arg(format!("--receive-pack={receiver}")),
        None => call,
    };
    let named = |change: &RefChange| mirror.theirs(&change.name);
    let lease = |change: &RefChange| format!("--force-with-lease={}:{}", named(change), change.expected);
    let call = call.args(changes.iter().map(lease)).arg("origin");
    let call = call.args(changes.iter().map(|change| format!("{}:{}", change.source, named(change))));
    let output = match call.output().await {
        Ok(output) => output,
        // Never started, so never sent. Anything later may have been.
        Err(error @ GitError::Spawn { .. }) => return Err(error),
        Err(error) => return Ok(PushAnswer::NoAnswer { why: error.to_string() }),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let names: Vec<(RefName, RefName)> =
        changes.iter().map(|change| (named(change), change.name.clone())).collect();
    Ok(judge(output.code, &stdout, &output.stderr, &names))
}

/// `names`: of each change, what the remote calls its ref, and what the mirror does.
fn judge(code: Option<i32>, stdout: &str, stderr: &str, names: &[(RefName, RefName)]) -> PushAnswer {
    let mut answers = Vec::new();
    let mut each = Vec::new();
    let mut lost = false;
    for line in stdout.lines() {
        let mut fields = line.split('\t');
        let (Some(flag), Some(refs), Some(summary)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let Some((_, name)) = refs.split_once(':') else { continue };
        let answer = match flag {
            "=" => RefAnswer::UpToDate,
            "!" => RefAnswer::Rejected,
            " " | "+" | "*" | "-" => RefAnswer::Moved,
            _ => continue,
        };
        if answer == RefAnswer::Rejected {
            // "[remote failure] (remote failed to report status)": sent, and no word came back.
            lost |= summary.contains("[remote failure]");
            each.push((RefName::new(name), summary.to_owned()));
        }
        if let Some((_, ours)) = names.iter().find(|(theirs, _)| theirs.as_str() == name) {
            answers.push((ours.clone(), answer));
        }
    }
    let complete = names.iter().all(|(_, ours)| answers.iter().any(|(name, _)| name == ours));
    let words = || {
        let said: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("hint:")).take(20).collect();
        let mut parts: Vec<String> = each.iter().map(|(name, said)| format!("{name}: {said}")).collect();
        parts.push(said.join("; "));
        parts.retain(|part| !part.is_empty());
        parts.join("; ")
    };
    if code == Some(0) && complete && each.is_empty() {
        PushAnswer::Accepted(answers)
    } else if !each.is_empty() && !lost && code.is_some() {
        PushAnswer::Rejected { why: words(), each }
    } else {
        PushAnswer::NoAnswer { why: words() }
    }
}

#[cfg(test)]
mod tests;
