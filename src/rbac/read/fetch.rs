//! Lists and objects, side by side, each with what became of it.

use serde_json::Value as Json;

use crate::provision::ports::{Failure, Reader, Verdict};
use crate::resource::{Method, Plane, Request};

/// What became of a list.
pub(super) enum Listed {
    /// All of its members.
    All(Vec<Json>),
    /// Azure knows no such list.
    Absent,
    /// Nobody knows.
    Failed(Failure),
}

/// A GET of Microsoft Graph; the path has its version.
pub(super) fn graph(path: impl Into<String>) -> Request {
    Request {
        plane: Plane::Graph,
        api_version: None,
        ..Request::arm(Method::Get, path, "")
    }
}

/// A GET of Resource Manager.
pub(super) fn arm(path: impl Into<String>, api_version: &str) -> Request {
    Request::arm(Method::Get, path, api_version)
}

/// Every page of a list.
pub(super) async fn list(reader: &dyn Reader, request: &Request) -> Listed {
    let mut all = Vec::new();
    match reader.list(request, &mut |page| all.extend(page)).await {
        Ok(()) => Listed::All(all),
        Err(failure) if is_absent(&failure) => Listed::Absent,
        Err(failure) => Listed::Failed(failure),
    }
}

/// Whether Azure says that there is no such list: nothing of that name, or no such type in this
/// cloud.
fn is_absent(failure: &Failure) -> bool {
    const NO_SUCH_TYPE: [&str; 2] = ["InvalidResourceType", "NoRegisteredProviderFound"];
    failure.verdict == Verdict::NotFound || NO_SUCH_TYPE.contains(&failure.code.as_str())
}

/// Several lists, in the order of the requests: their first pages together, and further pages of
/// those few that have some.
pub(super) async fn lists(reader: &dyn Reader, requests: &[Request]) -> Vec<Listed> {
    let answers = reader.get_many(requests).await;
    let mut all = Vec::with_capacity(requests.len());
    for (request, answer) in requests.iter().zip(answers) {
        all.push(match answer {
            Ok(None) => Listed::Absent,
            Err(failure) if is_absent(&failure) => Listed::Absent,
            Err(failure) => Listed::Failed(failure),
            Ok(Some(page)) => match whole(page) {
                Some(members) => Listed::All(members),
                None => list(reader, request).await,
            },
        });
    }
    all
}

/// The members of a list that is on one page.
fn whole(mut page: Json) -> Option<Vec<Json>> {
    let has_next = |link: &str| page.get(link).is_some_and(|link| !link.is_null());
    if has_next("nextLink") || has_next("@odata.nextLink") {
        return None;
    }
    match page.get_mut("value")?.take() {
        Json::Array(members) => Some(members),
        _ => None,
    }
}

/// Whether a tenant lacks the licence for what was asked.
pub(super) fn is_unlicensed(failure: &Failure) -> bool {
    let said = |text: &str| text.to_ascii_lowercase().contains("premiumlicenserequired");
    said(&failure.code) || said(&failure.message)
}

/// Why an answer is no answer.
pub(super) fn broken(problem: impl ToString) -> Failure {
    Failure {
        verdict: Verdict::Unknown,
        status: None,
        code: "BadAnswer".to_owned(),
        message: problem.to_string(),
        hint: None,
        request_id: None,
    }
}

/// A text of a body.
pub(super) fn text<'j>(body: &'j Json, path: &str) -> Option<&'j str> {
    body.pointer(path)?.as_str()
}

/// An object id of a body, in lower case.
pub(super) fn id(body: &Json, path: &str) -> Option<String> {
    Some(text(body, path)?.to_ascii_lowercase())
}
