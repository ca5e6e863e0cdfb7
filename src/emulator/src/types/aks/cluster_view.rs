//! How a cluster looks in an api-version.

use super::CLUSTER;
use super::cluster_pools;
use super::errors::refuse;
use crate::arm::{ApiVersion, ArmError, Context};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Map, Value, json};

/// Members of a cluster's properties by the version that they came with.
const CLUSTER_SINCE: &[(&str, &str)] = &[
    ("powerState", "2020-09-01"),
    ("maxAgentPools", "2019-06-01"),
    ("nodeResourceGroup", "2018-08-01"),
    ("networkProfile", "2018-08-01"),
    ("enableRBAC", "2018-08-01"),
    ("azurePortalFQDN", "2021-02-01"),
    ("disableLocalAccounts", "2021-05-01"),
    ("windowsProfile", "2019-10-01"),
    ("identityProfile", "2020-01-01"),
    ("autoUpgradeProfile", "2021-02-01"),
    ("securityProfile", "2022-01-01"),
    ("storageProfile", "2022-06-01"),
    ("oidcIssuerProfile", "2022-06-01"),
    ("currentKubernetesVersion", "2022-01-01"),
    ("workloadAutoScalerProfile", "2022-09-01"),
    ("supportPlan", "2023-02-01"),
    ("resourceUID", "2023-10-01"),
    ("metricsProfile", "2024-05-01"),
];

/// Members of a pool by the version that they came with.
const POOL_SINCE: &[(&str, &str)] = &[
    ("type", "2019-02-01"),
    ("maxPods", "2018-08-01"),
    ("provisioningState", "2019-02-01"),
    ("orchestratorVersion", "2019-02-01"),
    ("mode", "2020-03-01"),
    ("nodeLabels", "2020-03-01"),
    ("powerState", "2020-09-01"),
    ("nodeImageVersion", "2020-09-01"),
    ("osDiskType", "2020-09-01"),
    ("kubeletDiskType", "2021-02-01"),
    ("enableEncryptionAtHost", "2021-02-01"),
    ("osSKU", "2021-05-01"),
    ("enableFIPS", "2021-05-01"),
    ("enableUltraSSD", "2021-05-01"),
    ("currentOrchestratorVersion", "2022-01-01"),
];

/// The id as the provider prints it: with `resourcegroups` in lower case.
pub fn printed(id: &str) -> String {
    id.replacen("/resourceGroups/", "/resourcegroups/", 1)
}

/// A cluster with its pools.
pub fn show(object: &Object, world: &World, api: &ApiVersion) -> Value {
    let mut body = object.body.clone();
    body["id"] = json!(printed(&object.id));
    body["type"] = json!("Microsoft.ContainerService/ManagedClusters");
    let pools: Vec<Value> = cluster_pools::of(world, &object.key())
        .iter()
        .map(|pool| cluster_pools::profile(world, pool, api))
        .collect();
    let before_sku = api.date() < "2020-03-01";
    let Some(members) = body.as_object_mut() else {
        return body;
    };
    if before_sku {
        members.remove("sku");
    }
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("agentPoolProfiles".to_owned(), json!(pools));
        trim(properties, CLUSTER_SINCE, api);
        if ("2019-06-01".."2023-06-01").contains(&api.date())
            && let Some(network) = properties.get_mut("networkProfile")
        {
            network["dockerBridgeCidr"] = json!("172.17.0.1/16");
        }
    }
    body
}

/// What only the answer to a write shows: pools without labels have none, and private link
/// resources have no ids yet.
pub fn written(properties: &mut Map<String, Value>, api: &ApiVersion) {
    for link in items(properties, "privateLinkResources") {
        link.remove("id");
    }
    for pool in items(properties, "agentPoolProfiles") {
        pool.entry("nodeLabels").or_insert(json!({}));
        trim(pool, POOL_SINCE, api);
    }
}

fn items<'a>(
    properties: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    properties
        .get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// Takes from a pool what came later than the api-version.
pub fn trim_pool(properties: &mut Map<String, Value>, api: &ApiVersion) {
    trim(properties, POOL_SINCE, api);
    if api.date() < "2019-02-01" {
        properties.insert("storageProfile".to_owned(), json!("ManagedDisks"));
    }
}

fn trim(properties: &mut Map<String, Value>, since: &[(&str, &str)], api: &ApiVersion) {
    for (name, date) in since {
        if api.date() < *date {
            properties.remove(*name);
        }
    }
}

/// Clusters on a page.
const PAGE: usize = 100;

/// The clusters at and below a scope. The provider's skip tokens are plain numbers.
pub fn list(cx: &Context<'_>, world: &World, scope: &str) -> Result<Answer, ArmError> {
    let skipped: usize = match cx.call.parameter("$skipToken") {
        None => 0,
        Some(token) => token.parse().map_err(|_| {
            refuse(
                400,
                "InvalidParameter",
                format!("The skip token '{token}' is invalid."),
            )
        })?,
    };
    let size = cx.azure.settings.page_size.unwrap_or(PAGE).max(1);
    let below = format!("{scope}/");
    let mut clusters = world
        .of_kind_under(CLUSTER, &below)
        .filter(|(key, _)| cx.sees.shows(key))
        .skip(skipped);
    let shown: Vec<Value> = clusters
        .by_ref()
        .take(size)
        .map(|(_, cluster)| show(cluster, world, &cx.api))
        .collect();
    let mut body = json!({ "value": shown });
    if clusters.next().is_some() {
        let next = skipped + size;
        body["nextLink"] = json!(format!(
            "{}{}?%24skipToken={next}&api-version={}&skipToken={next}",
            cx.call.origin, cx.call.path, cx.api
        ));
    }
    Ok(Answer::json(200, body))
}
