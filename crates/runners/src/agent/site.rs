//! One role's run with its surroundings: task, assignment, mirror, folders, profile, identity. Made once per call of
//! the executor; holds no state of its own.

use std::path::PathBuf;

use orchd_core::id::{Branch, Sha};
use orchd_core::job::Work;
use orchd_core::policy::Agent;
use orchd_core::port::executor::RunContext;
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::verdict::Finding;
use orchd_git::{Identity, Mirror};
use orchd_launcher::RunDir;
use orchd_launcher::profile::{self, BadProfile, Profile, RoleRun, Setup};

use crate::error::RunnerError;
use crate::workshop::Workshop;

/// Whom commits in a task's clone are by where the environment was taken away; the clone is every role's.
pub(super) fn anybody() -> Identity {
    Identity { name: "orchd agent".to_owned(), email: "agent@orchd.localhost".to_owned() }
}

/// What the decision asked of the role.
pub(super) struct Assigned<'a> {
    pub(super) role: Role,
    pub(super) entry: u32,
    pub(super) start: &'a Sha,
    pub(super) must_fix: &'a [Finding],
    pub(super) questions: &'a [String],
    pub(super) answers: Option<&'a str>,
    pub(super) last_failure: Option<&'a str>,
    pub(super) agent: &'a Agent,
    /// The session to go on with.
    pub(super) resume: Option<&'a str>,
}

/// One run.
pub(super) struct Site<'a> {
    pub(super) shop: &'a Workshop,
    pub(super) context: &'a RunContext,
    pub(super) task: &'a Task,
    pub(super) assigned: Assigned<'a>,
    pub(super) mirror: Mirror,
    pub(super) clone: PathBuf,
    pub(super) dir: PathBuf,
    pub(super) profile: Profile,
}

impl<'a> Site<'a> {
    pub(super) async fn of(
        shop: &'a Workshop,
        context: &'a RunContext,
        task: &'a Task,
    ) -> Result<Self, RunnerError> {
        let Work::Agent {
            role,
            entry,
            start,
            base: _,
            must_fix,
            questions,
            answers,
            last_failure,
            agent,
            resume,
        } = &context.spec().work
        else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        let agent = agent.as_deref().ok_or_else(|| nobody(*role))?;
        let assigned = Assigned {
            role: *role,
            entry: *entry,
            start,
            must_fix,
            questions,
            answers: answers.as_deref(),
            last_failure: last_failure.as_deref(),
            agent,
            // After a failure a fresh one: the session may be what failed, or be gone.
            resume: resume.as_deref().filter(|_| last_failure.is_none()),
        };
        let profile = profile_of(agent, *role)?;
        let mirror = shop.mirror(&task.repo).await?;
        let (clone, dir) = (shop.clone_dir(task.id), shop.run_dir(context.run()));
        Ok(Self { shop, context, task, assigned, mirror, clone, dir, profile })
    }

    pub(super) fn role_run<'r>(&'r self, dir: &'r RunDir) -> RoleRun<'r> {
        RoleRun {
            run: self.context.run(),
            role: self.assigned.role,
            key: &self.task.key,
            dir,
            worktree: &self.clone,
            submit: self.shop.submit(),
            resume: self.assigned.resume,
            as_root: profile::runs_as_root(),
        }
    }

    pub(super) fn branch(&self) -> &'a Branch {
        &self.task.branch
    }

    /// Whom the role's commits are by.
    pub(super) fn author(&self) -> Identity {
        let role = self.assigned.role;
        Identity { name: format!("orchd {role}"), email: format!("{role}@orchd.localhost") }
    }

    /// The same for git in the agent's environment: so a clone need not be changed from role to role.
    pub(super) fn author_env(&self) -> [(String, String); 4] {
        let Identity { name, email } = self.author();
        [
            ("GIT_AUTHOR_NAME", &name),
            ("GIT_AUTHOR_EMAIL", &email),
            ("GIT_COMMITTER_NAME", &name),
            ("GIT_COMMITTER_EMAIL", &email),
        ]
        .map(|(variable, value)| (variable.to_owned(), value.clone()))
    }

    /// The message of the commit that takes up what the run left uncommitted.
    pub(super) fn message(&self) -> String {
        let (task, role) = (self.task, self.assigned.role);
        let model = self.assigned.agent.model.as_deref().unwrap_or(self.profile.name());
        format!(
            "{key}: work of the {role}\n\nOrchd-Task: {id}\nOrchd-Run: {run}\nOrchd-Role: {role}\nOrchd-Model: {model}\n",
            key = task.key,
            id = task.id,
            run = self.context.run(),
        )
    }
}

fn nobody(role: Role) -> RunnerError {
    let why = "the project's configuration names none; give the role a profile".to_owned();
    RunnerError::NoAgent { role, why }
}

/// The program that plays the role. A setting it would not understand is left out, and said: it takes the program's own
/// default instead.
fn profile_of(agent: &Agent, role: Role) -> Result<Profile, RunnerError> {
    let none = |error: BadProfile| RunnerError::NoAgent { role, why: error.to_string() };
    let (profile, left_out) = Profile::lenient(setup(agent)).map_err(none)?;
    for setting in left_out {
        tracing::warn!(%role, "a setting of the role's agent is left out: {setting}");
    }
    Ok(profile)
}

/// A role's agent as the launcher knows it.
pub fn setup(agent: &Agent) -> Setup {
    Setup {
        profile: agent.profile.clone(),
        command: agent.command.clone(),
        model: agent.model.clone(),
        effort: agent.effort.clone(),
        fallback_model: agent.fallback_model.clone(),
        money_cap: agent.run_cap,
        provider: agent.provider.clone(),
        pass: agent.pass.clone(),
    }
}
