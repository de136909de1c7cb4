//! Setups are checked, arguments are what the programs were seen to understand, and variables and places are named.

use std::collections::BTreeMap;

use orchd_core::policy::Money;

use super::*;

fn setup(profile: &str) -> Setup {
    Setup { profile: profile.to_owned(), ..Setup::default() }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

struct Place {
    _temp: tempfile::TempDir,
    dir: RunDir,
    key: Key,
    run: RunId,
}

impl Place {
    fn new(prompt: &str) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = RunDir::create(temp.path().join("run")).expect("created");
        dir.write_prompt(prompt).expect("written");
        let run = "11111111-2222-4333-8444-555555555555".parse().expect("an identity");
        Self { _temp: temp, dir, key: Key::new("K-1"), run }
    }

    fn run<'a>(&'a self, resume: Option<&'a str>) -> RoleRun<'a> {
        RoleRun {
            run: self.run,
            role: Role::Developer,
            key: &self.key,
            dir: &self.dir,
            worktree: Path::new("/clone"),
            submit: Path::new("/bin/orchctl"),
            resume,
            as_root: false,
        }
    }

    fn argv(&self, setup: Setup, resume: Option<&str>) -> String {
        let profile = Profile::new(setup).expect("a good setup");
        profile.invocation(&self.run(resume)).expect("an invocation").argv.join(" ")
    }
}

#[test]
fn an_unknown_profile_is_told_which_are_known() {
    let error = Profile::new(setup("cloude")).expect_err("unknown").to_string();
    assert_eq!(error, "profile \"cloude\" is not known; known are claude, codex, gemini, opencode, script");
    for name in Profile::NAMES {
        let setup = Setup { command: vec!["x".to_owned()], ..setup(name) };
        assert_eq!(Profile::new(setup).expect("known").name(), name);
    }
}

#[test]
fn what_a_program_would_not_understand_is_refused() {
    let refused = |setup: Setup| Profile::new(setup).expect_err("refused").to_string();
    assert!(refused(setup("script")).contains("needs a command"));
    for model in ["", "--dangerous", "two words", "a\nb"] {
        assert!(refused(Setup { model: some(model), ..setup("claude") }).contains("not the name of a model"));
    }
    let effort = refused(Setup { effort: some("hihg"), ..setup("claude") });
    assert!(effort.contains("known are low, medium, high, xhigh, max"), "{effort}");
    assert!(refused(Setup { effort: some("max"), ..setup("codex") }).contains("minimal, low"));
    assert!(refused(Setup { effort: some("high"), ..setup("gemini") }).contains("no such setting"));
    assert!(refused(Setup { fallback_model: some("x"), ..setup("codex") }).contains("no fallback"));
}

#[test]
fn a_setting_that_does_not_fit_can_be_left_out_and_is_told() {
    let wrong = Setup {
        model: some("--x"),
        effort: some("hihg"),
        fallback_model: some("a b"),
        money_cap: Some(Money(1)),
        ..setup("codex")
    };
    let (profile, left_out) = Profile::lenient(wrong).expect("usable");
    assert_eq!(profile, Profile::new(Setup { money_cap: Some(Money(1)), ..setup("codex") }).expect("good"));
    assert_eq!(left_out.len(), 3, "{left_out:?}");
    assert!(Profile::lenient(setup("cloude")).is_err() && Profile::lenient(setup("script")).is_err());
}

#[test]
fn arguments_are_those_that_were_measured() {
    let place = Place::new("Do it.");
    let full = Setup {
        model: some("sonnet"),
        effort: some("high"),
        fallback_model: some("haiku"),
        money_cap: Some(Money(50_000)),
        ..setup("claude")
    };
    assert_eq!(
        place.argv(full.clone(), None),
        "claude -p Do it. --output-format stream-json --verbose --permission-mode bypassPermissions --model sonnet \
         --effort high --fallback-model haiku --session-id 11111111-2222-4333-8444-555555555555 --max-budget-usd 0.050000"
    );
    let resumed = place.argv(full, Some("abc"));
    assert!(resumed.contains("--resume abc") && !resumed.contains("--session-id"), "{resumed}");

    let codex = Setup { model: some("m"), effort: some("low"), ..setup("codex") };
    assert_eq!(
        place.argv(codex, Some("abc")),
        "codex exec --json --dangerously-bypass-approvals-and-sandbox --model m \
         --config model_reasoning_effort=\"low\" resume abc Do it."
    );
    let gemini = Setup { model: some("m"), ..setup("gemini") };
    assert_eq!(place.argv(gemini, None), "gemini -p Do it. -o stream-json -y --skip-trust -m m");
    let opencode = Setup { model: some("p/m"), effort: some("max"), ..setup("opencode") };
    assert_eq!(
        place.argv(opencode, Some("ses_1")),
        "opencode run --format json --model p/m --variant max --session ses_1 Do it."
    );
    let command = vec!["/opt/node".to_owned(), "cli.js".to_owned()];
    assert!(place.argv(Setup { command, ..setup("gemini") }, None).starts_with("/opt/node cli.js -p"));
}

#[test]
fn a_prompt_no_argument_can_hold_or_that_looks_like_an_option_stays_in_its_file() {
    let longest = "x".repeat(prompt::ARGUMENT_CAP);
    assert!(Place::new(&longest).argv(setup("claude"), None).contains(&longest));
    for prompt in [format!("{longest}x"), "--help".to_owned(), " \n".to_owned(), "a\0b".to_owned()] {
        let place = Place::new(&prompt);
        let file = place.dir.file(RunDir::PROMPT);
        let argv = place.argv(setup("opencode"), None);
        assert!(
            argv.ends_with(&format!("Read the whole file {} and do what it says.", file.display())),
            "{argv}"
        );
        let argv = place.argv(setup("gemini"), None);
        assert!(argv.ends_with(&format!("--include-directories {}", place.dir.path().display())), "{argv}");
    }
    let place = Place::new("x");
    std::fs::remove_file(place.dir.file(RunDir::PROMPT)).expect("removed");
    let profile = Profile::new(setup("codex")).expect("good");
    assert!(matches!(profile.invocation(&place.run(None)), Err(InvocationError::Prompt { .. })));
}

#[test]
fn a_session_is_gone_on_with_only_where_that_is_possible_and_its_name_is_one() {
    let place = Place::new("Do it.");
    let claude = Profile::new(setup("claude")).expect("good");
    let session = |run| claude.invocation(&run).expect("good").session;
    assert_eq!(session(place.run(None)).as_deref(), Some("11111111-2222-4333-8444-555555555555"));
    assert_eq!(session(place.run(Some("abc"))).as_deref(), Some("abc"));
    let script = Profile::script(vec!["x".to_owned()]).expect("good");
    for (profile, name) in [(&claude, "--continue"), (&script, "abc")] {
        let refused = profile.invocation(&place.run(Some(name)));
        assert!(matches!(refused, Err(InvocationError::Session { .. })), "{name}");
    }
    assert!(claude.can_resume() && !script.can_resume());
}

#[test]
fn every_program_gets_the_contract_and_only_root_is_told_to_be_in_a_sandbox() {
    let place = Place::new("Do it.");
    for name in Profile::NAMES {
        let profile =
            Profile::new(Setup { command: vec!["x".to_owned()], ..setup(name) }).expect("a good setup");
        let mut run = place.run(None);
        let env = profile.invocation(&run).expect("good").env;
        for (variable, value) in
            [("ORCHD_ROLE", "developer"), ("ORCHD_TASK_KEY", "K-1"), ("ORCHD_SUBMIT", "/bin/orchctl")]
        {
            assert_eq!(env.get(variable).map(String::as_str), Some(value), "{variable} of {name}");
        }
        assert!(!env.contains_key("IS_SANDBOX"));
        run.as_root = true;
        let env = profile.invocation(&run).expect("good").env;
        assert_eq!(env.contains_key("IS_SANDBOX"), name == "claude", "{name}");
    }
}

/// What the author of the work under judgement wrote into the repository for the program is not for who judges it.
#[test]
fn a_judge_does_not_work_by_the_repositorys_settings() {
    let place = Place::new("Do it.");
    for (role, judges) in [(Role::Developer, false), (Role::Reviewer, true), (Role::Tester, true)] {
        let of = |name| {
            let profile = Profile::new(setup(name)).expect("a good setup");
            profile.invocation(&RoleRun { role, ..place.run(None) }).expect("good")
        };
        assert_eq!(of("claude").argv.join(" ").contains("--setting-sources user"), judges, "{role}");
        assert_eq!(of("opencode").env.contains_key("OPENCODE_DISABLE_PROJECT_CONFIG"), judges, "{role}");
    }
}

#[test]
fn a_program_sees_its_own_providers_credentials_and_no_others() {
    let names = |setup: Setup| -> Vec<String> {
        let profile = Profile::new(setup).expect("good");
        profile.allowed_env().into_iter().map(str::to_owned).collect()
    };
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
    let claude = names(setup("claude"));
    assert!(has(&claude, "ANTHROPIC_API_KEY") && !has(&claude, "OPENAI_API_KEY"));
    let opencode = names(Setup { model: some("openai/gpt"), ..setup("opencode") });
    assert!(has(&opencode, "OPENAI_API_KEY") && !has(&opencode, "ANTHROPIC_API_KEY"));
    let own = Setup { pass: vec!["MY_KEY".to_owned()], ..setup("codex") };
    assert!(has(&names(own), "MY_KEY") && has(&names(setup("codex")), "HTTPS_PROXY"));
    let script = Profile::script(vec!["x".to_owned()]).expect("good");
    assert!(script.allowed_env().is_empty());
}

#[test]
fn providers_are_named_for_the_breaker() {
    let provider = |setup: Setup| Profile::new(setup).expect("good").provider().to_owned();
    assert_eq!(provider(setup("claude")), "anthropic");
    assert_eq!(provider(setup("codex")), "openai");
    assert_eq!(provider(setup("gemini")), "google");
    assert_eq!(provider(Setup { model: some("xai/grok"), ..setup("opencode") }), "xai");
    assert_eq!(provider(Setup { provider: some("azure"), ..setup("codex") }), "azure");
    assert_eq!(provider(Setup { model: some("a/b"), ..setup("codex") }), "openai");
}

#[test]
fn credentials_are_known_for_masking() {
    let env = BTreeMap::from([
        ("ANTHROPIC_API_KEY".to_owned(), "sk-1".to_owned()),
        ("HOME".to_owned(), "/h".to_owned()),
        ("MY_KEY".to_owned(), "sk-2".to_owned()),
    ]);
    let profile = Profile::new(Setup { pass: vec!["MY_KEY".to_owned()], ..setup("claude") }).expect("good");
    assert_eq!(profile.secrets(&env), ["sk-1", "sk-2"]);
}
