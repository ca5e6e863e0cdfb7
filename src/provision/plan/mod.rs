//! Plans: every choice made, as data; an apply only carries them out.
//!
//! [`make`] turns desired, observed and applied into a [`Plan`]; [`write()`] and [`read()`] keep it
//! in a file.
//! Invariants: `make` is pure; a plan holds its own edges and they have no cycle; an operation
//! holds the image of the object that it was planned for; what could not be read is neither
//! created nor deleted. It must not talk to Azure, nor decide what is allowed: that is the guard.

mod absent;
mod check;
mod classify;
mod declared;
mod draft;
mod edges;
mod locks;
mod make;
mod mentions;
mod orphans;
mod present;
mod revoke;
mod settled;
mod stored;
mod widening;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use declared::contradictions;
pub use make::{Asked, Mode, PlanError, Selection, make};
pub use revoke::{Excess, revoke};
pub use stored::{StoredError, digest, read, write};

use super::audit::Identity;
use super::diff::FieldChange;
use super::ports::Failure;
use crate::resource::{Address, DEFAULT_ESTATE, EnvironmentName, Kinds, Text, Value};

/// The version of the stored format.
pub const VERSION: u32 = 1;

/// What will be done, in which order, and what it was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The format's version.
    pub version: u32,
    /// Where it holds: another cloud, tenant or subscription makes it invalid.
    pub target: Target,
    /// The environments that it speaks of.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that are protected.
    pub protected: Vec<EnvironmentName>,
    /// Who made it, where Azure's token told: nobody approves a plan of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Identity>,
    /// Whether it was made to apply the configuration or to destroy what it declares.
    pub mode: Mode,
    /// Whether taking over unmarked objects was asked for.
    pub adopt: bool,
    /// What will be done.
    pub operations: Vec<Operation>,
    /// What waits for what.
    pub edges: Vec<Edge>,
    /// How many declared resources are as declared, of those that were asked for.
    pub unchanged: usize,
    /// The same of each environment that has any; plans of older programs do not say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unchanged_in: BTreeMap<EnvironmentName, usize>,
    /// How many resources the selection leaves out: nothing is said of how they stand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// What is refused, with what to do instead.
    pub refusals: Vec<Refusal>,
    /// What could not be read, and is therefore left alone.
    pub unreadable: Vec<Unread>,
    /// Collections that could not be read and in which nothing is declared: something of ours
    /// may stand there unseen.
    pub unread: Vec<UnreadCollection>,
    /// What stands in a managed scope and is nobody's that we know.
    pub unmanaged: Vec<UnmanagedObject>,
    /// What nothing declares, or a destroy is about, and no plan deletes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<Stay>,
    /// What stands as declared: for the applied snapshot, not for the file.
    #[serde(skip)]
    pub standing: BTreeMap<Address, Standing>,
}

/// Whether a count needs no saying.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The place that a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The cloud's name.
    pub cloud: String,
    /// The Entra tenant.
    pub tenant: String,
    /// Which estate of the tenant.
    #[serde(default = "default_estate", skip_serializing_if = "is_default_estate")]
    pub estate: String,
    /// The subscriptions, sorted.
    pub subscriptions: Vec<String>,
}

fn default_estate() -> String {
    DEFAULT_ESTATE.to_owned()
}

fn is_default_estate(estate: &String) -> bool {
    estate == DEFAULT_ESTATE
}

/// One thing that will be done to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// What it is about.
    pub address: Address,
    /// The kind's name.
    pub kind: String,
    /// The object's Azure id.
    pub id: Text,
    /// What people call it.
    pub action: Action,
    /// What is sent: a replace is a delete and a create, two operations.
    pub step: Step,
    /// Why.
    pub reason: String,
    /// The managed fields that differ.
    pub changes: Vec<FieldChange>,
    /// The managed fields as they will be; nothing for a delete.
    pub desired: Option<Value>,
    /// The managed fields as they were when it was planned; nothing where nothing stood.
    pub before: Option<Value>,
    /// Whether it loses what cannot be made again.
    pub stateful: bool,
    /// Whether it is about a lock: something that makes Azure refuse requests on others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guards: bool,
    /// Whether it is about something that is nothing but access: taking it away narrows. Follows
    /// from the kind, so no file says it.
    #[serde(skip)]
    pub access: bool,
    /// What somebody can do after it that nobody of that name could before; follows from the kind
    /// and the images.
    #[serde(skip)]
    pub widens: Option<String>,
    /// The operation that lifted this lock: this one puts it back whatever happens in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<usize>,
    /// Operations whose objects travel in the body of this create.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<usize>,
    /// By what Azure knows the remains of what it recovers, where that is not its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// What has to stand before it: kept for the order of a later delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Address>,
}

/// What people call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It does not exist: it will.
    Create,
    /// It was soft-deleted: it comes back.
    Recover,
    /// It exists without our marker: it becomes ours.
    Adopt,
    /// It changes in place.
    Update,
    /// It is deleted and created again.
    Replace,
    /// It goes.
    Delete,
}

/// What an operation sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The create request.
    Create,
    /// The recover request.
    Recover,
    /// The update request.
    Update,
    /// The delete request.
    Delete,
    /// Nothing: it travels in its parent's create and is only checked.
    Carried,
}

/// That one operation waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Which one goes first.
    pub before: usize,
    /// Which one waits.
    pub after: usize,
    /// Whether it needs the first one's success, or only its end.
    pub needs_success: bool,
}

/// Something that a plan cannot do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// About what.
    pub address: Address,
    /// What is in the way.
    pub problem: String,
    /// What to do instead.
    pub instead: String,
    /// All managed fields that differ on an object that stands, said with its last refusal: what
    /// is refused must not hide what else has drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A declared resource whose state is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Which one.
    pub address: Address,
    /// Why.
    pub failure: Failure,
}

/// A collection that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadCollection {
    /// The kind of its objects.
    pub kind: String,
    /// The lower-cased id of its scope.
    pub scope: String,
    /// Why.
    pub failure: Failure,
}

/// A live object that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnmanagedObject {
    /// Its id.
    pub id: String,
    /// Its Azure type.
    pub arm_type: String,
    /// Whether it carries a marker that was made for another object.
    pub copied_marker: bool,
    /// The other estate that it is of, by its marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estate: Option<String>,
}

/// An object of ours that stays though it would have to go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stay {
    /// Which one.
    pub address: Address,
    /// The kind's name.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Why it stays, and what to do about it.
    pub why: String,
}

/// What the applied snapshot keeps of one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The object's id.
    pub id: String,
    /// The kind's name.
    pub kind: String,
    /// The managed fields, as written.
    pub properties: Arc<Value>,
    /// What has to stand before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Address>,
}

/// The applied snapshot of every environment at hand.
pub type Applied = BTreeMap<Address, Standing>;

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.refusals.is_empty() && !self.is_partial()
    }

    /// Whether some of Azure could not be read.
    pub fn is_partial(&self) -> bool {
        !(self.unreadable.is_empty() && self.unread.is_empty())
    }

    /// How many resources each action touches; both halves of a replace count once.
    pub fn counts(&self) -> BTreeMap<Action, usize> {
        let mut counts = BTreeMap::new();
        for operation in self.visible() {
            *counts.entry(operation.action).or_insert(0) += 1;
        }
        counts
    }

    /// The operations as people count them: of a replace, the create.
    pub fn visible(&self) -> impl Iterator<Item = &Operation> {
        let replaces = |operation: &&Operation| operation.action == Action::Replace;
        let made = |operation: &&Operation| operation.step != Step::Delete;
        let replaced = self.operations.iter().filter(replaces).filter(made);
        let again: BTreeSet<&Address> = replaced.map(|operation| &operation.address).collect();
        self.operations.iter().filter(move |operation| {
            // A delete without its create is a delete, whatever it calls itself.
            let shown_by_create = replaces(operation) && again.contains(&operation.address);
            made(operation) || !shown_by_create
        })
    }
}

/// The ids of the objects that a plan deletes and that may hold what is not in it: whoever
/// plans looks into them and plans again.
pub fn containers_to_delete(plan: &Plan, kinds: Kinds) -> Vec<String> {
    let holds = |operation: &&Operation| {
        let kind = kinds.named(&operation.kind);
        operation.step == Step::Delete
            && kind
                .zip(operation.id.known())
                .is_some_and(|(kind, id)| kind.contents(id).is_some())
    };
    let deletes = plan.operations.iter().filter(holds);
    deletes
        .filter_map(|operation| operation.id.known().map(str::to_owned))
        .collect()
}

impl Operation {
    /// Whether the operation takes something away.
    pub fn is_destructive(&self) -> bool {
        self.step == Step::Delete || matches!(self.action, Action::Delete | Action::Replace)
    }

    /// Whether the operation only takes access away.
    pub fn is_revocation(&self) -> bool {
        self.access && self.action == Action::Delete
    }

    /// Whether this is a lock that comes off for the sake of others and is put back.
    pub fn is_lift(&self) -> bool {
        self.restores.is_some()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Recover => "recover",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        })
    }
}

#[cfg(test)]
mod tests;
