//! A client for these tests: ARM, Graph, and clusters by their host name.

use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Emulator, Settings};
use serde_json::{Value, json};

pub const ARM: &str = "https://management.azure.com";
pub const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Role definitions that the tests assign.
pub const RBAC_READER: &str = "7f6c6a51-bcf8-42ba-9220-52d62157d7db";
pub const RBAC_ADMIN: &str = "3498e952-d568-435e-9b2c-8d77e338d7f7";
pub const ACR_PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";

/// An emulator with a cluster, and somebody who owns it all.
pub struct Azure {
    pub emulator: Emulator,
    http: reqwest::Client,
    pub arm: String,
    /// A token for clusters of whoever may do everything in this one.
    pub admin: String,
    pub cluster: String,
    pub host: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub text: String,
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Reply {
    pub fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl Azure {
    /// With a cluster that Azure roles count in.
    pub async fn start() -> Self {
        Self::with(Settings::default(), json!({})).await
    }

    /// `more` is laid over the cluster's properties.
    pub async fn with(settings: Settings, more: Value) -> Self {
        let settings = Settings {
            open_info: true,
            ..settings
        };
        let emulator = Emulator::start(settings).await.expect("it starts");
        let mut azure = Self {
            emulator,
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client without TLS"),
            arm: String::new(),
            admin: String::new(),
            cluster: String::new(),
            host: String::new(),
        };
        azure.arm = azure.owner(ARM).await;
        azure.make(more).await;
        let (client, object, secret) = azure.client("admin").await;
        azure
            .assign(
                &azure.cluster,
                "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
                &object,
                "ServicePrincipal",
            )
            .await;
        azure.admin = azure.token(&client, &secret, AKS).await;
        azure
    }

    async fn make(&mut self, more: Value) {
        let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g");
        self.arm("PUT", &group, json!({"location": "eastus2"}))
            .await;
        self.cluster = format!("{group}/providers/Microsoft.ContainerService/managedClusters/c");
        let mut properties = json!({
            "dnsPrefix": "c",
            "aadProfile": {"managed": true, "enableAzureRBAC": true},
            "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5"}],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        let body = json!({"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": properties});
        let reply = self.arm("PUT", &self.cluster, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        self.finish(&reply).await;
        let shown = self.arm("GET", &self.cluster, Value::Null).await.body;
        let properties = &shown["properties"];
        let fqdn = properties["privateFQDN"]
            .as_str()
            .or(properties["fqdn"].as_str());
        self.host = fqdn
            .expect("a host")
            .replace(".azmk8s.io", ".azmk8s.localhost");
    }

    /// Polls an operation until it has ended.
    pub async fn finish(&self, reply: &Reply) -> Reply {
        let address = ["azure-asyncoperation", "location"]
            .iter()
            .find_map(|name| reply.headers.get(*name))
            .and_then(|value| value.to_str().ok())
            .unwrap_or_else(|| panic!("no operation: {reply:?}"));
        for _ in 0..10 {
            let poll = self.arm("GET", address, Value::Null).await;
            let word = poll.body["status"].as_str().unwrap_or("Succeeded");
            if poll.status != 202 && ["Succeeded", "Failed"].contains(&word) {
                return poll;
            }
        }
        panic!("the operation never ends");
    }

    pub async fn owner(&self, audience: &str) -> String {
        let owner = self.control("GET", "info", Value::Null).await.body;
        let text = |member: &str| owner[member].as_str().expect("the owner").to_owned();
        self.token(&text("client_id"), &text("client_secret"), audience)
            .await
    }

    pub async fn token(&self, id: &str, secret: &str, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={audience}/.default"
        );
        let address = format!(
            "{}/{DEFAULT_TENANT}/oauth2/v2.0/token",
            self.emulator.origin()
        );
        let request = self
            .http
            .post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let reply = taken_apart(request).await;
        let token = reply.body["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    fn request(&self, method: &str, address: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method.parse().expect("a method"), address)
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let address = format!("{}/emulator/{path}", self.emulator.origin());
        taken_apart(with_json(self.request(method, &address), body)).await
    }

    pub async fn arm(&self, method: &str, path: &str, body: Value) -> Reply {
        self.arm_as(&self.arm, method, path, body).await
    }

    pub async fn arm_as(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}?api-version=2025-05-01", self.emulator.origin())
        };
        taken_apart(with_json(
            self.request(method, &address).bearer_auth(token),
            body,
        ))
        .await
    }

    /// Sends to Graph as the owner.
    pub async fn graph(&self, path: &str, body: Value) -> Value {
        let token = self.owner("https://graph.microsoft.com").await;
        let address = format!("{}/v1.0/{path}", self.emulator.origin());
        let request = self.request("POST", &address).bearer_auth(token);
        let reply = taken_apart(with_json(request, body)).await;
        assert!(reply.status < 300, "{reply:?}");
        reply.body
    }

    /// An application that can sign in: client id, object id, secret.
    pub async fn client(&self, name: &str) -> (String, String, String) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let application = self
            .graph("applications", json!({"displayName": name}))
            .await;
        let id = text(&application["appId"]);
        let principal = self.graph("servicePrincipals", json!({"appId": id})).await;
        let path = format!("applications/{}/addPassword", text(&application["id"]));
        let secret = self.graph(&path, json!({})).await;
        (id, text(&principal["id"]), text(&secret["secretText"]))
    }

    /// A person: object id and sign-in name.
    pub async fn person(&self, name: &str) -> (String, String) {
        let upn = format!("{name}@example.onmicrosoft.com");
        let body = json!({
            "displayName": name, "mailNickname": name, "userPrincipalName": upn,
            "accountEnabled": true, "passwordProfile": {"password": "Not-used-1"},
        });
        let made = self.graph("users", body).await;
        (made["id"].as_str().expect("an id").to_owned(), upn)
    }

    pub async fn assign(&self, scope: &str, role: &str, principal: &str, kind: &str) {
        let name = uuid::Uuid::new_v5(
            &uuid::Uuid::NAMESPACE_URL,
            format!("{scope}{role}{principal}").as_bytes(),
        );
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let body = json!({"properties": {
            "roleDefinitionId": format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": principal,
            "principalType": kind,
        }});
        let reply = self.arm("PUT", &path, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    /// Defines a role with these data actions below managed clusters; its id.
    pub async fn role(&self, number: u32, actions: &[&str]) -> String {
        let id = format!("aaaaaaaa-0000-4000-8000-{number:012}");
        let path = format!(
            "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{id}"
        );
        let actions: Vec<String> = actions
            .iter()
            .map(|action| format!("Microsoft.ContainerService/managedClusters/{action}"))
            .collect();
        let body = json!({"properties": {
            "roleName": format!("role {number}"),
            "permissions": [{"dataActions": actions}],
            "assignableScopes": [format!("/subscriptions/{DEFAULT_SUBSCRIPTION}")],
        }});
        let reply = self.arm("PUT", &path, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        id
    }

    /// Sends to the cluster.
    pub async fn k8s_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        kind: &str,
        body: Value,
    ) -> reqwest::Result<Reply> {
        let origin = self.emulator.origin();
        let port = origin.rsplit(':').next().expect("a port");
        let mut request = self
            .request(method, &format!("{origin}{path}"))
            .header("host", format!("{}:{port}", self.host));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.header("content-type", kind).body(body.to_string());
        }
        try_taken_apart(request).await
    }

    /// Sends as whoever may do everything.
    pub async fn k8s(&self, method: &str, path: &str, body: Value) -> Reply {
        let sent = self.k8s_as(&self.admin, method, path, "application/json", body);
        sent.await.expect("an answer")
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Reply {
        let sent = self.k8s_as(token, "GET", path, "application/json", Value::Null);
        sent.await.expect("an answer")
    }

    pub async fn patch(&self, path: &str, kind: &str, body: Value) -> Reply {
        let kind = format!("application/{kind}");
        let sent = self.k8s_as(&self.admin, "PATCH", path, &kind, body);
        sent.await.expect("an answer")
    }

    pub async fn namespace(&self, name: &str) {
        let body = json!({"metadata": {"name": name}});
        let made = self.k8s("POST", "/api/v1/namespaces", body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    /// Makes the deployment `web` in the namespace `iam`.
    pub async fn deployment(&self, replicas: u32, image: &str) -> Reply {
        self.namespace("iam").await;
        self.k8s("POST", DEPLOYMENTS, web(replicas, image)).await
    }
}

pub const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/iam/deployments";
pub const WEB: &str = "/apis/apps/v1/namespaces/iam/deployments/web";

pub fn web(replicas: u32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

fn with_json(request: reqwest::RequestBuilder, body: Value) -> reqwest::RequestBuilder {
    if body.is_null() {
        request
    } else {
        request.json(&body)
    }
}

async fn taken_apart(request: reqwest::RequestBuilder) -> Reply {
    try_taken_apart(request).await.expect("an answer")
}

async fn try_taken_apart(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    Ok(Reply {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
        headers,
    })
}
