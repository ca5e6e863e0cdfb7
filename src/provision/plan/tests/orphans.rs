//! What stands under an old id while its address is declared elsewhere.

use std::collections::BTreeSet;

use super::*;
use crate::provision::observe::Remains;
use crate::resource::Ownership;

/// The world with everything of `dev` declared in another group.
fn moved(world: &World, group: &str) -> World {
    let there = |text: &str| text.replace("/rg-dev", &format!("/{group}"));
    let mut moved = world.clone();
    for resource in moved.resources.values_mut() {
        if let Some(id) = resource.id.known() {
            resource.id = there(id).into();
        }
        let owner = resource.properties.at("properties.owner");
        if let Some(owner) = owner.and_then(Value::as_str).map(there) {
            Arc::make_mut(&mut resource.properties)
                .set("properties.owner", Value::from(owner.as_str()));
        }
    }
    moved
}

/// The operation of a step on the object of an id.
fn on(plan: &Plan, id: &str, step: Step) -> usize {
    let same = |o: &Operation| o.step == step && o.id.known() == Some(id);
    let found = plan.operations.iter().position(same);
    found.unwrap_or_else(|| panic!("no {step:?} of {id} in {}", show(plan)))
}

/// Whether one operation waits for another, however far away.
fn waits(plan: &Plan, before: usize, after: usize) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([before]), vec![before]);
    while let Some(here) = open.pop() {
        let next = plan.edges.iter().filter(|edge| edge.before == here);
        open.extend(next.map(|edge| edge.after).filter(|it| seen.insert(*it)));
    }
    seen.contains(&after)
}

#[tokio::test]
async fn a_name_that_stays_held_is_refused_elsewhere() {
    let mut world = World::new();
    world.group("dev");
    world.cluster("dev", "k");
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    let old = world.id("dev.cluster.k");
    let moved = moved(&world, "rg-new");
    let plan = moved.plan(&cloud).await;
    let refused = |plan: &Plan| {
        let refusals = plan.refusals.iter();
        let mut of_it = refusals.filter(|it| it.address.as_str() == "dev.cluster.k");
        let refusal = of_it.next().unwrap_or_else(|| panic!("{}", show(plan)));
        (refusal.problem.clone(), refusal.instead.clone())
    };
    let (problem, instead) = refused(&plan);
    assert_eq!(
        problem,
        format!("{old} has its name, and would hold it when deleted")
    );
    assert!(instead.contains("declare it where it stands"), "{instead}");
    // Nor is it declared elsewhere once it was deleted; where it stood it is for Azure to say.
    cloud.remove(&old);
    let mut observed = moved.observe(&cloud).await;
    let remains = Remains {
        id: old.clone(),
        ownership: Ownership::Ours(name("dev")),
        handle: None,
        outputs: Default::default(),
    };
    observed.deleted.insert(old.to_lowercase(), remains);
    let (problem, instead) = refused(&moved.plan_on(&observed).expect("a plan"));
    assert_eq!(
        problem,
        format!("{old} was deleted and still holds its name")
    );
    assert!(instead.contains("where it stood"), "{instead}");
    let back = world.plan_on(&observed).expect("a plan");
    assert_eq!(back.refusals, [], "{}", show(&back));
}

#[tokio::test]
async fn what_moves_keeps_the_order_of_its_deletes() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let a = world.id("dev.store.a");
    // Ids are said as Azure spells them, and of what lies in another object.
    let shelf = format!("{}/SHELVES/top", a);
    world.set("dev.store.b", "properties.owner", json!(shelf));
    world
        .edit("dev.store.b")
        .after
        .insert(address("dev.store.a"));
    let b = world.id("dev.store.b");
    let cloud = world.live();
    let before = world.applied(&cloud).await;
    let moved = moved(&world, "rg-new");
    let after = moved.applied(&moved.live()).await;
    for applied in [Applied::new(), before, after] {
        let mut moved = moved.clone();
        moved.applied = applied;
        let plan = moved.plan(&cloud).await;
        let (first, last) = (on(&plan, &b, Step::Delete), on(&plan, &a, Step::Delete));
        assert!(waits(&plan, first, last), "{}", show(&plan));
        // Of names that are unique everywhere the old holder goes first.
        let again = on(&plan, &moved.id("dev.store.b"), Step::Create);
        assert!(waits(&plan, first, again), "{}", show(&plan));
        let destroyed = moved.destroy().plan(&cloud).await;
        let (first, last) = (
            on(&destroyed, &b, Step::Delete),
            on(&destroyed, &a, Step::Delete),
        );
        assert!(waits(&destroyed, first, last), "{}", show(&destroyed));
        // Whoever asks for the one gets what has to go before it.
        let last = plan.operations[on(&plan, &a, Step::Delete)].address.clone();
        let targeted = moved.target(&[last.as_str()]).plan(&cloud).await;
        on(&targeted, &b, Step::Delete);
    }
}

#[tokio::test]
async fn what_goes_with_its_parent_lets_go_with_it() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.pool("dev.cluster.k", "user", "User");
    let (a, k) = (world.id("dev.store.a"), world.id("dev.cluster.k"));
    world.set("dev.cluster.k.user", "properties.subnet", json!(a));
    let cloud = world.live();
    world.drop("dev.cluster.k");
    world.drop("dev.store.a");
    let plan = world.plan(&cloud).await;
    let (first, last) = (on(&plan, &k, Step::Delete), on(&plan, &a, Step::Delete));
    assert!(waits(&plan, first, last), "{}", show(&plan));
}

#[tokio::test]
async fn an_update_lets_go_of_what_got_another_name() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let a = world.id("dev.store.a");
    world.set("dev.store.b", "properties.owner", json!(a));
    let b = world.id("dev.store.b");
    let cloud = world.live();
    world.edit("dev.store.a").id = format!("{a}2").into();
    let top = format!("{a}2/shelves/top");
    world.edit("dev.store.a.top").id = top.into();
    world.set("dev.store.b", "properties.owner", json!(format!("{a}2")));
    let plan = world.plan(&cloud).await;
    let (first, last) = (on(&plan, &b, Step::Update), on(&plan, &a, Step::Delete));
    assert!(waits(&plan, first, last), "{}", show(&plan));
}

#[tokio::test]
async fn what_mentions_each_other_goes_in_some_order() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let (a, b) = (world.id("dev.store.a"), world.id("dev.store.b"));
    world.set("dev.store.a", "properties.owner", json!(b));
    world.set("dev.store.b", "properties.owner", json!(a));
    let cloud = world.live();
    world.drop("dev.store.a");
    world.drop("dev.store.b");
    let plan = world.plan(&cloud).await;
    let (first, last) = (on(&plan, &a, Step::Delete), on(&plan, &b, Step::Delete));
    assert!(waits(&plan, first, last) != waits(&plan, last, first));
}
