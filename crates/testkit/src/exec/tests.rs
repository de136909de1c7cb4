//! The executor wakes for other threads, and joined futures really are interleaved.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use super::{Boxed, block_on, join_all, yield_once};

#[test]
fn a_wake_from_another_thread_ends_the_wait() {
    let shared: Arc<Mutex<(bool, Option<Waker>)>> = Arc::default();
    let (asked, was_asked) = mpsc::channel();
    let other = Arc::clone(&shared);
    let answering = std::thread::spawn(move || {
        was_asked.recv().unwrap();
        let waker = {
            let mut state = other.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        waker.unwrap().wake();
    });
    block_on(std::future::poll_fn(|context| {
        let mut state = shared.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        asked.send(()).unwrap();
        Poll::Pending
    }));
    answering.join().unwrap();
}

#[test]
fn joined_futures_take_turns() {
    let log = Mutex::new(Vec::new());
    let walk = |name: u32| {
        let log = &log;
        Box::pin(async move {
            log.lock().unwrap().push((name, 1));
            yield_once().await;
            log.lock().unwrap().push((name, 2));
            name
        }) as Boxed<'_, u32>
    };
    assert_eq!(block_on(join_all(vec![walk(1), walk(2)])), [1, 2]);
    assert_eq!(*log.lock().unwrap(), [(1, 1), (2, 1), (1, 2), (2, 2)]);
}
