//! ACR's own API: what there is in a repository, and what may be done with it.
//! <https://learn.microsoft.com/rest/api/containerregistry/repository>

use super::fault::Fault;
use super::lists::{linked, page};
use super::request::Request;
use super::store::{Attributes, Manifest, Repository, Shelf, Tag, shown};
use crate::server::Answer;
use crate::state::{Txn, World};
use serde::Deserialize;
use serde_json::{Value, json};

/// What attributes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    Repository(&'a str),
    Tag(&'a str, &'a str),
    Manifest(&'a str, &'a str),
}

impl<'a> Subject<'a> {
    pub fn repository(self) -> &'a str {
        match self {
            Self::Repository(name) | Self::Tag(name, _) | Self::Manifest(name, _) => name,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    delete_enabled: Option<bool>,
    write_enabled: Option<bool>,
    list_enabled: Option<bool>,
    read_enabled: Option<bool>,
}

impl Change {
    fn lay_over(&self, old: Attributes) -> Attributes {
        Attributes {
            delete_enabled: self.delete_enabled.unwrap_or(old.delete_enabled),
            write_enabled: self.write_enabled.unwrap_or(old.write_enabled),
            list_enabled: self.list_enabled.unwrap_or(old.list_enabled),
            read_enabled: self.read_enabled.unwrap_or(old.read_enabled),
        }
    }
}

/// `GET` of a repository, tag or manifest
pub fn get(request: &Request<'_>, subject: Subject<'_>) -> Result<Answer, Fault> {
    let body = request.read(|world| show(request, world, subject))?;
    Ok(Answer::json(200, body))
}

/// `PATCH` of a repository, tag or manifest; what is not named stays.
pub fn set(request: &Request<'_>, subject: Subject<'_>) -> Result<Answer, Fault> {
    let change: Change = serde_json::from_slice(&request.call.body)
        .map_err(|error| Fault::bad(error.to_string()))?;
    request.write(|txn| {
        change_one(request, txn, subject, &change)?;
        let body = show(request, txn.world(), subject)?;
        Ok(Answer::json(200, body))
    })
}

fn change_one(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    subject: Subject<'_>,
    change: &Change,
) -> Result<(), Fault> {
    let shelf = Shelf::of(&request.registry);
    match subject {
        Subject::Repository(name) => {
            let mut known = repository(shelf, txn.world(), name)?;
            known.attributes = change.lay_over(known.attributes);
            shelf.put_repository(txn, name, &known);
        }
        Subject::Tag(name, tag) => {
            repository(shelf, txn.world(), name)?;
            let known = shelf.tag(txn.world(), name, tag);
            let mut known = known.ok_or_else(Fault::tag_unknown)?;
            known.attributes = change.lay_over(known.attributes);
            shelf.put_tag(txn, name, tag, Some(&known));
        }
        Subject::Manifest(name, digest) => {
            repository(shelf, txn.world(), name)?;
            let known = shelf.manifest(txn.world(), name, digest);
            let mut known = known.ok_or_else(|| Fault::manifest_unknown(name, digest))?;
            known.attributes = change.lay_over(known.attributes);
            shelf.put_manifest(txn, name, digest, Some(&known));
        }
    }
    Ok(())
}

/// `DELETE` of a repository with everything in it, or of a tag alone
pub fn remove(request: &Request<'_>, subject: Subject<'_>) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    request.write(|txn| match subject {
        Subject::Repository(name) => remove_repository(shelf, txn, name),
        Subject::Tag(name, tag) => {
            let repository = repository(shelf, txn.world(), name)?;
            let known = shelf.tag(txn.world(), name, tag);
            let known = known.ok_or_else(Fault::tag_unknown)?;
            if !known.attributes.removable() || !repository.attributes.removable() {
                return Err(Fault::disallowed());
            }
            shelf.put_tag(txn, name, tag, None);
            Ok(Answer::empty(202).with("x-ms-int-docker-content-digest", known.digest))
        }
        Subject::Manifest(..) => Err(Fault::unsupported()),
    })
}

fn remove_repository(shelf: Shelf<'_>, txn: &mut Txn<'_>, name: &str) -> Result<Answer, Fault> {
    let known = repository(shelf, txn.world(), name)?;
    let tags = shelf.tags(txn.world(), name);
    let manifests = shelf.manifests(txn.world(), name);
    let all = tags.values().map(|tag| tag.attributes);
    let all = all.chain(manifests.values().map(|manifest| manifest.attributes));
    if !all.chain([known.attributes]).all(Attributes::removable) {
        return Err(Fault::disallowed());
    }
    shelf.remove(txn, name);
    let digests: Vec<&String> = manifests.keys().collect();
    let tags: Vec<&String> = tags.keys().collect();
    Ok(Answer::json(
        202,
        json!({"manifestsDeleted": digests, "tagsDeleted": tags}),
    ))
}

/// `GET /acr/v1/NAME/_tags`, of one digest where that is asked for
pub fn tags(request: &Request<'_>, name: &str) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    let wanted = request.call.parameter("digest");
    let items: Vec<(String, Value)> = request.read(|world| {
        repository(shelf, world, name)?;
        let tags = shelf.tags(world, name).into_iter();
        Ok::<_, Fault>(
            tags.filter(|(_, tag)| tag.attributes.list_enabled)
                .filter(|(_, tag)| wanted.is_none_or(|wanted| tag.digest == wanted))
                .map(|(name, tag)| (name.clone(), tag_shown(&name, &tag)))
                .collect(),
        )
    })?;
    let (items, link) = page(request, items)?;
    let body = json!({"registry": request.server(), "imageName": name, "tags": items});
    Ok(linked(body, link))
}

/// `GET /acr/v1/NAME/_manifests`
pub fn manifests(request: &Request<'_>, name: &str) -> Result<Answer, Fault> {
    let shelf = Shelf::of(&request.registry);
    let items: Vec<(String, Value)> = request.read(|world| {
        repository(shelf, world, name)?;
        let tags = shelf.tags(world, name);
        let all = shelf.manifests(world, name).into_iter();
        Ok::<_, Fault>(
            all.filter(|(_, manifest)| manifest.attributes.list_enabled)
                .map(|(digest, manifest)| {
                    let mut shown = manifest_shown(&digest, &manifest);
                    let tags: Vec<&String> = tags
                        .iter()
                        .filter(|(_, tag)| tag.digest == digest)
                        .map(|(name, _)| name)
                        .collect();
                    if !tags.is_empty() {
                        shown["tags"] = json!(tags);
                    }
                    (digest, shown)
                })
                .collect(),
        )
    })?;
    let (items, link) = page(request, items)?;
    let body = json!({"registry": request.server(), "imageName": name, "manifests": items});
    Ok(linked(body, link))
}

fn repository(shelf: Shelf<'_>, world: &World, name: &str) -> Result<Repository, Fault> {
    shelf
        .repository(world, name)
        .ok_or_else(|| Fault::name_unknown(name))
}

fn show(request: &Request<'_>, world: &World, subject: Subject<'_>) -> Result<Value, Fault> {
    let shelf = Shelf::of(&request.registry);
    let name = subject.repository();
    let known = repository(shelf, world, name)?;
    let mut body = json!({"registry": request.server(), "imageName": name});
    match subject {
        Subject::Repository(_) => {
            body["createdTime"] = json!(known.created);
            body["lastUpdateTime"] = json!(known.updated);
            body["manifestCount"] = json!(shelf.manifests(world, name).len());
            body["tagCount"] = json!(shelf.tags(world, name).len());
            body["changeableAttributes"] = shown(known.attributes);
        }
        Subject::Tag(_, tag) => {
            let found = shelf.tag(world, name, tag).ok_or_else(Fault::tag_unknown)?;
            body["tag"] = tag_shown(tag, &found);
        }
        Subject::Manifest(_, digest) => {
            let found = shelf
                .manifest(world, name, digest)
                .ok_or_else(|| Fault::manifest_unknown(name, digest))?;
            body["manifest"] = manifest_shown(digest, &found);
        }
    }
    Ok(body)
}

fn tag_shown(name: &str, tag: &Tag) -> Value {
    json!({
        "name": name,
        "digest": tag.digest,
        "createdTime": tag.created,
        "lastUpdateTime": tag.updated,
        "signed": false,
        "changeableAttributes": shown(tag.attributes),
    })
}

fn manifest_shown(digest: &str, manifest: &Manifest) -> Value {
    let mut body = json!({
        "digest": digest,
        "imageSize": manifest.size,
        "createdTime": manifest.created,
        "lastUpdateTime": manifest.updated,
        "mediaType": manifest.media_type,
        "changeableAttributes": shown(manifest.attributes),
    });
    if let Some((architecture, os)) = &manifest.platform {
        body["architecture"] = json!(architecture);
        body["os"] = json!(os);
    }
    if let Some(config) = &manifest.config_type {
        body["configMediaType"] = json!(config);
    }
    body
}
