//! A plan being drawn up: operations by address, before they have an order.

use std::collections::{BTreeMap, BTreeSet};

use super::make::{Asked, PlanError};
use super::{Action, Operation, Refusal, Standing, Stay, Step, Unread};
use crate::provision::diff::FieldChange;
use crate::resource::{Address, EnvironmentName, Kind, Pattern, scopes};

/// Operations and findings so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) operations: Vec<Operation>,
    /// The kind of each operation, by its number.
    pub(super) kinds: Vec<&'static dyn Kind>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) unreadable: Vec<Unread>,
    /// What stands as declared, left out or not: the applied snapshot keeps it all.
    pub(super) standing: BTreeMap<Address, Standing>,
    /// The lower-cased ids of what is deleted by deleting what it lives in.
    pub(super) along: BTreeSet<String>,
    /// What would have to go and stays.
    pub(super) stays: Vec<Stay>,
    /// What the selection leaves out.
    pub(super) left_out: BTreeSet<Address>,
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
            changes: Vec::new(),
        });
    }

    /// Says of what was refused last in which fields its object differs.
    pub(super) fn refused_with(&mut self, changes: Vec<FieldChange>) {
        if let Some(refusal) = self.refusals.last_mut() {
            refusal.changes = changes;
        }
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

    /// The deletes, each with its lower-cased id.
    pub(super) fn deletes(&self) -> impl Iterator<Item = (String, usize)> + '_ {
        let all = self.operations.iter().enumerate();
        all.filter(|(_, operation)| operation.step == Step::Delete)
            .filter_map(|(index, operation)| Some((operation.id.known()?.to_lowercase(), index)))
    }

    /// Keeps what the selection's targets name and need, drops what it excludes and what needs
    /// that.
    pub(super) fn narrow(&mut self, asked: &Asked<'_>) -> Result<(), PlanError> {
        let selection = asked.selection;
        for pattern in selection.targets.iter().chain(&selection.excludes) {
            let stays = self.stays.iter().map(|stay| &stay.address);
            let known = asked.desired.resources.keys().chain(self.by_address.keys());
            let known = known.chain(stays);
            if !known.into_iter().any(|address| pattern.matches(address)) {
                return Err(PlanError::NoSuchAddress(pattern.to_string()));
            }
        }
        let all = self.addresses();
        if !selection.targets.is_empty() {
            self.keep_targets(&selection.targets);
        }
        if !selection.excludes.is_empty() {
            self.drop_excluded(&selection.excludes);
        }
        let kept: BTreeSet<Address> = self.addresses();
        self.left_out.extend(all.difference(&kept).cloned());
        Ok(())
    }

    /// Everything that the draft says something of, but for what is left out already.
    fn addresses(&self) -> BTreeSet<Address> {
        let said = self.refusals.iter().map(|refusal| &refusal.address);
        let unread = self.unreadable.iter().map(|unread| &unread.address);
        let standing = self.standing.keys();
        let standing = standing.filter(|address| !self.left_out.contains(*address));
        let planned = self.by_address.keys();
        let all = planned.chain(said).chain(unread).chain(standing);
        all.cloned().collect()
    }

    /// How many resources of each environment stand as declared, of those that were asked for.
    pub(super) fn unchanged(&self) -> BTreeMap<EnvironmentName, usize> {
        let mut counts = BTreeMap::new();
        for address in self.standing.keys() {
            if !self.left_out.contains(address) {
                *counts.entry(address.environment()).or_insert(0) += 1;
            }
        }
        counts
    }

    fn keep_targets(&mut self, targets: &[Pattern]) {
        let needs = self.needs();
        let mut kept = self.addresses();
        kept.retain(|address| targets.iter().any(|target| target.matches(address)));
        let kept = closure(&needs, kept);
        let standing = self.standing.keys();
        let left_out = standing.filter(|address| !kept.contains(*address));
        self.left_out.extend(left_out.cloned());
        self.retain(|address| kept.contains(address));
        self.stays
            .retain(|stay| targets.iter().any(|target| target.matches(&stay.address)));
        self.refusals
            .retain(|refusal| kept.contains(&refusal.address));
        self.unreadable
            .retain(|unread| kept.contains(&unread.address));
    }

    fn drop_excluded(&mut self, excludes: &[Pattern]) {
        let mut needed_by: Needs = BTreeMap::new();
        for (address, needed) in self.needs() {
            for other in needed {
                needed_by.entry(other).or_default().insert(address.clone());
            }
        }
        let excluded = |address: &Address| excludes.iter().any(|exclude| exclude.matches(address));
        let dropped = self.by_address.keys().filter(|address| excluded(address));
        let dropped = closure(&needed_by, dropped.cloned().collect());
        let stays = |address: &Address| !dropped.contains(address) && !excluded(address);
        let standing = self.standing.keys();
        let left_out = standing.filter(|address| !stays(address)).cloned();
        self.left_out.extend(left_out);
        self.retain(stays);
        self.stays.retain(|stay| stays(&stay.address));
        self.refusals.retain(|refusal| stays(&refusal.address));
        self.unreadable.retain(|unread| stays(&unread.address));
    }

    /// What the operations at each address cannot do without: when it is made, what it refers to
    /// and what its request carries; when it goes, what refers to it and what lies in it.
    fn needs(&self) -> Needs {
        let deleted: BTreeMap<String, &Address> = self
            .deletes()
            .map(|(id, index)| (id, &self.operations[index].address))
            .collect();
        let mut needs: Needs = BTreeMap::new();
        let mut need = |address: &Address, other: &Address| {
            if address != other {
                needs
                    .entry(address.clone())
                    .or_default()
                    .insert(other.clone());
            }
        };
        for operation in &self.operations {
            let address = &operation.address;
            if operation.step != Step::Delete {
                for reference in &operation.references {
                    need(address, reference);
                }
                for carried in &operation.carries {
                    need(address, &self.operations[*carried].address);
                }
                continue;
            }
            for reference in &operation.references {
                if self.taking(reference).is_some() {
                    need(reference, address);
                }
            }
            let id = operation.id.known().unwrap_or_default().to_lowercase();
            for container in scopes(&id).skip(1).filter_map(|above| deleted.get(above)) {
                need(container, address);
            }
        }
        needs
    }

    /// Drops the operations at these addresses.
    pub(super) fn forget(&mut self, addresses: &BTreeSet<Address>) {
        self.retain(|address| !addresses.contains(address));
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
            operation.carries = carried
                .iter()
                .filter_map(|old| renumbered.get(old).copied())
                .collect();
        }
    }
}

/// Addresses by the address that cannot do without them.
type Needs = BTreeMap<Address, BTreeSet<Address>>;

/// The addresses, and whatever they lead to.
fn closure(leads: &Needs, mut reached: BTreeSet<Address>) -> BTreeSet<Address> {
    let mut open: Vec<Address> = reached.iter().cloned().collect();
    while let Some(address) = open.pop() {
        for other in leads.get(&address).into_iter().flatten() {
            if reached.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    reached
}
