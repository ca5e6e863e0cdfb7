//! Where repositories are: facts of their registry, one per manifest, tag and linked blob,
//! so that a push writes only what it brings.

use super::reference::digest_of;
use crate::state::{Moment, Object, Txn, World};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the owner of a repository, tag or manifest allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the members of the API")]
pub struct Attributes {
    pub delete_enabled: bool,
    pub write_enabled: bool,
    pub list_enabled: bool,
    pub read_enabled: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            delete_enabled: true,
            write_enabled: true,
            list_enabled: true,
            read_enabled: true,
        }
    }
}

impl Attributes {
    /// Whether it may go: what may not be written may not be deleted either.
    pub fn removable(self) -> bool {
        self.delete_enabled && self.write_enabled
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    pub created: String,
    pub updated: String,
    #[serde(default)]
    pub attributes: Attributes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    pub digest: String,
    pub created: String,
    pub updated: String,
    #[serde(default)]
    pub attributes: Attributes,
}

/// A manifest and what is known of it. `text` is absent where an import named a digest of
/// the world outside, whose bytes cannot be made up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub text: Option<String>,
    pub media_type: String,
    /// Bytes of the manifest and of the blobs that it refers to.
    pub size: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub annotations: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<(String, String)>,
    pub created: String,
    pub updated: String,
    #[serde(default)]
    pub attributes: Attributes,
}

/// A blob that a repository has. `text` holds the bytes of those that imports made up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    pub size: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The repositories of one registry.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    registry: &'a Object,
}

impl<'a> Shelf<'a> {
    pub fn of(registry: &'a Object) -> Self {
        Self { registry }
    }

    fn fact(self, word: &str, rest: &str) -> String {
        format!("{}#{word}/{rest}", self.registry.key())
    }

    fn get<T: DeserializeOwned>(self, world: &World, word: &str, rest: &str) -> Option<T> {
        let fact = world.fact(&self.fact(word, rest))?;
        serde_json::from_value(Value::clone(fact)).ok()
    }

    fn set(self, txn: &mut Txn<'_>, word: &str, rest: &str, value: Option<impl Serialize>) {
        let value = value.and_then(|value| serde_json::to_value(value).ok());
        txn.set_fact(&self.fact(word, rest), value);
    }

    /// All facts whose name goes on after `word/front`, by the rest of their name.
    fn all<T: DeserializeOwned>(
        self,
        world: &World,
        word: &str,
        front: &str,
    ) -> BTreeMap<String, T> {
        let prefix = self.fact(word, front);
        world
            .facts_under(&prefix)
            .filter_map(|(key, fact)| {
                let value = serde_json::from_value(Value::clone(fact)).ok()?;
                Some((key[prefix.len()..].to_owned(), value))
            })
            .collect()
    }

    pub fn repositories(self, world: &World) -> BTreeMap<String, Repository> {
        self.all(world, "repository", "")
    }

    pub fn repository(self, world: &World, name: &str) -> Option<Repository> {
        self.get(world, "repository", name)
    }

    pub fn put_repository(self, txn: &mut Txn<'_>, name: &str, repository: &Repository) {
        self.set(txn, "repository", name, Some(repository));
    }

    pub fn tags(self, world: &World, name: &str) -> BTreeMap<String, Tag> {
        self.all(world, "tag", &format!("{name}:"))
    }

    pub fn tag(self, world: &World, name: &str, tag: &str) -> Option<Tag> {
        self.get(world, "tag", &format!("{name}:{tag}"))
    }

    pub fn put_tag(self, txn: &mut Txn<'_>, name: &str, tag: &str, value: Option<&Tag>) {
        self.set(txn, "tag", &format!("{name}:{tag}"), value);
    }

    pub fn manifests(self, world: &World, name: &str) -> BTreeMap<String, Manifest> {
        self.all(world, "manifest", &format!("{name}@"))
    }

    pub fn manifest(self, world: &World, name: &str, digest: &str) -> Option<Manifest> {
        self.get(world, "manifest", &format!("{name}@{digest}"))
    }

    pub fn put_manifest(
        self,
        txn: &mut Txn<'_>,
        name: &str,
        digest: &str,
        value: Option<&Manifest>,
    ) {
        self.set(txn, "manifest", &format!("{name}@{digest}"), value);
    }

    pub fn blob(self, world: &World, name: &str, digest: &str) -> Option<Blob> {
        self.get(world, "blob", &format!("{name}@{digest}"))
    }

    pub fn put_blob(self, txn: &mut Txn<'_>, name: &str, digest: &str, value: Option<&Blob>) {
        self.set(txn, "blob", &format!("{name}@{digest}"), value);
    }

    /// Notes that something was written to a repository, which exists from then on.
    pub fn touch(self, txn: &mut Txn<'_>, name: &str, now: Moment) {
        let known = self.repository(txn.world(), name);
        let stamp = now.zulu();
        let repository = Repository {
            created: known
                .as_ref()
                .map_or_else(|| stamp.clone(), |r| r.created.clone()),
            updated: stamp,
            attributes: known.map(|r| r.attributes).unwrap_or_default(),
        };
        self.put_repository(txn, name, &repository);
    }

    /// Points a tag at a digest.
    pub fn point(self, txn: &mut Txn<'_>, name: &str, tag: &str, digest: &str, now: Moment) {
        let known = self.tag(txn.world(), name, tag);
        let stamp = now.zulu();
        let value = Tag {
            digest: digest.to_owned(),
            created: known
                .as_ref()
                .map_or_else(|| stamp.clone(), |t| t.created.clone()),
            updated: stamp,
            attributes: known.map(|t| t.attributes).unwrap_or_default(),
        };
        self.put_tag(txn, name, tag, Some(&value));
    }

    /// Whether something may be written to a repository: one that there is not yet may be.
    pub fn writable(self, world: &World, name: &str) -> bool {
        self.repository(world, name)
            .is_none_or(|repository| repository.attributes.write_enabled)
    }

    /// Removes a repository with everything in it.
    pub fn remove(self, txn: &mut Txn<'_>, name: &str) {
        let prefixes = [
            self.fact("tag", &format!("{name}:")),
            self.fact("manifest", &format!("{name}@")),
            self.fact("blob", &format!("{name}@")),
        ];
        let mut keys = vec![self.fact("repository", name)];
        for prefix in &prefixes {
            let found = txn.world().facts_under(prefix);
            keys.extend(found.map(|(key, _)| key.clone()));
        }
        for key in keys {
            txn.set_fact(&key, None);
        }
    }
}

/// Bytes stored in a registry.
pub fn bytes_in(world: &World, registry: &Object) -> usize {
    let shelf = Shelf::of(registry);
    let manifests: BTreeMap<String, Manifest> = shelf.all(world, "manifest", "");
    manifests.values().map(|manifest| manifest.size).sum()
}

/// Turns what emulators kept of images before they played registries into what they keep
/// now: one fact for all of a registry, tags and sizes only.
pub fn modernise(txn: &mut Txn<'_>, now: Moment) {
    let old: Vec<(String, Value)> = txn
        .world()
        .facts()
        .filter_map(|(key, fact)| {
            let registry = key.strip_suffix("#content")?;
            Some((registry.to_owned(), Value::clone(fact)))
        })
        .collect();
    for (key, content) in old {
        txn.set_fact(&format!("{key}#content"), None);
        let Some(registry) = txn.world().object(&key).cloned() else {
            continue;
        };
        let shelf = Shelf::of(&registry);
        for (name, repository) in content["repositories"].as_object().into_iter().flatten() {
            shelf.touch(txn, name, now);
            let members = |word: &str| repository[word].as_object().cloned().unwrap_or_default();
            for (digest, manifest) in members("manifests") {
                let size = manifest["size"].as_u64().unwrap_or_default();
                let known = hollow(usize::try_from(size).unwrap_or_default(), now);
                shelf.put_manifest(txn, name, &digest, Some(&known));
            }
            for (tag, digest) in members("tags") {
                let digest = digest.as_str().unwrap_or_default();
                shelf.point(txn, name, &tag, digest, now);
            }
        }
    }
}

/// A manifest of which only digest and size are known.
pub fn hollow(size: usize, now: Moment) -> Manifest {
    Manifest {
        text: None,
        media_type: super::manifest::OCI_MANIFEST.to_owned(),
        size,
        artifact_type: None,
        subject: None,
        blobs: Vec::new(),
        children: Vec::new(),
        annotations: Value::Null,
        config_type: None,
        platform: None,
        created: now.zulu(),
        updated: now.zulu(),
        attributes: Attributes::default(),
    }
}

/// A blob whose bytes are a text, with its digest.
pub fn written(text: String) -> (String, Blob) {
    let blob = Blob {
        size: text.len(),
        text: Some(text),
    };
    let digest = digest_of(blob.text.as_deref().unwrap_or_default().as_bytes());
    (digest, blob)
}

/// Attributes as answers show them.
pub fn shown(attributes: Attributes) -> Value {
    json!(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    fn registry() -> Object {
        Object {
            id: "/R".to_owned(),
            kind: "A/b".to_owned(),
            body: json!({}),
            hidden: Value::Null,
            pending: None,
        }
    }

    #[test]
    fn what_was_kept_before_is_found_again() {
        let store = Store::in_memory();
        let now = Moment::from(1_000);
        let old = json!({"repositories": {"a/b": {
            "tags": {"1": "sha256:x"},
            "manifests": {"sha256:x": {"size": 7}},
        }}});
        store
            .write(|txn| {
                txn.put(registry());
                txn.set_fact("/r#content", Some(old));
                txn.set_fact("/gone#content", Some(json!({})));
                modernise(txn, now);
            })
            .unwrap();
        store.read(|world| {
            let registry = registry();
            let shelf = Shelf::of(&registry);
            assert_eq!(shelf.tag(world, "a/b", "1").unwrap().digest, "sha256:x");
            assert_eq!(bytes_in(world, &registry), 7);
            assert!(world.facts().all(|(key, _)| !key.ends_with("#content")));
        });
    }

    #[test]
    fn a_repository_goes_alone() {
        let store = Store::in_memory();
        let registry = registry();
        let shelf = Shelf::of(&registry);
        store
            .write(|txn| {
                for name in ["a", "a/b", "ab"] {
                    shelf.touch(txn, name, Moment::from(0));
                    shelf.point(txn, name, "1", "d", Moment::from(0));
                }
                shelf.remove(txn, "a");
            })
            .unwrap();
        store.read(|world| {
            assert_eq!(shelf.repositories(world).len(), 2);
            assert!(shelf.tags(world, "a").is_empty());
            assert_eq!(shelf.tags(world, "a/b").len(), 1);
        });
    }
}
