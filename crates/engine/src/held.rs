//! The leases this process holds, and whether each is fresh enough to start an irreversible step. Renewal is a
//! step like any other, but it is driven apart from the work, so that busy work never loses a lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use orchd_core::id::{BootId, EffectId, JobId, Token};
use orchd_core::lease::LeasePolicy;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::clock::Clock;
use orchd_core::port::executor::Guard;
use orchd_core::port::store::{Claimed, RenewOutcome, SendOutcome, Store, StoreResult};
use orchd_core::time::Timestamp;

/// The leases of this process.
pub struct Held {
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    leases: LeasePolicy,
    jobs: Mutex<BTreeMap<JobId, Lease>>,
}

#[derive(Debug, Clone)]
struct Lease {
    token: Token,
    /// When the last successful renewal *started*.
    renewed: Timestamp,
    told: Option<String>,
}

impl Held {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Arc<dyn Store>, leases: LeasePolicy) -> Self {
        Self { clock, store, leases, jobs: Mutex::new(BTreeMap::new()) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<JobId, Lease>) -> T) -> T {
        f(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn take(self: &Arc<Self>, claimed: &Claimed, asked: Timestamp) -> Arc<dyn Guard> {
        let lease = Lease { token: claimed.token, renewed: asked, told: None };
        self.with(|jobs| jobs.insert(claimed.job, lease));
        Arc::new(JobGuard { held: Arc::clone(self), job: claimed.job, token: claimed.token })
    }

    pub(crate) fn drop_lease(&self, job: JobId, token: Token) {
        self.with(|jobs| {
            if jobs.get(&job).is_some_and(|lease| lease.token == token) {
                jobs.remove(&job);
            }
        });
    }

    /// Whether this process works on the job under this token, however old its lease is.
    pub(crate) fn holds(&self, job: JobId, token: Token) -> bool {
        self.with(|jobs| jobs.get(&job).is_some_and(|lease| lease.token == token))
    }

    /// Tells every job of this process to end: what a stop that leaves nothing running does.
    pub fn tell_all(&self, why: &str) {
        self.with(|jobs| {
            for lease in jobs.values_mut() {
                lease.told.get_or_insert_with(|| why.to_owned());
            }
        });
    }

    /// How many jobs this process works on.
    pub fn len(&self) -> usize {
        self.with(|jobs| jobs.len())
    }

    /// Whether this process works on nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Renews every lease once. A job that was told to end, or whose lease is lost, hears it from its guard.
    pub async fn renew(&self, boot: BootId) -> StoreResult<()> {
        let asked = self.clock.now();
        let held: Vec<(JobId, Token)> =
            self.with(|jobs| jobs.iter().map(|(job, lease)| (*job, lease.token)).collect());
        if held.is_empty() || mutant::on(Mutant::Inc08) {
            return Ok(());
        }
        let answers = self.store.renew(boot, &held, self.leases.ttl).await?;
        self.with(|jobs| {
            for ((job, token), answer) in held.iter().zip(answers) {
                let Some(lease) = jobs.get_mut(job).filter(|lease| lease.token == *token) else { continue };
                match answer {
                    RenewOutcome::Renewed => lease.renewed = asked,
                    RenewOutcome::ToldToEnd => {
                        lease.renewed = asked;
                        lease.told.get_or_insert_with(|| "told to end".to_owned());
                    }
                    RenewOutcome::Lost => lease.told = Some("the lease is lost".to_owned()),
                }
            }
        });
        Ok(())
    }
}

/// The engine's side of one running job.
struct JobGuard {
    held: Arc<Held>,
    job: JobId,
    token: Token,
}

#[async_trait]
impl Guard for JobGuard {
    async fn may_send(&self, effect: EffectId) -> SendOutcome {
        let now = self.held.clock.now();
        let usable =
            |l: &Lease| l.token == self.token && l.told.is_none() && self.held.leases.may_act(l.renewed, now);
        let fresh = self.held.with(|jobs| jobs.get(&self.job).is_some_and(usable));
        if !fresh {
            return SendOutcome::Stale;
        }
        if mutant::on(Mutant::SendUnasked) {
            return SendOutcome::MaySend;
        }
        // An answer that was lost is no permission: the act is not started, and a probe finds it absent.
        self.held.store.send_effect(effect, self.job, self.token).await.unwrap_or(SendOutcome::Stale)
    }

    fn told_to_end(&self) -> Option<String> {
        self.held.with(|jobs| match jobs.get(&self.job).filter(|lease| lease.token == self.token) {
            Some(lease) => lease.told.clone(),
            None => Some("the lease is lost".to_owned()),
        })
    }
}
