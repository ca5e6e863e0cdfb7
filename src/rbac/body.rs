//! Bodies as Azure sends them: read strictly where it matters, and never with a panic.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A body that cannot be what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}{}: {field}: {problem}", .id.as_ref().map(|id| format!(" '{id}'")).unwrap_or_default())]
pub struct BodyError {
    /// What it was taken for.
    pub what: &'static str,
    /// The id that it carries, if it has one.
    pub id: Option<String>,
    /// Where it is wrong.
    pub field: String,
    /// What is wrong there.
    pub problem: String,
}

/// An ARM object, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Wire<P> {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) properties: P,
}

/// Reads a body.
pub(super) fn read<T: DeserializeOwned>(what: &'static str, body: &Json) -> Result<T, BodyError> {
    serde_path_to_error::deserialize(body).map_err(|error| BodyError {
        what,
        id: id_of(body),
        field: error.path().to_string(),
        problem: error.inner().to_string(),
    })
}

/// An error about one field of a body.
pub(super) fn wrong(what: &'static str, body: &Json, field: &str, problem: &str) -> BodyError {
    BodyError {
        what,
        id: id_of(body),
        field: field.to_owned(),
        problem: problem.to_owned(),
    }
}

/// The members of a list's `value`.
///
/// # Errors
/// [`BodyError`] for anything but a list.
pub fn members<'j>(what: &'static str, body: &'j Json) -> Result<&'j [Json], BodyError> {
    body.get("value")
        .and_then(Json::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| wrong(what, body, "value", "is not a list"))
}

/// `null` counts as left out.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A point in time, if one is given.
pub(super) fn moment<'de, D>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error>
where
    D: Deserializer<'de>,
{
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom))
        .transpose()
}

/// The last segment of an id, in lower case; `None` where there is none.
pub(super) fn last_segment(id: &str) -> Option<String> {
    let last = id.trim_end_matches('/').rsplit('/').next()?;
    (!last.is_empty()).then(|| last.to_ascii_lowercase())
}

fn id_of(body: &Json) -> Option<String> {
    Some(body.get("id")?.as_str()?.to_owned())
}
