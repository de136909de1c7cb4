//! The scripted agent decides by its prompt and its clone: first a version with a fault, then, told of it, the mend.

use super::must_fix;
use super::*;
use crate::demo::files;
use crate::demo::story::{FOLD, TOP};
use orchd_core::verdict::{Verdict, submission};

const PROMPT: &str = "# Role\nYou mend what was found.\n\n## Your task\nTALLY-1\n\n## Must-fix findings\n\n\
- P0: failing: capital letters make another word\n```\n# tests\nnot ok 4\n```\n### more\n- P1 README\n\n## Output\n- submit\n";

#[test]
fn findings_are_what_stands_below_their_heading() {
    assert_eq!(
        must_fix::read(PROMPT),
        [
            "- P0: failing: capital letters make another word",
            "# tests",
            "not ok 4",
            "### more",
            "- P1 README"
        ]
    );
    assert_eq!(must_fix::read("## Findings that must be fixed\n- one\n"), ["- one"]);
    assert_eq!(must_fix::read("Must fix:\n- one\n\n## Next\ntwo\n"), ["- one"]);
}

#[test]
fn no_heading_or_nothing_below_it_is_no_finding() {
    for prompt in [
        "",
        "Mend what you must fix and submit.",
        "## Must fix\n\n## Next\ntext",
        "## Must-fix findings\nNone.\n",
    ] {
        assert_eq!(must_fix::read(prompt), [""; 0], "{prompt}");
    }
}

#[test]
fn the_role_prompts_announce_no_findings_of_their_own() {
    for text in [
        include_str!("../../../../../agents/analyst.md"),
        include_str!("../../../../../agents/architect.md"),
        include_str!("../../../../../agents/developer.md"),
        include_str!("../../../../../agents/reviewer.md"),
        include_str!("../../../../../agents/tester.md"),
    ] {
        assert_eq!(must_fix::read(text), [""; 0]);
        assert!(told_in(text).is_none());
    }
}

#[test]
fn a_task_is_known_by_the_title_that_comes_first() {
    let text = format!("{}\nlanded before: {}", TOP.title, FOLD.title);
    assert_eq!(told_in(&text).unwrap().title, TOP.title);
}

struct Stage {
    _dir: tempfile::TempDir,
    run: Run,
}

/// A clone of the project and a run directory; `submit` is a program that takes anything, its input is looked at here.
fn stage(story: &'static Story) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let worktree = dir.path().join("project");
    files::prepare(&worktree).unwrap();
    let rundir = dir.path().join("run");
    fs::create_dir(&rundir).unwrap();
    let run = Run {
        role: Role::Developer,
        key: "TALLY-1".to_owned(),
        dir: rundir,
        worktree,
        submit: "/bin/true".into(),
        story,
        answered: false,
        findings: Vec::new(),
    };
    Stage { _dir: dir, run }
}

impl Stage {
    /// Plays a role and returns what it submitted.
    fn play(&mut self, role: Role) -> orchd_core::verdict::Submission {
        self.run.role = role;
        roles::play(&self.run).unwrap();
        let draft = fs::read(self.run.dir.join("draft.json")).unwrap();
        let (submission, dropped) = submission(role, &draft).unwrap();
        assert_eq!(dropped, [""; 0]);
        submission
    }

    fn dirty(&self) -> String {
        self.run.git().ask(&["status", "--porcelain", "--untracked-files=all"]).unwrap()
    }
}

#[test]
fn the_documents_have_what_is_asked_of_them() {
    let mut stage = stage(&FOLD);
    let asked = stage.play(Role::Analyst);
    assert_eq!(asked.blocking(), [FOLD.question.unwrap().0]);
    assert_eq!(asked.artifacts, [""; 0], "a question stands alone");
    stage.run.answered = true;
    let said = stage.play(Role::Analyst);
    assert_eq!(said.artifacts, ["01-brd.md"]);
    let docs = stage.run.worktree.join("docs/work-items/TALLY-1");
    let brd = orchd_core::docs::brd(&fs::read(docs.join("01-brd.md")).unwrap());
    assert_eq!(brd.missing(), [""; 0]);
    let said = stage.play(Role::Architect);
    assert_eq!(said.artifacts.len(), 2);
    let path = docs.join(&said.artifacts[0]);
    let adr = orchd_core::docs::adr(&said.artifacts[0], &fs::read(path).unwrap());
    assert!(adr.has_status);
    assert_eq!(adr.number, Some(1));
    assert!(docs.join("10-tech-risks.md").is_file());
}

#[test]
fn the_first_version_leaves_something_uncommitted_and_the_suite_is_red() {
    let mut stage = stage(&FOLD);
    stage.play(Role::Developer);
    assert_eq!(stage.dirty().trim(), "M README.md");
    assert_eq!(
        stage.run.git().ask(&["log", "-1", "--format=%an: %s"]).unwrap(),
        "Demo Agent: TALLY-1: the option and its tests"
    );
    assert_eq!(stage.play(Role::Reviewer).verdict, Some(Verdict::Positive), "the reviewer does not see it");
    assert_eq!(stage.play(Role::Tester).verdict, Some(Verdict::Negative));
    // Told what is wrong, it mends it.
    stage.run.findings = vec!["capital letters".to_owned()];
    stage.play(Role::Developer);
    assert_eq!(stage.play(Role::Tester).verdict, Some(Verdict::Positive));
    // Told again, it says that it has nothing more.
    stage.run.role = Role::Developer;
    assert!(matches!(roles::play(&stage.run), Err(AgentError::NothingLeft { .. })));
}

#[test]
fn the_reviewer_finds_the_fault_of_the_other_and_approves_the_mend() {
    let mut stage = stage(&TOP);
    stage.play(Role::Developer);
    assert_eq!(stage.play(Role::Tester).verdict, Some(Verdict::Positive), "the suite does not see it");
    let said = stage.play(Role::Reviewer);
    assert_eq!(said.verdict, Some(Verdict::Negative));
    assert_eq!(said.findings[0].text, TOP.trial.finding);
    stage.run.findings = vec![said.findings[0].text.clone()];
    stage.play(Role::Developer);
    assert_eq!(stage.play(Role::Reviewer).verdict, Some(Verdict::Positive));
}

#[test]
fn usage_is_reported_as_the_plain_dialect_reads_it() {
    let mut stage = stage(&TOP);
    stage.play(Role::Reviewer);
    let usage = fs::read_to_string(stage.run.dir.join("usage.json")).unwrap();
    let usage = orchd_launcher::dialect::plain::usage(&usage).unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (3100, 260));
    assert_eq!(usage.cost_micro_usd, Some(13_200));
}
