//! The store's handle: threaded for a server, inline for a simulation, and the two verbs that all methods are
//! made of, `write` and `read`. What is written and read is in `query/`.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use diesel::SqliteConnection;
use orchd_core::port::clock::Clock;

use crate::fail::Fail;
use crate::failpoint::{self, Moment};
use crate::frame::Frame;
use crate::group::{self, Answer, Ask, Request, Tally};
use crate::link::Link;
use crate::lock::FileLock;
use crate::open::{self, OpenError};

/// The store on SQLite. Dropping it waits for what was asked, closes the file and gives its lock back.
pub struct SqliteStore {
    pub(crate) clock: Arc<dyn Clock>,
    mode: Mode,
    // The last field: the lock is given back after the file is closed.
    _lock: Option<FileLock>,
}

enum Mode {
    Inline(Box<Mutex<Link>>),
    Threaded(Threads),
}

/// The thread that writes and the one that reads, each the only owner of its connection.
struct Threads {
    writer: Lane,
    reader: Lane,
    tally: Arc<Tally>,
}

/// What the writing thread has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Transactions that were committed, each with one fsync.
    pub transactions: u64,
    /// Requests that were answered after them: the more per transaction, the more an fsync was shared.
    pub requests: u64,
}

/// One thread and the way to it.
struct Lane {
    // Taken when the store is dropped: the closed channel is what ends the thread.
    requests: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the store in `path`, created where it is not there, with a thread that writes and one that reads.
    /// `clock` is the store's own time, by which leases are given and end.
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let lock = FileLock::take(path)?;
        open::create(path)?;
        let url = open::url(path)?;
        let failed = |why| OpenError::Database { path: path.to_path_buf(), why };
        let writer = Link::renewable(open::prepare(path, &url)?, {
            let url = url.clone();
            move || open::writer(&url)
        });
        let reader = Link::renewable(open::reader(&url).map_err(failed)?, move || open::reader(&url));
        let io = |source| OpenError::Io { path: path.to_path_buf(), source };
        let tally = Arc::<Tally>::default();
        let counted = Arc::clone(&tally);
        let write = move |link, requests: &_| group::serve_writers(link, requests, &counted);
        let writer = Lane::start("store-writer", writer, write).map_err(io)?;
        let reader = Lane::start("store-reader", reader, group::serve_readers).map_err(io)?;
        Ok(Self { clock, mode: Mode::Threaded(Threads { writer, reader, tally }), _lock: Some(lock) })
    }

    /// Opens the store without a thread: each method does its work when it is first polled, and is then ready.
    /// `:memory:` is a store that ends with its handle.
    pub fn open_inline(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        if path == Path::new(":memory:") {
            let link = Link::lasting(open::prepare_memory()?);
            return Ok(Self { clock, mode: Mode::Inline(Box::new(Mutex::new(link))), _lock: None });
        }
        let lock = FileLock::take(path)?;
        open::create(path)?;
        let url = open::url(path)?;
        let link = Link::renewable(open::prepare(path, &url)?, move || open::writer(&url));
        Ok(Self { clock, mode: Mode::Inline(Box::new(Mutex::new(link))), _lock: Some(lock) })
    }

    /// Opens the store in `path` to be looked at, without a thread: nothing is made, migrated or written, and a file
    /// of another version is refused. The lock is taken all the same: a server that starts meanwhile waits for it.
    pub fn open_to_look(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        open::is_there(path)?;
        let lock = FileLock::take(path)?;
        let url = open::url(path)?;
        let link = Link::renewable(open::as_it_is(path, &url)?, move || open::reader(&url));
        Ok(Self { clock, mode: Mode::Inline(Box::new(Mutex::new(link))), _lock: Some(lock) })
    }

    /// What the writing thread has done; `None` where there is none.
    pub fn written(&self) -> Option<Written> {
        match &self.mode {
            Mode::Inline(_) => None,
            Mode::Threaded(Threads { tally, .. }) => Some(Written {
                transactions: tally.transactions.load(Ordering::Relaxed),
                requests: tally.requests.load(Ordering::Relaxed),
            }),
        }
    }

    /// Does a transaction that writes; its answer is given after its COMMIT. `name` is the port's method.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let work = move |conn: &mut SqliteConnection| {
            let said = work(conn)?;
            failpoint::reached(Moment::Before, name);
            Ok(said)
        };
        let said = self.ask(Frame::Immediate, work).await;
        if said.is_ok() {
            failpoint::reached(Moment::After, name);
        }
        said
    }

    /// Reads one moment of the store, never anything that a COMMIT may still fail to keep.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.ask(Frame::Snapshot, work).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        frame: Frame,
        work: impl FnOnce(&mut SqliteConnection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let gone = || Fail::Database("the store's thread is gone".to_owned());
        let threads = match &self.mode {
            Mode::Threaded(threads) => threads,
            Mode::Inline(link) => {
                return group::alone(&mut link.lock().unwrap_or_else(PoisonError::into_inner), frame, work);
            }
        };
        let lane = match frame {
            Frame::Immediate | Frame::Savepoint => &threads.writer,
            Frame::Snapshot | Frame::Shared => &threads.reader,
        };
        let (request, answer) = Ask::pair(work);
        lane.requests.as_ref().ok_or_else(gone)?.send(request).map_err(|_| gone())?;
        answer.await.ok_or_else(gone)?
    }
}

impl Lane {
    fn start(
        name: &str,
        link: Link,
        serve: impl FnOnce(Link, &mpsc::Receiver<Box<dyn Request>>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (requests, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || serve(link, &receiver))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the store panicked");
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = match &self.mode {
            Mode::Inline(_) => "inline",
            Mode::Threaded(_) => "threaded",
        };
        f.debug_struct("SqliteStore").field("mode", &mode).finish_non_exhaustive()
    }
}
