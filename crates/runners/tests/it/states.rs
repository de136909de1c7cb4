//! What a program keeps from run to run while it works in a sandbox: a run that plants hooks, settings and the like
//! wherever its program looks for them changes nothing of the user's, of another role's, or of its own next run; its
//! sessions are found again, and the user's login is there. Told, not failed, where the host has no sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orchd_core::job::{AgentOutcome, Work};
use orchd_core::policy::{Agent, SandboxWish};
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::time::Span;

use crate::agents::agent_run;
use crate::world::{SUBMIT, World};

/// A program and its places, below the user's home and below its own directory.
struct Case {
    profile: &'static str,
    /// How a run says where its own directory is.
    own: &'static str,
    /// The user's login, where the program finds it, and whether it is the same file.
    login: (&'static str, &'static str, bool),
    /// The user's settings, and where the program finds them.
    settings: (&'static str, &'static str),
    /// What else the user has.
    others: &'static [&'static str],
    /// A session of the program's own.
    session: &'static str,
    /// What a run plants in its own directory.
    plants: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        profile: "claude",
        own: "$CLAUDE_CONFIG_DIR",
        login: (".claude/.credentials.json", ".credentials.json", true),
        settings: (".claude/settings.json", "settings.json"),
        others: &[".claude.json", ".claude/hooks/mine.sh", ".claude/CLAUDE.md"],
        session: "projects/-clone/0f0f.jsonl",
        plants: &[
            "settings.json",
            "settings.local.json",
            "hooks/evil.sh",
            ".claude.json",
            "CLAUDE.md",
            "agents/evil.md",
            "commands/evil.md",
            "plugins/evil.json",
            "projects/-clone/memory/MEMORY.md",
        ],
    },
    Case {
        profile: "codex",
        own: "$CODEX_HOME",
        login: (".codex/auth.json", "auth.json", true),
        settings: (".codex/config.toml", "config.toml"),
        others: &[".codex/AGENTS.md"],
        session: "sessions/2026/11/20/rollout-1.jsonl",
        plants: &["config.toml", "AGENTS.md", "prompts/evil.md", "hooks.json", "sessions/evil.sh"],
    },
    Case {
        profile: "gemini",
        own: "$GEMINI_CLI_HOME",
        login: (".gemini/oauth_creds.json", ".gemini/oauth_creds.json", true),
        settings: (".gemini/settings.json", ".gemini/settings.json"),
        others: &[".gemini/GEMINI.md", ".gemini/trustedFolders.json"],
        session: ".gemini/tmp/clone/chats/session-1.json",
        plants: &[
            ".gemini/settings.json",
            ".gemini/GEMINI.md",
            ".gemini/.env",
            ".gemini/extensions/evil/gemini-extension.json",
            ".gemini/tmp/bin/rg",
        ],
    },
    Case {
        profile: "opencode",
        own: "$XDG_DATA_HOME/..",
        login: (".local/share/opencode/auth.json", "data/opencode/auth.json", false),
        settings: (".config/opencode/opencode.json", "config/opencode/opencode.json"),
        others: &[".config/opencode/AGENTS.md"],
        session: "data/opencode/opencode.db",
        plants: &[
            "config/opencode/opencode.json",
            "config/opencode/plugin/evil.ts",
            "config/git/config",
            "cache/opencode/bin/rg",
            "data/opencode/auth.json",
        ],
    },
];

/// A key, and a login that another program may not have.
const LOGIN: &str =
    r#"{"a":{"type":"api","key":"k-1"},"https://elsewhere":{"type":"wellknown","key":"K","token":"t-1"}}"#;
const SETTINGS: &str = "{\"mine\": true}\n";

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn of(case: &Case) -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        home.put(case.login.0, LOGIN);
        home.put(case.settings.0, SETTINGS);
        case.others.iter().for_each(|path| home.put(path, "the user's\n"));
        home
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn all(&self) -> BTreeMap<PathBuf, String> {
        files(self.dir.path())
    }
}

/// Every file below a directory with its content; a link is told as one.
fn files(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                open.push(path);
            } else {
                let text = match kind.is_symlink() {
                    true => "a link".to_owned(),
                    false => String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
                };
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), text);
            }
        }
    }
    found
}

async fn world(home: &Home, sandbox: SandboxWish) -> World {
    let mut world = World::new().await;
    world.policy.confinement.sandbox = sandbox;
    world.restarted_with(&[("HOME", home.dir.path().to_str().unwrap())]);
    world
}

fn offered() -> bool {
    orchd_launcher::sandbox::probe().map_err(|why| eprintln!("not run: {why}")).is_ok()
}

/// One run of a role; what it wrote into `seen` of its clone.
async fn run(world: &mut World, task: &Task, role: Role, case: &Case, script: &str) -> String {
    let (own, session) = (case.own, case.session);
    let script =
        format!("{SUBMIT}S=\"{own}\"; SESSION=\"$S/{session}\"; {script}\nsay '{{}}'; {}", says(case));
    let command = ["/bin/sh", "-c", &script, "program"].map(str::to_owned).to_vec();
    world.policy.agents.insert(role, Agent::new(case.profile, command, Span::secs(60)));
    let ended = agent_run(world.job(Some(task), world.agent(role, &world.base)).await);
    assert!(matches!(ended.outcome, AgentOutcome::Completed { .. }), "{}: {:?}", case.profile, ended.outcome);
    let head = ended.branch.unwrap().head;
    let seen = world.mirror().await.read_file(&head, "seen", 100_000).await.unwrap();
    String::from_utf8(seen.unwrap_or_default()).unwrap()
}

/// The closing event of a program that is content.
fn says(case: &Case) -> &'static str {
    match case.profile {
        "claude" => {
            r#"echo '{"type":"result","subtype":"success","is_error":false,"result":"ok","session_id":"0f0f"}'"#
        }
        "codex" => r#"echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'"#,
        "gemini" => r#"echo '{"type":"result","status":"success","stats":{}}'"#,
        _ => r#"echo '{"type":"step_finish","part":{"reason":"stop","tokens":{"input":1,"output":1}}}'"#,
    }
}

fn plant(case: &Case) -> String {
    let mut script = String::new();
    for path in case.plants {
        script += &format!("mkdir -p \"$(dirname \"$S/{path}\")\"; echo evil > \"$S/{path}\"; ");
    }
    for path in case.others.iter().chain([&case.settings.0, &case.login.0, &".profile"]) {
        script += &format!("mkdir -p \"$(dirname ~/{path})\"; echo evil > ~/{path}; ");
    }
    script += "mkdir -p \"$(dirname \"$SESSION\")\"; echo said > \"$SESSION\"; ";
    script
        + "ln -s /etc/passwd \"$SESSION-link\"; mkdir \"$S/shut\"; echo x > \"$S/shut/x\"; chmod 0 \"$S/shut\"; "
}

const TELL: &str = "cd \"$S\"; find . ! -type d -exec sh -c 'echo \"$1: $(cat \"$1\")\"' - {} \\; | sort > \"$ORCHD_WORKTREE/seen\"; ";

async fn what_is_planted_is_gone(case: &Case) {
    if !offered() {
        return;
    }
    let home = Home::of(case);
    let mut world = world(&home, SandboxWish::Require).await;
    let task = world.task("DEMO-1");
    let before = home.all();
    run(&mut world, &task, Role::Developer, case, &plant(case)).await;
    let mut after = home.all();
    let (login, seen_as, is_shared) = case.login;
    if !is_shared {
        assert_eq!(after[Path::new(login)], LOGIN);
    }
    after.insert(login.into(), LOGIN.to_owned());
    assert_eq!(after, before, "the user's own");

    home.put(login, LOGIN);
    let given = if is_shared { LOGIN } else { r#"{"a":{"key":"k-1","type":"api"}}"# };
    let mut expected = [
        format!("./{}: said", case.session),
        format!("./{}: {}", case.settings.1, SETTINGS.trim()),
        format!("./{seen_as}: {given}"),
    ];
    expected.sort();
    let seen = run(&mut world, &task, Role::Developer, case, TELL).await;
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "the next run");
    let seen = run(&mut world, &task, Role::Analyst, case, TELL).await;
    assert!(!seen.contains("said"), "another role: {seen}");
    assert!(world.shop.state_dir(task.id).exists());
    world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
    assert!(!world.shop.state_dir(task.id).exists(), "nothing is left of a task that is over");
}

#[tokio::test]
async fn what_claude_plants_is_gone_before_the_next_run_and_never_the_users() {
    what_is_planted_is_gone(&CASES[0]).await;
}

#[tokio::test]
async fn what_codex_plants_is_gone_before_the_next_run_and_never_the_users() {
    what_is_planted_is_gone(&CASES[1]).await;
}

#[tokio::test]
async fn what_gemini_plants_is_gone_before_the_next_run_and_never_the_users() {
    what_is_planted_is_gone(&CASES[2]).await;
}

#[tokio::test]
async fn what_opencode_plants_is_gone_before_the_next_run_and_never_the_users() {
    what_is_planted_is_gone(&CASES[3]).await;
}

/// A login that is renewed in place is the user's from then on, and everybody else's.
#[tokio::test]
async fn a_login_that_a_run_renews_is_renewed_for_the_user() {
    if !offered() {
        return;
    }
    for case in CASES.iter().filter(|case| case.login.2) {
        let home = Home::of(case);
        let mut world = world(&home, SandboxWish::Require).await;
        let task = world.task("DEMO-1");
        let at = case.login.1;
        let renew = format!(
            "cd \"$S\"; cp {at} old; echo renewed > new; mv new {at} 2>/dev/null && exit 1; rm -f {at}; \
             sed s/t-1/t-2/ old > {at}; "
        );
        run(&mut world, &task, Role::Developer, case, &renew).await;
        assert_eq!(home.all()[Path::new(case.login.0)], LOGIN.replace("t-1", "t-2"), "{}", case.profile);
    }
}

/// Where nothing would keep a run from the user's own places, it uses them, and none of its own is made.
#[tokio::test]
async fn without_a_sandbox_a_program_uses_the_users_places() {
    let case = &CASES[0];
    let home = Home::of(case);
    let mut world = world(&home, SandboxWish::Off).await;
    let task = world.task("DEMO-1");
    let script =
        "echo \"${CLAUDE_CONFIG_DIR:-none} $(cat ~/.claude/settings.json)\" > \"$ORCHD_WORKTREE/seen\"; ";
    let seen = run(&mut world, &task, Role::Developer, case, script).await;
    assert_eq!(seen, format!("none {SETTINGS}"));
    assert!(!world.shop.state_dir(task.id).exists());
}
