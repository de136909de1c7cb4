//! Roles played by a program with typed events: what it says of outcome, money, models and session becomes the run's
//! record. The program is a script that prints such events; what real ones print is tested where the dialects are.

use orchd_core::account::{AgentSession, ModelUsage};
use orchd_core::id::Key;
use orchd_core::job::{AgentOutcome, AgentRun, JobResult, Work};
use orchd_core::policy::{Agent, Money};
use orchd_core::stage::Role;
use orchd_core::time::{Span, Timestamp};

use crate::world::{SUBMIT, World};

const SESSION: &str = "0f0f0f0f-1111-4222-8333-444444444444";

/// A developer played by `profile`; `script` runs in its place and finds the profile's arguments in `"$@"`.
fn plays(world: &mut World, profile: &str, script: &str) {
    let script = format!("{SUBMIT}printf '%s\\n' \"$@\" > \"$ORCHD_RUN_DIR/args\"; {script}");
    let command = ["/bin/sh", "-c", &script, "program"].map(str::to_owned).to_vec();
    let agent = Agent { model: Some("sonnet".to_owned()), ..Agent::new(profile, command, Span::secs(60)) };
    world.policy.agents.insert(Role::Developer, agent);
}

async fn develop(world: &World, work: Work) -> (AgentRun, String) {
    let task = world.task("DEMO-1");
    assert_eq!(task.key, Key::new("DEMO-1"));
    let (context, _) = world.context(Some(&task), work);
    let dir = world.shop.run_dir(context.run());
    let result = world.work(context).await;
    let JobResult::Agent(run) = result else { panic!("{result:?}") };
    (*run, std::fs::read_to_string(dir.join("args")).unwrap())
}

/// Says that line on standard output.
fn print(event: &str) -> String {
    format!("echo '{event}'; ")
}

fn claude_says(result: &str) -> String {
    print(&format!(
        r#"{{"type":"system","subtype":"init","session_id":"{SESSION}","model":"claude-sonnet-5"}}"#
    )) + &print(result)
}

const SUCCESS: &str = r#"{"type":"result","subtype":"success","is_error":false,"num_turns":2,"result":"ok","total_cost_usd":0.0123,"modelUsage":{"claude-sonnet-5":{"inputTokens":10,"outputTokens":20,"cacheReadInputTokens":30,"cacheCreationInputTokens":40,"costUSD":0.0123}}}"#;

#[tokio::test]
async fn money_models_and_session_of_a_run_are_put_down() {
    let mut world = World::new().await;
    let script = claude_says(SUCCESS) + "echo x > x; say '{}'";
    plays(&mut world, "claude", &script);
    let (run, args) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    let account = &run.account;
    assert_eq!((account.cost, account.tokens), (Money(12_300), (10, 20)));
    let used = ModelUsage {
        model: "claude-sonnet-5".to_owned(),
        input: 10,
        output: 20,
        cache_read: 30,
        cache_write: 40,
        cost: Some(Money(12_300)),
    };
    assert_eq!(account.usage, [used]);
    assert_eq!(account.session, Some(AgentSession { profile: "claude".to_owned(), id: SESSION.to_owned() }));
    assert!(args.contains("--session-id\n") && args.contains("--model\nsonnet\n"), "{args}");
    assert!(args.starts_with("-p\n# Developer"), "{args}");
}

#[tokio::test]
async fn a_session_is_gone_on_with_but_not_after_a_failure() {
    let mut world = World::new().await;
    plays(&mut world, "claude", &(claude_says(SUCCESS) + "say '{}'"));
    let Work::Agent { role, entry, start, base, must_fix, questions, answers, agent, .. } =
        world.agent(Role::Developer, &world.base)
    else {
        panic!()
    };
    for (last_failure, expected) in [(None, "--resume\n"), (Some("exit 1".to_owned()), "--session-id\n")] {
        let work = Work::Agent {
            role,
            entry,
            start: start.clone(),
            base: base.clone(),
            must_fix: must_fix.clone(),
            questions: questions.clone(),
            answers: answers.clone(),
            agent: agent.clone(),
            last_failure,
            resume: Some(SESSION.to_owned()),
        };
        let (_, args) = develop(&world, work).await;
        assert!(args.contains(expected), "{args}");
    }
}

#[tokio::test]
async fn limits_and_failures_of_a_provider_keep_their_kind() {
    let rejected =
        print(r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":4102444800}}"#);
    let failed = |status: u16, said: &str| {
        claude_says(&format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"api_error_status":{status},"result":"{said}"}}"#
        )) + "echo half > half; exit 1"
    };
    let mut world = World::new().await;
    plays(&mut world, "claude", &(rejected + &failed(429, "limit")));
    let (run, _) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    assert_eq!(run.outcome, AgentOutcome::Quota { resets_at: Timestamp(4_102_444_800_000) });
    assert_eq!(run.account.session, None, "nothing to go on with before a first good turn");
    assert!(run.salvage.is_some(), "partial work is kept");

    plays(&mut world, "claude", &failed(529, "Overloaded"));
    let (run, _) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    assert!(matches!(run.outcome, AgentOutcome::Transient { .. }), "{:?}", run.outcome);

    plays(&mut world, "claude", &failed(401, "no key"));
    let (run, _) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    let AgentOutcome::Failed { why } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(why.contains("no key") && why.contains("log in"), "{why}");

    let limited = r#"{"type":"error","sessionID":"ses_1","error":{"name":"APIError","data":{"message":"slow down","statusCode":429,"responseHeaders":{"retry-after":"90"}}}}"#;
    plays(&mut world, "opencode", &(print(limited) + "exit 1"));
    let (run, _) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    let AgentOutcome::Transient { retry_at: Some(_), why } = &run.outcome else {
        panic!("{:?}", run.outcome)
    };
    assert!(why.contains("429") && why.contains("slow down"), "{why}");
}

#[tokio::test]
async fn a_submission_does_not_make_up_for_a_missing_conclusion() {
    let mut world = World::new().await;
    plays(&mut world, "codex", "echo x > x; say '{}'");
    let (run, _) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    let AgentOutcome::Failed { why } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(why.contains("without the event that closes a turn"), "{why}");
    assert!(run.salvage.is_some());
}

#[tokio::test]
async fn a_setting_the_program_does_not_know_is_left_out_and_an_unknown_profile_refused() {
    let mut world = World::new().await;
    plays(&mut world, "claude", &(claude_says(SUCCESS) + "say '{}'"));
    if let Some(agent) = world.policy.agents.get_mut(&Role::Developer) {
        agent.effort = Some("very".to_owned());
        agent.run_cap = Some(Money(2_000_000));
    }
    let (_, args) = develop(&world, world.agent(Role::Developer, &world.base)).await;
    assert!(!args.contains("--effort") && args.contains("--max-budget-usd\n2.000000\n"), "{args}");

    plays(&mut world, "cloude", "exit 0");
    let task = world.task("DEMO-1");
    let result = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    let JobResult::Infra { reason, .. } = &result else { panic!("{result:?}") };
    assert!(reason.contains("known are claude, codex"), "{reason}");
}
