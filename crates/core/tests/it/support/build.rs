//! Small builders: identities from numbers, commits from words, policies and births with few words.

use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::view::View;
use std::sync::Arc;

use std::collections::BTreeMap;

use orchd_core::event::Birth;
use orchd_core::id::{Actor, Branch, Digest, JobId, Key, ProjectId, RepoId, Sha, TaskId};
use orchd_core::policy::{Agent, Deploy, Policy, Suite};
use orchd_core::stage::Role;
use orchd_core::task::Request;
use orchd_core::time::{Span, Timestamp};
use uuid::Uuid;

/// The moment at which every test begins.
pub(crate) const T0: Timestamp = Timestamp(1_800_000_000_000);

/// A commit named by a word.
pub(crate) fn sha(word: &str) -> Sha {
    Sha::parse(Digest::of(word.as_bytes()).as_str()).expect("a SHA-256 digest is a full object name")
}

/// The tree of a commit.
pub(crate) fn tree(commit: &Sha) -> Sha {
    sha(&format!("tree of {commit}"))
}

pub(crate) fn task_id(n: u64) -> TaskId {
    TaskId(Uuid::from_u128(0x7a5c << 64 | u128::from(n)))
}

pub(crate) fn job_id(n: u64) -> JobId {
    JobId(Uuid::from_u128(0x10b << 64 | u128::from(n)))
}

pub(crate) fn person() -> Actor {
    Actor::new("ada")
}

/// Defaults, with a test suite, so that no gate passes for want of one.
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::new("demo", "demo", "DEMO");
    policy.test = Some(Suite { command: "cargo test".to_owned(), timeout: Span::mins(10) });
    policy
}

/// Every role played by the same program, whose models are this provider's.
pub(crate) fn agents(provider: &str) -> BTreeMap<Role, Agent> {
    let mut agent = Agent::new("script", vec!["play".to_owned()], Span::mins(30));
    agent.provider = Some(provider.to_owned());
    Role::ALL.into_iter().map(|role| (role, agent.clone())).collect()
}

/// A hook that deploys, whose environment can be asked.
pub(crate) fn hook(auto_confirm: bool) -> Deploy {
    Deploy::Hook { environment: "prod".to_owned(), auto_confirm, has_revision: true, has_runner: true }
}

pub(crate) fn birth(n: u64, track: &str) -> Birth {
    Birth {
        id: task_id(n),
        seq: n,
        project: ProjectId::new("demo"),
        repo: RepoId::new("demo"),
        key: Key::new(format!("DEMO-{n}")),
        life: 1,
        branch: Branch::new(format!("orchd/DEMO-{n}")),
        request: Request {
            title: format!("Request number {n}"),
            description: "What is wanted.".to_owned(),
            ..Request::default()
        },
        track: track.to_owned(),
        by: person(),
    }
}

/// The task of a view, to be changed.
pub(crate) fn row(view: &mut View) -> &mut Task {
    Arc::make_mut(&mut view.task)
}

/// The repository of a view, to be changed.
pub(crate) fn repo(view: &mut View) -> &mut Repo {
    Arc::make_mut(&mut view.repo)
}
