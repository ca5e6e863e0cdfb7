//! What an import brings: a manifest, the manifests and blobs that it refers to, and
//! nothing that refers to it.
//!
//! ## Why
//!
//! Azure leaves signatures and other referrers behind; who wants them imports them one by
//! one, by digest. Blobs lie once for all registries, so copying one is a link.
//!
//! Images of the world outside are made up: by tag, a small image whose bytes follow from
//! its name; by digest, a manifest of which only the digest is known and which nobody can
//! pull.

use super::manifest::OCI_MANIFEST;
use super::reference::{Reference, Version, digest_of};
use super::store::{Blob, Manifest, Shelf, hollow, written};
use crate::state::{Moment, Object, Txn, World};
use serde_json::json;

/// Where an image comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    Registry(&'a Object),
    /// A registry that is not played, by host.
    Outside(&'a str),
}

/// Why nothing was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The source has no such image.
    Unknown,
    /// The repository or a tag of the target is locked.
    Locked,
}

/// An image with everything below it.
#[derive(Debug, Default)]
struct Cargo {
    manifests: Vec<(String, Manifest)>,
    blobs: Vec<(String, Blob)>,
}

/// Whether an import without force must be refused.
pub fn conflict(world: &World, registry: &Object, repository: &str, tag: &str) -> bool {
    Shelf::of(registry).tag(world, repository, tag).is_some()
}

/// Whether a registry has an image.
pub fn exists(world: &World, registry: &Object, image: &Reference) -> bool {
    let shelf = Shelf::of(registry);
    let name = &image.repository;
    let digest = match &image.version {
        Version::Digest(digest) => Some(digest.clone()),
        Version::Tag(tag) => shelf.tag(world, name, tag).map(|tag| tag.digest),
    };
    digest.is_some_and(|digest| shelf.manifest(world, name, &digest).is_some())
}

/// Copies an image to each of `wanted`: a repository and, if it gets one, a tag.
pub fn copy(
    txn: &mut Txn<'_>,
    source: Source<'_>,
    image: &Reference,
    target: &Object,
    wanted: &[(String, Option<String>)],
    now: Moment,
) -> Result<(), Refused> {
    let (digest, cargo) = load(txn.world(), source, image, now).ok_or(Refused::Unknown)?;
    let shelf = Shelf::of(target);
    let locked = wanted.iter().any(|(repository, tag)| {
        let tag = tag
            .as_ref()
            .and_then(|tag| shelf.tag(txn.world(), repository, tag));
        !shelf.writable(txn.world(), repository)
            || tag.is_some_and(|tag| !tag.attributes.write_enabled)
    });
    if locked {
        return Err(Refused::Locked);
    }
    for (repository, tag) in wanted {
        for (digest, blob) in &cargo.blobs {
            shelf.put_blob(txn, repository, digest, Some(blob));
        }
        for (digest, manifest) in &cargo.manifests {
            if shelf.manifest(txn.world(), repository, digest).is_none() {
                shelf.put_manifest(txn, repository, digest, Some(manifest));
            }
        }
        if let Some(tag) = tag {
            shelf.point(txn, repository, tag, &digest, now);
        }
        shelf.touch(txn, repository, now);
    }
    Ok(())
}

fn load(
    world: &World,
    source: Source<'_>,
    image: &Reference,
    now: Moment,
) -> Option<(String, Cargo)> {
    let registry = match source {
        Source::Outside(host) => return Some(made_up(host, image, now)),
        Source::Registry(registry) => registry,
    };
    let shelf = Shelf::of(registry);
    let name = &image.repository;
    let digest = match &image.version {
        Version::Digest(digest) => digest.clone(),
        Version::Tag(tag) => shelf.tag(world, name, tag)?.digest,
    };
    let mut cargo = Cargo::default();
    let mut open = vec![digest.clone()];
    while let Some(digest) = open.pop() {
        if cargo.manifests.iter().any(|(known, _)| *known == digest) {
            continue;
        }
        let mut manifest = shelf.manifest(world, name, &digest)?;
        for blob in &manifest.blobs {
            cargo
                .blobs
                .push((blob.clone(), shelf.blob(world, name, blob)?));
        }
        open.extend(manifest.children.iter().cloned());
        manifest.created = now.zulu();
        manifest.updated = now.zulu();
        manifest.attributes = super::store::Attributes::default();
        cargo.manifests.push((digest, manifest));
    }
    Some((digest, cargo))
}

fn made_up(host: &str, image: &Reference, now: Moment) -> (String, Cargo) {
    let tag = match &image.version {
        Version::Digest(digest) => {
            let cargo = Cargo {
                manifests: vec![(digest.clone(), hollow(1 << 20, now))],
                blobs: Vec::new(),
            };
            return (digest.clone(), cargo);
        }
        Version::Tag(tag) => tag,
    };
    let name = format!("{host}/{}:{tag}", image.repository);
    let layer = written(name.clone());
    let config_type = "application/vnd.oci.image.config.v1+json";
    let config = written(
        json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.ref.name": name}},
            "rootfs": {"type": "layers", "diff_ids": [layer.0]},
        })
        .to_string(),
    );
    let part = |kind: &str, (digest, blob): &(String, Blob)| json!({"mediaType": kind, "digest": digest, "size": blob.size});
    let text = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": part(config_type, &config),
        "layers": [part("application/vnd.oci.image.layer.v1.tar", &layer)],
    })
    .to_string();
    let digest = digest_of(text.as_bytes());
    let manifest = Manifest {
        size: text.len() + config.1.size + layer.1.size,
        text: Some(text),
        artifact_type: Some(config_type.to_owned()),
        blobs: vec![config.0.clone(), layer.0.clone()],
        config_type: Some(config_type.to_owned()),
        platform: Some(("amd64".to_owned(), "linux".to_owned())),
        ..hollow(0, now)
    };
    let cargo = Cargo {
        manifests: vec![(digest.clone(), manifest)],
        blobs: vec![config, layer],
    };
    (digest, cargo)
}
