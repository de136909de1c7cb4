//! A remote where main is, and how orchd proves itself there: what is said of it in the file, and as it is kept. A secret is
//! only referred to; who opens files and the environment reads it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where main is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForgeKind {
    #[default]
    Local,
    Git,
}

/// Where orchd's own refs go at a remote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnRefs {
    /// Below `refs/orchd/`.
    #[default]
    Orchd,
    /// Below `refs/tags/orchd/`.
    Tags,
}

/// A remote in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteOf {
    /// Where it is: `git@host:path`, `ssh://…`, `https://…` or an absolute path, without credentials in it.
    pub(crate) url: String,
    /// Where refs of orchd's own go there: `"orchd"`, below `refs/orchd/`, or `"tags"`, below `refs/tags/orchd/`, for a server
    /// that takes no others. `orchctl doctor` tries it.
    #[serde(default)]
    pub(crate) refs: OwnRefs,
    /// The account's name, over https.
    pub(crate) username: Option<String>,
    /// The account's password or token, over https: where it is, not itself.
    pub(crate) password: Option<SecretOf>,
    /// How ssh is called, such as `"ssh -i /path/to/key"`. Without it, `ssh -oBatchMode=yes`, with the keys, agent and known
    /// hosts of orchd's account.
    pub(crate) ssh_command: Option<String>,
}

/// Where a secret is in the file: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretOf {
    /// A file that holds it and nothing else. A path that is not absolute is seen from this file.
    pub(crate) file: Option<PathBuf>,
    /// A variable of orchd's own environment that holds it.
    pub(crate) env: Option<String>,
}

/// A remote where main is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Where it is.
    pub url: String,
    /// Where orchd's own refs go there.
    pub refs: OwnRefs,
    /// How orchd proves itself.
    pub login: Login,
}

/// How orchd proves itself to a remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// As git does with nothing said: ssh with the account's own keys, or not at all.
    Own,
    /// ssh, called so.
    Ssh(String),
    /// A name, and where the password or token is.
    Password(String, Secret),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// In a file of its own, by absolute path.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
}

/// What is wrong with a table, by the key below it, with what to do.
pub(crate) type Wrong = (&'static str, String, &'static str);

impl RemoteOf {
    /// As it is kept. `base`: what relative paths are seen from.
    pub(crate) fn check(&self, base: &Path) -> Result<Remote, Wrong> {
        let login = match (&self.username, &self.password, &self.ssh_command) {
            (None, None, None) => Login::Own,
            (None, None, Some(command)) => Login::Ssh(command.clone()),
            (Some(name), Some(secret), None) => Login::Password(name.clone(), secret.check(base)?),
            (_, _, Some(_)) => {
                let why = "ssh takes no user name and password from here".to_owned();
                return Err(("ssh_command", why, "remove it, or `username` and `password`"));
            }
            (Some(_), None, None) => {
                let why = "there is no password to it".to_owned();
                return Err(("username", why, "add password = { file = \"PATH\" }, or remove it"));
            }
            (None, Some(_), None) => {
                let why = "there is no user name to it".to_owned();
                return Err(("password", why, "add username = \"NAME\"; for a token, many servers take any"));
            }
        };
        Ok(Remote { url: self.url.clone(), refs: self.refs, login })
    }
}

impl SecretOf {
    fn check(&self, base: &Path) -> Result<Secret, Wrong> {
        match (&self.file, &self.env) {
            (Some(file), None) if !file.as_os_str().is_empty() => Ok(Secret::File(base.join(file))),
            (None, Some(name)) if !name.is_empty() => Ok(Secret::Env(name.clone())),
            _ => {
                let why = "it is not said where the secret is, or said twice".to_owned();
                Err(("password", why, "say { file = \"PATH\" } or { env = \"NAME\" }"))
            }
        }
    }
}
