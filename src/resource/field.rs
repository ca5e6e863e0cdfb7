//! Managed fields: the closed list of what we own on an object, and how each is compared and changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Value, same_tag, tag_of};

/// A constant that can stand in a field table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// No value: the field has to be declared, or its absence means nothing.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'static str),
    /// The empty list.
    EmptyList,
    /// The empty map.
    EmptyMap,
}

impl Literal {
    /// The literal as a value; [`Value::Null`] for [`Literal::None`].
    pub fn value(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) => Value::from(json!(number)),
            Self::Text(text) => Value::from(text),
            Self::EmptyList => Value::List(Vec::new()),
            Self::EmptyMap => Value::Map(Default::default()),
        }
    }
}

/// What a changed field asks of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Azure changes it on the living object.
    InPlace,
    /// A version that Azure raises on the living object and never lowers: lowering it is refused,
    /// with what to do instead.
    Raise(&'static str),
    /// Azure takes it on create only: the object is deleted and created again.
    Replace,
    /// It cannot be changed, and replacing would destroy too much: refused, with what to do instead.
    Refuse(&'static str),
    /// Azure sets and changes it on the living object, but never takes it back: what would make it
    /// `false` or nothing is refused, with what to do instead.
    Keep(&'static str),
}

/// How two values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Equal as JSON.
    Exact,
    /// Equal as JSON where a value is declared; where none is, it is Azure's or somebody else's,
    /// and an update leaves it as it is.
    IfDeclared,
    /// Texts equal but for case, at any depth, keys too: enumerations and resource ids, which
    /// Azure re-cases.
    IgnoreCase,
    /// Dotted versions: a declared one that stops short stands for every version below it.
    Version,
    /// Azure regions: `East US 2` is `eastus2`.
    Region,
    /// Lists as sets: order and repetition say nothing.
    Set,
    /// Lists of switches (maps with `enabled`) as the set of those that are on, each told by the
    /// texts of these keys: one that is off says no more than one that is not there.
    Switches(&'static [&'static str]),
    /// A map of which we own only the keys that we declare: tags, told apart as [`tag_of`] does. A
    /// declared null is a key to take away.
    OwnKeys,
    /// A list of `key=value` texts of which we own only the keys that we declare: tags of Graph.
    OwnWords,
}

/// How bad it is when a field has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Cosmetic: a tag, a note.
    Low,
    /// It behaves otherwise than declared.
    Medium,
    /// It weakens reach or protection.
    High,
    /// It breaks what signing or access rests on.
    Critical,
}

/// One managed field of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its dotted path in the ARM body.
    pub path: &'static str,
    /// What it is where TOML does not say; secure by default.
    pub default: Literal,
    /// What an Azure answer without the field means.
    pub absent: Literal,
    /// What a change of it asks.
    pub change: Change,
    /// How it is compared.
    pub compare: Compare,
    /// How bad its drift is.
    pub severity: Severity,
    /// Of a map of which we own keys: those that say how well its object is protected.
    pub protecting: &'static [&'static str],
}

/// A live property that we leave alone, and why.
#[derive(Debug, Clone, Copy)]
pub struct Unmanaged {
    /// Its dotted path in the ARM body.
    pub path: &'static str,
    /// Why it is not ours.
    pub reason: &'static str,
}

impl Field {
    /// A field compared exactly, changed in place, of medium severity, that has to be declared.
    pub const fn new(path: &'static str) -> Self {
        Self {
            path,
            default: Literal::None,
            absent: Literal::None,
            change: Change::InPlace,
            compare: Compare::Exact,
            severity: Severity::Medium,
            protecting: &[],
        }
    }

    /// With a default; an answer without the field is taken to mean the same.
    #[must_use]
    pub const fn or(mut self, default: Literal) -> Self {
        self.default = default;
        self.absent = default;
        self
    }

    /// With what an answer without the field means, where that is not the default.
    #[must_use]
    pub const fn absent(mut self, absent: Literal) -> Self {
        self.absent = absent;
        self
    }

    /// With a change rule.
    #[must_use]
    pub const fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    /// With a comparison.
    #[must_use]
    pub const fn compare(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }

    /// With a severity.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With keys that say how well the object is protected.
    #[must_use]
    pub const fn protecting(mut self, keys: &'static [&'static str]) -> Self {
        self.protecting = keys;
        self
    }

    /// The tags of a Graph object, a list of words.
    pub const fn words() -> Self {
        Self::new("tags")
            .or(Literal::EmptyList)
            .compare(Compare::OwnWords)
            .severity(Severity::Low)
    }

    /// The tags of a kind that has them.
    pub const fn tags() -> Self {
        Self::new("tags")
            .or(Literal::EmptyMap)
            .compare(Compare::OwnKeys)
            .severity(Severity::Low)
    }

    /// How bad it is when the key of a map is not `after`, which it should be: to lose what
    /// protects is worse than any other tag.
    pub fn severity_of(&self, key: &str, after: &Value) -> Severity {
        match self.protects(key, after) {
            true => Severity::Critical,
            false => self.severity,
        }
    }

    /// Whether a key of a map protects the object with this value.
    pub fn protects(&self, key: &str, value: &Value) -> bool {
        let says = value.as_str().is_some_and(|text| text != "false");
        says && self.protecting.iter().any(|tag| same_tag(tag, key))
    }

    /// What making the field `after` asks of the object.
    pub fn change_to(&self, after: &Value) -> Change {
        match self.change {
            Change::Keep(instead) if matches!(after, Value::Null | Value::Bool(false)) => {
                Change::Refuse(instead)
            }
            Change::Keep(_) => Change::InPlace,
            change => change,
        }
    }

    /// Whether `live` is what `desired` asks for. A late value equals nothing that is known.
    pub fn same(&self, desired: &Value, live: &Value) -> bool {
        match (self.compare, desired, live) {
            (Compare::IfDeclared, Value::Null, _) => true,
            (Compare::IgnoreCase, ..) => same_but_for_case(desired, live),
            (Compare::Version, Value::String(a), Value::String(b)) => covers(a, b),
            (Compare::Region, Value::String(a), Value::String(b)) => region(a) == region(b),
            (Compare::Set, Value::List(a), Value::List(b)) => {
                let held = |x: &[Value], y: &[Value]| x.iter().all(|item| y.contains(item));
                held(a, b) && held(b, a)
            }
            (Compare::Switches(keys), Value::List(a), Value::List(b)) => {
                switched_on(keys, a) == switched_on(keys, b)
            }
            (Compare::OwnKeys, Value::Map(a), Value::Map(b)) => a
                .iter()
                .all(|(key, value)| tag_of(b, key).unwrap_or(&Value::Null) == value),
            (Compare::OwnWords, Value::List(a), Value::List(b)) => {
                a.iter().all(|word| b.contains(word))
            }
            _ => desired == live,
        }
    }
}

/// The words of `live` that stand under a key of one of `owned`.
pub(crate) fn own_words(owned: &[Value], live: &[Value]) -> Vec<Value> {
    let owns = |word: &&Value| {
        word.as_str()
            .is_some_and(|word| owned.iter().any(|own| key_of(own) == word_key(word)))
    };
    live.iter().filter(owns).cloned().collect()
}

/// What stands before the `=` of a word.
pub(super) fn word_key(word: &str) -> &str {
    word.split_once('=').map_or(word, |(key, _)| key)
}

/// The key of a declared word, of which the rest may be late.
fn key_of(word: &Value) -> &str {
    match word {
        Value::String(word) => word_key(word),
        Value::Late(late) => late.known_start().map_or("", word_key),
        _ => "",
    }
}

/// What tells apart the switches of a list that are on.
fn switched_on(keys: &[&str], list: &[Value]) -> BTreeSet<Vec<Option<String>>> {
    let on = list
        .iter()
        .filter(|switch| switch.at("enabled") == Some(&Value::Bool(true)));
    let name = |switch: &Value, key| Some(switch.at(key)?.as_str()?.to_lowercase());
    on.map(|switch| keys.iter().map(|key| name(switch, key)).collect())
        .collect()
}

fn same_but_for_case(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but_for_case(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let held = |key: &str| b.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
            let same =
                |key: &str, a: &Value| held(key).is_some_and(|(_, b)| same_but_for_case(a, b));
            a.len() == b.len() && a.iter().all(|(key, a)| same(key, a))
        }
        _ => a == b,
    }
}

/// Whether a version is the declared one or lies below it: `1.36` covers `1.36.4`.
fn covers(declared: &str, version: &str) -> bool {
    let rest = version.strip_prefix(declared);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The canonical name of an Azure region: lower case, no spaces.
fn region(name: &str) -> String {
    name.to_lowercase().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_know_what_azure_rewrites() {
        let value = |json| Value::from(json);
        let region = Field::new("location").compare(Compare::Region);
        assert!(region.same(&value(json!("eastus2")), &value(json!("East US 2"))));
        let set = Field::new("x").compare(Compare::Set);
        assert!(set.same(&value(json!(["a", "b"])), &value(json!(["b", "a", "a"]))));
        assert!(!set.same(&value(json!(["a"])), &value(json!(["b", "a"]))));
        let tags = Field::tags();
        assert!(tags.same(
            &value(json!({"a": "1"})),
            &value(json!({"a": "1", "theirs": "2"}))
        ));
        assert!(!tags.same(&value(json!({"a": "1"})), &value(json!({"a": "2"}))));
        assert!(tags.same(&value(json!({"team": "x"})), &value(json!({"Team": "x"}))));
        assert!(!tags.same(&value(json!({"team": "x"})), &value(json!({"team": "X"}))));
        let case = Field::new("x").compare(Compare::IgnoreCase);
        assert!(case.same(&value(json!("Enabled")), &value(json!("enabled"))));
        let ids = |id: &str| value(json!([{"properties": {"id": id}}]));
        assert!(case.same(&ids("/a/B"), &ids("/A/b")));
        assert!(!case.same(&ids("/a/B"), &ids("/a/C")));
        assert!(!case.same(&value(json!(["a"])), &value(json!(["a", "b"]))));
        let keyed = |id: &str| value(json!({id: {}}));
        assert!(case.same(&keyed("/a/B"), &keyed("/A/b")));
        assert!(!case.same(&keyed("/a/B"), &keyed("/A/c")));
        let count = Field::new("x").compare(Compare::IfDeclared);
        assert!(count.same(&Value::Null, &value(json!(5))));
        assert!(!count.same(&value(json!(3)), &value(json!(5))));
        assert!(!count.same(&value(json!(3)), &Value::Null));
    }

    #[test]
    fn a_version_that_stops_short_covers_those_below_it() {
        let version = Field::new("x").compare(Compare::Version);
        let same = |declared: &str, live: &str| version.same(&declared.into(), &live.into());
        assert!(same("1.36", "1.36") && same("1.36", "1.36.4") && same("1.36.4", "1.36.4"));
        assert!(!same("1.36.4", "1.36") && !same("1.36.4", "1.36.5"));
        assert!(!same("1.3", "1.36") && !same("1.36", "1.37.0"));
    }
}
