//! The one place of this program that reads its environment for itself: where programs are, what the terminal is, and the
//! contract of a run. Nothing else of it has a say.

/// Where programs are looked for when nobody says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A variable that is set, not empty, and UTF-8.
#[expect(clippy::disallowed_methods, reason = "a command's own process: its environment is its input")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `PATH`, or the usual places where it is not set.
pub(crate) fn search_path() -> String {
    variable("PATH").unwrap_or_else(|| PATH.to_owned())
}
