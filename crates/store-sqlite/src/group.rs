//! Group commit: what waits is done in one transaction, each request in its own savepoint, one COMMIT, and
//! only then the answers. If the COMMIT fails nobody knows more than that, and everybody is told so. What was committed
//! is folded from the log into the file while nobody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;

use crate::fail::Fail;
use crate::frame::Frame;
use crate::link::Link;
use crate::oneshot;

/// At most this many requests share a transaction: a bound on how long the first of them waits.
const GROUP: usize = 128;
/// SQLite folds its log into the file once it has a thousand pages, within the COMMIT that made it so long: that one takes
/// several times as long, and somebody waits for it. So it is done earlier, after this many transactions, ...
const LONG: u64 = 32;
/// ... once nobody has asked for anything for so long: between the steps from one run to the next there is less, unless git
/// works meanwhile, and then this does no harm.
const IDLE: Duration = Duration::from_millis(50);

/// What the writing thread has done since it started.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Transactions that were committed.
    pub(crate) transactions: AtomicU64,
    /// Requests that were answered after them.
    pub(crate) requests: AtomicU64,
}

/// What a request does with the connection.
pub(crate) type Answer<T> = Result<T, Fail>;

/// A request that waits for the store's thread.
pub(crate) trait Request: Send {
    /// Does it, in a transaction of its own or in a savepoint of a shared one. An error is the database's own:
    /// what the request itself had to say is kept for the answer.
    fn run(&mut self, conn: &mut SqliteConnection, frame: Frame) -> Result<(), Fail>;
    /// Tells the asker, after the COMMIT; `failed` is the failure that made the whole group unknown.
    fn answer(self: Box<Self>, failed: Option<&str>);
}

/// A closure as a request.
pub(crate) struct Ask<T, F> {
    work: Option<F>,
    done: Option<Answer<T>>,
    reply: oneshot::Sender<Answer<T>>,
}

impl<T, F> Ask<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut SqliteConnection) -> Answer<T> + Send + 'static,
{
    /// The request and where its answer will come.
    pub(crate) fn pair(work: F) -> (Box<dyn Request>, oneshot::Receiver<Answer<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { work: Some(work), done: None, reply }), answer)
    }
}

impl<T, F> Request for Ask<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut SqliteConnection) -> Answer<T> + Send + 'static,
{
    fn run(&mut self, conn: &mut SqliteConnection, frame: Frame) -> Result<(), Fail> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match frame.run(conn, work) {
            Err(Fail::Database(why)) => Err(Fail::Database(why)),
            said @ (Ok(_) | Err(Fail::Conflict | Fail::Rule(_) | Fail::Row { .. })) => {
                self.done = Some(said);
                Ok(())
            }
        }
    }

    fn answer(self: Box<Self>, failed: Option<&str>) {
        let unknown = |why: &str| Err(Fail::Database(why.to_owned()));
        self.reply.send(match (failed, self.done) {
            (Some(why), _) => unknown(why),
            (None, Some(said)) => said,
            (None, None) => unknown("the request was not reached"),
        });
    }
}

/// Does one closure alone and says what came of it.
pub(crate) fn alone<T>(
    link: &mut Link,
    frame: Frame,
    work: impl FnOnce(&mut SqliteConnection) -> Answer<T>,
) -> Answer<T> {
    let said = frame.run(link.get()?, work);
    if let Err(Fail::Database(why)) = &said {
        link.broken(why);
    }
    said
}

impl Tally {
    fn count(&self, requests: usize) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
    }
}

/// Serves writers until all askers are gone: what has piled up during one COMMIT is the next group.
pub(crate) fn serve_writers(mut link: Link, requests: &mpsc::Receiver<Box<dyn Request>>, tally: &Tally) {
    let mut unfolded = 0;
    loop {
        let first = match unfolded {
            LONG.. => requests.recv_timeout(IDLE),
            _few => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match first {
            Ok(first) => {
                serve_writer_group(&mut link, group_with(first, requests), tally);
                unfolded += 1;
            }
            Err(RecvTimeoutError::Timeout) => {
                fold(&mut link);
                unfolded = 0;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
}

fn serve_writer_group(link: &mut Link, mut group: Vec<Box<dyn Request>>, tally: &Tally) {
    let failed = commit(link, &mut group).as_ref().err().map(explain);
    match &failed {
        Some(why) => link.broken(why),
        None => tally.count(group.len()),
    }
    for request in group {
        request.answer(failed.as_deref());
    }
}

/// Folds the log into the file as far as no reader stands in the way. Nothing hangs on it: what is not folded stays in the
/// log, and a database that fails says so at the next COMMIT.
fn fold(link: &mut Link) {
    let folded = link.get().and_then(|conn| Ok(conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?));
    if let Err(fail) = folded {
        tracing::warn!("the store's log could not be folded into its file: {}", explain(&fail));
    }
}

/// What waits, and at least one; `None` when all askers are gone.
fn next_group(requests: &mpsc::Receiver<Box<dyn Request>>) -> Option<Vec<Box<dyn Request>>> {
    Some(group_with(requests.recv().ok()?, requests))
}

/// This one, and what waits behind it.
fn group_with(first: Box<dyn Request>, requests: &mpsc::Receiver<Box<dyn Request>>) -> Vec<Box<dyn Request>> {
    let mut group = vec![first];
    while group.len() < GROUP
        && let Ok(next) = requests.try_recv()
    {
        group.push(next);
    }
    group
}

/// One transaction for the whole group; one request alone needs no savepoint.
fn commit(link: &mut Link, group: &mut [Box<dyn Request>]) -> Result<(), Fail> {
    let conn = link.get()?;
    if let [only] = group {
        return only.run(conn, Frame::Immediate);
    }
    Frame::Immediate
        .run(conn, |conn| group.iter_mut().try_for_each(|request| request.run(conn, Frame::Savepoint)))
}

/// Serves readers until all askers are gone: what waits is read of one moment, after the last of it was asked.
pub(crate) fn serve_readers(mut link: Link, requests: &mpsc::Receiver<Box<dyn Request>>) {
    while let Some(group) = next_group(requests) {
        let mut group = group.into_iter();
        let read =
            link.get().and_then(|conn| Frame::Snapshot.run(conn, |conn| answer_each(conn, &mut group)));
        let Err(fail) = read else { continue };
        let why = explain(&fail);
        link.broken(&why);
        for request in group {
            request.answer(Some(&why));
        }
    }
}

/// Reads for one after the other, and answers each at once.
fn answer_each(
    conn: &mut SqliteConnection,
    group: &mut impl Iterator<Item = Box<dyn Request>>,
) -> Answer<()> {
    for mut request in group {
        let read = request.run(conn, Frame::Shared);
        let failed = read.as_ref().err().map(explain);
        request.answer(failed.as_deref());
        read?;
    }
    Ok(())
}

fn explain(fail: &Fail) -> String {
    match fail {
        Fail::Database(why) | Fail::Rule(why) => why.clone(),
        Fail::Conflict => "the transaction was given up".to_owned(),
        Fail::Row { table, row, why } => format!("row {row} of {table}: {why}"),
    }
}

#[cfg(test)]
mod tests;
