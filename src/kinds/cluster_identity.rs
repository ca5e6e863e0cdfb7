//! The two identities of a cluster: what its control plane and what its nodes sign in as.

use super::{ClusterSection, Sections, identity};

/// The control plane's identity: it joins nodes to the subnet and gives them theirs.
pub(super) const CONTROL_PLANE: &str = "control-plane";

/// The nodes' identity: it pulls images.
pub(super) const KUBELET: &str = "kubelet";

/// The ARM id of one of a cluster's identities in a resource group.
pub(super) fn id(group_id: &str, cluster: &ClusterSection, role: &str) -> String {
    identity::id(group_id, &format!("id-{}-{role}", cluster.name))
}

/// Its address below the environment's.
pub(super) fn address(role: &str) -> String {
    format!("cluster.identity.{role}")
}

/// The identities of an environment's cluster: address below the environment's, and ARM id.
pub(super) fn of(sections: &Sections, group_id: &str) -> Vec<(String, String)> {
    let Some(cluster) = &sections.cluster else {
        return Vec::new();
    };
    [CONTROL_PLANE, KUBELET]
        .map(|role| (address(role), id(group_id, cluster, role)))
        .into()
}
