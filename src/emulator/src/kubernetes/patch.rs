//! Patches: JSON merge, strategic merge, JSON patch.
//! <https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>

use super::fields::merge_key;
use super::status::Status;
use serde_json::{Map, Value};

/// RFC 7396: null removes, objects merge, everything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    for (name, value) in patch {
        let members = members(target);
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// As [`merge`], but lists whose items have a key are merged by it, and `$patch` says what
/// is deleted or replaced. Orders (`$setElementOrder`) are not kept.
pub fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch") == Some(&Value::from("replace")) {
        let mut whole = patch.clone();
        whole.remove("$patch");
        *target = Value::Object(whole);
        return;
    }
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        let members = members(target);
        match value {
            Value::Null => {
                members.remove(name);
            }
            Value::Array(items) => {
                let list = members.entry(name.clone()).or_insert(Value::Null);
                match merge_key(name, items) {
                    Some(key) => by_key(list, items, key),
                    None => *list = value.clone(),
                }
            }
            _ => strategic(members.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

fn by_key(list: &mut Value, patch: &[Value], key: &str) {
    let mut items = list.as_array().cloned().unwrap_or_default();
    if patch.iter().any(|item| item["$patch"] == "replace") {
        items.clear();
    }
    for change in patch {
        let at = items
            .iter()
            .position(|item| item.get(key) == change.get(key));
        match (at, change["$patch"].as_str()) {
            (Some(at), Some("delete")) => {
                items.remove(at);
            }
            (None, Some("delete")) | (_, Some("replace")) => {}
            (Some(at), _) => strategic(&mut items[at], change),
            (None, _) => {
                let mut fresh = Value::Null;
                strategic(&mut fresh, change);
                items.push(fresh);
            }
        }
    }
    *list = Value::Array(items);
}

fn members(target: &mut Value) -> &mut Map<String, Value> {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    target.as_object_mut().expect("it was just made one")
}

/// RFC 6902: add, remove, replace, test, move and copy.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), Status> {
    let steps = patch
        .as_array()
        .ok_or_else(|| Status::bad("a JSON patch is a list of operations"))?;
    for step in steps {
        one(target, step).ok_or_else(|| {
            Status::new(
                422,
                "Invalid",
                format!("the server rejected our request due to an error in our request: {step}"),
            )
        })?;
    }
    Ok(())
}

fn one(target: &mut Value, step: &Value) -> Option<()> {
    let path = step["path"].as_str()?;
    match step["op"].as_str()? {
        "add" => add(target, path, step.get("value")?.clone()),
        "remove" => take(target, path).map(|_| ()),
        "replace" => {
            *target.pointer_mut(path)? = step.get("value")?.clone();
            Some(())
        }
        "test" => (target.pointer(path)? == step.get("value")?).then_some(()),
        "move" => {
            let value = take(target, step["from"].as_str()?)?;
            add(target, path, value)
        }
        "copy" => {
            let value = target.pointer(step["from"].as_str()?)?.clone();
            add(target, path, value)
        }
        _ => None,
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match target.pointer_mut(parent)? {
        Value::Object(members) => {
            members.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" {
                items.len()
            } else {
                last.parse().ok()?
            };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match target.pointer_mut(parent)? {
        Value::Object(members) => members.remove(&last),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_merge_by_name_and_other_lists_are_replaced() {
        let mut target = json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}], "hosts": [1]});
        let patch = json!({
            "containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}, {"name": "c"}],
            "$setElementOrder/containers": [{"name": "a"}],
            "hosts": [2], "gone": null,
        });
        strategic(&mut target, &patch);
        assert_eq!(
            target,
            json!({"containers": [{"name": "a", "image": "2", "args": ["x"]}, {"name": "c"}], "hosts": [2]})
        );
        merge(&mut target, &json!({"containers": [{"name": "z"}]}));
        assert_eq!(target["containers"], json!([{"name": "z"}]));
    }

    #[test]
    fn json_patches_do_what_they_say_or_nothing() {
        let mut target = json!({"a": [1, 2], "b/c": 1});
        let patch = json!([
            {"op": "test", "path": "/a/0", "value": 1},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "replace", "path": "/a/0", "value": 0},
            {"op": "remove", "path": "/b~1c"},
            {"op": "copy", "from": "/a/0", "path": "/d"},
        ]);
        json_patch(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"a": [0, 2, 3], "d": 0}));
        for bad in [
            json!([{"op": "test", "path": "/a/0", "value": 1}]),
            json!([{"op": "replace", "path": "/x", "value": 1}]),
            json!([{"op": "add", "path": "/a/9", "value": 1}]),
            json!([{"op": "frob", "path": "/a"}]),
        ] {
            assert_eq!(
                json_patch(&mut target.clone(), &bad).unwrap_err().code,
                422,
                "{bad}"
            );
        }
    }
}
