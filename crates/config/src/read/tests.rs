//! Mistakes and what is said of them: line, column, key, reason, suggestion. The file itself is the example of the guide.

use std::path::Path;

use orchd_core::policy::{Approval, Money};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use proptest::prelude::*;

use super::{Document, read};
use crate::explain::Origin;
use crate::problem::Refused;
use crate::remote::{Login, Secret};

const GOOD: &str = r#"data = "/var/lib/orchd"

[project.shop]
repo = "../shop"
approval = "auto"

[project.shop.test]
command = "cargo test"

[project.shop.budgets]
money_per_task = 5
money_per_day = "unlimited"

[project.shop.agent]
profile = "claude"

[project.shop.roles.reviewer]
profile = "codex"
timeout = "20m"
"#;

fn with(text: &str, environment: &[(&str, &str)]) -> Result<Document, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(Path::new("/etc/orchd/orchd.toml"), text, environment).map_err(|problems| problems.to_string())
}

#[test]
fn a_good_file_is_the_policy_it_says() {
    let document = with(GOOD, &[("HOME", "/root"), ("ORCHD_RUN_ID", "no setting")]).expect("good");
    let config = document.config();
    let project = &config.projects[0];
    assert_eq!(config.data, Path::new("/var/lib/orchd"));
    assert_eq!(project.repo.as_deref(), Some(Path::new("/etc/orchd/../shop")));
    let policy = &project.policy;
    assert_eq!((policy.key_prefix.as_str(), policy.approval), ("SHOP", Approval::Auto));
    assert_eq!((policy.budgets.task_money, policy.budgets.day_money), (Some(Money(5_000_000)), None));
    let (developer, reviewer) = (&policy.agents[&Role::Developer], &policy.agents[&Role::Reviewer]);
    assert_eq!((developer.profile.as_str(), developer.timeout), ("claude", Span::mins(60)));
    assert_eq!((reviewer.profile.as_str(), reviewer.timeout), ("codex", Span::mins(20)));
}

/// Each line: what in the good file is replaced, by what, and all that is said of it.
#[test]
fn a_mistake_is_told_with_its_place_and_what_to_write() {
    for (from, to, said) in [
        (
            "approval =",
            "aproval =",
            "5:1: project.shop.aproval: there is no such key; did you mean `approval`?",
        ),
        (
            "[project.shop.test]",
            "[projects.shop.test]",
            "7:2: projects: there is no such key; did you mean `project`?",
        ),
        (
            "\"auto\"",
            "\"atuo\"",
            "5:12: project.shop.approval: unknown variant `atuo`, expected `ask` or `auto`",
        ),
        (
            "timeout = \"20m\"",
            "timeout = 20",
            "19:11: project.shop.roles.reviewer.timeout: invalid type: integer `20`, expected a span of time such as \"90m\", \"1h 30m\" or \"14d\"",
        ),
        (
            "\"unlimited\"",
            "\"none\"",
            "12:17: project.shop.budgets.money_per_day: invalid value: string \"none\", expected US dollars such as 5 or 2.50, or \"unlimited\"",
        ),
        ("money_per_day = \"unlimited\"\n", "", "10:1: project.shop.budgets: missing field `money_per_day`"),
        (
            "\"cargo test\"",
            "\"\"",
            "8:1: project.shop.test.command: an empty command passes always; give the command, or remove the table: then nothing is run",
        ),
        (
            "[project.shop.agent]\nprofile = \"claude\"",
            "",
            "3:10: project.shop: nobody plays the role analyst; add [project.shop.agent], or [project.shop.roles.analyst] for this role alone",
        ),
        ("data = ", "data = = ", "1:8: this is no TOML: "),
    ] {
        let text = GOOD.replacen(from, to, 1);
        let error = with(&text, &[]).expect_err(from);
        let first = error.lines().next().unwrap_or_default();
        let expected = format!("/etc/orchd/orchd.toml:{said}");
        assert!(first.starts_with(&expected), "{from}\n said {first}\n want {expected}");
    }
}

#[test]
fn every_key_that_is_not_known_is_told_at_once() {
    let text = GOOD.replace("approval =", "aproval =").replace("profile = \"codex\"", "profil = \"codex\"");
    let error = with(&text, &[]).expect_err("two mistakes");
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn columns_count_characters() {
    let error = with("data = \"/ä\"; x", &[]).expect_err("no TOML");
    assert!(error.starts_with("/etc/orchd/orchd.toml:1:12: this is no TOML"), "{error}");
}

#[test]
fn the_environment_goes_before_the_file() {
    let set = [
        ("ORCHD__WORKERS", "9"),
        ("ORCHD__PROJECT__SHOP__APPROVAL", "ask"),
        ("ORCHD__PROJECT__SHOP__BUDGETS__MONEY_PER_DAY", "7"),
        ("ORCHD__PROJECT__SHOP__CACHES", "[\"target\"]"),
        ("ORCHD__PROJECT__SHOP__AGENT__MODEL", "42"),
    ];
    let document = with(GOOD, &set).expect("good");
    let config = document.config();
    let policy = &config.projects[0].policy;
    assert_eq!((config.workers, policy.approval), (9, Approval::Ask));
    assert_eq!(
        (policy.budgets.day_money, policy.caches.as_slice()),
        (Some(Money(7_000_000)), &["target".to_owned()][..])
    );
    // A key of text takes any text.
    assert_eq!(policy.agents[&Role::Developer].model.as_deref(), Some("42"));
    // What the file lacks may stand there.
    let without = GOOD.replace("money_per_day = \"unlimited\"\n", "");
    assert!(with(&without, &set).is_ok());
}

#[test]
fn a_mistake_of_the_environment_names_its_variable() {
    for (variable, value, said) in [
        (
            "ORCHD__PROJECT__SHOP__APROVAL",
            "ask",
            "environment variable ORCHD__PROJECT__SHOP__APROVAL: project.shop.aproval: project.shop has no such key; did you mean APPROVAL?",
        ),
        (
            "ORCHD__WORKERS",
            "many",
            "environment variable ORCHD__WORKERS: workers: invalid type: string \"many\", expected u32",
        ),
        (
            "ORCHD__WORKERS",
            "0",
            "environment variable ORCHD__WORKERS: workers: with 0 nothing would ever work; use at least 1; `orchctl drain` stops work",
        ),
        (
            "ORCHD__DATA__DEEPER",
            "x",
            "environment variable ORCHD__DATA__DEEPER: data.deeper: data has no such key",
        ),
    ] {
        let error = with(GOOD, &[("ORCHD__KEEP__RUNS", "7d"), (variable, value)]).expect_err(variable);
        assert_eq!(error, said);
    }
}

#[test]
fn a_key_is_explained_with_its_value_its_origin_and_what_it_does() {
    let document = with(GOOD, &[("ORCHD__WORKERS", "9")]).expect("good");
    let explain = |key: &str| document.explain(key).expect("known");
    let approval = explain("project.shop.approval");
    assert_eq!(approval.value, Some("auto".into()));
    assert!(
        matches!(&approval.origin, Origin::Said(place) if place.to_string() == "/etc/orchd/orchd.toml:5:1")
    );
    assert!(approval.does.expect("described").starts_with("Who approves an analysis"));
    let rework = explain("project.shop.budgets.rework");
    assert_eq!((rework.value, rework.origin), (Some(3.into()), Origin::Default));
    assert!(
        matches!(explain("workers").origin, Origin::Said(place) if place.to_string().contains("ORCHD__WORKERS"))
    );
    assert_eq!(explain("project.shop.main").value, None);
    for (key, suggestion) in [
        ("project.shop.aproval", "did you mean project.shop.approval?"),
        ("project.shpo.approval", "did you mean project.shop?"),
        ("workers.many", "workers holds no keys"),
    ] {
        assert_eq!(document.explain(key).expect_err(key).suggestion, suggestion);
    }
}

#[test]
fn every_key_is_described() {
    let document = with(GOOD, &[]).expect("good");
    let keys = document.keys();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let does = document.explain(&key).expect("known").does;
        assert!(does.is_some_and(|does| does.len() > 10), "{key} is not described");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}", cut in 0..GOOD.len(), key in "[A-Z_]{0,20}", value in ".{0,20}") {
        let _ = with(&text, &[]).is_ok();
        let _ = with(&format!("{}{text}", &GOOD[..cut]), &[]).is_ok();
        let _ = with(GOOD, &[(&format!("ORCHD__{key}"), &value)]).is_ok();
    }
}

#[test]
fn prompts_are_read_by_who_is_asked_and_told_at_their_keys() {
    let text =
        format!("{GOOD}\n[project.shop.prompts]\nreviewer = \"prompts/r.md\"\ntester = \"/srv/t.md\"\n");
    let line = |name: &str| 1 + text.lines().position(|line| line.starts_with(name)).expect("there");
    let document = with(&text, &[]).expect("good");
    assert!(document.config().projects[0].policy.prompts.is_empty(), "nothing here opens a file");
    let mut asked = Vec::new();
    let document = document.with_prompts(|_, role, path| {
        asked.push(format!("{role} {}", path.display()));
        Ok(format!("of the {role}"))
    });
    assert_eq!(asked, ["reviewer /etc/orchd/prompts/r.md", "tester /srv/t.md"]);
    let document = document.expect("good");
    assert_eq!(document.config().projects[0].policy.prompts[&Role::Tester], "of the tester");
    let refused = |reason: &str| Refused { reason: reason.to_owned(), suggestion: "mend it".to_owned() };
    let wrong = document.with_prompts(|_, role, _| match role {
        Role::Tester => Err(vec![refused("one"), refused("two")]),
        Role::Analyst | Role::Architect | Role::Developer | Role::Reviewer => Ok(String::new()),
    });
    let at = format!("/etc/orchd/orchd.toml:{}:1: project.shop.prompts.tester", line("tester ="));
    assert_eq!(
        wrong.expect_err("two mistakes").to_string(),
        format!("{at}: one; mend it\n{at}: two; mend it")
    );
}

#[test]
fn a_prompt_is_a_file_of_a_role_that_somebody_plays() {
    for (table, said) in [
        (
            "[project.shop.prompts]\nreviewer = \"\"",
            "project.shop.prompts.reviewer: it is empty; name a file",
        ),
        (
            "[project.shop.prompts]\nboss = \"x\"",
            "project.shop.prompts.boss: there is no such key; known here are analyst",
        ),
        ("[project.shop.prompts]\nreviewer = 1", "invalid type: integer"),
    ] {
        let error = with(&format!("{GOOD}\n{table}\n"), &[]).expect_err(table);
        assert!(error.contains(said), "{table}: {error}");
    }
    let alone = GOOD.replace("[project.shop.agent]", "[project.shop.roles.developer]");
    let express =
        "[project.shop.pipeline]\ndefault_track = \"x\"\ntracks = { x = [\"development\", \"deploy\"] }\n";
    let text = format!("{alone}\n{express}[project.shop.prompts]\ntester = \"t.md\"\n");
    let error = with(&text, &[]).expect_err("nobody tests");
    assert!(error.ends_with("project.shop.prompts.tester: nobody plays the role tester; say who plays it, or remove the prompt"), "{error}");
}

/// The file that documents every key.
const REFERENCE: &str = include_str!("../../../../docs/ref/orchd.toml");

/// What is a comment there to show a setting is one.
/// Of a forge there is one kind, and of a login: what is `without` in a line leaves it out.
fn all_set(without: &[&str]) -> String {
    let is_setting = |line: &str| {
        let name = line.trim_start_matches('#');
        line.starts_with('#') && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '[')
    };
    let set = |line: &str| if is_setting(line) { format!("{}\n", &line[1..]) } else { format!("{line}\n") };
    let kept = |line: &&str| !without.iter().any(|word| line.starts_with(&format!("#{word} =")));
    let text: String = REFERENCE.lines().filter(kept).map(set).collect();
    text.replace("forge = \"local\"", "forge = \"git\"")
}

#[test]
fn the_reference_has_every_key_and_its_defaults_are_the_defaults() {
    let set = |without: &[&str]| with(&all_set(without), &[]).expect("good when all is set");
    let (said, all) = (with(REFERENCE, &[]).expect("good"), set(&["username", "password"]));
    let https = set(&["ssh_command"]);
    let mut defaults = 0;
    // The five roles are one by the other.
    for key in said.keys().iter().filter(|key| !key.starts_with("project.shop.roles.")) {
        let (one, other) = (said.explain(key).expect("known"), all.explain(key).expect("known"));
        let is_said = |of: &Document| matches!(of.explain(key).expect("known").origin, Origin::Said(_));
        assert!(is_said(&all) || is_said(&https), "{key} is not in the reference");
        if one.origin == Origin::Default
            && key != "project.shop.forge"
            && one.value.as_ref().is_some_and(|value| *value != serde_json::json!([]))
        {
            assert_eq!(one.value, other.value, "{key} has another default");
            defaults += 1;
        }
    }
    assert!(defaults > 15, "only {defaults} defaults were compared");
}

#[test]
fn the_file_of_the_guide_is_good() {
    let guide = include_str!("../../../../docs/guide/own-repository.md");
    let text = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    assert_eq!(with(text, &[]).expect("good").config().projects.len(), 1);
}

/// A remote, and how orchd proves itself there: each mistake at its key.
#[test]
fn a_remote_is_whole_or_refused() {
    let at =
        |table: &str| with(&GOOD.replace("approval", &format!("forge = \"git\"\n{table}\napproval")), &[]);
    let remote = |more: &str| format!("remote = {{ url = \"git@host:shop.git\"{more} }}");
    let login = |more: &str| {
        let document =
            at(&remote(more)).map_err(|said| said.split_once(": project.shop.").expect("a key").1.to_owned());
        document.map(|document| document.config().projects[0].remote.clone().expect("a remote").login)
    };
    assert_eq!(login(""), Ok(Login::Own));
    assert_eq!(login(", ssh_command = \"ssh -i k\""), Ok(Login::Ssh("ssh -i k".to_owned())));
    let file = Secret::File("/etc/orchd/token".into());
    assert_eq!(
        login(", username = \"me\", password = { file = \"token\" }"),
        Ok(Login::Password("me".to_owned(), file))
    );
    let env = Secret::Env("TOKEN".to_owned());
    assert_eq!(
        login(", username = \"me\", password = { env = \"TOKEN\" }"),
        Ok(Login::Password("me".to_owned(), env))
    );
    for (more, said) in [
        (", username = \"me\"", "remote.username: there is no password to it"),
        (", password = { env = \"T\" }", "remote.password: there is no user name to it"),
        (", username = \"me\", password = {}", "remote.password: it is not said where the secret is"),
        (
            ", username = \"me\", password = { env = \"T\", file = \"t\" }",
            "remote.password: it is not said where",
        ),
        (", username = \"me\", ssh_command = \"ssh\"", "remote.ssh_command: ssh takes no user name"),
        (", username = \"me\", password = \"hunter2\"", "remote.password: invalid type: string"),
    ] {
        let error = login(more).expect_err(more);
        assert!(error.starts_with(said), "{more}: {error}");
    }
    assert!(at("").expect_err("no remote").contains("project.shop.forge: it is not said where main is"));
    let local = with(&GOOD.replace("approval", &format!("{}\napproval", remote(""))), &[]);
    assert!(local.expect_err("a local forge").contains("project.shop.remote: the forge is orchd's own"));
    let nowhere = with(&GOOD.replace("repo = \"../shop\"\n", ""), &[]).expect_err("no repository");
    assert!(nowhere.contains("project.shop: it is not said which repository it is"), "{nowhere}");
}

/// Who writes code can not push it.
#[test]
fn an_agent_does_not_see_the_remotes_password() {
    let remote =
        "remote = { url = \"https://host/shop\", username = \"me\", password = { env = \"TOKEN\" } }";
    let text = GOOD.replace("approval", &format!("forge = \"git\"\n{remote}\napproval"));
    assert!(with(&text, &[]).is_ok());
    let error = with(&text.replace("profile = \"codex\"", "profile = \"codex\"\npass = [\"TOKEN\"]"), &[])
        .expect_err("seen");
    assert!(error.contains("project.shop.roles.reviewer.pass: TOKEN is the remote's password"), "{error}");
}
