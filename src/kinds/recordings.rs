//! The kinds held against what Azure really answered: recorded bodies are projected and written back.
//! The recordings lie beside the checkout; where they do not, a line says that nothing was tested.
//!
//! ## Why
//! The laws run every kind against the local Azure, and its truth is measured against the same
//! recordings; what a kind makes of Azure's own answers neither would show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::KINDS;
use crate::resource::{Kind, Literal, Method, Outputs, Plane, Value};

/// The objects of an answer: itself, or the members of a list.
fn objects(exchange: &Json) -> Vec<&Json> {
    let is_good = exchange["status"]
        .as_u64()
        .is_some_and(|status| status < 300);
    let is_read =
        ["GET", "PUT", "PATCH"].contains(&exchange["method"].as_str().unwrap_or_default());
    if !is_good || !is_read {
        return Vec::new();
    }
    let body = &exchange["resp_body"];
    match body["value"].as_array() {
        Some(members) => members.iter().collect(),
        None => vec![body],
    }
}

/// The kind that a body is of, and its id.
fn kind_of(body: &Json) -> Option<(&'static dyn Kind, &str)> {
    let (id, arm_type) = (body["id"].as_str()?, body["type"].as_str()?);
    let is_of = |kind: &&dyn Kind| kind.meta().arm_type.eq_ignore_ascii_case(arm_type);
    let kind = KINDS.iter().find(is_of)?;
    // Roles of a managed HSM's own, and settings of a whole subscription, have ids of another form.
    id.starts_with('/').then_some((kind, id))
}

/// Whether a value is of the sort that a literal is, as far as the literal tells.
fn is_like(literal: Literal, value: &Value) -> bool {
    match literal {
        Literal::None => true,
        Literal::Bool(_) => matches!(value, Value::Bool(_)),
        Literal::Int(_) => matches!(value, Value::Number(_)),
        Literal::Text(_) => matches!(value, Value::String(_)),
        Literal::EmptyList => matches!(value, Value::List(_)),
        Literal::EmptyMap => matches!(value, Value::Map(_)),
    }
}

/// What is wrong with what a kind makes of a live body.
fn faults(kind: &dyn Kind, id: &str, live: &Json) -> Vec<String> {
    let meta = kind.meta();
    let mut faults = Vec::new();
    if !kind.is_id(id) {
        faults.push(format!("{id} is not an id of it"));
    }
    let projected = kind.project(live);
    for field in meta.fields {
        match projected.at(field.path) {
            None => faults.push(format!("{} is not projected", field.path)),
            Some(Value::Null) => {}
            Some(value) if is_like(field.default, value) && is_like(field.absent, value) => {}
            Some(value) => faults.push(format!("{} is {value:?}", field.path)),
        }
    }
    let desired = projected
        .resolve(&Outputs::default())
        .expect("a live body is known");
    let update = kind.update(id, live, &desired, &[]);
    if update.method != Method::Put || update.plane != Plane::Arm {
        return faults;
    }
    let body = update.body.unwrap_or_default();
    let again = kind.project(&body);
    for field in meta.fields {
        let (before, after) = (projected.at(field.path), again.at(field.path));
        if !before
            .zip(after)
            .is_some_and(|(before, after)| field.same(before, after))
        {
            faults.push(format!(
                "{} would become {after:?} from {before:?}",
                field.path
            ));
        }
    }
    faults
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "jsonl") {
            found.push(path);
        }
    }
}

#[test]
fn what_azure_answered_is_understood_and_written_back_as_it_was() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/azure/recordings");
    if !root.exists() {
        eprintln!("SKIPPED: nothing at {}", root.display());
        return;
    }
    let (mut seen, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    files(&root, &mut all);
    for file in all {
        let text = std::fs::read_to_string(&file).expect("a readable recording");
        for line in text.lines() {
            let exchange: Json = serde_json::from_str(line).expect("JSON");
            for body in objects(&exchange) {
                if let Some((kind, id)) = kind_of(body) {
                    seen.insert(kind.meta().name);
                    let faults = faults(kind, id, body).into_iter();
                    wrong.extend(faults.map(|fault| format!("{}: {fault}", kind.meta().name)));
                }
            }
        }
    }
    assert!(seen.len() > 12, "{seen:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
