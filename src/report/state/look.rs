//! Looking: each declared and each marked object, and how it stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::super::diagnostics::Diagnosis;
use crate::provision::desired::Desired;
use crate::provision::diff::{FieldChange, diff};
use crate::provision::graph::Dag;
use crate::provision::observe::{Object, Observed, State};
use crate::provision::plan::Applied;
use crate::resource::{Address, Kind, Outputs, Ownership, Text, Value};

/// What was asked of Azure and what it answered.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// The cloud's name.
    pub cloud: &'a str,
    /// What TOML says.
    pub desired: &'a Desired,
    /// Its graph: ids that are known late are found in its order.
    pub dag: &'a Dag,
    /// What Azure answered.
    pub observed: &'a Observed,
    /// What the last successful apply wrote, where it is known.
    pub applied: &'a Applied,
}

/// How an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// As declared.
    Present,
    /// Not as declared.
    Differs,
    /// Not there.
    Absent,
    /// Nobody knows.
    Unreadable,
    /// Ours, and nothing declares it.
    Undeclared,
}

/// One object.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) address: Address,
    pub(super) kind: &'static dyn Kind,
    pub(super) id: Text,
    pub(super) standing: Standing,
    pub(super) changes: Vec<FieldChange>,
    pub(super) object: Option<&'a Object>,
    pub(super) failure: Option<Diagnosis>,
    /// The managed fields as declared, with what is known filled in.
    pub(super) declared: Option<Value>,
}

impl Item<'_> {
    /// The name that Azure has for it.
    pub(super) fn name(&self) -> String {
        match self.id.known() {
            Some(id) => name_in(id).to_owned(),
            None => self.id.to_string(),
        }
    }

    /// The region that it lives in, where it has one: the live one before the declared one.
    pub(super) fn region(&self) -> Option<&str> {
        let live = self.object.map(|object| &object.projection);
        [live, self.declared.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|tree| tree.at("location")?.as_str())
    }

    /// Whose it is, by its marker.
    pub(super) fn ownership(&self) -> Option<String> {
        Some(match &self.object?.ownership {
            Ownership::Ours(environment) => format!("onestream/{environment}"),
            Ownership::Elsewhere(estate) => format!("of estate {estate}"),
            Ownership::Copy => "copied marker".to_owned(),
            Ownership::Foreign => "no marker".to_owned(),
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Present => "present",
            Self::Differs => "differs",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Undeclared => "undeclared",
        })
    }
}

/// Every declared object, and every marked one in these environments, by address.
pub(super) fn items<'a>(live: &Live<'a>) -> BTreeMap<Address, Item<'a>> {
    let mut outputs = Outputs::default();
    let mut items = BTreeMap::new();
    let mut known = BTreeMap::new();
    for address in live.dag.order() {
        let Some(resource) = live.desired.resources.get(address) else {
            continue;
        };
        let item = declared(live, resource, &outputs);
        if let Some(object) = item.object {
            outputs.insert(address.clone(), object.outputs.clone());
        }
        if let Some(id) = item.id.known() {
            known.insert(id.to_lowercase(), ());
        }
        items.insert(address.clone(), item);
    }
    for (key, object) in &live.observed.objects {
        if known.contains_key(key) {
            continue;
        }
        if let Some(item) = undeclared(live, key, object) {
            items.entry(item.address.clone()).or_insert(item);
        }
    }
    items
}

fn declared<'a>(
    live: &Live<'a>,
    resource: &crate::resource::Resource,
    outputs: &Outputs,
) -> Item<'a> {
    let id = resource.id.settle(outputs);
    let properties = resource.properties.settle(outputs);
    let state = id
        .known()
        .map_or(State::Absent, |id| live.observed.state(resource.kind, id));
    let applied = live.applied.get(&resource.address).map(|a| &*a.properties);
    let mut item = Item {
        address: resource.address.clone(),
        kind: resource.kind,
        id,
        standing: Standing::Absent,
        changes: Vec::new(),
        object: None,
        failure: None,
        declared: None,
    };
    match state {
        State::Absent => {}
        State::Unreadable(failure) => {
            item.standing = Standing::Unreadable;
            item.failure = Some(failure.into());
        }
        State::Present(object) => {
            let meta = resource.kind.meta();
            item.changes = diff(meta, &properties, &object.projection, applied);
            item.standing = if item.changes.is_empty() {
                Standing::Present
            } else {
                Standing::Differs
            };
            item.object = Some(object);
        }
    }
    item.declared = Some(properties);
    item
}

fn undeclared<'a>(live: &Live<'a>, key: &str, object: &'a Object) -> Option<Item<'a>> {
    let Ownership::Ours(environment) = &object.ownership else {
        return None;
    };
    let applied = live
        .applied
        .iter()
        .find(|(_, standing)| standing.id.eq_ignore_ascii_case(key));
    let address = match applied {
        Some((address, _)) => address.clone(),
        None => Address::new(environment, &object.kind.orphan_path(&object.id)).ok()?,
    };
    Some(Item {
        address,
        kind: object.kind,
        id: object.id.clone().into(),
        standing: Standing::Undeclared,
        changes: Vec::new(),
        object: Some(object),
        failure: None,
        declared: None,
    })
}

/// The name at the end of an id; of a Graph object, the key that stands in quotes.
fn name_in(id: &str) -> &str {
    let last = id.rsplit('/').next().unwrap_or(id);
    let key = last
        .strip_suffix("')")
        .and_then(|rest| rest.split_once("='"));
    key.map_or(last, |(_, key)| key)
}
