//! Whether one person alone may do something: what makes a signature that person's.

use std::collections::BTreeSet;

use super::access::Access;
use super::action::Action;
use super::decision::Decision;
use super::read::Reading;
use super::scope::Scope;

/// The object ids of all besides `owner` who may do something at a scope, or may for all that is
/// known; groups count, too.
///
/// # Errors
/// Why nobody can tell, for people.
pub fn besides(
    access: &Access,
    reading: &Reading,
    scope: &Scope,
    action: &Action,
    owner: &str,
) -> Result<BTreeSet<String>, String> {
    if reading.is_blind_at(scope) {
        return Err("who else may could not be read".to_owned());
    }
    let assignments = access.tenant().assignments.iter();
    let holders: BTreeSet<String> = assignments
        .map(|assignment| assignment.principal.to_ascii_lowercase())
        .filter(|holder| !holder.eq_ignore_ascii_case(owner))
        .collect();
    let may = |holder: &String| {
        matches!(
            access.allows(holder, scope, action),
            Decision::Allowed { .. } | Decision::Possible { .. }
        )
    };
    Ok(holders.into_iter().filter(may).collect())
}
