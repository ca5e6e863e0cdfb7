//! What could be obtained beyond what is declared, were every grant as declared.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Rule};
use super::grants::deploys;
use crate::rbac::audit::Audit;
use crate::rbac::estate::Column;
use crate::rbac::explain::way;
use crate::rbac::obtain::{DirectoryRole, Link, Obtained, Power, STEPS, obtain};
use crate::rbac::read::PrincipalSort;
use crate::resource::Severity;

/// How many columns an explanation names.
const NAMED: usize = 4;

/// One way that is open to somebody: its shortest path, and on which columns it gives more.
struct Open {
    path: Obtained,
    columns: Vec<String>,
}

/// Ways by which somebody could obtain more.
pub(super) fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in subjects(audit) {
        for open in ways(audit, &id).into_values() {
            findings.push(finding(audit, &id, &open));
        }
    }
    findings
}

/// Rows, people, and everybody to whom the directory or a resource gives something beside roles.
fn subjects(audit: &Audit<'_>) -> BTreeSet<String> {
    let estate = audit.estate;
    let rows = estate.rows.iter().filter_map(|row| row.id.clone());
    let people = estate.people.keys().chain(estate.identities.keys());
    let directory = &audit.reading.directory;
    let roles = directory.roles.keys().chain(directory.eligible.keys());
    let holders = roles.chain(directory.app_roles.keys());
    let resources = &audit.reading.resources;
    let admins = resources.clusters.iter().flat_map(|one| &one.admin_groups);
    rows.chain(people.cloned())
        .chain(holders.cloned())
        .chain(admins.cloned())
        .filter(|id| {
            let sort = audit.reading.principals.get(id).map(|one| one.sort);
            sort != Some(PrincipalSort::Gone)
        })
        .collect()
}

/// The ways that are open to somebody, by their first steps.
fn ways(audit: &Audit<'_>, id: &str) -> BTreeMap<(&'static str, String), Open> {
    let ground = audit.as_declared();
    let obtainable = obtain(&ground, id);
    let mut ways: BTreeMap<(&'static str, String), Open> = BTreeMap::new();
    let columns = audit.estate.columns.iter();
    for column in columns.filter(|column| !audit.reading.is_blind_at(&column.scope)) {
        for scope in std::iter::once(&column.scope).chain(&column.inside) {
            let declared = audit.declared_at(id, scope);
            for one in obtainable.beyond(&ground, scope, &declared) {
                let Some(first) = one.path.first().filter(|it| counts(audit, id, it)) else {
                    continue;
                };
                let key = (first.step, first.detail.clone());
                note(&mut ways, key, one, column);
            }
        }
    }
    ways
}

fn note(
    ways: &mut BTreeMap<(&'static str, String), Open>,
    key: (&'static str, String),
    one: Obtained,
    column: &Column,
) {
    let open = ways.entry(key).or_insert_with(|| Open {
        path: one.clone(),
        columns: Vec::new(),
    });
    if (one.certain, std::cmp::Reverse(one.path.len()))
        > (open.path.certain, std::cmp::Reverse(open.path.path.len()))
    {
        open.path = one;
    }
    let address = column.address.to_string();
    if !open.columns.contains(&address) {
        open.columns.push(address);
    }
}

/// Whether a way that begins so is a finding of its own.
fn counts(audit: &Audit<'_>, id: &str, first: &Link) -> bool {
    let step = STEPS.iter().find(|step| step.name == first.step);
    // Owners are found with what they own.
    if matches!(first.step, "own an application" | "own a group") {
        return false;
    }
    // What comes of rights that were given on purpose, to whom no cell promises that it is all.
    let row = audit.estate.row_of(id);
    let is_promised =
        row.is_some_and(|_| !deploys(audit, id)) || audit.estate.people.contains_key(id);
    if step.is_some_and(|step| step.by_rights) && !is_promised {
        return false;
    }
    match &first.to {
        Power::AppRole(role) => {
            let mut deployers = audit.estate.deployers.values();
            let deployer = deployers.find(|one| one.object_id == id);
            !deployer.is_some_and(|one| one.graph.iter().any(|name| *name == role.to_string()))
        }
        Power::DirectoryRole(role) => !is_allowed(audit, id, role),
        _ => true,
    }
}

/// Whether the allow-list lets somebody hold a directory role.
fn is_allowed(audit: &Audit<'_>, id: &str, role: &DirectoryRole) -> bool {
    audit.estate.allowed.values().any(|one| {
        one.scope.is_none()
            && one.principal == id
            && DirectoryRole::of_template(&one.role).as_ref() == Some(role)
    })
}

fn finding(audit: &Audit<'_>, id: &str, open: &Open) -> Finding {
    let rows = audit.rows_through(id).into_iter();
    let through: Vec<&str> = rows
        .filter(|row| row.id.as_deref() != Some(id))
        .map(|row| row.name.as_str())
        .collect();
    let (subject, through) = match &through[..] {
        [] => (audit.name(id), String::new()),
        rows => (
            rows.join(", "),
            format!(", and through it {},", rows.join(", ")),
        ),
    };
    let more = open.columns.len().saturating_sub(NAMED);
    let mut columns = open.columns.clone();
    columns.truncate(NAMED);
    let mut columns = columns.join(", ");
    if more > 0 {
        columns.push_str(&format!(" and {more} more"));
    }
    let steps = way(audit, &open.path).steps;
    let verb = if open.path.certain {
        "could"
    } else {
        "may be able to"
    };
    let severity = match open.path.certain {
        true => Severity::Critical,
        false => Severity::High,
    };
    let first = open.path.path.first();
    let first = first.map_or_else(String::new, |link| audit.in_names(&link.detail));
    Finding {
        certain: open.path.certain,
        ..Finding::new(severity, Rule::CouldObtain, subject)
    }
    .about(id)
    .because(format!(
        "{}{through} {verb} obtain more on {columns}: {}",
        audit.who(id),
        steps.join(", then ")
    ))
    .instead(format!("close the first step: {first}"))
}
