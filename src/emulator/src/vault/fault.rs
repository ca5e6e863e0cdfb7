//! The errors of a vault, in its own envelope.

use super::crypto::CryptoError;
use crate::server::Answer;
use serde_json::json;

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultError {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    /// `innererror.code`, which tells refusals of one code apart.
    pub inner: Option<&'static str>,
    pub challenge: Option<String>,
}

impl VaultError {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            inner: None,
            challenge: None,
        }
    }

    #[must_use]
    pub fn because(mut self, inner: &'static str) -> Self {
        self.inner = Some(inner);
        self
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadParameter", message)
    }

    pub fn forbidden(inner: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, "Forbidden", message).because(inner)
    }

    pub fn conflict(message: impl Into<String>, inner: Option<&'static str>) -> Self {
        Self {
            inner,
            ..Self::new(409, "Conflict", message)
        }
    }

    pub fn being_deleted(name: &str) -> Self {
        Self::conflict(
            format!("Key {name} is currently being deleted."),
            Some("ObjectIsBeingDeleted"),
        )
    }

    pub fn key_not_found(name: &str) -> Self {
        Self::new(
            404,
            "KeyNotFound",
            format!(
                "A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
            ),
        )
    }

    pub fn deleted_not_found(name: &str) -> Self {
        Self::new(404, "KeyNotFound", format!("Deleted Key not found: {name}"))
    }

    /// Why an algorithm did nothing with the key at `kid`, which is of type `kty`.
    pub fn of_crypto(error: &CryptoError, algorithm: &str, kid: &str, kty: &str) -> Self {
        match error {
            CryptoError::Unknown => Self::bad(format!(
                "Property has invalid value\r\nParameter name: alg ({algorithm})"
            )),
            CryptoError::Incompatible { needs } => Self::bad(format!(
                "Key and signing algorithm are incompatible. Key {kid} is of type '{kty}', and algorithm '{algorithm}' can only be used with a key of type '{needs}' or '{needs}-HSM'."
            )),
            CryptoError::Length { bits, bytes } => Self::bad(format!(
                "Invalid length of 'value': {bytes} bytes. {algorithm} requires {bits} bits, encoded with base64url."
            )),
            CryptoError::TooLong => Self::bad("The parameter 'value' is too long for the key."),
            CryptoError::Undecipherable => Self::bad("The parameter is incorrect.\r\n"),
            CryptoError::Broken => Self::new(
                500,
                "InternalServerError",
                "The stored key could not be read.",
            ),
        }
    }
}

impl From<VaultError> for Answer {
    fn from(error: VaultError) -> Self {
        let mut body = json!({"code": error.code, "message": error.message});
        if let Some(inner) = error.inner {
            body["innererror"] = json!({ "code": inner });
        }
        let answer = Self::json(error.status, json!({ "error": body }));
        match error.challenge {
            Some(challenge) => answer.with("www-authenticate", challenge),
            None => answer,
        }
    }
}
