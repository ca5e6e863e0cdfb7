//! ARM's errors: codes and messages as the front door and the providers word them.

use crate::server::Answer;
use serde_json::{Value, json};

/// Who refused, which decides the headers and the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// ARM itself: `x-ms-failure-cause: gateway`.
    Gateway,
    /// ARM speaking of a provider that does not answer: `x-ms-failure-cause: service`.
    Service,
    /// A provider, in the common envelope.
    Provider,
    /// A provider that adds `"status": "Failed"` beside the error, as ACR does.
    ProviderWithStatus,
    /// A provider that adds an empty list of details, as Network does.
    ProviderWithDetails,
    /// A provider without an envelope, as private DNS and diagnostic settings.
    Bare,
    /// A bare error with the members of [`ArmError::details`] beside it, as AKS.
    BareWithSubcode,
}

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmError {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub source: Source,
    /// What [`Source::ProviderWithDetails`] tells beside the message.
    pub details: Option<Value>,
    pub headers: Vec<(&'static str, String)>,
}

impl ArmError {
    pub fn new(source: Source, status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            source,
            details: None,
            headers: Vec::new(),
        }
    }

    pub fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::new(Source::Gateway, status, code, message)
    }

    pub fn group_not_found(name: &str) -> Self {
        Self::gateway(
            404,
            "ResourceGroupNotFound",
            format!("Resource group '{name}' could not be found."),
        )
    }

    /// ARM's 404 for a tracked resource; `path` is `Namespace/type/name/…` as the caller
    /// wrote it.
    pub fn resource_not_found(path: &str, group: Option<&str>) -> Self {
        let place = group.map_or_else(String::new, |group| {
            format!(" under resource group '{group}'")
        });
        Self::gateway(
            404,
            "ResourceNotFound",
            format!(
                "The Resource '{path}'{place} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    pub fn parent_not_found(types: &str, parent: &str) -> Self {
        Self::gateway(
            404,
            "ParentResourceNotFound",
            format!(
                "Failed to perform 'write' on resource(s) of type '{types}', because the parent resource '{parent}' could not be found."
            ),
        )
    }

    /// A body that ARM cannot read; `why` is the reader's own text.
    pub fn unreadable(why: &str) -> Self {
        Self::gateway(
            400,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{why}'."),
        )
    }

    pub fn method_not_allowed(method: &str, kind: &str) -> Self {
        Self::gateway(
            405,
            "MethodNotAllowed",
            format!("The HTTP method '{method}' is not supported for the resource type '{kind}'."),
        )
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(&self) -> Value {
        let error = json!({"code": self.code, "message": self.message});
        match self.source {
            Source::ProviderWithStatus => json!({"error": error, "status": "Failed"}),
            Source::ProviderWithDetails => {
                let mut error = error;
                error["details"] = self.details.clone().unwrap_or_else(|| json!([]));
                json!({"error": error})
            }
            Source::Bare => error,
            Source::BareWithSubcode => {
                let mut error = error;
                for (name, value) in self.details.iter().filter_map(Value::as_object).flatten() {
                    error[name] = value.clone();
                }
                error
            }
            Source::Gateway | Source::Service | Source::Provider => json!({"error": error}),
        }
    }
}

impl From<ArmError> for Answer {
    fn from(error: ArmError) -> Self {
        let mut answer = Self::json(error.status, error.body());
        match error.source {
            Source::Gateway => answer = answer.with("x-ms-failure-cause", "gateway"),
            Source::Service => answer = answer.with("x-ms-failure-cause", "service"),
            Source::Provider
            | Source::ProviderWithStatus
            | Source::ProviderWithDetails
            | Source::Bare
            | Source::BareWithSubcode => {}
        }
        answer.headers.extend(error.headers);
        answer
    }
}

/// The error that Azure gives for a bare status, for faults that name only that.
pub fn for_status(status: u16) -> ArmError {
    let (source, code, message) = match status {
        401 => (
            Source::Gateway,
            "AuthenticationFailed",
            "Authentication failed.",
        ),
        403 => (
            Source::Gateway,
            "AuthorizationFailed",
            "The client does not have authorization to perform this action, or the scope is invalid. If access was recently granted, please refresh your credentials.",
        ),
        404 => (
            Source::Gateway,
            "ResourceNotFound",
            "The Resource was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        ),
        409 => (
            Source::Provider,
            "Conflict",
            "The request conflicts with another operation on the same resource.",
        ),
        412 => (
            Source::Provider,
            "PreconditionFailed",
            "The resource has been modified (etag mismatch).",
        ),
        429 => (
            Source::Gateway,
            "SubscriptionRequestsThrottled",
            "Number of requests for the subscription exceeded the limit. Please try again after '1' seconds.",
        ),
        502 => (
            Source::Service,
            "BadGatewayConnection",
            "The network connectivity issue encountered; cannot fulfill the request.",
        ),
        503 => (
            Source::Service,
            "ServiceUnavailable",
            "The service is temporarily unavailable. Please try again later.",
        ),
        504 => (
            Source::Service,
            "GatewayTimeout",
            "The gateway did not receive a response within the specified time period.",
        ),
        400..=499 => (Source::Provider, "BadRequest", "The request was invalid."),
        _ => (
            Source::Provider,
            "InternalServerError",
            "Encountered internal server error.",
        ),
    };
    ArmError::new(source, status, code, message)
}
