//! What a cluster's identities may do: without it AKS refuses the cluster, and nodes pull nothing.
//!
//! ## Why
//! AKS asks for rights on the subnet and on the kubelet's identity before it makes a cluster. Its
//! documentation gives Network Contributor, which may redraw the subnet; joining it is enough.

use super::grant::Assignment;
use super::{Sections, cluster_identity, role};
use crate::resource::{AddressError, Place, Resource, Text};

/// The address of the role, below the environment's.
pub(super) const ROLE: &str = "cluster.role";

/// The addresses of the grants that AKS asks for before it makes a cluster.
pub(super) const BEFORE: [&str; 2] = [NODES, KUBELET];

/// All that joining nodes to a subnet needs.
pub(super) const ACTIONS: [&str; 2] = [
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
];

const NODES: &str = "cluster.grant.nodes";
const KUBELET: &str = "cluster.grant.kubelet";
const REGISTRY: &str = "cluster.grant.registry";

/// Managed Identity Operator.
const IDENTITY_OPERATOR: &str = "f1a07417-d97a-45cb-824c-7a7467783830";
/// AcrPull.
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";

/// What people call the role; unique in the tenant.
pub(super) fn role_name(place: &Place) -> String {
    format!("{}-{}-node-joiner", place.estate, place.environment)
}

/// The grants of an environment's cluster.
pub(super) fn of(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(cluster), Some(group)) = (&sections.cluster, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let holder = |role: &str| -> Result<Text, AddressError> {
        let address = place.address(&cluster_identity::address(role))?;
        Ok(Text::output(&address, "principalId"))
    };
    let control_plane = holder(cluster_identity::CONTROL_PLANE)?;
    let mut grants = Vec::new();
    let mut grant = |address: &str, scope: &str, on: &str, role: String, principal: &Text| {
        let inside = place.address(on)?;
        let custom = (address == NODES)
            .then(|| place.address(ROLE))
            .transpose()?;
        let assignment = Assignment {
            address: place.address(address)?,
            scope,
            inside: &inside,
            role,
            custom,
            principal: principal.clone(),
            principal_type: "ServicePrincipal",
            note: format!("Needed by {}.cluster.", place.environment),
        };
        grants.push(assignment.resource(place));
        Ok(())
    };
    if let Some(subnet) = cluster.subnet_id(sections, &group_id) {
        let role = role::guid(place, &role_name(place));
        let on = format!("network.subnet.{}", cluster.subnet);
        grant(NODES, &subnet, &on, role, &control_plane)?;
    }
    let kubelet = cluster_identity::id(&group_id, cluster, cluster_identity::KUBELET);
    let on = cluster_identity::address(cluster_identity::KUBELET);
    let operator = IDENTITY_OPERATOR.to_owned();
    grant(KUBELET, &kubelet, &on, operator, &control_plane)?;
    if let Some(registry) = &sections.registry {
        let puller = holder(cluster_identity::KUBELET)?;
        let scope = registry.id(&group_id);
        grant(REGISTRY, &scope, "registry", PULL.to_owned(), &puller)?;
    }
    Ok(grants)
}
