//! Toy kinds, one for each way in which later kinds will differ from a plain ARM resource.

use serde_json::{Value as Json, json};

use crate::kinds::{Lock, ResourceGroup};
use crate::resource::{
    Address, Carrier, Change, Compare, Field, Kind, Kinds, Literal, Meta, Method, Naming, ReadMode,
    Request, Resource, UpdateMode, Value, arm_type_of, without_nulls,
};

/// Every kind of the toy world, in table order; groups and locks are the real ones.
pub(crate) static KINDS: Kinds = Kinds(&[
    &ResourceGroup,
    &STORE,
    &SHELF,
    &PRINCIPAL,
    &CLUSTER,
    &POOL,
    &GRANT,
    &TICKET,
    &SEAT,
    &Lock,
]);

/// A kind whose every behaviour but embedding and lanes is in its data.
pub(crate) struct Toy(Meta);

impl Kind for Toy {
    fn meta(&self) -> &'static Meta {
        // Metas are promoted from the statics below, so every toy stands there.
        [&STORE, &SHELF, &PRINCIPAL, &GRANT, &TICKET, &SEAT]
            .into_iter()
            .map(|toy| &toy.0)
            .find(|meta| meta.name == self.0.name)
            .expect("every toy is a static of this file")
    }

    fn is_id(&self, id: &str) -> bool {
        if self.0.arm_type == PRINCIPAL.0.arm_type {
            return id.starts_with("/v1.0/principals(uniqueName='");
        }
        arm_type_of(id).is_some_and(|found| found.eq_ignore_ascii_case(self.0.arm_type))
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let method = if self.is_posted() {
            Method::Post
        } else {
            Method::Put
        };
        Request::arm(method, id, self.0.api_version).body(without_nulls(desired.clone()))
    }

    fn naming(&self) -> Naming {
        match self.0.name == STORE.0.name {
            true => Naming::Everywhere,
            false => Naming::Within,
        }
    }

    fn lags(&self) -> bool {
        self.is_posted()
    }

    fn refuses_second_post(&self) -> bool {
        self.0.name == SEAT.0.name
    }

    fn is_access(&self) -> bool {
        self.0.name == GRANT.0.name
    }

    fn fixed_in_use(&self, path: &str, _after: &Value, _live: &Value) -> Option<&'static str> {
        let fixed = self.0.name == SHELF.0.name && path == "properties.width";
        fixed.then_some("put up another shelf")
    }

    fn holder<'v>(&self, properties: &'v Value) -> Option<&'v Value> {
        let holder = properties.at("properties.principalId");
        holder.filter(|_| self.is_access())
    }

    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        _after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        (self.is_access() && before.is_none()).then(|| address.to_string())
    }

    fn forbids_delete(&self, live: &Json) -> Option<String> {
        let kept = live.get("properties")?.get("keep")?.as_bool()?;
        kept.then(|| "set keep = false first".to_owned())
    }
}

impl Toy {
    fn is_posted(&self) -> bool {
        [TICKET.0.name, SEAT.0.name].contains(&self.0.name)
    }
}

const PLAIN: Meta = Meta {
    name: "",
    arm_type: "",
    api_version: "2026-01-01",
    carrier: Carrier::Tags("tags"),
    read: ReadMode::DataPlane,
    update: UpdateMode::Put,
    fields: &[],
    unmanaged: &[],
    read_only: &["properties.provisioningState"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

/// A plain top-level resource that keeps state.
pub(crate) static STORE: Toy = Toy(Meta {
    name: "store",
    arm_type: "Toy.Storage/stores",
    read: ReadMode::List("/providers/Toy.Storage/stores"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Replace),
        Field::new("properties.size").or(Literal::Int(1)),
        Field::new("properties.color")
            .or(Literal::Text("grey"))
            .compare(Compare::IgnoreCase),
        Field::new("properties.tier")
            .or(Literal::Text("hot"))
            .change(Change::Refuse("make another store")),
        Field::new("properties.rules.action").or(Literal::Text("Deny")),
        Field::new("properties.rules.ranges")
            .or(Literal::EmptyList)
            .compare(Compare::Set),
        Field::new("properties.owner"),
        Field::tags(),
    ],
    stateful: true,
    outputs: &[("endpoint", "properties.endpoint")],
    ..PLAIN
});

/// A child that is listed below each store.
pub(crate) static SHELF: Toy = Toy(Meta {
    name: "shelf",
    arm_type: "Toy.Storage/stores/shelves",
    read: ReadMode::ListPerParent {
        parent: "store",
        collection: "/shelves",
    },
    fields: &[
        Field::new("properties.width").or(Literal::Int(10)),
        Field::tags(),
    ],
    ..PLAIN
});

/// An object of another plane, without a list, whose object id the server chooses.
pub(crate) static PRINCIPAL: Toy = Toy(Meta {
    name: "principal",
    arm_type: "Graph/principals",
    carrier: Carrier::Note("notes"),
    fields: &[
        Field::new("displayName"),
        Field::new("realm").change(Change::Replace),
        Field::new("notes"),
    ],
    outputs: &[("objectId", "objectId")],
    ..PLAIN
});

/// An assignment whose name is made of its scope, role and principal.
pub(crate) static GRANT: Toy = Toy(Meta {
    name: "grant",
    arm_type: "Toy.Authorization/grants",
    carrier: Carrier::Note("properties.description"),
    read: ReadMode::List("/providers/Toy.Authorization/grants"),
    fields: &[
        Field::new("properties.principalId").change(Change::Replace),
        Field::new("properties.role").change(Change::Replace),
        Field::new("properties.description"),
    ],
    ..PLAIN
});

/// Made by a POST; a second one would make another.
pub(crate) static TICKET: Toy = Toy(Meta {
    name: "ticket",
    arm_type: "Toy.Desk/tickets",
    fields: &[Field::tags()],
    ..PLAIN
});

/// Made by a POST; a second one is refused.
pub(crate) static SEAT: Toy = Toy(Meta {
    name: "seat",
    arm_type: "Toy.Desk/seats",
    fields: &[Field::tags()],
    ..PLAIN
});

/// A parent whose create carries its first child, as AKS does with its system pool.
pub(crate) struct ToyCluster;
/// See [`ToyCluster`].
pub(crate) static CLUSTER: ToyCluster = ToyCluster;
static CLUSTER_META: Meta = Meta {
    name: "cluster",
    arm_type: "Toy.Compute/clusters",
    read: ReadMode::List("/providers/Toy.Compute/clusters"),
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Replace),
        Field::new("properties.version").or(Literal::Text("1.36")),
        Field::tags(),
    ],
    stateful: true,
    outputs: &[("issuer", "properties.issuer")],
    ..PLAIN
};

impl Kind for ToyCluster {
    fn meta(&self) -> &'static Meta {
        &CLUSTER_META
    }

    fn naming(&self) -> Naming {
        Naming::Kept
    }

    fn embeds(&self, child: &Resource) -> bool {
        child.kind.meta().name == "pool"
            && child
                .properties
                .at("properties.mode")
                .and_then(Value::as_str)
                == Some("System")
    }

    fn embed(&self, body: &mut Json, name: &str, child: &Json) {
        let pools = &mut body["properties"]["pools"];
        if !pools.is_array() {
            *pools = json!([]);
        }
        let mut pool = child.clone();
        pool["name"] = json!(name);
        if let Some(pools) = pools.as_array_mut() {
            pools.push(pool);
        }
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        Some(id.to_lowercase())
    }
}

/// A child that carries no marker, ours by its parent and its name; its list tells names only.
pub(crate) struct ToyPool;
/// See [`ToyPool`].
pub(crate) static POOL: ToyPool = ToyPool;
static POOL_META: Meta = Meta {
    name: "pool",
    arm_type: "Toy.Compute/clusters/pools",
    carrier: Carrier::Parent,
    read: ReadMode::ListThenGet {
        parent: "cluster",
        collection: "/pools",
    },
    fields: &[
        Field::new("properties.mode").or(Literal::Text("User")),
        Field::new("properties.count").or(Literal::Int(1)),
        Field::new("properties.image")
            .or(Literal::Text("azl3"))
            .change(Change::Replace),
        Field::new("properties.subnet"),
    ],
    ..PLAIN
};

impl Kind for ToyPool {
    fn meta(&self) -> &'static Meta {
        &POOL_META
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        let id = id.to_lowercase();
        Some(id.split("/pools/").next()?.to_owned())
    }
}
