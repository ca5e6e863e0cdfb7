//! An emulator that another process serves: over TLS, and with every caller outside.

use onestream::provision::ports::{Begun, Reader as _, Verdict, Writer as _};
use onestream::remote::azure::{Azure, Cloud, Credential, Settings};
use onestream::resource::{Method, Plane, Request};
use onestream_emulator::{Emulator, Endpoint};
use serde_json::{Value as Json, json};

use super::program::Root;
use super::served::Served;

#[test]
fn commands_trust_the_authority_that_was_announced_and_no_other() {
    let root = Root::sample();
    let tls = root.file("tls");
    let served = Served::on(&root, &["--tls", tls.to_str().expect("UTF-8")]);
    assert!(
        served.origin.starts_with("https://127.0.0.1:"),
        "{}",
        served.origin
    );
    assert!(root.read("tls/ca.pem").contains("BEGIN CERTIFICATE"));
    root.expect(0, &["apply", "--auto-approve"]);
    let plan = root.expect(0, &["plan", "--detailed-exitcode"]);
    let used = format!("LOCAL EMULATOR at {}", served.origin);
    assert!(plan.err.contains(&used), "{}", plan.err);

    // Whoever stands in its place has no certificate of that authority.
    let name = ".onestream/emulator/server.json";
    let announced = root.read(name);
    let other = root.path().join("other");
    let stranger = Served::on(
        &root,
        &[
            "--data",
            other.to_str().expect("UTF-8"),
            "--tls",
            other.to_str().expect("UTF-8"),
        ],
    );
    root.write(name, &announced.replace(&served.origin, &stranger.origin));
    let plan = root.expect(1, &["plan"]);
    assert!(plan.err.contains("UnknownIssuer"), "{}", plan.err);

    root.write(name, &announced);
    root.expect(0, &["emulator", "reset"]);
    root.expect(2, &["plan", "--detailed-exitcode"]);
    drop(served);
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

/// The client of a served emulator, with this authority or, without one, the system's.
pub fn client(endpoint: &Endpoint, ca: Option<&str>) -> Azure {
    let cloud = match ca {
        Some(ca) => Cloud::emulator_over_tls(&endpoint.origin, ca),
        None => Cloud::emulator(&endpoint.origin),
    };
    let credential = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.clone().into(),
    };
    let cloud = cloud.expect("a loopback origin");
    Azure::connect(Settings::new(cloud, endpoint.tenant.clone(), credential)).expect("a client")
}

async fn put(azure: &Azure, path: &str, api: &str, body: Json) {
    let request = Request::arm(Method::Put, path, api).body(body);
    match azure.begin(&request).await.expect(path) {
        Begun::Done(_) => {}
        Begun::Accepted(pending) => {
            azure.finish(&pending).await.expect(path);
        }
    }
}

/// A vault without public access, with an approved private endpoint.
async fn private_vault(azure: &Azure, endpoint: &Endpoint) {
    let group = format!("/subscriptions/{}/resourceGroups/g", endpoint.subscription);
    put(azure, &group, "2021-04-01", json!({"location": "eastus2"})).await;
    let network = format!("{group}/providers/Microsoft.Network/virtualNetworks/v");
    let body = json!({"location": "eastus2", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}],
    }});
    put(azure, &network, "2024-05-01", body).await;
    let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/kv-private");
    let body = json!({"location": "eastus2", "properties": {
        "tenantId": endpoint.tenant,
        "sku": {"family": "A", "name": "premium"},
        "enableRbacAuthorization": true,
        "accessPolicies": [],
        "publicNetworkAccess": "Disabled",
    }});
    put(azure, &vault, "2023-07-01", body).await;
    let private = format!("{group}/providers/Microsoft.Network/privateEndpoints/pe");
    let body = json!({"location": "eastus2", "properties": {
        "subnet": {"id": format!("{network}/subnets/s")},
        "privateLinkServiceConnections": [{"name": "c", "properties": {
            "privateLinkServiceId": vault,
            "groupIds": ["vault"],
        }}],
    }});
    put(azure, &private, "2024-05-01", body).await;
}

#[tokio::test]
async fn a_private_vault_is_unreadable_from_outside_and_says_what_helps() {
    let keys = Request {
        plane: Plane::Vault("kv-private".to_owned()),
        ..Request::arm(Method::Get, "/keys", "7.4")
    };
    let mut pages = 0;
    let root = Root::empty();
    let tls = root.file("tls");
    let tls = tls.to_str().expect("UTF-8");
    {
        let _served = Served::on(&root, &["--outside", "--tls", tls]);
        let endpoint = announced(&root);
        let azure = client(&endpoint, endpoint.ca.as_deref());
        private_vault(&azure, &endpoint).await;
        let refused = azure.list(&keys, &mut |_| pages += 1).await;
        let failure = refused.expect_err("it is closed");
        assert_eq!(failure.verdict, Verdict::Denied, "never taken for absent");
        assert_eq!(failure.status, Some(403));
        assert_eq!(failure.code, "Forbidden");
        let said = "Public network access is disabled";
        assert!(failure.message.starts_with(said), "{}", failure.message);
        let hint = failure.hint.expect("a hint");
        assert!(hint.contains("inside its virtual network"), "{hint}");
        assert!(hint.contains("private endpoint"), "{hint}");
        assert_eq!(pages, 0);
    }
    let _served = Served::on(&root, &["--tls", tls]);
    let endpoint = announced(&root);
    let azure = client(&endpoint, endpoint.ca.as_deref());
    azure
        .list(&keys, &mut |_| pages += 1)
        .await
        .expect("inside, through its endpoint");
    assert_eq!(pages, 1);
}

/// What a served emulator tells other processes of this root.
pub fn announced(root: &Root) -> Endpoint {
    serde_json::from_str(&root.read(".onestream/emulator/server.json")).expect("an endpoint")
}

#[tokio::test]
async fn the_client_speaks_to_no_server_that_its_authority_does_not_vouch_for() {
    let folders = [(), ()].map(|()| tempfile::tempdir().expect("a folder"));
    let [one, other] = folders.each_ref().map(|folder| {
        Emulator::start(onestream_emulator::Settings {
            tls: Some(folder.path().to_owned()),
            ..onestream_emulator::Settings::default()
        })
    });
    let (one, other) = (one.await.expect("one"), other.await.expect("another"));
    let endpoint = one.endpoint();
    let ours = client(endpoint, endpoint.ca.as_deref());
    ours.probe(&endpoint.subscription).await.expect("trusted");
    for ca in [None, other.endpoint().ca.as_deref()] {
        let stranger = client(endpoint, ca).probe(&endpoint.subscription).await;
        let failure = stranger.expect_err("nobody vouches for it");
        assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");
    }
}
