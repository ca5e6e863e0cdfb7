//! Operations in the course of time: tries, ends, and what polls answer.

use super::context::Context;
use super::error::{ArmError, Source};
use super::pattern::poll_headers;
use super::resource_type::set_state;
use crate::entra::replication;
use crate::server::Answer;
use crate::state::{Effect, Failure, Moment, Object, Operation, Outcome, Polling, Txn, World};
use crate::{arm::groups, types};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Operations that reading `path` counts as a try for: the one polled, those on the object
/// read, or those on the objects of a listed collection.
pub fn touched(world: &World, path: &str) -> Vec<String> {
    let polled = world
        .operation(path)
        .map(|operation| operation.path.to_ascii_lowercase());
    world
        .running()
        .filter(|(key, operation)| {
            polled.as_ref() == Some(key)
                || operation.target == path
                || listed(&operation.target, path)
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// Whether the collection at `path` lists the object at `key`.
fn listed(key: &str, path: &str) -> bool {
    if let Some(rest) = key.strip_prefix(path) {
        return rest
            .strip_prefix('/')
            .is_some_and(|name| !name.contains('/'));
    }
    // A subscription-wide list: the same type in any group, or everything.
    match path.split_once("/providers/") {
        Some((scope, kind)) => {
            key.starts_with(scope) && key.contains(&format!("/providers/{kind}/"))
        }
        None => path
            .strip_suffix("/resources")
            .is_some_and(|scope| key.starts_with(scope)),
    }
}

/// One more try of an operation; it ends when it is due.
pub fn try_once(cx: &Context<'_>, txn: &mut Txn<'_>, key: &str) {
    let Some(operation) = txn.world().operation(key).cloned() else {
        return;
    };
    let mut operation = Operation::clone(&operation);
    operation.tries = operation.tries.saturating_add(1);
    if operation.due(cx.azure.settings.pace, cx.now) {
        end(txn, &mut operation, cx.now);
    }
    txn.put_operation(operation);
}

/// Ends whatever an object waits for, because something newer happens to it.
pub fn end_pending(txn: &mut Txn<'_>, object: &str, now: Moment) {
    let pending = txn
        .world()
        .object(object)
        .and_then(|object| object.pending.clone());
    let Some(operation) = pending.and_then(|key| txn.world().operation(&key).cloned()) else {
        return;
    };
    let mut operation = Operation::clone(&operation);
    end(txn, &mut operation, now);
    txn.put_operation(operation);
}

/// The headers of the deletion that is already on its way.
pub fn already_going(
    cx: &Context<'_>,
    txn: &Txn<'_>,
    object: &Object,
) -> Option<Vec<(&'static str, String)>> {
    let operation = txn.world().operation(object.pending.as_ref()?)?;
    (operation.effect == Effect::Remove && !operation.finished())
        .then(|| poll_headers(cx, operation))
}

fn end(txn: &mut Txn<'_>, operation: &mut Operation, now: Moment) {
    operation.ended = Some(now.seconds());
    let target = txn.world().object(&operation.target).cloned();
    operation.outcome = match (&operation.outcome, target) {
        (Outcome::Failing(failure), Some(object)) => {
            let failure = failure.clone();
            if !matches!(operation.effect, Effect::Act(_)) {
                fail(txn, &object);
            }
            Outcome::Failed(failure)
        }
        (Outcome::Failing(failure), None) => Outcome::Failed(failure.clone()),
        (_, None) => Outcome::Succeeded,
        (_, Some(object)) => match succeed(txn, &operation.effect, &object, now) {
            Ok(()) => {
                replication::outlast(txn, &object, operation.seconds);
                Outcome::Succeeded
            }
            Err(mut failure) => {
                failure.message = format!(
                    "Operation {} failed. Resource {} {}",
                    operation.name, object.id, failure.message
                );
                Outcome::Failed(failure)
            }
        },
    };
}

/// Removes an object and all below it, after each could leave something behind. What
/// outlives its parent stays.
pub fn remove(txn: &mut Txn<'_>, key: &str, now: Moment) {
    let stays = |object: &Object| {
        object.key() != key && types::of(&object.kind).is_some_and(|kind| kind.outlives())
    };
    for object in tree(txn.world(), key) {
        if let Some(kind) = types::of(&object.kind).filter(|_| !stays(&object)) {
            kind.leaving(txn, &object, now);
        }
    }
    // Looked up again: what was left behind may stand below, too.
    let staying = tree(txn.world(), key).into_iter().filter(|o| stays(o));
    let staying: Vec<_> = staying.collect();
    txn.remove_tree(key);
    for object in staying {
        txn.put(Object::clone(&object));
    }
}

/// An object and all below it.
fn tree(world: &World, key: &str) -> Vec<Arc<Object>> {
    world
        .under(&format!("{key}/"))
        .map(|(_, object)| object.clone())
        .chain(world.object(key).cloned())
        .collect()
}

fn succeed(
    txn: &mut Txn<'_>,
    effect: &Effect,
    object: &Object,
    now: Moment,
) -> Result<(), Failure> {
    match effect {
        Effect::Remove => remove(txn, &object.key(), now),
        Effect::Settle => {
            let mut settled = Object {
                pending: None,
                ..object.clone()
            };
            match types::of(&object.kind) {
                Some(kind) => kind.settle(&mut settled, now),
                None => set_state(&mut settled, "Succeeded"),
            }
            txn.put(settled);
        }
        Effect::Act(order) => {
            if let Some(kind) = types::of(&object.kind) {
                kind.finish(txn, object, order, now)?;
            }
        }
    }
    Ok(())
}

/// What a failed operation leaves: the object in state `Failed`; a group that could not
/// be deleted is rolled back instead.
fn fail(txn: &mut Txn<'_>, object: &Object) {
    let mut failed = Object {
        pending: None,
        ..object.clone()
    };
    let state = if object.kind == groups::KIND {
        "Succeeded"
    } else {
        "Failed"
    };
    set_state(&mut failed, state);
    txn.put(failed);
}

/// The answer to a poll.
pub fn poll(cx: &Context<'_>, world: &World, operation: &Operation) -> Answer {
    let result = operation
        .result
        .as_ref()
        .filter(|result| result.path.eq_ignore_ascii_case(&cx.path.text));
    let polling = match result {
        Some(result) => &Polling::Result {
            told: false,
            done: result.done,
        },
        None => &operation.polling,
    };
    let mut answer = match polling {
        Polling::Status { running, named } => {
            let mut body = Map::new();
            if *named {
                body.insert("id".to_owned(), json!(operation.target_id()));
                body.insert("name".to_owned(), json!(operation.name));
            }
            status(operation, *running, body)
        }
        Polling::Plain { running, .. } => status(operation, *running, Map::new()),
        Polling::Dated => dated(cx, operation),
        Polling::Made => made(cx, world, operation),
        Polling::Timed => {
            let mut body = Map::new();
            body.insert("name".to_owned(), json!(operation.name));
            let at = |seconds: i64| json!(Moment::from(seconds).zulu());
            body.insert("startTime".to_owned(), at(operation.started));
            if let Some(ended) = operation.ended {
                body.insert("endTime".to_owned(), at(ended));
            }
            status(operation, 200, body)
        }
        // Never polled under its own address.
        Polling::Object { .. } => Answer::empty(if operation.finished() { 204 } else { 202 }),
        Polling::Result { told, done } => match &operation.outcome {
            Outcome::Succeeded if *told => Answer::json(*done, json!({"status": "Succeeded"})),
            Outcome::Succeeded => Answer::empty(*done),
            // Clients that follow `Location` take any 2xx but 202 for success.
            Outcome::Failed(failure) if *told => {
                Answer::json(400, json!({"status": "Failed", "error": error(failure)}))
            }
            Outcome::Failed(failure) => blocked(failure),
            _ if *told => Answer::json(202, json!({"status": operation.word})),
            _ => Answer::empty(202),
        },
    };
    answer.headers.extend(again(cx, operation, polling));
    answer
}

/// What was made, once it is.
fn made(cx: &Context<'_>, world: &World, operation: &Operation) -> Answer {
    match &operation.outcome {
        Outcome::Succeeded => {
            let object = world.object(&operation.target);
            let shown = object.and_then(|object| {
                let kind = types::of(&object.kind)?;
                Some(kind.show(cx, object, world))
            });
            shown.map_or_else(|| Answer::empty(204), |body| Answer::json(200, body))
        }
        Outcome::Failed(failure) => Answer::json(409, json!({"error": error(failure)})),
        _ => Answer::empty(202),
    }
}

/// What Key Vault's operations tell: when they began and when they last did something.
fn dated(cx: &Context<'_>, operation: &Operation) -> Answer {
    let mut body = json!({"createdDateTime": Moment::from(operation.started).spaced()});
    let (status, word) = match &operation.outcome {
        Outcome::Succeeded => (200, "Succeeded"),
        Outcome::Failed(failure) => {
            body["error"] = error(failure);
            (200, "Failed")
        }
        _ => (202, operation.word.as_str()),
    };
    if status == 200 {
        body["lastActionDateTime"] = json!(cx.now.spaced());
    }
    body["status"] = json!(word);
    Answer::json(status, body)
}

/// `{"status"}` with what comes beside it.
fn status(operation: &Operation, running: u16, mut body: Map<String, Value>) -> Answer {
    let (status, word) = match &operation.outcome {
        Outcome::Succeeded => (200, "Succeeded"),
        Outcome::Failed(failure) => {
            body.insert("error".to_owned(), error(failure));
            (200, "Failed")
        }
        _ => (running, operation.word.as_str()),
    };
    body.insert("status".to_owned(), json!(word));
    Answer::json(status, Value::Object(body))
}

/// The headers that a poll carries once more.
fn again(
    cx: &Context<'_>,
    operation: &Operation,
    polling: &Polling,
) -> Vec<(&'static str, String)> {
    let headers = poll_headers(cx, operation);
    match polling {
        Polling::Timed => Vec::new(),
        Polling::Plain { again: false, .. } if !operation.finished() => headers
            .into_iter()
            .filter(|(name, _)| *name == "retry-after")
            .collect(),
        _ if !operation.finished() => headers,
        Polling::Status { named: false, .. } => headers.into_iter().take(1).collect(),
        // Seen of Network: both addresses once more, although nothing is left to wait for.
        Polling::Result { .. } if operation.result.is_some() => headers
            .into_iter()
            .filter(|(name, _)| *name != "retry-after")
            .collect(),
        _ => Vec::new(),
    }
}

/// A failed job of ARM's own has capitalised members.
fn blocked(failure: &Failure) -> Answer {
    Answer::json(
        409,
        json!({"Error": {"Code": failure.code, "Target": null, "Message": failure.message, "Details": null}}),
    )
}

fn error(failure: &Failure) -> Value {
    json!({"code": failure.code, "message": failure.message})
}

/// The answer for a poll address that leads nowhere.
pub fn unknown(name: &str) -> ArmError {
    ArmError::new(
        Source::ProviderWithStatus,
        404,
        "OperationNotFound",
        format!("The operation {name} could not be found."),
    )
}
