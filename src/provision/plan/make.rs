//! Making a plan: what each declared and each marked object needs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::classify::Work;
use super::{Applied, Plan, Target, UnmanagedObject, VERSION, edges, locks};
use crate::provision::desired::Desired;
use crate::provision::graph::Dag;
use crate::provision::observe::Observed;
use crate::resource::{EnvironmentName, Ownership, Pattern};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To make Azure as declared.
    Apply,
    /// To take away everything of ours.
    Destroy,
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
    match asked.mode {
        Mode::Apply => {
            for address in asked.dag.order() {
                if asked.selects(&address.environment()) {
                    work.declared(&asked.desired.resources[address]);
                } else {
                    work.read_only(&asked.desired.resources[address]);
                }
            }
            work.orphans();
        }
        Mode::Destroy => work.orphans(),
    }
    let mut draft = work.finish();
    draft.narrow(asked)?;
    locks::plan(asked, &mut draft);
    let edges = edges::of(asked, &draft)?;
    Ok(Plan {
        version: VERSION,
        target: asked.target.clone(),
        environments: asked.environments(),
        protected: asked.protected(),
        mode: asked.mode,
        adopt: asked.adopt,
        operations: draft.operations,
        edges,
        unchanged: draft.standing.len(),
        refusals: draft.refusals,
        unreadable: draft.unreadable,
        unmanaged: unmanaged(asked),
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

    fn environments(&self) -> Vec<EnvironmentName> {
        self.desired
            .places
            .keys()
            .filter(|name| self.selects(name))
            .cloned()
            .collect()
    }

    fn protected(&self) -> Vec<EnvironmentName> {
        let places = self.desired.places.values();
        places
            .filter(|place| place.protected)
            .map(|place| place.environment.clone())
            .collect()
    }
}

/// What stands in a managed scope and is not ours, copied markers among it.
fn unmanaged(asked: &Asked<'_>) -> Vec<UnmanagedObject> {
    let declared: BTreeSet<String> = asked
        .desired
        .resources
        .values()
        .filter_map(|resource| resource.id.known())
        .map(str::to_lowercase)
        .collect();
    let live = asked.observed.objects.iter().filter(|(key, object)| {
        let foreign = match object.ownership {
            Ownership::Ours(_) => false,
            Ownership::Copy => true,
            Ownership::Foreign => object.in_managed_scope,
        };
        foreign && !declared.contains(*key)
    });
    let mut found: Vec<UnmanagedObject> = live
        .map(|(_, object)| UnmanagedObject {
            id: object.id.clone(),
            arm_type: object.kind.meta().arm_type.to_owned(),
            copied_marker: object.ownership == Ownership::Copy,
        })
        .collect();
    found.extend(asked.observed.strays.iter().map(|stray| UnmanagedObject {
        id: stray.id.clone(),
        arm_type: stray.arm_type.clone(),
        copied_marker: stray.copied_marker,
    }));
    found.sort();
    found
}
