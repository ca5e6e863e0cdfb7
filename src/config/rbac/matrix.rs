//! `rbac/matrix.toml`: its cells, what is wrong with them, and what they come to.
//!
//! ## Why
//! Cells are read from the tree, not from a typed value: a row may be written as `"dev.registry"`
//! or as `dev.registry`, and every mistake is shown at the key or the value that makes it.

use std::collections::BTreeMap;

use super::super::decode::Fault;
use super::super::near;
use super::super::tree::{Content, Entry, Node, Spot};
use super::super::wrong::Wrong;
use super::{Estate, Vocabulary};
use crate::kinds::{Target, TargetType};
use crate::resource::EnvironmentName;

/// A cell whose words all mean something.
#[derive(Debug)]
pub(super) struct Cell {
    pub row: String,
    pub environment: EnvironmentName,
    pub target: Target,
    pub capability: String,
    /// Where the capability stands.
    pub spot: Spot,
}

/// Makes one key of each dotted path in a row. Says which cells are there twice.
pub(super) fn flatten(tree: &mut Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    for row in tree
        .entries_mut()
        .into_iter()
        .flat_map(BTreeMap::values_mut)
    {
        if let Content::Table(entries) = &mut row.value.content {
            let mut flat = BTreeMap::new();
            for (key, entry) in std::mem::take(entries) {
                lift(key, entry, &mut flat, &mut faults);
            }
            *entries = flat;
        }
    }
    faults
}

fn lift(path: String, entry: Entry, flat: &mut BTreeMap<String, Entry>, faults: &mut Vec<Fault>) {
    if let Content::Table(entries) = entry.value.content {
        for (key, entry) in entries {
            lift(format!("{path}.{key}"), entry, flat, faults);
        }
        return;
    }
    let Some(other) = flat.get_mut(&path) else {
        flat.insert(path, entry);
        return;
    };
    let (first, again) = if other.key.start <= entry.key.start {
        (other.key, entry.key)
    } else {
        (entry.key, std::mem::replace(other, entry.clone()).key)
    };
    let mut fault = Fault::new(again, Wrong::DuplicateKey(path));
    fault.first = Some(first);
    faults.push(fault);
}

/// Reads the cells of a flattened tree.
pub(super) fn read(
    tree: &Node,
    words: &Vocabulary,
    estate: &Estate,
    faults: &mut Vec<Fault>,
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (row, entry) in tree.entries().into_iter().flatten() {
        if matches!(entry.value.content, Content::Hole) {
            continue;
        }
        faults.extend(check_row(row, entry.key, words));
        for (address, cell) in entry.value.entries().into_iter().flatten() {
            let place = read_address(address, cell.key, estate, faults);
            let Content::String(capability) = &cell.value.content else {
                continue;
            };
            let target = place.as_ref().map(|(_, target)| target.of_type());
            faults.extend(check_capability(
                capability,
                cell.value.spot,
                target,
                address,
                words,
            ));
            if let Some((environment, target)) = place {
                let (row, capability) = (row.clone(), capability.clone());
                cells.push(Cell {
                    row,
                    environment,
                    target,
                    capability,
                    spot: cell.value.spot,
                });
            }
        }
    }
    cells
}

fn check_row(row: &str, spot: Spot, words: &Vocabulary) -> Option<Fault> {
    let known = words.rows.as_ref()?;
    if known.contains(row) {
        return None;
    }
    let fault = Fault::new(spot, Wrong::Value(format!("no principal or group `{row}`")));
    Some(match near::name(row, known.iter().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help("principals and groups are declared in rbac/principals.toml"),
    })
}

fn check_capability(
    name: &str,
    spot: Spot,
    on: Option<TargetType>,
    address: &str,
    words: &Vocabulary,
) -> Option<Fault> {
    let known = words.capabilities.as_ref()?;
    let Some(target) = known.get(name) else {
        let fault = Fault::new(spot, Wrong::Value(format!("no capability `{name}`")));
        return Some(match near::name(name, known.keys().map(String::as_str)) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help("capabilities are declared in rbac/capabilities.toml"),
        });
    };
    let (target, on) = (target.as_ref()?, on?);
    if *target == on {
        return None;
    }
    let message = format!("`{name}` is for a {target}, and {address} is a {on}");
    let fitting: Vec<&str> = known
        .iter()
        .filter(|(_, target)| **target == Some(on))
        .map(|(name, _)| name.as_str())
        .collect();
    let help = match &fitting[..] {
        [] => format!("no capability in rbac/capabilities.toml is for a {on}"),
        fitting => format!("for a {on} there are {}", fitting.join(", ")),
    };
    Some(Fault::new(spot, Wrong::Value(message)).help(help))
}

/// Where an address leads. Nothing is said of environments that nobody can be sure of.
fn read_address(
    address: &str,
    spot: Spot,
    estate: &Estate,
    faults: &mut Vec<Fault>,
) -> Option<(EnvironmentName, Target)> {
    let (first, path) = address.split_once('.').unwrap_or((address, ""));
    let known = estate
        .targets
        .iter()
        .find(|(environment, _)| environment.as_str() == first);
    let Some((environment, declared)) = known else {
        let fault = Fault::new(spot, Wrong::Value(format!("no environment `{first}`")));
        faults.push(
            match near::name(first, estate.targets.keys().map(EnvironmentName::as_str)) {
                Some(near) if !path.is_empty() => {
                    fault.help(format!("did you mean `{near}.{path}`?"))
                }
                _ => fault.help("write ENVIRONMENT.TARGET, such as \"dev.registry\""),
            },
        );
        return None;
    };
    let Some(target) = Target::at(path) else {
        let message = format!("nothing can be given on `{address}`");
        let fault = Fault::new(spot, Wrong::Value(message));
        let all = declared.iter().flatten().map(Target::to_string);
        let generic = ["registry", "cluster"].map(str::to_owned);
        let candidates: Vec<String> = all.chain(generic).collect();
        faults.push(
            match near::name(path, candidates.iter().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{first}.{near}`?")),
                None => fault.help(format!(
                    "`{first}.registry`, `{first}.cluster` or `{first}.vault.key.NAME`"
                )),
            },
        );
        return None;
    };
    if let Some(declared) = declared
        && !declared.contains(&target)
    {
        faults.push(undeclared(environment, &target, declared, spot));
    }
    Some((environment.clone(), target))
}

fn undeclared(
    environment: &EnvironmentName,
    target: &Target,
    declared: &[Target],
    spot: Spot,
) -> Fault {
    let wrong = match target {
        Target::Key(name) => format!("{environment} declares no key `{name}`"),
        other => format!("{environment} declares no {other}"),
    };
    let fault = Fault::new(spot, Wrong::Value(wrong));
    let (table, file) = match environment.is_shared() {
        true => (format!("shared.{}", target.table()), "common"),
        false => (target.table(), environment.as_str()),
    };
    let alike: Vec<String> = declared
        .iter()
        .filter(|other| other.of_type() == target.of_type())
        .map(Target::to_string)
        .collect();
    let path = target.to_string();
    match near::name(&path, alike.iter().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{environment}.{near}`?")),
        None => fault.help(format!("add `[{table}]` to environments/{file}.toml")),
    }
}
