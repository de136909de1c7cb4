//! The forms against the checks that judge what is made of them: one that is filled in passes, one that lacks what is
//! asked for does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::account::Account;
use orchd_core::docs::{self, DocFacts};
use orchd_core::event::Birth;
use orchd_core::evolve::born;
use orchd_core::gate::{GateName, GateOutcome, Judged};
use orchd_core::id::{Actor, Branch, Key, ProjectId, RepoId, RunId, TaskId};
use orchd_core::job::{AgentOutcome, AgentRun};
use orchd_core::pipeline::TrackName;
use orchd_core::policy::Money;
use orchd_core::repo::Repo;
use orchd_core::task::Request;
use orchd_core::time::Timestamp;
use orchd_core::verdict::{self, Submission, Verdict};
use orchd_core::view::View;
use uuid::Uuid;

use super::*;

/// A form as somebody hands it in.
fn filled(role: Role, name: &str) -> String {
    let (_, form) = forms(role).iter().find(|(known, _)| *known == name).expect("a form of the role's");
    let mut text = String::new();
    let mut rest = *form;
    while let Some((before, after)) = rest.split_once('<') {
        let (_, after) = after.split_once('>').expect("a bracket that is closed");
        text.push_str(before);
        text.push_str("what the tally says");
        rest = after;
    }
    text.push_str(rest);
    assert_ne!(text, *form, "{name} has nothing to fill in");
    text
}

/// What a gate says of a run that left these documents.
fn judged(gate: GateName, role: Role, docs: DocFacts, artifacts: &[&str]) -> Judged {
    let birth = Birth {
        id: TaskId(Uuid::from_u128(1)),
        seq: 1,
        project: ProjectId::new("demo"),
        repo: RepoId::new("demo"),
        key: Key::new("DEMO-1"),
        life: 1,
        branch: Branch::new("orchd/DEMO-1"),
        request: Request::default(),
        track: TrackName::from("full"),
        by: Actor::new("test"),
    };
    let mut task = born(&birth, Timestamp(0));
    let submission = Submission {
        artifacts: artifacts.iter().map(|name| (*name).to_owned()).collect(),
        ..Submission::default()
    };
    task.evidence.run = Some(Arc::new(AgentRun {
        run: RunId(Uuid::from_u128(2)),
        role,
        entry: task.entry,
        outcome: AgentOutcome::Completed { submission: Box::new(submission) },
        branch: None,
        dropped: Vec::new(),
        ignored_fields: Vec::new(),
        docs,
        account: Account::default(),
        took_ms: 1,
        salvage: None,
    }));
    let view = View {
        task: Arc::new(task),
        repo: Arc::new(Repo::new(RepoId::new("demo"), ProjectId::new("demo"))),
        candidates: Vec::new(),
        names: Vec::new(),
        deps: Vec::new(),
        spent_today: Money(0),
        drained: false,
        providers: BTreeMap::new(),
        policy: Arc::new(Policy::new("demo", "demo", "DEMO")),
    };
    gate.judge(&view, Timestamp(0))
}

fn passes(judged: &Judged) -> bool {
    matches!(judged, Judged::Is(GateOutcome::Pass, _))
}

/// The gate of the analyst's document.
fn brd(text: &str) -> Judged {
    let docs = DocFacts { brd: Some(docs::brd(text.as_bytes())), ..DocFacts::default() };
    judged(GateName::BrdFiles, Role::Analyst, docs, &["01-brd.md"])
}

#[test]
fn a_brd_by_its_form_passes_and_none_of_its_sections_may_go() {
    let text = filled(Role::Analyst, "01-brd.md");
    assert!(passes(&brd(&text)), "{:?}", brd(&text));
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings, ["## Goal", "## Scope", "## Acceptance criteria"]);
    for heading in headings {
        let without = text.replace(heading, "## Something else");
        assert!(matches!(brd(&without), Judged::RunFailed(_)), "without {heading}");
        // The body alone gone: a heading right below counts for nothing.
        let (before, after) = text.split_once(heading).unwrap();
        let empty = format!("{before}{heading}\n\n### Details\n{after}");
        assert!(matches!(brd(&empty), Judged::RunFailed(_)), "with {heading} left empty");
    }
}

#[test]
fn questions_by_their_form_are_as_many_as_were_asked() {
    let text = filled(Role::Analyst, "01-questions.md");
    let found = docs::questions(text.as_bytes());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("(a)") && found[0].contains("I would take"), "choices are lost: {found:?}");
    assert_eq!(docs::questions(b""), [""; 0]);
}

/// The gates of the architect's documents.
fn adr(gate: GateName, record: &str, risks: &str, taken: &[u32]) -> Judged {
    let path = "docs/work-items/DEMO-1/06-adr/ADR-007-one-table.md";
    let docs = DocFacts {
        adrs: vec![docs::adr(path, record.as_bytes())],
        // As `documents` reads them.
        risks: !risks.trim().is_empty(),
        taken_numbers: taken.to_vec(),
        taken_by: taken.iter().map(|n| format!("docs/work-items/OLD-1/06-adr/ADR-{n:03}-old.md")).collect(),
        ..DocFacts::default()
    };
    judged(gate, Role::Architect, docs, &["06-adr/ADR-007-one-table.md", "10-tech-risks.md"])
}

#[test]
fn a_record_and_risks_by_their_forms_pass_and_neither_may_go() {
    let record = filled(Role::Architect, "06-adr/ADR-NNN-title.md");
    let risks = filled(Role::Architect, "10-tech-risks.md");
    for gate in [GateName::AdrFiles, GateName::AdrConflict] {
        let said = adr(gate, &record, &risks, &[6]);
        assert!(passes(&said), "{said:?}");
    }
    let without = record.replace("## Status\n\naccepted\n", "");
    assert_ne!(without, record);
    assert!(matches!(adr(GateName::AdrFiles, &without, &risks, &[]), Judged::RunFailed(_)));
    assert!(matches!(adr(GateName::AdrFiles, &record, " \n", &[]), Judged::RunFailed(_)));
    let doubled = adr(GateName::AdrConflict, &record, &risks, &[7, 9]);
    let why = "docs/work-items/DEMO-1/06-adr/ADR-007-one-table.md has the number that \
               docs/work-items/OLD-1/06-adr/ADR-007-old.md has on main already; renumber it: 010 is free";
    assert_eq!(doubled, Judged::RunFailed(why.to_owned()));
}

#[test]
fn reports_by_their_forms_are_read_and_as_they_come_are_no_praise() {
    for (role, name, bad, good) in [
        (Role::Reviewer, "12-review.md", "REQUEST_CHANGES", "APPROVED"),
        (Role::Tester, "13-test-report.md", "FAIL", "PASS"),
    ] {
        assert_eq!(name, verdict::artifact_name(role));
        let text = filled(role, name);
        let said = verdict::artifact(role, text.as_bytes()).unwrap();
        assert_eq!(said.verdict, Some(Verdict::Negative), "{name} praises unless it is changed");
        assert!(said.findings[0].text.contains("## Findings"), "{name}");
        let praise = text.replacen(bad, good, 1);
        let said = verdict::artifact(role, praise.as_bytes()).unwrap();
        assert_eq!(said.verdict, Some(Verdict::Positive), "{name}");
    }
}

#[test]
fn a_project_may_have_a_prompt_of_its_own() {
    let mut policy = Policy::new("demo", "demo", "DEMO");
    let before = policy.digest().clone();
    assert_eq!(of(&policy, Role::Reviewer), built_in(Role::Reviewer));
    policy.prompts.insert(Role::Reviewer, "Judge it.".to_owned());
    assert_eq!(of(&policy, Role::Reviewer), "Judge it.");
    assert_eq!(of(&policy, Role::Tester), built_in(Role::Tester));
    assert_ne!(policy.clone().digest(), &before, "a decision is to show that it was made by other prompts");
}

#[test]
fn policies_from_before_prompts_could_be_given_are_read_and_have_the_same_digest() {
    let policy = Policy::new("demo", "demo", "DEMO");
    let stored = serde_json::to_value(&policy).unwrap();
    assert_eq!(stored.get("prompts"), None);
    let read: Policy = serde_json::from_value(stored).unwrap();
    assert_eq!((&read, read.digest()), (&policy, policy.digest()));
}
