//! What is planted: one excess for each step, and what it has to be found as.

use super::*;

pub(super) fn planted_on_registries() -> Vec<Planted> {
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
        ("registry tasks", may(&["taskRuns/write"]), registry(), true),
        (
            "registry tasks",
            may(&["queueBuild/action"]),
            registry(),
            true,
        ),
        (
            "registry tasks",
            Plot::new().may(&format!("{REGISTRY}/tasks/nightly"), &[&acr("tasks/write")]),
            Power::act_as("task"),
            true,
        ),
        (
            "transfer into a registry",
            may(&["importPipelines/write"]),
            registry(),
            false,
        ),
    ]
}

/// `me` may do these inside a cluster, at a scope of it.
pub(super) fn within(scope: &str, actions: &[&str]) -> Plot {
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
pub(super) fn deploys(action: &str, namespace: &str) -> Plot {
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

pub(super) fn planted_on_clusters() -> Vec<Planted> {
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
    let extends = |what: &str| {
        let action = format!("Microsoft.KubernetesConfiguration/{what}/write");
        Plot::new().may(CLUSTER, &[&action])
    };
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
            "extend a cluster",
            extends("fluxConfigurations"),
            inside(),
            true,
        ),
        ("extend a cluster", extends("extensions"), inside(), false),
        (
            "extend a cluster",
            may("trustedAccessRoleBindings/write"),
            inside(),
            false,
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

pub(super) fn planted_on_the_rest() -> Vec<Planted> {
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

pub(super) fn planted_in_the_directory() -> Vec<Planted> {
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
            global.clone(),
            true,
        ),
        (
            "assign directory roles",
            is(DirectoryRole::PartnerTier2Support),
            global.clone(),
            true,
        ),
        (
            "assign directory roles",
            Plot::new().holds(AppRole::RoleSchedules),
            global.clone(),
            true,
        ),
        (
            "assign directory roles",
            Plot::new().holds(AppRole::RoleEligibility),
            global.clone(),
            false,
        ),
        (
            "unknown power",
            is(DirectoryRole::Unknown("c".to_owned())),
            anything("/"),
            false,
        ),
        (
            "unknown power",
            Plot::new().holds(AppRole::Unknown("New.ReadWrite.All".to_owned())),
            anything("/"),
            false,
        ),
        (
            "manage applications",
            is(DirectoryRole::PartnerTier1Support),
            act("engine"),
            true,
        ),
        (
            "manage groups",
            Plot::new().holds(AppRole::PrivilegedGroups),
            act("tier0"),
            true,
        ),
        (
            "manage groups",
            Plot::new().holds(AppRole::GroupEligibility),
            act("tier0"),
            false,
        ),
        (
            "reset credentials",
            is(DirectoryRole::PartnerTier2Support),
            act("ada"),
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
