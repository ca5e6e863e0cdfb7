//! `common.toml`: what all environments inherit, what `shared` is, and what only it may say.

use super::azure::AzureSettings;
use super::checked;
use super::control::ControlSettings;
use super::decode::{Decoded, Fault, Missing, decode};
use super::tables::CommonTables;
use super::tree::Node;
use super::wrong::Wrong;
use crate::kinds::Sections;

/// What `common.toml` says.
#[derive(Debug)]
pub(super) struct Common {
    /// Which Azure, and where control data is; `None` where that cannot be made out.
    pub settings: Option<(AzureSettings, ControlSettings)>,
    /// What every environment inherits.
    pub base: Node,
    /// The effective tables of `shared`.
    pub shared: Node,
    /// The tables that no environment sees, for the digest.
    pub own: Node,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// A key that one place only may set: where it is, and where it should be.
type Elsewhere = (&'static [&'static str], &'static str);

/// What an environment's file may not set.
pub(super) const COMMON_ONLY: &[Elsewhere] = &[
    (&["azure", "cloud"], FOR_ALL),
    (&["azure", "credential"], FOR_ALL),
    (&["azure", "estate"], FOR_ALL),
    (&["azure", "endpoints"], FOR_ALL),
    (&["control"], FOR_ALL),
    (
        &["shared"],
        "`shared` is described in environments/common.toml",
    ),
];
const FOR_ALL: &str = "it is one for all environments: set it in environments/common.toml";

/// What `[shared]` may not set.
const NOT_SHARED: &[Elsewhere] = &[
    (
        &["azure"],
        "`shared` lives in the tenant and subscription of `[azure]`",
    ),
    (
        &["control"],
        "there is one control store: set it in `[control]`",
    ),
    (&["shared"], "`[shared]` is one level deep"),
    (&["environment", "order"], "`shared` always comes first"),
];

/// Takes keys out of a tree that belong elsewhere, and says so.
pub(super) fn take_misplaced(tree: &mut Node, rules: &[Elsewhere]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (keys, help) in rules {
        let path: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let place = tree.locate(&path);
        if tree.remove(&path) {
            let wrong = Wrong::Misplaced(keys.join("."));
            faults.push(Fault::new(place.key, wrong).help(*help));
        }
    }
    faults
}

/// Reads the tree of `common.toml`.
pub(super) fn read(tree: &Node) -> Common {
    let (base, own, shared) = parts(tree.clone());
    let mut shared = shared;
    let mut faults = take_misplaced(&mut shared, NOT_SHARED);
    let shared = shared_base(&base).overlaid_by(&shared);

    let mut settings_tree = tree.clone();
    settings_tree.remove(&["shared".to_owned()]);
    let mut sections_tree = settings_tree.split_off(Sections::TABLES);
    let neighbours: Vec<&str> = Sections::TABLES.iter().copied().chain(["shared"]).collect();
    let tables = decode(
        &mut settings_tree,
        Missing::Report,
        &neighbours,
        &mut faults,
    );
    // Half of a kind's table may stand in each environment's file, so only what is here counts.
    decode::<Sections>(&mut sections_tree, Missing::Forgive, &[], &mut faults);
    let settings = tables.map(|tables: Decoded<CommonTables>| {
        faults.extend(checked::check(&settings_tree, &tables, |tables| {
            let (_, mut problems) = AzureSettings::read(&tables.azure);
            problems.extend(ControlSettings::read(&tables.control).1);
            problems
        }));
        let (azure, _) = AzureSettings::read(&tables.value.azure);
        let (control, _) = ControlSettings::read(&tables.value.control);
        (azure, control)
    });
    Common {
        settings,
        base,
        shared,
        own,
        faults,
    }
}

/// What environments inherit, what none of them sees, and `[shared]`.
fn parts(mut tree: Node) -> (Node, Node, Node) {
    let mut shared = Node::empty_table(tree.spot);
    if let Some(entry) = tree
        .entries_mut()
        .and_then(|entries| entries.remove("shared"))
    {
        shared = entry.value;
    }
    let mut own = tree.split_off(&["control"]);
    if let Some(azure) = tree.get_mut(&["azure".to_owned()]) {
        let hidden = azure.split_off(&["cloud", "credential", "endpoints"]);
        if let (Some(own), Some(hidden)) = (own.entries_mut(), hidden.entries()) {
            own.extend(hidden.clone());
        }
    }
    (tree, own, shared)
}

/// What `shared` inherits.
fn shared_base(base: &Node) -> Node {
    base.clone().split_off(&["azure", "regions", "tags"])
}
