//! Answers about commits, kept: what a name made of content says never changes, and a mirror loses no object. Asked
//! again after each run of a task, they cost no process the second time. A failure is never kept, nor is an absence.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::GitError;
use crate::mirror::Mirror;

/// Answers kept at once; the oldest go first. Each is a name, a short listing or a small file.
const MOST: usize = 4096;

type Question = (&'static str, String);
type Answer = Arc<dyn Any + Send + Sync>;

/// The answers of one mirror.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: BTreeMap<Question, Answer>,
    order: VecDeque<Question>,
}

impl Known {
    pub(crate) fn get<T: Clone + 'static>(&self, question: &Question) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers.get(question)?.downcast_ref().cloned()
    }

    pub(crate) fn keep(&self, question: Question, answer: Answer) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.answers.insert(question.clone(), answer).is_none() {
            kept.order.push_back(question);
        }
        if kept.order.len() > MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.answers.remove(&oldest);
        }
    }
}

impl Mirror {
    /// The answer to a question whose words are object names and paths alone; `keeps` says of which answers it is
    /// certain that they hold for ever, and that they are short.
    pub(crate) async fn known<T: Clone + Send + Sync + 'static>(
        &self,
        what: &'static str,
        of: &[&str],
        keeps: impl Fn(&T) -> bool + Send,
        ask: impl Future<Output = Result<T, GitError>> + Send,
    ) -> Result<T, GitError> {
        // No object name and no path holds a NUL.
        let question = (what, of.join("\0"));
        if let Some(answer) = self.answers().get::<T>(&question) {
            return Ok(answer);
        }
        let answer = ask.await?;
        if keeps(&answer) {
            self.answers().keep(question, Arc::new(answer.clone()));
        }
        Ok(answer)
    }
}
