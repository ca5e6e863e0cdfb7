//! The emulator over TLS: who trusts it, and that its answers say https.

use super::client::{Azure, registry_id, trusting};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Emulator, Settings};
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

fn settings(folder: &Path) -> Settings {
    Settings {
        tls: Some(folder.join("tls")),
        open_info: true,
        ..Settings::default()
    }
}

fn port(emulator: &Emulator) -> u16 {
    let port = emulator.origin().rsplit(':').next().expect("a port");
    port.parse().expect("a number")
}

#[tokio::test]
async fn only_whoever_trusts_its_authority_speaks_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = Emulator::start(settings(folder.path()))
        .await
        .expect("it starts");
    let file = folder.path().join("tls").join("ca.pem");
    let pem = fs::read_to_string(&file).expect("an authority");
    assert_eq!(emulator.endpoint().ca.as_deref(), Some(pem.as_str()));
    let port = port(&emulator);
    let info = |host: &str| format!("https://{host}:{port}/emulator/info");
    for host in ["127.0.0.1", "localhost"] {
        let reply = trusting(Some(&pem)).get(info(host)).send().await;
        assert_eq!(reply.expect(host).status(), 200, "{host}");
    }
    let system = reqwest::Client::builder().no_proxy().build();
    for stranger in [trusting(None), system.expect("a client")] {
        let error = stranger.get(info("localhost")).send().await;
        let error = error.expect_err("nobody vouches for it");
        assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    }
    let plain = format!("http://127.0.0.1:{port}/emulator/info");
    assert!(trusting(Some(&pem)).get(plain).send().await.is_err());
}

#[tokio::test]
async fn it_is_every_vault_and_registry_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = Emulator::start(settings(folder.path()))
        .await
        .expect("it starts");
    let port = port(&emulator);
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let pem = emulator.endpoint().ca.clone().expect("TLS");
    let pem = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let names = [
        ("kv-one.vault.localhost", Some(401)),
        ("management.localhost", Some(401)),
        ("onestreamdev.azurecr.localhost", Some(501)),
        ("management.azure.com", None),
        ("a.b.vault.localhost", None),
    ];
    for (name, expected) in names {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([pem.clone()])
            .resolve(name, here)
            .build()
            .expect("a client");
        let reply = client
            .get(format!(
                "https://{name}:{port}/subscriptions?api-version=2022-12-01"
            ))
            .send()
            .await;
        let status = reply.map(|reply| reply.status().as_u16()).ok();
        assert_eq!(status, expected, "{name}");
    }
}

#[tokio::test]
async fn no_key_is_stored_and_each_start_has_an_authority_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Settings {
        data: Some(folder.path().join("data")),
        announce: true,
        ..settings(folder.path())
    };
    let first = Emulator::start(serving.clone()).await.expect("it starts");
    let old = first.endpoint().ca.clone().expect("TLS");
    let announced = fs::read_to_string(folder.path().join("data").join("server.json"));
    let announced: Value = serde_json::from_str(&announced.expect("announced")).expect("JSON");
    assert_eq!(announced["ca"], json!(old));
    for entry in walk(folder.path()) {
        let text = fs::read(&entry).expect("readable");
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains("PRIVATE KEY"), "{}", entry.display());
    }
    let mode = fs::metadata(folder.path().join("tls")).expect("a folder");
    assert_eq!(mode.permissions().mode() & 0o077, 0);
    first.stop().await;
    let second = Emulator::start(serving).await.expect("it starts again");
    let new = second.endpoint().ca.clone().expect("TLS");
    assert_ne!(old, new);
    let info = format!("{}/emulator/info", second.origin());
    assert!(trusting(Some(&old)).get(&info).send().await.is_err());
    assert!(trusting(Some(&new)).get(&info).send().await.is_ok());
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| match path.is_dir() {
            true => walk(&path),
            false => vec![path],
        })
        .collect()
}

#[tokio::test]
async fn every_address_in_an_answer_is_https_on_its_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let azure = Azure::with(Settings {
        page_size: Some(1),
        ..settings(folder.path())
    })
    .await;
    let origin = azure.emulator.origin().to_owned();
    assert!(origin.starts_with("https://127.0.0.1:"), "{origin}");
    let port = port(&azure.emulator);
    let openid = azure
        .get(&format!(
            "/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration"
        ))
        .await;
    for member in ["token_endpoint", "jwks_uri", "issuer"] {
        assert!(starts(&openid.body[member], &origin), "{member}");
    }
    let clouds = azure
        .get("/metadata/endpoints?api-version=2022-09-01")
        .await;
    for member in ["resourceManager", "microsoftGraphResourceId"] {
        assert!(starts(&clouds.body[0][member], &origin), "{member}");
    }
    assert!(starts(
        &clouds.body[0]["authentication"]["loginEndpoint"],
        &origin
    ));
    let group = azure.group("g").await;
    azure.group("h").await;
    let groups = azure
        .get(&format!(
            "/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups"
        ))
        .await;
    assert!(starts(&groups.body["nextLink"], &origin), "{groups:?}");
    let made = azure
        .put(
            &registry_id(&group, "onestreamtls"),
            json!({"location": "eastus2", "sku": {"name": "Premium"}}),
        )
        .await;
    let operation = made.header("azure-asyncoperation");
    assert!(operation.starts_with(&origin), "{made:?}");
    assert_eq!(azure.finish(&made).await.body["status"], "Succeeded");
    let vault = azure
        .put(
            &format!("{group}/providers/Microsoft.KeyVault/vaults/kv-tls"),
            json!({"location": "eastus2", "properties": {
                "tenantId": DEFAULT_TENANT,
                "sku": {"family": "A", "name": "premium"},
                "accessPolicies": [],
            }}),
        )
        .await;
    let shown = vault.body["properties"]["vaultUri"].as_str();
    assert_eq!(
        shown.map(|uri| uri.trim_end_matches('/')),
        Some(format!("https://kv-tls.vault.localhost:{port}").as_str())
    );
    let host = format!("kv-tls.vault.localhost:{port}");
    let bare = azure.bare("GET", "/keys", &[("host", &host)]).await;
    let challenge =
        format!("Bearer authorization=\"https://localhost:{port}/{DEFAULT_TENANT}\", resource=");
    assert!(
        bare.header("www-authenticate").starts_with(&challenge),
        "{bare:?}"
    );
}

fn starts(value: &Value, origin: &str) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(origin))
}

#[tokio::test]
async fn an_unfinished_handshake_does_not_hold_it_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let azure = Azure::with(settings(folder.path())).await;
    let address = (Ipv4Addr::LOCALHOST, port(&azure.emulator));
    let _silent = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    // Others are served meanwhile.
    assert_eq!(azure.control("GET", "info", Value::Null).await.status, 200);
    let quickly = Duration::from_secs(2);
    assert!(timeout(quickly, azure.emulator.stop()).await.is_ok());
}
