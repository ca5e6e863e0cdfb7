//! Answers as the proof reads them: status, code and message, whatever the service calls them.

use azure_core::http::headers::{HeaderName, Headers};
use serde_json::Value as Json;
use url::Url;

use super::super::refusal::Refusal;
use super::super::transport::Answer;
use crate::proof::Reply;

/// What an answer of Resource Manager or a vault says.
pub(super) fn of_azure(answer: &Answer) -> Reply {
    if (200..=299).contains(&answer.status) {
        let location = answer
            .headers
            .get_optional_str(&HeaderName::from_static("location"));
        return success(answer.status, &answer.body, location);
    }
    let refusal = Refusal::read(answer.status, &answer.headers, &answer.body);
    Reply::Answered {
        status: answer.status,
        code: refusal.inner.unwrap_or(refusal.code),
        message: refusal.message,
        body: Json::Null,
        location: None,
    }
}

/// What an answer of a registry or a cluster says: `errors` of the distribution API, `reason` and
/// `message` of Kubernetes, else as Azure's others do.
pub(super) fn of_plain(status: u16, body: &[u8], location: Option<&str>) -> Reply {
    if (200..=299).contains(&status) {
        return success(status, body, location);
    }
    let document: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| document.pointer(pointer).and_then(Json::as_str);
    let (code, message) = match (text("/errors/0/code"), text("/reason")) {
        (Some(code), _) => (code, text("/errors/0/message")),
        (None, Some(reason)) => (reason, text("/message")),
        (None, None) => {
            let refusal = Refusal::read(status, &Headers::new(), body);
            return Reply::Answered {
                status,
                code: refusal.code,
                message: refusal.message,
                body: Json::Null,
                location: None,
            };
        }
    };
    Reply::Answered {
        status,
        code: code.to_owned(),
        message: message.unwrap_or_default().to_owned(),
        body: Json::Null,
        location: None,
    }
}

fn success(status: u16, body: &[u8], location: Option<&str>) -> Reply {
    Reply::Answered {
        status,
        code: String::new(),
        message: String::new(),
        body: serde_json::from_slice(body).unwrap_or_default(),
        location: location.and_then(relative),
    }
}

/// Path and query of a link: where it leads is asked of the same host again, wherever it points.
fn relative(link: &str) -> Option<String> {
    if link.starts_with('/') && !link.starts_with("//") {
        return Some(link.to_owned());
    }
    let url = Url::parse(link).ok()?;
    let query = url.query().map(|query| format!("?{query}"));
    Some(format!("{}{}", url.path(), query.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> (String, String) {
        match of_plain(status, body.as_bytes(), None) {
            Reply::Answered { code, message, .. } => (code, message),
            Reply::Silent(why) => panic!("{why}"),
        }
    }

    #[test]
    fn each_service_has_its_own_words_for_a_refusal() {
        let registry = r#"{"errors":[{"code":"DENIED","message":"client with IP"}]}"#;
        assert_eq!(
            told(403, registry),
            ("DENIED".into(), "client with IP".into())
        );
        let cluster = r#"{"kind":"Status","status":"Failure","message":"x is forbidden","reason":"Forbidden","code":403}"#;
        assert_eq!(
            told(403, cluster),
            ("Forbidden".into(), "x is forbidden".into())
        );
        assert_eq!(told(502, "<html>").0, "Http502");
    }

    #[test]
    fn a_link_is_followed_on_the_same_host_only() {
        for (link, path) in [
            (
                "/v2/x/blobs/uploads/1?state=a",
                "/v2/x/blobs/uploads/1?state=a",
            ),
            ("https://elsewhere.example/v2/x?y=1", "/v2/x?y=1"),
        ] {
            assert_eq!(relative(link).as_deref(), Some(path));
        }
        assert_eq!(relative("//elsewhere.example/x"), None);
    }
}
