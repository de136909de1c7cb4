//! Names that could become options, refspecs or paths elsewhere are refused.

use super::*;

#[test]
fn a_branch_cannot_be_an_option_a_refspec_or_a_way_out() {
    for bad in [
        "", "-x", "a:b", "a b", "../x", "a..b", "a/.b", "x.lock", "a//b", "/a", "a/", "a\nb", "x*", "@", "x.",
    ] {
        assert!(branch_ref(&Branch::new(bad)).is_err(), "{bad:?}");
    }
    for good in ["main", "orchd/ORCH-1.2", "feature/äöü", "a@b", "+x"] {
        assert!(branch_ref(&Branch::new(good)).is_ok(), "{good:?}");
    }
    assert!(check_ref(&RefName::new("heads/main")).is_err());
}

#[test]
fn an_inner_path_stays_inside() {
    for bad in ["", "/etc/passwd", "a/../b", "./a", ".git/config", "a/.GIT/x", "a\0b"] {
        assert!(check_inner_path(bad).is_err(), "{bad:?}");
    }
    assert_eq!(check_inner_path("docs/work items/ä\n/").unwrap(), "docs/work items/ä\n");
}
