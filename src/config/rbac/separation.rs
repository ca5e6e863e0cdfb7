//! `[[separate]]` of capabilities: what nobody may hold both of, whoever gives it to them.

use std::collections::BTreeMap;

use super::super::checked::Complaint;
use super::super::decode::Fault;
use super::super::near;
use super::super::wrong::Wrong;
use super::matrix::Cell;
use super::tables::{CapabilitiesFile, PrincipalsFile, SeparateTable, SideTable};
use crate::resource::{Address, Pattern, Problem};

/// What is wrong with the rules themselves.
pub(super) fn check(file: &CapabilitiesFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (at, rule) in file.separate.iter().enumerate() {
        let at = at.to_string();
        if rule.reason.trim().is_empty() {
            let problem = Problem::below(["separate", &at, "reason"], "an empty text");
            complaints.push(problem.into());
        }
        for (key, side) in [("either", &rule.either), ("or", &rule.or)] {
            let path = |name| ["separate", &at, key, name];
            if !file.capabilities.contains_key(&side.capability) {
                let message = format!("no capability `{}`", side.capability);
                let known = file.capabilities.keys().map(String::as_str);
                let mut problem = Problem::below(path("capability"), message);
                if let Some(near) = near::name(&side.capability, known) {
                    problem = problem.help(format!("did you mean `{near}`?"));
                }
                complaints.push(problem.into());
            }
            if let Some(on) = &side.on
                && on.parse::<Pattern>().is_err()
            {
                let message = format!("`{on}` selects no address");
                let problem = Problem::below(path("on"), message)
                    .help("an address, `*` for any part of it, such as \"prod.*\"");
                complaints.push(problem.into());
            }
        }
    }
    complaints
}

/// The cells that give somebody what a rule keeps apart.
pub(super) fn breaches(
    cells: &[Cell],
    capabilities: &CapabilitiesFile,
    principals: &PrincipalsFile,
) -> Vec<Fault> {
    let holders = holders(cells, principals);
    let mut faults = Vec::new();
    for rule in &capabilities.separate {
        let mut told = Vec::new();
        for (who, cells) in &holders {
            let on = |side: &SideTable| cells.iter().copied().find(|cell| selects(side, cell));
            let (Some(first), Some(second)) = (on(&rule.either), on(&rule.or)) else {
                continue;
            };
            // Everybody in a group breaks the same rule by the same cells.
            let pair = (first.spot.start, second.spot.start);
            if !told.contains(&pair) {
                told.push(pair);
                faults.push(fault(rule, who, first, second));
            }
        }
    }
    faults
}

/// The cells of everybody: of each row, and of people who are in the groups of several rows.
fn holders<'c>(cells: &'c [Cell], principals: &PrincipalsFile) -> BTreeMap<String, Vec<&'c Cell>> {
    let mut holders: BTreeMap<String, Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        let group = principals.groups.get(&cell.row);
        let people = group.and_then(|group| group.members.as_ref());
        let people = people.into_iter().flatten().map(|(name, id)| (id, name));
        holders
            .entry(format!("`{}`", cell.row))
            .or_default()
            .push(cell);
        for (id, name) in people {
            let who = format!("`{name}` ({})", id.to_lowercase());
            holders.entry(who).or_default().push(cell);
        }
    }
    holders
}

fn selects(side: &SideTable, cell: &Cell) -> bool {
    let on = || {
        let pattern = side.on.as_ref()?.parse::<Pattern>().ok()?;
        let address = Address::new(&cell.environment, &cell.target.to_string()).ok()?;
        Some(pattern.matches(&address))
    };
    side.capability == cell.capability && (side.on.is_none() || on() == Some(true))
}

fn fault(rule: &SeparateTable, who: &str, first: &Cell, second: &Cell) -> Fault {
    let said = |cell: &Cell| {
        let (capability, environment) = (&cell.capability, &cell.environment);
        format!("`{capability}` on {environment}.{}", cell.target)
    };
    let message = format!("{who} would hold {} and {}", said(first), said(second));
    let mut fault = Fault::new(second.spot, Wrong::Value(message));
    fault.first = Some(first.spot);
    fault.help(format!(
        "rbac/capabilities.toml keeps them apart: {}",
        rule.reason
    ))
}
