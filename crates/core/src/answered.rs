//! What was asked of people in a task, and what they answered: every later run of the task reads it, whatever stage it is
//! of. Bounded, as it is a part of the row; the oldest goes first.

use serde::{Deserialize, Serialize};

/// Bytes of the questions, and of the answer.
const TEXT: usize = 8 * 1024;
/// Bytes of all.
const ALL: usize = 32 * 1024;

/// Questions and their answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked.
    pub questions: Vec<String>,
    /// What a person said.
    pub answer: String,
}

impl Answered {
    /// Whether it is what was kept of these words.
    pub fn is_of(&self, words: &str) -> bool {
        cut(words, TEXT) == self.answer
    }

    fn bytes(&self) -> usize {
        self.answer.len() + self.questions.iter().map(String::len).sum::<usize>()
    }
}

/// Adds an answer to those of a task. Words that answer no question are for one run alone, and are not kept.
pub(crate) fn keep(all: &mut Vec<Answered>, questions: &[String], answer: &str) {
    if questions.is_empty() {
        return;
    }
    let mut room = TEXT;
    let shown = |question: &String| {
        let shown = cut(question, room).to_owned();
        room -= shown.len();
        shown
    };
    let questions = questions.iter().map(shown).filter(|question| !question.is_empty()).collect();
    all.push(Answered { questions, answer: cut(answer, TEXT).to_owned() });
    while all.iter().map(Answered::bytes).sum::<usize>() > ALL {
        all.remove(0);
    }
}

fn cut(text: &str, room: usize) -> &str {
    &text[..text.floor_char_boundary(room)]
}
