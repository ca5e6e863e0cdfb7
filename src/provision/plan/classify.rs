//! Classifying: what one declared or marked object needs, given what stands.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::make::{Asked, Mode};
use super::{Action, Operation, Standing, Step, Unread};
use crate::provision::diff::{self, FieldChange, Rule, diff};
use crate::provision::observe::{Object, State};
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{
    Address, Carrier, Compare, EnvironmentName, ID_TAG, Kind, MANAGED_BY_TAG, Outputs, Ownership,
    Resource, Text, Value,
};

/// The plan in the making.
pub(super) struct Work<'a> {
    asked: &'a Asked<'a>,
    outputs: Outputs,
    draft: Draft,
}

impl<'a> Work<'a> {
    pub(super) fn new(asked: &'a Asked<'a>) -> Self {
        Self {
            asked,
            outputs: Outputs::default(),
            draft: Draft::default(),
        }
    }

    pub(super) fn finish(self) -> Draft {
        self.draft
    }

    /// A resource that others may refer to but that this plan does not touch.
    pub(super) fn read_only(&mut self, resource: &Resource) {
        let id = resource.id.settle(&self.outputs);
        if let Some(State::Present(object)) = id
            .known()
            .map(|id| self.asked.observed.state(resource.kind, id))
        {
            self.outputs
                .insert(resource.address.clone(), object.outputs.clone());
        }
    }

    /// What one declared resource needs.
    pub(super) fn declared(&mut self, resource: &Resource) {
        let settled = Settled {
            id: resource.id.settle(&self.outputs),
            properties: resource.properties.settle(&self.outputs),
        };
        let state = settled.id.known().map_or(State::Absent, |id| {
            self.asked.observed.state(resource.kind, id)
        });
        match state {
            State::Absent => self.absent(resource, &settled),
            State::Present(object) => self.present(resource, &settled, object),
            State::Unreadable(failure) => self.unread(&resource.address, failure.clone()),
        }
    }

    fn unread(&mut self, address: &Address, failure: Failure) {
        self.draft.unreadable.push(Unread {
            address: address.clone(),
            failure,
        });
    }

    fn absent(&mut self, resource: &Resource, settled: &Settled) {
        if let Some(unknown) = self.unknown_reference(resource) {
            let failure = Failure {
                verdict: Verdict::Unknown,
                status: None,
                code: "NeedsUnreadable".to_owned(),
                message: format!("it needs {unknown}, which could not be read"),
                hint: None,
                request_id: None,
            };
            return self.unread(&resource.address, failure);
        }
        let mut operation = settled.operation(resource, Action::Create, Step::Create);
        "it does not exist".clone_into(&mut operation.reason);
        let embedded = resource
            .parent
            .as_ref()
            .and_then(|parent| Some((parent, self.asked.desired.resources.get(parent)?)))
            .filter(|(_, parent)| parent.kind.embeds(resource))
            .and_then(|(address, _)| self.draft.creating(address));
        let index = self.draft.push(operation, resource.kind);
        if let Some(carrier) = embedded {
            self.draft.operations[index].step = Step::Carried;
            self.draft.operations[carrier].carries.push(index);
        }
    }

    fn unknown_reference(&self, resource: &Resource) -> Option<Address> {
        let unread =
            |address: &Address| self.draft.unreadable.iter().any(|u| u.address == *address);
        resource.references().into_iter().find(unread)
    }

    fn present(&mut self, resource: &Resource, settled: &Settled, object: &Object) {
        let meta = resource.kind.meta();
        let applied = self
            .asked
            .applied
            .get(&resource.address)
            .map(|standing| &standing.properties);
        let changes = diff(meta, &settled.properties, &object.projection, applied);
        let parent = resource.parent.as_ref();
        let parent_replaced = parent.filter(|parent| self.draft.replacing(parent));
        let ours = match (&object.ownership, meta.carrier) {
            (_, Carrier::Parent) => true,
            (Ownership::Ours(environment), _) => *environment == resource.address.environment(),
            _ => false,
        };
        if let Ownership::Ours(other) = &object.ownership
            && !ours
        {
            return self.draft.refuse(
                &resource.address,
                format!("it belongs to {other}"),
                format!("take it out of {other} first, or declare another name here"),
            );
        }
        let replace = changes.iter().any(|change| change.rule == Rule::Replace);
        for change in &changes {
            if let Rule::Refused(instead) = &change.rule {
                let problem = format!(
                    "{} cannot change from {} to {}",
                    change.path, change.before, change.after
                );
                self.draft
                    .refuse(&resource.address, problem, instead.clone());
            }
        }
        if changes
            .iter()
            .any(|change| matches!(change.rule, Rule::Refused(_)))
        {
            return;
        }
        if replace || parent_replaced.is_some() {
            let reason = match parent_replaced {
                Some(parent) => format!("{parent} is replaced"),
                None => "Azure takes some of it on create only".to_owned(),
            };
            return self.replace(resource, settled, object, changes, reason);
        }
        self.outputs
            .insert(resource.address.clone(), object.outputs.clone());
        if changes.is_empty() {
            let standing = Standing {
                id: object.id.clone(),
                kind: meta.name.to_owned(),
                properties: settled.properties.clone(),
                references: resource.references().into_iter().collect(),
            };
            self.draft
                .standing
                .insert(resource.address.clone(), standing);
            return;
        }
        let action = if ours { Action::Update } else { Action::Adopt };
        let mut operation = settled.operation(resource, action, Step::Update);
        operation.reason = if ours {
            match changes.len() {
                1 => "one managed field differs".to_owned(),
                n => format!("{n} managed fields differ"),
            }
        } else {
            "it exists without our marker".to_owned()
        };
        let wanted = diff::with_dropped_keys(meta, &settled.properties, &changes);
        operation.before = Some(image(resource.kind, &wanted, &object.projection));
        operation.desired = Some(wanted);
        operation.changes = changes;
        self.draft.push(operation, resource.kind);
    }

    fn replace(
        &mut self,
        resource: &Resource,
        settled: &Settled,
        object: &Object,
        changes: Vec<FieldChange>,
        reason: String,
    ) {
        if let Some(instead) = &object.forbids_delete {
            let problem = "it cannot be replaced".to_owned();
            return self
                .draft
                .refuse(&resource.address, problem, instead.clone());
        }
        let mut delete = settled.operation(resource, Action::Replace, Step::Delete);
        delete.desired = None;
        delete.before = Some(image(
            resource.kind,
            &settled.properties,
            &object.projection,
        ));
        delete.reason.clone_from(&reason);
        let mut create = settled.operation(resource, Action::Replace, Step::Create);
        create.reason = reason;
        create.changes = changes;
        self.draft.push(delete, resource.kind);
        self.draft.push(create, resource.kind);
    }

    /// Objects that carry our mark and are to go: all of them when destroying, else those that
    /// nothing declares.
    pub(super) fn orphans(&mut self) {
        let addresses: BTreeMap<String, &Address> = self
            .asked
            .desired
            .resources
            .iter()
            .filter_map(|(address, resource)| Some((resource.id.known()?.to_lowercase(), address)))
            .collect();
        let applied: BTreeMap<String, &Address> = self
            .asked
            .applied
            .iter()
            .map(|(address, standing)| (standing.id.to_lowercase(), address))
            .collect();
        let mut deletes = Vec::new();
        for (key, object) in &self.asked.observed.objects {
            let Ownership::Ours(environment) = &object.ownership else {
                continue;
            };
            let stays = self.asked.mode == Mode::Apply && addresses.contains_key(key);
            if stays || !self.asked.selects(environment) {
                continue;
            }
            let kept = applied
                .get(key)
                .filter(|a| !self.asked.desired.resources.contains_key(**a));
            let address = addresses.get(key).or(kept).map_or_else(
                || Address::new(environment, &object.kind.orphan_path(&object.id)),
                |address| Ok((*address).clone()),
            );
            // An orphan's path is made of plain characters; were it not, the object is left alone.
            if let Ok(address) = address {
                deletes.push((address, environment.clone(), object));
            }
        }
        for (address, environment, object) in deletes {
            self.delete(address, &environment, object);
        }
    }

    fn delete(&mut self, address: Address, environment: &EnvironmentName, object: &Object) {
        if let Some(instead) = &object.forbids_delete {
            return self
                .draft
                .refuse(&address, "it cannot be deleted".to_owned(), instead.clone());
        }
        let held = self.asked.observed.contents.get(&object.id.to_lowercase());
        let foreign: Vec<&String> = held
            .into_iter()
            .flatten()
            .filter(|id| !self.goes_along(&object.id, id))
            .collect();
        if let Some(first) = foreign.first() {
            let more = match foreign.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            return self.draft.refuse(
                &address,
                format!("it still holds {first}{more}: not ours"),
                "move or delete that first: deleting this would take it along".to_owned(),
            );
        }
        let reason = if self.asked.mode == Mode::Destroy {
            "destroy was asked for".to_owned()
        } else if self.asked.desired.places.contains_key(environment) {
            "no TOML declares it any more".to_owned()
        } else {
            format!("{environment} is not declared any more")
        };
        let references = self
            .asked
            .desired
            .resources
            .get(&address)
            .map(|resource| resource.references().into_iter().collect())
            .or_else(|| Some(self.asked.applied.get(&address)?.references.clone()))
            .unwrap_or_default();
        let operation = Operation {
            kind: object.kind.meta().name.to_owned(),
            id: object.id.clone().into(),
            action: Action::Delete,
            step: Step::Delete,
            reason,
            changes: Vec::new(),
            desired: None,
            before: Some(marker_image(object)),
            stateful: object.kind.meta().stateful,
            restores: None,
            carries: Vec::new(),
            references,
            address,
        };
        self.draft.push(operation, object.kind);
    }

    /// Whether an object in `container` is ours, or lies below one of ours and goes with that.
    fn goes_along(&self, container: &str, id: &str) -> bool {
        let id = id.to_lowercase();
        let ours = |key: &str| {
            let object = self.asked.observed.objects.get(key);
            object.is_some_and(|object| matches!(object.ownership, Ownership::Ours(_)))
        };
        let ancestors = id.match_indices('/').map(|(at, _)| &id[..at]);
        ours(&id)
            || ancestors
                .filter(|key| key.len() > container.len())
                .any(ours)
    }
}

/// A resource with the outputs filled in that are known already.
struct Settled {
    id: Text,
    properties: Value,
}

impl Settled {
    fn operation(&self, resource: &Resource, action: Action, step: Step) -> Operation {
        Operation {
            address: resource.address.clone(),
            kind: resource.kind.meta().name.to_owned(),
            id: self.id.clone(),
            action,
            step,
            reason: String::new(),
            changes: Vec::new(),
            desired: Some(self.properties.clone()),
            before: None,
            stateful: resource.kind.meta().stateful,
            restores: None,
            carries: Vec::new(),
            references: resource.references().into_iter().collect(),
        }
    }
}

/// The managed fields of a live object, of a map with own keys only the keys of `owned`.
fn image(kind: &dyn Kind, owned: &Value, live: &Value) -> Value {
    let mut image = live.clone();
    for field in kind
        .meta()
        .fields
        .iter()
        .filter(|field| field.compare == Compare::OwnKeys)
    {
        let held = live.at(field.path).and_then(Value::as_map);
        let keys = owned
            .at(field.path)
            .and_then(Value::as_map)
            .into_iter()
            .flatten();
        let kept = keys.map(|(key, _)| {
            (
                key.clone(),
                held.and_then(|map| map.get(key))
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        image.set(field.path, Value::Map(kept.collect()));
    }
    image
}

/// The image of an object that will go: of its tags, only our marker.
fn marker_image(object: &Object) -> Value {
    let mut owned = Value::default();
    if let Carrier::Tags(path) = object.kind.meta().carrier {
        for tag in [MANAGED_BY_TAG, ID_TAG] {
            owned.set(&format!("{path}.{tag}"), Value::Null);
        }
    }
    image(object.kind, &owned, &object.projection)
}
