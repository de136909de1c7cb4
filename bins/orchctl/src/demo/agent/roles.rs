//! What the scripted agent does in each role: reads, works in its clone, submits. It decides by its prompt and by what
//! it finds in the clone; nothing of an earlier run is known here.

use std::fs;

use orchd_core::stage::Role;
use serde_json::json;

use super::{AgentError, Run, file};

/// Plays the run's role.
pub(super) fn play(run: &Run) -> Result<(), AgentError> {
    run.think();
    match run.role {
        Role::Analyst => analyse(run),
        Role::Architect => design(run),
        Role::Developer => develop(run),
        Role::Reviewer => review(run),
        Role::Tester => test(run),
    }
}

fn analyse(run: &Run) -> Result<(), AgentError> {
    if let Some((question, _)) = run.story.question.filter(|_| !run.answered) {
        run.think();
        // Without any artifact: a complete document beside a question would go before it.
        return run.submit(&json!({
            "questions": [{"text": question, "blocking": true}],
            "summary": "One question before the goal can be written down.",
        }));
    }
    run.write(&run.docs().join("01-brd.md"), &revised(run, run.story.brd))?;
    run.think();
    run.submit(&json!({
        "artifacts": ["01-brd.md"],
        "summary": "Goal, scope and acceptance criteria of the new option.",
    }))
}

fn design(run: &Run) -> Result<(), AgentError> {
    read_first(run, "01-brd.md");
    let (name, text) = run.story.adr;
    run.write(&run.docs().join("06-adr").join(name), &revised(run, text))?;
    run.write(&run.docs().join("10-tech-risks.md"), run.story.risks)?;
    run.think();
    run.submit(&json!({
        "artifacts": [format!("06-adr/{name}"), "10-tech-risks.md"],
        "summary": "One decision and two risks.",
    }))
}

/// A document written again says what it was written again for.
fn revised(run: &Run, text: &str) -> String {
    if run.findings.is_empty() {
        return text.to_owned();
    }
    format!("{text}\n## Revised because of\n{}\n", run.findings.join("\n"))
}

fn develop(run: &Run) -> Result<(), AgentError> {
    read_first(run, "01-brd.md");
    let summary = if run.findings.is_empty() { first_version(run)? } else { mended_version(run)? };
    run.think();
    run.submit(&json!({ "summary": summary }))
}

/// In a hurry: looks at its own tests alone.
fn first_version(run: &Run) -> Result<&'static str, AgentError> {
    if !is_applied(run, run.story.first)? {
        apply(run, run.story.first)?;
    }
    run.tests(run.story.own_tests)?;
    commit(run, "the option and its tests", &["tally", "tests"])?;
    // The README is left for orchd to commit, as an agent that forgets would leave it.
    Ok("The option with its own tests, which pass.")
}

/// Slower: looks at every test.
fn mended_version(run: &Run) -> Result<&'static str, AgentError> {
    if is_applied(run, run.story.mended)? {
        return Err(AgentError::NothingLeft { findings: run.findings.join("; ") });
    }
    if !is_applied(run, run.story.first)? {
        apply(run, run.story.first)?;
    }
    apply(run, run.story.mended)?;
    let (green, output) = run.tests("")?;
    if !green {
        return Err(AgentError::StillRed { output });
    }
    commit(run, "mend what was found", &["tally"])?;
    Ok("What was found is mended, with a test for it; all tests pass.")
}

fn review(run: &Run) -> Result<(), AgentError> {
    let trial = &run.story.trial;
    let mut args = vec!["./tally"];
    args.extend(trial.args);
    let (code, said) = run.sh(&args, trial.input)?;
    run.say(&format!("tries tally {}: exit {code:?}, {}", trial.args.join(" "), said.trim()));
    run.think();
    let good = code == Some(trial.code);
    let verdict = if good { "APPROVED" } else { "REQUEST_CHANGES" };
    report(run, "12-review.md", verdict, if good { "Does what was asked for." } else { trial.finding })?;
    if good {
        return run.submit(&json!({
            "verdict": verdict,
            "summary": "Read the change and tried the program; it does what was asked for.",
        }));
    }
    run.submit(&json!({
        "verdict": verdict,
        "findings": [{"priority": "P1", "file": trial.file, "text": trial.finding}],
        "summary": "One thing must be mended.",
    }))
}

fn test(run: &Run) -> Result<(), AgentError> {
    let (green, output) = run.tests("")?;
    let result = if green { "PASS" } else { "FAIL" };
    report(run, "13-test-report.md", result, &output)?;
    if green {
        return run.submit(&json!({"verdict": result, "summary": "All tests pass."}));
    }
    run.submit(&json!({
        "verdict": result,
        "findings": [{"priority": "P0", "text": output}],
        "summary": "Tests fail.",
    }))
}

/// The report for people, beside the submission that counts.
fn report(run: &Run, name: &str, verdict: &str, text: &str) -> Result<(), AgentError> {
    let path = run.dir.join(name);
    fs::write(&path, format!("---\nverdict: {verdict}\n---\n{text}\n")).map_err(|e| file("write", &path, e))
}

fn read_first(run: &Run, name: &str) {
    let path = run.docs().join(name);
    // An express task has no such document.
    if let Ok(text) = fs::read_to_string(run.worktree.join(&path)) {
        run.say(&format!("reads {} ({} lines)", path.display(), text.lines().count()));
    }
}

/// Whether the clone has the change already: it can be taken back cleanly.
fn is_applied(run: &Run, patch: &str) -> Result<bool, AgentError> {
    let path = patch_file(run, patch)?;
    Ok(run.git().says_yes(&["apply", "--check", "--reverse", &path])?)
}

fn apply(run: &Run, patch: &str) -> Result<(), AgentError> {
    let path = patch_file(run, patch)?;
    run.git().ask(&["apply", &path])?;
    run.say(&format!("changes {}", changed(patch).join(", ")));
    Ok(())
}

/// In the run's directory, never in the clone: what lies there would be committed.
fn patch_file(run: &Run, patch: &str) -> Result<String, AgentError> {
    let path = run.dir.join("change.patch");
    fs::write(&path, patch).map_err(|e| file("write", &path, e))?;
    Ok(path.to_string_lossy().into_owned())
}

fn changed(patch: &str) -> Vec<&str> {
    patch.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect()
}

fn commit(run: &Run, what: &str, paths: &[&str]) -> Result<(), AgentError> {
    let git = run.git();
    let mut add = vec!["add", "--"];
    add.extend(paths);
    git.ask(&add)?;
    git.ask(&["commit", "-q", "--no-verify", "-m", &format!("{}: {what}", run.key)])?;
    run.say(&format!("commits {}: {what}", paths.join(", ")));
    Ok(())
}
