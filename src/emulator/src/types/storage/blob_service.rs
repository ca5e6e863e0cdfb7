//! `Microsoft.Storage/storageAccounts/blobServices`: one for each account, called `default`,
//! which comes and goes with it.
//! <https://learn.microsoft.com/rest/api/storagerp/blob-services>

use super::account;
use super::provider::{VERSIONS, flag, invalid, number, object, refuse};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::state::{Object, Txn, World};
use serde_json::{Map, Value, json};

pub struct BlobService;

/// The canonical type.
pub const KIND: &str = "Microsoft.Storage/storageAccounts/blobServices";

/// Days for which deleted blobs and containers can be kept.
const DAYS: std::ops::RangeInclusive<i64> = 1..=365;

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

impl ResourceType for BlobService {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        _old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if target.name() != "default" {
            return Err(invalid("blobServicesName"));
        }
        let sent = object(sent, "properties")?;
        let mut properties = json!({"cors": {"corsRules": []}});
        if let Some(cors) = sent.get("cors").filter(|cors| cors.is_object()) {
            properties["cors"] = cors.clone();
        }
        let mut kept =
            retention(&sent, "deleteRetentionPolicy")?.unwrap_or_else(|| json!({"enabled": false}));
        let policy = object(&sent, "deleteRetentionPolicy")?;
        let permanent = flag(&policy, "allowPermanentDelete")?.unwrap_or(false);
        kept["allowPermanentDelete"] = json!(permanent);
        properties["deleteRetentionPolicy"] = kept;
        if let Some(kept) = retention(&sent, "containerDeleteRetentionPolicy")? {
            properties["containerDeleteRetentionPolicy"] = kept;
        }
        for switch in ["isVersioningEnabled", "automaticSnapshotPolicyEnabled"] {
            if let Some(on) = flag(&sent, switch)? {
                properties[switch] = json!(on);
            }
        }
        for member in [
            "changeFeed",
            "restorePolicy",
            "lastAccessTimeTrackingPolicy",
            "defaultServiceVersion",
        ] {
            if let Some(value) = sent.get(member).filter(|value| !value.is_null()) {
                properties[member] = value.clone();
            }
        }
        let mut body = Map::new();
        body.insert("properties".to_owned(), properties);
        Ok(Written {
            status: 200,
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Err(ArmError::method_not_allowed("DELETE", KIND))
    }

    fn view(&self, object: &Object, world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let account = object.key();
        let account = account.rsplitn(3, '/').nth(2);
        if let Some(account) = account.and_then(|key| world.object(key)) {
            body["sku"] = account.body["sku"].clone();
        }
        body
    }

    fn not_found(&self, target: &Target) -> ArmError {
        refuse(
            404,
            "ResourceNotFound",
            format!("The blob service {} does not exist.", target.name()),
        )
    }
}

/// How long something deleted is kept, if that is said.
fn retention(sent: &Map<String, Value>, name: &str) -> Result<Option<Value>, ArmError> {
    if sent.get(name).is_none_or(Value::is_null) {
        return Ok(None);
    }
    let policy = object(sent, name)?;
    let enabled = flag(&policy, "enabled")?.unwrap_or(false);
    let days = number(&policy, "days")?;
    if !enabled {
        return Ok(Some(json!({"enabled": false})));
    }
    match days.filter(|days| DAYS.contains(days)) {
        Some(days) => Ok(Some(json!({"enabled": true, "days": days}))),
        None => Err(invalid(&format!("{name}.days"))),
    }
}

/// Gives a new account its blob service.
pub fn comes_with(txn: &mut Txn<'_>, account: &Object) {
    debug_assert_eq!(account.kind, account::KIND);
    let id = format!("{}/blobServices/default", account.id);
    if txn.world().object(&id.to_ascii_lowercase()).is_some() {
        return;
    }
    txn.put(Object {
        body: json!({
            "id": id,
            "name": "default",
            "type": KIND,
            "properties": {
                "cors": {"corsRules": []},
                "deleteRetentionPolicy": {"allowPermanentDelete": false, "enabled": false},
            },
        }),
        id,
        kind: KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    });
}
