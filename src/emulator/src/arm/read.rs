//! GET, HEAD and LIST.

use super::context::Context;
use super::error::ArmError;
use super::path::{Tail, kind_of};
use super::resolve::{Meaning, meaning};
use super::resource_type::{Placement, ResourceType, Target};
use super::{after, groups, operations, page, pattern, providers, subscriptions, tags, weather};
use crate::server::Answer;
use crate::state::{Effect, World};
use crate::types;
use axum::http::Method;

/// Items on a page of a provider's list.
const PAGE: usize = 100;

pub fn answer(cx: &Context<'_>, world: &World) -> Result<Answer, ArmError> {
    let key = cx.path.text.to_ascii_lowercase();
    if let Some(operation) = world.operation(&key) {
        return Ok(operations::poll(cx, world, operation));
    }
    let asked = pattern::asked_for(cx).and_then(|key| world.operation(&key));
    if let Some(operation) = asked.filter(|operation| operation.effect == Effect::Remove) {
        return Ok(operations::poll(cx, world, operation));
    }
    if let Some((front, name)) = key.rsplit_once('/')
        && front
            .rsplit('/')
            .next()
            .is_some_and(|word| ["operationstatuses", "operationresults"].contains(&word))
    {
        return Err(operations::unknown(name));
    }
    match &cx.path.tail {
        Tail::Words(words) if cx.path.group.is_some() => groups::read(cx, world, words),
        Tail::Words(words) => subscriptions::read(cx, world, words),
        Tail::Provider(path) => {
            if tags::meant(path) {
                return tags::read(cx, world, path);
            }
            match meaning(cx, path)? {
                Meaning::Namespace => providers::one(cx, world, &path.namespace),
                Meaning::Object(kind, target) => object(cx, world, kind, &target),
                Meaning::Collection(kind, parent) => list(cx, world, kind, parent.as_ref()),
                Meaning::Act(..) | Meaning::Provider(_) | Meaning::Registration(_) => {
                    Err(ArmError::method_not_allowed("GET", &path.types_as_sent()))
                }
            }
        }
    }
}

fn object(
    cx: &Context<'_>,
    world: &World,
    kind: &'static dyn ResourceType,
    target: &Target,
) -> Result<Answer, ArmError> {
    in_group(cx, world)?;
    weather::check(cx, world, &target.key, None)?;
    if kind.meta().placement == Placement::Extension {
        kind.hangs_on(cx, world, &target.scope)?;
    }
    let object = kind
        .find(world, target)
        .filter(|object| !kind.over(object, cx.now))
        .ok_or_else(|| absent(cx, world, kind, target))?;
    if cx.call.method == Method::HEAD {
        return Ok(Answer::empty(204));
    }
    let mut answer = Answer::json(200, kind.show(cx, &object, world));
    kind.answered(cx, world, &object, &mut answer);
    Ok(answer)
}

/// The 404 of whoever would know the object.
pub fn absent(
    cx: &Context<'_>,
    world: &World,
    kind: &'static dyn ResourceType,
    target: &Target,
) -> ArmError {
    let group = cx.path.group.as_deref();
    let orphan = target
        .parent
        .as_ref()
        .is_some_and(|parent| world.object(parent).is_none());
    if kind.meta().tracked || orphan {
        return ArmError::resource_not_found(&target.spelled, group);
    }
    kind.not_found(target)
}

/// The group that a path names must be there, unless it is taken for existing.
pub fn in_group(cx: &Context<'_>, world: &World) -> Result<(), ArmError> {
    match &cx.path.group {
        Some(name) if groups::of(cx, world).is_none() && !cx.azure.settings.assume_existing => {
            Err(ArmError::group_not_found(name))
        }
        _ => Ok(()),
    }
}

fn list(
    cx: &Context<'_>,
    world: &World,
    kind: &'static dyn ResourceType,
    parent: Option<&Target>,
) -> Result<Answer, ArmError> {
    in_group(cx, world)?;
    let Tail::Provider(path) = &cx.path.tail else {
        return Err(ArmError::gateway(404, "NotFound", "Not found."));
    };
    let scope = match parent {
        Some(parent) => {
            weather::check(cx, world, &parent.key, None)?;
            if world.object(&parent.key).is_none() {
                return Err(ArmError::resource_not_found(
                    &parent.spelled,
                    cx.path.group.as_deref(),
                ));
            }
            parent.key.clone()
        }
        None => path.scope.to_ascii_lowercase(),
    };
    if kind.meta().placement == Placement::Extension {
        kind.hangs_on(cx, world, &scope)?;
    }
    if let Some(answer) = kind.list(cx, world, &scope) {
        return answer;
    }
    let only_here = cx
        .call
        .parameter("$filter")
        .is_some_and(|filter| filter.replace(' ', "").eq_ignore_ascii_case("atScope()"));
    let after = after(cx)?.unwrap_or_default();
    let items = world
        .of_kind_after(kind.meta().kind, &scope, &after)
        .filter(|(key, _)| kind.lists(key, &scope))
        .filter(|(key, _)| {
            !only_here
                || key
                    .rsplit_once("/providers/")
                    .is_some_and(|(front, _)| front == scope)
        })
        .filter(|(_, object)| !kind.over(object, cx.now))
        .map(|(key, object)| (key.as_str(), object));
    page(cx, items, PAGE, |object| kind.listed(cx, object, world))
}

/// What an extension hangs on must be there.
pub fn extended(cx: &Context<'_>, world: &World, scope: &str) -> Result<(), ArmError> {
    let Some((_, resource)) = scope.split_once("/providers/") else {
        return Ok(());
    };
    let granted = || types::of(&kind_of(scope)).is_some_and(|kind| kind.taken_for_granted());
    if world.object(&scope.to_ascii_lowercase()).is_some() || granted() {
        return Ok(());
    }
    Err(ArmError::resource_not_found(
        resource,
        cx.path.group.as_deref(),
    ))
}
