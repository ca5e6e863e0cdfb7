//! Native role bindings: what they give beside Azure's roles, to whom, whatever Azure denies.

use serde_json::{Value as Json, json};

use super::Sketch;
use crate::rbac::native::{Lists, Native};
use crate::rbac::{Access, Action, Catalogue, Decision, Declared, Scope};

const CLUSTER: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c";
const ME: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn role(name: &str, namespace: Option<&str>, rules: Json) -> Json {
    json!({"metadata": {"name": name, "namespace": namespace}, "rules": rules})
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Json {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn binding(name: &str, namespace: Option<&str>, role: (&str, &str), who: Json) -> Json {
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": role.0, "name": role.1},
        "subjects": who,
    })
}

fn user(name: &str) -> Json {
    json!({"kind": "User", "name": name})
}

fn group(name: &str) -> Json {
    json!({"kind": "Group", "name": name})
}

/// What the bindings give, of these cluster roles and roles.
fn read(bindings: &[Json], roles: &[Json]) -> Native {
    let apart = |list: &[Json]| -> (Vec<Json>, Vec<Json>) {
        let mut whole = list.to_vec();
        let inside = whole
            .extract_if(.., |one| one["metadata"]["namespace"].is_string())
            .collect();
        (whole, inside)
    };
    let (cluster_role_bindings, role_bindings) = apart(bindings);
    let (cluster_roles, roles) = apart(roles);
    let lists = Lists {
        cluster_role_bindings: &cluster_role_bindings,
        role_bindings: &role_bindings,
        cluster_roles: &cluster_roles,
        roles: &roles,
    };
    Native::read(&Scope::new(CLUSTER), &["admins".to_owned()], lists).expect("lists")
}

fn access(native: Native, mut sketch: Sketch) -> Access {
    sketch.roles.extend(native.roles);
    sketch.tenant.assignments.extend(native.assignments);
    sketch.access()
}

/// What somebody may do in a namespace of what is asked.
fn may(access: &Access, namespace: &str, actions: &[&str]) -> Vec<bool> {
    let scope = Scope::new(&format!("{CLUSTER}/namespaces/{namespace}"));
    let actions = actions.iter().map(|action| {
        let action = format!("Microsoft.ContainerService/managedClusters/{action}");
        access
            .allows(ME, &scope, &Action::data(&action))
            .is_allowed()
    });
    actions.collect()
}

#[test]
fn a_rule_gives_the_data_actions_that_azure_would_be_asked_for() {
    for (rule, given, kept) in [
        (
            rule(&["*"], &["*"], &["*"]),
            vec!["secrets/read", "apps/deployments/write", "pods/exec/action"],
            vec![],
        ),
        (
            rule(&["apps"], &["deployments", "deployments/scale"], &["patch"]),
            vec!["apps/deployments/write"],
            vec!["apps/deployments/read", "apps/replicasets/write"],
        ),
        (
            rule(&["apps"], &["*"], &["list", "deletecollection"]),
            vec!["apps/replicasets/read", "apps/deployments/delete"],
            vec!["apps/deployments/write", "secrets/read"],
        ),
        (
            rule(&[""], &["pods/exec"], &["create"]),
            vec!["pods/exec/action"],
            vec!["pods/write", "pods/read"],
        ),
        (
            rule(&[""], &["nodes/proxy"], &["get"]),
            vec!["nodes/proxy/action"],
            vec!["nodes/read", "pods/read"],
        ),
        (
            rule(&["", "apps"], &["*"], &["create"]),
            vec!["pods/exec/action", "secrets/write"],
            vec!["secrets/read"],
        ),
        (
            rule(&["*"], &["secrets"], &["get"]),
            vec!["secrets/read"],
            vec!["pods/read"],
        ),
        (
            rule(&[""], &["serviceaccounts"], &["impersonate"]),
            vec!["serviceaccounts/impersonate/action"],
            vec!["serviceaccounts/write"],
        ),
        (
            rule(&["rbac.authorization.k8s.io"], &["roles"], &["*"]),
            vec![
                "rbac.authorization.k8s.io/roles/bind/action",
                "rbac.authorization.k8s.io/roles/write",
            ],
            vec!["rbac.authorization.k8s.io/rolebindings/write"],
        ),
        (
            rule(&["gateway.networking.k8s.io"], &["httproutes"], &["update"]),
            vec!["customresources/write"],
            vec!["networking.k8s.io/ingresses/write"],
        ),
        (
            rule(&["argoproj.io"], &["*"], &["*"]),
            vec![
                "customresources/read",
                "customresources/write",
                "customresources/delete",
            ],
            vec!["pods/write", "pods/exec/action"],
        ),
        (
            rule(&["argoproj.io"], &["*"], &["create"]),
            vec!["customresources/write"],
            vec!["customresources/read", "pods/exec/action"],
        ),
        (
            rule(&["argoproj.io"], &["applications"], &["*"]),
            vec!["customresources/delete"],
            vec!["apps/deployments/read"],
        ),
        (
            rule(&["apps"], &["*"], &["*"]),
            vec!["apps/deployments/write", "apps/daemonsets/delete"],
            vec!["customresources/read", "pods/exec/action"],
        ),
        (
            rule(
                &["authorization.k8s.io"],
                &["selfsubjectaccessreviews"],
                &["create"],
            ),
            vec![],
            vec!["authorization.k8s.io/selfsubjectaccessreviews/write"],
        ),
    ] {
        let roles = [role("r", None, json!([rule]))];
        let bound = binding("b", None, ("ClusterRole", "r"), json!([user(ME)]));
        let access = access(read(&[bound], &roles), Sketch::default());
        assert!(may(&access, "iam", &given).iter().all(|may| *may), "{rule}");
        assert!(!may(&access, "iam", &kept).contains(&true), "{rule}");
    }
}

#[test]
fn a_binding_holds_where_it_stands_and_of_the_role_that_it_names() {
    let reads = |what: &str| json!([rule(&[""], &[what], &["get"])]);
    let roles = [
        role("r", None, reads("secrets")),
        role("r", Some("iam"), reads("pods")),
        role("R", Some("iam"), reads("events")),
    ];
    let asked = ["secrets/read", "pods/read", "events/read"];
    let given = |kind: &str, name: &str, namespace: Option<&str>, at: &str| {
        let bound = binding("b", namespace, (kind, name), json!([user(ME)]));
        let access = access(read(&[bound], &roles), Sketch::default());
        may(&access, at, &asked)
    };
    assert_eq!(given("ClusterRole", "r", None, "iam"), [true, false, false]);
    assert_eq!(
        given("ClusterRole", "r", Some("iam"), "iam"),
        [true, false, false]
    );
    assert_eq!(given("ClusterRole", "r", Some("iam"), "other"), [false; 3]);
    assert_eq!(given("Role", "r", Some("iam"), "iam"), [false, true, false]);
    // A role of another namespace, or none: it gives nothing.
    assert_eq!(given("Role", "r", Some("other"), "other"), [false; 3]);
    // Azure's ids do not tell names of another case apart, so none hides behind the other.
    let both = ["r", "R"].map(|name| binding("b", Some("iam"), ("Role", name), json!([user(ME)])));
    let access = access(read(&both, &roles), Sketch::default());
    assert_eq!(may(&access, "iam", &asked), [false, true, true]);
}

#[test]
fn people_groups_and_everybody_are_bound_and_what_is_the_systems_is_not() {
    let all = [role(
        "cluster-admin",
        None,
        json!([rule(&["*"], &["*"], &["*"])]),
    )];
    let bound = |who: Json| {
        let native = read(
            &[binding(
                "b",
                None,
                ("ClusterRole", "cluster-admin"),
                json!([who]),
            )],
            &all,
        );
        let principals = native.assignments.into_iter().map(|one| one.principal);
        principals.collect::<Vec<_>>()
    };
    assert_eq!(bound(user(&ME.to_uppercase())), [ME]);
    assert_eq!(bound(user("Ada@Example.org")), ["ada@example.org"]);
    assert_eq!(bound(user("jane")), ["jane"]);
    assert_eq!(bound(group("developers")), ["developers"]);
    assert_eq!(
        bound(group("system:authenticated")),
        ["system:authenticated"]
    );
    // A request without a token is of this user, and of a group that the next one names.
    assert_eq!(bound(user("system:anonymous")), ["system:anonymous"]);
    let unknown = "system:unauthenticated";
    assert_eq!(bound(group(unknown)), [unknown]);
    for nobody in [
        user(unknown),
        group("system:anonymous"),
        user("system:kube-scheduler"),
        user("clusterAdmin"),
        user("aks-support"),
        group("system:masters"),
        group("Admins"),
    ] {
        assert_eq!(bound(nobody.clone()), [""; 0], "{nobody}");
    }
    let some = [role(
        "view",
        None,
        json!([rule(&[""], &["pods"], &["get"])]),
    )];
    let of_admins = binding("b", None, ("ClusterRole", "view"), json!([group("admins")]));
    assert_eq!(read(&[of_admins], &some).assignments.len(), 1);
}

#[test]
fn service_accounts_are_bound_apart_from_people() {
    let roles = [
        role("edit", None, json!([rule(&["apps"], &["*"], &["*"])])),
        role("nothing", None, json!([])),
    ];
    let bound = |role: &str, who: Json| {
        let bound = binding("b", Some("iam"), ("ClusterRole", role), json!([who]));
        let native = read(&[bound], &roles);
        assert!(native.assignments.is_empty(), "{native:?}");
        let accounts = native.accounts.into_iter().map(|one| one.principal);
        let cluster = CLUSTER.to_ascii_lowercase();
        accounts
            .map(|one| one.replace(&cluster, ""))
            .collect::<Vec<_>>()
    };
    let account = json!({"kind": "ServiceAccount", "name": "Default", "namespace": "ops"});
    for (who, id) in [
        (account.clone(), "/namespaces/ops/serviceaccounts/default"),
        (
            user("system:serviceaccount:ops:default"),
            "/namespaces/ops/serviceaccounts/default",
        ),
        (
            group("system:serviceaccounts:ops"),
            "/namespaces/ops/serviceaccounts",
        ),
        (group("system:serviceaccounts"), "/serviceaccounts"),
    ] {
        assert_eq!(bound("edit", who.clone()), [id], "{who}");
        assert_eq!(bound("nothing", who), [""; 0]);
    }
    assert_eq!(bound("edit", group("system:serviceaccountsx")), [""; 0]);
}

#[test]
fn what_everybody_may_by_default_is_no_grant() {
    let own = json!([
        rule(&["authorization.k8s.io"], &["selfsubjectaccessreviews"], &["create"]),
        {"nonResourceURLs": ["/version"], "verbs": ["get"]},
    ]);
    let bound = |role: &str| {
        let who = json!([group("system:authenticated"), user("system:anonymous")]);
        binding("b", None, ("ClusterRole", role), who)
    };
    let roles = [
        role("system:basic-user", None, own),
        role("view", None, json!([rule(&[""], &["pods"], &["get"])])),
    ];
    let native = read(&[bound("system:basic-user")], &roles);
    assert!(native.assignments.is_empty() && native.everybody.is_empty());
    let native = read(&[bound("view")], &roles);
    assert_eq!(native.assignments.len(), 2);
    let everybody: Vec<&String> = native.everybody.iter().collect();
    assert_eq!(everybody, ["system:anonymous", "system:authenticated"]);
    let advice = |native: &Native| {
        let binding = native.assignments[0].native.as_ref();
        binding.expect("a binding").removal()
    };
    assert_eq!(advice(&native), "kubectl delete clusterrolebinding b");
    // Who made a default role give more is to put the role right, whose binding comes back.
    let edited = [role(
        "system:basic-user",
        None,
        json!([rule(&[""], &["pods"], &["get"])]),
    )];
    let native = read(&[bound("system:basic-user")], &edited);
    assert_eq!(
        advice(&native),
        "kubectl edit clusterrole system:basic-user"
    );
}

#[test]
fn azure_does_not_deny_what_it_is_not_asked_about() {
    let roles = [role(
        "edit",
        None,
        json!([rule(&[""], &["secrets"], &["get"])]),
    )];
    let bound = binding("b", Some("iam"), ("ClusterRole", "edit"), json!([user(ME)]));
    let everything = json!({"dataActions": ["*"]});
    let sketch = Sketch::default()
        .role(
            "azure",
            json!({"dataActions": ["*/secrets/read", "*/pods/read"]}),
        )
        .gives(CLUSTER, "azure", ME)
        .denies("d", CLUSTER, everything, json!({}));
    let access = access(read(&[bound], &roles), sketch);
    assert_eq!(
        may(&access, "iam", &["secrets/read", "pods/read"]),
        [true, false]
    );
    let scope = Scope::new(&format!("{CLUSTER}/namespaces/iam"));
    let effective = access.holdings(ME).at(&scope);
    let beyond = effective.beyond(&Declared::nothing(), &Catalogue::default());
    assert_eq!(beyond.len(), 1, "{beyond:?}");
    assert!(beyond[0].certain && beyond[0].why.role_name.as_deref() == Some("ClusterRole edit"));
    let action = Action::data("Microsoft.ContainerService/managedClusters/secrets/read");
    match access.allows(ME, &scope, &action) {
        Decision::Allowed { by } => assert_eq!(by.len(), 1, "{by:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_bodies_are_errors() {
    for body in [
        json!(null),
        json!({"metadata": {}}),
        json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole"}}),
        json!({"metadata": {"name": "b", "namespace": "iam"},
            "roleRef": {"kind": "ClusterRole", "name": "r"}}),
    ] {
        let lists = Lists {
            cluster_role_bindings: std::slice::from_ref(&body),
            role_bindings: &[],
            cluster_roles: &[],
            roles: &[],
        };
        let read = Native::read(&Scope::new(CLUSTER), &[], lists);
        assert!(read.is_err(), "{body}");
    }
}
