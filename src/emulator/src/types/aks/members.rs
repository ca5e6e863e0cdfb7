//! Which members the provider knows; it drops all others.

use serde_json::{Map, Value};

/// Members of a cluster's `properties` that can be written.
pub const CLUSTER: &[&str] = &[
    "aadProfile",
    "addonProfiles",
    "aiToolchainOperatorProfile",
    "apiServerAccessProfile",
    "autoScalerProfile",
    "autoUpgradeProfile",
    "azureMonitorProfile",
    "bootstrapProfile",
    "disableLocalAccounts",
    "diskEncryptionSetID",
    "dnsPrefix",
    "enableNamespaceResources",
    "enablePodSecurityPolicy",
    "enableRBAC",
    "fqdnSubdomain",
    "hostedSystemProfile",
    "httpProxyConfig",
    "identityProfile",
    "ingressProfile",
    "linuxProfile",
    "metricsProfile",
    "networkProfile",
    "nodeProvisioningProfile",
    "nodeResourceGroup",
    "nodeResourceGroupProfile",
    "oidcIssuerProfile",
    "podIdentityProfile",
    "privateLinkResources",
    "publicNetworkAccess",
    "schedulerProfile",
    "securityProfile",
    "serviceMeshProfile",
    "servicePrincipalProfile",
    "storageProfile",
    "supportPlan",
    "upgradeSettings",
    "windowsProfile",
    "workloadAutoScalerProfile",
];

/// Members of a pool that can be written.
pub const POOL: &[&str] = &[
    "availabilityZones",
    "capacityReservationGroupID",
    "count",
    "creationData",
    "enableAutoScaling",
    "enableEncryptionAtHost",
    "enableFIPS",
    "enableNodePublicIP",
    "enableUltraSSD",
    "gatewayProfile",
    "gpuInstanceProfile",
    "gpuProfile",
    "hostGroupID",
    "kubeletConfig",
    "kubeletDiskType",
    "linuxOSConfig",
    "localDNSProfile",
    "maxCount",
    "maxPods",
    "messageOfTheDay",
    "minCount",
    "mode",
    "networkProfile",
    "nodeLabels",
    "nodePublicIPPrefixID",
    "nodeTaints",
    "orchestratorVersion",
    "osDiskSizeGB",
    "osDiskType",
    "osSKU",
    "osType",
    "podIPAllocationMode",
    "podSubnetID",
    "powerState",
    "proximityPlacementGroupID",
    "scaleDownMode",
    "scaleSetEvictionPolicy",
    "scaleSetPriority",
    "securityProfile",
    "spotMaxPrice",
    "storageProfile",
    "tags",
    "type",
    "upgradeSettings",
    "virtualMachinesProfile",
    "vmSize",
    "vnetSubnetID",
    "windowsProfile",
    "workloadRuntime",
];

/// The members of `sent` that are known and say something.
pub fn known(sent: &Map<String, Value>, members: &[&str]) -> Map<String, Value> {
    members
        .iter()
        .filter_map(|name| {
            let value = sent
                .iter()
                .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())?
                .1;
            Some(((*name).to_owned(), value.clone()))
        })
        .collect()
}
