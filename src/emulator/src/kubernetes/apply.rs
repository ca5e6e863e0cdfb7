//! Server-side apply: what a manager says of an object becomes its own.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

use super::fields::{Manager, Path, get, leaves, managers, remove, set_managers};
use super::patch::strategic;
use super::resources::Resource;
use super::status::Status;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Lays `applied` over `old` for a manager. What it said before and says no more goes,
/// unless somebody else owns it too.
pub fn apply(
    resource: &Resource,
    old: Option<&Value>,
    applied: &Value,
    manager: &str,
    force: bool,
    time: &str,
) -> Result<Value, Status> {
    let mut all = old.map(managers).unwrap_or_default();
    let own = |known: &Manager| known.name == manager && known.operation == "Apply";
    let wanted = leaves(applied);
    let conflicts = old
        .map(|old| conflicts(old, applied, &wanted, &all, own))
        .unwrap_or_default();
    if !force && !conflicts.is_empty() {
        return Err(refused(resource, applied, &conflicts));
    }
    let mut merged = old.cloned().unwrap_or_else(|| json!({}));
    strategic(&mut merged, applied);
    let before: BTreeSet<Path> = all
        .iter()
        .filter(|known| own(known))
        .flat_map(|known| known.fields.iter().cloned())
        .collect();
    for path in before.difference(&wanted) {
        let shared = all
            .iter()
            .any(|known| !own(known) && known.fields.contains(path));
        if !shared {
            remove(&mut merged, path);
        }
    }
    for (_, path) in &conflicts {
        for known in all.iter_mut().filter(|known| !own(known)) {
            known.fields.remove(path);
        }
    }
    all.retain(|known| !own(known));
    all.insert(
        0,
        Manager {
            name: manager.to_owned(),
            operation: "Apply".to_owned(),
            fields: wanted,
        },
    );
    set_managers(&mut merged, &all, time);
    Ok(merged)
}

/// Fields that others own and that would get another value.
fn conflicts(
    old: &Value,
    applied: &Value,
    wanted: &BTreeSet<Path>,
    all: &[Manager],
    own: impl Fn(&Manager) -> bool,
) -> Vec<(String, Path)> {
    let mut found = Vec::new();
    for known in all.iter().filter(|known| !own(known)) {
        for path in known.fields.intersection(wanted) {
            if get(old, path) != get(applied, path) {
                found.push((known.name.clone(), path.clone()));
            }
        }
    }
    found
}

fn refused(resource: &Resource, applied: &Value, conflicts: &[(String, Path)]) -> Status {
    let name = applied["metadata"]["name"].as_str().unwrap_or_default();
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(manager, path)| {
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with \"{manager}\""),
                "field": printed(path),
            })
        })
        .collect();
    let texts: Vec<String> = conflicts
        .iter()
        .map(|(manager, path)| format!("conflict with \"{manager}\": {}", printed(path)))
        .collect();
    let count = match conflicts.len() {
        1 => "1 conflict".to_owned(),
        many => format!("{many} conflicts"),
    };
    let mut status = Status::conflict(resource, name);
    status.message = format!("Apply failed with {count}: {}", texts.join(", "));
    status.details["causes"] = json!(causes);
    status
}

/// `.spec.containers[name="web"].image`
fn printed(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        match step.split_once(':') {
            Some(("f", name)) => {
                text.push('.');
                text.push_str(name);
            }
            Some((_, key)) => {
                let key: Value = serde_json::from_str(key).unwrap_or_default();
                for (name, value) in key.as_object().into_iter().flatten() {
                    text.push_str(&format!("[{name}={value}]"));
                }
            }
            None => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::resources::DEPLOYMENTS;

    fn with(image: &str, more: Value) -> Value {
        let mut body = json!({
            "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
        });
        strategic(&mut body, &more);
        body
    }

    #[test]
    fn fields_belong_to_whoever_applied_them() {
        let run = |old: Option<&Value>, body: &Value, who: &str, force: bool| {
            apply(&DEPLOYMENTS, old, body, who, force, "t")
        };
        let first = run(
            None,
            &with("1", json!({"spec": {"paused": true}})),
            "one",
            false,
        )
        .unwrap();
        let again = run(Some(&first), &with("1", json!({})), "one", false).unwrap();
        assert!(again["spec"].get("paused").is_none());
        let clash = run(Some(&again), &with("2", json!({})), "two", false).unwrap_err();
        assert_eq!((clash.code, clash.reason), (409, "Conflict"));
        assert_eq!(
            clash.message,
            "Apply failed with 1 conflict: conflict with \"one\": .spec.template.spec.containers[name=\"web\"].image"
        );
        let forced = run(Some(&again), &with("2", json!({})), "two", true).unwrap();
        assert_eq!(
            forced["spec"]["template"]["spec"]["containers"][0]["image"],
            "2"
        );
        let back = run(Some(&forced), &with("2", json!({})), "one", false);
        assert!(back.is_ok(), "the same value is no conflict");
    }
}
