//! Tests of observing: what is seen, what is kept, and what nobody knows.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::*;
use crate::provision::ports::{Failure, Reader, Verdict};
use crate::provision::testing::{FakeCloud, What, World, address, failure, show};
use crate::resource::{Method, Ownership, Request, Text};

const FORBIDDEN: What = What::Refuse(Verdict::Denied, "AuthorizationFailed");

/// What is known of a declared resource, in one word.
fn state(world: &World, observed: &Observed, path: &str) -> &'static str {
    let resource = &world.resources[&address(path)];
    match observed.state(resource.kind, &world.id(path)) {
        State::Present(_) => "present",
        State::Absent => "absent",
        State::Unreadable(_) => "unreadable",
    }
}

fn full() -> World {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    world
}

#[tokio::test]
async fn everything_declared_is_found_or_known_to_be_absent() {
    let world = full();
    let paths = [
        "dev.group",
        "dev.store.a.top",
        "dev.cluster.k.system",
        "shared.principal.bot",
    ];
    let (live, empty) = (world.observe(&world.live()).await, FakeCloud::default());
    let empty = world.observe(&empty).await;
    for path in paths {
        assert_eq!(state(&world, &live, path), "present", "{path}");
        assert_eq!(state(&world, &empty, path), "absent", "{path}");
    }
    assert!(live.unreadable.is_empty() && live.strays.is_empty() && !empty.is_blind());
    assert!(
        live.objects
            .values()
            .all(|object| object.kind.meta().arm_type.starts_with("Graph")
                || object.in_managed_scope)
    );
}

#[tokio::test]
async fn what_could_not_be_read_is_unknown_with_everything_below() {
    let world = full();
    let cloud = world.live();
    cloud.fail_times(Method::Get, "/Toy.Storage/stores", FORBIDDEN, 9);
    cloud.fail_times(Method::Get, "/pools/system", FORBIDDEN, 9);
    cloud.fail_times(Method::Get, "(uniquename='bot')", FORBIDDEN, 9);
    let observed = world.observe(&cloud).await;
    for (path, expected) in [
        ("dev.group", "present"),
        ("dev.store.a", "unreadable"),
        ("dev.store.a.top", "unreadable"),
        ("dev.cluster.k", "present"),
        ("dev.cluster.k.system", "unreadable"),
        ("shared.principal.bot", "unreadable"),
    ] {
        assert_eq!(state(&world, &observed, path), expected, "{path}");
    }
    // Another object of the same kind that could be read is not drawn in.
    let other = observed.state(
        world.resources[&address("dev.cluster.k.system")].kind,
        "/x/pools/y",
    );
    assert!(matches!(other, State::Absent));
}

#[tokio::test]
async fn a_scope_is_a_path_not_a_prefix() {
    let world = full();
    let mut observed = Observed::default();
    let kind = world.resources[&address("dev.store.a")].kind;
    let unreadable = Unreadable {
        kind,
        scope: "/subscriptions/s".to_owned(),
        failure: failure(Verdict::Denied, "No"),
    };
    observed
        .unreadable
        .insert(("store", unreadable.scope.clone()), unreadable);
    assert!(matches!(
        observed.state(kind, "/subscriptions/S/x"),
        State::Unreadable(_)
    ));
    assert!(matches!(
        observed.state(kind, "/subscriptions/s2/x"),
        State::Absent
    ));
    assert!(observed.is_blind());
}

#[tokio::test]
async fn objects_out_of_reach_are_not_kept() {
    let world = full();
    let cloud = world.live();
    let store = "/providers/Toy.Storage/stores/x";
    let nodes = "/subscriptions/s/resourceGroups/MC_nodes";
    let other = "/subscriptions/s/resourceGroups/other";
    let tags = cloud.body(&world.id("dev.group")).expect("it stands")["tags"].clone();
    cloud.plant(
        nodes,
        json!({"managedBy": "aks", "location": "eastus2", "tags": tags}),
    );
    cloud.plant(&format!("{nodes}{store}"), json!({"location": "eastus2"}));
    cloud.plant(&format!("{other}{store}"), json!({"location": "eastus2"}));
    let inside = format!("{}{store}", world.id("dev.group"));
    cloud.plant(&inside, json!({"location": "eastus2"}));
    let observed = world.observe(&cloud).await;
    let key = |id: &str| id.to_lowercase();
    assert!(!observed.objects.contains_key(&key(nodes)));
    assert!(
        !observed
            .objects
            .contains_key(&key(&format!("{nodes}{store}")))
    );
    assert!(
        !observed
            .objects
            .contains_key(&key(&format!("{other}{store}")))
    );
    let object = &observed.objects[&key(&inside)];
    assert_eq!(
        (&object.ownership, object.in_managed_scope),
        (&Ownership::Foreign, true)
    );
}

#[tokio::test]
async fn what_stands_in_a_copy_is_read_where_it_may_carry_a_marker_itself() {
    let world = full();
    let copies = "/subscriptions/s/resourceGroups/MC_nodes/providers";
    for (original, copy, children, reads) in [
        ("dev.cluster.k", "Toy.Compute/clusters/copy", "pools", false),
        ("dev.store.a", "Toy.Storage/stores/copy", "shelves", true),
    ] {
        let cloud = world.live();
        let copy = format!("{copies}/{copy}");
        let tags = cloud.body(&world.id(original)).expect("it stands")["tags"].clone();
        cloud.plant(&copy, json!({"location": "eastus2", "tags": tags}));
        cloud.fail(Method::Get, &format!("/copy/{children}"), FORBIDDEN);
        let observed = world.observe(&cloud).await;
        let copied = &observed.objects[&copy.to_lowercase()];
        assert_eq!(copied.ownership, Ownership::Copy, "{copy}");
        assert_eq!(!observed.unreadable.is_empty(), reads, "{copy}");
    }
}

#[tokio::test]
async fn an_id_that_waits_for_an_output_is_read_once_that_is_known() {
    let mut world = full();
    let who = Text::output(&address("shared.principal.bot"), "objectId");
    let id = Text::concat(vec![
        "/v1.0/principals(uniqueName='".into(),
        who,
        "-twin')".into(),
    ]);
    world.principal("shared.principal.twin");
    world.edit("shared.principal.twin").id = id;
    // It exists, and without a marker.
    world.set("shared.principal.twin", "notes", json!("theirs"));
    let cloud = world.live();
    world.principal("shared.principal.other");
    let observed = world.observe(&cloud).await;
    let twins = observed.objects.keys().filter(|id| id.contains("-twin"));
    assert_eq!(twins.count(), 1);
}

#[tokio::test]
async fn what_has_no_list_and_no_declaration_is_found_by_the_snapshot() {
    let mut world = full();
    let cloud = world.live();
    let applied = world.applied(&cloud).await;
    world.drop("dev.grant.bot");
    world.drop("shared.principal.bot");
    assert!(!show(&world.plan(&cloud).await).contains("delete shared.principal.bot"));
    world.applied = applied;
    let plan = world.plan(&cloud).await;
    assert_eq!(
        show(&plan),
        "delete dev.grant.bot\ndelete shared.principal.bot"
    );
    cloud.remove("/v1.0/principals(uniqueName='bot')");
    assert_eq!(show(&world.plan(&cloud).await), "delete dev.grant.bot");
}

#[tokio::test]
async fn a_missing_collection_is_no_empty_one() {
    let world = full();
    for (path, unknown, status) in [
        ("/Toy.Storage/stores", "dev.store.a", "unreadable"),
        ("/stores/a/shelves", "dev.store.a.top", "unreadable"),
        ("/stores/a/shelves", "dev.store.a", "present"),
    ] {
        let cloud = world.live();
        let missing = What::Refuse(Verdict::NotFound, "ResourceNotFound");
        cloud.fail(Method::Get, path, missing);
        let observed = world.observe(&cloud).await;
        assert_eq!(state(&world, &observed, unknown), status, "{path}");
    }
}

#[tokio::test]
async fn what_has_no_id_makes_its_whole_collection_unknown() {
    let world = full();
    let cloud = world.live();
    let store = world.id("dev.store.a");
    cloud.plant(&format!("{store}/shelves/odd"), json!({}));
    cloud.edit(&format!("{store}/shelves/odd"), |body| {
        body["id"] = json!(null);
    });
    let observed = world.observe(&cloud).await;
    let unread = observed.unreadable.values().next().expect("unreadable");
    assert_eq!(unread.scope, store.to_lowercase());
    assert_eq!(unread.failure.code, "BadAnswer");
    let odd = format!("{}/providers/Toy.Storage/stores/odd", world.id("dev.group"));
    cloud.plant(&odd, json!({}));
    cloud.edit(&odd, |body| body["id"] = json!(null));
    let observed = world.observe(&cloud).await;
    let held = &observed.contents[&world.id("dev.group").to_lowercase()];
    assert!(held.iter().any(|held| held == "something without an id"));
}

#[tokio::test]
async fn what_no_kind_lists_is_unmanaged_in_our_groups_and_nobodys_business_elsewhere() {
    let mut world = full();
    world.group("prod");
    let cloud = world.live();
    let machine = |group: &str, name: &str| {
        format!("/subscriptions/s/resourceGroups/{group}/providers/Toy.Compute/machines/{name}")
    };
    cloud.plant(&machine("rg-dev", "theirs"), json!({"location": "eastus2"}));
    cloud.plant(&machine("rg-prod", "theirs"), json!({}));
    cloud.plant(&machine("other", "theirs"), json!({}));
    // As the disk of a machine, or what a service made for itself.
    cloud.plant(&machine("rg-dev", "held"), json!({"managedBy": "/x"}));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unmanaged rg-dev/Compute/machines/theirs
    unmanaged rg-prod/Compute/machines/theirs
    ");
    assert_eq!(plan.unmanaged[0].arm_type, "toy.compute/machines");
    assert!(plan.is_empty(), "nothing to do");
    // What stands in what belongs to another environment is for a plan of that one to tell.
    let plan = world.only(&["dev"]).plan(&cloud).await;
    assert_eq!(show(&plan), "unmanaged rg-dev/Compute/machines/theirs");
}

/// A cloud that counts how many of its lists are read side by side.
#[derive(Default)]
struct Counting {
    cloud: FakeCloud,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Reader for Counting {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.cloud.get(request).await
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..9 {
            tokio::task::yield_now().await;
        }
        let read = self.cloud.list(request, page).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        read
    }
}

#[tokio::test]
async fn containers_are_looked_into_side_by_side() {
    let mut world = full();
    world.group("prod");
    world.group("shared");
    let counting = Counting {
        cloud: world.live(),
        ..Counting::default()
    };
    let mut observed = world.observe(&counting.cloud).await;
    let before = std::mem::take(&mut observed.contents);
    let groups = ["dev.group", "prod.group", "shared.group"].map(|path| world.id(path));
    contents(&counting, &mut observed, &groups).await;
    assert_eq!(counting.most.into_inner(), groups.len());
    for group in groups {
        let key = group.to_lowercase();
        assert_eq!(observed.contents[&key], before[&key]);
    }
}

#[tokio::test]
async fn a_group_that_cannot_be_looked_into_is_not_clean_and_hides_nothing_of_ours() {
    let world = full();
    let cloud = world.live();
    cloud.fail(Method::Get, "/rg-dev/resources", FORBIDDEN);
    let observed = world.observe(&cloud).await;
    assert!(!observed.is_partial(), "what is ours was read");
    cloud.fail(Method::Get, "/rg-dev/resources", FORBIDDEN);
    let plan = world.plan(&cloud).await;
    assert!(plan.is_partial() && plan.operations.is_empty());
    assert_eq!(plan.unread[0].kind, "resource of others");
    assert!(plan.unread[0].scope.ends_with("/rg-dev"));
}

#[tokio::test]
async fn a_search_for_marked_objects_that_fails_is_not_clean() {
    let world = full();
    let cloud = world.live();
    assert!(world.plan(&cloud).await.is_empty());
    cloud.fail(Method::Get, "/subscriptions/s/resources", FORBIDDEN);
    let plan = world.plan(&cloud).await;
    assert!(plan.is_partial());
    assert_eq!(plan.unread[0].kind, "marked resource");
    assert_eq!(plan.unread[0].scope, "/subscriptions/s");
}

#[tokio::test]
async fn a_subscription_that_only_the_snapshot_knows_is_read_too() {
    let mut world = full();
    let prod = crate::provision::testing::name("prod");
    let place = world.places.get_mut(&prod).expect("a place");
    "old".clone_into(&mut place.subscription);
    let group = "/subscriptions/old/resourceGroups/rg-prod";
    let body = json!({"location": "eastus2"});
    let kind = &crate::kinds::ResourceGroup;
    world.add("prod.group", kind, group.into(), body.clone());
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    let mut moved = world.clone();
    moved.places.get_mut(&prod).expect("a place").subscription = "s".to_owned();
    moved.group("prod");
    assert_eq!(
        show(&moved.plan(&cloud).await),
        "create prod.group\ndelete prod.resource-group.rg-prod"
    );
    world.vanish("prod");
    assert_eq!(show(&world.plan(&cloud).await), "delete prod.group");
    let path = "/subscriptions/old/resourcegroups";
    cloud.fail(Method::Get, path, FORBIDDEN);
    let plan = world.plan(&cloud).await;
    assert!(plan.operations.is_empty() && plan.is_partial());
    assert_eq!(plan.unread[0].scope, "/subscriptions/old");
}
