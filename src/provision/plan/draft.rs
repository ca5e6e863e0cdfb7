//! A plan being drawn up: operations by address, before they have an order.

use std::collections::{BTreeMap, BTreeSet};

use super::make::{Asked, PlanError};
use super::{Action, Operation, Refusal, Standing, Step, Unread};
use crate::resource::{Address, Kind, Pattern};

/// Operations and findings so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) operations: Vec<Operation>,
    /// The kind of each operation, by its number.
    pub(super) kinds: Vec<&'static dyn Kind>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) unreadable: Vec<Unread>,
    pub(super) standing: BTreeMap<Address, Standing>,
    by_address: BTreeMap<Address, Vec<usize>>,
}

impl Draft {
    /// Adds an operation; its number.
    pub(super) fn push(&mut self, operation: Operation, kind: &'static dyn Kind) -> usize {
        let index = self.operations.len();
        self.by_address
            .entry(operation.address.clone())
            .or_default()
            .push(index);
        self.operations.push(operation);
        self.kinds.push(kind);
        index
    }

    pub(super) fn refuse(&mut self, address: &Address, problem: String, instead: String) {
        self.refusals.push(Refusal {
            address: address.clone(),
            problem,
            instead,
        });
    }

    /// The operations at an address.
    pub(super) fn at(&self, address: &Address) -> impl Iterator<Item = usize> + '_ {
        self.by_address.get(address).into_iter().flatten().copied()
    }

    /// The operation that makes the object at an address stand or change.
    pub(super) fn making(&self, address: &Address) -> Option<usize> {
        self.at(address)
            .find(|index| self.operations[*index].step != Step::Delete)
    }

    /// The operation that takes the object at an address away.
    pub(super) fn taking(&self, address: &Address) -> Option<usize> {
        self.at(address)
            .find(|index| self.operations[*index].step == Step::Delete)
    }

    /// The create at an address, if there is one.
    pub(super) fn creating(&self, address: &Address) -> Option<usize> {
        self.at(address)
            .find(|index| self.operations[*index].step == Step::Create)
    }

    /// Whether the object at an address is deleted and created again.
    pub(super) fn replacing(&self, address: &Address) -> bool {
        self.at(address)
            .any(|index| self.operations[index].action == Action::Replace)
    }

    /// Keeps what the selection's targets name and need, drops what it excludes and what needs
    /// that.
    pub(super) fn narrow(&mut self, asked: &Asked<'_>) -> Result<(), PlanError> {
        let selection = asked.selection;
        for pattern in selection.targets.iter().chain(&selection.excludes) {
            let known = asked.desired.resources.keys().chain(self.by_address.keys());
            if !known.into_iter().any(|address| pattern.matches(address)) {
                return Err(PlanError::NoSuchAddress(pattern.to_string()));
            }
        }
        if !selection.targets.is_empty() {
            self.keep_targets(&selection.targets);
        }
        if !selection.excludes.is_empty() {
            self.drop_excluded(&selection.excludes);
        }
        Ok(())
    }

    fn keep_targets(&mut self, targets: &[Pattern]) {
        let mut kept: BTreeSet<Address> = self
            .by_address
            .keys()
            .filter(|address| targets.iter().any(|target| target.matches(address)))
            .cloned()
            .collect();
        let mut open: Vec<Address> = kept.iter().cloned().collect();
        while let Some(address) = open.pop() {
            let needed = self.needed_by(&address);
            open.extend(
                needed
                    .into_iter()
                    .filter(|other| kept.insert(other.clone())),
            );
        }
        self.retain(|address| kept.contains(address));
    }

    fn drop_excluded(&mut self, excludes: &[Pattern]) {
        let mut dropped: BTreeSet<Address> = self
            .by_address
            .keys()
            .filter(|address| excludes.iter().any(|exclude| exclude.matches(address)))
            .cloned()
            .collect();
        loop {
            let before = dropped.len();
            for address in self.by_address.keys() {
                if self
                    .needed_by(address)
                    .iter()
                    .any(|needed| dropped.contains(needed))
                {
                    dropped.insert(address.clone());
                }
            }
            if dropped.len() == before {
                break;
            }
        }
        self.retain(|address| !dropped.contains(address));
    }

    /// Addresses whose operations the ones at `address` cannot do without: what it refers to
    /// when it is made, what refers to it when it goes.
    fn needed_by(&self, address: &Address) -> BTreeSet<Address> {
        let mut needed = BTreeSet::new();
        for index in self.at(address) {
            let operation = &self.operations[index];
            if operation.step == Step::Delete {
                let refers = |other: &&Operation| {
                    other.step == Step::Delete && other.references.contains(address)
                };
                needed.extend(
                    self.operations
                        .iter()
                        .filter(refers)
                        .map(|o| o.address.clone()),
                );
            } else {
                let planned = |other: &&Address| self.by_address.contains_key(*other);
                needed.extend(operation.references.iter().filter(planned).cloned());
            }
        }
        needed
    }

    /// Drops the operations at an address.
    pub(super) fn forget(&mut self, address: &Address) {
        self.retain(|other| other != address);
    }

    fn retain(&mut self, keep: impl Fn(&Address) -> bool) {
        let operations = std::mem::take(&mut self.operations);
        let kinds = std::mem::take(&mut self.kinds);
        self.by_address.clear();
        let mut renumbered = BTreeMap::new();
        for (old, (operation, kind)) in operations.into_iter().zip(kinds).enumerate() {
            if keep(&operation.address) {
                renumbered.insert(old, self.push(operation, kind));
            }
        }
        for operation in &mut self.operations {
            let carried = std::mem::take(&mut operation.carries);
            operation.restores = operation
                .restores
                .and_then(|old| renumbered.get(&old).copied());
            operation.carries = carried
                .iter()
                .filter_map(|old| renumbered.get(old).copied())
                .collect();
        }
        self.refusals.retain(|refusal| keep(&refusal.address));
    }
}
