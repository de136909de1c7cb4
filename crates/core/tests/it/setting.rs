//! A setting of several layers: the strongest that says something usable counts; nothing unusable is passed on.

use orchd_core::setting::{Layer, Skipped, resolve};
use proptest::prelude::*;

use crate::support::config;

const NAMES: [&str; 3] = ["ORCHD_DEVELOPER_MODEL", "roles.developer.model", "default"];

fn layers<'a>(values: &'a [Option<String>]) -> impl Iterator<Item = Layer<'a>> {
    NAMES.into_iter().zip(values).map(|(name, value)| Layer { name, value: value.as_deref() })
}

fn said(values: [Option<&str>; 3]) -> Vec<Option<String>> {
    values.into_iter().map(|value| value.map(str::to_owned)).collect()
}

fn any_text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[test]
fn inc_34_an_empty_variable_never_wipes_a_default() {
    for empty in [Some(""), Some("  "), None] {
        let values = said([empty, empty, Some("large-1")]);
        let resolved = resolve(layers(&values), any_text);
        assert_eq!(resolved.value, Some(("large-1".to_owned(), "default".to_owned())), "{empty:?}");
        assert_eq!(resolved.skipped, []);
    }
}

#[test]
fn an_invalid_value_is_told_and_skipped() {
    let values = said([Some("soon"), Some(""), Some("30")]);
    let resolved = resolve(layers(&values), str::parse::<u32>);
    assert_eq!(resolved.value, Some((30, "default".to_owned())));
    let [skipped] = &resolved.skipped[..] else { panic!("{:?}", resolved.skipped) };
    let Skipped { layer, value, why } = skipped;
    assert_eq!((layer.as_str(), value.as_str()), ("ORCHD_DEVELOPER_MODEL", "soon"));
    assert!(!why.is_empty());
    let nothing = resolve(layers(&said([Some("soon"), None, Some("later")])), str::parse::<u32>);
    assert_eq!(nothing.value, None);
    assert_eq!(nothing.skipped.len(), 2);
}

proptest! {
    #![proptest_config(config())]

    /// Override before setting before default; what counts can be read, and everything stronger is accounted for.
    #[test]
    fn the_strongest_usable_layer_counts(values in prop::collection::vec(prop::option::of("[0-9a ]{0,3}"), 3)) {
        let resolved = resolve(layers(&values), str::parse::<u32>);
        let usable = |value: &Option<String>| value.as_ref().and_then(|text| text.parse::<u32>().ok());
        let first = values.iter().position(|value| usable(value).is_some());
        prop_assert_eq!(
            resolved.value,
            first.map(|n| (usable(&values[n]).expect("it was found by this"), NAMES[n].to_owned()))
        );
        let stronger = &values[..first.unwrap_or(values.len())];
        let bad: Vec<&String> = stronger.iter().flatten().filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(resolved.skipped.iter().map(|s| &s.value).collect::<Vec<_>>(), bad);
    }
}
