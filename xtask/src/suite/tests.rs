//! Sums of libtest's counts, and which doc comments hold a runnable example.

use super::*;

#[test]
fn the_counts_of_several_programs_are_added_up() {
    let mut total = Counts::default();
    for line in [
        "running 3 tests",
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
        "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
    ] {
        total.add(line);
    }
    let expected = "test result: FAILED. 5 passed; 1 failed; 1 ignored; sum of 2 test programs";
    assert_eq!(total.summary(false), expected);
}

#[test]
fn a_failure_carries_the_summary() {
    let failed = || Err(anyhow::anyhow!("exit 1"));
    assert_eq!(judged(failed(), "Summary x".to_owned()).unwrap_err().to_string(), "Summary x");
    assert_eq!(judged(failed(), String::new()).unwrap_err().to_string(), "exit 1");
    assert_eq!(judged(Ok(()), "Summary x".to_owned()).unwrap(), "Summary x");
    assert!(judged(Ok(()), String::new()).is_err());
}

#[test]
fn only_runnable_code_blocks_are_doc_tests() {
    assert!(shows_code("/// Text.\n///\n/// ```\n/// a();\n/// ```\nfn a() {}"));
    assert!(shows_code("//! ```rust,no_run\n//! a();\n//! ```"));
    assert!(!shows_code("/// ```text\n/// a\n/// ```\nfn a() {}"));
    assert!(!shows_code("/// ```ignore\n/// a\n/// ```"));
    assert!(!shows_code("// ```\nlet a = \"```\";"));
}
