//! The shape of the file: every key with its type, default and what it does, in the words `config explain` prints and
//! editors show. What goes beyond one key is `check`'s.

mod roles;

use std::collections::BTreeMap;
use std::path::PathBuf;

use orchd_core::policy::{Budgets, Confinement as CoreConfinement, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::remote::{ForgeKind, RemoteOf};
use crate::units::{Cap, Ceiling, Size, Time, Usd};
pub(crate) use roles::{Agent, Prompts, Roles};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where orchd keeps its store, its clones and what runs leave. A path that is not absolute is seen from this file.
    /// Nothing else may be kept there.
    pub(crate) data: PathBuf,
    /// How many jobs (agents, test suites, landings) work at the same time on this host.
    #[serde(default = "File::workers")]
    pub(crate) workers: u32,
    /// What of the host orchd leaves free.
    #[serde(default)]
    pub(crate) host: Host,
    /// How long what finished runs left is kept.
    #[serde(default)]
    pub(crate) keep: Keep,
    /// Who is told what needs a person.
    #[serde(default)]
    pub(crate) notify: Notify,
    /// The projects, each under a name of your choice: `[project.NAME]`.
    #[serde(default)]
    pub(crate) project: BTreeMap<String, Project>,
}

impl File {
    const fn workers() -> u32 {
        4
    }
}

/// What of the host orchd leaves free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Host {
    /// With less free than this on the file system of `data`, nothing new is started.
    pub(crate) disk_floor: Size,
    /// With less memory left than this, nothing new is started.
    pub(crate) memory_floor: Size,
}

impl Default for Host {
    fn default() -> Self {
        Self { disk_floor: Size::gib(1), memory_floor: Size::mib(256) }
    }
}

/// How long what finished runs left is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keep {
    /// The directories of finished runs: output, prompt, result.
    pub(crate) runs: Time,
    /// The work of runs that did not count, under refs of its own.
    pub(crate) salvage: Time,
}

impl Default for Keep {
    fn default() -> Self {
        Self { runs: Time::days(14), salvage: Time::days(90) }
    }
}

/// Who is told what needs a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Notify {
    /// Run by `sh -c` in the data directory for each thing that needs a person (an approval, a question, a Hold, a frozen
    /// repository), with all of it as JSON on standard input. One that fails is tried again.
    pub(crate) command: Option<String>,
}

/// One project: a repository and how work on it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Your git repository. orchd clones it and never touches its work tree, index, branches or configuration; it writes
    /// one ref, `refs/remotes/orchd/main`. A path that is not absolute is seen from this file. With `forge = "git"` it is not
    /// read at all, and only names the checkout that `orchctl pull` is for.
    pub(crate) repo: Option<PathBuf>,
    /// Where main is. `"local"`: in orchd's data, where it follows `repo` and you pull from. `"git"`: at the `remote`; what is
    /// ready is pushed to its main, which moves only from where it was tested.
    #[serde(default)]
    pub(crate) forge: ForgeKind,
    /// The remote of `forge = "git"`.
    pub(crate) remote: Option<RemoteOf>,
    /// The branch that is main there. Without it, `main` and then `master` are looked for; at a remote it is `main`.
    pub(crate) main: Option<String>,
    /// What keys of tasks begin with: `DEMO` makes `DEMO-1`. Without it, the project's name in capitals.
    pub(crate) key_prefix: Option<String>,
    /// One task at a time changes the repository. With `false`, several do, and land one by one.
    #[serde(default = "yes")]
    pub(crate) serial: bool,
    /// The most tasks at work at once where `serial` is off.
    pub(crate) max_occupants: Option<u32>,
    /// Who approves an analysis: `"ask"` asks you, `"auto"` lets work go on.
    #[serde(default)]
    pub(crate) approval: Approval,
    /// What an agent's question does: `"pause"` waits for your answer, `"never"` puts the task on hold, as nobody is there.
    #[serde(default)]
    pub(crate) questions: Questions,
    /// How long a task waits for a person before it goes on hold. Without it, for ever.
    pub(crate) person_deadline: Option<Time>,
    /// The command that runs your tests. Without it nothing is tested, and the gate says so.
    pub(crate) test: Option<Suite>,
    /// A further command that judges each head, as a CI would.
    pub(crate) ci: Option<Suite>,
    /// Who works in the stage testing: `"runner"` runs `test`, `"agent"` the role tester, whose word then counts too.
    #[serde(default)]
    pub(crate) testing_by: TestingBy,
    /// Mends a main that turned red after a landing. Without it, a person decides.
    pub(crate) fix_forward: Option<FixForward>,
    /// Folders of a clone that outlive a run, such as `target` or `node_modules`; no commit takes them up.
    #[serde(default)]
    pub(crate) caches: Vec<String>,
    /// Files whose entries are united where two tasks added some, such as `CHANGELOG.md`.
    #[serde(default)]
    pub(crate) merge_union: Vec<String>,
    /// The ways a task may take. Without it: `full`, `bug` and `express`, `full` being the default.
    pub(crate) pipeline: Option<Pipeline>,
    /// What a run may use of the host and see of it.
    #[serde(default)]
    pub(crate) confinement: Confinement,
    /// Limits of everything that is spent.
    pub(crate) budgets: BudgetsOf,
    /// How a role is played that has no table of its own below `roles`.
    pub(crate) agent: Option<Agent>,
    /// How single roles are played.
    #[serde(default)]
    pub(crate) roles: Roles,
    /// Prompts of your own in place of orchd's.
    #[serde(default)]
    pub(crate) prompts: Prompts,
}

const fn yes() -> bool {
    true
}

/// Who approves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Approval {
    #[default]
    Ask,
    Auto,
}

/// What a question does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Questions {
    #[default]
    Pause,
    Never,
}

/// Who tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TestingBy {
    #[default]
    Runner,
    Agent,
}

/// A command that judges a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    /// Run by `sh -c` in a checkout of its own. Its exit status decides; where its summary is known (cargo, pytest, unittest,
    /// go test, TAP, "N passed, N failed") a run of zero tests is no pass.
    pub(crate) command: String,
    /// How long it may take.
    #[serde(default = "Suite::timeout")]
    pub(crate) timeout: Time,
}

impl Suite {
    const fn timeout() -> Time {
        Time::mins(30)
    }
}

/// Mending main.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FixForward {
    /// Attempts at most.
    pub(crate) attempts: u32,
    /// For this long since main was first red.
    pub(crate) within: Time,
}

impl Default for FixForward {
    fn default() -> Self {
        Self { attempts: 3, within: Time::mins(120) }
    }
}

/// The ways a task may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// The track of a task that names none.
    pub(crate) default_track: String,
    /// Stages in order, without `created` and `done`: `express = ["development", "review", "testing", "deploy"]`.
    pub(crate) tracks: BTreeMap<String, Vec<StageName>>,
}

/// A stage that a track may list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StageName {
    Analysis,
    Architecture,
    Development,
    Review,
    Testing,
    DeployStaging,
    Deploy,
}

/// What a run may use and see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Confinement {
    /// Memory of all processes of a run together.
    pub(crate) memory: Ceiling<Size>,
    /// Processes and threads of a run.
    pub(crate) processes: Ceiling<u32>,
    /// By how much the directories of a run may grow.
    pub(crate) disk: Ceiling<Size>,
    /// Whether agents work in a sandbox (bubblewrap): `"off"`, `"prefer"` where the host offers one, or `"require"`.
    pub(crate) sandbox: Sandbox,
    /// Whether they have the network there.
    pub(crate) network: bool,
    /// What they may read there besides the system, such as a toolchain in your home: absolute paths.
    pub(crate) read: Vec<String>,
}

impl Default for Confinement {
    fn default() -> Self {
        let core = CoreConfinement::default();
        Self {
            memory: Ceiling(core.memory.map(Size)),
            processes: Ceiling(core.processes),
            disk: Ceiling(core.disk.map(Size)),
            sandbox: Sandbox::Off,
            network: core.network,
            read: core.read,
        }
    }
}

/// Whether runs get a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sandbox {
    Off,
    Prefer,
    Require,
}

/// Limits of everything that is spent. The two of money have no default: they are yours to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetsOf {
    /// US dollars per task, or `"unlimited"`. A task that would go beyond goes on hold before its next run.
    pub(crate) money_per_task: Cap,
    /// US dollars per project and UTC day, or `"unlimited"`.
    pub(crate) money_per_day: Cap,
    /// What a run is expected to cost at least: one that does not fit is not started.
    #[serde(default = "BudgetsOf::money_per_run")]
    pub(crate) money_per_run: Usd,
    /// How often review, tests or CI may send a task back to development.
    #[serde(default = "BudgetsOf::rework")]
    pub(crate) rework: u32,
    /// How often architecture may send a task back to analysis.
    #[serde(default = "BudgetsOf::bounces")]
    pub(crate) bounces: u32,
    /// Failed runs of an agent before the task goes on hold.
    #[serde(default = "BudgetsOf::agent_failures")]
    pub(crate) agent_failures: u32,
    /// Errors of a provider (overloaded, rate limit) before the task goes on hold.
    #[serde(default = "BudgetsOf::transient")]
    pub(crate) transient: u32,
    /// Such errors in a row, over all tasks, after which nobody asks the provider for a while.
    #[serde(default = "BudgetsOf::breaker_failures")]
    pub(crate) breaker_failures: u32,
    /// Failures of infrastructure per gate before the task goes on hold.
    #[serde(default = "BudgetsOf::infra")]
    pub(crate) infra: u32,
}

impl BudgetsOf {
    fn money_per_run() -> Usd {
        Usd(Money(Budgets::default().run_money.0))
    }

    fn rework() -> u32 {
        Budgets::default().rework
    }

    fn bounces() -> u32 {
        Budgets::default().bounces
    }

    fn agent_failures() -> u32 {
        Budgets::default().agent_failures
    }

    fn transient() -> u32 {
        Budgets::default().transient
    }

    fn breaker_failures() -> u32 {
        Budgets::default().breaker_failures
    }

    fn infra() -> u32 {
        Budgets::default().infra
    }
}
