//! `Microsoft.Management/managementGroups`, and which subscriptions are in them.
//! <https://learn.microsoft.com/rest/api/managementgroups/management-groups>

use super::checks;
use crate::access::{Groups, MANAGEMENT_GROUP, PLACEMENT};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, Written,
    page,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct ManagementGroup;
pub struct SubscriptionPlacement;

/// Items on a page.
const PAGE: usize = 100;

const VERSIONS: &[&str] = &["2023-04-01", "2021-04-01", "2020-05-01", "2020-02-01"];

/// The ids of management groups begin so.
const GROUPS: &str = "/providers/Microsoft.Management/managementGroups/";

/// The longest name of a group.
const LONGEST: usize = 90;

static META: Meta = Meta {
    kind: MANAGEMENT_GROUP,
    api_versions: VERSIONS,
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

static PLACED: Meta = Meta {
    kind: PLACEMENT,
    api_versions: VERSIONS,
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for ManagementGroup {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn hangs_on(&self, _cx: &Context<'_>, _world: &World, scope: &str) -> Result<(), ArmError> {
        of_the_tenant(scope)
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let name = target.name();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_().".contains(c);
        if name.len() > LONGEST || name.ends_with('.') || !name.chars().all(plain) {
            return Err(refuse(
                400,
                "BadRequest",
                format!("The provided management group name '{name}' is not valid."),
            ));
        }
        let properties = checks::object(sent, "properties")?;
        let shown = checks::text(&properties, "displayName")?.map(ToOwned::to_owned);
        let asked = properties
            .get("details")
            .and_then(|details| details.pointer("/parent/id"))
            .and_then(Value::as_str);
        let parent = match (asked, old) {
            _ if name.eq_ignore_ascii_case(cx.azure.directory.tenant()) => Value::Null,
            (Some(id), _) => json!(parent_of(world, id, target)?),
            (None, Some(old)) => old.hidden["parent"].clone(),
            (None, None) => json!(cx.azure.directory.tenant()),
        };
        let before = |pointer: &str| old.and_then(|old| old.text(pointer)).map(str::to_owned);
        let shown = shown
            .or_else(|| before("/properties/displayName"))
            .unwrap_or_else(|| name.to_owned());
        let version = old.map_or(1, |old| {
            let version = old.body.pointer("/properties/details/version");
            version.and_then(Value::as_i64).unwrap_or_default() + 1
        });
        let mut body = Map::new();
        body.insert(
            "properties".to_owned(),
            json!({
                "tenantId": cx.azure.directory.tenant(),
                "displayName": shown,
                "details": {
                    "version": version,
                    "updatedTime": cx.now.zulu(),
                    "updatedBy": cx.principal.object_id,
                },
            }),
        );
        Ok(Written {
            status: 200,
            body,
            hidden: json!({ "parent": parent }),
            started: None,
        })
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let asked = |name: &str| sent.get(name).cloned().filter(|value| !value.is_null());
        let mut properties = json!({});
        if let Some(shown) = asked("displayName") {
            properties["displayName"] = shown;
        }
        if let Some(parent) = asked("parentGroupId") {
            properties["details"] = json!({"parent": {"id": parent}});
        }
        let mut whole = Map::new();
        whole.insert("properties".to_owned(), properties);
        self.put(cx, world, target, Some(old), &whole)
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        let own = old.key();
        let inside = format!("{own}/subscriptions/");
        let holds = world
            .of_kind(PLACEMENT)
            .any(|(key, _)| key.starts_with(&inside))
            || below(world, old.name()).next().is_some();
        if holds {
            return Err(refuse(
                400,
                "BadRequest",
                format!(
                    "The management group '{}' cannot be deleted because it has children.",
                    old.name()
                ),
            ));
        }
        Ok(Deleted::Now(204))
    }

    fn show(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        shown(cx, world, object)
    }

    fn listed(&self, _cx: &Context<'_>, object: &Object, _world: &World) -> Value {
        brief(object)
    }

    fn list(
        &self,
        cx: &Context<'_>,
        world: &World,
        _scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        let items = world
            .of_kind(MANAGEMENT_GROUP)
            .map(|(key, object)| (key.as_str(), object));
        Some(page(cx, items, PAGE, |object| brief(object)))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        refuse(
            404,
            "NotFound",
            format!(
                "'{}' not found. The management group does not exist or you do not have access to it.",
                target.spelled
            ),
        )
    }
}

impl ResourceType for SubscriptionPlacement {
    fn meta(&self) -> &'static Meta {
        &PLACED
    }

    fn hangs_on(&self, _cx: &Context<'_>, _world: &World, scope: &str) -> Result<(), ArmError> {
        of_the_tenant(scope)
    }

    /// The tenant's own group is stored nowhere, so that its parent is not asked for here.
    fn place(&self, target: Target) -> Target {
        Target {
            parent: None,
            ..target
        }
    }

    /// Such a PUT has no body.
    fn redirected(
        &self,
        cx: &Context<'_>,
        txn: &mut Txn<'_>,
        target: &Target,
    ) -> Option<Result<Answer, ArmError>> {
        Some(placed(cx, txn, target))
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Now(200))
    }
}

/// Puts a subscription into a group; it leaves the one that it was in.
fn placed(cx: &Context<'_>, txn: &mut Txn<'_>, target: &Target) -> Result<Answer, ArmError> {
    let group = target.names.first().map_or("", String::as_str);
    let group = stands(txn.world(), group)?.clone();
    let mut known = cx.azure.settings.subscriptions.iter();
    if !known.any(|id| id.eq_ignore_ascii_case(target.name())) {
        return Err(refuse(
            404,
            "NotFound",
            format!("The subscription '{}' could not be found.", target.name()),
        ));
    }
    let end = format!("/subscriptions/{}", target.name().to_ascii_lowercase());
    let others: Vec<String> = txn
        .world()
        .of_kind(PLACEMENT)
        .map(|(key, _)| key.clone())
        .filter(|key| key.ends_with(&end))
        .collect();
    for key in others {
        txn.remove(&key);
    }
    let object = Object {
        id: target.id.clone(),
        kind: PLACEMENT.to_owned(),
        body: json!({
            "id": target.id,
            "type": PLACEMENT,
            "name": target.name(),
            "properties": {
                "tenant": cx.azure.directory.tenant(),
                "displayName": target.name(),
                "parent": {"id": group.id},
                "state": "Active",
            },
        }),
        hidden: Value::Null,
        pending: None,
    };
    let body = object.body.clone();
    txn.put(object);
    Ok(Answer::json(200, body))
}

/// The group that is the tenant's own, as a fresh tenant has it: all others are in it.
pub fn root(tenant: &str) -> Object {
    let id = format!("{GROUPS}{tenant}");
    Object {
        body: json!({
            "id": id,
            "type": MANAGEMENT_GROUP,
            "name": tenant,
            "properties": {
                "tenantId": tenant,
                "displayName": "Tenant Root Group",
                "details": {"version": 1, "updatedTime": "2015-02-02T00:00:00Z", "updatedBy": tenant},
            },
        }),
        id,
        kind: MANAGEMENT_GROUP.to_owned(),
        hidden: Value::Null,
        pending: None,
    }
}

/// The group of that name.
fn stands<'w>(world: &'w World, name: &str) -> Result<&'w Arc<Object>, ArmError> {
    let key = format!("{GROUPS}{name}").to_ascii_lowercase();
    world.object(&key).ok_or_else(|| {
        refuse(
            404,
            "NotFound",
            format!("The management group '{name}' could not be found."),
        )
    })
}

/// The parent that a PUT asks for: one that stands, and not below the group itself.
fn parent_of(world: &World, id: &str, target: &Target) -> Result<String, ArmError> {
    let name = id.rsplit('/').next().unwrap_or_default();
    let parent = stands(world, name)?;
    // What is not there yet holds nothing.
    let is_new = world.object(&target.key).is_none();
    if !is_new && Groups::of(world).within(&parent.key(), &target.key) {
        return Err(refuse(
            400,
            "BadRequest",
            format!(
                "The management group '{name}' is '{}' or below it.",
                target.name()
            ),
        ));
    }
    Ok(parent.name().to_owned())
}

/// The groups right below one.
fn below<'w>(world: &'w World, name: &str) -> impl Iterator<Item = &'w Arc<Object>> {
    let name = name.to_ascii_lowercase();
    world
        .of_kind(MANAGEMENT_GROUP)
        .map(|(_, object)| object)
        .filter(move |object| {
            let parent = object.hidden["parent"].as_str();
            parent.is_some_and(|parent| parent.eq_ignore_ascii_case(&name))
        })
}

/// The subscriptions right in a group: those that were put there, and in the tenant's own those
/// that were put nowhere.
fn subscriptions(cx: &Context<'_>, world: &World, name: &str) -> Vec<String> {
    let is_top = name.eq_ignore_ascii_case(cx.azure.directory.tenant());
    let at = |id: &str| {
        let end = format!("/subscriptions/{}", id.to_ascii_lowercase());
        let mut placed = world.of_kind(PLACEMENT);
        placed
            .find(|(key, _)| key.ends_with(&end))
            .map(|(key, _)| key.clone())
    };
    let own = format!("{GROUPS}{name}/").to_ascii_lowercase();
    let all = cx.azure.settings.subscriptions.iter();
    all.filter(|id| match at(id) {
        Some(key) => key.starts_with(&own),
        None => is_top,
    })
    .cloned()
    .collect()
}

fn children(cx: &Context<'_>, world: &World, name: &str, deep: bool) -> Value {
    let groups = below(world, name).map(|group| {
        let mut child = json!({
            "id": group.id,
            "type": MANAGEMENT_GROUP,
            "name": group.name(),
            "displayName": group.text("/properties/displayName"),
        });
        if deep {
            child["children"] = children(cx, world, group.name(), true);
        }
        child
    });
    let held = subscriptions(cx, world, name).into_iter().map(|id| {
        json!({
            "id": format!("/subscriptions/{id}"),
            "type": "/subscriptions",
            "name": id,
            "displayName": id,
        })
    });
    Value::Array(groups.chain(held).collect())
}

/// A group with its parent, and what `$expand` asks for.
fn shown(cx: &Context<'_>, world: &World, object: &Object) -> Value {
    let mut body = object.body.clone();
    let mut path = Vec::new();
    let mut at = object.hidden["parent"].as_str().map(ToOwned::to_owned);
    while let Some(name) = at.filter(|_| path.len() < 16) {
        let Ok(parent) = stands(world, &name).cloned() else {
            break;
        };
        at = parent.hidden["parent"].as_str().map(ToOwned::to_owned);
        path.push(parent);
    }
    let named = |group: &Arc<Object>| {
        json!({
            "id": group.id,
            "name": group.name(),
            "displayName": group.text("/properties/displayName"),
        })
    };
    body["properties"]["details"]["parent"] = path.first().map_or(Value::Null, named);
    let asked = |name: &str, value: &str| {
        let given = cx.call.parameter(name);
        given.is_some_and(|given| given.eq_ignore_ascii_case(value))
    };
    if asked("$expand", "path") {
        let path: Vec<Value> = path.iter().rev().map(named).collect();
        body["properties"]["details"]["path"] = json!(path);
    }
    if asked("$expand", "ancestors") {
        let chain: Vec<Value> = path.iter().map(named).collect();
        body["properties"]["details"]["managementGroupAncestorsChain"] = json!(chain);
    }
    if asked("$expand", "children") {
        let deep = asked("$recurse", "true");
        body["properties"]["children"] = children(cx, world, object.name(), deep);
    }
    body
}

/// A group as a list shows it.
fn brief(object: &Object) -> Value {
    json!({
        "id": object.id,
        "type": MANAGEMENT_GROUP,
        "name": object.name(),
        "properties": {
            "tenantId": object.text("/properties/tenantId"),
            "displayName": object.text("/properties/displayName"),
        },
    })
}

fn of_the_tenant(scope: &str) -> Result<(), ArmError> {
    match scope {
        "" => Ok(()),
        _ => Err(refuse(
            404,
            "NotFound",
            "Management groups are the tenant's.".to_owned(),
        )),
    }
}

fn refuse(status: u16, code: &str, message: String) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}
