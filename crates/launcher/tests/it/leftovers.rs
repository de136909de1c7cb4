//! What a run leaves uncommitted in a real clone: where it goes, under whose name, and what stays untouched.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use orchd_core::id::{Branch, Sha};
use orchd_launcher::result::LeftoverOutcome;
use orchd_launcher::spec::Ident;
use orchd_launcher::{CommitOn, Leftovers, RunDir, RunSpec, Untouched};

use super::{Place, env, launcher, within};

pub(super) fn git(at: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.invalid"])
        .args(args)
        .current_dir(at);
    let done = command.env_clear().envs(env()).output().expect("git runs");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").trim_end().to_owned()
}

/// A clone on the task branch with one commit.
pub(super) fn clone() -> (Place, Sha) {
    let place = Place::new();
    let at = place.work();
    git(&at, &["init", "-q", "-b", "main"]);
    fs::write(at.join("kept.txt"), "one\n").expect("written");
    fs::write(at.join(".gitignore"), "ignored\n").expect("written");
    git(&at, &["add", "-A"]);
    git(&at, &["commit", "-q", "-m", "base"]);
    git(&at, &["switch", "-q", "-c", "orchd/K-1"]);
    let head = Sha::parse(&git(&at, &["rev-parse", "HEAD"])).expect("a full name");
    (place, head)
}

pub(super) fn spec_for(place: &Place, start: &Sha, script: &str) -> RunSpec {
    let mut spec = place.spec(script);
    let ident = |name: &str| Ident { name: name.to_owned(), email: format!("{name}@example.invalid") };
    spec.leftovers = Some(Leftovers {
        clone: place.work(),
        branch: Branch::new("orchd/K-1"),
        salvage: Branch::new("orchd-salvage/x"),
        start: Some(start.clone()),
        author: ident("developer"),
        committer: ident("orchd"),
        message: "K-1: leftovers\n\nOrchd-Run: 7\nOrchd-Role: developer\n".to_owned(),
        when: CommitOn::Success,
    });
    spec
}

/// A change, an addition, a deletion's counterpart, and something ignored.
const WORK: &str = "echo two >> kept.txt; mkdir -p new; echo x > new/file; echo y > ignored";

#[tokio::test]
async fn success_is_committed_on_the_branch_under_the_given_names() {
    let (place, start) = clone();
    let result = place.end(&spec_for(&place, &start, WORK)).await;
    let LeftoverOutcome::Committed { head } = &result.leftovers else { panic!("{:?}", result.leftovers) };
    let at = place.work();
    assert_eq!(result.head(), Some(head));
    assert_eq!(git(&at, &["rev-parse", "orchd/K-1"]), head.as_str());
    assert_eq!(git(&at, &["rev-parse", "HEAD^"]), start.as_str());
    assert_eq!(git(&at, &["log", "-1", "--format=%an/%cn"]), "developer/orchd");
    assert_eq!(git(&at, &["log", "-1", "--format=%(trailers:key=Orchd-Role,valueonly)"]).trim(), "developer");
    assert_eq!(git(&at, &["diff", "--name-only", "HEAD^", "HEAD"]), "kept.txt\nnew/file");
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
    assert!(at.join("ignored").exists());
}

#[tokio::test]
async fn the_runs_own_commits_and_its_leftovers_stand_on_each_other() {
    let (place, start) = clone();
    let script = "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m own; echo more > more";
    let result = place.end(&spec_for(&place, &start, script)).await;
    let LeftoverOutcome::Committed { head } = &result.leftovers else { panic!("{:?}", result.leftovers) };
    assert_eq!(git(&place.work(), &["log", "--format=%s", head.as_str()]), "K-1: leftovers\nown\nbase");
}

#[tokio::test]
async fn nothing_left_is_clean_and_tells_the_head() {
    let (place, start) = clone();
    let result = place.end(&spec_for(&place, &start, "exit 0")).await;
    assert_eq!(result.leftovers, LeftoverOutcome::Clean { head: Some(start.clone()), untouched: false });
    // Nor is there anything to salvage after a failure that changed nothing.
    let (place, start) = clone();
    let result = place.end(&spec_for(&place, &start, "exit 1")).await;
    assert_eq!(result.leftovers, LeftoverOutcome::Clean { head: Some(start), untouched: false });
    assert_eq!(git(&place.work(), &["branch", "--list", "orchd-salvage/*"]), "");
}

#[tokio::test]
async fn failure_is_kept_aside_and_the_branch_does_not_move() {
    for (script, required) in [(format!("{WORK}; exit 1"), false), (WORK.to_owned(), true)] {
        let (place, start) = clone();
        let mut spec = spec_for(&place, &start, &script);
        spec.submission_required = required;
        let result = place.end(&spec).await;
        let LeftoverOutcome::Salvaged { head, salvage, .. } = &result.leftovers else {
            panic!("{:?}", result.leftovers)
        };
        assert_eq!(head.as_ref(), Some(&start));
        assert_eq!(result.salvage(), Some(salvage));
        let at = place.work();
        assert_eq!(git(&at, &["rev-parse", "orchd/K-1"]), start.as_str());
        assert_eq!(git(&at, &["rev-parse", "orchd-salvage/x"]), salvage.as_str());
        assert_eq!(
            git(&at, &["diff", "--name-only", start.as_str(), salvage.as_str()]),
            "kept.txt\nnew/file"
        );
        // The clone itself is as the run left it.
        assert_eq!(git(&at, &["status", "--porcelain"]), " M kept.txt\n?? new/");
    }
}

#[tokio::test]
async fn commits_of_a_failed_run_are_salvaged_too() {
    let (place, start) = clone();
    let script = "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m own; exit 1";
    let result = place.end(&spec_for(&place, &start, script)).await;
    let own = git(&place.work(), &["rev-parse", "HEAD"]);
    assert_eq!(result.salvage().map(Sha::as_str), Some(own.as_str()));
}

#[tokio::test]
async fn a_submission_earns_the_branch_and_a_judges_change_never_does() {
    let (place, start) = clone();
    let target = place.dir.file(RunDir::SUBMISSION);
    let script = format!("{WORK}; echo '{{}}' > {}", target.display());
    let mut wanted = spec_for(&place, &start, &script);
    wanted.submission_required = true;
    assert!(matches!(place.end(&wanted).await.leftovers, LeftoverOutcome::Committed { .. }));

    let (place, start) = clone();
    let mut wanted = spec_for(&place, &start, WORK);
    wanted.leftovers.as_mut().expect("set above").when = CommitOn::Never;
    assert!(matches!(place.end(&wanted).await.leftovers, LeftoverOutcome::Salvaged { .. }));
}

#[tokio::test]
async fn another_branch_and_a_half_done_merge_are_not_the_tasks_work() {
    let merge = "id='-c user.name=a -c user.email=a@b'; echo ours > kept.txt; git $id commit -qam ours; \
        git switch -q -c other main; echo theirs > kept.txt; git $id commit -qam theirs; \
        git switch -q orchd/K-1; git $id merge -q other; exit 0";
    for script in
        [&format!("git switch -q -c elsewhere; {WORK}"), &format!("git switch -q --detach; {WORK}"), merge]
    {
        let (place, start) = clone();
        let result = place.end(&spec_for(&place, &start, script)).await;
        let LeftoverOutcome::Salvaged { why, head, .. } = &result.leftovers else {
            panic!("{script}: {:?}", result.leftovers)
        };
        assert!(why.starts_with("the run left"), "{why}");
        assert_eq!(
            head.as_ref().map(Sha::as_str),
            Some(git(&place.work(), &["rev-parse", "orchd/K-1"]).as_str())
        );
    }
}

#[tokio::test]
async fn traps_in_the_clone_do_not_spring() {
    let (place, start) = clone();
    // Hooks, signing, an external monitor, a stale lock, a torn index, an editor.
    let script = "for h in pre-commit commit-msg post-commit reference-transaction post-index-change; do \
          printf '#!/bin/sh\\ntouch ../sprung\\nexit 1\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; \
        git config commit.gpgSign true; git config gpg.program /no/such; git config core.fsmonitor 'touch ../sprung'; \
        git config core.editor 'touch ../sprung'; touch .git/index.lock; printf torn > .git/index; echo z > z";
    let result = place.end(&spec_for(&place, &start, script)).await;
    assert!(matches!(result.leftovers, LeftoverOutcome::Committed { .. }), "{:?}", result.leftovers);
    assert!(!place.temp.path().join("sprung").exists());
    assert!(!place.work().join(".git/index.lock").exists());
    assert_eq!(
        git(&place.work(), &["-c", "core.fsmonitor=false", "diff", "--name-only", "HEAD^", "HEAD"]),
        "z"
    );
}

#[tokio::test]
async fn a_clone_without_its_repository_is_not_taken_for_one_around_it() {
    let (place, start) = clone();
    git(place.temp.path(), &["init", "-q"]);
    let result = place.end(&spec_for(&place, &start, "rm -rf .git; echo x > x")).await;
    assert!(matches!(result.leftovers, LeftoverOutcome::Failed { .. }), "{:?}", result.leftovers);
    assert_eq!(super::alive(place.run), Vec::<String>::new());
}

/// Whatever a run puts in place of its clone's index, its shim comes to an end.
#[tokio::test]
async fn a_pipe_in_place_of_the_index_does_not_hold_the_shim() {
    let (place, start) = clone();
    let spec = spec_for(&place, &start, "echo x > x; rm .git/index; mkfifo .git/index");
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    let in_time = tokio::time::timeout(Duration::from_secs(15), running.wait()).await.is_ok();
    if !in_time {
        // Somebody at the other end of the pipe lets the shim go on.
        let pipe = place.work().join(".git/index");
        drop(fs::OpenOptions::new().write(true).open(pipe).expect("opened"));
        within(running.wait()).await.expect("waited");
    }
    assert!(in_time, "the shim read a pipe that nobody writes to");
}

/// The shim works outside of the run's sandbox: a link in the clone must not lead its hand.
#[tokio::test]
async fn the_shims_own_index_is_not_written_through_a_link() {
    let (place, start) = clone();
    let victim = place.temp.path().join("victim");
    fs::write(&victim, "precious").expect("written");
    let script = format!("echo x > x; ln -s '{}' .git/orchd-$PPID.index", victim.display());
    place.end(&spec_for(&place, &start, &script)).await;
    assert_eq!(fs::read(&victim).expect("read"), b"precious");
}

/// What a run put in place of its repository's files is neither followed nor copied, and costs no more than a rebuilt
/// index.
#[tokio::test]
async fn an_index_that_is_no_file_of_its_own_is_rebuilt() {
    let tricks = ["ln -s ../../secret .git/index", "ln -s /dev/zero .git/index", "truncate -s 1T .git/index"];
    for trick in tricks {
        let (place, start) = clone();
        fs::write(place.temp.path().join("secret"), "hunter2").expect("written");
        let result =
            place.end(&spec_for(&place, &start, &format!("echo x > x; rm .git/index; {trick}"))).await;
        assert!(
            matches!(result.leftovers, LeftoverOutcome::Committed { .. }),
            "{trick}: {:?}",
            result.leftovers
        );
        assert_eq!(git(&place.work(), &["diff", "--name-only", "HEAD^", "HEAD"]), "x", "{trick}");
        assert_eq!(git(&place.work(), &["status", "--porcelain"]), "", "{trick}");
        assert_eq!(fs::read(place.temp.path().join("secret")).expect("read"), b"hunter2");
    }
}

#[tokio::test]
async fn a_repository_elsewhere_is_not_the_clones_own() {
    for trick in ["mv .git ../g; ln -s ../g .git", "mv .git ../g; echo 'gitdir: ../g' > .git"] {
        let (place, start) = clone();
        let result = place.end(&spec_for(&place, &start, &format!("echo x > x; {trick}"))).await;
        let LeftoverOutcome::Failed { error } = &result.leftovers else { panic!("{:?}", result.leftovers) };
        assert!(error.contains(".git is no longer"), "{error}");
        assert_eq!(git(&place.work(), &["rev-parse", "orchd/K-1"]), start.as_str());
    }
}

/// Whether something of the clone ran that should not have.
pub(super) fn traps_sprung(place: &Place) -> bool {
    place.temp.path().join("sprung").exists()
}

/// Where nobody touched the clone, no git is asked; there is none to be found here.
#[tokio::test]
async fn an_untouched_clone_has_no_leftovers_without_asking_git() {
    let script = |work: &str| format!("PATH=/usr/bin:/bin; {work}");
    for (work, is_clean) in [("cat kept.txt", true), ("touch kept.txt", false), ("mkdir -p empty", false)] {
        let (place, start) = clone();
        let mut spec = spec_for(&place, &start, &script(work));
        spec.env.insert("PATH".to_owned(), "/nowhere".to_owned());
        spec.untouched = Untouched::of(&place.work(), &[]).expect("walked");
        let result = place.end(&spec).await;
        let clean = LeftoverOutcome::Clean { head: Some(start.clone()), untouched: true };
        assert_eq!(result.leftovers == clean, is_clean, "{work}: {:?}", result.leftovers);
    }
}
