//! What every control store has to do, held against the folder and the memory alike.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use time::Duration;
use time::macros::utc_datetime;

use super::arbitrary::PLAN;
use super::memory::Memory;
use super::{ManualClock, Store as ControlStore};
use crate::provision::ports::{Event, Journal, Lease, Snapshots, StoreError};
use crate::resource::EnvironmentName;

trait Store: Journal + Lease + Snapshots {}
impl<T: Journal + Lease + Snapshots> Store for T {}

/// Runs a law on both stores; `$other` is the same store, seen from elsewhere.
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
    };
}

laws!(
    entries_come_back_stamped_in_order_and_by_plan,
    appends_at_once_are_all_kept,
    runs_are_read_oldest_first_though_the_clock_goes_back,
    a_lease_excludes_until_it_is_given_back,
    all_leases_are_taken_or_none,
    a_snapshot_is_replaced_as_a_whole,
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

async fn events(store: &dyn Store, plan: &str) -> Vec<Event> {
    let entries = store.entries(plan).await.expect("reads");
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn entries_come_back_stamped_in_order_and_by_plan(
    store: &dyn Store,
    other: &dyn Store,
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

async fn appends_at_once_are_all_kept(store: &dyn Store, other: &dyn Store, _: &ManualClock) {
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
    store: &dyn Store,
    other: &dyn Store,
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
    store: &dyn Store,
    other: &dyn Store,
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

async fn all_leases_are_taken_or_none(store: &dyn Store, other: &dyn Store, _: &ManualClock) {
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

async fn a_snapshot_is_replaced_as_a_whole(store: &dyn Store, other: &dyn Store, _: &ManualClock) {
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
