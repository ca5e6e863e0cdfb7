//! Lists: repositories, tags, and what refers to a manifest.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery>

use super::fault::Fault;
use super::manifest::OCI_INDEX;
use super::reference::is_digest;
use super::request::Request;
use super::store::{Manifest, Shelf};
use crate::server::Answer;
use crate::state::Object;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Items on a page unless the caller says how many it wants.
const PAGE: usize = 100;

/// `GET /v2/_catalog` and `/acr/v1/_catalog`
pub fn catalog(request: &Request<'_>) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    let names: Vec<(String, Value)> = request.read(|world| {
        shelf
            .repositories(world)
            .into_iter()
            .filter(|(_, repository)| repository.attributes.list_enabled)
            .map(|(name, _)| (name.clone(), json!(name)))
            .collect()
    });
    let (items, link) = page(request, names)?;
    Ok(linked(json!({ "repositories": items }), link))
}

/// `GET /v2/NAME/tags/list`
pub fn tags(request: &Request<'_>, name: &str) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    let tags: Vec<(String, Value)> = request.read(|world| {
        if shelf.repository(world, name).is_none() {
            return Err(Fault::name_unknown(name));
        }
        let tags = shelf.tags(world, name).into_iter();
        Ok(tags
            .filter(|(_, tag)| tag.attributes.list_enabled)
            .map(|(tag, _)| (tag.clone(), json!(tag)))
            .collect())
    })?;
    let (items, link) = page(request, tags)?;
    Ok(linked(json!({"name": name, "tags": items}), link))
}

/// One page of items, which are sorted by their key, and the `Link` to the next one.
pub fn page(
    request: &Request<'_>,
    items: Vec<(String, Value)>,
) -> Result<(Vec<Value>, Option<String>), Fault> {
    let call = request.call;
    let size = match call.parameter("n") {
        None => request.azure.settings.page_size.unwrap_or(PAGE).max(1),
        Some(text) => text.parse().ok().filter(|size| *size > 0).ok_or_else(|| {
            Fault::new(
                400,
                "PAGINATION_NUMBER_INVALID",
                "invalid number of results requested",
                json!({ "n": text }),
            )
        })?,
    };
    let after = call.parameter("last").unwrap_or_default();
    let mut rest = items
        .into_iter()
        .skip_while(|(key, _)| !after.is_empty() && key.as_str() <= after)
        .peekable();
    let mut shown = Vec::new();
    let mut last = String::new();
    while shown.len() < size
        && let Some((key, item)) = rest.next()
    {
        last = key;
        shown.push(item);
    }
    let link = rest.peek().map(|_| {
        let last = utf8_percent_encode(&last, NON_ALPHANUMERIC);
        let mut query = format!("last={last}&n={size}");
        for (name, value) in &call.query {
            if !["last", "n"].contains(&name.as_str()) {
                let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
                query.push_str(&format!("&{name}={value}"));
            }
        }
        format!("<{}?{query}>; rel=\"next\"", call.path)
    });
    Ok((shown, link))
}

pub fn linked(body: Value, link: Option<String>) -> Answer {
    let answer = Answer::json(200, body);
    match link {
        Some(link) => answer.with("link", link),
        None => answer,
    }
}

/// Registries that encrypt with a customer's key have no referrers API: clients fall back
/// to tags there.
pub fn has_referrers(registry: &Object) -> bool {
    registry.text("/properties/encryption/status") != Some("enabled")
}

/// `GET /v2/NAME/referrers/DIGEST`: what refers to a digest, which itself need not be there.
pub fn referrers(request: &Request<'_>, name: &str, digest: &str) -> Result<Answer, Fault> {
    if !has_referrers(&request.registry) {
        let text = "The resource does not exist.";
        return Err(Fault::new(404, "NOT_FOUND", text, Value::Null));
    }
    if !is_digest(digest) {
        return Err(Fault::digest_invalid(digest));
    }
    let wanted = request
        .call
        .parameter("artifactType")
        .filter(|t| !t.is_empty());
    let shelf = Shelf::of(&request.registry);
    let all = request.read(|world| shelf.manifests(world, name));
    let found: Vec<(String, Value)> = all
        .iter()
        .filter(|(_, manifest)| manifest.subject.as_deref() == Some(digest))
        .filter(|(_, manifest)| {
            wanted.is_none_or(|wanted| manifest.artifact_type.as_deref() == Some(wanted))
        })
        .map(|(digest, manifest)| (digest.clone(), descriptor(digest, manifest)))
        .collect();
    let (items, link) = page(request, found)?;
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": items});
    let mut answer = Answer::content(200, OCI_INDEX, index.to_string());
    if wanted.is_some() {
        answer = answer.with("oci-filters-applied", "artifactType");
    }
    Ok(match link {
        Some(link) => answer.with("link", link),
        None => answer,
    })
}

fn descriptor(digest: &str, manifest: &Manifest) -> Value {
    let mut shown = json!({
        "mediaType": manifest.media_type,
        "digest": digest,
        "size": manifest.text.as_ref().map_or(0, String::len),
    });
    if let Some(artifact_type) = &manifest.artifact_type {
        shown["artifactType"] = json!(artifact_type);
    }
    if !manifest.annotations.is_null() {
        shown["annotations"] = manifest.annotations.clone();
    }
    shown
}
