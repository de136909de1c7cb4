//! Several port calls under way at once, without a runtime: whoever polls the step polls all of them, in the
//! order given, so that a simulation sees the same interleaving each time. Nothing is spawned here.

use std::pin::Pin;
use std::task::Poll;

enum Call<F: Future> {
    UnderWay(Pin<Box<F>>),
    Answered(F::Output),
}

/// Runs all futures to their ends, interleaved at their await points; the answers are in the order given.
pub(crate) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F::Output: Unpin,
{
    let mut calls: Vec<Call<F>> =
        futures.into_iter().map(|future| Call::UnderWay(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for call in &mut calls {
            let Call::UnderWay(future) = call else { continue };
            match future.as_mut().poll(context) {
                Poll::Ready(answer) => *call = Call::Answered(answer),
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let answer = |call| match call {
        Call::Answered(answer) => Some(answer),
        // Not reached: the loop above ends when nothing is under way.
        Call::UnderWay(_) => None,
    };
    calls.into_iter().filter_map(answer).collect()
}
