//! Locks in the way: ours are lifted first and put back last, other people's are respected.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::make::{Asked, Mode};
use super::{Action, Operation, Step};
use crate::provision::observe::Object;
use crate::resource::{Address, Blocks, Guard, Ownership};

/// Plans the lifting of every lock that stands in the way of an operation.
pub(super) fn plan(asked: &Asked<'_>, draft: &mut Draft) {
    for (key, object) in &asked.observed.objects {
        let Some(guard) = &object.guard else { continue };
        let blocked = blocked(draft, guard);
        let Some(first) = blocked.first().cloned() else {
            continue;
        };
        let deleted = draft.operations.iter().any(|operation| {
            operation.step == Step::Delete
                && operation
                    .id
                    .known()
                    .is_some_and(|id| id.eq_ignore_ascii_case(key))
        });
        if !deleted {
            lift(asked, draft, object, &first, blocked.len());
        }
    }
}

/// Whether `guard` makes Azure refuse an operation.
pub(super) fn blocks(guard: &Guard, operation: &Operation) -> bool {
    let sends = match guard.blocks {
        Blocks::Deletes => operation.step == Step::Delete,
        Blocks::Writes => operation.step != Step::Carried,
    };
    sends && operation.id.known().is_some_and(|id| guard.covers(id))
}

/// The addresses whose operations a guard is in the way of. Locks themselves are exempt:
/// Azure lets a lock be changed whatever locks stand over it.
fn blocked(draft: &Draft, guard: &Guard) -> Vec<Address> {
    let operations = draft.operations.iter().zip(&draft.kinds);
    let held: BTreeSet<Address> = operations
        .filter(|(operation, kind)| !kind.meta().is_guard && blocks(guard, operation))
        .map(|(operation, _)| operation.address.clone())
        .collect();
    held.into_iter().collect()
}

/// Takes the lock off for the operations in its way and puts it back after them, or says why not.
fn lift(asked: &Asked<'_>, draft: &mut Draft, lock: &Object, first: &Address, count: usize) {
    let declared = asked.desired.resources.values().find(|resource| {
        resource
            .id
            .known()
            .is_some_and(|id| id.eq_ignore_ascii_case(&lock.id))
    });
    let ours =
        matches!(&lock.ownership, Ownership::Ours(environment) if asked.selects(environment));
    let (Some(declared), true) = (declared.filter(|_| asked.mode == Mode::Apply), ours) else {
        return draft.refuse(
            first,
            format!(
                "the lock {} stands over it and is not part of this plan",
                lock.id
            ),
            "have whoever set that lock take it off first".to_owned(),
        );
    };
    let others = match count {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    // An update of the lock itself is folded into putting it back as declared.
    let changes = draft
        .making(&declared.address)
        .map(|index| std::mem::take(&mut draft.operations[index].changes))
        .unwrap_or_default();
    draft.forget(&declared.address);
    let operation = |step: Step| Operation {
        address: declared.address.clone(),
        kind: declared.kind.meta().name.to_owned(),
        id: declared.id.clone(),
        action: Action::Replace,
        step,
        reason: format!("lifted for {first}{others}, put back afterwards"),
        changes: Vec::new(),
        desired: None,
        before: None,
        stateful: false,
        restores: None,
        carries: Vec::new(),
        references: declared.references().into_iter().collect(),
    };
    let mut off = operation(Step::Delete);
    off.before = Some(lock.projection.clone());
    let off = draft.push(off, declared.kind);
    let mut back = operation(Step::Create);
    back.desired = Some(declared.properties.clone());
    back.changes = changes;
    back.restores = Some(off);
    draft.push(back, declared.kind);
}
