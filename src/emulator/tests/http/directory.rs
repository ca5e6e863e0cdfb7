//! Graph as these tests use it: requests, applications, and whoever signs in as them.

use super::client::{Azure, Reply};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Settings};
use serde_json::{Value, json};

/// Role definitions that the tests assign.
pub const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

/// An emulator, with a token for Graph beside the one for ARM.
pub struct Tenant {
    pub azure: Azure,
    graph: String,
}

/// An application's service principal that can sign in.
pub struct Client {
    pub application: String,
    pub client_id: String,
    pub object_id: String,
    pub secret: String,
}

impl Tenant {
    pub async fn start() -> Self {
        Self::with(Settings {
            open_info: true,
            ..Settings::default()
        })
        .await
    }

    pub async fn with(settings: Settings) -> Self {
        let azure = Azure::with(settings).await;
        let graph = azure.sign_in("https://graph.microsoft.com").await;
        Self { azure, graph }
    }

    /// Sends to Graph as the deployer.
    pub async fn graph(&self, method: &str, path: &str, body: Value) -> Reply {
        self.graph_with(method, path, body, &[]).await
    }

    pub async fn graph_with(
        &self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        self.graph_as(&self.graph, method, path, body, headers)
            .await
    }

    pub async fn graph_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let path = format!("/v1.0/{path}").replace(' ', "%20");
        self.azure.with_body(method, &path, &all, body).await
    }

    /// A new application with a service principal and a secret.
    pub async fn client(&self, name: &str) -> Client {
        let application = self
            .graph("POST", "applications", json!({ "displayName": name }))
            .await;
        assert_eq!(application.status, 201, "{application:?}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let id = text(&application.body["id"]);
        let client_id = text(&application.body["appId"]);
        let body = json!({ "appId": client_id });
        let principal = self.graph("POST", "servicePrincipals", body).await;
        assert_eq!(principal.status, 201, "{principal:?}");
        let path = format!("applications/{id}/addPassword");
        let secret = self.graph("POST", &path, json!({})).await;
        assert_eq!(secret.status, 200, "{secret:?}");
        Client {
            application: id,
            client_id,
            object_id: text(&principal.body["id"]),
            secret: text(&secret.body["secretText"]),
        }
    }

    /// A token of a client, by its secret.
    pub async fn token(&self, client: &Client, audience: &str) -> String {
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", client.client_id.clone()),
            ("client_secret", client.secret.clone()),
            ("scope", format!("{audience}/.default")),
        ];
        let reply = self.azure.token_request(&form, DEFAULT_TENANT).await;
        let token = reply.body["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// A token of the principal that owns everything.
    pub async fn owner(&self, audience: &str) -> String {
        let info = self.azure.control("GET", "info", Value::Null).await;
        let text = |name: &str| info.body[name].as_str().expect("a text").to_owned();
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", text("client_id")),
            ("client_secret", text("client_secret")),
            ("scope", format!("{audience}/.default")),
        ];
        let reply = self.azure.token_request(&form, DEFAULT_TENANT).await;
        let token = reply.body["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// Sends to ARM with another token.
    pub async fn arm_as(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}api-version=2022-04-01");
        self.azure
            .with_body(method, &path, &[("authorization", &bearer)], body)
            .await
    }

    /// Assigns a role as the deployer does, with the principal's type.
    pub async fn assign(&self, scope: &str, name: &str, role: &str, principal: &str) -> Reply {
        let mut body = assignment(role, principal);
        body["properties"]["principalType"] = json!("ServicePrincipal");
        self.azure.put(&assignment_id(scope, name), body).await
    }
}

/// A role assignment's body without a principal type.
pub fn assignment(role: &str, principal: &str) -> Value {
    json!({"properties": {"roleDefinitionId": role_id(role), "principalId": principal}})
}

pub fn assignment_id(scope: &str, name: &str) -> String {
    format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"
    )
}

pub fn role_id(role: &str) -> String {
    format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
}

/// A GUID that ends in that number.
pub fn guid(number: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{number:012}")
}
