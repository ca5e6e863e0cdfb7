//! The client of a vault's data plane, against the local Azure.

use std::collections::BTreeMap;

use onestream::provision::ports::Verdict;
use onestream::remote::azure::{
    Backup, KeyChanges, KeyVault, LifetimeAction, NewKey, RotationPolicy, SignatureAlgorithm,
    Trigger,
};
use onestream::resource::{Address, Method, Request};
use serde_json::{Value as Json, json};

use crate::estate::Estate;
use crate::vaults::{with_a_vault, with_vaults};

/// The role whose holders may sign and verify.
const CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";

const DIGEST: [u8; 32] = [7; 32];

async fn vault() -> (Estate, KeyVault) {
    let estate = with_a_vault().await;
    estate.apply().await;
    let vault = estate.azure.vault("kv-onestream-dev");
    (estate, vault)
}

/// Lets whoever applies here sign, too.
async fn may_sign(estate: &Estate) {
    let address: Address = "dev.vault".parse().expect("an address");
    let scope = estate.id(&address);
    let subscription = scope.split("/resourceGroups/").next().expect("an id");
    let assignment = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/33333333-3333-4333-8333-333333333333"
    );
    let body = json!({"properties": {
        "roleDefinitionId": format!(
            "{subscription}/providers/Microsoft.Authorization/roleDefinitions/{CRYPTO_USER}"
        ),
        "principalId": estate.deployer(),
        "principalType": "ServicePrincipal",
    }});
    estate
        .send(&Request::arm(Method::Put, assignment, "2022-04-01").body(body))
        .await;
}

fn elliptic() -> NewKey {
    NewKey {
        key_type: "EC-HSM".to_owned(),
        curve: Some("P-256".to_owned()),
        ..NewKey::default()
    }
}

/// How many requests of this method and path arrived since the log was emptied.
async fn arrived(estate: &Estate, method: &str, path: &str) -> usize {
    let seen = estate.control("GET", "requests", None).await;
    let seen = seen["value"].as_array().expect("requests").iter();
    let fits = |request: &&Json| {
        let target = request["target"].as_str().unwrap_or_default();
        request["method"] == method && target.contains(path)
    };
    seen.filter(fits).count()
}

#[tokio::test]
async fn keys_are_made_read_changed_and_rotated() {
    let (_estate, vault) = vault().await;
    assert_eq!(vault.get("build").await.expect("readable"), None);
    assert!(vault.versions("build").await.expect("readable").is_empty());
    let first = vault.create("build", &elliptic()).await.expect("made");
    assert_eq!(first.key.key_type, "EC-HSM");
    assert_eq!(first.key.curve.as_deref(), Some("P-256"));
    assert_eq!(first.key.x.as_ref().map(Vec::len), Some(32));
    assert_eq!(first.attributes.hsm_platform.as_deref(), Some("2"));
    let changes = KeyChanges {
        operations: Some(vec!["verify".to_owned()]),
        enabled: Some(false),
        expires: Some(2_000_000_000),
        tags: Some(BTreeMap::from([("for".to_owned(), "builds".to_owned())])),
    };
    let version = &first.key.id.version;
    let changed = vault
        .update("build", version, &changes)
        .await
        .expect("changed");
    assert_eq!(changed.key.operations, ["verify"]);
    assert_eq!(changed.attributes.expires, Some(2_000_000_000));
    assert_eq!(
        (changed.attributes.enabled, &*changed.tags["for"]),
        (false, "builds")
    );
    let second = vault.rotate("build").await.expect("rotated");
    assert_ne!(second.key.x, first.key.x);
    let current = vault.get("build").await.expect("readable").expect("a key");
    assert_eq!(current.key, second.key);
    let older = vault.version("build", version).await.expect("readable");
    assert_eq!(older.expect("a version").key.x, first.key.x);
    let mut versions: Vec<String> = vault
        .versions("build")
        .await
        .expect("readable")
        .into_iter()
        .map(|item| item.id.version)
        .collect();
    versions.sort();
    let mut made = [version.clone(), second.key.id.version];
    made.sort();
    assert_eq!(versions, made);
}

#[tokio::test]
async fn rotation_policies_are_kept() {
    let (_estate, vault) = vault().await;
    let policy = RotationPolicy {
        expiry: Some("P2Y".to_owned()),
        actions: vec![LifetimeAction {
            does: "Rotate".to_owned(),
            when: Trigger::TimeAfterCreate("P1Y".to_owned()),
        }],
    };
    let set = vault
        .set_rotation_policy("cosign", &policy)
        .await
        .expect("set");
    assert_eq!(set.expiry, policy.expiry);
    let read = vault.rotation_policy("cosign").await.expect("readable");
    let read = read.expect("a policy");
    assert_eq!(read, set);
    assert!(read.actions.contains(&policy.actions[0]), "{read:?}");
    assert_eq!(
        vault.rotation_policy("nobody").await.expect("readable"),
        None
    );
}

#[tokio::test]
async fn what_is_signed_holds_for_its_digest_and_version_only() {
    let (estate, vault) = vault().await;
    let algorithm = SignatureAlgorithm::Es256;
    let version = vault.get("cosign").await.expect("readable").expect("a key");
    let version = version.key.id.version;
    // Whoever makes keys may not use them.
    let refused = vault.sign("cosign", &version, algorithm, &DIGEST).await;
    assert_eq!(refused.expect_err("refused").verdict, Verdict::Denied);
    may_sign(&estate).await;
    let signed = vault
        .sign("cosign", &version, algorithm, &DIGEST)
        .await
        .expect("signed");
    assert_eq!(signed.signature.len(), 64);
    assert!(signed.key.is_version(&version));
    let verify = |digest: [u8; 32], signature: Vec<u8>| {
        let (vault, version) = (&vault, &version);
        async move {
            vault
                .verify("cosign", version, algorithm, &digest, &signature)
                .await
                .expect("an answer")
        }
    };
    assert!(verify(DIGEST, signed.signature.clone()).await);
    assert!(!verify([8; 32], signed.signature.clone()).await);
    let mut broken = signed.signature;
    broken[0] ^= 1;
    assert!(!verify(DIGEST, broken).await);
    let wrong = vault
        .sign("cosign", &version, SignatureAlgorithm::Rs256, &DIGEST)
        .await;
    assert_eq!(wrong.expect_err("another family").code, "BadParameter");
}

#[tokio::test]
async fn deleted_keys_are_found_and_brought_back() {
    let (_estate, vault) = vault().await;
    let key = vault.get("cosign").await.expect("readable").expect("a key");
    let gone = vault
        .delete("cosign")
        .await
        .expect("deleted")
        .expect("what it was");
    assert_eq!(gone.name, "cosign");
    assert!(gone.purge > gone.deleted);
    assert_eq!(vault.get("cosign").await.expect("readable"), None);
    let listed = vault.deleted_keys().await.expect("readable");
    assert_eq!(
        listed,
        [vault
            .deleted("cosign")
            .await
            .expect("readable")
            .expect("a key")]
    );
    let again = vault
        .create("cosign", &elliptic())
        .await
        .expect_err("its name is held");
    assert_eq!(again.verdict, Verdict::Conflict);
    // Purge protection is for everybody.
    let purge = vault.purge("cosign").await.expect_err("protected");
    assert_eq!(purge.verdict, Verdict::Denied);
    assert_eq!(vault.delete("cosign").await.expect("gone already"), None);
    let back = vault.recover("cosign").await.expect("recovered");
    assert_eq!(back.key, key.key);
    assert!(vault.deleted_keys().await.expect("readable").is_empty());
}

#[tokio::test]
async fn a_backup_gives_another_vault_the_same_key() {
    let estate = with_vaults(&["dev", "staging"]).await;
    estate.apply().await;
    let [dev, staging] =
        ["dev", "staging"].map(|name| estate.azure.vault(&format!("kv-onestream-{name}")));
    let first = dev.create("build", &elliptic()).await.expect("made");
    dev.rotate("build").await.expect("rotated");
    let kept = dev.backup("build").await.expect("a backup");
    let kept = Backup::of(kept.sealed().to_vec());
    let restored = staging.restore(&kept).await.expect("restored");
    let current = dev.get("build").await.expect("readable").expect("a key");
    assert_eq!(restored.key, current.key);
    let version = &first.key.id.version;
    let older = staging.version("build", version).await.expect("readable");
    assert_eq!(older.expect("a version").key, first.key);
    let refused = staging.restore(&kept).await.expect_err("it stands");
    assert_eq!(refused.verdict, Verdict::Conflict);
}

#[tokio::test]
async fn what_would_make_another_version_is_not_sent_twice() {
    let (estate, vault) = vault().await;
    may_sign(&estate).await;
    let key = vault.get("cosign").await.expect("readable").expect("a key");
    let version = key.key.id.version;
    let lost = |path: &str| json!([{"method": "POST", "path": path, "drop": "after", "count": 1}]);

    estate.faults(lost("/keys/cosign/rotate")).await;
    estate.control("DELETE", "requests", None).await;
    let failure = vault
        .rotate("cosign")
        .await
        .expect_err("the answer was lost");
    assert_eq!(failure.verdict, Verdict::Unknown);
    assert_eq!(arrived(&estate, "POST", "/keys/cosign/rotate").await, 1);
    assert_eq!(vault.versions("cosign").await.expect("readable").len(), 2);

    estate
        .faults(lost(&format!("/keys/cosign/{version}/sign")))
        .await;
    let signed = vault
        .sign("cosign", &version, SignatureAlgorithm::Es256, &DIGEST)
        .await;
    assert!(signed.is_ok(), "{signed:?}");
    assert_eq!(arrived(&estate, "POST", "/sign").await, 2);
}

#[tokio::test]
async fn what_is_no_name_is_not_sent() {
    let (estate, vault) = vault().await;
    estate.control("DELETE", "requests", None).await;
    for name in ["", "a/b", "..", "a%2fb", "k?x", &"k".repeat(128)] {
        let failure = vault.get(name).await.expect_err(name);
        assert_eq!(failure.code, "InvalidRequest", "{name}");
    }
    for version in ["", "..", "sign", "0a/sign"] {
        let read = vault.version("cosign", version).await;
        assert_eq!(read.expect_err(version).code, "InvalidRequest");
    }
    assert_eq!(arrived(&estate, "GET", "/keys").await, 0);
}
