//! What a run used reaches its result whatever its end was: told to end, adopted and then ended, its shim killed beside
//! it, cut off by its deadline, or taken in vain. The programs are scripts that print what real ones print.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchd_core::account::Account;
use orchd_core::job::{JobResult, Work};
use orchd_core::policy::{Agent, Money};
use orchd_core::port::executor::RunContext;
use orchd_core::stage::Role;
use orchd_core::time::Span;

use crate::ends::appears;
use crate::world::{TestGuard, World, work_in};

/// Two answers of a model, each with its price, as opencode tells them.
const TWO_STEPS: &str = r#"echo '{"type":"step_start","sessionID":"ses_1","part":{}}'
for n in 1 2; do
echo '{"type":"step_finish","sessionID":"ses_1","part":{"reason":"tool-calls","cost":0.25,"tokens":{"total":150,"input":100,"output":40,"reasoning":10,"cache":{"read":0,"write":0}}}}'
done
"#;

/// One answer of a model; its price would come last.
const UNPRICED: &str = r#"echo '{"type":"assistant","message":{"id":"m1","model":"large","content":[],"usage":{"input_tokens":70,"output_tokens":3}}}'
"#;

const SLEEPS: &str = "touch \"$ORCHD_RUN_DIR/up\"; exec sleep 600";

/// A world whose developer is played so, the context of its run, and where that run lies.
async fn playing(profile: &str, script: &str) -> (World, RunContext, Arc<TestGuard>, PathBuf) {
    let mut world = World::new().await;
    let command = ["/bin/sh", "-c", script, "program"].map(str::to_owned).to_vec();
    world.policy.agents.insert(Role::Developer, Agent::new(profile, command, Span::secs(60)));
    world.policy.budgets.run_money = Money(700_000);
    let task = world.task("DEMO-1");
    let work: Work = world.agent(Role::Developer, &world.base);
    let (context, guard) = world.context(Some(&task), work);
    let dir = world.shop.run_dir(context.run());
    (world, context, guard, dir)
}

/// Half a dollar, 200 tokens in and 100 out.
fn two_steps(account: Option<Box<Account>>) {
    let account = account.expect("it told what it used");
    assert_eq!((account.cost, account.assumed, account.tokens), (Money(500_000), false, (200, 100)));
    assert_eq!(account.usage.len(), 1);
    assert_eq!(account.session, None, "no turn of it had ended in order");
}

/// Tells the job to end once its run is up.
async fn stopped(world: &World, context: RunContext, guard: &TestGuard, dir: &Path) -> Option<Box<Account>> {
    let up = dir.join("up");
    let (result, ()) = tokio::join!(world.work(context), async {
        appears(&up).await;
        guard.tell("stopped");
    });
    let JobResult::Ended { why, account } = result else { panic!("{result:?}") };
    assert_eq!(why, "stopped");
    account
}

#[tokio::test]
async fn a_run_told_to_end_is_paid_for() {
    let (world, context, guard, dir) = playing("opencode", &format!("{TWO_STEPS}{SLEEPS}")).await;
    two_steps(stopped(&world, context, &guard, &dir).await);
}

/// A program that tells its price last costs what a launch is expected to.
#[tokio::test]
async fn a_run_that_was_ended_before_it_told_its_price_costs_what_is_expected() {
    let (world, context, guard, dir) = playing("claude", &format!("{UNPRICED}{SLEEPS}")).await;
    let account = stopped(&world, context, &guard, &dir).await.expect("it told what it used");
    assert_eq!((account.cost, account.assumed, account.tokens), (Money(700_000), true, (70, 3)));
}

/// One that had not answered yet used nothing.
#[tokio::test]
async fn a_run_that_told_nothing_has_no_account() {
    let (world, context, guard, dir) = playing("claude", SLEEPS).await;
    assert_eq!(stopped(&world, context, &guard, &dir).await, None);
}

/// The run is up, and nobody waits for its end any more.
async fn orchd_dies(world: &World, context: &RunContext, dir: &Path) {
    let (shop, first) = (world.shop.clone(), context.clone());
    let handle = tokio::spawn(async move { work_in(&shop, first).await });
    appears(&dir.join("up")).await;
    handle.abort();
    let _ = handle.await;
}

/// orchd dies, the run goes on, the next process ends it; and answers the same if it is asked once more.
#[tokio::test]
async fn a_run_that_was_adopted_and_told_to_end_is_paid_for() {
    let (world, context, guard, dir) = playing("opencode", &format!("{TWO_STEPS}{SLEEPS}")).await;
    orchd_dies(&world, &context, &dir).await;
    guard.tell("stopped");
    for _ in 0..2 {
        let result = work_in(&world.restarted(), context.clone()).await;
        let JobResult::Ended { account, .. } = result else { panic!("{result:?}") };
        two_steps(account);
    }
}

/// orchd dies, then the shim: nobody saw the run's end, and its output says what it used until then.
#[tokio::test]
async fn a_run_that_lost_its_shim_is_paid_for() {
    let dies = "touch \"$ORCHD_RUN_DIR/up\"; until test -e \"$ORCHD_RUN_DIR/go\"; do sleep 0.05; done; \
                kill -KILL $PPID; exec sleep 600";
    let (world, context, _, dir) = playing("opencode", &format!("{TWO_STEPS}{dies}")).await;
    orchd_dies(&world, &context, &dir).await;
    std::fs::write(dir.join("go"), "").unwrap();
    let result = work_in(&world.restarted(), context).await;
    let JobResult::Lost { account, .. } = result else { panic!("{result:?}") };
    two_steps(account);
}

#[tokio::test]
async fn a_run_that_met_its_deadline_is_paid_for() {
    let (mut world, _, _, _) = playing("opencode", &format!("{TWO_STEPS}{SLEEPS}")).await;
    world.policy.agents.get_mut(&Role::Developer).expect("it is played").timeout = Span::millis(1500);
    let task = world.task("DEMO-1");
    let result = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    let JobResult::Agent(run) = result else { panic!("{result:?}") };
    two_steps(Some(Box::new(run.account)));
}

/// The run ended in order, and the host failed it: what it used is used all the same.
#[tokio::test]
async fn a_run_that_could_not_be_taken_in_is_paid_for() {
    let (world, context, _, _) = playing("opencode", &format!("{TWO_STEPS}exit 0")).await;
    // In the place of the folder into which work is taken.
    std::fs::write(world.mirror().await.dir().join("orchd-intake"), "").unwrap();
    let result = world.work(context).await;
    let JobResult::Infra { account, .. } = result else { panic!("{result:?}") };
    two_steps(account);
}
