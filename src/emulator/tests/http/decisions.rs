//! One decision for all services: the data plane of vaults and joins ask what ARM asks.

use super::client::Reply;
use super::directory::{CONTRIBUTOR, Client, READER, Tenant, guid};
use onestream_emulator::DEFAULT_TENANT;
use serde_json::{Value, json};

const ARM: &str = "https://management.azure.com";
const VAULTS: &str = "https://vault.azure.net";

/// Signs with keys and verifies.
const CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";

/// Writes the vault `kv-one`; `more` is laid over its properties.
async fn vault(tenant: &Tenant, group: &str, more: Value) -> String {
    let id = format!("{group}/providers/Microsoft.KeyVault/vaults/kv-one");
    let mut properties = json!({
        "tenantId": DEFAULT_TENANT,
        "sku": {"family": "A", "name": "premium"},
        "accessPolicies": [],
        "enableRbacAuthorization": true,
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        properties[member] = value.clone();
    }
    let body = json!({"location": "eastus2", "properties": properties});
    let made = tenant.azure.put(&id, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    id
}

/// Sends to the vault `kv-one`.
async fn kv(tenant: &Tenant, token: &str, path: &str, body: Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("host", "kv-one.vault.localhost"),
        ("authorization", bearer.as_str()),
    ];
    let path = format!("{path}?api-version=7.4");
    tenant.azure.with_body("POST", &path, &headers, body).await
}

async fn sign(tenant: &Tenant, token: &str, key: &str) -> Reply {
    let body = json!({"alg": "ES256", "value": "A".repeat(43)});
    kv(tenant, token, &format!("/keys/{key}//sign"), body).await
}

fn inner(reply: &Reply) -> &str {
    reply.body["error"]["innererror"]["code"]
        .as_str()
        .unwrap_or_default()
}

/// A security group with one member.
async fn group_of(tenant: &Tenant, name: &str, member: &str) -> String {
    let body = json!({"displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true});
    let made = tenant.graph("POST", "groups", body).await;
    let id = made.body["id"].as_str().expect("an id").to_owned();
    let body =
        json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}")});
    let path = format!("groups/{id}/members/$ref");
    assert_eq!(tenant.graph("POST", &path, body).await.status, 204);
    id
}

#[tokio::test]
async fn who_makes_keys_does_not_sign_and_a_role_at_one_key_is_for_that_key() {
    let tenant = Tenant::start().await;
    let group = tenant.azure.group("g").await;
    let vault = vault(&tenant, &group, json!({})).await;
    let deployer = tenant.azure.sign_in(VAULTS).await;
    for key in ["one", "two"] {
        let path = format!("/keys/{key}/create");
        let made = kv(&tenant, &deployer, &path, json!({"kty": "EC-HSM"})).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let refused = sign(&tenant, &deployer, "one").await;
    assert_eq!((refused.status, inner(&refused)), (403, "ForbiddenByRbac"));
    assert!(
        refused.message().contains(&format!(
            "Action: 'Microsoft.KeyVault/vaults/keys/sign/action'\r\nResource: '{}/keys/one'",
            vault.to_ascii_lowercase()
        )),
        "{}",
        refused.message()
    );
    let client = tenant.client("signer").await;
    let token = tenant.token(&client, VAULTS).await;
    assert_eq!(sign(&tenant, &token, "one").await.status, 403);
    let scope = format!("{vault}/keys/one");
    tenant
        .assign(&scope, &guid(1), CRYPTO_USER, &client.object_id)
        .await;
    assert_eq!(sign(&tenant, &token, "one").await.status, 200);
    assert_eq!(sign(&tenant, &token, "two").await.status, 403);
}

#[tokio::test]
async fn access_policies_count_for_groups_within_groups() {
    let tenant = Tenant::start().await;
    let client = tenant.client("signer").await;
    let near = group_of(&tenant, "near", &client.object_id).await;
    let far = group_of(&tenant, "far", &near).await;
    let policy = |who: &str| {
        json!({"enableRbacAuthorization": false, "accessPolicies": [
            {"tenantId": DEFAULT_TENANT, "objectId": who, "permissions": {"keys": ["create"]}},
        ]})
    };
    let group = tenant.azure.group("g").await;
    let token = tenant.token(&client, VAULTS).await;
    let create = || kv(&tenant, &token, "/keys/k/create", json!({"kty": "EC"}));
    vault(&tenant, &group, policy(&guid(7))).await;
    assert_eq!(inner(&create().await), "AccessDenied");
    vault(&tenant, &group, policy(&far)).await;
    assert_eq!(create().await.status, 200);
}

struct Net {
    subnet: String,
    registry: String,
    endpoint: String,
}

impl Net {
    /// A network, a registry and a place for an endpoint, each in a group of its own.
    async fn new(tenant: &Tenant) -> Self {
        let azure = &tenant.azure;
        let (network, data, ends) = (
            azure.group("network").await,
            azure.group("data").await,
            azure.group("ends").await,
        );
        let id = format!("{network}/providers/Microsoft.Network/virtualNetworks/net");
        let body = json!({"location": "eastus2", "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "sub", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        }});
        azure.made(&id, body).await;
        Self {
            subnet: format!("{id}/subnets/sub"),
            registry: azure.registry(&data, "abcde").await,
            endpoint: format!("{ends}/providers/Microsoft.Network/privateEndpoints/pe"),
        }
    }

    async fn put(&self, tenant: &Tenant, client: &Client) -> Reply {
        let token = tenant.token(client, ARM).await;
        let body = json!({"location": "eastus2", "properties": {
            "subnet": {"id": self.subnet},
            "privateLinkServiceConnections": [{"name": "c", "properties": {
                "privateLinkServiceId": self.registry, "groupIds": ["registry"],
            }}],
        }});
        tenant.arm_as(&token, "PUT", &self.endpoint, body).await
    }
}

#[tokio::test]
async fn an_endpoint_needs_rights_on_its_subnet_and_on_its_target() {
    let tenant = Tenant::start().await;
    let net = Net::new(&tenant).await;
    let client = tenant.client("c").await;
    let scope = |id: &str| id.split("/providers/").next().unwrap().to_owned();
    let grant = async |number, id: &str, role| {
        let scope = scope(id);
        tenant
            .assign(&scope, &guid(number), role, &client.object_id)
            .await;
    };
    grant(1, &net.endpoint, CONTRIBUTOR).await;
    grant(2, &net.subnet, READER).await;
    let refused = net.put(&tenant, &client).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "LinkedAuthorizationFailed")
    );
    assert!(
        refused.message().contains("subnets/join/action"),
        "{refused:?}"
    );
    grant(3, &net.subnet, CONTRIBUTOR).await;
    let refused = net.put(&tenant, &client).await;
    assert_eq!(refused.code(), "LinkedAuthorizationFailed", "{refused:?}");
    assert!(
        refused
            .message()
            .contains("privateEndpointConnectionsApproval/action"),
        "{refused:?}"
    );
    grant(4, &net.registry, CONTRIBUTOR).await;
    assert_eq!(net.put(&tenant, &client).await.status, 201);
}
