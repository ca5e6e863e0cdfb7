//! Decisions over small worlds.

use super::*;
use crate::access::Attributes;
use crate::state::Store;
use serde_json::json;

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";
const GROUP: &str = "/subscriptions/S/resourceGroups/G";

fn assignment(scope: &str, principal: &str, role: &str, more: Value) -> Object {
    let mut properties = json!({
        "scope": scope,
        "principalId": principal,
        "roleDefinitionId": format!("/subscriptions/S/providers/{DEFINITION}/{role}"),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    Object {
        id: format!("{scope}/providers/{ASSIGNMENT}/{principal}-{role}"),
        kind: ASSIGNMENT.to_owned(),
        body: json!({ "properties": properties }),
        hidden: Value::Null,
        pending: None,
    }
}

fn decide(objects: Vec<Object>, plane: Plane, action: &str, scope: &str) -> Decision {
    let store = Store::in_memory();
    store
        .write(|txn| {
            for object in objects {
                txn.put(object);
            }
        })
        .unwrap();
    let ids = BTreeSet::from(["me".to_owned(), "my-group".to_owned()]);
    store.read(|world| {
        Holdings::of(world, &ids).decide(&Question {
            attributes: Attributes::none(),
            plane,
            action,
            scope,
        })
    })
}

fn granted(objects: Vec<Object>, plane: Plane, action: &str, scope: &str) -> bool {
    decide(objects, plane, action, scope).is_granted()
}

#[test]
fn grants_reach_down_and_not_up_or_beside() {
    let vault = format!("{GROUP}/providers/A.B/vs/v");
    let at = |scope: &str| vec![assignment(scope, "me", READER, Value::Null)];
    for scope in [
        "/",
        "/subscriptions/s",
        "/subscriptions/S/resourcegroups/g",
        &vault,
    ] {
        assert!(
            granted(at(scope), Plane::Control, "A.B/vs/READ", &vault),
            "{scope}"
        );
    }
    let tenant = "/providers/Microsoft.Management/managementGroups/t";
    assert!(granted(at(tenant), Plane::Control, "A.B/vs/read", &vault));
    assert!(granted(at(tenant), Plane::Control, "A.B/vs/read", tenant));
    assert!(!granted(at(tenant), Plane::Control, "A.B/vs/read", "/"));
    let child = format!("{vault}/keys/k");
    let beside = format!("{GROUP}2");
    for scope in [child.as_str(), beside.as_str(), "/subscriptions/other"] {
        assert!(
            !granted(at(scope), Plane::Control, "A.B/vs/read", &vault),
            "{scope}"
        );
    }
}

#[test]
fn groups_count_and_strangers_do_not() {
    let by = |principal: &str| vec![assignment(GROUP, principal, READER, Value::Null)];
    assert!(granted(
        by("my-group"),
        Plane::Control,
        "A.B/vs/read",
        GROUP
    ));
    assert!(!granted(by("you"), Plane::Control, "A.B/vs/read", GROUP));
}

#[test]
fn not_actions_subtract_within_one_role_only() {
    let contributor = || assignment(GROUP, "me", CONTRIBUTOR, Value::Null);
    let write = "Microsoft.Authorization/roleAssignments/write";
    assert!(!granted(vec![contributor()], Plane::Control, write, GROUP));
    assert!(granted(
        vec![contributor()],
        Plane::Control,
        "A.B/vs/write",
        GROUP
    ));
    let owner = assignment(
        GROUP,
        "my-group",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        Value::Null,
    );
    assert!(granted(
        vec![contributor(), owner],
        Plane::Control,
        write,
        GROUP
    ));
}

#[test]
fn planes_are_apart() {
    let sign = "Microsoft.KeyVault/vaults/keys/sign/action";
    let by = |role: &str| vec![assignment(GROUP, "me", role, Value::Null)];
    assert!(granted(by(CRYPTO_USER), Plane::Data, sign, GROUP));
    assert!(!granted(by(CONTRIBUTOR), Plane::Data, sign, GROUP));
    assert!(!granted(by(CRYPTO_USER), Plane::Control, sign, GROUP));
}

#[test]
fn denials_and_conditions_take_back() {
    let mut denial = assignment(GROUP, "", "", Value::Null);
    denial.kind = DENIAL.to_owned();
    denial.body = json!({"properties": {
        "denyAssignmentName": "no",
        "scope": GROUP,
        "principals": [{"id": "00000000-0000-0000-0000-000000000000"}],
        "excludePrincipals": [],
        "permissions": [{"actions": ["*/delete"], "notActions": []}],
    }});
    let objects = vec![assignment("/", "me", CONTRIBUTOR, Value::Null), denial];
    let vault = format!("{GROUP}/providers/A.B/vs/v");
    assert!(granted(
        objects.clone(),
        Plane::Control,
        "A.B/vs/write",
        &vault
    ));
    let decision = decide(objects.clone(), Plane::Control, "A.B/vs/delete", &vault);
    assert!(matches!(
        decision,
        Decision::Denied(Reason::DenyAssignment { name, .. }) if name == "no"
    ));
    assert!(granted(
        objects,
        Plane::Control,
        "A.B/vs/delete",
        "/subscriptions/S"
    ));
    let condition = json!({"condition": "!(ActionMatches{'Microsoft.KeyVault/*'})"});
    let decision = decide(
        vec![assignment(GROUP, "me", CRYPTO_USER, condition)],
        Plane::Data,
        "Microsoft.KeyVault/vaults/keys/sign/action",
        GROUP,
    );
    assert!(matches!(
        decision,
        Decision::Denied(Reason::Condition { .. })
    ));
}
