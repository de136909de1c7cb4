//! What values people may write, and that what is written back is read as the same.

use orchd_core::policy::Money;
use orchd_core::time::Span;
use proptest::prelude::*;
use serde::Deserialize;

use super::{Cap, Ceiling, Size, Time};

#[derive(Debug, Deserialize)]
struct One<T> {
    v: T,
}

fn read<T: for<'de> Deserialize<'de>>(value: &str) -> Result<T, String> {
    let one: Result<One<T>, _> = toml::from_str(&format!("v = {value}"));
    one.map(|one| one.v).map_err(|error| error.message().to_owned())
}

#[test]
fn spans_are_read_as_people_write_them() {
    for (text, millis) in [
        ("90m", 5_400_000),
        ("1h 30m", 5_400_000),
        ("1h30m", 5_400_000),
        ("2 hours", 7_200_000),
        ("14d", 1_209_600_000),
        ("PT1H", 3_600_000),
        ("250ms", 250),
    ] {
        assert_eq!(read::<Time>(&format!("{text:?}")), Ok(Time(Span(millis))), "{text}");
    }
    for text in ["\"\"", "\"90\"", "90", "\"-5m\"", "\"0s\"", "\"soon\"", "true", "\"9999999999999d\""] {
        let error = read::<Time>(text).expect_err(text);
        assert!(error.contains("such as \"90m\""), "{text}: {error}");
    }
}

#[test]
fn sizes_ceilings_and_money_say_what_they_take() {
    assert_eq!(read::<Size>("\"16 GiB\""), Ok(Size::gib(16)));
    assert_eq!(read::<Ceiling<Size>>("\"none\""), Ok(Ceiling(None)));
    assert_eq!(read::<Ceiling<u32>>("12"), Ok(Ceiling(Some(12))));
    assert_eq!(read::<Ceiling<u32>>("\"none\""), Ok(Ceiling(None)));
    assert_eq!(read::<Cap>("2.5"), Ok(Cap(Some(Money(2_500_000)))));
    assert_eq!(read::<Cap>("0"), Ok(Cap(Some(Money(0)))));
    assert_eq!(read::<Cap>("\"unlimited\""), Ok(Cap(None)));
    for (error, takes) in [
        (read::<Size>("16").map(drop), "16 GiB"),
        (read::<Size>("\"much\"").map(drop), "16 GiB"),
        (read::<Ceiling<u32>>("0").map(drop), "at least 1"),
        (read::<Ceiling<u32>>("1.5").map(drop), "at least 1"),
        (read::<Cap>("-1").map(drop), "unlimited"),
        (read::<Cap>("nan").map(drop), "unlimited"),
        (read::<Cap>("inf").map(drop), "unlimited"),
        (read::<Cap>("\"none\"").map(drop), "unlimited"),
    ] {
        let said = error.expect_err(takes);
        assert!(said.contains(takes), "{said}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(millis in 1_i64..10_000_000_000, bytes in 0_u64..1 << 50) {
        let time = Time(Span(millis));
        prop_assert_eq!(read::<Time>(&format!("\"{time}\"")), Ok(time));
        let kib = Size(bytes / 1024 * 1024);
        let text = serde_json::to_string(&kib).unwrap_or_default();
        let near = read::<Size>(&text).map(|size| size.0.abs_diff(kib.0) <= kib.0 / 10);
        prop_assert_eq!(near, Ok(true));
    }
}
