//! Property trees: JSON whose leaves may be late, that is, known only after another operation.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use litemap::LiteMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{Address, Late, MissingOutput, Outputs, Text};

/// The key that marks a late value in stored JSON; Azure uses no property of this name.
const LATE_KEY: &str = "$late";

/// A map of a property tree, ordered by key.
///
/// ## Why
/// An estate is tens of thousands of maps with a handful of keys each, and a node of a `BTreeMap`
/// has room for eleven however few there are.
pub type Map = LiteMap<String, Value>;

/// A canonical property tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// JSON's null; also "not there" for a managed field.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as JSON has it; a whole one without a fraction.
    Number(serde_json::Number),
    /// A text.
    String(String),
    /// A list, in order.
    List(Vec<Value>),
    /// A map, ordered by key.
    Map(Map),
    /// A text that is known later.
    Late(Late),
}

impl Value {
    /// The value at a dotted path of map keys; `None` where a step is missing.
    pub fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self, |value, key| match value {
            Self::Map(map) => map.get(key),
            _ => None,
        })
    }

    /// Puts `value` at a dotted path, making the maps on the way.
    pub fn set(&mut self, path: &str, value: Value) {
        let mut here = self;
        for key in path.split('.') {
            if !matches!(here, Self::Map(_)) {
                *here = Self::Map(Map::default());
            }
            let Self::Map(map) = here else { return };
            here = map.entry(key.to_owned()).or_default();
        }
        *here = value;
    }

    /// Appends to the list at a dotted path, making it where there is none.
    pub fn push(&mut self, path: &str, item: Value) {
        let mut items = match self.at(path) {
            Some(Self::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        items.push(item);
        self.set(path, Self::List(items));
    }

    /// The text, where it is one and known.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The map, where it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The tree as JSON, with every late leaf taken from `outputs`.
    ///
    /// # Errors
    /// [`MissingOutput`] for the first output that is not there.
    pub fn resolve(&self, outputs: &Outputs) -> Result<Json, MissingOutput> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Number(number) => Json::Number(number.clone()),
            Self::String(text) => Json::String(text.clone()),
            Self::List(items) => items
                .iter()
                .map(|item| item.resolve(outputs))
                .collect::<Result<_, _>>()?,
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| Ok((key.clone(), value.resolve(outputs)?)))
                .collect::<Result<_, MissingOutput>>()?,
            Self::Late(late) => Json::String(late.resolve(outputs)?),
        })
    }

    /// Whether nothing in it is late.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Late(_) => false,
            Self::List(items) => items.iter().all(Self::is_known),
            Self::Map(map) => map.values().all(Self::is_known),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// As [`Value::settle`], shared where nothing in it is late: most trees of an estate are.
    #[must_use]
    pub fn settled(self: &Arc<Self>, outputs: &Outputs) -> Arc<Self> {
        if self.is_known() {
            Arc::clone(self)
        } else {
            Arc::new(self.settle(outputs))
        }
    }

    /// The tree with what `outputs` knows filled in; late still where something is missing.
    #[must_use]
    pub fn settle(&self, outputs: &Outputs) -> Self {
        match self {
            Self::Late(late) => late
                .resolve(outputs)
                .map_or_else(|_| self.clone(), Self::String),
            Self::List(items) => Self::List(items.iter().map(|i| i.settle(outputs)).collect()),
            Self::Map(map) => Self::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), value.settle(outputs)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// Adds the addresses whose outputs the tree needs.
    pub fn references(&self, into: &mut BTreeSet<Address>) {
        match self {
            Self::Late(late) => late.references(into),
            Self::List(items) => items.iter().for_each(|item| item.references(into)),
            Self::Map(map) => map.values().for_each(|value| value.references(into)),
            _ => {}
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(flag),
            Json::Number(number) => Self::Number(canonical(number)),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Map(
                map.into_iter()
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

/// Azure writes some whole numbers as `2.0`; JSON knows no difference.
fn canonical(number: serde_json::Number) -> serde_json::Number {
    /// Beyond it, not every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT);
    // Such a float prints without a fraction and fits into 64 bits.
    let integer = whole.and_then(|float| format!("{float:.0}").parse::<i64>().ok());
    integer.map_or(number, serde_json::Number::from)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        match text {
            Text::Known(text) => Self::String(text),
            Text::Late(late) => Self::Late(late),
        }
    }
}

/// As people read it: compact JSON, late leaves as `(known after …)`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(late) => late.fmt(f),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (at, (key, value)) in map.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    write!(f, "{key}: {value}")?;
                }
                f.write_str("}")
            }
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::String(text) => write!(f, "{text:?}"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => flag.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => text.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Map(map) => serializer.collect_map(map),
            Self::Late(late) => json!({ LATE_KEY: late }).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(Json::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn read(json: Json) -> Result<Value, serde_json::Error> {
    Ok(match json {
        Json::Object(mut map) if map.len() == 1 && map.contains_key(LATE_KEY) => {
            Value::Late(serde_json::from_value(map[LATE_KEY].take())?)
        }
        Json::Object(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| Ok((key, read(value)?)))
                .collect::<Result<_, serde_json::Error>>()?,
        ),
        Json::Array(items) => Value::List(items.into_iter().map(read).collect::<Result<_, _>>()?),
        other => Value::from(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Address {
        "shared.principal.promotion-engine"
            .parse()
            .expect("well formed")
    }

    #[test]
    fn a_late_value_survives_storage_and_prints_what_it_waits_for() {
        let late = Value::from(Text::output(&principal(), "objectId"));
        let tree = Value::Map([("id".to_owned(), late.clone())].into_iter().collect());
        let stored = serde_json::to_string(&tree).expect("serialises");
        assert_eq!(serde_json::from_str::<Value>(&stored).expect("reads"), tree);
        assert_eq!(
            late.to_string(),
            "(known after shared.principal.promotion-engine)"
        );
    }

    #[test]
    fn a_whole_number_is_the_same_however_it_is_written() {
        for (written, canonical) in [("-1.0", "-1"), ("2e3", "2000"), ("-0.0", "0")] {
            let read = |text| Value::from(serde_json::from_str::<Json>(text).expect("JSON"));
            assert_eq!(read(written), read(canonical), "{written}");
        }
        assert_eq!(Value::from(json!(0.5)).to_string(), "0.5");
    }

    #[test]
    fn paths_reach_into_maps() {
        let mut tree = Value::default();
        tree.set("properties.policies.status", Value::from("disabled"));
        assert_eq!(
            tree.at("properties.policies.status")
                .and_then(Value::as_str),
            Some("disabled")
        );
        assert_eq!(tree.at("properties.none"), None);
    }
}
