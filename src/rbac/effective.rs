//! What a principal effectively may do at one scope.
//!
//! Effective is the union over assignments at the scope and above it, the groups' included, of
//! what each role gives less what it excepts, minus deny assignments; these say nothing to native
//! role bindings, of which Azure is not asked. The action in question is
//! a predicate over patterns, so that the same evaluation answers for one action and, in
//! [`compare`](super::compare), for all that there could be.
//! <https://learn.microsoft.com/azure/role-based-access-control/overview>

use std::collections::BTreeSet;

use super::action::{Action, Plane};
use super::assignment::Assignment;
use super::catalogue::Catalogue;
use super::compare::Declared;
use super::condition::{Circumstances, Condition};
use super::decision::{Against, Decision, Doubt, Why};
use super::denial::Denial;
use super::pattern::Pattern;
use super::permission::{Fits, Permission};
use super::role::RoleDefinition;
use super::truth::Truth;

/// A principal's effective permission at one scope.
#[derive(Debug, Clone)]
pub struct Effective<'a> {
    pub(super) grants: Vec<Grant<'a>>,
    pub(super) denials: Vec<Taken<'a>>,
}

/// An assignment that a principal holds.
#[derive(Debug, Clone)]
pub(super) struct Held<'a> {
    pub(super) assignment: &'a Assignment,
    pub(super) role: Option<&'a RoleDefinition>,
    pub(super) via: Vec<String>,
    pub(super) member: Truth,
}

/// A deny assignment against a principal.
#[derive(Debug, Clone)]
pub(super) struct HeldAgainst<'a> {
    pub(super) denial: &'a Denial,
    via: Vec<String>,
    member: Truth,
    /// The group of which nobody knows who is in it, where that decides.
    doubtful: Option<String>,
}

/// One that holds at a scope, or may.
#[derive(Debug, Clone)]
pub(super) struct Grant<'a> {
    held: Held<'a>,
    reaches: Truth,
}

/// One that holds at a scope, or may.
#[derive(Debug, Clone)]
pub(super) struct Taken<'a> {
    held: HeldAgainst<'a>,
    reaches: Truth,
}

impl<'a> Held<'a> {
    pub(super) fn reaching(self, reaches: Truth) -> Option<Grant<'a>> {
        let held = self;
        (reaches != Truth::False).then_some(Grant { held, reaches })
    }
}

impl<'a> HeldAgainst<'a> {
    /// A deny assignment, if it is or may be held against somebody who counts as these.
    pub(super) fn new(
        denial: &'a Denial,
        identities: &[(String, Vec<String>, Truth)],
    ) -> Option<Self> {
        let among = |ids: &BTreeSet<String>| {
            let listed = identities.iter().filter(|(id, ..)| ids.contains(id));
            listed.max_by_key(|(.., member)| *member)
        };
        let (mut via, mut member, mut doubtful) = (Vec::new(), Truth::True, None);
        if let Some(principals) = &denial.principals {
            let (_, way, certain) = among(principals)?;
            (via, member) = (way.clone(), *certain);
            if *certain == Truth::Unknown {
                doubtful = way.first().cloned();
            }
        }
        if let Some((_, way, excluded)) = among(&denial.excluded) {
            if *excluded == Truth::True {
                return None;
            }
            member = member.and(!*excluded);
            doubtful = doubtful.or_else(|| way.first().cloned());
        }
        Some(Self {
            denial,
            via,
            member,
            doubtful,
        })
    }

    pub(super) fn reaching(self, reaches: Truth) -> Option<Taken<'a>> {
        let held = self;
        (reaches != Truth::False).then_some(Taken { held, reaches })
    }
}

impl Grant<'_> {
    /// Whether it grants the action.
    pub(super) fn truth(&self, plane: Plane, fits: Fits<'_>, beside: &Circumstances) -> Truth {
        let Some(role) = self.held.role else {
            return Truth::Unknown;
        };
        let permissions = role.permissions.iter();
        let given = Truth::any(permissions.map(|one| one.truth(plane, fits, beside)));
        if given == Truth::False {
            return given;
        }
        let condition = self.held.assignment.condition.as_ref();
        let condition = condition.map_or(Truth::True, |one| one.holds(fits, beside));
        given.and(condition).and(self.held.member).and(self.reaches)
    }

    /// Whether the role names the action, conditions left aside.
    fn speaks_of(&self, plane: Plane, fits: Fits<'_>) -> bool {
        let permissions = self.permissions();
        permissions.iter().any(|one| one.covers(plane, fits))
    }

    /// What its role consists of; nothing where that is not known.
    pub(super) fn permissions(&self) -> &[Permission] {
        self.held.role.map_or(&[], |role| &role.permissions)
    }

    /// Whether it holds whatever Azure denies.
    pub(super) fn is_native(&self) -> bool {
        self.held.assignment.native.is_some()
    }

    /// Whether nobody knows what its role gives.
    pub(super) fn is_obscure(&self) -> bool {
        self.held.role.is_none()
    }

    fn patterns(&self, plane: Plane) -> impl Iterator<Item = &Pattern> {
        let own = self.held.assignment.condition.iter();
        self.permissions()
            .iter()
            .flat_map(move |one| one.patterns(plane))
            .chain(own.flat_map(Condition::patterns))
    }

    /// Why it bears on the action.
    pub(super) fn why(&self, plane: Plane, fits: Fits<'_>, beside: &Circumstances) -> Why {
        let assignment = self.held.assignment;
        let mut doubts = Vec::new();
        if self.held.member == Truth::Unknown {
            // The first group on the way is the one that could not be read.
            let group = self.held.via.first().cloned().unwrap_or_default();
            doubts.push(Doubt::Membership(group));
        }
        if self.reaches == Truth::Unknown {
            doubts.push(Doubt::Ancestry(assignment.scope.id().to_owned()));
        }
        if self.held.role.is_none() {
            doubts.push(Doubt::Role(assignment.role.clone()));
        }
        let covering = self.permissions().iter();
        let covering = covering.filter(|one| one.covers(plane, fits));
        let conditions = covering
            .filter_map(|one| one.condition.as_ref())
            .chain(&assignment.condition);
        doubts.extend(undecided(conditions, fits, beside));
        Why {
            assignment: assignment.id.clone(),
            scope: assignment.scope.clone(),
            role: assignment.role.clone(),
            role_name: self.held.role.map(|role| role.name.clone()),
            via: self.held.via.clone(),
            doubts,
        }
    }
}

impl Taken<'_> {
    /// Whether it takes the action back.
    pub(super) fn truth(&self, plane: Plane, fits: Fits<'_>, beside: &Circumstances) -> Truth {
        let denial = self.held.denial;
        let permissions = denial.permissions.iter();
        let named = Truth::any(permissions.map(|one| one.truth(plane, fits, beside)));
        let condition = denial.condition.as_ref();
        let condition = condition.map_or(Truth::True, |one| one.holds(fits, beside));
        named.and(condition).and(self.held.member).and(self.reaches)
    }

    fn patterns(&self, plane: Plane) -> impl Iterator<Item = &Pattern> {
        let denial = self.held.denial;
        let own = denial.condition.iter();
        let permissions = denial.permissions.iter();
        permissions
            .flat_map(move |one| one.patterns(plane))
            .chain(own.flat_map(Condition::patterns))
    }

    fn against(&self, plane: Plane, fits: Fits<'_>, beside: &Circumstances) -> Against {
        let denial = self.held.denial;
        let mut doubts: Vec<Doubt> = Vec::new();
        doubts.extend(self.held.doubtful.clone().map(Doubt::Membership));
        if self.reaches == Truth::Unknown {
            doubts.push(Doubt::Ancestry(denial.scope.id().to_owned()));
        }
        let covering = denial.permissions.iter();
        let covering = covering.filter(|one| one.covers(plane, fits));
        let conditions = covering
            .filter_map(|one| one.condition.as_ref())
            .chain(&denial.condition);
        doubts.extend(undecided(conditions, fits, beside));
        Against {
            id: denial.id.clone(),
            name: denial.name.clone(),
            scope: denial.scope.clone(),
            via: self.held.via.clone(),
            system_protected: denial.system_protected,
            doubts,
        }
    }
}

/// The conditions of which nobody can tell whether they hold.
fn undecided<'c>(
    conditions: impl Iterator<Item = &'c Condition>,
    fits: Fits<'_>,
    beside: &Circumstances,
) -> Vec<Doubt> {
    conditions
        .filter(|one| one.holds(fits, beside) == Truth::Unknown)
        .map(|one| Doubt::Condition(one.text().to_owned()))
        .collect()
}

impl Effective<'_> {
    /// Whether an action may be done, and why.
    pub fn decide(&self, action: &Action, beside: &Circumstances) -> Decision {
        let azure = self.grants.iter().filter(|grant| !grant.is_native());
        let native = self.grants.iter().filter(|grant| grant.is_native());
        let by_azure = decide(azure, &self.denials, action, beside);
        by_azure.or(decide(native, &[], action, beside))
    }

    /// Of the actions that are known, those that may be done, or may be so.
    pub fn actions<'c>(&self, catalogue: &'c Catalogue) -> Vec<(&'c Action, Decision)> {
        catalogue
            .actions()
            .map(|action| (action, self.decide(action, &Circumstances::default())))
            .filter(|(_, decision)| decision.may_be_allowed())
            .collect()
    }

    /// Everything that its roles give, as a set of actions to hold others against.
    pub fn declared(&self) -> Declared {
        let given = self.grants.iter().flat_map(Grant::permissions);
        Declared::new(given.cloned())
    }

    /// Every assignment that holds here, or may, and by which way.
    pub fn reasons(&self) -> Vec<Why> {
        let beside = Circumstances::default();
        let grants = self.grants.iter();
        grants
            .map(|grant| grant.why(Plane::Control, &|_| false, &beside))
            .collect()
    }

    /// Every deny assignment that holds here, or may.
    pub fn objections(&self) -> Vec<Against> {
        let beside = Circumstances::default();
        let denials = self.denials.iter();
        denials
            .map(|denial| denial.against(Plane::Control, &|_| false, &beside))
            .collect()
    }

    /// Whether deny assignments take an action back.
    pub(super) fn denied(&self, plane: Plane, fits: Fits<'_>) -> Truth {
        let beside = Circumstances::default();
        let denials = self.denials.iter();
        Truth::any(denials.map(|denial| denial.truth(plane, fits, &beside)))
    }

    /// Whether an action may be done.
    pub(super) fn truth(&self, plane: Plane, fits: Fits<'_>) -> Truth {
        let beside = Circumstances::default();
        let mut by_azure = Truth::False;
        let mut native = Truth::False;
        for grant in &self.grants {
            let given = grant.truth(plane, fits, &beside);
            match grant.is_native() {
                true => native = native.or(given),
                false => by_azure = by_azure.or(given),
            }
        }
        if by_azure == Truth::False {
            return native;
        }
        native.or(by_azure.and(!self.denied(plane, fits)))
    }

    /// All patterns that the answer about a plane rests on.
    pub(super) fn patterns(&self, plane: Plane) -> Vec<&Pattern> {
        let granted = self.grants.iter().flat_map(|one| one.patterns(plane));
        let taken = self.denials.iter().flat_map(|one| one.patterns(plane));
        granted.chain(taken).collect()
    }
}

/// What grants and denials make of an action.
fn decide<'g>(
    grants: impl Iterator<Item = &'g Grant<'g>>,
    denials: &[Taken<'_>],
    action: &Action,
    beside: &Circumstances,
) -> Decision {
    let plane = action.plane();
    let fits = |pattern: &Pattern| pattern.matches(action);
    let (mut certain, mut perhaps, mut ruled_out) = (Vec::new(), Vec::new(), Vec::new());
    for grant in grants {
        let truth = grant.truth(plane, &fits, beside);
        if truth == Truth::False && !grant.speaks_of(plane, &fits) {
            continue;
        }
        let mut why = grant.why(plane, &fits, beside);
        match truth {
            Truth::True => {
                // Another of the role's permissions may be in doubt; this one is not.
                why.doubts.clear();
                certain.push(why);
            }
            Truth::Unknown => perhaps.push(why),
            Truth::False => ruled_out.push(why),
        }
    }
    if certain.is_empty() && perhaps.is_empty() {
        return Decision::Nothing { ruled_out };
    }
    let (mut denied, mut doubtful) = (Vec::new(), Vec::new());
    for denial in denials {
        let list = match denial.truth(plane, &fits, beside) {
            Truth::True => &mut denied,
            Truth::Unknown => &mut doubtful,
            Truth::False => continue,
        };
        list.push(denial.against(plane, &fits, beside));
    }
    if denied.is_empty() && doubtful.is_empty() && !certain.is_empty() {
        return Decision::Allowed { by: certain };
    }
    certain.append(&mut perhaps);
    if denied.is_empty() {
        return Decision::Possible {
            by: certain,
            against: doubtful,
        };
    }
    Decision::Denied {
        by: denied,
        granted: certain,
    }
}
