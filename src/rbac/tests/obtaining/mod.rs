//! Ways to obtain more: each step planted alone, chains, and none where nothing is planted.

mod planted;

use std::collections::{BTreeMap, BTreeSet};

use self::planted::{
    deploys, planted_in_the_directory, planted_on_clusters, planted_on_registries,
    planted_on_the_rest, within,
};
use super::{SUBSCRIPTION, Sketch};
use crate::rbac::obtain::{
    AppRole, Application, Cluster, Directory, DirectoryRole, Ground, GroupFacts, Identity,
    Obtainable, Power, Registry, RegistryToken, Resources, STEPS, ServicePrincipal, Vault, obtain,
};
use crate::rbac::{Declared, Permission, Scope};
use serde_json::json;

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

/// A service account that is bound to everything.
const ACCOUNT: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c/namespaces/iam/serviceaccounts/default";

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

/// A scale set of the cluster's nodes.
const SCALE_SET: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/mc/providers/Microsoft.Compute/virtualMachineScaleSets/aks-system";

#[test]
fn whatever_runs_on_a_node_is_asked_at_the_group_at_a_scale_set_and_below() {
    let compute = "Microsoft.Compute";
    let set = format!("{compute}/virtualMachineScaleSets");
    let instance = format!("{SCALE_SET}/virtualMachines/0");
    let machine = format!("{NODES}/providers/{compute}/virtualMachines/aks-machine");
    for (scope, action) in [
        (NODES, format!("{set}/virtualMachines/runCommands/write")),
        (NODES, format!("{set}/virtualMachines/extensions/write")),
        (
            NODES,
            format!("{compute}/virtualMachines/runCommands/write"),
        ),
        (SCALE_SET, format!("{set}/write")),
        (SCALE_SET, format!("{set}/extensions/write")),
        (
            SCALE_SET,
            format!("{set}/virtualMachines/runCommand/action"),
        ),
        (SCALE_SET, format!("{set}/virtualMachines/extensions/write")),
        (
            &instance,
            format!("{set}/virtualMachines/runCommands/write"),
        ),
        (&instance, format!("{set}/virtualMachines/write")),
        (
            &machine,
            format!("{compute}/virtualMachines/extensions/write"),
        ),
    ] {
        let obtainable = Plot::new().may(scope, &[&action]).obtain();
        let kubelet = obtainable.get(&Power::act_as("kubelet"));
        assert!(kubelet.is_some_and(|it| it.certain), "{action} at {scope}");
    }
    // What lies in the group and is no node, and what a node is not written by.
    let balancer = format!("{NODES}/providers/Microsoft.Network/loadBalancers/kubernetes");
    for (scope, action) in [
        (balancer.as_str(), format!("{set}/write")),
        (&instance, format!("{set}/write")),
        (SCALE_SET, format!("{set}/read")),
        (SCALE_SET, format!("{set}/restart/action")),
    ] {
        let plot = Plot::new().may(scope, &[&action]);
        assert_eq!(shown(&plot.obtain()), [""; 0], "{action} at {scope}");
    }
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
}

#[test]
fn what_the_directory_gives_leads_nowhere_only_where_that_is_known() {
    let directory_readers = "88D8E3E3-8f55-4a1e-953a-9b9898b8876b";
    assert_eq!(DirectoryRole::of_template(directory_readers), None);
    let custom = "0DDBA115-0000-4000-8000-000000000001";
    let unknown = DirectoryRole::Unknown(custom.to_lowercase());
    assert_eq!(DirectoryRole::of_template(custom), Some(unknown));
    for reads in [
        "User.Read.All",
        "Directory.Read.All",
        "RoleManagement.Read.Directory",
        "User.ReadBasic.All",
        "Mail.Send",
        "Sites.FullControl.All",
        "application.readwrite.ownedby",
    ] {
        assert_eq!(AppRole::of_value(reads), None, "{reads}");
    }
    for unknown in [
        "Domain.ReadWrite.All",
        "EntitlementManagement.ReadWrite.All",
        "Synchronization.ReadWrite.All",
        "TeamMember.ReadWrite.All",
        "Full.Power",
        "",
    ] {
        let of = AppRole::of_value(unknown);
        assert_eq!(of, Some(AppRole::Unknown(unknown.to_owned())), "{unknown}");
    }
}

#[test]
fn every_table_of_the_directory_says_each_once() {
    let known = |value: &str| AppRole::of_value(value).expect(value).to_string();
    for value in [
        "RoleAssignmentSchedule.ReadWrite.Directory",
        "PrivilegedAccess.ReadWrite.AzureADGroup",
    ] {
        assert_eq!(known(&value.to_lowercase()), value);
    }
    for (id, name) in [
        (
            "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8",
            "Partner Tier2 Support",
        ),
        (
            "4ba39ca4-527c-499a-b93d-d9b492c50246",
            "Partner Tier1 Support",
        ),
    ] {
        let role = DirectoryRole::of_template(id).expect("a role");
        assert_eq!(role.to_string(), name);
    }
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
