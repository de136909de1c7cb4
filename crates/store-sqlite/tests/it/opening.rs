//! Who may open a store's file, and which files are opened.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use diesel::connection::SimpleConnection as _;
use diesel_migrations::MigrationHarness as _;
use orchd_core::job::JobSpec;
use orchd_core::port::store::Store as _;
use orchd_store_sqlite::{MIGRATIONS, OpenError, SqliteStore};
use orchd_testkit::block_on;
use orchd_testkit::contract::lab::{agent_work, test_work};

use super::fixture::{Other, Place, clock, create, new_task, told_path};

/// Not a test: the other process of the one below. Owns the store until it is killed.
#[test]
#[ignore = "the other process of a test, which kills it"]
fn other_process_owns_the_store() {
    let _store = SqliteStore::open(told_path(), clock()).unwrap();
    println!("done 1");
    // Until the pipe is closed.
    let _ = told_path();
}

#[test]
fn a_second_process_is_refused_and_told_who_owns_the_store() {
    let place = Place::new();
    let mut other = Other::start("opening::other_process_owns_the_store", &place.path());
    other.says();
    let refused = SqliteStore::open(place.path(), clock()).unwrap_err();
    let OpenError::Owned { owner, .. } = &refused else { panic!("{refused:?}") };
    assert!(owner.contains(&format!("pid {}", other.pid())), "{owner}");
    assert!(owner.contains("other_process_owns_the_store"), "{owner}");
    assert!(refused.to_string().contains("orchctl"), "{refused}");
    other.kill();
    SqliteStore::open(place.path(), clock()).unwrap();
}

#[test]
fn a_second_handle_of_one_process_is_refused() {
    let place = Place::new();
    let first = place.open();
    let second = SqliteStore::open(place.path(), clock()).unwrap_err();
    assert!(matches!(second, OpenError::Owned { .. }), "{second:?}");
    let inline = SqliteStore::open_inline(place.path(), clock()).unwrap_err();
    assert!(matches!(inline, OpenError::Owned { .. }), "{inline:?}");
    drop(first);
    SqliteStore::open_inline(place.path(), clock()).unwrap();
}

#[test]
fn the_files_are_their_owners_only() {
    let place = Place::new();
    let store = place.open();
    block_on(create(&store, 1));
    for name in ["orchd.db", "orchd.db-wal", "orchd.db-shm", "orchd.db.lock", "instance-id"] {
        let mode = fs::metadata(place.path().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let place = Place::new();
    fs::write(place.path(), "not a database, but text that is long enough to look at\n".repeat(20)).unwrap();
    let before = fs::read(place.path()).unwrap();
    let refused = SqliteStore::open(place.path(), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused:?}");
    let unseen = SqliteStore::open_to_look(place.path(), clock()).unwrap_err();
    assert!(matches!(unseen, OpenError::NotOurs { .. }), "{unseen:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let place = Place::new();
    place.raw().batch_execute("CREATE TABLE theirs (n INTEGER);").unwrap();
    let before = fs::read(place.path()).unwrap();
    let refused = SqliteStore::open(place.path(), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused:?}");
    let unseen = SqliteStore::open_to_look(place.path(), clock()).unwrap_err();
    assert!(matches!(unseen, OpenError::NotOurs { .. }), "{unseen:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_store_of_a_newer_orchd_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999');";
    place.raw().batch_execute(newer).unwrap();
    let refused = SqliteStore::open(place.path(), clock()).unwrap_err();
    let OpenError::Newer { version, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(version, "9999");
}

/// A copy of the file's bytes and of what lies beside it.
fn files(place: &Place) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let dir = place.path().parent().unwrap().to_owned();
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let lock = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".lock");
    let mut files: Vec<_> = entries
        .filter(|entry| !lock(&entry.file_name()))
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn who_only_looks_reads_what_is_there_and_writes_nothing() {
    let place = Place::new();
    let created = block_on(create(&place.open(), 1));
    let before = files(&place);
    let store = SqliteStore::open_to_look(place.path(), clock()).unwrap();
    let all = block_on(store.inventory()).unwrap();
    assert_eq!(all.tasks.iter().map(|record| &record.task).collect::<Vec<_>>(), [&created]);
    let written = block_on(store.create_task(new_task(2)));
    assert!(written.unwrap_err().to_string().contains("readonly"));
    assert!(matches!(SqliteStore::open(place.path(), clock()), Err(OpenError::Owned { .. })));
    drop(store);
    assert_eq!(files(&place), before);
}

#[test]
fn who_only_looks_reads_what_a_killed_process_left() {
    let place = Place::new();
    let store = place.open();
    block_on(create(&store, 1));
    // Its last connections are not closed: what it committed is in the write-ahead log alone.
    let (db, wal) = (place.path(), place.path().with_file_name("orchd.db-wal"));
    let killed = Place::new();
    // The directory as it was left: with the id by which the store is its own.
    fs::copy(db.with_file_name("instance-id"), killed.path().with_file_name("instance-id")).unwrap();
    fs::copy(db, killed.path()).unwrap();
    fs::copy(wal, killed.path().with_file_name("orchd.db-wal")).unwrap();
    let look = SqliteStore::open_to_look(killed.path(), clock()).unwrap();
    assert_eq!(block_on(look.inventory()).unwrap().tasks.len(), 1);
}

#[test]
fn who_only_looks_makes_no_store() {
    let place = Place::new();
    let absent = SqliteStore::open_to_look(place.path(), clock()).unwrap_err();
    assert!(matches!(absent, OpenError::Absent { .. }), "{absent:?}");
    let nowhere = place.path().with_file_name("nowhere").join("orchd.db");
    let absent = SqliteStore::open_to_look(nowhere, clock()).unwrap_err();
    assert!(matches!(absent, OpenError::Absent { .. }), "{absent:?}");
    assert_eq!(fs::read_dir(place.path().parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn who_only_looks_migrates_nothing() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    let lacks = |version: &str| match SqliteStore::open_to_look(place.path(), clock()) {
        Err(OpenError::Older { version: lacked, .. }) => assert_eq!(lacked, version),
        other => panic!("{other:?}"),
    };
    lacks("0001");
    let mut conn = place.raw();
    for next in ["0002", "0003"] {
        conn.run_next_migration(MIGRATIONS).unwrap();
        lacks(next);
    }
    assert_eq!(conn.applied_migrations().unwrap().len(), 2);
    conn.run_pending_migrations(MIGRATIONS).unwrap();
    drop(SqliteStore::open_to_look(place.path(), clock()).unwrap());
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999');").unwrap();
    let newer = SqliteStore::open_to_look(place.path(), clock()).unwrap_err();
    assert!(matches!(newer, OpenError::Newer { .. }), "{newer:?}");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let place = Place::new();
    let path = place.path().with_file_name("nowhere").join("orchd.db");
    let refused = SqliteStore::open(&path, clock()).unwrap_err();
    assert!(matches!(&refused, OpenError::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains("nowhere"), "{refused}");
}

#[test]
fn migrations_run_on_an_empty_file_and_on_one_with_rows() {
    let place = Place::new();
    let mut conn = place.raw();
    let first = conn.run_next_migration(MIGRATIONS).unwrap().to_string();
    assert_eq!(first, "0001");
    conn.batch_execute(
        "INSERT INTO repos (id, project, epoch, body) VALUES ('repo', 'project', 1, '{}'); \
         INSERT INTO tasks (seq, id, project, repo, key, life, stage, version, wakes, candidacy, priority, \
         paused, held, stopping) VALUES (1, 'a', 'project', 'repo', 'T-1', 1, 'done', 1, 0, 'none', 0, 0, 0, 0);",
    )
    .unwrap();
    let rest = conn.run_pending_migrations(MIGRATIONS).unwrap();
    assert!(!rest.is_empty(), "there is a migration that ran on rows");
    drop(conn);
    // The rows are read by this version: the body above is not a task, and that is found, not guessed at.
    let store = SqliteStore::open(place.path(), clock()).unwrap();
    let found = block_on(store.tasks());
    assert_eq!(found, Ok(Vec::new()), "a row without its body is not listed");
    assert!(block_on(store.repos()).unwrap_err().to_string().contains("row repo of repos"));
}

/// Jobs that an older orchd left in the queue have the provider that their specification names.
#[test]
fn an_older_queue_learns_its_providers() {
    use diesel::RunQueryDsl as _;
    use diesel::sql_types::{Nullable, Text};
    #[derive(Debug, PartialEq, diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: String,
        #[diesel(sql_type = Nullable<Text>)]
        provider: Option<String>,
    }
    let place = Place::new();
    let mut conn = place.raw();
    for _ in 1..=3 {
        conn.run_next_migration(MIGRATIONS).unwrap();
    }
    conn.batch_execute(
        "INSERT INTO repos (id, project, epoch, body) VALUES ('repo', 'project', 1, '{}'); \
         INSERT INTO tasks (seq, id, project, repo, key, life, stage, version, wakes, candidacy, priority, \
         paused, held, stopping) VALUES (1, 'a', 'project', 'repo', 'T-1', 1, 'review', 1, 0, 'none', 0, 0, 0, 0), \
         (2, 'b', 'project', 'repo', 'T-2', 1, 'review', 1, 0, 'none', 0, 0, 0, 0);",
    )
    .unwrap();
    let spec = |work| serde_json::to_string(&JobSpec { work, not_before: None }).unwrap();
    let (agent, test) = (spec(agent_work("north")), spec(test_work()));
    conn.batch_execute(&format!(
        "INSERT INTO jobs (id, task, kind, class, state, priority, created_at, available_at, spec, attempt) VALUES \
         ('j', 'a', 'agent', 'pipeline', 'queued', 0, 1, 0, '{agent}', 0), \
         ('k', 'b', 'test', 'pipeline', 'queued', 0, 1, 0, '{test}', 0);"
    ))
    .unwrap();
    conn.run_pending_migrations(MIGRATIONS).unwrap();
    let rows: Vec<Row> =
        diesel::sql_query("SELECT id, provider FROM jobs ORDER BY id").load(&mut conn).unwrap();
    let row =
        |id: &str, provider: Option<&str>| Row { id: id.to_owned(), provider: provider.map(str::to_owned) };
    assert_eq!(rows, [row("j", Some("north")), row("k", None)]);
}

#[test]
fn a_creation_that_was_cut_short_is_finished() {
    let place = Place::new();
    place
        .raw()
        .batch_execute(
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);",
        )
        .unwrap();
    let store = place.open();
    block_on(create(&store, 1));
}
