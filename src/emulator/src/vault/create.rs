//! New keys and new versions: created, imported, rotated.

use super::curve::Curve;
use super::fault::VaultError;
use super::key::{self, Key, Version, default_ops, fresh_id};
use super::material::{Material, RSA_SIZES, Wanted};
use super::request::Request;
use super::{rotation, show, store};
use crate::server::Answer;
use crate::settings::Pace;
use crate::state::{Moment, Object};
use serde_json::{Map, Value};

/// The generation of the HSMs that new keys of this decade are made in (FIPS 140-3 level 3).
const HSM_PLATFORM: u8 = 2;

const OPS: &[&str] = &[
    "encrypt",
    "decrypt",
    "sign",
    "verify",
    "wrapKey",
    "unwrapKey",
    "import",
    "export",
];

/// What a caller wants a key to be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    hsm: bool,
    wanted: Wanted,
    ops: Vec<String>,
    attributes: Attributes,
    tags: Option<Map<String, Value>>,
    release_policy: Option<Value>,
}

/// What a caller may say about a version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    pub enabled: Option<bool>,
    pub nbf: Option<i64>,
    pub exp: Option<i64>,
    pub exportable: Option<bool>,
}

impl Order {
    /// Reads the members of a creation and checks them against what the vault can hold.
    pub fn read(vault: &Object, body: &Map<String, Value>) -> Result<Self, VaultError> {
        let kty = text(body, "kty")?
            .ok_or_else(|| VaultError::bad("Property  is required\r\nParameter name: kty"))?;
        let (family, hsm) = protection(vault, kty)?;
        let wanted = match family {
            "EC" => {
                let crv = text(body, "crv")?.unwrap_or("P-256");
                let curve = Curve::named(crv)
                    .ok_or_else(|| VaultError::bad(format!("Invalid crv value: {crv}")))?;
                Wanted::Ec {
                    curve,
                    crv: crv.to_owned(),
                }
            }
            _ => Wanted::Rsa {
                bits: rsa_size(body)?,
            },
        };
        Ok(Self {
            hsm,
            wanted,
            ops: ops(body)?.unwrap_or_else(|| default_ops(family)),
            attributes: attributes(body)?,
            tags: tags(body)?,
            release_policy: release_policy(body),
        })
        .and_then(Self::exportable_with_policy)
    }

    fn exportable_with_policy(self) -> Result<Self, VaultError> {
        let exportable = self.attributes.exportable == Some(true);
        match (exportable, &self.release_policy) {
            (true, None) => Err(VaultError::bad(
                "AKV.SKR.1001: The exportable attribute must be false, if the key does not have a release policy.",
            )),
            (false, Some(_)) => Err(VaultError::bad(
                "AKV.SKR.1002: The exportable attribute must be true, if the key has a release policy.",
            )),
            _ => Ok(self),
        }
    }

    fn version(self, material: Material, now: Moment) -> Version {
        let at = now.seconds();
        Version {
            id: fresh_id(),
            hsm: self.hsm,
            ops: self.ops,
            enabled: self.attributes.enabled.unwrap_or(true),
            nbf: self.attributes.nbf,
            exp: self.attributes.exp,
            created: at,
            updated: at,
            exportable: self.attributes.exportable.unwrap_or(false),
            platform: if self.hsm { HSM_PLATFORM } else { 0 },
            tags: self.tags,
            release_policy: self.release_policy,
            material,
        }
    }
}

/// A first version that follows an order.
pub fn make(order: Order, now: Moment) -> Result<Version, VaultError> {
    let material = generated(&order.wanted)?;
    Ok(order.version(material, now))
}

fn generated(wanted: &Wanted) -> Result<Material, VaultError> {
    Material::generate(wanted).ok_or_else(|| {
        VaultError::new(
            500,
            "InternalServerError",
            "The key could not be generated.",
        )
    })
}

/// `POST /keys/N/create`
pub fn create(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    valid_name(name)?;
    let order = Order::read(&request.vault, &request.body()?)?;
    let pace = request.azure.settings.pace;
    request.read(|world| store::blocked(world, &request.vault, name, pace, request.now))?;
    let version = make(order, request.now)?;
    add(request, name, version)
}

/// `PUT /keys/N`: a key made elsewhere.
pub fn import(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    valid_name(name)?;
    let body = request.body()?;
    let jwk = body
        .get("key")
        .and_then(Value::as_object)
        .ok_or_else(|| VaultError::bad("Property  is required\r\nParameter name: key"))?;
    let kty = text(jwk, "kty")?
        .ok_or_else(|| VaultError::bad("Property  is required\r\nParameter name: kty"))?;
    let wants_hsm = ["Hsm", "hsm"]
        .iter()
        .any(|name| body.get(*name) == Some(&Value::Bool(true)));
    let kty = if wants_hsm && !kty.ends_with("-HSM") {
        format!("{kty}-HSM")
    } else {
        kty.to_owned()
    };
    let (family, hsm) = protection(&request.vault, &kty)?;
    let material = Material::import(jwk)
        .filter(|material| material.family() == family)
        .filter(|material| material.bits().is_none_or(|bits| RSA_SIZES.contains(&bits)))
        .ok_or_else(|| {
            VaultError::bad("Invalid key: its members do not make a key that can be imported.")
        })?;
    let order = Order {
        hsm,
        wanted: material.like(),
        ops: ops(jwk)?.unwrap_or_else(|| default_ops(family)),
        attributes: attributes(&body)?,
        tags: tags(&body)?,
        release_policy: release_policy(&body),
    }
    .exportable_with_policy()?;
    add(request, name, order.version(material, request.now))
}

/// `POST /keys/N/rotate`: another version like the current one.
pub fn rotate(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    let key = request
        .read(|world| super::read::visible(request, world, name))
        .ok_or_else(|| VaultError::key_not_found(name))?;
    let current = key.current();
    let at = request.now.seconds();
    let version = Version {
        id: fresh_id(),
        created: at,
        updated: at,
        nbf: None,
        exp: rotation::expiry(&key).and_then(|seconds| at.checked_add(seconds)),
        platform: if current.hsm { HSM_PLATFORM } else { 0 },
        material: generated(&current.material.like())?,
        ..current.clone()
    };
    add(request, name, version)
}

/// Adds a version to a key, which may be new.
fn add(request: &Request<'_>, name: &str, version: Version) -> Result<Answer, VaultError> {
    let (vault, pace) = (&request.vault, request.azure.settings.pace);
    let key = request.write(|txn| {
        store::blocked(txn.world(), vault, name, pace, request.now)?;
        let mut key = match store::live(txn.world(), vault, name) {
            Some(key) => settled(key, pace, request.now)?,
            None => Key {
                name: name.to_owned(),
                versions: Vec::new(),
                rotation: None,
                lag: None,
            },
        };
        key.versions.push(version);
        store::put_live(txn, vault, &key);
        Ok(key)
    })?;
    Ok(Answer::json(
        200,
        show::bundle(request, &key, key.current()),
    ))
}

/// A key whose recovery has to be over before it can be written.
pub fn settled(mut key: Key, pace: Pace, now: Moment) -> Result<Key, VaultError> {
    if key.lag.is_some_and(|lag| !lag.passable(pace, now)) {
        return Err(VaultError::conflict(
            format!("Key {} is currently being recovered.", key.name),
            Some("ObjectIsBeingRecovered"),
        ));
    }
    key.lag = None;
    Ok(key)
}

/// Family and protection that a key type stands for.
fn protection(vault: &Object, kty: &str) -> Result<(&'static str, bool), VaultError> {
    let (family, hsm) = match kty {
        "EC" => ("EC", false),
        "EC-HSM" => ("EC", true),
        "RSA" => ("RSA", false),
        "RSA-HSM" => ("RSA", true),
        _ => {
            return Err(
                VaultError::bad(format!("Invalid kty value: {kty}")).because("KeyTypeNotSupported")
            );
        }
    };
    if hsm && !key::premium(vault) {
        return Err(VaultError::bad(
            "Hardware key operation not allowed on standard vault",
        ));
    }
    Ok((family, hsm))
}

fn rsa_size(body: &Map<String, Value>) -> Result<i64, VaultError> {
    match body.get("key_size") {
        None | Some(Value::Null) => Ok(RSA_SIZES[0]),
        Some(size) => size
            .as_i64()
            .filter(|bits| RSA_SIZES.contains(bits))
            .ok_or_else(|| VaultError::bad(format!("Invalid key_size value: {size}"))),
    }
}

/// Names are letters, digits and hyphens.
pub fn valid_name(name: &str) -> Result<(), VaultError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=127).contains(&name.len()) {
        return Ok(());
    }
    Err(VaultError::bad(format!(
        "The request URI contains an invalid name: {name}"
    )))
}

/// `key_ops`, where it is sent.
pub fn ops(body: &Map<String, Value>) -> Result<Option<Vec<String>>, VaultError> {
    let list = match body.get("key_ops") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(VaultError::bad(format!("Invalid key_ops value: {other}"))),
    };
    let mut ops = Vec::new();
    for op in list {
        let op = op
            .as_str()
            .filter(|op| OPS.contains(op))
            .ok_or_else(|| VaultError::bad(format!("Invalid key_ops value: {op}")))?;
        if !ops.iter().any(|known| known == op) {
            ops.push(op.to_owned());
        }
    }
    Ok(Some(ops))
}

/// `attributes`, as far as a caller may set them.
pub fn attributes(body: &Map<String, Value>) -> Result<Attributes, VaultError> {
    let sent = match body.get("attributes") {
        None | Some(Value::Null) => return Ok(Attributes::default()),
        Some(Value::Object(sent)) => sent,
        Some(other) => {
            return Err(VaultError::bad(format!(
                "Invalid attributes value: {other}"
            )));
        }
    };
    let wrong =
        |name: &str, value: &Value| VaultError::bad(format!("Invalid {name} value: {value}"));
    let flag = |name: &str| match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or_else(|| wrong(name, value)),
    };
    let number = |name: &str| match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong(name, value)),
    };
    Ok(Attributes {
        enabled: flag("enabled")?,
        nbf: number("nbf")?,
        exp: number("exp")?,
        exportable: flag("exportable")?,
    })
}

/// `tags`, where they are sent: at most 15, with texts as values.
pub fn tags(body: &Map<String, Value>) -> Result<Option<Map<String, Value>>, VaultError> {
    let tags = match body.get("tags") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(tags)) => tags,
        Some(other) => return Err(VaultError::bad(format!("Invalid tags value: {other}"))),
    };
    if tags.len() > 15 {
        return Err(VaultError::bad("A key can have at most 15 tags."));
    }
    for (name, value) in tags {
        let fits = |text: &str| text.chars().count() <= 256;
        if !fits(name) || !value.as_str().is_some_and(fits) {
            return Err(VaultError::bad(format!(
                "Invalid value of the tag {name}: {value}"
            )));
        }
    }
    Ok(Some(tags.clone()))
}

pub fn release_policy(body: &Map<String, Value>) -> Option<Value> {
    body.get("release_policy")
        .filter(|policy| policy.is_object())
        .cloned()
}

/// A text, where it is sent.
pub fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, VaultError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(VaultError::bad(format!("Invalid {name} value: {other}"))),
    }
}
