//! What a vault says of keys, typed: the part of its answers that is read here.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json, json};

/// Bytes as base64url without padding (RFC 7515, section 2).
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)
}

fn decode_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    decode(deserializer).map(Some)
}

/// The name and the version in a key's URL. Its host is not looked at: whoever asked a vault
/// knows which one it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId {
    /// The key's name.
    pub name: String,
    /// The version, 32 hexadecimal digits; empty where the URL is the key's own.
    pub version: String,
}

impl KeyId {
    /// Whether it is of this version; Azure writes them in either case.
    pub fn is_version(&self, version: &str) -> bool {
        self.version.eq_ignore_ascii_case(version)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        let path = url.split_once("/keys/").map(|(_, path)| path);
        let path = path.ok_or_else(|| D::Error::custom(format!("`{url}` is no URL of a key")))?;
        let (name, version) = path.split_once('/').unwrap_or((path, ""));
        Ok(Self {
            name: name.to_owned(),
            version: version.trim_end_matches('/').to_owned(),
        })
    }
}

/// One version of a key, with its public half.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyVersion {
    /// The public half, and what may be done with it.
    pub key: PublicKey,
    /// Its attributes.
    pub attributes: KeyAttributes,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The public half of a version (RFC 7517, RFC 7518).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublicKey {
    /// Which version it is.
    #[serde(rename = "kid")]
    pub id: KeyId,
    /// `EC`, `EC-HSM`, `RSA` or `RSA-HSM`.
    #[serde(rename = "kty")]
    pub key_type: String,
    /// What may be done with it.
    #[serde(default, rename = "key_ops")]
    pub operations: Vec<String>,
    /// The curve of an elliptic key, such as `P-256`.
    #[serde(default, rename = "crv")]
    pub curve: Option<String>,
    /// The point's first coordinate.
    #[serde(default, deserialize_with = "decode_some")]
    pub x: Option<Vec<u8>>,
    /// The point's second coordinate.
    #[serde(default, deserialize_with = "decode_some")]
    pub y: Option<Vec<u8>>,
    /// The modulus of an RSA key.
    #[serde(default, deserialize_with = "decode_some")]
    pub n: Option<Vec<u8>>,
    /// The exponent of an RSA key.
    #[serde(default, deserialize_with = "decode_some")]
    pub e: Option<Vec<u8>>,
}

/// What a vault knows of a version; times in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyAttributes {
    /// Whether it may be used.
    #[serde(default)]
    pub enabled: bool,
    /// From when on.
    #[serde(default, rename = "nbf")]
    pub not_before: Option<i64>,
    /// Until when.
    #[serde(default, rename = "exp")]
    pub expires: Option<i64>,
    /// When it was made.
    #[serde(default)]
    pub created: Option<i64>,
    /// When it was last changed.
    #[serde(default)]
    pub updated: Option<i64>,
    /// Whether the private half may leave the vault.
    #[serde(default)]
    pub exportable: bool,
    /// Whether it can be recovered or purged once deleted.
    #[serde(default, rename = "recoveryLevel")]
    pub recovery_level: Option<String>,
    /// For how many days it can be recovered.
    #[serde(default, rename = "recoverableDays")]
    pub recoverable_days: Option<u32>,
    /// The generation of HSM that made it: `0` is software, `1` FIPS 140-2 level 2, `2`
    /// FIPS 140-3 level 3; absent where the vault does not say.
    #[serde(default, rename = "hsmPlatform")]
    pub hsm_platform: Option<String>,
}

/// One version of a key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyVersionItem {
    /// Which version it is.
    #[serde(rename = "kid")]
    pub id: KeyId,
    /// Its attributes.
    pub attributes: KeyAttributes,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A key that was deleted and can be recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedKey {
    /// Its name.
    pub name: String,
    /// When it was deleted.
    pub deleted: Option<i64>,
    /// When it goes for good.
    pub purge: Option<i64>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for DeletedKey {
    /// In a list the id stands at the top, in an answer about one key with its public half.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Half {
            kid: KeyId,
        }
        #[derive(Deserialize)]
        struct Entry {
            kid: Option<KeyId>,
            key: Option<Half>,
            #[serde(rename = "deletedDate")]
            deleted: Option<i64>,
            #[serde(rename = "scheduledPurgeDate")]
            purge: Option<i64>,
            #[serde(default)]
            tags: BTreeMap<String, String>,
        }
        let entry = Entry::deserialize(deserializer)?;
        let id = entry.kid.or_else(|| entry.key.map(|half| half.kid));
        Ok(Self {
            name: id.ok_or_else(|| D::Error::missing_field("kid"))?.name,
            deleted: entry.deleted,
            purge: entry.purge,
            tags: entry.tags,
        })
    }
}

/// What a key is made as; what is not said is the vault's own choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKey {
    /// `EC`, `EC-HSM`, `RSA` or `RSA-HSM`.
    pub key_type: String,
    /// The curve of an elliptic key.
    pub curve: Option<String>,
    /// The bits of an RSA key.
    pub size: Option<u32>,
    /// What may be done with it, and its other attributes.
    pub with: KeyChanges,
}

impl NewKey {
    pub(super) fn body(&self) -> Json {
        let mut body = self.with.body();
        body["kty"] = json!(self.key_type);
        if let Some(curve) = &self.curve {
            body["crv"] = json!(curve);
        }
        if let Some(size) = self.size {
            body["key_size"] = json!(size);
        }
        body
    }
}

/// What is changed about a version; what is not said stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// What may be done with it.
    pub operations: Option<Vec<String>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// Until when, in seconds since 1970.
    pub expires: Option<i64>,
    /// All its tags.
    pub tags: Option<BTreeMap<String, String>>,
}

impl KeyChanges {
    pub(super) fn body(&self) -> Json {
        let mut body = Map::new();
        if let Some(operations) = &self.operations {
            body.insert("key_ops".to_owned(), json!(operations));
        }
        if let Some(tags) = &self.tags {
            body.insert("tags".to_owned(), json!(tags));
        }
        let mut attributes = Map::new();
        if let Some(enabled) = self.enabled {
            attributes.insert("enabled".to_owned(), json!(enabled));
        }
        if let Some(expires) = self.expires {
            attributes.insert("exp".to_owned(), json!(expires));
        }
        if !attributes.is_empty() {
            body.insert("attributes".to_owned(), Json::Object(attributes));
        }
        Json::Object(body)
    }
}

/// When a vault rotates a key by itself, as ISO 8601 durations such as `P90D`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long a version lives that a rotation makes; for ever when absent.
    pub expiry: Option<String>,
    /// What it does by itself; none but a notice when empty.
    pub actions: Vec<LifetimeAction>,
}

/// Something that a vault does by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifetimeAction {
    /// `Rotate` or `Notify`, in any case.
    pub does: String,
    /// When.
    pub when: Trigger,
}

/// When a vault does something by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// So long after the version was made.
    TimeAfterCreate(String),
    /// So long before it expires.
    TimeBeforeExpiry(String),
}

impl RotationPolicy {
    pub(super) fn body(&self) -> Json {
        let actions = self
            .actions
            .iter()
            .map(|action| json!({ "trigger": action.when, "action": { "type": action.does } }));
        json!({
            "lifetimeActions": actions.collect::<Vec<_>>(),
            "attributes": self.expiry.as_ref().map(|time| json!({ "expiryTime": time })),
        })
    }
}

impl<'de> Deserialize<'de> for RotationPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "type")]
            does: String,
        }
        #[derive(Deserialize)]
        struct Entry {
            // Both times may stand there, one of them null.
            trigger: BTreeMap<String, Option<String>>,
            action: Kind,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Attributes {
            expiry_time: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            #[serde(default)]
            lifetime_actions: Vec<Entry>,
            attributes: Option<Attributes>,
        }
        let policy = Policy::deserialize(deserializer)?;
        let actions = policy.lifetime_actions.into_iter().map(|entry| {
            let time = |name: &str| entry.trigger.get(name).cloned().flatten();
            let when = time("timeAfterCreate").map(Trigger::TimeAfterCreate);
            let when = when.or_else(|| time("timeBeforeExpiry").map(Trigger::TimeBeforeExpiry));
            Ok(LifetimeAction {
                does: entry.action.does,
                when: when.ok_or_else(|| D::Error::custom("an action without a time"))?,
            })
        });
        Ok(Self {
            expiry: policy.attributes.and_then(|it| it.expiry_time),
            actions: actions.collect::<Result<_, D::Error>>()?,
        })
    }
}

/// How a digest is signed (RFC 7518, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
}

/// A signature, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signed {
    /// The version that signed.
    #[serde(rename = "kid")]
    pub key: KeyId,
    /// The signature; on curves `r` and `s` side by side, each as long as the curve's field.
    #[serde(rename = "value", deserialize_with = "decode")]
    pub signature: Vec<u8>,
}

/// A sealed key with all its versions. It shows nothing of itself in logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Backup {
    #[serde(rename = "value", deserialize_with = "decode")]
    sealed: Vec<u8>,
}

impl Backup {
    /// A backup that was kept.
    pub fn of(sealed: Vec<u8>) -> Self {
        Self { sealed }
    }

    /// What is to be kept of it.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backup({} bytes)", self.sealed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: Json) -> Result<T, serde_json::Error> {
        serde_json::from_value(json)
    }

    #[test]
    fn a_url_tells_name_and_version() {
        let id = |url: &str| read::<KeyId>(json!(url));
        let current = id("https://kv.vault.azure.net/keys/cosign").expect("a key");
        assert_eq!((&*current.name, &*current.version), ("cosign", ""));
        let id = id("http://kv.vault.localhost:4711/keys/cosign/0AB").expect("a version");
        assert!(id.is_version("0ab"));
        assert!(read::<KeyId>(json!("https://kv.vault.azure.net/secrets/x")).is_err());
    }

    #[test]
    fn bytes_are_base64url_without_padding() {
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        let backup: Backup = read(json!({"value": "-_8"})).expect("a backup");
        assert_eq!(backup.sealed(), [0xfb, 0xff]);
        assert_eq!(format!("{backup:?}"), "Backup(2 bytes)");
        for wrong in ["+/8", "-_8=", "-"] {
            assert!(
                read::<Backup>(json!({ "value": wrong })).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_deleted_key_is_named_in_two_ways() {
        let url = "https://kv.vault.azure.net/keys/cosign";
        for entry in [json!({"kid": url}), json!({"key": {"kid": url}})] {
            let deleted: DeletedKey = read(entry).expect("a key");
            assert_eq!(deleted.name, "cosign");
        }
        assert!(read::<DeletedKey>(json!({"deletedDate": 1})).is_err());
    }

    #[test]
    fn a_policy_comes_back_as_it_was_sent() {
        let policy = RotationPolicy {
            expiry: Some("P1Y".to_owned()),
            actions: vec![LifetimeAction {
                does: "Rotate".to_owned(),
                when: Trigger::TimeBeforeExpiry("P30D".to_owned()),
            }],
        };
        assert_eq!(
            read::<RotationPolicy>(policy.body()).expect("a policy"),
            policy
        );
        let silent = json!({
            "lifetimeActions": [{
                "trigger": {"timeAfterCreate": null, "timeBeforeExpiry": "P30D"},
                "action": {"type": "Notify"},
            }],
            "attributes": null,
        });
        let silent: RotationPolicy = read(silent).expect("a policy");
        assert_eq!((silent.expiry, silent.actions.len()), (None, 1));
    }
}
