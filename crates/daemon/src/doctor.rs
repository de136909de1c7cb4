//! `orchctl doctor`: what orchd needs of this host and of a data directory, present or missing, each in one sentence
//! with what mends it, and whether the invariants hold over the store. Looks and tries; changes nothing that stays.

use std::collections::BTreeMap;
use std::path::Path;

use orchd_config::Config;
use orchd_core::policy::{Policy, SandboxWish};
use orchd_core::port::host::{Host as _, Room};
use orchd_core::stage::Role;
use orchd_git::{Git, GitConfig};
use orchd_http::dto;
use orchd_launcher::containment::{self, Mechanism};
use orchd_launcher::env::{BASE_ALLOW, scrubbed_env};
use orchd_launcher::profile::Profile;
use orchd_launcher::sandbox;
use orchd_store_sqlite::OpenError;
use serde::Serialize;

use crate::config::projects_of;
use crate::host::{Floors, ThisHost};
use crate::invariants::{Asked, audit};
use crate::projects;
use crate::prompts;
use crate::remote::reached;
use crate::wire::{WireError, environment};

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, with less than there could be.
    Weak,
    /// Something will fail.
    Missing,
    /// Something is stored that must not be.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How it stands.
    pub health: Health,
    /// All of it for a person, with what to do where something is missing.
    pub sentence: String,
    /// What breaks it, where it is an invariant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Finding {
    /// A finding that its sentence says all of.
    pub fn new(what: &str, health: Health, sentence: impl Into<String>) -> Self {
        Self { what: what.to_owned(), health, sentence: sentence.into(), detail: None }
    }
}

fn found(what: &str, health: Health, sentence: impl Into<String>) -> Finding {
    Finding::new(what, health, sentence)
}

const STORE: &str = "store";

/// What the invariants that are broken say of the store; a server was asked, or its directory looked at.
pub fn judged(broken: Vec<dto::Violation>) -> Vec<Finding> {
    if broken.is_empty() {
        return vec![found(STORE, Health::Good, "every invariant that its rows can answer holds")];
    }
    let one = |dto::Violation { number, sentence, detail }| {
        let detail = Some(detail);
        Finding { detail, ..found(&format!("I-{number}"), Health::Broken, sentence) }
    };
    broken.into_iter().map(one).collect()
}

/// Asks the invariants of a directory that nobody serves. Nothing is migrated for that: a store of another version is
/// not asked.
pub async fn look(data: &Path) -> Vec<Finding> {
    let error = match audit(data, None, Asked::Always).await {
        Ok((broken, _)) => return judged(broken.into_iter().map(dto::Violation::from).collect()),
        Err(error) => error,
    };
    let health = match &error {
        WireError::Store(OpenError::Absent { .. }) => {
            return vec![found(STORE, Health::Good, "there is none yet: the first start makes it")];
        }
        // It will work, and can be asked then.
        WireError::Store(OpenError::Older { .. } | OpenError::Owned { .. }) => Health::Weak,
        WireError::Store(
            OpenError::Io { .. }
            | OpenError::NotOurs { .. }
            | OpenError::AnotherInstance { .. }
            | OpenError::Newer { .. }
            | OpenError::Database { .. },
        )
        | WireError::Projects(_)
        | WireError::Rows(_)
        | WireError::Git(_)
        | WireError::Adopt(_)
        | WireError::Runners(_)
        | WireError::Secret { .. }
        | WireError::Directory { .. } => Health::Missing,
    };
    vec![found(STORE, health, format!("its invariants were not asked: {error}"))]
}

/// Looks at everything but the store. `data` may not exist yet. `config`: what the next start works by; without it, as the last
/// one left it.
pub async fn examine(data: &Path, config: Option<&Config>) -> Vec<Finding> {
    let mut findings = vec![git().await, held_together(), walls(), room(data)];
    match config.map_or_else(|| projects::load(data), projects_of) {
        Ok(projects) => {
            for project in &projects {
                findings.push(confined(&project.policy));
                findings.extend(agents(&project.policy).await);
                findings.extend(reached(project).await);
                findings.extend(own_prompts(&project.policy));
            }
        }
        Err(error) => findings.push(found("projects", Health::Missing, error.to_string())),
    }
    findings
}

async fn git() -> Finding {
    // orchd's git has a home of its own, which is made; what is only looked at leaves nothing.
    let home = match tempfile::tempdir() {
        Ok(home) => home,
        Err(error) => return found("git", Health::Missing, format!("no temporary directory: {error}")),
    };
    let asked = match Git::new(GitConfig::new(home.path())) {
        Ok(git) => git.version().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(version) => found("git", Health::Good, version),
        Err(error) => found("git", Health::Missing, format!("{error}: install it: apt-get install git")),
    }
}

/// What would keep the processes of a run together if this process started one; a server says its own at its start.
fn held_together() -> Finding {
    let probed = containment::probe();
    let health = match probed.mechanism {
        Mechanism::Cgroup | Mechanism::SystemdScope => Health::Good,
        Mechanism::Subreaper => Health::Weak,
    };
    found("containment", health, probed.to_string())
}

/// Whether a sandbox could be had.
fn walls() -> Finding {
    match sandbox::probe() {
        Ok(program) => found("sandbox", Health::Good, format!("{program} works here")),
        Err(error) => found("sandbox", Health::Weak, error.to_string()),
    }
}

fn room(data: &Path) -> Finding {
    // The nearest folder that exists is on the file system that a new one would be on.
    let there = data.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    let host = ThisHost { data: there.to_owned(), floors: Floors::default() };
    match host.room() {
        Room::Enough => found("room", Health::Good, "disk and memory are above the default floors"),
        Room::Short { why } => found("room", Health::Missing, why),
    }
}

/// What a project's runs could see of this account.
fn confined(policy: &Policy) -> Finding {
    let what = format!("{}: sandbox", policy.project);
    let offered = sandbox::probe();
    let open = "its runs share orchd's account: they could read its data directory, other tasks' clones and what else \
                this account may read";
    match (policy.confinement.sandbox, offered) {
        (SandboxWish::Off, _) => found(&what, Health::Weak, format!("off: {open}")),
        (SandboxWish::Prefer | SandboxWish::Require, Ok(_)) => found(&what, Health::Good, "on"),
        (SandboxWish::Prefer, Err(why)) => found(&what, Health::Weak, format!("off: {why}; {open}")),
        (SandboxWish::Require, Err(why)) => found(
            &what,
            Health::Missing,
            format!("required, and not to be had: {why}; nothing of it will start"),
        ),
    }
}

/// The project's own prompts, against what this version's roles may submit.
fn own_prompts(policy: &Policy) -> Vec<Finding> {
    let what = |role: Role| format!("{}: prompt of the {role}", policy.project);
    let drifted = prompts::drifted(policy);
    let in_order = policy.prompts.keys().filter(|role| drifted.iter().all(|(other, _)| other != *role));
    let good =
        in_order.map(|role| found(&what(*role), Health::Good, "the project's own; it keeps to the contract"));
    let bad = drifted.iter().map(|(role, why)| found(&what(*role), Health::Missing, why.clone()));
    good.chain(bad).collect()
}

async fn agents(policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (role, agent) in &policy.agents {
        let what = format!("{}: {role}", policy.project);
        let (profile, left_out) = match Profile::lenient(orchd_runners::setup(agent)) {
            Ok(made) => made,
            Err(error) => {
                findings.push(found(&what, Health::Missing, error.to_string()));
                continue;
            }
        };
        let allow: Vec<&str> = BASE_ALLOW.iter().copied().chain(profile.allowed_env()).collect();
        let env: BTreeMap<String, String> = scrubbed_env(environment().into_iter(), &allow, []);
        let preflight = profile.preflight(&env).await;
        let health = if preflight.starts { Health::Good } else { Health::Missing };
        findings.push(found(&what, health, preflight.sentence));
        findings
            .extend(left_out.iter().map(|why| found(&what, Health::Weak, format!("{why}; it is left out"))));
    }
    findings
}
