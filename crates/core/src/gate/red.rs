//! A red suite in words. Runners say what failed at the end; where its names are not known, the end is told first.

/// Characters of a red suite that a sentence has room for.
const EVIDENCE: usize = 200;

/// What is red, in a line: the tests' names, else the end of what was said.
pub(crate) fn evidence(failing: &[String], output: &str) -> String {
    let line = match failing {
        [] => last_line(output).to_owned(),
        names => names.join(", "),
    };
    // A test may print anything.
    let line: String = line.chars().filter(|c| !c.is_control()).take(EVIDENCE).collect();
    if line.is_empty() { "its tests failed and said nothing".to_owned() } else { line }
}

/// The whole of it, beginning with a line that says what is red: of a long text people are shown that one.
pub(crate) fn told(failing: &[String], output: &str) -> String {
    if !failing.is_empty() {
        return format!("failing: {}\n{output}", failing.join(", "));
    }
    if output.trim().lines().count() < 2 {
        return output.trim_start().to_owned();
    }
    format!("it ended: {}\n{output}", evidence(failing, output))
}

/// The last line that says something: a ruler of dashes does not.
fn last_line(output: &str) -> &str {
    let mut lines = output.lines().rev().map(str::trim);
    lines.find(|line| line.contains(char::is_alphanumeric)).unwrap_or_default()
}
