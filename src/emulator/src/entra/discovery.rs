//! What clients look up before they sign in: the tenant's OpenID configuration, the known
//! authorities, and the endpoints of the cloud.

use super::token_endpoint::unknown_tenant;
use crate::azure::Azure;
use crate::server::{Answer, Call};
use serde_json::{Value, json};

/// `/{tenant}/v2.0/.well-known/openid-configuration`
pub fn openid(azure: &Azure, call: &Call, tenant: &str) -> Answer {
    let shared = ["common", "organizations"].contains(&tenant);
    if !shared && !tenant.eq_ignore_ascii_case(azure.directory.tenant()) {
        return unknown_tenant(azure, tenant);
    }
    let base = format!("{}/{tenant}", call.origin);
    Answer::json(
        200,
        json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/v2.0"),
            "request_uri_parameter_supported": false,
            "userinfo_endpoint": format!("{}/oidc/userinfo", call.origin),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"],
            "tenant_region_scope": "NA",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }),
    )
}

/// `/common/discovery/instance`: tells clients that this host is an authority.
pub fn instance(call: &Call) -> Answer {
    let host = call.origin.split("://").nth(1).unwrap_or_default();
    let tenant = call
        .parameter("authorization_endpoint")
        .and_then(|endpoint| endpoint.split('/').nth(3))
        .unwrap_or("common")
        .to_owned();
    Answer::json(
        200,
        json!({
            "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", call.origin),
            "api-version": call.parameter("api-version").unwrap_or("1.1"),
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

/// The key of the played issuers. Access tokens are signed with a shared secret and have no
/// public key to show.
pub fn keys(azure: &Azure) -> Answer {
    match azure.assertions.published() {
        Ok(keys) => Answer::json(200, keys),
        Err(error) => {
            tracing::error!(%error, "the assertion key cannot be used");
            Answer::empty(500)
        }
    }
}

/// `/metadata/endpoints`, as the Azure CLI, Terraform and SDKs read it: one flat object
/// before 2019-05-01, a list of clouds since.
pub fn metadata(azure: &Azure, call: &Call) -> Answer {
    let version = call.parameter("api-version").unwrap_or("2015-01-01");
    let audiences = json!([
        "https://management.core.windows.net/",
        "https://management.azure.com/"
    ]);
    let origin = &call.origin;
    if version < "2019-05-01" {
        return Answer::json(
            200,
            json!({
                "galleryEndpoint": format!("{origin}/"),
                "graphEndpoint": format!("{origin}/"),
                "portalEndpoint": format!("{origin}/"),
                "graphAudience": "https://graph.windows.net/",
                "authentication": {"loginEndpoint": format!("{origin}/"), "audiences": audiences, "tenant": "common", "identityProvider": "AAD"},
            }),
        );
    }
    Answer::json(200, json!([cloud(azure, origin, &audiences)]))
}

fn cloud(azure: &Azure, origin: &str, audiences: &Value) -> Value {
    json!({
        "name": "AzureCloud",
        "portal": format!("{origin}/"),
        "authentication": {
            "loginEndpoint": format!("{origin}/"),
            "audiences": audiences,
            "tenant": azure.directory.tenant(),
            "identityProvider": "AAD",
        },
        "resourceManager": format!("{origin}/"),
        "gallery": format!("{origin}/"),
        "graph": format!("{origin}/"),
        "graphAudience": "https://graph.windows.net/",
        "microsoftGraphResourceId": format!("{origin}/"),
        "logAnalyticsResourceId": format!("{origin}/"),
        "appInsightsResourceId": format!("{origin}/"),
        "suffixes": {
            "keyVaultDns": "vault.localhost",
            "acrLoginServer": "azurecr.localhost",
            "storage": "storage.localhost",
        },
    })
}
