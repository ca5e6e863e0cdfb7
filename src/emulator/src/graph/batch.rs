//! `$batch`: up to twenty requests in one.
//! <https://learn.microsoft.com/graph/json-batching>

use super::error::GraphError;
use super::request::Request;
use crate::server::{Answer, Call};
use axum::body::Bytes;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Requests in one batch.
const MOST: usize = 20;

/// Answers all parts in order; `one` answers a single request.
pub fn answer(request: &Request<'_>, one: impl Fn(&Call) -> Answer) -> Result<Answer, GraphError> {
    let sent = request.body()?;
    let parts = sent
        .get("requests")
        .and_then(Value::as_array)
        .ok_or_else(|| {
            GraphError::new(
                400,
                "BadRequest",
                "Write request id : missing 'requests' property.",
            )
        })?;
    if parts.len() > MOST {
        return Err(GraphError::new(
            400,
            "MaximumValueExceeded",
            format!("Number of batch request steps exceeds the maximum value of {MOST}."),
        ));
    }
    let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
    let mut responses = Vec::new();
    for part in parts {
        let id = part["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() || statuses.contains_key(&id) {
            return Err(GraphError::new(
                400,
                "BadRequest",
                "Every request in a batch needs an id of its own.",
            ));
        }
        let waits = part["dependsOn"].as_array().into_iter().flatten();
        let failed = waits.into_iter().any(|other| {
            let status = other.as_str().and_then(|other| statuses.get(other));
            status.is_none_or(|status| *status >= 400)
        });
        let answer = if failed {
            let error = GraphError::new(424, "FailedDependency", "Failed Dependency");
            error.answer(request.call, request.now)
        } else {
            match call(request.call, part) {
                Some(call) => one(&call),
                None => GraphError::new(400, "BadRequest", "Invalid batch payload format.")
                    .answer(request.call, request.now),
            }
        };
        statuses.insert(id.clone(), answer.status);
        responses.push(shown(&id, answer));
    }
    Ok(Answer::json(200, json!({ "responses": responses })))
}

/// One part as a request of its own, with the batch's token.
fn call(batch: &Call, part: &Value) -> Option<Call> {
    let method = Method::from_bytes(part["method"].as_str()?.to_uppercase().as_bytes()).ok()?;
    let version = batch.path.trim_start_matches('/').split('/').next()?;
    let url = part["url"].as_str()?.trim_start_matches('/');
    let headers = part["headers"].as_object();
    let headers: Vec<(String, String)> = headers
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let body = match &part["body"] {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    batch.part(method, &format!("/{version}/{url}"), &headers, body)
}

fn shown(id: &str, answer: Answer) -> Value {
    let mut headers = Map::new();
    for (name, value) in answer.headers {
        headers.insert(name.to_owned(), json!(value));
    }
    let mut part = json!({"id": id, "status": answer.status});
    if let Some(body) = answer.body {
        headers.insert("Content-Type".to_owned(), json!("application/json"));
        part["body"] = body;
    }
    part["headers"] = Value::Object(headers);
    part
}
