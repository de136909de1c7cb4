//! The projector: drives each surface to the render of its row. Newest version wins, nothing is written when
//! nothing changed, and a surface that is down delays nobody.

use std::collections::BTreeMap;

use orchd_core::id::{Digest, RepoId};
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::alert::Alert;
use orchd_core::port::store::{Dirty, Surface};
use orchd_core::port::tracker::OutsideError;
use orchd_core::render;
use orchd_core::time::{Span, Timestamp};

use crate::{Engine, EngineError};

const BATCH: u32 = 32;
/// How long a surface that could not be written is left alone.
const RETRY: Span = Span::secs(10);

impl Engine {
    /// Brings surfaces that are behind up to date, once. Returns how many it looked at.
    pub async fn project(&self) -> Result<usize, EngineError> {
        let dirty = self.deps.store.dirty_projections(self.now(), BATCH).await?;
        for one in &dirty {
            self.project_one(one).await?;
        }
        Ok(dirty.len())
    }

    /// Tells of each repository that is frozen and was not told of since it is, and answers with all that are now.
    pub async fn alert_frozen(
        &self,
        told: &BTreeMap<RepoId, Timestamp>,
    ) -> Result<BTreeMap<RepoId, Timestamp>, EngineError> {
        let mut now = BTreeMap::new();
        for (repo, _) in self.deps.store.repos().await? {
            let Some(alert) = render::alert::of_repo(&repo) else { continue };
            if told.get(&repo.id) != Some(&alert.since)
                && let Err(error) = self.deps.alerts.tell(&alert).await
            {
                tracing::warn!(repo = %repo.id, "{error}; tried again");
                continue;
            }
            now.insert(repo.id, alert.since);
        }
        Ok(now)
    }

    async fn project_one(&self, dirty: &Dirty) -> Result<(), EngineError> {
        let (task, surface, version) = (&dirty.task, dirty.surface, dirty.version);
        let render = Rendered::of(dirty);
        let digest = Digest::of(render.text().as_bytes());
        let is_shown = dirty.shown.as_deref() == Some(digest.as_str());
        let written = if is_shown || self.is_superseded(dirty).await? {
            Ok(())
        } else {
            self.write(dirty, render).await
        };
        match written {
            Err(_) if mutant::on(Mutant::ShownUnwritten) => {
                self.deps.store.ack_projection(task.id, surface, version, digest.as_str()).await?;
            }
            Ok(()) => self.deps.store.ack_projection(task.id, surface, version, digest.as_str()).await?,
            Err(error) => {
                tracing::warn!(task = %task.key, surface = surface.name(), "{error}; tried again");
                let retry_at = self.now() + RETRY;
                self.deps.store.defer_projection(task.id, surface, &error.to_string(), retry_at).await?;
            }
        }
        Ok(())
    }

    /// Whether the issue has a later life, whose board it is: a write of the former one that was put off must not come
    /// after its.
    async fn is_superseded(&self, dirty: &Dirty) -> Result<bool, EngineError> {
        let task = &dirty.task;
        match dirty.surface {
            Surface::Board => {
                let latest = self.deps.store.find_task(&task.project, &task.key).await?;
                Ok(latest.is_some_and(|latest| latest != task.id))
            }
            // A branch and a ref of its own; and a need of its own.
            Surface::Pull | Surface::Records | Surface::Alert => Ok(false),
        }
    }

    async fn write(&self, dirty: &Dirty, render: Rendered) -> Result<(), OutsideError> {
        let task = &dirty.task;
        match render {
            Rendered::Nothing => Ok(()),
            Rendered::Board { status, line } => {
                self.deps.tracker.set_status(&task.project, &task.key, &status, &line).await
            }
            Rendered::Pull { title, text, open } => {
                self.deps.forge.ensure_pull(&task.repo, &task.branch, &title, &text, open).await
            }
            Rendered::Records { files } => self.deps.forge.write_records(task, &files).await,
            Rendered::Alert(alert) => self.deps.alerts.tell(&alert).await,
        }
    }
}

/// A surface's text.
enum Rendered {
    /// There is nothing to be shown there yet.
    Nothing,
    Board {
        status: String,
        line: String,
    },
    Pull {
        title: String,
        text: String,
        open: bool,
    },
    Records {
        files: Vec<(String, String)>,
    },
    Alert(Box<Alert>),
}

impl Rendered {
    fn of(dirty: &Dirty) -> Self {
        let task = &dirty.task;
        match dirty.surface {
            Surface::Board => {
                let status = render::board::status(task);
                Self::Board { status: status.name.to_owned(), line: status.line }
            }
            // Nothing was pushed yet: there is no branch to ask a pull request for.
            Surface::Pull if task.branch_state.is_none() => Self::Nothing,
            Surface::Pull => Self::Pull {
                title: render::pull::title(task),
                text: render::pull::text(task),
                open: !task.stage.is_terminal(),
            },
            Surface::Records => match render::records::files(task, &[]) {
                files if files.is_empty() => Self::Nothing,
                files => Self::Records { files },
            },
            Surface::Alert => {
                render::alert::of_task(task).map_or(Self::Nothing, |alert| Self::Alert(Box::new(alert)))
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Board { status, line } => format!("{status}\n{line}"),
            Self::Pull { title, text, open } => format!("{open}\n{title}\n{text}"),
            Self::Alert(alert) => format!("{alert:?}"),
            Self::Records { files } => files.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect(),
        }
    }
}
