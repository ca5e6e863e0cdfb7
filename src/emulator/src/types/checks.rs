//! Reading typed members out of bodies, with the errors of a provider's JSON reader.

use crate::arm::{ArmError, Source};
use serde_json::{Map, Value};

/// A member that is true or false, if it is there.
pub fn flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => Err(wrong(name, other)),
    }
}

/// A member that is one of `words`, in any case; answers the canonical word.
pub fn word(
    body: &Map<String, Value>,
    name: &str,
    words: &[&'static str],
) -> Result<Option<&'static str>, ArmError> {
    let Some(text) = text(body, name)? else {
        return Ok(None);
    };
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| Some(*word))
        .ok_or_else(|| wrong(name, &Value::String(text.to_owned())))
}

/// A member that is a text, if it is there.
pub fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(name, other)),
    }
}

/// A member that is an object; an absent one is empty.
pub fn object(body: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(other) => Err(wrong(name, other)),
    }
}

/// A member that is a list, if it is there.
pub fn list(body: &Map<String, Value>, name: &str) -> Result<Option<Vec<Value>>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.clone())),
        Some(other) => Err(wrong(name, other)),
    }
}

/// A whole number, if it is there.
pub fn number(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong(name, value)),
    }
}

/// What the registry's provider says to a member of the wrong type or value.
pub fn wrong(name: &str, value: &Value) -> ArmError {
    let shown = match value {
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    };
    invalid(format!(
        "Error converting value {shown}. Path '{name}', line 1, position 1."
    ))
}

/// 400 of the registry's provider.
pub fn invalid(message: impl Into<String>) -> ArmError {
    refuse(400, "InvalidRequest", message)
}

/// An error of the registry's provider.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::ProviderWithStatus, status, code, message)
}
