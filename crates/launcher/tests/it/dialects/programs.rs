//! Stand-ins under the real programs' names (`tests/data/programs`), found on `PATH`, started by the launcher with the
//! profile's own arguments and environment. Each fails as the real one does where an argument or a variable is
//! missing, and then prints a recording.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use orchd_core::id::Key;
use orchd_core::policy::Money;
use orchd_core::stage::Role;
use orchd_launcher::dialect::{AgentOutcome, Reading};
use orchd_launcher::env::{BASE_ALLOW, scrubbed_env};
use orchd_launcher::profile::preflight::Login;
use orchd_launcher::profile::{Profile, RoleRun, Setup, runs_as_root};

use super::recorded::folder;
use crate::Place;

/// The variables of orchd's own process, as far as they matter here.
fn parent(bin: &Path, home: &Path) -> BTreeMap<String, String> {
    let pairs = [
        ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display())),
        ("HOME", home.display().to_string()),
        ("ANTHROPIC_API_KEY", "sk-anthropic".to_owned()),
        ("ANTHROPIC_BASE_URL", String::new()),
        ("GEMINI_API_KEY", "sk-gemini".to_owned()),
        ("OPENAI_API_KEY", "sk-openai".to_owned()),
        ("GITEA_TOKEN", "of-the-forge".to_owned()),
        ("ORCHD_SECRET", "of-orchd".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One program with what it will print.
struct Stand {
    place: Place,
    profile: Profile,
    parent: BTreeMap<String, String>,
}

impl Stand {
    fn new(profile: Setup, recording: &str, code: i32) -> Self {
        let place = Place::new();
        let bin = place.temp.path().join("bin");
        fs::create_dir(&bin).expect("made");
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/programs");
        for name in ["claude", "codex", "gemini", "opencode"] {
            symlink(programs.join(name), bin.join(name)).expect("linked");
        }
        let stdout = |name: &str| folder().join(name).with_extension("stdout");
        fs::copy(stdout(recording), bin.join("replay.stdout")).expect("copied");
        fs::copy(stdout("codex/sandbox_default"), bin.join("sandboxed.stdout")).expect("copied");
        fs::write(bin.join("replay.exit"), code.to_string()).expect("written");
        place.dir.write_prompt("Create hello.txt.\nThen \"commit\" it; $(touch no-shell)").expect("written");
        let parent = parent(&bin, place.temp.path());
        Self { place, profile: Profile::new(profile).expect("a good setup"), parent }
    }

    async fn run(&self, resume: Option<&str>) -> Reading {
        let (key, work) = (Key::new("K-1"), self.place.work());
        let run = RoleRun {
            run: self.place.run,
            role: Role::Developer,
            key: &key,
            dir: &self.place.dir,
            worktree: &work,
            submit: Path::new("/bin/true"),
            resume,
            as_root: runs_as_root(),
        };
        let invocation = self.profile.invocation(&run).expect("an invocation");
        let mut spec = self.place.spec("");
        spec.argv = invocation.argv;
        let allow: Vec<&str> = BASE_ALLOW.iter().copied().chain(self.profile.allowed_env()).collect();
        spec.env = scrubbed_env(self.parent.clone().into_iter(), &allow, invocation.env);
        let result = self.place.end(&spec).await;
        self.profile.read(&self.place.dir, &result.ended).expect("read")
    }

    fn got(&self, name: &str) -> String {
        fs::read_to_string(self.place.work().join(name)).unwrap_or_default()
    }
}

fn setup(profile: &str) -> Setup {
    Setup { profile: profile.to_owned(), ..Setup::default() }
}

fn full(profile: &str) -> Setup {
    let claude = profile == "claude";
    Setup {
        model: Some("openai/some-model".to_owned()),
        effort: (profile != "gemini").then(|| "high".to_owned()),
        fallback_model: claude.then(|| "another".to_owned()),
        money_cap: Some(Money(1_500_000)),
        ..setup(profile)
    }
}

#[tokio::test]
async fn every_program_is_started_so_that_it_works() {
    for (name, recording) in [
        ("claude", "claude/edit_commit_user"),
        ("codex", "codex/edit_commit"),
        ("gemini", "gemini/edit_commit"),
        ("opencode", "opencode/edit_commit"),
    ] {
        for profile in [setup(name), full(name)] {
            let stand = Stand::new(profile, recording, 0);
            let reading = stand.run(None).await;
            assert_eq!(reading.outcome, AgentOutcome::Finished, "{name}: {}", reading.tail);
            assert_eq!(reading.last_words.as_deref(), Some("Done: hello.txt is committed."), "{name}");
            let prompt = fs::read_to_string(stand.place.dir.file("prompt.md")).expect("a prompt");
            assert_eq!(stand.got("prompt.got"), prompt, "{name}");
            assert!(!stand.place.work().join("no-shell").exists(), "no shell reads a prompt");
        }
    }
}

#[tokio::test]
async fn a_program_sees_its_own_credentials_and_nothing_of_orchds() {
    for (name, recording, sees, others) in [
        ("claude", "claude/say", "sk-anthropic", "sk-openai"),
        ("codex", "codex/edit_commit", "sk-openai", "sk-anthropic"),
        ("gemini", "gemini/say", "sk-gemini", "sk-openai"),
        ("opencode", "opencode/say", "sk-openai", "sk-anthropic"),
    ] {
        let stand = Stand::new(full(name), recording, 0);
        stand.run(None).await;
        let env = stand.got("env.got");
        assert!(env.contains(sees) && env.contains("ORCHD_SUBMIT=/bin/true"), "{name}: {env}");
        for hidden in [others, "of-the-forge", "of-orchd", "ANTHROPIC_BASE_URL"] {
            assert!(!env.contains(hidden), "{name} sees {hidden}");
        }
    }
}

#[tokio::test]
async fn failures_keep_their_class_through_a_real_process() {
    let failed =
        |name, recording, code| async move { Stand::new(setup(name), recording, code).run(None).await };
    let outcome = failed("claude", "claude/f529_forever", 1).await.outcome;
    assert!(matches!(outcome, AgentOutcome::Transient { .. }), "{outcome:?}");
    let outcome = failed("codex", "codex/f401", 1).await.outcome;
    assert!(matches!(outcome, AgentOutcome::Permanent { .. }), "{outcome:?}");
    let outcome = failed("gemini", "gemini/f400", 144).await.outcome;
    assert!(matches!(outcome, AgentOutcome::Permanent { .. }), "{outcome:?}");
    let outcome = failed("claude", "claude/say", 3).await.outcome;
    assert!(matches!(outcome, AgentOutcome::Permanent { .. }), "success with exit 3: {outcome:?}");
    let outcome = failed("opencode", "claude/stream_json_input", 0).await.outcome;
    assert!(matches!(outcome, AgentOutcome::Permanent { .. }), "silence: {outcome:?}");
}

#[tokio::test]
async fn what_a_program_says_only_on_standard_error_is_read_too() {
    let mut stand = Stand::new(setup("claude"), "claude/say", 0);
    stand.parent.remove("ANTHROPIC_API_KEY");
    let AgentOutcome::Permanent { why } = stand.run(None).await.outcome else { panic!("not logged in") };
    assert!(why.contains("Not logged in") && why.contains("set ANTHROPIC_API_KEY"), "{why}");

    let mut stand = Stand::new(setup("gemini"), "gemini/say", 0);
    stand.parent.remove("GEMINI_API_KEY");
    let AgentOutcome::Permanent { why } = stand.run(None).await.outcome else { panic!("exit 41") };
    assert!(why.contains("settings.json"), "{why}");

    let stand = Stand::new(setup("claude"), "claude/say", 0);
    let AgentOutcome::Permanent { why } = stand.run(Some("gone")).await.outcome else { panic!("no session") };
    assert!(why.contains("No conversation found with session ID: gone"), "{why}");
}

#[tokio::test]
async fn a_session_is_gone_on_with() {
    let stand = Stand::new(full("codex"), "codex/edit_commit", 0);
    let reading = stand.run(Some("01a1f8a6-ff68-7683-a8ac-b34a2115fcec")).await;
    assert_eq!(reading.outcome, AgentOutcome::Finished, "{}", reading.tail);
    assert_eq!(Some(stand.got("session.got")), reading.session);

    let stand = Stand::new(setup("claude"), "claude/killed_then_resume", 0);
    fs::write(stand.place.temp.path().join("bin/session-abc"), "").expect("written");
    assert_eq!(stand.run(Some("abc")).await.outcome, AgentOutcome::Finished);
}

#[tokio::test]
async fn the_longest_prompt_reaches_the_program_and_a_longer_one_its_file() {
    for (len, whole) in [(128 * 1024 - 1, true), (128 * 1024, false)] {
        let stand = Stand::new(setup("opencode"), "opencode/say", 0);
        let prompt = "x".repeat(len);
        stand.place.dir.write_prompt(&prompt).expect("written");
        let reading = stand.run(None).await;
        assert_eq!(reading.outcome, AgentOutcome::Finished, "{len}: {}", reading.tail);
        let got = stand.got("prompt.got");
        assert_eq!(got == prompt, whole, "{len}");
        assert!(whole || got.contains("prompt.md"), "{got}");
    }
}

#[tokio::test]
async fn a_missing_program_is_infrastructure() {
    let mut stand = Stand::new(setup("claude"), "claude/say", 0);
    stand.parent.insert("PATH".to_owned(), "/nonexistent".to_owned());
    let AgentOutcome::Infra { why } = stand.run(None).await.outcome else { panic!("nothing ran") };
    assert!(why.contains("claude"), "{why}");
    let found = stand.profile.preflight(&stand.parent).await;
    assert!(!found.starts && found.sentence.contains("\"claude\" is not on PATH"), "{}", found.sentence);
}

#[tokio::test]
async fn a_look_beforehand_tells_version_and_login() {
    for (name, version) in
        [("claude", "2.1.197"), ("codex", "0.169.0"), ("gemini", "0.61.0"), ("opencode", "1.18.33")]
    {
        let stand = Stand::new(full(name), "claude/say", 0);
        let found = stand.profile.preflight(&stand.parent).await;
        assert!(found.starts && found.sentence.contains(version), "{}", found.sentence);
        assert!(matches!(found.login, Login::Shown { .. }), "{}", found.sentence);
    }
}

#[tokio::test]
async fn a_login_shows_in_a_file_or_its_lack_is_told() {
    let mut stand = Stand::new(setup("codex"), "codex/edit_commit", 0);
    stand.parent.remove("OPENAI_API_KEY");
    let found = stand.profile.preflight(&stand.parent).await;
    assert!(matches!(found.login, Login::NotShown { .. }), "{}", found.sentence);
    assert!(found.sentence.contains("codex login"), "{}", found.sentence);

    let home = stand.place.temp.path().join(".codex");
    fs::create_dir(&home).expect("made");
    fs::write(home.join("auth.json"), "{}").expect("written");
    let found = stand.profile.preflight(&stand.parent).await;
    assert!(found.sentence.ends_with(".codex/auth.json"), "{}", found.sentence);
}

/// A program that hangs, with a child that holds its output, is given up in bounded time and leaves nothing.
#[tokio::test]
async fn a_program_that_does_not_tell_its_version_is_given_up() {
    let place = Place::new();
    let command = ["/bin/sh", "-c", "echo $$ > pid; sleep 600 & sleep 600"].map(str::to_owned).to_vec();
    let mark = place.temp.path().join("pid");
    let command = [&command[..2], &[command[2].replace("pid", &mark.display().to_string())]].concat();
    let profile = Profile::new(Setup { command, ..setup("gemini") }).expect("good");
    let env = parent(Path::new("/nonexistent"), place.temp.path());
    let found = profile.preflight_within(&env, Duration::from_secs(4)).await;
    assert!(!found.starts && found.sentence.contains("no answer to --version"), "{}", found.sentence);
    let group = fs::read_to_string(mark).expect("it ran").trim().to_owned();
    crate::until(|| group_is_gone(&group).then_some(())).await;
}

fn group_is_gone(group: &str) -> bool {
    let of_group = |stat: &str| {
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        let fields: Vec<&str> = rest.split(' ').collect();
        fields.get(2) == Some(&group) && fields.first() != Some(&"Z")
    };
    let names = fs::read_dir("/proc").expect("/proc").flatten();
    !names
        .into_iter()
        .any(|entry| fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| of_group(&stat)))
}
