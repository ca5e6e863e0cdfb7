//! Geo-replications of a registry, one per region beside its home.
//!
//! Reference: Microsoft.ContainerRegistry `registries/replications`, api-version 2025-11-01. Azure
//! lists the home region too, as a replication nobody made.

use azure_mgmt_containerregistry::package_2023_11_preview::models;
use serde_json::Value as Json;

use super::{Sections, registry};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Place, Problem, ReadMode,
    Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of registry replications.
pub struct Replication;

static META: Meta = Meta {
    name: "replication",
    arm_type: "Microsoft.ContainerRegistry/registries/replications",
    api_version: registry::API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::ListPerParent {
        parent: "registry",
        collection: "/replications",
    },
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Replace),
        Field::tags(),
        Field::new("properties.regionEndpointEnabled")
            .or(Literal::Bool(true))
            .severity(Severity::High),
    ],
    unmanaged: &[Unmanaged {
        path: "properties.zoneRedundancy",
        reason: "on in every region with zones whatever it reads; taken on create only",
    }],
    read_only: &["properties.provisioningState", "properties.status"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for Replication {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn unmanageable(&self, _id: &str, body: &Json, parent: Option<&Value>) -> Option<String> {
        let home = parent.and_then(|registry| registry.at("location"));
        let region = body.get("location").cloned().map(Value::from);
        let same = |(home, region): (&Value, Value)| META.fields[0].same(home, &region);
        let is_home = home.zip(region).is_some_and(same);
        is_home.then(|| "the registry, whose home region it is".to_owned())
    }
}

/// The replications of an environment's registry.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.registry, &sections.group) else {
        return Ok(Vec::new());
    };
    let home = place.address("registry")?;
    let registry_id = section.id(&place.group_id(&group.name));
    section
        .replicate_to
        .iter()
        .map(|region| {
            let address = place.address(&format!("registry.replication.{region}"))?;
            let mut body = models::Replication::new(models::Resource::new(region.clone()));
            body.properties = Some(models::ReplicationProperties {
                region_endpoint_enabled: Some(true),
                ..models::ReplicationProperties::default()
            });
            let id = format!("{registry_id}/replications/{region}");
            let properties = Value::from(super::typed(&body));
            Ok(Resource::new(place, &Replication, address, id.into(), properties).inside(&home))
        })
        .collect()
}

/// The registry's own check covers its regions.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}
