//! Checking a plan that was read: is it one that planning could have made?
//!
//! ## Why
//! The seal proves that a file is whole, not who wrote it: whoever edits a plan can seal it again.
//! What the guard decides on is therefore never the file's word: it is derived here from the
//! kinds, and from the live objects right before each operation.

use std::collections::BTreeSet;

use super::{Action, Mode, Operation, Plan, Step, edges};
use crate::provision::diff::diff;
use crate::resource::{Carrier, Kind, Kinds, Marker, Outputs, Ownership, Plane, ReadMode};

/// What is wrong with a plan that was read, for people. Every kind in it is known.
pub(super) fn flaw(plan: &Plan, kinds: Kinds) -> Option<String> {
    let revokes = plan.mode == Mode::Revoke;
    let revokes = revokes.then(|| "a revocation is planned and carried out at once".to_owned());
    revokes.or_else(|| disorder(plan)).or_else(|| {
        let mut restored = BTreeSet::new();
        (0..plan.operations.len()).find_map(|index| {
            let operation = &plan.operations[index];
            let kind = kinds.named(&operation.kind)?;
            let flaw = shape(plan, operation, kind)
                .or_else(|| place(plan, operation, kind))
                .or_else(|| ownership(plan, operation, kind))
                .or_else(|| pairing(plan, index, &mut restored));
            flaw.map(|flaw| format!("{}: {flaw}", operation.address))
        })
    })
}

/// Numbers that name nothing, and operations that wait for each other.
fn disorder(plan: &Plan) -> Option<String> {
    let count = plan.operations.len();
    let named = plan.operations.iter().flat_map(|operation| {
        let carried = operation.carries.iter().copied();
        carried.chain(operation.restores)
    });
    let ends = plan.edges.iter().flat_map(|edge| [edge.before, edge.after]);
    if let Some(wrong) = named.chain(ends).find(|number| *number >= count) {
        return Some(format!("it names operation {wrong} and has {count}"));
    }
    let pairs = plan.edges.iter().map(|edge| (edge.before, edge.after));
    edges::tangle(count, pairs).map(|_| "its operations wait for each other".to_owned())
}

/// What an operation says of itself that its kind, its action or its images contradict.
fn shape(plan: &Plan, operation: &Operation, kind: &dyn Kind) -> Option<String> {
    let meta = kind.meta();
    let (action, step) = (operation.action, operation.step);
    let legal = match action {
        Action::Create => matches!(step, Step::Create | Step::Carried),
        Action::Recover => step == Step::Recover,
        Action::Adopt | Action::Update => step == Step::Update,
        Action::Replace => matches!(step, Step::Create | Step::Carried | Step::Delete),
        Action::Delete => step == Step::Delete,
    };
    if !legal {
        return Some(format!("the action {action} does not send that"));
    }
    if operation.stateful != meta.stateful || operation.guards != meta.is_guard {
        return Some(format!("that is not what a {} is", meta.name));
    }
    if step == Step::Delete && kind.keeps().is_some() {
        return Some(format!("no plan deletes a {}", meta.name));
    }
    if !plan.environments.contains(&operation.address.environment()) {
        return Some("its environment is not among the plan's".to_owned());
    }
    if operation.desired.is_some() == (step == Step::Delete) {
        return Some("its desired state does not fit what it sends".to_owned());
    }
    let (Some(before), Some(desired)) = (&operation.before, &operation.desired) else {
        return None;
    };
    // The guard reads the changes; what is sent is the desired state.
    let differing = diff(meta, desired, before, None);
    let differing: BTreeSet<&str> = differing.iter().map(|c| c.path.as_str()).collect();
    // What protects may be taken off where Azure shows that already: that changes nothing there.
    let told = operation.changes.iter().filter(|c| c.before != c.after);
    let told: BTreeSet<&str> = told.map(|c| c.path.as_str()).collect();
    (differing != told).then(|| "its changes are not what differs".to_owned())
}

/// An id that is not one of the kind, or lies outside the plan's subscriptions.
fn place(plan: &Plan, operation: &Operation, kind: &dyn Kind) -> Option<String> {
    let meta = kind.meta();
    let start = operation.id.known_start();
    let known = operation.id.known();
    if known.is_none() && matches!(operation.step, Step::Delete | Step::Update) {
        return Some("what it writes on has no known id".to_owned());
    }
    if !start.to_lowercase().starts_with("/subscriptions/") {
        // An id that begins with something late, or one of a plane that is not ARM's.
        let planeless = || meta.read == ReadMode::DataPlane || kind.get(&start).plane != Plane::Arm;
        let elsewhere = known.is_none() || (planeless() && kind.is_id(&start));
        return (!elsewhere).then(|| format!("{start} is not the id of a {}", meta.name));
    }
    let subscription = start.split('/').nth(2).unwrap_or_default();
    let inside = |id: &String| id.eq_ignore_ascii_case(subscription);
    if !plan.target.subscriptions.iter().any(inside) {
        return Some(format!("{start} lies outside the plan's subscriptions"));
    }
    (!known.is_none_or(|id| kind.is_id(id)))
        .then(|| format!("{start} is not the id of a {}", meta.name))
}

/// An image without our marker of something that would be changed or deleted as ours.
fn ownership(plan: &Plan, operation: &Operation, kind: &dyn Kind) -> Option<String> {
    let writes_on_it = matches!(operation.step, Step::Delete | Step::Update);
    if !writes_on_it {
        return None;
    }
    let Some(before) = &operation.before else {
        return Some("it does not say what stood there".to_owned());
    };
    let carrier = kind.meta().carrier;
    if operation.action == Action::Adopt || carrier == Carrier::Parent {
        return None;
    }
    let image = before.resolve(&Outputs::default()).ok()?;
    let key = kind.key_of(operation.id.known()?, &image);
    let owner = Marker::read(&plan.target.estate, carrier, &key, &image);
    (owner != Ownership::Ours(operation.address.environment()))
        .then(|| "what it was planned on does not carry our marker".to_owned())
}

/// A half of a replace without the other, or a lock that is not put back as it was lifted.
fn pairing(plan: &Plan, index: usize, restored: &mut BTreeSet<usize>) -> Option<String> {
    let operation = &plan.operations[index];
    let pairs = |other: &Operation| {
        other.address == operation.address
            && other.id == operation.id
            && other.kind == operation.kind
            && other.action == Action::Replace
    };
    if let Some(lift) = operation.restores {
        let lifted = &plan.operations[lift];
        let waits = |edge: &super::Edge| (edge.before, edge.after) == (lift, index);
        let fits = pairs(operation)
            && operation.guards
            && operation.step == Step::Create
            && pairs(lifted)
            && lifted.step == Step::Delete
            && plan.edges.iter().any(waits)
            && restored.insert(lift);
        return (!fits).then(|| "it does not put back a lock that the plan lifts".to_owned());
    }
    let deletes_for_replace = operation.action == Action::Replace && operation.step == Step::Delete;
    let made_again = |other: &Operation| pairs(other) && other.step != Step::Delete;
    (deletes_for_replace && !plan.operations.iter().any(made_again))
        .then(|| "it is deleted and not made again".to_owned())
}
