//! The one diff that plan and drift share: managed fields, desired against live.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::resource::{Change, Compare, Field, Meta, Severity, Value, tag_of};

/// One managed field that is not as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's path; for a map of which we own keys, with the key behind it.
    pub path: String,
    /// What Azure has.
    pub before: Value,
    /// What TOML asks for.
    pub after: Value,
    /// What the change asks of the object.
    pub rule: Rule,
    /// How bad it is as drift.
    pub severity: Severity,
    /// Who moved it, where the applied snapshot tells.
    pub by: Option<ChangedBy>,
}

/// What a change asks of the object, as stored in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Azure changes it on the living object.
    InPlace,
    /// The object is deleted and created again.
    Replace,
    /// It is refused; this is what to do instead.
    Refused(String),
}

/// Who moved a field away from what was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// TOML asks for something new.
    Toml,
    /// Somebody changed Azure beside us.
    Azure,
    /// Both moved.
    Both,
}

/// The managed fields in which `live` is not what `desired` asks for.
///
/// `applied` is what the last successful apply wrote: it tells who moved a field, and which
/// keys of a map were ours and are no longer declared.
pub fn diff(
    meta: &Meta,
    desired: &Value,
    live: &Value,
    applied: Option<&Value>,
) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for field in meta.fields {
        let at = |tree: Option<&Value>| tree.and_then(|t| t.at(field.path)).cloned();
        let wanted = at(Some(desired)).unwrap_or_default();
        let found = at(Some(live)).unwrap_or_default();
        let wrote = at(applied);
        if field.compare == Compare::OwnKeys {
            changes.extend(own_keys(field, &wanted, &found, wrote.as_ref()));
        } else if !field.same(&wanted, &found) {
            changes.push(change(
                field,
                field.path.to_owned(),
                found,
                wanted,
                wrote.as_ref(),
            ));
        }
    }
    changes
}

/// The keys of ours that differ, each as a change of its own.
fn own_keys(
    field: &Field,
    wanted: &Value,
    found: &Value,
    wrote: Option<&Value>,
) -> Vec<FieldChange> {
    let key_of = |tree: &Value, key: &str| tree.as_map().and_then(|m| tag_of(m, key)).cloned();
    let mut keys: BTreeSet<&String> = wanted
        .as_map()
        .into_iter()
        .flatten()
        .map(|(k, _)| k)
        .collect();
    let dropped = wrote.and_then(Value::as_map).into_iter().flatten();
    // A key that we wrote and that still says what we wrote is ours to take away again. One that
    // protected is gone only when that was planned.
    keys.extend(
        dropped
            .filter(|(key, value)| {
                let told_already = key_of(wanted, key).is_some();
                let ours = key_of(found, key).as_ref() == Some(value);
                !told_already && (ours || field.protects(key, value))
            })
            .map(|(k, _)| k),
    );
    keys.into_iter()
        .filter_map(|key| {
            let after = key_of(wanted, key).unwrap_or_default();
            let before = key_of(found, key).unwrap_or_default();
            let wrote = wrote.map(|tree| key_of(tree, key).unwrap_or_default());
            // What took protection away in Azure and in TOML alike is a change of what we wrote
            // all the same: it is planned, and so has to be approved.
            let undone = |wrote: &Value| *wrote != after && field.protects(key, wrote);
            let differs = after != before || wrote.as_ref().is_some_and(undone);
            differs.then(|| {
                let severity = field.severity_of(key, &after);
                let path = format!("{}.{key}", field.path);
                let change = change(field, path, before, after, wrote.as_ref());
                FieldChange { severity, ..change }
            })
        })
        .collect()
}

fn change(
    field: &Field,
    path: String,
    before: Value,
    after: Value,
    wrote: Option<&Value>,
) -> FieldChange {
    let by = wrote.map(|wrote| {
        match (
            field.same(wrote, &before) || *wrote == before,
            field.same(wrote, &after),
        ) {
            (true, _) => ChangedBy::Toml,
            (false, true) => ChangedBy::Azure,
            (false, false) => ChangedBy::Both,
        }
    });
    let rule = match field.change_to(&after) {
        Change::Raise(instead) if is_lower(&after, &before) => Rule::Refused(instead.to_owned()),
        Change::InPlace | Change::Keep(_) | Change::Raise(_) => Rule::InPlace,
        Change::Replace => Rule::Replace,
        Change::Refuse(instead) => Rule::Refused(instead.to_owned()),
    };
    FieldChange {
        path,
        before,
        after,
        rule,
        severity: field.severity,
        by,
    }
}

/// Whether a dotted version lies below another, as far as both say.
fn is_lower(version: &Value, than: &Value) -> bool {
    let numbers = |value: &Value| -> Option<Vec<u32>> {
        let parts = value.as_str()?.split('.');
        parts.map(|part| part.parse().ok()).collect()
    };
    let (Some(version), Some(than)) = (numbers(version), numbers(than)) else {
        return false;
    };
    let said = version.len().min(than.len());
    version[..said] < than[..said]
}

/// Desired with every dropped key as a declared null, so that an update takes it away.
#[must_use]
pub fn with_dropped_keys(meta: &Meta, desired: &Value, changes: &[FieldChange]) -> Value {
    let mut complete = desired.clone();
    for field in meta
        .fields
        .iter()
        .filter(|field| field.compare == Compare::OwnKeys)
    {
        let mut map = complete
            .at(field.path)
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default();
        for change in changes.iter().filter(|change| change.after == Value::Null) {
            let key = change
                .path
                .strip_prefix(field.path)
                .and_then(|rest| rest.strip_prefix('.'));
            if let Some(key) = key {
                map.insert(key.to_owned(), Value::Null);
            }
        }
        complete.set(field.path, Value::Map(map));
    }
    complete
}

/// Whether two live projections are the same in everything that we own. `owned` is the desired
/// tree: of a map of which we own keys, only its keys count.
pub fn same_projection(meta: &Meta, owned: &Value, before: &Value, live: &Value) -> bool {
    meta.fields.iter().all(|field| {
        let (a, b) = (before.at(field.path), live.at(field.path));
        if field.compare != Compare::OwnKeys {
            let (a, b) = (
                a.cloned().unwrap_or_default(),
                b.cloned().unwrap_or_default(),
            );
            return field.same(&a, &b);
        }
        let keys = owned
            .at(field.path)
            .and_then(Value::as_map)
            .into_iter()
            .flatten();
        let of = |tree: Option<&Value>, key: &String| {
            tree.and_then(Value::as_map)
                .and_then(|map| tag_of(map, key))
                .cloned()
                .unwrap_or_default()
        };
        keys.map(|(key, _)| key).all(|key| of(a, key) == of(b, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_raised_and_never_lowered() {
        static META: Meta = Meta {
            name: "toy",
            arm_type: "Toy/toys",
            api_version: "2024-01-01",
            carrier: crate::resource::Carrier::Parent,
            read: crate::resource::ReadMode::DataPlane,
            update: crate::resource::UpdateMode::Put,
            fields: &[Field::new("version")
                .compare(Compare::Version)
                .change(Change::Raise("make another"))],
            unmanaged: &[],
            read_only: &[],
            stateful: false,
            is_guard: false,
            outputs: &[],
        };
        let tree = |version: &str| {
            let mut tree = Value::default();
            tree.set("version", version.into());
            tree
        };
        for (live, wanted, rule) in [
            ("1.35", "1.36", Some(Rule::InPlace)),
            ("1.9.3", "1.10", Some(Rule::InPlace)),
            ("1.36.2", "1.36.4", Some(Rule::InPlace)),
            ("1.36", "1.36.4", Some(Rule::InPlace)),
            ("odd", "1.36", Some(Rule::InPlace)),
            ("1.36.4", "1.36", None),
            (
                "1.36.4",
                "1.36.2",
                Some(Rule::Refused("make another".to_owned())),
            ),
            (
                "1.37.0",
                "1.36",
                Some(Rule::Refused("make another".to_owned())),
            ),
            (
                "1.10",
                "1.9.3",
                Some(Rule::Refused("make another".to_owned())),
            ),
        ] {
            let changes = diff(&META, &tree(wanted), &tree(live), None);
            let found = changes.first().map(|change| change.rule.clone());
            assert_eq!(found, rule, "{live} to {wanted}");
        }
    }
}
