//! Which data directory a store belongs to: elsewhere it is refused, whether it was copied there or linked, and a
//! directory that was moved takes its store with it.

use std::fs;
use std::path::Path;

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness as _;
use orchd_core::port::store::Store as _;
use orchd_store_sqlite::{MIGRATIONS, OpenError, SqliteStore};
use orchd_testkit::block_on;

use super::fixture::{Place, clock, create};

/// Each way to open a store refuses this one, as `whose`.
#[track_caller]
fn refused(path: &Path, whose: &Place) {
    let tries = [
        SqliteStore::open(path, clock()),
        SqliteStore::open_inline(path, clock()),
        SqliteStore::open_to_look(path, clock()),
    ];
    for tried in tries {
        let Err(error) = tried else { panic!("another instance's store was opened: {path:?}") };
        let OpenError::AnotherInstance { directory, .. } = &error else { panic!("{error:?}") };
        assert_eq!(Path::new(directory), whose.path().parent().unwrap());
        assert!(error.to_string().starts_with("another-instance: "), "{error}");
    }
}

fn tasks(store: &SqliteStore) -> usize {
    block_on(store.inventory()).unwrap().tasks.len()
}

/// The id and the directory that the store remembers.
fn remembered(place: &Place) -> (String, String) {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: String,
        #[diesel(sql_type = Text)]
        directory: String,
    }
    let Row { id, directory } =
        diesel::sql_query("SELECT id, directory FROM instance").get_result(&mut place.raw()).unwrap();
    (id, directory)
}

/// A store with one task that nobody has open.
fn production() -> Place {
    let place = Place::new();
    block_on(create(&place.open(), 1));
    place
}

#[test]
fn inc_35_a_copy_of_the_store_in_another_directory_is_refused() {
    let production = production();
    let test = Place::new();
    fs::copy(production.path(), test.path()).unwrap();
    refused(&test.path(), &production);
    assert_eq!(fs::read(test.path()).unwrap(), fs::read(production.path()).unwrap(), "it was left alone");
    // The same where the directory had a store of its own.
    let used = self::production();
    fs::copy(production.path(), used.path()).unwrap();
    refused(&used.path(), &production);
    assert_eq!(tasks(&production.open()), 1);
}

#[test]
fn a_store_that_was_restored_without_its_directorys_id_says_what_is_missing() {
    let place = production();
    let (id, directory) = remembered(&place);
    let file = Path::new(&directory).join("instance-id");
    fs::remove_file(&file).unwrap();
    refused(&place.path(), &place);
    let Err(error) = SqliteStore::open(place.path(), clock()) else { panic!("it was opened") };
    let said = error.to_string();
    assert!(said.contains("its file instance-id was lost"), "{said}");
    assert!(!said.contains("two places"), "{said}");
    // As it says.
    fs::write(&file, &id).unwrap();
    assert_eq!(tasks(&place.open()), 1);
}

#[test]
fn inc_35_a_link_to_another_instances_store_is_refused() {
    let production = Place::new();
    // At work, and for the first time: what it remembers must not be in its write-ahead log alone.
    let store = production.open();
    let (soft, hard) = (Place::new(), Place::new());
    std::os::unix::fs::symlink(production.path(), soft.path()).unwrap();
    fs::hard_link(production.path(), hard.path()).unwrap();
    refused(&soft.path(), &production);
    refused(&hard.path(), &production);
    block_on(create(&store, 1));
    drop(store);
    refused(&soft.path(), &production);
    refused(&hard.path(), &production);
    assert_eq!(tasks(&production.open()), 1);
}

#[test]
fn a_directory_that_was_moved_takes_its_store_with_it() {
    let production = production();
    let parent = tempfile::tempdir().unwrap();
    let (old, new) = (production.path().parent().unwrap().to_owned(), parent.path().join("new"));
    fs::rename(&old, &new).unwrap();
    let path = new.join("orchd.db");
    assert_eq!(tasks(&SqliteStore::open_to_look(&path, clock()).unwrap()), 1);
    assert_eq!(tasks(&SqliteStore::open(&path, clock()).unwrap()), 1);
    // Through a link to the directory it is the same one.
    let link = parent.path().join("link");
    std::os::unix::fs::symlink(&new, &link).unwrap();
    assert_eq!(tasks(&SqliteStore::open_to_look(link.join("orchd.db"), clock()).unwrap()), 1);
    // Back, for its owner to remove. Whoever will be refused is told of where it was last opened to be worked on.
    fs::rename(&new, &old).unwrap();
    assert_eq!(Path::new(&remembered(&production).1), new);
    drop(production.open());
    assert_eq!(Path::new(&remembered(&production).1), old);
}

/// The way out that the refusal names, for whom nothing but the store's file is left.
#[test]
fn inc_35_whose_directory_is_gone_is_told_how_to_go_on() {
    let gone = production();
    let new = Place::new();
    fs::copy(gone.path(), new.path()).unwrap();
    // An id that was cut short is as good as none.
    fs::write(new.path().with_file_name("instance-id"), "").unwrap();
    refused(&new.path(), &gone);
    let told = SqliteStore::open(new.path(), clock()).unwrap_err().to_string();
    let (_, id_and_file) = told.rsplit_once("write ").unwrap();
    let (id, file) = id_and_file.split_once(" into ").unwrap();
    fs::write(file, format!("{id}\n")).unwrap();
    assert_eq!(tasks(&new.open()), 1);
}

#[test]
fn a_store_of_an_older_orchd_belongs_to_where_it_is_found() {
    let place = Place::new();
    let mut conn = place.raw();
    for _ in 1..=5 {
        conn.run_next_migration(MIGRATIONS).unwrap();
    }
    drop(conn);
    block_on(create(&place.open(), 1));
    assert_eq!(tasks(&place.open()), 1);
    let (id, directory) = remembered(&place);
    assert_eq!(fs::read_to_string(place.path().with_file_name("instance-id")).unwrap().trim(), id);
    assert_eq!(Path::new(&directory), place.path().parent().unwrap());
}

/// A directory keeps its id: a store that is made anew there, and a copy that is put back, are its own.
#[test]
fn a_directory_outlives_its_stores() {
    let place = production();
    let kept = fs::read(place.path()).unwrap();
    fs::remove_file(place.path()).unwrap();
    assert_eq!(tasks(&place.open()), 0);
    fs::write(place.path(), kept).unwrap();
    assert_eq!(tasks(&place.open()), 1);
}

#[test]
fn a_store_stays_with_its_directory() {
    let place = production();
    let mut conn = place.raw();
    let error = conn.batch_execute("UPDATE instance SET id = lower(hex(randomblob(16)))").unwrap_err();
    assert!(error.to_string().contains("instance_fixed"), "{error}");
    let error = conn.batch_execute("DELETE FROM instance").unwrap_err();
    assert!(error.to_string().contains("instance_stays"), "{error}");
}
