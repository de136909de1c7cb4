//! The local forge's repository: its guard, following the user's main, and what it writes for the user.

use orchd_core::id::{Branch, RefName};
use orchd_git::{ForgeRepo, GitError, ImportOutcome, LandOutcome};

use crate::fixture::{Person, World, empty, script, task};

fn main() -> Branch {
    Branch::new("main")
}

#[tokio::test]
async fn the_users_main_is_followed_by_fast_forward_only() {
    let world = World::new().await;
    let (forge, user, base) = (&world.forge, &world.user, world.base.clone());
    assert_eq!(forge.import_fast_forward(&user.dir, &main()).await.unwrap(), ImportOutcome::UpToDate);
    let next = user.commit("a", "1", "second");
    let advanced = forge.import_fast_forward(&user.dir.join(".git"), &main()).await.unwrap();
    assert_eq!(advanced, ImportOutcome::Advanced { from: Some(base), to: next.clone() });

    let landed = world.advance_main("b", "2").await;
    assert_eq!(
        forge.import_fast_forward(&user.dir, &main()).await.unwrap(),
        ImportOutcome::UpToDate,
        "user is behind"
    );
    let theirs = user.commit("c", "3", "third");
    let diverged = forge.import_fast_forward(&user.dir, &main()).await.unwrap();
    assert_eq!(diverged, ImportOutcome::Diverged { ours: landed.clone(), theirs });
    assert_eq!(forge.main().await.unwrap(), Some(landed));
}

#[tokio::test]
async fn an_empty_a_shallow_and_a_worktree_repository_are_told_apart() {
    let (_temp, dir, git) = empty();
    let user = Person::new(&dir.join("user"));
    let (forge, outcome) = ForgeRepo::init_from(&git, &dir.join("forge"), &user.dir, &main()).await.unwrap();
    assert_eq!((outcome, forge.main().await.unwrap()), (ImportOutcome::NoBranch, None));
    assert_eq!(ForgeRepo::current_branch(&git, &user.dir).await.unwrap(), Some(main()));
    let first = user.commit("a", "1", "first");
    let second = user.commit("a", "2", "second");
    user.run(["worktree", "add", "-q", "../linked tree", "-b", "side"]);
    let linked = dir.join("linked tree");
    let advanced = forge.import_fast_forward(&linked, &main()).await.unwrap();
    assert_eq!(advanced, ImportOutcome::Advanced { from: None, to: second });
    user.run(["checkout", "-q", "--detach", first.as_str()]);
    assert_eq!(ForgeRepo::current_branch(&git, &user.dir).await.unwrap(), None);

    let shallow = Person::new(&dir.join("shallow"));
    shallow.run([
        "fetch".as_ref(),
        "-q".as_ref(),
        "--depth=1".as_ref(),
        user.dir.as_os_str(),
        "main:refs/heads/work".as_ref(),
    ]);
    let error = forge.import_fast_forward(&shallow.dir, &Branch::new("work")).await.unwrap_err();
    assert!(matches!(error, GitError::Shallow { .. }), "{error}");
}

#[tokio::test]
async fn a_landing_is_shown_to_the_user_in_one_ref_and_nothing_else() {
    let world = World::new().await;
    let user = &world.user;
    let trace = world.path("trace");
    user.write("uncommitted", "mine");
    let hooks = user.dir.join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    script(&hooks.join("reference-transaction"), &format!("touch '{}'", trace.display()));
    user.run(["update-ref", "refs/heads/trial", "HEAD"]);
    assert!(trace.exists(), "the hook would have been noticed");
    user.run(["update-ref", "-d", "refs/heads/trial"]);
    user.run(["status"]);
    // It is there only if the hook ran; what matters is that it is gone now.
    let _ = std::fs::remove_file(&trace);
    let state = || {
        let files = [".git/index", ".git/HEAD", ".git/config", "README", "uncommitted"];
        files.map(|file| std::fs::read(user.dir.join(file)).unwrap())
    };
    let before = (state(), user.run(["for-each-ref"]));
    let landed = world.advance_main("b", "2").await;
    world.forge.write_user_ref(&user.dir, &landed).await.unwrap();
    world.forge.write_user_ref(&user.dir, &landed).await.unwrap();
    assert!(!trace.exists(), "a hook of the user's ran");
    assert_eq!(user.run(["rev-parse", "refs/remotes/orchd/main"]), landed.as_str());
    let refs = user.run(["for-each-ref"]);
    let others: Vec<&str> = refs.lines().filter(|line| !line.ends_with("refs/remotes/orchd/main")).collect();
    assert_eq!((state(), others.join("\n")), before);
    assert!(!user.dir.join(".git/FETCH_HEAD").exists());
    user.run(["merge", "-q", "--ff-only", "orchd/main"]);
}

#[tokio::test]
async fn the_guard_comes_back_and_moves_with_the_directory() {
    let world = World::new().await;
    let hook = world.forge.dir().join("hooks/update");
    std::fs::write(&hook, "").unwrap();
    ForgeRepo::init(&world.git, world.forge.dir()).await.unwrap();
    let moved = world.path("moved forge");
    std::fs::rename(world.forge.dir(), &moved).unwrap();
    let head = world.commit_on(&world.base, "a", "1").await;
    let person = Person { dir: world.mirror.dir().to_owned() };
    let push = |spec: String| {
        let args = ["push".as_ref(), "-q".as_ref(), "--force".as_ref(), moved.as_os_str(), spec.as_ref()];
        // A user whose own configuration names other hooks for every repository.
        let mut command = person.command(args);
        command.env("GIT_CONFIG_GLOBAL", world.path("home/gitconfig"));
        command.output().unwrap().status.success()
    };
    assert!(push(format!("{head}:refs/heads/main")));
    assert!(!push(format!("{}:refs/heads/main", world.base)), "main went back");
    assert!(!push(":refs/heads/main".to_owned()), "main was deleted");
    assert!(push(format!("{}:refs/heads/task", head)) && push(format!("{}:refs/heads/task", world.base)));
    assert!(push(":refs/heads/task".to_owned()), "a task branch may go");
}

#[tokio::test]
async fn a_landing_after_an_import_meets_the_new_main() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, "a", "1").await;
    let imported = world.user.commit("b", "2", "by hand");
    world.forge.import_fast_forward(&world.user.dir, &main()).await.unwrap();
    let outcome = world.mirror.land(&world.base, &head, &RefName::merge(task(), 1)).await.unwrap();
    assert_eq!(outcome, LandOutcome::StaleBase { main: imported });
}

#[tokio::test]
async fn a_repository_of_another_owner_is_followed_without_asking_for_an_exception() {
    let (_temp, dir, git) = empty();
    let user = Person::new(&dir.join("user"));
    let head = user.commit("a", "1", "first");
    // Only root can make the case; for anybody else this is one more plain import.
    if std::os::unix::fs::chown(&user.dir, Some(54321), None).is_ok() {
        std::os::unix::fs::chown(user.dir.join(".git"), Some(54321), None).unwrap();
    }
    let (forge, outcome) = ForgeRepo::init_from(&git, &dir.join("forge"), &user.dir, &main()).await.unwrap();
    assert_eq!(outcome, ImportOutcome::Advanced { from: None, to: head.clone() });
    forge.write_user_ref(&user.dir, &head).await.unwrap();
}
