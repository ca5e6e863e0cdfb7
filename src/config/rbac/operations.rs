//! What Azure's providers can do, as far as it is known here: an action that none has gives nothing.
//!
//! ## Why
//! Providers grow, so what is not in the list is odd and no mistake; `rbac check` asks Azure itself.
//! Of a resource type that the list does not have, only a name that is nearly one of the list's is
//! taken for a slip.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static TABLE: &str = include_str!("operations.txt");

static KNOWN: LazyLock<Operations> = LazyLock::new(|| Operations::read(TABLE));

/// How far from a name of an unlisted type a slip may be.
const SLIP: usize = 3;

/// The two lists of a role or meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Actions,
    DataActions,
}

impl List {
    /// The list with that key in TOML.
    pub(super) fn of(key: &str) -> Self {
        match key {
            "actions" => Self::Actions,
            _ => Self::DataActions,
        }
    }

    fn other(self) -> (Self, &'static str) {
        match self {
            Self::Actions => (Self::DataActions, "data_actions"),
            Self::DataActions => (Self::Actions, "actions"),
        }
    }
}

#[derive(Debug, Default)]
struct Operations {
    /// By its lower-case name, each with how Azure spells it.
    actions: BTreeMap<String, String>,
    data_actions: BTreeMap<String, String>,
    /// The beginnings of those that are not told one by one, with what they end in.
    below: Vec<(String, String)>,
    /// Providers with a type, in lower case.
    types: BTreeSet<String>,
}

impl Operations {
    fn read(table: &str) -> Self {
        let mut known = Self::default();
        let (mut provider, mut list) = ("", List::Actions);
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let path = words.next().unwrap_or_default();
            match (line.starts_with(' '), path) {
                (false, name) => (provider, list) = (name, List::Actions),
                (true, "data") => list = List::DataActions,
                (true, path) => {
                    for word in words {
                        known.put(&name(provider, path, word), list);
                    }
                }
            }
        }
        known
    }

    fn put(&mut self, name: &str, list: List) {
        let key = name.to_lowercase();
        if let Some(of_type) = of_type(&key) {
            self.types.insert(of_type.to_owned());
        }
        match (key.split_once('*'), list) {
            (Some((start, end)), _) => self.below.push((start.to_owned(), end.to_owned())),
            (None, List::Actions) => drop(self.actions.insert(key, name.to_owned())),
            (None, List::DataActions) => drop(self.data_actions.insert(key, name.to_owned())),
        }
    }

    fn list(&self, list: List) -> &BTreeMap<String, String> {
        match list {
            List::Actions => &self.actions,
            List::DataActions => &self.data_actions,
        }
    }

    fn has(&self, key: &str, list: List) -> bool {
        let mut below = self.below.iter();
        self.list(list).contains_key(key)
            || list == List::DataActions
                && below.any(|(start, end)| key.starts_with(start) && key.ends_with(end))
    }

    /// The name that is nearest, if it is at most so far.
    fn near(&self, key: &str, list: List, most: usize) -> Option<&str> {
        let all = self.list(list).iter();
        let distances = all.map(|(known, name)| (strsim::damerau_levenshtein(known, key), name));
        let (_, name) = distances.filter(|(far, _)| *far <= most).min()?;
        Some(name)
    }
}

fn name(provider: &str, path: &str, word: &str) -> String {
    match word {
        "r" => format!("{provider}/{path}/read"),
        "w" => format!("{provider}/{path}/write"),
        "d" => format!("{provider}/{path}/delete"),
        "-" => format!("{provider}/{path}"),
        action => format!("{provider}/{path}/{action}/action"),
    }
}

/// The provider and the first resource type of an action.
fn of_type(key: &str) -> Option<&str> {
    let first = key.find('/')?;
    let second = key[first + 1..].find('/')? + first + 1;
    Some(&key[..second])
}

/// What is odd about an action, and what to do about it.
pub(super) fn odd(action: &str, list: List) -> Option<(String, String)> {
    let key = action.to_lowercase();
    if KNOWN.has(&key, list) {
        return None;
    }
    let (other, its_key) = list.other();
    if KNOWN.has(&key, other) {
        let message = format!("`{action}` belongs in `{its_key}`");
        return Some((message, "Azure knows it on the other plane only".to_owned()));
    }
    let is_listed = of_type(&key).is_some_and(|of_type| KNOWN.types.contains(of_type));
    let most = if is_listed { 1 + key.len() / 12 } else { SLIP };
    let near = KNOWN.near(&key, list, most);
    if near.is_none() && !is_listed {
        return None;
    }
    let message = format!("no provider is known to have `{action}`");
    let help = near.map_or_else(
        || "if it is new, `onestream rbac check` asks Azure; else it gives nothing".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some((message, help))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn slips_are_odd_and_what_is_not_listed_is_not() {
        let help = |action, list| odd(action, list).map(|(_, help)| help);
        for fine in [
            "Microsoft.ContainerRegistry/registries/importImage/action",
            "microsoft.containerregistry/REGISTRIES/pull/Read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.ContainerService/fleets/read",
            "Contoso.Custom/things/read",
        ] {
            assert_eq!(odd(fine, List::Actions), None, "{fine}");
        }
        for fine in [
            "Microsoft.KeyVault/vaults/keys/sign/action",
            "Microsoft.ContainerService/managedClusters/healthz/ping/read",
        ] {
            assert_eq!(odd(fine, List::DataActions), None, "{fine}");
        }
        for (slip, near) in [
            (
                "Microsoft.ContainerRegistry/registries/importImages/action",
                "Microsoft.ContainerRegistry/registries/importImage/action",
            ),
            (
                "Microsoft.ContainerRegistri/registries/pull/read",
                "Microsoft.ContainerRegistry/registries/pull/read",
            ),
            (
                "Microsoft.ContainerService/managedCluster/read",
                "Microsoft.ContainerService/managedClusters/read",
            ),
        ] {
            let expected = Some(format!("did you mean `{near}`?"));
            assert_eq!(help(slip, List::Actions), expected);
        }
        let sign = "Microsoft.KeyVault/vaults/keys/sign/action";
        let (message, _) = odd(sign, List::Actions).expect("the other plane");
        assert!(message.contains("`data_actions`"), "{message}");
        let new = "Microsoft.ContainerRegistry/registries/somethingNew/write";
        assert!(help(new, List::Actions).is_some_and(|help| help.contains("rbac check")));
    }

    /// What the specifications have under another name than method and path would give, or what
    /// asks for no right of its own.
    const NAMED_OTHERWISE: [&str; 6] = [
        "Microsoft.ContainerRegistry/checkNameAvailability/action",
        "Microsoft.ContainerRegistry/registries/privateLinkResources/read",
        "Microsoft.ContainerService/managedClusters/outboundNetworkDependenciesEndpoints/read",
        "Microsoft.ContainerService/managedClusters/privateLinkResources/read",
        "Microsoft.KeyVault/checkNameAvailability/action",
        "Microsoft.KeyVault/managedHSMs/regions/read",
    ];

    /// Where the reference data lies beside the checkout, if it does.
    fn reference(what: &str) -> Option<PathBuf> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/azure");
        let path = path.join(what);
        if !path.exists() {
            eprintln!("SKIPPED: nothing at {}", path.display());
            return None;
        }
        Some(path)
    }

    /// Whether the table has an action, or does not list its type at all.
    fn is_known(action: &str, list: List) -> bool {
        let key = action.to_lowercase();
        let is_listed = of_type(&key).is_some_and(|it| KNOWN.types.contains(it));
        !is_listed || KNOWN.has(&key, list)
    }

    #[test]
    fn what_azures_own_roles_name_is_known() {
        let Some(path) = reference("derived/builtin_role_definitions.jsonl") else {
            return;
        };
        let text = std::fs::read_to_string(path).expect("readable");
        let (mut lacking, mut listed) = (BTreeSet::new(), 0);
        for line in text.lines() {
            let role: Json = serde_json::from_str(line).expect("JSON");
            let permissions = role["properties"]["permissions"].as_array();
            for permission in permissions.into_iter().flatten() {
                for (key, list) in [
                    ("actions", List::Actions),
                    ("notActions", List::Actions),
                    ("dataActions", List::DataActions),
                    ("notDataActions", List::DataActions),
                ] {
                    let names = permission[key].as_array().into_iter().flatten();
                    let names = names.filter_map(Json::as_str);
                    for name in names.filter(|name| !name.contains('*')) {
                        let key = name.to_lowercase();
                        listed +=
                            usize::from(of_type(&key).is_some_and(|it| KNOWN.types.contains(it)));
                        if !is_known(name, list) {
                            lacking.insert(name.to_owned());
                        }
                    }
                }
            }
        }
        assert_eq!(lacking, BTreeSet::new());
        assert!(listed >= 150, "only {listed} were compared");
    }

    #[test]
    fn what_the_specifications_can_do_is_known() {
        let Some(root) = reference("specs/specification") else {
            return;
        };
        let mut files = vec![root];
        let (mut lacking, mut compared) = (BTreeSet::new(), 0);
        while let Some(path) = files.pop() {
            if path.is_dir() {
                let inside = std::fs::read_dir(&path).expect("a folder");
                let inside = inside.map(|entry| entry.expect("an entry").path());
                files.extend(inside.filter(|path| !path.ends_with("examples")));
                continue;
            }
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("readable");
            let spec: Json = serde_json::from_str(&text).expect("JSON");
            for (path, methods) in spec["paths"].as_object().into_iter().flatten() {
                for method in methods.as_object().into_iter().flat_map(|it| it.keys()) {
                    let Some(action) = action_of(method, path) else {
                        continue;
                    };
                    compared += 1;
                    if !is_known(&action, List::Actions) {
                        lacking.insert(action);
                    }
                }
            }
        }
        let otherwise = NAMED_OTHERWISE.map(str::to_owned);
        assert_eq!(lacking, BTreeSet::from(otherwise));
        assert!(compared >= 300, "only {compared} were compared");
    }

    /// The action that Resource Manager asks for where a path of a specification tells it.
    fn action_of(method: &str, path: &str) -> Option<String> {
        let (_, tail) = path.rsplit_once("/providers/")?;
        let (provider, tail) = tail.split_once('/')?;
        let mut parts: Vec<&str> = tail.split('/').collect();
        let verb = match method {
            "get" => "read".to_owned(),
            "put" | "patch" => "write".to_owned(),
            "delete" => "delete".to_owned(),
            "post" => format!("{}/action", parts.pop()?),
            _ => return None,
        };
        let types: Vec<&str> = parts.into_iter().step_by(2).collect();
        let is_plain = !format!("{provider}{types:?}{verb}").contains('{');
        let path = std::iter::once(provider).chain(types);
        let path = path.collect::<Vec<_>>().join("/");
        is_plain.then(|| format!("{path}/{verb}"))
    }

    #[test]
    fn the_table_holds_nothing_twice_and_spells_as_azure_does() {
        let sign = KNOWN.near(
            "microsoft.keyvault/vaults/keys/sign/action",
            List::DataActions,
            0,
        );
        assert_eq!(sign, Some("Microsoft.KeyVault/vaults/keys/sign/action"));
        let names = TABLE.lines().filter(|line| line.starts_with("  "));
        let words: usize = names.map(|line| line.split_whitespace().count() - 1).sum();
        let listed = KNOWN.actions.len() + KNOWN.data_actions.len() + KNOWN.below.len();
        assert_eq!(words, listed);
    }
}
