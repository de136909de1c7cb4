//! What a role's run is put down with, whatever its end was: tokens and money by model, and the session that may be gone
//! on with, all as its program told it. Nothing here decides whether the run counts.

use orchd_core::account::{Account, AgentSession, ModelUsage};
use orchd_core::job::JobResult;
use orchd_core::policy::Money;
use orchd_launcher::dialect::{self, Reading, Usage};
use orchd_launcher::{Ended, RunDir};

use super::site::Site;

/// The account of a run whose output was read.
pub(super) fn of(site: &Site<'_>, reading: &Reading) -> Account {
    let used = reading.usage.unwrap_or_default();
    let told = used.cost_micro_usd.map(money);
    let expected = site.context.policy.budgets.run_money;
    // A program that holds to a cap knows its cost, and tells it last.
    let ended_before = told.is_none() && reading.usage.is_some() && site.profile.holds_to_money_cap();
    let assumed = ended_before && expected > Money(0);
    Account {
        cost: told.unwrap_or(if assumed { expected } else { Money(0) }),
        assumed,
        tokens: (used.input_tokens, used.output_tokens),
        usage: by_model(reading),
        session: session(site, reading),
    }
}

/// The result with what the run used beside it, where the result is not the run's own report.
pub(super) fn beside(site: &Site<'_>, mut result: JobResult) -> JobResult {
    match &mut result {
        JobResult::Infra { account, .. }
        | JobResult::Lost { account, .. }
        | JobResult::Ended { account, .. } => *account = broken_off(site).map(Box::new),
        JobResult::Agent(_)
        | JobResult::Suite(_)
        | JobResult::Ready(_)
        | JobResult::Landing(_)
        | JobResult::Deploy(_)
        | JobResult::Probe(_)
        | JobResult::Main(_)
        | JobResult::Cleaned { .. } => {}
    }
    result
}

/// What a run without a report had used, as far as its output tells; `None` where no program began, or it told nothing.
fn broken_off(site: &Site<'_>) -> Option<Account> {
    let dir = RunDir::open(&site.dir).ok()?;
    // How it ended is judged elsewhere, if anybody saw it.
    let ended = Ended::Stopped { why: "it left no report".to_owned() };
    match site.profile.read(&dir, &ended) {
        Ok(reading) => Some(of(site, &reading)).filter(|account| *account != Account::default()),
        Err(error) => {
            let (run, path) = (site.context.run(), dir.path().display());
            tracing::warn!(%run, "what the run used can not be read in {path}, and is not counted: {error}");
            None
        }
    }
}

/// Usage by model.
fn by_model(reading: &Reading) -> Vec<ModelUsage> {
    let part = |(model, used): (&String, &Usage)| ModelUsage {
        model: model.clone(),
        input: used.input_tokens,
        output: used.output_tokens,
        cache_read: used.cache_read_tokens,
        cache_write: used.cache_write_tokens,
        cost: used.cost_micro_usd.map(money),
    };
    reading.models.iter().map(part).collect()
}

fn money(micro_usd: u64) -> Money {
    Money(i64::try_from(micro_usd).unwrap_or(i64::MAX))
}

/// The session a later run may go on with: only one in which a turn has ended in order, now or before.
fn session(site: &Site<'_>, reading: &Reading) -> Option<AgentSession> {
    let worked = reading.outcome == dialect::AgentOutcome::Finished || site.assigned.resume.is_some();
    let id = reading.session.clone().filter(|_| worked && site.profile.can_resume())?;
    Some(AgentSession { profile: site.profile.name().to_owned(), id })
}
