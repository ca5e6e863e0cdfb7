//! Native role bindings: what a cluster's own roles give, in the words of Azure's data actions.
//!
//! ## Why
//! They are in force beside Azure's roles, so they are grants like these: of a role whose data
//! actions are those by which AKS would ask Azure about the same requests. Where a rule says what
//! no data action does, such as names of objects or most subresources, the wider one stands for it.
//! <https://learn.microsoft.com/azure/aks/manage-azure-rbac>
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;

use super::assignment::{Assignment, PrincipalType};
use super::body::{BodyError, nullable, read, wrong};
use super::permission::Permission;
use super::role::RoleDefinition;
use super::scope::Scope;

/// What the data actions of clusters begin with.
const CLUSTERS: &str = "Microsoft.ContainerService/managedClusters";

/// What stands for everything inside a cluster.
const EVERYTHING: &str = "Microsoft.ContainerService/managedClusters/*";

/// The API groups that have data actions of their own; all others are custom resources.
const GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "metrics.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// What everybody may ask about themselves.
const SELF_REVIEWS: &[&str] = &[
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
];

/// Users that AKS makes: its local accounts, which a finding of their own is about, and its support.
const OF_AKS: &[&str] = &["clusterAdmin", "clusterUser", "masterclient", "aks-support"];

/// What whoever reaches a cluster counts as: with a token, and without one as this user, who is in
/// that group.
const EVERYBODY: &[(&str, &str)] = &[
    ("Group", "system:authenticated"),
    ("Group", "system:unauthenticated"),
    ("User", "system:anonymous"),
];

/// Roles that Kubernetes binds everybody to. What they give as they come is no data action.
const OPEN: &[&str] = &[
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
];

/// The role that may do everything.
const ADMIN: &str = "cluster-admin";

/// A binding's name and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Its namespace; `None` for one that holds in the whole cluster.
    pub namespace: Option<String>,
    /// The role that everybody is bound to anyhow, which somebody made give this.
    pub edited: Option<String>,
}

/// The lists that a cluster tells its bindings by, as members.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    /// `clusterrolebindings`.
    pub cluster_role_bindings: &'a [Json],
    /// `rolebindings` of all namespaces.
    pub role_bindings: &'a [Json],
    /// `clusterroles`.
    pub cluster_roles: &'a [Json],
    /// `roles` of all namespaces.
    pub roles: &'a [Json],
}

/// What the bindings of a cluster give.
#[derive(Debug, Clone, Default)]
pub struct Native {
    /// One for each binding and subject; a person stands in it by sign-in name, where the binding
    /// names it so.
    pub assignments: Vec<Assignment>,
    /// The same for service accounts, whom no directory has.
    pub accounts: Vec<Assignment>,
    /// The roles that they are of.
    pub roles: Vec<RoleDefinition>,
    /// What everybody counts as who reaches it, as far as that is bound to something.
    pub everybody: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingBody {
    metadata: Meta,
    role_ref: RoleRef,
    #[serde(default, deserialize_with = "nullable")]
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
struct RoleRef {
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct Subject {
    kind: String,
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    namespace: String,
}

#[derive(Deserialize)]
struct RoleBody {
    metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    rules: Vec<Rule>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    #[serde(deserialize_with = "nullable")]
    api_groups: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    resources: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    verbs: Vec<String>,
}

impl Native {
    /// What the lists of the cluster at `scope` say. Users and groups are bound, and apart from them
    /// what runs inside, which does not come from the directory. `admins` are its admin groups, whose binding AKS makes
    /// and another finding is about.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn read(scope: &Scope, admins: &[String], lists: Lists<'_>) -> Result<Self, BodyError> {
        let mut native = Self::default();
        let rules = rules(lists)?;
        let (mut used, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let everywhere = lists.cluster_role_bindings.iter().map(|one| (one, true));
        let inside = lists.role_bindings.iter().map(|one| (one, false));
        for (body, is_cluster) in everywhere.chain(inside) {
            const WHAT: &str = "role binding";
            let binding: BindingBody = read(WHAT, body)?;
            let namespace = &binding.metadata.namespace;
            if namespace.is_empty() != is_cluster {
                return Err(wrong(WHAT, body, "metadata.namespace", "does not fit"));
            }
            let role = match binding.role_ref.kind.as_str() {
                "ClusterRole" => ("", binding.role_ref.name.as_str()),
                _ => (namespace.as_str(), binding.role_ref.name.as_str()),
            };
            for subject in &binding.subjects {
                let given = rules.get(&(role.0.to_owned(), role.1.to_owned()));
                let given = given.map_or(&[][..], Vec::as_slice);
                let account = subject.account(scope).filter(|_| !given.is_empty());
                let is_account = account.is_some();
                let of_directory = || subject.principal(admins, role);
                let Some((principal, of_type)) = account.or_else(of_directory) else {
                    continue;
                };
                if subject.is_everybody() {
                    if given.is_empty() {
                        continue;
                    }
                    native.everybody.insert(principal.clone());
                }
                let id = role_id(scope, role);
                let definition = used
                    .entry(id.clone())
                    .or_insert_with(|| definition(&id, role));
                if seen.insert((role.0.to_owned(), role.1.to_owned())) {
                    definition.permissions.extend(permission(given));
                }
                let list = match is_account {
                    true => &mut native.accounts,
                    false => &mut native.assignments,
                };
                let mut one = assignment(scope, &binding.metadata, id, principal, of_type);
                if subject.is_everybody() && role.0.is_empty() && OPEN.contains(&role.1) {
                    let edited = Some(role.1.to_owned());
                    one.native = one.native.map(|binding| Binding { edited, ..binding });
                }
                list.push(one);
            }
        }
        native.roles = used.into_values().collect();
        Ok(native)
    }
}

/// Where whoever runs something may do so as the service account that a binding binds: a namespace,
/// or the cluster for what binds all of its accounts.
pub(super) fn account_place(bound: &Assignment) -> Scope {
    let (place, _) = bound
        .principal
        .rsplit_once("/serviceaccounts")
        .unwrap_or((&bound.principal, ""));
    Scope::new(place)
}

impl Subject {
    /// The service account, or all of a namespace's or of the cluster's, that it names: by an id of
    /// ours in lower case, since names are a cluster's own.
    fn account(&self, cluster: &Scope) -> Option<(String, PrincipalType)> {
        const USER: &str = "system:serviceaccount:";
        const GROUP: &str = "system:serviceaccounts";
        let in_namespace =
            |namespace: &str| format!("{cluster}/namespaces/{namespace}/serviceaccounts");
        let id = match self.kind.as_str() {
            "ServiceAccount" => format!("{}/{}", in_namespace(&self.namespace), self.name),
            "User" => {
                let (namespace, name) = self.name.strip_prefix(USER)?.split_once(':')?;
                format!("{}/{name}", in_namespace(namespace))
            }
            "Group" => match self.name.strip_prefix(GROUP)? {
                "" => format!("{cluster}/serviceaccounts"),
                namespace => in_namespace(namespace.strip_prefix(':')?),
            },
            _ => return None,
        };
        let of_type = PrincipalType::Other("ServiceAccount".to_owned());
        Some((id.to_ascii_lowercase(), of_type))
    }

    /// Whether everybody counts as whom it names.
    fn is_everybody(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        EVERYBODY.contains(&(self.kind.as_str(), name.as_str()))
    }

    /// Whom of the directory, or beside it, it names, in lower case.
    fn principal(&self, admins: &[String], role: (&str, &str)) -> Option<(String, PrincipalType)> {
        let name = self.name.to_ascii_lowercase();
        let of_type = match self.kind.as_str() {
            "User" if OF_AKS.contains(&self.name.as_str()) => return None,
            "User" => PrincipalType::User,
            "Group" if role == ("", ADMIN) && admins.contains(&name) => return None,
            "Group" => PrincipalType::Group,
            _ => return None,
        };
        // Those that Kubernetes keeps for itself come from no directory.
        let is_reserved = name.starts_with("system:") && !self.is_everybody();
        (!is_reserved).then_some((name, of_type))
    }
}

impl Binding {
    /// What takes it away, or takes out of its role what that should not give.
    pub fn removal(&self) -> String {
        if let Some(role) = &self.edited {
            return format!("kubectl edit clusterrole {role}");
        }
        match &self.namespace {
            None => format!("kubectl delete clusterrolebinding {}", self.name),
            Some(namespace) => {
                format!("kubectl delete rolebinding {} -n {namespace}", self.name)
            }
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            None => write!(f, "ClusterRoleBinding {}", self.name),
            Some(namespace) => write!(f, "RoleBinding {} in {namespace}", self.name),
        }
    }
}

/// What each role gives, by namespace and name.
fn rules(lists: Lists<'_>) -> Result<BTreeMap<(String, String), Vec<String>>, BodyError> {
    let mut rules = BTreeMap::new();
    for body in lists.cluster_roles.iter().chain(lists.roles) {
        let role: RoleBody = read("role of a cluster", body)?;
        let mut given: Vec<String> = role.rules.iter().flat_map(actions).collect();
        given.sort();
        given.dedup();
        rules.insert((role.metadata.namespace, role.metadata.name), given);
    }
    Ok(rules)
}

fn role_id(scope: &Scope, (namespace, name): (&str, &str)) -> String {
    let place = match namespace {
        "" => format!("{scope}/clusterroles/{name}"),
        namespace => format!("{scope}/namespaces/{namespace}/roles/{name}"),
    };
    place.to_ascii_lowercase()
}

/// A role that gives nothing yet. Names of roles differ by case, ids do not: what those of one id
/// give is added up.
fn definition(id: &str, (namespace, name): (&str, &str)) -> RoleDefinition {
    RoleDefinition {
        id: id.to_owned(),
        name: match namespace {
            "" => format!("ClusterRole {name}"),
            namespace => format!("Role {namespace}/{name}"),
        },
        custom: true,
        assignable_scopes: Vec::new(),
        permissions: Vec::new(),
    }
}

fn permission(given: &[String]) -> Option<Permission> {
    let actions: Vec<&str> = given.iter().map(String::as_str).collect();
    (!actions.is_empty()).then(|| Permission::of(&[], &actions))
}

fn assignment(
    scope: &Scope,
    meta: &Meta,
    role: String,
    principal: String,
    principal_type: PrincipalType,
) -> Assignment {
    let namespace = Some(meta.namespace.clone()).filter(|name| !name.is_empty());
    let (at, list) = match &namespace {
        None => (scope.id().to_owned(), "clusterrolebindings"),
        Some(namespace) => (format!("{scope}/namespaces/{namespace}"), "rolebindings"),
    };
    Assignment {
        id: format!("{at}/{list}/{}", meta.name),
        scope: Scope::new(&at),
        role,
        principal,
        principal_type,
        condition: None,
        starts: None,
        expires: None,
        native: Some(Binding {
            name: meta.name.clone(),
            namespace,
            edited: None,
        }),
    }
}

/// The data actions that stand for what a rule gives.
fn actions(rule: &Rule) -> Vec<String> {
    let mut actions = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            let (resource, below) = resource.split_once('/').unwrap_or((resource, ""));
            if SELF_REVIEWS.contains(&resource) {
                continue;
            }
            for verb in &rule.verbs {
                for path in paths(group, resource) {
                    actions.extend(of_verb(&path, resource, below, verb));
                }
            }
        }
    }
    actions
}

/// Where the data actions of a resource begin.
fn paths(group: &str, resource: &str) -> Vec<String> {
    let whole = match (group, resource) {
        ("*", "*") | ("", "*") => vec!["*".to_owned()],
        ("*", resource) => vec![resource.to_owned(), format!("*/{resource}")],
        ("", resource) => vec![resource.to_owned()],
        (group, resource) if GROUPS.contains(&group) => vec![format!("{group}/{resource}")],
        _ => vec!["customresources".to_owned()],
    };
    let whole = whole.into_iter();
    whole.map(|path| format!("{CLUSTERS}/{path}")).collect()
}

fn of_verb(path: &str, resource: &str, below: &str, verb: &str) -> Vec<String> {
    let all = resource == "*";
    // What opens a shell, whichever verb asks for it; by a node's proxy in every pod on it.
    if matches!((resource, below), ("pods", "exec") | ("nodes", "proxy")) {
        return vec![format!("{path}/{below}/action")];
    }
    let one = |word: &str| vec![format!("{path}/{word}")];
    match verb {
        "*" if path.ends_with('*') => vec![path.to_owned()],
        // Custom resources have one path, whatever they are called.
        "*" if all => vec![format!("{path}/*")],
        "*" => {
            let special = match resource {
                "roles" | "clusterroles" => &["bind/action", "escalate/action"][..],
                "users" | "groups" | "serviceaccounts" => &["impersonate/action"],
                _ => &[],
            };
            let plain = ["read", "write", "delete"];
            let words = plain.iter().chain(special);
            words.map(|word| format!("{path}/{word}")).collect()
        }
        "get" | "list" | "watch" => one("read"),
        // Whoever may create everything may open a shell, too.
        "create" if path == EVERYTHING => vec![
            format!("{path}/write"),
            format!("{CLUSTERS}/pods/exec/action"),
        ],
        "create" | "update" | "patch" => one("write"),
        "delete" | "deletecollection" => one("delete"),
        special => vec![format!("{path}/{special}/action")],
    }
}
