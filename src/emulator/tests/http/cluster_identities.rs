//! What a cluster's identities must be allowed before the cluster can be.

use super::client::{API, Azure};
use serde_json::{Value, json};

const OPERATOR: &str = "f1a07417-d97a-45cb-824c-7a7467783830";
const NETWORK: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

struct Identity {
    id: String,
    principal: String,
}

async fn identity(azure: &Azure, group: &str, name: &str) -> Identity {
    let id = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}");
    let reply = azure.put(&id, json!({"location": "eastus2"})).await;
    let principal = reply.body["properties"]["principalId"].as_str();
    Identity {
        id,
        principal: principal.unwrap_or_default().to_owned(),
    }
}

async fn grant(azure: &Azure, scope: &str, role: &str, principal: &str, name: &str) {
    let subscription = scope.split("/resourceGroups/").next().unwrap_or_default();
    let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let role = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let body = json!({"properties": {"roleDefinitionId": role, "principalId": principal,
        "principalType": "ServicePrincipal"}});
    let reply = azure.put(&path, body).await;
    assert_eq!(reply.status, 201, "{API}: {:?}", reply.body);
}

fn cluster(control: &str, kubelet: &str, subnet: &str) -> Value {
    json!({
        "location": "eastus2",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {control: {}}},
        "properties": {
            "dnsPrefix": "c",
            "identityProfile": {"kubeletidentity": {"resourceId": kubelet}},
            "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1,
                "vmSize": "Standard_D4ds_v5", "vnetSubnetID": subnet}],
        },
    })
}

#[tokio::test]
async fn a_cluster_needs_its_derived_grants() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = format!("{group}/providers/Microsoft.ContainerService/managedClusters/c");
    let control = identity(&azure, &group, "control").await;
    let kubelet = identity(&azure, &group, "kubelet").await;
    let network = format!("{group}/providers/Microsoft.Network/virtualNetworks/n");
    let body = json!({"location": "eastus2", "properties": {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.1.0.0/20"}}],
    }});
    let reply = azure.put(&network, body).await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    azure.finish(&reply).await;
    let subnet = format!("{network}/subnets/nodes");

    let nobody = format!("{}x", control.id);
    let refused = azure.put(&id, cluster(&nobody, &kubelet.id, &subnet)).await;
    assert_eq!(refused.code(), "FailedIdentityOperation");
    let refused = azure
        .put(&id, cluster(&control.id, &kubelet.id, &subnet))
        .await;
    assert_eq!(
        refused.body["code"],
        "CustomKubeletIdentityMissingPermissionError"
    );
    let one = "11111111-0000-4000-8000-000000000001";
    grant(&azure, &kubelet.id, OPERATOR, &control.principal, one).await;
    let refused = azure
        .put(&id, cluster(&control.id, &kubelet.id, &subnet))
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (403, &json!("LinkedAuthorizationFailed"))
    );
    let two = "11111111-0000-4000-8000-000000000002";
    grant(&azure, &subnet, NETWORK, &control.principal, two).await;
    let lost = format!("{subnet}x");
    let refused = azure
        .put(&id, cluster(&control.id, &kubelet.id, &lost))
        .await;
    assert_eq!(refused.body["code"], "GetVnetError");

    let reply = azure
        .put(&id, cluster(&control.id, &kubelet.id, &subnet))
        .await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    azure.finish(&reply).await;
    let shown = azure.get(&id).await;
    let profile = &shown.body["properties"]["identityProfile"]["kubeletidentity"];
    assert_eq!(profile["objectId"], kubelet.principal);
    let used = azure.delete(&subnet).await;
    assert_eq!(used.code(), "InUseSubnetCannotBeDeleted");
}

#[tokio::test]
async fn a_cluster_that_stands_is_known_to_the_directory() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let subscription = group.split("/resourceGroups/").next().unwrap_or_default();
    let body = json!({
        "location": "eastus2",
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "c", "agentPoolProfiles": [
            {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5"}]},
    });
    let assign = async |cluster: &str, name: &str, principal: &Value| {
        let path = format!("{cluster}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let role =
            format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{OPERATOR}");
        // Without the principal's type, so that the directory is asked.
        let body = json!({"properties": {"roleDefinitionId": role, "principalId": principal}});
        azure.put(&path, body).await
    };
    for (name, waits) in [("early", false), ("late", true)] {
        let id = format!("{group}/providers/Microsoft.ContainerService/managedClusters/{name}");
        let reply = azure.put(&id, body.clone()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        if waits {
            azure.finish(&reply).await;
        }
        let principal = &reply.body["identity"]["principalId"];
        let held = assign(&id, "11111111-0000-4000-8000-000000000003", principal).await;
        let status = if waits { 201 } else { 400 };
        assert_eq!(held.status, status, "{name}: {held:?}");
    }
}
