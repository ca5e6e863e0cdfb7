//! `Microsoft.Storage/storageAccounts/blobServices/containers`: containers as ARM sees them.
//! <https://learn.microsoft.com/rest/api/storagerp/blob-containers>

use super::immutability_policy as policy;
use super::provider::{VERSIONS, etag, flag, object, refuse, word};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, World};
use axum::http::Method;
use serde_json::{Map, Value, json};

pub struct Container;

/// The canonical type.
pub const KIND: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for Container {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        valid_name(target.name())?;
        written(cx, world, target, old, sent)
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        written(cx, world, target, Some(old), sent)
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        if policy::of(world, old).is_some_and(policy::is_locked) {
            return Err(refuse(
                409,
                "ContainerProtectedFromDeletion",
                format!(
                    "The storage container {} is protected from deletion due to ImmutabilityPolicy.",
                    old.name()
                ),
            ));
        }
        Ok(Deleted::Now(200))
    }

    fn view(&self, object: &Object, world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let policy = policy::of(world, object).filter(|policy| policy::holds(policy));
        body["properties"]["hasImmutabilityPolicy"] = json!(policy.is_some());
        body
    }

    fn show(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        let mut body = self.view(object, world, &cx.api);
        // Only reading one container tells its policy and its etag.
        if cx.call.method != Method::GET {
            if let Some(members) = body.as_object_mut() {
                members.remove("etag");
            }
            return body;
        }
        if let Some(policy) = policy::of(world, object).filter(|policy| policy::holds(policy)) {
            body["properties"]["immutabilityPolicy"] = policy::summary(policy);
        }
        body
    }

    fn listed(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        self.view(object, world, &cx.api)
    }

    fn answered(&self, _cx: &Context<'_>, _world: &World, object: &Object, answer: &mut Answer) {
        if let Some(etag) = object.text("/etag") {
            answer.headers.push(("etag", etag.to_owned()));
        }
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        refuse(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        )
    }
}

fn written(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    old: Option<&Object>,
    sent: &Map<String, Value>,
) -> Result<Written, ArmError> {
    let sent = object(sent, "properties")?;
    let access = word(&sent, "publicAccess", &["None", "Blob", "Container"])?;
    if access.is_some_and(|access| access != "None") && !allows_public(world, target) {
        return Err(refuse(
            409,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        ));
    }
    let mut properties = old.map_or_else(
        || {
            json!({
                "deleted": false,
                "remainingRetentionDays": 0,
                "defaultEncryptionScope": "$account-encryption-key",
                "denyEncryptionScopeOverride": false,
                "publicAccess": "None",
                "leaseStatus": "Unlocked",
                "leaseState": "Available",
                "immutableStorageWithVersioning": {"enabled": false},
                "hasLegalHold": false,
            })
        },
        |old| old.body["properties"].clone(),
    );
    if let Some(access) = access {
        properties["publicAccess"] = json!(access);
    }
    if let Some(metadata) = sent.get("metadata").filter(|it| it.is_object()) {
        properties["metadata"] = metadata.clone();
    }
    if let Some(deny) = flag(&sent, "denyEncryptionScopeOverride")? {
        properties["denyEncryptionScopeOverride"] = json!(deny);
    }
    properties["lastModifiedTime"] = json!(cx.now.zulu());
    let mut body = Map::new();
    let before = old.and_then(|old| old.text("/etag"));
    body.insert("etag".to_owned(), json!(etag(cx.now, before)));
    body.insert("properties".to_owned(), properties);
    Ok(Written {
        status: if old.is_some() { 200 } else { 201 },
        body,
        hidden: Value::Null,
        started: None,
    })
}

/// Whether the account lets containers be read by anybody.
fn allows_public(world: &World, target: &Target) -> bool {
    let account = target.key.split("/blobservices/").next();
    let account = account.and_then(|key| world.object(key));
    account.is_some_and(|it| it.body["properties"]["allowBlobPublicAccess"] == json!(true))
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
fn valid_name(name: &str) -> Result<(), ArmError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let hyphens = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    if (3..=63).contains(&name.len()) && name.bytes().all(plain) && !hyphens {
        return Ok(());
    }
    Err(refuse(
        400,
        "InvalidResourceName",
        "The specified resource name contains invalid characters.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_containers() {
        for good in ["abc", "a-1", &"x".repeat(63)] {
            assert!(valid_name(good).is_ok(), "{good}");
        }
        for bad in ["ab", "A-b", "-ab", "ab-", "a--b", &"x".repeat(64)] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }
}
