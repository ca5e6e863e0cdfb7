//! Directory objects whose collection the caller does not know.
//! <https://learn.microsoft.com/graph/api/directoryobject-getbyids>

use super::address::Segment;
use super::entity;
use super::error::GraphError;
use super::request::{Request, any_object, typed};
use super::rights::Right;
use super::view;
use super::{links, read};
use crate::server::Answer;
use axum::http::Method;
use serde_json::{Value, json};

/// The most ids in one question.
const MOST: usize = 1000;

/// Everything below `/directoryObjects`.
pub fn answer(request: &Request<'_>, rest: &[Segment]) -> Result<Answer, GraphError> {
    let words: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    match (&request.call.method, words.as_slice()) {
        (&Method::POST, [action]) if action.to_ascii_lowercase().ends_with("getbyids") => {
            by_ids(request)
        }
        (&Method::GET, [id]) => read::any(request, id),
        (&Method::POST, [id, action]) => {
            let action = action.trim_start_matches("microsoft.graph.");
            request.read(|world| {
                any_object(request.azure, world, id)
                    .map(|_| ())
                    .ok_or_else(|| GraphError::not_found(id))
            })?;
            match action.to_ascii_lowercase().as_str() {
                "getmembergroups" | "getmemberobjects" | "checkmembergroups"
                | "checkmemberobjects" => links::membership(request, id, action),
                _ => Err(GraphError::no_segment(action)),
            }
        }
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn by_ids(request: &Request<'_>) -> Result<Answer, GraphError> {
    if !entity::all().any(|entity| request.rights.allow(Right::Read, entity, None)) {
        return Err(GraphError::denied());
    }
    let sent = request.body()?;
    let texts = |name: &str| -> Vec<String> {
        sent.get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect()
    };
    let (ids, types) = (texts("ids"), texts("types"));
    if ids.is_empty() || ids.len() > MOST {
        return Err(GraphError::bad(format!(
            "Between 1 and {MOST} ids are needed in the parameter 'ids'."
        )));
    }
    let wanted = |segment: &str| {
        types.is_empty()
            || types.iter().any(|name| {
                name.eq_ignore_ascii_case("directoryObject")
                    || entity::of_type(name).is_some_and(|known| known.segment == segment)
            })
    };
    request.read(|world| {
        let value: Vec<Value> = ids
            .iter()
            .filter_map(|id| any_object(request.azure, world, id))
            .filter(|(entity, object)| {
                wanted(entity.segment) && request.rights.allow(Right::Read, entity, Some(object))
            })
            .map(|(entity, object)| {
                let body = view::default(entity, view::of(request.azure, world, &object));
                typed(entity, body)
            })
            .collect();
        Ok(request.done("directoryObjects", json!({ "value": value })))
    })
}
