//! Keys on the data plane: made, read, used, copied.

use super::client::Azure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onestream_emulator::Settings;
use serde_json::{Value, json};

/// 32 bytes, as digests are sent.
fn digest(fill: u8) -> String {
    URL_SAFE_NO_PAD.encode([fill; 32])
}

#[tokio::test]
async fn a_signature_holds_for_its_digest_and_is_two_numbers() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let version = azure.key("kv-one", "k").await.version();
    let path = |word: &str| format!("/keys/k/{version}/{word}");
    let body = json!({"alg": "ES256", "value": digest(1)});
    let signed = azure.kv("kv-one", "POST", &path("sign"), body).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let signature = signed.body["value"].as_str().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64);
    for (fill, held) in [(1, true), (2, false)] {
        let body = json!({"alg": "ES256", "digest": digest(fill), "value": signature});
        let reply = azure.kv("kv-one", "POST", &path("verify"), body).await;
        assert_eq!(reply.body, json!({"value": held}));
    }
    let wrong = json!({"alg": "RS256", "value": digest(1)});
    let refused = azure.kv("kv-one", "POST", &path("sign"), wrong).await;
    assert_eq!((refused.status, refused.code()), (400, "BadParameter"));
}

#[tokio::test]
async fn what_a_vault_cannot_hold_is_refused() {
    let azure = Azure::start().await;
    let standard = json!({"sku": {"family": "A", "name": "standard"}});
    azure.vault("kv-std", standard).await;
    let create = |body: Value| azure.kv("kv-std", "POST", "/keys/k/create", body);
    for body in [
        json!({"kty": "EC-HSM"}),
        json!({"kty": "RSA-HSM"}),
        json!({"kty": "oct-HSM"}),
        json!({"kty": "RSA", "key_size": 1024}),
        json!({"kty": "EC", "crv": "P-1"}),
        json!({"kty": "EC", "key_ops": ["fly"]}),
        json!({}),
    ] {
        let refused = create(body.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "BadParameter"),
            "{body}"
        );
    }
    assert_eq!(
        create(json!({"kty": "oct"})).await.inner(),
        "KeyTypeNotSupported"
    );
    assert_eq!(
        create(json!({"kty": "EC"})).await.body["key"]["kty"],
        json!("EC")
    );
}

#[tokio::test]
async fn attributes_grow_with_the_api_version() {
    let azure = Azure::start().await;
    azure
        .vault("kv-one", json!({"softDeleteRetentionInDays": 7}))
        .await;
    azure.key("kv-one", "k").await;
    for (version, shown) in [
        ("7.0", [false, false, false]),
        ("7.2", [true, false, false]),
        ("7.4", [true, true, false]),
        ("7.5-preview.1", [true, true, true]),
        ("7.6", [true, true, true]),
    ] {
        let path = format!("/keys/k?api-version={version}");
        let key = azure.kv("kv-one", "GET", &path, Value::Null).await;
        let attributes = &key.body["attributes"];
        let has = ["recoverableDays", "exportable", "hsmPlatform"]
            .map(|name| attributes.get(name).is_some());
        assert_eq!(has, shown, "{version}");
        assert_eq!(
            attributes["recoveryLevel"],
            json!("CustomizedRecoverable+Purgeable")
        );
    }
    let key = azure
        .kv("kv-one", "GET", "/keys/k?api-version=7.6", Value::Null)
        .await;
    assert_eq!(key.body["attributes"]["hsmPlatform"], json!("2"));
    let old = azure
        .kv("kv-one", "GET", "/keys/k?api-version=9.9", Value::Null)
        .await;
    assert_eq!(old.code(), "BadParameter");
}

#[tokio::test]
async fn lists_come_in_pages_and_end_in_null() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    for name in ["a", "b", "c"] {
        azure.key("kv-one", name).await;
    }
    let mut path = "/keys?maxresults=2".to_owned();
    let mut names = Vec::new();
    loop {
        let page = azure.kv("kv-one", "GET", &path, Value::Null).await;
        for item in page.body["value"].as_array().unwrap() {
            let kid = item["kid"].as_str().unwrap();
            names.push(kid.rsplit('/').next().unwrap().to_owned());
        }
        let Some(next) = page.body["nextLink"].as_str() else {
            assert_eq!(page.body.get("nextLink"), Some(&Value::Null));
            break;
        };
        path = format!("/{}", next.splitn(4, '/').nth(3).unwrap());
    }
    assert_eq!(names, ["a", "b", "c"]);
    let none = azure
        .kv("kv-one", "GET", "/keys/unknown/versions", Value::Null)
        .await;
    assert_eq!(none.body, json!({"value": [], "nextLink": null}));
}

#[tokio::test]
async fn keys_that_are_off_expired_or_for_something_else_do_not_sign() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    azure.key("kv-one", "k").await;
    for (change, inner) in [
        (json!({"attributes": {"enabled": false}}), "KeyDisabled"),
        (
            json!({"attributes": {"enabled": true, "exp": 1}}),
            "KeyExpired",
        ),
        (
            json!({"attributes": {"nbf": 9_999_999_999_u64}}),
            "KeyNotYetValid",
        ),
        (json!({"key_ops": ["verify"]}), "KeyOperationForbidden"),
    ] {
        let changed = azure.kv("kv-one", "PATCH", "/keys/k", change.clone()).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let body = json!({"alg": "ES256", "value": digest(1)});
        let refused = azure.kv("kv-one", "POST", "/keys/k/sign", body).await;
        assert_eq!((refused.status, refused.inner()), (403, inner), "{change}");
    }
}

#[tokio::test]
async fn rotation_makes_another_version_that_expires_as_the_policy_says() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let first = azure.key("kv-one", "k").await;
    let none = azure
        .kv("kv-one", "GET", "/keys/k/rotationpolicy", Value::Null)
        .await;
    assert_eq!(none.body["attributes"], Value::Null);
    let policy = json!({
        "lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Rotate"}}],
        "attributes": {"expiryTime": "P90D"},
    });
    let set = azure
        .kv("kv-one", "PUT", "/keys/k/rotationpolicy", policy)
        .await;
    assert_eq!(set.body["lifetimeActions"].as_array().unwrap().len(), 2);
    let second = azure
        .kv("kv-one", "POST", "/keys/k/rotate", Value::Null)
        .await;
    assert_ne!(second.version(), first.version());
    assert_eq!(second.body["key"]["kty"], json!("EC-HSM"));
    let attributes = &second.body["attributes"];
    let life = attributes["exp"].as_i64().unwrap() - attributes["created"].as_i64().unwrap();
    assert_eq!(life, 90 * 86_400);
}

#[tokio::test]
async fn a_backup_keeps_the_key_within_its_geography() {
    let azure = Azure::start().await;
    azure.vault("kv-east", json!({})).await;
    azure.vault_in("kv-west", "westus2", json!({})).await;
    azure.vault_in("kv-far", "westeurope", json!({})).await;
    let key = azure.key("kv-east", "k").await;
    let blob = azure
        .kv("kv-east", "POST", "/keys/k/backup", Value::Null)
        .await;
    let restored = azure
        .kv("kv-west", "POST", "/keys/restore", blob.body.clone())
        .await;
    assert_eq!(restored.status, 200, "{restored:?}");
    assert_eq!(restored.version(), key.version());
    for member in ["x", "y"] {
        assert_eq!(restored.body["key"][member], key.body["key"][member]);
    }
    let twice = azure
        .kv("kv-west", "POST", "/keys/restore", blob.body.clone())
        .await;
    assert_eq!((twice.status, twice.code()), (409, "Conflict"));
    let far = azure.kv("kv-far", "POST", "/keys/restore", blob.body).await;
    assert_eq!((far.status, far.code()), (400, "BadParameter"));
    let torn = azure
        .kv("kv-far", "POST", "/keys/restore", json!({"value": "AAAA"}))
        .await;
    assert_eq!(torn.code(), "Malformed backup blob");
}

#[tokio::test]
async fn an_imported_key_is_the_one_that_was_sent() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    // The key pair of RFC 7517, appendix A.2.
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
    });
    let sent = json!({"Hsm": true, "key": jwk.clone()});
    let imported = azure.kv("kv-one", "PUT", "/keys/k", sent).await;
    assert_eq!(imported.status, 200, "{imported:?}");
    assert_eq!(imported.body["key"]["kty"], json!("EC-HSM"));
    assert_eq!(imported.body["key"]["x"], jwk["x"]);
    assert_eq!(imported.body["key"].get("d"), None);
    let mut foreign = jwk;
    foreign["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAA");
    let refused = azure
        .kv("kv-one", "PUT", "/keys/other", json!({"key": foreign}))
        .await;
    assert_eq!((refused.status, refused.code()), (400, "BadParameter"));
}

#[tokio::test]
async fn keys_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data: Some(folder.path().to_owned()),
        open_info: true,
        ..Settings::default()
    };
    let azure = Azure::with(settings()).await;
    azure.vault("kv-one", json!({})).await;
    azure.key("kv-one", "k").await;
    let body = json!({"alg": "ES256", "value": digest(1)});
    let signed = azure.kv("kv-one", "POST", "/keys/k/sign", body).await;
    azure.emulator.stop().await;
    let azure = Azure::with(settings()).await;
    let body = json!({"alg": "ES256", "digest": digest(1), "value": signed.body["value"]});
    let held = azure.kv("kv-one", "POST", "/keys/k/verify", body).await;
    assert_eq!(held.body, json!({"value": true}));
}
