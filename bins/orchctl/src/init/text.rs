//! The text that `init` writes: a file with its comments, or one more project at the end of one that is there. What a person
//! wrote stays as it is.

use std::path::{Path, PathBuf};

use toml::Value;

use super::detect::Way;

/// What was found and said.
pub(super) struct Draft {
    pub(super) data: PathBuf,
    pub(super) name: String,
    pub(super) repo: PathBuf,
    pub(super) main: Option<String>,
    /// Where main is, if not in orchd's data.
    pub(super) remote: Option<String>,
    pub(super) test: Option<Way>,
    /// The profile, and the program of profile `script`.
    pub(super) agent: (String, Option<String>),
    pub(super) money_per_task: String,
    pub(super) money_per_day: String,
}

impl Draft {
    /// The file with this project in it. It begins with `before`.
    pub(super) fn after(&self, before: &str) -> String {
        let mut text = before.to_owned();
        if before.is_empty() {
            text.push_str(
                "# What orchd works on, and how. `orchctl config check` tells what is wrong in here, `orchctl config explain KEY`\n\
                 # what a key does; `orchctl config explain` lists all of them.\n\n\
                 # orchd's alone: its store, its clones, what runs leave.\n",
            );
            text.push_str(&format!("data = {}\n", quoted(&self.data)));
        } else if !before.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&self.project());
        text
    }

    fn project(&self) -> String {
        let name = &self.name;
        let mut text = format!("\n[project.{name}]\nrepo = {}\n", quoted(&self.repo));
        if self.remote.is_some() {
            text.push_str("forge = \"git\"\n");
        }
        if let Some(main) = &self.main {
            text.push_str(&format!("main = {}\n", string(main)));
        }
        text.push_str("# \"ask\": you read each analysis before work goes on.\napproval = \"auto\"\n");
        let caches: Vec<String> =
            self.test.iter().flat_map(|way| &way.caches).map(|name| string(name)).collect();
        if !caches.is_empty() {
            text.push_str(&format!("caches = [{}]\n", caches.join(", ")));
        }
        match &self.test {
            Some(way) => {
                let command = string(&way.command);
                text.push_str(&format!(
                    "\n[project.{name}.test]\n# By {}.\ncommand = {command}\n",
                    one_line(&way.because)
                ));
            }
            None => text.push_str(
                "\n# Nothing is tested. A table [project.NAME.test] with a command changes that.\n",
            ),
        }
        if let Some(url) = &self.remote {
            text.push_str(&remote(name, url));
        }
        text.push_str(&format!(
            "\n# US dollars, or \"unlimited\".\n[project.{name}.budgets]\nmoney_per_task = {}\nmoney_per_day = {}\n",
            money(&self.money_per_task),
            money(&self.money_per_day)
        ));
        let (profile, command) = &self.agent;
        text.push_str(&format!(
            "\n# Who plays every role.\n[project.{name}.agent]\nprofile = {}\n",
            string(profile)
        ));
        if let Some(command) = command {
            text.push_str(&format!("command = [{}]\n", string(command)));
        }
        text
    }
}

fn remote(name: &str, url: &str) -> String {
    let mut text =
        format!("\n# Branches and main are pushed here.\n[project.{name}.remote]\nurl = {}\n", string(url));
    if url.starts_with("http") {
        text.push_str(
            "# Over https: a name, and where its password or token is.\n#username = \"NAME\"\n#password = { file = \"PATH\" }\n",
        );
    }
    text
}

/// The project that a file has for this repository already.
pub(super) fn project_of(text: &str, path: &Path, repo: &Path) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let base = path.parent().unwrap_or(Path::new("."));
    let is_it = |project: &Value| {
        let known = project.get("repo").and_then(Value::as_str).map(|known| base.join(known));
        known.is_some_and(|known| known == repo || known.canonicalize().is_ok_and(|known| known == repo))
    };
    table.get("project")?.as_table()?.iter().find(|(_, project)| is_it(project)).map(|(name, _)| name.clone())
}

/// Whether a project's main is at a remote.
pub(super) fn is_at_remote(text: &str, name: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    let forge = table.and_then(|table| table.get("project")?.get(name)?.get("forge").cloned());
    forge.is_some_and(|forge| forge.as_str() == Some("git"))
}

/// Whether a file has a project of this name.
pub(super) fn has_project(text: &str, name: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    table.and_then(|table| table.get("project")?.get(name).cloned()).is_some()
}

/// A project's name out of its folder's.
pub(super) fn name_of(repo: &Path) -> String {
    let folder = repo.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = folder.strip_suffix(".git").unwrap_or(&folder);
    let plain: String = folder
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let name: String = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let name: String = name.chars().take(40).collect();
    // Keys begin with its letters.
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        format!("project-{name}").trim_end_matches('-').to_owned()
    }
}

fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn quoted(path: &Path) -> String {
    string(&path.to_string_lossy())
}

fn money(text: &str) -> String {
    // Rust reads ".5" as a number too, TOML does not.
    text.parse::<f64>().map_or_else(|_| string(text), |usd| usd.to_string())
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
