//! What befalls processes and main at any time: a process stands still, its clock jumps, it is asked to stop, all of
//! them die together; a person rewinds main. Each is a fault and numbered as one.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use orchd_core::time::Span;

use super::fault::Fault;
use super::replica::Life;
use super::sched::sleep;
use super::sim::Sim;
use super::spot::Spot;

/// How long a stop may take before the process leaves all the same.
const STOP_BOUND: Span = Span::secs(20);

/// What befalls one life of a process.
pub(super) async fn befalls(life: Life) {
    let (sim, replica) = (&life.sim, life.replica);
    loop {
        sleep(sim, sim.between(60_000, 600_000)).await;
        if !life.goes_on() || sim.is_calm() {
            return;
        }
        let spot = Spot::Replica(replica);
        if let Some(mut strike) = sim.strike(Fault::Stopped, spot) {
            let until = sim.now() + Span(1_000 + strike.number(239_000));
            sim.say(|| format!("replica {replica} stands still"));
            sim.with(|i| {
                if let Some(slot) = i.replicas.get_mut(replica) {
                    slot.stopped_until = until;
                }
            });
        }
        if let Some(mut strike) = sim.strike(Fault::ClockJump, spot) {
            sim.skew(replica, Span(strike.number(180_001) - 90_000));
            let lasts = Span::secs(10 + strike.number(600));
            sleep(sim, lasts).await;
            sim.skew(replica, Span(0));
            if !life.goes_on() {
                // Died meanwhile: what follows befalls the next life, which has a future of its own.
                return;
            }
        }
        if let Some(mut strike) = sim.strike(Fault::GracefulStop, spot) {
            leave(&life, strike.below(2) == 0).await;
            return;
        }
    }
}

/// The daemon's own shutdown: no loop takes another step; runs are left to their shims, or told to end and settled as
/// far as the bound allows; then the process is gone.
async fn leave(life: &Life, ends_runs: bool) {
    let (sim, replica) = (&life.sim, life.replica);
    sim.say(|| format!("replica {replica} is asked to stop; ends its runs: {ends_runs}"));
    sim.with(|i| {
        if let Some(slot) = i.replicas.get_mut(replica) {
            slot.stopping = true;
        }
    });
    let until = sim.now() + STOP_BOUND;
    let held = life.engine.held();
    while ends_runs && !held.is_empty() && sim.now() < until && life.goes_on() {
        held.tell_all("orchd is stopping");
        sleep(sim, Span::millis(500)).await;
    }
    if life.goes_on() {
        sim.leaves(replica);
    }
}

/// A loop of a process, until it is asked to stop.
pub(super) async fn until_stopped(sim: Arc<Sim>, replica: usize, work: impl Future<Output = ()> + Send) {
    let mut work = Box::pin(work);
    poll_fn(|context| {
        if sim.with(|i| i.replicas.get(replica).is_some_and(|slot| slot.stopping)) {
            return Poll::Ready(());
        }
        work.as_mut().poll(context)
    })
    .await;
}

/// What befalls everybody.
pub(super) async fn everywhere(sim: Arc<Sim>) {
    loop {
        sleep(&sim, sim.between(120_000, 900_000)).await;
        if sim.is_calm() {
            return;
        }
        if sim.strikes(Fault::AllRestart, Spot::World) {
            for replica in 0..sim.shape.replicas {
                if sim.with(|i| i.replicas.get(replica).is_some_and(|slot| slot.engine.is_some())) {
                    sim.crash(replica);
                }
            }
        }
        if sim.strikes(Fault::MainMoved, Spot::World) {
            sim.with(|i| i.git.outside_push(false, false));
            sim.wrote(12);
        }
        if let Some(mut strike) = sim.strike(Fault::MainRewound, Spot::World) {
            match strike.below(3) {
                0 => {
                    let until = sim.now() + Span::secs(60 + strike.number(900));
                    sim.say(|| "a person's main and the forge's part".to_owned());
                    sim.with(|i| i.git.diverged_until = until);
                }
                commits => {
                    sim.say(|| format!("somebody rewinds main by {commits}"));
                    sim.with(|i| i.git.rewind(commits));
                }
            }
            sim.wrote(13);
        }
    }
}
