//! Follows the tasks through the API until nothing moves any more: starts what is not started, shows what is new,
//! answers the one question in a person's place. Level-triggered: a demonstration that was stopped goes on here.

use std::collections::BTreeMap;
use std::time::Duration;

use orchd_core::gate::{GateName, GateOutcome, Subject};
use orchd_http::client::Client;
use orchd_http::dto::{Command, Event, NewTask, Receipt, State, Task};
use tokio::time::sleep;

use super::error::DemoError;
use super::process::Engine;
use super::screen::Screen;
use super::story::STORIES;
use super::view;

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
}

/// What is known between two looks.
struct Watch<'a> {
    client: &'a Client,
    screen: &'a mut Screen,
    /// Per task id: the last event that was read.
    read: BTreeMap<String, u64>,
    /// Time on the screen counts from here.
    since: i64,
    red: Option<String>,
    /// Per task id: the visit for which its question was answered.
    answered: BTreeMap<String, u32>,
}

/// Follows everything to its end.
pub(super) async fn follow(
    client: &Client,
    engine: &mut Engine,
    screen: &mut Screen,
) -> Result<Seen, DemoError> {
    let state: State = client.get("/state").await?;
    let mut watch = Watch {
        client,
        screen,
        read: BTreeMap::new(),
        since: state.now,
        red: None,
        answered: BTreeMap::new(),
    };
    watch.take_up(&state).await?;
    watch.ask(&state).await?;
    loop {
        engine.check()?;
        let state: State = client.get("/state").await?;
        let facts = watch.news(&state).await?;
        watch.screen.show(&facts, &state);
        // What finished tasks leave behind is cleaned up by jobs of their own: nothing is over before they are.
        let idle = state.jobs.is_empty();
        if state.tasks.len() >= STORIES.len() && state.tasks.iter().all(is_over) && idle {
            return Ok(Seen { tasks: state.tasks, red: watch.red });
        }
        watch.answer(&state).await?;
        if state.now - watch.since > i64::try_from(LIMIT.as_millis()).unwrap_or(i64::MAX) {
            let seen: Vec<String> =
                state.tasks.iter().map(|t| format!("  {}: {}", t.key, t.sentence)).collect();
            return Err(DemoError::TooLong { after: LIMIT, seen: seen.join("\n") });
        }
        sleep(LOOK).await;
    }
}

/// Nothing will move it any more but a person.
fn is_over(task: &Task) -> bool {
    matches!(task.stage.as_str(), "done" | "cancelled") || task.hold.is_some()
}

impl Watch<'_> {
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
    async fn ask(&mut self, state: &State) -> Result<(), DemoError> {
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
        let mut lines = Vec::new();
        for task in &state.tasks {
            for event in self.events(task).await? {
                let line = view::fact(&task.key, &event, self.since, self.screen.dress());
                lines.extend(line.map(|line| (event.at, line)));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// The events of a task that were not read yet.
    async fn events(&mut self, task: &Task) -> Result<Vec<Event>, DemoError> {
        let mut all = Vec::new();
        loop {
            let after = self.read.get(&task.id).copied().unwrap_or(0);
            let page: Vec<Event> =
                self.client.get(&format!("/tasks/{}/events?after={after}", task.id)).await?;
            let Some(last) = page.iter().map(|event| event.seq).max().filter(|last| *last > after) else {
                return Ok(all);
            };
            self.read.insert(task.id.clone(), last);
            if self.red.is_none() {
                self.red = page.iter().find_map(red);
            }
            all.extend(page);
        }
    }

    /// Answers a question once everything else has come to its end: the other request lands while one waits for its
    /// answer, as it would at night.
    async fn answer(&mut self, state: &State) -> Result<(), DemoError> {
        for task in state.tasks.iter().filter(|task| !task.questions.is_empty()) {
            let others_over = state.tasks.iter().filter(|other| other.id != task.id).all(is_over);
            let again = self.answered.get(&task.id) == Some(&task.visit);
            let story = STORIES.into_iter().find(|story| story.title == task.title);
            let Some((_, answer)) = story.and_then(|story| story.question) else { continue };
            if !others_over || again {
                continue;
            }
            self.answered.insert(task.id.clone(), task.visit);
            self.screen.say(&format!("You, to {}: {answer}", task.key));
            let command = Command {
                command: "resume".to_owned(),
                answers: Some(answer.to_owned()),
                visit: Some(task.visit),
                by: Some("you".to_owned()),
                ..Command::default()
            };
            // The next look shows what came of it.
            let _: Receipt = self.client.post(&format!("/tasks/{}/commands", task.id), &command).await?;
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
