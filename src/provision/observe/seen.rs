//! What has been seen so far, and of that what matters here.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use super::{Object, Observed, Stray, Unreadable, strangers};
use crate::provision::desired::Desired;
use crate::provision::ports::Failure;
use crate::resource::{Carrier, Kind, Kinds, Marker, Outputs, Ownership, Resource, scopes};

/// What has been seen so far; pages of several lists arrive side by side.
pub(super) struct Seen {
    pub(super) estate: String,
    wanted: Mutex<BTreeSet<String>>,
    groups: BTreeSet<String>,
    state: Mutex<Observed>,
}

impl Seen {
    pub(super) fn new(desired: &Desired) -> Self {
        let known = |resource: &Resource| Some(resource.id.known()?.to_lowercase());
        let wanted: BTreeSet<String> = desired.resources.values().filter_map(known).collect();
        let groups = wanted
            .iter()
            .filter(|id| group_of(id).as_deref() == Some(id))
            .cloned()
            .collect();
        Self {
            estate: desired.estate().to_owned(),
            wanted: Mutex::new(wanted),
            groups,
            state: Mutex::default(),
        }
    }

    /// What was observed before, to be added to.
    pub(super) fn again(estate: &str, observed: Observed) -> Self {
        Self {
            estate: estate.to_owned(),
            wanted: Mutex::default(),
            groups: BTreeSet::new(),
            state: Mutex::new(observed),
        }
    }

    /// All of it, as it was seen.
    pub(super) fn into_observed(self) -> Observed {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Observed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the ids of declared resources that `outputs` make known.
    pub(super) fn await_ids(&self, declared: &[&Resource], outputs: &Outputs) {
        let mut wanted = self.wanted();
        for resource in declared {
            wanted.extend(resource.id.settle(outputs).known().map(str::to_lowercase));
        }
    }

    /// Adds what the declared resources of one kind make known, where they stand or will again.
    pub(super) fn outputs(&self, declared: &[&Resource], outputs: &mut Outputs) {
        let state = self.lock();
        for resource in declared {
            let id = resource.id.settle(outputs);
            let Some(key) = id.known().map(str::to_lowercase) else {
                continue;
            };
            let object = state.objects.get(&key).map(|object| &object.outputs);
            // What will be recovered is what it was.
            let ours = Ownership::Ours(resource.address.environment());
            let remains = state.deleted.get(&key).filter(|it| it.ownership == ours);
            if let Some(made_known) = object.or(remains.map(|remains| &remains.outputs)) {
                outputs.insert(resource.address.clone(), made_known.clone());
            }
        }
    }

    /// Where parents could not be read, their children are unknown, not absent.
    pub(super) fn inherit_blindness(&self, kind: &'static dyn Kind, parent: &'static str) {
        let mut state = self.lock();
        let blind = state.unreadable.values();
        let inherited: Vec<Unreadable> = blind
            .filter(|blind| blind.kind.meta().name == parent)
            .map(|blind| Unreadable {
                kind,
                ..blind.clone()
            })
            .collect();
        for blind in inherited {
            let key = (kind.meta().name, blind.scope.clone());
            state.unreadable.insert(key, blind);
        }
    }

    pub(super) fn blind(&self, kind: &'static dyn Kind, scope: &str, failure: Failure) {
        let scope = scope.to_lowercase();
        let key = (kind.meta().name, scope.clone());
        self.lock().unreadable.insert(
            key,
            Unreadable {
                kind,
                scope,
                failure,
            },
        );
    }

    pub(super) fn keep(&self, kind: &'static dyn Kind, id: String, body: &Json) {
        let key = kind.key_of(&id, body);
        let meta = kind.meta();
        let ownership = Marker::read(&self.estate, meta.carrier, &key, body);
        // Everything in a group counts as near until the groups themselves have been judged.
        let near = self.wanted().contains(&key) || ownership != Ownership::Foreign;
        let parent = key.rsplitn(3, '/').nth(2).unwrap_or_default();
        let not_for_us = {
            let state = self.lock();
            let parent = state.objects.get(parent).map(|parent| &parent.projection);
            kind.unmanageable(&id, body, parent)
        };
        // What is declared is kept whoever manages it, for the plan to refuse.
        if (not_for_us.is_some() && !self.wanted().contains(&key))
            || !(near
                || group_of(&key).is_some()
                || self.is_below_ours(&key)
                || kind.guard(&id, body).is_some())
        {
            return;
        }
        let object = Object {
            projection: kind.project(body),
            outputs: meta.read_outputs(&id, body),
            condition: kind.condition(body),
            guard: kind.guard(&id, body),
            forbids_delete: kind.forbids_delete(body),
            takes_along: kind.takes_along(body),
            in_managed_scope: false,
            not_for_us,
            id,
            kind,
            ownership,
        };
        self.lock().objects.insert(key, object);
    }

    /// Whether an id lies in what is ours: outside of ARM there are no groups, and somebody else's
    /// credential of an application of ours has to be seen.
    fn is_below_ours(&self, key: &str) -> bool {
        let state = self.lock();
        let above = scopes(key).skip(1);
        above
            .filter_map(|above| state.objects.get(above))
            .any(|object| matches!(object.ownership, Ownership::Ours(_)))
    }

    /// The objects of the kind `parent` whose children of `kind` have to be read.
    pub(super) fn parents(
        &self,
        parent: &str,
        kind: &'static dyn Kind,
    ) -> Vec<(String, &'static dyn Kind)> {
        let (wanted, state) = (self.wanted(), self.lock());
        // A copied marker makes nothing ours. What stands in such an object is looked at where it
        // may carry a marker, too.
        let carried = kind.meta().carrier == Carrier::Parent;
        let near = |key: &str, object: &Object| {
            let marked = match &object.ownership {
                Ownership::Ours(_) => true,
                Ownership::Elsewhere(_) | Ownership::Copy => !carried,
                Ownership::Foreign => false,
            };
            wanted.contains(key)
                || marked
                || group_of(key).is_some_and(|group| self.is_managed(&state, &group))
        };
        state
            .objects
            .iter()
            .filter(|(key, object)| object.kind.meta().name == parent && near(key, object))
            .map(|(_, object)| (object.id.clone(), object.kind))
            .collect()
    }

    /// The groups that are declared or ours and stand, each with its kind.
    pub(super) fn managed_groups(&self) -> Vec<(String, &'static dyn Kind)> {
        let state = self.lock();
        let groups = state.objects.iter().filter(|(key, object)| {
            let is_group = group_of(key).as_deref() == Some(key.as_str());
            is_group && object.not_for_us.is_none() && self.is_managed(&state, key)
        });
        groups
            .map(|(_, object)| (object.id.clone(), object.kind))
            .collect()
    }

    fn is_managed(&self, state: &Observed, group: &str) -> bool {
        self.groups.contains(group)
            || state
                .objects
                .get(group)
                .is_some_and(|object| matches!(object.ownership, Ownership::Ours(_)))
    }

    /// Drops what is neither declared, nor marked, nor in a managed group, nor a guard.
    pub(super) fn finish(
        self,
        kinds: Kinds,
        marked: Vec<Json>,
        inhabitants: Vec<Json>,
    ) -> Observed {
        let mut state = std::mem::take(&mut *self.lock());
        let wanted = self.wanted();
        let managed: BTreeSet<String> = state
            .objects
            .keys()
            .filter_map(|key| group_of(key))
            .filter(|group| self.is_managed(&state, group))
            .collect();
        let ours = |object: &Object| matches!(object.ownership, Ownership::Ours(_));
        let own: BTreeSet<String> = state
            .objects
            .iter()
            .filter(|(_, object)| ours(object))
            .map(|(key, _)| key.clone())
            .collect();
        state.objects.retain(|key, object| {
            let below_ours = scopes(key).skip(1).any(|above| own.contains(above));
            // Outside of ARM, what is ours is its own scope.
            object.in_managed_scope = match group_of(key) {
                Some(group) => managed.contains(&group),
                None => below_ours,
            };
            wanted.contains(key)
                || object.ownership != Ownership::Foreign
                || object.guard.is_some()
                || object.in_managed_scope
                || below_ours
        });
        let known: BTreeSet<String> = kinds
            .iter()
            .map(|kind| kind.meta().arm_type.to_lowercase())
            .collect();
        for body in marked {
            let text = |key: &str| body.get(key).and_then(Json::as_str).unwrap_or_default();
            let (id, arm_type) = (text("id"), text("type"));
            let ownership = Marker::read(&self.estate, Carrier::Tags("tags"), id, &body);
            if ownership != Ownership::Foreign && !known.contains(&arm_type.to_lowercase()) {
                state.strays.push(Stray {
                    id: id.to_owned(),
                    arm_type: arm_type.to_owned(),
                    copied_marker: ownership == Ownership::Copy,
                    estate: ownership.elsewhere(),
                });
            }
        }
        strangers::add(&mut state, kinds, inhabitants);
        state
    }
}

/// The lower-cased id of the resource group that a lower-cased id lies in (or is).
pub(super) fn group_of(id: &str) -> Option<String> {
    let mut steps = id.splitn(6, '/');
    let (_, subscriptions, subscription, groups, group) = (
        steps.next()?,
        steps.next()?,
        steps.next()?,
        steps.next()?,
        steps.next()?,
    );
    (subscriptions == "subscriptions" && groups == "resourcegroups")
        .then(|| format!("/subscriptions/{subscription}/resourcegroups/{group}"))
}
