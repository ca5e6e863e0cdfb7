//! Locks in the way: ours are lifted first and put back last, other people's are respected.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::make::{Asked, Mode};
use super::{Action, Operation, Step};
use crate::provision::observe::Object;
use crate::resource::{Address, Blocks, Guard, Ownership, Resource, scopes};

/// Plans the lifting of every lock that stands in the way of an operation.
pub(super) fn plan(asked: &Asked<'_>, draft: &mut Draft) {
    let blocked = blocked(asked, draft);
    let declared: BTreeMap<String, &Resource> = asked
        .desired
        .resources
        .values()
        .filter(|resource| resource.kind.meta().is_guard)
        .filter_map(|resource| Some((resource.id.known()?.to_lowercase(), resource)))
        .collect();
    let mut lifts = Vec::new();
    for (key, addresses) in &blocked {
        let Some(first) = addresses.first() else {
            continue;
        };
        let lock = &asked.observed.objects[*key];
        let declared = declared
            .get(*key)
            .filter(|resource| may_lift(asked, resource, lock));
        match declared {
            Some(declared) => lifts.push((*declared, lock, reason(first, addresses.len()))),
            None => draft.refuse(
                first,
                format!(
                    "the lock {} stands over it and is not part of this plan",
                    lock.id
                ),
                "have whoever set that lock take it off first".to_owned(),
            ),
        }
    }
    // An update of a lock is folded into putting it back as declared.
    let mut changes: BTreeMap<Address, _> = BTreeMap::new();
    for (declared, ..) in &lifts {
        if let Some(index) = draft.making(&declared.address) {
            let taken = std::mem::take(&mut draft.operations[index].changes);
            changes.insert(declared.address.clone(), taken);
        }
    }
    draft.forget(
        &lifts
            .iter()
            .map(|(lock, ..)| lock.address.clone())
            .collect(),
    );
    for (declared, lock, reason) in lifts {
        let mut off = operation(declared, Step::Delete, &reason);
        off.before = Some(lock.projection.clone());
        let off = draft.push(off, declared.kind);
        let mut back = operation(declared, Step::Create, &reason);
        // A revocation changes no lock, not even into what is declared.
        back.desired = Some(match asked.mode {
            Mode::Revoke => lock.projection.clone(),
            Mode::Apply | Mode::Destroy => (*declared.properties).clone(),
        });
        back.changes = changes.remove(&declared.address).unwrap_or_default();
        back.restores = Some(off);
        draft.push(back, declared.kind);
    }
}

/// Whether `guard` makes Azure refuse an operation.
pub(super) fn blocks(guard: &Guard, operation: &Operation) -> bool {
    let sends = match guard.blocks {
        Blocks::Deletes => operation.step == Step::Delete,
        Blocks::Writes => operation.step != Step::Carried,
    };
    sends && guard.covers(&operation.id.known_start())
}

/// The addresses in whose way each live lock is, by the lock's key. Locks themselves are exempt:
/// Azure lets a lock be changed whatever locks stand over it. So are locks that go anyway.
fn blocked<'a>(asked: &Asked<'a>, draft: &Draft) -> BTreeMap<&'a String, BTreeSet<Address>> {
    let going: BTreeSet<String> = draft.deletes().map(|(id, _)| id).collect();
    let mut guards: BTreeMap<&str, Vec<(&'a String, &Guard)>> = BTreeMap::new();
    for (key, object) in &asked.observed.objects {
        if let Some(guard) = object.guard.as_ref().filter(|_| !going.contains(key)) {
            guards.entry(&guard.scope).or_default().push((key, guard));
        }
    }
    let mut blocked: BTreeMap<&String, BTreeSet<Address>> = BTreeMap::new();
    for (operation, kind) in draft.operations.iter().zip(&draft.kinds) {
        if kind.meta().is_guard {
            continue;
        }
        let id = operation.id.known_start().to_lowercase();
        for (key, guard) in scopes(&id).filter_map(|scope| guards.get(scope)).flatten() {
            if blocks(guard, operation) {
                let addresses = blocked.entry(key).or_default();
                addresses.insert(operation.address.clone());
            }
        }
    }
    blocked
}

/// Whether the plan may take a live lock off: it is ours, declared, and in what is asked for.
fn may_lift(asked: &Asked<'_>, declared: &Resource, lock: &Object) -> bool {
    let ours = Ownership::Ours(declared.address.environment());
    let excludes = &asked.selection.excludes;
    asked.mode != Mode::Destroy
        && lock.ownership == ours
        && asked.selects(&declared.address.environment())
        && !excludes
            .iter()
            .any(|pattern| pattern.matches(&declared.address))
}

fn reason(first: &Address, count: usize) -> String {
    let others = match count {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    format!("lifted for {first}{others}, put back afterwards")
}

fn operation(lock: &Resource, step: Step, reason: &str) -> Operation {
    Operation {
        address: lock.address.clone(),
        kind: lock.kind.meta().name.to_owned(),
        id: lock.id.clone(),
        action: Action::Replace,
        step,
        reason: reason.to_owned(),
        changes: Vec::new(),
        desired: None,
        before: None,
        stateful: false,
        guards: true,
        access: false,
        widens: None,
        restores: None,
        carries: Vec::new(),
        handle: None,
        references: lock.references().into_iter().collect(),
    }
}
