//! `orchctl doctor`: what is needed on this host, present or missing, and whether the invariants hold over the store; a
//! server that owns the store is asked about it. Exit 1 where something will fail or is broken.

use std::path::{Path, PathBuf};

use orchd_daemon::{
    ConfigError, Document, Finding, Health, default_config, examine, judged, look, read_config,
};
use orchd_http::client::{Client, ClientError};
use orchd_http::dto;

use crate::exit::Exit;
use crate::render::Out;

pub(crate) async fn run(out: &Out, data: Option<PathBuf>, config: Option<PathBuf>) -> Result<(), Exit> {
    // Whoever names a directory asks for it as it is.
    let (said, document) = if data.is_some() { (Vec::new(), None) } else { configuration(config) };
    let config = document.as_ref().map(Document::config);
    let data = data.or_else(|| config.map(|config| config.data.clone()));
    let data = data.map_or_else(crate::session::default_data, Ok)?;
    let mut findings: Vec<Finding> = said.into_iter().chain(examine(&data, config).await).collect();
    let client = Client::new(&orchd_daemon::socket(&data));
    if let Ok(state) = client.get::<dto::State>("/state").await {
        // The server's own surroundings count, not those of this terminal.
        let sentence = format!("it runs; {}", state.containment);
        findings.push(Finding::new("server", Health::Good, sentence));
        if let Some(config) = config
            && !crate::config::counts(&state, config)?
        {
            findings.push(Finding::new("server", Health::Missing, crate::config::OTHER));
        }
    }
    findings.extend(store(&client, &data).await);
    if out.json {
        out.data(&findings)?;
    } else {
        for finding in &findings {
            out.line(&line(finding));
        }
    }
    told(&findings, &data)
}

/// Whether the configuration is in order, and what it says. Nothing is said of one that nobody has.
fn configuration(file: Option<PathBuf>) -> (Vec<Finding>, Option<Document>) {
    const WHAT: &str = "configuration";
    let named = file.is_some();
    let Some(path) = file.or_else(default_config).filter(|path| named || path.exists()) else {
        return (Vec::new(), None);
    };
    match read_config(&path) {
        Ok(document) => {
            let config = document.config();
            let sentence = format!("{} is in order: {}", path.display(), crate::config::summary(config));
            let mut findings = vec![Finding::new(WHAT, Health::Good, sentence)];
            findings.extend(config.projects.iter().filter(|project| project.policy.test.is_none()).map(
                |project| {
                    let name = &project.policy.project;
                    let sentence = format!(
                        "project {name} has no tests: add [project.{name}.test] with a command to {}",
                        path.display()
                    );
                    Finding::new(WHAT, Health::Weak, sentence)
                },
            ));
            (findings, Some(document))
        }
        Err(ConfigError::Problems(problems)) => {
            let findings =
                problems.0.iter().map(|problem| Finding::new(WHAT, Health::Missing, problem.to_string()));
            (findings.collect(), None)
        }
        Err(error) => (vec![Finding::new(WHAT, Health::Missing, error.to_string())], None),
    }
}

/// Whoever owns the store answers for it.
async fn store(client: &Client, data: &Path) -> Vec<Finding> {
    match client.get("/invariants").await {
        Ok(broken) => judged(broken),
        Err(ClientError::NotRunning { .. }) => look(data).await,
        Err(ClientError::Refused(why)) if why.code == "not-found" => {
            let sentence = "the server is of an older orchd and can not be asked: restart it with this one";
            vec![Finding::new("store", Health::Weak, sentence)]
        }
        Err(error @ (ClientError::Broken { .. } | ClientError::Refused(_) | ClientError::BadAnswer(_))) => {
            let sentence = format!("the server was asked for its invariants: {error}");
            vec![Finding::new("store", Health::Missing, sentence)]
        }
    }
}

fn line(finding: &Finding) -> String {
    let mark = match finding.health {
        Health::Good => "ok     ",
        Health::Weak => "weak   ",
        Health::Missing => "MISSING",
        Health::Broken => "BROKEN ",
    };
    let said = format!("{mark}  {}: {}", finding.what, finding.sentence);
    match &finding.detail {
        Some(detail) => format!("{said} Broken by: {}", detail.replace('\n', " ")),
        None => said,
    }
}

fn told(findings: &[Finding], data: &Path) -> Result<(), Exit> {
    let many = |health| findings.iter().filter(|finding| finding.health == health).count();
    let (missing, broken) = (many(Health::Missing), many(Health::Broken));
    let mut said = Vec::new();
    if missing > 0 {
        said.push(format!("{missing} of what is needed is missing"));
    }
    if broken > 0 {
        let store = data.join("orchd.db*");
        let todo =
            "is a mistake of orchd's or a row that was changed by hand: stop the server, keep a copy of";
        said.push(format!("{broken} broken: each {todo} {}, and report it", store.display()));
    }
    if said.is_empty() { Ok(()) } else { Err(Exit::failed(said.join("; "))) }
}
