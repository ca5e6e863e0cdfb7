//! What is done with a key: sign, verify, encrypt, decrypt, wrap, unwrap.

use super::crypto;
use super::fault::VaultError;
use super::key::{Key, Version};
use super::material::number;
use super::request::Request;
use super::{create, read};
use crate::server::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// An operation with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    WrapKey,
    UnwrapKey,
}

impl Operation {
    /// The operation that a path's last segment names.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "sign" => Self::Sign,
            "verify" => Self::Verify,
            "encrypt" => Self::Encrypt,
            "decrypt" => Self::Decrypt,
            "wrapkey" => Self::WrapKey,
            "unwrapkey" => Self::UnwrapKey,
            _ => return None,
        })
    }

    /// Its word in `key_ops` and in access policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::WrapKey => "wrapKey",
            Self::UnwrapKey => "unwrapKey",
        }
    }

    /// Whether it needs the private half, which a disabled key does not give.
    fn private(self) -> bool {
        matches!(self, Self::Sign | Self::Decrypt | Self::UnwrapKey)
    }

    /// Whether it makes something new, which is left to keys in their time of validity;
    /// what was made earlier can be read at any time.
    fn makes(self) -> bool {
        matches!(self, Self::Sign | Self::Encrypt | Self::WrapKey)
    }
}

/// `POST /keys/N/V/OPERATION`; without a version the current one is meant.
pub fn run(
    request: &Request<'_>,
    name: &str,
    version: &str,
    operation: Operation,
) -> Result<Answer, VaultError> {
    let key = request
        .read(|world| read::visible(request, world, name))
        .ok_or_else(|| VaultError::key_not_found(name))?;
    let version = key
        .version(version)
        .ok_or_else(|| VaultError::key_not_found(&format!("{name}/{version}")))?;
    allowed(version, operation, request.now.seconds())?;
    let body = request.body()?;
    let algorithm = create::text(&body, "alg")?
        .ok_or_else(|| VaultError::bad("Property  is required\r\nParameter name: alg"))?;
    answer(request, &key, version, operation, algorithm, &body)
}

fn answer(
    request: &Request<'_>,
    key: &Key,
    version: &Version,
    operation: Operation,
    algorithm: &str,
    body: &Map<String, Value>,
) -> Result<Answer, VaultError> {
    let value = bytes(body, "value")?;
    let material = &version.material;
    let kid = request.kid(&key.name, &version.id);
    let done = match operation {
        Operation::Verify => {
            let digest = bytes(body, "digest")?;
            let held = crypto::verify(material, algorithm, &digest, &value);
            return held
                .map(|held| Answer::json(200, json!({ "value": held })))
                .map_err(|error| VaultError::of_crypto(&error, algorithm, &kid, &version.kty()));
        }
        Operation::Sign => crypto::sign(material, algorithm, &value),
        Operation::Encrypt | Operation::WrapKey => crypto::encrypt(material, algorithm, &value),
        Operation::Decrypt | Operation::UnwrapKey => crypto::decrypt(material, algorithm, &value),
    };
    let done =
        done.map_err(|error| VaultError::of_crypto(&error, algorithm, &kid, &version.kty()))?;
    Ok(Answer::json(
        200,
        json!({"kid": kid, "value": URL_SAFE_NO_PAD.encode(done)}),
    ))
}

fn allowed(version: &Version, operation: Operation, now: i64) -> Result<(), VaultError> {
    let word = operation.word();
    if !version.enabled && operation.private() {
        return Err(VaultError::forbidden(
            "KeyDisabled",
            format!("Operation {word} is not allowed on a disabled key."),
        ));
    }
    if !version.ops.iter().any(|op| op == word) {
        return Err(VaultError::forbidden(
            "KeyOperationForbidden",
            format!("Operation {word} is not permitted on this key."),
        ));
    }
    if operation.makes() && version.nbf.is_some_and(|nbf| now < nbf) {
        return Err(VaultError::forbidden(
            "KeyNotYetValid",
            format!("Operation {word} is not allowed on a key that is not yet valid."),
        ));
    }
    if operation.makes() && version.exp.is_some_and(|exp| now >= exp) {
        return Err(VaultError::forbidden(
            "KeyExpired",
            format!("Operation {word} is not allowed on an expired key."),
        ));
    }
    Ok(())
}

fn bytes(body: &Map<String, Value>, name: &str) -> Result<Vec<u8>, VaultError> {
    let text = create::text(body, name)?.ok_or_else(|| {
        VaultError::bad(format!("Property  is required\r\nParameter name: {name}"))
    })?;
    number(text).ok_or_else(|| {
        VaultError::bad(format!(
            "Invalid value of '{name}': it must be encoded with base64url."
        ))
    })
}
