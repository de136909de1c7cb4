//! Where each program is told its own state is, what of the user's is brought there, and what of it outlives a run.

use super::super::Setup;
use super::*;

fn profile(name: &str, model: Option<&str>) -> Profile {
    let setup = Setup { profile: name.to_owned(), model: model.map(str::to_owned), ..Setup::default() };
    Profile::new(setup).expect("a good setup")
}

fn state(name: &str, env: &[(&str, &str)]) -> OwnState {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    profile(name, None).own_state(Path::new("/s"), &env).expect("UTF-8").expect("it has some")
}

fn brought(state: &OwnState) -> Vec<String> {
    let one = |b: &Brought| format!("{} -> {} {:?}", b.from.display(), b.to.display(), b.how);
    state.brought.iter().map(one).collect()
}

#[test]
fn the_users_files_are_found_where_variables_say_or_below_the_home() {
    let claude = state("claude", &[("HOME", "/h")]);
    assert_eq!(
        brought(&claude),
        [
            "/h/.claude/.credentials.json -> /s/.credentials.json Shared",
            "/h/.claude/settings.json -> /s/settings.json Copied"
        ]
    );
    assert_eq!(claude.env["CLAUDE_CONFIG_DIR"], "/s");
    let moved = state("claude", &[("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "/c")]);
    assert_eq!(brought(&moved)[0], "/c/.credentials.json -> /s/.credentials.json Shared");
    let codex = state("codex", &[("HOME", "/h"), ("CODEX_HOME", "")]);
    assert_eq!(brought(&codex)[0], "/h/.codex/auth.json -> /s/auth.json Shared");
    let opencode =
        state("opencode", &[("HOME", "/h"), ("XDG_DATA_HOME", "/d"), ("OPENCODE_CONFIG", "/e/o.json")]);
    assert_eq!(brought(&opencode)[0], "/d/opencode/auth.json -> /s/data/opencode/auth.json KeysOnly");
    assert_eq!(opencode.env["XDG_CONFIG_HOME"], "/s/config");
    assert_eq!(opencode.read, [PathBuf::from("/e/o.json")]);
    assert_eq!(state("gemini", &[]).brought, [], "without a home there is nothing to bring");
    let script = Profile::script(vec!["x".to_owned()]).expect("good");
    assert_eq!(script.own_state(Path::new("/s"), &BTreeMap::new()).expect("UTF-8"), None);
}

#[test]
fn a_login_in_a_variable_leaves_the_one_in_a_file_alone() {
    let claude = state("claude", &[("HOME", "/h"), ("CLAUDE_CODE_OAUTH_TOKEN", "t")]);
    assert_eq!(brought(&claude), ["/h/.claude/settings.json -> /s/settings.json Copied"]);
    let empty = state("claude", &[("HOME", "/h"), ("ANTHROPIC_API_KEY", "")]);
    assert_eq!(empty.brought.len(), 2, "an empty variable is none");
}

#[test]
fn the_keys_of_the_provider_in_use_are_enough() {
    let env = BTreeMap::new();
    let of = |model| {
        let made = profile("opencode", model).own_state(Path::new("/s"), &env);
        made.expect("UTF-8").expect("it has some").provider
    };
    assert_eq!(of(Some("openai/gpt")).as_deref(), Some("openai"));
    assert_eq!(of(None), None);
    assert_eq!(state("claude", &[]).provider, None);
}

#[test]
fn sessions_stay_and_nothing_else() {
    let keeps = |program: &str, path: &str| state(program, &[]).keeps(Path::new(path));
    for (program, session) in [
        ("claude", "projects/-clone/0f0f.jsonl"),
        ("codex", "sessions/2026/11/20/rollout-2026-11-20T10-00-00-0f0f.jsonl"),
        ("gemini", ".gemini/tmp/clone/chats/session-1.json"),
        ("gemini", ".gemini/projects.json"),
        ("opencode", "data/opencode/opencode.db-wal"),
    ] {
        assert_eq!(keeps(program, session), Keeps::File, "{session}");
        for dir in Path::new(session).ancestors().skip(1).filter(|dir| *dir != Path::new("")) {
            assert_eq!(keeps(program, &dir.display().to_string()), Keeps::Within, "{}", dir.display());
        }
    }
    for (program, planted) in [
        ("claude", "settings.json"),
        ("claude", ".claude.json"),
        ("claude", "CLAUDE.md"),
        ("claude", "hooks"),
        ("claude", "plugins"),
        ("claude", "projects/-clone/memory"),
        ("claude", "projects/-clone/memory/MEMORY.md"),
        ("codex", "config.toml"),
        ("codex", "prompts"),
        ("codex", "sessions/2026/11/20/AGENTS.md"),
        ("gemini", ".gemini/settings.json"),
        ("gemini", ".gemini/extensions"),
        ("gemini", ".gemini/tmp/bin/rg"),
        ("opencode", "config"),
        ("opencode", "cache"),
        ("opencode", "data/opencode/bin"),
        ("opencode", "data/opencode/auth.json"),
    ] {
        assert_eq!(keeps(program, planted), Keeps::Nothing, "{planted}");
    }
}
