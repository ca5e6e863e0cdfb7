//! Holders beside the matrix: who holds what nobody declared, where no cell of it shows that.

use std::collections::BTreeMap;

use serde::Serialize;

use super::grants;
use crate::rbac::assignment::Assignment;
use crate::rbac::audit::Audit;
use crate::resource::Severity;

/// Somebody who holds what nobody declared, beside the cells of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The object id.
    pub principal: String,
    /// What people call it.
    pub name: String,
    /// How bad the worst of it is.
    pub severity: Severity,
    /// What it holds, and where.
    pub holds: Vec<String>,
}

/// Everybody of that sort, the worst first.
pub fn holders(audit: &Audit<'_>) -> Vec<Holder> {
    let mut found: BTreeMap<&str, Holder> = BTreeMap::new();
    for (assignment, eligible) in grants::all_beside(audit) {
        if shows(audit, assignment, eligible) {
            continue;
        }
        let id = assignment.principal.as_str();
        let severity = grants::extra(audit, assignment, eligible).severity;
        let holder = found.entry(id).or_insert_with(|| Holder {
            principal: id.to_owned(),
            name: audit.who(id),
            severity,
            holds: Vec::new(),
        });
        holder.severity = holder.severity.max(severity);
        holder.holds.push(grants::held(audit, assignment, eligible));
    }
    let mut found: Vec<Holder> = found.into_values().collect();
    found.sort_by(|a, b| (b.severity.cmp(&a.severity)).then_with(|| a.name.cmp(&b.name)));
    found
}

/// Whether a cell shows an assignment: one of a row, on a column or above it.
fn shows(audit: &Audit<'_>, assignment: &Assignment, eligible: bool) -> bool {
    let scope = &assignment.scope;
    let mut columns = audit.estate.columns.iter();
    !eligible
        && !audit.rows_through(&assignment.principal).is_empty()
        && columns.any(|one| {
            scope.continues(&one.scope)
                || one.scope.continues(scope)
                // Management groups, of which a list with the subscription tells.
                || !scope.is_in_subscription()
        })
}
