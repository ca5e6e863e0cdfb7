//! The provider's errors: without an envelope, with details and a subcode.

use crate::arm::{ArmError, Source};
use serde_json::{Value, json};

/// An error of the provider.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    told(status, code, message, "", &Value::Null)
}

/// 400 for a value that the provider does not take.
pub fn invalid(parameter: &str, why: &str) -> ArmError {
    refuse(
        400,
        "InvalidParameter",
        format!("The value of parameter {parameter} is invalid. Error details: {why}"),
    )
}

/// 400 for what must be there.
pub fn missing(parameter: &str) -> ArmError {
    refuse(
        400,
        "InvalidParameter",
        format!("Required parameter {parameter} is missing (null)."),
    )
}

/// 400 for what stays as it was made.
pub fn immutable(property: &str) -> ArmError {
    refuse(
        400,
        "PropertyChangeNotAllowed",
        format!("Changing property '{property}' is not allowed."),
    )
}

/// 400 for a member of the wrong type, as the provider's reader puts it.
pub fn unreadable(error: &ArmError) -> ArmError {
    refuse(
        400,
        "UnmarshalError",
        format!("UnmarshalEntity encountered error: {}", error.message),
    )
}

/// 404 of the provider itself. `thing` is its name in the message.
pub fn not_found(subcode: &str, thing: &str, message: String) -> ArmError {
    let details = json!([{
        "code": "Unspecified",
        "message": format!("rpc error: code = NotFound desc = {thing} not found"),
    }]);
    told(404, "NotFound", message, subcode, &details)
}

fn told(
    status: u16,
    code: &str,
    message: impl Into<String>,
    subcode: &str,
    details: &Value,
) -> ArmError {
    let mut error = ArmError::new(Source::BareWithSubcode, status, code, message);
    error.details = Some(json!({"details": details, "subcode": subcode}));
    error
}
