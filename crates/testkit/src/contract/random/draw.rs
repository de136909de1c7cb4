//! What a random operation is: its kind, and the choices that decide everything about it. A choice that is missing is
//! the simplest one, so that whatever makes a list of operations or of choices shorter makes it simpler.

use crate::Rng;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Wait,
    Create,
    PutInput,
    Commit,
    CommitRepo,
    CommitAgain,
    Claim,
    Settle,
    Release,
    Renew,
    SendEffect,
    Reap,
    TakeOver,
    Project,
    Depend,
    Drain,
    Board,
}

/// How often each is drawn.
const WEIGHTS: &[(usize, Kind)] = &[
    (1, Kind::Wait),
    (4, Kind::Create),
    (3, Kind::PutInput),
    (10, Kind::Commit),
    (2, Kind::CommitRepo),
    (1, Kind::CommitAgain),
    (4, Kind::Claim),
    (4, Kind::Settle),
    (1, Kind::Release),
    (2, Kind::Renew),
    (1, Kind::SendEffect),
    (1, Kind::Reap),
    (1, Kind::TakeOver),
    (2, Kind::Project),
    (1, Kind::Depend),
    (1, Kind::Drain),
    (1, Kind::Board),
];

/// The most choices that an operation has of its own: few commits need more.
const CHOICES: u64 = 96;

/// One random operation.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// Where its choices come from.
    seed: u64,
    /// How many of them; whatever it decides after these is the simplest.
    choices: usize,
}

/// A list of at most `steps` operations.
pub(super) fn operations(rng: &mut Rng, steps: u64) -> Vec<Operation> {
    let kinds: Vec<Kind> = WEIGHTS.iter().flat_map(|(times, kind)| [*kind].repeat(*times)).collect();
    let one = |rng: &mut Rng| Operation {
        kind: rng.pick(&kinds).copied().unwrap_or(Kind::Wait),
        seed: rng.next(),
        choices: usize::try_from(rng.below(CHOICES)).unwrap_or(0),
    };
    (0..=rng.below(steps)).map(|_| one(rng)).collect()
}

/// The fewest and simplest operations that still part two stores: parts of the list are left out, ever smaller ones,
/// then choices, again and again until nothing more can go. `parts` says after how many operations a list does.
pub(super) fn shrunk(all: &[Operation], parts: impl Fn(&[Operation]) -> Option<usize>) -> Vec<Operation> {
    let mut left = all.to_vec();
    loop {
        let size = |left: &[Operation]| (left.len(), left.iter().map(|o| o.choices).sum::<usize>());
        let before = size(&left);
        leave_out(&mut left, &parts);
        simplify(&mut left, &parts);
        if size(&left) == before {
            return left;
        }
    }
}

fn leave_out(left: &mut Vec<Operation>, parts: impl Fn(&[Operation]) -> Option<usize>) {
    let mut chunk = left.len();
    while chunk > 0 {
        let mut at = 0;
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + chunk).min(left.len()));
            match parts(&fewer) {
                Some(steps) => {
                    fewer.truncate(steps);
                    *left = fewer;
                }
                None => at += chunk,
            }
        }
        chunk /= 2;
    }
}

fn simplify(left: &mut [Operation], parts: impl Fn(&[Operation]) -> Option<usize>) {
    for at in 0..left.len() {
        let mut needed = 0;
        while needed < left[at].choices {
            let had = left[at].choices;
            left[at].choices = needed.midpoint(had);
            if parts(left).is_none() {
                needed = left[at].choices + 1;
                left[at].choices = had;
            }
        }
    }
}

/// An operation's choices, as they are used up.
#[derive(Debug)]
pub(super) struct Draw {
    rng: Rng,
    left: usize,
}

impl Draw {
    pub(super) const fn of(operation: &Operation) -> Self {
        Self { rng: Rng::new(operation.seed), left: operation.choices }
    }

    /// Only the simplest choices.
    pub(super) const fn none() -> Self {
        Self { rng: Rng::new(0), left: 0 }
    }

    /// A number below `n`; 0, the simplest, where `n` is 0 or no choice is left.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        if self.left == 0 {
            return 0;
        }
        self.left -= 1;
        self.rng.below(n)
    }

    /// True once in `n` times; the simplest choice is false.
    pub(super) const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) + 1 == n
    }

    /// One of the items, if there are any; the simplest is the first.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(items.len() as u64);
        items.get(usize::try_from(index).unwrap_or(0))
    }
}
