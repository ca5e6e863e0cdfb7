//! PUT, PATCH, POST and DELETE: written once for all types.

use super::authorize;
use super::context::Context;
use super::error::ArmError;
use super::path::Tail;
use super::pattern;
use super::resolve::{Meaning, meaning};
use super::resource_type::{
    Action, Deleted, Located, Placement, ResourceType, Target, Written, set_state,
};
use super::wish::Wish;
use super::{
    body, groups, locks, operations, providers, read, subscriptions, tags, turns, weather,
};
use crate::entra::replication;
use crate::server::Answer;
use crate::state::{Effect, Object, Txn};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Kind = &'static dyn ResourceType;

/// What giving an identity to an object takes.
const ASSIGN_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

pub fn answer(cx: &Context<'_>, txn: &mut Txn<'_>) -> Result<Answer, ArmError> {
    let method = &cx.call.method;
    match &cx.path.tail {
        Tail::Words(words) if cx.path.group.is_some() => groups::write(cx, txn, words),
        Tail::Words(words) => subscriptions::write(cx, words),
        Tail::Provider(path) => {
            if tags::meant(path) {
                return tags::write(cx, txn, path);
            }
            match (meaning(cx, path)?, method) {
                (Meaning::Object(kind, target), &Method::PUT) => put(cx, txn, kind, &target),
                (Meaning::Object(kind, target), &Method::PATCH) => patch(cx, txn, kind, &target),
                (Meaning::Object(kind, target), &Method::DELETE) => delete(cx, txn, kind, &target),
                (Meaning::Act(kind, target, action), method) if action.method == *method => {
                    act(cx, txn, kind, &target, action)
                }
                (Meaning::Provider(action), &Method::POST) => (action.run)(cx, txn.world()),
                (Meaning::Registration(state), &Method::POST) => {
                    providers::register(cx, txn, &path.namespace, state)
                }
                _ => Err(ArmError::method_not_allowed(
                    method.as_str(),
                    &path.types_as_sent(),
                )),
            }
        }
    }
}

/// What must hold before a provider sees a write. `scope` is the id that locks are looked
/// up for.
fn admitted(
    cx: &Context<'_>,
    txn: &Txn<'_>,
    kind: Kind,
    target: &Target,
    sent_location: Option<&str>,
) -> Result<(), ArmError> {
    let world = txn.world();
    read::in_group(cx, world)?;
    if cx.call.method != Method::DELETE {
        groups::not_going(cx, world)?;
        providers::registered(cx, world, kind.meta().kind)?;
    }
    if kind.meta().lockable {
        locks::check(world, &cx.call.method, &cx.path_of(target))?;
    }
    weather::check(cx, world, &target.key, sent_location)?;
    if kind.meta().placement == Placement::Extension {
        kind.hangs_on(cx, world, &target.scope)?;
    }
    if let Some(parent) = &target.parent
        && world.object(parent).is_none()
    {
        let types: Vec<&str> = kind.meta().kind.split('/').skip(1).collect();
        let parent = target.id.rsplitn(3, '/').nth(2).unwrap_or_default();
        return Err(ArmError::parent_not_found(&types.join("/"), parent));
    }
    Ok(())
}

fn put(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    target: &Target,
) -> Result<Answer, ArmError> {
    let meta = kind.meta();
    let location = body::sent_location(cx.call);
    groups::assume(cx, txn, location.as_deref());
    admitted(cx, txn, kind, target, location.as_deref())?;
    if let Some(answer) = kind.redirected(cx, txn, target) {
        return answer;
    }
    let mut sent = body::object(cx.call)?;
    body::known_members(&sent, meta.members, "ResourceDefinition")?;
    if let Some(tags) = body::tags(&sent)? {
        sent.insert("tags".to_owned(), Value::Object(tags));
    }
    turns::nudge(cx, txn, &kind.leans_on(&sent));
    turns::wait(cx, txn, kind, target)?;
    operations::end_pending(txn, &target.key, cx.now);
    kind.prepare(cx, txn, target, &sent);
    let old = kind.find(txn.world(), target);
    if meta.location == Located::Global {
        let location = body::global(&sent, meta.kind)?;
        sent.insert("location".to_owned(), json!(location));
    }
    if meta.location == Located::Regional {
        let location = body::location(&sent, meta.kind)?;
        stays(cx, target, old.as_deref(), &location)?;
        sent.insert("location".to_owned(), json!(location));
    }
    linked_identities(cx, txn, target, old.as_deref(), &sent)?;
    let written = kind.put(cx, txn.world(), target, old.as_deref(), &sent)?;
    store(cx, txn, kind, target, old, written)
}

fn patch(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    target: &Target,
) -> Result<Answer, ArmError> {
    admitted(cx, txn, kind, target, None)?;
    let mut sent = body::object(cx.call)?;
    body::known_members(&sent, kind.meta().members, "ResourceDefinition")?;
    if let Some(tags) = body::tags(&sent)? {
        sent.insert("tags".to_owned(), Value::Object(tags));
    }
    turns::wait(cx, txn, kind, target)?;
    operations::end_pending(txn, &target.key, cx.now);
    let Some(old) = kind.find(txn.world(), target) else {
        return Err(read::absent(cx, txn.world(), kind, target));
    };
    linked_identities(cx, txn, target, Some(&old), &sent)?;
    let written = kind.patch(cx, txn.world(), target, &old, &sent)?;
    store(cx, txn, kind, target, Some(old), written)
}

/// Who gives an object an identity must be allowed to assign it.
fn linked_identities(
    cx: &Context<'_>,
    txn: &Txn<'_>,
    target: &Target,
    old: Option<&Object>,
    sent: &Map<String, Value>,
) -> Result<(), ArmError> {
    let ids = |body: Option<&Value>| -> Vec<String> {
        body.and_then(|body| body.pointer("/userAssignedIdentities"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null() || cx.call.method == Method::PUT)
            .map(|(id, _)| id.clone())
            .collect()
    };
    let held = ids(old.and_then(|old| old.body.get("identity")));
    let wish = Wish::of(&cx.call.method, cx.path);
    for id in ids(sent.get("identity")) {
        if held.iter().any(|held| held.eq_ignore_ascii_case(&id)) || id == target.id {
            continue;
        }
        authorize::linked(cx, txn.world(), &wish, ASSIGN_IDENTITY, &id)?;
    }
    Ok(())
}

/// Stores what a type wrote, starts its operation and shows the object.
fn store(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    target: &Target,
    old: Option<Arc<Object>>,
    written: Written,
) -> Result<Answer, ArmError> {
    let meta = kind.meta();
    let id = old
        .as_ref()
        .map_or_else(|| target.id.clone(), |old| old.id.clone());
    let mut body = written.body;
    body.insert("id".to_owned(), json!(id));
    body.insert("name".to_owned(), json!(id.rsplit('/').next()));
    body.insert("type".to_owned(), json!(meta.kind));
    if let (Some(old), Some(Value::Object(sent))) = (&old, body.get_mut("tags")) {
        tags::keep_names(&tags::tags_of(old), sent);
    }
    if meta.system_data.is_some() {
        let before = old.as_ref().and_then(|old| old.body.get("systemData"));
        body.insert("systemData".to_owned(), cx.system_data(before));
    }
    let object = Object {
        id,
        kind: meta.kind.to_owned(),
        body: Value::Object(body),
        hidden: written.hidden,
        pending: None,
    };
    txn.put(object.clone());
    replication::follow(txn, old.as_deref(), &object, cx.now);
    let mut headers = Vec::new();
    if let Some(started) = written.started {
        headers = pattern::start(
            cx,
            txn,
            started.pattern,
            &object,
            started.word,
            Effect::Settle,
        );
    }
    kind.stored(cx, txn, &object);
    let mut answer = Answer::json(written.status, kind.show(cx, &object, txn.world()));
    answer.headers.extend(headers);
    kind.answered(cx, txn.world(), &object, &mut answer);
    Ok(answer)
}

fn delete(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    target: &Target,
) -> Result<Answer, ArmError> {
    admitted(cx, txn, kind, target, None)?;
    let Some(old) = kind.find(txn.world(), target) else {
        return Ok(Answer::empty(kind.delete_absent()));
    };
    let deleted = kind.delete(cx, txn.world(), &old)?;
    if !kind.preempts() && operations::already_going(cx, txn, &old).is_none() {
        turns::wait(cx, txn, kind, target)?;
    }
    kind.deleting(cx, txn, &old);
    match deleted {
        Deleted::Shown(status) => {
            let body = kind.show(cx, &old, txn.world());
            operations::remove(txn, &target.key, cx.now);
            Ok(Answer::json(status, body))
        }
        Deleted::Now(status) => {
            operations::remove(txn, &target.key, cx.now);
            Ok(Answer::empty(status))
        }
        Deleted::Later { pattern, shown } => {
            if let Some(headers) = operations::already_going(cx, txn, &old) {
                let mut answer = Answer::empty(202);
                answer.headers = headers;
                return Ok(answer);
            }
            operations::end_pending(txn, &target.key, cx.now);
            let old = txn.world().object(&target.key).cloned().unwrap_or(old);
            let mut going = Object::clone(&old);
            going.pending = None;
            set_state(&mut going, "Deleting");
            let headers = pattern::start(cx, txn, pattern, &going, "Deleting", Effect::Remove);
            let mut answer = if shown {
                Answer::json(202, kind.show(cx, &going, txn.world()))
            } else {
                Answer::empty(202)
            };
            answer.headers.extend(headers);
            Ok(answer)
        }
    }
}

fn act(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    target: &Target,
    action: &Action,
) -> Result<Answer, ArmError> {
    read::in_group(cx, txn.world())?;
    if cx.call.method == Method::POST && kind.meta().lockable {
        locks::check(txn.world(), &cx.call.method, &cx.path_of(target))?;
    }
    weather::check(cx, txn.world(), &target.key, None)?;
    let object = kind.find(txn.world(), target);
    let Some(object) = object.filter(|object| !kind.over(object, cx.now)) else {
        return Err(read::absent(cx, txn.world(), kind, target));
    };
    (action.run)(cx, txn, &object)
}

/// A resource never moves.
fn stays(
    cx: &Context<'_>,
    target: &Target,
    old: Option<&Object>,
    location: &str,
) -> Result<(), ArmError> {
    let Some(before) = old.and_then(Object::location).filter(|l| *l != location) else {
        return Ok(());
    };
    Err(ArmError::gateway(
        409,
        "InvalidResourceLocation",
        format!(
            "The resource '{}' already exists in location '{before}' in resource group '{}'. A resource with the same name cannot be created in location '{location}'. Please select a new resource name.",
            target.names.join("/"),
            cx.path.group.as_deref().unwrap_or_default()
        ),
    ))
}
