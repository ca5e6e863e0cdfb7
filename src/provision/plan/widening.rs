//! Wider access: which operations let somebody do what nobody of that name could before.

use std::collections::BTreeSet;

use super::{Action, Operation, Plan, Step};
use crate::resource::{Address, Kind};

/// Notes of each operation whether it is about access alone, and what it widens. Of a kind that
/// is not known nothing can be told.
pub(super) fn mark(
    operations: &mut [Operation],
    kind: impl Fn(usize) -> Option<&'static dyn Kind>,
) {
    let creates = operations
        .iter()
        .filter(|operation| operation.action == Action::Create);
    let made: BTreeSet<Address> = creates.map(|operation| operation.address.clone()).collect();
    for (index, operation) in operations.iter_mut().enumerate() {
        if let Some(kind) = kind(index) {
            operation.access = kind.is_access();
            operation.widens = widens(operation, kind, &made);
        }
    }
}

/// What an operation widens, in words.
fn widens(operation: &Operation, kind: &dyn Kind, made: &BTreeSet<Address>) -> Option<String> {
    let after = operation.desired.as_ref()?;
    // What an update finds is in force already, whoever made it.
    let before = operation.before.as_ref();
    let before = before.filter(|_| operation.step == Step::Update);
    let onto_new = operation
        .references
        .iter()
        .any(|address| made.contains(address));
    kind.widens(&operation.address, before, after, onto_new)
}

impl Plan {
    /// What somebody could do after it that nobody of that name could before, each thing once.
    pub fn widenings(&self) -> BTreeSet<&str> {
        let all = self.operations.iter();
        all.filter_map(|operation| operation.widens.as_deref())
            .collect()
    }
}
