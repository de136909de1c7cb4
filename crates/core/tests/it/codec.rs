//! The stored form of events. Golden files are what older versions wrote: they are never rewritten, and every
//! later version reads them. `cargo run -p orchd-core --example golden` writes the missing ones.

use std::collections::BTreeSet;
use std::path::PathBuf;

use orchd_core::command::CommandKind;
use orchd_core::effect::EffectState;
use orchd_core::event::{BadRecord, EVENT_VERSION, Event, RepoEvent, decode, encode};
use orchd_core::gate::GateName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples;

/// Events that said less before this version: role and model of a run, its usage and session, words for a run; what a
/// run without a result had used; what a provider said and was not believed.
const GREW: [(&str, u32); 5] =
    [("JobQueued", 2), ("Retried", 2), ("RunEnded", 2), ("JobFailed", 3), ("ProviderChanged", 3)];

fn folder(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"))
}

/// What an older version wrote is read, and as the same where the event is still what it was.
fn check_older<E>(prefix: &str, name: &str, sample: &E)
where
    E: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for version in 1..EVENT_VERSION {
        let path = folder(version).join(format!("{prefix}-{name}.json"));
        // An event that is younger than the version has none.
        let Ok(golden) = std::fs::read_to_string(&path) else { continue };
        let read: E = decode(golden.trim_end()).unwrap_or_else(|e| {
            panic!("{prefix} {name} of version {version} can not be read any more: {e:?}")
        });
        let said_less = GREW.iter().any(|(grew, since)| *grew == name && version < *since);
        assert_eq!(read == *sample, !said_less, "{prefix} {name} of version {version}");
    }
}

/// What one golden file must do: hold the sample, decode, and encode to the same again.
fn check<E>(prefix: &str, name: &str, sample: &E)
where
    E: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let path = folder(EVENT_VERSION).join(format!("{prefix}-{name}.json"));
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!("{prefix} {name} has no golden file; write it with `cargo run -p orchd-core --example golden`")
    });
    let golden = golden.trim_end();
    let read: E =
        decode(golden).unwrap_or_else(|e| panic!("{prefix} {name} can not be read any more: {e:?}"));
    assert_eq!(read, *sample, "{prefix} {name} is read as something else");
    assert_eq!(
        encode(&read).expect("it has a stored form"),
        golden,
        "{prefix} {name} is written differently"
    );
}

#[test]
fn every_golden_file_decodes_and_encodes_identically() {
    for event in samples::events() {
        check("event", samples::event_name(&event), &event);
    }
    for event in samples::repo_events() {
        check("repo-event", samples::repo_event_name(&event), &event);
    }
    for event in samples::provider_events() {
        check("provider-event", samples::provider_event_name(&event), &event);
    }
}

#[test]
fn what_older_versions_wrote_is_read() {
    for event in samples::events() {
        check_older("event", samples::event_name(&event), &event);
    }
    for event in samples::repo_events() {
        check_older("repo-event", samples::repo_event_name(&event), &event);
    }
    for event in samples::provider_events() {
        check_older("provider-event", samples::provider_event_name(&event), &event);
    }
}

#[test]
fn every_variant_has_a_golden_file_and_every_file_a_variant() {
    let of = |prefix: &str, name: &str| format!("{prefix}-{name}.json");
    let mut expected: BTreeSet<String> =
        samples::events().iter().map(|e| of("event", samples::event_name(e))).collect();
    expected.extend(samples::repo_events().iter().map(|e| of("repo-event", samples::repo_event_name(e))));
    let providers = samples::provider_events();
    expected.extend(providers.iter().map(|e| of("provider-event", samples::provider_event_name(e))));
    let files = std::fs::read_dir(folder(EVENT_VERSION)).expect("the golden files are there");
    let found: BTreeSet<String> = files
        .map(|file| file.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let stored = encode(&Event::MainAsked).expect("it has a stored form");
    let newer = stored.replace(&format!("\"v\":{EVENT_VERSION}"), &format!("\"v\":{}", EVENT_VERSION + 1));
    assert_ne!(newer, stored, "the version is a part of the stored form");
    let refused = decode::<Event>(&newer).expect_err("a newer version can not be read");
    assert!(matches!(&refused, BadRecord::Newer { found } if *found == EVENT_VERSION + 1), "{refused}");
    assert!(refused.to_string().contains("upgrade orchd"), "{refused}");
    // Named as newer even where this version does not know the event.
    let unknown = format!("{{\"v\":{},\"event\":\"teleported\"}}", EVENT_VERSION + 1);
    assert!(matches!(decode::<Event>(&unknown), Err(BadRecord::Newer { .. })));
}

#[test]
fn what_is_no_record_is_refused() {
    for text in
        ["", "{}", "[]", "{\"event\":\"main-asked\"}", "{\"v\":1}", "{\"v\":1,\"event\":\"teleported\"}"]
    {
        assert!(matches!(decode::<Event>(text), Err(BadRecord::Broken(_))), "{text}");
        assert!(matches!(decode::<RepoEvent>(text), Err(BadRecord::Broken(_))), "{text}");
    }
}

/// The names that logs, surfaces and stores use are those of the stored form.
#[test]
fn a_name_is_its_wire_form() {
    fn wire(value: impl Serialize) -> String {
        serde_json::from_value(serde_json::to_value(value).expect("it has a wire form")).expect("a word")
    }
    GateName::ALL.into_iter().for_each(|gate| assert_eq!(gate.name(), wire(gate)));
    CommandKind::ALL.into_iter().for_each(|kind| assert_eq!(kind.name(), wire(kind)));
    use EffectState::{Applied, Intent, Refused, Sent, Unknown};
    [Intent, Sent, Applied, Refused, Unknown]
        .into_iter()
        .for_each(|state| assert_eq!(state.name(), wire(state)));
}
