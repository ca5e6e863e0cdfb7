//! What the types that are played can tell in diagnostic settings.
//! <https://learn.microsoft.com/azure/azure-monitor/reference/logs-index>

/// Logs and metrics of one type.
#[derive(Clone, Copy, Debug)]
pub struct Categories {
    pub logs: &'static [&'static str],
    /// The logs of the group `audit`.
    pub audit: &'static [&'static str],
    pub metrics: bool,
}

/// The one category of metrics.
pub const METRICS: &str = "AllMetrics";

/// The groups of logs.
pub const GROUPS: &[&str] = &["allLogs", "audit"];

const TYPES: &[(&str, Categories)] = &[
    (
        "microsoft.containerregistry/registries",
        Categories {
            logs: &[
                "ContainerRegistryRepositoryEvents",
                "ContainerRegistryLoginEvents",
            ],
            audit: &[
                "ContainerRegistryRepositoryEvents",
                "ContainerRegistryLoginEvents",
            ],
            metrics: true,
        },
    ),
    (
        "microsoft.keyvault/vaults",
        Categories {
            logs: &["AuditEvent", "AzurePolicyEvaluationDetails"],
            audit: &["AuditEvent"],
            metrics: true,
        },
    ),
    (
        "microsoft.containerservice/managedclusters",
        Categories {
            logs: &[
                "kube-apiserver",
                "kube-audit",
                "kube-audit-admin",
                "kube-controller-manager",
                "kube-scheduler",
                "cluster-autoscaler",
                "cloud-controller-manager",
                "guard",
                "csi-azuredisk-controller",
                "csi-azurefile-controller",
                "csi-snapshot-controller",
                "fleet-member-agent",
                "fleet-member-net-controller-manager",
                "fleet-mcs-controller-manager",
            ],
            audit: &["kube-audit", "kube-audit-admin", "guard"],
            metrics: true,
        },
    ),
    (
        "microsoft.network/virtualnetworks",
        Categories {
            logs: &["VMProtectionAlerts"],
            audit: &[],
            metrics: true,
        },
    ),
    (
        "microsoft.network/networksecuritygroups",
        Categories {
            logs: &[
                "NetworkSecurityGroupEvent",
                "NetworkSecurityGroupRuleCounter",
            ],
            audit: &[],
            metrics: false,
        },
    ),
    ("microsoft.network/privateendpoints", METRICS_ONLY),
    ("microsoft.network/privatednszones", METRICS_ONLY),
    ("microsoft.network/networkinterfaces", METRICS_ONLY),
    (
        "microsoft.operationalinsights/workspaces",
        Categories {
            logs: &["Audit", "SummaryLogs"],
            audit: &["Audit"],
            metrics: true,
        },
    ),
];

const METRICS_ONLY: Categories = Categories {
    logs: &[],
    audit: &[],
    metrics: true,
};

/// The activity log of a subscription.
pub const SUBSCRIPTION: Categories = Categories {
    logs: &[
        "Administrative",
        "Security",
        "ServiceHealth",
        "Alert",
        "Recommendation",
        "Policy",
        "Autoscale",
        "ResourceHealth",
    ],
    audit: &[],
    metrics: false,
};

/// What a type can tell; `None` where it has no diagnostic settings.
pub fn of(kind: &str) -> Option<Categories> {
    TYPES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(kind))
        .map(|(_, categories)| *categories)
}
