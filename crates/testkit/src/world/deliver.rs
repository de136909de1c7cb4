//! What becomes of a delivery on its way from a surface: lost, late, doubled under one id or two, or in a burst. A
//! command of a person and a report of CI travel alike.

use orchd_core::id::InputId;
use orchd_core::time::Span;

use super::fault::Fault;
use super::sim::Sim;
use super::spot::Spot;

/// Deliveries of a burst.
const BURST: u64 = 30;

/// How a delivery arrives.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// How late.
    pub(super) after: Span,
    /// Under which ids, in order; one that is there twice is the same delivery twice.
    pub(super) ids: Vec<InputId>,
}

/// What becomes of a delivery; `None` where it is lost.
pub(super) fn on_the_way(sim: &Sim, spot: Spot) -> Option<Delivery> {
    if sim.strikes(Fault::DeliveryLost, spot) {
        return None;
    }
    let after = sim.strike(Fault::DeliveryLate, spot);
    let after = after.map_or(Span(0), |mut strike| Span::secs(20 + strike.number(580)));
    let mut ids = vec![sim.mint_input()];
    if sim.strikes(Fault::DeliveryTwice, spot) {
        ids.extend_from_within(..1);
    }
    if sim.strikes(Fault::DeliveryAgain, spot) {
        ids.push(sim.mint_input());
    }
    if let Some(mut strike) = sim.strike(Fault::Burst, Spot::World) {
        ids.extend((0..=strike.below(BURST)).map(|_| sim.mint_input()));
    }
    Some(Delivery { after, ids })
}
