//! The real Claude Code, with a scripted model behind it, in the roles of a whole task: what it is started with, what
//! is read from its output, and what its sessions and its money come to. Needs npm and its registry once, and no
//! account; told, not failed, where they are not to be had.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use orchd_core::job::{AgentOutcome, AgentRun};
use orchd_core::policy::{Agent, Approval, Money, Policy, SandboxWish, Suite, TestingBy};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use orchd_http::dto::{Command, NewTask, Task};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::model::{Answer, Ask, INPUT, Model, OUTPUT};
use crate::npm;
use crate::place::Place;

const MODEL: &str = "claude-haiku-4-5-20251001";
/// Micro-dollars per token in and out, by the program's own table.
const PRICE: (u64, u64) = (1, 5);

const LOGIN: &str = "sk-ant-scripted-0001";

const BRD: &str = "# BRD\n\n## Goal\nWhoever runs hello is greeted.\n\n## Scope\nA file `hello`.\n\n\
                   ## Acceptance criteria\n1. `sh hello` says hello.\n";
const ADR: &str = "# ADR-001: a script\n\nStatus: accepted\n\n## Context\nThere is nothing yet.\n\n## Decision\n\
                   A shell script.\n\n## Alternatives\nA program: more to build.\n\n## Consequences\nIt needs a shell.\n";
const RISKS: &str = "# Technical risks\n\n1. A shell may be missing. The test says so.\n";

fn write(path: &str, text: &str) -> String {
    format!("mkdir -p \"$(dirname '{path}')\"; cat > '{path}' <<'END'\n{text}END\n")
}

fn submit(what: &Value) -> Answer {
    Answer::Bash(format!(
        "cat > \"$ORCHD_RUN_DIR/mine\" <<'END'\n{what}\nEND\n\"$ORCHD_SUBMIT\" submit \"$ORCHD_RUN_DIR/mine\""
    ))
}

/// Settings with a hook that leaves a file of this name in the clone.
fn hook(name: &str) -> Value {
    let command = json!({"type": "command", "command": format!("touch \"$ORCHD_WORKTREE/{name}\"")});
    json!({"hooks": {"SessionStart": [{"hooks": [command]}]}})
}

/// An analyst that asks first, a developer whose first change the reviewer sends back.
fn whole_task(ask: &Ask) -> Answer {
    let docs = |name: &str| format!("docs/work-items/T-1/{name}");
    match (ask.role.as_str(), ask.round, ask.step) {
        ("Analyst", 0, 0) => submit(&json!({
            "questions": [{"text": "Which greeting?", "blocking": true}], "summary": "One question.",
        })),
        ("Analyst", 1, 0) => Answer::Bash(write(&docs("01-brd.md"), BRD)),
        ("Analyst", 1, 1) => submit(&json!({"artifacts": ["01-brd.md"], "summary": "Goal and criterion."})),
        ("Architect", 0, 0) => {
            let both =
                write(&docs("06-adr/ADR-001-script.md"), ADR) + &write(&docs("10-tech-risks.md"), RISKS);
            Answer::Bash(both)
        }
        ("Architect", 0, 1) => submit(&json!({
            "artifacts": ["06-adr/ADR-001-script.md", "10-tech-risks.md"], "summary": "One decision.",
        })),
        ("Developer", 0, 0) => Answer::Bash(
            write("hello", "echo helo\n")
                + &write(".claude/settings.json", &format!("{}\n", hook("by-the-repository")))
                + "git add hello .claude && git commit -q -m 'say hello'\n"
                // Of its own state, where it has one.
                + "[ -z \"$CLAUDE_CONFIG_DIR\" ] || cat > \"$CLAUDE_CONFIG_DIR/settings.json\" <<'END'\n"
                + &format!("{}\nEND\n", hook("by-the-state")),
        ),
        ("Developer", 1, 0) => Answer::Bash(write("hello", "echo hello\n") + "git commit -q -a -m 'mend it'"),
        ("Developer", 0 | 1, 1) => submit(&json!({"summary": "A script that greets."})),
        ("Reviewer", 0, 0) => submit(&json!({
            "verdict": "REQUEST_CHANGES", "summary": "One fault.",
            "findings": [{"priority": "P1", "file": "hello", "text": "It says helo."}],
        })),
        ("Reviewer", 1, 0) => Answer::Bash("sh hello".to_owned()),
        ("Reviewer", 1, 1) if ask.result.contains("hello") => {
            submit(&json!({"verdict": "APPROVED", "findings": [], "summary": "It greets."}))
        }
        ("Tester", 0, 0) => submit(&json!({"verdict": "PASS", "summary": "It greets."})),
        _ => Answer::Say("Done."),
    }
}

fn policy(dir: &Path, program: &Path) -> Policy {
    let mut policy = Policy::new("p", "r", "T");
    policy.approval = Approval::Auto;
    policy.testing_by = TestingBy::Agent;
    let command = "[ ! -e hello ] || sh hello".to_owned();
    policy.test = Some(Suite { command, timeout: Span::mins(1) });
    policy.confinement.sandbox = SandboxWish::Prefer;
    policy.confinement.read = vec![dir.display().to_string()];
    policy.budgets.backoff_base = Span::millis(200);
    for role in [Role::Analyst, Role::Architect, Role::Developer, Role::Reviewer, Role::Tester] {
        let command = vec![program.display().to_string()];
        let agent = Agent { model: Some(MODEL.to_owned()), ..Agent::new("claude", command, Span::mins(5)) };
        policy.agents.insert(role, agent);
    }
    policy
}

/// A place whose server has the model for a provider, and a login of this kind; `None` where there is no program.
fn place(model: &Model, login: &str, sandbox: SandboxWish) -> Option<Place> {
    let (dir, program) = npm::claude()?;
    let mut place = Place::new();
    place.env = [
        ("ANTHROPIC_BASE_URL", model.url.clone()),
        (login, LOGIN.to_owned()),
        ("HOME", place.home().display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let mut policy = policy(&dir, &program);
    policy.confinement.sandbox = sandbox;
    place.save(policy);
    Some(place)
}

fn request() -> NewTask {
    NewTask {
        title: "Greet people".to_owned(),
        description: "A script hello that says hello.".to_owned(),
        ..NewTask::default()
    }
}

/// The ends of the task's runs.
fn runs(place: &Place) -> Vec<AgentRun> {
    let events: Value = serde_json::from_str(&place.answer("/tasks/T-1/events")).unwrap();
    let ends = events.as_array().unwrap().iter().filter(|event| event["event"] == "run-ended");
    ends.map(|event| serde_json::from_value(event["data"]["run"].clone()).unwrap()).collect()
}

/// Where the host offers a sandbox, with a state of its own for each role. The developer plants hooks: one in that
/// state, which its own next run does not run, and one in the repository, which no judge does.
#[test]
fn a_task_goes_from_request_to_main_with_the_real_claude_code() {
    let model = Model::serve(whole_task);
    let Some(place) = place(&model, "ANTHROPIC_API_KEY", SandboxWish::Prefer) else { return };
    let server = place.serve();
    place.ask_for(&request());
    place.wait_for_event("paused");
    let answer =
        Command { command: "resume".to_owned(), answers: Some("hello".to_owned()), ..Command::default() };
    place.command(&answer).unwrap();
    place.wait_for_event("cleaned-up");
    let (runs, asked) = (runs(&place), model.asked());

    let (main, hello) = (place.on_main("ls-tree -r --name-only"), place.on_main("show:hello"));
    assert_eq!(hello, "echo hello\n");
    assert!(main.contains("docs/work-items/T-1/01-brd.md"), "{main}");
    // A hook in the repository is the developer's own next run's; one in its state nobody's.
    assert!(main.contains("by-the-repository") && !main.contains("by-the-state"), "{main}");

    let played: Vec<Role> = runs.iter().map(|run| run.role).collect();
    use Role::{Analyst, Architect, Developer, Reviewer, Tester};
    let expected = [Analyst, Analyst, Architect, Developer, Reviewer, Developer, Reviewer, Tester];
    assert_eq!(played, expected);
    for run in &runs {
        assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
        // What a judge changes is dropped: a hook of the developer's would show there.
        assert_eq!(run.dropped, Vec::<String>::new(), "{}", run.role);
    }

    // A session is gone on with where a person has answered, and nowhere else.
    let session = |at: usize| runs[at].account.session.clone().expect("each run has one").id;
    assert_eq!(session(0), session(1));
    let mut sessions: Vec<String> = (0..runs.len()).map(session).collect();
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), runs.len() - 1, "{sessions:?}");
    for ask in &asked {
        assert_eq!(ask.goes_on, ask.role == "Analyst" && ask.round == 1, "{} {}", ask.role, ask.round);
    }

    // The bill is the sum of the runs'.
    let mut used: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for part in runs.iter().flat_map(|run| &run.account.usage) {
        let sum = used.entry(part.model.clone()).or_default();
        *sum = (sum.0 + part.input, sum.1 + part.output);
        let cost = i64::try_from(part.input * PRICE.0 + part.output * PRICE.1).unwrap();
        assert_eq!(part.cost, Some(Money(cost)), "{part:?}");
    }
    assert_eq!(used, model.billed());
    let answers = u64::try_from(asked.len()).unwrap();
    assert_eq!(used[MODEL], (answers * INPUT, answers * OUTPUT));
    let task: Task = serde_json::from_str(&place.answer("/tasks/T-1")).unwrap();
    assert_eq!((task.stage.as_str(), task.tokens), ("done", used[MODEL]));
    assert!((task.cost_usd - runs.iter().map(|run| run.account.cost.usd()).sum::<f64>()).abs() < 1e-9);

    assert!(server.end(Signal::TERM).success());
    assert_eq!(place.processes(), Vec::<String>::new());
    assert_eq!(place.files_with(&[LOGIN]), Vec::<String>::new());
}

/// Refuses the first requests, and then does as for a whole task.
fn refusing(first: Vec<Refusal>) -> Model {
    let asked = AtomicUsize::new(0);
    Model::serve(move |ask| match first.get(asked.fetch_add(1, Ordering::SeqCst)) {
        Some(refusal) => refusal(),
        None => whole_task(ask),
    })
}

type Refusal = Box<dyn Fn() -> Answer + Send + Sync>;

#[test]
fn an_overloaded_provider_is_waited_for_and_gone_on_with() {
    let retry_after = || vec![("retry-after", "3600".to_owned())];
    let mut first: Vec<Refusal> =
        vec![Box::new(move || Answer::Refuse(429, "rate_limit_error", retry_after()))];
    // The program's own retries are used up, and then one more.
    let overloaded = || Answer::Refuse(529, "overloaded_error", Vec::new());
    first.extend((0..6).map(|_| Box::new(overloaded) as Refusal));
    let model = refusing(first);
    let Some(place) = place(&model, "ANTHROPIC_API_KEY", SandboxWish::Off) else { return };
    let server = place.serve();
    place.ask_for(&request());
    place.wait_for_event("paused");
    let runs = runs(&place);
    let transient = |run: &AgentRun, what: &str| match &run.outcome {
        AgentOutcome::Transient { why, .. } => assert!(why.contains(what), "{why}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(runs.len(), 3);
    transient(&runs[0], "429");
    transient(&runs[1], "529");
    assert!(matches!(runs[2].outcome, AgentOutcome::Completed { .. }), "{:?}", runs[2].outcome);
    assert_eq!(runs[0].account.session, None, "there is nothing to go on with");
    let events = place.answer("/tasks/T-1/events");
    assert!(events.contains("provider"), "{events}");
    assert!(server.end(Signal::TERM).success());
    assert_eq!(place.processes(), Vec::<String>::new());
}

/// A subscription tells when it is to be had again; until then nothing is started.
#[test]
fn a_used_up_subscription_is_waited_for_and_shown() {
    let limit = || {
        let reset = (seconds() + 20).to_string();
        let headers = [
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
            ("anthropic-ratelimit-unified-overage-status", "rejected"),
        ];
        let mut headers: Vec<_> = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
        headers.push(("anthropic-ratelimit-unified-reset", reset.clone()));
        headers.push(("retry-after", "20".to_owned()));
        Answer::Refuse(429, "rate_limit_error", headers)
    };
    let model = refusing(vec![Box::new(limit)]);
    let Some(place) = place(&model, "CLAUDE_CODE_OAUTH_TOKEN", SandboxWish::Off) else { return };
    let server = place.serve();
    place.ask_for(&request());
    place.wait_for_text("\"for\":\"quota\"");
    let task: Task = serde_json::from_str(&place.answer("/tasks/T-1")).unwrap();
    assert!(task.sentence.contains("quota"), "{}", task.sentence);
    let asked = model.asked().len();
    place.wait_for_event("paused");
    assert_eq!(asked, 1, "nothing was asked meanwhile");
    assert_eq!(runs(&place).len(), 2);
    assert!(server.end(Signal::TERM).success());
    assert_eq!(place.processes(), Vec::<String>::new());
}

fn seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the service tells a moment that both sides know")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
