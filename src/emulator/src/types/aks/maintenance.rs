//! `managedClusters/maintenanceConfigurations`: when a cluster may be upgraded by itself.
//! <https://learn.microsoft.com/rest/api/aks/maintenance-configurations>

use super::API_VERSIONS;
use super::errors::{invalid, not_found, unreadable};
use crate::arm::ApiVersion;
use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written};
use crate::state::{Object, World};
use crate::types::checks;
use serde_json::{Map, Value, json};

pub struct Maintenance;

const KIND: &str = "Microsoft.ContainerService/managedClusters/maintenanceConfigurations";

/// The only names that there can be.
const NAMES: &[&str] = &[
    "default",
    "aksManagedAutoUpgradeSchedule",
    "aksManagedNodeOSUpgradeSchedule",
];

static META: Meta = Meta {
    kind: KIND,
    api_versions: API_VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for Maintenance {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        _old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if !NAMES.contains(&target.name()) {
            return Err(invalid(
                "configName",
                &format!("The name must be one of {}.", NAMES.join(", ")),
            ));
        }
        let mut properties = checks::object(sent, "properties").map_err(|e| unreadable(&e))?;
        for name in ["timeInWeek", "notAllowedTime"] {
            checks::list(&properties, name).map_err(|e| unreadable(&e))?;
        }
        properties.retain(|_, value| {
            !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        });
        for span in properties
            .get_mut("notAllowedTime")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            for end in ["start", "end"] {
                if let Some(text) = span[end].as_str() {
                    span[end] = json!(text.replace(".000Z", "Z"));
                }
            }
        }
        let mut body = Map::new();
        body.insert("properties".to_owned(), Value::Object(properties));
        Ok(Written {
            status: 200,
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("type");
        }
        body
    }

    fn not_found(&self, target: &Target) -> ArmError {
        not_found(
            "GetMaintenanceConfiguration_NotFound",
            "MaintenanceConfiguration",
            format!(
                "Could not find the maintenance configuration {}.",
                target.name()
            ),
        )
    }
}
