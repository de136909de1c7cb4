//! The schemas against the reader of submissions: what a schema allows is read, what it does not allow is refused, and the
//! prompts' examples are good. That a prompt mentions nothing else is held by `orchd_runners::lint` and its tests.

use std::collections::BTreeSet;

use orchd_core::stage::Role;
use orchd_core::verdict::submission;
use serde_json::{Map, Value, json};

const ROLES: [(Role, &str, &str); 5] = [
    (
        Role::Analyst,
        include_str!("../../../../agents/analyst.md"),
        include_str!("../../../../agents/schemas/analyst.json"),
    ),
    (
        Role::Architect,
        include_str!("../../../../agents/architect.md"),
        include_str!("../../../../agents/schemas/architect.json"),
    ),
    (
        Role::Developer,
        include_str!("../../../../agents/developer.md"),
        include_str!("../../../../agents/schemas/developer.json"),
    ),
    (
        Role::Reviewer,
        include_str!("../../../../agents/reviewer.md"),
        include_str!("../../../../agents/schemas/reviewer.json"),
    ),
    (
        Role::Tester,
        include_str!("../../../../agents/tester.md"),
        include_str!("../../../../agents/schemas/tester.json"),
    ),
];

/// A value of each field that any role has, not empty.
fn samples() -> Map<String, Value> {
    let all = json!({
        "artifacts": ["01-brd.md"],
        "confidence": 0.5,
        "conflicts": ["ADR-001 says otherwise"],
        "findings": [{"priority": "P1", "file": "f", "line": 1, "text": "t"}],
        "markers": [{"path": "p", "text": "t"}],
        "questions": [{"text": "t", "blocking": true}],
        "rationale": "r",
        "result": "PASS",
        "status": "PASS",
        "summary": "s",
        "verdict": "APPROVED",
    });
    let Value::Object(all) = all else { unreachable!("written as an object") };
    all
}

/// What makes any field of the role readable: a judge has to judge.
fn least(role: Role) -> Map<String, Value> {
    let mut least = Map::new();
    if role.is_judge() {
        least.insert("verdict".to_owned(), json!("APPROVED"));
    }
    least
}

fn reads(role: Role, value: &Value) -> Result<(), String> {
    let (_, dropped) = submission(role, value.to_string().as_bytes()).map_err(|bad| bad.to_string())?;
    if dropped.is_empty() { Ok(()) } else { Err(format!("dropped {dropped:?}")) }
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().expect("a schema has properties")
}

/// Every object of a schema, itself first.
fn objects(schema: &Value) -> Vec<&Value> {
    let mut found = vec![schema];
    for property in properties(schema).values() {
        let items = &property["items"];
        if items["type"] == "object" {
            found.extend(objects(items));
        }
    }
    found
}

#[test]
fn schemas_are_closed_and_of_the_named_draft() {
    for (role, _, text) in ROLES {
        let schema = schema(text);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{role}");
        for object in objects(&schema) {
            assert_eq!(object["additionalProperties"], false, "{role}");
        }
    }
}

#[test]
fn a_field_is_in_the_schema_exactly_if_it_is_read() {
    for (role, _, text) in ROLES {
        let schema = schema(text);
        for (name, sample) in samples() {
            let mut value = least(role);
            value.insert(name.clone(), sample);
            let read = reads(role, &Value::Object(value));
            let listed = properties(&schema).contains_key(&name);
            assert_eq!(listed, read.is_ok(), "{role}: {name}: {read:?}");
        }
        for name in properties(&schema).keys() {
            assert!(samples().contains_key(name), "{role}: {name} has no sample here");
        }
        let mut extra = least(role);
        extra.insert("extra".to_owned(), json!(1));
        assert!(reads(role, &Value::Object(extra)).unwrap_err().contains("unknown field `extra`"), "{role}");
    }
}

#[test]
fn fields_of_items_are_read_and_others_refused() {
    for (role, _, text) in ROLES {
        let schema = schema(text);
        for (name, property) in properties(&schema) {
            let items = &property["items"];
            if items["type"] != "object" {
                continue;
            }
            let sample = &samples()[name][0];
            let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(&items["properties"]), keys(sample), "{role}: {name}");
            for field in items["required"].as_array().unwrap() {
                let mut item = sample.clone();
                item.as_object_mut().unwrap().remove(field.as_str().unwrap());
                assert!(with(role, name, item).is_err(), "{role}: {name} without {field}");
            }
            let mut item = sample.clone();
            item["extra"] = json!(1);
            assert!(with(role, name, item).is_err(), "{role}: {name} with an extra field");
        }
    }
}

fn with(role: Role, name: &str, item: Value) -> Result<(), String> {
    let mut value = least(role);
    value.insert(name.to_owned(), json!([item]));
    reads(role, &Value::Object(value))
}

#[test]
fn every_word_that_a_schema_allows_is_read() {
    for (role, _, text) in ROLES {
        let schema = schema(text);
        for (name, property) in properties(&schema) {
            for word in property["enum"].as_array().into_iter().flatten() {
                let value = json!({ name: word });
                assert_eq!(reads(role, &value), Ok(()), "{role}: {name}: {word}");
            }
        }
        let priorities = &schema["properties"]["findings"]["items"]["properties"]["priority"]["enum"];
        for priority in priorities.as_array().into_iter().flatten() {
            assert_eq!(with(role, "findings", json!({"priority": priority, "text": "t"})), Ok(()), "{role}");
        }
    }
}

#[test]
fn the_examples_of_a_prompt_are_good_submissions() {
    for (role, prompt, text) in ROLES {
        let schema = schema(text);
        let examples = fenced(prompt, "json");
        assert!(!examples.is_empty(), "{role} has no example");
        for example in examples {
            let value: Value = serde_json::from_str(&example).unwrap();
            assert_eq!(reads(role, &value), Ok(()), "{role}: {example}");
            for (name, given) in value.as_object().unwrap() {
                let property = &properties(&schema)[name];
                if let Some(words) = property["enum"].as_array() {
                    assert!(words.contains(given), "{role}: {name}: {given}");
                }
            }
        }
    }
}

/// The contents of fenced blocks of a language.
fn fenced(text: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line == open) {
        found.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
    }
    found
}
