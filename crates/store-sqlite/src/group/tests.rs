//! Tests of group commit: what one request does to the others of its group, and what a failed COMMIT means.

use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use orchd_testkit::block_on;

use super::{Answer, Ask, LONG, Request, Tally, serve_readers, serve_writers};
use crate::fail::{Fail, bad};
use crate::link::Link;
use crate::oneshot::Receiver;
use crate::statement::statement;

statement! {
    /// A row.
    Put { n: BigInt = i64 } -> ();
    "INSERT INTO t (n) VALUES (:n)"
}

statement! {
    /// A row that the COMMIT will refuse: what it refers to is not there.
    Dangle { n: BigInt = i64 } -> ();
    "INSERT INTO child (parent) VALUES (:n)"
}

statement! {
    /// How many rows.
    Count {} -> BigInt;
    "SELECT count(*) FROM t"
}

const TABLES: &str = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY CHECK (n > 0)) STRICT; \
     CREATE TABLE IF NOT EXISTS child (parent INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED) STRICT; \
     PRAGMA foreign_keys = ON;";

fn open(path: &str) -> Result<SqliteConnection, String> {
    let mut conn = SqliteConnection::establish(path).map_err(|e| e.to_string())?;
    conn.batch_execute(TABLES).map_err(|e| e.to_string())?;
    Ok(conn)
}

fn memory() -> Link {
    Link::lasting(open(":memory:").unwrap())
}

type Waiting = Receiver<Answer<i64>>;

fn ask(
    work: impl FnOnce(&mut SqliteConnection) -> Answer<i64> + Send + 'static,
) -> (Box<dyn Request>, Waiting) {
    Ask::pair(work)
}

fn put(n: i64) -> (Box<dyn Request>, Waiting) {
    ask(move |conn| {
        Put { n }.execute(conn)?;
        Ok(n)
    })
}

fn count() -> (Box<dyn Request>, Waiting) {
    ask(|conn| Ok(Count {}.get_result(conn)?))
}

/// Serves all of them; those that are sent before the thread looks are one group.
fn serve(link: Link, asked: Vec<(Box<dyn Request>, Waiting)>) -> (Vec<Answer<i64>>, u64) {
    let (sender, receiver) = mpsc::channel();
    let mut answers = Vec::new();
    for (request, answer) in asked {
        sender.send(request).unwrap();
        answers.push(answer);
    }
    drop(sender);
    let tally = Tally::default();
    serve_writers(link, &receiver, &tally);
    let answers = answers.into_iter().map(|answer| block_on(answer).unwrap()).collect();
    (answers, tally.transactions.into_inner())
}

#[test]
fn what_waits_shares_one_commit() {
    let (answers, transactions) = serve(memory(), vec![put(1), put(2), count()]);
    assert!(matches!(answers[..], [Ok(1), Ok(2), Ok(2)]), "{answers:?}");
    assert_eq!(transactions, 1);
}

#[test]
fn one_that_is_refused_leaves_the_others() {
    let written_and_refused = ask(|conn| {
        Put { n: 7 }.execute(conn)?;
        Err(Fail::Conflict)
    });
    let unreadable = ask(|conn| {
        Put { n: 8 }.execute(conn)?;
        Err(bad("t", 8, "broken"))
    });
    let asked = vec![put(1), put(-1), written_and_refused, unreadable, put(2), count()];
    let (answers, transactions) = serve(memory(), asked);
    let [Ok(1), Err(Fail::Rule(rule)), Err(Fail::Conflict), Err(Fail::Row { .. }), Ok(2), Ok(2)] =
        &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert!(rule.contains("n > 0"), "{rule}");
    assert_eq!(transactions, 1);
}

#[test]
fn one_alone_that_is_refused_leaves_no_trace() {
    let refused = ask(|conn| {
        Put { n: 7 }.execute(conn)?;
        Err(Fail::Conflict)
    });
    let mut link = memory();
    let mut alone = [refused.0];
    super::commit(&mut link, &mut alone).unwrap();
    let rows: i64 = Count {}.get_result(link.get().unwrap()).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn a_failed_commit_makes_the_whole_group_unknown_and_nothing_of_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").to_str().unwrap().to_owned();
    let link = || {
        let again = path.clone();
        Link::renewable(open(&path).unwrap(), move || open(&again))
    };
    let dangling = ask(|conn| {
        Dangle { n: 99 }.execute(conn)?;
        Ok(99)
    });
    let (answers, transactions) = serve(link(), vec![put(1), dangling, put(2)]);
    assert!(answers.iter().all(|a| matches!(a, Err(Fail::Database(_)))), "{answers:?}");
    assert_eq!(transactions, 0);
    let (answers, transactions) = serve(link(), vec![put(1), count()]);
    assert!(matches!(answers[..], [Ok(1), Ok(1)]), "{answers:?}");
    assert_eq!(transactions, 1);
}

#[test]
fn after_a_failure_of_the_database_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").to_str().unwrap().to_owned();
    let again = path.clone();
    let mut link = Link::renewable(open(&path).unwrap(), move || open(&again));
    // The file is full: SQLite ends the transaction by itself, and no savepoint of it is left.
    link.get().unwrap().batch_execute("PRAGMA max_page_count = 4;").unwrap();
    let mut asked = vec![put(1).0, ask(fill).0, put(2).0];
    assert!(super::commit(&mut link, &mut asked).is_err());
    link.broken("the file is full");
    let mut asked = vec![put(3).0, put(4).0];
    super::commit(&mut link, &mut asked).unwrap();
    let rows: i64 = Count {}.get_result(link.get().unwrap()).unwrap();
    assert_eq!(rows, 2, "only what was committed after the failure is there");
}

fn fill(conn: &mut SqliteConnection) -> Answer<i64> {
    for n in 1000..100_000 {
        Put { n }.execute(conn)?;
    }
    Ok(0)
}

#[test]
fn a_thread_that_is_gone_answers_nobody() {
    let (request, answer) = put(1);
    drop(request);
    assert!(block_on(answer).is_none());
}

#[test]
fn one_that_can_not_be_read_leaves_the_others_of_its_snapshot() {
    let (sender, receiver) = mpsc::channel();
    let unreadable = ask(|_| Err(bad("t", 8, "broken")));
    let mut answers = Vec::new();
    for (request, answer) in [count(), unreadable, count()] {
        sender.send(request).unwrap();
        answers.push(answer);
    }
    drop(sender);
    serve_readers(memory(), &receiver);
    let answers: Vec<_> = answers.into_iter().map(|answer| block_on(answer).unwrap()).collect();
    assert!(matches!(answers[..], [Ok(0), Err(Fail::Row { .. }), Ok(0)]), "{answers:?}");
}

#[test]
fn after_a_failure_while_reading_the_next_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").to_str().unwrap().to_owned();
    let again = path.clone();
    let link = Link::renewable(open(&path).unwrap(), move || open(&again));
    let failing = ask(|_| Err(Fail::Database("the disk is gone".to_owned())));
    let (sender, receiver) = mpsc::channel();
    let mut answers = Vec::new();
    // The fourth belongs to the next group: whoever asked the failing one asks it after the answer.
    let (last, after) = count();
    for (request, answer) in [count(), failing, count()] {
        sender.send(request).unwrap();
        answers.push(answer);
    }
    let served = std::thread::spawn(move || serve_readers(link, &receiver));
    let answers: Vec<_> = answers.into_iter().map(|answer| block_on(answer).unwrap()).collect();
    assert!(matches!(answers[0], Ok(0)) && matches!(answers[1], Err(Fail::Database(_))), "{answers:?}");
    sender.send(last).unwrap();
    assert!(matches!(block_on(after).unwrap(), Ok(0)));
    drop(sender);
    served.join().unwrap();
}

#[test]
fn the_log_is_folded_into_the_file_while_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").to_str().unwrap().to_owned();
    let mut conn = open(&path).unwrap();
    conn.batch_execute("PRAGMA journal_mode = WAL;").unwrap();
    // Without its log, as SQLite would have left it: these are far fewer pages than it folds by itself.
    let in_the_file = || {
        let copy = dir.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        let mut conn = SqliteConnection::establish(copy.to_str().unwrap()).unwrap();
        let rows: i64 = Count {}.get_result(&mut conn).unwrap();
        rows
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || serve_writers(Link::lasting(conn), &receiver, &Tally::default()));
        for n in 1..=i64::try_from(LONG).unwrap() {
            let (request, answer) = put(n);
            sender.send(request).unwrap();
            assert_eq!(block_on(answer).unwrap().unwrap(), n);
        }
        let (_open, never) = mpsc::channel::<()>();
        let is_folded = |_| {
            // Nothing comes: it is a pause.
            let _ = never.recv_timeout(Duration::from_millis(20));
            in_the_file() == i64::try_from(LONG).unwrap()
        };
        // Before the end: whoever is the last to close a file folds its log as well.
        assert!((0..500).any(is_folded), "the file has {} rows", in_the_file());
        drop(sender);
    });
}
