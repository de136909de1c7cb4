//! Manifests with and without the workspace's lints.

use super::*;

#[test]
fn a_manifest_takes_the_lints_of_the_workspace() {
    assert!(lints("a", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n").is_none());
    assert!(lints("a", "[lints] # ours\nworkspace=true").is_none());
    for bad in [
        "[package]\nname = \"a\"\n",
        "[lints]\nworkspace = false\n",
        "[lints]\n# workspace = true\n",
        "[lints]\n[other]\nworkspace = true\n",
        "[lints.rust]\nunsafe_code = \"deny\"\n",
    ] {
        assert_eq!(lints("a", bad).map(|finding| finding.rule), Some("workspace-lints"), "{bad}");
    }
}
