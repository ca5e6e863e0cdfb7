//! LIST answers: filters, `$top`, pages and the link to the next one.

use super::context::Context;
use super::error::ArmError;
use crate::server::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// One page of `items` (key and how to show it), with a `nextLink` if more follow.
/// `size` is Azure's page size for this list.
pub fn page<'a, T>(
    cx: &Context<'_>,
    items: impl Iterator<Item = (&'a str, T)>,
    size: usize,
    show: impl Fn(T) -> Value,
) -> Result<Answer, ArmError> {
    let after = after(cx)?;
    let size = cx.azure.settings.page_size.unwrap_or(size).max(1);
    let top = match cx.call.parameter("$top") {
        None => None,
        Some(text) => Some(text.parse::<usize>().ok().filter(|top| *top > 0).ok_or_else(|| {
            ArmError::gateway(
                400,
                "InvalidTopQueryParameter",
                format!("The $top query parameter '{text}' is invalid: it must be a positive number."),
            )
        })?),
    };
    let mut items = items
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after.as_str()))
        .filter(|(key, _)| cx.sees.shows(key))
        .peekable();
    let mut shown = Vec::new();
    let mut last = "";
    while shown.len() < top.unwrap_or(size).min(size) {
        let Some((key, item)) = items.next() else {
            break;
        };
        last = key;
        shown.push(show(item));
    }
    let mut body = json!({ "value": shown });
    if items.peek().is_some() && top.is_none_or(|top| top > size) {
        body["nextLink"] = json!(next_link(cx, last));
    }
    Ok(Answer::json(200, body))
}

/// The key after which the page asked for begins.
pub fn after(cx: &Context<'_>) -> Result<Option<String>, ArmError> {
    cx.call.parameter("$skiptoken").map(token).transpose()
}

fn token(text: &str) -> Result<String, ArmError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            ArmError::gateway(
                400,
                "InvalidSkipToken",
                format!("The skip token '{text}' is invalid."),
            )
        })
}

fn next_link(cx: &Context<'_>, last: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &cx.call.query {
        if !name.eq_ignore_ascii_case("$skiptoken") {
            query.append_pair(name, value);
        }
    }
    query.append_pair("$skiptoken", &URL_SAFE_NO_PAD.encode(last));
    let path = cx.call.target.split('?').next().unwrap_or_default();
    format!("{}{path}?{}", cx.call.origin, query.finish())
}
