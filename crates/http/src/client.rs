//! The API's client over a Unix socket: what orchctl and the tests speak.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sse_stream::SseStream;

use crate::dto::{Failure, FailureBody};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("nobody serves {socket}: start `orchd`, or run the command where one runs")]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection to {socket} broke; the command may or may not have been taken: {why}")]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        why: String,
    },
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(FailureBody),
    /// The answer can not be read.
    #[error("the answer can not be read; client and server may be of different versions: {0}")]
    BadAnswer(String),
}

/// A client of one socket.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the socket at this path.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// Says.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| ClientError::BadAnswer(e.to_string()))?,
            None => Vec::new(),
        };
        let (status, answer) = self.exchange(method, path, body).await?;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|e| ClientError::BadAnswer(e.to_string()));
        }
        match serde_json::from_slice::<Failure>(&answer) {
            Ok(failure) => Err(ClientError::Refused(failure.error)),
            Err(_) => {
                Err(ClientError::BadAnswer(format!("status {status}: {}", String::from_utf8_lossy(&answer))))
            }
        }
    }

    /// Listens to server-sent events of `path`, from after `last` on where the connection was lost before.
    pub async fn listen(&self, path: &str, last: Option<&str>) -> Result<Listening, ClientError> {
        let (answer, driver) = self.send(Method::GET, path, Vec::new(), last).await?;
        if answer.status().is_success() {
            return Ok(Listening { events: SseStream::new(answer.into_body()), driver });
        }
        let body = answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes();
        driver.abort();
        match serde_json::from_slice::<Failure>(&body) {
            Ok(failure) => Err(ClientError::Refused(failure.error)),
            Err(error) => Err(ClientError::BadAnswer(error.to_string())),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let (answer, driver) = self.send(method, path, body, None).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes();
        driver.abort();
        Ok((status, bytes))
    }

    /// Sends a request on a connection of its own; the handle drives it, and ends it when it is aborted.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        last: Option<&str>,
    ) -> Result<(Response<Incoming>, Driver), ClientError> {
        let stream = tokio::net::UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::NotRunning { socket: self.socket.clone(), source })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(&e))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("host", "orchd")
            .header("content-type", "application/json");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| self.broken(&e))?;
        let answer = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
        Ok((answer, driver))
    }

    fn broken(&self, why: &dyn std::error::Error) -> ClientError {
        ClientError::Broken { socket: self.socket.clone(), why: why.to_string() }
    }
}

type Driver = tokio::task::JoinHandle<hyper::Result<()>>;

/// Events as they come; the connection ends with it.
pub struct Listening {
    events: SseStream<Incoming>,
    driver: Driver,
}

/// One event that was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: serde_json::Value,
    /// What `Last-Event-ID` says to go on after it.
    pub id: Option<String>,
}

impl Listening {
    /// The next event; `None` when the server has said everything, or the connection broke.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            let sse = self.events.next().await?.ok()?;
            // Comments that keep the connection alive carry nothing.
            let Some(data) = sse.data else { continue };
            let data = serde_json::from_str(&data).unwrap_or(serde_json::Value::String(data));
            return Some(Said { name: sse.event.unwrap_or_default(), data, id: sse.id });
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
