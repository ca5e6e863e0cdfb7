//! Collections: follows pages to their end, and says so when there is none.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::error::own;
use super::exchange::{Call, Purpose, Wire};
use super::refusal::{document, request_id};
use super::transport::Answer;
use crate::provision::ports::{Failure, Verdict};
use crate::resource::Request;

/// Hands every page of a collection to `page`.
///
/// # Errors
/// [`Failure`] when a page cannot be read, leads to another host, or comes a second time;
/// [`Verdict::NotFound`] where Azure knows no such collection.
pub(super) async fn list(
    wire: &Wire,
    request: &Request,
    page: &mut (dyn FnMut(Vec<Json>) + Send),
) -> Result<(), Failure> {
    let mut call = Call::new(wire, request, Purpose::Read)?;
    let mut seen = BTreeSet::from([call.url.to_string()]);
    loop {
        let answer = match wire.exchange(&call).await {
            Ok(answer) => answer,
            Err(failure) if failure.verdict == Verdict::NotFound && seen.len() > 1 => {
                // It vanished between two pages: what has been read is no collection.
                return Err(Failure {
                    verdict: Verdict::Unknown,
                    ..failure
                });
            }
            Err(failure) => return Err(failure),
        };
        let (items, next) = read(&answer)?;
        page(items);
        let Some(link) = next else {
            return Ok(());
        };
        let target = wire.pins.relative(&request.plane, &link)?;
        call.url = wire.pins.absolute(&request.plane, &target)?;
        if !seen.insert(call.url.to_string()) {
            return Err(own(
                Verdict::Unknown,
                "PagingLoop",
                format!(
                    "the pages of {} lead back to one that was read",
                    request.path
                ),
                None,
            ));
        }
    }
}

/// The items of a page and the link to the next.
fn read(answer: &Answer) -> Result<(Vec<Json>, Option<String>), Failure> {
    let broken = |what: &str| Failure {
        status: Some(answer.status),
        request_id: request_id(&answer.headers),
        ..own(
            Verdict::Unknown,
            "BadAnswer",
            format!("a page that {what}"),
            None,
        )
    };
    let Some(document) = document(&answer.body) else {
        return Err(broken("is no JSON"));
    };
    let Json::Object(mut fields) = document.0 else {
        return Err(broken("is no object"));
    };
    let Some(Json::Array(items)) = fields.remove("value") else {
        return Err(broken("has no list `value`"));
    };
    let next = match fields
        .remove("nextLink")
        .or_else(|| fields.remove("@odata.nextLink"))
    {
        None | Some(Json::Null) => None,
        Some(Json::String(link)) if link.is_empty() => None,
        Some(Json::String(link)) => Some(link),
        Some(_) => return Err(broken("has a link that is no text")),
    };
    Ok((items, next))
}
