//! Classifying: what one declared or marked object needs, given what stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::draft::Draft;
use super::make::{Asked, Mode};
use super::settled::{Settled, image};
use super::{Action, Operation, Standing, Step, Unread};
use crate::provision::diff::{self, FieldChange, Rule, diff};
use crate::provision::observe::{Object, Observed, State};
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{Address, Carrier, Condition, EnvironmentName, Outputs, Ownership, Resource};

/// The plan in the making.
pub(super) struct Work<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) draft: Draft,
    /// The declared objects by their lower-cased id, as far as that is known.
    pub(super) ids: BTreeMap<String, Address>,
    /// Kinds of which declared objects have an id that hangs on something unreadable: whether a
    /// live one of them is an orphan cannot be told.
    pub(super) blurred: BTreeSet<(EnvironmentName, &'static str)>,
    outputs: Outputs,
    /// Objects that are matched by something other than their id, by that.
    squatters: BTreeMap<String, &'a Object>,
    /// Declared resources of which nobody knows how they stand, each with why.
    unknown: BTreeMap<Address, &'static str>,
    /// Resources of other environments that do not stand.
    missing: BTreeSet<Address>,
}

impl<'a> Work<'a> {
    pub(super) fn new(asked: &'a Asked<'a>) -> Self {
        let observed: &'a Observed = asked.observed;
        let named = observed.objects.iter().map(|(key, object)| {
            let id = object.id.to_lowercase();
            (*key != id).then_some((id, object))
        });
        Self {
            asked,
            squatters: named.flatten().collect(),
            draft: Draft::default(),
            ids: BTreeMap::new(),
            blurred: BTreeSet::new(),
            outputs: Outputs::default(),
            unknown: BTreeMap::new(),
            missing: BTreeSet::new(),
        }
    }

    pub(super) fn finish(self) -> Draft {
        self.draft
    }

    /// Looks at every declared resource, each after what it refers to.
    pub(super) fn look(&mut self) {
        let asked = self.asked;
        for address in asked.dag.order() {
            let resource = &asked.desired.resources[address];
            match asked.mode {
                _ if !asked.selects(&address.environment()) => self.referred(resource),
                Mode::Apply => self.declared(resource),
                Mode::Destroy => self.leaving(resource),
                Mode::Revoke => self.referred(resource),
            }
        }
    }

    /// What is known of the outputs of declared resources, once all have been looked at.
    pub(super) fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// A resource that others may refer to but that this plan does not touch.
    fn referred(&mut self, resource: &Resource) {
        let settled = self.settle(resource);
        match self.state(resource, &settled) {
            State::Present(object) if object.condition == Condition::Leaving => {
                self.unclear(resource, LEAVING);
            }
            State::Present(object) => self.know(resource, object),
            State::Unreadable(_) => self.unclear(resource, UNREAD),
            State::Absent if self.unknown_reference(resource).is_some() => {
                self.unclear(resource, UNREAD);
            }
            State::Absent => {
                self.missing.insert(resource.address.clone());
            }
        }
    }

    /// A declared resource that may be about to go.
    fn leaving(&mut self, resource: &Resource) {
        let settled = self.settle(resource);
        match self.state(resource, &settled) {
            State::Present(object) => self.know(resource, object),
            State::Unreadable(failure) => self.unread(resource, failure.clone()),
            State::Absent => {
                if let Some(unknown) = self.unknown_reference(resource)
                    && settled.id.known().is_none()
                {
                    self.unread(resource, self.needs_unknown(&unknown));
                }
            }
        }
    }

    /// What one declared resource needs.
    fn declared(&mut self, resource: &Resource) {
        let settled = self.settle(resource);
        match self.state(resource, &settled) {
            State::Absent => self.absent(resource, &settled),
            State::Present(object) if object.condition == Condition::Leaving => {
                self.withhold(resource, leaving(), LEAVING);
            }
            State::Present(object) => self.present(resource, &settled, object),
            State::Unreadable(failure) => self.unread(resource, failure.clone()),
        }
    }

    fn state(&self, resource: &Resource, settled: &Settled) -> State<'a> {
        let observed: &'a Observed = self.asked.observed;
        let id = settled.id.known();
        id.map_or(State::Absent, |id| observed.state(resource.kind, id))
    }

    fn settle(&mut self, resource: &Resource) -> Settled {
        let settled = Settled {
            id: resource.id.settle(&self.outputs),
            properties: resource.properties.settled(&self.outputs),
        };
        if let Some(id) = settled.id.known() {
            self.ids.insert(id.to_lowercase(), resource.address.clone());
        }
        settled
    }

    /// The outputs of an object that stays, for whatever refers to it.
    fn know(&mut self, resource: &Resource, object: &Object) {
        self.outputs
            .insert(resource.address.clone(), object.outputs.clone());
    }

    fn unclear(&mut self, resource: &Resource, why: &'static str) {
        self.unknown.insert(resource.address.clone(), why);
        if resource.id.settle(&self.outputs).known().is_none() {
            let environment = resource.address.environment();
            self.blurred
                .insert((environment, resource.kind.meta().name));
        }
    }

    fn unread(&mut self, resource: &Resource, failure: Failure) {
        self.withhold(resource, failure, UNREAD);
    }

    /// Leaves a resource alone, and what needs it with the reason `why`.
    fn withhold(&mut self, resource: &Resource, failure: Failure, why: &'static str) {
        self.unclear(resource, why);
        self.draft.unreadable.push(Unread {
            address: resource.address.clone(),
            failure,
        });
    }

    /// Withholds a resource that needs what is not known, or refuses one that needs what this
    /// plan does not make; whether it did.
    fn held_back(&mut self, resource: &Resource, needs: &BTreeSet<Address>) -> bool {
        if let Some(unknown) = needs.iter().find(|a| self.unknown.contains_key(*a)) {
            self.unread(resource, self.needs_unknown(unknown));
            return true;
        }
        if let Some(missing) = needs.iter().find(|a| self.missing.contains(*a)) {
            let elsewhere = missing.environment();
            self.draft.refuse(
                &resource.address,
                format!("it needs {missing}, which does not stand yet"),
                format!("apply {elsewhere} first, or plan without --env"),
            );
            return true;
        }
        false
    }

    fn unknown_reference(&self, resource: &Resource) -> Option<Address> {
        let mut needs = resource.references().into_iter();
        needs.find(|address| self.unknown.contains_key(address))
    }

    /// Why a resource is left alone that needs something unknown.
    fn needs_unknown(&self, unknown: &Address) -> Failure {
        let why = self.unknown.get(unknown).copied().unwrap_or(UNREAD);
        unclear("NeedsUnreadable", format!("it needs {unknown}, {why}"))
    }

    fn absent(&mut self, resource: &Resource, settled: &Settled) {
        if self.held_back(resource, &resource.references()) {
            return;
        }
        if let Some(other) = settled.id.known().and_then(|id| self.squatter(id)) {
            let problem = format!("something else stands at {}", other.id);
            let instead = "what it is cannot be changed: delete it yourself, and plan again";
            return self
                .draft
                .refuse(&resource.address, problem, instead.to_owned());
        }
        if let Some(kept) = settled
            .id
            .known()
            .and_then(|id| self.namesake(resource, id))
        {
            let problem = format!("{} stays where it is, and has its name", kept.id);
            let instead = "declare it where it stands, or under another name".to_owned();
            return self.draft.refuse(&resource.address, problem, instead);
        }
        let observed: &'a Observed = self.asked.observed;
        let id = settled.id.known().map(str::to_lowercase);
        let deleted = id.and_then(|id| observed.deleted.get(&id));
        let (action, step, reason) = match deleted.map(|remains| &remains.ownership) {
            None => (Action::Create, Step::Create, self.why_missing(resource)),
            Some(Ownership::Ours(owner)) if *owner == resource.address.environment() => {
                let reason = "it was deleted and can be recovered";
                (Action::Recover, Step::Recover, reason)
            }
            Some(_) => {
                // A create would bring back what somebody else has deleted.
                let problem = "something that is not ours was deleted and still holds its id";
                let instead = "recover it yourself and plan with --adopt, have it purged, or \
                               declare another name";
                return self.draft.refuse(
                    &resource.address,
                    problem.to_owned(),
                    instead.to_owned(),
                );
            }
        };
        let mut operation = settled.operation(resource, action, step);
        reason.clone_into(&mut operation.reason);
        if let Some(remains) = deleted {
            operation.handle = remains.handle.clone();
            // It comes back as it was, so what refers to it may still stand.
            self.outputs
                .insert(resource.address.clone(), remains.outputs.clone());
        }
        self.make(resource, operation);
    }

    /// An object of ours that no plan deletes, and that has the name with which one is declared
    /// elsewhere: such names are unique in all of Azure.
    fn namesake(&self, resource: &Resource, id: &str) -> Option<&'a Object> {
        let (kind, observed): (_, &'a Observed) = (resource.kind.meta(), self.asked.observed);
        // Names of what lies in something else are free in each.
        let is_whole = kind.arm_type.matches('/').count() == 1;
        resource.kind.keeps().filter(|_| is_whole)?;
        let name = |id: &str| id.rsplit('/').next().map(str::to_lowercase);
        let mut alike = observed.objects.values().filter(|object| {
            let same = object.kind.meta().name == kind.name && name(&object.id) == name(id);
            same && matches!(object.ownership, Ownership::Ours(_))
        });
        alike.next()
    }

    /// What stands at an id and is yet another object, by what tells such objects apart.
    fn squatter(&self, id: &str) -> Option<&'a Object> {
        let id = id.to_lowercase();
        self.squatters.get(&id).copied()
    }

    fn why_missing(&self, resource: &Resource) -> &'static str {
        let parent = resource.parent.as_ref();
        let comes_back = parent
            .and_then(|parent| self.draft.making(parent))
            .is_some_and(|index| self.draft.operations[index].step == Step::Recover);
        if comes_back && resource.kind.resurfaces() {
            "it comes back with what it lives in, or is made again"
        } else {
            "it does not exist"
        }
    }

    /// Adds an operation that makes an object: by a request of its own or in its parent's.
    fn make(&mut self, resource: &Resource, mut operation: Operation) {
        let carrier = self.carrier(resource);
        if carrier.is_some() {
            operation.step = Step::Carried;
        }
        let index = self.draft.push(operation, resource.kind);
        if let Some(carrier) = carrier {
            self.draft.operations[carrier].carries.push(index);
        }
    }

    /// The create of the parent in whose body the resource travels, if it does.
    fn carrier(&self, resource: &Resource) -> Option<usize> {
        let parent = self
            .asked
            .desired
            .resources
            .get(resource.parent.as_ref()?)?;
        let embeds = parent.kind.embeds(resource);
        embeds.then(|| self.draft.creating(&parent.address))?
    }

    fn present(&mut self, resource: &Resource, settled: &Settled, object: &Object) {
        let mut late = BTreeSet::new();
        settled.properties.references(&mut late);
        if self.held_back(resource, &late) {
            return self.know(resource, object);
        }
        let Some(changes) = self.permitted(resource, settled, object) else {
            return self.know(resource, object);
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
        self.know(resource, object);
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
            let instead = match &change.rule {
                Rule::Refused(instead) => Some(instead.clone()),
                Rule::InPlace | Rule::Replace => {
                    let live = &object.projection;
                    resource.kind.refuses(&change.path, &change.after, live)
                }
            };
            if let Some(instead) = instead {
                let problem = format!(
                    "{} cannot change from {} to {}",
                    change.path, change.before, change.after
                );
                self.draft.refuse(address, problem, instead);
                refused = true;
            }
        }
        (!refused).then_some(changes)
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
            return self.know(resource, object);
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

const UNREAD: &str = "which could not be read";
const LEAVING: &str = "which Azure is deleting";

/// Why an object that is on its way out is left alone.
pub(super) fn leaving() -> Failure {
    let message = "Azure is deleting it: plan again when it is gone".to_owned();
    unclear("BeingDeleted", message)
}

/// Why something is left alone whose state nobody can tell now.
pub(super) fn unclear(code: &str, message: String) -> Failure {
    Failure {
        verdict: Verdict::Unknown,
        status: None,
        code: code.to_owned(),
        message,
        hint: None,
        request_id: None,
    }
}
