//! Manifests: the media types that registries take, and what a manifest refers to.
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use super::fault::Fault;
use super::reference::is_digest;
use serde_json::{Map, Value};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Layers that lie elsewhere and are never pushed.
const FOREIGN: &[&str] = &["nondistributable", "rootfs.foreign.diff"];

/// The largest manifest.
const LARGEST: usize = 4 << 20;

/// Something that a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: usize,
}

/// A manifest, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub media_type: &'static str,
    pub config: Option<Descriptor>,
    /// Config and layers that must be there.
    pub blobs: Vec<Descriptor>,
    /// Manifests of an index.
    pub children: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    /// What referrers are filtered by: its own word, or the type of its config.
    pub artifact_type: Option<String>,
    pub annotations: Value,
}

/// Reads a manifest that was sent with that content type.
pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Parsed, Fault> {
    if bytes.len() > LARGEST {
        return Err(Fault {
            status: 413,
            ..Fault::manifest_invalid("the manifest is larger than 4 MiB")
        });
    }
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|error| Fault::manifest_invalid(error.to_string()))?;
    let body = body
        .as_object()
        .ok_or_else(|| Fault::manifest_invalid("a manifest is an object"))?;
    if body.get("schemaVersion") != Some(&Value::from(2)) {
        return Err(Fault::manifest_invalid("unsupported schema version"));
    }
    let media_type = media_type(body, content_type)?;
    let mut parsed = Parsed {
        media_type,
        config: None,
        blobs: Vec::new(),
        children: Vec::new(),
        subject: body.get("subject").map(descriptor).transpose()?,
        artifact_type: text(body, "artifactType"),
        annotations: body.get("annotations").cloned().unwrap_or_default(),
    };
    if matches!(media_type, OCI_INDEX | DOCKER_LIST) {
        parsed.children = descriptors(body, "manifests")?;
        return Ok(parsed);
    }
    let config = descriptor(
        body.get("config")
            .ok_or_else(|| Fault::manifest_invalid("config is missing"))?,
    )?;
    if parsed.artifact_type.is_none() {
        parsed.artifact_type = Some(config.media_type.clone());
    }
    parsed.blobs.push(config.clone());
    parsed.config = Some(config);
    let layers = descriptors(body, "layers")?;
    parsed.blobs.extend(
        layers
            .into_iter()
            .filter(|layer| !FOREIGN.iter().any(|word| layer.media_type.contains(word))),
    );
    Ok(parsed)
}

/// The type in the header and the one in the body must be the same.
fn media_type(body: &Map<String, Value>, sent: Option<&str>) -> Result<&'static str, Fault> {
    let sent = sent
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_owned());
    let own = text(body, "mediaType");
    let named = match (sent, own) {
        (Some(sent), Some(own)) if sent != own => {
            return Err(Fault::manifest_invalid(format!(
                "the content type {sent} is not the media type {own}"
            )));
        }
        (Some(sent), _) => sent,
        (None, Some(own)) => own,
        (None, None) => OCI_MANIFEST.to_owned(),
    };
    [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]
        .into_iter()
        .find(|known| *known == named)
        .ok_or_else(|| Fault::manifest_invalid(format!("unsupported media type {named}")))
}

fn descriptors(body: &Map<String, Value>, name: &str) -> Result<Vec<Descriptor>, Fault> {
    body.get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| Fault::manifest_invalid(format!("{name} is missing")))?
        .iter()
        .map(descriptor)
        .collect()
}

fn descriptor(value: &Value) -> Result<Descriptor, Fault> {
    let member = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let size = value.get("size").and_then(Value::as_u64);
    let size = size.and_then(|size| usize::try_from(size).ok());
    match (member("mediaType"), member("digest"), size) {
        (Some(media_type), Some(digest), Some(size)) if is_digest(&digest) => Ok(Descriptor {
            media_type,
            digest,
            size,
        }),
        _ => Err(Fault::manifest_invalid(format!("{value} is no descriptor"))),
    }
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> Value {
        let digest = super::super::reference::digest_of(b"{}");
        json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2})
    }

    #[test]
    fn what_a_manifest_refers_to_is_read() {
        let mut layer = config();
        layer["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar");
        let body = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config(),
            "layers": [config(), layer], "subject": config(),
        });
        let parsed = parse(body.to_string().as_bytes(), None).unwrap();
        assert_eq!((parsed.blobs.len(), parsed.subject.is_some()), (2, true));
        assert_eq!(
            parsed.artifact_type.as_deref(),
            Some("application/vnd.oci.empty.v1+json")
        );
        let index = json!({"schemaVersion": 2, "manifests": [config()]});
        let parsed = parse(index.to_string().as_bytes(), Some(OCI_INDEX)).unwrap();
        assert_eq!(parsed.children.len(), 1);
    }

    #[test]
    fn what_is_none_is_refused() {
        let good = json!({"schemaVersion": 2, "config": config(), "layers": []});
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body.to_string()
        };
        for (body, content_type) in [
            ("[]".to_owned(), None),
            ("{".to_owned(), None),
            (with("schemaVersion", json!(1)), None),
            (with("config", json!({})), None),
            (with("layers", json!({})), None),
            (with("mediaType", json!(OCI_INDEX)), Some(OCI_MANIFEST)),
            (good.to_string(), Some("text/plain")),
        ] {
            let fault = parse(body.as_bytes(), content_type).unwrap_err();
            assert_eq!(fault.code, "MANIFEST_INVALID", "{body}");
        }
        assert!(parse(good.to_string().as_bytes(), None).is_ok());
    }
}
