//! Files to configuration: reads, merges, checks, and reports every mistake at once.
//!
//! ## Why
//! `only` selects but does not narrow the checks: names are unique over all environments, so a
//! plan of one that has not looked at the others could take a name that another already has.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::base::{self, COMMON_ONLY, Common};
use super::configuration::{Configuration, Environment};
use super::decode::{Fault, Missing};
use super::environment;
use super::files::{self, COMMON, FOLDER};
use super::mistake::{ConfigErrors, Mistake};
use super::near;
use super::parse::parse;
use super::rbac::{self, Estate, SharedVault};
use super::sources::Sources;
use super::tree::{Node, Spot};
use super::wrong::Wrong;
use crate::kinds::TakenName;
use crate::resource::{ApprovalTerms, EnvironmentName, digest};

/// Reads what a root folder declares. `only` names the environments that are asked for, all where
/// it is empty; the others are read and checked too.
///
/// # Errors
/// [`ConfigErrors`] with everything that is wrong, each with its place in a file.
pub fn load(root: &Path, only: &[String]) -> Result<Configuration, ConfigErrors> {
    let mut loading = Loading::default();
    let inputs = loading.read_files(root);
    let common = loading.read_common(&inputs);
    let mut environments = loading.read_environments(&inputs, common.as_ref(), root);
    let settings = common.as_ref().and_then(|common| common.settings.as_ref());
    loading.estate.elsewhere = settings.is_some_and(|(azure, _)| !azure.cloud.is_public());
    let rbac = loading.read_rbac(root);
    rbac.give(&mut environments);
    protect(&mut environments);
    loading.check_store(common.as_ref(), &environments);
    let approvers = rbac.approvers();
    loading
        .warnings
        .extend(unapprovable(&environments, approvers.len()));
    environments
        .sort_by_cached_key(|it| (!it.name().is_shared(), it.place.order, it.name().clone()));
    let selected = loading.select(only, &environments);
    let settings = common
        .as_ref()
        .and_then(|common| Some((common.settings.clone()?, &common.own)));
    let ((azure, control), own) = match settings {
        Some(settings) if loading.mistakes.is_empty() => settings,
        _ => return Err(loading.errors()),
    };
    Ok(Configuration {
        root: root.to_owned(),
        azure,
        control,
        environments,
        selected,
        approvers,
        digest: digest(own, &loading.sources, rbac.said),
        sources: loading.sources,
        warnings: loading.warnings,
    })
}

/// Fills in how many approvals changes need. `shared` is protected as soon as anything is, since
/// whoever changes it changes what the others rest on.
fn protect(environments: &mut [Environment]) {
    for environment in environments.iter_mut().filter(|it| !it.name().is_shared()) {
        let needs = usize::from(environment.place.protected);
        environment.approvals = environment.approvals.max(needs);
    }
    let guarded = environments.iter().filter(|it| it.place.protected);
    let most = guarded.map(|it| it.approvals).max();
    let shared = environments.iter_mut().find(|it| it.name().is_shared());
    if let (Some(most), Some(shared)) = (most, shared) {
        shared.place.protected = true;
        if shared.approvals == 0 {
            shared.approvals = most.max(1);
        }
    }
    let shared = environments.iter().find(|it| it.name().is_shared());
    let vault = shared.and_then(|it| it.sections.vault.as_ref());
    let Some(vault) = vault.map(|vault| vault.name.clone()) else {
        return;
    };
    for environment in environments.iter_mut().filter(|it| it.place.protected) {
        environment.place.approval = Some(ApprovalTerms {
            people: environment.approvals,
            vault: vault.clone(),
        });
    }
}

/// Protected environments that ask for more approvals than there are people to give them: after
/// their first apply nothing in them could be changed.
fn unapprovable(environments: &[Environment], approvers: usize) -> Vec<Mistake> {
    let guarded = environments.iter().filter(|it| it.place.protected);
    let short = guarded.filter(|it| it.approvals > approvers);
    let warning = |environment: &Environment| {
        let name = environment.name();
        let wanted = environment.approvals;
        let message = match approvers {
            0 => format!("{name} is protected, and nobody approves"),
            _ => format!("{name} asks for {wanted} approvals, and {approvers} approve"),
        };
        Mistake::new(Wrong::Value(message)).warning().help(
            "name people in a group of rbac/principals.toml with `approves = true`: after its \
             first apply nothing there can be changed without them",
        )
    };
    short.map(warning).collect()
}

/// A file after parsing.
struct Input {
    environment: Option<EnvironmentName>,
    path: PathBuf,
    number: usize,
    tree: Option<Node>,
}

#[derive(Default)]
struct Loading {
    sources: Sources,
    mistakes: BTreeMap<(String, usize, String), Mistake>,
    warnings: Vec<Mistake>,
    /// Every environment that has a file, whatever is in it.
    names: Vec<EnvironmentName>,
    taken: BTreeMap<(&'static str, String), Spot>,
    /// What the matrix can speak of.
    estate: Estate,
}

impl Loading {
    fn report(&mut self, mistake: Mistake) {
        match self.mistakes.entry(mistake.identity()) {
            Entry::Vacant(free) => {
                free.insert(mistake);
            }
            Entry::Occupied(same) => same.into_mut().absorb(mistake),
        }
    }

    fn errors(self) -> ConfigErrors {
        ConfigErrors {
            mistakes: self.mistakes.into_values().collect(),
            warnings: self.warnings,
        }
    }

    fn read_files(&mut self, root: &Path) -> Vec<Input> {
        let found = files::find(root);
        self.warnings.extend(found.warnings);
        let lonely = found.mistakes.is_empty();
        found.mistakes.into_iter().for_each(|it| self.report(it));
        self.names = found.unread;
        let mut inputs = Vec::new();
        for file in found.files {
            let (number, tree) = self.parse(&file.name, &file.text);
            self.names.extend(file.environment.clone());
            inputs.push(Input {
                environment: file.environment,
                path: file.path,
                number,
                tree,
            });
        }
        if self.names.is_empty() && lonely {
            let warning = Mistake::new(Wrong::NoEnvironments).warning();
            self.warnings
                .push(warning.help("add one as environments/NAME.toml"));
        }
        self.names.push(EnvironmentName::shared());
        self.names.sort();
        inputs
    }

    /// Takes a file in: its number, and what it says.
    fn parse(&mut self, name: &str, text: &str) -> (usize, Option<Node>) {
        let number = self.sources.add(name, text);
        let parsed = parse(number, text);
        for fault in parsed.faults {
            let mistake = self.sources.mistake(fault);
            self.report(mistake);
        }
        (number, parsed.tree)
    }

    fn read_common(&mut self, inputs: &[Input]) -> Option<Common> {
        let input = inputs.iter().find(|input| input.environment.is_none())?;
        let mut common = base::read(input.tree.as_ref()?);
        for fault in std::mem::take(&mut common.faults) {
            let mistake = self.sources.mistake(fault);
            self.report(mistake);
        }
        Some(common)
    }

    fn read_environments(
        &mut self,
        inputs: &[Input],
        common: Option<&Common>,
        root: &Path,
    ) -> Vec<Environment> {
        let mut environments = Vec::new();
        if let Some(common) = common {
            let file = root.join(FOLDER).join(format!("{COMMON}.toml"));
            let own = common.shared.spot.file;
            let tree = common.shared.clone();
            let shared = EnvironmentName::shared();
            environments.extend(self.read_environment(&shared, file, own, tree, Missing::Report));
        }
        for input in inputs {
            let (Some(name), Some(tree)) = (&input.environment, &input.tree) else {
                continue;
            };
            let mut tree = tree.clone();
            for fault in base::take_misplaced(&mut tree, COMMON_ONLY) {
                let mistake = self.sources.mistake(fault);
                self.report(mistake);
            }
            let (tree, missing) = match common {
                Some(common) => (common.base.overlaid_by(&tree), Missing::Report),
                None => (tree, Missing::Forgive),
            };
            let file = input.path.clone();
            environments.extend(self.read_environment(name, file, input.number, tree, missing));
        }
        environments
    }

    fn read_environment(
        &mut self,
        name: &EnvironmentName,
        file: PathBuf,
        own: usize,
        tree: Node,
        missing: Missing,
    ) -> Option<Environment> {
        let reading = environment::read(name, file, &tree, missing);
        if name.is_shared()
            && let Some(environment) = &reading.environment
        {
            self.estate.vault = Some(SharedVault::of(&environment.sections));
        }
        if let Some(environment) = &reading.environment
            && environment.sections.services.is_empty()
        {
            self.estate.serviceless.insert(name.clone());
        }
        self.estate.targets.insert(name.clone(), reading.targets);
        self.sources.set(name, tree, own);
        let clashes: Vec<Fault> = reading
            .taken
            .into_iter()
            .filter_map(|(taken, spot)| self.take_name(taken, spot))
            .collect();
        for fault in reading.faults.into_iter().chain(clashes) {
            let mistake = self.sources.mistake_in(name, fault);
            self.report(mistake);
        }
        for fault in reading.warnings {
            let mistake = self.sources.mistake_in(name, fault);
            self.warnings.push(mistake.warning());
        }
        reading.environment
    }

    fn read_rbac(&mut self, root: &Path) -> rbac::Reading {
        let found = files::find_rbac(root);
        found.mistakes.into_iter().for_each(|it| self.report(it));
        self.warnings.extend(found.warnings);
        let mut inputs = rbac::Inputs::default();
        for (of, file) in found.files {
            let tree = file.and_then(|(name, text)| self.parse(&name, &text).1);
            inputs.put(of, tree);
        }
        // An environment whose file is faulty is there all the same.
        for name in &self.names {
            self.estate.targets.entry(name.clone()).or_default();
        }
        let mut reading = rbac::read(inputs, &self.estate);
        for fault in std::mem::take(&mut reading.faults) {
            let mistake = self.sources.mistake(fault);
            self.report(mistake);
        }
        for fault in std::mem::take(&mut reading.warnings) {
            self.warnings.push(self.sources.mistake(fault).warning());
        }
        reading
    }

    /// Holds `[control]` against the account that `[shared.store]` makes.
    fn check_store(&mut self, common: Option<&Common>, environments: &[Environment]) {
        let shared = environments.iter().find(|it| it.name().is_shared());
        let made = shared.and_then(|it| it.sections.store.as_ref());
        let settings = common.and_then(|it| Some((&it.settings.as_ref()?.1, &it.own)));
        let (Some(made), Some((control, own))) = (made, settings) else {
            return;
        };
        if let Some(problem) = control.misfit(made) {
            let spot = own.locate(&problem.path).value;
            let fault = Fault::new(spot, Wrong::Value(problem.message));
            let help = problem.help.unwrap_or_default();
            let mistake = self.sources.mistake(fault.help(help));
            self.report(mistake);
        }
    }

    fn take_name(&mut self, taken: TakenName, spot: Spot) -> Option<Fault> {
        let TakenName { among, name, .. } = taken;
        let first = match self.taken.entry((among, name.clone())) {
            Entry::Vacant(free) => {
                free.insert(spot);
                return None;
            }
            Entry::Occupied(first) => *first.get(),
        };
        let mut fault = Fault::new(spot, Wrong::Taken { name, among });
        fault.first = Some(first);
        Some(fault)
    }

    fn select(&mut self, only: &[String], environments: &[Environment]) -> Vec<EnvironmentName> {
        for asked in only {
            if self.names.iter().any(|name| name.as_str() == asked) {
                continue;
            }
            let known: Vec<&str> = self.names.iter().map(EnvironmentName::as_str).collect();
            let help = match near::name(asked, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            self.report(Mistake::new(Wrong::UnknownEnvironment(asked.clone())).help(help));
        }
        environments
            .iter()
            .map(Environment::name)
            .filter(|name| only.is_empty() || only.iter().any(|asked| asked == name.as_str()))
            .cloned()
            .collect()
    }
}

/// The digest of what the files say in the end.
fn digest(own: &Node, sources: &Sources, rbac: Json) -> String {
    let environments: BTreeMap<_, _> = sources
        .trees()
        .map(|(name, tree)| (name.as_str(), tree.to_json()))
        .collect();
    let mut all = json!({ "common": own.to_json(), "environments": environments });
    if !rbac.is_null() {
        all["rbac"] = rbac;
    }
    digest::hex(all.to_string())
}
