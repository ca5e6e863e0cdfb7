//! What all types of `Microsoft.Storage` share: versions, errors and etags.

use crate::arm::{ArmError, Context, Source};
use crate::state::Moment;
use serde_json::{Map, Value};

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &[
    "2025-06-01",
    "2025-01-01",
    "2024-01-01",
    "2023-05-01",
    "2023-04-01",
    "2023-01-01",
    "2022-09-01",
    "2022-05-01",
    "2021-09-01",
    "2021-08-01",
    "2021-06-01",
    "2021-04-01",
    "2021-02-01",
    "2021-01-01",
    "2019-06-01",
];

/// An error of the provider.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

/// 400 for a parameter that the provider does not take.
pub fn invalid(name: &str) -> ArmError {
    refuse(
        400,
        "InvalidValuesForRequestParameters",
        format!("Values for request parameters are invalid: {name}."),
    )
}

/// A member that is an object; an absent one is empty.
pub fn object(body: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(invalid(name)),
    }
}

/// A member that is true or false, if it is there.
pub fn flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or_else(|| invalid(name)),
    }
}

/// A member that is one of `words`, in any case; answers the canonical word.
pub fn word(
    body: &Map<String, Value>,
    name: &str,
    words: &[&'static str],
) -> Result<Option<&'static str>, ArmError> {
    let text = match body.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_str().ok_or_else(|| invalid(name))?,
    };
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
    known.copied().map(Some).ok_or_else(|| invalid(name))
}

/// A whole number, if it is there.
pub fn number(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| invalid(name)),
    }
}

/// A list, if it is there.
pub fn list(body: &Map<String, Value>, name: &str) -> Result<Option<Vec<Value>>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(_) => Err(invalid(name)),
    }
}

/// The etag of what is written now, after one that was `before`: the time, in hexadecimal.
pub fn etag(now: Moment, before: Option<&str>) -> String {
    let made = |ticks: i128| format!("\"{ticks:x}\"");
    let ticks = now.ticks();
    let etag = made(ticks);
    // Two writes within one tick of the clock still tell apart.
    match before.and_then(ticks_of).filter(|before| *before >= ticks) {
        Some(before) => made(before + 1),
        None => etag,
    }
}

fn ticks_of(etag: &str) -> Option<i128> {
    i128::from_str_radix(etag.trim_matches('"'), 16).ok()
}

/// What `If-Match` names; `*` and nothing name whatever stands.
pub fn wanted<'a>(cx: &'a Context<'_>) -> Option<&'a str> {
    cx.call.header("if-match").filter(|etag| *etag != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_never_repeat() {
        let now = Moment::from(1_750_000_000);
        let first = etag(now, None);
        let second = etag(now, Some(&first));
        assert_ne!(first, second);
        assert_ne!(second, etag(now, Some(&second)));
        assert!(first.starts_with('"') && first.len() == 17, "{first}");
    }
}
