//! `rbac/`: who there is, what words mean, and who may do what, resolved for each environment.
//!
//! The three files come in as trees, [`Access`] for each environment goes out. A word that stands
//! in a faulty file is not called unknown, nor is a target of a faulty environment: no mistake is
//! the mere consequence of another. It knows no kind: what can be given on is
//! [`Sections::targets`](crate::kinds::Sections::targets).

mod allowed;
mod capabilities;
mod matrix;
mod meaning;
mod operations;
mod principals;
mod resolve;
mod separation;
mod signers;
mod tables;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

pub(super) use tables::{CapabilitiesFile, MatrixFile, PrincipalsFile};

use self::matrix::Cell;
use self::tables::On;
use super::checked::{self, Complaint};
use super::decode::{Decoded, Fault, Missing, decode};
use super::tree::Node;
use super::wrong::Wrong;
use crate::kinds::{Sections, Target, TargetType, VaultSku};
use crate::resource::EnvironmentName;

/// A file of `rbac/`, as far as it could be read.
#[derive(Debug, Default)]
pub(super) enum Input {
    /// There is none.
    #[default]
    Absent,
    /// There is one that cannot be read; that has been reported.
    Faulty,
    /// What it says.
    Tree(Node),
}

/// The three files.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub principals: Input,
    pub capabilities: Input,
    pub matrix: Input,
}

impl Inputs {
    /// Takes in the file `NAME.toml`, `None` where it cannot be read.
    pub fn put(&mut self, name: &str, tree: Option<Node>) {
        let input = tree.map_or(Input::Faulty, Input::Tree);
        match name {
            "principals" => self.principals = input,
            "capabilities" => self.capabilities = input,
            _ => self.matrix = input,
        }
    }
}

/// What there is to give something on.
#[derive(Debug, Default)]
pub(super) struct Estate {
    /// What each environment declares; `None` where its own faults hide that.
    pub targets: BTreeMap<EnvironmentName, Option<Vec<Target>>>,
    /// Environments of which it is certain that no service has a namespace in them.
    pub serviceless: BTreeSet<EnvironmentName>,
    /// The vault of `shared`, where its own faults do not hide that.
    pub vault: Option<SharedVault>,
    /// Whether it is certain that all of it is in another cloud than the public one.
    pub elsewhere: bool,
}

/// What `shared` has to keep signing keys in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SharedVault {
    /// No vault.
    Nothing,
    /// One whose keys are in software only.
    Software,
    /// One with hardware, and the keys that it declares.
    Hardware(BTreeSet<String>),
}

impl SharedVault {
    /// The one that these tables declare.
    pub fn of(sections: &Sections) -> Self {
        match &sections.vault {
            None => Self::Nothing,
            Some(vault) if vault.sku == VaultSku::Standard => Self::Software,
            Some(vault) => Self::Hardware(vault.keys.keys().cloned().collect()),
        }
    }
}

/// The words that a matrix may use; `None` where a faulty file hides them.
struct Vocabulary {
    rows: Option<BTreeSet<String>>,
    /// Each capability and what it is for, where that can be told.
    capabilities: Option<BTreeMap<String, Option<TargetType>>>,
}

/// What `rbac/` says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    principals: PrincipalsFile,
    capabilities: CapabilitiesFile,
    cells: Vec<Cell>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What is odd.
    pub warnings: Vec<Fault>,
    /// What the files say, for the digest; null where there are none.
    pub said: Json,
}

/// Reads the three files.
pub(super) fn read(inputs: Inputs, estate: &Estate) -> Reading {
    let mut faults = Vec::new();
    let mut matrix = inputs.matrix;
    if let Input::Tree(tree) = &mut matrix {
        faults.extend(matrix::flatten(tree));
    }
    let said = said(&inputs.principals, &inputs.capabilities, &matrix);
    let principals = One::read(inputs.principals, principals::check, &mut faults);
    let capabilities = One::read(inputs.capabilities, capabilities::check, &mut faults);
    let cells = match matrix {
        Input::Tree(mut tree) => {
            decode::<MatrixFile>(&mut tree, Missing::Report, &[], &mut faults);
            faults.extend(missing(&tree, principals.absent, "rbac/principals.toml"));
            faults.extend(missing(
                &tree,
                capabilities.absent,
                "rbac/capabilities.toml",
            ));
            let words = Vocabulary {
                rows: rows(&principals),
                capabilities: meanings(&capabilities),
            };
            matrix::read(&tree, &words, estate, &mut faults)
        }
        Input::Absent | Input::Faulty => Vec::new(),
    };
    if let (Some(words), Some(people)) = (&capabilities.decoded, &principals.decoded) {
        faults.extend(separation::breaches(&cells, &words.value, &people.value));
    }
    if let Some(words) = &capabilities.decoded {
        faults.extend(signers::reserved(&cells, &words.value));
    }
    let mut warnings = principals.complaints(|file| principals::oddities(file, estate.elsewhere));
    warnings.extend(capabilities.complaints(capabilities::oddities));
    if let Some(words) = &capabilities.decoded {
        warnings.extend(nowhere(&cells, &words.value, estate));
    }
    let signs = meanings(&capabilities)
        .map(|words| matches!(words.get(signers::SIGN), Some(None | Some(TargetType::Key))));
    faults.extend(principals.complaints(|file| signers::check(file, estate, signs)));
    Reading {
        principals: principals.value(),
        capabilities: capabilities.value(),
        cells,
        faults,
        warnings,
        said,
    }
}

/// Cells whose capability is given in namespaces, of which there are none.
fn nowhere(cells: &[Cell], words: &CapabilitiesFile, estate: &Estate) -> Vec<Fault> {
    let mut odd = Vec::new();
    for cell in cells {
        let (environment, name) = (&cell.environment, &cell.capability);
        let capability = words.capabilities.get(name);
        let inside = capability.is_some_and(|one| {
            let mut grants = one.grants.iter();
            grants.any(|grant| grant.on == On::Namespaces)
        });
        if inside && estate.serviceless.contains(environment) {
            let message = format!("{environment} has no namespace that `{name}` is given in");
            let (table, file) = match environment.is_shared() {
                true => ("shared.services", "common"),
                false => ("services", environment.as_str()),
            };
            let fault = Fault::new(cell.spot, Wrong::Value(message)).help(format!(
                "add `[{table}.NAME]` with its `namespace` to environments/{file}.toml"
            ));
            odd.push(fault);
        }
    }
    odd
}

fn said(principals: &Input, capabilities: &Input, matrix: &Input) -> Json {
    let one = |input: &Input| match input {
        Input::Tree(tree) => tree.to_json(),
        Input::Absent | Input::Faulty => Json::Null,
    };
    let [principals, capabilities, matrix] = [principals, capabilities, matrix].map(one);
    if [&principals, &capabilities, &matrix]
        .iter()
        .all(|it| it.is_null())
    {
        return Json::Null;
    }
    json!({ "principals": principals, "capabilities": capabilities, "matrix": matrix })
}

/// One of the files that the matrix takes its words from.
struct One<T> {
    absent: bool,
    /// What it says, before and after faulty parts of it became holes.
    trees: Option<(Node, Node)>,
    decoded: Option<Decoded<T>>,
}

impl<T: DeserializeOwned + Default> One<T> {
    fn read(input: Input, check: fn(&T) -> Vec<Complaint>, faults: &mut Vec<Fault>) -> Self {
        let Input::Tree(written) = input else {
            return Self {
                absent: matches!(input, Input::Absent),
                trees: None,
                decoded: None,
            };
        };
        let mut tree = written.clone();
        let decoded = decode(&mut tree, Missing::Report, &[], faults);
        let one = Self {
            absent: false,
            trees: Some((written, tree)),
            decoded,
        };
        faults.extend(one.complaints(check));
        one
    }

    fn complaints(&self, check: impl Fn(&T) -> Vec<Complaint>) -> Vec<Fault> {
        match (&self.trees, &self.decoded) {
            (Some((_, tree)), Some(decoded)) => checked::check(tree, decoded, check),
            _ => Vec::new(),
        }
    }

    /// The keys of a table; `None` where a fault hides them.
    fn keys(&self, table: &str) -> Option<Vec<&str>> {
        let (written, tree) = self.trees.as_ref()?;
        let path = [table.to_owned()];
        let place = tree.locate(&path);
        if place.hole {
            return None;
        }
        let table = written.entries()?.get(table).map(|entry| &entry.value);
        let entries = table.and_then(Node::entries).into_iter().flatten();
        Some(entries.map(|(key, _)| key.as_str()).collect())
    }

    fn value(self) -> T {
        self.decoded
            .map(|decoded| decoded.value)
            .unwrap_or_default()
    }
}

fn rows(file: &One<PrincipalsFile>) -> Option<BTreeSet<String>> {
    let principals = file.keys("principals")?;
    let groups = file.keys("groups")?;
    Some(
        principals
            .into_iter()
            .chain(groups)
            .map(str::to_owned)
            .collect(),
    )
}

fn meanings(file: &One<CapabilitiesFile>) -> Option<BTreeMap<String, Option<TargetType>>> {
    let names = file.keys("capabilities")?;
    let meaning = |name: &str| {
        let path = ["capabilities", name, "target"].map(str::to_owned);
        let place = file.trees.as_ref()?.1.locate(&path);
        let table = file.decoded.as_ref()?.value.capabilities.get(name)?;
        (place.complete && !place.hole).then_some(table.target)
    };
    let names = names.into_iter();
    Some(names.map(|name| (name.to_owned(), meaning(name))).collect())
}

/// A file that is not there, though a matrix that says something needs it.
fn missing(matrix: &Node, absent: bool, file: &str) -> Option<Fault> {
    let row = matrix.entries()?.values().map(|row| row.key).min()?;
    absent.then(|| {
        Fault::new(row, Wrong::Value(format!("the matrix needs `{file}`")))
            .help("`onestream init` in an empty folder writes a sample to begin with")
    })
}
