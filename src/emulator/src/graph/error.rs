//! Graph's errors.
//! <https://learn.microsoft.com/graph/errors>

use crate::server::{Answer, Call};
use crate::state::Moment;
use serde_json::json;
use uuid::Uuid;

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl GraphError {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// Something is not there, or one of the things that it refers to is not.
    pub fn not_found(id: &str) -> Self {
        Self::new(
            404,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    /// The caller has no permission.
    pub fn denied() -> Self {
        Self::new(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// Another object has that value already.
    pub fn same_value(property: &str) -> Self {
        Self::bad(format!(
            "Another object with the same value for property {property} already exists."
        ))
    }

    /// A path that leads nowhere.
    pub fn no_segment(segment: &str) -> Self {
        Self::new(
            400,
            "BadRequest",
            format!("Resource not found for the segment '{segment}'."),
        )
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// The state could not be written.
    pub fn broken() -> Self {
        Self::new(
            500,
            "InternalServerError",
            "The emulator could not write its state.",
        )
    }

    pub fn answer(&self, call: &Call, now: Moment) -> Answer {
        let request = Uuid::new_v4().to_string();
        let client = call.header("client-request-id").unwrap_or(&request);
        let date = now.zulu();
        let date = date
            .split('.')
            .next()
            .unwrap_or(&date)
            .trim_end_matches('Z');
        let answer = Answer::json(
            self.status,
            json!({"error": {
                "code": self.code,
                "message": self.message,
                "innerError": {"date": date, "request-id": request, "client-request-id": client},
            }}),
        );
        if self.status == 401 {
            return answer.with(
                "www-authenticate",
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
            );
        }
        answer
    }
}
