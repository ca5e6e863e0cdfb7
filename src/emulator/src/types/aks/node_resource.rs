//! What nodes run on: scale sets, load balancers, public addresses and route tables. They
//! are played as far as node resource groups hold them.

use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};

/// A type whose objects come with clusters.
pub struct NodeResource(Meta);

pub static SCALE_SET: NodeResource = NodeResource(meta(
    "Microsoft.Compute/virtualMachineScaleSets",
    &["2024-07-01", "2024-03-01", "2023-09-01"],
));

pub static LOAD_BALANCER: NodeResource =
    NodeResource(meta("Microsoft.Network/loadBalancers", NETWORK_VERSIONS));

pub static PUBLIC_ADDRESS: NodeResource = NodeResource(meta(
    "Microsoft.Network/publicIPAddresses",
    NETWORK_VERSIONS,
));

pub static ROUTE_TABLE: NodeResource =
    NodeResource(meta("Microsoft.Network/routeTables", NETWORK_VERSIONS));

const NETWORK_VERSIONS: &[&str] = &["2024-05-01", "2024-03-01", "2023-11-01"];

const fn meta(kind: &'static str, api_versions: &'static [&'static str]) -> Meta {
    Meta {
        kind,
        api_versions,
        placement: Placement::Group,
        location: Located::Regional,
        tracked: true,
        system_data: None,
        lockable: true,
        members: &[],
    }
}

impl ResourceType for NodeResource {
    fn meta(&self) -> &'static Meta {
        match self.0.kind {
            kind if kind == SCALE_SET.0.kind => &SCALE_SET.0,
            kind if kind == LOAD_BALANCER.0.kind => &LOAD_BALANCER.0,
            kind if kind == PUBLIC_ADDRESS.0.kind => &PUBLIC_ADDRESS.0,
            _ => &ROUTE_TABLE.0,
        }
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let Some(old) = old else {
            return Err(ArmError::method_not_allowed("PUT", self.0.kind));
        };
        Ok(retagged(old, sent.get("tags").unwrap_or(&json!({}))))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Ok(retagged(old, sent.get("tags").unwrap_or(&old.body["tags"])))
    }

    fn taken_for_granted(&self) -> bool {
        true
    }
}

fn retagged(old: &Object, tags: &Value) -> Written {
    let mut body = old.body.as_object().cloned().unwrap_or_default();
    body.insert("tags".to_owned(), tags.clone());
    Written {
        status: 200,
        body,
        hidden: old.hidden.clone(),
        started: None,
    }
}
