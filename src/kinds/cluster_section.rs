//! `[cluster]`: what TOML says of an environment's Kubernetes cluster and its pools. Its words are
//! Azure's own, and are sent as they stand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[cluster]`: the environment's Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterSection {
    /// Its name: 1 to 63 letters, digits, `_` and `-`.
    pub name: String,
    /// The version of Kubernetes: a minor one such as 1.36, of which Azure picks the patch, or an
    /// exact one such as 1.36.4.
    pub kubernetes: String,
    /// What Azure promises for the control plane: nothing, an uptime, long-term support.
    #[serde(default)]
    pub tier: ClusterTier,
    /// The Linux of every pool's nodes.
    #[serde(default)]
    pub os_sku: NodeOs,
    /// Whether nodes run cryptography that is validated by FIPS 140 only.
    #[serde(default = "yes")]
    pub fips: bool,
    /// Whether the disks of nodes are encrypted on the machines that they run on. The subscription
    /// needs the feature Microsoft.Compute/EncryptionAtHost.
    #[serde(default = "yes")]
    pub encrypt_hosts: bool,
    /// The first part of the name that its API server gets; the cluster's name when absent.
    pub dns_prefix: Option<String>,
    /// The subnet that nodes stand in.
    #[serde(default = "nodes")]
    pub subnet: String,
    /// What enforces network policies between pods, and moves their packets.
    #[serde(default)]
    pub network_policy: NetworkPolicy,
    /// The IPv4 range that pods get addresses of, 256 a node; not part of the network.
    #[serde(default = "pods")]
    pub pod_cidr: String,
    /// The IPv4 range that services get addresses of; not part of the network.
    #[serde(default = "services")]
    pub service_cidr: String,
    /// The way out of the network.
    #[serde(default)]
    pub outbound: Outbound,
    /// Whether the API server can be reached from the network only.
    #[serde(default = "yes")]
    pub private: bool,
    /// IPv4 addresses and CIDR ranges that may reach the API server where it is not private.
    #[serde(default)]
    pub authorized_ips: Vec<String>,
    /// Entra groups, by object id, whose members are cluster administrators whatever grants say.
    #[serde(default)]
    pub admin_groups: Vec<String>,
    /// Whether commands may be run in it through Azure, past the network.
    #[serde(default)]
    pub run_command: bool,
    /// Whether it has the Gateway API, and gateways of the class approuting-istio.
    #[serde(default = "yes")]
    pub gateway: bool,
    /// Whether Azure Monitor collects metrics.
    #[serde(default = "yes")]
    pub metrics: bool,
    /// Whether pods can mount secrets of Key Vault.
    #[serde(default = "yes")]
    pub secret_provider: bool,
    /// Whether Azure Policy is enforced inside.
    #[serde(default = "yes")]
    pub policy: bool,
    /// Whether Microsoft Defender watches nodes and pods; on where there is a workspace.
    pub defender: Option<bool>,
    /// What Azure upgrades by itself within the declared version.
    #[serde(default)]
    pub auto_upgrade: AutoUpgrade,
    /// How nodes get security fixes of their system.
    #[serde(default)]
    pub node_os_upgrade: NodeOsUpgrade,
    /// Whether audit and control plane logs go to the workspace; on where there is one.
    pub diagnostics: Option<bool>,
    /// The pools of nodes; at least one of mode System.
    #[serde(default)]
    pub pools: BTreeMap<String, PoolSection>,
}

/// `[cluster.pools.NAME]`: nodes of one size.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolSection {
    /// Whether it is for the cluster's own pods or for services.
    #[serde(default)]
    pub mode: PoolMode,
    /// The size of its machines.
    #[serde(default = "vm_size")]
    pub vm_size: String,
    /// How many nodes it has. Without it, the autoscaler decides between `min` and `max`.
    pub count: Option<u16>,
    /// The fewest nodes that the autoscaler leaves.
    pub min: Option<u16>,
    /// The most nodes that the autoscaler takes.
    pub max: Option<u16>,
    /// The availability zones that its nodes are spread over.
    #[serde(default)]
    pub zones: Vec<String>,
    /// The most pods on one node: 10 to 250.
    #[serde(default = "max_pods")]
    pub max_pods: u16,
    /// Labels that Kubernetes gives its nodes.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints that keep other pods off its nodes, as key=value:Effect.
    #[serde(default)]
    pub taints: Vec<String>,
    /// What kind of disk its nodes start from.
    #[serde(default)]
    pub os_disk: OsDisk,
    /// The size of that disk in gigabytes: 30 to 2048.
    #[serde(default = "os_disk_gb")]
    pub os_disk_gb: u16,
    /// How many nodes more it has while they are renewed: a number, or a part such as `33%`.
    #[serde(default = "max_surge")]
    pub max_surge: String,
    /// How many minutes pods get to leave a node that is renewed: 1 to 1440.
    #[serde(default = "drain_minutes")]
    pub drain_minutes: u16,
    /// How many minutes pass before the next node is renewed: 0 to 30.
    #[serde(default)]
    pub soak_minutes: u16,
}

/// What Azure promises for a control plane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterTier {
    /// No promise.
    Free,
    /// An uptime.
    #[default]
    Standard,
    /// An uptime, and long-term support of a version.
    Premium,
}

/// The Linux of nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeOs {
    /// Azure Linux, in the version that belongs to the version of Kubernetes.
    #[default]
    AzureLinux,
    /// Ubuntu, in the version that belongs to the version of Kubernetes.
    Ubuntu,
}

/// What enforces network policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPolicy {
    /// Cilium, which moves the packets, too.
    #[default]
    Cilium,
    /// Azure's own, over the data plane of the Linux kernel.
    Azure,
}

/// The way out of the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outbound {
    /// A load balancer with public addresses of the cluster's own.
    #[default]
    LoadBalancer,
    /// The routes of the subnet, say to a firewall.
    UserDefinedRouting,
    /// A NAT gateway that the cluster makes.
    #[serde(rename = "managedNATGateway")]
    ManagedNatGateway,
    /// The NAT gateway of the subnet.
    #[serde(rename = "userAssignedNATGateway")]
    UserAssignedNatGateway,
}

/// What Azure upgrades by itself. Channels that leave the declared minor version are not offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AutoUpgrade {
    /// Nothing.
    None,
    /// Patches of the declared minor version.
    #[default]
    Patch,
    /// Images of nodes only.
    NodeImage,
}

/// How nodes get security fixes of their system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeOsUpgrade {
    /// Not by themselves.
    None,
    /// By the system's own updater, nobody's business.
    Unmanaged,
    /// By security patches that Azure has tested.
    SecurityPatch,
    /// By new images.
    #[default]
    NodeImage,
}

/// What a pool is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolMode {
    /// The cluster's own pods; a cluster has at least one.
    System,
    /// Services.
    #[default]
    User,
}

/// What kind of disk nodes start from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OsDisk {
    /// A disk of its own.
    #[default]
    Managed,
    /// The machine's local disk: faster, and gone with the node. Not every size has one.
    Ephemeral,
}

impl PoolSection {
    /// The most nodes that it can have; the count where there is no autoscaler.
    pub(super) fn most(&self) -> u16 {
        self.count.or(self.max).unwrap_or_default()
    }

    /// Whether the autoscaler decides how many nodes it has.
    pub(super) fn scales(&self) -> bool {
        self.count.is_none()
    }
}

fn yes() -> bool {
    true
}

fn nodes() -> String {
    "nodes".to_owned()
}

fn pods() -> String {
    "10.244.0.0/16".to_owned()
}

fn services() -> String {
    "10.0.0.0/16".to_owned()
}

fn vm_size() -> String {
    "Standard_D4ds_v5".to_owned()
}

fn max_pods() -> u16 {
    250
}

fn max_surge() -> String {
    "10%".to_owned()
}

fn drain_minutes() -> u16 {
    30
}

fn os_disk_gb() -> u16 {
    128
}
