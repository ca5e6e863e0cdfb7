//! Bodies of updates: the managed fields laid over the live object, the rest left as it is.

use serde_json::{Map, Value as Json, json};

use super::field::word_key;
use super::{Compare, Meta, Method, Request, UpdateMode, same_tag};

/// The update request of a kind without a hook of its own, as [`Meta::update`] says.
pub fn update(meta: &Meta, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
    let (method, mut body, paths) = match meta.update {
        UpdateMode::Put => {
            let mut body = live.clone();
            for path in ["id", "name", "type", "systemData", "etag"]
                .iter()
                .chain(meta.read_only)
            {
                remove(&mut body, path);
            }
            let all: Vec<&str> = meta.fields.iter().map(|field| field.path).collect();
            (Method::Put, body, all)
        }
        UpdateMode::Patch => {
            let (body, paths) = patch(meta, live, changed);
            (Method::Patch, body, paths)
        }
    };
    for field in meta
        .fields
        .iter()
        .filter(|field| paths.contains(&field.path))
    {
        let wanted = at(desired, field.path).cloned().unwrap_or(Json::Null);
        if wanted.is_null() && field.compare == Compare::IfDeclared {
            continue;
        }
        let value = match field.compare {
            Compare::OwnKeys => merge_keys(at(live, field.path), &wanted),
            Compare::OwnWords => merge_words(at(live, field.path), &wanted),
            _ => wanted,
        };
        // A null that Azure does not hold either would only be noise in the request.
        if !(value.is_null() && at(live, field.path).is_none_or(Json::is_null)) {
            set(&mut body, field.path, value);
        }
    }
    Request::arm(method, id, meta.api_version).body(body)
}

/// The start of a PATCH, and the managed paths that it sends: the changed ones, and with them
/// the whole object that each stands in, since Azure validates and replaces such objects whole
/// (`networkRuleSet` without `defaultAction` is refused).
fn patch<'a>(meta: &'a Meta, live: &Json, changed: &[&'a str]) -> (Json, Vec<&'a str>) {
    let mut body = json!({});
    let mut paths = changed.to_vec();
    for path in changed {
        let Some((parent, _)) = path
            .rsplit_once('.')
            .filter(|(parent, _)| *parent != "properties")
        else {
            continue;
        };
        if let Some(held) = at(live, parent) {
            set(&mut body, parent, held.clone());
        }
        let inside = |field: &str| field.rsplit_once('.').is_some_and(|(p, _)| p == parent);
        paths.extend(
            meta.fields
                .iter()
                .map(|field| field.path)
                .filter(|field| inside(field)),
        );
    }
    for path in meta.read_only {
        remove(&mut body, path);
    }
    (body, paths)
}

/// The live map with the declared keys laid over it; a declared null takes the key away.
fn merge_keys(live: Option<&Json>, desired: &Json) -> Json {
    let mut merged = live.and_then(Json::as_object).cloned().unwrap_or_default();
    for (key, value) in desired.as_object().into_iter().flatten() {
        merged.retain(|held, _| held == key || !same_tag(held, key));
        if value.is_null() {
            merged.remove(key);
        } else {
            merged.insert(key.clone(), value.clone());
        }
    }
    Json::Object(merged)
}

/// The live words whose keys are not ours, and then the wanted ones.
fn merge_words(live: Option<&Json>, wanted: &Json) -> Json {
    let words = |list: &Json| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let wanted = words(wanted);
    let mut merged = live.map(words).unwrap_or_default();
    merged.retain(|word| !wanted.iter().any(|own| word_key(own) == word_key(word)));
    merged.extend(wanted);
    Json::from(merged)
}

/// The path of an object that nothing declares: its kind and its names, as segments.
pub fn orphan_path(kind: &str, id: &str) -> String {
    let name = id.rsplit('/').next().unwrap_or(id).to_lowercase();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    let segment = match plain.trim_start_matches('-') {
        "" => "unnamed",
        segment => segment,
    };
    format!("{}.{segment}", kind.to_lowercase().replace(' ', "-"))
}

/// The body without the properties that have no value, at any depth.
pub fn without_nulls(mut body: Json) -> Json {
    fn strip(json: &mut Json) {
        match json {
            Json::Object(map) => {
                map.retain(|_, value| !value.is_null());
                map.values_mut().for_each(strip);
            }
            Json::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut body);
    body
}

/// The value at a dotted path of a body.
pub fn at<'a>(body: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(body, |json, key| json.get(key))
}

fn set(body: &mut Json, path: &str, value: Json) {
    let mut here = body;
    for key in path.split('.') {
        if !here.is_object() {
            *here = Json::Object(Map::new());
        }
        here = &mut here[key];
    }
    *here = value;
}

fn remove(body: &mut Json, path: &str) {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let holder = if parent.is_empty() {
        Some(body)
    } else {
        parent
            .split('.')
            .try_fold(body, |json, step| json.get_mut(step))
    };
    if let Some(map) = holder.and_then(Json::as_object_mut) {
        map.remove(key);
    }
}
