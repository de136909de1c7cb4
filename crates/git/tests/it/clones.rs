//! The agent's clone and the way of its work back into the mirror.

use std::os::unix::fs::PermissionsExt;

use orchd_core::id::{Branch, RefName};
use orchd_git::{AgentClone, CloneSpec, GitError, Identity, salvage_branch};

use crate::fixture::{Person, World, run};

fn spec(world: &World, caches: &[&str]) -> CloneSpec {
    CloneSpec {
        branch: Branch::new("orchd/KEY-1"),
        at: world.base.clone(),
        author: Identity { name: "developer".into(), email: "dev@localhost".into() },
        caches: caches.iter().map(|cache| (*cache).to_owned()).collect(),
        former: None,
    }
}

#[tokio::test]
async fn a_run_comes_back_with_branch_and_salvage() {
    let world = World::new().await;
    let (dir, spec) = (world.path("clones/KEY 1"), spec(&world, &[]));
    let clone = AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    let agent = Person { dir: clone.dir.clone() };
    assert_eq!(agent.run(["symbolic-ref", "--short", "HEAD"]), "orchd/KEY-1");
    assert_eq!(agent.run(["rev-parse", "origin/main"]), world.base.as_str());
    assert_eq!(agent.run(["remote"]), "", "nothing to push to");
    let (nothing, id) = (world.mirror.fetch_run(&dir, &spec.branch, run()).await.unwrap(), run());
    assert_eq!((nothing.head, nothing.salvage), (Some(world.base.clone()), None));

    let head = agent.commit("src/lib.rs", "fn f() {}", "work");
    agent.run(["checkout", "-q", "-b", salvage_branch(id).as_str()]);
    let partial = agent.commit("half", "x", "partial");
    // Packed refs and objects are found too.
    agent.run(["repack", "-q", "-a", "-d", "-l"]);
    agent.run(["pack-refs", "--all"]);
    let heads = world.mirror.fetch_run(&dir, &spec.branch, id).await.unwrap();
    assert_eq!((heads.head.as_ref(), heads.salvage.as_ref()), (Some(&head), Some(&partial)));
    assert_eq!(world.mirror.resolve(&RefName::run(id)).await.unwrap(), Some(head));
    assert_eq!(world.mirror.resolve(&RefName::salvage(id)).await.unwrap(), Some(partial));
    let none = world.mirror.fetch_run(&dir, &Branch::new("other"), run()).await.unwrap();
    assert_eq!(none.head, None);
}

#[tokio::test]
async fn a_used_clone_is_replaced_only_when_its_work_is_safe() {
    let world = World::new().await;
    let (dir, spec) = (world.path("clones/KEY-1"), spec(&world, &["target", "web/node_modules", "src"]));
    let undeclared = CloneSpec { caches: vec!["target".to_owned()], ..spec.clone() };
    AgentClone::prepare(&world.mirror, &dir, &undeclared).await.unwrap();
    let agent = Person { dir: dir.clone() };
    let head = agent.commit("src/lib.rs", "x", "work");
    agent.write("target/big.o", "cache");
    assert_eq!(agent.run(["status", "--porcelain"]), "", "what is in a cache is nobody's work");
    agent.write("web/node_modules/a", "cache");
    agent.write("stray", "x");
    let refused = AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap_err();
    assert!(matches!(&refused, GitError::Unsalvaged { head: lost, .. } if *lost == head), "{refused}");

    world.mirror.fetch_run(&dir, &spec.branch, run()).await.unwrap();
    // A package cache with a read-only folder must not stand in the way.
    agent.write("ro/x", "y");
    std::fs::set_permissions(dir.join("ro"), std::fs::Permissions::from_mode(0o500)).unwrap();
    let clone = AgentClone::prepare(&world.mirror, &dir, &CloneSpec { at: head.clone(), ..spec.clone() })
        .await
        .unwrap();
    assert_eq!((clone.head, agent.head()), (head.clone(), head));
    assert!(dir.join("target/big.o").exists() && dir.join("web/node_modules/a").exists(), "caches stay");
    assert!(!dir.join("stray").exists() && !dir.join("ro").exists());
    assert_eq!(std::fs::read(dir.join("src/lib.rs")).unwrap(), b"x", "a tracked folder is no cache");
    agent.write("src/new.rs", "y");
    assert_eq!(agent.run(["status", "--porcelain"]), "?? src/new.rs", "and what is new in it is work");
    AgentClone::remove(&world.mirror, &dir, &spec.branch, None).await.unwrap();
    assert!(!dir.exists());
}

/// Partial work lies on a branch of its own: one that was never taken in is not lost with the clone.
#[tokio::test]
async fn partial_work_of_the_former_run_is_not_lost_with_its_clone() {
    let world = World::new().await;
    let (dir, former) = (world.path("clones/KEY-1"), run());
    let spec = CloneSpec { former: Some(former), ..spec(&world, &[]) };
    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    let agent = Person { dir: dir.clone() };
    agent.run(["checkout", "-q", "-b", salvage_branch(former).as_str()]);
    let partial = agent.commit("half", "x", "partial");
    let refused = AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap_err();
    assert!(matches!(&refused, GitError::Unsalvaged { head, .. } if *head == partial), "{refused}");
    let refused = AgentClone::remove(&world.mirror, &dir, &spec.branch, Some(former)).await.unwrap_err();
    assert!(matches!(&refused, GitError::Unsalvaged { head, .. } if *head == partial), "{refused}");
    world.mirror.fetch_run(&dir, &spec.branch, former).await.unwrap();
    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
}

/// What is built from a file stays built while the file stays. Whatever else a run made of one is not the next run's.
#[tokio::test]
async fn only_files_that_are_the_commits_are_taken_over() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    let world = World::new().await;
    let (dir, spec) = (world.path("clones/KEY-1"), spec(&world, &[]));
    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    let agent = Person { dir: dir.clone() };
    let names = ["a/same", "a/edited", "a/linked", "b/c/below", "hard", "open", "program", "gone", "folder"];
    let odd = "a/with space, \"quotes\",\nline and ünïcode";
    for name in names.iter().chain([&odd]) {
        agent.write(name, name);
    }
    let head = agent.commit("last", "last", "many");
    world.mirror.fetch_run(&dir, &spec.branch, run()).await.unwrap();
    let spec = CloneSpec { at: head, ..spec };
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for name in names.iter().chain([&odd]) {
        let file = std::fs::File::options().write(true).open(dir.join(name)).unwrap();
        file.set_modified(long_ago).unwrap();
    }

    let outside = world.path("outside");
    std::fs::create_dir_all(outside.join("c")).unwrap();
    std::fs::write(outside.join("c/below"), "b/c/below").unwrap();
    agent.write("a/edited", "edited by hand");
    agent.write("stray", "x");
    for name in ["a/linked", "gone", "folder"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    symlink(outside.join("c/below"), dir.join("a/linked")).unwrap();
    agent.write("folder/in/it", "x");
    std::fs::remove_dir_all(dir.join("b")).unwrap();
    symlink(&outside, dir.join("b")).unwrap();
    std::fs::hard_link(dir.join("hard"), outside.join("hard")).unwrap();
    let mode = |name, mode| {
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("open", 0o666);
    mode("program", 0o755);
    agent.run(["config", "core.fileMode", "false"]);
    agent.run(["update-index", "--assume-unchanged", "a/edited"]);

    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    assert_eq!(agent.run(["status", "--porcelain", "--ignored"]), "");
    assert_eq!(agent.run(["ls-files", "-v", "a/edited"]), "H a/edited");
    for name in names.iter().chain([&odd]) {
        let meta = std::fs::symlink_metadata(dir.join(name)).unwrap();
        assert_eq!(std::fs::read_to_string(dir.join(name)).unwrap(), **name);
        assert!(meta.is_file() && meta.nlink() == 1 && meta.mode() & 0o133 == 0, "{name}: {:o}", meta.mode());
        let is_same = *name == "a/same" || *name == odd;
        assert_eq!(meta.modified().unwrap() == long_ago, is_same, "{name}");
    }
    assert_eq!(std::fs::read_to_string(outside.join("c/below")).unwrap(), "b/c/below");
    assert_eq!(std::fs::read_to_string(outside.join("hard")).unwrap(), "hard");
}

/// Whether a file is the commit's is asked with the commit's attributes: a run's own could call other bytes the same.
#[tokio::test]
async fn a_runs_attributes_have_no_say_in_what_is_taken_over() {
    let world = World::new().await;
    let (dir, spec) = (world.path("clones/KEY-1"), spec(&world, &[]));
    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    let agent = Person { dir: dir.clone() };
    for folder in ["", "a/"] {
        agent.write(&format!("{folder}.gitattributes"), "# none yet\n");
        agent.write(&format!("{folder}lines"), "one\ntwo\n");
    }
    let head = agent.commit("last", "last", "many");
    world.mirror.fetch_run(&dir, &spec.branch, run()).await.unwrap();
    for folder in ["", "a/"] {
        agent.write(&format!("{folder}.gitattributes"), "* text eol=crlf\n");
        agent.write(&format!("{folder}lines"), "one\r\ntwo\r\n");
        // Of a file that is as old as the index git looks at the content twice.
        let lines = std::fs::File::options().write(true).open(dir.join(format!("{folder}lines"))).unwrap();
        lines.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    }
    AgentClone::prepare(&world.mirror, &dir, &CloneSpec { at: head, ..spec }).await.unwrap();
    for folder in ["", "a/"] {
        assert_eq!(std::fs::read_to_string(dir.join(format!("{folder}lines"))).unwrap(), "one\ntwo\n");
    }
}

#[tokio::test]
async fn line_ends_that_attributes_would_change_are_in_no_commit_of_an_agents() {
    let world = World::new().await;
    let author = Person::clone_of(world.mirror.dir(), &world.path("author"), &world.base);
    author.write("dos", "a\r\nb\r\n");
    author.run(["add", "dos"]);
    author.run(["commit", "-q", "-m", "dos"]);
    author.write("inner/.gitattributes", "");
    author.write(".gitattributes", "* text\n");
    author.run(["add", ".gitattributes", "inner"]);
    author.run(["commit", "-q", "-m", "attributes"]);
    let at = author.head();
    let mirror = Person { dir: world.mirror.dir().to_owned() };
    mirror.run(["fetch", "-q", author.dir.to_str().unwrap(), &format!("{at}:refs/test/dos")]);
    let dir = world.path("clones/KEY-1");
    for _ in 0..2 {
        AgentClone::prepare(&world.mirror, &dir, &CloneSpec { at: at.clone(), ..spec(&world, &[]) })
            .await
            .unwrap();
        let agent = Person { dir: dir.clone() };
        assert_eq!(std::fs::read(dir.join("dos")).unwrap(), b"a\r\nb\r\n");
        agent.write("work", "1");
        agent.run(["add", "--all"]);
        assert_eq!(agent.run(["diff", "--cached", "--name-only"]), "work");
        // What somebody changes is a change, of the same size and at once, too.
        agent.write("dos", "a\r\nc\r\n");
        agent.run(["add", "--all"]);
        assert_eq!(agent.run(["diff", "--cached", "--name-only"]), "dos\nwork");
    }
}
