//! Ways to obtain more: each step planted alone, chains, and none where nothing is planted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{SUBSCRIPTION, Sketch};
use crate::rbac::obtain::{
    AppRole, Application, Cluster, Directory, DirectoryRole, Ground, GroupFacts, Identity,
    Obtainable, Power, Registry, RegistryToken, Resources, STEPS, ServicePrincipal, Vault, obtain,
};
use crate::rbac::{Declared, Permission, Scope};

const REGISTRY: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r";
const CLUSTER: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c";
const VAULT: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v";
const IDENTITY: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";
const NODES: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/MC";

/// A tenant in which `me` may do nothing and obtain nothing.
struct Plot {
    sketch: Sketch,
    directory: Directory,
    resources: Resources,
}

impl Plot {
    fn new() -> Self {
        let application = Application {
            name: "engine".to_owned(),
            service_principal: "ENGINE".to_owned(),
            owners: Vec::new(),
        };
        let group = |id: &str, role_assignable| GroupFacts {
            id: id.to_owned(),
            owners: Vec::new(),
            role_assignable,
        };
        let cluster = Cluster {
            scope: Scope::new(CLUSTER),
            local_accounts: Some(false),
            admin_groups: vec!["admins".to_owned()],
            node_group: Some(Scope::new(NODES)),
            kubelet: Some("kubelet".to_owned()),
            issuer: Some("https://oidc/c/".to_owned()),
        };
        let registry = Registry {
            scope: Scope::new(REGISTRY),
            admin_user: Some(false),
            tokens: Vec::new(),
            task_identities: vec!["task".to_owned()],
        };
        let identity = Identity {
            scope: Scope::new(IDENTITY),
            principal: "workload".to_owned(),
            issuers: vec!["https://oidc/c".to_owned()],
        };
        let vault = Vault {
            scope: Scope::new(VAULT),
            by_policies: Some(false),
            policies: vec!["me".to_owned()],
        };
        Self {
            sketch: Sketch::default(),
            directory: Directory {
                applications: vec![application],
                groups: vec![group("people", false), group("tier0", true)],
                users: vec!["ada".to_owned()],
                ..Directory::default()
            },
            resources: Resources {
                registries: vec![registry],
                clusters: vec![cluster],
                vaults: vec![vault],
                identities: vec![identity],
            },
        }
    }

    /// Lets `me` do these of the control plane at a scope.
    fn may(mut self, scope: &str, actions: &[&str]) -> Self {
        let id = format!("r{}", self.sketch.roles.len());
        let sketch = self.sketch.role(&id, json!({"actions": actions}));
        self.sketch = sketch.gives(scope, &id, "me");
        self
    }

    fn is(mut self, who: &str, role: DirectoryRole) -> Self {
        let roles = self.directory.roles.entry(who.to_owned()).or_default();
        roles.insert(role);
        self
    }

    fn holds(mut self, role: AppRole) -> Self {
        self.directory.app_roles = BTreeMap::from([("ME".to_owned(), BTreeSet::from([role]))]);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn obtain(self) -> Obtainable {
        self.judge(|_, obtainable| obtainable)
    }

    fn judge<T>(self, look: impl FnOnce(&Ground<'_>, Obtainable) -> T) -> T {
        let access = self.sketch.access();
        let ground = Ground {
            access: &access,
            directory: &self.directory,
            resources: &self.resources,
        };
        look(&ground, obtain(&ground, "ME"))
    }
}

/// What is obtained, `?` before what is not certain.
fn shown(obtainable: &Obtainable) -> Vec<String> {
    let all = obtainable.iter().map(|one| {
        let doubt = if one.certain { "" } else { "?" };
        format!("{doubt}{}", one.power)
    });
    all.collect()
}

fn registry() -> Power {
    Power::Push(Scope::new(REGISTRY))
}

fn inside() -> Power {
    Power::ClusterAdmin(Scope::new(CLUSTER))
}

fn keys() -> Power {
    Power::Keys(Scope::new(VAULT))
}

fn anything(scope: &str) -> Power {
    Power::Anything(Scope::new(scope))
}

#[test]
fn where_nothing_is_planted_nothing_is_obtained() {
    assert_eq!(shown(&Plot::new().obtain()), [""; 0]);
    // What its declared rows give leads nowhere.
    let declared = [
        "Microsoft.ContainerRegistry/registries/importImage/action",
        "Microsoft.ContainerRegistry/registries/read",
        "Microsoft.ContainerRegistry/registries/pull/read",
        "Microsoft.ContainerRegistry/registries/push/write",
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "Microsoft.ContainerService/managedClusters/read",
    ];
    assert_eq!(
        shown(&Plot::new().may(SUBSCRIPTION, &declared).obtain()),
        [""; 0]
    );
}

/// Step, what plants it, what is gained by it, and whether that is certain.
type Planted = (&'static str, Plot, Power, bool);

fn planted_on_registries() -> Vec<Planted> {
    let acr = |action: &str| format!("Microsoft.ContainerRegistry/registries/{action}");
    let may = |actions: &[&str]| {
        let actions: Vec<String> = actions.iter().map(|one| acr(one)).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        Plot::new().may(REGISTRY, &actions)
    };
    let admin =
        |plot: Plot, admin| plot.with(|plot| plot.resources.registries[0].admin_user = admin);
    let token = |plot: Plot, writes| {
        plot.with(|plot| {
            plot.resources.registries[0].tokens.push(RegistryToken {
                name: "t".to_owned(),
                enabled: true,
                writes,
            });
        })
    };
    let pull = Power::Pull(Scope::new(REGISTRY));
    let lists = || may(&["listCredentials/action"]);
    let generates = || may(&["generateCredentials/action"]);
    vec![
        (
            "registry admin user",
            admin(lists(), Some(true)),
            registry(),
            true,
        ),
        (
            "registry admin user",
            admin(lists(), None),
            registry(),
            false,
        ),
        (
            "registry admin user",
            may(&["listCredentials/action", "write"]),
            registry(),
            true,
        ),
        (
            "registry admin user",
            admin(may(&["regenerateCredential/action"]), Some(true)),
            registry(),
            true,
        ),
        ("open a registry", may(&["write"]), pull.clone(), true),
        (
            "registry tokens",
            token(generates(), true),
            registry(),
            true,
        ),
        ("registry tokens", token(generates(), false), pull, true),
        (
            "registry tokens",
            may(&["generateCredentials/action", "tokens/write"]),
            registry(),
            true,
        ),
        (
            "registry tokens",
            token(
                may(&["generateCredentials/action", "scopeMaps/write"]),
                false,
            ),
            registry(),
            true,
        ),
        (
            "registry tasks",
            may(&["scheduleRun/action"]),
            registry(),
            true,
        ),
        (
            "registry tasks",
            may(&["tasks/write"]),
            Power::act_as("task"),
            true,
        ),
    ]
}

/// A service account that is bound to everything.
const ACCOUNT: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c/namespaces/iam/serviceaccounts/default";

/// `me` may do these inside a cluster, at a scope of it.
fn within(scope: &str, actions: &[&str]) -> Plot {
    let mut plot = Plot::new();
    let actions = actions.iter();
    let actions: Vec<String> = actions
        .map(|action| format!("Microsoft.ContainerService/managedClusters/{action}"))
        .collect();
    let role = plot.sketch.role("within", json!({"dataActions": actions}));
    plot.sketch = role.gives(scope, "within", "me");
    plot
}

/// `me` may do something in a namespace of a cluster in which service accounts are bound: that of
/// `iam` to everything, and all of them to reading pods.
fn deploys(action: &str, namespace: &str) -> Plot {
    let mut plot = within(&format!("{CLUSTER}/namespaces/{namespace}"), &[action]);
    let aks = "Microsoft.ContainerService/managedClusters";
    let bound = plot
        .sketch
        .role("bound", json!({"dataActions": [format!("{aks}/*")]}))
        .role(
            "reads",
            json!({"dataActions": [format!("{aks}/pods/read")]}),
        )
        .gives(CLUSTER, "bound", ACCOUNT)
        .gives(CLUSTER, "reads", &format!("{CLUSTER}/serviceaccounts"));
    plot.sketch = bound;
    let apart = plot.sketch.tenant.assignments.split_off(1);
    plot.sketch.tenant.accounts = apart;
    plot
}

fn planted_on_clusters() -> Vec<Planted> {
    let may = |action: &str| {
        let action = format!("Microsoft.ContainerService/managedClusters/{action}");
        Plot::new().may(CLUSTER, &[&action])
    };
    let local =
        |plot: Plot, local| plot.with(|plot| plot.resources.clusters[0].local_accounts = local);
    let binds = {
        let mut plot = Plot::new();
        let all = json!({"dataActions": ["Microsoft.ContainerService/managedClusters/*"]});
        plot.sketch = plot.sketch.role("all", all).gives(CLUSTER, "all", "me");
        plot
    };
    let member = |group: &str| {
        let mut plot = Plot::new();
        plot.sketch = plot.sketch.member("me", group);
        plot
    };
    let iam = format!("{CLUSTER}/namespaces/iam");
    let rbac = |what: &str| format!("rbac.authorization.k8s.io/{what}");
    let on_nodes = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action";
    let unread = Plot::new().with(|plot| plot.sketch.tenant.memberships.put_unread("admins"));
    let admin = "listClusterAdminCredential/action";
    vec![
        (
            "cluster admin credential",
            local(may(admin), Some(true)),
            inside(),
            true,
        ),
        (
            "cluster admin credential",
            local(may(admin), None),
            inside(),
            false,
        ),
        (
            "cluster admin credential",
            local(may("accessProfiles/listCredential/action"), Some(true)),
            inside(),
            true,
        ),
        (
            "cluster run command",
            may("runCommand/action"),
            inside(),
            true,
        ),
        ("reconfigure a cluster", may("write"), inside(), true),
        ("cluster admin group", member("ADMINS"), inside(), true),
        ("cluster admin group", unread, inside(), false),
        ("bind cluster roles", binds, inside(), true),
        (
            "run workloads",
            deploys("apps/deployments/write", "iam"),
            Power::act_as(ACCOUNT),
            true,
        ),
        (
            "run workloads",
            deploys("pods/exec/action", "iam"),
            Power::act_as(ACCOUNT),
            true,
        ),
        (
            "run workloads",
            deploys("apps/deployments/write", "iam"),
            Power::act_as(&format!("{CLUSTER}/serviceaccounts")),
            true,
        ),
        (
            "bind cluster roles",
            deploys("batch/jobs/write", "iam"),
            inside(),
            true,
        ),
        (
            "node proxy",
            within(CLUSTER, &["nodes/proxy/action"]),
            inside(),
            true,
        ),
        (
            "impersonate",
            within(CLUSTER, &["groups/impersonate/action"]),
            inside(),
            true,
        ),
        (
            "impersonate",
            within(CLUSTER, &["users/impersonate/action"]),
            inside(),
            true,
        ),
        (
            "widen cluster roles",
            within(
                CLUSTER,
                &[
                    &rbac("clusterroles/write"),
                    &rbac("clusterroles/escalate/action"),
                ],
            ),
            inside(),
            true,
        ),
        (
            "widen cluster roles",
            within(
                &iam,
                &[&rbac("roles/write"), &rbac("roles/escalate/action")],
            ),
            Power::ClusterAdmin(Scope::new(&iam)),
            true,
        ),
        (
            "widen cluster roles",
            within(
                &iam,
                &[
                    &rbac("rolebindings/write"),
                    &rbac("clusterroles/bind/action"),
                ],
            ),
            Power::ClusterAdmin(Scope::new(&iam)),
            true,
        ),
        (
            "cluster nodes",
            Plot::new().may(NODES, &[on_nodes]),
            Power::act_as("kubelet"),
            true,
        ),
        (
            "use workloads",
            may("runCommand/action"),
            Power::act_as("workload"),
            true,
        ),
        (
            "use workloads",
            may("runCommand/action"),
            Power::act_as("kubelet"),
            true,
        ),
    ]
}

fn planted_on_the_rest() -> Vec<Planted> {
    let may = |scope: &str, action: &str| Plot::new().may(scope, &[action]);
    let vault = |action: &str, by_policies| {
        let plot = may(VAULT, &format!("Microsoft.KeyVault/vaults/{action}"));
        plot.with(|plot| {
            plot.resources.vaults[0].by_policies = by_policies;
            plot.resources.vaults[0].policies.clear();
        })
    };
    let identity = |action: &str| {
        may(
            IDENTITY,
            &format!("Microsoft.ManagedIdentity/userAssignedIdentities/{action}"),
        )
    };
    let named = Plot::new().with(|plot| plot.resources.vaults[0].by_policies = Some(true));
    let role = "Microsoft.Authorization/roleDefinitions/write";
    let assigns = "Microsoft.Authorization/roleAssignments/write";
    let by_pim = "Microsoft.Authorization/roleEligibilityScheduleRequests/write";
    let elevate = "Microsoft.Authorization/elevateAccess/action";
    vec![
        (
            "assign roles",
            may(REGISTRY, assigns),
            anything(REGISTRY),
            true,
        ),
        (
            "assign roles",
            may(REGISTRY, by_pim),
            anything(REGISTRY),
            true,
        ),
        (
            "use what is there",
            may(REGISTRY, assigns),
            registry(),
            true,
        ),
        (
            "use what is there",
            may(SUBSCRIPTION, assigns),
            keys(),
            true,
        ),
        (
            "use what is there",
            may(SUBSCRIPTION, assigns),
            Power::act_as("workload"),
            true,
        ),
        ("elevate access", may("/", elevate), anything("/"), true),
        (
            "widen a role",
            may(SUBSCRIPTION, role),
            anything(SUBSCRIPTION),
            true,
        ),
        (
            "federate an identity",
            identity("federatedIdentityCredentials/write"),
            Power::act_as("workload"),
            true,
        ),
        (
            "attach an identity",
            identity("*/assign/action"),
            Power::act_as("workload"),
            false,
        ),
        ("vault access policies", named, keys(), true),
        (
            "write access policies",
            vault("accessPolicies/write", Some(true)),
            keys(),
            true,
        ),
        ("write access policies", vault("write", None), keys(), false),
    ]
}

fn planted_in_the_directory() -> Vec<Planted> {
    let owner = || vec!["ME".to_owned()];
    let application = Plot::new().with(|plot| plot.directory.applications[0].owners = owner());
    let principal = ServicePrincipal {
        id: "Other".to_owned(),
        owners: owner(),
    };
    let principal = Plot::new().with(|plot| plot.directory.service_principals.push(principal));
    let group = Plot::new().with(|plot| plot.directory.groups[1].owners = owner());
    let is = |role| Plot::new().is("me", role);
    let through_a_group = {
        let mut plot = Plot::new().is("TIER0", DirectoryRole::ApplicationAdministrator);
        plot.sketch = plot.sketch.member("me", "tier0");
        plot
    };
    let act = Power::act_as;
    let global = Power::DirectoryRole(DirectoryRole::GlobalAdministrator);
    let directory = AppRole::of_value("rolemanagement.readwrite.directory").expect("a role");
    vec![
        ("own an application", application, act("engine"), true),
        ("own an application", principal, act("other"), true),
        ("own a group", group, act("tier0"), true),
        (
            "directory roles",
            is(DirectoryRole::GlobalAdministrator),
            global.clone(),
            true,
        ),
        (
            "take over the tenant",
            is(DirectoryRole::GlobalAdministrator),
            anything("/"),
            true,
        ),
        (
            "assign directory roles",
            is(DirectoryRole::PrivilegedRoleAdministrator),
            global.clone(),
            true,
        ),
        (
            "assign directory roles",
            Plot::new().holds(directory),
            global,
            true,
        ),
        (
            "grant application roles",
            Plot::new().holds(AppRole::AppRoleAssignment),
            Power::AppRole(AppRole::RoleManagement),
            true,
        ),
        ("manage applications", through_a_group, act("engine"), true),
        (
            "manage applications",
            is(DirectoryRole::CloudApplicationAdministrator),
            act("engine"),
            true,
        ),
        (
            "manage applications",
            Plot::new().holds(AppRole::Applications),
            act("engine"),
            true,
        ),
        (
            "manage groups",
            is(DirectoryRole::GroupsAdministrator),
            act("people"),
            true,
        ),
        (
            "manage groups",
            Plot::new().holds(AppRole::GroupMembers),
            act("people"),
            true,
        ),
        (
            "manage groups",
            is(DirectoryRole::PrivilegedRoleAdministrator),
            act("tier0"),
            true,
        ),
        (
            "reset credentials",
            is(DirectoryRole::PrivilegedAuthenticationAdministrator),
            act("ada"),
            true,
        ),
        (
            "reset credentials",
            is(DirectoryRole::HelpdeskAdministrator),
            act("ada"),
            false,
        ),
    ]
}

#[test]
fn each_step_is_found_named_and_explained() {
    let mut seen = BTreeSet::new();
    let planted = planted_on_registries().into_iter();
    let planted = planted
        .chain(planted_on_clusters())
        .chain(planted_on_the_rest())
        .chain(planted_in_the_directory());
    for (step, plot, power, certain) in planted {
        let obtainable = plot.obtain();
        let Some(obtained) = obtainable.get(&power) else {
            panic!("{step}: no {power} in {:?}", shown(&obtainable))
        };
        assert_eq!(obtained.certain, certain, "{step}: {obtained:?}");
        assert_eq!(obtained.path[0].from, Power::act_as("me"));
        let last = obtained.path.last().expect("a link");
        assert_eq!((last.step, &last.to), (step, &power), "{obtained:?}");
        assert!(!last.detail.is_empty());
        for pair in obtained.path.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        seen.insert(step);
    }
    let all: BTreeSet<&str> = STEPS.iter().map(|step| step.name).collect();
    assert_eq!(seen, all, "every step is planted");
}

#[test]
fn near_misses_lead_nowhere() {
    let acr = "Microsoft.ContainerRegistry/registries";
    let aks = "Microsoft.ContainerService/managedClusters";
    let disabled = Plot::new()
        .may(REGISTRY, &[&format!("{acr}/generateCredentials/action")])
        .with(|plot| {
            plot.resources.registries[0].tokens.push(RegistryToken {
                name: "t".to_owned(),
                enabled: false,
                writes: true,
            });
        });
    for (what, plot) in [
        (
            "it reads pods where a service account is bound",
            deploys("pods/read", "iam"),
        ),
        (
            "it widens roles without their verb",
            within(CLUSTER, &["rbac.authorization.k8s.io/clusterroles/write"]),
        ),
        (
            "the admin user is disabled",
            Plot::new().may(REGISTRY, &[&format!("{acr}/listCredentials/action")]),
        ),
        ("the token is disabled", disabled),
        (
            "there are no local accounts",
            Plot::new().may(
                CLUSTER,
                &[&format!("{aks}/listClusterAdminCredential/action")],
            ),
        ),
        (
            "the vault goes by roles",
            Plot::new().may(VAULT, &["Microsoft.KeyVault/vaults/accessPolicies/write"]),
        ),
        (
            "it reads assignments only",
            Plot::new().may(SUBSCRIPTION, &["Microsoft.Authorization/*/read"]),
        ),
        (
            "the role is another's",
            Plot::new().is("you", DirectoryRole::GlobalAdministrator),
        ),
    ] {
        assert_eq!(shown(&plot.obtain()), [""; 0], "{what}");
    }
    let plot = Plot::new().is("me", DirectoryRole::GroupsAdministrator);
    assert!(plot.obtain().get(&Power::act_as("tier0")).is_none());
    assert_eq!(
        DirectoryRole::of_template("00000000-0000-0000-0000-000000000000"),
        None
    );
    assert_eq!(AppRole::of_value("User.Read.All"), None);
}

#[test]
fn chains_are_followed_and_told_in_order() {
    // Owns an application whose service principal may run commands in the cluster, where a
    // workload's identity may assign roles on the vault.
    let plot =
        Plot::new().with(|plot| plot.directory.applications[0].owners = vec!["me".to_owned()]);
    let run = "Microsoft.ContainerService/managedClusters/runCommand/action";
    let assign = "Microsoft.Authorization/*";
    let plot = plot.with(|plot| {
        let sketch = std::mem::take(&mut plot.sketch);
        plot.sketch = sketch
            .role("run", json!({"actions": [run]}))
            .role("assign", json!({"actions": [assign]}))
            .gives(CLUSTER, "run", "engine")
            .gives(VAULT, "assign", "workload");
    });
    let obtained = plot.obtain().get(&keys()).expect("the keys");
    let steps: Vec<&str> = obtained.path.iter().map(|link| link.step).collect();
    let expected = [
        "own an application",
        "cluster run command",
        "use workloads",
        "assign roles",
        "use what is there",
    ];
    assert_eq!(steps, expected);
    assert!(obtained.certain);
}

#[test]
fn a_certain_path_is_preferred_and_rings_end() {
    let plot = Plot::new()
        .is("me", DirectoryRole::HelpdeskAdministrator)
        .is("ada", DirectoryRole::PrivilegedRoleAdministrator)
        .is("people", DirectoryRole::GlobalAdministrator)
        .with(|plot| plot.directory.groups[0].owners = vec!["ME".to_owned(), "ada".to_owned()])
        .with(|plot| plot.directory.applications[0].service_principal = "Me".to_owned());
    let obtainable = plot.obtain();
    let root = obtainable.get(&anything("/")).expect("the root");
    assert!(root.certain, "{root:?}");
    assert_eq!(root.path[0].step, "own a group");
    assert!(obtainable.get(&Power::act_as("me")).is_none());
}

#[test]
fn only_what_gives_more_than_declared_is_beyond() {
    let pulls = Declared::new([Permission::of(
        &["Microsoft.ContainerRegistry/registries/pull/read"],
        &[],
    )]);
    let write = "Microsoft.ContainerRegistry/registries/write";
    let beyond = |plot: Plot, scope: &str, declared: &Declared| {
        plot.judge(|ground, obtainable| {
            let beyond = obtainable.beyond(ground, &Scope::new(scope), declared);
            let powers: Vec<String> = beyond.iter().map(|one| one.power.to_string()).collect();
            powers
        })
    };
    let opens = || Plot::new().may(REGISTRY, &[write]);
    assert!(beyond(opens(), REGISTRY, &pulls).is_empty());
    assert_eq!(beyond(opens(), REGISTRY, &Declared::nothing()).len(), 1);
    assert!(beyond(opens(), CLUSTER, &Declared::nothing()).is_empty());
    // What lies in a vault is beyond at one of its keys.
    let assigns = Plot::new().may(VAULT, &["Microsoft.Authorization/roleAssignments/write"]);
    let key = format!("{VAULT}/keys/cosign");
    let verifies = Declared::new([Permission::of(
        &[],
        &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
    )]);
    assert_eq!(beyond(assigns, &key, &verifies).len(), 2);
    // Somebody else's rights count where they reach.
    let owns = |scope: &str| {
        let mut plot = Plot::new();
        plot.directory.applications[0].owners = vec!["me".to_owned()];
        plot.sketch = plot
            .sketch
            .role(
                "pull",
                json!({"actions": ["Microsoft.ContainerRegistry/registries/*/read"]}),
            )
            .gives(scope, "pull", "engine");
        plot
    };
    assert_eq!(beyond(owns(REGISTRY), REGISTRY, &pulls).len(), 1);
    assert!(beyond(owns(VAULT), REGISTRY, &pulls).is_empty());
}
