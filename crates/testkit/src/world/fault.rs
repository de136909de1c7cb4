//! The fault catalogue and its stream: each kind has a rate that is drawn per seed, some seeds have none, and
//! every fault that strikes has a number, so that a run can be repeated without it.

use std::collections::BTreeSet;

use crate::rng::Rng;

/// A kind of fault (reliability 3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// F1: the process dies before a store call is applied.
    CrashBefore,
    /// F2: the process dies after a store call was applied.
    CrashAfter,
    /// F3: a store call fails and was not applied.
    Fails,
    /// F4: a store call was applied and its answer is lost.
    AnswerLost,
    /// F6: a store call waits before it is applied.
    SlowBefore,
    /// F6: the answer of an applied store call is slow.
    SlowAfter,
    /// F7: the store is down for a while.
    Outage,
    /// F12: the process stands still for longer than a lease, then goes on.
    Stopped,
    /// F21: a request to git or the environment is lost; nothing happened there.
    RequestLost,
    /// F22: git or the environment did it, and the answer is lost.
    ReplyLost,
    /// F23: it is done after the caller has given up.
    LateAct,
    /// F25, F30: the answer says "landed" and speaks about something else.
    Misleading,
    /// A surface cannot be written.
    SurfaceFails,
    /// A surface was written and the answer is lost.
    SurfaceAnswerLost,
    /// F43–F45: a run or suite could not run.
    Infra,
    /// F36: a report of CI is lost.
    ReportLost,
    /// A provider of agents is down for a while, for everybody.
    ProviderDown,
    /// The quota at a provider is used up for a while, for everybody.
    ProviderQuota,
}

/// Every kind.
pub const FAULTS: [Fault; 18] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Fails,
    Fault::AnswerLost,
    Fault::SlowBefore,
    Fault::SlowAfter,
    Fault::Outage,
    Fault::Stopped,
    Fault::RequestLost,
    Fault::ReplyLost,
    Fault::LateAct,
    Fault::Misleading,
    Fault::SurfaceFails,
    Fault::SurfaceAnswerLost,
    Fault::Infra,
    Fault::ReportLost,
    Fault::ProviderDown,
    Fault::ProviderQuota,
];

/// What happens to one store call. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    Strikes(Fault),
}

/// The faults of one seed.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    rng: Rng,
    /// Per ten thousand, in the order of [`FAULTS`].
    rates: [u64; FAULTS.len()],
    skip: BTreeSet<u32>,
    on: bool,
    /// Every fault that struck, in order; its number is its place.
    pub(super) struck: Vec<Fault>,
    numbered: u32,
}

/// Kinds that befall store calls, drawn at once.
const OF_STORE: [Fault; 7] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Fails,
    Fault::AnswerLost,
    Fault::SlowBefore,
    Fault::SlowAfter,
    Fault::Outage,
];

impl Faults {
    pub(super) fn new(mut rng: Rng, skip: BTreeSet<u32>) -> Self {
        // One seed in seven is free of faults: there nothing may ever need recovery.
        let none = rng.one_in(7);
        let mut rates = [0; FAULTS.len()];
        for (fault, rate) in FAULTS.iter().zip(rates.iter_mut()) {
            // Store calls are many, acts are few, and a provider's trouble hits many runs at once.
            let scale = match fault {
                Fault::ProviderDown | Fault::ProviderQuota => 4,
                of_store if OF_STORE.contains(of_store) => 1,
                _of_an_act => 12,
            };
            let drawn = rng.pick(&[0, 0, 15, 40, 120]).copied().unwrap_or(0);
            *rate = if none { 0 } else { drawn * scale };
        }
        Self { rng, rates, skip, on: true, struck: Vec::new(), numbered: 0 }
    }

    /// Whether this seed has any fault.
    pub(super) fn any(&self) -> bool {
        self.rates.iter().any(|rate| *rate > 0)
    }

    /// From now on nothing goes wrong.
    pub(super) const fn end(&mut self) {
        self.on = false;
    }

    fn rate(&self, fault: Fault) -> u64 {
        let rates = FAULTS.iter().zip(self.rates);
        rates.into_iter().find(|(f, _)| **f == fault).map_or(0, |(_, rate)| rate)
    }

    fn strike(&mut self, fault: Fault) -> bool {
        self.numbered += 1;
        if self.skip.contains(&self.numbered) {
            return false;
        }
        self.struck.push(fault);
        true
    }

    /// Whether this kind strikes now.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.on && self.rng.below(10_000) < self.rate(fault) && self.strike(fault)
    }

    /// What befalls a store call.
    pub(super) fn fate(&mut self) -> Fate {
        if !self.on {
            return Fate::Passes;
        }
        let mut draw = self.rng.below(10_000);
        for fault in OF_STORE {
            // An outage hits many calls at once, so it begins seldom.
            let rate = if fault == Fault::Outage { self.rate(fault) / 8 } else { self.rate(fault) };
            if draw < rate {
                return if self.strike(fault) { Fate::Strikes(fault) } else { Fate::Passes };
            }
            draw -= rate;
        }
        Fate::Passes
    }

    /// A number below `n`, from the faults' own stream.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        self.rng.below(n)
    }
}
