//! The resources that clusters here have.

/// One resource of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
    pub short: &'static [&'static str],
    /// Beside the object itself: `status`, `scale`.
    pub subresources: &'static [&'static str],
    /// Brought by a custom resource definition.
    pub custom: bool,
}

const fn core(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        plural,
        singular,
        kind,
        namespaced: true,
        short,
        subresources: &[],
        custom: false,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const GATEWAY: &str = "gateway.networking.k8s.io";

pub static NAMESPACES: Resource = Resource {
    namespaced: false,
    subresources: &["status"],
    ..core("namespaces", "namespace", "Namespace", &["ns"])
};

pub static PODS: Resource = Resource {
    subresources: &["status", "log"],
    ..core("pods", "pod", "Pod", &["po"])
};

pub static SERVICES: Resource = Resource {
    subresources: &["status"],
    ..core("services", "service", "Service", &["svc"])
};

pub static EVENTS: Resource = core("events", "event", "Event", &["ev"]);

pub static SERVICE_ACCOUNTS: Resource = core(
    "serviceaccounts",
    "serviceaccount",
    "ServiceAccount",
    &["sa"],
);

pub static DEPLOYMENTS: Resource = Resource {
    group: "apps",
    subresources: &["status", "scale"],
    ..core("deployments", "deployment", "Deployment", &["deploy"])
};

pub static REPLICA_SETS: Resource = Resource {
    group: "apps",
    subresources: &["status", "scale"],
    ..core("replicasets", "replicaset", "ReplicaSet", &["rs"])
};

pub static AUTOSCALERS: Resource = Resource {
    group: "autoscaling",
    version: "v2",
    subresources: &["status"],
    ..core(
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        "HorizontalPodAutoscaler",
        &["hpa"],
    )
};

pub static ROLES: Resource = Resource {
    group: RBAC,
    ..core("roles", "role", "Role", &[])
};

pub static ROLE_BINDINGS: Resource = Resource {
    group: RBAC,
    ..core("rolebindings", "rolebinding", "RoleBinding", &[])
};

pub static CLUSTER_ROLES: Resource = Resource {
    group: RBAC,
    namespaced: false,
    ..core("clusterroles", "clusterrole", "ClusterRole", &[])
};

pub static CLUSTER_ROLE_BINDINGS: Resource = Resource {
    group: RBAC,
    namespaced: false,
    ..core(
        "clusterrolebindings",
        "clusterrolebinding",
        "ClusterRoleBinding",
        &[],
    )
};

pub static GATEWAY_CLASSES: Resource = Resource {
    group: GATEWAY,
    namespaced: false,
    subresources: &["status"],
    custom: true,
    ..core("gatewayclasses", "gatewayclass", "GatewayClass", &["gc"])
};

/// All resources that hold objects.
pub static ALL: &[&Resource] = &[
    &NAMESPACES,
    &PODS,
    &SERVICES,
    &core("configmaps", "configmap", "ConfigMap", &["cm"]),
    &core("secrets", "secret", "Secret", &[]),
    &SERVICE_ACCOUNTS,
    &EVENTS,
    &DEPLOYMENTS,
    &REPLICA_SETS,
    &AUTOSCALERS,
    &ROLES,
    &ROLE_BINDINGS,
    &CLUSTER_ROLES,
    &CLUSTER_ROLE_BINDINGS,
    &GATEWAY_CLASSES,
    &Resource {
        group: GATEWAY,
        subresources: &["status"],
        custom: true,
        ..core("gateways", "gateway", "Gateway", &["gtw"])
    },
    &Resource {
        group: GATEWAY,
        subresources: &["status"],
        custom: true,
        ..core("httproutes", "httproute", "HTTPRoute", &[])
    },
];

impl Resource {
    /// `deployments.apps`, as messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `apps/v1`
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// The resource of that name in a group and version.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    ALL.iter()
        .copied()
        .find(|known| known.group == group && known.version == version && known.plural == plural)
}

/// Groups and their version, the core group left out.
pub fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups = vec![("authorization.k8s.io", "v1")];
    for known in ALL {
        let group = (known.group, known.version);
        if !known.group.is_empty() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups.sort_unstable();
    groups
}
