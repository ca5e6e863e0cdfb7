//! The marker that says an object is ours, and the proof that it was put on this very object.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Carrier, EnvironmentName, Text, Value, at, tag_of};

/// The tag that names tool and environment: `onestream/<environment>`.
pub const MANAGED_BY_TAG: &str = "managed-by";
/// The tag that binds the marker to its carrier: the `UUIDv5` of the carrier's own id.
pub const ID_TAG: &str = "onestream-id";
/// The tag by which a resource group remembers that its environment is protected, so that a
/// deleted or edited file does not take the protection away.
pub const PROTECTED_TAG: &str = "onestream-protected";
/// The tag by which it remembers how many people approve its changes, and in which vault their keys
/// are: TOML alone lowers neither.
pub const APPROVALS_TAG: &str = "onestream-approvals";
const TOOL: &str = "onestream/";
/// The estate of whoever names none.
pub const DEFAULT_ESTATE: &str = "onestream";

/// What [`MANAGED_BY_TAG`] and [`ID_TAG`] say of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The environment that the object belongs to.
    pub environment: EnvironmentName,
    /// The `UUIDv5` of the lower-cased id of the object.
    pub id: Text,
}

/// Whose an object is, by its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// The marker is there and matches the object.
    Ours(EnvironmentName),
    /// The marker is there and matches the object, to another estate of this name.
    Elsewhere(String),
    /// A marker is there but was made for another object, or by an estate whose name nothing on the
    /// object tells: a copy, never deleted.
    Copy,
    /// No marker.
    Foreign,
}

impl Ownership {
    /// The other estate that it is of.
    pub fn elsewhere(&self) -> Option<String> {
        match self {
            Self::Elsewhere(estate) => Some(estate.clone()),
            Self::Ours(_) | Self::Copy | Self::Foreign => None,
        }
    }
}

impl Marker {
    /// The marker of the object with this id in `environment` of `estate`: another estate's
    /// marker is a copy here, so that two of them in one subscription leave each other alone.
    pub fn of(estate: &str, environment: &EnvironmentName, id: &Text) -> Self {
        let mut parts = vec![id.clone()];
        if estate != DEFAULT_ESTATE {
            parts.push(estate.into());
        }
        Self {
            environment: environment.clone(),
            id: Text::name_uuid(parts),
        }
    }

    /// Puts the marker on a property tree, where `carrier` says.
    pub fn put(&self, carrier: Carrier, properties: &mut Value) {
        let owner = format!("{TOOL}{}", self.environment);
        match carrier {
            Carrier::Tags(path) => {
                properties.set(
                    &format!("{path}.{MANAGED_BY_TAG}"),
                    Value::from(owner.as_str()),
                );
                properties.set(&format!("{path}.{ID_TAG}"), Value::from(self.id.clone()));
            }
            Carrier::Note(path) => {
                let note = properties
                    .at(path)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let space = if note.is_empty() { "" } else { " " };
                let text = Text::concat(vec![
                    format!("{note}{space}{MANAGED_BY_TAG}={owner} {ID_TAG}=").into(),
                    self.id.clone(),
                ]);
                properties.set(path, Value::from(text));
            }
            Carrier::Words(path) => {
                let word = |mark: &str, text: Text| {
                    Value::from(Text::concat(vec![format!("{mark}=").into(), text]))
                };
                properties.push(path, word(MANAGED_BY_TAG, owner.into()));
                properties.push(path, word(ID_TAG, self.id.clone()));
            }
            Carrier::Parent => {}
        }
    }

    /// Whose the live object `body` with `id` is, to `estate`. [`Carrier::Parent`] says nothing here:
    /// its objects are judged by their parent.
    pub fn read(estate: &str, carrier: Carrier, id: &str, body: &Json) -> Ownership {
        let Some((owner, own_id)) = marks(carrier, body) else {
            return Ownership::Foreign;
        };
        let Some(Ok(environment)) = owner.strip_prefix(TOOL).map(str::parse) else {
            return Ownership::Foreign;
        };
        let matches = |estate: &str| {
            Self::of(estate, &environment, &id.into()).id.known() == Some(own_id.as_str())
        };
        if matches(estate) {
            return Ownership::Ours(environment);
        }
        let mut others = estates(id, body).into_iter();
        match others.find(|other| matches(other)) {
            Some(other) => Ownership::Elsewhere(other),
            None => Ownership::Copy,
        }
    }
}

/// The longest name of an estate that is looked for, in words.
const LONGEST_ESTATE: usize = 3;

/// Names that the estate of an object may have. A marker does not say it, yet holds for no other:
/// so whatever stands in the object's id or name is tried, as in `rg-two-prod` or `two-prod-node-joiner`.
fn estates(id: &str, body: &Json) -> BTreeSet<String> {
    let names = [
        "/name",
        "/properties/roleName",
        "/displayName",
        "/uniqueName",
    ];
    let names = names
        .into_iter()
        .filter_map(|path| body.pointer(path)?.as_str());
    let mut estates = BTreeSet::from([DEFAULT_ESTATE.to_owned()]);
    for name in id.split(['/', '_', ' ', '\'', '(', ')']).chain(names) {
        let name = name.to_lowercase();
        let words: Vec<&str> = name.split('-').collect();
        for most in 1..=LONGEST_ESTATE {
            estates.extend(words.windows(most).map(|some| some.join("-")));
        }
    }
    estates
}

/// The two marks on a live object, where it carries both.
fn marks(carrier: Carrier, body: &Json) -> Option<(String, String)> {
    match carrier {
        Carrier::Tags(path) => {
            let tags = at(body, path)?;
            let mark = |name| Some(tag_of(tags.as_object()?, name)?.as_str()?.to_owned());
            Some((mark(MANAGED_BY_TAG)?, mark(ID_TAG)?))
        }
        Carrier::Note(path) => {
            let note = at(body, path)?.as_str()?;
            let words = note.split_whitespace();
            Some((said(words.clone(), MANAGED_BY_TAG)?, said(words, ID_TAG)?))
        }
        Carrier::Words(path) => {
            let words = at(body, path)?.as_array()?.iter().filter_map(Json::as_str);
            Some((said(words.clone(), MANAGED_BY_TAG)?, said(words, ID_TAG)?))
        }
        Carrier::Parent => None,
    }
}

/// What follows `name=` in one of these words.
fn said<'a>(mut words: impl Iterator<Item = &'a str>, name: &str) -> Option<String> {
    words
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_marker_proves_itself_only_on_its_own_object() {
        let prod: EnvironmentName = "prod".parse().expect("a name");
        let id = "/subscriptions/s/resourceGroups/RG";
        for carrier in [
            Carrier::Tags("tags"),
            Carrier::Note("properties.notes"),
            Carrier::Words("tags"),
        ] {
            let mut tree = Value::default();
            tree.set("properties.notes", Value::from("kept for people"));
            Marker::of(DEFAULT_ESTATE, &prod, &id.into()).put(carrier, &mut tree);
            let body = tree.resolve(&Default::default()).expect("known");
            assert_eq!(
                Marker::read(DEFAULT_ESTATE, carrier, &id.to_lowercase(), &body),
                Ownership::Ours(prod.clone())
            );
            assert_eq!(
                Marker::read(DEFAULT_ESTATE, carrier, "/subscriptions/s/other", &body),
                Ownership::Copy
            );
        }
        let foreign = json!({"tags": {"managed-by": "terraform"}});
        assert_eq!(
            Marker::read(DEFAULT_ESTATE, Carrier::Tags("tags"), id, &foreign),
            Ownership::Foreign
        );
    }

    #[test]
    fn another_estates_marker_is_no_copy_where_the_object_tells_its_name() {
        let prod: EnvironmentName = "prod".parse().expect("a name");
        let carrier = Carrier::Tags("tags");
        let marked = |estate: &str, id: &str| {
            let mut tree = Value::default();
            Marker::of(estate, &prod, &id.into()).put(carrier, &mut tree);
            tree.resolve(&Default::default()).expect("known")
        };
        let group = "/subscriptions/s/resourceGroups/rg-two-prod";
        let registry = format!("{group}/providers/Microsoft.ContainerRegistry/registries/twoprod");
        for (estate, own, id) in [
            ("two", DEFAULT_ESTATE, group),
            ("two", DEFAULT_ESTATE, registry.as_str()),
            ("two", "three", group),
            (DEFAULT_ESTATE, "two", "/subscriptions/s/resourceGroups/any"),
        ] {
            let body = marked(estate, id);
            let expected = Ownership::Elsewhere(estate.to_owned());
            assert_eq!(
                Marker::read(own, carrier, &id.to_lowercase(), &body),
                expected
            );
            assert!(matches!(
                Marker::read(estate, carrier, id, &body),
                Ownership::Ours(_)
            ));
        }
        // Copied from there, it is a copy; so is one whose estate nothing tells.
        let copy = marked("two", group);
        assert_eq!(
            Marker::read(DEFAULT_ESTATE, carrier, &registry, &copy),
            Ownership::Copy
        );
        let silent = "/subscriptions/s/resourceGroups/any";
        let body = marked("two", silent);
        assert_eq!(
            Marker::read(DEFAULT_ESTATE, carrier, silent, &body),
            Ownership::Copy
        );
    }
}
