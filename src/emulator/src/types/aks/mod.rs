//! `Microsoft.ContainerService`: clusters with their agent pools, and the node resource
//! group that each of them keeps.
//!
//! A cluster object holds no pools: pools are objects of their own, and a cluster shows
//! them. Whatever stands in the node resource group carries the cluster's tags.

mod access_profile;
mod actions;
mod addons;
mod cluster;
mod cluster_fields;
mod cluster_pools;
mod cluster_view;
mod control;
mod errors;
mod identities;
mod maintenance;
mod members;
mod network_fields;
mod node_group;
mod node_resource;
mod pool;
mod pool_actions;
mod pool_fields;
mod pool_rules;
mod power;
mod subnets;
mod upgrade_profile;
mod versions;

pub use control::{Move, apply as apply_move};

use crate::arm::{Address, Pattern, ResourceType};
use crate::state::Polling;

/// The type of clusters.
pub const CLUSTER: &str = "Microsoft.ContainerService/managedClusters";

/// The type of agent pools.
pub const POOL: &str = "Microsoft.ContainerService/managedClusters/agentPools";

/// Versions of the provider, newest first.
const API_VERSIONS: &[&str] = &[
    "2025-10-01",
    "2025-07-01",
    "2025-05-01",
    "2024-09-01",
    "2024-05-01",
    "2024-02-01",
    "2023-10-01",
    "2022-09-01",
    "2021-05-01",
    "2020-09-01",
    "2018-03-31",
];

/// The types of the namespace, and those of what its clusters run on.
pub static TYPES: &[&dyn ResourceType] = &[
    &cluster::Cluster,
    &pool::Pool,
    &maintenance::Maintenance,
    &access_profile::AccessProfile,
    &upgrade_profile::ClusterProfile,
    &upgrade_profile::PoolProfile,
    &versions::Versions,
    &node_resource::SCALE_SET,
    &node_resource::LOAD_BALANCER,
    &node_resource::PUBLIC_ADDRESS,
    &node_resource::ROUTE_TABLE,
];

const STATUS: Address = Address::AtLocation {
    namespace: "Microsoft.ContainerService",
    segment: "operations",
    prefix: "",
    upper_case: false,
};

const RESULT: Address = Address::AtLocation {
    namespace: "Microsoft.ContainerService",
    segment: "operationresults",
    prefix: "",
    upper_case: false,
};

/// The provider's operations are polled with an api-version of long ago.
const POLL_VERSION: &str = "2016-03-30";

const fn write(seconds: u32) -> Pattern {
    Pattern {
        address: Address::Versioned {
            address: &STATUS,
            api_version: POLL_VERSION,
        },
        polling: Polling::Timed,
        retry_after: None,
        seconds,
    }
}

const fn action(seconds: u32) -> Pattern {
    Pattern {
        address: Address::Versioned {
            address: &Address::Pair {
                status: &STATUS,
                result: &RESULT,
                done: 204,
            },
            api_version: POLL_VERSION,
        },
        polling: Polling::Timed,
        retry_after: None,
        seconds,
    }
}

/// How a cluster comes into being.
static CREATION: Pattern = write(270);

/// How clusters and pools change.
static UPDATE: Pattern = write(120);

/// How clusters and pools go.
static DELETION: Pattern = action(180);

/// How a cluster is stopped and started.
static POWER: Pattern = action(120);

/// How something that runs is aborted.
static ABORT: Pattern = action(10);
