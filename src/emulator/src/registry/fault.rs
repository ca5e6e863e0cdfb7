//! Errors as registries word them: a list, each with code, message and detail.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>

use super::scope::Scope;
use crate::server::Answer;
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub detail: Value,
    /// The value of `WWW-Authenticate`.
    pub challenge: Option<String>,
}

impl Fault {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>, detail: Value) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail,
            challenge: None,
        }
    }

    /// Not signed in, or without the scopes that it takes.
    pub fn unauthorized(needed: &[Scope]) -> Self {
        let detail: Vec<Value> = needed
            .iter()
            .flat_map(|scope| {
                scope
                    .actions
                    .iter()
                    .map(|action| json!({"Type": scope.kind, "Name": scope.name, "Action": action}))
            })
            .collect();
        let detail = if detail.is_empty() {
            Value::Null
        } else {
            Value::Array(detail)
        };
        Self::new(
            401,
            "UNAUTHORIZED",
            "authentication required, visit https://aka.ms/acr/authorization for more information.",
            detail,
        )
    }

    /// An attribute of the registry, repository or image forbids it.
    pub fn disallowed() -> Self {
        Self::new(
            405,
            "REGISTRY_DISALLOWED_OPERATION",
            "The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation",
            json!({}),
        )
    }

    pub fn name_unknown(repository: &str) -> Self {
        Self::new(
            404,
            "NAME_UNKNOWN",
            "repository name not known to registry",
            json!({ "name": repository }),
        )
    }

    pub fn manifest_unknown(repository: &str, version: &str) -> Self {
        let (message, member) = if version.contains(':') {
            (format!("manifest {version} is not found"), "Digest")
        } else {
            (
                format!("manifest tagged by \"{version}\" is not found"),
                "Tag",
            )
        };
        Self::new(
            404,
            "MANIFEST_UNKNOWN",
            message,
            json!({"Name": repository, member: version}),
        )
    }

    pub fn tag_unknown() -> Self {
        Self::new(
            404,
            "TAG_UNKNOWN",
            "the specified tag does not exist",
            Value::Null,
        )
    }

    pub fn blob_unknown(digest: &str) -> Self {
        Self::new(
            404,
            "BLOB_UNKNOWN",
            "blob unknown to registry",
            json!({ "digest": digest }),
        )
    }

    pub fn upload_unknown() -> Self {
        Self::new(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
            Value::Null,
        )
    }

    pub fn digest_invalid(digest: &str) -> Self {
        Self::new(
            400,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
            json!({ "digest": digest }),
        )
    }

    pub fn manifest_invalid(why: impl Into<String>) -> Self {
        Self::new(
            400,
            "MANIFEST_INVALID",
            "manifest invalid",
            json!(why.into()),
        )
    }

    pub fn unsupported() -> Self {
        Self::new(
            405,
            "UNSUPPORTED",
            "The operation is unsupported.",
            Value::Null,
        )
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BAD_REQUEST", message, Value::Null)
    }

    pub fn unwritten() -> Self {
        Self::new(
            500,
            "UNKNOWN",
            "the emulator could not write its state",
            Value::Null,
        )
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        let mut error = json!({"code": fault.code, "message": fault.message});
        if !fault.detail.is_null() {
            error["detail"] = fault.detail;
        }
        let answer = Self::json(fault.status, json!({ "errors": [error] }));
        match fault.challenge {
            Some(challenge) => answer.with("www-authenticate", challenge),
            None => answer,
        }
    }
}
