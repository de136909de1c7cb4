//! What a role's run is put down with: tokens and money by model, and the session that may be gone on with, all as its
//! program told it. Nothing here decides whether the run counts.

use orchd_core::job::{AgentSession, ModelUsage};
use orchd_core::policy::Money;
use orchd_launcher::dialect::{self, Reading, Usage};

use super::site::Site;

/// Usage by model.
pub(super) fn by_model(reading: &Reading) -> Vec<ModelUsage> {
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

/// The reported cost; nothing where none is reported.
pub(super) fn cost(used: &Usage) -> Money {
    used.cost_micro_usd.map_or(Money(0), money)
}

fn money(micro_usd: u64) -> Money {
    Money(i64::try_from(micro_usd).unwrap_or(i64::MAX))
}

/// The session a later run may go on with: only one in which a turn has ended in order, now or before.
pub(super) fn session(site: &Site<'_>, reading: &Reading) -> Option<AgentSession> {
    let worked = reading.outcome == dialect::AgentOutcome::Finished || site.assigned.resume.is_some();
    let id = reading.session.clone().filter(|_| worked && site.profile.can_resume())?;
    Some(AgentSession { profile: site.profile.name().to_owned(), id })
}
