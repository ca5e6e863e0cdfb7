//! The guard: what may not happen by accident, whatever the plan says.
//!
//! ## Why
//! `prevent_destroy` in a file protects from nobody who edits the file. Here the flag names the
//! address that goes, on the command line of the run that takes it away, and a protected
//! environment asks for an approval besides.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::plan::{Action, Plan};
use crate::resource::{Address, EnvironmentName, Pattern};

/// How much of what stands a plan may take away without being told so by name, in percent.
const DELETIONS_PERCENT: usize = 30;

/// A plan that may be applied. Only [`guard`] makes one.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// What a run was told that it may do.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// Addresses that may be destroyed.
    pub allow_destroy: Vec<Pattern>,
    /// Environments that are protected now, whatever the plan was told when it was made.
    pub protected: BTreeSet<EnvironmentName>,
}

/// A reason why a plan is not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// Which rule it breaks.
    pub rule: Rule,
    /// About what, where it is about one thing.
    pub address: Option<Address>,
    /// What is in the way.
    pub problem: String,
    /// What to do instead.
    pub instead: String,
}

/// The rules that the guard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The plan itself says that it cannot be done.
    Refused,
    /// Taking over what is not marked has to be asked for.
    Adoption,
    /// What cannot be made again has to be named.
    Stateful,
    /// So much at once has to be named.
    ManyDeletions,
    /// Lifting a lock has to be named.
    Lock,
    /// A protected environment needs an approval.
    Protected,
}

/// Tests a plan against the rules; `others` are objections that other layers bring.
///
/// # Errors
/// Every objection, the plan's own refusals first.
pub fn guard(
    plan: Plan,
    permissions: &Permissions,
    others: &[Objection],
) -> Result<ApprovedPlan, Vec<Objection>> {
    let mut objections: Vec<Objection> = plan.refusals.iter().map(refused).collect();
    objections.extend(others.iter().cloned());
    objections.extend(adoption(&plan));
    objections.extend(destruction(&plan, permissions));
    objections.extend(protection(&plan, permissions));
    if objections.is_empty() {
        Ok(ApprovedPlan(plan))
    } else {
        Err(objections)
    }
}

fn refused(refusal: &super::plan::Refusal) -> Objection {
    Objection {
        rule: Rule::Refused,
        address: Some(refusal.address.clone()),
        problem: refusal.problem.clone(),
        instead: refusal.instead.clone(),
    }
}

fn adoption(plan: &Plan) -> Vec<Objection> {
    let adopted = plan
        .operations
        .iter()
        .filter(|operation| operation.action == Action::Adopt);
    adopted
        .filter(|_| !plan.adopt)
        .map(|operation| Objection {
            rule: Rule::Adoption,
            address: Some(operation.address.clone()),
            problem: "it exists without our marker".to_owned(),
            instead: "plan with --adopt to take it over, or declare another name".to_owned(),
        })
        .collect()
}

fn destruction(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    let allowed = |address: &Address| {
        permissions
            .allow_destroy
            .iter()
            .any(|pattern| pattern.names(address))
    };
    let mut objections = Vec::new();
    let mut unnamed = 0;
    let mut standing = plan.unchanged;
    for operation in plan.visible() {
        standing += usize::from(!matches!(
            operation.action,
            Action::Create | Action::Recover
        ));
        if !operation.is_destructive() || allowed(&operation.address) {
            continue;
        }
        unnamed += usize::from(!operation.is_lift());
        let (rule, problem) = if operation.is_lift() {
            (
                Rule::Lock,
                format!("the lock would be {}", operation.reason),
            )
        } else if operation.stateful {
            (
                Rule::Stateful,
                format!("{} would lose what cannot be made again", operation.action),
            )
        } else {
            continue;
        };
        objections.push(Objection {
            rule,
            address: Some(operation.address.clone()),
            problem,
            instead: format!("say --allow-destroy {} if that is meant", operation.address),
        });
    }
    if unnamed * 100 > standing * DELETIONS_PERCENT {
        objections.push(Objection {
            rule: Rule::ManyDeletions,
            address: None,
            problem: format!("{unnamed} of {standing} standing resources would be deleted"),
            instead: "name each with --allow-destroy (globs work) if that is meant".to_owned(),
        });
    }
    objections
}

fn protection(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    let protected = |operation: &&super::plan::Operation| {
        let environment = operation.address.environment();
        operation.is_destructive()
            && (plan.protected.contains(&environment)
                || permissions.protected.contains(&environment))
    };
    plan.visible()
        .filter(protected)
        .map(|operation| Objection {
            rule: Rule::Protected,
            address: Some(operation.address.clone()),
            problem: format!(
                "{} in {}, which is protected",
                operation.action,
                operation.address.environment()
            ),
            instead: "it needs an approval; no flag replaces one".to_owned(),
        })
        .collect()
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "{address}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.instead)
    }
}
