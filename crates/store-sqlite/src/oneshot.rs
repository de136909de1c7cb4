//! One answer from the store's thread to one waiting future, by the standard library alone, so that the store
//! runs under any executor. Nothing here knows what is asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

enum State<T> {
    Waiting(Option<Waker>),
    Answered(T),
    /// The asked one went away without an answer.
    Gone,
    Taken,
}

/// The end that answers; dropped without an answer, the other end learns that it is gone.
pub(crate) struct Sender<T>(Option<Arc<Mutex<State<T>>>>);

/// The end that waits: `None` when no answer will ever come.
pub(crate) struct Receiver<T>(Arc<Mutex<State<T>>>);

/// A fresh pair.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    (Sender(Some(Arc::clone(&state))), Receiver(state))
}

fn put<T>(shared: &Mutex<State<T>>, state: State<T>) {
    let before = {
        let mut at = shared.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *at, state)
    };
    // Woken outside the lock: the waker may poll at once.
    if let State::Waiting(Some(waker)) = before {
        waker.wake();
    }
}

impl<T> Sender<T> {
    /// Answers.
    pub(crate) fn send(mut self, value: T) {
        if let Some(shared) = self.0.take() {
            put(&shared, State::Answered(value));
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            put(&shared, State::Gone);
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(_) => {
                *state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
            State::Answered(value) => Poll::Ready(Some(value)),
            State::Gone | State::Taken => Poll::Ready(None),
        }
    }
}
