//! The way in for people and programs: requests become tasks, commands become inputs. Each is recorded first
//! and judged once, by the turn that takes it from the inbox; the answer is what the store says became of it.

use orchd_core::command::{Command, RepoCommand, RepoWanted};
use orchd_core::event::Birth;
use orchd_core::fact::{Address, Input};
use orchd_core::id::{Actor, Branch, InputId, Key, ProjectId, RepoId, TaskId};
use orchd_core::port::store::{CreateOutcome, DependencyOutcome, Disposition, InputOutcome, NewTask};
use orchd_core::task::{Request, Task};

use crate::{Engine, EngineError};

/// A request to start.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The project.
    pub project: ProjectId,
    /// The tracker's key.
    pub key: Key,
    /// What was asked for.
    pub request: Request,
    /// The track; `None` is the project's default.
    pub track: Option<String>,
    /// By whom.
    pub by: Actor,
    /// To work in the frozen repository, to mend it.
    pub repair: bool,
}

/// Why a request or command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The latest life goes on.
    #[error("{key} is at work already (task {task}); stop it, or wait for its end")]
    Alive {
        /// The key.
        key: Key,
        /// Its task.
        task: TaskId,
    },
    /// The key is taken.
    #[error(
        "{key} is a live task of project {project} in the same repository (task {task}); the second one is refused"
    )]
    KeyTaken {
        /// The key.
        key: Key,
        /// The other project.
        project: ProjectId,
        /// Its task.
        task: TaskId,
    },
    /// Nobody knows this task, project or repository.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The command was judged and refused.
    #[error("{why}")]
    Refused {
        /// The stable code.
        code: String,
        /// The sentence.
        why: String,
    },
}

impl From<orchd_core::port::store::StoreError> for CommandError {
    fn from(error: orchd_core::port::store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Where an accepted input can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The input.
    pub input: InputId,
    /// What became of it so far.
    pub outcome: InputOutcome,
}

impl Engine {
    /// Starts a life of an issue.
    pub async fn start(&self, new: NewRequest) -> Result<Task, CommandError> {
        let policy = self.policy(&new.project)?;
        let track = new.track.unwrap_or_else(|| policy.pipeline.default_track.clone());
        if !policy.pipeline.tracks.contains_key(&track) {
            return Err(CommandError::NotFound { what: format!("track {track} in project {}", new.project) });
        }
        let birth = Birth {
            id: TaskId(self.deps.ids.next()),
            seq: 0,
            project: new.project,
            repo: policy.repo.clone(),
            branch: Branch::new(format!("orchd/{}", new.key)),
            key: new.key,
            life: 1,
            request: new.request,
            track,
            by: new.by.clone(),
        };
        let by = new.by;
        let key = birth.key.clone();
        match self.deps.store.create_task(NewTask { birth, at: self.now() }).await? {
            CreateOutcome::Created(task) => {
                if new.repair {
                    let what = RepoWanted::Repair { task: task.id };
                    self.repo_command(&task.repo, self.mint_input(), RepoCommand { what, by }).await?;
                }
                Ok(*task)
            }
            CreateOutcome::Alive { task, key } => Err(CommandError::Alive { key, task }),
            CreateOutcome::KeyTaken { project, task } => Err(CommandError::KeyTaken { key, project, task }),
        }
    }

    /// Records a command to a task and judges it at once. The same id twice is one command.
    pub async fn command(
        &self,
        task: TaskId,
        id: InputId,
        command: Command,
    ) -> Result<Receipt, CommandError> {
        let input = Input::Command { command };
        self.deps.store.put_input(&Address::Task(task), id, &input, self.now()).await?;
        self.decide_task(task).await?;
        self.receipt(id).await
    }

    /// Records a command to a repository and judges it at once.
    pub async fn repo_command(
        &self,
        repo: &RepoId,
        id: InputId,
        command: RepoCommand,
    ) -> Result<Receipt, CommandError> {
        let input = Input::RepoCommand { command };
        self.deps.store.put_input(&Address::Repo(repo.clone()), id, &input, self.now()).await?;
        self.decide_repo(repo).await?;
        self.receipt(id).await
    }

    async fn receipt(&self, input: InputId) -> Result<Receipt, CommandError> {
        match self.deps.store.input_outcome(input).await? {
            InputOutcome::Done(Disposition::Refused { code, why }) => {
                Err(CommandError::Refused { code, why })
            }
            outcome @ (InputOutcome::Done(Disposition::Applied)
            | InputOutcome::Waiting
            | InputOutcome::Unknown) => Ok(Receipt { input, outcome }),
        }
    }

    /// A new identity for an input that a person's surface did not give one.
    pub fn mint_input(&self) -> InputId {
        InputId(self.deps.ids.next())
    }

    /// Stops or allows admission and the claims of pipeline jobs.
    pub async fn drain(&self, drained: bool, by: &Actor) -> Result<(), CommandError> {
        Ok(self.deps.store.set_drained(drained, by, self.now()).await?)
    }

    /// Declares that a task waits for an issue of its project. A cycle is refused, with the cycle.
    pub async fn depend(&self, task: TaskId, on: &Key, by: &Actor) -> Result<(), CommandError> {
        match self.deps.store.add_dependency(task, on, by.as_str(), self.now()).await? {
            DependencyOutcome::Declared => Ok(()),
            DependencyOutcome::Cycle(cycle) => {
                let why = format!("this would be a cycle: {}", cycle.join(" → "));
                Err(CommandError::Refused { code: "dependency-cycle".to_owned(), why })
            }
        }
    }

    /// Removes a dependency.
    pub async fn depend_no_more(&self, task: TaskId, on: &Key) -> Result<(), CommandError> {
        Ok(self.deps.store.remove_dependency(task, on, self.now()).await?)
    }
}
