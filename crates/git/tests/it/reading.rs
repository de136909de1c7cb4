//! Questions to the mirror, the subject `patch` above all.

use orchd_core::id::Sha;
use orchd_git::{Ahead, Ancestry, GitError};

use crate::fixture::{Person, World, open_mirror};

fn numbered(lines: std::ops::Range<u32>) -> String {
    lines.map(|n| format!("line {n}\n")).collect()
}

#[tokio::test]
async fn the_patch_digest_survives_a_rebase_over_shifted_lines_and_sees_every_change() {
    let world = World::new().await;
    let base = world.commit_on(&world.base, "f.rs", &numbered(10..60)).await;
    let main = world.commit_on(&base, "f.rs", &(numbered(0..10) + &numbered(10..60))).await;
    let edit = |text: String, with: &str| text.replace("line 50\n", with);
    let head = world.commit_on(&base, "f.rs", &edit(numbered(10..60), "changed\n")).await;
    let rebased = world.commit_on(&main, "f.rs", &edit(numbered(0..60), "changed\n")).await;
    let other = world.commit_on(&main, "f.rs", &edit(numbered(0..60), "changed \n")).await;
    let digest = world.mirror.patch_digest(&main, &head).await.unwrap();
    assert_eq!(world.mirror.patch_digest(&main, &rebased).await.unwrap(), digest);
    assert_ne!(world.mirror.patch_digest(&main, &other).await.unwrap(), digest);
    assert_ne!(world.mirror.patch_digest(&main, &main).await.unwrap(), digest);
}

#[tokio::test]
async fn the_patch_digest_sees_binaries_nuls_modes_and_what_attributes_would_hide() {
    let world = World::new().await;
    let (mirror, base) = (&world.mirror, &world.base);
    let mut digests = Vec::new();
    let nul = |tail: &str| [b"a\0\n".as_slice(), tail.as_bytes()].concat();
    for files in [
        vec![("b.bin", nul("one"))],
        vec![("b.bin", nul("two"))],
        vec![("t", b"x\n@@ -1 +1 @@\n".to_vec())],
        vec![("t", b"x\n@@ -2 +2 @@\n".to_vec())],
        vec![("t", b"x\n@@ -2 +2 @@".to_vec())],
        vec![(".gitattributes", b"* -diff\n".to_vec()), ("t", b"one\n".to_vec())],
        vec![(".gitattributes", b"* -diff\n".to_vec()), ("t", b"two\n".to_vec())],
        vec![("sp ace\nö", b"one\n".to_vec())],
    ] {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let head = world.commit_bytes(base, &files).await;
        let digest = mirror.patch_digest(base, &head).await.unwrap();
        assert_eq!(mirror.patch_digest(base, &head).await.unwrap(), digest);
        assert!(!digests.contains(&digest), "{files:?}");
        digests.push(digest);
    }
}

#[tokio::test]
async fn a_patch_that_attributes_call_binary_is_still_digested_as_text() {
    let world = World::new().await;
    let first = [(".gitattributes", b"*.x -diff\n".as_slice()), ("f.x", b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")];
    let base = world.commit_bytes(&world.base, &first).await;
    let main = world.commit_on(&base, "f.x", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n").await;
    let head = world.commit_on(&base, "f.x", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n").await;
    let rebased = world.commit_on(&main, "f.x", "0\n1\n2\n3\n4\n5\n6\n7\n8\nnine\n").await;
    let before = world.mirror.patch_digest(&main, &head).await.unwrap();
    assert_eq!(world.mirror.patch_digest(&main, &rebased).await.unwrap(), before);
    assert!(world.mirror.diff(&main, &head, 10_000).await.unwrap().text.contains("+nine"));
}

#[tokio::test]
async fn ancestry_is_answered_and_a_failure_is_never_a_no() {
    let world = World::new().await;
    let (mirror, base) = (&world.mirror, &world.base);
    let head = world.commit_on(base, "a", "1").await;
    assert_eq!(mirror.is_ancestor(base, &head).await.unwrap(), Ancestry::Yes);
    assert_eq!(mirror.is_ancestor(&head, base).await.unwrap(), Ancestry::No);
    let missing = Sha::parse(&"1".repeat(40)).unwrap();
    assert!(matches!(mirror.is_ancestor(&missing, &head).await, Err(GitError::Failed { .. })));
    assert!(!mirror.has_commit(&missing).await.unwrap());
    let other = world.commit_on(base, "b", "1").await;
    assert_eq!(mirror.merge_base(&head, &other).await.unwrap(), Some(base.clone()));
}

#[tokio::test]
async fn files_and_folders_are_read_by_any_name_and_within_a_limit() {
    let world = World::new().await;
    let (mirror, odd) = (&world.mirror, "do cs/ö\n*.md");
    let head = world.commit_on(&world.base, odd, "text").await;
    assert_eq!(mirror.read_file(&head, odd, 4).await.unwrap().as_deref(), Some(b"text".as_slice()));
    assert!(matches!(mirror.read_file(&head, odd, 3).await, Err(GitError::TooLarge { limit: 3, .. })));
    assert_eq!(mirror.read_file(&head, "do cs", 99).await.unwrap(), None);
    assert_eq!(mirror.read_file(&head, "none", 99).await.unwrap(), None);
    assert!(mirror.read_file(&head, "../x", 99).await.is_err());
    let digest = mirror.tree_digest(&head, "do cs").await.unwrap();
    assert!(digest.is_some());
    let changed = world.commit_on(&head, odd, "texts").await;
    assert_ne!(mirror.tree_digest(&changed, "do cs").await.unwrap(), digest);
    assert_eq!(mirror.tree_digest(&changed, "none").await.unwrap(), None);
    assert_eq!(mirror.changed_files(&world.base, &head).await.unwrap(), [odd]);
    let stats = mirror.numstat(&world.base, &head).await.unwrap();
    assert_eq!((stats[0].path.as_str(), stats[0].added, stats[0].deleted), (odd, Some(1), Some(0)));
    let diff = mirror.diff(&world.base, &head, 20).await.unwrap();
    assert!(diff.truncated && diff.text.len() == 20);
    assert_ne!(mirror.tree_of(&head).await.unwrap(), mirror.tree_of(&changed).await.unwrap());
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_folder_is_named() {
    let world = World::new().await;
    let mirror = &world.mirror;
    let inside = world.commit_on(&world.base, "docs/items/a", "x").await;
    let on_the_way = world.commit_on(&world.base, "docs", "x").await;
    for (head, expected) in [(&world.base, None), (&inside, None), (&on_the_way, Some("docs"))] {
        assert_eq!(mirror.obstacle(head, "docs/items").await.unwrap().as_deref(), expected);
    }
    assert_eq!(mirror.obstacle(&inside, "docs/items/a").await.unwrap().as_deref(), Some("docs/items/a"));
}

#[tokio::test]
async fn a_repository_within_counts_as_declared_only_by_its_path() {
    let world = World::new().await;
    let (mirror, base) = (&world.mirror, &world.base);
    let plain = tempfile::tempdir().unwrap();
    let person = Person::clone_of(mirror.dir(), &plain.path().join("p"), base);
    let link = format!("160000,{base},lib/in ner");
    person.run(["update-index", "--add", "--cacheinfo", &link]);
    person.run(["commit", "-q", "-m", "link"]);
    let undeclared = person.run(["rev-parse", "HEAD"]);
    let path = "submodule.x.path";
    person.run(["config", "--file", ".gitmodules", path, "lib/in ner"]);
    person.run(["add", ".gitmodules"]);
    person.run(["commit", "-q", "-m", "declared"]);
    let declared = person.run(["rev-parse", "HEAD"]);
    person.run(["push", "-q", mirror.dir().to_str().unwrap(), "HEAD:refs/heads/links"]);
    let [undeclared, declared] = [undeclared, declared].map(|sha| Sha::parse(sha.trim()).unwrap());
    assert_eq!(mirror.undeclared_repositories(base, &undeclared).await.unwrap(), ["lib/in ner"]);
    assert_eq!(mirror.undeclared_repositories(base, &declared).await.unwrap(), Vec::<String>::new());
    assert_eq!(mirror.undeclared_repositories(&undeclared, &declared).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn commits_outside_the_work_items_are_told_from_those_inside() {
    let world = World::new().await;
    let (mirror, base, folder) = (&world.mirror, &world.base, "docs/work-items/K-1");
    assert_eq!(mirror.ahead_outside(base, base, folder).await.unwrap(), Ahead::Even);
    let inside = world.commit_on(base, "docs/work-items/K-1/01-brd.md", "x").await;
    assert_eq!(mirror.ahead_outside(base, &inside, folder).await.unwrap(), Ahead::OnlyInside);
    let near = world.commit_on(&inside, "docs/work-items/K-10/x", "x").await;
    assert_eq!(mirror.ahead_outside(base, &near, folder).await.unwrap(), Ahead::Outside);
}

/// What was answered once is not asked again; what may still come is.
#[tokio::test]
async fn an_absent_commit_is_asked_for_again_and_a_forge_on_this_machine_is_seen_to_move() {
    let world = World::new().await;
    // Another's mirror of the same forge: this one sees main move only when it asks.
    let mirror = open_mirror(&world.git, &world.path("other"), world.forge.dir()).await;
    let first = mirror.fetch_main().await.unwrap();
    let next = world.advance_main("later", "x").await;
    assert!(!mirror.has_commit(&next).await.unwrap());
    let main = mirror.fetch_main().await.unwrap();
    assert_eq!(main.sha, next, "main was followed");
    assert!(mirror.has_commit(&next).await.unwrap());
    for _ in 0..2 {
        assert_eq!(mirror.is_ancestor(&first.sha, &next).await.unwrap(), Ancestry::Yes);
        assert_eq!(mirror.is_ancestor(&next, &first.sha).await.unwrap(), Ancestry::No);
        assert_eq!(mirror.changed_files(&first.sha, &next).await.unwrap(), ["later"]);
        assert_eq!(mirror.read_file(&next, "later", 64).await.unwrap().as_deref(), Some(&b"x"[..]));
        assert_eq!(mirror.tree_digest(&next, "later/below").await.unwrap(), None);
    }
    // Packed refs are read too, at both ends.
    Person { dir: world.forge.dir().to_owned() }.run(["pack-refs", "--all", "--prune"]);
    Person { dir: mirror.dir().to_owned() }.run(["pack-refs", "--all", "--prune"]);
    assert_eq!(mirror.fetch_main().await.unwrap(), main);
    assert_eq!(mirror.remote_branch(mirror.main_branch()).await.unwrap(), Some(next));
    std::fs::rename(world.forge.dir(), world.path("gone")).unwrap();
    assert!(mirror.fetch_main().await.is_err(), "a forge that is gone is not one without branches");
}
