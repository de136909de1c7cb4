//! `orchctl config`: is the file in order, what is a key set to and why, and the schema for editors. Reads the file and
//! this terminal's environment; no server is asked.

use std::path::PathBuf;

use orchd_daemon::{
    Config, ConfigError, Document, Explained, Origin, config_schema, data_of_config, default_config,
    fingerprint_of, read_config,
};
use orchd_http::dto::State;
use serde_json::json;

use crate::cli::ConfigCommand;
use crate::exit::Exit;
use crate::render::Out;

pub(crate) fn run(out: &Out, file: Option<PathBuf>, what: ConfigCommand) -> Result<(), Exit> {
    match what {
        ConfigCommand::Schema => {
            out.line(&format!("{:#}", config_schema()));
            Ok(())
        }
        ConfigCommand::Check => check(out, &path(file)?),
        ConfigCommand::Explain { key } => explain(out, &read(&path(file)?)?, key.as_deref()),
    }
}

/// The file that is meant.
pub(crate) fn path(file: Option<PathBuf>) -> Result<PathBuf, Exit> {
    let none = || Exit::failed("no configuration: name it with --config FILE".to_owned());
    file.or_else(default_config).ok_or_else(none)
}

/// The data directory that the configuration names. `None`: there is no configuration, and none was asked for.
pub(crate) fn data(file: Option<PathBuf>) -> Result<Option<PathBuf>, Exit> {
    let path = match file {
        Some(path) => path,
        None => match default_config().filter(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    data_of_config(&path).map(Some).map_err(|error| Exit::failed(error.to_string()))
}

fn read(path: &std::path::Path) -> Result<Document, Exit> {
    read_config(path).map_err(|error| Exit::failed(error.to_string()))
}

fn check(out: &Out, path: &std::path::Path) -> Result<(), Exit> {
    match read_config(path) {
        Ok(document) => {
            if out.json {
                return out.data(&json!({ "problems": [] }));
            }
            out.line(&format!("{} is in order: {}", path.display(), summary(document.config())));
            Ok(())
        }
        Err(ConfigError::Problems(problems)) if out.json => {
            let problems: Vec<_> = problems
                .0
                .iter()
                .map(|problem| {
                    json!({
                        "place": problem.place.to_string(),
                        "key": problem.key,
                        "reason": problem.reason,
                        "suggestion": problem.suggestion,
                    })
                })
                .collect();
            out.data(&json!({ "problems": problems }))?;
            Err(Exit::Code(crate::exit::FAILED))
        }
        Err(error) => Err(Exit::failed(error.to_string())),
    }
}

/// In one line.
pub(crate) fn summary(config: &Config) -> String {
    let names: Vec<&str> = config.projects.iter().map(|project| project.policy.project.as_str()).collect();
    let projects = match names[..] {
        [] => "no project yet; add [project.NAME]".to_owned(),
        [name] => format!("project {name}"),
        _ => format!("projects {}", names.join(", ")),
    };
    format!("{projects}; data in {}", config.data.display())
}

fn explain(out: &Out, document: &Document, key: Option<&str>) -> Result<(), Exit> {
    let explain = |key: &str| {
        document
            .explain(key)
            .map_err(|error| Exit::Failed { code: crate::exit::NOT_FOUND, message: error.to_string() })
    };
    let Some(key) = key else {
        let all = document.keys().iter().map(|key| explain(key)).collect::<Result<Vec<_>, _>>()?;
        if out.json {
            return out.data(&all.iter().map(as_json).collect::<Vec<_>>());
        }
        for one in &all {
            out.line(&format!("{} = {}    # {}", one.key, value(one), origin(one)));
        }
        return Ok(());
    };
    let one = explain(key)?;
    if out.json {
        return out.data(&as_json(&one));
    }
    out.line(&format!("{} = {}", one.key, value(&one)));
    out.line(&format!("said in: {}", origin(&one)));
    out.line(one.does.as_deref().unwrap_or("It is a name of your choice."));
    Ok(())
}

fn value(one: &Explained) -> String {
    one.value.as_ref().map_or_else(|| "(not set)".to_owned(), ToString::to_string)
}

fn origin(one: &Explained) -> String {
    match &one.origin {
        Origin::Said(place) => place.to_string(),
        Origin::Default => "nowhere; it is the default".to_owned(),
    }
}

fn as_json(one: &Explained) -> serde_json::Value {
    json!({ "key": one.key, "value": one.value, "origin": origin(one), "does": one.does })
}

/// What is said where a server does not know the configuration as it is now.
pub(crate) const OTHER: &str = "the server that runs works by another configuration than the file has now: send it SIGHUP \
     (`systemctl reload orchd`), or restart it where its log says that only a start can take that; its runs go on meanwhile";

/// Whether a server works by this configuration.
pub(crate) fn counts(state: &State, config: &Config) -> Result<bool, Exit> {
    let Some(configured) = &state.configured else { return Ok(true) };
    let said = fingerprint_of(config).map_err(|error| Exit::failed(error.to_string()))?;
    Ok(said == *configured)
}
