//! When a command fits, and what it is bound to (spec 1.6): judged once, against the row as it is.

use orchd_core::command::{
    Acceptance, Command, CommandKind, RefusalCode, RepoCommand, RepoWanted, Shown, Wanted, accept,
    accept_repo, commands,
};
use orchd_core::event::RepoEvent;
use orchd_core::gate::{GateName, Subject};
use orchd_core::id::Digest;
use orchd_core::reason::{Ask, Reason};
use orchd_core::stage::Stage;
use orchd_core::task::Pause;
use orchd_core::time::Span;
use orchd_core::view::View;

use crate::support::build::{T0, hook, person, policy, row, sha};
use crate::support::driver::Driver;

/// The kinds of these that are allowed now; what is not is refused as not asked for.
fn allowed(view: &View, of: &[CommandKind]) -> Vec<CommandKind> {
    let fits = |kind: CommandKind| match commands(view).into_iter().find(|(found, _)| *found == kind) {
        Some((_, Ok(()))) => true,
        Some((_, Err(refusal))) => {
            assert_eq!(refusal.code, RefusalCode::NotAsked, "{}", refusal.why);
            false
        }
        None => panic!("{} is not listed", kind.name()),
    };
    of.iter().copied().filter(|kind| fits(*kind)).collect()
}

const ANSWERS: &[CommandKind] = &[CommandKind::Approve, CommandKind::Reject, CommandKind::ConfirmDeploy];

/// A view of a task in this stage, whose role is at work.
fn working(track: &str, stage: Stage) -> View {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, track);
    driver.run_to(id, stage);
    driver.settle_due();
    assert!(matches!(driver.task(id).reason, Some(Reason::Working { .. })));
    driver.view(id)
}

/// A view of a task that asks a person, and for what.
fn asks() -> [(View, Ask); 2] {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    let approve = driver.view(id);
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    [(approve, Ask::Approve), (driver.view(id), Ask::ConfirmDeploy)]
}

#[test]
fn an_answer_fits_its_question_only() {
    for (mut view, ask) in asks() {
        let fits = match ask {
            Ask::Approve => [CommandKind::Approve, CommandKind::Reject],
            Ask::ConfirmDeploy => [CommandKind::Reject, CommandKind::ConfirmDeploy],
        };
        assert_eq!(allowed(&view, ANSWERS), fits);
        let pause = Pause { by: person(), why: String::new(), questions: Vec::new(), now: false };
        row(&mut view).pause = Some(pause);
        assert_eq!(allowed(&view, ANSWERS), [], "a paused task asks for nothing but to be resumed");
    }
    for (track, stage) in [("full", Stage::Analysis), ("express", Stage::Development)] {
        assert_eq!(allowed(&working(track, stage), ANSWERS), [], "{stage}: nobody is asked");
    }
}

/// A person's decision is about what the person was shown.
#[test]
fn an_approval_is_of_what_was_shown() {
    let [(view, _), _] = asks();
    let head = view.task.head().expect("there is a head").clone();
    let present = GateName::Approval.subject(&view.task);
    let judge = |subject: Option<Shown>| {
        let command = Command { what: Wanted::Approve, by: person(), visit: None, subject };
        match accept(&view, &command) {
            Acceptance::Accepted(_) => None,
            Acceptance::Refused(refusal) => Some(refusal.code),
        }
    };
    for same in [None, Some(Shown::Head(head)), Some(Shown::Subject(present))] {
        assert_eq!(judge(same.clone()), None, "{same:?}");
    }
    let draft = Subject::Docs(Digest::of(b"the first draft"));
    for moved in [Shown::Head(sha("the first draft")), Shown::Subject(draft)] {
        assert_eq!(judge(Some(moved.clone())), Some(RefusalCode::SubjectMoved), "{moved:?}");
    }
}

#[test]
fn a_request_is_amended_before_the_work_or_while_it_rests() {
    let amend = &[CommandKind::Amend];
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    assert_eq!(allowed(&driver.view(id), amend), amend);
    let mut view = working("express", Stage::Development);
    assert_eq!(allowed(&view, amend), []);
    row(&mut view).pause =
        Some(Pause { by: person(), why: String::new(), questions: Vec::new(), now: false });
    assert_eq!(allowed(&view, amend), amend);
}

/// Spec 1.1: `escalate` turns a bug task into `full`, before `development`, where there is such a track.
#[test]
fn a_task_is_escalated_before_development_to_a_track_that_is_there() {
    let escalate = &[CommandKind::Escalate];
    let mut view = working("bug", Stage::Analysis);
    assert_eq!(allowed(&view, escalate), escalate);
    std::sync::Arc::make_mut(&mut view.policy).pipeline.tracks.remove("full");
    assert_eq!(allowed(&view, escalate), [], "there is no track `full`");
    assert_eq!(allowed(&working("full", Stage::Analysis), escalate), [], "it is full already");
    for stage in [Stage::Development, Stage::Review] {
        assert_eq!(allowed(&working("express", stage), escalate), [], "{stage}");
    }
}

/// A second freeze would take the first one's reason and cause away.
#[test]
fn a_repository_is_frozen_and_unfrozen_once() {
    let mut driver = Driver::new(policy());
    let judge = |driver: &Driver, what: RepoWanted| {
        accept_repo(&driver.repo, &RepoCommand { what, by: person() }, T0).map_err(|refusal| refusal.code)
    };
    let freeze = || RepoWanted::Freeze { why: "main is wrong".to_owned() };
    assert_eq!(judge(&driver, RepoWanted::Unfreeze), Err(RefusalCode::NotAsked));
    assert!(matches!(judge(&driver, freeze()).as_deref(), Ok([RepoEvent::Frozen { .. }])));
    driver.repo_command(freeze());
    assert_eq!(judge(&driver, freeze()), Err(RefusalCode::NotAsked));
    assert!(matches!(judge(&driver, RepoWanted::Unfreeze).as_deref(), Ok([RepoEvent::Unfrozen { .. }])));
}
