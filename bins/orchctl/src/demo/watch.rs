//! Follows the tasks through the API until nothing moves any more: starts what is not started, shows what is new,
//! answers the one question in a person's place. Level-triggered: a demonstration that was stopped goes on here.

use std::collections::BTreeMap;
use std::time::Duration;

use orchd_core::gate::{GateName, GateOutcome, Subject};
use orchd_core::port::clock::Ids as _;
use orchd_daemon::RandomIds;
use orchd_http::client::Client;
use orchd_http::dto::{Command, Event, NewTask, Receipt, State, Task};
use tokio::time::sleep;

use super::error::DemoError;
use super::process::Engine;
use super::story::STORIES;
use crate::reader::{self, Reader};
use crate::screen::Screen;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(150);
/// It takes less than a minute; a machine under load may need more.
const LIMIT: Duration = Duration::from_secs(600);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The tasks at the end, oldest first.
    pub(super) tasks: Vec<Task>,
    /// The first commit that was sent back because its tests failed.
    pub(super) red: Option<String>,
    /// Every event of the tasks.
    pub(super) events: Vec<orchd_core::event::Event>,
}

/// What is known between two looks, over all lives of the engine.
pub(super) struct Watch<'a> {
    client: &'a Client,
    screen: &'a mut Screen,
    reader: Reader,
    /// Time on the screen counts from here; none before the first look.
    since: Option<i64>,
    red: Option<String>,
    events: Vec<orchd_core::event::Event>,
    /// Per task id: the visit for which its question is answered, the answer's identity, and whether it was taken.
    answered: BTreeMap<String, (u32, String, bool)>,
}

/// Nothing will move it any more but a person.
fn is_over(task: &Task) -> bool {
    matches!(task.stage.as_str(), "done" | "cancelled") || task.hold.is_some()
}

impl<'a> Watch<'a> {
    pub(super) fn new(client: &'a Client, screen: &'a mut Screen) -> Self {
        let (reader, answered) = (Reader::default(), BTreeMap::new());
        Self { client, screen, reader, since: None, red: None, events: Vec::new(), answered }
    }

    /// Follows everything to its end.
    pub(super) async fn follow(&mut self, engine: &mut Engine) -> Result<Seen, DemoError> {
        loop {
            engine.check()?;
            let state: State = self.client.get("/state").await?;
            let facts = self.news(&state).await?;
            self.screen.show(&facts, &state);
            // What finished tasks leave behind is cleaned up by jobs of their own: nothing is over before they are.
            let idle = state.jobs.is_empty();
            if state.tasks.len() >= STORIES.len() && state.tasks.iter().all(is_over) && idle {
                let (red, events) = (self.red.take(), std::mem::take(&mut self.events));
                return Ok(Seen { tasks: state.tasks, red, events });
            }
            self.answer(&state).await?;
            if state.now - self.since() > i64::try_from(LIMIT.as_millis()).unwrap_or(i64::MAX) {
                let seen: Vec<String> =
                    state.tasks.iter().map(|t| format!("  {}: {}", t.key, t.sentence)).collect();
                return Err(DemoError::TooLong { after: LIMIT, seen: seen.join("\n") });
            }
            sleep(LOOK).await;
        }
    }

    fn since(&self) -> i64 {
        self.since.unwrap_or_default()
    }

    /// The engine was killed under its eyes.
    pub(super) fn say_killed(&mut self) {
        self.screen.say("          kill -9 to the engine; it is started again");
    }

    /// What was drawn stays.
    pub(super) fn leave(&mut self) {
        self.screen.leave();
    }

    /// What an earlier demonstration showed already is read, and not shown again.
    async fn take_up(&mut self, state: &State) -> Result<(), DemoError> {
        for task in &state.tasks {
            self.events(task).await?;
        }
        if !state.tasks.is_empty() {
            self.screen.say("Going on with what was begun here before.");
        }
        Ok(())
    }

    /// Asks for what nobody has asked for yet.
    pub(super) async fn ask(&mut self) -> Result<(), DemoError> {
        let state: State = self.client.get("/state").await?;
        if self.since.is_none() {
            self.since = Some(state.now);
            self.take_up(&state).await?;
        }
        for story in STORIES {
            if state.tasks.iter().any(|task| task.title == story.title) {
                continue;
            }
            let new = NewTask {
                title: story.title.to_owned(),
                description: story.description.to_owned(),
                track: Some(story.track.to_owned()),
                ..NewTask::default()
            };
            // The next look shows what came of it.
            let _: Task = self.client.post("/tasks", &new).await?;
        }
        Ok(())
    }

    /// The lines of everything that happened since the last look, in its order.
    async fn news(&mut self, state: &State) -> Result<Vec<String>, DemoError> {
        let mut happened = Vec::new();
        for task in &state.tasks {
            happened.push((task, self.events(task).await?));
        }
        Ok(reader::lines(&happened, self.since(), self.screen.dress()))
    }

    /// The events of a task that were not read yet.
    async fn events(&mut self, task: &Task) -> Result<Vec<Event>, DemoError> {
        let new = self.reader.events(self.client, task).await?;
        if self.red.is_none() {
            self.red = new.iter().find_map(red);
        }
        let known = |event: &Event| serde_json::from_value(event.data.clone()).ok();
        self.events.extend(new.iter().filter_map(known));
        Ok(new)
    }

    /// Answers a question once everything else has come to its end: the other request lands while one waits for its
    /// answer, as it would at night.
    async fn answer(&mut self, state: &State) -> Result<(), DemoError> {
        for task in state.tasks.iter().filter(|task| !task.questions.is_empty()) {
            let others_over = state.tasks.iter().filter(|other| other.id != task.id).all(is_over);
            let story = STORIES.into_iter().find(|story| story.title == task.title);
            let Some((_, answer)) = story.and_then(|story| story.question) else { continue };
            let known = self.answered.get(&task.id).filter(|(visit, ..)| *visit == task.visit).cloned();
            if !others_over || known.as_ref().is_some_and(|(.., taken)| *taken) {
                continue;
            }
            // The same identity again after an answer that got lost: it is taken once.
            let (_, id, _) = known.unwrap_or_else(|| {
                self.screen.say(&format!("You, to {}: {answer}", task.key));
                (task.visit, RandomIds.next().to_string(), false)
            });
            self.answered.insert(task.id.clone(), (task.visit, id.clone(), false));
            let command = Command {
                command: "resume".to_owned(),
                id: Some(id.clone()),
                answers: Some(answer.to_owned()),
                visit: Some(task.visit),
                by: Some("you".to_owned()),
                ..Command::default()
            };
            // The next look shows what came of it.
            let _: Receipt = self.client.post(&format!("/tasks/{}/commands", task.id), &command).await?;
            self.answered.insert(task.id.clone(), (task.visit, id, true));
        }
        Ok(())
    }
}

/// The commit that this event sends back because its tests failed.
fn red(event: &Event) -> Option<String> {
    let event: orchd_core::event::Event = serde_json::from_value(event.data.clone()).ok()?;
    let orchd_core::event::Event::GateJudged { result } = event else { return None };
    let rejected =
        result.gate == GateName::TestsVerdict && matches!(result.outcome, GateOutcome::Reject { .. });
    match &result.subject {
        Subject::Commit(sha) if rejected => Some(sha.to_string()),
        Subject::Commit(_)
        | Subject::None
        | Subject::Docs(_)
        | Subject::Patch(_)
        | Subject::Landing { .. } => None,
    }
}

#[cfg(test)]
mod tests;
