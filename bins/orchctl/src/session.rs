//! Whom a command talks to: the server of the data directory, or the store opened for the command's own length
//! where nobody serves it (spec 2.7). Either way the command speaks the same API over the same socket.

use std::path::{Path, PathBuf};

use orchd_daemon::Brief;
use orchd_http::client::{Client, ClientError};
use orchd_http::dto;

use crate::exit::Exit;

/// A way to talk.
pub(crate) struct Session {
    pub(crate) client: Client,
    brief: Option<Brief>,
}

impl Session {
    /// Whether somebody works: a server, and not this command for its own length.
    pub(crate) const fn is_served(&self) -> bool {
        self.brief.is_none()
    }

    pub(crate) async fn close(self) {
        if let Some(brief) = self.brief {
            brief.close().await;
        }
    }
}

/// Finds the server, or becomes it for a moment.
pub(crate) async fn open(data: Option<PathBuf>) -> Result<Session, Exit> {
    let data = data.map_or_else(default_data, Ok)?;
    let client = Client::new(&orchd_daemon::socket(&data));
    match client.get::<Vec<dto::Job>>("/queue").await {
        Err(ClientError::NotRunning { .. }) => {}
        Ok(_) | Err(ClientError::Broken { .. } | ClientError::Refused(_) | ClientError::BadAnswer(_)) => {
            return Ok(Session { client, brief: None });
        }
    }
    if !data.exists() {
        let todo = "`orchctl init` in your repository sets a project up; `orchctl run \"…\"` or the server, `orchd`, makes it";
        return Err(Exit::unreachable(format!("there is nothing in {} yet; {todo}", data.display())));
    }
    let exe = exe()?;
    let opened = orchd_daemon::serve_briefly(&data, &exe).await;
    let brief = opened.map_err(|e| {
        Exit::unreachable(format!("nobody serves {}, and it can not be opened: {e}", data.display()))
    })?;
    Ok(Session { client, brief: Some(brief) })
}

/// This program, for what it starts itself as.
pub(crate) fn exe() -> Result<PathBuf, Exit> {
    std::env::current_exe().map_err(|e| Exit::failed(format!("this program's own path is not known: {e}")))
}

/// `$XDG_DATA_HOME/orchd`, else `~/.local/share/orchd`.
pub(crate) fn default_data() -> Result<PathBuf, Exit> {
    #[expect(clippy::disallowed_methods, reason = "the default data directory is read once, here")]
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = var("XDG_DATA_HOME").or_else(|| var("HOME").map(|home| home.join(Path::new(".local/share"))));
    base.map(|base| base.join("orchd"))
        .ok_or_else(|| Exit::failed("no data directory: give --data DIR".to_owned()))
}
