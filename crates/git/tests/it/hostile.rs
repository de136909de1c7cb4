//! INC-43: whatever an agent writes into its clone, taking its work runs nothing and reads nothing elsewhere.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use orchd_core::id::Branch;
use orchd_git::{AgentClone, CloneSpec, GitError, Identity};

use crate::fixture::{Person, World, run, script};

async fn agent(world: &World) -> (Person, Branch) {
    let (branch, dir) = (Branch::new("orchd/KEY-1"), world.path("clone"));
    let author = Identity { name: "dev".into(), email: "d@localhost".into() };
    let spec = CloneSpec {
        branch: branch.clone(),
        at: world.base.clone(),
        author,
        caches: Vec::new(),
        former: None,
    };
    AgentClone::prepare(&world.mirror, &dir, &spec).await.unwrap();
    (Person { dir }, branch)
}

/// A program that leaves a trace when anything runs it.
fn trap(dir: &Path, name: &str) -> String {
    let path = dir.join(name);
    script(&path, &format!("echo {name} >> '{}'", dir.join("traces").display()));
    path.display().to_string()
}

#[tokio::test]
async fn inc_43_a_hostile_clone_executes_nothing() {
    let world = World::new().await;
    let (agent, branch) = agent(&world).await;
    let head = agent.commit("work", "x", "work");
    // A plain path: a newline in it would break the hostile configuration instead of the crate.
    let plain = tempfile::tempdir().unwrap();
    let traps = plain.path().to_owned();
    for hook in
        ["post-checkout", "pre-push", "reference-transaction", "post-upload-pack", "pre-receive", "update"]
    {
        trap(&traps, hook);
    }
    let evil = trap(&traps, "evil");
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.gitProxy",
        "core.pager",
        "core.alternateRefsCommand",
        "credential.helper",
        "uploadpack.packObjectsHook",
        "diff.external",
        "filter.x.process",
        "gpg.program",
    ] {
        agent.run(["config", key, &evil]);
    }
    agent.run(["config", "core.hooksPath", traps.to_str().unwrap()]);
    agent.run(["config", &format!("url.ext::{evil}.insteadOf"), "/"]);
    agent.run(["config", "core.worktree", "/"]);
    // It is there only if setting the traps tripped one; what matters is that it is gone now.
    let _ = std::fs::remove_file(traps.join("traces"));

    let heads = world.mirror.fetch_run(&agent.dir, &branch, run()).await.unwrap();
    assert_eq!(heads.head, Some(head.clone()));
    let pushed = world.mirror.push_branch(&branch, &head, None).await.unwrap();
    assert_eq!(pushed, orchd_git::PushOutcome::Pushed);
    let quiet = !traps.join("traces").exists();
    agent.run(["config", "--unset", "core.worktree"]);
    agent.run(["status"]);
    assert!(traps.join("traces").exists(), "the traps would have been noticed");
    assert!(quiet, "{:?}", std::fs::read_to_string(traps.join("traces")));
}

#[tokio::test]
async fn a_clone_cannot_smuggle_objects_from_elsewhere() {
    let world = World::new().await;
    let plain = tempfile::tempdir().unwrap();
    let secret = Person::new(plain.path());
    let hidden = secret.commit("s", "secret", "secret");
    for way in ["alternates", "linked objects", "linked pack"] {
        let (agent, branch) = agent(&world).await;
        let objects = agent.dir.join(".git/objects");
        match way {
            "alternates" => {
                std::fs::write(
                    objects.join("info/alternates"),
                    format!("{}\n", secret.dir.join(".git/objects").display()),
                )
                .unwrap();
            }
            "linked objects" => {
                std::fs::remove_dir_all(&objects).unwrap();
                symlink(secret.dir.join(".git/objects"), &objects).unwrap();
            }
            _ => {
                secret.run(["repack", "-q", "-a", "-d"]);
                std::fs::remove_dir_all(objects.join("pack")).unwrap();
                symlink(secret.dir.join(".git/objects/pack"), objects.join("pack")).unwrap();
            }
        }
        std::fs::write(agent.dir.join(".git/refs/heads").join(branch.as_str()), format!("{hidden}\n"))
            .unwrap();
        agent.run(["cat-file", "-e", hidden.as_str()]);
        let taken = world.mirror.fetch_run(&agent.dir, &branch, run()).await;
        assert!(matches!(taken, Err(GitError::CloneUnusable { .. })), "{way}: {taken:?}");
        assert!(!world.mirror.has_commit(&hidden).await.unwrap(), "{way}");
        assert_eq!(std::fs::read_dir(world.mirror.dir().join("orchd-intake")).unwrap().count(), 0, "{way}");
        std::fs::remove_dir_all(&agent.dir).unwrap();
    }
}

#[tokio::test]
async fn a_ref_that_is_no_commit_name_or_a_link_is_not_followed() {
    let world = World::new().await;
    let (agent, branch) = agent(&world).await;
    let file = agent.dir.join(".git/refs/heads").join(branch.as_str());
    for text in ["ref: refs/heads/../../../../etc/passwd\n", "--upload-pack=id\n", "abc\n"] {
        std::fs::write(&file, text).unwrap();
        let taken = world.mirror.fetch_run(&agent.dir, &branch, run()).await;
        assert!(matches!(taken, Err(GitError::CloneUnusable { .. })), "{text}: {taken:?}");
    }
    std::fs::remove_file(&file).unwrap();
    let elsewhere = world.path("elsewhere");
    std::fs::write(&elsewhere, format!("{}\n", world.base)).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(world.mirror.fetch_run(&agent.dir, &branch, run()).await.unwrap().head, None);
}

#[tokio::test]
async fn a_corrupt_object_does_not_enter_the_mirror() {
    let world = World::new().await;
    let (agent, branch) = agent(&world).await;
    let head = agent.commit("work", "x", "work");
    let (fanout, rest) = head.as_str().split_at(2);
    let object = agent.dir.join(".git/objects").join(fanout).join(rest);
    let other = agent.commit("work", "y", "more");
    let (fanout, rest) = other.as_str().split_at(2);
    std::fs::set_permissions(&object, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::copy(agent.dir.join(".git/objects").join(fanout).join(rest), &object).unwrap();
    std::fs::write(agent.dir.join(".git/refs/heads").join(branch.as_str()), format!("{head}\n")).unwrap();
    let taken = world.mirror.fetch_run(&agent.dir, &branch, run()).await;
    assert!(matches!(taken, Err(GitError::CloneUnusable { .. })), "{taken:?}");
    assert!(!world.mirror.has_commit(&head).await.unwrap());
}

/// What the host is at fault for is never said of the clone.
#[tokio::test]
async fn a_mirror_that_takes_nothing_is_not_the_clones_fault() {
    let world = World::new().await;
    let ((agent, branch), run) = (agent(&world).await, run());
    let head = agent.commit("work", "x", "work");
    // A lock on the ref stands for whatever keeps the mirror from being written.
    let lock = world.mirror.dir().join(format!("refs/orchd/run/{run}.lock"));
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let taken = world.mirror.fetch_run(&agent.dir, &branch, run).await;
    assert!(matches!(taken, Err(GitError::Failed { .. })), "{taken:?}");
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(world.mirror.fetch_run(&agent.dir, &branch, run).await.unwrap().head, Some(head));
}
