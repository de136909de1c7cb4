//! What a project decides, as typed values: pipeline, budgets, CI, tests, deployment, who approves.
//! Reading it from a file is the configuration's; nothing here knows a file format.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, ProjectId, RepoId};
use crate::pipeline::Pipeline;
use crate::stage::Role;
use crate::time::Span;

/// The policy of one project. Checked before anything starts; its digest is stored with every decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The project.
    pub project: ProjectId,
    /// Its repository.
    pub repo: RepoId,
    /// The prefix of its keys (`DEMO` in `DEMO-1`).
    pub key_prefix: String,
    /// Its tracks.
    pub pipeline: Pipeline,
    /// At most one task occupies the repository (spec 1.5).
    pub serial: bool,
    /// The most tasks that occupy at once where `serial` is off; `None` is no limit.
    pub max_occupants: Option<u32>,
    /// Who approves the BRD.
    pub approval: Approval,
    /// What a blocking question does.
    pub ask: Ask,
    /// How `ci-green` is answered.
    pub ci: Ci,
    /// The test suite; `None` leaves `tests-verdict` NotApplicable.
    pub test: Option<Suite>,
    /// Who works in `testing`.
    pub testing_by: TestingBy,
    /// How the project is deployed; landing comes first.
    pub deploy: Deploy,
    /// What the first red after a landing does.
    pub on_broken: OnBroken,
    /// Folders of a clone that outlive a run (`target`, `node_modules`): no commit takes them up.
    #[serde(default)]
    pub caches: Vec<String>,
    /// What a run may use of its host and see of it.
    #[serde(default)]
    pub confinement: Confinement,
    /// Files merged by union in the landing's rebase, guarded against vanished entries.
    pub merge_union: Vec<String>,
    /// Limits of everything that is spent.
    pub budgets: Budgets,
    /// Per role: which profile, how long.
    pub agents: BTreeMap<Role, Agent>,
    /// Per role: the project's own prompt, as text, in place of the one that ships. Left out of the form where there is
    /// none, so that the digest of a policy without is what it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<Role, String>,
    /// How long a wait for a person may last before Hold `unanswered`; `None` is for ever.
    pub person_deadline: Option<Span>,
    /// How long CI may be pending (spec 3.1).
    pub ci_limit: Span,
    /// The digest, once it was asked for: a policy that is shared does not change.
    #[serde(skip)]
    pub known_digest: KnownDigest,
}

/// A policy's digest, worked out once. It is no part of the policy: a clone works out its own.
#[derive(Debug, Default)]
pub struct KnownDigest(OnceLock<Digest>);

impl Clone for KnownDigest {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for KnownDigest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KnownDigest {}

/// Who approves the BRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// A person is asked.
    Ask,
    /// The policy stands for the person's command, and takes the very same path.
    Auto,
}

/// What a blocking question does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// It pauses the task until it is answered.
    Pause,
    /// Nobody is there to answer: Hold `ambiguous`.
    Never,
}

/// How `ci-green` is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ci {
    /// NotApplicable.
    None,
    /// A command, run as a job at the head SHA.
    Command(Suite),
    /// The forge's combined status of the head SHA.
    Forge,
}

/// A command that judges a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// A shell command of the operator's; values reach it only through environment variables.
    pub command: String,
    /// Its deadline.
    pub timeout: Span,
}

/// Who works in `testing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestingBy {
    /// The deterministic runner.
    Runner,
    /// The role `tester`.
    Agent,
}

/// How a project is deployed (spec 3.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deploy {
    /// Landing only.
    None,
    /// A command deploys; a person confirms first, unless policy does.
    Hook {
        /// The environment: the target of the effect and of the deploy lane.
        environment: String,
        /// Policy confirms instead of a person.
        auto_confirm: bool,
        /// Whether `deploy.revision` exists to probe an unknown outcome.
        has_revision: bool,
        /// This version has a runner for it; without one `deploy-verdict` is NotApplicable, loudly.
        has_runner: bool,
    },
}

/// What the first red after a landing does (spec 3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBroken {
    /// A person decides.
    Hold,
    /// Freeze with this task as cause and mend it, within a budget.
    FixForward {
        /// Attempts at most.
        attempts: u32,
        /// Time since the first red at most.
        within: Span,
    },
}

/// What a run may use of its host and see of it (spec 5.5, B-7). `None` is no ceiling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Bytes of memory of all its processes.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u32>,
    /// Bytes by which its directories may grow.
    pub disk: Option<u64>,
    /// Whether it runs in a sandbox.
    pub sandbox: SandboxWish,
    /// Whether it has the network there.
    pub network: bool,
    /// What it may read there besides the system: toolchains in a home, for instance.
    pub read: Vec<String>,
}

/// Whether runs get a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxWish {
    /// They do not.
    Off,
    /// Where the host offers one.
    Prefer,
    /// Without one nothing starts.
    Require,
}

impl Default for Confinement {
    /// Ceilings that no honest build comes near, and no sandbox: what a toolchain needs to see is the project's to say.
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self {
            memory: Some(16 * GIB),
            processes: Some(8192),
            disk: Some(64 * GIB),
            sandbox: SandboxWish::Off,
            network: true,
            read: Vec::new(),
        }
    }
}

/// Limits of everything that is spent (spec 1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Rejects that send work back to `development`, per task.
    pub rework: u32,
    /// Bounces between analysis and architecture, per task.
    pub bounces: u32,
    /// Failed agent runs per stage entry.
    pub agent_failures: u32,
    /// Transient provider errors per stage entry.
    pub transient: u32,
    /// Transient errors in a row, over all tasks, at which a provider's breaker opens; 0 is as 1.
    pub breaker_failures: u32,
    /// Infrastructure failures per (task, gate).
    pub infra: u32,
    /// Money per task, in micro-dollars; `None` is unlimited.
    pub task_money: Option<Money>,
    /// Money per project and UTC day; `None` is unlimited.
    pub day_money: Option<Money>,
    /// What a launch is expected to cost at least; one that does not fit is not started.
    pub run_money: Money,
    /// First step of every exponential backoff.
    pub backoff_base: Span,
    /// Its cap.
    pub backoff_cap: Span,
}

/// Money in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Whole and fractional dollars, for people and for `cost_usd`.
    pub fn usd(self) -> f64 {
        // Micro-dollars of any sane budget are far below 2^53.
        self.0 as f64 / 1e6
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// How a role is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The profile's name.
    pub profile: String,
    /// The program and arguments of profile `script`.
    pub command: Vec<String>,
    /// Whose health its errors speak about: runs of one provider wait together. The profile's name where `None`.
    #[serde(default)]
    pub provider: Option<String>,
    /// The model to ask for, where the profile has a choice.
    pub model: Option<String>,
    /// How hard it is to think, where the profile has a choice.
    #[serde(default)]
    pub effort: Option<String>,
    /// The model to go on with when the first one is overloaded.
    #[serde(default)]
    pub fallback_model: Option<String>,
    /// The most a run may cost, where the profile can be told.
    #[serde(default)]
    pub run_cap: Option<Money>,
    /// Further variables of orchd's own environment that the program may see: the key of a provider of one's own.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Wall-clock budget of a run.
    pub timeout: Span,
}

impl Agent {
    /// A role played by a profile with its own defaults; `command` is for the profiles that need one.
    pub fn new(profile: &str, command: Vec<String>, timeout: Span) -> Self {
        Self {
            profile: profile.to_owned(),
            command,
            provider: None,
            model: None,
            effort: None,
            fallback_model: None,
            run_cap: None,
            pass: Vec::new(),
            timeout,
        }
    }

    /// Whose health its errors speak about.
    pub fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or(&self.profile)
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            rework: 3,
            bounces: 2,
            agent_failures: 2,
            transient: 12,
            breaker_failures: 5,
            infra: 5,
            task_money: None,
            day_money: None,
            run_money: Money(0),
            backoff_base: Span::secs(2),
            backoff_cap: Span::mins(10),
        }
    }
}

impl Policy {
    /// A policy with every default of the spec for one project and repository.
    pub fn new(project: &str, repo: &str, key_prefix: &str) -> Self {
        Self {
            project: ProjectId::new(project),
            repo: RepoId::new(repo),
            key_prefix: key_prefix.to_owned(),
            pipeline: Pipeline::default(),
            serial: true,
            max_occupants: None,
            approval: Approval::Ask,
            ask: Ask::Pause,
            ci: Ci::None,
            test: None,
            testing_by: TestingBy::Runner,
            deploy: Deploy::None,
            on_broken: OnBroken::Hold,
            caches: Vec::new(),
            confinement: Confinement::default(),
            merge_union: Vec::new(),
            budgets: Budgets::default(),
            agents: BTreeMap::new(),
            prompts: BTreeMap::new(),
            person_deadline: None,
            ci_limit: Span::mins(60),
            known_digest: KnownDigest::default(),
        }
    }

    /// Identifies this exact policy in the events of decisions.
    pub fn digest(&self) -> &Digest {
        // A policy is plain data with string keys: its JSON form always exists.
        let work_out = || Digest::of(serde_json::to_string(self).unwrap_or_default().as_bytes());
        self.known_digest.0.get_or_init(work_out)
    }

    /// The wall-clock budget of a role's run (spec 2.6 defaults).
    pub fn role_timeout(&self, role: Role) -> Span {
        let default = match role {
            Role::Developer => Span::mins(60),
            Role::Reviewer => Span::mins(50),
            Role::Analyst | Role::Architect | Role::Tester => Span::mins(30),
        };
        self.agents.get(&role).map_or(default, |agent| agent.timeout)
    }
}
