//! What stands under an old id while its address is declared elsewhere.

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
