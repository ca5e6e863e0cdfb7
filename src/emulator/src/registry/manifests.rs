//! Manifests by tag and digest: reading, pushing, deleting.

use super::fault::Fault;
use super::manifest::{self, Parsed};
use super::reference::{Version, digest_of};
use super::request::Request;
use super::store::{Attributes, Manifest, Shelf};
use crate::server::Answer;
use crate::state::{Txn, World};
use serde_json::{Value, json};

/// `GET` and `HEAD /v2/NAME/manifests/VERSION`
pub fn get(request: &Request<'_>, name: &str, version: &str) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    let (digest, found) = request.read(|world| find(shelf, world, name, version))?;
    let unknown = || Fault::manifest_unknown(name, version);
    let text = found.text.ok_or_else(unknown)?;
    if !accepted(request.call.header("accept"), &found.media_type) {
        let message = format!(
            "{} found, but accept header does not support it",
            found.media_type
        );
        return Err(Fault {
            message,
            ..unknown()
        });
    }
    Ok(Answer::content(200, &found.media_type, text)
        .with("docker-content-digest", digest.clone())
        .with("etag", format!("\"{digest}\"")))
}

/// The manifest that a tag or digest means, if it may be read.
fn find(
    shelf: Shelf<'_>,
    world: &World,
    name: &str,
    version: &str,
) -> Result<(String, Manifest), Fault> {
    let unknown = || Fault::manifest_unknown(name, version);
    let repository = shelf
        .repository(world, name)
        .ok_or_else(|| Fault::name_unknown(name))?;
    let mut readable = repository.attributes.read_enabled;
    let digest = match Version::parse(version).ok_or_else(unknown)? {
        Version::Digest(digest) => digest,
        Version::Tag(tag) => {
            let tag = shelf.tag(world, name, &tag).ok_or_else(unknown)?;
            readable &= tag.attributes.read_enabled;
            tag.digest
        }
    };
    let found = shelf.manifest(world, name, &digest).ok_or_else(unknown)?;
    if readable && found.attributes.read_enabled {
        Ok((digest, found))
    } else {
        Err(Fault::disallowed())
    }
}

/// Whether an `Accept` header takes a media type; none takes all.
fn accepted(header: Option<&str>, media_type: &str) -> bool {
    header.is_none_or(|header| {
        header
            .split(',')
            .filter_map(|part| part.split(';').next())
            .map(str::trim)
            .any(|part| ["*/*", "application/*", media_type].contains(&part))
    })
}

/// `PUT /v2/NAME/manifests/VERSION`
pub fn put(request: &Request<'_>, name: &str, version: &str) -> Result<Answer, Fault> {
    let bytes = &request.call.body;
    let version = Version::parse(version)
        .ok_or_else(|| Fault::manifest_invalid(format!("{version} is no tag and no digest")))?;
    let digest = digest_of(bytes);
    if let Version::Digest(named) = &version
        && *named != digest
    {
        return Err(Fault::digest_invalid(named));
    }
    let parsed = manifest::parse(bytes, request.call.header("content-type"))?;
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|error| Fault::manifest_invalid(error.to_string()))?;
    let platform = platform(request, name, &parsed);
    let shelf = Shelf::of(&request.registry);
    request.write(|txn| {
        may_push(shelf, txn.world(), name, &version)?;
        complete(shelf, txn.world(), name, &parsed)?;
        let mut fresh = described(request, text, &parsed);
        fresh.platform = platform;
        if let Some(known) = shelf.manifest(txn.world(), name, &digest) {
            fresh.created = known.created;
            fresh.attributes = known.attributes;
        }
        shelf.put_manifest(txn, name, &digest, Some(&fresh));
        if let Version::Tag(tag) = &version {
            shelf.point(txn, name, tag, &digest, request.now);
        }
        shelf.touch(txn, name, request.now);
        Ok(())
    })?;
    let answer = Answer::empty(201)
        .with("location", format!("/v2/{name}/manifests/{digest}"))
        .with("docker-content-digest", digest);
    Ok(match &parsed.subject {
        Some(subject) if super::lists::has_referrers(&request.registry) => {
            answer.with("oci-subject", subject.digest.clone())
        }
        _ => answer,
    })
}

fn may_push(shelf: Shelf<'_>, world: &World, name: &str, version: &Version) -> Result<(), Fault> {
    let locked = match version {
        Version::Tag(tag) => shelf
            .tag(world, name, tag)
            .is_some_and(|tag| !tag.attributes.write_enabled),
        Version::Digest(_) => false,
    };
    if locked || !shelf.writable(world, name) {
        return Err(Fault::disallowed());
    }
    Ok(())
}

/// Everything that a manifest refers to must be in its repository; its subject may come
/// later.
fn complete(shelf: Shelf<'_>, world: &World, name: &str, parsed: &Parsed) -> Result<(), Fault> {
    let blob = parsed
        .blobs
        .iter()
        .find(|blob| shelf.blob(world, name, &blob.digest).is_none());
    let child = parsed
        .children
        .iter()
        .find(|child| shelf.manifest(world, name, &child.digest).is_none());
    match blob.or(child) {
        None => Ok(()),
        Some(missing) => Err(Fault::new(
            400,
            "MANIFEST_BLOB_UNKNOWN",
            "manifest references a manifest or blob unknown to registry",
            json!({ "digest": missing.digest }),
        )),
    }
}

fn described(request: &Request<'_>, text: String, parsed: &Parsed) -> Manifest {
    let digests = |list: &[manifest::Descriptor]| list.iter().map(|d| d.digest.clone()).collect();
    let stamp = request.now.zulu();
    Manifest {
        media_type: parsed.media_type.to_owned(),
        size: text.len() + parsed.blobs.iter().map(|blob| blob.size).sum::<usize>(),
        text: Some(text),
        artifact_type: parsed.artifact_type.clone(),
        subject: parsed
            .subject
            .as_ref()
            .map(|subject| subject.digest.clone()),
        blobs: digests(&parsed.blobs),
        children: digests(&parsed.children),
        annotations: parsed.annotations.clone(),
        config_type: parsed.config.as_ref().map(|c| c.media_type.clone()),
        platform: None,
        created: stamp.clone(),
        updated: stamp,
        attributes: Attributes::default(),
    }
}

/// Architecture and system in an image's config.
fn platform(request: &Request<'_>, name: &str, parsed: &Parsed) -> Option<(String, String)> {
    let config = parsed.config.as_ref()?;
    let bytes = super::layers::bytes(request, name, &config.digest)?;
    let config: Value = serde_json::from_slice(&bytes).ok()?;
    let text = |member: &str| {
        config
            .get(member)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    Some((text("architecture")?, text("os")?))
}

/// `DELETE /v2/NAME/manifests/DIGEST`: with its tags, and with what refers to it. Tags alone
/// are deleted below `/acr/v1`.
pub fn delete(request: &Request<'_>, name: &str, version: &str) -> Result<Answer, Fault> {
    let Some(Version::Digest(digest)) = Version::parse(version) else {
        return Err(Fault::unsupported());
    };
    let shelf = Shelf::of(&request.registry);
    request.write(|txn| {
        let repository = shelf
            .repository(txn.world(), name)
            .ok_or_else(|| Fault::name_unknown(name))?;
        if !repository.attributes.removable() {
            return Err(Fault::disallowed());
        }
        let going = with_referrers(shelf, txn.world(), name, &digest)?;
        drop_all(shelf, txn, name, &going, request)?;
        Ok(Answer::empty(202))
    })
}

/// A digest and everything that refers to it, directly or not.
fn with_referrers(
    shelf: Shelf<'_>,
    world: &World,
    name: &str,
    digest: &str,
) -> Result<Vec<String>, Fault> {
    let all = shelf.manifests(world, name);
    if !all.contains_key(digest) {
        return Err(Fault::manifest_unknown(name, digest));
    }
    let mut going = vec![digest.to_owned()];
    let mut at = 0;
    while at < going.len() {
        let subject = going[at].clone();
        for (digest, manifest) in &all {
            if manifest.subject.as_ref() == Some(&subject) && !going.contains(digest) {
                going.push(digest.clone());
            }
        }
        at += 1;
    }
    Ok(going)
}

/// Removes manifests and the tags that lead to them, unless one of all these is locked.
fn drop_all(
    shelf: Shelf<'_>,
    txn: &mut Txn<'_>,
    name: &str,
    going: &[String],
    request: &Request<'_>,
) -> Result<(), Fault> {
    let mut tags = shelf.tags(txn.world(), name);
    tags.retain(|_, tag| going.contains(&tag.digest));
    let locked = going
        .iter()
        .filter_map(|digest| shelf.manifest(txn.world(), name, digest))
        .any(|manifest| !manifest.attributes.removable());
    if locked || tags.values().any(|tag| !tag.attributes.removable()) {
        return Err(Fault::disallowed());
    }
    for tag in tags.keys() {
        shelf.put_tag(txn, name, tag, None);
    }
    for digest in going {
        shelf.put_manifest(txn, name, digest, None);
    }
    if shelf.manifests(txn.world(), name).is_empty() {
        shelf.remove(txn, name);
    } else {
        shelf.touch(txn, name, request.now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers() {
        let oci = manifest::OCI_MANIFEST;
        assert!(accepted(None, oci) && accepted(Some("*/*"), oci));
        assert!(accepted(
            Some("text/plain, application/vnd.oci.image.manifest.v1+json;q=1"),
            oci
        ));
        assert!(!accepted(Some(manifest::OCI_INDEX), oci));
    }
}
