//! What the shape of the file cannot say: paths made absolute, names that must fit each other, roles that need somebody.
//! Makes the typed policy of the core. No file is looked for here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orchd_core::id::Branch;
use orchd_core::pipeline::Pipeline;
use orchd_core::policy::{
    self, Agent, Ask, Budgets, Ci, Confinement, OnBroken, Policy, SandboxWish, Suite, TestingBy,
};
use orchd_core::stage::{Role, Stage};
use orchd_core::time::Span;

use crate::file::{self, File};
use crate::problem::{Place, Problem};
use crate::remote::{ForgeKind, Login, Remote, Secret};

/// What the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data directory, by absolute path.
    pub data: PathBuf,
    /// Jobs at once.
    pub workers: u32,
    /// Bytes that stay free on the data directory's file system.
    pub disk_floor: u64,
    /// Bytes of memory that stay free.
    pub memory_floor: u64,
    /// How long directories of finished runs are kept.
    pub keep_runs: Span,
    /// How long the work of runs that did not count is kept.
    pub keep_salvage: Span,
    /// The command that tells people what needs them, for `sh -c`.
    pub notify: Option<String>,
    /// The projects, by name.
    pub projects: Vec<Project>,
}

/// One project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its policy.
    pub policy: Policy,
    /// The user's repository, by absolute path. Always there without a remote.
    pub repo: Option<PathBuf>,
    /// Where main is, if not in orchd's data.
    pub remote: Option<Remote>,
    /// The branch that is main there, where it is said.
    pub main: Option<Branch>,
    /// The files of its own prompts, by absolute path. Their texts are the policy's, once somebody has read them.
    pub prompts: BTreeMap<Role, PathBuf>,
}

/// Collects what is wrong, with its place.
struct Check<'c> {
    base: &'c Path,
    place: &'c dyn Fn(&str) -> Place,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn wrong(&mut self, key: impl Into<String>, reason: impl Into<String>, suggestion: impl Into<String>) {
        let key = key.into();
        let (reason, suggestion) = (reason.into(), Some(suggestion.into()));
        self.problems.push(Problem { place: (self.place)(&key), key, reason, suggestion });
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// `path`: the file's own. `place`: where a key was said.
pub(crate) fn check(file: &File, path: &Path, place: &dyn Fn(&str) -> Place) -> Result<Config, Vec<Problem>> {
    let mut check = Check { base: path.parent().unwrap_or(path), place, problems: Vec::new() };
    if file.data.as_os_str().is_empty() {
        check.wrong("data", "it is empty", "name a directory that is orchd's alone");
    }
    if file.workers == 0 {
        check.wrong(
            "workers",
            "with 0 nothing would ever work",
            "use at least 1; `orchctl drain` stops work",
        );
    }
    if file.notify.command.as_ref().is_some_and(|command| command.trim().is_empty()) {
        check.wrong("notify.command", "it is empty", "give the command, or remove it: then nobody is told");
    }
    let projects: Vec<Project> =
        file.project.iter().map(|(name, project)| check.project(name, project)).collect();
    check.prefixes(&projects);
    if !check.problems.is_empty() {
        return Err(check.problems);
    }
    Ok(Config {
        data: check.path(&file.data),
        workers: file.workers,
        disk_floor: file.host.disk_floor.0,
        memory_floor: file.host.memory_floor.0,
        keep_runs: file.keep.runs.0,
        keep_salvage: file.keep.salvage.0,
        notify: file.notify.command.clone(),
        projects,
    })
}

/// Letters, digits, `-` and `_`, beginning with a letter or digit: it becomes a part of paths and refs.
fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_part) && name.len() <= 64
}

/// What keys begin with, where it is not said.
fn prefix_of(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(10).collect::<String>().to_uppercase()
}

impl Check<'_> {
    fn project(&mut self, name: &str, of: &file::Project) -> Project {
        let key = format!("project.{name}");
        if !is_name(name) {
            let take = "use letters, digits, - and _, at most 64, the first a letter or digit";
            self.wrong(&key, "this is no name of a project", take);
        }
        let prefix = of.key_prefix.clone().unwrap_or_else(|| prefix_of(name));
        let is_prefix = prefix.starts_with(|c: char| c.is_ascii_alphabetic())
            && prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !is_prefix || prefix.len() > 10 {
            let take = "use one to ten capitals and digits, the first a letter: key_prefix = \"SHOP\"";
            self.wrong(format!("{key}.key_prefix"), format!("{prefix:?} can not begin a task's key"), take);
        }
        let remote = self.remote(&key, of);
        let name_it = "name the directory of your git repository";
        match &of.repo {
            Some(repo) if repo.as_os_str().is_empty() => {
                self.wrong(format!("{key}.repo"), "it is empty", name_it);
            }
            None if of.forge == ForgeKind::Local => {
                self.wrong(&key, "it is not said which repository it is", "add repo = \"PATH\"");
            }
            Some(_) | None => {}
        }
        let mut policy = Policy::new(name, name, &prefix);
        policy.serial = of.serial;
        policy.max_occupants = self.occupants(&key, of);
        policy.approval = match of.approval {
            file::Approval::Ask => policy::Approval::Ask,
            file::Approval::Auto => policy::Approval::Auto,
        };
        policy.ask = match of.questions {
            file::Questions::Pause => Ask::Pause,
            file::Questions::Never => Ask::Never,
        };
        policy.person_deadline = of.person_deadline.map(|time| time.0);
        policy.test = of.test.as_ref().map(|suite| self.suite(&format!("{key}.test"), suite));
        policy.ci =
            of.ci.as_ref().map_or(Ci::None, |suite| Ci::Command(self.suite(&format!("{key}.ci"), suite)));
        policy.testing_by = match of.testing_by {
            file::TestingBy::Runner => TestingBy::Runner,
            file::TestingBy::Agent => TestingBy::Agent,
        };
        policy.on_broken = of.fix_forward.as_ref().map_or(OnBroken::Hold, |mend| OnBroken::FixForward {
            attempts: mend.attempts,
            within: mend.within.0,
        });
        policy.caches = self.folders(&format!("{key}.caches"), &of.caches);
        policy.merge_union = self.folders(&format!("{key}.merge_union"), &of.merge_union);
        policy.pipeline = self.pipeline(&key, of.pipeline.as_ref());
        policy.confinement = self.confinement(&format!("{key}.confinement"), &of.confinement);
        policy.budgets = budgets(&of.budgets);
        self.agents(&key, of, &mut policy);
        let prompts = self.prompts(&format!("{key}.prompts"), &of.prompts, &policy);
        let main = of.main.as_deref().map(|branch| self.branch(&format!("{key}.main"), branch));
        Project { policy, repo: of.repo.as_ref().map(|repo| self.path(repo)), remote, main, prompts }
    }

    fn remote(&mut self, key: &str, of: &file::Project) -> Option<Remote> {
        match (of.forge, &of.remote) {
            (ForgeKind::Local, None) => None,
            (ForgeKind::Local, Some(_)) => {
                let why = "the forge is orchd's own, which has no remote";
                self.wrong(format!("{key}.remote"), why, "add forge = \"git\", or remove the table");
                None
            }
            (ForgeKind::Git, None) => {
                let take = format!("add [{key}.remote] with its url");
                self.wrong(format!("{key}.forge"), "it is not said where main is", take);
                None
            }
            (ForgeKind::Git, Some(remote)) => match remote.check(self.base) {
                Ok(remote) => {
                    self.not_for_agents(key, of, &remote);
                    Some(remote)
                }
                Err((below, why, take)) => {
                    self.wrong(format!("{key}.remote.{below}"), why, take);
                    None
                }
            },
        }
    }

    /// Who writes code can not push it.
    fn not_for_agents(&mut self, key: &str, of: &file::Project, remote: &Remote) {
        let Login::Password(_, Secret::Env(name)) = &remote.login else { return };
        let roles = Role::ALL.into_iter().map(|role| (format!("{key}.roles.{role}"), of.roles.of(role)));
        for (at, agent) in roles.chain([(format!("{key}.agent"), of.agent.as_ref())]) {
            if agent.is_some_and(|agent| agent.pass.contains(name)) {
                let why = format!("{name} is the remote's password, and an agent would see it");
                self.wrong(format!("{at}.pass"), why, "remove it here");
            }
        }
    }

    fn occupants(&mut self, key: &str, of: &file::Project) -> Option<u32> {
        if of.max_occupants == Some(0) {
            self.wrong(
                format!("{key}.max_occupants"),
                "with 0 nothing would ever work",
                "use at least 1, or remove it",
            );
        }
        if of.serial && of.max_occupants.is_some_and(|most| most > 1) {
            let take = "add serial = false, or remove it";
            self.wrong(
                format!("{key}.max_occupants"),
                "one task at a time is at work while serial is on",
                take,
            );
        }
        of.max_occupants
    }

    fn suite(&mut self, key: &str, of: &file::Suite) -> Suite {
        if of.command.trim().is_empty() {
            let take = "give the command, or remove the table: then nothing is run";
            self.wrong(format!("{key}.command"), "an empty command passes always", take);
        }
        Suite { command: of.command.clone(), timeout: of.timeout.0 }
    }

    /// Paths inside the repository.
    fn folders(&mut self, key: &str, of: &[String]) -> Vec<String> {
        let leads_out = |path: &String| {
            let path = Path::new(path);
            let is_plain = |part| matches!(part, std::path::Component::Normal(_));
            path.as_os_str().is_empty() || !path.components().all(is_plain)
        };
        for path in of.iter().filter(|path| leads_out(path)) {
            let take = "write it as seen from the top of the repository, without .. and a leading /";
            self.wrong(key, format!("{path:?} is no path inside the repository"), take);
        }
        of.to_vec()
    }

    fn branch(&mut self, key: &str, name: &str) -> Branch {
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
        if name.is_empty() || name.starts_with(['-', '/']) || name.contains("..") || name.contains(is_bad) {
            let take = "give the branch's name as `git branch` shows it";
            self.wrong(key, format!("{name:?} is no name of a branch"), take);
        }
        Branch::new(name)
    }

    fn pipeline(&mut self, key: &str, of: Option<&file::Pipeline>) -> Pipeline {
        let Some(of) = of else { return Pipeline::default() };
        let stages = |names: &Vec<file::StageName>| names.iter().map(|name| stage(*name)).collect();
        let tracks = of.tracks.iter().map(|(name, names)| (name.clone(), stages(names))).collect();
        let pipeline = Pipeline { tracks, default_track: of.default_track.clone() };
        if let Err(bad) = pipeline.check() {
            let at = match of.tracks.contains_key(&bad.track) {
                true => format!("{key}.pipeline.tracks.{}", bad.track),
                false => format!("{key}.pipeline.default_track"),
            };
            self.wrong(
                at,
                bad.to_string(),
                "see docs/guide/own-repository.md for the stages and their order",
            );
        }
        pipeline
    }

    fn confinement(&mut self, key: &str, of: &file::Confinement) -> Confinement {
        for path in of.read.iter().filter(|path| !Path::new(path).is_absolute()) {
            let take = "write the whole path, from /";
            self.wrong(format!("{key}.read"), format!("{path:?} is no absolute path"), take);
        }
        Confinement {
            memory: of.memory.0.map(|size| size.0),
            processes: of.processes.0,
            disk: of.disk.0.map(|size| size.0),
            sandbox: match of.sandbox {
                file::Sandbox::Off => SandboxWish::Off,
                file::Sandbox::Prefer => SandboxWish::Prefer,
                file::Sandbox::Require => SandboxWish::Require,
            },
            network: of.network,
            read: of.read.clone(),
        }
    }

    /// Each role that a track needs is played by somebody.
    fn agents(&mut self, key: &str, of: &file::Project, policy: &mut Policy) {
        let needed = |role: Role| {
            let stage = stage_of(role);
            let tests = role != Role::Tester || policy.testing_by == TestingBy::Agent;
            tests && policy.pipeline.tracks.values().any(|stages| stages.contains(&stage))
        };
        let needed: Vec<Role> = Role::ALL.into_iter().filter(|role| needed(*role)).collect();
        for role in Role::ALL {
            let (at, agent) = match (of.roles.of(role), &of.agent) {
                (Some(own), _) => (format!("{key}.roles.{role}"), own),
                (None, Some(agent)) => (format!("{key}.agent"), agent),
                (None, None) if needed.contains(&role) => {
                    let take = format!("add [{key}.agent], or [{key}.roles.{role}] for this role alone");
                    self.wrong(key, format!("nobody plays the role {role}"), take);
                    continue;
                }
                (None, None) => continue,
            };
            let agent = self.agent(&at, agent, policy.role_timeout(role));
            policy.agents.insert(role, agent);
        }
    }

    /// Each prompt is of a role that somebody plays.
    fn prompts(&mut self, key: &str, of: &file::Prompts, policy: &Policy) -> BTreeMap<Role, PathBuf> {
        let mut prompts = BTreeMap::new();
        for (role, path) in Role::ALL.into_iter().filter_map(|role| Some((role, of.of(role)?))) {
            let at = format!("{key}.{role}");
            if path.as_os_str().is_empty() {
                self.wrong(&at, "it is empty", "name a file, or remove it: then orchd's own prompt is used");
            } else if !policy.agents.contains_key(&role) {
                self.wrong(
                    &at,
                    format!("nobody plays the role {role}"),
                    "say who plays it, or remove the prompt",
                );
            }
            prompts.insert(role, self.path(path));
        }
        prompts
    }

    fn agent(&mut self, key: &str, of: &file::Agent, timeout: Span) -> Agent {
        let is_variable = |name: &&String| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        };
        for name in of.pass.iter().filter(|name| !is_variable(name)) {
            let take = "name the variable alone; its value stays in orchd's environment";
            self.wrong(format!("{key}.pass"), format!("{name:?} is no name of a variable"), take);
        }
        Agent {
            provider: of.provider.clone(),
            model: of.model.clone(),
            effort: of.effort.clone(),
            fallback_model: of.fallback_model.clone(),
            run_cap: of.money_per_run.map(|usd| usd.0),
            pass: of.pass.clone(),
            ..Agent::new(&of.profile, of.command.clone(), of.timeout.map_or(timeout, |time| time.0))
        }
    }

    /// Keys of two projects must not be the same.
    fn prefixes(&mut self, projects: &[Project]) {
        let mut first = BTreeMap::new();
        for Project { policy, .. } in projects {
            let (name, prefix) = (&policy.project, &policy.key_prefix);
            let other = *first.entry(prefix).or_insert(name);
            if other != name {
                let reason = format!("project {other} has the prefix {prefix} too");
                self.wrong(
                    format!("project.{name}.key_prefix"),
                    reason,
                    "give one of them another key_prefix",
                );
            }
        }
    }
}

const fn stage(name: file::StageName) -> Stage {
    match name {
        file::StageName::Analysis => Stage::Analysis,
        file::StageName::Architecture => Stage::Architecture,
        file::StageName::Development => Stage::Development,
        file::StageName::Review => Stage::Review,
        file::StageName::Testing => Stage::Testing,
        file::StageName::DeployStaging => Stage::DeployStaging,
        file::StageName::Deploy => Stage::Deploy,
    }
}

const fn stage_of(role: Role) -> Stage {
    match role {
        Role::Analyst => Stage::Analysis,
        Role::Architect => Stage::Architecture,
        Role::Developer => Stage::Development,
        Role::Reviewer => Stage::Review,
        Role::Tester => Stage::Testing,
    }
}

fn budgets(of: &file::BudgetsOf) -> Budgets {
    Budgets {
        rework: of.rework,
        bounces: of.bounces,
        agent_failures: of.agent_failures,
        transient: of.transient,
        breaker_failures: of.breaker_failures,
        infra: of.infra,
        task_money: of.money_per_task.0,
        day_money: of.money_per_day.0,
        run_money: of.money_per_run.0,
        ..Budgets::default()
    }
}
