//! The report files of a task (`12` to `18`) as far as its row has them. They speak about a commit and are
//! mirrored beside it, never committed on the task branch (spec 1.1). Each can be read back by `verdict.rs`.

use super::subject;
use crate::gate::{GateName, GateOutcome, GateResult};
use crate::task::Task;
use crate::verdict::Finding;

/// A report kept outside the row, for instance a judge's own text: it stands instead of the row's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file's name (`12-review.md`).
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One report that a gate's result makes: its file, key and words (spec 1.3).
struct Form {
    file: &'static str,
    gate: GateName,
    key: &'static str,
    positive: &'static str,
    negative: &'static str,
}

const FORMS: [Form; 6] = [
    form("12-review.md", GateName::ReviewVerdict, "verdict", "APPROVED", "REQUEST_CHANGES"),
    form("13-test-report.md", GateName::TestsVerdict, "result", "PASS", "FAIL"),
    form("14-deploy-log.md", GateName::DeployVerdict, "deploy_status", "SUCCESS", "FAILED"),
    form("15-staging-log.md", GateName::StagingVerdict, "staging_status", "SUCCESS", "FAILED"),
    form("17-security-report.md", GateName::Security, "security_status", "PASS", "FAIL"),
    form("18-coverage-report.md", GateName::Coverage, "coverage_status", "PASS", "FAIL"),
];

const fn form(
    file: &'static str,
    gate: GateName,
    key: &'static str,
    positive: &'static str,
    negative: &'static str,
) -> Form {
    Form { file, gate, key, positive, negative }
}

/// The files, sorted by name. `stored` reports stand instead of the row's of the same name.
pub fn files(task: &Task, stored: &[Report]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = FORMS
        .iter()
        .filter_map(|form| {
            let result = task.gates.get(&form.gate);
            let landing = landing(task).filter(|_| form.gate == GateName::DeployVerdict);
            (result.is_some() || landing.is_some())
                .then(|| (form.file.to_owned(), report(task, form, result, landing.as_deref())))
        })
        .filter(|(name, _)| !stored.iter().any(|report| report.name == *name))
        .collect();
    files.extend(stored.iter().map(|report| (report.name.clone(), report.text.clone())));
    files.sort();
    files
}

fn report(task: &Task, form: &Form, result: Option<&GateResult>, landing: Option<&str>) -> String {
    let mut out = format!("---\ntask: {}\n{}: {}\n", task.id, form.key, word(form, result));
    if let Some(result) = result {
        putln!(out, "attempt: {}\nat_ms: {}", result.attempt, result.at.0);
    }
    out.push_str("---\n");
    putln!(out, "# {}: {}\n", task.key, form.gate.name());
    if let Some(result) = result {
        putln!(out, "{}: {}\n", result.outcome.word(), result.evidence);
        putln!(out, "Speaks about: {}.", subject(&result.subject));
        if let GateOutcome::Reject { findings } = &result.outcome {
            out.push_str(&findings_text(findings));
        }
    }
    if let Some(landing) = landing {
        out.push_str(landing);
    }
    out
}

/// The front matter's word. Only what really passed is positive; nothing that was not checked reads so.
const fn word(form: &Form, result: Option<&GateResult>) -> &'static str {
    match result {
        Some(result) => match &result.outcome {
            GateOutcome::Pass => form.positive,
            GateOutcome::Reject { .. } | GateOutcome::Hold { .. } => form.negative,
            GateOutcome::NotApplicable { .. } => "NOT-APPLICABLE",
            GateOutcome::Wait { .. } | GateOutcome::Defer { .. } => "UNKNOWN",
        },
        None => "UNKNOWN",
    }
}

fn findings_text(findings: &[Finding]) -> String {
    let mut out = String::from("\nFindings:\n");
    for finding in findings {
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!(" {file}:{line}"),
            (Some(file), None) => format!(" {file}"),
            (None, _) => String::new(),
        };
        putln!(out, "- {:?}{place}: {}", finding.priority, finding.text);
    }
    out
}

/// The landings and the proof of the present one.
fn landing(task: &Task) -> Option<String> {
    if task.landing.landed.is_empty() {
        return None;
    }
    let mut out = String::from("\nLandings:\n");
    for head in &task.landing.landed {
        putln!(out, "- {head}");
    }
    if let Some(proof) = &task.landing.proof {
        putln!(out, "\nProof: {} is an ancestor of main {}.", proof.head, proof.main);
        if let Some(warning) = &proof.marker_warning {
            putln!(out, "Warning: main could not be searched for markers: {warning}");
        }
    }
    Some(out)
}
