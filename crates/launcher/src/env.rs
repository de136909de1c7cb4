//! The environment a run gets: an allowlist over the parent's, then what the caller adds. Pure; the parent's
//! variables enter as an argument. Nothing of orchd's own is ever passed on.

use std::collections::BTreeMap;

/// Names every program may see: where programs are, who and where the user is, language, time zone, certificates.
/// A trailing `*` stands for any ending.
pub const BASE_ALLOW: &[&str] = &[
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "LOGNAME",
    "PATH",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
];

/// Names every program that talks to a provider may see besides: how the network is reached from here.
pub const NETWORK_ALLOW: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The parent's variables that `allow` names, with `extra` on top (`extra` wins). A name beginning with `ORCHD_` is
/// never taken from the parent, whatever the allowlist says: those hold orchd's own settings and secrets. An empty one
/// is not passed on either: to many programs it is not the same as none, and would wipe a default of theirs.
pub fn scrubbed_env(
    parent: impl Iterator<Item = (String, String)>,
    allow: &[&str],
    extra: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut env: BTreeMap<_, _> = parent
        .filter(|(name, value)| {
            !value.is_empty() && !name.starts_with("ORCHD_") && allow.iter().any(|rule| allows(rule, name))
        })
        .collect();
    env.extend(extra);
    env
}

fn allows(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => rule == name,
    }
}

#[cfg(test)]
mod tests;
