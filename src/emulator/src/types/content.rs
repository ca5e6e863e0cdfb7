//! What is stored in a registry: repositories, their tags and manifests. ARM only sees it
//! through imports and usages.

use crate::state::{Object, Txn, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All repositories of one registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub repositories: BTreeMap<String, Repository>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    /// Digest by tag.
    pub tags: BTreeMap<String, String>,
    /// Manifests by digest.
    pub manifests: BTreeMap<String, Manifest>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Bytes of the manifest and what it refers to.
    pub size: usize,
}

/// `repository`, `repository:tag` or `repository@digest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub repository: String,
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Tag(String),
    Digest(String),
}

impl Reference {
    /// Reads a reference; without a version it means the tag `latest`.
    pub fn parse(text: &str) -> Option<Self> {
        let (repository, version) = if let Some((repository, digest)) = text.split_once('@') {
            let hex = digest.strip_prefix("sha256:")?;
            let well = hex.len() == 64
                && hex
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            (
                repository,
                Version::Digest(well.then(|| digest.to_owned())?),
            )
        } else if let Some((repository, tag)) = text.split_once(':') {
            let well = !tag.is_empty()
                && tag.len() <= 128
                && tag
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
            (repository, Version::Tag(well.then(|| tag.to_owned())?))
        } else {
            (text, Version::Tag("latest".to_owned()))
        };
        let well = !repository.is_empty()
            && repository.split('/').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
                    })
            });
        well.then(|| Self {
            repository: repository.to_owned(),
            version,
        })
    }
}

impl Content {
    /// The digest that a reference leads to.
    pub fn find(&self, reference: &Reference) -> Option<(String, Manifest)> {
        let repository = self.repositories.get(&reference.repository)?;
        let digest = match &reference.version {
            Version::Tag(tag) => repository.tags.get(tag)?,
            Version::Digest(digest) => digest,
        };
        let manifest = repository.manifests.get(digest)?;
        Some((digest.clone(), manifest.clone()))
    }

    pub fn has_tag(&self, repository: &str, tag: &str) -> bool {
        self.repositories
            .get(repository)
            .is_some_and(|repository| repository.tags.contains_key(tag))
    }

    /// Puts a manifest into a repository, under a tag if there is one.
    pub fn add(&mut self, repository: &str, tag: Option<&str>, digest: &str, manifest: Manifest) {
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest.to_owned(), manifest);
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest.to_owned());
        }
    }
}

fn fact(registry: &Object) -> String {
    format!("{}#content", registry.key())
}

pub fn of(world: &World, registry: &Object) -> Content {
    world
        .fact(&fact(registry))
        .and_then(|fact| serde_json::from_value(serde_json::Value::clone(fact)).ok())
        .unwrap_or_default()
}

pub fn store(txn: &mut Txn<'_>, registry: &Object, content: &Content) {
    txn.set_fact(&fact(registry), serde_json::to_value(content).ok());
}

/// Bytes stored in a registry.
pub fn size(world: &World, registry: &Object) -> usize {
    of(world, registry)
        .repositories
        .values()
        .flat_map(|repository| repository.manifests.values())
        .map(|manifest| manifest.size)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for good in ["repo", "a/b-c:1.0", &format!("a/b@{digest}")] {
            assert!(Reference::parse(good).is_some(), "{good}");
        }
        for bad in ["", ":tag", "Repo:1", "a//b", "a:b:c", "a@sha256:xyz", "a:"] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
        assert_eq!(
            Reference::parse("repo").unwrap().version,
            Version::Tag("latest".to_owned())
        );
    }
}
