//! What all types of `Microsoft.Network` share: versions, operations, errors and etags.

use crate::arm::{Address, ArmError, Context, Pattern, Source, kind_of};
use crate::server::Answer;
use crate::state::{Object, Polling, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &[
    "2024-05-01",
    "2024-03-01",
    "2024-01-01",
    "2023-11-01",
    "2023-09-01",
    "2023-04-01",
    "2022-01-01",
    "2021-05-01",
    "2020-05-01",
    "2019-11-01",
];

const STATUS: Address = Address::AtLocation {
    namespace: "Microsoft.Network",
    segment: "operations",
    prefix: "",
    upper_case: false,
};

const RESULT: Address = Address::AtLocation {
    namespace: "Microsoft.Network",
    segment: "operationResults",
    prefix: "",
    upper_case: false,
};

const POLLING: Polling = Polling::Plain {
    running: 200,
    again: false,
};

/// How PUT runs.
pub static WRITE: Pattern = Pattern {
    address: STATUS,
    polling: POLLING,
    retry_after: Some(3),
    seconds: 10,
};

/// How PUT runs where much has to be wired.
pub static SLOW_WRITE: Pattern = Pattern {
    address: STATUS,
    polling: POLLING,
    retry_after: Some(10),
    seconds: 30,
};

/// How DELETE runs.
pub static DELETION: Pattern = Pattern {
    address: Address::Pair {
        status: &STATUS,
        result: &RESULT,
        done: 204,
    },
    polling: POLLING,
    retry_after: Some(10),
    seconds: 10,
};

/// What operations say until they are done.
pub const RUNNING: &str = "InProgress";

/// An error of the provider.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::ProviderWithDetails, status, code, message)
}

/// What the provider says to a body that its reader does not take; `why` is the reader's
/// own text.
pub fn unreadable(why: impl Into<String>) -> ArmError {
    let mut error = refuse(400, "InvalidRequestFormat", "Cannot parse the request.");
    error.details = Some(json!([{"code": "InvalidJson", "message": why.into()}]));
    error
}

/// 404 of the provider, for parts of other objects.
pub fn not_found(id: &str) -> ArmError {
    refuse(404, "NotFound", format!("Resource {id} not found."))
}

/// 400 for a reference that leads nowhere.
pub fn bad_reference(referenced: &str, by: &str) -> ArmError {
    refuse(
        400,
        "InvalidResourceReference",
        format!(
            "Resource {referenced} referenced by resource {by} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
        ),
    )
}

/// Refuses members that the provider does not know; it is strict about them.
pub fn only(body: &Map<String, Value>, known: &[&str], definition: &str) -> Result<(), ArmError> {
    let stranger = body
        .keys()
        .find(|member| !known.iter().any(|k| k.eq_ignore_ascii_case(member)));
    match stranger {
        None => Ok(()),
        Some(member) => Err(unreadable(format!(
            "Could not find member '{member}' on object of type '{definition}'. Path 'properties.{member}', line 1, position 1."
        ))),
    }
}

/// Turns a reader's complaint into the provider's.
pub fn read<T>(result: Result<T, ArmError>) -> Result<T, ArmError> {
    result.map_err(|error| unreadable(error.message))
}

/// An id as it was sent, and what it leads to if its type is played.
pub type Reference = (String, Option<Arc<Object>>);

/// The object that `{"id": …}` names; it must be there if its type is played in full.
pub fn referenced(
    world: &World,
    value: &Value,
    name: &str,
    by: &str,
) -> Result<Option<Reference>, ArmError> {
    if value.is_null() {
        return Ok(None);
    }
    let id = value["id"].as_str().ok_or_else(|| {
        unreadable(format!(
            "Error converting value. Path 'properties.{name}', line 1, position 1."
        ))
    })?;
    let object = world.object(&id.to_ascii_lowercase()).cloned();
    if object.is_none()
        && crate::types::of(&kind_of(id)).is_some_and(|kind| !kind.taken_for_granted())
    {
        return Err(bad_reference(id, by));
    }
    Ok(Some((id.to_owned(), object)))
}

/// A weak etag made of what changes with each state of an object.
pub fn etag(parts: &[String]) -> String {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes());
    format!("W/\"{id}\"")
}

/// The etag of an object that changes on its own.
pub fn own_etag(object: &Object) -> String {
    etag(&[
        object.key(),
        object
            .text("/properties/resourceGuid")
            .unwrap_or_default()
            .to_owned(),
        revision(object).to_string(),
    ])
}

/// Refuses a write whose `If-Match` names another state of the object than the one that stands.
pub fn unchanged(cx: &Context<'_>, id: &str, stands: Option<String>) -> Result<(), ArmError> {
    let wanted = cx.call.header("if-match").filter(|etag| *etag != "*");
    let Some(wanted) = wanted.filter(|wanted| stands.as_deref() != Some(*wanted)) else {
        return Ok(());
    };
    let stands = stands.unwrap_or_default();
    let mut error = refuse(412, "PreconditionFailed", "Precondition failed.");
    error.details = Some(json!([{
        "code": "PreconditionFailedEtagMismatch",
        "message": format!(
            "Etag provided in if-match header {wanted} does not match etag {stands} of resource {id} in NRP data store."
        ),
    }]));
    Err(error)
}

/// How often an object has changed.
pub fn revision(object: &Object) -> u64 {
    object.hidden["revision"].as_u64().unwrap_or_default()
}

/// What is hidden of an object once it has changed again.
pub fn changed(hidden: &Value) -> Value {
    let mut hidden = if hidden.is_object() {
        hidden.clone()
    } else {
        json!({})
    };
    let revision = hidden["revision"].as_u64().unwrap_or_default();
    hidden["revision"] = json!(revision + 1);
    hidden
}

/// Reads carry the etag as a header too.
pub fn etag_header(cx: &Context<'_>, answer: &mut Answer) {
    if cx.call.method == Method::GET
        && let Some(etag) = answer.body.as_ref().and_then(|body| body["etag"].as_str())
    {
        answer.headers.push(("etag", etag.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_only_grow() {
        let once = changed(&Value::Null);
        assert_eq!(once["revision"], 1);
        assert_eq!(changed(&once)["revision"], 2);
    }
}
