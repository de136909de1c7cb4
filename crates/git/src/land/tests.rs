//! The receiver's own guard, reached past the ancestry check that normally stands before it.

use orchd_core::id::TaskId;

use super::*;
use crate::{ForgeRepo, Git, GitConfig, MirrorConfig, Remote};

async fn root_commit(mirror: &Mirror, message: &str) -> Sha {
    let tree = mirror.call("write a tree").args(["mktree"]).stdin(Vec::new()).sha().await.unwrap();
    mirror.call("write a root").args(["commit-tree", tree.as_str()]).stdin(message).sha().await.unwrap()
}

#[tokio::test]
async fn the_receiver_refuses_an_unrelated_root_with_a_matching_lease() {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::new(GitConfig::new(dir.path().join("home"))).unwrap();
    let forge = ForgeRepo::init(&git, &dir.path().join("fo rge")).await.unwrap();
    let config = MirrorConfig::new(dir.path().join("mirror"), Remote::Path(forge.dir().to_owned()));
    let mirror = Mirror::open_or_init(&git, config).await.unwrap();
    let base = root_commit(&mirror, "base").await;
    let main = RefChange {
        name: RefName::new("refs/heads/main"),
        expected: String::new(),
        source: base.to_string(),
    };
    assert!(matches!(push(&mirror, "seed", &[main]).await.unwrap(), PushAnswer::Accepted(_)));

    let foreign = root_commit(&mirror, "unrelated").await;
    let merge_ref = RefName::merge(TaskId(uuid::Uuid::from_u128(7)), 1);
    let outcome = mirror.push_landing(&base, &foreign, &merge_ref).await.unwrap();
    let LandOutcome::Refused { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("only moves forward"), "{why}");
    assert_eq!(forge.main().await.unwrap(), Some(base.clone()));
    assert!(matches!(mirror.probe_landing(&merge_ref, &foreign).await.unwrap(), ProbeOutcome::Absent { .. }));

    // Neither may main be deleted, nor a landing's ref be moved or deleted, whatever lease comes with it.
    assert_eq!(mirror.tombstone(&merge_ref).await.unwrap(), CloseOutcome::Closed);
    let stone = mirror.tombstone_commit(&merge_ref).await.unwrap().to_string();
    for (name, expected, source) in [
        (RefName::new("refs/heads/main"), base.to_string(), String::new()),
        (merge_ref.clone(), stone.clone(), String::new()),
        (merge_ref.clone(), stone, foreign.to_string()),
    ] {
        let answer = push(&mirror, "misbehave", &[RefChange { name, expected, source }]).await.unwrap();
        assert!(matches!(answer, PushAnswer::Rejected { .. }), "{answer:?}");
    }
}
