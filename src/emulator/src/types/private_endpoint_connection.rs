//! `Microsoft.ContainerRegistry/registries/privateEndpointConnections`: the registry's
//! side of private endpoints. They come into being with an endpoint; here they are
//! approved, rejected and removed.

use super::{checks, registry};
use crate::arm::{
    Address, ArmError, Context, Deleted, Located, Meta, Pattern, Placement, ResourceType, Started,
    Target, Written,
};
use crate::state::{Object, Polling, World};
use serde_json::{Map, Value, json};

pub struct PrivateEndpointConnection;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries/privateEndpointConnections";

static META: Meta = Meta {
    kind: KIND,
    api_versions: registry::VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

static WRITE: Pattern = Pattern {
    address: Address::UnderResource {
        segment: "operationStatuses",
        prefix: "privateendpointconnections-",
    },
    polling: Polling::Status {
        running: 201,
        named: true,
    },
    retry_after: Some(10),
    seconds: 30,
};

static DELETION: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.ContainerRegistry",
        segment: "operationResults",
        prefix: "privateendpointconnections-",
        upper_case: false,
    },
    polling: Polling::Result {
        told: false,
        done: 200,
    },
    retry_after: Some(10),
    seconds: 10,
};

impl ResourceType for PrivateEndpointConnection {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let old = old.ok_or_else(|| self.not_found(target))?;
        let properties = checks::object(sent, "properties")?;
        let asked = checks::object(&properties, "privateLinkServiceConnectionState")?;
        let status = checks::word(
            &asked,
            "status",
            &["Approved", "Pending", "Rejected", "Disconnected"],
        )?
        .ok_or_else(|| checks::invalid("The status of the connection must be provided."))?;
        let mut state = json!({ "status": status });
        if let Some(description) = checks::text(&asked, "description")? {
            state["description"] = json!(description);
        }
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        body["properties"]["privateLinkServiceConnectionState"] = state;
        body["properties"]["provisioningState"] = json!("Updating");
        Ok(Written {
            status: 201,
            body,
            hidden: Value::Null,
            started: Some(Started {
                pattern: &WRITE,
                word: "Updating",
            }),
        })
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn not_found(&self, target: &Target) -> ArmError {
        checks::refuse(
            404,
            "ResourceNotFound",
            format!("The resource {} could not be found.", target.name()),
        )
    }
}
