//! Who gets into a cluster, what roles and bindings give, and how the others are refused.

use super::client::{AKS, Azure, DEPLOYMENTS, RBAC_ADMIN, RBAC_READER, WEB};
use onestream_emulator::Settings;
use serde_json::{Value, json};

const NO_ROLE: &str =
    "User does not have access to the resource in Azure. Update role assignment to allow access.";

#[tokio::test]
async fn only_tokens_for_clusters_get_in() {
    let azure = Azure::start().await;
    for token in ["", "garbage", &azure.arm.clone()] {
        let reply = azure.get_as(token, "/version").await;
        assert_eq!((reply.status, reply.reason()), (401, "Unauthorized"));
        assert_eq!(reply.body["kind"], "Status");
    }
    let version = azure.k8s("GET", "/version", Value::Null).await;
    assert_eq!(version.body["minor"], "36");
    assert_eq!(azure.get_as("", "/healthz").await.text, "ok");
    let groups = azure.k8s("GET", "/apis", Value::Null).await;
    assert!(groups.text.contains("gateway.networking.k8s.io/v1"));
    let apps = azure.k8s("GET", "/apis/apps/v1", Value::Null).await;
    assert!(apps.text.contains("deployments/scale"));
    let none = azure
        .k8s("GET", "/apis/nothing/v1/things", Value::Null)
        .await;
    assert_eq!((none.status, none.reason()), (404, "NotFound"));
}

#[tokio::test]
async fn roles_on_a_namespace_end_at_its_border() {
    let azure = Azure::start().await;
    assert_eq!(azure.deployment(1, "i:1").await.status, 201);
    let (client, object, secret) = azure.client("pipeline").await;
    let token = azure.token(&client, &secret, AKS).await;
    let none = azure.get_as(&token, DEPLOYMENTS).await;
    assert_eq!((none.status, none.reason()), (403, "Forbidden"));
    assert_eq!(
        none.message(),
        format!(
            "deployments.apps is forbidden: User \"{object}\" cannot list resource \"deployments\" in API group \"apps\" in the namespace \"iam\": {NO_ROLE}"
        )
    );
    let role = azure
        .role(
            1,
            &[
                "apps/deployments/read",
                "apps/deployments/write",
                "pods/read",
            ],
        )
        .await;
    let scope = format!("{}/namespaces/iam", azure.cluster);
    azure
        .assign(&scope, &role, &object, "ServicePrincipal")
        .await;
    assert_eq!(azure.get_as(&token, WEB).await.status, 200);
    let send = async |method: &str, path: &str, body: Value| {
        let sent = azure.k8s_as(&token, method, path, "application/merge-patch+json", body);
        sent.await.unwrap()
    };
    assert_eq!(
        send("PATCH", WEB, json!({"spec": {"replicas": 2}}))
            .await
            .status,
        200
    );
    assert_eq!(send("DELETE", WEB, Value::Null).await.status, 403);
    for path in [
        "/api/v1/namespaces/iam/secrets",
        "/api/v1/namespaces/iam/serviceaccounts/default",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/deployments",
        "/api/v1/namespaces",
        "/api/v1/namespaces/iam",
    ] {
        let refused = azure.get_as(&token, path).await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.message().ends_with(NO_ROLE));
    }
    let all = azure.get_as(&token, "/api/v1/pods").await;
    assert!(all.message().contains("at the cluster scope"));
}

#[tokio::test]
async fn built_in_roles_read_no_secrets_and_control_no_namespaces() {
    let azure = Azure::start().await;
    for (role, path, method, status) in [
        (
            RBAC_READER,
            "/api/v1/namespaces/default/configmaps",
            "GET",
            200,
        ),
        (
            RBAC_READER,
            "/api/v1/namespaces/default/secrets",
            "GET",
            403,
        ),
        (RBAC_READER, "/api/v1/namespaces", "GET", 200),
        (RBAC_ADMIN, "/api/v1/namespaces/default/secrets", "GET", 200),
        (RBAC_ADMIN, "/api/v1/namespaces/default", "DELETE", 403),
    ] {
        let (client, object, secret) = azure.client("c").await;
        azure
            .assign(&azure.cluster, role, &object, "ServicePrincipal")
            .await;
        let token = azure.token(&client, &secret, AKS).await;
        let reply = azure
            .k8s_as(&token, method, path, "", Value::Null)
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }
}

#[tokio::test]
async fn native_bindings_count_beside_roles() {
    let azure = Azure::start().await;
    azure.namespace("iam").await;
    let (client, object, secret) = azure.client("pipeline").await;
    let token = azure.token(&client, &secret, AKS).await;
    let base = "/apis/rbac.authorization.k8s.io/v1/namespaces/iam";
    let role = json!({"metadata": {"name": "routes"}, "rules": [{
        "apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"],
        "verbs": ["get", "list", "create", "patch"],
    }]});
    let made = azure
        .k8s("POST", &format!("{base}/roles"), role.clone())
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let binding = json!({
        "metadata": {"name": "routes"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": object}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "routes"},
    });
    let routes = "/apis/gateway.networking.k8s.io/v1/namespaces/iam/httproutes";
    assert_eq!(azure.get_as(&token, routes).await.status, 403);
    let path = format!("{base}/rolebindings");
    assert_eq!(azure.k8s("POST", &path, binding.clone()).await.status, 201);
    assert_eq!(azure.get_as(&token, routes).await.status, 200);
    let gateways = routes.replace("httproutes", "gateways");
    assert_eq!(azure.get_as(&token, &gateways).await.status, 403);
    let mut moved = binding;
    moved["roleRef"]["name"] = json!("other");
    let refused = azure.k8s("PUT", &format!("{path}/routes"), moved).await;
    assert_eq!((refused.status, refused.reason()), (422, "Invalid"));
}

#[tokio::test]
async fn the_roles_that_a_cluster_comes_with_may_be_bound_by_who_may_bind_them() {
    let azure = Azure::start().await;
    azure.namespace("iam").await;
    let base = "/apis/rbac.authorization.k8s.io/v1";
    let roles = azure
        .k8s("GET", &format!("{base}/clusterroles"), Value::Null)
        .await;
    for name in [
        "\"cluster-admin\"",
        "\"edit\"",
        "\"view\"",
        "\"system:discovery\"",
    ] {
        assert!(roles.text.contains(name), "{name}");
    }
    let bindings = azure
        .k8s("GET", &format!("{base}/clusterrolebindings"), Value::Null)
        .await;
    for name in ["aks-cluster-admin-binding", "system:basic-user"] {
        assert!(bindings.text.contains(name), "{name}");
    }
    let (client, object, secret) = azure.client("stranger").await;
    let token = azure.token(&client, &secret, AKS).await;
    let (secrets, elsewhere) = (
        "/api/v1/namespaces/iam/secrets",
        "/api/v1/namespaces/default/secrets",
    );
    // Only who is let read the bindings does.
    let all = format!("{base}/clusterrolebindings");
    assert_eq!(azure.get_as(&token, &all).await.status, 403);
    assert_eq!(azure.get_as(&token, secrets).await.status, 403);
    let subject = json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": object});
    let binding = |role: &str| {
        json!({
            "metadata": {"name": "theirs"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        })
    };
    let path = format!("{base}/namespaces/iam/rolebindings");
    let made = azure.k8s("POST", &path, binding("edit")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(azure.get_as(&token, secrets).await.status, 200);
    assert_eq!(azure.get_as(&token, elsewhere).await.status, 403);
    let made = azure.k8s("POST", &all, binding("cluster-admin")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(azure.get_as(&token, elsewhere).await.status, 200);
    let gone = azure
        .k8s("DELETE", &format!("{all}/theirs"), Value::Null)
        .await;
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(azure.get_as(&token, elsewhere).await.status, 403);
}

#[tokio::test]
async fn nobody_grants_what_it_does_not_hold() {
    let azure = Azure::start().await;
    let (client, object, secret) = azure.client("c").await;
    let role = azure
        .role(
            1,
            &[
                "rbac.authorization.k8s.io/roles/write",
                "rbac.authorization.k8s.io/rolebindings/write",
                "configmaps/read",
            ],
        )
        .await;
    azure
        .assign(&azure.cluster, &role, &object, "ServicePrincipal")
        .await;
    let token = azure.token(&client, &secret, AKS).await;
    let base = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let (roles, bindings) = (format!("{base}/roles"), format!("{base}/rolebindings"));
    let give = async |name: &str, resource: &str| {
        let rules = json!([{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}]);
        let body = json!({"metadata": {"name": name}, "rules": rules});
        let sent = azure.k8s_as(&token, "POST", &roles, "application/json", body);
        sent.await.unwrap()
    };
    assert_eq!(give("config", "configmaps").await.status, 201);
    let refused = give("secrets", "secrets").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .message()
            .contains("attempting to grant RBAC permissions not currently held")
    );
    let binding = json!({
        "metadata": {"name": "admin"},
        "subjects": [{"kind": "User", "name": object}],
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
    });
    let sent = azure.k8s_as(&token, "POST", &bindings, "application/json", binding);
    assert_eq!(sent.await.unwrap().status, 403);
}

#[tokio::test]
async fn reviews_tell_what_one_may_do() {
    let azure = Azure::start().await;
    azure.namespace("iam").await;
    let (client, object, secret) = azure.client("c").await;
    let scope = format!("{}/namespaces/iam", azure.cluster);
    azure
        .assign(&scope, RBAC_READER, &object, "ServicePrincipal")
        .await;
    let token = azure.token(&client, &secret, AKS).await;
    let review = async |what: &str, spec: Value| {
        let path = format!("/apis/authorization.k8s.io/v1/{what}");
        let body = json!({ "spec": spec });
        let sent = azure.k8s_as(&token, "POST", &path, "application/json", body);
        sent.await.unwrap()
    };
    let ask = async |verb: &str, resource: &str| {
        let spec = json!({"resourceAttributes": {"namespace": "iam", "verb": verb, "group": "", "resource": resource}});
        review("selfsubjectaccessreviews", spec).await.body["status"].clone()
    };
    let yes = ask("list", "pods").await;
    assert_eq!(yes["allowed"], true);
    assert!(
        yes["reason"]
            .as_str()
            .unwrap()
            .starts_with("Access allowed by Azure RBAC")
    );
    assert_eq!(
        ask("get", "secrets").await,
        json!({"allowed": false, "reason": NO_ROLE})
    );
    let rules = review("selfsubjectrulesreviews", json!({"namespace": "iam"})).await;
    let rules = rules.body["status"]["resourceRules"].to_string();
    assert!(rules.contains("configmaps") && !rules.contains("secrets"));
}

#[tokio::test]
async fn the_clusters_own_accounts_and_admin_groups_may_do_everything() {
    let azure = Azure::start().await;
    let path = format!("{}/listClusterAdminCredential", azure.cluster);
    let file = azure.arm("POST", &path, Value::Null).await;
    let file = file.body["kubeconfigs"][0]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    use base64::Engine as _;
    let file = base64::engine::general_purpose::STANDARD
        .decode(file)
        .unwrap();
    let file = String::from_utf8(file).unwrap();
    let port = azure
        .emulator
        .origin()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        file.contains(&format!("server: http://{}:{port}\n", azure.host)),
        "{file}"
    );
    let token = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("token: "))
        .unwrap();
    assert_eq!(azure.get_as(token, "/api/v1/secrets").await.status, 200);
    let patch = json!({"properties": {"disableLocalAccounts": true}});
    let id = azure.cluster.clone();
    azure
        .control("PATCH", &format!("objects?id={id}"), patch)
        .await;
    assert_eq!(azure.get_as(token, "/api/v1/secrets").await.status, 401);

    let (client, object, secret) = azure.client("c").await;
    let group = json!({"displayName": "g", "mailNickname": "g", "mailEnabled": false, "securityEnabled": true});
    let group = azure.graph("groups", group).await;
    let group = group["id"].as_str().unwrap().to_owned();
    let member =
        json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{object}")});
    azure
        .graph(&format!("groups/{group}/members/$ref"), member)
        .await;
    let token = azure.token(&client, &secret, AKS).await;
    assert_eq!(azure.get_as(&token, "/api/v1/secrets").await.status, 403);
    let patch = json!({"properties": {"aadProfile": {"adminGroupObjectIDs": [group]}}});
    azure
        .control("PATCH", &format!("objects?id={id}"), patch)
        .await;
    assert_eq!(azure.get_as(&token, "/api/v1/secrets").await.status, 200);
}

#[tokio::test]
async fn a_cluster_answers_while_it_runs_and_only_inside_if_it_is_private() {
    let azure = Azure::start().await;
    let down = json!({"region": "eastus2", "on": true});
    azure.control("POST", "outage", down).await;
    let reply = azure.k8s("GET", "/version", Value::Null).await;
    assert_eq!((reply.status, reply.reason()), (503, "ServiceUnavailable"));
    azure
        .control("POST", "outage", json!({"region": "eastus2", "on": false}))
        .await;
    let stop = azure
        .arm("POST", &format!("{}/stop", azure.cluster), Value::Null)
        .await;
    azure.finish(&stop).await;
    assert_eq!(azure.k8s("GET", "/version", Value::Null).await.status, 503);
    for outside in [false, true] {
        let settings = Settings {
            outside,
            ..Settings::default()
        };
        let private = json!({"apiServerAccessProfile": {"enablePrivateCluster": true}});
        let azure = Azure::with(settings, private).await;
        let sent = azure
            .k8s_as(&azure.admin, "GET", "/version", "", Value::Null)
            .await;
        assert_eq!(sent.is_err(), outside);
    }
}
