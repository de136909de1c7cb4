//! The events of tasks as somebody watches them: each is read once.

use std::collections::BTreeMap;

use orchd_http::client::{Client, ClientError};
use orchd_http::dto::{Event, Task};

use crate::view::{self, Dress};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Per task id: the last event.
    read: BTreeMap<String, u64>,
}

impl Reader {
    /// The events of a task that were not read yet, the oldest first.
    pub(crate) async fn events(&mut self, client: &Client, task: &Task) -> Result<Vec<Event>, ClientError> {
        let mut all = Vec::new();
        loop {
            let after = self.read.get(&task.id).copied().unwrap_or(0);
            let page: Vec<Event> = client.get(&format!("/tasks/{}/events?after={after}", task.id)).await?;
            let Some(last) = page.iter().map(|event| event.seq).max().filter(|last| *last > after) else {
                return Ok(all);
            };
            self.read.insert(task.id.clone(), last);
            all.extend(page);
        }
    }
}

/// The lines of what happened to tasks, in its order.
pub(crate) fn lines(happened: &[(&Task, Vec<Event>)], since: i64, dress: Dress) -> Vec<String> {
    let told = |(task, events): &(&Task, Vec<Event>)| {
        let line = |event: &Event| Some((event.at, view::fact(&task.key, event, since, dress)?));
        events.iter().filter_map(line).collect::<Vec<_>>()
    };
    let mut lines: Vec<(i64, String)> = happened.iter().flat_map(told).collect();
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}
