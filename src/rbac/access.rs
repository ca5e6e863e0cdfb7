//! What was read of a tenant's access control, made ready to be asked.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::action::Action;
use super::assignment::{Assignment, Schedule};
use super::condition::Circumstances;
use super::decision::{Decision, Why};
use super::denial::Denial;
use super::effective::{Effective, Held, HeldAgainst};
use super::hierarchy::Hierarchy;
use super::membership::Memberships;
use super::role::Roles;
use super::scope::Scope;
use super::truth::Truth;

/// What was read of a tenant.
#[derive(Debug, Clone, Default)]
pub struct Tenant {
    /// Role definitions, built-in and custom.
    pub roles: Roles,
    /// Role assignments.
    pub assignments: Vec<Assignment>,
    /// What service accounts of clusters are bound to, which is no grant to anybody of the directory.
    pub accounts: Vec<Assignment>,
    /// What PIM knows of them; empty in a tenant without it.
    pub schedules: Vec<Schedule>,
    /// Assignments that somebody may activate.
    pub eligible: Vec<Assignment>,
    /// Deny assignments.
    pub denials: Vec<Denial>,
    /// Who is in which group.
    pub memberships: Memberships,
    /// Which subscription lies in which management group.
    pub hierarchy: Hierarchy,
}

/// A tenant's access control at one point in time.
#[derive(Debug, Clone)]
pub struct Access {
    tenant: Tenant,
    /// The assignments that count, by principal.
    held: Index,
    /// What service accounts hold.
    accounts: Index,
    /// Those that may be activated.
    eligible: Index,
}

/// Everything that one principal holds, its groups' included.
#[derive(Debug, Clone)]
pub struct Holdings<'a> {
    hierarchy: &'a Hierarchy,
    held: Vec<Held<'a>>,
    eligible: Vec<Held<'a>>,
    against: Vec<HeldAgainst<'a>>,
}

/// Where in their list a principal's assignments are.
type Index = BTreeMap<String, Vec<usize>>;

/// Who somebody counts as: an id, the way to it, and whether that is certain.
type Identity = (String, Vec<String>, Truth);

impl Access {
    /// A tenant's access control at that time.
    pub fn new(mut tenant: Tenant, now: OffsetDateTime) -> Self {
        let scheduled: BTreeMap<&str, &Schedule> = tenant
            .schedules
            .iter()
            .map(|schedule| (schedule.assignment.as_str(), schedule))
            .collect();
        for assignment in &mut tenant.assignments {
            let id = assignment.id.to_ascii_lowercase();
            if let Some(schedule) = scheduled.get(id.as_str()) {
                assignment.starts = assignment.starts.or(schedule.starts);
                assignment.expires = assignment.expires.or(schedule.expires);
            }
        }
        let held = index(&tenant.assignments, now);
        let accounts = index(&tenant.accounts, now);
        let eligible = index(&tenant.eligible, now);
        Self {
            tenant,
            held,
            accounts,
            eligible,
        }
    }

    /// What was read.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Everything that a user, service principal or group holds, by its object id.
    pub fn holdings(&self, principal: &str) -> Holdings<'_> {
        let identities = self.identities(principal);
        let against = |denial| HeldAgainst::new(denial, &identities);
        let mut held = self.held_by(&identities, &self.held, &self.tenant.assignments);
        held.extend(self.held_by(&identities, &self.accounts, &self.tenant.accounts));
        Holdings {
            hierarchy: &self.tenant.hierarchy,
            held,
            eligible: self.held_by(&identities, &self.eligible, &self.tenant.eligible),
            against: self.tenant.denials.iter().filter_map(against).collect(),
        }
    }

    /// Whether a principal may do something, for all that is known, and why.
    pub fn allows(&self, principal: &str, scope: &Scope, action: &Action) -> Decision {
        let effective = self.holdings(principal).at(scope);
        effective.decide(action, &Circumstances::default())
    }

    fn identities(&self, principal: &str) -> Vec<Identity> {
        let memberships = &self.tenant.memberships;
        let own = (principal.to_ascii_lowercase(), Vec::new(), Truth::True);
        let certain = memberships.of(principal).into_iter();
        let perhaps = memberships.perhaps(principal).into_iter();
        std::iter::once(own)
            .chain(certain.map(|(id, via)| (id, via, Truth::True)))
            .chain(perhaps.map(|(id, via)| (id, via, Truth::Unknown)))
            .collect()
    }

    fn held_by<'a>(
        &'a self,
        identities: &[Identity],
        index: &Index,
        assignments: &'a [Assignment],
    ) -> Vec<Held<'a>> {
        let mut held = Vec::new();
        for (id, via, member) in identities {
            for at in index.get(id).into_iter().flatten() {
                let assignment = &assignments[*at];
                held.push(Held {
                    assignment,
                    role: self.tenant.roles.get(&assignment.role),
                    via: via.clone(),
                    member: *member,
                });
            }
        }
        held
    }
}

impl<'a> Holdings<'a> {
    /// What of it holds at a scope.
    pub fn at(&self, scope: &Scope) -> Effective<'a> {
        let granted = |held: &Held<'a>| {
            let reaches = self.hierarchy.holds(&held.assignment.scope, scope);
            held.clone().reaching(reaches)
        };
        let against = |held: &HeldAgainst<'a>| {
            let reaches = held.denial.reaches(scope, self.hierarchy);
            held.clone().reaching(reaches)
        };
        Effective {
            grants: self.held.iter().filter_map(granted).collect(),
            denials: self.against.iter().filter_map(against).collect(),
        }
    }

    /// What it would be able to do at a scope with all that it may activate, by what.
    pub fn eligible(&self, scope: &Scope, action: &Action) -> Vec<Why> {
        let granted = |held: &Held<'a>| {
            let reaches = self.hierarchy.holds(&held.assignment.scope, scope);
            held.clone().reaching(reaches)
        };
        let effective = Effective {
            grants: self.eligible.iter().filter_map(granted).collect(),
            denials: self.at(scope).denials,
        };
        match effective.decide(action, &Circumstances::default()) {
            Decision::Allowed { by } | Decision::Possible { by, .. } => by,
            Decision::Denied { .. } | Decision::Nothing { .. } => Vec::new(),
        }
    }

    /// The assignments that it may activate and that would hold at a scope.
    pub fn eligible_at(&self, scope: &Scope) -> Vec<Why> {
        let reach = |held: &Held<'a>| {
            let reaches = self.hierarchy.holds(&held.assignment.scope, scope);
            held.clone().reaching(reaches)
        };
        let effective = Effective {
            grants: self.eligible.iter().filter_map(reach).collect(),
            denials: Vec::new(),
        };
        effective.reasons()
    }

    /// The assignments that it may activate, wherever they are.
    pub fn all_eligible(&self) -> impl Iterator<Item = &'a Assignment> {
        self.eligible.iter().map(|held| held.assignment)
    }

    /// The assignments that it holds, wherever they are.
    pub fn assignments(&self) -> impl Iterator<Item = &'a Assignment> {
        self.held.iter().map(|held| held.assignment)
    }
}

fn index(assignments: &[Assignment], now: OffsetDateTime) -> Index {
    let mut index = Index::new();
    for (at, assignment) in assignments.iter().enumerate() {
        if assignment.counts_at(now) {
            let principal = assignment.principal.to_ascii_lowercase();
            index.entry(principal).or_default().push(at);
        }
    }
    index
}
