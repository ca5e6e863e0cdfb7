//! How Microsoft Graph is spoken to: paths with client-chosen keys, upserts, selections.
//!
//! Reference: Microsoft Graph v1.0, "Upsert"; alternate keys of applications, service principals,
//! groups and federated identity credentials.

use serde_json::Value as Json;

use crate::resource::{EnvironmentName, MANAGED_BY_TAG, Meta, Method, Plane, Request};

/// The version that every path begins with.
pub(super) const VERSION: &str = "v1.0";

/// A Graph request without a body.
pub(super) fn request(method: Method, path: impl Into<String>) -> Request {
    on_graph(Request::arm(method, path, VERSION))
}

/// A GET of some properties; Graph leaves out several unless they are asked for.
pub(super) fn read(path: impl Into<String>, properties: &[&str]) -> Request {
    request(Method::Get, path).query("$select", properties.join(","))
}

/// The PATCH that makes an object under a key that we chose, or changes the one that has it: sent
/// twice it makes one.
pub(super) fn upsert(id: &str, body: Json) -> Request {
    let mut request = request(Method::Patch, id).body(crate::resource::without_nulls(body));
    let prefer = ("Prefer".to_owned(), "create-if-missing".to_owned());
    request.headers.push(prefer);
    request
}

/// The PATCH of the fields that differ.
pub(super) fn update(
    meta: &Meta,
    id: &str,
    live: &Json,
    desired: &Json,
    changed: &[&str],
) -> Request {
    on_graph(crate::resource::update(meta, id, live, desired, changed))
}

/// The list of soft-deleted objects of a type.
pub(super) fn deleted(graph_type: &str, properties: &[&str]) -> Request {
    read(
        format!("/{VERSION}/directory/deletedItems/{graph_type}"),
        properties,
    )
}

/// The request that brings back the soft-deleted object with this object id.
pub(super) fn restore(object_id: &str) -> Request {
    request(
        Method::Post,
        format!("/{VERSION}/directory/deletedItems/{object_id}/restore"),
    )
}

/// The word that everything of ours in the directory carries: it all belongs to `shared`.
pub(super) fn owner_word() -> String {
    format!("{MANAGED_BY_TAG}=onestream/{}", EnvironmentName::shared())
}

/// The id of an object by the key that we chose for it.
pub(super) fn id(collection: &str, property: &str, key: &str) -> String {
    format!("/{VERSION}/{collection}({property}='{key}')")
}

/// The id of a listed object: by our key where it has one, else by its object id.
pub(super) fn id_of(collection: &str, property: &str, body: &Json) -> Option<String> {
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    match text(property) {
        Some(key) if is_plain(key) => Some(id(collection, property, key)),
        _ => Some(format!("/{VERSION}/{collection}/{}", text("id")?)),
    }
}

/// The key in an id that [`id`] made.
pub(super) fn key<'i>(id: &'i str, collection: &str, property: &str) -> Option<&'i str> {
    let start = format!("/{VERSION}/{collection}({property}='");
    let rest = after(id, &start)?;
    let key = rest.strip_suffix("')")?;
    is_plain(key).then_some(key)
}

/// What follows `start` in a text, in any case.
pub(super) fn after<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let head = text.get(..start.len())?;
    head.eq_ignore_ascii_case(start)
        .then(|| &text[start.len()..])
}

/// Whether a key means itself within quotes and within a path.
pub(super) fn is_plain(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !key.is_empty() && key.chars().all(plain) && !matches!(key, "." | "..")
}

fn on_graph(request: Request) -> Request {
    Request {
        plane: Plane::Graph,
        api_version: None,
        ..request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_gives_its_key_back_and_nothing_else_does() {
        let made = id("applications", "uniqueName", "sp-x");
        assert_eq!(key(&made, "applications", "uniqueName"), Some("sp-x"));
        let lower = made.to_lowercase();
        assert_eq!(key(&lower, "applications", "uniqueName"), Some("sp-x"));
        for other in [
            "/v1.0/groups(uniqueName='x')",
            "/v1.0/applications(uniqueName='')",
            "/v1.0/applications(uniqueName='a'b')",
            "/v1.0/applications(uniqueName='a/../b')",
            "/v1.0/applications(uniqueName='..')",
            "/v1.0/applications(uniqueName='x')/owners",
            "/v1.0/applications/x",
            "/v1.0/ä",
        ] {
            assert_eq!(key(other, "applications", "uniqueName"), None, "{other}");
        }
    }

    #[test]
    fn what_has_no_key_of_ours_goes_by_its_object_id() {
        let of = |body: Json| id_of("groups", "uniqueName", &body);
        assert_eq!(
            of(json!({"id": "o", "uniqueName": "n"})).as_deref(),
            Some("/v1.0/groups(uniqueName='n')")
        );
        for odd in [json!({"id": "o"}), json!({"id": "o", "uniqueName": "a'b"})] {
            assert_eq!(of(odd).as_deref(), Some("/v1.0/groups/o"));
        }
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn an_upsert_may_be_sent_twice() {
        let request = upsert("/v1.0/groups(uniqueName='n')", json!({"a": 1, "b": null}));
        assert!(request.idempotent);
        assert_eq!(request.plane, Plane::Graph);
        assert_eq!(request.api_version, None);
        assert_eq!(request.body, Some(json!({"a": 1})));
    }
}
