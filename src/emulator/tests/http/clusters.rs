//! Managed clusters, their agent pools and their node resource groups.

use super::client::{Azure, Reply};
use serde_json::{Value, json};

fn cluster_id(group: &str) -> String {
    format!("{group}/providers/Microsoft.ContainerService/managedClusters/c")
}

fn system_pool() -> Value {
    json!({"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5",
        "osSKU": "AzureLinux", "enableFIPS": true})
}

fn cluster(pools: Value) -> Value {
    json!({
        "location": "eastus2",
        "identity": {"type": "SystemAssigned"},
        "tags": {"team": "a"},
        "properties": {"dnsPrefix": "c", "agentPoolProfiles": pools},
    })
}

async fn made(azure: &Azure, group: &str) -> Reply {
    let reply = azure
        .put(&cluster_id(group), cluster(json!([system_pool()])))
        .await;
    assert_eq!(
        (reply.status, reply.state()),
        (201, "Creating"),
        "{:?}",
        reply.body
    );
    azure.finish(&reply).await;
    azure.get(&cluster_id(group)).await
}

#[tokio::test]
async fn a_cluster_is_made_read_changed_and_deleted() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let reply = azure.put(&id, cluster(json!([system_pool()]))).await;
    assert_eq!((reply.status, reply.state()), (201, "Creating"));
    assert_eq!(reply.header("retry-after"), "");
    let poll = reply.header("azure-asyncoperation");
    assert!(poll.contains("/locations/eastus2/operations/"), "{poll}");
    assert!(poll.contains("api-version=2016-03-30"), "{poll}");
    let refused = azure.put(&id, cluster(json!([system_pool()]))).await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "OperationNotAllowed")
    );
    let done = azure.finish(&reply).await;
    assert_eq!(done.body["status"], "Succeeded");
    assert!(done.body["startTime"].is_string() && done.body["endTime"].is_string());

    let shown = azure.get(&id).await;
    let properties = &shown.body["properties"];
    assert_eq!(properties["nodeResourceGroup"], "MC_g_c_eastus2");
    assert_eq!(properties["currentKubernetesVersion"], "1.36.4");
    let pool = &properties["agentPoolProfiles"][0];
    assert_eq!(
        (&pool["osDiskSizeGB"], &pool["maxPods"]),
        (&json!(128), &json!(110))
    );
    assert_eq!(pool["provisioningState"], "Succeeded");
    assert!(properties["identityProfile"]["kubeletidentity"]["objectId"].is_string());

    let mut same = shown.body.clone();
    same["properties"]["agentPoolProfiles"][0]["count"] = json!(2);
    let scaled = azure.put(&id, same.clone()).await;
    assert_eq!((scaled.status, scaled.state()), (200, "Scaling"));
    azure.finish(&scaled).await;
    same["properties"]["agentPoolProfiles"][0]["vmSize"] = json!("Standard_D2s_v3");
    let refused = azure.put(&id, same).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (400, &json!("PropertyChangeNotAllowed"))
    );

    let gone = azure.delete(&id).await;
    assert_eq!(gone.status, 202);
    assert!(gone.header("location").contains("/operationresults/"));
    azure.finish(&gone).await;
    assert_eq!(azure.get(&id).await.code(), "ResourceNotFound");
    let nodes = group.replace("/g", "/MC_g_c_eastus2");
    assert_eq!(azure.get(&nodes).await.code(), "ResourceGroupNotFound");
    assert_eq!(azure.delete(&id).await.status, 204);
}

#[tokio::test]
async fn tags_are_copied_to_everything_in_the_node_resource_group() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let shown = made(&azure, &group).await;
    let nodes = group.replace("/g", "/MC_g_c_eastus2");
    let holder = azure.get(&nodes).await;
    let manager = holder.body["managedBy"].as_str().unwrap_or_default();
    assert_eq!(Some(manager), shown.body["id"].as_str());
    let listed = azure.get(&format!("{nodes}/resources")).await;
    let kinds: Vec<&str> = listed.body["value"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| resource["type"].as_str())
        .collect();
    for kind in [
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Network/loadBalancers",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/virtualNetworks",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let patched = azure
        .patch(&cluster_id(&group), json!({"tags": {"owner": "b"}}))
        .await;
    assert_eq!((patched.status, patched.state()), (200, "Succeeded"));
    let listed = azure.get(&format!("{nodes}/resources")).await;
    for resource in listed.body["value"].as_array().into_iter().flatten() {
        assert_eq!(resource["tags"]["owner"], "b", "{resource}");
        assert!(resource["tags"].get("team").is_none(), "{resource}");
    }
}

#[tokio::test]
async fn pools_change_through_their_own_path() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let none = azure.put(&id, cluster(json!([]))).await;
    assert_eq!(
        (none.status, &none.body["code"]),
        (400, &json!("InvalidParameter"))
    );
    let user = json!([{"name": "u", "mode": "User", "count": 1, "vmSize": "x"}]);
    assert_eq!(azure.put(&id, cluster(user)).await.status, 400);
    made(&azure, &group).await;
    let second = json!([system_pool(), {"name": "u", "count": 1, "vmSize": "x"}]);
    let refused = azure.put(&id, cluster(second)).await;
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap_or_default()
            .contains("new agent pool")
    );

    let pool = format!("{id}/agentPools/work");
    let body = json!({"properties": {"vmSize": "Standard_D4ds_v5", "enableAutoScaling": true,
        "minCount": 2, "maxCount": 5, "tags": {"p": "q"}}});
    let added = azure.put(&pool, body.clone()).await;
    assert_eq!(
        (added.status, added.state()),
        (201, "Creating"),
        "{:?}",
        added.body
    );
    assert_eq!(added.body["properties"]["count"], 2);
    azure.finish(&added).await;
    let order = json!({"id": pool, "count": 4});
    assert_eq!(azure.control("POST", "clusters", order).await.status, 200);
    assert_eq!(azure.get(&pool).await.body["properties"]["count"], 4);
    let again = azure.put(&pool, body).await;
    assert_eq!(
        (again.status, &again.body["properties"]["count"]),
        (200, &json!(4))
    );
    azure.finish(&again).await;

    let last = azure.delete(&format!("{id}/agentPools/system")).await;
    assert_eq!(
        (last.status, &last.body["code"]),
        (400, &json!("OperationNotAllowed"))
    );
    let gone = azure.delete(&pool).await;
    assert_eq!(gone.status, 202);
    azure.finish(&gone).await;
    assert_eq!(
        azure.get(&pool).await.body["subcode"],
        "GetAgentPool_NotFound"
    );
}

#[tokio::test]
async fn versions_are_offered_and_never_go_back() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let with = |version: &str| {
        let mut body = cluster(json!([system_pool()]));
        body["properties"]["kubernetesVersion"] = json!(version);
        body
    };
    let old = azure.put(&id, with("1.25.6")).await;
    assert_eq!(
        (old.status, &old.body["code"]),
        (400, &json!("K8sVersionNotSupported"))
    );
    let reply = azure.put(&id, with("1.35")).await;
    assert_eq!(reply.body["properties"]["kubernetesVersion"], "1.35");
    assert_eq!(
        reply.body["properties"]["currentKubernetesVersion"],
        "1.35.7"
    );
    azure.finish(&reply).await;
    for refused in ["1.35.5", "1.34", "1.37"] {
        let reply = azure.put(&id, with(refused)).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (400, &json!("OperationNotAllowed")),
            "{refused}"
        );
    }
    let upgraded = azure.put(&id, with("1.36")).await;
    assert_eq!((upgraded.status, upgraded.state()), (200, "Upgrading"));
    azure.finish(&upgraded).await;
    let profile = azure.get(&format!("{id}/upgradeProfiles/default")).await;
    let plane = &profile.body["properties"]["controlPlaneProfile"];
    assert_eq!(plane["kubernetesVersion"], "1.36.4");
    assert_eq!(plane["upgrades"][0]["kubernetesVersion"], "1.37.1");
    let subscription = group.split("/resourceGroups/").next().unwrap_or_default();
    let offered = azure
        .get(&format!("{subscription}/providers/Microsoft.ContainerService/locations/eastus2/kubernetesVersions"))
        .await;
    assert_eq!(offered.body["values"][1]["isDefault"], true);
}

#[tokio::test]
async fn local_accounts_the_issuer_and_power() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let mut body = cluster(json!([system_pool()]));
    body["properties"]["disableLocalAccounts"] = json!(true);
    assert_eq!(azure.put(&id, body.clone()).await.status, 400);
    body["properties"]["aadProfile"] = json!({"managed": true, "enableAzureRBAC": true});
    body["properties"]["oidcIssuerProfile"] = json!({"enabled": true});
    let reply = azure.put(&id, body.clone()).await;
    let issuer = reply.body["properties"]["oidcIssuerProfile"]["issuerURL"].clone();
    assert!(
        issuer
            .as_str()
            .unwrap_or_default()
            .starts_with("https://eastus2.oic.prod-aks.azure.com/")
    );
    azure.finish(&reply).await;
    let admin = azure
        .post(&format!("{id}/listClusterAdminCredential"), json!({}))
        .await;
    assert_eq!(admin.status, 400);
    let user = azure
        .post(&format!("{id}/listClusterUserCredential"), json!({}))
        .await;
    assert_eq!(user.body["kubeconfigs"][0]["name"], "clusterUser");
    body["properties"]["oidcIssuerProfile"] = json!({"enabled": false});
    let refused = azure.put(&id, body.clone()).await;
    assert_eq!(refused.body["code"], "OIDCIssuerFeatureCannotBeDisabled");

    let stopped = azure.post(&format!("{id}/stop"), json!({})).await;
    assert_eq!(stopped.status, 202);
    azure.finish(&stopped).await;
    let shown = azure.get(&id).await;
    assert_eq!(shown.body["properties"]["powerState"]["code"], "Stopped");
    body["properties"]["oidcIssuerProfile"] = json!({"enabled": true});
    assert_eq!(
        azure.put(&id, body).await.body["code"],
        "OperationNotAllowed"
    );
    let started = azure.post(&format!("{id}/start"), json!({})).await;
    let aborted = azure.post(&format!("{id}/abort"), json!({})).await;
    assert_eq!((started.status, aborted.status), (202, 202));
    azure.finish(&aborted).await;
    assert_eq!(azure.get(&id).await.state(), "Canceled");
}

#[tokio::test]
async fn add_ons_act_as_identities_of_their_own() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let mut body = cluster(json!([system_pool()]));
    let address =
        format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/azurepolicy-c")
            .replace("/g/", "/MC_g_c_eastus2/");
    body["properties"]["addonProfiles"] =
        json!({"azurepolicy": {"enabled": true}, "kubeDashboard": {"enabled": false}});
    let reply = azure.put(&id, body.clone()).await;
    let policy = &reply.body["properties"]["addonProfiles"]["azurepolicy"];
    assert_eq!(*policy, json!({"enabled": true, "config": null}));
    azure.finish(&reply).await;
    let shown = azure.get(&id).await;
    let addons = &shown.body["properties"]["addonProfiles"];
    let identity = &addons["azurepolicy"]["identity"];
    let made = azure.get(&address).await;
    assert_eq!(identity["objectId"], made.body["properties"]["principalId"]);
    assert_eq!(identity["clientId"], made.body["properties"]["clientId"]);
    assert_eq!(made.body["tags"]["team"], "a");
    assert!(
        addons["kubeDashboard"].get("identity").is_none(),
        "{addons}"
    );

    let same = azure.put(&id, shown.body.clone()).await;
    assert_eq!(
        same.body["properties"]["addonProfiles"]["azurepolicy"]["identity"],
        *identity
    );
    azure.finish(&same).await;
    body["properties"]["addonProfiles"] = json!({"azurepolicy": {"enabled": false}});
    let off = azure.put(&id, body.clone()).await;
    assert_eq!(off.status, 200, "{off:?}");
    azure.finish(&off).await;
    assert_eq!(azure.get(&address).await.status, 404);
    let shown = azure.get(&id).await;
    let policy = &shown.body["properties"]["addonProfiles"]["azurepolicy"];
    assert!(policy.get("identity").is_none(), "{policy}");
}

#[tokio::test]
async fn a_private_cluster_on_azures_network_shows_what_it_got() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = cluster_id(&group);
    let mut body = cluster(json!([system_pool()]));
    body["properties"]["networkProfile"] =
        json!({"networkPlugin": "azure", "networkPluginMode": "overlay"});
    body["properties"]["apiServerAccessProfile"] = json!({"enablePrivateCluster": true});
    body["properties"]["agentPoolProfiles"][0]["upgradeSettings"] = json!({});
    let reply = azure.put(&id, body).await;
    let written = &reply.body["properties"];
    assert_eq!(
        written["windowsProfile"],
        json!({"adminUsername": "azureuser", "enableCSIProxy": true})
    );
    assert_eq!(
        written["agentPoolProfiles"][0]["upgradeSettings"],
        json!({"maxSurge": "10%"})
    );
    assert_eq!(written["agentPoolProfiles"][0]["nodeLabels"], json!({}));
    let link = &written["privateLinkResources"][0];
    assert_eq!(link["name"], "management");
    assert!(link.get("id").is_none(), "{link}");
    azure.finish(&reply).await;
    let shown = azure.get(&id).await;
    let pool = &shown.body["properties"]["agentPoolProfiles"][0];
    assert!(pool.get("nodeLabels").is_none(), "{pool}");
    let link = &shown.body["properties"]["privateLinkResources"][0];
    assert!(
        link["id"]
            .as_str()
            .unwrap_or_default()
            .ends_with("/privateLinkResources/management")
    );
}
