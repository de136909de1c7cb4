//! The faults of one run: drawn from a stream of their own at rates that are drawn per seed, numbered so that a run can
//! be repeated without some, or named one by one by a scenario. Each that strikes is counted by stage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Options;
use super::coverage::Cells;
use super::fault::{FAULTS, Fault, Pace};
use super::spot::Spot;
use crate::memory::MemoryStore;
use crate::rng::Rng;

/// Kinds that are asked at each call of the store, with one draw.
const OF_STORE: [Fault; 7] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Fails,
    Fault::AnswerLost,
    Fault::SlowBefore,
    Fault::SlowAfter,
    Fault::Outage,
];

/// A fault that struck, for what it does further: its own small stream.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) fault: Fault,
    detail: Rng,
}

impl Strike {
    /// A number below `n`, from the fault's own stream.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        self.detail.below(n)
    }

    /// The same as a signed number.
    pub(super) fn number(&mut self, n: u64) -> i64 {
        i64::try_from(self.below(n)).unwrap_or(0)
    }
}

/// A fault at a named place: what a scenario consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The kind.
    pub fault: Fault,
    /// The place: the call or act, whose it is, and the stage.
    pub at: String,
    /// The how-manieth time the place is passed, from 1.
    pub nth: u32,
    /// The seed of the fault's own small stream.
    pub detail: u64,
}

/// Where the faults come from.
#[derive(Debug, Clone)]
enum Source {
    /// Drawn; the mask leaves some out.
    Drawn { rng: Rng, skip: BTreeSet<u32> },
    /// A scenario's list, by place and count.
    Planned(BTreeMap<(String, u32), Vec<(Fault, u64)>>),
}

/// On which side of a commit point a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// Nothing was written.
    Before,
    /// It was written, and nobody was told.
    After,
}

/// The faults of one run.
pub(super) struct Faults {
    source: Source,
    store: Arc<MemoryStore>,
    /// Per ten thousand, in the order of [`FAULTS`].
    rates: [u64; FAULTS.len()],
    of_store: u64,
    on: bool,
    /// Every fault that struck, in order.
    pub(super) struck: Vec<Fault>,
    /// What they touched.
    pub(super) cells: Cells,
    numbered: u32,
    /// How often each place was passed, where that is counted.
    passed: Option<BTreeMap<String, u32>>,
    /// What struck, by place, where that is counted.
    pub(super) planned: Vec<Planned>,
    /// Commit points that were passed.
    points: u32,
    /// At which of them the process dies, the latest first.
    crashes: Vec<(u32, Edge)>,
}

impl Faults {
    /// The faults that a run is asked to have.
    pub(super) fn of(options: &Options, rng: Rng, store: &Arc<MemoryStore>) -> Self {
        if let Some(scenario) = &options.scenario {
            return Self::planned(&scenario.faults, Arc::clone(store));
        }
        let mut faults = Self::drawn(options, rng, Arc::clone(store));
        if options.places {
            faults.passed = Some(BTreeMap::new());
        }
        faults
    }

    fn drawn(options: &Options, mut rng: Rng, store: Arc<MemoryStore>) -> Self {
        // One seed in seven is free of faults: there nothing may ever need recovery.
        let none = rng.one_in(7) || options.crashes.is_some();
        let mut rates = [0; FAULTS.len()];
        for (fault, rate) in FAULTS.iter().zip(rates.iter_mut()) {
            let drawn = rng.pick(&[0, 0, 0, 8, 30, 90]).copied().unwrap_or(0);
            let scaled = match fault.pace() {
                Pace::Call => drawn,
                Pace::Wide => drawn * 8,
                Pace::Act => drawn * 10,
                Pace::Scarce => drawn * 40,
                Pace::Seldom => drawn * 12,
            };
            // An outage hits many calls at once, so it begins seldom.
            let scaled = if *fault == Fault::Outage { scaled / 8 } else { scaled };
            *rate = if none { 0 } else { scaled };
        }
        let mut faults = Self::new(Source::Drawn { rng, skip: options.skip.clone() }, rates, store);
        faults.crashes = options.crashes.iter().flatten().copied().collect();
        faults.crashes.sort_unstable();
        faults.crashes.reverse();
        faults
    }

    /// The faults of a scenario and no others.
    fn planned(list: &[Planned], store: Arc<MemoryStore>) -> Self {
        let mut plan: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in list {
            plan.entry((one.at.clone(), one.nth)).or_default().push((one.fault, one.detail));
        }
        let mut faults = Self::new(Source::Planned(plan), [0; FAULTS.len()], store);
        faults.passed = Some(BTreeMap::new());
        faults
    }

    fn new(source: Source, rates: [u64; FAULTS.len()], store: Arc<MemoryStore>) -> Self {
        let of_store = OF_STORE.iter().filter_map(|fault| rates.get(fault.index())).sum();
        Self {
            source,
            store,
            rates,
            of_store,
            on: true,
            struck: Vec::new(),
            cells: Cells::default(),
            numbered: 0,
            passed: None,
            planned: Vec::new(),
            points: 0,
            crashes: Vec::new(),
        }
    }

    /// Commit points that were passed.
    pub(super) const fn points(&self) -> u32 {
        self.points
    }

    /// A commit point is passed: whether the process dies there.
    pub(super) fn commit_point(&mut self) -> Option<Edge> {
        if !self.on {
            return None;
        }
        self.points += 1;
        let (_, edge) = self.crashes.pop_if(|(at, _)| *at == self.points)?;
        self.struck.push(match edge {
            Edge::Before => Fault::CrashBefore,
            Edge::After => Fault::CrashAfter,
        });
        Some(edge)
    }

    /// Whether this run may have any fault.
    pub(super) fn any(&self) -> bool {
        match &self.source {
            Source::Drawn { .. } => self.rates.iter().any(|rate| *rate > 0) || !self.struck.is_empty(),
            Source::Planned(plan) => !plan.is_empty(),
        }
    }

    /// From now on nothing goes wrong.
    pub(super) const fn end(&mut self) {
        self.on = false;
    }

    /// Whether this kind strikes here and now.
    pub(super) fn strikes(&mut self, fault: Fault, spot: Spot) -> Option<Strike> {
        if !self.on {
            return None;
        }
        let place = self.passes(fault.name(), spot);
        match &mut self.source {
            Source::Drawn { rng, .. } => {
                let rate = self.rates.get(fault.index()).copied().unwrap_or(0);
                if rate == 0 || rng.below(10_000) >= rate {
                    return None;
                }
                self.strike(fault, spot, place)
            }
            Source::Planned(_) => self.listed(spot, place),
        }
    }

    /// What befalls a store call.
    pub(super) fn fate(&mut self, call: &'static str, spot: Spot) -> Option<Strike> {
        if !self.on {
            return None;
        }
        let place = self.passes(call, spot);
        match &mut self.source {
            Source::Drawn { rng, .. } => {
                if self.of_store == 0 {
                    return None;
                }
                let mut draw = rng.below(10_000);
                if draw >= self.of_store {
                    return None;
                }
                for fault in OF_STORE {
                    let rate = self.rates.get(fault.index()).copied().unwrap_or(0);
                    if draw < rate {
                        return self.strike(fault, spot, place);
                    }
                    draw -= rate;
                }
                None
            }
            Source::Planned(_) => self.listed(spot, place),
        }
    }

    /// Counts that a place is passed, where that is counted.
    fn passes(&mut self, what: &str, spot: Spot) -> Option<(String, u32)> {
        let passed = self.passed.as_mut()?;
        let at = format!("{what} of {}", spot.resolve(&self.store).1);
        let nth = passed.entry(at.clone()).or_default();
        *nth += 1;
        Some((at, *nth))
    }

    fn strike(&mut self, fault: Fault, spot: Spot, place: Option<(String, u32)>) -> Option<Strike> {
        let Source::Drawn { rng, skip } = &mut self.source else { return None };
        // Drawn for those that are left out as well, so that the others stay what they are.
        let detail = rng.next();
        self.numbered += 1;
        if skip.contains(&self.numbered) {
            return None;
        }
        self.planned.extend(place.map(|(at, nth)| Planned { fault, at, nth, detail }));
        Some(self.note(fault, spot, detail))
    }

    fn listed(&mut self, spot: Spot, place: Option<(String, u32)>) -> Option<Strike> {
        let Source::Planned(plan) = &mut self.source else { return None };
        let (at, nth) = place?;
        let (fault, detail) = plan.get_mut(&(at.clone(), nth))?.pop()?;
        self.planned.push(Planned { fault, at, nth, detail });
        Some(self.note(fault, spot, detail))
    }

    fn note(&mut self, fault: Fault, spot: Spot, detail: u64) -> Strike {
        self.struck.push(fault);
        self.cells.add(fault, spot.resolve(&self.store).0);
        Strike { fault, detail: Rng::new(detail) }
    }
}
