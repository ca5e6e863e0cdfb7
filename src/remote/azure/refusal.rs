//! Reads what Azure refused with: every shape of error document, from any bytes at all.

use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};
use azure_core::time::{OffsetDateTime, parse_rfc7231};
use serde_json::Value as Json;

/// The longest message that is kept; Azure's own stay far below it, pages of proxies do not.
const LONGEST_MESSAGE: usize = 2_000;
/// How many of an error's details are told.
const MOST_DETAILS: usize = 3;
/// The longest wait that is believed, far above all that anybody waits for here: Azure names
/// minutes, and what stands in between may name more than a clock can count.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Azure's code and message, as far as they could be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The code, or `Http<status>` where there was none.
    pub(super) code: String,
    /// The code of the inner error, as Key Vault's `ObjectIsDeletedButRecoverable`.
    pub(super) inner: Option<String>,
    /// The message, with the details' behind it.
    pub(super) message: String,
    /// How long Azure asked to wait, by a header or in the message.
    pub(super) retry_after: Option<Duration>,
    /// Azure's id of the request.
    pub(super) request_id: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Self {
        let found = document(body).as_ref().and_then(Document::find);
        let (code, inner, message) = match found {
            Some(Found {
                code,
                inner,
                message,
            }) => (
                code.unwrap_or_else(|| format!("Http{status}")),
                inner,
                message,
            ),
            None => (
                format!("Http{status}"),
                None,
                describe(status, headers, body),
            ),
        };
        Self {
            status,
            retry_after: retry_after(headers).or_else(|| seconds_in(status, &message)),
            request_id: request_id(headers),
            code,
            inner,
            message: shorten(&message),
        }
    }

    /// Reads the error of an operation's status document; `None` where it names none.
    pub(super) fn of_document(status: u16, headers: &Headers, body: &Json) -> Option<Self> {
        let Found {
            code,
            inner,
            message,
        } = Document(body.clone()).find()?;
        Some(Self {
            status,
            code: code?,
            inner,
            message: shorten(&message),
            retry_after: None,
            request_id: request_id(headers),
        })
    }
}

/// How long an answer asks to wait: in seconds, milliseconds, or until a date; a day at most.
pub(super) fn retry_after(headers: &Headers) -> Option<Duration> {
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        let told = headers.get_optional_str(&HeaderName::from_static(name));
        if let Some(millis) = told.and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_millis(millis).min(LONGEST_WAIT));
        }
    }
    let told = headers
        .get_optional_str(&HeaderName::from_static("retry-after"))?
        .trim();
    if let Ok(seconds) = told.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let until = parse_rfc7231(told).ok()?;
    // Azure's own clock decides, where it tells it: ours may be wrong.
    let now = headers
        .get_optional_str(&HeaderName::from_static("date"))
        .and_then(|date| parse_rfc7231(date).ok())
        .unwrap_or_else(OffsetDateTime::now_utc);
    let wait = Duration::try_from(until - now).unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

/// Azure's id of a request, for a support case.
pub(super) fn request_id(headers: &Headers) -> Option<String> {
    [
        "x-ms-request-id",
        "request-id",
        "x-ms-correlation-request-id",
    ]
    .into_iter()
    .find_map(|name| headers.get_optional_str(&HeaderName::from_static(name)))
    .map(str::to_owned)
}

/// What stands between the first pair of single quotes behind `after`.
pub(super) fn quoted<'a>(message: &'a str, after: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(after)?;
    let (_, rest) = rest.split_once('\'')?;
    Some(rest.split_once('\'')?.0)
}

/// The JSON of a body; Azure puts a byte order mark before some.
pub(super) fn document(body: &[u8]) -> Option<Document> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).ok().map(Document)
}

/// A body that may be an error document.
pub(super) struct Document(pub(super) Json);

struct Found {
    code: Option<String>,
    inner: Option<String>,
    message: String,
}

impl Document {
    /// The error, by the shapes of SEMANTICS section 2: `error`, capital `Error`, bare,
    /// `odata.error`, the token endpoint's, the registry's `errors`.
    fn find(&self) -> Option<Found> {
        let top = self.0.as_object()?;
        for key in ["error", "Error", "odata.error"] {
            match top.get(key) {
                Some(error @ Json::Object(_)) => return read_error(error),
                Some(Json::String(code)) => {
                    let told = text(&self.0, "error_description").unwrap_or_else(|| code.clone());
                    return Some(Found {
                        code: aadsts(&told).or_else(|| Some(code.clone())),
                        inner: None,
                        message: told,
                    });
                }
                _ => {}
            }
        }
        if let Some(first) = top.get("errors").and_then(|errors| errors.get(0)) {
            return read_error(first);
        }
        read_error(&self.0)
    }
}

fn read_error(error: &Json) -> Option<Found> {
    let code = either(error, "code", "Code");
    let message = either(error, "message", "Message");
    if code.is_none() && message.is_none() {
        return None;
    }
    let inner = ["innererror", "innerError", "InnerError"]
        .into_iter()
        .find_map(|key| either(error.get(key)?, "code", "Code"))
        .or_else(|| either(error, "subcode", "Subcode").filter(|text| !text.is_empty()));
    let mut told = message.or_else(|| code.clone()).unwrap_or_default();
    let details = error.get("details").or_else(|| error.get("Details"));
    for detail in details
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .take(MOST_DETAILS)
    {
        let Some(text) = either(detail, "message", "Message") else {
            continue;
        };
        if !text.is_empty() && !told.contains(&text) {
            told.push_str("; ");
            told.push_str(&text);
        }
    }
    Some(Found {
        code: code.filter(|code| !code.is_empty()),
        inner,
        message: told,
    })
}

/// A text under either spelling; OData wraps some in `{"value": …}`, some codes are numbers.
fn either(json: &Json, small: &str, capital: &str) -> Option<String> {
    text(json, small).or_else(|| text(json, capital))
}

fn text(json: &Json, key: &str) -> Option<String> {
    match json.get(key)? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Object(wrapped) => wrapped.get("value")?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The `AADSTS…` code that a message of the token endpoint opens with.
fn aadsts(message: &str) -> Option<String> {
    let (code, _) = message.split_once(':')?;
    let digits = code.strip_prefix("AADSTS")?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| code.to_owned())
}

/// What can be said of a body that is no error document.
fn describe(status: u16, headers: &Headers, body: &[u8]) -> String {
    if body.is_empty() {
        return format!("an answer {status} without a body");
    }
    let told = String::from_utf8_lossy(body);
    if is_html(headers, body) {
        let title = told
            .split_once("<title>")
            .and_then(|(_, rest)| rest.split_once("</title>"))
            .map(|(title, _)| title.trim())
            .filter(|title| !title.is_empty());
        return match title {
            Some(title) => format!("an answer {status} that is a web page: {}", shorten(title)),
            None => format!("an answer {status} that is a web page"),
        };
    }
    format!(
        "an answer {status} that is no error document: {}",
        first(&told, 200)
    )
}

/// Whether an answer is a page for people, so not Azure's.
pub(super) fn is_html(headers: &Headers, body: &[u8]) -> bool {
    let kind = headers.get_optional_str(&HeaderName::from_static("content-type"));
    kind.is_some_and(|kind| kind.starts_with("text/html"))
        || body.trim_ascii_start().first() == Some(&b'<')
}

/// The seconds that a throttling message names: `try again after '324' seconds`.
fn seconds_in(status: u16, message: &str) -> Option<Duration> {
    if status != 429 {
        return None;
    }
    let (before, _) = message.split_once("second")?;
    let digits = before.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = digits
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + 1);
    // `rfind` gives where a character starts; the one found may be longer than a byte.
    let number = digits.get(start..).unwrap_or_default();
    let seconds = number.parse().ok().map(Duration::from_secs);
    seconds.map(|wait| wait.min(LONGEST_WAIT))
}

fn shorten(message: &str) -> String {
    first(message.trim(), LONGEST_MESSAGE)
}

fn first(message: &str, most: usize) -> String {
    match message.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &message[..at]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        headers
    }

    fn read(status: u16, body: &Json) -> Refusal {
        Refusal::read(status, &Headers::new(), body.to_string().as_bytes())
    }

    #[test]
    fn every_shape_of_error_gives_its_code_and_message() {
        let shapes = [
            json!({"error": {"code": "A", "message": "m"}}),
            json!({"status": "Failed", "error": {"code": "A", "message": "m"}}),
            json!({"code": "A", "message": "m", "details": null, "subcode": ""}),
            json!({"Error": {"Code": "A", "Target": null, "Message": "m"}}),
            json!({"odata.error": {"code": "A", "message": {"lang": "en", "value": "m"}}}),
            json!({"errors": [{"code": "A", "message": "m"}]}),
            json!({"error": "A", "error_description": "m"}),
        ];
        for shape in shapes {
            let refusal = read(400, &shape);
            assert_eq!(
                (refusal.code.as_str(), refusal.message.as_str()),
                ("A", "m"),
                "{shape}"
            );
        }
    }

    #[test]
    fn details_and_inner_codes_are_told() {
        let refusal = read(
            409,
            &json!({"error": {"code": "Conflict", "message": "taken",
                "innererror": {"code": "ObjectIsDeletedButRecoverable"},
                "details": [{"code": "X", "message": "because"}, {"message": "taken"}]}}),
        );
        assert_eq!(refusal.message, "taken; because");
        assert_eq!(
            refusal.inner.as_deref(),
            Some("ObjectIsDeletedButRecoverable")
        );
        let token = read(
            400,
            &json!({"error": "invalid_request", "error_description": "AADSTS90002: Tenant 'x' not found."}),
        );
        assert_eq!(token.code, "AADSTS90002");
    }

    #[test]
    fn pages_and_empty_bodies_have_a_code_of_their_own() {
        let page = b"<!DOCTYPE html><html><head><title> 502 Bad Gateway </title></head></html>";
        let refusal = Refusal::read(502, &Headers::new(), page);
        assert_eq!(refusal.code, "Http502");
        assert_eq!(
            refusal.message,
            "an answer 502 that is a web page: 502 Bad Gateway"
        );
        assert_eq!(Refusal::read(404, &Headers::new(), b"").code, "Http404");
        assert_eq!(Refusal::read(500, &Headers::new(), b"null").code, "Http500");
    }

    #[test]
    fn waits_come_as_seconds_milliseconds_dates_or_words() {
        assert_eq!(
            retry_after(&headers(&[("retry-after", "17")])),
            Some(Duration::from_secs(17))
        );
        assert_eq!(
            retry_after(&headers(&[("x-ms-retry-after-ms", "250")])),
            Some(Duration::from_millis(250))
        );
        let dated = headers(&[
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2026 07:28:09 GMT"),
        ]);
        assert_eq!(retry_after(&dated), Some(Duration::from_secs(9)));
        let past = headers(&[
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT"),
        ]);
        assert_eq!(retry_after(&past), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
        let said = read(
            429,
            &json!({"error": {"code": "ResourceRequestsThrottled", "message":
                "exceeded the limit of '150' for time interval '01:00:00'. Please try again after '324' seconds."}}),
        );
        assert_eq!(said.retry_after, Some(Duration::from_secs(324)));
    }

    #[test]
    fn quotes_are_found_behind_a_word() {
        let message = "The client 'c' does not have authorization to perform action 'A/write' over scope '/s'";
        assert_eq!(quoted(message, "perform action"), Some("A/write"));
        assert_eq!(quoted(message, "over scope"), Some("/s"));
        assert_eq!(quoted(message, "nothing"), None);
    }

    /// As [`retry_after`] and whoever waits for it would do.
    fn waited(headers: &Headers) {
        let Some(wait) = retry_after(headers) else {
            return;
        };
        assert!(wait <= LONGEST_WAIT, "{wait:?}");
        assert!(std::time::Instant::now().checked_add(wait * 2).is_some());
    }

    #[test]
    fn no_wait_is_longer_than_can_be_counted() {
        for (name, value) in [
            ("retry-after", "9223372036854775808"),
            ("retry-after", "18446744073709551615"),
            ("retry-after-ms", "18446744073709551615"),
            ("x-ms-retry-after-ms", "18446744073709551615"),
            ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let headers = headers(&[(name, value)]);
            assert_eq!(retry_after(&headers), Some(LONGEST_WAIT), "{name}: {value}");
        }
        let told = "try again after '18446744073709551615' seconds";
        let refusal = read(429, &json!({"error": {"code": "A", "message": told}}));
        assert_eq!(refusal.retry_after, Some(LONGEST_WAIT));
    }

    proptest! {
        #[test]
        fn any_headers_give_a_wait_that_can_be_waited(
            name in "(retry-after|retry-after-ms|x-ms-retry-after-ms)",
            value in "([0-9]{0,25}|.*|(Mon|Fri), [0-9]{2} (Jan|Dec) [0-9]{4} [0-9]{2}:00:00 GMT)",
            date in "((Mon|Fri), [0-9]{2} (Jan|Dec) [0-9]{4} 00:00:00 GMT|.*)",
        ) {
            let mut headers = Headers::new();
            headers.insert(name, value);
            headers.insert("date", date);
            waited(&headers);
        }

        #[test]
        fn any_bytes_give_a_refusal(status: u16, body: Vec<u8>, kind in ".*") {
            let mut headers = Headers::new();
            headers.insert("content-type", kind.clone());
            headers.insert("retry-after", kind);
            let refusal = Refusal::read(status, &headers, &body);
            prop_assert!(!refusal.code.is_empty());
        }

        #[test]
        fn any_document_gives_a_refusal(message in ".*second.*", key in "(error|Error|errors|code|message|details)") {
            for shape in [
                json!({&key: {"code": message, "message": message, "details": [{"message": message}]}}),
                json!({&key: message}),
                json!({"error": {&key: [message]}}),
            ] {
                let refusal = read(429, &shape);
                prop_assert!(!refusal.code.is_empty());
                prop_assert!(refusal.message.chars().count() <= LONGEST_MESSAGE + 1);
            }
        }
    }
}
