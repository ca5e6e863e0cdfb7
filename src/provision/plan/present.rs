//! What stands: whether it is left alone, updated, adopted or replaced, and what is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::classify::{Work, unclear};
use super::settled::{Settled, image};
use super::{Action, Standing, Step, Unread, mentions};
use crate::provision::diff::{self, FieldChange, Rule, diff};
use crate::provision::observe::Object;
use crate::resource::{Carrier, Condition, Ownership, Resource};

impl Work<'_> {
    pub(super) fn present(&mut self, resource: &Resource, settled: &Settled, object: &Object) {
        let mut late = BTreeSet::new();
        settled.properties.references(&mut late);
        if self.held_back(resource, &late) {
            return self.know(resource, &object.outputs);
        }
        let Some(changes) = self.permitted(resource, settled, object) else {
            return self.know(resource, &object.outputs);
        };
        // A lock stands over its parent rather than in it: it is lifted and put back instead.
        let parent = resource.parent.as_ref();
        let parent = parent.filter(|parent| self.draft.replacing(parent));
        let parent = parent.filter(|_| !resource.kind.meta().is_guard);
        if parent.is_some() || changes.iter().any(|change| change.rule == Rule::Replace) {
            let reason = match parent {
                Some(parent) => format!("{parent} is replaced"),
                None => "Azure takes some of it on create only".to_owned(),
            };
            return self.replace(resource, settled, object, changes, reason);
        }
        self.know(resource, &object.outputs);
        if object.condition == Condition::Busy {
            // Its operation, if it gets one, waits until Azure has come to an end.
            let message = "it is still being changed in Azure".to_owned();
            self.draft.unreadable.push(Unread {
                address: resource.address.clone(),
                failure: unclear("StillChanging", message),
            });
        }
        if changes.is_empty() && object.condition == Condition::Settled {
            let standing = Standing {
                id: object.id.clone(),
                kind: resource.kind.meta().name.to_owned(),
                properties: Arc::clone(&settled.properties),
                references: resource.references().into_iter().collect(),
            };
            self.draft
                .standing
                .insert(resource.address.clone(), standing);
            return;
        }
        if changes.is_empty() && object.condition == Condition::Busy {
            return;
        }
        self.update(resource, settled, object, changes);
    }

    /// What differs, unless some of it is refused.
    fn permitted(
        &mut self,
        resource: &Resource,
        settled: &Settled,
        object: &Object,
    ) -> Option<Vec<FieldChange>> {
        let address = &resource.address;
        if let Some(owner) = &object.not_for_us {
            let instead = "declare another name".to_owned();
            self.draft
                .refuse(address, format!("it belongs to {owner}"), instead);
            return None;
        }
        if let Ownership::Ours(other) = &object.ownership
            && *other != address.environment()
        {
            self.draft.refuse(
                address,
                format!("it belongs to {other}"),
                format!("take it out of {other} first, or declare another name here"),
            );
            return None;
        }
        let applied = self.asked.applied.get(address).map(|s| &*s.properties);
        let meta = resource.kind.meta();
        let changes = diff(meta, &settled.properties, &object.projection, applied);
        let mut refused = false;
        for change in &changes {
            let (path, live) = (change.path.as_str(), &object.projection);
            let refusal = match &change.rule {
                Rule::Refused(instead) => Some((instead.clone(), String::new())),
                Rule::InPlace | Rule::Replace => {
                    let instead = resource.kind.refuses(path, &change.after, live);
                    let fixed = || {
                        let after = &settled.properties;
                        let instead = resource.kind.fixed_in_use(path, after, live)?;
                        Some((instead.to_owned(), self.in_use(object)?))
                    };
                    instead.map(|it| (it, String::new())).or_else(fixed)
                }
            };
            if let Some((instead, why)) = refusal {
                let problem = format!(
                    "{path} cannot change from {} to {}{why}",
                    change.before, change.after
                );
                self.draft.refuse(address, problem, instead);
                refused = true;
            }
        }
        if refused {
            self.draft.refused_with(changes);
            return None;
        }
        Some(changes)
    }

    /// Who uses an object, in words, if anybody is seen to.
    fn in_use(&self, object: &Object) -> Option<String> {
        let id = object.id.to_lowercase();
        let all = self.asked.observed.objects.values();
        let mut users = all.filter(|other| mentions::refers(other, &id));
        let first = users.next()?;
        let name = first.id.rsplit('/').next().unwrap_or_default();
        let more = match users.count() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let kind = first.kind.meta().name;
        Some(format!(" while it is used by {kind} {name}{more}"))
    }

    fn update(
        &mut self,
        resource: &Resource,
        settled: &Settled,
        object: &Object,
        changes: Vec<FieldChange>,
    ) {
        let (action, reason) = match (is_ours(resource, object), changes.len()) {
            (false, _) => (Action::Adopt, "it exists without our marker".to_owned()),
            (true, 0) => (
                Action::Update,
                "Azure says its last write failed".to_owned(),
            ),
            (true, 1) => (Action::Update, "one managed field differs".to_owned()),
            (true, n) => (Action::Update, format!("{n} managed fields differ")),
        };
        let meta = resource.kind.meta();
        let mut operation = settled.operation(resource, action, Step::Update);
        operation.id = settled.id_of(object);
        operation.reason = reason;
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
        let refusal = if let Some(instead) = &object.forbids_delete {
            Some(("it cannot be replaced", instead.as_str()))
        } else if !is_ours(resource, object) {
            let instead = "delete it yourself, or declare another name";
            Some(("it exists without our marker and would be deleted", instead))
        } else {
            None
        };
        if let Some((problem, instead)) = refusal {
            let (problem, instead) = (problem.to_owned(), instead.to_owned());
            self.draft.refuse(&resource.address, problem, instead);
            self.draft.refused_with(changes);
            return self.know(resource, &object.outputs);
        }
        let before = image(resource.kind, &settled.properties, &object.projection);
        // What travels in its parent's create has gone with the old parent.
        if self.carrier(resource).is_none() {
            let mut delete = settled.operation(resource, Action::Replace, Step::Delete);
            delete.id = settled.id_of(object);
            delete.desired = None;
            delete.before = Some(before);
            delete.reason.clone_from(&reason);
            self.draft.push(delete, resource.kind);
        }
        let mut create = settled.operation(resource, Action::Replace, Step::Create);
        create.reason = reason;
        create.changes = changes;
        self.make(resource, create);
    }
}

/// Whether a live object is ours to change: an unmarked one is, where its parent vouches for it.
fn is_ours(resource: &Resource, object: &Object) -> bool {
    resource.kind.meta().carrier == Carrier::Parent
        || matches!(&object.ownership, Ownership::Ours(_))
}
