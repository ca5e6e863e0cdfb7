//! A plan by environment: what each one gets, and how much of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::provision::plan::{Action, Mode, Operation, Plan, Step};
use crate::resource::{Address, EnvironmentName};

/// The actions in the order in which they are counted out.
pub(super) const ACTIONS: [Action; 6] = [
    Action::Create,
    Action::Recover,
    Action::Adopt,
    Action::Update,
    Action::Replace,
    Action::Delete,
];

/// One environment's part of a plan.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) environment: EnvironmentName,
    pub(super) protected: bool,
    /// Sorted by address.
    pub(super) operations: Vec<&'a Operation>,
    pub(super) counts: Counts,
}

/// How many resources each action touches, a lifted lock apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) create: usize,
    pub(super) recover: usize,
    pub(super) adopt: usize,
    pub(super) update: usize,
    pub(super) replace: usize,
    pub(super) delete: usize,
    /// Locks lifted and put back.
    pub(super) lift: usize,
    pub(super) refused: usize,
    pub(super) unreadable: usize,
}

impl Counts {
    fn add(&mut self, operation: &Operation) {
        *if operation.is_lift() {
            &mut self.lift
        } else {
            match operation.action {
                Action::Create => &mut self.create,
                Action::Recover => &mut self.recover,
                Action::Adopt => &mut self.adopt,
                Action::Update => &mut self.update,
                Action::Replace => &mut self.replace,
                Action::Delete => &mut self.delete,
            }
        } += 1;
    }

    /// How many resources an action touches.
    pub(super) fn of(&self, action: Action) -> usize {
        match action {
            Action::Create => self.create,
            Action::Recover => self.recover,
            Action::Adopt => self.adopt,
            Action::Update => self.update,
            Action::Replace => self.replace,
            Action::Delete => self.delete,
        }
    }

    /// `2 to create`, `1 to update`, `0 to delete`: these three always, the others where they are.
    pub(super) fn words(&self) -> Vec<String> {
        let always = [Action::Create, Action::Update, Action::Delete];
        let mut words: Vec<String> = ACTIONS
            .into_iter()
            .filter(|action| always.contains(action) || self.of(*action) > 0)
            .map(|action| format!("{} to {action}", self.of(action)))
            .collect();
        words.extend(counted(self.lift, "lock to lift", "locks to lift"));
        words
    }

    /// `2 refused, 1 unreadable`, where there are any.
    pub(super) fn trouble(&self) -> Vec<String> {
        let parts = [(self.refused, "refused"), (self.unreadable, "unreadable")];
        parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect()
    }
}

/// `1 lock`, `2 locks`, nothing for none.
fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    }
}

/// The environments of a plan in its order, then those that only its operations know.
pub(super) fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut found: BTreeMap<EnvironmentName, (Vec<&Operation>, Counts)> = BTreeMap::new();
    for operation in plan.visible() {
        let (operations, counts) = found.entry(operation.address.environment()).or_default();
        counts.add(operation);
        operations.push(operation);
    }
    for refusal in &plan.refusals {
        found
            .entry(refusal.address.environment())
            .or_default()
            .1
            .refused += 1;
    }
    for unread in &plan.unreadable {
        found
            .entry(unread.address.environment())
            .or_default()
            .1
            .unreadable += 1;
    }
    let mut groups = Vec::new();
    for environment in &plan.environments {
        if let Some((environment, part)) = found.remove_entry(environment) {
            groups.push(group(plan, environment, part));
        }
    }
    for (environment, part) in found {
        groups.push(group(plan, environment, part));
    }
    groups
}

fn group<'a>(
    plan: &Plan,
    environment: EnvironmentName,
    (mut operations, counts): (Vec<&'a Operation>, Counts),
) -> Group<'a> {
    operations.sort_by_key(|operation| &operation.address);
    Group {
        protected: plan.protected.contains(&environment),
        environment,
        operations,
        counts,
    }
}

/// The counts of a whole plan.
pub(super) fn total(plan: &Plan) -> Counts {
    let mut counts = Counts {
        refused: plan.refusals.len(),
        unreadable: plan.unreadable.len(),
        ..Counts::default()
    };
    plan.visible().for_each(|operation| counts.add(operation));
    counts
}

/// The names of a plan's environments, then of those that only its operations know.
pub(super) fn environments(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = plan.environments.iter().map(|name| name.as_str()).collect();
    for operation in &plan.operations {
        let name = operation
            .address
            .as_str()
            .split('.')
            .next()
            .unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `Plan for dev, prod on emulator`.
pub(super) fn title(plan: &Plan) -> String {
    let asked = match plan.mode {
        Mode::Apply => "Plan for",
        Mode::Destroy => "Plan to destroy",
        Mode::Revoke => "Plan to revoke one grant in",
    };
    let names = environments(plan).join(", ");
    format!("{asked} {names} on {}", plan.target.cloud)
}

/// What is said of a plan without operations, refusals and blind spots.
pub(super) fn nothing_to_do(plan: &Plan) -> String {
    let said = match (plan.mode, plan.unchanged) {
        (Mode::Apply, 0) if plan.left_out > 0 => {
            "Nothing was looked at: the selection leaves everything out."
        }
        (Mode::Destroy, _) if plan.left_out > 0 => "Nothing of the selection to destroy.",
        (Mode::Destroy, _) => "Nothing to destroy.",
        (Mode::Revoke, _) => "Nothing to revoke.",
        (Mode::Apply, 1) => "No changes. 1 resource is as declared.",
        (Mode::Apply, n) => &format!("No changes. {n} resources are as declared."),
    };
    match left_out(plan) {
        Some(left_out) => format!("{said} {left_out}."),
        None => said.to_owned(),
    }
}

/// What no plan deletes.
pub(super) const STAYS: &str = "Stays, since no plan deletes it";

/// How many resources the selection leaves out, where it leaves any out.
pub(super) fn left_out(plan: &Plan) -> Option<String> {
    (plan.left_out > 0).then(|| format!("{} not looked at", plan.left_out))
}

/// How many things that somebody gets more of are named.
const WIDER: usize = 4;

/// What somebody gets more of, where anybody does.
pub(super) fn wider(plan: &Plan) -> Option<String> {
    let all: Vec<&str> = plan.widenings().into_iter().collect();
    let (named, rest) = all.split_at(all.len().min(WIDER));
    let more = match rest.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    (!named.is_empty()).then(|| format!("wider access: {}{more}", named.join(", ")))
}

/// Why an operation is planned, with what the reason alone does not tell.
pub(super) fn reason(plan: &Plan, operation: &Operation) -> String {
    let mut reason = operation.reason.clone();
    if let Some(parent) = carrier(plan, operation) {
        reason = format!("{reason}; made along with {parent}");
    }
    if operation.is_destructive() && operation.stateful {
        reason = format!("{reason}; loses what cannot be made again");
    }
    reason
}

/// The operation in whose create this one's object travels.
fn carrier<'a>(plan: &'a Plan, operation: &Operation) -> Option<&'a Address> {
    if operation.step != Step::Carried {
        return None;
    }
    let index = plan
        .operations
        .iter()
        .position(|other| std::ptr::eq(other, operation))?;
    let carries = |other: &&Operation| other.carries.contains(&index);
    Some(&plan.operations.iter().find(carries)?.address)
}

/// What is not ours, each with a remark: strangers first, then each other estate in one line, then
/// what Azure copied our tags to, as it does to everything in a cluster's node group, once for each
/// group or subscription.
pub(super) fn unmanaged(plan: &Plan) -> Vec<(String, String)> {
    let (mut strangers, mut groups) = (Vec::new(), Vec::<(String, String, usize)>::new());
    let mut estates: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &plan.unmanaged {
        if let Some(estate) = &object.estate {
            *estates.entry(estate).or_default() += 1;
        } else if object.copied_marker {
            let group = gathered(&object.id);
            let mut known = groups.iter_mut();
            match known.find(|(other, ..)| other.eq_ignore_ascii_case(&group)) {
                Some((.., count)) => *count += 1,
                None => groups.push((group, object.id.clone(), 1)),
            }
        } else {
            strangers.push((object.id.clone(), String::new()));
        }
    }
    let estates = estates.into_iter().map(|(estate, count)| {
        let objects = if count == 1 { "object" } else { "objects" };
        (
            format!("estate {estate}"),
            format!("{count} {objects} of it"),
        )
    });
    let copies = groups.into_iter().map(|(group, id, count)| match count {
        1 => (id, "copied marker".to_owned()),
        count => (group, format!("{count} copied markers")),
    });
    strangers.into_iter().chain(estates).chain(copies).collect()
}

/// What an object is told with: its group, its subscription, or what it is in the tenant.
fn gathered(id: &str) -> String {
    let parts: Vec<&str> = id.splitn(6, '/').collect();
    match &parts[..] {
        ["", "subscriptions", subscription, groups, group, ..]
            if groups.eq_ignore_ascii_case("resourceGroups") =>
        {
            format!("/subscriptions/{subscription}/{groups}/{group}")
        }
        ["", "subscriptions", subscription, ..] => format!("subscription {subscription}"),
        _ => id.to_owned(),
    }
}
