//! How a project is tested, by the files at its top. Reads a few small ones; runs nothing. What is found is a proposal: a
//! person may say another command.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A file that says how a project is built is small; one that is not is not read.
const CAP: u64 = 1024 * 1024;

/// A way to run the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// For `sh -c`.
    pub(super) command: String,
    /// Folders that are worth keeping between runs.
    pub(super) caches: Vec<&'static str>,
    /// What it was seen by, for people.
    pub(super) because: String,
}

fn way(command: impl Into<String>, caches: &[&'static str], because: impl Into<String>) -> Way {
    Way { command: command.into(), caches: caches.to_vec(), because: because.into() }
}

/// Every way that the files at `top` show, the likeliest first.
pub(super) fn ways(top: &Path) -> Vec<Way> {
    let all = [cargo, go, node, python, maven, gradle, cmake, make];
    all.iter().filter_map(|detect| detect(top)).collect()
}

fn has(top: &Path, name: &str) -> bool {
    top.join(name).is_file()
}

/// Its text, where it is there and looks like one.
fn text(top: &Path, name: &str) -> Option<String> {
    let path = top.join(name);
    let meta = fs::metadata(&path).ok()?;
    (meta.is_file() && meta.len() <= CAP).then(|| fs::read_to_string(path).ok()).flatten()
}

fn table(top: &Path, name: &str) -> Option<toml::Table> {
    text(top, name)?.parse().ok()
}

fn cargo(top: &Path) -> Option<Way> {
    let manifest = table(top, "Cargo.toml")?;
    let command = if manifest.contains_key("workspace") { "cargo test --workspace" } else { "cargo test" };
    Some(way(command, &["target"], "Cargo.toml"))
}

fn go(top: &Path) -> Option<Way> {
    has(top, "go.mod").then(|| way("go test ./...", &[], "go.mod"))
}

/// What `npm init` writes where there are no tests.
const NO_TESTS: &str = "no test specified";

fn node(top: &Path) -> Option<Way> {
    let package: Value = serde_json::from_str(&text(top, "package.json")?).ok()?;
    let script = package.get("scripts")?.get("test")?.as_str()?;
    if script.contains(NO_TESTS) || script.trim().is_empty() {
        return None;
    }
    let (command, lock) = if has(top, "pnpm-lock.yaml") {
        ("pnpm install --frozen-lockfile && pnpm test", ", pnpm-lock.yaml")
    } else if has(top, "yarn.lock") {
        ("yarn install --frozen-lockfile && yarn test", ", yarn.lock")
    } else if has(top, "package-lock.json") {
        ("npm ci && npm test", ", package-lock.json")
    } else {
        ("npm install && npm test", "")
    };
    Some(way(command, &["node_modules"], format!("package.json with a test script{lock}")))
}

fn python(top: &Path) -> Option<Way> {
    let project = table(top, "pyproject.toml");
    let tools = project.as_ref().and_then(|project| project.get("tool")?.as_table());
    let has_tool = |name: &str| tools.is_some_and(|tools| tools.contains_key(name));
    let is_python = project.is_some()
        || ["setup.py", "setup.cfg", "tox.ini", "pytest.ini"].iter().any(|name| has(top, name))
        || ["tests", "test"].iter().any(|folder| has_python_tests(&top.join(folder)));
    if !is_python {
        return None;
    }
    if has(top, "uv.lock") {
        return Some(way("uv run pytest", &[".venv"], "uv.lock"));
    }
    if has(top, "tox.ini") || has_tool("tox") {
        let because = if has(top, "tox.ini") { "tox.ini" } else { "pyproject.toml with [tool.tox]" };
        return Some(way("tox", &[".tox"], because));
    }
    let names = ["pyproject.toml", "setup.cfg", "pytest.ini", "setup.py"];
    let mentions = names.iter().find(|name| text(top, name).is_some_and(|text| text.contains("pytest")));
    if let Some(name) = mentions {
        return Some(way("python3 -m pytest", &[], format!("{name}, which names pytest")));
    }
    let folder = ["tests", "test"].into_iter().find(|folder| top.join(folder).is_dir())?;
    Some(way(
        format!("python3 -m unittest discover -s {folder}"),
        &[],
        format!("a Python project with {folder}/"),
    ))
}

/// As unittest looks for them.
fn has_python_tests(folder: &Path) -> bool {
    let is_test = |name: &str| name.starts_with("test") && name.ends_with(".py");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_str().is_some_and(is_test))
}

fn maven(top: &Path) -> Option<Way> {
    let program = if has(top, "mvnw") { "./mvnw" } else { "mvn" };
    has(top, "pom.xml").then(|| way(format!("{program} -B test"), &[], "pom.xml"))
}

fn gradle(top: &Path) -> Option<Way> {
    let program = if has(top, "gradlew") { "./gradlew" } else { "gradle" };
    let found = ["build.gradle.kts", "build.gradle"].into_iter().find(|name| has(top, name))?;
    Some(way(format!("{program} test"), &[], found))
}

fn cmake(top: &Path) -> Option<Way> {
    let lists = text(top, "CMakeLists.txt")?.to_lowercase();
    let tests = lists.contains("enable_testing") || lists.contains("ctest") || lists.contains("add_test");
    let command = "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure";
    tests.then(|| way(command, &["build"], "CMakeLists.txt with tests"))
}

fn make(top: &Path) -> Option<Way> {
    for name in ["GNUmakefile", "makefile", "Makefile"] {
        let Some(text) = text(top, name) else { continue };
        let is_rule = |line: &str, target: &str| {
            line.strip_prefix(target).is_some_and(|rest| {
                let rest = rest.trim_start();
                rest.starts_with(':') && !rest.starts_with(":=")
            })
        };
        let target =
            ["test", "check"].into_iter().find(|target| text.lines().any(|line| is_rule(line, target)))?;
        return Some(way(format!("make {target}"), &[], format!("{name} with a rule {target}")));
    }
    None
}

#[cfg(test)]
mod tests;
