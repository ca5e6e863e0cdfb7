//! Laws that hold for every kind and every world, tried on random ones.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::diff::{diff, same_projection, with_dropped_keys};
use super::plan::{self, Plan, Step};
use super::ports::Reader as _;
use super::testing::{FakeCloud, KINDS, Rig, Sketch, What, World, cases, show, sketch};
use crate::kinds;
use crate::resource::{Compare, Field, Kind, Literal, Method, Outputs, Plane, Value, update};

/// Runs a future to its end on this thread.
fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers").block_on(future)
}

/// Applies a plan until nothing of it is left: a refusal of Azure's leaves the rest for later.
async fn converge(world: &World, cloud: &FakeCloud) -> Plan {
    let plan = world.plan(cloud).await;
    if plan.refusals.is_empty() {
        let outcome = Rig::new(cloud).apply(&plan).await;
        assert!(outcome.is_complete(), "{}\n{:?}", show(&plan), outcome.ends);
    }
    plan
}

/// The world before, standing, as the world after knows it.
fn before_and_after(before: &Sketch, after: &Sketch) -> (FakeCloud, World) {
    let old = before.world();
    let cloud = old.live();
    let mut world = after.world();
    world.applied = block(old.applied(&cloud));
    (cloud, world)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn plan_after_apply_is_empty_and_so_is_destroy_after_destroy(
        before in sketch(),
        after in sketch(),
        knows in any::<bool>(),
    ) {
        let (cloud, mut world) = before_and_after(&before, &after);
        if !knows {
            // Without its snapshot, unmarked children that nothing declares are nobody's.
            world.applied.clear();
        }
        block(async {
            converge(&world, &cloud).await;
            let again = world.plan(&cloud).await;
            assert!(again.is_empty(), "{}", show(&again));
            let destroy = world.destroy();
            converge(&destroy, &cloud).await;
            let again = destroy.plan(&cloud).await;
            assert!(again.is_empty(), "{}", show(&again));
            // What has no list is found by declaration or snapshot only.
            let mut left = cloud.ids();
            left.retain(|id| knows || !id.contains("/principals("));
            assert_eq!(left, [""; 0]);
        });
    }

    #[test]
    fn a_plan_without_a_change_does_nothing_and_deleting_the_snapshot_changes_nothing(
        before in sketch(),
    ) {
        let (cloud, mut world) = before_and_after(&before, &before);
        assert!(block(world.plan(&cloud)).is_empty());
        world.applied.clear();
        assert!(block(world.plan(&cloud)).is_empty());
    }

    #[test]
    fn what_is_not_ours_is_never_touched(
        before in sketch(),
        after in sketch(),
        strip in prop::collection::vec(any::<bool>(), 40),
        destroy in any::<bool>(),
    ) {
        let (cloud, mut world) = before_and_after(&before, &after);
        // Every other object loses its marker: it is somebody else's now.
        for ((id, mut body), strip) in cloud.bodies().into_iter().zip(strip.iter().cycle()) {
            if *strip && !id.contains("/pools/") {
                body["tags"] = json!({"owner": "them"});
                for note in ["/notes", "/properties/notes", "/properties/description"] {
                    if let Some(note) = body.pointer_mut(note) {
                        *note = json!("theirs");
                    }
                }
                let id = body["id"].as_str().expect("an id").to_owned();
                cloud.plant(&id, body);
            }
        }
        if destroy {
            world = world.destroy();
        }
        let theirs = |bodies: std::collections::BTreeMap<String, Json>| {
            let foreign = |body: &Json| !body.to_string().contains("managed-by");
            let mut bodies = bodies;
            bodies.retain(|id, body| !id.contains("/pools/") && foreign(body));
            bodies
        };
        let held = theirs(cloud.bodies());
        block(async {
            // What is in the way is left out, as a person would, until the rest may go ahead.
            for _ in 0..8 {
                let plan = world.plan(&cloud).await;
                let mut blocked: Vec<String> =
                    plan.refusals.iter().map(|r| r.address.to_string()).collect();
                blocked.extend(
                    plan.operations
                        .iter()
                        .filter(|o| o.action == plan::Action::Adopt)
                        .map(|o| o.address.to_string()),
                );
                if blocked.is_empty() {
                    Rig::new(&cloud).apply(&plan).await;
                    break;
                }
                for address in blocked {
                    world.selection.excludes.push(address.parse().expect("a pattern"));
                }
            }
            let now = cloud.bodies();
            for (id, body) in &held {
                assert!(now.get(id) == Some(body), "{id} was touched");
            }
        });
    }

    #[test]
    fn one_failure_anywhere_leaves_a_world_that_the_next_plan_completes(
        before in sketch(),
        after in sketch(),
        victim in any::<prop::sample::Index>(),
        how in 0..4_usize,
    ) {
        let (cloud, world) = before_and_after(&before, &after);
        block(async {
            let plan = world.plan(&cloud).await;
            if plan.operations.is_empty() || !plan.refusals.is_empty() {
                return;
            }
            let operation = &plan.operations[victim.index(plan.operations.len())];
            let method = match operation.step {
                Step::Delete => Method::Delete,
                Step::Update => Method::Patch,
                _ => Method::Put,
            };
            let what = [
                What::Refuse(super::ports::Verdict::Fatal, "No"),
                What::LoseBefore,
                What::LoseAfter,
                What::Accept,
            ];
            let path = operation.id.known_start();
            assert_eq!(world.contradictions(&cloud, &plan).await, [""; 0]);
            cloud.fail(method, &path, what[how].clone());
            let rig = Rig::new(&cloud);
            rig.apply(&plan).await;
            cloud.heal();
            // Half applied or not, it says nothing that is not declared.
            assert_eq!(world.contradictions(&cloud, &plan).await, [""; 0]);
            // The same plan again finishes it, and so would a new one.
            let copy = cloud.copy();
            let outcome = rig.apply(&plan).await;
            assert!(outcome.is_complete(), "{}\n{:?}", show(&plan), outcome.ends);
            assert_eq!(world.contradictions(&cloud, &plan).await, [""; 0]);
            let left = world.plan(&cloud).await;
            assert!(left.is_empty(), "{}", show(&left));
            converge(&world, &copy).await;
            assert!(world.plan(&copy).await.is_empty());
        });
    }

    #[test]
    fn a_saved_plan_is_what_was_saved_and_any_flipped_byte_is_noticed(
        before in sketch(),
        after in sketch(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (cloud, world) = before_and_after(&before, &after);
        let mut plan = block(world.plan(&cloud));
        plan.standing.clear();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let digest = plan::write(&path, &plan).expect("written");
        assert_eq!(digest, plan::digest(&plan));
        assert_eq!(plan::read(&path, KINDS).expect("read"), plan);
        let mut bytes = std::fs::read(&path).expect("there");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).expect("written");
        // A flipped blank between two tokens says the same; anything else is refused.
        if let Ok(read) = plan::read(&path, KINDS) {
            assert_eq!(read, plan);
            assert!(bytes[at].is_ascii_whitespace() || b"eE".contains(&bytes[at]), "{at}");
        }
    }

    #[test]
    fn reading_a_plan_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        for content in [bytes, text.clone().into_bytes(), format!("{{\"version\":1,\"plan\":{text}}}").into_bytes()] {
            std::fs::write(&path, &content).expect("written");
            assert!(plan::read(&path, KINDS).is_err());
        }
    }
}

/// The kinds of the program and the toys.
fn every_kind() -> impl Iterator<Item = &'static dyn Kind> {
    kinds::KINDS.iter().chain(KINDS.iter())
}

/// A value for a field, unlike the one that it has by default.
fn sample(field: &Field, other: bool) -> Json {
    let text = if other { "other" } else { "one" };
    match (field.compare, field.default) {
        (Compare::OwnKeys, _) => json!({"a": text, "b.c": "kept"}),
        (Compare::OwnWords, _) => json!([format!("a={text}"), "b=kept"]),
        (Compare::Set, _) => json!([{"value": text}, {"value": "kept"}]),
        (_, Literal::Bool(flag)) => json!(flag != other),
        (_, Literal::Int(number)) => json!(number + 1 + i64::from(other)),
        _ => json!(text),
    }
}

/// A body with every managed field, and things beside them that are not ours.
fn body(kind: &dyn Kind) -> Json {
    let mut tree = Value::default();
    for field in kind.meta().fields {
        tree.set(field.path, Value::from(sample(field, false)));
        let beside = field
            .path
            .rsplit_once('.')
            .map_or("theirs".to_owned(), |(parent, _)| {
                format!("{parent}.theirs")
            });
        tree.set(&beside, Value::from("kept"));
    }
    let mut body = tree.resolve(&Outputs::default()).expect("nothing is late");
    for field in kind
        .meta()
        .fields
        .iter()
        .filter(|f| f.compare == Compare::OwnKeys)
    {
        body[field.path]["their.tag"] = json!("kept");
    }
    let fields = kind.meta().fields.iter();
    for field in fields.filter(|f| f.compare == Compare::OwnWords) {
        let words = body[field.path].as_array_mut().expect("words");
        words.push(json!("theirs=kept"));
    }
    body
}

#[test]
fn a_diff_of_the_same_is_empty_and_every_flipped_field_is_found() {
    for kind in every_kind() {
        let meta = kind.meta();
        let live = meta.project(&body(kind));
        assert_eq!(diff(meta, &live, &live, None), [], "{kind:?}");
        assert!(same_projection(meta, &live, &live, &live));
        assert_eq!(
            live,
            meta.project(&live.resolve(&Outputs::default()).expect("known"))
        );
        for field in meta.fields {
            let mut other = live.clone();
            other.set(field.path, Value::from(sample(field, true)));
            let found = diff(meta, &live, &other, None);
            assert!(!found.is_empty(), "{kind:?} {}", field.path);
            assert!(
                found
                    .iter()
                    .all(|change| change.path.starts_with(field.path))
            );
            assert!(
                !same_projection(meta, &live, &live, &other),
                "{kind:?} {}",
                field.path
            );
        }
    }
}

#[test]
fn tags_in_another_case_are_the_same_and_dropped_ones_go() {
    for kind in every_kind() {
        let meta = kind.meta();
        for field in meta.fields.iter().filter(|f| f.compare == Compare::OwnKeys) {
            let tagged = |tags: Json| {
                let mut tree = meta.project(&body(kind));
                tree.set(field.path, Value::from(tags));
                tree
            };
            let (ours, live) = (tagged(json!({"a": "one"})), tagged(json!({"A": "one"})));
            assert_eq!(diff(meta, &ours, &live, None), [], "{kind:?}");
            assert!(same_projection(meta, &ours, &ours, &live));
            // TOML itself may write it in another way.
            assert_eq!(diff(meta, &live, &live, Some(&ours)), [], "{kind:?}");
            let changed = tagged(json!({"A": "two"}));
            assert_eq!(diff(meta, &ours, &changed, Some(&ours)).len(), 1);
            assert!(!same_projection(meta, &ours, &live, &changed));
            let none = tagged(json!({}));
            let dropped = diff(meta, &none, &live, Some(&ours));
            assert_eq!(dropped.len(), 1, "{kind:?}");
            let desired = with_dropped_keys(meta, &none, &dropped);
            let desired = desired.resolve(&Outputs::default()).expect("known");
            let mut standing = body(kind);
            standing[field.path] = json!({"A": "one", "theirs": "kept"});
            let sent = update(meta, "/x", &standing, &desired, &[field.path]);
            let sent = sent.body.expect("a body");
            assert_eq!(sent[field.path], json!({"theirs": "kept"}), "{kind:?}");
        }
    }
}

#[test]
fn an_update_clears_the_diff_and_leaves_the_rest() {
    for kind in every_kind() {
        let meta = kind.meta();
        let live = body(kind);
        for field in meta.fields {
            let mut desired = meta.project(&live);
            for owned in meta.fields.iter().filter(|f| f.compare == Compare::OwnKeys) {
                desired.set(owned.path, Value::from(json!({"a": "one"})));
            }
            desired.set(field.path, Value::from(sample(field, true)));
            let desired_json = desired
                .resolve(&Outputs::default())
                .expect("nothing is late");
            let request = kind.update("/x", &live, &desired_json, &[field.path]);
            // A vault is told in its own words: what becomes of them, the behaviour laws hold.
            if matches!(request.plane, Plane::Vault(_)) {
                continue;
            }
            let sent = request.body.expect("an update has a body");
            let mut after = live.clone();
            match request.method {
                Method::Put => after = sent,
                _ => overlay(&mut after, &sent),
            }
            let left = diff(meta, &desired, &meta.project(&after), None);
            assert_eq!(left, [], "{kind:?} {}", field.path);
            let theirs = json!("theirs=kept");
            for owned in meta
                .fields
                .iter()
                .filter(|f| f.compare == Compare::OwnWords)
            {
                let words = after[owned.path].as_array().expect("words");
                assert!(words.contains(&theirs), "{kind:?} {}", field.path);
            }
            assert_kept(&live, &after, &format!("{kind:?} {}", field.path));
        }
    }
}

/// A JSON merge patch, tags replaced as a whole.
fn overlay(live: &mut Json, patch: &Json) {
    for (key, value) in patch.as_object().into_iter().flatten() {
        if value.is_object() && live[key].is_object() && key != "tags" {
            overlay(&mut live[key], value);
        } else {
            live[key] = value.clone();
        }
    }
}

/// Everything called `kept` is where it was.
fn assert_kept(before: &Json, after: &Json, what: &str) {
    for (key, value) in before.as_object().into_iter().flatten() {
        if value == "kept" && key != "b.c" {
            assert_eq!(after.get(key), Some(value), "{what}: {key}");
        } else if value.is_object() {
            assert_kept(value, &after[key], what);
        }
    }
}

#[test]
fn unread_collections_and_requests_are_counted() {
    block(async {
        let mut world = World::with_store();
        for at in 0..20 {
            world.shelf("dev.store.a", &format!("s{at}"));
        }
        let cloud = world.live();
        cloud.forget_log();
        let observed =
            super::observe::observe(&cloud, KINDS, &world.desired(), &world.applied).await;
        // Five lists over the subscription, one search for marks, one list of what stands in the
        // group, one of shelves.
        assert_eq!(cloud.reads(), 8);
        assert_eq!(observed.collections_read, 6);
        let request = crate::resource::Request::arm(Method::Get, "/nothing", "1");
        assert_eq!(cloud.get(&request).await, Ok(None));
    });
}
