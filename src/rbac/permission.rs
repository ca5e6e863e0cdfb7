//! Permissions: four lists of patterns, and maybe a condition.

use serde::Deserialize;

use super::action::Plane;
use super::body::nullable;
use super::condition::{Circumstances, Condition};
use super::pattern::Pattern;
use super::truth::Truth;

/// Who answers whether the action in question fits a pattern. The action may be known, or be
/// any of many.
pub(super) type Fits<'a> = &'a dyn Fn(&Pattern) -> bool;

/// One element of a role's or a deny assignment's `permissions`.
/// <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>
#[derive(Debug, Clone, Default)]
pub struct Permission {
    /// What it gives of the control plane.
    pub actions: Vec<Pattern>,
    /// What of `actions` it does not give.
    pub not_actions: Vec<Pattern>,
    /// What it gives of the data plane.
    pub data_actions: Vec<Pattern>,
    /// What of `data_actions` it does not give.
    pub not_data_actions: Vec<Pattern>,
    /// When it counts.
    pub condition: Option<Condition>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PermissionWire {
    #[serde(default, deserialize_with = "nullable")]
    actions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    not_actions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    data_actions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    not_data_actions: Vec<String>,
    condition: Option<String>,
    condition_version: Option<String>,
}

impl From<PermissionWire> for Permission {
    fn from(wire: PermissionWire) -> Self {
        let patterns = |texts: Vec<String>| texts.iter().map(|text| Pattern::new(text)).collect();
        Self {
            actions: patterns(wire.actions),
            not_actions: patterns(wire.not_actions),
            data_actions: patterns(wire.data_actions),
            not_data_actions: patterns(wire.not_data_actions),
            condition: Condition::read(
                wire.condition.as_deref(),
                wire.condition_version.as_deref(),
            ),
        }
    }
}

impl Permission {
    /// Exactly these, without a wildcard's exceptions and without a condition.
    pub fn of(actions: &[&str], data_actions: &[&str]) -> Self {
        let patterns = |texts: &[&str]| texts.iter().copied().map(Pattern::new).collect();
        Self {
            actions: patterns(actions),
            data_actions: patterns(data_actions),
            ..Self::default()
        }
    }

    /// What it gives of a plane, exceptions left aside.
    pub fn given(&self, plane: Plane) -> &[Pattern] {
        match plane {
            Plane::Control => &self.actions,
            Plane::Data => &self.data_actions,
        }
    }

    /// What it does not give of it.
    pub fn taken(&self, plane: Plane) -> &[Pattern] {
        match plane {
            Plane::Control => &self.not_actions,
            Plane::Data => &self.not_data_actions,
        }
    }

    /// Whether it names the action and does not except it; its condition left aside.
    pub(super) fn covers(&self, plane: Plane, fits: Fits<'_>) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(fits);
        any(self.given(plane)) && !any(self.taken(plane))
    }

    /// Whether it speaks of the action, its condition included.
    pub(super) fn truth(
        &self,
        plane: Plane,
        fits: Fits<'_>,
        circumstances: &Circumstances,
    ) -> Truth {
        if !self.covers(plane, fits) {
            return Truth::False;
        }
        self.condition.as_ref().map_or(Truth::True, |condition| {
            condition.holds(fits, circumstances)
        })
    }

    /// Every pattern that it consists of on a plane, its condition's included.
    pub(super) fn patterns(&self, plane: Plane) -> impl Iterator<Item = &Pattern> {
        let named = self.condition.iter().flat_map(Condition::patterns);
        self.given(plane)
            .iter()
            .chain(self.taken(plane))
            .chain(named)
    }
}
