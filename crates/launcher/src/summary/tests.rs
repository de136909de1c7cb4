//! Each format with output as its runner writes it, and what must not be taken for one.

use super::*;

#[track_caller]
fn check(output: &str, passed: u64, failed: u64, names: &[&str]) {
    let failing = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(read(output), Summary::Known { passed, failed, failing });
}

#[test]
fn cargo_test() {
    let output = "running 3 tests\ntest a::one ... ok\ntest a::two ... FAILED\ntest a::three ... ok\n\n\
        failures:\n    a::two\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
        \nrunning 1 test\ntest doc ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    check(output, 3, 1, &["a::two"]);
    check(
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0.00s",
        0,
        0,
        &[],
    );
}

#[test]
fn nextest_with_colours_and_without() {
    let output = "\u{1b}[32;1m        PASS\u{1b}[0m [   0.004s] pkg::it works\n\
        \u{1b}[31;1m        FAIL\u{1b}[0m [   0.005s] (2/3) pkg::it breaks\n     SIGABRT [   0.1s] pkg::it aborts\n\
        ------------\n     Summary [   0.110s] 3 tests run: 1 passed, 2 failed, 0 skipped\n\
        \u{1b}[31;1m        FAIL\u{1b}[0m [   0.005s] (2/3) pkg::it breaks\n";
    check(output, 1, 2, &["pkg::it aborts", "pkg::it breaks"]);
    check("     Summary [   0.000s] 0 tests run: 0 passed, 5 skipped", 0, 0, &[]);
    check("     Summary [   2.000s] 2 tests run: 1 passed (1 slow), 1 timed out, 0 skipped", 1, 1, &[]);
}

#[test]
fn pytest() {
    let output = "F..\nFAILED tests/test_a.py::test_x[a b] - AssertionError: no\nERROR tests/test_b.py - ImportError\n\
        ===== 1 failed, 2 passed, 1 warning, 1 error in 0.12s =====\n";
    check(output, 2, 2, &["tests/test_a.py::test_x[a b]", "tests/test_b.py"]);
    check("3 passed in 0.01s", 3, 0, &[]);
    check("=== 3 passed, 2 skipped in 72.10s (0:01:12) ===", 3, 0, &[]);
    check("===== no tests ran in 0.01s =====", 0, 0, &[]);
    check("===== 4 deselected in 0.01s =====", 0, 0, &[]);
}

#[test]
fn unittest() {
    let red = "E.sFFxu\n======\nERROR: test_err (test_a.A.test_err)\nWith a docstring\n------\nTraceback (most recent call last):\n\
        ValueError\n\n======\nFAIL: test_sub (test_a.A.test_sub) (i=1)\n------\n======\nFAIL: test_upper (test_a.A)\n------\n\
        UNEXPECTED SUCCESS: test_xs (test_a.A.test_xs)\n------\nRan 7 tests in 0.005s\n\n\
        FAILED (failures=2, errors=1, skipped=1, expected failures=1, unexpected successes=1)\n";
    let names = [
        "test_err (test_a.A.test_err)",
        "test_sub (test_a.A.test_sub) (i=1)",
        "test_upper (test_a.A)",
        "test_xs (test_a.A.test_xs)",
    ];
    check(red, 1, 4, &names);
    check("..\n------\nRan 2 tests in 0.000s\n\nOK\n", 2, 0, &[]);
    // A class that is skipped at its setup adds to the skips alone.
    let unknown = "s.\n------\nRan 1 test in 0.000s\n\nOK (skipped=1)\n";
    assert_eq!(read(unknown), Summary::Unknown);
    check("s..\n------\nRan 3 tests in 0.000s\n\nOK (skipped=1)\n", 2, 0, &[]);
    check("------\nRan 0 tests in 0.000s\n\nOK\n", 0, 0, &[]);
    check("------\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n", 0, 0, &[]);
}

#[test]
fn go_test() {
    let plain = "ok  \texample.org/a\t0.003s\n--- FAIL: TestX (0.00s)\n    x_test.go:5: no\nFAIL\nFAIL\texample.org/b\t0.004s\n\
        ?   \texample.org/c\t[no test files]\nFAIL\n";
    check(plain, 1, 1, &["TestX"]);
    let verbose = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/sub (0.00s)\nPASS\nok  \texample.org/a\t(cached)\n";
    check(verbose, 2, 0, &[]);
    check("FAIL\texample.org/b [build failed]\nFAIL\n", 0, 1, &[]);
    check("ok  \texample.org/a\t0.003s [no tests to run]\n?   \texample.org/c\t[no test files]\n", 0, 0, &[]);
}

#[test]
fn tap() {
    let output = "TAP version 13\n1..5\nok 1 - adds\nnot ok 2 - subtracts\nok 3 # SKIP no network\nnot ok 4 - later # TODO\nnot ok 5\n";
    check(output, 1, 2, &["5", "subtracts"]);
    check("1..0 # SKIP nothing here", 0, 0, &[]);
}

#[test]
fn the_plain_line_and_tap_with_a_last_line_counted_once() {
    check("2 passed, 0 failed\n", 2, 0, &[]);
    check("0 passed, 0 failed\n", 0, 0, &[]);
    check("ok 1 - a\nnot ok 2 - b\n1 passed, 1 failed\n", 1, 1, &["b"]);
}

#[test]
fn two_runners_in_one_suite_are_added() {
    check("test result: ok. 2 passed; 0 failed; 0 ignored\n1 failed, 3 passed in 0.10s\n", 5, 1, &[]);
}

#[test]
fn other_output_is_unknown_never_zero() {
    for output in [
        "",
        "all good\n",
        "3 passed\n",
        "he said: 2 passed, 0 failed\n",
        "ok then\n",
        "okay 1 - x\n",
        "ok 1st\n",
        "see 1..3\n",
        "OK\n",
        "FAILED (failures=1)\n",
        "ERROR: connect (db.main) refused\n",
        "Ran 3 tests in 2 files\nOK\n",
        "FAILED to connect - retrying\n",
        "took 3 errors, 2 apples in 5s\n",
        "\u{1b}[",
    ] {
        assert_eq!(read(output), Summary::Unknown, "{output:?}");
    }
}
