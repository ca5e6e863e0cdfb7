//! Revoking: the plan that takes away one grant that is not ours, and nothing else.
//!
//! ## Why
//! What is not ours is never deleted, with this one exception: a grant beside the declared ones
//! may void the signatures that every other change waits for. So it goes without an approval, but
//! alone, named by its id, planned and carried out at once: no file holds such a plan.

use serde_json::Value as Json;

use super::draft::Draft;
use super::make::{Asked, Mode, PlanError};
use super::{Action, Operation, Plan, Step, VERSION, edges, locks, widening};
use crate::resource::{Address, EnvironmentName, Kind, Ownership, scopes};

/// A grant that is to go.
#[derive(Debug, Clone, Copy)]
pub struct Excess<'a> {
    /// What it is.
    pub kind: &'static dyn Kind,
    /// Its Azure id.
    pub id: &'a str,
    /// Its body, as Azure has it now.
    pub live: &'a Json,
    /// Why it goes, for people.
    pub reason: &'a str,
}

/// The plan that deletes one grant, whoever made it, lifting the locks of ours above it and
/// putting them back as they are.
///
/// # Errors
/// [`PlanError`] where no order exists.
pub fn revoke(asked: &Asked<'_>, excess: &Excess<'_>) -> Result<Plan, PlanError> {
    let asked = &Asked {
        mode: Mode::Revoke,
        adopt: false,
        ..*asked
    };
    let mut draft = Draft::default();
    let operation = Operation {
        address: address(asked, excess),
        kind: excess.kind.meta().name.to_owned(),
        id: excess.id.into(),
        action: Action::Delete,
        step: Step::Delete,
        reason: excess.reason.to_owned(),
        changes: Vec::new(),
        desired: None,
        before: Some(excess.kind.project(excess.live)),
        stateful: excess.kind.meta().stateful,
        guards: excess.kind.meta().is_guard,
        access: false,
        widens: None,
        restores: None,
        carries: Vec::new(),
        handle: None,
        references: Vec::new(),
    };
    draft.push(operation, excess.kind);
    locks::plan(asked, &mut draft);
    widening::mark(&mut draft.operations, |index| {
        draft.kinds.get(index).copied()
    });
    let edges = edges::of(asked, &draft)?;
    let environments = draft.operations.iter().map(|it| it.address.environment());
    let mut environments: Vec<EnvironmentName> = environments.collect();
    environments.sort();
    environments.dedup();
    Ok(Plan {
        version: VERSION,
        target: asked.target.clone(),
        protected: asked.protected(&environments),
        environments,
        author: None,
        mode: Mode::Revoke,
        adopt: false,
        unchanged: 0,
        unchanged_in: Default::default(),
        left_out: 0,
        operations: draft.operations,
        edges,
        refusals: draft.refusals,
        unreadable: Vec::new(),
        unread: Vec::new(),
        unmanaged: Vec::new(),
        stays: Vec::new(),
        standing: Default::default(),
    })
}

/// What people call it: in the environment of the nearest thing of ours that it is on, and in
/// `shared` where it is above them all.
fn address(asked: &Asked<'_>, excess: &Excess<'_>) -> Address {
    let key = excess.id.to_lowercase();
    let declared = |scope: &str| {
        let mut all = asked.desired.resources.values();
        let found = all.find(|it| {
            it.id
                .known()
                .is_some_and(|id| id.eq_ignore_ascii_case(scope))
        })?;
        Some(found.address.environment())
    };
    let marked = |scope: &str| match &asked.observed.objects.get(scope)?.ownership {
        Ownership::Ours(environment) => Some(environment.clone()),
        Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign => None,
    };
    let environment = scopes(&key)
        .skip(1)
        .find_map(|scope| declared(scope).or_else(|| marked(scope)))
        .unwrap_or_else(EnvironmentName::shared);
    let path = format!("excess.{}", excess.kind.orphan_path(excess.id));
    Address::new(&environment, &path).expect("an orphan's path is made of plain characters")
}

impl Plan {
    /// Whether it takes away one grant, lifts locks for that and puts them back as they were, and
    /// does nothing else.
    pub fn only_revokes(&self) -> bool {
        let (locks, others): (Vec<_>, Vec<_>) = self.operations.iter().partition(|it| it.guards);
        let unchanged = |lock: &&Operation| {
            lock.action == Action::Replace
                && lock.changes.is_empty()
                && (lock.step == Step::Delete || self.puts_back_as_it_was(lock))
        };
        let lifts = locks.iter().filter(|lock| lock.step == Step::Delete);
        let backs = locks.iter().filter(|lock| lock.is_lift());
        self.mode == Mode::Revoke
            && matches!(others[..], [one] if one.is_revocation())
            && locks.iter().all(unchanged)
            && lifts.count() == backs.count()
    }

    fn puts_back_as_it_was(&self, back: &Operation) -> bool {
        let lift = back.restores.and_then(|index| self.operations.get(index));
        lift.is_some_and(|lift| lift.address == back.address && lift.before == back.desired)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::provision::audit::Permit;
    use crate::provision::guard::{Permissions, Rule, guard};
    use crate::provision::plan::{StoredError, read, write};
    use crate::provision::testing::{FakeCloud, KINDS, Rig, World, name, show};
    use crate::resource::Value;

    /// A store of `prod` under a lock, with a grant of ours on it and one that nobody declared;
    /// its id.
    fn excess() -> (World, FakeCloud, String) {
        let mut world = World::new();
        world.group("prod");
        world.store("prod", "p");
        world.principal("shared.principal.bot");
        let (store, bot) = ("prod.store.p", "shared.principal.bot");
        world.grant("prod.grant.pull", store, bot, "pull");
        world.lock("prod.store.p", "CanNotDelete");
        let cloud = world.live();
        let id = format!(
            "{}/providers/Toy.Authorization/grants/strange",
            world.id("prod.store.p")
        );
        let properties = json!({"principalId": "eve", "role": "push", "description": null});
        cloud.plant(&id, json!({ "properties": properties }));
        (world, cloud, id)
    }

    fn permitted() -> Permissions {
        Permissions {
            protected: [name("prod")].into(),
            permits: BTreeMap::from([(name("prod"), Permit::Excess)]),
            ..Permissions::default()
        }
    }

    fn rules(plan: &Plan) -> Vec<Rule> {
        let judged = guard(plan.clone(), &permitted(), &[]);
        let objections = judged.err().unwrap_or_default();
        objections.into_iter().map(|one| one.rule).collect()
    }

    #[tokio::test]
    async fn one_grant_goes_and_the_lock_comes_back_as_it_was() {
        let (world, cloud, id) = excess();
        let lock = world.id("prod.store.p.lock");
        cloud.edit(&lock, |body| {
            body["properties"]["level"] = json!("ReadOnly")
        });
        let before = cloud.body(&lock);
        let plan = world.revoke(&cloud, &id).await;
        assert_eq!(
            show(&plan),
            "lift prod.store.p.lock\ndelete prod.excess.grant.strange\nput back prod.store.p.lock"
        );
        assert!(plan.only_revokes());
        assert_eq!(rules(&plan), []);
        let outcome = Rig::new(&cloud).apply(&plan).await;
        assert!(outcome.is_complete(), "{:?}", outcome.ends);
        assert_eq!(cloud.body(&id), None);
        let level = |body: Option<Json>| body.expect("it stands")["properties"]["level"].clone();
        assert_eq!(level(cloud.body(&lock)), level(before));
    }

    #[tokio::test]
    async fn the_right_to_it_is_a_right_to_nothing_else() {
        let (mut world, cloud, id) = excess();
        let honest = world.revoke(&cloud, &id).await;
        // What an ordinary plan does, even where it only revokes.
        world.drop("prod.grant.pull");
        let ordinary = world.plan(&cloud).await;
        assert!(rules(&ordinary).contains(&Rule::Protected));
        let forged = |change: &dyn Fn(&mut Plan)| {
            let mut plan = honest.clone();
            change(&mut plan);
            assert!(!plan.only_revokes(), "{}", show(&plan));
            assert!(rules(&plan).contains(&Rule::Protected), "{}", show(&plan));
        };
        let is_back = |operation: &&mut Operation| operation.is_lift();
        forged(&|plan| plan.mode = Mode::Apply);
        forged(&|plan| plan.operations.push(ordinary.operations[0].clone()));
        forged(&|plan| plan.operations.retain(|it| !it.is_lift()));
        forged(&|plan| plan.operations.retain(|it| it.guards));
        forged(&|plan| {
            let back = plan.operations.iter_mut().find(is_back).expect("one");
            let level = Value::from("ReadOnly");
            let desired = back.desired.as_mut().expect("it is made");
            desired.set("properties.level", level);
        });
    }

    #[tokio::test]
    async fn what_moved_since_is_left_alone() {
        let (world, cloud, id) = excess();
        let plan = world.revoke(&cloud, &id).await;
        cloud.edit(&id, |body| body["properties"]["role"] = json!("pull"));
        let outcome = Rig::new(&cloud).apply(&plan).await;
        assert!(outcome.is_stale(), "{:?}", outcome.ends);
        assert!(cloud.body(&id).is_some());
        let lock = cloud.ids().into_iter().find(|id| id.contains("/locks/"));
        assert!(lock.is_some(), "it is put back whatever happens");
    }

    #[tokio::test]
    async fn no_file_holds_a_revocation() {
        let (world, cloud, id) = excess();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let plan = world.revoke(&cloud, &id).await;
        write(&path, &plan).expect("written");
        let found = read(&path, KINDS);
        let Err(StoredError::NotAPlan { problem, .. }) = found else {
            panic!("{found:?}");
        };
        assert!(problem.contains("at once"), "{problem}");
    }

    #[tokio::test]
    async fn somebody_elses_lock_stays_and_so_does_the_grant() {
        let (mut world, cloud, id) = excess();
        world.drop("prod.store.p.lock");
        let plan = world.revoke(&cloud, &id).await;
        assert_eq!(plan.refusals.len(), 1);
        assert_eq!(rules(&plan), [Rule::Refused]);
    }
}
