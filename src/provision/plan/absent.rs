//! What does not stand: whether it is created or recovered, and what is in the way.

use super::classify::Work;
use super::settled::Settled;
use super::{Action, Operation, Step};
use crate::provision::observe::{Object, Observed};
use crate::resource::{Naming, Ownership, Resource};

impl<'a> Work<'a> {
    pub(super) fn absent(&mut self, resource: &Resource, settled: &Settled) {
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
        let held = settled.id.known();
        if let Some((problem, instead)) = held.and_then(|id| self.name_held(resource, id)) {
            let instead = instead.to_owned();
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
            self.know(resource, &remains.outputs);
        }
        self.make(resource, operation);
    }

    /// Why the name in `id` will not be free however this plan goes, and what to do instead: another
    /// object of ours has it for good, or a deleted one for as long as it can be recovered.
    fn name_held(&self, resource: &Resource, id: &str) -> Option<(String, &'static str)> {
        let (kind, observed): (_, &'a Observed) = (resource.kind, self.asked.observed);
        let name = |id: &str| id.rsplit('/').next().map(str::to_lowercase);
        let alike = |other: &str| kind.is_id(other) && name(other) == name(id);
        let kept = kind.naming() == Naming::Kept;
        if kind.naming() == Naming::Within || observed.deleted.contains_key(&id.to_lowercase()) {
            return None;
        }
        let mut standing = observed
            .objects
            .values()
            .filter(|object| alike(&object.id) && matches!(object.ownership, Ownership::Ours(_)));
        if let Some(other) = standing.next().filter(|_| kept || kind.keeps().is_some()) {
            return Some(match kept {
                false => (
                    format!("{} stays where it is, and has its name", other.id),
                    "declare it where it stands, or under another name",
                ),
                true => (
                    format!("{} has its name, and would hold it when deleted", other.id),
                    "it cannot be moved: declare it where it stands (its group and subscription, \
                     too), or under another name",
                ),
            });
        }
        let mut gone = observed.deleted.iter().filter(|_| kept);
        let (_, remains) = gone.find(|(key, _)| alike(key))?;
        Some((
            format!("{} was deleted and still holds its name", remains.id),
            "declare it where it stood (its group and subscription, too), which recovers it if it \
             was ours, or under another name",
        ))
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
        } else if self.was_applied(resource) {
            "it was deleted since the last apply"
        } else {
            "it does not exist"
        }
    }

    /// Whether the last apply left this very object standing.
    fn was_applied(&self, resource: &Resource) -> bool {
        let standing = self.asked.applied.get(&resource.address);
        let id = resource.id.settle(self.outputs());
        let same = |id: &str| standing.is_some_and(|it| it.id.eq_ignore_ascii_case(id));
        id.known().is_some_and(same)
    }

    /// Adds an operation that makes an object: by a request of its own or in its parent's.
    pub(super) fn make(&mut self, resource: &Resource, mut operation: Operation) {
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
    pub(super) fn carrier(&self, resource: &Resource) -> Option<usize> {
        let parent = self
            .asked
            .desired
            .resources
            .get(resource.parent.as_ref()?)?;
        let embeds = parent.kind.embeds(resource);
        embeds.then(|| self.draft.creating(&parent.address))?
    }
}
