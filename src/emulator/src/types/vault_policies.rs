//! `Microsoft.KeyVault/vaults/accessPolicies`: not objects, but three ways of changing a
//! vault's access policies.
//! <https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/update-access-policy>

use super::vault::VERSIONS;
use super::vault_fields::{self as fields, bad};
use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType, Target, end_pending};
use crate::server::Answer;
use crate::state::{Object, Txn};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct AccessPolicies;

/// The canonical type.
const KIND: &str = "Microsoft.KeyVault/vaults/accessPolicies";

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

/// A vault has at most that many.
const MOST: usize = 1024;

/// What can be granted, by kind of thing.
const PERMISSIONS: &[(&str, &[&str])] = &[
    (
        "keys",
        &[
            "all",
            "encrypt",
            "decrypt",
            "wrapKey",
            "unwrapKey",
            "sign",
            "verify",
            "get",
            "list",
            "create",
            "update",
            "import",
            "delete",
            "backup",
            "restore",
            "recover",
            "purge",
            "release",
            "rotate",
            "getrotationpolicy",
            "setrotationpolicy",
        ],
    ),
    (
        "secrets",
        &[
            "all", "get", "list", "set", "delete", "backup", "restore", "recover", "purge",
        ],
    ),
    (
        "certificates",
        &[
            "all",
            "get",
            "list",
            "delete",
            "create",
            "import",
            "update",
            "managecontacts",
            "getissuers",
            "listissuers",
            "setissuers",
            "deleteissuers",
            "manageissuers",
            "recover",
            "purge",
            "backup",
            "restore",
        ],
    ),
    (
        "storage",
        &[
            "all",
            "get",
            "list",
            "delete",
            "set",
            "update",
            "regeneratekey",
            "recover",
            "purge",
            "backup",
            "restore",
            "setsas",
            "listsas",
            "getsas",
            "deletesas",
        ],
    ),
];

impl ResourceType for AccessPolicies {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn redirected(
        &self,
        cx: &Context<'_>,
        txn: &mut Txn<'_>,
        target: &Target,
    ) -> Option<Result<Answer, ArmError>> {
        Some(change(cx, txn, target))
    }
}

fn change(cx: &Context<'_>, txn: &mut Txn<'_>, target: &Target) -> Result<Answer, ArmError> {
    let key = target.parent.as_deref().unwrap_or_default();
    end_pending(txn, key, cx.now);
    let Some(vault) = txn.world().object(key).cloned() else {
        return Err(ArmError::resource_not_found(
            &target.spelled,
            cx.path.group.as_deref(),
        ));
    };
    let how = ["add", "replace", "remove"]
        .into_iter()
        .find(|how| how.eq_ignore_ascii_case(target.name()))
        .ok_or_else(|| {
            bad(format!(
                "The operation '{}' is not supported.",
                target.name()
            ))
        })?;
    let body: Value = serde_json::from_slice(&cx.call.body)
        .map_err(|_| bad("The request body is not valid JSON."))?;
    let sent = read(&body["properties"]["accessPolicies"])?;
    let mut policies = vault.body["properties"]["accessPolicies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for policy in &sent {
        merge(&mut policies, policy, how);
    }
    let mut changed = Object::clone(&vault);
    changed.body["properties"]["accessPolicies"] = Value::Array(policies);
    changed.body["systemData"] = cx.system_data(vault.body.get("systemData"));
    txn.put(changed);
    Ok(Answer::json(
        200,
        json!({
            "id": format!("{}/accessPolicies/", vault.id),
            "type": KIND,
            "properties": {"accessPolicies": sent},
        }),
    ))
}

fn merge(policies: &mut Vec<Value>, sent: &Value, how: &str) {
    let same = |policy: &Value| {
        ["tenantId", "objectId", "applicationId"].iter().all(|id| {
            let text = |policy: &Value| policy[*id].as_str().map(str::to_ascii_lowercase);
            text(policy) == text(sent)
        })
    };
    let at = policies.iter().position(same);
    match (how, at) {
        ("remove", None) => {}
        (_, None) => policies.push(sent.clone()),
        ("replace", Some(at)) => policies[at] = sent.clone(),
        (how, Some(at)) => {
            for (kind, _) in PERMISSIONS {
                let Some(words) = sent["permissions"][*kind].as_array() else {
                    continue;
                };
                let known = policies[at]["permissions"][*kind].take();
                let known = known.as_array().map_or(&[][..], Vec::as_slice);
                let left: Vec<&Value> = if how == "add" {
                    let new = words.iter().filter(|word| !contains(known, word));
                    known.iter().chain(new).collect()
                } else {
                    known.iter().filter(|word| !contains(words, word)).collect()
                };
                policies[at]["permissions"][*kind] = json!(left);
            }
        }
    }
    policies.retain(|policy| how != "remove" || grants_something(policy));
}

fn contains(words: &[Value], word: &Value) -> bool {
    let lower = |value: &Value| value.as_str().map(str::to_ascii_lowercase);
    words.iter().any(|known| lower(known) == lower(word))
}

fn grants_something(policy: &Value) -> bool {
    PERMISSIONS.iter().any(|(kind, _)| {
        policy["permissions"][*kind]
            .as_array()
            .is_some_and(|words| !words.is_empty())
    })
}

/// Access policies in a body, as they are kept.
pub fn read(sent: &Value) -> Result<Vec<Value>, ArmError> {
    let invalid = || bad("An invalid value was provided for 'accessPolicies'.");
    let policies = sent.as_array().ok_or_else(invalid)?;
    if policies.len() > MOST {
        return Err(bad(format!(
            "A vault can have at most {MOST} access policies."
        )));
    }
    policies
        .iter()
        .map(|policy| one(policy).ok_or_else(invalid)?)
        .collect()
}

fn one(policy: &Value) -> Option<Result<Value, ArmError>> {
    let policy = policy.as_object()?;
    let mut kept = Map::new();
    for (id, needed) in [
        ("tenantId", true),
        ("objectId", true),
        ("applicationId", false),
    ] {
        match fields::text(policy, id) {
            Ok(None) if needed => return None,
            Ok(None) => {}
            Ok(Some(text)) => {
                Uuid::try_parse(text).ok()?;
                kept.insert(id.to_owned(), json!(text));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    let sent = policy.get("permissions")?.as_object()?;
    let mut permissions = Map::new();
    for (kind, known) in PERMISSIONS {
        let words = match sent.get(*kind) {
            None | Some(Value::Null) => continue,
            Some(words) => words.as_array()?,
        };
        for word in words {
            let word = word.as_str()?;
            known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(word))?;
        }
        permissions.insert((*kind).to_owned(), json!(words));
    }
    kept.insert("permissions".to_owned(), Value::Object(permissions));
    Some(Ok(Value::Object(kept)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "00000000-0000-0000-0000-000000000001";

    fn policy(keys: &[&str]) -> Value {
        json!({"tenantId": WHO, "objectId": WHO, "permissions": {"keys": keys}})
    }

    #[test]
    fn policies_are_added_to_replaced_and_taken_away() {
        let mut policies = vec![policy(&["get", "sign"])];
        merge(&mut policies, &policy(&["Sign", "list"]), "add");
        assert_eq!(policies, [policy(&["get", "sign", "list"])]);
        merge(&mut policies, &policy(&["GET"]), "remove");
        assert_eq!(policies, [policy(&["sign", "list"])]);
        merge(&mut policies, &policy(&["purge"]), "replace");
        assert_eq!(policies, [policy(&["purge"])]);
        merge(&mut policies, &policy(&["purge"]), "remove");
        assert!(policies.is_empty());
    }

    #[test]
    fn only_known_permissions_of_known_principals() {
        assert!(read(&json!([policy(&["wrapkey", "ALL"])])).is_ok());
        for bad in [
            json!([policy(&["fly"])]),
            json!([{"tenantId": WHO, "objectId": "me", "permissions": {}}]),
            json!([{"tenantId": WHO, "objectId": WHO}]),
            json!({}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
