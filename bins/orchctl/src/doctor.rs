//! `orchctl doctor`: what is needed on this host, present or missing. Talks to no server; exit 1 where something will
//! fail.

use std::path::PathBuf;

use orchd_daemon::{Finding, Health, examine};
use orchd_http::client::Client;
use orchd_http::dto;

use crate::exit::Exit;
use crate::render::Out;

pub(crate) async fn run(out: &Out, data: Option<PathBuf>) -> Result<(), Exit> {
    let data = data.map_or_else(crate::session::default_data, Ok)?;
    let mut findings = examine(&data).await;
    if let Ok(state) = Client::new(&orchd_daemon::socket(&data)).get::<dto::State>("/state").await {
        // The server's own surroundings count, not those of this terminal.
        let sentence = format!("it runs; {}", state.containment);
        findings.push(Finding { what: "server".to_owned(), health: Health::Good, sentence });
    }
    if out.json {
        out.data(&findings)?;
    } else {
        for finding in &findings {
            let mark = match finding.health {
                Health::Good => "ok     ",
                Health::Weak => "weak   ",
                Health::Missing => "MISSING",
            };
            out.line(&format!("{mark}  {}: {}", finding.what, finding.sentence));
        }
    }
    match findings.iter().filter(|finding| finding.health == Health::Missing).count() {
        0 => Ok(()),
        many => Err(Exit::failed(format!("{many} of what is needed is missing"))),
    }
}
