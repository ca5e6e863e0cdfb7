//! The law of forged plans: whatever a plan that was edited and sealed again says, it deletes
//! nothing in a protected environment, nor what keeps state unless that was named, and it makes
//! nothing that is not declared.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

use super::apply::{Options, apply};
use super::guard::{Permissions, guard};
use super::plan;
use super::testing::{FakeCloud, KINDS, Rig, Sketch, World, name, sketch};
use crate::resource::{DEFAULT_ESTATE, Kind, MANAGED_BY_TAG, Marker, arm_type_of};

/// One thing that a forger does to a plan.
#[derive(Debug, Clone)]
enum Forgery {
    /// An operation's member is set to one of the values that such members have.
    Edit(Index, &'static str, Index),
    /// What the plan says of itself is emptied.
    Empty(&'static str),
    /// It is said to be for something else.
    Mode(&'static str),
    /// An operation is dropped.
    Drop(Index),
    /// A delete of a live object is added, made to look like an honest one.
    Delete {
        object: Index,
        environment: &'static str,
        action: &'static str,
        honest: bool,
        again: bool,
    },
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let members = [
        "action", "step", "stateful", "guards", "restores", "address", "id", "kind", "before",
        "desired", "carries", "changes",
    ];
    let lists = ["protected", "environments", "refusals", "edges", "unread"];
    let delete = (
        any::<Index>(),
        select(&["dev", "prod", "shared"][..]),
        select(&["create", "update", "adopt", "replace", "delete"][..]),
        any::<bool>(),
        any::<bool>(),
    );
    prop_oneof![
        2 => (any::<Index>(), select(members.to_vec()), any::<Index>())
            .prop_map(|(at, member, value)| Forgery::Edit(at, member, value)),
        1 => select(lists.to_vec()).prop_map(Forgery::Empty),
        1 => select(&["apply", "destroy", "revoke"][..]).prop_map(Forgery::Mode),
        1 => any::<Index>().prop_map(Forgery::Drop),
        4 => delete.prop_map(|(object, environment, action, honest, again)| Forgery::Delete {
            object, environment, action, honest, again,
        }),
    ]
}

/// The kind of the live object with this id.
fn kind_of(id: &str) -> Option<&'static dyn Kind> {
    let arm_type = arm_type_of(id)?;
    let fits = |kind: &&dyn Kind| kind.meta().arm_type.eq_ignore_ascii_case(&arm_type);
    KINDS.iter().find(fits)
}

fn forge(plan: &mut Json, forgery: &Forgery, cloud: &FakeCloud) {
    let operations = plan["operations"].as_array_mut().expect("a list");
    match forgery {
        Forgery::Edit(at, member, value) => {
            let mut values: Vec<Json> = operations.iter().map(|o| o[*member].clone()).collect();
            values.extend(match *member {
                "action" => vec![json!("update"), json!("create"), json!("replace")],
                "step" => vec![json!("delete"), json!("update")],
                "stateful" | "guards" => vec![json!(true), json!(false)],
                "restores" => vec![json!(0), json!(1), Json::Null],
                "id" => cloud
                    .bodies()
                    .into_values()
                    .map(|b| json!({"known": b["id"]}))
                    .collect(),
                _ => vec![Json::Null],
            });
            if let Some(at) = (!operations.is_empty()).then(|| at.index(operations.len())) {
                operations[at][*member] = values[value.index(values.len())].clone();
            }
        }
        Forgery::Mode(mode) => plan["mode"] = json!(mode),
        Forgery::Empty(list) => plan[*list] = json!([]),
        Forgery::Drop(at) => {
            if !operations.is_empty() {
                operations.remove(at.index(operations.len()));
            }
        }
        Forgery::Delete {
            object,
            environment,
            action,
            honest,
            again,
        } => {
            let live: Vec<(String, Json)> = cloud.bodies().into_iter().collect();
            let (_, body) = &live[object.index(live.len())];
            let id = body["id"].as_str().expect("an id");
            let Some(kind) = kind_of(id) else { return };
            let meta = kind.meta();
            let mut before = meta.project(body);
            if *honest {
                // Made to carry the marker that the forger needs, whatever stands there.
                Marker::of(DEFAULT_ESTATE, &name(environment), &id.into())
                    .put(meta.carrier, &mut before);
            }
            let before = serde_json::to_value(before).expect("a value");
            let mut delete = json!({
                "address": format!("{environment}.forged.x{}", operations.len()),
                "kind": meta.name, "id": {"known": id}, "action": action, "step": "delete",
                "reason": "", "changes": [], "desired": null, "before": before,
                "stateful": meta.stateful, "guards": meta.is_guard,
            });
            operations.push(delete.clone());
            if *again {
                delete["step"] = json!("create");
                delete["desired"] = before;
                delete["before"] = Json::Null;
                operations.push(delete);
            }
            let environments = plan["environments"].as_array_mut().expect("a list");
            if !environments.contains(&json!(environment)) {
                environments.push(json!(environment));
            }
        }
    }
}

/// Reads, judges and carries out a plan as the program does with a file, prod being protected.
async fn carry_out(plan: Json, world: &World, cloud: &FakeCloud, permissions: &Permissions) {
    let Ok(plan) = serde_json::from_value::<plan::Plan>(plan) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.json");
    plan::write(&path, &plan).expect("written");
    let Ok(plan) = plan::read(&path, KINDS) else {
        return;
    };
    if !world.contradictions(cloud, &plan).await.is_empty() {
        return;
    }
    if let Ok(approved) = guard(plan, permissions, &[]) {
        let rig = Rig::new(cloud);
        let options = Options {
            parallelism: 4,
            stop: rig.stop.subscribe(),
            check_first: true,
        };
        let ended = apply(&approved, KINDS, &rig.ports(), options).await;
        ended.expect("the journal begins");
    }
}

/// The world of a sketch, with something in it that is worth a forgery.
fn estate(sketch: &Sketch) -> World {
    let mut world = sketch.world();
    world.store("prod", "kept");
    world.shelf("prod.store.kept", "top");
    world.cluster("prod", "k");
    world.pool("prod.cluster.k", "user", "User");
    world.cluster("dev", "k");
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_forged_plan_deletes_nothing_that_is_kept(
        before in sketch(),
        after in prop::option::weighted(0.3, sketch()),
        forgeries in prop::collection::vec(forgery(), 1..4),
        named in any::<bool>(),
    ) {
        let cloud = estate(&before).live();
        let world = estate(after.as_ref().unwrap_or(&before));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without drivers");
        runtime.block_on(async {
            let plan = world.plan(&cloud).await;
            let mut plan = serde_json::to_value(plan).expect("a plan is JSON");
            for forgery in &forgeries {
                forge(&mut plan, forgery, &cloud);
            }
            let mut permissions = Permissions::default();
            permissions.protected.insert(name("prod"));
            if named {
                permissions.allow_destroy.push("*".parse().expect("a pattern"));
            }
            let stood = cloud.bodies();
            carry_out(plan, &world, &cloud, &permissions).await;
            let log = cloud.log();
            let left = world.plan(&cloud).await;
            let strangers: Vec<String> = left.unmanaged.iter().map(|o| o.id.to_lowercase()).collect();
            for line in &log {
                let line = line.to_lowercase();
                let write = line.strip_prefix("put ").or(line.strip_prefix("patch "));
                let foreign = write.is_some_and(|id| strangers.iter().any(|other| other == id));
                prop_assert!(!foreign, "{line}");
            }
            for line in log {
                let Some(id) = line.to_lowercase().strip_prefix("delete ").map(str::to_owned) else {
                    continue;
                };
                prop_assert!(!id.contains("/resourcegroups/rg-prod"), "{line}");
                let keeps = kind_of(&id).is_some_and(|k| k.meta().stateful || k.meta().is_guard);
                prop_assert!(named || !keeps, "{line}");
                let body = stood.get(&id).map(Json::to_string).unwrap_or_default();
                prop_assert!(id.contains("/pools/") || body.contains(MANAGED_BY_TAG), "{line}");
            }
            Ok(())
        })?;
    }
}
