//! Making a plan: what each declared and each marked object needs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::classify::Work;
use super::draft::Draft;
use super::{
    Applied, Plan, Target, UnmanagedObject, Unread, UnreadCollection, VERSION, edges, locks,
    mentions, orphans, widening,
};
use crate::provision::desired::Desired;
use crate::provision::graph::Dag;
use crate::provision::observe::Observed;
use crate::resource::{Address, EnvironmentName, Ownership, Pattern, scopes};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To make Azure as declared.
    Apply,
    /// To take away everything of ours.
    Destroy,
    /// To take away one grant that is not ours.
    Revoke,
}

/// Which part of the world a plan is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The environments; `None` means all, those that vanished from TOML too.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Only what one of these selects, and what it needs.
    pub targets: Vec<Pattern>,
    /// Nothing that one of these selects, nor what needs it.
    pub excludes: Vec<Pattern>,
}

/// Everything that a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What TOML says.
    pub desired: &'a Desired,
    /// Its graph.
    pub dag: &'a Dag,
    /// What Azure answered.
    pub observed: &'a Observed,
    /// What the last successful apply wrote.
    pub applied: &'a Applied,
    /// Where it all is.
    pub target: &'a Target,
    /// Which part of it is asked for.
    pub selection: &'a Selection,
    /// What for.
    pub mode: Mode,
    /// Whether unmarked objects may become ours.
    pub adopt: bool,
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Operations wait for each other.
    #[error("operations wait for each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// A target selects nothing.
    #[error("`{0}` selects nothing that is declared or stands")]
    NoSuchAddress(String),
}

/// The plan that turns what was observed into what is desired.
///
/// # Errors
/// [`PlanError`] where no order exists, or a target names nothing.
pub fn make(asked: &Asked<'_>) -> Result<Plan, PlanError> {
    let mut work = Work::new(asked);
    work.look();
    work.orphans();
    let declared = std::mem::take(&mut work.ids);
    let mut draft = work.finish();
    mentions::order_deletes(asked, &mut draft);
    draft.narrow(asked)?;
    orphans::outermost(&mut draft.stays);
    orphans::keep_containers(asked, &mut draft);
    locks::plan(asked, &mut draft);
    widening::mark(&mut draft.operations, |index| {
        draft.kinds.get(index).copied()
    });
    let edges = edges::of(asked, &draft)?;
    let environments = asked.environments(&draft);
    let unmanaged = unmanaged(asked, &declared, &draft);
    let unchanged_in = draft.unchanged();
    Ok(Plan {
        version: VERSION,
        target: asked.target.clone(),
        protected: asked.protected(&environments),
        environments,
        author: None,
        mode: asked.mode,
        adopt: asked.adopt,
        unchanged: unchanged_in.values().sum(),
        unchanged_in,
        left_out: draft.left_out.len(),
        operations: draft.operations,
        edges,
        refusals: draft.refusals,
        unread: unread(asked, &draft.unreadable),
        unreadable: draft.unreadable,
        unmanaged,
        stays: draft.stays,
        standing: draft.standing,
    })
}

impl Asked<'_> {
    /// Whether the plan is about this environment.
    pub(super) fn selects(&self, environment: &EnvironmentName) -> bool {
        self.selection
            .environments
            .as_ref()
            .is_none_or(|only| only.contains(environment))
    }

    /// The selected environments, and those that vanished from TOML and are cleared away.
    fn environments(&self, draft: &Draft) -> Vec<EnvironmentName> {
        let declared = self.desired.places.keys();
        let declared = declared.filter(|name| self.selects(name)).cloned();
        let written = draft.operations.iter().map(|o| o.address.environment());
        let all: BTreeSet<EnvironmentName> = declared.chain(written).collect();
        let mut sorted: Vec<EnvironmentName> = all.into_iter().collect();
        // On the way to production; what vanished from TOML comes last.
        sorted.sort_by_key(|name| {
            let place = self.desired.places.get(name);
            (
                !name.is_shared(),
                place.map_or(u32::MAX, |place| place.order),
            )
        });
        sorted
    }

    /// The environments that TOML protects, and those that are remembered as protected.
    pub(super) fn protected(&self, environments: &[EnvironmentName]) -> Vec<EnvironmentName> {
        let remembered = self.observed.protected(self.applied);
        let protected = |name: &&EnvironmentName| {
            let place = self.desired.places.get(*name);
            place.is_some_and(|place| place.protected) || remembered.contains(*name)
        };
        environments.iter().filter(protected).cloned().collect()
    }
}

/// Collections that could not be read, but for those whose declared resources say so already.
fn unread(asked: &Asked<'_>, told: &[Unread]) -> Vec<UnreadCollection> {
    let mut said = BTreeSet::new();
    for unread in told {
        let Some(resource) = asked.desired.resources.get(&unread.address) else {
            continue;
        };
        let id = resource.id.known().unwrap_or_default().to_lowercase();
        let name = resource.kind.meta().name;
        said.extend(scopes(&id).map(|scope| (name, scope.to_owned())));
    }
    let unsearched = asked.observed.unsearched.iter();
    let unsearched = unsearched.map(|(scope, failure)| UnreadCollection {
        kind: "marked resource".to_owned(),
        scope: scope.clone(),
        failure: failure.clone(),
    });
    let unlisted = asked.observed.unlisted.iter();
    let unlisted = unlisted.map(|(scope, failure)| UnreadCollection {
        kind: "resource of others".to_owned(),
        scope: scope.clone(),
        failure: failure.clone(),
    });
    let blind = asked.observed.unreadable.iter();
    blind
        .filter(|(key, _)| !said.contains(*key))
        .map(|((kind, scope), blind)| UnreadCollection {
            kind: (*kind).to_owned(),
            scope: scope.clone(),
            failure: blind.failure.clone(),
        })
        .chain(unsearched)
        .chain(unlisted)
        .collect()
}

/// What stands in a managed scope and is not ours, copied markers among it.
fn unmanaged(
    asked: &Asked<'_>,
    declared: &BTreeMap<String, Address>,
    draft: &Draft,
) -> Vec<UnmanagedObject> {
    let going: BTreeSet<String> = draft.deletes().map(|(id, _)| id).collect();
    // What lives in another environment's is for a plan of that one to judge.
    let elsewhere = |key: &str| {
        let above = scopes(key).filter_map(|scope| asked.observed.objects.get(scope));
        let owner = above
            .into_iter()
            .find_map(|object| match &object.ownership {
                Ownership::Ours(owner) => Some(owner),
                Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign => None,
            });
        owner.is_some_and(|owner| !asked.selects(owner))
    };
    let live = asked.observed.objects.iter().filter(|(key, object)| {
        let foreign = match object.ownership {
            // Found by a search over the tenant, and not for us to take away.
            Ownership::Ours(_) => object.kind.marked().is_some(),
            Ownership::Elsewhere(_) | Ownership::Copy => true,
            Ownership::Foreign => object.in_managed_scope,
        };
        foreign && !declared.contains_key(*key) && !going.contains(*key) && !elsewhere(key)
    });
    let mut found: Vec<UnmanagedObject> = live
        .map(|(_, object)| UnmanagedObject {
            id: object.id.clone(),
            arm_type: object.kind.meta().arm_type.to_owned(),
            copied_marker: object.ownership == Ownership::Copy,
            estate: object.ownership.elsewhere(),
        })
        .collect();
    let strays = asked.observed.strays.iter();
    let strays = strays.filter(|stray| !elsewhere(&stray.id.to_lowercase()));
    found.extend(strays.map(|stray| UnmanagedObject {
        id: stray.id.clone(),
        arm_type: stray.arm_type.clone(),
        copied_marker: stray.copied_marker,
        estate: stray.estate.clone(),
    }));
    found.sort();
    found
}
