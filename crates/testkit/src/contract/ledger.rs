//! The effect ledger: at most one open irreversible effect per task and target, none applied twice, and none
//! sent but by the holder of the job (I-10).

use orchd_core::effect::{Effect, EffectState, Intent};
use orchd_core::id::{EffectId, JobId, Token};
use orchd_core::job::Work;
use orchd_core::port::store::{CommitOutcome, LedgerRow, LedgerWrite, SendOutcome};
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::lab::{Lab, TTL, answered, queue, sha, side_work};

/// A landing's intent.
pub fn landing(lab: &Lab, number: u32) -> Effect {
    let intent = Intent::Landing { landing: number, base: sha(1), head: sha(2) };
    effect(lab, intent)
}

fn deploy(lab: &Lab, environment: &str) -> Effect {
    effect(lab, Intent::Deploy { sha: sha(3), attempt: 1, environment: environment.to_owned() })
}

fn effect(lab: &Lab, intent: Intent) -> Effect {
    let (id, since) = (lab.effect_id(), lab.now());
    Effect { id, intent, state: EffectState::Intent, since, probes: 0, absent_at: None }
}

/// Opens it.
pub const fn open(effect: Effect) -> LedgerWrite {
    LedgerWrite::Open(effect)
}

fn moved(id: EffectId, state: EffectState) -> LedgerWrite {
    LedgerWrite::Move { id, state, observed: format!("seen as {}", state.name()) }
}

async fn write(lab: &Lab, task: &Task, writes: Vec<LedgerWrite>) -> CommitOutcome {
    let mut commit = lab.plan(task).await;
    commit.ledger = writes;
    lab.commit(commit).await
}

async fn states(lab: &Lab) -> Vec<(EffectId, EffectState)> {
    let rows = answered(lab.store().ledger(None).await);
    rows.iter().map(|row| (row.effect.id, row.effect.state)).collect()
}

/// The rows, oldest first, of one task where asked for.
pub async fn an_intent_is_stored_with_its_target_and_key(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let (first, second) = (landing(lab, 1), deploy(lab, "live"));
    assert_eq!(write(lab, &a, vec![open(first.clone())]).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &b, vec![open(second.clone())]).await, CommitOutcome::Committed);
    let row = |task: &Task, effect: &Effect, observed: &str| LedgerRow {
        task: task.id,
        effect: effect.clone(),
        target: effect.intent.target(&task.repo),
        key: effect.intent.key(task.id),
        observed: observed.to_owned(),
    };
    let expected = [row(&a, &first, ""), row(&b, &second, "")];
    assert_eq!(answered(lab.store().ledger(None).await), expected);
    assert_eq!(answered(lab.store().ledger(Some(b.id)).await), expected[1..]);
    assert_eq!(write(lab, &a, vec![moved(first.id, EffectState::Unknown)]).await, CommitOutcome::Committed);
    let unknown = Effect { state: EffectState::Unknown, ..first };
    let seen = answered(lab.store().ledger(Some(a.id)).await);
    assert_eq!(seen, [row(&a, &unknown, "seen as unknown")]);
}

/// In whatever open state, and of whatever kind.
pub async fn at_most_one_open_effect_per_task(lab: &Lab) {
    let task = lab.task("A").await;
    let first = landing(lab, 1);
    let two = vec![open(first.clone()), open(deploy(lab, "live"))];
    assert_eq!(write(lab, &task, two).await, CommitOutcome::Conflict);
    assert_eq!(states(lab).await, []);
    assert_eq!(write(lab, &task, vec![open(first.clone())]).await, CommitOutcome::Committed);
    for state in [EffectState::Intent, EffectState::Sent, EffectState::Unknown] {
        assert_eq!(write(lab, &task, vec![moved(first.id, state)]).await, CommitOutcome::Committed);
        let second = open(deploy(lab, "live"));
        assert_eq!(write(lab, &task, vec![second]).await, CommitOutcome::Conflict);
    }
    let (second, writes) = (deploy(lab, "live"), moved(first.id, EffectState::Applied));
    let outcome = write(lab, &task, vec![writes, open(second.clone())]).await;
    assert_eq!(outcome, CommitOutcome::Committed, "closed and opened in one commit, in that order");
    assert_eq!(states(lab).await, [(first.id, EffectState::Applied), (second.id, EffectState::Intent)]);
}

/// Main is one target per repository, an environment is one per name.
pub async fn at_most_one_open_effect_per_target(lab: &Lab) {
    let (a, b, c) = (lab.task("A").await, lab.task("B").await, lab.task("C").await);
    let elsewhere = lab.task_elsewhere("D").await;
    let first = landing(lab, 1);
    assert_eq!(write(lab, &a, vec![open(first.clone())]).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &b, vec![open(landing(lab, 1))]).await, CommitOutcome::Conflict);
    assert_eq!(write(lab, &elsewhere, vec![open(landing(lab, 1))]).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &b, vec![open(deploy(lab, "live"))]).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &c, vec![open(deploy(lab, "live"))]).await, CommitOutcome::Conflict);
    assert_eq!(write(lab, &c, vec![open(deploy(lab, "staging"))]).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &a, vec![moved(first.id, EffectState::Refused)]).await, CommitOutcome::Committed);
    let after = lab.task("E").await;
    assert_eq!(write(lab, &after, vec![open(landing(lab, 1))]).await, CommitOutcome::Committed);
}

/// The key is the identity of the act: task and landing; task, commit and attempt.
pub async fn an_applied_effect_is_never_repeated(lab: &Lab) {
    let task = lab.task("A").await;
    let first = landing(lab, 1);
    let applied = vec![open(first.clone()), moved(first.id, EffectState::Applied)];
    assert_eq!(write(lab, &task, applied).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &task, vec![open(landing(lab, 1))]).await, CommitOutcome::Conflict);
    assert_eq!(states(lab).await.len(), 1);
    assert_eq!(write(lab, &task, vec![open(landing(lab, 2))]).await, CommitOutcome::Committed);
}

/// It did not happen, so the next try has the same key.
pub async fn a_refused_effect_may_be_tried_again(lab: &Lab) {
    let task = lab.task("A").await;
    let (first, second) = (landing(lab, 1), landing(lab, 1));
    let refused = vec![open(first.clone()), moved(first.id, EffectState::Refused)];
    assert_eq!(write(lab, &task, refused).await, CommitOutcome::Committed);
    assert_eq!(write(lab, &task, vec![open(second.clone())]).await, CommitOutcome::Committed);
    let keys = answered(lab.store().ledger(None).await);
    assert_eq!(keys[0].key, keys[1].key);
    let mut opened = landing(lab, 3);
    opened.state = EffectState::Applied;
    let other = lab.task_elsewhere("B").await;
    assert_eq!(
        write(lab, &other, vec![open(opened)]).await,
        CommitOutcome::Conflict,
        "an intent comes first"
    );
    let again = lab.task_elsewhere("C").await;
    assert_eq!(write(lab, &again, vec![open(second)]).await, CommitOutcome::Conflict, "the id is taken");
}

/// What is proven is not taken back, and what is refused can not happen any more.
pub async fn a_closed_effect_stays_closed(lab: &Lab) {
    for (key, closed) in [("A", EffectState::Applied), ("B", EffectState::Refused)] {
        let task = lab.task(key).await;
        let effect = landing(lab, 1);
        let writes = vec![open(effect.clone()), moved(effect.id, closed)];
        assert_eq!(write(lab, &task, writes).await, CommitOutcome::Committed);
        for state in [EffectState::Unknown, EffectState::Applied, EffectState::Refused] {
            assert_eq!(write(lab, &task, vec![moved(effect.id, state)]).await, CommitOutcome::Conflict);
        }
        assert!(states(lab).await.contains(&(effect.id, closed)));
    }
}

/// Another task's entry, and one that is not there.
pub async fn only_its_own_effect_is_moved(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let effect = landing(lab, 1);
    assert_eq!(write(lab, &a, vec![open(effect.clone())]).await, CommitOutcome::Committed);
    for id in [effect.id, lab.effect_id()] {
        let foreign = vec![moved(id, EffectState::Applied)];
        assert_eq!(write(lab, &b, foreign).await, CommitOutcome::Conflict);
    }
    assert_eq!(states(lab).await, [(effect.id, EffectState::Intent)]);
}

/// A task with an intent and the claimed job that may carry it out.
async fn sending(lab: &Lab, key: &str) -> (Task, EffectId, JobId, Token) {
    let task = lab.task(key).await;
    let effect = landing(lab, 1);
    let id = effect.id;
    let mut commit = lab.plan(&task).await;
    queue(&mut commit, lab.job(Work::Push { effect: id, landing: 1, base: sha(1), head: sha(2) }));
    commit.ledger.push(open(effect));
    lab.committed(commit).await;
    let claimed = lab.claim_one(lab.boot()).await;
    (task, id, claimed.job, claimed.token)
}

/// Not a former holder, not another task's job.
pub async fn only_the_current_token_may_send(lab: &Lab) {
    let (_, effect, job, token) = sending(lab, "A").await;
    let send = async |job, token| answered(lab.store().send_effect(effect, job, token).await);
    let other = lab.enqueue(&lab.task("B").await, side_work()).await;
    let theirs = lab.claim_one(lab.boot()).await;
    assert_eq!(theirs.job, other);
    assert_eq!(send(other, theirs.token).await, SendOutcome::Stale, "another task's job");
    assert_eq!(send(job, theirs.token).await, SendOutcome::Stale, "another job's token");
    assert_eq!(send(lab.job_id(), token).await, SendOutcome::Stale, "no such job");
    let taken = answered(lab.store().take_over(lab.boot(), TTL).await);
    assert_eq!(send(job, token).await, SendOutcome::Stale, "a former holder");
    assert_eq!(states(lab).await, [(effect, EffectState::Intent)]);
    let now = taken.iter().find(|c| c.job == job).map(|c| c.token).unwrap_or(token);
    assert_eq!(send(job, now).await, SendOutcome::MaySend);
    assert_eq!(states(lab).await, [(effect, EffectState::Sent)]);
}

/// A reaper may be at it already: who is late starts nothing.
pub async fn an_expired_lease_may_not_send(lab: &Lab) {
    let (task, effect, job, token) = sending(lab, "A").await;
    let send = async || answered(lab.store().send_effect(effect, job, token).await);
    lab.wait(TTL);
    assert_eq!(send().await, SendOutcome::MaySend, "at its deadline a lease still holds");
    let again = vec![moved(effect, EffectState::Intent)];
    assert_eq!(write(lab, &task, again).await, CommitOutcome::Committed);
    lab.wait(Span::millis(1));
    assert_eq!(send().await, SendOutcome::Stale);
    assert_eq!(states(lab).await, [(effect, EffectState::Intent)]);
    answered(lab.settle(job, token, lab.input_id()).await);
    assert_eq!(send().await, SendOutcome::Stale, "it is over");
}

/// Sent once; and what a probe is asked about is not sent.
pub async fn only_an_intent_is_sent(lab: &Lab) {
    let (task, effect, job, token) = sending(lab, "A").await;
    let send = async |effect| answered(lab.store().send_effect(effect, job, token).await);
    assert_eq!(send(lab.effect_id()).await, SendOutcome::Stale, "no such entry");
    assert_eq!(send(effect).await, SendOutcome::MaySend);
    assert_eq!(send(effect).await, SendOutcome::Stale, "the answer was lost: nobody knows whether it acted");
    for (state, may) in [
        (EffectState::Unknown, SendOutcome::Stale),
        (EffectState::Intent, SendOutcome::MaySend),
        (EffectState::Refused, SendOutcome::Stale),
    ] {
        assert_eq!(write(lab, &task, vec![moved(effect, state)]).await, CommitOutcome::Committed);
        assert_eq!(send(effect).await, may, "{}", state.name());
    }
}
