//! Owners and members: the lists that tie directory objects together.
//! <https://learn.microsoft.com/graph/api/group-post-members>

use super::address::Key;
use super::entity::{Entity, GROUPS};
use super::error::GraphError;
use super::request::{Request, any_object, referred, with_context};
use super::rights::Right;
use super::view;
use crate::entra::principals::{self, GROUP};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The list of that name.
pub fn list_named(name: &str) -> Option<&'static str> {
    ["owners", "members"]
        .into_iter()
        .find(|list| list.eq_ignore_ascii_case(name))
}

fn right(list: &str) -> Right {
    if list == "members" {
        Right::Members
    } else {
        Right::Change
    }
}

/// `GET …/owners`, `…/members` and `…/transitiveMembers`; with `$ref` addresses only.
pub fn show(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    list: &'static str,
    transitive: bool,
    addresses: bool,
) -> Result<Answer, GraphError> {
    request.read(|world| {
        let object = request.find(world, entity, key, Right::Read)?;
        let ids: Vec<String> = if transitive {
            below(world, &object, list).into_iter().collect()
        } else {
            principals::ids(&object, list).map(ToOwned::to_owned).collect()
        };
        if addresses {
            let value: Vec<Value> = ids
                .iter()
                .map(|id| json!({"@odata.id": format!("{}/v1.0/directoryObjects/{id}", request.call.origin)}))
                .collect();
            let context = request.context("Collection($ref)");
            return Ok(Answer::json(200, with_context(context, json!({ "value": value }))));
        }
        let value = request.objects(world, ids.into_iter());
        let context = request.context("directoryObjects");
        Ok(Answer::json(200, with_context(context, json!({ "value": value }))))
    })
}

/// `GET …/members/id/microsoft.graph.user`: one of a list, as what it is.
pub fn one(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    list: &'static str,
    id: &str,
    cast: &str,
) -> Result<Answer, GraphError> {
    request.read(|world| {
        let object = request.find(world, entity, key, Right::Read)?;
        let wanted = super::entity::of_type(cast).ok_or_else(|| GraphError::no_segment(cast))?;
        let found = any_object(request.azure, world, id)
            .filter(|_| principals::lists(&object, list, id))
            .filter(|(of, _)| of.kind == wanted.kind);
        let (of, member) = found.ok_or_else(|| GraphError::not_found(id))?;
        let body = view::of(request.azure, world, &member);
        let shown = view::selected(of, request.call.parameter("$select"), body);
        Ok(request.entity_answer(200, of, shown))
    })
}

/// Everything in a group, and in the groups in it.
fn below(world: &World, group: &Object, list: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = principals::ids(group, list)
        .map(ToOwned::to_owned)
        .collect();
    while let Some(id) = open.pop() {
        if let Some(inner) = principals::object(world, GROUP, &id)
            && !found.contains(&id)
        {
            open.extend(principals::ids(inner, list).map(ToOwned::to_owned));
        }
        found.insert(id);
    }
    found
}

/// `POST …/$ref`
pub fn post(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    list: &'static str,
) -> Result<Answer, GraphError> {
    let sent = request.body()?;
    let id = sent
        .get("@odata.id")
        .and_then(referred)
        .ok_or_else(|| GraphError::bad("The body needs an @odata.id."))?;
    request.write(|txn| {
        let object = request.find(txn.world(), entity, key, right(list))?;
        let (member, _) = any_object(request.azure, txn.world(), &id)
            .ok_or_else(|| GraphError::not_found(&id))?;
        if list == "members" && member.kind == principals::APPLICATION {
            return Err(GraphError::bad(
                "Applications are no members of groups; their service principals are.",
            ));
        }
        let mut object = Object::clone(&object);
        add(&mut object, list, &[id])?;
        txn.put(object);
        Ok(Answer::empty(204))
    })
}

/// Adds ids to a list that has none of them.
pub fn add(object: &mut Object, list: &'static str, ids: &[String]) -> Result<(), GraphError> {
    if ids.iter().any(|id| principals::lists(object, list, id)) {
        return Err(GraphError::bad(format!(
            "One or more added object references already exist for the following modified properties: '{list}'."
        )));
    }
    if !object.hidden.is_object() {
        object.hidden = json!({});
    }
    let held = &mut object.hidden[list];
    if !held.is_array() {
        *held = json!([]);
    }
    if let Some(held) = held.as_array_mut() {
        held.extend(ids.iter().map(|id| json!(id)));
    }
    Ok(())
}

/// `DELETE …/id/$ref`
pub fn delete(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    list: &'static str,
    id: &str,
) -> Result<Answer, GraphError> {
    request.write(|txn| {
        let object = request.find(txn.world(), entity, key, right(list))?;
        if !principals::lists(&object, list, id) {
            return Err(GraphError::not_found(id));
        }
        let mut object = Object::clone(&object);
        if let Some(held) = object.hidden.get_mut(list).and_then(Value::as_array_mut) {
            held.retain(|held| held.as_str() != Some(id));
        }
        txn.put(object);
        Ok(Answer::empty(204))
    })
}

/// The groups that somebody is in: `memberOf`, `transitiveMemberOf`.
pub fn groups(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    transitive: bool,
) -> Result<Answer, GraphError> {
    request.demand(Right::Read, &GROUPS)?;
    request.read(|world| {
        let object = request.find(world, entity, key, Right::Read)?;
        let id = object.text("/id").unwrap_or_default();
        let ids: Vec<String> = if transitive {
            principals::groups_of(world, id).into_iter().collect()
        } else {
            world
                .of_kind(GROUP)
                .filter(|(_, group)| principals::lists(group, "members", id))
                .filter_map(|(_, group)| group.text("/id"))
                .map(ToOwned::to_owned)
                .collect()
        };
        let value = request.objects(world, ids.into_iter());
        let context = request.context("directoryObjects");
        Ok(Answer::json(
            200,
            with_context(context, json!({ "value": value })),
        ))
    })
}

/// `getMemberGroups`, `getMemberObjects` and `checkMemberGroups` of somebody.
pub fn membership(request: &Request<'_>, id: &str, action: &str) -> Result<Answer, GraphError> {
    request.demand(Right::Read, &GROUPS)?;
    let sent = request.body()?;
    request.read(|world| {
        let groups = principals::groups_of(world, id);
        let asked = sent
            .get("groupIds")
            .or_else(|| sent.get("ids"))
            .and_then(Value::as_array);
        let value: Vec<&String> = match (action.starts_with("check"), asked) {
            (false, _) => groups.iter().collect(),
            (true, Some(asked)) => groups
                .iter()
                .filter(|group| asked.iter().any(|id| id.as_str() == Some(group)))
                .collect(),
            (true, None) => {
                return Err(GraphError::bad("The parameter 'groupIds' is missing."));
            }
        };
        Ok(request.done("Collection(Edm.String)", json!({ "value": value })))
    })
}
