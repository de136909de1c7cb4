//! The loops: each calls one kind of step again and again, woken by a hint or by time. A step that fails is
//! logged once and repeated; nothing here decides anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orchd_core::fact::Address;
use orchd_core::job::JobResult;
use orchd_core::port::executor::RunContext;
use orchd_core::port::store::SettleOutcome;
use orchd_engine::{Engine, EngineError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

/// How long the decide loop waits for a hint before it looks by itself: a lost hint costs this much.
const TICK: Duration = Duration::from_millis(250);
/// How often expired leases are looked for.
const REAP_EVERY: Duration = Duration::from_secs(5);
/// Surfaces are brought up to date this long after a hint: the next run of a task goes first, and what changes at once
/// is written once.
const SURFACES_AFTER: Duration = Duration::from_millis(100);
/// The pause after a failed step.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// The running loops.
pub(crate) struct Loops {
    stop: watch::Sender<bool>,
    handles: Vec<JoinHandle<()>>,
}

struct Shared {
    engine: Arc<Engine>,
    /// Something may be due.
    decide: Arc<Notify>,
    /// Something may be claimable.
    claim: Notify,
    /// Something may be behind on a surface.
    project: Notify,
    slots: Arc<Semaphore>,
    progress: Arc<AtomicU64>,
}

/// Starts the loops.
pub(crate) fn start(engine: Arc<Engine>, hint: Arc<Notify>, workers: u32, progress: Arc<AtomicU64>) -> Loops {
    let shared = Arc::new(Shared {
        engine,
        decide: hint,
        claim: Notify::new(),
        project: Notify::new(),
        slots: Arc::new(Semaphore::new(workers as usize)),
        progress,
    });
    let (stop, stopping) = watch::channel(false);
    let handles = vec![
        tokio::spawn(until(stopping.clone(), decide(Arc::clone(&shared)))),
        tokio::spawn(until(stopping.clone(), claim(Arc::clone(&shared)))),
        tokio::spawn(until(stopping.clone(), project(Arc::clone(&shared)))),
        tokio::spawn(until(stopping, reap(shared))),
    ];
    Loops { stop, handles }
}

impl Loops {
    /// Stops claiming, tells every run to end, and waits until the last has settled.
    pub(crate) async fn end_runs(&self, engine: &Engine, bound: Duration) {
        // Nobody listens any more only if the loops are gone already.
        let _ = self.stop.send(true);
        let held = engine.held();
        let ended = async {
            while !held.is_empty() {
                held.tell_all("orchd is stopping");
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(bound, ended).await.is_err() {
            tracing::error!("{} runs did not end in time; their shims end them", held.len());
        }
    }

    /// Ends the loops; a step under way is finished, within the bound.
    pub(crate) async fn stop(self, bound: Duration) {
        // Nobody listens any more only if the loops are gone already.
        let _ = self.stop.send(true);
        for handle in self.handles {
            if timeout(bound, handle).await.is_err() {
                tracing::error!("a loop did not end in time");
            }
        }
    }
}

/// Runs a loop until it is told to stop. Store calls are safe to drop: the store finishes what it began.
async fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        // An error means that the sender is gone, which is a stop as well.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn decide(shared: Arc<Shared>) {
    loop {
        shared.progress.fetch_add(1, Ordering::Relaxed);
        match shared.engine.decide_due().await {
            Ok(0) => {
                // Whatever was decided may have left jobs to claim and surfaces to write.
                let woken = timeout(TICK, shared.decide.notified()).await;
                if woken.is_err() {
                    shared.claim.notify_one();
                }
            }
            Ok(_) => {
                shared.claim.notify_one();
                shared.project.notify_one();
            }
            Err(error) => failed("decide", &error).await,
        }
    }
}

async fn claim(shared: Arc<Shared>) {
    loop {
        match shared.engine.take_over().await {
            Ok(contexts) => break start_all(&shared, contexts).await,
            Err(error) => failed("take over", &error).await,
        }
    }
    loop {
        let free = u32::try_from(shared.slots.available_permits()).unwrap_or(u32::MAX);
        if free == 0 {
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        match shared.engine.claim(free.min(16)).await {
            Ok(contexts) if contexts.is_empty() => shared.claim.notified().await,
            Ok(contexts) => start_all(&shared, contexts).await,
            Err(error) => failed("claim", &error).await,
        }
    }
}

async fn start_all(shared: &Arc<Shared>, contexts: Vec<RunContext>) {
    for context in contexts {
        let shared = Arc::clone(shared);
        // A job that is held already must run, slot or not: taken-over ones can exceed the limit for a while.
        let permit = Arc::clone(&shared.slots).try_acquire_owned().ok();
        tokio::spawn(async move {
            let _held = permit;
            work(&shared, context).await;
        });
    }
}

async fn work(shared: &Shared, context: RunContext) {
    let job = context.claimed.job;
    let claimed = context.claimed.clone();
    let engine = Arc::clone(&shared.engine);
    // A task of its own: an executor that panics is infrastructure, and its job is settled all the same.
    let result = match tokio::spawn(async move { engine.run(context).await }).await {
        Ok((_, result)) => result,
        Err(error) => JobResult::infra(format!("the executor failed inside: {error}")),
    };
    // A result is work that was paid for: it is offered until the store has it, or says it is stale.
    let outcome = loop {
        match shared.engine.settle(&claimed, &result).await {
            Ok(outcome) => break outcome,
            Err(error) => {
                tracing::error!(%job, "a result could not be stored yet: {error}");
                sleep(AFTER_FAILURE).await;
            }
        }
    };
    // Whose result it is, is decided here and now: its next run waits for no turn of the loop's. What is left, or was
    // woken by it, the loop finds.
    if let (SettleOutcome::Settled, Address::Task(task)) = (outcome, &claimed.of)
        && let Err(error) = shared.engine.decide_on(*task).await
    {
        tracing::error!(%task, "it is decided by the next look: {error}");
    }
    shared.claim.notify_one();
    shared.project.notify_one();
    shared.decide.notify_one();
}

async fn project(shared: Arc<Shared>) {
    loop {
        match shared.engine.project().await {
            // Retries come due by themselves; a hint makes it prompt.
            Ok(0) => {
                drop(timeout(Duration::from_secs(2), shared.project.notified()).await);
                sleep(SURFACES_AFTER).await;
            }
            Ok(_) => {}
            Err(error) => failed("project", &error).await,
        }
    }
}

async fn reap(shared: Arc<Shared>) {
    let mut every = interval(REAP_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = shared.engine.poll().await {
            failed("poll", &error).await;
        }
        match shared.engine.reap().await {
            Ok(0) => {}
            Ok(_) => shared.decide.notify_one(),
            Err(error) => failed("reap", &error).await,
        }
    }
}

async fn failed(step: &str, error: &EngineError) {
    tracing::error!("{step}: {error}; tried again");
    sleep(AFTER_FAILURE).await;
}
