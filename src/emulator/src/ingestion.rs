//! The Logs Ingestion API: where the data collection rules of Azure Monitor take rows.
//!
//! What a call is refused with is known from official clients' tests and troubleshooting guides
//! (<https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>): an unknown
//! rule, no right to the rule, a stream that it does not declare, too large a body, an empty one.
//!
//! ## Why
//! A body that is no JSON array is taken with 204 and nothing comes of it, as in Azure: a client
//! has to get it right. A host that no rule has answers nobody, since its name would not resolve.

use std::borrow::Cow;
use std::io::Read as _;

use crate::access::{Decision, Plane};
use crate::arm;
use crate::azure::Azure;
use crate::entra::{Audience, Principal, TokenError};
use crate::server::{Answer, Call};
use crate::state::{Object, World};
use crate::types;
use axum::http::Method;
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

/// The most bytes of one call, compressed and not.
const MOST: usize = 1 << 20;

/// What a caller has to be allowed on the rule.
const ACTION: &str = "Microsoft.Insights/Telemetry/Write";

/// What stands between a rule's key and the rows of a stream.
const ROWS: &str = "#rows/";

/// A refused call.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        code,
        message: message.into(),
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let error = json!({"code": refusal.code, "message": refusal.message});
        Self::json(refusal.status, json!({ "error": error })).with("x-ms-error-code", refusal.code)
    }
}

/// Answers for `NAME.ingest.monitor.azure.com`.
pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let known = |world: &World| types::rule_answers_at(world, &call.host);
    if !azure.store.read(known) {
        return Answer::drop();
    }
    let segments: Vec<&str> = call.path.split('/').filter(|s| !s.is_empty()).collect();
    match (&call.method, segments.as_slice()) {
        (&Method::POST, [rules, rule, streams, stream])
            if rules.eq_ignore_ascii_case("dataCollectionRules")
                && streams.eq_ignore_ascii_case("streams") =>
        {
            take(azure, call, rule, stream).unwrap_or_else(Answer::from)
        }
        _ => Answer::empty(404),
    }
}

fn take(azure: &Azure, call: &Call, rule: &str, stream: &str) -> Result<Answer, Refusal> {
    let principal = signed_in(azure, call)?;
    let body = plain(call.header("content-encoding"), &call.body);
    let length = call.body.len().max(body.len());
    if length > MOST {
        return Err(refuse(
            413,
            "ContentLengthLimitExceeded",
            format!(
                "Maximum allowed content length: {MOST} bytes (1 MB). Provided content length: {length} bytes."
            ),
        ));
    }
    if call.parameter("api-version").is_none() {
        return Err(refuse(
            400,
            "ApiVersionUnspecified",
            "An API version is required, but was not specified.",
        ));
    }
    let object = azure.store.read(|world| types::rule_with_id(world, rule));
    let object = object.ok_or_else(|| {
        refuse(
            404,
            "NotFound",
            format!("Data collection rule with immutable Id '{rule}' not found."),
        )
    })?;
    allowed(azure, &principal, &object, rule)?;
    let declared = object.body["properties"]["streamDeclarations"].get(stream);
    let columns = declared.ok_or_else(|| {
        refuse(
            400,
            "InvalidStream",
            format!(
                "The stream {stream} was not configured in the data collection rule with immutable Id {rule}."
            ),
        )
    })?;
    if call.body.is_empty() {
        // It has no code in Azure either.
        return Ok(Answer::empty(500));
    }
    let rows = rows(&body, &columns["columns"]);
    if !rows.is_empty() {
        keep(azure, &object, stream, &rows)?;
    }
    Ok(Answer::empty(204))
}

/// A body as it was before the client compressed it, as official ones do; no longer than shows
/// that it is too long. What does not decompress is no JSON array either.
fn plain<'b>(encoding: Option<&str>, body: &'b [u8]) -> Cow<'b, [u8]> {
    if !encoding.is_some_and(|it| it.eq_ignore_ascii_case("gzip")) {
        return Cow::Borrowed(body);
    }
    let mut plain = Vec::new();
    let mut reader = GzDecoder::new(body).take(MOST as u64 + 1);
    match reader.read_to_end(&mut plain) {
        Ok(_) => Cow::Owned(plain),
        Err(_) => Cow::Owned(Vec::new()),
    }
}

/// What of a body is kept: of each object the columns that the stream declares.
fn rows(body: &[u8], columns: &Value) -> Vec<Value> {
    let Ok(Value::Array(sent)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let names: Vec<&str> = columns
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|column| column["name"].as_str())
        .collect();
    let row = |sent: &Value| {
        let sent = sent.as_object()?;
        let kept = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), sent.get(*name)?.clone())));
        Some(Value::Object(kept.collect::<Map<_, _>>()))
    };
    sent.iter().filter_map(row).collect()
}

fn keep(azure: &Azure, rule: &Object, stream: &str, rows: &[Value]) -> Result<(), Refusal> {
    let at = azure.clock.now().zulu();
    let prefix = format!("{}{ROWS}", rule.key());
    let kept = azure.store.write(|txn| {
        let number = txn.world().facts_under(&prefix).count() + 1;
        let call = json!({
            "rule": rule.body["properties"]["immutableId"],
            "stream": stream,
            "at": at,
            "rows": rows,
        });
        txn.set_fact(&format!("{prefix}{number:08}"), Some(call));
    });
    kept.map_err(|_| {
        refuse(
            500,
            "InternalServerError",
            "The emulator could not write its state.",
        )
    })
}

/// The calls that were taken, of one rule or of all, each rule's oldest first.
pub fn taken(world: &World, rule: Option<&str>) -> Vec<Value> {
    let of = |call: &Value| rule.is_none_or(|rule| call["rule"] == rule);
    let all = world.facts().filter(|(key, _)| key.contains(ROWS));
    all.map(|(_, call)| Value::clone(call)).filter(of).collect()
}

fn allowed(
    azure: &Azure,
    principal: &Principal,
    object: &Object,
    rule: &str,
) -> Result<(), Refusal> {
    let who = &principal.object_id;
    let decision = azure
        .store
        .read(|world| arm::decide(azure, world, who, Plane::Data, ACTION, &object.id));
    match decision {
        Decision::Granted { .. } => Ok(()),
        Decision::Denied(_) => Err(refuse(
            403,
            "OperationFailed",
            format!(
                "The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '{rule}' PipelineAccessResult: AccessGranted: False, IsRbacPresent: False, IsDcrDceBindingValid: , DcrArmId: {id}, Message: Required authorization action was not found for tenantId {tenant} objectId {who} on resourceId {id} ConfigurationId: {rule}..",
                id = object.id,
                tenant = azure.directory.tenant(),
            ),
        )),
    }
}

/// Who calls, by bearer token for Azure Monitor.
fn signed_in(azure: &Azure, call: &Call) -> Result<Principal, Refusal> {
    let token = call
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim());
    let verified = match token {
        Some(token) => azure
            .directory
            .verify(token, Audience::Monitor, azure.clock.now()),
        None => Err(TokenError::Invalid),
    };
    verified.map_err(|error| match error {
        TokenError::Audience(_) => refuse(401, "InvalidAudience", "Invalid audience."),
        TokenError::Invalid | TokenError::Expired { .. } | TokenError::Tenant(_) => {
            refuse(401, "InvalidToken", "The authentication token is invalid.")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("written to memory");
        encoder.finish().expect("written to memory")
    }

    #[test]
    fn a_compressed_body_is_read_as_what_it_was() {
        let body = compressed(b"[1]");
        assert_eq!(*plain(Some("GZIP"), &body), *b"[1]");
        assert_eq!(*plain(None, &body), *body);
        assert!(plain(Some("gzip"), b"[1]").is_empty(), "it is none");
        let bomb = compressed(&vec![b' '; 8 * MOST]);
        assert_eq!(plain(Some("gzip"), &bomb).len(), MOST + 1);
    }

    #[test]
    fn of_a_row_the_declared_columns_are_kept() {
        let columns = json!([{"name": "A", "type": "string"}, {"name": "B", "type": "long"}]);
        let sent = br#"[{"A": "x", "C": 1}, 5, {"B": 2}]"#;
        assert_eq!(rows(sent, &columns), [json!({"A": "x"}), json!({"B": 2})]);
        for nothing in [&b"{\"A\": \"x\"}"[..], b"[{", b"\"x\""] {
            assert!(rows(nothing, &columns).is_empty());
        }
    }
}
