//! A role's run from prompt to branch: what counts, what is dropped, what is kept aside.

use orchd_core::id::{RefName, Sha};
use orchd_core::job::{AgentOutcome, AgentRun, JobResult, Work};
use orchd_core::stage::Role;
use orchd_core::verdict::{Finding, Priority, Verdict};

use crate::world::{World, commit, run_git};

pub(crate) fn agent_run(result: JobResult) -> AgentRun {
    match result {
        JobResult::Agent(run) => *run,
        other => panic!("not an agent's run: {other:?}"),
    }
}

pub(crate) fn why(run: &AgentRun) -> &str {
    match &run.outcome {
        AgentOutcome::Failed { why } => why,
        other => panic!("it did not fail: {other:?}"),
    }
}

fn completed(run: &AgentRun) -> &orchd_core::verdict::Submission {
    match &run.outcome {
        AgentOutcome::Completed { submission } => submission,
        other => panic!("not completed: {other:?}"),
    }
}

fn head(run: &AgentRun) -> &Sha {
    &run.branch.as_ref().unwrap().head
}

#[tokio::test]
async fn a_developers_commits_and_leftovers_become_the_branch() {
    let mut world = World::new().await;
    world.plays(
        Role::Developer,
        "env > \"$ORCHD_RUN_DIR/env.txt\"; echo code > code; git add code; git commit -q -m own; echo late > late; \
         printf '{\"input_tokens\":7,\"output_tokens\":5,\"cost_usd\":0.25}\\n' > \"$ORCHD_RUN_DIR/usage.json\"; \
         say '{\"summary\":\"done\",\"key\":\"X-9\"}'",
    );
    let task = world.task("DEMO-1");
    let must_fix = vec![Finding {
        priority: Priority::P0,
        file: Some("code".to_owned()),
        line: Some(3),
        text: "it greets nobody".to_owned(),
    }];
    let Work::Agent { role, entry, start, base, agent, resume, .. } =
        world.agent(Role::Developer, &world.base)
    else {
        panic!()
    };
    let work = Work::Agent {
        role,
        entry,
        start,
        base,
        must_fix,
        questions: vec!["Which language?".to_owned()],
        answers: Some("English".to_owned()),
        last_failure: Some("exit 1".to_owned()),
        agent,
        resume,
    };
    let (context, _) = world.context(Some(&task), work);
    let run_dir = world.shop.run_dir(context.run());
    let run = agent_run(world.work(context.clone()).await);
    assert_eq!(completed(&run).summary.as_deref(), Some("done"));
    assert_eq!((run.entry, run.account.cost.0, run.account.tokens), (3, 250_000, (7, 5)));
    assert_eq!(run.ignored_fields, ["key"]);
    assert_eq!(run.salvage, None);
    let request = "docs/work-items/DEMO-1/00-business-request.md".to_owned();
    assert_eq!(run.docs.changed.as_slice(), std::slice::from_ref(&request));

    let branch = run.branch.clone().unwrap();
    assert!(branch.ahead);
    assert_eq!(branch.base, world.base);
    let mirror = world.mirror().await;
    assert_eq!(mirror.branch_head(&task.branch).await.unwrap().as_ref(), Some(&branch.head));
    let at = world.forge.dir();
    assert_eq!(run_git(at, &["rev-parse", "orchd/DEMO-1"]), branch.head.as_str());
    assert_eq!(
        run_git(at, &["log", "--format=%s", "orchd/DEMO-1"]),
        "DEMO-1: work of the developer\nown\nfirst"
    );
    assert_eq!(
        run_git(at, &["diff", "--name-only", world.base.as_str(), "orchd/DEMO-1"]),
        format!("code\n{request}\nlate")
    );
    assert_eq!(
        run_git(at, &["log", "-2", "--format=%an", "orchd/DEMO-1"]),
        "orchd developer\norchd developer"
    );
    let trailers = run_git(at, &["log", "-1", "--format=%(trailers:only)", "orchd/DEMO-1"]);
    for line in [format!("Orchd-Run: {}", context.run()), "Orchd-Model: m-1".to_owned()] {
        assert!(trailers.contains(&line), "{trailers}");
    }

    let prompt = std::fs::read_to_string(run_dir.join("prompt.md")).unwrap();
    for part in [
        "DEMO-1",
        "````text\nTitle: Add a greeting",
        "it greets nobody",
        "code:3",
        "Which language?",
        "English",
        "exit 1",
        "# Developer",
        request.as_str(),
    ] {
        assert!(prompt.contains(part), "{part:?} is not in\n{prompt}");
    }
    let whole: Vec<Finding> =
        serde_json::from_slice(&std::fs::read(run_dir.join("must-fix.json")).unwrap()).unwrap();
    assert_eq!(whole[0].text, "it greets nobody");
    let env = std::fs::read_to_string(run_dir.join("env.txt")).unwrap();
    assert!(env.contains("ORCHD_ROLE=developer") && !env.contains("ORCHD_SECRET"), "{env}");
}

#[tokio::test]
async fn a_run_without_a_submission_fails_and_its_work_is_kept_aside() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo code > code; git add code; git commit -q -m own; echo late > late");
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let run = agent_run(world.work(context.clone()).await);
    assert!(why(&run).starts_with("no submission"), "{}", why(&run));
    assert_eq!(head(&run), &world.base);
    let kept = RefName::salvage(context.run());
    assert_eq!(run.salvage.as_deref(), Some(kept.as_str()));
    let mirror = world.mirror().await;
    let tip = mirror.resolve(&kept).await.unwrap().unwrap();
    let files = mirror.changed_files(&world.base, &tip).await.unwrap();
    assert!(files.contains(&"code".to_owned()) && files.contains(&"late".to_owned()), "{files:?}");
    assert_eq!(mirror.remote_branch(&task.branch).await.unwrap(), None);

    // The next one starts from the last good head, in a clean clone.
    world.plays(Role::Developer, "test ! -e code && test ! -e late && echo better > better && say '{}'");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    completed(&run);
    assert_eq!(run.docs.changed.len(), 1);
}

#[tokio::test]
async fn a_broken_submission_fails_with_the_exact_reason() {
    let mut world = World::new().await;
    let task = world.task("DEMO-1");
    for (text, part) in [("{", "can not be read"), ("{\"verdict\":\"APPROVED\"}", "unknown field `verdict`")]
    {
        world.plays(Role::Developer, &format!("echo x > x; say '{text}'"));
        let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
        assert!(why(&run).contains(part), "{}", why(&run));
        assert_eq!(head(&run), &world.base);
        assert!(run.salvage.is_some());
    }
}

#[tokio::test]
async fn what_a_judge_changed_is_dropped_and_its_report_is_read() {
    let mut world = World::new().await;
    let start = world.commit_on(&world.base, &[("code", "1\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &start).await;
    world.plays(
        Role::Reviewer,
        "mkdir -p docs/work-items/DEMO-1; echo mended > code; git commit -qam mended; echo more > more; \
         printf -- '---\\nverdict: REQUEST_CHANGES\\n---\\nno test\\n' > docs/work-items/DEMO-1/12-review.md",
    );
    let run = agent_run(world.job(Some(&task), world.agent(Role::Reviewer, &start)).await);
    let said = completed(&run);
    assert_eq!(said.verdict, Some(Verdict::Negative));
    assert_eq!(said.findings[0].text, "no test");
    assert_eq!(head(&run), &start);
    assert_eq!(run.dropped, ["code", "more"]);
    let mirror = world.mirror().await;
    assert_eq!(mirror.branch_head(&task.branch).await.unwrap(), Some(start.clone()));
    assert_eq!(mirror.remote_branch(&task.branch).await.unwrap(), Some(start));
}

#[tokio::test]
async fn a_report_that_lay_there_before_is_no_verdict_of_this_run() {
    let mut world = World::new().await;
    let report = "---\nverdict: APPROVED\n---\n";
    let files = [("code", "1\n"), ("docs/work-items/DEMO-1/12-review.md", report), ("12-review.md", report)];
    let start = world.commit_on(&world.base, &files).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &start).await;
    world.plays(Role::Reviewer, "exit 0");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Reviewer, &start)).await);
    assert!(why(&run).starts_with("no submission and no artifact 12-review.md"), "{}", why(&run));
    // The same text written by this run counts, in its own directory too.
    world.plays(Role::Reviewer, "cp 12-review.md \"$ORCHD_RUN_DIR/\"");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Reviewer, &start)).await);
    assert_eq!(completed(&run).verdict, Some(Verdict::Positive));
    assert_eq!(run.dropped, Vec::<String>::new());
}

#[tokio::test]
async fn rewritten_history_is_refused_and_kept() {
    let mut world = World::new().await;
    let start = world.commit_on(&world.base, &[("code", "1\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &start).await;
    world.plays(Role::Developer, "echo 2 > code; git commit -q --amend -am rewritten; say '{}'");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &start)).await);
    assert!(why(&run).contains("rewrote history"), "{}", why(&run));
    assert_eq!(head(&run), &start);
    let kept = RefName::new(run.salvage.clone().unwrap());
    let mirror = world.mirror().await;
    let tip = mirror.resolve(&kept).await.unwrap().unwrap();
    assert_eq!(mirror.read_file(&tip, "code", 10).await.unwrap().unwrap(), b"2\n");
    assert_eq!(mirror.remote_branch(&task.branch).await.unwrap(), Some(start));
}

#[tokio::test]
async fn documents_are_read_from_the_head() {
    let mut world = World::new().await;
    commit(&world.user, &[("docs/work-items/OLD-1/06-adr/ADR-001-old.md", "Status: accepted\n")], "old");
    let report = world.job(None, Work::MainSuite { at: None, known: Vec::new() }).await;
    let JobResult::Main(report) = report else { panic!("{report:?}") };
    world.plays(
        Role::Architect,
        "grep -q 'Next free number of a decision record: 002' \"$ORCHD_PROMPT\" || exit 3; d=docs/work-items/DEMO-1; mkdir -p $d/06-adr; printf '# Goal\\nx\\n# Scope\\n' > $d/01-brd.md; \
         echo 'Status: accepted' > $d/06-adr/ADR-001-new.md; echo risk > $d/10-tech-risks.md; \
         say '{\"artifacts\":[\"06-adr/ADR-001-new.md\"]}'",
    );
    let task = world.task("DEMO-1");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Architect, &report.sha)).await);
    completed(&run);
    assert_eq!(run.docs.taken_numbers, [1]);
    assert_eq!(run.docs.taken_by, ["docs/work-items/OLD-1/06-adr/ADR-001-old.md"]);
    assert!(run.docs.risks);
    let brd = run.docs.brd.unwrap();
    assert!(brd.goal && !brd.scope && !brd.acceptance);
    assert_eq!(run.docs.adrs.len(), 1);
    assert_eq!((run.docs.adrs[0].number, run.docs.adrs[0].has_status), (Some(1), true));
    let branch = run.branch.unwrap();
    assert!(!branch.ahead, "documents alone are no work");
}

#[tokio::test]
async fn a_link_in_the_repository_leads_no_document_elsewhere() {
    let mut world = World::new().await;
    let outside = world.data.join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, world.user.join("docs")).unwrap();
    commit(&world.user, &[], "trap");
    let JobResult::Main(report) = world.job(None, Work::MainSuite { at: None, known: Vec::new() }).await
    else {
        panic!()
    };
    world.plays(Role::Developer, "say '{}'");
    let task = world.task("DEMO-1");
    let result = world.job(Some(&task), world.agent(Role::Developer, &report.sha)).await;
    assert!(matches!(&result, JobResult::Infra { reason, .. } if reason.contains("link")), "{result:?}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

/// A clone that nobody wrote into goes to the task's next run as it is; one that was written into is made anew.
#[tokio::test]
async fn an_untouched_clone_is_passed_on_and_a_touched_one_is_not() {
    use std::os::unix::fs::MetadataExt as _;
    let mut world = World::new().await;
    let task = world.task("DEMO-1");
    let clone = world.shop.clone_dir(task.id);
    let inode = || std::fs::metadata(&clone).unwrap().ino();
    let approve =
        "git var GIT_AUTHOR_IDENT > \"$ORCHD_RUN_DIR/who\"; cat README.md; say '{\"verdict\":\"APPROVED\"}'";
    let mut seen = Vec::new();
    for (script, role) in [
        (approve.to_owned(), Role::Reviewer),
        (approve.to_owned(), Role::Tester),
        (format!("echo x > stray; {approve}"), Role::Reviewer),
        (approve.to_owned(), Role::Reviewer),
    ] {
        world.plays(role, &script);
        let (context, _) = world.context(Some(&task), world.agent(role, &world.base));
        let dir = world.shop.run_dir(context.run());
        let run = agent_run(world.work(context).await);
        assert_eq!(completed(&run).verdict, Some(Verdict::Positive));
        assert_eq!(run.dropped.is_empty(), !script.contains("stray"), "{:?}", run.dropped);
        let who = std::fs::read_to_string(dir.join("who")).unwrap();
        assert!(who.starts_with(&format!("orchd {role} <{role}@orchd.localhost> ")), "{who}");
        seen.push(inode());
    }
    assert_eq!((seen[0], seen[1]), (seen[1], seen[2]), "nobody touched it");
    assert_ne!(seen[2], seen[3], "somebody did");
    assert!(!clone.join("stray").exists());
    // A restarted process knows nothing of how it was made.
    let shop = world.restarted();
    world.plays(Role::Reviewer, approve);
    let (context, _) = world.context(Some(&task), world.agent(Role::Reviewer, &world.base));
    agent_run(crate::world::work_in(&shop, context).await);
    assert_ne!(inode(), seen[3]);
}

/// orchd may end between the end of a run and the moment its result is stored: who tells it again says the same, though
/// the clone may have been made ready for the next run by then.
#[tokio::test]
async fn an_end_that_is_told_again_is_the_same() {
    let report = "---\nverdict: APPROVED\n---\nI read it.\n";
    for (role, script) in [
        (
            Role::Developer,
            "echo code > code; git add code; git commit -q -m own; echo late > late; say '{}'".to_owned(),
        ),
        (Role::Developer, "say '{}'".to_owned()),
        (Role::Reviewer, "say '{\"verdict\":\"APPROVED\"}'".to_owned()),
        (Role::Reviewer, format!("printf %b '{report}' > 12-review.md; echo x > stray")),
        (Role::Reviewer, format!("printf %b '{report}' > 12-review.md; git add .; git commit -q -m mine")),
    ] {
        let mut world = World::new().await;
        let task = world.task("DEMO-1");
        world.plays(role, &script);
        let (context, _) = world.context(Some(&task), world.agent(role, &world.base));
        let first = agent_run(world.work(context.clone()).await);
        assert!(matches!(first.outcome, AgentOutcome::Completed { .. }), "{script}: {:?}", first.outcome);
        let again = agent_run(world.work(context.clone()).await);
        let anew = agent_run(crate::world::work_in(&world.restarted(), context).await);
        assert_eq!((&first, &first), (&again, &anew), "{script}");
    }
}
