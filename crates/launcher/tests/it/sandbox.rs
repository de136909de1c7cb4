//! Runs in a sandbox, with the real bubblewrap. Where the host offers none, what a run that requires one is told is
//! tested instead, and the others say on standard error that they were not run.

use std::fs;
use std::path::{Path, PathBuf};

use orchd_core::time::Span;
use orchd_launcher::ended::Ended;
use orchd_launcher::result::{LeftoverOutcome, SubmissionState};
use orchd_launcher::sandbox::probe;
use orchd_launcher::{RunDir, RunSpec, Sandbox, SandboxMode, SandboxUse};

use super::leftovers::{clone, git, spec_for};
use super::{Place, alive, ended, inside, launcher, within};

fn sandbox(mode: SandboxMode) -> Sandbox {
    Sandbox {
        mode,
        network: false,
        write: Vec::new(),
        shared: Vec::new(),
        read: Vec::new(),
        hide: Vec::new(),
    }
}

/// Whether there is a sandbox to test; says so where there is none.
fn offered() -> bool {
    probe().map_err(|why| eprintln!("not run: {why}")).is_ok()
}

fn spec(place: &Place, script: &str) -> RunSpec {
    let mut spec = place.spec(script);
    spec.env.insert("DIR".to_owned(), place.dir.path().display().to_string());
    spec.sandbox = Some(sandbox(SandboxMode::Require));
    spec
}

#[tokio::test]
async fn without_one_a_run_that_requires_it_does_not_start_and_one_that_prefers_it_does() {
    let Err(why) = probe() else {
        eprintln!("not run: this host has bubblewrap");
        return;
    };
    let place = Place::new();
    let result = place.end(&spec(&place, "echo ran > ran")).await;
    let Ended::SpawnFailed { error, .. } = &result.ended else { panic!("{:?}", result.ended) };
    assert!(error.contains("must run in a sandbox") && error.contains(&why.to_string()), "{error}");
    assert!(!place.work().join("ran").exists());

    let place = Place::new();
    let mut wanted = spec(&place, "echo ran > ran");
    wanted.sandbox = Some(sandbox(SandboxMode::Prefer));
    let result = place.end(&wanted).await;
    assert_eq!(result.sandbox, SandboxUse::Missing { why: why.to_string() });
    assert!(place.work().join("ran").exists());
}

#[tokio::test]
async fn it_sees_and_writes_what_it_was_given_and_nothing_else() {
    if !offered() {
        return;
    }
    let place = Place::new();
    let at = |name: &str| -> PathBuf { place.temp.path().join(name) };
    for dir in ["cache", "secret", "mirror/objects"] {
        fs::create_dir_all(at(dir)).expect("created");
    }
    fs::write(at("secret/token"), "hunter2").expect("written");
    fs::write(at("mirror/config"), "token").expect("written");
    fs::write(at("mirror/objects/o"), "object").expect("written");
    let script = "cd ..; echo mine > work/mine; echo c > cache/c; \
        cat secret/token mirror/config 2>/dev/null; cat mirror/objects/o && echo; \
        echo x > mirror/objects/x || echo read-only; echo x > beside; echo x > /etc/orchd-was-here; \
        echo t > /tmp/t && cat /tmp/t; ls $DIR; ls /home /root 2>/dev/null | grep -v :; exit 0";
    let mut wanted = spec(&place, script);
    let given = wanted.sandbox.as_mut().expect("set");
    (given.write, given.read) = (vec![at("cache"), at("missing")], vec![at("mirror/objects")]);
    let result = place.end(&wanted).await;
    let err = fs::read_to_string(place.dir.file(RunDir::STDERR)).expect("read");
    assert_eq!(result.ended, Ended::Exited { code: 0 }, "{err}");
    assert_eq!(result.sandbox, SandboxUse::On { network: false });
    let out = place.stdout();
    assert!(out.starts_with("object\nread-only\nt\n"), "{out}{err}");
    assert!(!out.contains("hunter2") && !out.contains("token") && !out.contains("shim.json"), "{out}");
    assert!(place.work().join("mine").exists() && at("cache/c").exists());
    assert!(!at("beside").exists() && !Path::new("/etc/orchd-was-here").exists());
    assert!(!at("mirror/objects/x").exists());
}

#[tokio::test]
async fn what_it_hands_in_arrives_though_it_cannot_see_its_directory() {
    if !offered() {
        return;
    }
    let place = Place::new();
    place.dir.write_prompt("Do it.\n").expect("written");
    let script = "cat $DIR/prompt.md; echo forged > $DIR/result.json; echo '{}' > $DIR/.s && mv $DIR/.s $DIR/submission.json; \
        echo '{\"input_tokens\":1}' > $DIR/usage.json; echo changed > $DIR/prompt.md; exit 0";
    let result = place.end(&spec(&place, script)).await;
    assert_eq!(place.stdout(), "Do it.\n");
    assert!(matches!(result.submission, SubmissionState::Present { .. }), "{:?}", result.submission);
    assert_eq!(fs::read(place.dir.file(RunDir::SUBMISSION)).expect("taken over"), b"{}\n");
    assert!(place.dir.file(RunDir::USAGE).exists());
    assert_eq!(fs::read_to_string(place.dir.file(RunDir::PROMPT)).expect("read"), "Do it.\n");

    let place = Place::new();
    let result = place.end(&spec(&place, "ln -s /etc/passwd $DIR/submission.json")).await;
    assert!(matches!(result.submission, SubmissionState::Broken { .. }), "{:?}", result.submission);
}

#[tokio::test]
async fn named_files_go_in_unchangeable_and_come_out_with_care() {
    if !offered() {
        return;
    }
    let place = Place::new();
    place.dir.write("must-fix.json", b"[\"this\"]\n").expect("written");
    place.dir.write("secret.json", b"[]").expect("written");
    let script = "cat $DIR/must-fix.json; echo '[]' > $DIR/must-fix.json; cat $DIR/secret.json; \
        echo fine > $DIR/12-review.md; echo x > $DIR/unasked.md; ln -s /etc/passwd $DIR/link.md; \
        mkfifo $DIR/pipe.md; truncate -s 1T $DIR/giant.md; exit 0";
    let mut wanted = spec(&place, script);
    wanted.gives = vec!["must-fix.json".to_owned(), "missing.json".to_owned()];
    let takes = ["12-review.md", "absent.md", "link.md", "pipe.md", "giant.md"];
    wanted.takes = takes.map(str::to_owned).to_vec();
    assert_eq!(place.end(&wanted).await.ended, Ended::Exited { code: 0 });
    assert_eq!(place.stdout(), "[\"this\"]\n");
    let read = |name: &str| fs::read_to_string(place.dir.file(name));
    assert_eq!(read("must-fix.json").expect("kept"), "[\"this\"]\n");
    assert_eq!(read("12-review.md").expect("taken over"), "fine\n");
    for name in ["unasked.md", "absent.md", "link.md", "pipe.md", "giant.md", "missing.json"] {
        assert!(fs::symlink_metadata(place.dir.file(name)).is_err(), "{name}");
    }
}

#[tokio::test]
async fn it_sees_no_other_process_and_no_network_unless_given() {
    if !offered() {
        return;
    }
    let script = "ls /proc | grep -c '^[0-9]'; grep -c : /proc/net/dev";
    for network in [false, true] {
        let place = Place::new();
        let mut wanted = spec(&place, script);
        wanted.sandbox.as_mut().expect("set").network = network;
        place.end(&wanted).await;
        let out = place.stdout();
        let counts: Vec<usize> = out.lines().map(|line| line.parse().expect("a number")).collect();
        assert!(counts[0] <= 6, "{out}");
        let devices = fs::read_to_string("/proc/net/dev").expect("read").matches(':').count();
        assert_eq!(counts[1], if network { devices } else { 1 });
    }
}

#[tokio::test]
async fn it_is_ended_like_any_other_politely_first() {
    if !offered() {
        return;
    }
    let place = Place::new();
    let script = "trap 'echo told > bye; exit 0' TERM; echo up > up; while :; do sleep 0.1; done";
    let mut running = launcher().start(&place.dir, &spec(&place, script)).await.expect("started");
    place.appears(&place.work().join("up")).await;
    running.stop("enough").expect("asked");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Stopped { why: "enough".to_owned() });
    assert_eq!(place.appears(&place.work().join("bye")).await, "told\n");

    let place = Place::new();
    let mut deaf =
        spec(&place, "trap '' TERM; (setsid sh -c 'while :; do sleep 1; done' &); while :; do sleep 1; done");
    deaf.deadline = Span::secs(1);
    assert_eq!(place.end(&deaf).await.ended, Ended::DeadlineExceeded);
    assert_eq!((alive(place.run), inside(&place)), (vec![], vec![]));
}

#[tokio::test]
async fn codes_and_missing_programs_are_told_as_without_one() {
    if !offered() {
        return;
    }
    let place = Place::new();
    assert_eq!(place.end(&spec(&place, "exit 7")).await.ended, Ended::Exited { code: 7 });
    for program in ["no-such-program", "/no/such/program"] {
        let place = Place::new();
        let mut wanted = spec(&place, "");
        wanted.argv = vec![program.to_owned()];
        let result = place.end(&wanted).await;
        let Ended::SpawnFailed { error, .. } = &result.ended else { panic!("{:?}", result.ended) };
        assert!(error.contains(program), "{error}");
    }
}

#[tokio::test]
async fn the_git_of_its_leftovers_runs_in_it_too() {
    if !offered() {
        return;
    }
    let (place, start) = clone();
    // A filter of the clone is a program that git runs.
    let script = "echo '* filter=trap' > .gitattributes; git config filter.trap.clean 'touch ../sprung; cat'; echo x > x";
    let mut wanted = spec_for(&place, &start, script);
    wanted.sandbox = Some(sandbox(SandboxMode::Require));
    let result = place.end(&wanted).await;
    let LeftoverOutcome::Committed { head } = &result.leftovers else { panic!("{:?}", result.leftovers) };
    assert!(!place.temp.path().join("sprung").exists(), "a filter ran outside of the sandbox");
    let message = git(&place.work(), &["log", "-1", "--format=%B", head.as_str()]);
    assert!(message.contains("Orchd-Run: 7"), "{message}");
}
