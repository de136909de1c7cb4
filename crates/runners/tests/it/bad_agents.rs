//! Every agent of the table, run for real through the executor: the run counts as the table says, a person reads what
//! it says, the work is where it says; and whatever it did, nothing of it lives, main stands, other tasks' clones are as
//! they were, and the next honest run of the task does its work.

mod page;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orchd_core::event::Event;
use orchd_core::id::{Digest, RefName, RunId, Sha};
use orchd_core::job::{AgentOutcome, AgentRun, JobKind, JobResult};
use orchd_core::policy::{Agent, SandboxWish};
use orchd_core::render::line;
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::time::Span;
use orchd_launcher::{RunSpec, sandbox};

use crate::agents::agent_run;
use crate::world::{SUBMIT, World, run_git};
use table::{Counts, Row, SECTIONS, Work};

/// Where a row is played: a task with a commit of its own, and a neighbour that has done its work.
struct Stage {
    world: World,
    task: Task,
    start: Sha,
    neighbour: Task,
    neighbour_head: Sha,
    old_run: RunId,
}

impl Stage {
    async fn set() -> Self {
        let mut world = World::new().await;
        world.plays(Role::Developer, "echo theirs > theirs; say '{}'");
        let neighbour = world.task("DEMO-2");
        let (context, _) = world.context(Some(&neighbour), world.agent(Role::Developer, &world.base));
        let old_run = context.run();
        let run = agent_run(world.work(context).await);
        let neighbour_head = run.branch.unwrap().head;
        let start = world.commit_on(&world.base, &[("code", "1\n")]).await;
        let mut task = world.task("DEMO-1");
        world.developed(&mut task, &start).await;
        Self { world, task, start, neighbour, neighbour_head, old_run }
    }

    fn give(&mut self, row: &Row) {
        let quoted = |path: &Path| format!("'{}'", path.display());
        let vars = [
            ("START", self.start.to_string()),
            ("BASE", self.world.base.to_string()),
            ("NEIGHBOUR", quoted(&self.world.shop.clone_dir(self.neighbour.id))),
            ("MIRROR", quoted(&self.world.data.join("mirrors/demo.git"))),
            ("DATA", quoted(&self.world.data)),
            ("OLD", quoted(&self.world.shop.run_dir(self.old_run))),
        ];
        let vars: String = vars.iter().map(|(name, value)| format!("{name}={value}; ")).collect();
        // What git says of what it refuses is no part of the sentence.
        let script = format!("{SUBMIT}{vars}exec 2> /dev/null; {}", row.program);
        let command = ["/bin/sh", "-c", &script, "program"].map(str::to_owned).to_vec();
        self.world.policy.agents.insert(row.role, Agent::new(row.profile, command, Span::secs(60)));
        self.world.policy.confinement.sandbox =
            if row.walls { SandboxWish::Require } else { SandboxWish::Off };
    }

    /// A sentence with its identities taken out, and what git says in words of its own.
    fn plain(&self, text: &str, run: RunId) -> String {
        let text = match text.split_once("git add --all: ") {
            Some((ours, _)) => format!("{ours}git add --all: <the words of git>"),
            None => text.to_owned(),
        };
        let clone = self.world.shop.clone_dir(self.task.id).display().to_string();
        let text = text.replace(&clone, "<clone>").replace(&run.to_string(), "<run>");
        let text = text.replace(&self.world.data.display().to_string(), "<data>");
        let is_name = |word: &str| word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        let words = words.map(|word| {
            let core = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_name(core) { word.replace(core, "<commit>") } else { word.to_owned() }
        });
        words.collect()
    }
}

fn counts(result: &JobResult) -> Counts {
    match result {
        JobResult::Agent(run) => match &run.outcome {
            AgentOutcome::Completed { .. } => Counts::Completed,
            AgentOutcome::Failed { .. } => Counts::Failed,
            AgentOutcome::Transient { .. } => Counts::Transient,
            AgentOutcome::Infra { .. } => Counts::Infra,
            AgentOutcome::Quota { .. } => panic!("no row has one: {result:?}"),
        },
        JobResult::Infra { .. } => Counts::Infra,
        JobResult::Lost { .. } => Counts::Lost,
        other => panic!("no row has one: {other:?}"),
    }
}

/// What a person reads: the reason, whole, as a Hold and the next attempt have it; else the line of the event.
fn reads(result: &JobResult) -> String {
    match result {
        JobResult::Agent(run) => match &run.outcome {
            AgentOutcome::Failed { why }
            | AgentOutcome::Transient { why, .. }
            | AgentOutcome::Infra { why } => why.clone(),
            AgentOutcome::Completed { .. } | AgentOutcome::Quota { .. } => {
                line::of(&Event::RunEnded { run: run.clone() }).unwrap()
            }
        },
        JobResult::Infra { reason, account } | JobResult::Lost { reason, account } => {
            let event = Event::JobFailed {
                kind: JobKind::Agent,
                why: reason.clone(),
                told: false,
                account: account.clone(),
            };
            line::of(&event).unwrap()
        }
        other => panic!("no row has one: {other:?}"),
    }
}

/// What else the record has that a person should know of.
fn besides(run: &AgentRun) -> String {
    let mut said = Vec::new();
    if !run.dropped.is_empty() {
        said.push(format!("dropped: {}", run.dropped.join(", ")));
    }
    if !run.ignored_fields.is_empty() {
        said.push(format!("not its to say and ignored: {}", run.ignored_fields.join(", ")));
    }
    if run.role == Role::Analyst {
        said.push(match run.docs.brd {
            None => "no brief".to_owned(),
            Some(brief) if brief.missing().is_empty() => "a complete brief".to_owned(),
            Some(brief) => format!("the brief lacks {}", brief.missing().join(", ")),
        });
    }
    said.join("; ")
}

async fn work(stage: &Stage, result: &JobResult, run: RunId) -> Work {
    let mirror = stage.world.mirror().await;
    let has_work = async |name: &RefName| match mirror.resolve(name).await.unwrap() {
        Some(at) => mirror.read_file(&at, "work", 100).await.unwrap().is_some(),
        None => false,
    };
    let branch = RefName::new(format!("refs/heads/{}", stage.task.branch));
    let aside = RefName::salvage(run);
    if has_work(&branch).await {
        return Work::Branch;
    }
    assert_eq!(mirror.resolve(&branch).await.unwrap().as_ref(), Some(&stage.start), "the branch moved");
    if let JobResult::Agent(run) = result
        && run.role.is_judge()
    {
        return if run.dropped.is_empty() { Work::None } else { Work::Dropped };
    }
    if has_work(&aside).await {
        if let JobResult::Agent(run) = result {
            assert_eq!(run.salvage.as_deref(), Some(aside.as_str()));
        }
        return Work::Aside;
    }
    Work::Gone
}

/// Pids of living processes that were started by this run, or work somewhere in this world.
fn alive(stage: &Stage, run: RunId) -> Vec<String> {
    let mark = format!("{}={run}", RunSpec::MARK);
    let top = stage.world.data.canonicalize().unwrap();
    let is_of_it = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let dead = stat.rsplit(") ").next().is_none_or(|rest| rest.starts_with('Z'));
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let inside = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&top));
        !dead && (inside || environ.split(|b| *b == 0).any(|var| var == mark.as_bytes()))
    };
    let names = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|pid| is_of_it(pid)).collect()
}

/// Every file below a directory with a digest of what is in it.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Digest> {
    let mut files = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let (kind, path) = entry.map(|entry| (entry.file_type().unwrap(), entry.path())).unwrap();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.insert(path.clone(), Digest::of(&std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

/// A row that reaches beyond its clone and is not kept from it: the page says so.
fn reaches_out(row: &Row) -> bool {
    row.does.ends_with(", without a sandbox")
}

/// Whether another's place has something of the row's.
fn has_reached(stage: &Stage) -> bool {
    let mirror = stage.world.data.join("mirrors/demo.git");
    let theirs = run_git(&mirror, &["rev-parse", "refs/heads/orchd/DEMO-2"]);
    stage.world.data.join("planted").exists() || theirs != stage.neighbour_head.as_str()
}

async fn check(row: &Row) {
    if row.walls
        && let Err(why) = sandbox::probe()
    {
        eprintln!("not run: {why}");
        return;
    }
    let mut stage = Stage::set().await;
    stage.give(row);
    let clone_of_neighbour = stage.world.shop.clone_dir(stage.neighbour.id);
    let before = snapshot(&clone_of_neighbour);
    let (context, _) = stage.world.context(Some(&stage.task), stage.world.agent(row.role, &stage.start));
    let run = context.run();
    let result = stage.world.work(context).await;

    assert_eq!(alive(&stage, run), Vec::<String>::new(), "{}: it lives", row.does);
    let read = stage.plain(&reads(&result), run);
    assert_eq!(counts(&result), row.counts, "{}: {read}", row.does);
    assert_eq!(read, row.reads, "{}", row.does);
    assert_eq!(work(&stage, &result, run).await, row.work, "{}: {result:?}", row.does);
    if let JobResult::Agent(run) = &result {
        assert_eq!(besides(run), row.besides, "{}", row.does);
    }
    assert_main_stands(&stage, row);
    if reaches_out(row) {
        assert!(has_reached(&stage), "{}: it was kept from it, so the page is wrong", row.does);
    } else {
        assert!(!has_reached(&stage), "{}: it reached out", row.does);
        assert_eq!(snapshot(&clone_of_neighbour), before, "{}: another task's clone changed", row.does);
    }
    honest_runs_follow(&mut stage, row, &result).await;
}

fn assert_main_stands(stage: &Stage, row: &Row) {
    let (world, base) = (&stage.world, stage.world.base.as_str());
    for (at, name) in [
        (world.forge.dir(), "refs/heads/main"),
        (world.user.as_path(), "refs/heads/main"),
        (&world.data.join("mirrors/demo.git"), "refs/remotes/origin/main"),
    ] {
        assert_eq!(run_git(at, &["rev-parse", name]), base, "{}: main of {}", row.does, at.display());
    }
}

async fn honest_runs_follow(stage: &mut Stage, row: &Row, result: &JobResult) {
    let head = match result {
        JobResult::Agent(run) => run.branch.as_ref().unwrap().head.clone(),
        _ => stage.start.clone(),
    };
    let task = stage.task.clone();
    let world = &mut stage.world;
    world.policy.confinement.sandbox = SandboxWish::Off;
    world.plays(
        Role::Developer,
        "test -z \"$(git status --porcelain -- ':!docs')\" && test ! -e planted && echo honest > honest && say '{}'",
    );
    for (task, from) in [(&task, &head), (&stage.neighbour, &stage.neighbour_head)] {
        let next = agent_run(world.job(Some(task), world.agent(Role::Developer, from)).await);
        let completed = matches!(next.outcome, AgentOutcome::Completed { .. });
        assert!(completed, "{}: the next honest run of {}: {:?}", row.does, task.key, next.outcome);
        let mirror = world.mirror().await;
        let at = mirror.branch_head(&task.branch).await.unwrap().unwrap();
        let log = run_git(mirror.dir(), &["rev-list", at.as_str()]);
        assert!(log.lines().any(|commit| commit == from.as_str()), "{}: history was lost", row.does);
        assert!(mirror.read_file(&at, "honest", 100).await.unwrap().is_some());
    }
    assert_main_stands(stage, row);
}

fn rows() -> impl Iterator<Item = &'static Row> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

/// One test each, so that the runner may spread them.
macro_rules! agents {
    ($($name:ident = $does:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(rows().find(|row| row.does == $does).unwrap()).await;
        })*

        #[test]
        fn every_agent_of_the_table_is_run() {
            assert_eq!([$($does),*].to_vec(), rows().map(|row| row.does).collect::<Vec<_>>());
        }
    };
}

agents! {
    ends_without_a_submission = "ends without a submission";
    ends_without_a_verdict = "ends without a verdict";
    submits_a_sentence_instead_of_json = "submits a sentence instead of JSON";
    submits_5_mb = "submits 5 MB";
    submits_json_that_is_nested_100 = "submits JSON that is nested 100,000 deep";
    leaves_a_child_behind_that_submits = "leaves a child behind that submits when it is asked to end";
    leaves_a_child_behind_that_would = "leaves a child behind that would submit a minute later";
    names_the_task_the_branch_and = "names the task, the branch and the run in its submission";
    copies_the_result_of_an_older = "copies the result of an older run over its own";
    gives_a_verdict_that_does_not = "gives a verdict that does not exist";
    approves_in_front_matter_with_anchors = "approves in front matter with anchors and aliases (a YAML bomb)";
    approves_in_front_matter_that_is = "approves in front matter that is nested 16,000 deep";
    approves_in_200_kb_of_front = "approves in 200 KB of front matter";
    approves_in_a_report_of_1 = "approves in a report of 1 MB";
    mends_the_code_that_it_is = "mends the code that it is to judge, and approves";
    writes_a_brief_that_calls_itself = "writes a brief that calls itself approved";
    writes_a_brief_that_opens_with = "writes a brief that opens with a YAML bomb";
    writes_a_brief_of_2_mb = "writes a brief of 2 MB";
    makes_its_brief_a_link_to = "makes its brief a link to a file of the host";
    ends_with_exit_3 = "ends with exit 3";
    ends_with_exit_75 = "ends with exit 75";
    ends_with_exit_126 = "ends with exit 126";
    ends_with_exit_127 = "ends with exit 127";
    ends_with_exit_137 = "ends with exit 137";
    prints_an_error_of_a_provider_and = "prints an error of a provider, and ends in order (a script)";
    prints_an_error_of_a_provider_as = "prints an error of a provider as its program would, and ends in order (claude)";
    kills_its_supervisor = "kills its supervisor";
    commits_on_a_branch_main_of = "commits on a branch main of its own";
    moves_main_and_origin_main_in = "moves main and origin/main in its clone";
    pushes_to_its_origin = "pushes to its origin";
    throws_away_the_commits_it_was = "throws away the commits it was to build on";
    amends_a_commit_from_before_its = "amends a commit from before its start";
    puts_a_history_of_its_own = "puts a history of its own in place of its branch";
    grafts_its_commits_onto_nothing_git = "grafts its commits onto nothing (git replace)";
    removes_its_branch = "removes its branch";
    removes_the_file_of_its_branch = "removes the file of its branch";
    puts_1_mb_in_place_of = "puts 1 MB in place of its branch's name of a commit";
    commits_on_another_branch_and_stays = "commits on another branch and stays there";
    leaves_a_merge_with_conflicts_half = "leaves a merge with conflicts half done";
    leaves_a_rebase_with_conflicts_half = "leaves a rebase with conflicts half done";
    destroys_the_objects_of_its_commits = "destroys the objects of its commits";
    commits_a_folder_named_git = "commits a folder named .git";
    turns_its_clone_s_refs_into = "turns its clone's refs into another format";
    removes_its_clone = "removes its clone";
    leaves_2_000_new_files = "leaves 2,000 new files";
    leaves_a_repository_within_its_own = "leaves a repository within its own";
    leaves_a_repository_without_a_commit = "leaves a repository without a commit within its own";
    adds_a_submodule = "adds a submodule";
    names_a_file_with_a_newline = "names a file with a newline and bytes that are no text";
    puts_a_link_out_of_its = "puts a link out of its clone in place of the folder of documents";
    puts_a_file_in_place_of = "puts a file in place of the folder of documents";
    changes_the_request = "changes the request";
    writes_into_another_task_s_clone_and_into_orchd_s_data_without = "writes into another task's clone and into orchd's data, without a sandbox";
    writes_into_another_task_s_clone_and_into_orchd_s_data_in = "writes into another task's clone and into orchd's data, in a sandbox";
    moves_main_and_another_task_s_branch_in_the_mirror_without = "moves main and another task's branch in the mirror, without a sandbox";
    moves_main_and_another_task_s_branch_in_the_mirror_in = "moves main and another task's branch in the mirror, in a sandbox";
}

#[test]
fn the_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ref/bad-agents.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page::page(),
        "docs/ref/bad-agents.md is not what its tables say; write it with\n  \
         cargo run -p orchd-runners --example bad-agents > docs/ref/bad-agents.md"
    );
    let rows = committed.lines().filter(|line| line.starts_with("| ") && !line.contains("an agent that…"));
    assert!(rows.clone().all(|row| matches!(row.matches('|').count(), 4 | 6)), "a cell holds a bar");
}
