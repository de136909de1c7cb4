//! Credentials for a remote: held by the mirror only, given to git in the environment of the very call that
//! talks to the network, bound to the remote's origin. Never in an argument, a URL or a file.

use std::fmt;

use crate::error::GitError;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How the mirror proves itself to its remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Not at all: a path, or a public remote.
    Anonymous,
    /// A user name and a password or token, over HTTP.
    Password {
        /// The user name; many forges take any.
        username: String,
        /// The password or token.
        secret: Secret,
    },
    /// A whole ssh command, for instance with `-i key -oUserKnownHostsFile=…`.
    Ssh {
        /// Run by git through the shell.
        command: String,
    },
}

/// Prints what the environment holds, to git's question `get` only.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$ORCHD_GIT_USERNAME" "$ORCHD_GIT_PASSWORD"; }; f"#;

impl Access {
    /// The variables for a call to `url`.
    pub(crate) fn environment(&self, url: &str) -> Vec<(String, String)> {
        match self {
            Self::Anonymous => Vec::new(),
            Self::Ssh { command } => vec![("GIT_SSH_COMMAND".to_owned(), command.clone())],
            Self::Password { username, secret } => [
                ("GIT_CONFIG_COUNT", "1".to_owned()),
                // Bound to the origin, so that a redirect to another host asks in vain.
                ("GIT_CONFIG_KEY_0", format!("credential.{}.helper", origin(url))),
                ("GIT_CONFIG_VALUE_0", HELPER.to_owned()),
                ("ORCHD_GIT_USERNAME", username.clone()),
                ("ORCHD_GIT_PASSWORD", secret.0.clone()),
            ]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        }
    }
}

/// `scheme://host:port` of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

/// Refuses a URL that carries a password: git repeats URLs in messages and processes show their arguments.
pub fn check_url(url: &str) -> Result<(), GitError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let userinfo = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let is_http = scheme.starts_with("http");
    let why = if url.starts_with('-') || url.contains(|c: char| c.is_control()) {
        "it starts with a dash or holds a control character"
    } else if userinfo.contains(':') || (is_http && !userinfo.is_empty()) {
        "it holds credentials; configure them apart from the URL"
    } else if is_http && rest.contains('?') {
        return Err(GitError::BadName {
            kind: "remote URL",
            text: format!("{}?…", url.split('?').next().unwrap_or_default()),
            why: "it has a query, which may hold credentials; configure them apart from the URL",
        });
    } else if url.contains("::") {
        "it names a remote helper; use https, ssh, file or a path"
    } else {
        return Ok(());
    };
    let shown = if userinfo.is_empty() { url.to_owned() } else { url.replace(userinfo, "…") };
    Err(GitError::BadName { kind: "remote URL", text: shown, why })
}

#[cfg(test)]
mod tests;
