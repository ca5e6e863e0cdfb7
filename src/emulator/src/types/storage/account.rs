//! `Microsoft.Storage/storageAccounts`: made behind a `Location`, which then answers with the
//! account; changed and deleted at once. Its name is a host name and unique in the world.
//! <https://learn.microsoft.com/rest/api/storagerp/storage-accounts>

use super::provider::{VERSIONS, refuse};
use super::{account_actions, account_fields as fields, blob_service, connection};
use crate::arm::{
    Action, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Started, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Polling, Txn, World};
use crate::types::storage::immutability_policy;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct Account;

/// The canonical type.
pub const KIND: &str = "Microsoft.Storage/storageAccounts";

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

static CREATION: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.Storage",
        segment: "asyncoperations",
        prefix: "",
        upper_case: false,
    },
    polling: Polling::Made,
    retry_after: Some(17),
    seconds: 18,
};

impl ResourceType for Account {
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
        free_name(world, target)?;
        let body = match old {
            Some(old) => fields::changed(old, sent)?,
            None => fields::made(cx.now, target.name(), sent)?,
        };
        Ok(match old {
            Some(_) => at_once(body),
            None => Written {
                status: 202,
                body,
                hidden: Value::Null,
                started: Some(Started {
                    pattern: &CREATION,
                    word: "Creating",
                }),
            },
        })
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Ok(at_once(fields::changed(old, sent)?))
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        let locked = immutability_policy::locked_below(world, &old.key());
        if locked.is_empty() {
            return Ok(Deleted::Now(200));
        }
        Err(refuse(
            409,
            "AccountProtectedFromDeletion",
            format!(
                "{} is protected from deletion. The container(s) {} have a locked immutability policy.",
                old.name(),
                locked.join(", ")
            ),
        ))
    }

    fn view(&self, object: &Object, world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        body["properties"]["privateEndpointConnections"] =
            json!(connection::shown_in_account(world, object));
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        // What is still being made is told where the answer leads to.
        if cx.call.method == Method::PUT && answer.status == 202 {
            answer.body = None;
        }
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        blob_service::comes_with(txn, object);
    }

    /// Private endpoints lead to accounts that others made elsewhere, too.
    fn taken_for_granted(&self) -> bool {
        true
    }

    fn actions(&self) -> &'static [Action] {
        account_actions::ACTIONS
    }
}

fn at_once(body: Map<String, Value>) -> Written {
    Written {
        status: 200,
        body,
        hidden: Value::Null,
        started: None,
    }
}

/// What is wrong with an account's name, if anything is.
pub fn name_fault(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (3..=24).contains(&name.len()) && name.bytes().all(plain);
    (!fits).then(|| {
        format!(
            "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
        )
    })
}

fn valid_name(name: &str) -> Result<(), ArmError> {
    match name_fault(name) {
        None => Ok(()),
        Some(fault) => Err(refuse(400, "AccountNameInvalid", fault)),
    }
}

/// The account that has that name, in whatever group and subscription.
pub fn named(world: &World, name: &str) -> Option<Arc<Object>> {
    let mut accounts = world.of_kind(KIND).map(|(_, object)| object);
    accounts
        .find(|object| object.name().eq_ignore_ascii_case(name))
        .cloned()
}

/// Names are unique in the whole world: they are host names.
fn free_name(world: &World, target: &Target) -> Result<(), ArmError> {
    let name = target.name();
    let Some(other) = named(world, name).filter(|other| other.key() != target.key) else {
        return Ok(());
    };
    let subscription = |id: &str| id.split('/').nth(2).map(str::to_ascii_lowercase);
    Err(if subscription(&other.id) == subscription(&target.id) {
        refuse(
            409,
            "StorageAccountInAnotherResourceGroup",
            format!(
                "The account {name} is already in another resource group in this subscription."
            ),
        )
    } else {
        refuse(
            409,
            "StorageAccountAlreadyTaken",
            format!("The storage account named {name} is already taken."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["abc", "stonestream1", &"x".repeat(24)] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for bad in ["ab", "Upper", "with-dash", &"x".repeat(25)] {
            assert!(name_fault(bad).is_some(), "{bad}");
        }
    }
}
