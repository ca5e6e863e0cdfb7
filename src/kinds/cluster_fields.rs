//! What of a cluster is ours, and what is left to others.

use super::managed_cluster::NEW_NAME;
use crate::resource::{
    Carrier, Change, Compare, Field, Literal, Meta, ReadMode, Severity, Unmanaged, UpdateMode,
};

/// The kind's name.
pub(super) const NAME: &str = "managed cluster";

/// The api-version of clusters and their pools: the first stable one with the Gateway API.
pub(super) const API_VERSION: &str = "2026-04-01";

/// The add-on that mounts secrets of Key Vault.
pub(super) const SECRET_PROVIDER: &str = "azureKeyvaultSecretsProvider";

/// The add-on that enforces Azure Policy.
pub(super) const POLICY: &str = "azurepolicy";

const fn on(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Bool(true))
        .absent(Literal::Bool(false))
        .severity(Severity::High)
}

const fn word(path: &'static str, usual: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Text(usual))
        .compare(Compare::IgnoreCase)
}

/// What somebody may switch on who wants something quickly, and what nothing here needs.
const fn off(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Bool(false))
        .severity(Severity::High)
}

/// What to do about a proxy: no PUT takes it away.
const PROXY: &str = "traffic of nodes goes through a proxy, which may bring an authority of its own: \
                     find out whose it is, and take it off with `az aks update --disable-http-proxy`";

/// What a cluster keeps for life.
const fn lasting(field: Field) -> Field {
    field.change(Change::Refuse(NEW_NAME))
}

pub(super) static META: Meta = Meta {
    name: NAME,
    arm_type: "Microsoft.ContainerService/managedClusters",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.ContainerService/managedClusters"),
    update: UpdateMode::Put,
    fields: &[
        lasting(Field::new("location").compare(Compare::Region)),
        word("sku.name", "Base"),
        word("sku.tier", "Standard").absent(Literal::Text("Free")),
        Field::tags(),
        word("identity.type", "UserAssigned")
            .absent(Literal::None)
            .severity(Severity::High),
        Field::new("identity.userAssignedIdentities")
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.identityProfile.kubeletidentity.resourceId")
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.kubernetesVersion")
            .compare(Compare::Version)
            .change(Change::Raise(
                "Kubernetes never goes back: declare at least the version that runs, or a cluster \
                 of another name",
            )),
        lasting(Field::new("properties.dnsPrefix").compare(Compare::IgnoreCase)),
        lasting(on("properties.enableRBAC").severity(Severity::Critical)),
        on("properties.disableLocalAccounts").severity(Severity::Critical),
        on("properties.aadProfile.managed").severity(Severity::Critical),
        on("properties.aadProfile.enableAzureRBAC").severity(Severity::Critical),
        Field::new("properties.aadProfile.tenantID")
            .compare(Compare::IgnoreCase)
            .severity(Severity::Critical),
        Field::new("properties.aadProfile.adminGroupObjectIDs")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::Critical),
        on("properties.oidcIssuerProfile.enabled"),
        on("properties.securityProfile.workloadIdentity.enabled"),
        off("properties.podIdentityProfile.enabled"),
        Field::new("properties.securityProfile.customCATrustCertificates")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::Critical),
        Field::new("properties.httpProxyConfig")
            .change(Change::Refuse(PROXY))
            .severity(Severity::Critical),
        on("properties.securityProfile.defender.securityMonitoring.enabled"),
        Field::new("properties.securityProfile.defender.logAnalyticsWorkspaceResourceId")
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        lasting(on("properties.apiServerAccessProfile.enablePrivateCluster")),
        Field::new("properties.apiServerAccessProfile.authorizedIPRanges")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        on("properties.apiServerAccessProfile.disableRunCommand"),
        lasting(word("properties.networkProfile.networkPlugin", "azure")),
        lasting(
            word("properties.networkProfile.networkPluginMode", "overlay").absent(Literal::None),
        ),
        word("properties.networkProfile.networkDataplane", "cilium").absent(Literal::Text("azure")),
        word("properties.networkProfile.networkPolicy", "cilium")
            .absent(Literal::Text("none"))
            .severity(Severity::High),
        word("properties.networkProfile.outboundType", "loadBalancer").severity(Severity::High),
        lasting(word(
            "properties.networkProfile.loadBalancerSku",
            "standard",
        )),
        lasting(Field::new("properties.networkProfile.podCidr")),
        lasting(Field::new("properties.networkProfile.serviceCidr")),
        lasting(Field::new("properties.networkProfile.dnsServiceIP")),
        word("properties.autoUpgradeProfile.upgradeChannel", "patch")
            .absent(Literal::Text("none"))
            .severity(Severity::High),
        word(
            "properties.autoUpgradeProfile.nodeOSUpgradeChannel",
            "NodeImage",
        )
        .absent(Literal::Text("None"))
        .severity(Severity::High),
        on("properties.addonProfiles.azureKeyvaultSecretsProvider.enabled")
            .severity(Severity::Medium),
        word(
            "properties.addonProfiles.azureKeyvaultSecretsProvider.config.enableSecretRotation",
            "true",
        )
        .absent(Literal::Text("false")),
        on("properties.addonProfiles.azurepolicy.enabled"),
        off("properties.addonProfiles.httpApplicationRouting.enabled"),
        off("properties.addonProfiles.ingressApplicationGateway.enabled"),
        off("properties.addonProfiles.aciConnectorLinux.enabled"),
        off("properties.addonProfiles.openServiceMesh.enabled"),
        off("properties.addonProfiles.kubeDashboard.enabled"),
        off("properties.addonProfiles.gitops.enabled"),
        off("properties.addonProfiles.ACCSGXDevicePlugin.enabled"),
        off("properties.aiToolchainOperatorProfile.enabled"),
        word("properties.nodeProvisioningProfile.mode", "Manual").severity(Severity::High),
        on("properties.azureMonitorProfile.metrics.enabled").severity(Severity::Medium),
        word("properties.ingressProfile.gatewayAPI.installation", "Standard")
            .absent(Literal::Text("Disabled")),
        on("properties.ingressProfile.webAppRouting.enabled").severity(Severity::Medium),
        word(
            "properties.ingressProfile.webAppRouting.nginx.defaultIngressControllerType",
            "None",
        )
        .absent(Literal::Text("AnnotationControlled"))
        .severity(Severity::High),
        word(
            "properties.ingressProfile.webAppRouting.gatewayAPIImplementations.appRoutingIstio.mode",
            "Enabled",
        )
        .absent(Literal::Text("Disabled")),
    ],
    unmanaged: UNMANAGED,
    read_only: &[
        "eTag",
        "kind",
        "identity.principalId",
        "identity.tenantId",
        "properties.provisioningState",
        "properties.powerState",
        "properties.status",
        "properties.currentKubernetesVersion",
        "properties.fqdn",
        "properties.privateFQDN",
        "properties.azurePortalFQDN",
        "properties.maxAgentPools",
        "properties.resourceUID",
        "properties.privateLinkResources",
        "properties.oidcIssuerProfile.issuerURL",
        "properties.identityProfile.kubeletidentity.clientId",
        "properties.identityProfile.kubeletidentity.objectId",
        "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
        "properties.networkProfile.natGatewayProfile.effectiveOutboundIPs",
        "properties.ingressProfile.webAppRouting.identity",
        "properties.addonProfiles.azureKeyvaultSecretsProvider.identity",
        "properties.addonProfiles.azurepolicy.identity",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[
        ("oidcIssuer", "properties.oidcIssuerProfile.issuerURL"),
        ("fqdn", "properties.fqdn"),
        ("nodeGroup", "properties.nodeResourceGroup"),
    ],
};

const UNMANAGED: &[Unmanaged] = &[
    Unmanaged {
        path: "properties.agentPoolProfiles",
        reason: "pools are resources of their own; those that nobody declares are not ours",
    },
    Unmanaged {
        path: "properties.currentKubernetesVersion",
        reason: "the patch that runs, which Azure raises within the declared version",
    },
    Unmanaged {
        path: "properties.nodeResourceGroup",
        reason: "named by Azure for life, and Azure's to fill",
    },
    Unmanaged {
        path: "properties.nodeResourceGroupProfile",
        reason: "locks a group that is Azure's own against people who repair nodes by hand",
    },
    Unmanaged {
        path: "properties.servicePrincipalProfile",
        reason: "says msi: identities are used instead",
    },
    Unmanaged {
        path: "properties.linuxProfile",
        reason: "SSH keys, which this program makes none of",
    },
    Unmanaged {
        path: "properties.windowsProfile",
        reason: "there are no Windows nodes",
    },
    Unmanaged {
        path: "properties.supportPlan",
        reason: "bought with the tier Premium by whoever keeps an old version",
    },
    Unmanaged {
        path: "properties.autoScalerProfile",
        reason: "how fast the autoscaler moves is tuned by whoever watches it",
    },
    Unmanaged {
        path: "properties.networkProfile.loadBalancerProfile",
        reason: "addresses and ports of the way out are tuned by whoever runs the network",
    },
    Unmanaged {
        path: "properties.networkProfile.natGatewayProfile",
        reason: "addresses of the way out are tuned by whoever runs the network",
    },
    Unmanaged {
        path: "properties.networkProfile.ipFamilies",
        reason: "IPv4 for life, as the ranges are",
    },
    Unmanaged {
        path: "properties.networkProfile.advancedNetworking",
        reason: "flow logs and layer 7 policies, paid for by whoever needs them",
    },
    Unmanaged {
        path: "properties.apiServerAccessProfile.privateDNSZone",
        reason: "Azure's own zone, unless the hub brought another one at creation",
    },
    Unmanaged {
        path: "properties.apiServerAccessProfile.enablePrivateClusterPublicFQDN",
        reason: "a public name of the private address, for resolvers outside the network",
    },
    Unmanaged {
        path: "properties.publicNetworkAccess",
        reason: "follows from whether the cluster is private",
    },
    Unmanaged {
        path: "properties.oidcIssuerProfile.issuerURL",
        reason: "chosen by Azure once",
    },
    Unmanaged {
        path: "properties.securityProfile.imageCleaner",
        reason: "a matter of disk space: what may run is decided elsewhere",
    },
    Unmanaged {
        path: "properties.securityProfile.azureKeyVaultKms",
        reason: "etcd is encrypted with Azure's keys; one's own makes the vault an outage",
    },
    Unmanaged {
        path: "properties.storageProfile",
        reason: "drivers that are on by default",
    },
    Unmanaged {
        path: "properties.metricsProfile",
        reason: "cost analysis, which needs a paid tier and a right to read costs",
    },
    Unmanaged {
        path: "properties.workloadAutoScalerProfile",
        reason: "add-ons that no service asks for",
    },
    Unmanaged {
        path: "properties.serviceMeshProfile",
        reason: "cannot stand beside gateways of app routing, and Azure says so",
    },
    Unmanaged {
        path: "properties.ingressProfile.webAppRouting.dnsZoneResourceIds",
        reason: "public DNS is run above environments",
    },
    Unmanaged {
        path: "properties.addonProfiles.omsagent",
        reason: "container logs have collection rules of their own, and their price",
    },
    Unmanaged {
        path: "extendedLocation",
        reason: "an edge zone, chosen at creation for life",
    },
    Unmanaged {
        path: "identity.delegatedResources",
        reason: "for Azure's own services, which act for a cluster that way",
    },
    Unmanaged {
        path: "properties.aadProfile.clientAppID",
        reason: "of the sign-in before `managed`, which cannot stand beside it",
    },
    Unmanaged {
        path: "properties.aadProfile.serverAppID",
        reason: "of the sign-in before `managed`, which cannot stand beside it",
    },
    Unmanaged {
        path: "properties.aadProfile.serverAppSecret",
        reason: "of the sign-in before `managed`, which cannot stand beside it",
    },
    Unmanaged {
        path: "properties.azureMonitorProfile.metrics.kubeStateMetrics",
        reason: "which labels become metrics: it opens nothing, and dashboards say what they need",
    },
    Unmanaged {
        path: "properties.diskEncryptionSetID",
        reason: "one's own keys for disks, chosen at creation for life; hosts encrypt besides",
    },
    Unmanaged {
        path: "properties.enablePodSecurityPolicy",
        reason: "Kubernetes 1.25 took it out, and Azure takes it no more",
    },
    Unmanaged {
        path: "properties.fqdnSubdomain",
        reason: "stands in place of dnsPrefix, which is ours, for life",
    },
    Unmanaged {
        path: "properties.networkProfile.networkMode",
        reason: "of networks without an overlay, for life",
    },
    Unmanaged {
        path: "properties.networkProfile.podCidrs",
        reason: "the range of podCidr once more, as a list",
    },
    Unmanaged {
        path: "properties.networkProfile.serviceCidrs",
        reason: "the range of serviceCidr once more, as a list",
    },
    Unmanaged {
        path: "properties.podIdentityProfile.allowNetworkPluginKubenet",
        reason: "says nothing while pod identity is off, which is ours",
    },
    Unmanaged {
        path: "properties.podIdentityProfile.userAssignedIdentities",
        reason: "says nothing while pod identity is off, which is ours",
    },
    Unmanaged {
        path: "properties.podIdentityProfile.userAssignedIdentityExceptions",
        reason: "says nothing while pod identity is off, which is ours",
    },
    Unmanaged {
        path: "properties.bootstrapProfile",
        reason: "where images of the system come from: Microsoft's registry, or a copy of it in a closed network",
    },
    Unmanaged {
        path: "properties.upgradeSettings",
        reason: "overrides for a single upgrade, with an end of their own",
    },
];
