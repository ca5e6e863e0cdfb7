//! What stands in a subscription or group, whatever its type.
//! <https://learn.microsoft.com/rest/api/resources/resources/list>

use super::context::Context;
use super::error::ArmError;
use super::filter::Filter;
use super::{after, page};
use crate::server::Answer;
use crate::state::{Object, World};
use crate::types;
use serde_json::{Value, json};

/// Items on a page.
const PAGE: usize = 1000;

/// Members that the list shows of each resource.
const SHOWN: &[&str] = &[
    "id",
    "type",
    "kind",
    "managedBy",
    "sku",
    "identity",
    "location",
    "tags",
    "zones",
    "plan",
];

/// Tracked resources below `scope`.
pub fn list(cx: &Context<'_>, world: &World, scope: &str) -> Result<Answer, ArmError> {
    let filter = Filter::read(cx.call.parameter("$filter"))?;
    let expand = cx.call.parameter("$expand").unwrap_or_default();
    let prefix = format!("{scope}/");
    // Long lists are not looked through again for each of their pages.
    let after = after(cx)?.unwrap_or_default();
    let items = tracked(world, &prefix, &after).filter(|(_, object)| filter.holds(&object.body));
    page(cx, items, PAGE, |object| shown(object, expand))
}

/// Those whose key comes after `after`.
fn tracked<'a>(
    world: &'a World,
    prefix: &'a str,
    after: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Object)> {
    world
        .under_after(prefix, after)
        .filter(|(_, object)| types::of(&object.kind).is_some_and(|kind| kind.meta().tracked))
        .map(|(key, object)| (key.as_str(), object.as_ref()))
}

fn shown(object: &Object, expand: &str) -> Value {
    let mut body = serde_json::Map::new();
    for member in SHOWN {
        if let Some(value) = object.body.get(*member) {
            body.insert((*member).to_owned(), value.clone());
        }
    }
    body.insert("name".to_owned(), json!(full_name(object)));
    let created = object.text("/systemData/createdAt");
    let changed = object.text("/systemData/lastModifiedAt");
    let state = object.text("/properties/provisioningState");
    for (word, member, value) in [
        ("createdTime", "createdTime", created),
        ("changedTime", "changedTime", changed),
        ("provisioningState", "provisioningState", state),
    ] {
        if let Some(value) = value.filter(|_| expand.contains(word)) {
            body.insert(member.to_owned(), json!(value));
        }
    }
    Value::Object(body)
}

/// `registry/replica`: the names of all levels, as the list prints nested resources.
fn full_name(object: &Object) -> String {
    let levels = object.id.rsplit("/providers/").next().unwrap_or_default();
    let names: Vec<&str> = levels.split('/').skip(2).step_by(2).collect();
    names.join("/")
}

/// `POST …/exportTemplate`: the group as a template with literal names.
pub fn template(cx: &Context<'_>, world: &World, scope: &str) -> Answer {
    let prefix = format!("{scope}/");
    let resources: Vec<Value> = tracked(world, &prefix, "")
        .filter_map(|(_, object)| {
            let kind = types::of(&object.kind)?;
            let mut body = kind.view(object, world, &cx.api);
            let resource = body.as_object_mut()?;
            for member in ["id", "systemData", "etag"] {
                resource.remove(member);
            }
            resource.insert("name".to_owned(), json!(full_name(object)));
            resource.insert(
                "apiVersion".to_owned(),
                json!(kind.meta().api_versions.first()),
            );
            Some(body)
        })
        .collect();
    Answer::json(
        200,
        json!({"template": {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {},
            "variables": {},
            "resources": resources,
        }}),
    )
}
