//! Steps by what may be done with resources.

use super::facts::{Cluster, Ground, Identity, Registry};
use super::power::Power;
use super::step::{Gain, Somebody, gain};
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;

/// What lets somebody assign roles.
const ASSIGNS: [&str; 3] = [
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignmentScheduleRequests/write",
    "Microsoft.Authorization/roleEligibilityScheduleRequests/write",
];

/// What lets somebody run something on a cluster's nodes, which are scale sets or, in pools of
/// another sort, machines: a run command or an extension is a script that runs as root.
/// <https://learn.microsoft.com/azure/virtual-machines/run-command-overview>,
/// <https://learn.microsoft.com/azure/virtual-machine-scale-sets/run-command-managed>,
/// <https://learn.microsoft.com/azure/aks/virtual-machines-node-pools>
const RUNS_ON_NODES: [&str; 10] = [
    "Microsoft.Compute/virtualMachineScaleSets/write",
    "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands/write",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/extensions/write",
    "Microsoft.Compute/virtualMachines/runCommand/action",
    "Microsoft.Compute/virtualMachines/runCommands/write",
];

/// What lets somebody run a task of its own in a registry: each is signed in to it. A run is made
/// by a request or as a resource, and builds are what tasks once were.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview>,
/// <https://learn.microsoft.com/azure/templates/microsoft.containerregistry/registries/taskruns>
const RUNS_TASKS: [&str; 5] = [
    "scheduleRun/action",
    "taskruns/write",
    "queueBuild/action",
    "buildTasks/write",
    "buildTasks/steps/write",
];

/// What has a cluster apply manifests from a repository of one's own, as its administrator.
/// <https://learn.microsoft.com/azure/azure-arc/kubernetes/conceptual-gitops-flux2>
const APPLIES_MANIFESTS: [&str; 2] = [
    "Microsoft.KubernetesConfiguration/fluxConfigurations/write",
    "Microsoft.KubernetesConfiguration/sourceControlConfigurations/write",
];

/// What puts something into a cluster whose rights there are those of what is put: an extension, or
/// another resource's access.
/// <https://learn.microsoft.com/azure/aks/cluster-extensions>,
/// <https://learn.microsoft.com/azure/aks/trusted-access-feature>
const EXTENDS: [&str; 2] = [
    "Microsoft.KubernetesConfiguration/extensions/write",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings/write",
];

/// Whether a setting is on; unknown where it could not be read.
fn on(setting: Option<bool>) -> Truth {
    setting.map_or(Truth::Unknown, Truth::from)
}

/// Whether somebody may do an action of a registry.
fn registry(who: &Somebody<'_>, one: &Registry, action: &str) -> Truth {
    let action = format!("Microsoft.ContainerRegistry/registries/{action}");
    who.may_below(&one.scope, &action)
}

/// Whether somebody may do an action of a cluster.
fn cluster(who: &Somebody<'_>, one: &Cluster, action: &str) -> Truth {
    let action = format!("Microsoft.ContainerService/managedClusters/{action}");
    who.may_below(&one.scope, &action)
}

/// Whether somebody may do an action of an identity.
fn identity(who: &Somebody<'_>, one: &Identity, action: &str) -> Truth {
    let action = format!("Microsoft.ManagedIdentity/userAssignedIdentities/{action}");
    who.may_below(&one.scope, &action)
}

pub(super) fn assign_roles(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for scope in ground.resources.scopes() {
        for action in ASSIGNS {
            let detail = format!("may {action} at {scope}");
            gains.extend(gain(
                Power::Anything(scope.clone()),
                who.may(scope, action),
                detail,
            ));
        }
    }
    gains
}

pub(super) fn elevate(_: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let action = "Microsoft.Authorization/elevateAccess/action";
    let may = who.may(&Scope::root(), action);
    let gained = gain(Power::Anything(Scope::root()), may, format!("may {action}"));
    gained.into_iter().collect()
}

pub(super) fn widen_role(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let action = "Microsoft.Authorization/roleDefinitions/write";
    let mut gains = Vec::new();
    let assignments = who.holdings.assignments();
    // A cluster's own roles are no matter of Azure's.
    for assignment in assignments.filter(|one| one.native.is_none()) {
        let roles = &ground.access.tenant().roles;
        let Some(role) = roles.get(&assignment.role).filter(|role| role.custom) else {
            continue;
        };
        // Azure asks for the right at every scope that the role is assignable at.
        let scopes = role.assignable_scopes.iter();
        let may = Truth::all(scopes.map(|scope| who.may(scope, action)));
        let detail = format!("may change {}, which it holds", role.name);
        gains.extend(gain(Power::Anything(assignment.scope.clone()), may, detail));
    }
    gains
}

pub(super) fn federate(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let identities = ground.resources.identities.iter();
    let gains = identities.filter_map(|one| {
        let may = identity(who, one, "federatedIdentityCredentials/write");
        let detail = format!("may add a federated credential to {}", one.scope);
        gain(Power::act_as(&one.principal), may, detail)
    });
    gains.collect()
}

/// What it may be attached to is not looked for: some way to run something is rarely missing.
pub(super) fn attach(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let identities = ground.resources.identities.iter();
    let gains = identities.filter_map(|one| {
        let may = identity(who, one, "assign/action").and(Truth::Unknown);
        let detail = format!("may attach {} to what it runs", one.scope);
        gain(Power::act_as(&one.principal), may, detail)
    });
    gains.collect()
}

pub(super) fn admin_user(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let registries = ground.resources.registries.iter();
    let gains = registries.filter_map(|one| {
        let asks = registry(who, one, "listCredentials/action").or(registry(
            who,
            one,
            "regenerateCredential/action",
        ));
        let enables = registry(who, one, "write");
        let detail = "may ask for the admin user's password";
        let may = asks.and(on(one.admin_user).or(enables));
        gain(Power::Push(one.scope.clone()), may, detail)
    });
    gains.collect()
}

pub(super) fn anonymous_pull(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let registries = ground.resources.registries.iter();
    let gains = registries.filter_map(|one| {
        let detail = "may switch anonymous pull on";
        gain(
            Power::Pull(one.scope.clone()),
            registry(who, one, "write"),
            detail,
        )
    });
    gains.collect()
}

pub(super) fn tokens(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for one in &ground.resources.registries {
        let generates = registry(who, one, "generateCredentials/action");
        let makes = registry(who, one, "tokens/write");
        let widens = registry(who, one, "scopeMaps/write");
        let push = Power::Push(one.scope.clone());
        let detail = "may make a token and its password";
        gains.extend(gain(push.clone(), generates.and(makes), detail));
        for token in one.tokens.iter().filter(|token| token.enabled) {
            let writes = Truth::from(token.writes).or(widens);
            let detail = format!("may ask for a password of token {}", token.name);
            gains.extend(gain(push.clone(), generates.and(writes), detail.clone()));
            gains.extend(gain(Power::Pull(one.scope.clone()), generates, detail));
        }
    }
    gains
}

pub(super) fn tasks(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for one in &ground.resources.registries {
        let runs = Truth::any(RUNS_TASKS.map(|action| registry(who, one, action)));
        let writes = registry(who, one, "tasks/write");
        let detail = "may run a task, which is signed in to the registry";
        gains.extend(gain(
            Power::Push(one.scope.clone()),
            runs.or(writes),
            detail,
        ));
        for id in &one.task_identities {
            let detail = "may change what a task with this identity does";
            gains.extend(gain(Power::act_as(id), writes, detail));
        }
    }
    gains
}

/// Whether it gets something in depends on a storage account that is not looked for.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites>
pub(super) fn transfer(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let registries = ground.resources.registries.iter();
    let gains = registries.filter_map(|one| {
        let may = registry(who, one, "importPipelines/write").and(Truth::Unknown);
        let detail = "may make a pipeline that imports what lies in a storage account";
        gain(Power::Push(one.scope.clone()), may, detail)
    });
    gains.collect()
}

/// A gain of everything inside each cluster.
fn inside(ground: &Ground<'_>, detail: &str, may: impl Fn(&Cluster) -> Truth) -> Vec<Gain> {
    let clusters = ground.resources.clusters.iter();
    clusters
        .filter_map(|one| gain(Power::ClusterAdmin(one.scope.clone()), may(one), detail))
        .collect()
}

pub(super) fn admin_credential(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(ground, "may ask for the admin's kubeconfig", |one| {
        let asks = cluster(who, one, "listClusterAdminCredential/action").or(cluster(
            who,
            one,
            "accessProfiles/listCredential/action",
        ));
        asks.and(on(one.local_accounts))
    })
}

pub(super) fn run_command(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(ground, "may run commands in it", |one| {
        cluster(who, one, "runCommand/action")
    })
}

pub(super) fn reconfigure(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(ground, "may change who administers it", |one| {
        cluster(who, one, "write")
    })
}

pub(super) fn extend(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let any = |one: &Cluster, actions: [&str; 2]| {
        Truth::any(actions.map(|action| who.may_below(&one.scope, action)))
    };
    let mut gains = inside(ground, "may have it apply manifests of its own", |one| {
        any(one, APPLIES_MANIFESTS)
    });
    gains.extend(inside(
        ground,
        "may put an extension or another resource's access into it",
        |one| any(one, EXTENDS).and(Truth::Unknown),
    ));
    gains
}

pub(super) fn admin_group(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(ground, "is in a group that administers it", |one| {
        who.is_among(&one.admin_groups)
    })
}

pub(super) fn bind(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    const RBAC: &str = "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io";
    inside(ground, "may bind itself to cluster-admin", |one| {
        let writes = format!("{RBAC}/clusterrolebindings/write");
        let binds = format!("{RBAC}/clusterroles/bind/action");
        let writes = who.may_inside(&one.scope, &writes);
        writes.and(who.may_inside(&one.scope, &binds))
    })
}

pub(super) fn nodes(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for one in &ground.resources.clusters {
        let Some(group) = &one.node_group else {
            continue;
        };
        let may = Truth::any(RUNS_ON_NODES.map(|action| who.may_below(group, action)));
        let detail = format!("may run something on the nodes in {group}");
        if let Some(kubelet) = &one.kubelet {
            gains.extend(gain(Power::act_as(kubelet), may, detail.clone()));
        }
        // How far the tokens on a node reach depends on what runs there.
        let perhaps = may.and(Truth::Unknown);
        gains.extend(gain(
            Power::ClusterAdmin(one.scope.clone()),
            perhaps,
            detail,
        ));
    }
    gains
}

pub(super) fn policies(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let vaults = ground.resources.vaults.iter();
    let gains = vaults.filter_map(|one| {
        let has = who.is_among(&one.policies).and(on(one.by_policies));
        let keys = Power::Keys(one.scope.clone());
        gain(keys, has, "an access policy names it")
    });
    gains.collect()
}

pub(super) fn write_policies(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for one in &ground.resources.vaults {
        for action in [
            "Microsoft.KeyVault/vaults/accessPolicies/write",
            "Microsoft.KeyVault/vaults/write",
        ] {
            let may = who.may(&one.scope, action).and(on(one.by_policies));
            let keys = Power::Keys(one.scope.clone());
            gains.extend(gain(keys, may, format!("may {action}")));
        }
    }
    gains
}

pub(super) fn use_everything(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let Power::Anything(at) = power else {
        return Vec::new();
    };
    let hierarchy = &ground.access.tenant().hierarchy;
    let within = |scope: &Scope| hierarchy.holds(at, scope);
    let resources = ground.resources;
    let detail = format!("may give itself any role at {at}");
    let mut gains = Vec::new();
    for one in &resources.registries {
        let power = Power::Push(one.scope.clone());
        gains.extend(gain(power, within(&one.scope), detail.clone()));
    }
    for one in &resources.clusters {
        let power = Power::ClusterAdmin(one.scope.clone());
        gains.extend(gain(power, within(&one.scope), detail.clone()));
    }
    for one in &resources.vaults {
        let power = Power::Keys(one.scope.clone());
        gains.extend(gain(power, within(&one.scope), detail.clone()));
    }
    for one in &resources.identities {
        let power = Power::act_as(&one.principal);
        gains.extend(gain(power, within(&one.scope), detail.clone()));
    }
    gains
}

pub(super) fn use_workloads(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let Power::ClusterAdmin(scope) = power else {
        return Vec::new();
    };
    let mut gains = Vec::new();
    let clusters = ground.resources.clusters.iter();
    for one in clusters.filter(|one| one.scope == *scope) {
        if let Some(kubelet) = &one.kubelet {
            let detail = "runs a pod on a node with this identity";
            gains.extend(gain(Power::act_as(kubelet), Truth::True, detail));
        }
        let Some(issuer) = &one.issuer else {
            continue;
        };
        // Issuers are compared to the letter, but for a slash at the end.
        let same = |other: &String| other.trim_end_matches('/') == issuer.trim_end_matches('/');
        let identities = ground.resources.identities.iter();
        for identity in identities.filter(|one| one.issuers.iter().any(same)) {
            let detail = format!("issues a token that stands for {}", identity.scope);
            gains.extend(gain(
                Power::act_as(&identity.principal),
                Truth::True,
                detail,
            ));
        }
    }
    gains
}
