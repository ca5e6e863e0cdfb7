//! Reads of a cluster's own API server: who is asked, with which token, and who is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::cloud::CustomEndpoints;
use super::*;
use crate::provision::ports::{OUT_OF_REACH, Verdict};
use crate::resource::Plane;

const CLUSTER: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

fn asked(method: Method) -> Request {
    Request {
        plane: Plane::Cluster(CLUSTER.into()),
        api_version: None,
        ..Request::arm(method, ROLES, "")
    }
}

/// The same bench as a cloud that is no local Azure.
fn elsewhere(bench: &Bench) -> Azure {
    let origin = bench.server.uri();
    let cloud = Cloud::custom(&CustomEndpoints {
        resource_manager: origin.clone(),
        authority: origin.clone(),
        graph: origin,
        vault_suffix: "vault.example".into(),
        registry_suffix: "registry.example".into(),
        audiences: None,
    });
    let cloud = cloud.expect("a cloud");
    let settings = Settings::new(cloud, TENANT, Credential::Given(Arc::new(Fixed)));
    Azure::connect(settings).expect("a client")
}

/// A bench with a cluster whose credential file leads to `server`.
async fn with_cluster(server: impl Fn(u16) -> String) -> Bench {
    let bench = Bench::new().await;
    let shown = json!({"properties": {"fqdn": "c.hcp.eastus2.azmk8s.io"}});
    bench.on("GET", CLUSTER, vec![body(200, &shown)]).await;
    let server = server(bench.server.address().port());
    let file = format!("clusters:\n- cluster:\n    server: {server}\n  name: c\n");
    let file = json!({"kubeconfigs": [{"name": "clusterUser", "value": STANDARD.encode(file)}]});
    let list = format!("{CLUSTER}/listClusterUserCredential");
    bench.on("POST", &list, vec![body(200, &file)]).await;
    bench
}

fn own(port: u16) -> String {
    format!("http://c.hcp.eastus2.azmk8s.localhost:{port}")
}

#[tokio::test]
async fn a_cluster_is_asked_with_a_token_for_clusters_and_looked_for_once() {
    let bench = with_cluster(own).await;
    let roles = json!({"items": []});
    bench.on("GET", ROLES, vec![body(200, &roles)]).await;
    for _ in 0..2 {
        let read = bench.azure.get(&asked(Method::Get)).await;
        assert_eq!(read, Ok(Some(roles.clone())));
    }
    let received = bench.server.received_requests().await.unwrap_or_default();
    assert_eq!(received.len(), 4, "{:?}", bench.seen().await);
    let last = received.last().expect("the fourth");
    let header = |name: &str| last.headers.get(name).and_then(|it| it.to_str().ok());
    assert_eq!(
        header("authorization"),
        Some("Bearer token for 6dae42f8-4368-4678-94ff-3960e28e3630/.default")
    );
    assert!(header("host").is_some_and(|host| host.starts_with("c.hcp.eastus2.azmk8s.localhost")));
}

#[tokio::test]
async fn no_other_server_gets_a_token() {
    for server in [
        "https://elsewhere.example:443",
        "https://c.hcp.eastus2.azmk8s.io.elsewhere.example",
        "http://c.hcp.eastus2.azmk8s.io",
    ] {
        let bench = with_cluster(|_| server.to_owned()).await;
        let failure = bench.azure.get(&asked(Method::Get)).await;
        let failure = failure.expect_err(server);
        assert_eq!(
            (failure.code.as_str(), failure.verdict),
            ("ForeignHost", Verdict::Fatal)
        );
        assert_eq!(bench.seen().await.len(), 2, "{server}");
    }
}

#[tokio::test]
async fn only_a_local_azure_has_a_server_on_this_machine() {
    let bench = with_cluster(own).await;
    let failure = elsewhere(&bench).get(&asked(Method::Get)).await;
    let failure = failure.expect_err("no token goes there");
    assert_eq!(failure.code, "ForeignHost", "{failure:?}");
    assert_eq!(bench.seen().await.len(), 2, "{:?}", bench.seen().await);
}

#[tokio::test]
async fn a_server_out_of_reach_is_told_from_an_azure_that_is() {
    let bench = with_cluster(|_| own(nobodys_port())).await;
    let failure = bench.azure.get(&asked(Method::Get)).await;
    assert_eq!(failure.expect_err("nobody listens").code, OUT_OF_REACH);
    let nowhere = format!("http://127.0.0.1:{}", nobodys_port());
    let azure = client(&nowhere, Timing::emulator(), &StillClock::new());
    let failure = azure.get(&asked(Method::Get)).await;
    assert_eq!(failure.expect_err("nobody listens").code, "Unreachable");
}

fn nobodys_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_cluster_is_only_read_and_says_itself_why_not() {
    let bench = with_cluster(own).await;
    let refusal = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "clusterroles is forbidden: User \"x\" cannot list resource"});
    bench.on("GET", ROLES, vec![body(403, &refusal)]).await;
    let failure = bench.azure.get(&asked(Method::Get)).await;
    let failure = failure.expect_err("refused");
    assert_eq!(failure.verdict, Verdict::Denied);
    assert!(
        failure.message.contains("cannot list resource"),
        "{failure:?}"
    );
    let sent = bench.seen().await.len();
    for method in [Method::Post, Method::Delete, Method::Put] {
        assert!(bench.azure.get(&asked(method)).await.is_err(), "{method}");
        assert!(bench.azure.begin(&asked(method)).await.is_err(), "{method}");
    }
    assert_eq!(bench.seen().await.len(), sent, "nothing was sent");
}

#[tokio::test]
async fn a_cluster_that_was_not_found_for_a_moment_is_looked_for_again() {
    let bench = Bench::new().await;
    let shown = json!({"properties": {"fqdn": "c.hcp.eastus2.azmk8s.io"}});
    let later = error(403, "AuthorizationFailed", "not yet");
    bench
        .on("GET", CLUSTER, vec![later, body(200, &shown)])
        .await;
    let server = own(bench.server.address().port());
    let file = format!("clusters:\n- cluster:\n    server: {server}\n  name: c\n");
    let file = json!({"kubeconfigs": [{"name": "clusterUser", "value": STANDARD.encode(file)}]});
    let list = format!("{CLUSTER}/listClusterUserCredential");
    bench.on("POST", &list, vec![body(200, &file)]).await;
    let roles = json!({"items": []});
    bench.on("GET", ROLES, vec![body(200, &roles)]).await;
    let asked = asked(Method::Get);
    // Who asks at the same time shares one search, and what came of it.
    let (one, other) = futures::join!(bench.azure.get(&asked), bench.azure.get(&asked));
    for failed in [one, other] {
        assert_eq!(failed.expect_err("refused").code, "AuthorizationFailed");
    }
    assert_eq!(bench.seen().await.len(), 2, "{:?}", bench.seen().await);
    assert_eq!(bench.azure.get(&asked).await, Ok(Some(roles)));
}
