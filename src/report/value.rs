//! Values as people read them: before and after, and what a new object will be.

use textwrap::core::display_width;

use super::layout::{plain, shorten};
use super::style::Style;
use crate::kinds::KINDS;
use crate::provision::diff::{ChangedBy, FieldChange, Rule};
use crate::provision::plan::{Action, Operation};
use crate::resource::{Carrier, Compare, Field, ID_TAG, Literal, MANAGED_BY_TAG, Value};

/// How many keys of a map are worth telling one by one.
const FEW_KEYS: usize = 2;

/// A value in full; nothing as `(none)`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        other => plain(&other.to_string()),
    }
}

/// A value without quotes, where it needs none.
fn bare(value: &Value) -> String {
    match value.as_str() {
        Some(word) if !word.is_empty() && !word.contains([',', ' ', '"', '\\']) => plain(word),
        _ => text(value),
    }
}

/// Before and after, each shortened to its share of `room` columns, as long as the difference
/// still shows.
pub(super) fn pair(change: &FieldChange, room: usize, style: &Style) -> (String, String) {
    let (before, after) = (text(&change.before), text(&change.after));
    let (wide_before, wide_after) = (display_width(&before), display_width(&after));
    let half = room / 2;
    let share_before = half.max(room.saturating_sub(wide_after));
    let share_after = half.max(room.saturating_sub(wide_before));
    let short = (
        shorten(&before, share_before, style),
        shorten(&after, share_after, style),
    );
    if short.0 == short.1 {
        (before, after)
    } else {
        short
    }
}

/// What is to be said of a change beside its values: what it forces, and who moved the field.
pub(super) fn remarks(change: &FieldChange) -> Vec<String> {
    let mut remarks = Vec::new();
    if change.rule == Rule::Replace {
        remarks.push("forces the replace".to_owned());
    }
    let severity = format!("{:?}", change.severity).to_lowercase();
    match change.by {
        Some(ChangedBy::Toml) => remarks.push("changed in TOML".to_owned()),
        Some(ChangedBy::Azure) => remarks.push(format!("changed in Azure, {severity} drift")),
        Some(ChangedBy::Both) => {
            remarks.push(format!("changed in TOML and in Azure, {severity} drift"));
        }
        None => {}
    }
    remarks
}

/// What a reader should know of a change that is refused: its severity, too, where nobody knows who
/// made it.
pub(super) fn graded(change: &FieldChange) -> Vec<String> {
    let mut remarks = remarks(change);
    if change.by.is_none() {
        remarks.push(format!("{:?} severity", change.severity).to_lowercase());
    }
    remarks
}

/// The changes of an operation that are worth a line: of an adopt, the marker is not.
pub(super) fn changes(operation: &Operation) -> impl Iterator<Item = &FieldChange> {
    let folded = operation.action == Action::Adopt;
    let is_marker = |change: &FieldChange| {
        let key = change.path.rsplit('.').next().unwrap_or_default();
        change.before == Value::Null && (key == MANAGED_BY_TAG || key == ID_TAG)
    };
    operation
        .changes
        .iter()
        .filter(move |change| !(folded && is_marker(change)))
}

/// What a new object will be, in few words: the managed fields that are not at their default,
/// without the marker. Of a kind that this program does not know, all of them.
pub(super) fn summary(operation: &Operation) -> Vec<String> {
    let Some(desired) = &operation.desired else {
        return Vec::new();
    };
    let Some(kind) = KINDS.named(&operation.kind) else {
        let mut leaves = Vec::new();
        flatten("", desired, &mut leaves);
        return leaves;
    };
    let meta = kind.meta();
    let (mut words, mut tags) = (Vec::new(), Vec::new());
    for field in meta.fields {
        let Some(value) = desired.at(field.path).filter(|v| **v != Value::Null) else {
            continue;
        };
        if meta.carrier == Carrier::Note(field.path) {
            words.extend(note(field, value));
        } else if field.compare == Compare::OwnKeys {
            tags.extend(own_keys(field, value));
        } else if field.default == Literal::None || !field.same(&field.default.value(), value) {
            words.push(word(field.path, value));
        }
    }
    words.extend(tags);
    words
}

/// The keys of a map, such as tags, without the marker; only their number where there are many,
/// since an environment puts the same ones on everything.
fn own_keys(field: &Field, map: &Value) -> Vec<String> {
    let keys = map.as_map().into_iter().flatten();
    let own: Vec<_> = keys
        .filter(|(key, _)| *key != MANAGED_BY_TAG && *key != ID_TAG)
        .collect();
    if own.len() > FEW_KEYS {
        return vec![format!("{} {}", own.len(), plain(field.path))];
    }
    own.into_iter()
        .map(|(key, value)| word(&format!("{}.{key}", field.path), value))
        .collect()
}

/// A note without the marker that it carries.
fn note(field: &Field, value: &Value) -> Option<String> {
    let note = value.as_str()?;
    let is_mark = |word: &&str| {
        word.split_once('=')
            .is_some_and(|(name, _)| name == MANAGED_BY_TAG || name == ID_TAG)
    };
    let said: Vec<&str> = note.split_whitespace().filter(|w| !is_mark(w)).collect();
    (!said.is_empty()).then(|| word(field.path, &Value::from(said.join(" ").as_str())))
}

/// `sku Premium`: the path without what every path has, and the value.
fn word(path: &str, value: &Value) -> String {
    let path = path.strip_prefix("properties.").unwrap_or(path);
    let path = path.strip_suffix(".name").unwrap_or(path);
    if path == "location" {
        bare(value)
    } else {
        format!("{} {}", plain(path), bare(value))
    }
}

fn flatten(path: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Map(map) => {
            for (key, below) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{key}"), below, into);
            }
        }
        Value::Null => {}
        leaf => into.push(word(path, leaf)),
    }
}
