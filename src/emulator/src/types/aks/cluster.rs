//! `Microsoft.ContainerService/managedClusters`.
//! <https://learn.microsoft.com/rest/api/aks/managed-clusters>

use super::errors::{not_found, unreadable};
use super::{
    API_VERSIONS, CLUSTER, CREATION, DELETION, UPDATE, actions, addons, cluster_fields,
    cluster_pools, cluster_view, identities, node_group, power, subnets,
};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType,
    Started, Target, Written, check_locks,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use axum::http::Method;
use serde_json::{Map, Value, json};

pub struct Cluster;

static META: Meta = Meta {
    kind: CLUSTER,
    api_versions: API_VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for Cluster {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if let Some(old) = old {
            cluster_pools::running(old)?;
        } else {
            cluster_fields::name(target.name())?;
        }
        let location = sent["location"].as_str().unwrap_or_default();
        let asked = checks::object(sent, "properties").map_err(|e| unreadable(&e))?;
        let (mut properties, version) = cluster_fields::lay(cx, target, location, &asked, old)?;
        let pools = cluster_pools::asked(
            cx,
            world,
            &target.key,
            &asked,
            &version,
            &properties["networkProfile"],
            old.is_none(),
        )?;
        let identity = identities::control_plane(cx, world, target, sent, old)?;
        let control = identity.as_ref();
        let kubelet = identities::kubelet(cx, world, target, &asked, control, old)?;
        if old.is_none() {
            node_group::free(cx, world, &properties)?;
            let subscription = cx.path.subscription.as_deref().unwrap_or_default();
            let cluster = subnets::Cluster {
                name: target.name(),
                location,
                identity: control,
                node_group: &node_group::id(subscription, &properties),
            };
            subnets::check_all(cx, world, cluster, &pools)?;
        }
        let mut hidden = old.map_or_else(|| json!({}), |old| old.hidden.clone());
        hidden["pools"] = json!(pools);
        if let Some(kubelet) = kubelet {
            hidden["kubelet"] = kubelet.shown();
        } else {
            identities::repeat(&mut hidden["kubelet"], &asked);
        }
        if properties.contains_key("identityProfile") {
            let profile = json!({"kubeletidentity": hidden["kubelet"]});
            properties.insert("identityProfile".to_owned(), profile);
        }
        power::autoscaler(&mut properties, &pools);
        let word = word(world, old, &properties, &pools);
        properties.insert("provisioningState".to_owned(), json!(word));
        let mut body = Map::new();
        body.insert("location".to_owned(), json!(location));
        body.insert("properties".to_owned(), Value::Object(properties));
        body.insert("sku".to_owned(), cluster_fields::sku(cx, sent, old)?);
        decorate(&mut body, sent, identity);
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden,
            started: Some(Started {
                pattern: if old.is_some() { &UPDATE } else { &CREATION },
                word: "InProgress",
            }),
        })
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        Ok(Written {
            status: 200,
            body,
            hidden: old.hidden.clone(),
            started: None,
        })
    }

    fn delete(&self, cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        check_locks(world, &cx.call.method, &node_group::id_of(old))?;
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn turns(&self, target: &Target) -> Option<String> {
        Some(target.key.clone())
    }

    fn preempts(&self) -> bool {
        true
    }

    fn busy(&self, target: &Target, _running: &str) -> ArmError {
        cluster_pools::busy(target)
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        cluster_view::show(object, world, api)
    }

    fn list(
        &self,
        cx: &Context<'_>,
        world: &World,
        scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        Some(cluster_view::list(cx, world, scope))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        not_found(
            "GetManagedCluster_NotFound",
            "Managed Cluster",
            format!("Could not find managed cluster resource of {}.", target.id),
        )
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        if cx.call.method == Method::PUT
            && let Some(properties) = answer
                .body
                .as_mut()
                .and_then(|body| body.pointer_mut("/properties")?.as_object_mut())
        {
            cluster_view::written(properties, &cx.api);
        }
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        power::settle(object);
    }

    fn stored(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let Some(stored) = txn.world().object(&object.key()).cloned() else {
            return;
        };
        let mut cluster = Object::clone(&stored);
        let pools = cluster.hidden.get_mut("pools").map(Value::take);
        if let Some(hidden) = cluster.hidden.as_object_mut() {
            hidden.remove("pools");
        }
        let asked = pools
            .as_ref()
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if cluster.hidden["made"] != json!(true) {
            node_group::make(cx, txn, &mut cluster, asked);
            cluster.hidden["made"] = json!(true);
        }
        addons::store(cx, txn, &mut cluster);
        txn.put(cluster.clone());
        cluster_pools::store(txn, &cluster, asked);
        node_group::tag(txn, &cluster);
    }

    fn retagged(&self, txn: &mut Txn<'_>, object: &Object) {
        node_group::tag(txn, object);
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, now: Moment) {
        node_group::remove(txn, object, now);
    }

    fn actions(&self) -> &'static [Action] {
        actions::ACTIONS
    }
}

/// Adds what a cluster may have or not: tags and an identity.
fn decorate(body: &mut Map<String, Value>, sent: &Map<String, Value>, identity: Option<Value>) {
    if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
        body.insert("tags".to_owned(), tags.clone());
    }
    if let Some(identity) = identity {
        body.insert("identity".to_owned(), identity);
    }
}

/// What a write is called while it runs: a change of nothing but counts scales.
fn word(
    world: &World,
    old: Option<&Object>,
    properties: &Map<String, Value>,
    pools: &[Value],
) -> &'static str {
    let Some(old) = old else {
        return "Creating";
    };
    let before = &old.body["properties"];
    if Some(&before["currentKubernetesVersion"]) != properties.get("currentKubernetesVersion") {
        return "Upgrading";
    }
    let standing = cluster_pools::of(world, &old.key());
    let scales = standing.iter().any(|pool| {
        pools.iter().any(|asked| {
            asked["name"] == pool.name() && asked["count"] != pool.body["properties"]["count"]
        })
    });
    if scales { "Scaling" } else { "Updating" }
}
