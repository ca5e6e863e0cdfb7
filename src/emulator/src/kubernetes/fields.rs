//! Whose fields are whose: `metadata.managedFields`, and paths into objects.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A way into an object: `f:member` or `k:{"key":"value"}` for the item of a list.
pub type Path = Vec<String>;

/// Members of metadata that belong to the server.
const SERVERS: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
];

/// Lists whose items are told apart by a member; all others are one value.
const KEYED: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("ports", &["containerPort", "port"]),
    ("imagePullSecrets", &["name"]),
    ("ownerReferences", &["uid"]),
    ("conditions", &["type"]),
];

/// The member that tells the items of a list apart.
pub fn merge_key(list: &str, items: &[Value]) -> Option<&'static str> {
    let (_, keys) = KEYED.iter().find(|(name, _)| *name == list)?;
    keys.iter()
        .copied()
        .find(|key| items.iter().all(|item| item.get(key).is_some()))
}

/// The ways to everything in an object that callers set.
pub fn leaves(object: &Value) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                for (member, value) in value.as_object().into_iter().flatten() {
                    if !SERVERS.contains(&member.as_str()) {
                        walk(
                            member,
                            value,
                            &mut vec!["f:metadata".to_owned()],
                            &mut found,
                        );
                    }
                }
            }
            _ => walk(name, value, &mut Vec::new(), &mut found),
        }
    }
    found
}

fn walk(name: &str, value: &Value, at: &mut Path, found: &mut BTreeSet<Path>) {
    at.push(format!("f:{name}"));
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                walk(name, value, at, found);
            }
        }
        Value::Array(items) if merge_key(name, items).is_some() && !items.is_empty() => {
            let key = merge_key(name, items).unwrap_or_default();
            for item in items {
                at.push(format!("k:{}", json!({ key: item[key] })));
                for (name, value) in item.as_object().into_iter().flatten() {
                    walk(name, value, at, found);
                }
                at.pop();
            }
        }
        _ => {
            found.insert(at.clone());
        }
    }
    at.pop();
}

/// What stands at the end of a way.
pub fn get<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    let mut at = object;
    for step in path {
        at = match step.split_once(':')? {
            ("f", name) => at.get(name)?,
            (_, key) => at.as_array()?.iter().find(|item| fits(item, key))?,
        };
    }
    Some(at)
}

fn fits(item: &Value, key: &str) -> bool {
    let key: Value = serde_json::from_str(key).unwrap_or_default();
    key.as_object().is_some_and(|key| {
        key.iter()
            .all(|(name, value)| item.get(name) == Some(value))
    })
}

/// Takes away what stands at the end of a way, and what gets empty thereby.
pub fn remove(object: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else {
        return;
    };
    match step.split_once(':') {
        Some(("f", name)) => {
            let Some(members) = object.as_object_mut() else {
                return;
            };
            if rest.is_empty() {
                members.remove(name);
            } else if let Some(child) = members.get_mut(name) {
                remove(child, rest);
                let empty = match child {
                    Value::Object(members) => members.is_empty(),
                    Value::Array(items) => items.is_empty(),
                    _ => false,
                };
                if empty {
                    members.remove(name);
                }
            }
        }
        Some((_, key)) => {
            let Some(items) = object.as_array_mut() else {
                return;
            };
            if let Some(item) = items.iter_mut().find(|item| fits(item, key)) {
                remove(item, rest);
            }
            items.retain(|item| item.as_object().is_none_or(|item| !item.is_empty()));
        }
        None => {}
    }
}

/// Somebody's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: String,
    pub fields: BTreeSet<Path>,
}

/// The managers of an object.
pub fn managers(object: &Value) -> Vec<Manager> {
    let list = object["metadata"]["managedFields"].as_array();
    list.into_iter()
        .flatten()
        .map(|entry| {
            let mut fields = BTreeSet::new();
            read(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
            let text = |member: &str| entry[member].as_str().unwrap_or_default().to_owned();
            Manager {
                name: text("manager"),
                operation: text("operation"),
                fields,
            }
        })
        .collect()
}

fn read(value: &Value, at: &mut Path, found: &mut BTreeSet<Path>) {
    match value.as_object() {
        Some(members) if !members.is_empty() => {
            for (step, value) in members {
                at.push(step.clone());
                read(value, at, found);
                at.pop();
            }
        }
        _ if !at.is_empty() => {
            found.insert(at.clone());
        }
        _ => {}
    }
}

/// Writes the managers into an object; those without fields are left out.
pub fn set_managers(object: &mut Value, managers: &[Manager], time: &str) {
    let before = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let entries: Vec<Value> = managers
        .iter()
        .filter(|manager| !manager.fields.is_empty())
        .map(|manager| {
            let mut entry = json!({
                "manager": manager.name,
                "operation": manager.operation,
                "apiVersion": object["apiVersion"],
                "time": time,
                "fieldsType": "FieldsV1",
                "fieldsV1": nested(&manager.fields),
            });
            // The time is that of the last change.
            let same = before.iter().find(|known| {
                ["manager", "operation", "fieldsV1"]
                    .iter()
                    .all(|member| known[*member] == entry[*member])
            });
            if let Some(known) = same {
                entry["time"] = known["time"].clone();
            }
            entry
        })
        .collect();
    object["metadata"]["managedFields"] = json!(entries);
}

fn nested(fields: &BTreeSet<Path>) -> Value {
    let mut root = Map::new();
    for path in fields {
        let mut at = &mut root;
        for step in path {
            let next = at.entry(step.clone()).or_insert_with(|| json!({}));
            let Some(members) = next.as_object_mut() else {
                break;
            };
            at = members;
        }
    }
    Value::Object(root)
}

/// Notes who changed what: changed fields become the writer's, gone ones nobody's.
pub fn updated(old: Option<&Value>, new: &mut Value, writer: &str, time: &str) {
    let mut all = old.map(managers).unwrap_or_default();
    let now = leaves(new);
    let changed: BTreeSet<Path> = now
        .iter()
        .filter(|path| old.and_then(|old| get(old, path)) != get(new, path))
        .cloned()
        .collect();
    for manager in &mut all {
        manager
            .fields
            .retain(|path| now.contains(path) && !changed.contains(path));
    }
    match all
        .iter_mut()
        .find(|manager| manager.name == writer && manager.operation == "Update")
    {
        Some(known) => known.fields.extend(changed),
        None => all.push(Manager {
            name: writer.to_owned(),
            operation: "Update".to_owned(),
            fields: changed,
        }),
    }
    if let Some(old) = old {
        new["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
    }
    set_managers(new, &all, time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_lead_through_keyed_lists() {
        let mut object = json!({
            "metadata": {"name": "n", "labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i", "args": ["x"]}]},
        });
        let all = leaves(&object);
        assert_eq!(all.len(), 4);
        let image: Path = ["f:spec", "f:containers", "k:{\"name\":\"c\"}", "f:image"]
            .map(ToOwned::to_owned)
            .to_vec();
        assert!(all.contains(&image));
        assert_eq!(get(&object, &image), Some(&json!("i")));
        set_managers(
            &mut object,
            &[Manager {
                name: "m".to_owned(),
                operation: "Apply".to_owned(),
                fields: all.clone(),
            }],
            "t",
        );
        assert_eq!(managers(&object)[0].fields, all);
        for path in all {
            remove(&mut object, &path);
        }
        assert!(object.get("spec").is_none());
        assert_eq!(object["metadata"]["name"], "n");
    }

    #[test]
    fn a_changed_field_changes_hands() {
        let old_text = json!({"spec": {"replicas": 1, "paused": false}});
        let mut old = old_text.clone();
        updated(None, &mut old, "one", "t1");
        let mut new = old_text;
        new["spec"]["replicas"] = json!(2);
        updated(Some(&old), &mut new, "two", "t2");
        let all = managers(&new);
        let replicas: Path = vec!["f:spec".to_owned(), "f:replicas".to_owned()];
        assert!(!all[0].fields.contains(&replicas) && all[1].fields.contains(&replicas));
    }
}
