//! Keys of a vault: made by ARM, changed and deleted by the vault itself.
//!
//! Reference: Microsoft.KeyVault `vaults/keys`, api-version 2023-07-01, and the vault's own keys
//! API. ARM's list omits type, curve and operations, its PUT makes a first version and never
//! changes an existing key, and it has neither PATCH nor DELETE.
//!
//! ## Why
//! A key is never replaced: what it signed is verified with it for years, and its deleted name is
//! held for the retention. Another type or curve is another key. Rotation makes another version
//! with other material, so people do it, having said so to verifiers: no plan does, and no policy of
//! the vault's may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::key_expiry::seconds;
use super::key_rotation::{self, ROTATIONS};
use super::vault::API_VERSION;
use super::{Sections, private_services};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Deleted, Field, Kind, Literal, Meta, Method, Place,
    Plane, Problem, ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The api-version of the vaults' own API: the first stable one that tells the HSM's generation.
pub(super) const DATA_API_VERSION: &str = "7.5";

/// `[vault.keys.NAME]`: one key.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySection {
    /// Its type; those in an HSM never leave hardware. For good.
    #[serde(default, rename = "type")]
    pub key_type: KeyType,
    /// The curve of an EC key; P-256 when absent. For good.
    pub curve: Option<Curve>,
    /// The bits of an RSA key: 2048, 3072 or 4096; 3072 when absent. For good.
    pub size: Option<u16>,
    /// What may be done with it.
    #[serde(default = "signing")]
    pub ops: Vec<KeyOperation>,
    /// Whether it may be used at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When it expires, as a date (2027-12-31, at its end in UTC) or an RFC 3339 time. It can be
    /// moved later, but a key that expires cannot be made one that does not.
    pub expires: Option<String>,
}

fn yes() -> bool {
    true
}

fn signing() -> Vec<KeyOperation> {
    vec![KeyOperation::Sign, KeyOperation::Verify]
}

/// What a key is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyType {
    /// Elliptic, in an HSM.
    #[default]
    #[serde(rename = "EC-HSM")]
    EcHsm,
    /// RSA, in an HSM.
    #[serde(rename = "RSA-HSM")]
    RsaHsm,
    /// Elliptic, in software.
    #[serde(rename = "EC")]
    Ec,
    /// RSA, in software.
    #[serde(rename = "RSA")]
    Rsa,
}

impl KeyType {
    fn is_elliptic(self) -> bool {
        matches!(self, Self::EcHsm | Self::Ec)
    }

    /// Whether it never leaves hardware.
    pub(super) fn is_in_hardware(self) -> bool {
        matches!(self, Self::EcHsm | Self::RsaHsm)
    }
}

/// The curve of an elliptic key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Curve {
    /// NIST P-256, for ES256: what cosign signs with.
    #[default]
    #[serde(rename = "P-256")]
    P256,
    /// NIST P-384, for ES384.
    #[serde(rename = "P-384")]
    P384,
    /// NIST P-521, for ES512.
    #[serde(rename = "P-521")]
    P521,
    /// SECG secp256k1, for ES256K.
    #[serde(rename = "P-256K")]
    P256K,
}

/// What may be done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyOperation {
    /// Sign a digest.
    Sign,
    /// Verify a signature.
    Verify,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Wrap another key.
    WrapKey,
    /// Unwrap another key.
    UnwrapKey,
}

/// The kind of keys.
pub struct Key;

/// The sizes of RSA keys that a vault makes.
const SIZES: &[u16] = &[2048, 3072, 4096];

/// What Azure takes of tags on a key.
const MOST_TAGS: usize = 15;
const LONGEST_TAG: usize = 256;

/// What to do instead of changing what a key is.
const ANOTHER_KEY: &str = "a key is what it was made as: declare a key of another name, sign with \
                           that one from then on, and keep this one for what it has signed";

/// What the kind is called.
pub(super) const NAME: &str = "key";

static META: Meta = Meta {
    name: NAME,
    arm_type: "Microsoft.KeyVault/vaults/keys",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::ListThenGet {
        parent: "vault",
        collection: "/keys",
    },
    update: UpdateMode::Patch,
    fields: &[
        Field::tags(),
        Field::new("properties.kty")
            .change(Change::Refuse(ANOTHER_KEY))
            .severity(Severity::Critical),
        Field::new("properties.curveName")
            .change(Change::Refuse(ANOTHER_KEY))
            .severity(Severity::Critical),
        Field::new("properties.keySize")
            .change(Change::Refuse(ANOTHER_KEY))
            .severity(Severity::Critical),
        Field::new("properties.attributes.exportable")
            .or(Literal::Bool(false))
            .change(Change::Refuse(ANOTHER_KEY))
            .severity(Severity::Critical),
        Field::new("properties.keyOps")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::Critical),
        Field::new(ROTATIONS)
            .or(Literal::EmptyList)
            .severity(Severity::Critical),
        Field::new("properties.attributes.enabled")
            .or(Literal::Bool(true))
            .severity(Severity::Critical),
        Field::new("properties.attributes.exp")
            .change(Change::Keep(
                "an expiry can be moved, but not taken away: set expires to a later day, or have \
                 people rotate the key",
            ))
            .severity(Severity::High),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.attributes.hsmPlatform",
            reason: "which generation of HSM made it shows on the data plane and cannot be changed",
        },
        Unmanaged {
            path: "properties.attributes.nbf",
            reason: "a key is valid from when it is made, and Azure never takes a date back",
        },
        Unmanaged {
            path: "properties.rotationPolicy.attributes",
            reason: "how long a version lives that a rotation makes: none comes by itself",
        },
        Unmanaged {
            path: "properties.release_policy",
            reason: "speaks of keys that may be exported, which these are not",
        },
    ],
    read_only: &["properties.keyUri", "properties.keyUriWithVersion"],
    stateful: true,
    is_guard: false,
    outputs: &[
        ("keyUri", "properties.keyUri"),
        ("keyUriWithVersion", "properties.keyUriWithVersion"),
    ],
};

impl Kind for Key {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// A first version; there is no policy to say.
    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = crate::resource::without_nulls(desired.clone());
        if let Some(properties) = body["properties"].as_object_mut() {
            properties.remove("rotationPolicy");
        }
        Request::arm(Method::Put, id, META.api_version).body(body)
    }

    /// PATCH of the version that was read, on the data plane; PUT of the policy that it rotates by.
    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        if changed.contains(&ROTATIONS) {
            let (vault, name) = names(id);
            return data_plane(vault, Method::Put, format!("/keys/{name}/rotationpolicy"))
                .body(key_rotation::without_rotations(live));
        }
        let body = crate::resource::update(&META, id, live, desired, changed);
        let laid = body.body.unwrap_or_default();
        let properties = &laid["properties"];
        let mut body = Map::new();
        if let Some(tags) = laid.get("tags") {
            body.insert("tags".to_owned(), tags.clone());
        }
        if let Some(ops) = properties.get("keyOps") {
            body.insert("key_ops".to_owned(), ops.clone());
        }
        // A PATCH leaves what it does not say, and takes none of what Azure sets.
        let attributes: Map<String, Json> = ["enabled", "exp"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), properties["attributes"].get(name)?.clone())))
            .filter(|(_, value)| !value.is_null())
            .collect();
        if !attributes.is_empty() {
            body.insert("attributes".to_owned(), Json::Object(attributes));
        }
        let (vault, name) = names(id);
        let path = match version(live) {
            Some(version) => format!("/keys/{name}/{version}"),
            None => format!("/keys/{name}"),
        };
        data_plane(vault, Method::Patch, path).body(Json::Object(body))
    }

    fn project(&self, live: &Json) -> Value {
        let mut fields = META.project(live);
        fields.set(ROTATIONS, key_rotation::rotations(live));
        fields
    }

    /// All its versions, to be recovered for as long as the vault's retention says.
    fn delete(&self, id: &str) -> Request {
        let (vault, name) = names(id);
        data_plane(vault, Method::Delete, format!("/keys/{name}"))
    }

    fn deleted(&self) -> Deleted {
        Deleted::PerParent("vault")
    }

    fn deleted_list(&self, within: &str) -> Request {
        let vault = within.rsplit('/').next().unwrap_or(within);
        data_plane(vault, Method::Get, "/deletedkeys".to_owned())
    }

    fn remains(&self, within: &str, entry: &Json) -> Json {
        let uri = entry.get("kid").and_then(Json::as_str).unwrap_or_default();
        let name = uri.split_once("/keys/").map(|(_, rest)| rest);
        let name = name.and_then(|rest| rest.split('/').next());
        json!({
            "id": name.map(|name| format!("{within}/keys/{name}")),
            "tags": entry.get("tags"),
        })
    }

    fn recover(&self, id: &str, _desired: &Json, _handle: Option<&str>) -> Option<Request> {
        let (vault, name) = names(id);
        let path = format!("/deletedkeys/{name}/recover");
        Some(data_plane(vault, Method::Post, path))
    }

    /// ARM shows some seconds later what was written on the data plane.
    fn lags(&self) -> bool {
        true
    }

    /// A key that is not deleted cannot be recovered.
    /// <https://learn.microsoft.com/rest/api/keyvault/keys/recover-deleted-key/recover-deleted-key>
    fn refuses_second_post(&self) -> bool {
        true
    }

    /// It was deleted with its vault and comes back with it.
    fn resurfaces(&self) -> bool {
        true
    }
}

/// The names of the vault and of the key in a key's id.
fn names(id: &str) -> (&str, &str) {
    let (vault, name) = id.rsplit_once("/keys/").unwrap_or((id, ""));
    (vault.rsplit('/').next().unwrap_or(vault), name)
}

/// The version that a live key is at.
fn version(live: &Json) -> Option<&str> {
    let uri = live.pointer("/properties/keyUriWithVersion")?.as_str()?;
    uri.rsplit('/').next().filter(|version| !version.is_empty())
}

fn data_plane(vault: &str, method: Method, path: String) -> Request {
    Request {
        plane: Plane::Vault(vault.to_owned()),
        ..Request::arm(method, path, DATA_API_VERSION)
    }
}

impl KeySection {
    fn body(&self) -> Json {
        let elliptic = self.key_type.is_elliptic();
        let expires = self.expires.as_deref().and_then(seconds);
        json!({
            "properties": {
                "kty": self.key_type,
                "curveName": elliptic.then(|| self.curve.unwrap_or_default()),
                "keySize": (!elliptic).then(|| self.size.unwrap_or(SIZES[1])),
                "keyOps": self.ops,
                "attributes": { "enabled": self.enabled, "exp": expires },
            },
        })
    }
}

/// The keys of an environment's vault.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(vault), Some(group)) = (&sections.vault, &sections.group) else {
        return Ok(Vec::new());
    };
    let vault_id = vault.id(&place.group_id(&group.name));
    let vault_address = place.address("vault")?;
    // The vault's own API is reached through the endpoint, by the name that its zone answers.
    let services = private_services::of(place, sections);
    let private = services.iter().find(|service| service.id == vault_id);
    let way = private.map(|service| service.endpoint(place)?.child("dns"));
    let way = way.transpose()?;
    let keys = vault.keys.iter().map(|(name, section)| {
        let address = vault_address.child("key")?.child(name)?;
        let id = format!("{vault_id}/keys/{name}");
        let properties = Value::from(section.body());
        let key = Resource::new(place, &Key, address, id.into(), properties).inside(&vault_address);
        Ok(match &way {
            Some(way) => key.after(way),
            None => key,
        })
    });
    keys.collect()
}

/// Azure's rules for keys: names, and what each type can be and do.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(vault) = &sections.vault else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (name, section) in &vault.keys {
        let path = |key: Option<&str>| {
            let steps = ["vault", "keys", name].into_iter().chain(key);
            steps.map(str::to_owned).collect::<Vec<_>>()
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=127).contains(&name.len()) || !name.chars().all(plain) || name.starts_with('-') {
            let message = format!("`{name}` is not a key name");
            problems.push(
                Problem::below(path(None), message)
                    .help("1 to 127 lower-case letters, digits and hyphens, no hyphen first"),
            );
        }
        if section.key_type.is_in_hardware() && vault.sku == super::VaultSku::Standard {
            problems.push(
                Problem::below(
                    path(Some("type")),
                    "keys in hardware need a vault of sku premium",
                )
                .clashing(["vault", "sku"]),
            );
        }
        let wrong = check_shape(section).into_iter().chain(check_use(section));
        problems.extend(wrong.map(|(key, message)| Problem::below(path(Some(key)), message)));
    }
    if !vault.keys.is_empty() {
        problems.extend(check_tags(place));
    }
    problems
}

fn check_shape(section: &KeySection) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let elliptic = section.key_type.is_elliptic();
    if section.curve.is_some() && !elliptic {
        wrong.push(("curve", "an RSA key has a size, and no curve".to_owned()));
    }
    if section.size.is_some() && elliptic {
        wrong.push(("size", "an EC key has a curve, and no size".to_owned()));
    }
    if let Some(size) = section.size.filter(|size| !SIZES.contains(size)) {
        wrong.push((
            "size",
            format!("{size} bits is none of 2048, 3072 and 4096"),
        ));
    }
    wrong
}

fn check_use(section: &KeySection) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let signs = |op: &KeyOperation| matches!(op, KeyOperation::Sign | KeyOperation::Verify);
    if section.key_type.is_elliptic() && !section.ops.iter().all(signs) {
        wrong.push((
            "ops",
            "an EC key can sign and verify, and nothing else".to_owned(),
        ));
    }
    if section.ops.is_empty() {
        wrong.push((
            "ops",
            "a key of which nothing may be done is no use".to_owned(),
        ));
    }
    let repeated = |(at, op): (usize, &KeyOperation)| section.ops[..at].contains(op);
    if section.ops.iter().enumerate().any(repeated) {
        wrong.push(("ops", "one stands here twice".to_owned()));
    }
    if let Some(text) = section
        .expires
        .as_deref()
        .filter(|text| seconds(text).is_none())
    {
        wrong.push(("expires", format!("`{text}` is no date such as 2027-12-31")));
    }
    wrong
}

/// A key carries the environment's tags and the marker, and Azure takes fewer there.
fn check_tags(place: &Place) -> Vec<Problem> {
    let mut problems = Vec::new();
    let most = MOST_TAGS - 2;
    if let Some(name) = place.tags.keys().nth(most) {
        let message = format!(
            "a key takes {most} tags, and there are {}",
            place.tags.len()
        );
        problems.push(
            Problem::below(["tags", name], message).help("drop some, or move the keys elsewhere"),
        );
    }
    for (name, value) in &place.tags {
        if name.chars().count().max(value.chars().count()) > LONGEST_TAG {
            let message = format!("a key takes tags of up to {LONGEST_TAG} characters");
            problems.push(Problem::below(["tags", name], message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    const ID: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv/keys/cosign";

    fn sections(keys: &str) -> Sections {
        let text = format!(
            "[network]\nname = \"n\"\naddress_space = [\"10.0.0.0/16\"]\n\
             [vault]\nname = \"kv-dev\"\n{keys}"
        );
        let mut sections: Sections = toml::from_str(&text).expect("sections");
        sections.group = Some(testing::group());
        sections
    }

    fn problems(keys: &str) -> Vec<String> {
        let found = check(&testing::place(), &sections(keys));
        found.iter().map(|p| p.path.join(".")).collect()
    }

    #[test]
    fn what_azure_would_refuse_is_found_at_once() {
        assert!(problems("[vault.keys.cosign]\n").is_empty());
        assert!(
            problems("[vault.keys.k]\ntype = \"RSA\"\nops = [\"decrypt\"]\nsize = 4096\n")
                .is_empty()
        );
        for (keys, wrong) in [
            ("[vault.keys.k]\nsize = 2048\n", "size"),
            (
                "[vault.keys.k]\ntype = \"RSA-HSM\"\ncurve = \"P-256\"\n",
                "curve",
            ),
            ("[vault.keys.k]\ntype = \"RSA-HSM\"\nsize = 1024\n", "size"),
            ("[vault.keys.k]\nops = [\"sign\", \"encrypt\"]\n", "ops"),
            ("[vault.keys.k]\nops = []\n", "ops"),
            ("[vault.keys.k]\nops = [\"sign\", \"sign\"]\n", "ops"),
            ("[vault.keys.k]\nexpires = \"soon\"\n", "expires"),
        ] {
            assert_eq!(problems(keys), [format!("vault.keys.k.{wrong}")], "{keys}");
        }
        assert_eq!(problems("[vault.keys.K_1]\n"), ["vault.keys.K_1"]);
        assert_eq!(
            problems("sku = \"standard\"\n[vault.keys.k]\n"),
            ["vault.keys.k.type"]
        );
        let mut place = testing::place();
        place.tags = (0..14).map(|n| (n.to_string(), String::new())).collect();
        let found = check(&place, &sections("[vault.keys.k]\n"));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_key_waits_for_the_way_into_its_vault() {
        let declared = declare(&testing::place(), &sections("[vault.keys.cosign]\n"));
        let declared = declared.expect("addresses");
        assert_eq!(declared[0].address.as_str(), "dev.vault.key.cosign");
        let before: Vec<String> = declared[0]
            .references()
            .iter()
            .map(|a| a.to_string())
            .collect();
        assert_eq!(before, ["dev.vault", "dev.vault.endpoint.dns"]);
        let mut alone = sections("[vault.keys.cosign]\n");
        alone.network = None;
        let declared = declare(&testing::place(), &alone).expect("addresses");
        assert_eq!(declared[0].references().len(), 1);
    }

    #[test]
    fn what_is_changed_is_said_to_the_vault_and_nothing_else() {
        let live = json!({
            "tags": {"theirs": "kept"},
            "properties": {
                "kty": "EC-HSM",
                "keyOps": ["sign"],
                "keyUriWithVersion": "https://kv.vault.azure.net/keys/cosign/0a",
                "attributes": {
                    "enabled": false, "created": 1, "updated": 2, "recoveryLevel": "Recoverable",
                },
            },
        });
        let desired = json!({
            "tags": {"ours": "1"},
            "properties": {
                "kty": "EC-HSM", "keyOps": ["sign", "verify"],
                "attributes": {"enabled": true, "exp": null, "exportable": false},
            },
        });
        let changed = ["tags", "properties.attributes.enabled"];
        let request = Key.update(ID, &live, &desired, &changed);
        assert_eq!(request.plane, Plane::Vault("kv".to_owned()));
        assert_eq!(request.path, "/keys/cosign/0a");
        let expected = json!({
            "tags": {"theirs": "kept", "ours": "1"},
            "attributes": {"enabled": true},
        });
        assert_eq!(request.body, Some(expected));
        let request = Key.update(ID, &live, &desired, &["properties.keyOps"]);
        let expected = json!({"key_ops": ["sign", "verify"]});
        assert_eq!(request.body, Some(expected));
        assert_eq!(Key.delete(ID).path, "/keys/cosign");
    }

    #[test]
    fn a_deleted_key_is_found_in_its_vault_and_recovered_there() {
        let (vault, _) = ID.rsplit_once("/keys/").expect("a key's id");
        let list = Key.deleted_list(vault);
        assert_eq!(list.plane, Plane::Vault("kv".to_owned()));
        let entry = json!({
            "kid": "https://kv.vault.azure.net/keys/cosign",
            "recoveryId": "https://kv.vault.azure.net/deletedkeys/cosign",
            "tags": {"ours": "1"},
        });
        let remains = Key.remains(vault, &entry);
        assert_eq!(remains, json!({"id": ID, "tags": {"ours": "1"}}));
        assert_eq!(Key.id_of(vault, &Key.remains(vault, &json!({}))), None);
        let request = Key.recover(ID, &json!({}), None).expect("a request");
        assert_eq!(request.path, "/deletedkeys/cosign/recover");
        assert!(!request.idempotent);
    }
}
