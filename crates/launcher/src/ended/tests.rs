//! The border between the work's fault and nobody's.

use super::*;

#[test]
fn exit_codes_fall_into_three_classes() {
    assert_eq!(class(&Ended::Exited { code: 0 }), ExitClass::Success);
    for code in [1, 2, 75, 101, 125] {
        assert_eq!(class(&Ended::Exited { code }), ExitClass::Work { code });
    }
    for code in [126, 127, 128, 137, 255] {
        assert!(matches!(class(&Ended::Exited { code }), ExitClass::Infra { .. }), "exit {code}");
    }
}

#[test]
fn every_forced_or_failed_end_is_infrastructure_and_says_so() {
    let ends = [
        (Ended::Signalled { signal: 9 }, "signal 9"),
        (Ended::DeadlineExceeded, "time budget"),
        (Ended::Stalled, "neither output nor CPU"),
        (Ended::Stopped { why: "no longer wanted".into() }, "no longer wanted"),
        (Ended::OutputCeiling, "more output"),
        (Ended::MemoryCeiling { ceiling: 64 << 20 }, "64 MiB of memory"),
        (Ended::ProcessCeiling { ceiling: 9 }, "its 9 processes"),
        (Ended::DiskCeiling { ceiling: 1000 }, "1000 bytes of disk"),
        (Ended::SpawnFailed { error: "no such file".into(), os_code: Some(2) }, "no such file"),
    ];
    for (ended, part) in ends {
        let ExitClass::Infra { reason } = class(&ended) else { panic!("{ended:?} is not infrastructure") };
        assert!(reason.contains(part), "{reason}");
    }
}
