//! Agent pools: the nodes of a cluster, those of one size together.
//!
//! Reference: Microsoft.ContainerService `managedClusters/agentPools`, api-version 2026-04-01.
//! A pool's tags are copies: it is ours by its marked cluster and its declared name.
//!
//! ## Why
//! What a pool keeps for life is refused rather than replaced: deleting nodes before there are
//! others stops what runs on them. Under another name the new pool stands before the old one
//! goes.

use serde_json::{Value as Json, json};

use super::managed_cluster::{self, API_VERSION};
use super::{ClusterSection, PoolSection, Sections, cluster_versions};
use crate::resource::{
    Address, AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Method, Place,
    Planned, Question, ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of agent pools.
pub struct AgentPool;

/// What to do about what a pool keeps for life.
const NEW_NAME: &str = "a pool keeps it for life: declare the pool under another name, and the \
                        new one stands before this one goes";

const fn lasting(path: &'static str) -> Field {
    Field::new(path)
        .compare(Compare::IgnoreCase)
        .change(Change::Refuse(NEW_NAME))
}

/// What to do about nodes that start from somebody's snapshot.
const SNAPSHOT: &str = "its nodes start from a snapshot, not from Azure's image: find out whose it is, \
                        and renew them with `az aks nodepool upgrade --node-image-only`";

/// What lets traffic reach nodes.
const fn opening(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::EmptyList)
        .compare(Compare::Set)
        .severity(Severity::High)
}

static META: Meta = Meta {
    name: "agent pool",
    arm_type: "Microsoft.ContainerService/managedClusters/agentPools",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: managed_cluster::NAME,
        collection: "/agentPools",
    },
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.mode")
            .or(Literal::Text("User"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        lasting("properties.vmSize"),
        Field::new("properties.enableAutoScaling").or(Literal::Bool(false)),
        Field::new("properties.count").compare(Compare::IfDeclared),
        Field::new("properties.minCount"),
        Field::new("properties.maxCount"),
        lasting("properties.availabilityZones")
            .or(Literal::EmptyList)
            .compare(Compare::Set),
        lasting("properties.maxPods").or(Literal::Int(250)),
        Field::new("properties.nodeLabels").or(Literal::EmptyMap),
        Field::new("properties.nodeTaints")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.orchestratorVersion")
            .compare(Compare::Version)
            .change(Change::Raise(
                "Kubernetes never goes back: declare at least the version that runs, or a pool of \
                 another name",
            )),
        lasting("properties.type").or(Literal::Text("VirtualMachineScaleSets")),
        lasting("properties.scaleSetPriority").or(Literal::Text("Regular")),
        lasting("properties.osType").or(Literal::Text("Linux")),
        lasting("properties.osSKU").or(Literal::Text("AzureLinux")),
        lasting("properties.enableFIPS")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::High),
        lasting("properties.osDiskType").or(Literal::Text("Managed")),
        lasting("properties.osDiskSizeGB").or(Literal::Int(128)),
        lasting("properties.enableEncryptionAtHost")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::High),
        lasting("properties.enableNodePublicIP")
            .or(Literal::Bool(false))
            .severity(Severity::High),
        lasting("properties.nodePublicIPPrefixID").severity(Severity::High),
        lasting("properties.vnetSubnetID"),
        lasting("properties.workloadRuntime").or(Literal::Text("OCIContainer")),
        Field::new("properties.creationData.sourceResourceId")
            .compare(Compare::IgnoreCase)
            .change(Change::Refuse(SNAPSHOT))
            .severity(Severity::High),
        opening("properties.networkProfile.allowedHostPorts"),
        opening("properties.networkProfile.applicationSecurityGroups"),
        Field::new("properties.upgradeSettings.maxSurge")
            .or(Literal::Text("10%"))
            .absent(Literal::Text("1")),
        Field::new("properties.upgradeSettings.drainTimeoutInMinutes").or(Literal::Int(30)),
        Field::new("properties.upgradeSettings.nodeSoakDurationInMinutes").or(Literal::Int(0)),
    ],
    unmanaged: UNMANAGED,
    read_only: &[
        "properties.eTag",
        "properties.provisioningState",
        "properties.currentOrchestratorVersion",
        "properties.nodeImageVersion",
        "properties.status",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

const UNMANAGED: &[Unmanaged] = &[
    Unmanaged {
        path: "properties.currentOrchestratorVersion",
        reason: "the patch that runs, which Azure raises within the declared version",
    },
    Unmanaged {
        path: "properties.nodeImageVersion",
        reason: "moved by Azure as the cluster's channel for nodes says",
    },
    Unmanaged {
        path: "properties.powerState",
        reason: "stopped and started by people who save money",
    },
    Unmanaged {
        path: "properties.networkProfile.nodePublicIPTags",
        reason: "says something of public addresses only, which nodes have none of",
    },
    Unmanaged {
        path: "properties.scaleSetEvictionPolicy",
        reason: "says something of spot machines only, and scaleSetPriority is ours",
    },
    Unmanaged {
        path: "properties.spotMaxPrice",
        reason: "says something of spot machines only, and scaleSetPriority is ours",
    },
    Unmanaged {
        path: "properties.capacityReservationGroupID",
        reason: "machines that are paid for beforehand, chosen at creation for life",
    },
    Unmanaged {
        path: "properties.hostGroupID",
        reason: "hosts that are paid for besides, chosen at creation for life",
    },
    Unmanaged {
        path: "properties.proximityPlacementGroupID",
        reason: "which machines stand close together, chosen at creation for life",
    },
    Unmanaged {
        path: "properties.gpuInstanceProfile",
        reason: "how a GPU is divided, chosen at creation for life",
    },
    Unmanaged {
        path: "properties.windowsProfile",
        reason: "there are no Windows nodes",
    },
    Unmanaged {
        path: "properties.tags",
        reason: "copied to machines, where no marker would match",
    },
    Unmanaged {
        path: "properties.kubeletDiskType",
        reason: "follows from the machine's size",
    },
    Unmanaged {
        path: "properties.kubeletConfig",
        reason: "chosen at creation for life, for workloads that are not known here",
    },
    Unmanaged {
        path: "properties.linuxOSConfig",
        reason: "chosen at creation for life, for workloads that are not known here",
    },
    Unmanaged {
        path: "properties.podSubnetID",
        reason: "pods have addresses of the overlay",
    },
    Unmanaged {
        path: "properties.enableUltraSSD",
        reason: "disks that no service here has",
    },
    Unmanaged {
        path: "properties.scaleDownMode",
        reason: "whether idle nodes are kept switched off is a matter of price",
    },
    Unmanaged {
        path: "properties.securityProfile",
        reason: "trusted launch, which not every size has; fixed for life on some",
    },
];

impl Kind for AgentPool {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn question(&self, planned: &Planned<'_>) -> Option<Question> {
        let region = &planned.place?.primary;
        let version = "properties.orchestratorVersion";
        cluster_versions::question(&META, planned, version, region, false)
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        Request::arm(Method::Put, id, API_VERSION).body(created(desired))
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        let mut request = crate::resource::update(&META, id, live, desired, changed);
        if let Some(body) = &mut request.body {
            keep_within_bounds(&mut body["properties"]);
        }
        request
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        Some(managed_cluster::lane(id))
    }

    fn project(&self, live: &Json) -> Value {
        let mut live = live.clone();
        let pool = &mut live["properties"];
        if pool["enableAutoScaling"] == json!(true) {
            // The autoscaler's business, so that it never makes a plan stale either.
            pool["count"] = Json::Null;
        }
        META.project(&live)
    }
}

/// The body of a create: what has no value is not said, and the autoscaler starts at its fewest.
pub(super) fn created(desired: &Json) -> Json {
    let mut body = crate::resource::without_nulls(desired.clone());
    keep_within_bounds(&mut body["properties"]);
    if let Some(pool) = body["properties"].as_object_mut() {
        // Nodes start from Azure's image where no snapshot is named.
        pool.retain(|key, value| key != "creationData" || *value != json!({}));
    }
    body
}

/// With the autoscaler, Azure takes no count that lies beyond its bounds.
fn keep_within_bounds(pool: &mut Json) {
    if pool["enableAutoScaling"] != json!(true) {
        return;
    }
    let number = |name: &str| pool[name].as_u64();
    if let (Some(min), Some(max)) = (number("minCount"), number("maxCount")) {
        let count = number("count").unwrap_or(min);
        pool["count"] = json!(count.min(max).max(min));
    }
}

/// Whether a resource is a pool.
pub(super) fn is_pool(resource: &Resource) -> bool {
    resource.kind.meta().name == META.name
}

/// Whether a resource is a pool for the cluster's own pods.
pub(super) fn is_system(resource: &Resource) -> bool {
    let mode = resource.properties.at("properties.mode");
    let mode = mode.and_then(Value::as_str).unwrap_or_default();
    is_pool(resource) && mode.eq_ignore_ascii_case("System")
}

/// The pools of an environment's cluster.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(cluster), Some(group)) = (&sections.cluster, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let Some(subnet_id) = cluster.subnet_id(sections, &group_id) else {
        return Ok(Vec::new());
    };
    let address = place.address("cluster")?;
    let subnet = place.address(&format!("network.subnet.{}", cluster.subnet))?;
    let pools = cluster.pools.iter().map(|(name, pool)| {
        let id = format!("{}/agentPools/{name}", cluster.id(&group_id));
        let properties = Value::from(pool.body(cluster, &subnet_id));
        let address_of = pool_address(&address, name)?;
        let pool = Resource::new(place, &AgentPool, address_of, id.into(), properties);
        Ok(pool.inside(&address).after(&subnet))
    });
    pools.collect()
}

/// The address of a cluster's pool.
fn pool_address(cluster: &Address, name: &str) -> Result<Address, AddressError> {
    cluster.child("pool")?.child(name)
}

impl PoolSection {
    fn body(&self, cluster: &ClusterSection, subnet_id: &str) -> Json {
        json!({ "properties": {
            "mode": self.mode,
            "vmSize": self.vm_size,
            "enableAutoScaling": self.scales(),
            "count": self.count,
            "minCount": self.min,
            "maxCount": self.max,
            "availabilityZones": self.zones,
            "maxPods": self.max_pods,
            "nodeLabels": self.labels,
            "nodeTaints": self.taints,
            "orchestratorVersion": cluster.kubernetes,
            "osSKU": cluster.os_sku,
            "enableFIPS": cluster.fips,
            "osDiskType": self.os_disk,
            "osDiskSizeGB": self.os_disk_gb,
            "enableEncryptionAtHost": cluster.encrypt_hosts,
            "vnetSubnetID": subnet_id,
            "upgradeSettings": {
                "maxSurge": self.max_surge,
                "drainTimeoutInMinutes": self.drain_minutes,
                "nodeSoakDurationInMinutes": self.soak_minutes,
            },
        } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{cluster_section, testing};

    fn pools() -> Vec<Resource> {
        let sections = testing::cluster(
            "[cluster.pools.system]\nmode = \"System\"\ncount = 3\n\
             [cluster.pools.apps]\nmin = 2\nmax = 9\nzones = [\"1\", \"2\", \"3\"]\n",
        );
        declare(&testing::place(), &sections).expect("addresses")
    }

    fn known(resource: &Resource) -> Json {
        resource
            .properties
            .resolve(&Default::default())
            .expect("known")
    }

    #[test]
    fn the_autoscaler_owns_the_count_and_starts_within_its_bounds() {
        let pools = pools();
        let [apps, system] = &pools[..] else {
            panic!("two pools: {pools:?}")
        };
        let desired = known(apps);
        assert_eq!(desired["properties"]["count"], Json::Null);
        let body = AgentPool.create("/p", &desired).body.expect("a body");
        assert_eq!(body["properties"]["count"], 2);
        assert_eq!(created(&known(system))["properties"]["count"], 3);
        assert_eq!(body["properties"].get("creationData"), None);
        let mut live = body.clone();
        for count in [2, 7, 9] {
            live["properties"]["count"] = json!(count);
            let seen = AgentPool.project(&live);
            let at = |path: &str| seen.at(path).cloned().unwrap_or_default();
            for field in META.fields {
                let wanted = apps.properties.at(field.path).cloned().unwrap_or_default();
                assert!(
                    field.same(&wanted, &at(field.path)),
                    "{count}: {}",
                    field.path
                );
            }
            let sent = AgentPool.update("/p", &live, &desired, &["properties.nodeLabels"]);
            assert_eq!(sent.body.expect("a body")["properties"]["count"], count);
        }
    }

    #[test]
    fn switching_the_autoscaler_on_keeps_the_count_as_far_as_it_may() {
        let desired = known(&pools()[0]);
        for (before, after) in [(1, 2), (5, 5), (40, 9)] {
            let live = json!({"properties": {"count": before, "enableAutoScaling": false}});
            let sent = AgentPool.update("/p", &live, &desired, &[]);
            let sent = sent.body.expect("a body");
            assert_eq!(sent["properties"]["count"], after);
            assert_eq!(sent["properties"]["maxCount"], 9);
        }
    }

    #[test]
    fn an_update_says_nothing_that_azure_moves() {
        let desired = known(&pools()[1]);
        let live = json!({"properties": {
            "count": 3, "nodeImageVersion": "old", "currentOrchestratorVersion": "1.36.2",
            "provisioningState": "Succeeded", "scaleDownMode": "Deallocate",
        }});
        let sent = AgentPool
            .update("/p", &live, &desired, &[])
            .body
            .expect("a body");
        let sent = sent["properties"].as_object().expect("an object");
        for gone in [
            "nodeImageVersion",
            "currentOrchestratorVersion",
            "provisioningState",
        ] {
            assert!(!sent.contains_key(gone), "{gone}");
        }
        assert_eq!(sent["scaleDownMode"], "Deallocate");
    }

    #[test]
    fn a_pool_lives_in_its_cluster_and_is_written_in_its_lane() {
        let pools = pools();
        let system = &pools[1];
        assert_eq!(system.address.as_str(), "dev.cluster.pool.system");
        assert_eq!(
            system.parent.as_ref().map(Address::as_str),
            Some("dev.cluster")
        );
        let ids: Vec<&str> = pools.iter().filter_map(|p| p.id.known()).collect();
        let lanes: Vec<_> = ids
            .iter()
            .map(|id| AgentPool.lane(id, &json!({})))
            .collect();
        assert_eq!(lanes[0], lanes[1]);
        assert!(
            lanes[0]
                .as_ref()
                .is_some_and(|lane| lane.ends_with("/aks-dev"))
        );
        assert!(is_system(system) && !is_system(&pools[0]));
    }

    #[test]
    fn the_words_of_toml_are_azures() {
        let words = json!([
            cluster_section::AutoUpgrade::NodeImage,
            cluster_section::NodeOsUpgrade::SecurityPatch,
            cluster_section::Outbound::ManagedNatGateway,
            cluster_section::Outbound::UserDefinedRouting,
            cluster_section::NetworkPolicy::Cilium,
        ]);
        let azures = [
            "node-image",
            "SecurityPatch",
            "managedNATGateway",
            "userDefinedRouting",
            "cilium",
        ];
        assert_eq!(words, json!(azures));
    }
}
