//! Silence is what the shim watched over, not what the clock says.

use super::*;

/// Looks every quarter of a second from `from`, until the stall has come; how long that took.
fn quiet_from(stall: &mut Stall, from: i64) -> i64 {
    let mut now = from;
    loop {
        stall.wakes(now);
        if stall.is_due(now) && stall.sample(now, BTreeMap::from([((7, 7), 0)]), [0, 0]) {
            return now - from;
        }
        now += LOOK_MS;
        assert!(now - from < 100 * stall.span, "the stall never comes");
    }
}

#[test]
fn a_suspended_host_is_no_silence() {
    let span = Span::mins(10);
    let every = span.0 / STALL_SAMPLES;
    let silence = quiet_from(&mut Stall::new(span), 0);
    assert!((span.0..=span.0 + 2 * every).contains(&silence), "{silence}");

    let mut stall = Stall::new(span);
    let mut now = 0;
    // Nine quiet minutes, a night, and then the whole span again.
    while now < Span::mins(9).0 {
        stall.wakes(now);
        assert!(!(stall.is_due(now) && stall.sample(now, BTreeMap::from([((7, 7), 0)]), [0, 0])));
        now += LOOK_MS;
    }
    let silence = quiet_from(&mut stall, now + Span::hours(8).0);
    assert!((span.0..=span.0 + 2 * every).contains(&silence), "{silence}");
}
