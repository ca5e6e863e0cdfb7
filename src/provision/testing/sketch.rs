//! Random worlds: a sketch says which toys stand and how; a world is drawn from it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use serde_json::json;

use super::World;

/// So many random cases, or as many as `PROPTEST_CASES` says; one that fails is printed whole.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig {
            cases: usual,
            ..config
        },
    }
}

/// What a random world holds.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    stores: BTreeMap<&'static str, Store>,
    clusters: BTreeMap<&'static str, Cluster>,
    principals: BTreeMap<&'static str, &'static str>,
    /// (store, principal) pairs; those that name what does not stand are left out.
    grants: BTreeSet<(&'static str, &'static str)>,
    group_lock: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Store {
    location: &'static str,
    size: i64,
    shelves: BTreeMap<&'static str, i64>,
    lock: Option<&'static str>,
    tags: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Clone)]
struct Cluster {
    location: &'static str,
    version: &'static str,
    pools: BTreeMap<&'static str, (i64, &'static str)>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values)
}

fn level() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.2, one_of(&["CanNotDelete", "ReadOnly"]))
}

fn store() -> impl Strategy<Value = Store> {
    let shelves = btree_map(one_of(&["top", "low"]), 1..3_i64, 0..3);
    let tags = btree_map(one_of(&["cost", "on-call"]), one_of(&["x", "y"]), 0..3);
    (
        one_of(&["eastus2", "westus2"]),
        1..3_i64,
        shelves,
        level(),
        tags,
    )
        .prop_map(|(location, size, shelves, lock, tags)| Store {
            location,
            size,
            shelves,
            lock,
            tags,
        })
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let pools = btree_map(
        one_of(&["user", "gpu"]),
        (1..3_i64, one_of(&["azl3", "azl4"])),
        0..3,
    );
    let location = one_of(&["eastus2", "westus2"]);
    (location, one_of(&["1.36", "1.37"]), pools).prop_map(|(location, version, pools)| Cluster {
        location,
        version,
        pools,
    })
}

/// Any sketch.
pub(crate) fn sketch() -> impl Strategy<Value = Sketch> {
    (
        btree_map(one_of(&NAMES), store(), 0..4),
        btree_map(one_of(&NAMES), cluster(), 0..3),
        btree_map(one_of(&NAMES), one_of(&["corp", "edge"]), 0..4),
        btree_set((one_of(&NAMES), one_of(&NAMES)), 0..6),
        level(),
    )
        .prop_map(
            |(stores, clusters, principals, grants, group_lock)| Sketch {
                stores,
                clusters,
                principals,
                grants,
                group_lock,
            },
        )
}

impl Sketch {
    /// The world of this sketch: stores in `dev`, clusters in `prod`, principals in `shared`.
    pub(crate) fn world(&self) -> World {
        let mut world = World::new();
        world.group("dev");
        world.group("prod");
        for (name, store) in &self.stores {
            let path = format!("dev.store.{name}");
            world.store("dev", name);
            world.set(&path, "location", json!(store.location));
            world.set(&path, "properties.size", json!(store.size));
            for (key, value) in &store.tags {
                world.set(&path, &format!("tags.{key}"), json!(value));
            }
            for (shelf, width) in &store.shelves {
                world.shelf(&path, shelf);
                world.set(&format!("{path}.{shelf}"), "properties.width", json!(width));
            }
            if let Some(level) = store.lock {
                world.lock(&path, level);
            }
        }
        for (name, cluster) in &self.clusters {
            let path = format!("prod.cluster.{name}");
            world.cluster("prod", name);
            world.set(&path, "location", json!(cluster.location));
            world.set(&path, "properties.version", json!(cluster.version));
            for (pool, (count, image)) in &cluster.pools {
                let at = format!("{path}.{pool}");
                world.pool(&path, pool, "User");
                world.set(&at, "properties.count", json!(count));
                world.set(&at, "properties.image", json!(image));
            }
        }
        for (name, realm) in &self.principals {
            let path = format!("shared.principal.{name}");
            world.principal(&path);
            world.set(&path, "realm", json!(realm));
        }
        for (store, principal) in &self.grants {
            if self.stores.contains_key(store) && self.principals.contains_key(principal) {
                let path = format!("dev.grant.{store}.{principal}");
                let (scope, who) = (
                    format!("dev.store.{store}"),
                    format!("shared.principal.{principal}"),
                );
                world.grant(&path, &scope, &who, "pull");
            }
        }
        if let Some(level) = self.group_lock {
            world.lock("dev.group", level);
        }
        world
    }
}
