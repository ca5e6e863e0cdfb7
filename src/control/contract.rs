//! What every control store has to do, held against folder, memory and Blob Storage alike, and against
//! one that keeps its audit log apart.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use time::Duration;
use time::macros::utc_datetime;

use super::arbitrary::PLAN;
use super::memory::Memory;
use super::{Apart, ManualClock, Store as ControlStore};
use crate::provision::objects::{Expected, ObjectName};
use crate::provision::ports::{Event, Journal, Lease, Snapshots, Standing, StoreError};
use crate::remote::azure::{BlobContainer, Cloud, Credential, Settings};
use crate::resource::EnvironmentName;

/// The emulator of Blob Storage, as the behaviour tests start it.
#[path = "../../tests/behaviour/azurite.rs"]
pub(crate) mod azurite;

/// A new container in Azurite, where there is one.
async fn container() -> Option<Arc<BlobContainer>> {
    let azurite = azurite::Azurite::shared()?;
    let name = uuid::Uuid::new_v4();
    let url = format!("{}/{name}", azurite.endpoint());
    let ca = std::fs::read_to_string(azurite.ca()).expect("a readable file");
    let credential = Credential::TokenFile(azurite.token());
    let settings = Settings::new(Cloud::public(), "tenant", credential);
    let container = BlobContainer::open(url.parse().expect("a URL"), Some(&ca), settings);
    let container = container.expect("a client");
    container.create_if_missing().await.expect("a container");
    Some(Arc::new(container))
}

/// Runs a law on every store; `$other` is the same store, seen from elsewhere.
macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        mod folder {
            $(#[tokio::test]
            async fn $law() {
                let here = tempfile::tempdir().expect("a folder");
                let clock = super::clock();
                let open = || {
                    super::ControlStore::folder_with_clock(here.path(), clock.clone())
                        .expect("opens")
                };
                super::$law(&open(), &open(), &clock).await;
            })*
        }
        mod memory {
            $(#[tokio::test]
            async fn $law() {
                let clock = super::clock();
                let memory = super::Arc::new(super::Memory::with_clock(clock.clone()));
                let open = || {
                    let timeout = std::time::Duration::from_secs(40);
                    super::ControlStore::remote(memory.clone(), clock.clone(), timeout)
                };
                super::$law(&open(), &open(), &clock).await;
            })*
        }
        mod apart {
            $(#[tokio::test]
            async fn $law() {
                let clock = super::clock();
                let memory = || super::Arc::new(super::Memory::with_clock(clock.clone()));
                let apart = super::Arc::new(super::Apart::new(memory(), memory()));
                let open = || {
                    let timeout = std::time::Duration::from_secs(40);
                    super::ControlStore::remote(apart.clone(), clock.clone(), timeout)
                };
                super::$law(&open(), &open(), &clock).await;
            })*
        }
        mod blob {
            $(#[tokio::test]
            async fn $law() {
                let clock = super::clock();
                let Some(container) = super::container().await else {
                    return;
                };
                let open = || {
                    let timeout = std::time::Duration::from_secs(40);
                    super::ControlStore::remote(container.clone(), clock.clone(), timeout)
                };
                super::$law(&open(), &open(), &clock).await;
            })*
        }
    };
}

laws!(
    entries_come_back_stamped_in_order_and_by_plan,
    appends_at_once_are_all_kept,
    runs_are_read_oldest_first_though_the_clock_goes_back,
    a_lease_excludes_until_it_is_given_back,
    all_leases_are_taken_or_none,
    fencing_numbers_rise,
    standing_says_who_holds_what,
    runs_without_an_end_are_found_up_to_the_last_that_had_one,
    a_snapshot_is_replaced_as_a_whole,
    a_write_that_expected_something_else_is_refused,
    a_log_grows_at_its_end_only,
);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)))
}

fn names(names: &[&str]) -> Vec<EnvironmentName> {
    let parse = |name: &&str| name.parse().expect("a name");
    names.iter().map(parse).collect()
}

fn ended(complete: bool) -> Event {
    Event::RunEnded { complete }
}

fn started(environment: &str) -> Event {
    let environments = names(&[environment]);
    Event::RunStarted { environments }
}

async fn events(store: &ControlStore, plan: &str) -> Vec<Event> {
    let entries = store.entries(plan).await.expect("reads");
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn entries_come_back_stamped_in_order_and_by_plan(
    store: &ControlStore,
    other: &ControlStore,
    clock: &ManualClock,
) {
    let another = "ffffffffffffffff";
    store.append(PLAN, started("dev")).await.expect("appends");
    clock.advance(Duration::milliseconds(1_500));
    store
        .append(another, started("prod"))
        .await
        .expect("appends");
    store.append(PLAN, ended(true)).await.expect("appends");
    let entries = other.entries(PLAN).await.expect("reads");
    let stamps: Vec<_> = entries.iter().map(|entry| entry.at.as_str()).collect();
    assert_eq!(
        stamps,
        ["2026-07-31T10:15:30.000Z", "2026-07-31T10:15:31.500Z"]
    );
    assert_eq!(events(other, PLAN).await, [started("dev"), ended(true)]);
    assert_eq!(events(other, another).await, [started("prod")]);
}

async fn appends_at_once_are_all_kept(store: &ControlStore, other: &ControlStore, _: &ManualClock) {
    let event = |operation: usize| Event::Done {
        operation,
        address: "prod.registry".parse().expect("an address"),
        outputs: [("id".to_owned(), operation.to_string())].into(),
    };
    let results = join_all((0..100).map(|number| store.append(PLAN, event(number)))).await;
    assert!(results.iter().all(Result::is_ok));
    // Polled in this order, and so written in it.
    assert_eq!(
        events(other, PLAN).await,
        (0..100).map(event).collect::<Vec<_>>()
    );
}

async fn runs_are_read_oldest_first_though_the_clock_goes_back(
    store: &ControlStore,
    other: &ControlStore,
    clock: &ManualClock,
) {
    let mut written = Vec::new();
    for (from, environment) in [(store, "dev"), (other, "staging"), (store, "prod")] {
        for event in [started(environment), ended(false)] {
            from.append(PLAN, event.clone()).await.expect("appends");
            written.push(event);
        }
        clock.advance(Duration::hours(-1));
    }
    assert_eq!(events(store, PLAN).await, written);
}

async fn a_lease_excludes_until_it_is_given_back(
    store: &ControlStore,
    other: &ControlStore,
    _: &ManualClock,
) {
    let prod = names(&["prod"]);
    let held = store.acquire(&prod, "apply").await.expect("free");
    for seen_from in [store, other] {
        let refused = seen_from.acquire(&prod, "apply").await.err();
        let Some(StoreError::Held { environment, .. }) = refused else {
            panic!("not refused")
        };
        assert_eq!(environment, prod[0]);
    }
    let dev = other.acquire(&names(&["dev"]), "apply").await;
    dev.expect("another environment is free")
        .release()
        .await
        .expect("gives back");
    held.release().await.expect("gives back");
    assert!(other.acquire(&prod, "apply").await.is_ok());
}

async fn all_leases_are_taken_or_none(store: &ControlStore, other: &ControlStore, _: &ManualClock) {
    let _prod = store
        .acquire(&names(&["prod"]), "apply")
        .await
        .expect("free");
    let refused = other
        .acquire(&names(&["prod", "dev", "shared"]), "apply")
        .await;
    assert!(refused.is_err());
    drop(refused);
    // Named twice, taken once.
    let rest = names(&["shared", "dev", "shared"]);
    let held = other
        .acquire(&rest, "apply")
        .await
        .expect("nothing of it is left taken");
    assert!(store.acquire(&names(&["dev"]), "apply").await.is_err());
    assert!(store.acquire(&names(&["shared"]), "apply").await.is_err());
    held.release().await.expect("gives back");
    assert!(store.acquire(&[], "apply").await.is_ok());
}

async fn fencing_numbers_rise(store: &ControlStore, other: &ControlStore, _: &ManualClock) {
    let mut last = 0;
    for (from, environments) in [
        (store, &["prod"][..]),
        (other, &["dev"]),
        (store, &["dev", "prod"]),
        (other, &["prod"]),
    ] {
        let held = from.acquire(&names(environments), "apply").await;
        let held = held.expect("free");
        held.check(std::time::Duration::from_secs(1)).expect("held");
        if environments.contains(&"prod") {
            assert!(held.fence() > last, "{} after {last}", held.fence());
            last = held.fence();
        }
        held.release().await.expect("gives back");
    }
}

async fn standing_says_who_holds_what(store: &ControlStore, other: &ControlStore, _: &ManualClock) {
    assert_eq!(other.standing().await.expect("looks"), []);
    let held = store.acquire(&names(&["prod", "dev"]), "apply").await;
    let held = held.expect("free");
    let standing = other.standing().await.expect("looks");
    let [(dev, Standing::Held(first)), (prod, Standing::Held(second))] = standing.as_slice() else {
        panic!("{standing:?}")
    };
    assert_eq!((dev.as_str(), prod.as_str()), ("dev", "prod"));
    assert_eq!(first, second);
    assert_eq!(
        (first.process, first.doing.as_str(), first.since.as_str()),
        (std::process::id(), "apply", "2026-07-31T10:15:30.000Z")
    );
    held.release().await.expect("gives back");
    let standing = other.standing().await.expect("looks");
    assert!(standing.iter().all(|(_, one)| *one == Standing::Free));
}

async fn runs_without_an_end_are_found_up_to_the_last_that_had_one(
    store: &ControlStore,
    other: &ControlStore,
    clock: &ManualClock,
) {
    let plan = |number: usize| format!("{number:032x}");
    for (number, environment, ends) in [
        (0, "dev", false),
        (1, "dev", true),
        (2, "prod", true),
        (3, "dev", false),
        (4, "prod", false),
        (5, "staging", false),
        (6, "dev", false),
    ] {
        store
            .append(&plan(number), started(environment))
            .await
            .expect("appends");
        if ends {
            store
                .append(&plan(number), ended(true))
                .await
                .expect("appends");
        }
        clock.advance(Duration::seconds(1));
    }
    let unfinished = |environments: &'static [&'static str]| async move {
        let runs = other.unfinished(&names(environments)).await.expect("reads");
        runs.into_iter().map(|run| run.plan).collect::<Vec<_>>()
    };
    assert_eq!(unfinished(&["dev"]).await, [1, 3, 6].map(plan));
    assert_eq!(
        unfinished(&["dev", "prod"]).await,
        [1, 2, 3, 4, 6].map(plan)
    );
    assert_eq!(unfinished(&["staging"]).await, [5].map(plan));
    assert!(unfinished(&["shared"]).await.is_empty());
}

async fn a_write_that_expected_something_else_is_refused(
    store: &ControlStore,
    other: &ControlStore,
    _: &ManualClock,
) {
    let (store, other) = (store.objects(), other.objects());
    let name = ObjectName::new("things/one.json").expect("a name");
    let moved = |result| matches!(result, Err(StoreError::Moved { .. }));
    let first = store.put(&name, b"1", &Expected::Absent, None).await;
    let first = first.expect("puts");
    assert!(moved(other.put(&name, b"2", &Expected::Absent, None).await));
    let unchanged = Expected::Unchanged(first);
    other
        .put(&name, b"3", &unchanged, None)
        .await
        .expect("puts");
    assert!(moved(store.put(&name, b"4", &unchanged, None).await));
    let read = store.read(&name).await.expect("reads").expect("stands");
    assert_eq!(read.bytes, b"3");
    let unchanged = Expected::Unchanged(read.tag);
    store
        .put(&name, b"5", &unchanged, None)
        .await
        .expect("puts");
    store
        .put(&name, b"6", &Expected::Anything, None)
        .await
        .expect("puts");
    assert_eq!(other.list("things").await.expect("lists"), [name]);
    assert_eq!(other.list("other").await.expect("lists"), []);
}

async fn a_log_grows_at_its_end_only(store: &ControlStore, other: &ControlStore, _: &ManualClock) {
    let (store, other) = (store.objects(), other.objects());
    let name = ObjectName::new("logs/deep/one.jsonl").expect("a name");
    let moved = |result| matches!(result, Err(StoreError::Moved { .. }));
    assert_eq!(store.read(&name).await.expect("reads"), None);
    assert!(moved(store.append(&name, 3, b"x", None).await));
    store.append(&name, 0, b"abc", None).await.expect("appends");
    for wrong in [0, 2, 4] {
        assert!(moved(other.append(&name, wrong, b"x", None).await));
    }
    other.append(&name, 3, b"de", None).await.expect("appends");
    let read = store.read(&name).await.expect("reads").expect("stands");
    assert_eq!(read.bytes, b"abcde");
    assert_eq!(store.list("logs").await.expect("lists"), [name]);
}

/// Only where leases end by themselves: on a folder a holder's lock falls with its process.
#[tokio::test]
async fn who_takes_over_in_a_container_shuts_the_last_writer_out() {
    let Some(container) = container().await else {
        return;
    };
    let open = || ControlStore::remote(container.clone(), clock(), std::time::Duration::ZERO);
    let (first, second) = (open(), open());
    first.append(PLAN, started("prod")).await.expect("appends");
    let prod = names(&["prod"]);
    second.fence_off(&prod).await.expect("fences");
    let error = first.append(PLAN, ended(true)).await.expect_err("fenced");
    assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
    second.fence_off(&prod).await.expect("fences once more");
    assert_eq!(events(&second, PLAN).await, [started("prod")]);
}

async fn a_snapshot_is_replaced_as_a_whole(
    store: &ControlStore,
    other: &ControlStore,
    _: &ManualClock,
) {
    let [prod, dev] = ["prod", "dev"].map(|name| name.parse().expect("a name"));
    assert_eq!(store.load(&prod).await.expect("loads"), None);
    let first = json!({"prod.registry": {"sku": "Premium", "tags": {"a": "b"}}});
    store.save(&prod, &first).await.expect("saves");
    assert_eq!(other.load(&prod).await.expect("loads"), Some(first));
    let second = json!({"prod.vault": null});
    other.save(&prod, &second).await.expect("saves");
    assert_eq!(store.load(&prod).await.expect("loads"), Some(second));
    assert_eq!(store.load(&dev).await.expect("loads"), None);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_the_folder_holds() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    let here = tempfile::tempdir().expect("a folder");
    let root = here.path().join("store");
    let store = ControlStore::folder(&root).expect("opens");
    let prod = names(&["prod"]);
    let _held = store.acquire(&prod, "apply").await.expect("free");
    store.append(PLAN, ended(true)).await.expect("appends");
    store.save(&prod[0], &json!({})).await.expect("saves");
    let mut folders = vec![root];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &Path| {
            std::fs::metadata(path)
                .expect("is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for found in std::fs::read_dir(folder).expect("lists") {
            let path = found.expect("lists").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{path:?}");
                let name = path.file_name().expect("a name").to_string_lossy();
                files += usize::from(!name.starts_with('.'));
            }
        }
    }
    assert_eq!(files, 3);
}
