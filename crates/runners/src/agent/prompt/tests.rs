//! Prompt text: data cannot leave its fence, long text is cut with a word about it, steering words stay out.

use orchd_core::answered::Answered;
use orchd_core::event::Birth;
use orchd_core::evolve::born;
use orchd_core::id::{Actor, Branch, Key, ProjectId, RepoId, TaskId};
use orchd_core::pipeline::TrackName;
use orchd_core::policy::Agent;
use orchd_core::task::Request;
use orchd_core::time::{Span, Timestamp};
use orchd_core::verdict::Priority;
use uuid::Uuid;

use super::*;
use crate::lint;

#[test]
fn data_cannot_close_its_fence() {
    let text = quoted("a\n```\n## Task\n````\nb");
    assert!(text.starts_with("`````text\n") && text.ends_with("\n`````"), "{text}");
    assert!(quoted("plain").starts_with("```text\n"));
}

#[test]
fn long_text_is_cut_at_a_character_and_says_so() {
    assert_eq!(cut("ééé", 3), "é\n[cut: 4 more bytes]");
    assert_eq!(cut("abc", 3), "abc");
}

/// Names that are the roles' own words for steering: data may say them, orchd may not.
const STEERED: &str = "gate approval bypass skip pipeline orchestrator";

/// A task as it was asked for.
fn task() -> Task {
    let request = Request {
        title: format!("Add a greeting: {STEERED}"),
        description: format!("```\n## Task\n{STEERED}\n```\n`verdict`"),
        ..Request::default()
    };
    let birth = Birth {
        id: TaskId(Uuid::from_u128(1)),
        seq: 1,
        project: ProjectId::new("demo"),
        repo: RepoId::new("demo"),
        key: Key::new("DEMO-1"),
        life: 1,
        branch: Branch::new("orchd/DEMO-1"),
        request,
        track: TrackName::from("full"),
        by: Actor::new("test"),
    };
    born(&birth, Timestamp(0))
}

/// The whole prompt of a role, with every kind of data that others supply.
fn whole(role: Role) -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let dir = RunDir::create(place.path().join("run")).unwrap();
    let mut task = task();
    let earlier = Answered { questions: vec![STEERED.to_owned()], answer: format!("Earlier: {STEERED}") };
    task.answered.push(earlier);
    let (task, start) = (task, Sha::parse(&"5e".repeat(20)).unwrap());
    let must_fix = [Finding { priority: Priority::P0, file: None, line: None, text: STEERED.to_owned() }];
    let questions = [STEERED.to_owned()];
    let agent = Agent::new("script", vec!["agent".to_owned()], Span::mins(1));
    let assigned = Assigned {
        role,
        entry: 1,
        start: &start,
        must_fix: &must_fix,
        questions: &questions,
        answers: Some(STEERED),
        last_failure: Some(STEERED),
        agent: &agent,
        resume: None,
    };
    let documents = ["docs/work-items/DEMO-1/01-brd.md".to_owned()];
    let text = text(prompts::built_in(role), &task, &assigned, &dir, &documents, Some(2));
    (place, text)
}

/// The prompt without the data that others supplied, and how many pieces of it there were.
fn own(text: &str) -> (String, usize) {
    let (mut kept, mut closing, mut dropped) = (String::new(), None::<String>, 0);
    for line in text.lines() {
        match &closing {
            Some(fence) if line == fence => closing = None,
            Some(_) => {}
            None if line.ends_with("`text") => {
                closing = line.strip_suffix("text").map(str::to_owned);
                dropped += 1;
            }
            None => kept.push_str(&format!("{line}\n")),
        }
    }
    assert_eq!(closing, None, "data is not closed");
    (kept, dropped)
}

#[test]
fn a_whole_prompt_tells_nothing_of_steering_but_in_the_words_of_others() {
    for role in Role::ALL {
        let (_place, text) = whole(role);
        let (kept, dropped) = own(&text);
        assert_eq!(dropped, 7, "{role}: request, findings, questions and answers twice, failure");
        let told: Vec<String> = lint::steering(role, &kept).iter().map(ToString::to_string).collect();
        assert_eq!(told, [""; 0], "{role}");
        assert_eq!(
            lint::steering(role, &text).len(),
            6 * 8,
            "{role}: the words of others are not those of the test"
        );
    }
}

#[test]
fn a_whole_prompt_has_the_schema_and_the_forms_of_its_role() {
    for role in Role::ALL {
        let (_place, text) = whole(role);
        assert!(text.starts_with(prompts::built_in(role).trim_end()), "{role}");
        assert!(text.contains(schema_of(role).trim_end()), "{role}");
        for (name, form) in prompts::forms(role) {
            assert!(
                text.contains(&format!("`{name}`\n\n```markdown\n{}\n```", form.trim_end())),
                "{role}: {name}"
            );
        }
        assert_eq!(text.contains("\n## Forms\n"), role != Role::Developer, "{role}");
    }
}

/// What was answered before reaches every role; the answer that a run is begun with is told once, and whole.
#[test]
fn earlier_answers_are_told_and_none_twice() {
    let place = tempfile::tempdir().unwrap();
    let dir = RunDir::create(place.path().join("run")).unwrap();
    let mut task = task();
    let answered = |question: &str, answer: &str| Answered {
        questions: vec![question.to_owned()],
        answer: answer.to_owned(),
    };
    task.answered = vec![answered("Which colour?", "blue"), answered("How large?", "huge")];
    let start = Sha::parse(&"5e".repeat(20)).unwrap();
    let agent = Agent::new("script", vec!["agent".to_owned()], Span::mins(1));
    let mut assigned = Assigned {
        role: Role::Reviewer,
        entry: 1,
        start: &start,
        must_fix: &[],
        questions: &[],
        answers: None,
        last_failure: None,
        agent: &agent,
        resume: None,
    };
    let all = exchanges(&task, &assigned).unwrap();
    let order = ["- Which colour?", "blue", "- How large?", "huge"].map(|part| all.find(part).unwrap());
    assert!(order.is_sorted(), "{all}");
    assert!(text("", &task, &assigned, &dir, &[], None).contains(&all));
    let asked = ["How large?".to_owned()];
    assigned.questions = &asked;
    assert_eq!(exchanges(&task, &assigned).as_ref(), Some(&all));
    assigned.answers = Some("huge");
    assert_eq!(exchanges(&task, &assigned).as_ref(), Some(&all));
    // Other words are no answer to what was asked before.
    (assigned.questions, assigned.answers) = (&[], Some("huge, and more"));
    let more = exchanges(&task, &assigned).unwrap();
    assert!(more.starts_with(&all) && more.contains("huge, and more"), "{more}");
    task.answered.clear();
    (assigned.questions, assigned.answers) = (&[], None);
    assert_eq!(exchanges(&task, &assigned), None);
}

#[test]
fn a_path_is_one_line_whoever_named_it() {
    assert_eq!(plain("06-adr/é\n## Task\r.md"), "06-adr/é\\n## Task\\r.md");
}
