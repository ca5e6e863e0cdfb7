//! What capabilities mean, held against Azure's own roles as they are read.
//!
//! ## Why
//! A custom role is held against `means` where TOML is read. What one of Azure's own gives only
//! Azure says, and it changes: so a plan that assigns one is held against what it gives now.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Plane;
use super::compare::Declared;
use super::permission::Permission;
use super::role::RoleDefinition;
use crate::kinds::{KINDS, Meaning};
use crate::provision::guard::{Objection, Rule};
use crate::provision::plan::{Operation, Plan, Step};
use crate::provision::ports::Reader;
use crate::resource::{Address, Method, Request, Value};

const API_VERSION: &str = "2022-04-01";

/// Everything that a capability may come to.
pub(super) fn meant(meaning: &Meaning) -> Declared {
    let actions: Vec<&str> = meaning.actions.iter().map(String::as_str).collect();
    let data: Vec<&str> = meaning.data_actions.iter().map(String::as_str).collect();
    Declared::new([Permission::of(&actions, &data)])
}

/// What permissions give that a set does not have, as they say it.
pub(super) fn beyond(permissions: &[Permission], set: &Declared) -> Vec<String> {
    let mut found = BTreeSet::new();
    for permission in permissions {
        for plane in [Plane::Control, Plane::Data] {
            for pattern in permission.given(plane) {
                let one = Permission {
                    condition: None,
                    ..match plane {
                        Plane::Control => Permission {
                            actions: vec![pattern.clone()],
                            not_actions: permission.not_actions.clone(),
                            ..Permission::default()
                        },
                        Plane::Data => Permission {
                            data_actions: vec![pattern.clone()],
                            not_data_actions: permission.not_data_actions.clone(),
                            ..Permission::default()
                        },
                    }
                };
                if set.lacks(&one) {
                    found.insert(pattern.text().to_owned());
                }
            }
        }
    }
    found.into_iter().collect()
}

/// The roles, by their ids, that a plan assigns for capabilities, each with one of the addresses.
fn assigned(plan: &Plan) -> BTreeMap<(String, String), Address> {
    let assigns = |operation: &&Operation| {
        matches!(operation.step, Step::Create | Step::Recover | Step::Update)
    };
    let mut assigned = BTreeMap::new();
    for operation in plan.operations.iter().filter(assigns) {
        let kind = KINDS.named(&operation.kind);
        let cell = kind.and_then(|kind| kind.access(&operation.address));
        let desired = operation.desired.as_ref();
        let role = desired.and_then(|it| it.at("properties.roleDefinitionId"));
        if let (Some(cell), Some(role)) = (cell, role.and_then(Value::as_str)) {
            let key = (cell.capability.to_owned(), role.to_owned());
            assigned
                .entry(key)
                .or_insert_with(|| operation.address.clone());
        }
    }
    assigned
}

/// What stands against a plan: roles of Azure's own that it assigns and that give more than the
/// capability means that they stand for, or that cannot be read.
pub async fn objections(
    reader: &dyn Reader,
    plan: &Plan,
    meanings: &BTreeMap<String, Meaning>,
) -> Vec<Objection> {
    let assigned = assigned(plan);
    let ids: BTreeSet<&String> = assigned.keys().map(|(_, role)| role).collect();
    let request = |id: &&String| Request::arm(Method::Get, id.as_str(), API_VERSION);
    let requests: Vec<Request> = ids.iter().map(request).collect();
    let answers = reader.get_many(&requests).await;
    let definitions: BTreeMap<&String, _> = ids.into_iter().zip(answers).collect();
    let mut objections = Vec::new();
    for ((capability, role), address) in &assigned {
        let (Some(meaning), Some(answer)) = (meanings.get(capability), definitions.get(role))
        else {
            continue;
        };
        let problem = match answer {
            // A custom role that the plan makes first.
            Ok(None) => continue,
            Ok(Some(body)) => match RoleDefinition::read(body) {
                Ok(role) if role.custom => continue,
                Ok(role) => match &beyond(&role.permissions, &meant(meaning))[..] {
                    [] => continue,
                    more => format!(
                        "{} gives {}, which `{capability}` does not mean",
                        role.name,
                        more.join(", ")
                    ),
                },
                Err(error) => format!("what role {role} gives cannot be told: {error}"),
            },
            Err(failure) => {
                let problem = format!("what role {role} gives cannot be read: {failure}");
                objections.push(Objection {
                    rule: Rule::Meaning,
                    address: Some(address.clone()),
                    problem,
                    instead: "let who applies read role definitions, or try again".to_owned(),
                });
                continue;
            }
        };
        objections.push(Objection {
            rule: Rule::Meaning,
            address: Some(address.clone()),
            problem,
            instead: format!(
                "give [capabilities.{capability}] in rbac/capabilities.toml a role that gives no \
                 more, or say in its `means` what it is needed for"
            ),
        });
    }
    objections
}
