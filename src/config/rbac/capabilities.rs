//! `rbac/capabilities.toml`: what is wrong with it, and what it comes to.
//!
//! Reference: Azure role-based access control, role definitions.

use std::collections::{BTreeMap, BTreeSet};

use super::super::checked::Complaint;
use super::super::near;
use super::tables::{CapabilitiesFile, CapabilityTable, GrantTable, On, RoleTable};
use super::text;
use super::{meaning, operations, separation};
use crate::kinds::{CustomRole, GrantPart, Probe, Role, Scope, TargetType};
use crate::resource::{DEFAULT_ESTATE, Problem};

/// The longest name of a role or capability, which become parts of addresses.
const LONGEST_NAME: usize = 54;
/// What each action ends with.
const VERBS: [&str; 4] = ["read", "write", "delete", "action"];

/// Everything that Azure would refuse, and what would give more than it says.
pub(super) fn check(file: &CapabilitiesFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, capability) in &file.capabilities {
        let path = ["capabilities", name];
        complaints.extend(text::name(&path, LONGEST_NAME));
        if capability.grants.is_empty() {
            let path = path.into_iter().chain(["grants"]);
            let problem = Problem::below(path, "a capability that gives nothing")
                .help("name a role, such as { built_in = \"GUID\", name = \"AcrPull\" }");
            complaints.push(problem.into());
        }
        complaints.extend(check_probes(name, capability));
        let mut seen = BTreeMap::new();
        for (at, grant) in capability.grants.iter().enumerate() {
            let place = Place {
                capability: name,
                at,
            };
            complaints.extend(place.check(grant, capability.target, &file.roles));
            let role = grant.built_in.as_ref().map(|id| id.to_lowercase());
            let key = (role.or_else(|| grant.role.clone()), grant.on);
            if let Some(first) = seen.insert(key, at) {
                let first = Place {
                    capability: name,
                    at: first,
                };
                let problem = Problem::below(place.path(None), "the same role a second time");
                complaints.push(problem.clashing(first.path(None)).into());
            }
        }
    }
    let mut taken = BTreeMap::new();
    for (name, role) in &file.roles {
        let path = ["roles", name];
        complaints.extend(text::name(&path, LONGEST_NAME));
        complaints.extend(check_role(name, role));
        if let Some(first) = taken.insert(
            display_name(name, role, DEFAULT_ESTATE).to_lowercase(),
            name,
        ) {
            let message = format!("the role `{first}` has the same name in Azure");
            let problem = Problem::below(["roles", name, "display_name"], message).clashing([
                "roles",
                first,
                "display_name",
            ]);
            complaints.push(problem.into());
        }
    }
    complaints.extend(meaning::check(file));
    complaints.extend(separation::check(file));
    complaints
}

/// Probes that say nothing of the target, or nothing at all.
fn check_probes(name: &str, capability: &CapabilityTable) -> Vec<Complaint> {
    let path = |rest: Option<usize>| {
        let steps = ["capabilities", name, "probes"].map(str::to_owned);
        steps.into_iter().chain(rest.map(|at| at.to_string()))
    };
    let target = capability.target;
    let fitting: Vec<&str> = Probe::on(target).map(Probe::word).collect();
    let help = format!("on a {target} there are {}", fitting.join(", "));
    let Some(probes) = &capability.probes else {
        return Vec::new();
    };
    if probes.is_empty() {
        let problem = Problem::below(path(None), "a capability with which nothing works");
        return vec![problem.help(help).into()];
    }
    let strange = probes.iter().enumerate();
    let strange = strange.filter(|(_, probe)| probe.target() != target);
    strange
        .map(|(at, probe)| {
            let message = format!("`{probe}` cannot be tried on a {target}");
            Problem::below(path(Some(at)), message).help(&help).into()
        })
        .collect()
}

/// Where a grant of a capability stands.
struct Place<'f> {
    capability: &'f str,
    at: usize,
}

impl Place<'_> {
    fn path(&self, key: Option<&str>) -> Vec<String> {
        let at = self.at.to_string();
        let steps = ["capabilities", self.capability, "grants", &at];
        steps.into_iter().chain(key).map(str::to_owned).collect()
    }

    fn problem(&self, key: Option<&str>, message: impl Into<String>) -> Problem {
        Problem::below(self.path(key), message)
    }

    fn check(
        &self,
        grant: &GrantTable,
        target: TargetType,
        roles: &BTreeMap<String, RoleTable>,
    ) -> Vec<Complaint> {
        let mut problems = Vec::new();
        match (&grant.role, &grant.built_in) {
            (Some(role), None) => {
                problems.extend(self.check_custom(role, roles));
                if grant.name.is_some() {
                    let problem = self.problem(Some("name"), "`name` is of a built-in role");
                    problems.push(problem.help("`display_name` of a role stands in `[roles]`"));
                }
            }
            (None, Some(_)) if grant.name.is_none() => {
                let problem = self.problem(None, "a built-in role without its name");
                problems.push(problem.help("add `name`, such as \"AcrPull\", for who reads this"));
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) => {
                let problem = self.problem(Some("role"), "two roles in one entry");
                let problem = problem.help("give each an entry of its own in `grants`");
                problems.push(problem.clashing(self.path(Some("built_in"))));
            }
            (None, None) => {
                let problem = self.problem(None, "an entry without a role");
                problems.push(problem.help("`built_in` with a GUID and `name`, or `role`"));
            }
        }
        if grant.on == On::Namespaces && target != TargetType::Cluster {
            let problem = self.problem(Some("on"), format!("a {target} has no namespaces"));
            problems.push(problem.help("they are a cluster's"));
        }
        let mut complaints: Vec<Complaint> = problems.into_iter().map(Into::into).collect();
        if let Some(id) = &grant.built_in {
            complaints.extend(text::guid(&self.path(Some("built_in")), id));
        }
        complaints
    }

    fn check_custom(&self, role: &str, roles: &BTreeMap<String, RoleTable>) -> Option<Problem> {
        if roles.contains_key(role) {
            return None;
        }
        let help = match near::name(role, roles.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add `[roles.{role}]`, or name a built-in role by `built_in`"),
        };
        Some(
            self.problem(Some("role"), format!("no role `{role}`"))
                .help(help),
        )
    }
}

fn check_role(name: &str, role: &RoleTable) -> Vec<Complaint> {
    let below = |rest: &[&str]| -> Vec<String> {
        let steps = ["roles", name].into_iter().chain(rest.iter().copied());
        steps.map(str::to_owned).collect()
    };
    let mut complaints = Vec::new();
    for (key, value, shortest, longest) in [
        ("display_name", &role.display_name, 1, 128),
        ("description", &role.description, 0, 900),
    ] {
        complaints.extend(text::length(
            &below(&[key]),
            value.as_deref(),
            shortest,
            longest,
        ));
    }
    if role.actions.is_empty() && role.data_actions.is_empty() {
        let problem = Problem::below(below(&[]), "a role that allows nothing")
            .help("add `actions` or `data_actions`");
        complaints.push(Complaint::of_key(problem));
    }
    for (key, actions) in [
        ("actions", &role.actions),
        ("data_actions", &role.data_actions),
    ] {
        let mut seen = BTreeMap::new();
        for (at, action) in actions.iter().enumerate() {
            let path = below(&[key, &at.to_string()]);
            if let Some((message, help)) = wrong_action(action) {
                complaints.push(Problem::below(path, message).help(help).into());
            } else if let Some(first) = seen.insert(action.to_lowercase(), at) {
                let problem = Problem::below(path, format!("`{action}` a second time"));
                let first = below(&[key, &usize::to_string(&first)]);
                complaints.push(problem.clashing(first).into());
            }
        }
    }
    complaints
}

/// Actions that no provider is known to have.
pub(super) fn oddities(file: &CapabilitiesFile) -> Vec<Complaint> {
    let roles = file.roles.iter().flat_map(|(name, role)| {
        let path = vec!["roles".to_owned(), name.clone()];
        odd_actions(&path, &role.actions, &role.data_actions)
    });
    let meanings = file.capabilities.iter().filter_map(|(name, capability)| {
        let means = capability.means.as_ref()?;
        let path = ["capabilities", name, "means"].map(str::to_owned);
        Some(odd_actions(&path, &means.actions, &means.data_actions))
    });
    roles.chain(meanings.flatten()).collect()
}

fn odd_actions(path: &[String], actions: &[String], data: &[String]) -> Vec<Complaint> {
    let mut odd = Vec::new();
    for (key, actions) in [("actions", actions), ("data_actions", data)] {
        let list = operations::List::of(key);
        for (at, action) in actions.iter().enumerate() {
            // What is no action at all is said to be a mistake.
            if wrong_action(action).is_some() {
                continue;
            }
            if let Some((message, help)) = operations::odd(action, list) {
                let path = path.iter().cloned();
                let path = path.chain([key.to_owned(), at.to_string()]);
                odd.push(Problem::below(path, message).help(help).into());
            }
        }
    }
    odd
}

pub(super) fn wrong_action(action: &str) -> Option<(String, &'static str)> {
    if action.contains('*') {
        let message = format!("`{action}` allows more than it says");
        return Some((
            message,
            "name each action in full: what `*` covers grows with Azure",
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut segments = action.split('/');
    let namespace = segments.next().is_some_and(|it| it.contains('.'));
    let whole = segments.clone().count() >= 2;
    let verb = segments.next_back().unwrap_or_default().to_lowercase();
    let fits = action
        .split('/')
        .all(|segment| !segment.is_empty() && segment.chars().all(plain));
    let sound = namespace && whole && fits && VERBS.contains(&&*verb);
    (!sound).then(|| {
        let help = "such as Microsoft.ContainerRegistry/registries/pull/read: it ends with read, \
                    write, delete or action";
        (format!("`{action}` is not an action"), help)
    })
}

fn display_name(name: &str, role: &RoleTable, estate: &str) -> String {
    text::or(&role.display_name, || format!("{estate}-{name}"))
}

/// The custom roles that the file declares, assignable nowhere yet.
pub(super) fn roles(file: &CapabilitiesFile, estate: &str) -> BTreeMap<String, CustomRole> {
    let role = |(name, table): (&String, &RoleTable)| {
        let role = CustomRole {
            display_name: display_name(name, table, estate),
            description: table.description.clone(),
            actions: table.actions.clone(),
            data_actions: table.data_actions.clone(),
            subscriptions: BTreeSet::new(),
        };
        (name.clone(), role)
    };
    file.roles.iter().map(role).collect()
}

/// What a capability comes to where services have these namespaces.
pub(super) fn parts(capability: &CapabilityTable, namespaces: &BTreeSet<String>) -> Vec<GrantPart> {
    let mut parts = Vec::new();
    let mut held = BTreeSet::new();
    for grant in &capability.grants {
        // Only the first role of a scope goes without its name in the address.
        let further = (!held.insert(grant.on)).then(|| format!("role.{}", segment(grant)));
        let role = || match (&grant.role, &grant.built_in) {
            (Some(name), _) => Role::Custom(name.clone()),
            (None, id) => Role::BuiltIn {
                id: id.as_deref().unwrap_or_default().to_lowercase(),
                name: grant.name.clone().unwrap_or_default(),
            },
        };
        let part = |suffix, scope| GrantPart {
            suffix,
            role: role(),
            scope,
        };
        match grant.on {
            On::Target => parts.push(part(further, Scope::Target)),
            On::Namespaces => parts.extend(namespaces.iter().map(|namespace| {
                let suffix = match &further {
                    Some(further) => format!("{namespace}.{further}"),
                    None => namespace.clone(),
                };
                part(Some(suffix), Scope::Namespace(namespace.clone()))
            })),
        }
    }
    parts
}

/// A role as a segment of an address. Built-in ones are told apart by their ids: the name is what
/// TOML calls it.
fn segment(grant: &GrantTable) -> String {
    match (&grant.role, &grant.built_in) {
        (Some(name), _) => name.clone(),
        (None, id) => id.as_deref().unwrap_or_default().to_lowercase(),
    }
}
