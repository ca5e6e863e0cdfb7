//! Azure's own roles, against the naive evaluation.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

use super::{NOW, VAULT, assignment, naive};
use crate::rbac::{
    Access, Action, Assignment, Catalogue, Declared, Example, Excess, Plane, RoleDefinition, Scope,
    Tenant,
};

/// Roles of the shapes that Azure's have; these run wherever the tests do.
fn own() -> Vec<Json> {
    let permissions = [
        json!({"actions": ["*"]}),
        json!({"actions": ["*"], "notActions": ["A.Auth/*/Delete", "A.Auth/*/Write", "A.Auth/elevate/Action"]}),
        json!({"actions": ["*/read"], "notActions": null}),
        json!({"actions": ["A.Id/users/*/read", "A.Id/users/*/assign/action", "A.Auth/*/read"]}),
        json!({"dataActions": ["A.Vault/vaults/keys/read", "A.Vault/vaults/keys/sign/action"]}),
        json!({"actions": ["A.Learn/ws/*/read", "A.Learn/ws/*/write"],
            "notActions": ["A.Learn/ws/write", "A.Learn/ws/computes/*/write"],
            "dataActions": ["A.Learn/*"], "notDataActions": ["A.Learn/ws/*"]}),
        json!({"actions": ["A.Vault/vaults*/read"], "dataActions": []}),
    ];
    let role = |(at, permission): (usize, Json)| {
        json!({
            "id": format!("/providers/Microsoft.Authorization/roleDefinitions/{at}"),
            "name": at.to_string(),
            "properties": {"roleName": at.to_string(), "type": "BuiltInRole",
                "assignableScopes": ["/"], "permissions": [permission]},
        })
    };
    permissions.into_iter().enumerate().map(role).collect()
}

/// Azure's own, where the reference data lies beside the checkout.
fn real() -> Vec<Json> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/azure/derived/builtin_role_definitions.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "SKIPPED: no built-in role definitions at {}",
            path.display()
        );
        return Vec::new();
    };
    let roles: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(roles.len() >= 430, "only {} roles", roles.len());
    roles
}

/// Every pattern that the roles hold.
fn patterns(roles: &[Json]) -> Vec<String> {
    let mut all = std::collections::BTreeSet::new();
    for role in roles {
        let permission = &role["properties"]["permissions"][0];
        for list in ["actions", "notActions", "dataActions", "notDataActions"] {
            let texts = permission[list].as_array().into_iter().flatten();
            all.extend(texts.filter_map(Json::as_str).map(str::to_owned));
        }
    }
    all.into_iter().collect()
}

/// Actions near what the roles speak of: their patterns with the stars filled, cut, extended,
/// joined and in another case.
fn action(patterns: Vec<String>) -> impl Strategy<Value = String> {
    let filling = prop_oneof![
        Just(String::new()),
        Just("a".to_owned()),
        Just("read".to_owned()),
        Just("x/y".to_owned()),
        "[a-zA-Z/.]{0,8}",
    ];
    let change = (0..8_u8, any::<Index>(), "[a-z/*]{0,6}");
    (select(patterns.clone()), select(patterns), filling, change).prop_map(
        |(one, other, filling, (change, at, more))| {
            let text = one.replace('*', &filling);
            match change {
                0 => text.to_uppercase(),
                1 => format!("{text}{more}"),
                2 => format!("{more}{text}"),
                3 => text.chars().take(at.index(text.len() + 1)).collect(),
                4 => text.replacen('/', "", 1),
                5 => {
                    let end = other.rsplit('/').next().unwrap_or_default();
                    let start = text.rsplit_once('/').map_or("", |(start, _)| start);
                    format!("{start}/{end}")
                }
                _ => text,
            }
        },
    )
}

/// Somebody with the role, and what the role says.
fn access(roles: &[Json], held: &[usize]) -> Access {
    let assigned = held.iter().map(|at| {
        let role = roles[*at]["name"].as_str().expect("a name");
        let body = assignment(role, "/", role, "me", json!({}));
        Assignment::read(&body).expect("an assignment")
    });
    let tenant = Tenant {
        roles: held
            .iter()
            .map(|at| RoleDefinition::read(&roles[*at]).expect("a role"))
            .collect(),
        assignments: assigned.collect(),
        ..Tenant::default()
    };
    Access::new(tenant, NOW)
}

fn naively(roles: &[Json], held: &[usize], action: &Action) -> bool {
    held.iter().any(|at| {
        let permissions = roles[*at]["properties"]["permissions"].as_array();
        let data = action.plane() == Plane::Data;
        permissions
            .into_iter()
            .flatten()
            .any(|permission| naive::gives(permission, data, action.name()))
    })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        cases,
        ..ProptestConfig::default()
    }
}

/// Every role and some together, against the naive evaluation.
fn decisions_agree(roles: &[Json], cases: u32) {
    if roles.is_empty() {
        return;
    }
    let plane = select(vec![Plane::Control, Plane::Data]);
    let together = prop::collection::vec(0..roles.len(), 1..4);
    let actions = prop::collection::vec((action(patterns(roles)), plane), 40);
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    let outcome = runner.run(&(together, actions), |(held, actions)| {
        let access = access(roles, &held);
        let effective = access.holdings("me").at(&Scope::new(VAULT));
        for (name, plane) in actions {
            let action = Action::new(plane, &name);
            let decision = effective.decide(&action, &Default::default());
            prop_assert_eq!(
                decision.is_allowed(),
                naively(roles, &held, &action),
                "{} {} of {:?}: {:?}",
                plane,
                name,
                held,
                decision
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// One role against another: whatever is beyond is so by the naive evaluation too, and where
/// nothing is, no action that is tried is.
fn differences_agree(roles: &[Json], cases: u32) {
    if roles.is_empty() {
        return;
    }
    let pair = (0..roles.len(), 0..roles.len());
    let plane = select(vec![Plane::Control, Plane::Data]);
    let actions = prop::collection::vec((action(patterns(roles)), plane), 40);
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    let outcome = runner.run(&(pair, actions), |((held, declared), actions)| {
        let access = access(roles, &[held]);
        let effective = access.holdings("me").at(&Scope::new(VAULT));
        let role = RoleDefinition::read(&roles[declared]).expect("a role");
        let tried: Catalogue = actions
            .iter()
            .map(|(name, plane)| Action::new(*plane, name))
            .collect();
        let excess = effective.beyond(&Declared::new(role.permissions), &tried);
        let is_beyond = |action: &Action| {
            naively(roles, &[held], action) && !naively(roles, &[declared], action)
        };
        for Excess {
            plane,
            example,
            pattern,
            ..
        } in &excess
        {
            let Example::Action(name) = example else {
                panic!("{pattern} of {held} against {declared} was not decided")
            };
            prop_assert!(is_beyond(&Action::new(*plane, name)), "{} {}", plane, name);
        }
        let known: Vec<&String> = excess.iter().flat_map(|one| &one.known).collect();
        for action in tried.actions().filter(|action| is_beyond(action)) {
            prop_assert!(
                known.iter().any(|name| *name == action.name()),
                "{} missed",
                action
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn our_roles_are_decided_as_naively() {
    decisions_agree(&own(), 200);
}

#[test]
fn azure_s_roles_are_decided_as_naively() {
    let roles = real();
    decisions_agree(&roles, 200);
    // Each of them at least once.
    for at in 0..roles.len() {
        let access = access(&roles, &[at]);
        let effective = access.holdings("me").at(&Scope::new(VAULT));
        for pattern in patterns(&roles[at..=at]) {
            for plane in [Plane::Control, Plane::Data] {
                for filling in ["", "x", "x/y"] {
                    let action = Action::new(plane, &pattern.replace('*', filling));
                    let decision = effective.decide(&action, &Default::default());
                    let expected = naively(&roles, &[at], &action);
                    assert_eq!(decision.is_allowed(), expected, "{plane} {action} of {at}");
                }
            }
        }
    }
}

#[test]
fn our_roles_differ_as_naively() {
    differences_agree(&own(), 100);
}

#[test]
fn azure_s_roles_differ_as_naively() {
    let roles = real();
    differences_agree(&roles, 100);
    // No role goes beyond itself, and all of it is there: the proof, not a trial, says so.
    for (at, body) in roles.iter().enumerate() {
        let access = access(&roles, &[at]);
        let effective = access.holdings("me").at(&Scope::new(VAULT));
        let role = RoleDefinition::read(body).expect("a role");
        let declared = Declared::new(role.permissions);
        let difference = effective.against(&declared, &Catalogue::default());
        assert!(difference.is_empty(), "{}: {difference:?}", role.name);
    }
}
