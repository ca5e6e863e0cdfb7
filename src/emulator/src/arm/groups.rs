//! Resource groups: ARM's own containers.
//! <https://learn.microsoft.com/rest/api/resources/resource-groups>

use super::body;
use super::context::Context;
use super::error::ArmError;
use super::filter::Filter;
use super::pattern::{self, Address, Pattern};
use super::resource_type::set_state;
use super::{after, locks, operations, page, regions, resources, tags, weather};
use crate::server::Answer;
use crate::state::{Effect, Object, Polling, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub const KIND: &str = "Microsoft.Resources/resourceGroups";

/// Items on a page of the list of groups.
const PAGE: usize = 1000;

const DELETION: Pattern = Pattern {
    address: Address::Job {
        kind: "RESOURCEGROUPDELETIONJOB",
    },
    polling: Polling::Result {
        told: false,
        done: 200,
    },
    retry_after: Some(15),
    seconds: 75,
};

/// The group that the path names.
pub fn of<'a>(cx: &Context<'_>, world: &'a World) -> Option<&'a Arc<Object>> {
    world.object(&id(cx)?.to_ascii_lowercase())
}

fn id(cx: &Context<'_>) -> Option<String> {
    let (subscription, group) = (cx.path.subscription.as_ref()?, cx.path.group.as_ref()?);
    Some(format!(
        "/subscriptions/{subscription}/resourceGroups/{group}"
    ))
}

/// Makes the group that a path names if it is to be taken for existing and is not there: in the
/// region of what comes into it first, else in `westus`.
pub fn assume(cx: &Context<'_>, txn: &mut Txn<'_>, location: Option<&str>) {
    let Some(id) = id(cx).filter(|_| cx.azure.settings.assume_existing) else {
        return;
    };
    if of(cx, txn.world()).is_none() {
        let location = location.filter(|place| regions::exists(place));
        let location = location.map_or_else(|| "westus".to_owned(), regions::normal);
        let body = shown(&id, &location, Map::new());
        txn.put(object(id, body));
    }
}

fn shown(id: &str, location: &str, tags: Map<String, Value>) -> Value {
    json!({
        "id": id,
        "name": id.rsplit('/').next(),
        "type": KIND,
        "location": location,
        "tags": tags,
        "properties": {"provisioningState": "Succeeded"},
    })
}

/// Nothing is written into a group that is on its way out.
pub fn not_going(cx: &Context<'_>, world: &World) -> Result<(), ArmError> {
    let Some(group) = of(cx, world) else {
        return Ok(());
    };
    if group.text("/properties/provisioningState") != Some("Deleting") {
        return Ok(());
    }
    Err(ArmError::gateway(
        409,
        "ResourceGroupBeingDeleted",
        format!(
            "The resource group '{}' is in deprovisioning state and cannot perform this operation.",
            group.name()
        ),
    ))
}

/// GET and HEAD below a group's own path.
pub fn read(cx: &Context<'_>, world: &World, words: &[String]) -> Result<Answer, ArmError> {
    let name = cx.path.group.as_deref().unwrap_or_default();
    let group = of(cx, world).ok_or_else(|| ArmError::group_not_found(name))?;
    match words {
        [] if cx.call.method == Method::HEAD => Ok(Answer::empty(204)),
        [] => Ok(Answer::json(200, group.body.clone())),
        [word] if word.eq_ignore_ascii_case("resources") => {
            resources::list(cx, world, &group.key())
        }
        _ => Err(unknown(cx)),
    }
}

/// `GET /subscriptions/S/resourceGroups`
pub fn list(cx: &Context<'_>, world: &World) -> Result<Answer, ArmError> {
    let filter = Filter::read(cx.call.parameter("$filter"))?;
    let scope = cx.path.subscription.as_deref().unwrap_or_default();
    let prefix = format!("/subscriptions/{}/", scope.to_ascii_lowercase());
    let after = after(cx)?.unwrap_or_default();
    let groups = world
        .of_kind_after(KIND, &prefix, &after)
        .filter(|(_, group)| filter.holds(&group.body))
        .map(|(key, group)| (key.as_str(), group));
    page(cx, groups, PAGE, |group| group.body.clone())
}

/// PUT, PATCH, DELETE and POST below a group's own path.
pub fn write(cx: &Context<'_>, txn: &mut Txn<'_>, words: &[String]) -> Result<Answer, ArmError> {
    match (words, &cx.call.method) {
        ([], &Method::PUT) => put(cx, txn),
        ([], &Method::PATCH) => patch(cx, txn),
        ([], &Method::DELETE) => delete(cx, txn),
        ([word], &Method::POST) if word.eq_ignore_ascii_case("exportTemplate") => {
            let group = standing(cx, txn.world())?;
            Ok(resources::template(cx, txn.world(), &group.key()))
        }
        ([], method) => Err(ArmError::method_not_allowed(method.as_str(), KIND)),
        _ => Err(unknown(cx)),
    }
}

fn put(cx: &Context<'_>, txn: &mut Txn<'_>) -> Result<Answer, ArmError> {
    let id = id(cx).unwrap_or_default();
    let name = cx.path.group.as_deref().unwrap_or_default();
    valid_name(name)?;
    let old = of(cx, txn.world()).cloned();
    admitted(cx, txn, old.as_deref())?;
    let sent = body::object(cx.call)?;
    body::known_members(&sent, &[], "ResourceGroupDefinition")?;
    let mut tags = body::tags(&sent)?;
    if let (Some(old), Some(tags)) = (&old, &mut tags) {
        tags::keep_names(&tags::tags_of(old), tags);
    }
    let location = body::location(&sent, KIND).map_err(|error| group_location(error, &sent))?;
    if let Some(before) = old
        .as_deref()
        .and_then(Object::location)
        .filter(|l| *l != location)
    {
        return Err(ArmError::gateway(
            409,
            "InvalidResourceGroupLocation",
            format!(
                "Invalid resource group location '{location}'. The Resource group already exists in location '{before}'."
            ),
        ));
    }
    let id = old.as_ref().map_or(id, |old| old.id.clone());
    // A PUT without tags says nothing of tags; the group has an empty set all the same.
    let silent = tags.is_none();
    let mut group = shown(&id, &location, tags.unwrap_or_default());
    if let Some(manager) = sent.get("managedBy").filter(|manager| manager.is_string()) {
        group["managedBy"] = manager.clone();
    }
    let status = if old.is_some() { 200 } else { 201 };
    txn.put(object(id, group.clone()));
    if let Some(shown) = group.as_object_mut().filter(|_| silent) {
        shown.remove("tags");
    }
    Ok(Answer::json(status, group))
}

fn patch(cx: &Context<'_>, txn: &mut Txn<'_>) -> Result<Answer, ArmError> {
    let old = standing(cx, txn.world())?;
    admitted(cx, txn, Some(&old))?;
    let sent = body::object(cx.call)?;
    body::known_members(&sent, &[], "ResourceGroupDefinition")?;
    let mut group = old.body.clone();
    if let Some(mut tags) = body::tags(&sent)? {
        tags::keep_names(&tags::tags_of(&old), &mut tags);
        group["tags"] = Value::Object(tags);
    }
    if let Some(manager) = sent.get("managedBy").filter(|manager| manager.is_string()) {
        group["managedBy"] = manager.clone();
    }
    // A write that succeeds is the last one, whatever became of the one before.
    group["properties"]["provisioningState"] = json!("Succeeded");
    txn.put(object(old.id.clone(), group.clone()));
    Ok(Answer::json(200, group))
}

fn delete(cx: &Context<'_>, txn: &mut Txn<'_>) -> Result<Answer, ArmError> {
    let old = standing(cx, txn.world())?;
    locks::check(txn.world(), &cx.call.method, &cx.path.text)?;
    weather::check(cx, txn.world(), &old.key(), None)?;
    let headers = match operations::already_going(cx, txn, &old) {
        Some(headers) => headers,
        None => {
            let mut going = Object::clone(&old);
            set_state(&mut going, "Deleting");
            pattern::start(cx, txn, &DELETION, &going, "Deleting", Effect::Remove)
        }
    };
    let mut answer = Answer::empty(202);
    answer.headers = headers;
    Ok(answer)
}

fn standing(cx: &Context<'_>, world: &World) -> Result<Arc<Object>, ArmError> {
    let name = cx.path.group.as_deref().unwrap_or_default();
    of(cx, world)
        .cloned()
        .ok_or_else(|| ArmError::group_not_found(name))
}

fn admitted(cx: &Context<'_>, txn: &Txn<'_>, old: Option<&Object>) -> Result<(), ArmError> {
    let key = old.map(Object::key).unwrap_or_default();
    not_going(cx, txn.world())?;
    locks::check(txn.world(), &cx.call.method, &cx.path.text)?;
    let sent = body::sent_location(cx.call);
    weather::check(cx, txn.world(), &key, sent.as_deref())
}

fn object(id: String, body: Value) -> Object {
    Object {
        id,
        kind: KIND.to_owned(),
        body,
        hidden: Value::Null,
        pending: None,
    }
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
fn valid_name(name: &str) -> Result<(), ArmError> {
    let strange: String = name
        .chars()
        .filter(|c| !(c.is_alphanumeric() || "-._()".contains(*c)))
        .collect();
    let why = if !strange.is_empty() {
        format!(
            "The provided resource group name '{name}' has these invalid characters: '{strange}'. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
        )
    } else if name.ends_with('.') {
        format!("The provided resource group name '{name}' ends with '.', which is not allowed.")
    } else if name.chars().count() > 90 {
        format!(
            "The provided resource group name '{name}' is too long: it can have at most 90 characters."
        )
    } else {
        return Ok(());
    };
    Err(ArmError::gateway(400, "InvalidResourceGroup", why))
}

/// A group's own words for a region that does not exist.
fn group_location(error: ArmError, sent: &Map<String, Value>) -> ArmError {
    if error.code != "LocationNotAvailableForResourceType" {
        return error;
    }
    let location = sent
        .get("location")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ArmError::gateway(
        400,
        "LocationNotAvailableForResourceGroup",
        format!(
            "The provided location '{location}' is not available for resource group. List of available regions is '{}'.",
            regions::names()
        ),
    )
}

fn unknown(cx: &Context<'_>) -> ArmError {
    ArmError::gateway(
        404,
        "NotFound",
        format!("The requested path '{}' is not found.", cx.path.text),
    )
}
