//! Every repository of the table, made by git, with the real `init`, `run` and `pull`: it works, or is told exactly why not; and
//! whatever comes of it, the person's own is the same to the last byte and mode.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

mod page;
mod place;
mod table;

use std::path::PathBuf;

use place::{Place, Said, Theirs};
use table::{Comes, Host, Row, SECTIONS};

fn rows() -> impl Iterator<Item = &'static Row> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

fn check(is: &str) {
    let row = rows().find(|row| row.is == is).unwrap();
    let place = match Place::set(row) {
        Ok(place) => place,
        Err(why) => return eprintln!("not run: {is}: {why}"),
    };
    let before = place.theirs();
    let init = place.init();
    if row.comes == Comes::Refused {
        let expected = row.reads.join("\n");
        assert_eq!(
            (init.code, init.error.trim()),
            (Some(1), format!("orchctl: {expected}").as_str()),
            "{}",
            init.out
        );
        assert!(!place.config().exists(), "{is}: it was set up all the same");
    } else {
        init.ends(0);
        works(row, &place, init, &before);
        return;
    }
    assert_eq!(place.touched(&before), Vec::<PathBuf>::new(), "{is}: it was touched");
}

fn works(row: &Row, place: &Place, init: Said, before: &Theirs) {
    let run = place.run();
    run.ends(match row.comes {
        Comes::Works | Comes::Lands | Comes::Refused => 0,
        Comes::Waits => 6,
        Comes::Fails => 1,
    });
    let mut all = vec![init, run];
    let mut touched = place.touched(before);
    if matches!(row.comes, Comes::Works | Comes::Lands) {
        assert_eq!(touched, Vec::<PathBuf>::new(), "{}: it was touched", row.is);
        let pull = place.orchctl(&["pull"], Host::Plain);
        pull.ends(i32::from(row.comes == Comes::Lands));
        all.push(pull);
        touched = place.touched(before);
        // The person's own git looked at the files.
        touched.retain(|path| !path.ends_with("index") && !path.ends_with("ORIG_HEAD"));
    }
    for line in row.reads {
        let said: String = all.iter().map(|said| format!("{}{}", said.out, said.error)).collect();
        assert!(all.iter().any(|said| said.says(line)), "{}: nobody says: {line}\n{said}", row.is);
    }
    if row.comes == Comes::Works {
        let flags = std::fs::read_to_string(place.repository().join("flags")).unwrap();
        assert!(flags.contains("--version"), "{}: it was not brought: {flags}", row.is);
    } else {
        assert_eq!(touched, Vec::<PathBuf>::new(), "{}: it was touched", row.is);
    }
}

#[test]
fn a_main_that_was_mended_is_worked_on() {
    let row = rows().find(|row| row.is == "fails on main").unwrap();
    let place = Place::set(row).unwrap();
    place.init().ends(0);
    place.run().ends(6);
    // Asked again without anything mended, it says the same.
    place.orchctl(&["run"], Host::Plain).ends(6);
    let text = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), text.replace("exit 1", "exit 0").replace("not ok", "ok")).unwrap();
    place.orchctl(&["repo", "unfreeze", "shop"], Host::Plain).ends(0);
    place.orchctl(&["run"], Host::Plain).ends(0);
    place.orchctl(&["pull"], Host::Plain).ends(0);
}

#[test]
fn ones_own_commits_beside_what_landed_are_told_and_merged() {
    let row = rows().find(|row| row.is == "always passes (`true`)").unwrap();
    let place = Place::set(row).unwrap();
    place.init().ends(0);
    place.run().ends(0);
    place.git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    let run = place.run();
    run.ends(6);
    assert!(
        run.out.contains("each has commits that the other lacks. Merge them with: git -C "),
        "{}",
        run.out
    );
    place.git(&["merge", "-q", "--no-edit", "orchd/main"]);
    place.orchctl(&["run"], Host::Plain).ends(0);
    place.orchctl(&["pull"], Host::Plain).ends(0);
}

#[test]
fn the_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ref/bad-repositories.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page::page(),
        "docs/ref/bad-repositories.md is not what its table says; write it with\n  \
         cargo run -p orchctl --example bad-repositories > docs/ref/bad-repositories.md"
    );
    let rows = committed.lines().filter(|line| line.starts_with("| ") && !line.contains("what comes of it"));
    assert!(rows.clone().all(|row| row.matches('|').count() == 4), "a cell holds a bar");
    assert_eq!(rows.count(), self::rows().count());
}

/// One test each, so that the runner may spread them.
macro_rules! repositories {
    ($($name:ident = $is:literal;)*) => {
        $(#[test]
        fn $name() {
            check($is);
        })*

        #[test]
        fn every_repository_of_the_table_is_tried() {
            assert_eq!([$($is),*].to_vec(), rows().map(|row| row.is).collect::<Vec<_>>());
        }
    };
}

repositories! {
    has_changed_staged_and_untracked_files = "has changed, staged and untracked files";
    has_changes_that_are_not_committed = "has changes that are not committed in a file that the task changes too";
    has_no_commit = "has no commit";
    is_bare = "is bare";
    is_shallow = "is shallow";
    is_a_partial_clone_that_lacks = "is a partial clone that lacks objects";
    names_its_objects_by_sha_256 = "names its objects by SHA-256";
    has_no_main_trunk_is_checked = "has no main; trunk is checked out";
    has_no_main_and_no_branch = "has no main, and no branch is checked out";
    has_a_master = "has a master";
    has_no_branch_checked_out_a = "has no branch checked out (a detached HEAD)";
    is_in_the_middle_of_a = "is in the middle of a rebase with conflicts";
    is_in_the_middle_of_a_rebase = "is in the middle of a rebase that stopped for an edit";
    is_in_the_middle_of_a_merge = "is in the middle of a merge with conflicts";
    is_on_a_branch_with_commits = "is on a branch with commits of its own";
    has_a_sparse_checkout = "has a sparse checkout";
    is_a_linked_worktree = "is a linked worktree";
    has_submodules = "has submodules";
    is_a_submodule = "is a submodule";
    has_files_in_git_lfs_which = "has files in Git LFS, which is not installed";
    has_files_in_git_lfs_whose = "has files in Git LFS, whose program is gone";
    has_20_000_files = "has 20,000 files";
    has_files_with_spaces_quotes_newlines = "has files with spaces, quotes, newlines, and letters that are not ASCII or no text at all in their names";
    lies_in_a_directory_with_spaces = "lies in a directory with spaces, quotes, a newline, a colon and letters that are not ASCII in its name";
    has_crlf_by_gitattributes_and_core = "has CRLF by .gitattributes and core.autocrlf";
    has_crlf_in_files_that_its = "has CRLF in files that its .gitattributes would have without";
    has_names_that_are_one_where = "has names that are one where case does not matter";
    is_not_yours_to_write = "is not yours to write";
    became_read_only_after_init = "became read-only after `init`";
    belongs_to_another_user = "belongs to another user";
    is_worked_on_with_less_room = "is worked on with less room on the disk than is kept free";
    is_worked_on_with_a_full = "is worked on with a full disk";
    lies_inside_another_repository = "lies inside another repository";
    is_broken_and_lies_inside_another = "is broken, and lies inside another repository";
    is_a_cargo_workspace_and_you = "is a Cargo workspace, and you are in a member's folder";
    is_a_member_of_a_cargo = "is a member of a Cargo workspace that lies around it, outside of git";
    fails_on_main = "fails on main";
    fails_on_main_without_a_word = "fails on main without a word";
    needs_a_terminal = "needs a terminal";
    hangs = "hangs";
    always_passes_true = "always passes (`true`)";
    runs_zero_tests = "runs zero tests";
    writes_into_the_tree_and_into = "writes into the tree, and into git's";
}
