//! Rules `module-header` and `file-length`: a file says what it is for, and is about one thing.

use super::Finding;
use super::source::Source;

const HEADER_AT_MOST: usize = 8;
const WARN_OVER: usize = 400;
const FAIL_OVER: usize = 600;

pub(crate) fn check(source: &Source) -> Vec<Finding> {
    header(source).into_iter().chain(length(source)).collect()
}

fn header(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().take_while(|line| line.trim_start().starts_with("//!")).count();
    let says = match lines {
        0 => {
            "does not start with `//!`: say in two to six lines what lives here and what must not".to_owned()
        }
        1..=HEADER_AT_MOST => return None,
        _ => format!("the header has {lines} lines: keep it to {HEADER_AT_MOST}, the rest belongs in docs"),
    };
    Some(Finding::new(&source.path, 1, "module-header", says))
}

fn length(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let found = |limit: usize| {
        let says = format!("{lines} lines, more than {limit}: split it by what its parts are about");
        Finding::new(&source.path, limit + 1, "file-length", says)
    };
    if lines > FAIL_OVER {
        Some(found(FAIL_OVER))
    } else if lines > WARN_OVER {
        Some(found(WARN_OVER).warning())
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
