//! `Microsoft.ManagedIdentity/userAssignedIdentities`. The object itself is what the
//! directory knows of the service principal: it is one from `principalId` on.
//! <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>

use super::{VERSIONS, bad, printed};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct UserAssigned;

/// The canonical type.
const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

static ACTIONS: &[Action] = &[Action {
    name: "listAssociatedResources",
    method: Method::POST,
    run: associated,
}];

impl ResourceType for UserAssigned {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        valid_name(target.name())?;
        let properties = match old {
            Some(old) => old.body["properties"].clone(),
            None => json!({
                "tenantId": cx.azure.directory.tenant(),
                "principalId": Uuid::new_v4().to_string(),
                "clientId": Uuid::new_v4().to_string(),
            }),
        };
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        body.insert("tags".to_owned(), tags);
        body.insert("properties".to_owned(), properties);
        Ok(written(if old.is_some() { 200 } else { 201 }, body))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        Ok(written(200, body))
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        body["id"] = json!(printed(&object.id));
        body
    }

    fn answered(&self, _cx: &Context<'_>, _world: &World, object: &Object, answer: &mut Answer) {
        if answer.status == 201 {
            answer.headers.push(("location", printed(&object.id)));
        }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

fn written(status: u16, body: Map<String, Value>) -> Written {
    Written {
        status,
        body,
        hidden: Value::Null,
        started: None,
    }
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
fn valid_name(name: &str) -> Result<(), ArmError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if plain && begins && (3..=128).contains(&name.len()) {
        return Ok(());
    }
    Err(bad(format!(
        "The resource name '{name}' is invalid: it must have 3 to 128 letters, digits, '-' or '_' and start with a letter or digit."
    )))
}

/// The resources that the identity is assigned to.
fn associated(_cx: &Context<'_>, txn: &mut Txn<'_>, identity: &Object) -> Result<Answer, ArmError> {
    let key = identity.key();
    let assigned = |object: &Object| {
        object.body["identity"]["userAssignedIdentities"]
            .as_object()
            .is_some_and(|ids| ids.keys().any(|id| id.eq_ignore_ascii_case(&key)))
    };
    let value: Vec<Value> = txn
        .world()
        .objects()
        .filter(|(_, object)| assigned(object))
        .map(|(_, object)| {
            let mut parts = object.id.split('/').skip(2);
            let (subscription, group) = (parts.next(), parts.nth(1));
            json!({
                "id": object.id,
                "name": object.name(),
                "type": object.kind.to_ascii_lowercase(),
                "resourceGroup": group,
                "subscriptionId": subscription,
                "subscriptionDisplayName": "Local emulator",
            })
        })
        .collect();
    let count = value.len();
    Ok(Answer::json(
        200,
        json!({"totalCount": count, "value": value}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["ide", "a_b-c", &"x".repeat(128)] {
            assert!(valid_name(good).is_ok(), "{good}");
        }
        for bad in ["ab", "-abc", "a.b.c", &"x".repeat(129)] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }
}
