//! Classifying: what one declared or marked object needs, given what stands.

use std::collections::{BTreeMap, BTreeSet};

use super::Unread;
use super::draft::Draft;
use super::make::{Asked, Mode};
use super::settled::Settled;
use crate::provision::observe::{Object, Observed, State};
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{Address, Condition, EnvironmentName, Outputs, Resource};

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
    pub(super) squatters: BTreeMap<String, &'a Object>,
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
            State::Present(object) => self.know(resource, &object.outputs),
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
            State::Present(object) => self.know(resource, &object.outputs),
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

    /// Notes the outputs of an object that stays or comes back, for whatever refers to it.
    pub(super) fn know(&mut self, resource: &Resource, outputs: &BTreeMap<String, String>) {
        self.outputs
            .insert(resource.address.clone(), outputs.clone());
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
    pub(super) fn held_back(&mut self, resource: &Resource, needs: &BTreeSet<Address>) -> bool {
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
