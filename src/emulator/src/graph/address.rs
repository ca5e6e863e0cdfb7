//! Taking a Graph path apart: collections, ids, alternate keys and what follows.

use super::entity::{self, Entity};
use super::error::GraphError;

/// One step of a path, e.g. `applications(appId='x')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub name: String,
    /// What stands in parentheses: a name, if it has one, and a value.
    pub key: Option<(Option<String>, String)>,
}

/// Which object of a collection is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Id(String),
    /// An alternate key: property and value.
    Alternate(String, String),
}

impl Key {
    /// As messages print it.
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Alternate(_, text) => text,
        }
    }
}

/// A path below the version.
#[derive(Clone, Debug)]
pub struct Address {
    pub entity: &'static Entity,
    pub key: Option<Key>,
    /// What follows the object.
    pub rest: Vec<Segment>,
}

impl Address {
    /// The object or collection that a path means.
    pub fn of(segments: &[Segment]) -> Result<Self, GraphError> {
        let (first, rest) = segments
            .split_first()
            .ok_or_else(|| GraphError::no_segment(""))?;
        let entity =
            entity::named(&first.name).ok_or_else(|| GraphError::no_segment(&first.name))?;
        let (key, rest) = match &first.key {
            Some((None, id)) => (Some(Key::Id(id.clone())), rest),
            Some((Some(name), value)) => {
                let known = entity
                    .alternate_keys
                    .iter()
                    .find(|known| known.eq_ignore_ascii_case(name))
                    .ok_or_else(|| {
                        GraphError::bad(format!(
                            "'{name}' is not an alternate key of the resource."
                        ))
                    })?;
                let key = Key::Alternate((*known).to_owned(), value.clone());
                (Some(key), rest)
            }
            None => match rest.split_first() {
                Some((id, rest)) if !id.name.starts_with('$') => {
                    (Some(Key::Id(id.name.clone())), rest)
                }
                _ => (None, rest),
            },
        };
        Ok(Self {
            entity,
            key,
            rest: rest.to_vec(),
        })
    }

    /// Names of what follows the object.
    pub fn words(&self) -> Vec<&str> {
        self.rest
            .iter()
            .map(|segment| segment.name.as_str())
            .collect()
    }
}

/// The steps of a path after `/v1.0`; slashes within quotes belong to a key.
pub fn segments(path: &str) -> Vec<Segment> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in path.chars() {
        match c {
            '/' if !quoted => parts.push(String::new()),
            _ => {
                quoted ^= c == '\'';
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .skip(1)
        .map(|part| segment(part))
        .collect()
}

fn segment(text: &str) -> Segment {
    let keyed = text
        .strip_suffix(')')
        .and_then(|text| text.split_once('('))
        .and_then(|(name, key)| Some((name, key_in(key)?)));
    match keyed {
        Some((name, key)) => Segment {
            name: name.to_owned(),
            key: Some(key),
        },
        None => Segment {
            name: text.to_owned(),
            key: None,
        },
    }
}

fn key_in(text: &str) -> Option<(Option<String>, String)> {
    let unquoted = |text: &str| {
        let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    };
    if let Some(value) = unquoted(text) {
        return Some((None, value));
    }
    let (name, value) = text.split_once('=')?;
    Some((Some(name.trim().to_owned()), unquoted(value.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keys_and_what_follows() {
        let of = |path: &str| Address::of(&segments(path)).unwrap();
        let app = of("/v1.0/applications/x/federatedIdentityCredentials(name='a/b''c')");
        assert_eq!(app.key, Some(Key::Id("x".to_owned())));
        assert_eq!(app.words(), ["federatedIdentityCredentials"]);
        assert_eq!(
            app.rest[0].key,
            Some((Some("name".to_owned()), "a/b'c".to_owned()))
        );
        let app = of("/v1.0/applications(uniqueName='x/y')/owners/$ref");
        assert_eq!(
            app.key,
            Some(Key::Alternate("uniqueName".to_owned(), "x/y".to_owned()))
        );
        assert_eq!(app.words(), ["owners", "$ref"]);
        assert_eq!(
            of("/v1.0/users('$a%b@c')").key,
            Some(Key::Id("$a%b@c".to_owned()))
        );
        let count = of("/v1.0/applications/$count");
        assert_eq!((count.key.clone(), count.words()), (None, vec!["$count"]));
        assert!(Address::of(&segments("/v1.0/planets")).is_err());
        assert!(Address::of(&segments("/v1.0/users(appId='x')")).is_err());
    }
}
