//! What a test runner says it did, read from the summary formats it may have: cargo test, nextest, pytest, unittest,
//! go test, TAP, and a plain line `N passed, N failed`. Pure. A known format that shows no test is `Known` with zeros, which is
//! no pass; what is not recognised is `Unknown`, never zero.

mod line;

use std::collections::BTreeSet;

use line::Seen;

/// More names than this tell a reader nothing.
const NAMES: usize = 1000;

/// What the output showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Summary {
    /// At least one summary was recognised.
    Known {
        /// Tests that ran and passed.
        passed: u64,
        /// Tests that ran and failed, errors included.
        failed: u64,
        /// Names of the failed ones as the runner writes them, sorted, at most a thousand.
        failing: BTreeSet<String>,
    },
    /// No format was recognised.
    Unknown,
}

/// Reads an output as a whole; see [`Reader`] for one that is too long for that.
pub fn read(output: &str) -> Summary {
    let mut reader = Reader::default();
    output.lines().for_each(|line| reader.line(line));
    reader.finish()
}

/// Reads an output line by line.
#[derive(Debug, Default)]
pub struct Reader {
    cargo: Counts,
    nextest: Counts,
    /// pytest's last line, or the plain one.
    counts: Counts,
    unittest: Counts,
    /// Tests that unittest ran, before it says how that ended.
    unittest_ran: Option<u64>,
    unittest_failing: BTreeSet<String>,
    tap: Counts,
    go_tests: Counts,
    go_packages: Counts,
    failing: BTreeSet<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    seen: bool,
    passed: u64,
    failed: u64,
}

impl Counts {
    fn add(&mut self, passed: u64, failed: u64) {
        self.seen = true;
        self.passed = self.passed.saturating_add(passed);
        self.failed = self.failed.saturating_add(failed);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            seen: self.seen || other.seen,
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
        }
    }

    /// Two tellings of one run.
    fn or(self, other: Self) -> Self {
        if self.seen && (self.passed > 0 || self.failed > 0) || !other.seen { self } else { other }
    }
}

impl Reader {
    /// One line, with or without colours.
    pub fn line(&mut self, text: &str) {
        let plain = line::without_escapes(text);
        match line::see(plain.trim_end()) {
            Seen::Cargo { passed, failed } => self.cargo.add(passed, failed),
            Seen::Nextest { passed, failed } => self.nextest.add(passed, failed),
            Seen::Counts { passed, failed } => self.counts.add(passed, failed),
            Seen::UnittestRan(tests) => self.unittest_ran = Some(tests),
            Seen::UnittestEnd { failed, others } => {
                // The word alone may be anybody's.
                // Classes and parts of tests that were skipped are counted with the skips and not with what ran: then
                // nobody knows how many passed, and it is not said that none did.
                let counts = |ran: &u64| *ran == 0 || failed > 0 || others < *ran;
                if let Some(ran) = self.unittest_ran.take().filter(counts) {
                    self.unittest.add(ran.saturating_sub(failed).saturating_sub(others), failed);
                }
            }
            Seen::UnittestFailing(name) => fails(&mut self.unittest_failing, name),
            Seen::Tap { name: None } => self.tap.add(1, 0),
            Seen::Tap { name: Some(name) } => {
                self.tap.add(0, 1);
                fails(&mut self.failing, name);
            }
            Seen::TapOther => self.tap.seen = true,
            Seen::GoTest { name: None } => self.go_tests.add(1, 0),
            Seen::GoTest { name: Some(name) } => {
                self.go_tests.add(0, 1);
                fails(&mut self.failing, name);
            }
            Seen::GoPackage { passed, failed } => self.go_packages.add(passed, failed),
            Seen::Failing(name) => fails(&mut self.failing, name),
            Seen::Nothing => {}
        }
    }

    /// The sum over all runners that were seen. A runner that tells its tests and then counts them (TAP and a last
    /// line, go's tests and packages) is counted once.
    pub fn finish(mut self) -> Summary {
        if self.unittest.seen {
            self.unittest_failing.iter().for_each(|name| fails(&mut self.failing, name));
        }
        let mut go = self.go_tests.or(self.go_packages);
        // Without -v go names only what failed: the packages tell that anything passed, and what did not build.
        if self.go_tests.passed == 0 {
            go.passed = self.go_packages.passed;
        }
        go.failed = go.failed.max(self.go_packages.failed);
        let total = self.cargo.plus(self.nextest).plus(self.counts.or(self.tap)).plus(self.unittest).plus(go);
        if total.seen {
            Summary::Known { passed: total.passed, failed: total.failed, failing: self.failing }
        } else {
            Summary::Unknown
        }
    }
}

fn fails(names: &mut BTreeSet<String>, name: &str) {
    if names.len() < NAMES {
        names.insert(name.to_owned());
    }
}

#[cfg(test)]
mod tests;
