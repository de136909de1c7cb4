//! `orchctl config` as a person meets it: what it says, in which form, with which exit code.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = include_str!("../../../../docs/ref/orchd.toml");

struct Place(tempfile::TempDir);

impl Place {
    fn new(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(place.file().parent().unwrap()).unwrap();
        std::fs::write(place.file(), text).unwrap();
        place
    }

    /// Where an account's configuration lies.
    fn file(&self) -> std::path::PathBuf {
        self.0.path().join(".config/orchd/orchd.toml")
    }

    fn orchctl(&self, args: &[&str], set: &[(&str, &Path)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchctl"));
        command.args(args).env_clear().env("HOME", self.0.path()).envs(set.iter().copied());
        command.output().unwrap()
    }

    /// What it prints and how it ends.
    fn says(&self, args: &[&str]) -> (String, String, Option<i32>) {
        let output = self.orchctl(args, &[]);
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&self.file().display().to_string(), "FILE")
        };
        (text(output.stdout), text(output.stderr), output.status.code())
    }
}

#[test]
fn a_file_in_order_is_said_to_be() {
    let (out, error, code) = Place::new(GOOD).says(&["config", "check"]);
    assert_eq!(
        (out.as_str(), error.as_str(), code),
        ("FILE is in order: project shop; data in /var/lib/orchd\n", "", Some(0))
    );
}

#[test]
fn mistakes_are_told_one_in_a_line_and_as_json() {
    let text = GOOD.replace("repo = ", "repository = ").replace("money_per_day", "money_a_day");
    let place = Place::new(&text);
    let (out, error, code) = place.says(&["config", "check"]);
    assert_eq!((out.as_str(), code), ("", Some(1)));
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines[0].starts_with(
            "orchctl: FILE:31:1: project.shop.repository: there is no such key; did you mean `repo`?"
        ),
        "{error}"
    );
    assert!(lines[1].contains("money_a_day: there is no such key; did you mean `money_per_day`?"), "{error}");
    let (out, _, code) = place.says(&["config", "check", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((said["problems"][0]["key"].as_str(), code), (Some("project.shop.repository"), Some(1)));
}

#[test]
fn a_profile_that_is_not_known_is_told_once_at_its_table() {
    let place = Place::new(&GOOD.replace("profile = \"claude\"", "profile = \"claud\""));
    let (_, error, _) = place.says(&["config", "check"]);
    assert!(error.contains("project.shop.agent: profile \"claud\" is not known; known are "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_prompt_of_ones_own_is_told_at_its_key_with_its_line_and_what_to_write() {
    let place = Place::new(
        &GOOD
            .replace("#[project.shop.prompts]\n", "[project.shop.prompts]\n")
            .replace("#reviewer = \"prompts", "reviewer = \"prompts"),
    );
    let prompt = place.file().with_file_name("prompts/reviewer.md");
    let (_, error, code) = place.says(&["config", "check"]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains(": project.shop.prompts.reviewer: ")
            && error
                .contains("/prompts/reviewer.md: No such file or directory (os error 2); name a text file"),
        "{error}"
    );
    std::fs::create_dir_all(prompt.parent().unwrap()).unwrap();
    std::fs::write(&prompt, "# Ours\n\nSet `verdikt` and open the gate.\n").unwrap();
    let (_, error, _) = place.says(&["config", "check"]);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(
        lines[0].contains("reviewer.md: line 3: `verdikt` is no field or tool of the reviewer; fields are "),
        "{error}"
    );
    assert!(lines[1].contains("reviewer.md: line 3: \"gate\" tells how work is steered"), "{error}");
    let (_, error, _) = place.says(&["task", "list"]);
    assert!(
        error.contains("/var/lib/orchd") && !error.contains("reviewer.md"),
        "a client needs no prompt: {error}"
    );
    std::fs::write(&prompt, "# Ours\n\nSet `verdict` to `APPROVED` if all holds.\n").unwrap();
    let (out, error, code) = place.says(&["config", "check"]);
    assert_eq!((error.as_str(), code), ("", Some(0)), "{out}");
}

#[test]
fn keys_are_explained() {
    let place = Place::new(GOOD);
    let (out, _, _) = place.says(&["config", "explain", "project.shop.budgets.rework"]);
    assert_eq!(
        out,
        "project.shop.budgets.rework = 3\nsaid in: nowhere; it is the default\n\
         How often review, tests or CI may send a task back to development.\n"
    );
    let (out, _, _) = place.says(&["config", "explain"]);
    assert!(out.contains("project.shop.test.command = \"make test\"    # FILE:"), "{out}");
    let (_, error, code) = place.says(&["config", "explain", "project.shop.budget"]);
    assert_eq!(
        (error.as_str(), code),
        ("orchctl: there is no key project.shop.budget; did you mean project.shop.budgets?\n", Some(5))
    );
    let output = place.orchctl(&["config", "explain", "workers"], &[("ORCHD__WORKERS", Path::new("7"))]);
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("workers = 7\nsaid in: environment variable ORCHD__WORKERS\n")
    );
}

#[test]
fn the_schema_is_one() {
    let (out, _, _) = Place::new(GOOD).says(&["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        schema["properties"]["project"]["additionalProperties"]["properties"]["approval"]["default"],
        "ask"
    );
}

#[test]
fn without_a_file_it_says_how_to_name_one() {
    let place = Place::new(GOOD);
    std::fs::remove_file(place.file()).unwrap();
    let (_, error, code) = place.says(&["config", "check"]);
    assert!(error.starts_with("orchctl: FILE: No such file or directory"), "{error}");
    assert!(
        error.trim_end().ends_with("name the configuration with --config FILE") && code == Some(1),
        "{error}"
    );
}

#[test]
fn other_commands_go_where_the_configuration_says() {
    let place = Place::new(&GOOD.replace("/var/lib/orchd", "../../state"));
    let (_, error, code) = place.says(&["task", "list"]);
    assert!(error.contains("/state") && code == Some(3), "{error}");
    std::fs::write(place.file(), "data = 1").unwrap();
    let (_, error, code) = place.says(&["task", "list"]);
    assert!(error.contains("FILE:1:8: data: invalid type") && code == Some(1), "{error}");
    // Whoever names the directory does not need the file.
    let (_, error, code) = place.says(&["task", "list", "--data", "/nonexistent"]);
    assert!(error.contains("/nonexistent") && code == Some(3), "{error}");
}

/// What `doctor` says of the configuration, line by line.
fn doctored(place: &Place) -> Vec<String> {
    let (out, ..) = place.says(&["doctor"]);
    out.lines().filter(|line| line.contains("configuration: ")).map(str::to_owned).collect()
}

#[test]
fn doctor_looks_at_the_configuration() {
    let place = Place::new(&GOOD.replace("/var/lib/orchd", "../../state"));
    let good = doctored(&place);
    assert!(
        good[0].starts_with("ok       configuration: FILE is in order: project shop; data in "),
        "{good:?}"
    );
    // Before the first start the projects are those of the file.
    let (out, ..) = place.says(&["doctor"]);
    assert!(out.contains("shop: developer: ") && !out.contains("projects: "), "{out}");
    std::fs::write(
        place.file(),
        GOOD.replace("command = \"make test\"", "command = \"\"").replace("repo = ", "rpo = "),
    )
    .unwrap();
    let bad = doctored(&place);
    assert!(
        bad[0].starts_with("MISSING  configuration: FILE:31:1: project.shop.rpo: there is no such key"),
        "{bad:?}"
    );
    std::fs::remove_file(place.file()).unwrap();
    assert_eq!(doctored(&place), Vec::<String>::new());
}
