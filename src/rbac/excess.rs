//! Whether one role assignment, named by its id, is an excess that may be taken away alone.

use thiserror::Error;

use super::assignment::Assignment;
use super::audit::Audit;
use super::native::Binding;
use super::scope::Scope;
use crate::resource::Address;

/// Why a role assignment is none that may be taken away alone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotExcess {
    /// No list has it.
    #[error("no role assignment of that id holds in the subscriptions of {0}")]
    Missing(String),
    /// It is none of Azure's.
    #[error("it is {0}, which its cluster keeps, and not Azure")]
    Native(Binding),
    /// It comes from above everything that is ours.
    #[error("it is given at {0}, above the subscription, and holds for others, too")]
    Inherited(Scope),
    /// TOML asks for it.
    #[error("it is {0}, which TOML declares")]
    Declared(Address),
    /// TOML lets somebody have it.
    #[error("[allowed] or [deployers] in rbac/principals.toml names it")]
    Allowed,
    /// AKS gives it, and would again.
    #[error("AKS gives it to a cluster that it keeps running")]
    Azures,
    /// It has ended by itself.
    #[error("it has ended and gives nothing any more")]
    Ended,
    /// It is on nothing of ours, nor above it.
    #[error("it is at {0}: on nothing that is managed here, nor above it")]
    Elsewhere(Scope),
    /// Whether TOML asks for it hangs on something unknown.
    #[error("it may be {0}: the object id of whom that is for is not known")]
    Undecided(Address),
}

/// The role assignment with this id, if it is an excess on something of ours or above it, in a
/// subscription.
///
/// # Errors
/// [`NotExcess`] for every other one.
pub fn excess<'a>(audit: &'a Audit<'_>, id: &str) -> Result<&'a Assignment, NotExcess> {
    let mut all = audit.live.tenant().assignments.iter();
    let one = all
        .find(|one| one.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| NotExcess::Missing(audit.estate.subscriptions.join(", ")))?;
    let same = |scope: &Scope, role: &str| *scope == one.scope && role == one.role;
    if let Some(binding) = &one.native {
        return Err(NotExcess::Native(binding.clone()));
    }
    if !one.scope.is_in_subscription() {
        return Err(NotExcess::Inherited(one.scope.clone()));
    }
    for grant in &audit.estate.grants {
        match &grant.principal {
            _ if !same(&grant.scope, &grant.role) => {}
            None => return Err(NotExcess::Undecided(grant.address.clone())),
            Some(principal) if *principal == one.principal => {
                return Err(NotExcess::Declared(grant.address.clone()));
            }
            Some(_) => {}
        }
    }
    if audit.is_allowed(one) {
        return Err(NotExcess::Allowed);
    }
    if audit.is_azures(one) {
        return Err(NotExcess::Azures);
    }
    if has_ended(audit, one) {
        return Err(NotExcess::Ended);
    }
    match audit.concerns(one) {
        true => Ok(one),
        false => Err(NotExcess::Elsewhere(one.scope.clone())),
    }
}

/// Whether an assignment bears on what is ours and nothing in TOML asks for it or allows it.
pub(super) fn is_beside(audit: &Audit<'_>, one: &Assignment) -> bool {
    !has_ended(audit, one)
        && audit.concerns(one)
        && !audit.is_declared(one)
        && !audit.is_allowed(one)
        && !audit.is_azures(one)
}

fn has_ended(audit: &Audit<'_>, one: &Assignment) -> bool {
    one.expires.is_some_and(|end| end <= audit.now)
}
