//! A model behind the Messages API that answers by a script: it knows the role by the prompt it is given and how far a
//! run is by the results of its tools, and it keeps the bill. Real agent programs talk to it; nothing here knows them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What a request of the program asks.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The role whose prompt it is; empty for anything else the program wants to know.
    pub(crate) role: String,
    /// How many prompts this role had answers to before this one.
    pub(crate) round: usize,
    /// Results of tools since the prompt.
    pub(crate) step: usize,
    /// The last of them.
    pub(crate) result: String,
    /// The conversation is older than the prompt.
    pub(crate) goes_on: bool,
}

/// What the model does.
pub(crate) enum Answer {
    /// Has the program run a command.
    Bash(String),
    /// Says something, and is done.
    Say(&'static str),
    /// The service refuses: status, type of the error, further headers.
    Refuse(u16, &'static str, Vec<(&'static str, String)>),
}

/// Tokens in and out of each answer.
pub(crate) const INPUT: u64 = 1_000;
pub(crate) const OUTPUT: u64 = 20;
/// How many bytes of a request are looked at: a program sends its tools each time.
const BODY: usize = 16 * 1024 * 1024;

type Script = dyn Fn(&Ask) -> Answer + Send + Sync;

struct Shared {
    script: Box<Script>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    prompts: Vec<(String, String)>,
    asked: Vec<Ask>,
    billed: BTreeMap<String, (u64, u64)>,
    number: u64,
}

/// The service, on a port of its own; it ends with this value.
pub(crate) struct Model {
    pub(crate) url: String,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Model {
    pub(crate) fn serve(script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { script: Box::new(script), seen: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let (end, ended) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                // A connection that a program holds open keeps nobody waiting.
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        let url = format!("http://{}", told.recv().unwrap());
        Self { url, shared, end: Some(end), thread: Some(thread) }
    }

    /// Everything it was asked in a role.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.shared.seen.lock().unwrap().asked.clone()
    }

    /// Tokens in and out by model.
    pub(crate) fn billed(&self) -> BTreeMap<String, (u64, u64)> {
        self.shared.seen.lock().unwrap().billed.clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // Its thread may have ended with a failed test already.
        let _ = self.end.take().map(|end| end.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let body = axum::body::to_bytes(request.into_body(), BODY).await.unwrap_or_default();
    match (method, path.as_str()) {
        (Method::POST, "/v1/messages") => {
            message(&shared, &serde_json::from_slice(&body).unwrap_or_default())
        }
        (Method::POST, "/v1/messages/count_tokens") => Json(json!({"input_tokens": INPUT})).into_response(),
        (Method::HEAD | Method::GET, "/") => StatusCode::OK.into_response(),
        _ => error(404, "not_found_error", Vec::new()),
    }
}

fn message(shared: &Shared, request: &Value) -> Response {
    let mut seen = shared.seen.lock().unwrap();
    let (ask, prompt) = ask(request, &seen.prompts);
    let answer = if ask.role.is_empty() { Answer::Say("ok") } else { (shared.script)(&ask) };
    if !matches!(answer, Answer::Refuse(..)) && !seen.prompts.contains(&prompt) {
        seen.prompts.push(prompt);
    }
    if !ask.role.is_empty() {
        seen.asked.push(ask);
    }
    let content = match answer {
        Answer::Refuse(status, kind, headers) => return error(status, kind, headers),
        Answer::Say(text) => json!({"type": "text", "text": text}),
        Answer::Bash(command) => {
            let input = json!({"command": command, "description": "works"});
            json!({"type": "tool_use", "id": format!("toolu_{:024}", seen.number), "name": "Bash", "input": input})
        }
    };
    seen.number += 1;
    let model = request["model"].as_str().unwrap_or_default().to_owned();
    let bill = seen.billed.entry(model.clone()).or_default();
    *bill = (bill.0 + INPUT, bill.1 + OUTPUT);
    let stop = if content["type"] == "tool_use" { "tool_use" } else { "end_turn" };
    let whole = json!({
        "id": format!("msg_{:024}", seen.number), "type": "message", "role": "assistant", "model": model,
        "content": [content], "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT,
                  "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
    });
    if request["stream"] == true { streamed(whole) } else { Json(whole).into_response() }
}

/// The same message in pieces.
fn streamed(mut whole: Value) -> Response {
    let content = whole["content"][0].take();
    let stop = whole["stop_reason"].take();
    whole["content"] = json!([]);
    whole["usage"]["output_tokens"] = json!(1);
    let (start, delta) = if content["type"] == "tool_use" {
        let input = content["input"].to_string();
        let mut start = content;
        start["input"] = json!({});
        (start, json!({"type": "input_json_delta", "partial_json": input}))
    } else {
        (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": content["text"]}))
    };
    let events = [
        json!({"type": "message_start", "message": whole}),
        json!({"type": "content_block_start", "index": 0, "content_block": start}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
               "usage": {"output_tokens": OUTPUT}}),
        json!({"type": "message_stop"}),
    ];
    let one = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    ([(header::CONTENT_TYPE, "text/event-stream")], events.iter().map(one).collect::<String>())
        .into_response()
}

fn error(status: u16, kind: &str, headers: Vec<(&'static str, String)>) -> Response {
    let body = Json(json!({"type": "error", "error": {"type": kind, "message": format!("scripted {kind}")}}));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// The conversation from the last prompt of a role on, and that prompt with its role.
fn ask(request: &Value, answered: &[(String, String)]) -> (Ask, (String, String)) {
    let none = Vec::new();
    let messages = request["messages"].as_array().unwrap_or(&none);
    let of_role = |message: &Value| {
        texts(message).into_iter().find_map(|text| Some((role_of(&text)?.to_owned(), text)))
    };
    let last = messages.iter().enumerate().rev().find_map(|(at, message)| Some((at, of_role(message)?)));
    let (at, prompt) = last.unwrap_or_default();
    let role = prompt.0.clone();
    let round = answered.iter().filter(|known| known.0 == role && **known != prompt).count();
    let results: Vec<String> = messages.iter().skip(at).flat_map(results).collect();
    let goes_on = messages.iter().take(at).any(|message| message["role"] == "assistant");
    let result = results.last().cloned().unwrap_or_default();
    (Ask { role, round, step: results.len(), result, goes_on }, prompt)
}

/// A prompt begins with the role's name as its heading.
fn role_of(text: &str) -> Option<&str> {
    let heading = text.strip_prefix("# ")?.lines().next()?;
    ["Analyst", "Architect", "Developer", "Reviewer", "Tester"].into_iter().find(|role| *role == heading)
}

fn texts(message: &Value) -> Vec<String> {
    match &message["content"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn results(message: &Value) -> Vec<String> {
    let none = Vec::new();
    let blocks = message["content"].as_array().unwrap_or(&none).iter();
    blocks.filter(|block| block["type"] == "tool_result").map(|block| block["content"].to_string()).collect()
}
