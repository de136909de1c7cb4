//! The table at the end of a run.

use super::*;

#[test]
fn the_table_names_each_part_its_result_and_its_time() {
    let part = |name, seconds, failure: Option<&str>| Part {
        name,
        took: Duration::from_millis(seconds),
        failure: failure.map(str::to_owned),
    };
    let table = table(&[part("check", 1500, None), part("test", 20_500, Some("exit 1"))]);
    let expected = "part      result       time\n\
                    check     ok           1.5 s\n\
                    test      FAILED      20.5 s\n\
                    total                 22.0 s\n";
    assert_eq!(table, expected);
}

#[test]
fn a_failed_part_does_not_end_the_run() {
    let failed = timed("x", || anyhow::bail!("broken"));
    assert_eq!(failed.failure.as_deref(), Some("broken"));
    assert!(timed("y", || Ok(())).failure.is_none());
}
