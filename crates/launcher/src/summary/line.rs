//! One line of a test runner's output. Each format is recognised narrowly: a line that merely looks alike is nothing.

use std::borrow::Cow;

/// What a line tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// `test result: ok. 3 passed; 0 failed; …`
    Cargo { passed: u64, failed: u64 },
    /// `Summary [ 0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped`
    Nextest { passed: u64, failed: u64 },
    /// pytest's last line, or `N passed, N failed` alone.
    Counts { passed: u64, failed: u64 },
    /// `Ran 3 tests in 0.001s`
    UnittestRan(u64),
    /// `OK`, `FAILED (failures=1, errors=2, skipped=3)`, `NO TESTS RAN`: those that failed, and those that neither failed
    /// nor passed.
    UnittestEnd { failed: u64, others: u64 },
    /// `FAIL: test_x (tests.test_a.A.test_x)`; a word before a colon may be anything's until unittest has counted.
    UnittestFailing(&'a str),
    /// `ok 1 - name` or `not ok 1 - name`; the name of a failed one.
    Tap { name: Option<&'a str> },
    /// A plan, or a test that was skipped or is expected to fail.
    TapOther,
    /// `--- PASS: TestX` or `--- FAIL: TestX`; the name of a failed one.
    GoTest { name: Option<&'a str> },
    /// `ok  pkg 0.1s`, `FAIL pkg 0.1s`, `? pkg [no test files]`.
    GoPackage { passed: u64, failed: u64 },
    /// The name of a failed test, counted elsewhere.
    Failing(&'a str),
    /// Something else.
    Nothing,
}

pub(super) fn see(line: &str) -> Seen<'_> {
    let readers = [cargo, nextest, unittest, tap, go, pytest_name, counts];
    readers.into_iter().find_map(|read| read(line)).unwrap_or(Seen::Nothing)
}

fn cargo(line: &str) -> Option<Seen<'_>> {
    if let Some(rest) = line.strip_prefix("test result: ") {
        let (_, counts) = rest.split_once(". ")?;
        let mut numbers = counts.split("; ").map_while(|part| part.split_once(' '));
        let passed = numbers.next().filter(|(_, word)| *word == "passed")?.0.parse().ok()?;
        let failed = numbers.next().filter(|(_, word)| *word == "failed")?.0.parse().ok()?;
        return Some(Seen::Cargo { passed, failed });
    }
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(Seen::Failing)
}

fn nextest(line: &str) -> Option<Seen<'_>> {
    let (status, rest) = line.trim_start().split_once(" [")?;
    let (time, rest) = rest.split_once("] ")?;
    time.trim().strip_suffix('s')?.trim_start_matches(['>', '<', ' ']).parse::<f64>().ok()?;
    let rest = rest.trim();
    if status.trim() == "Summary" {
        let (run, counts) = rest.split_once(" run: ")?;
        if !(run.ends_with(" tests") || run.ends_with(" test")) {
            return None;
        }
        let (mut passed, mut failed) = (0, 0);
        for part in counts.split(", ") {
            let (number, word) = part.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match word.split(' ').next()? {
                "passed" => passed += number,
                "failed" | "timed" | "exec" => failed += number,
                _ => {}
            }
        }
        return Some(Seen::Nextest { passed, failed });
    }
    let status = status.trim();
    let failed = matches!(status, "FAIL" | "TIMEOUT" | "XFAIL" | "LEAK-FAIL") || status.starts_with("SIG");
    // A progress counter `( 3/10)` may stand before the binary's name.
    let name = match rest.strip_prefix('(') {
        Some(counted) => counted.split_once(") ")?.1.trim(),
        None => rest,
    };
    failed.then_some(Seen::Failing(name))
}

fn unittest(line: &str) -> Option<Seen<'_>> {
    if let Some(rest) = line.strip_prefix("Ran ") {
        let (number, time) = rest.split_once(" tests in ").or_else(|| rest.split_once(" test in "))?;
        time.strip_suffix('s')?.parse::<f64>().ok()?;
        return Some(Seen::UnittestRan(number.parse().ok()?));
    }
    let named = ["FAIL: ", "ERROR: ", "UNEXPECTED SUCCESS: "].into_iter().find_map(|w| line.strip_prefix(w));
    if let Some(name) = named {
        let (test, class) = name.split_once(" (")?;
        let is_path = |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        let whole = is_path(test) && is_path(class.split_once(')')?.0);
        return whole.then_some(Seen::UnittestFailing(name));
    }
    let (word, counts) = match line.split_once(" (") {
        Some((word, counts)) => (word, counts.strip_suffix(')')?),
        None => (line, ""),
    };
    // Red without a count is still red.
    let (mut failed, mut others) = match word {
        "OK" | "NO TESTS RAN" => (0_u64, 0_u64),
        "FAILED" if counts.is_empty() => (1, 0),
        "FAILED" => (0, 0),
        _ => return None,
    };
    for part in counts.split(", ").filter(|part| !part.is_empty()) {
        let (what, number) = part.split_once('=')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "failures" | "errors" | "unexpected successes" => failed = failed.saturating_add(number),
            "skipped" | "expected failures" => others = others.saturating_add(number),
            _ => return None,
        }
    }
    Some(Seen::UnittestEnd { failed, others })
}

fn tap(line: &str) -> Option<Seen<'_>> {
    let line = line.trim_start();
    if let Some((first, last)) = line.split_once("..") {
        let last = last.split(" #").next().unwrap_or(last);
        return (first == "1" && last.trim().parse::<u64>().is_ok()).then_some(Seen::TapOther);
    }
    let (failed, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("ok ")?),
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits == 0 || !matches!(rest.as_bytes().get(digits), None | Some(b' ')) {
        return None;
    }
    let name = rest[digits..].trim();
    let name = name.strip_prefix('-').map_or(name, str::trim);
    let (name, directive) = match name.rsplit_once("# ") {
        Some((name, directive)) => (name.trim(), directive.to_ascii_uppercase()),
        None => (name, String::new()),
    };
    Some(match (directive.starts_with("SKIP") || directive.starts_with("TODO"), failed) {
        (true, _) => Seen::TapOther,
        (false, false) => Seen::Tap { name: None },
        (false, true) => Seen::Tap { name: Some(if name.is_empty() { &rest[..digits] } else { name }) },
    })
}

fn go(line: &str) -> Option<Seen<'_>> {
    if let Some(rest) = line.trim_start().strip_prefix("--- ") {
        let (status, rest) = rest.split_once(": ")?;
        // `TestX (0.00s)`
        let (name, time) = rest.rsplit_once(" (")?;
        time.strip_suffix("s)")?.parse::<f64>().ok()?;
        return match status {
            "PASS" => Some(Seen::GoTest { name: None }),
            "FAIL" => Some(Seen::GoTest { name: Some(name) }),
            _ => None,
        };
    }
    let mut fields = line.split('\t');
    let (status, package, last) = (fields.next()?.trim_end(), fields.next()?, fields.next());
    let (passed, failed) = match (status, last) {
        ("ok", Some(_)) if line.ends_with("[no tests to run]") => (0, 0),
        ("ok", Some(_)) => (1, 0),
        ("?", Some("[no test files]")) => (0, 0),
        ("FAIL", Some(_)) => (0, 1),
        ("FAIL", None) if package.ends_with(" failed]") => (0, 1),
        _ => return None,
    };
    Some(Seen::GoPackage { passed, failed })
}

fn pytest_name(line: &str) -> Option<Seen<'_>> {
    let rest = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "))?;
    let name = rest.split(" - ").next()?;
    (name.contains(".py") && !name.contains(' ') || name.contains("::")).then_some(Seen::Failing(name))
}

/// `=== 1 failed, 3 passed, 2 warnings in 0.12s ===`, `3 passed in 0.01s`, `no tests ran in 0.01s`,
/// `3 passed, 0 failed`.
fn counts(line: &str) -> Option<Seen<'_>> {
    let line = line.trim_matches(['=', ' ']);
    let (counts, timed) = match line.rsplit_once(" in ") {
        Some((counts, time)) => {
            time.split(' ').next()?.strip_suffix('s')?.parse::<f64>().ok()?;
            (counts, true)
        }
        None => (line, false),
    };
    if counts == "no tests ran" && timed {
        return Some(Seen::Counts { passed: 0, failed: 0 });
    }
    let (mut passed, mut failed, mut ran) = (None, None, false);
    for part in counts.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match word {
            "passed" => passed = Some(passed.unwrap_or(0_u64).saturating_add(number)),
            "failed" | "error" | "errors" => failed = Some(failed.unwrap_or(0_u64).saturating_add(number)),
            "skipped" | "xfailed" | "xpassed" | "deselected" => ran = true,
            "warning" | "warnings" | "rerun" | "subtests passed" => {}
            _ => return None,
        }
    }
    // Without pytest's time only the plain pair counts: a lone `3 passed` may be anything's.
    let known = if timed {
        ran || passed.is_some() || failed.is_some()
    } else {
        passed.is_some() && failed.is_some()
    };
    known.then(|| Seen::Counts { passed: passed.unwrap_or(0), failed: failed.unwrap_or(0) })
}

/// Without the escape sequences terminals are coloured with.
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.clone().next() == Some('[') {
            rest.next();
            // Parameters, then one letter.
            rest.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    Cow::Owned(plain)
}
