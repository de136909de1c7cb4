//! The landing's rebase and gate checkouts.

use orchd_core::id::Sha;
use orchd_git::{GateCheckout, RebaseOutcome, RebaseRequest, rebase};

use crate::fixture::{Person, World};

async fn run(world: &World, head: &Sha, onto: &Sha, union: &[String]) -> RebaseOutcome {
    let dir = world.path("gates/re base");
    let outcome = rebase(&world.mirror, RebaseRequest { head, onto, dir: &dir, union }).await.unwrap();
    assert!(!dir.exists(), "the checkout was left behind");
    outcome
}

#[tokio::test]
async fn a_clean_rebase_keeps_author_and_patch_and_is_repeatable() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, "a", "1").await;
    let main = world.advance_main("b", "2").await;
    let outcome = run(&world, &head, &main, &[]).await;
    let RebaseOutcome::Rebased { head: new, patch_before, patch_after } = outcome.clone() else {
        panic!("{outcome:?}")
    };
    assert_eq!(patch_before, patch_after);
    let mirror = Person { dir: world.mirror.dir().to_owned() };
    let people = mirror.run(["show", "-s", "--format=%an <%ae>, %cn <%ce>", new.as_str()]);
    assert_eq!(people, "Dev Eloper <dev@example.org>, orchd <orchd@localhost>");
    assert_eq!(run(&world, &head, &main, &[]).await, outcome, "the same request gives the same head");
    assert_eq!(run(&world, &new, &main, &[]).await, RebaseOutcome::UpToDate);
    assert_eq!(run(&world, &world.base, &main, &[]).await, RebaseOutcome::AlreadyIn);
}

#[tokio::test]
async fn a_conflict_names_files_and_shows_hunks() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, "README", "mine\n").await;
    let main = world.advance_main("README", "theirs\n").await;
    let RebaseOutcome::Conflict { files, hunks } = run(&world, &head, &main, &[]).await else { panic!() };
    assert_eq!(files, ["README"]);
    assert!(hunks.text.contains("mine") && hunks.text.contains("theirs"), "{}", hunks.text);
}

#[tokio::test]
async fn union_files_merge_and_keep_both_entries() {
    let world = World::new().await;
    let main = world.advance_main("CHANGE LOG.md", "# Log\n").await;
    let head = world.commit_on(&main, "CHANGE LOG.md", "# Log\n- mine\n").await;
    let main = world.advance_main("CHANGE LOG.md", "# Log\n- theirs\n").await;
    let union = ["CHANGE LOG.md".to_owned()];
    assert!(matches!(run(&world, &head, &main, &[]).await, RebaseOutcome::Conflict { .. }));
    let outcome = run(&world, &head, &main, &union).await;
    let RebaseOutcome::Rebased { head: new, .. } = outcome else { panic!("{outcome:?}") };
    let text = world.mirror.read_file(&new, "CHANGE LOG.md", 999).await.unwrap().unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("- mine") && text.contains("- theirs"), "{text}");
}

#[tokio::test]
async fn inc_33_an_entry_that_a_union_merge_drops_is_told() {
    let world = World::new().await;
    let start = "# Log\n- one\n- two\n- three\n- four\n- five\n- six\n- seven\n";
    let main = world.advance_main("LOG", start).await;
    // Main took the branch's entry up and then out again. git leaves out the commit that main has had already,
    // and the entry goes with it.
    let one = world.commit_on(&main, "LOG", &format!("{start}- mine\n")).await;
    let head = world.commit_on(&one, "other", "x").await;
    world.advance_main("unrelated", "x").await;
    let taken = world.advance_main("LOG", &format!("{start}- mine\n")).await;
    let main = world.advance_main("LOG", start).await;
    assert_ne!(taken, main);
    let outcome = run(&world, &head, &main, &["LOG".to_owned()]).await;
    let lost = matches!(&outcome, RebaseOutcome::Vanished { entries } if entries[0].line == "- mine" && entries[0].file == "LOG");
    assert!(lost, "{outcome:?}");
}

#[tokio::test]
async fn a_gate_checkout_is_exactly_the_commit() {
    let world = World::new().await;
    let files = [(".gitignore", b"junk\n".as_slice()), ("sub dir/ö", b"x")];
    let sha = world.commit_bytes(&world.base, &files).await;
    let dir = world.path("gates/K-1");
    let checkout = GateCheckout::create(&world.mirror, &sha, &dir).await.unwrap();
    std::fs::write(dir.join("junk"), "from a runner").unwrap();
    assert_eq!(std::fs::read(dir.join("sub dir/ö")).unwrap(), b"x");
    assert_eq!(Person { dir: dir.clone() }.head(), sha);
    let again = GateCheckout::create(&world.mirror, &sha, &dir).await.unwrap();
    assert!(!dir.join("junk").exists(), "ignored files do not survive");
    assert_eq!((again.sha(), again.dir()), (&sha, dir.as_path()));
    drop(checkout);
    again.remove().await.unwrap();
    assert!(!dir.exists());
}

#[tokio::test]
async fn line_ends_that_attributes_would_change_are_in_nobodys_way() {
    let world = World::new().await;
    let dos = world.commit_bytes(&world.base, &[("dos", b"a\r\nb\r\n"), ("page.html", b"$Id$\r\n")]).await;
    // As somebody does who adds attributes and leaves the files as they are.
    let author = Person::clone_of(world.mirror.dir(), &world.path("author"), &dos);
    author.write(".gitattributes", "* text\n*.html text eol=crlf ident\n");
    author.run(["add", ".gitattributes"]);
    author.run(["commit", "-q", "-m", "attributes"]);
    let base = author.head();
    author.write("other", "2");
    author.run(["add", "other"]);
    author.run(["commit", "-q", "-m", "main"]);
    let main = author.head();
    author.run(["checkout", "-q", "--force", "--detach", base.as_str()]);
    author.write("work", "1");
    author.run(["add", "work"]);
    author.run(["commit", "-q", "-m", "work"]);
    let head = author.head();
    let mirror = Person { dir: world.mirror.dir().to_owned() };
    let from = author.dir.to_str().unwrap();
    mirror.run([
        "fetch",
        "-q",
        from,
        &format!("{main}:refs/test/crlf-main"),
        &format!("{head}:refs/test/crlf"),
    ]);
    let outcome = run(&world, &head, &main, &[]).await;
    let RebaseOutcome::Rebased { head: new, patch_before, patch_after } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(patch_before, patch_after);
    assert_eq!(mirror.run(["diff", "--name-only", main.as_str(), new.as_str()]), "work");
}
