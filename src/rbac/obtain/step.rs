//! The table of steps by which one power leads to others.

use std::collections::BTreeMap;

use super::facts::Ground;
use super::power::Power;
use super::{cluster_steps as cluster, directory_steps as directory, resource_steps as resource};
use crate::rbac::access::Holdings;
use crate::rbac::action::Action;
use crate::rbac::condition::Circumstances;
use crate::rbac::decision::Decision;
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;

/// One way to come to hold more.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What it is called in paths.
    pub name: &'static str,
    /// What it needs.
    pub needs: &'static str,
    /// What it gives.
    pub gives: &'static str,
    /// Whether it is what roles give that lets somebody take it, and not a fact beside them.
    pub by_rights: bool,
    pub(super) take: Take,
}

/// How a step is taken: by somebody's rights, or by another power.
#[derive(Debug, Clone, Copy)]
pub(super) enum Take {
    Somebody(fn(&Ground<'_>, &Somebody<'_>) -> Vec<Gain>),
    Power(fn(&Ground<'_>, &Power) -> Vec<Gain>),
}

/// What a step gives, for which reason.
#[derive(Debug, Clone)]
pub(super) struct Gain {
    pub(super) power: Power,
    /// Never [`Truth::False`].
    pub(super) truth: Truth,
    pub(super) detail: String,
}

/// Somebody with all that it holds.
#[derive(Debug)]
pub(super) struct Somebody<'a> {
    pub(super) holdings: Holdings<'a>,
    /// Itself and its groups, in lower case, and whether that is certain.
    identities: BTreeMap<String, Truth>,
}

impl<'a> Somebody<'a> {
    pub(super) fn new(ground: &Ground<'a>, id: &str) -> Self {
        let memberships = &ground.access.tenant().memberships;
        let certain = memberships
            .of(id)
            .into_keys()
            .chain([id.to_ascii_lowercase()]);
        let perhaps = memberships.perhaps(id).into_keys();
        let identities = perhaps
            .map(|id| (id, Truth::Unknown))
            .chain(certain.map(|id| (id, Truth::True)));
        Self {
            holdings: ground.access.holdings(id),
            identities: identities.collect(),
        }
    }

    /// Whether it may do something of the control plane.
    pub(super) fn may(&self, scope: &Scope, action: &str) -> Truth {
        self.decide(scope, &Action::control(action))
    }

    /// Whether it may do something of the control plane at a scope, or at something below it that
    /// the action is of: it may hold a role on one scale set of a group, or on one task of a
    /// registry.
    pub(super) fn may_below(&self, scope: &Scope, action: &str) -> Truth {
        let held = self.holdings.assignments().map(|one| &one.scope);
        let below = held.filter(|held| held.continues(scope) && held.is_acted_on_by(action));
        Truth::any(
            std::iter::once(scope)
                .chain(below)
                .map(|at| self.may(at, action)),
        )
    }

    /// Whether it may do something of the data plane.
    pub(super) fn may_inside(&self, scope: &Scope, action: &str) -> Truth {
        self.decide(scope, &Action::data(action))
    }

    fn decide(&self, scope: &Scope, action: &Action) -> Truth {
        let effective = self.holdings.at(scope);
        match effective.decide(action, &Circumstances::default()) {
            Decision::Allowed { .. } => Truth::True,
            Decision::Possible { .. } => Truth::Unknown,
            Decision::Denied { .. } | Decision::Nothing { .. } => Truth::False,
        }
    }

    /// Whether it is, or is in, one of these.
    pub(super) fn is_among<'i>(&self, ids: impl IntoIterator<Item = &'i String>) -> Truth {
        let known = |id: &String| self.identities.get(&id.to_ascii_lowercase()).copied();
        Truth::any(ids.into_iter().filter_map(known))
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = (&str, Truth)> {
        self.identities
            .iter()
            .map(|(id, truth)| (id.as_str(), *truth))
    }
}

/// A gain, unless it is known to be none.
pub(super) fn gain(power: Power, truth: Truth, detail: impl Into<String>) -> Option<Gain> {
    let detail = detail.into();
    (truth != Truth::False).then_some(Gain {
        power,
        truth,
        detail,
    })
}

/// Every step that is known.
pub const STEPS: &[Step] = &[
    Step {
        name: "assign roles",
        needs: "Microsoft.Authorization/roleAssignments/write, or PIM's requests for it",
        gives: "anything at the scope",
        by_rights: true,
        take: Take::Somebody(resource::assign_roles),
    },
    Step {
        name: "elevate access",
        needs: "Microsoft.Authorization/elevateAccess/action",
        gives: "anything in the tenant",
        by_rights: true,
        take: Take::Somebody(resource::elevate),
    },
    Step {
        name: "widen a role",
        needs: "Microsoft.Authorization/roleDefinitions/write on a custom role that it holds",
        gives: "anything at the assignment's scope",
        by_rights: true,
        take: Take::Somebody(resource::widen_role),
    },
    Step {
        name: "federate an identity",
        needs: "userAssignedIdentities/federatedIdentityCredentials/write",
        gives: "the identity's rights",
        by_rights: true,
        take: Take::Somebody(resource::federate),
    },
    Step {
        name: "attach an identity",
        needs: "userAssignedIdentities/assign/action, and something that runs to attach it to",
        gives: "the identity's rights",
        by_rights: true,
        take: Take::Somebody(resource::attach),
    },
    Step {
        name: "registry admin user",
        needs: "registries/listCredentials/action or regenerateCredential/action",
        gives: "push, while the admin user is enabled or where registries/write enables it",
        by_rights: true,
        take: Take::Somebody(resource::admin_user),
    },
    Step {
        name: "open a registry",
        needs: "registries/write",
        gives: "pull, without signing in",
        by_rights: true,
        take: Take::Somebody(resource::anonymous_pull),
    },
    Step {
        name: "registry tokens",
        needs: "registries/generateCredentials/action, and a token or tokens/write or scopeMaps/write",
        gives: "what the token's scope map says",
        by_rights: true,
        take: Take::Somebody(resource::tokens),
    },
    Step {
        name: "registry tasks",
        needs: "registries/scheduleRun/action, queueBuild/action, tasks/write, taskruns/write or \
                buildTasks/write",
        gives: "push, and the rights of the tasks' identities",
        by_rights: true,
        take: Take::Somebody(resource::tasks),
    },
    Step {
        name: "transfer into a registry",
        needs: "registries/importPipelines/write, and a storage account to import from",
        gives: "push",
        by_rights: true,
        take: Take::Somebody(resource::transfer),
    },
    Step {
        name: "cluster admin credential",
        needs: "listClusterAdminCredential/action or accessProfiles/listCredential/action",
        gives: "everything inside the cluster, while it has local accounts",
        by_rights: true,
        take: Take::Somebody(resource::admin_credential),
    },
    Step {
        name: "cluster run command",
        needs: "managedClusters/runCommand/action",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(resource::run_command),
    },
    Step {
        name: "reconfigure a cluster",
        needs: "managedClusters/write: adminGroupObjectIDs, local accounts",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(resource::reconfigure),
    },
    Step {
        name: "extend a cluster",
        needs: "Microsoft.KubernetesConfiguration/fluxConfigurations/write or extensions/write, or \
                managedClusters/trustedAccessRoleBindings/write",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(resource::extend),
    },
    Step {
        name: "cluster admin group",
        needs: "being in one of aadProfile.adminGroupObjectIDs",
        gives: "everything inside the cluster",
        by_rights: false,
        take: Take::Somebody(resource::admin_group),
    },
    Step {
        name: "bind cluster roles",
        needs: "clusterrolebindings/write and clusterroles/bind/action inside a cluster, of a role \
                or of a native binding",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(resource::bind),
    },
    Step {
        name: "run workloads",
        needs: "writing pods or what makes some, pods/exec or serviceaccounts/impersonate in a \
                namespace",
        gives: "what its service accounts are bound to",
        by_rights: true,
        take: Take::Somebody(cluster::run_workloads),
    },
    Step {
        name: "impersonate",
        needs: "users, groups or serviceaccounts/impersonate/action in a whole cluster",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(cluster::impersonate),
    },
    Step {
        name: "node proxy",
        needs: "nodes/proxy inside a cluster",
        gives: "everything inside the cluster",
        by_rights: true,
        take: Take::Somebody(cluster::node_proxy),
    },
    Step {
        name: "widen cluster roles",
        needs: "writing roles with their verb escalate, or in a namespace bindings with bind",
        gives: "everything inside the cluster or the namespace",
        by_rights: true,
        take: Take::Somebody(cluster::escalate),
    },
    Step {
        name: "cluster nodes",
        needs: "running something on the nodes' scale sets or machines",
        gives: "the kubelet identity, and what runs on the nodes",
        by_rights: true,
        take: Take::Somebody(resource::nodes),
    },
    Step {
        name: "vault access policies",
        needs: "a policy",
        gives: "the vault's keys, while it goes by policies",
        by_rights: false,
        take: Take::Somebody(resource::policies),
    },
    Step {
        name: "write access policies",
        needs: "vaults/accessPolicies/write or vaults/write",
        gives: "the vault's keys, while it goes by policies",
        by_rights: true,
        take: Take::Somebody(resource::write_policies),
    },
    Step {
        name: "own an application",
        needs: "ownership of an application or its service principal",
        gives: "its rights, by a credential of its own",
        by_rights: false,
        take: Take::Somebody(directory::applications),
    },
    Step {
        name: "own a group",
        needs: "ownership of a group",
        gives: "its rights, by becoming a member",
        by_rights: false,
        take: Take::Somebody(directory::groups),
    },
    Step {
        name: "directory roles",
        needs: "a directory role, held or to be activated, or an application role of Graph, also \
                through a group",
        gives: "the role",
        by_rights: false,
        take: Take::Somebody(directory::roles),
    },
    Step {
        name: "assign directory roles",
        needs: "Privileged Role Administrator, RoleManagement.ReadWrite.Directory, PIM's requests",
        gives: "Global Administrator",
        by_rights: false,
        take: Take::Power(directory::assign_directory_roles),
    },
    Step {
        name: "grant application roles",
        needs: "AppRoleAssignment.ReadWrite.All",
        gives: "RoleManagement.ReadWrite.Directory",
        by_rights: false,
        take: Take::Power(directory::grant_app_roles),
    },
    Step {
        name: "unknown power",
        needs: "a directory role or an application role of which nothing is known",
        gives: "nobody knows: perhaps anything",
        by_rights: false,
        take: Take::Power(directory::unknown_power),
    },
    Step {
        name: "take over the tenant",
        needs: "Global Administrator",
        gives: "anything at the root",
        by_rights: false,
        take: Take::Power(directory::take_over),
    },
    Step {
        name: "manage applications",
        needs: "a role that writes credentials of applications",
        gives: "every application's rights",
        by_rights: false,
        take: Take::Power(directory::manage_applications),
    },
    Step {
        name: "manage groups",
        needs: "a role that writes members of groups",
        gives: "every such group's rights",
        by_rights: false,
        take: Take::Power(directory::manage_groups),
    },
    Step {
        name: "reset credentials",
        needs: "a role that resets people's credentials",
        gives: "their rights",
        by_rights: false,
        take: Take::Power(directory::manage_users),
    },
    Step {
        name: "use what is there",
        needs: "anything at a scope",
        gives: "what lies in it",
        by_rights: false,
        take: Take::Power(resource::use_everything),
    },
    Step {
        name: "use workloads",
        needs: "everything inside a cluster",
        gives: "the identities of what runs in it",
        by_rights: false,
        take: Take::Power(resource::use_workloads),
    },
];
