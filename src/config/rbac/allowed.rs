//! `[deployers]` and `[allowed]` of `rbac/principals.toml`: what is held beside the matrix.

use std::collections::BTreeMap;

use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

use super::super::checked::Complaint;
use super::tables::{AllowanceTable, DeployerTable, PrincipalsFile};
use super::text;
use crate::kinds::{Allowance, Deployer};
use crate::resource::Problem;

/// The longest name, which people read beside those of rows.
const LONGEST_NAME: usize = 54;
/// The longest text that explains something.
const LONGEST_TEXT: usize = 600;

/// How far away the last day of what is allowed may be: two years, a leap day among them.
const LONGEST: Duration = Duration::days(731);

/// What cannot be meant.
pub(super) fn check(file: &PrincipalsFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut known = BTreeMap::new();
    for (name, table) in &file.deployers {
        let path = ["deployers", name];
        complaints.extend(text::name(&path, LONGEST_NAME));
        for table in ["principals", "groups"] {
            let taken = match table {
                "principals" => file.principals.contains_key(name),
                _ => file.groups.contains_key(name),
            };
            if taken {
                let problem = Problem::below(path, format!("`{name}` is taken"))
                    .help("each name means one principal: rename one")
                    .clashing([table, name]);
                complaints.push(Complaint::of_key(problem));
            }
        }
        complaints.extend(check_deployer(name, table));
        if let Some(first) = known.insert(table.object_id.to_lowercase(), name) {
            let message = format!("`{first}` has the same object id");
            let problem = Problem::below(["deployers", name, "object_id"], message);
            complaints.push(problem.clashing(["deployers", first, "object_id"]).into());
        }
    }
    for (name, table) in &file.allowed {
        complaints.extend(text::name(&["allowed", name], LONGEST_NAME));
        complaints.extend(check_allowance(name, table));
    }
    complaints
}

fn check_deployer(name: &str, table: &DeployerTable) -> Vec<Complaint> {
    let path = |key| ["deployers", name, key];
    let mut complaints: Vec<Complaint> = text::guid(&path("object_id"), &table.object_id)
        .into_iter()
        .collect();
    for (key, ids) in [("roles", &table.roles), ("owners", &table.owners)] {
        for (at, id) in ids.iter().enumerate() {
            let at = at.to_string();
            complaints.extend(text::guid(&["deployers", name, key, &at], id));
        }
    }
    complaints
}

fn check_allowance(name: &str, table: &AllowanceTable) -> Vec<Complaint> {
    let path = |key| ["allowed", name, key];
    let mut complaints = Vec::new();
    complaints.extend(text::guid(&path("principal"), &table.principal));
    complaints.extend(text::guid(&path("role"), &table.role));
    for (key, value) in [("owner", &table.owner), ("reason", &table.reason)] {
        complaints.extend(text::length(&path(key), Some(value), 1, LONGEST_TEXT));
    }
    if let Some(scope) = &table.scope
        && !scope.starts_with('/')
    {
        let message = format!("`{scope}` is not the id of anything in Azure");
        let problem = Problem::below(path("scope"), message)
            .help("such as /subscriptions/GUID; leave it out for a role of the directory");
        complaints.push(problem.into());
    }
    complaints.extend(check_until(&table.until, path("until")));
    complaints
}

fn check_until(until: &str, path: [&str; 3]) -> Option<Complaint> {
    let (message, help) = match date(until) {
        None => (
            format!("`{until}` is not a date"),
            "such as 2027-03-31: nothing is allowed for good",
        ),
        Some(day) if day > OffsetDateTime::now_utc().date().saturating_add(LONGEST) => (
            format!("`{until}` is more than two years away"),
            "nothing is allowed for good: name a nearer day, and move it when it comes",
        ),
        Some(_) => return None,
    };
    Some(Problem::below(path, message).help(help).into())
}

fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// Who runs `apply`.
pub(super) fn deployers(file: &PrincipalsFile) -> BTreeMap<String, Deployer> {
    let deployer = |(name, table): (&String, &DeployerTable)| {
        let deployer = Deployer {
            object_id: table.object_id.to_lowercase(),
            description: table.description.clone(),
            roles: table.roles.iter().map(|id| id.to_lowercase()).collect(),
            graph: table.graph.clone(),
            owners: table.owners.iter().map(|id| id.to_lowercase()).collect(),
        };
        (name.clone(), deployer)
    };
    file.deployers.iter().map(deployer).collect()
}

/// What else is held beside the matrix.
pub(super) fn allowed(file: &PrincipalsFile) -> BTreeMap<String, Allowance> {
    let allowance = |(name, table): (&String, &AllowanceTable)| {
        let allowance = Allowance {
            principal: table.principal.to_lowercase(),
            role: table.role.to_lowercase(),
            scope: table.scope.clone(),
            owner: table.owner.clone(),
            reason: table.reason.clone(),
            until: date(&table.until)?,
        };
        Some((name.clone(), allowance))
    };
    file.allowed.iter().filter_map(allowance).collect()
}
