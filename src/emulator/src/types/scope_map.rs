//! `Microsoft.ContainerRegistry/registries/scopeMaps`: what registry tokens may do in
//! which repositories.
//! <https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions>

use super::{checks, registry};
use crate::arm::{
    ArmError, Context, Located, Meta, Placement, ResourceType, Since, Target, Written,
};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct ScopeMap;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries/scopeMaps";

static META: Meta = Meta {
    kind: KIND,
    api_versions: registry::VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: Some(SYSTEM_DATA),
    lockable: true,
    members: &[],
};

/// Since when answers about scope maps and tokens carry `systemData`.
pub const SYSTEM_DATA: Since = Since {
    stable: Some("2022-12-01"),
    preview: Some("2020-11-01"),
};

/// The maps that every registry has, with the endings that they give on all repositories.
const OWN: &[(&str, &[&str])] = &[
    (
        "_repositories_admin",
        &[
            "metadata/read",
            "metadata/write",
            "content/read",
            "content/write",
            "content/delete",
        ],
    ),
    ("_repositories_pull", &["content/read"]),
    (
        "_repositories_pull_metadata_read",
        &["content/read", "metadata/read"],
    ),
    ("_repositories_push", &["content/read", "content/write"]),
    (
        "_repositories_push_metadata_write",
        &[
            "metadata/read",
            "metadata/write",
            "content/read",
            "content/write",
        ],
    ),
];

/// What an action may end in.
const ENDINGS: &[&str] = &[
    "/content/read",
    "/content/write",
    "/content/delete",
    "/metadata/read",
    "/metadata/write",
];

impl ResourceType for ScopeMap {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        world
            .object(&target.key)
            .cloned()
            .or_else(|| own(world, &target.key).map(Arc::new))
    }

    fn put(
        &self,
        cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        changeable(target.name())?;
        let created = old
            .and_then(|old| old.text("/properties/creationDate"))
            .map_or_else(|| cx.now.offset_form(), ToOwned::to_owned);
        let fresh = json!({
            "type": "UserDefined",
            "creationDate": created,
            "provisioningState": "Succeeded",
        });
        let sent = checks::object(sent, "properties")?;
        if !sent.contains_key("actions") {
            return Err(checks::invalid(
                "The actions of the scope map must be provided.",
            ));
        }
        lay(fresh, &sent)
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        changeable(target.name())?;
        lay(
            old.body["properties"].clone(),
            &checks::object(sent, "properties")?,
        )
    }

    fn not_found(&self, target: &Target) -> ArmError {
        checks::refuse(
            404,
            "ResourceNotFound",
            format!("The resource {} could not be found.", target.name()),
        )
    }
}

fn changeable(name: &str) -> Result<(), ArmError> {
    if OWN.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
        return Err(checks::invalid(format!(
            "The scope map {name} is defined by the system and cannot be changed."
        )));
    }
    Ok(())
}

fn lay(mut properties: Value, sent: &Map<String, Value>) -> Result<Written, ArmError> {
    if let Some(description) = checks::text(sent, "description")? {
        properties["description"] = json!(description);
    }
    if let Some(actions) = checks::list(sent, "actions")? {
        for action in &actions {
            well_formed(action)?;
        }
        properties["actions"] = json!(actions);
    }
    Ok(Written {
        status: 200,
        body: Map::from_iter([("properties".to_owned(), properties)]),
        hidden: Value::Null,
        started: None,
    })
}

fn well_formed(action: &Value) -> Result<(), ArmError> {
    let text = action.as_str().unwrap_or_default();
    let repository = text
        .strip_prefix("repositories/")
        .and_then(|rest| ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending)));
    let gateway = text.strip_prefix("gateway/").is_some_and(|rest| {
        [
            "/config/read",
            "/config/write",
            "/message/read",
            "/message/write",
        ]
        .iter()
        .any(|ending| rest.ends_with(ending))
    });
    if gateway || repository.is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    Err(checks::wrong("properties.actions", action))
}

/// One of the maps that every registry has.
fn own(world: &World, key: &str) -> Option<Object> {
    let (registry, name) = key.split_once("/scopemaps/")?;
    let registry = world.object(registry)?;
    let (name, endings) = OWN.iter().find(|(own, _)| *own == name)?;
    let actions: Vec<String> = endings
        .iter()
        .map(|ending| format!("repositories/*/{ending}"))
        .collect();
    let id = format!("{}/scopeMaps/{name}", registry.id);
    Some(Object {
        body: json!({
            "id": id,
            "name": name,
            "type": KIND,
            "properties": {
                "type": "SystemDefined",
                "creationDate": registry.body["properties"]["creationDate"],
                "provisioningState": "Succeeded",
                "actions": actions,
            },
        }),
        id,
        kind: KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    })
}

/// The actions of the map with that id.
pub fn actions(world: &World, id: &str) -> Vec<String> {
    let key = id.to_ascii_lowercase();
    let map = world.object(&key).cloned();
    let map = map.or_else(|| own(world, &key).map(Arc::new));
    map.as_ref()
        .and_then(|map| map.body.pointer("/properties/actions")?.as_array().cloned())
        .unwrap_or_default()
        .iter()
        .filter_map(|action| action.as_str().map(ToOwned::to_owned))
        .collect()
}
