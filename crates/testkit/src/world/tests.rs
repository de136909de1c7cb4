//! What a run leaves behind: nothing, or a night of seeds would fill the host.

use super::{Options, run_in};

#[test]
fn a_world_is_gone_once_its_run_is_over() {
    for seed in 0..20 {
        let (_, world) = run_in(&Options::seed(seed));
        assert_eq!(world.strong_count(), 0, "the world of seed {seed} is still held");
    }
}
