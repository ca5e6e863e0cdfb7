//! `managedClusters/accessProfiles`: the older way to a cluster's credentials.

use super::actions::{local_accounts, local_config, user_config};
use super::errors::not_found;
use super::{API_VERSIONS, CLUSTER, cluster_view};
use crate::arm::{Action, ArmError, Context, Located, Meta, Placement, ResourceType, Target};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;

pub struct AccessProfile;

const KIND: &str = "Microsoft.ContainerService/managedClusters/accessProfiles";

static META: Meta = Meta {
    kind: KIND,
    api_versions: API_VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

static ACTIONS: &[Action] = &[Action {
    name: "listCredential",
    method: Method::POST,
    run: credential,
}];

impl ResourceType for AccessProfile {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        let (cluster, name) = target.key.split_once("/accessprofiles/")?;
        let cluster = world
            .object(cluster)
            .filter(|object| object.kind == CLUSTER)?;
        let name = ["clusterAdmin", "clusterUser"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name))?;
        let id = format!("{}/accessProfiles/{name}", cluster.id);
        Some(Arc::new(Object {
            body: json!({
                "id": cluster_view::printed(&id),
                "location": cluster.location(),
                "name": name,
                "type": "Microsoft.ContainerService/ManagedClusters/AccessProfiles",
                "properties": {},
            }),
            id,
            kind: KIND.to_owned(),
            hidden: Value::Null,
            pending: None,
        }))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        not_found(
            "GetAccessProfile_NotFound",
            "AccessProfile",
            format!("Could not find the access profile {}.", target.name()),
        )
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// The profile with its credential.
fn credential(cx: &Context<'_>, txn: &mut Txn<'_>, profile: &Object) -> Result<Answer, ArmError> {
    let key = profile.key();
    let cluster = key.split("/accessprofiles/").next().unwrap_or_default();
    let Some(cluster) = txn.world().object(cluster).cloned() else {
        return Err(not_found(
            "GetManagedCluster_NotFound",
            "Managed Cluster",
            "Could not find managed cluster resource.".to_owned(),
        ));
    };
    let config = if profile.name() == "clusterAdmin" {
        local_accounts(&cluster)?;
        local_config(cx, txn, &cluster, "clusterAdmin")
    } else {
        user_config(cx, txn, &cluster)
    };
    let mut body = profile.body.clone();
    body["properties"]["kubeConfig"] = json!(STANDARD.encode(config));
    Ok(Answer::json(200, body))
}
