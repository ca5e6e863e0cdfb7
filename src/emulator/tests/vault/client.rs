//! A client for these tests: ARM, and vaults by their host name.

use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Emulator, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An emulator with somebody signed in to it.
pub struct Azure {
    pub emulator: Emulator,
    http: reqwest::Client,
    arm: String,
    vault: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// What tells refusals of one code apart.
    pub fn inner(&self) -> &str {
        self.body["error"]["innererror"]["code"]
            .as_str()
            .unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The version that a key answer speaks of.
    pub fn version(&self) -> String {
        let kid = self.body["key"]["kid"].as_str().unwrap_or_default();
        kid.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

impl Azure {
    pub async fn start() -> Self {
        Self::with(Settings {
            open_info: true,
            ..Settings::default()
        })
        .await
    }

    pub async fn with(settings: Settings) -> Self {
        let emulator = Emulator::start(settings).await.expect("it starts");
        let mut azure = Self {
            emulator,
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client without TLS"),
            arm: String::new(),
            vault: String::new(),
        };
        azure.arm = azure.sign_in("https://management.azure.com").await;
        azure.vault = azure.sign_in("https://vault.azure.net").await;
        azure
    }

    /// With fresh tokens, after the clock was moved.
    pub async fn signed_in_again(mut self) -> Self {
        self.arm = self.sign_in("https://management.azure.com").await;
        self.vault = self.sign_in("https://vault.azure.net").await;
        self
    }

    async fn sign_in(&self, audience: &str) -> String {
        let owner = self.owner().await;
        let text = |member: &str| owner[member].as_str().expect("the owner").to_owned();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={audience}/.default",
            text("client_id"),
            text("client_secret")
        );
        let address = format!(
            "{}/{DEFAULT_TENANT}/oauth2/v2.0/token",
            self.emulator.origin()
        );
        let request = self.http.post(address).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = taken_apart(request).await;
        reply.body["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The principal that owns everything, as the control endpoint tells.
    pub async fn owner(&self) -> Value {
        self.control("GET", "info", Value::Null).await.body
    }

    /// Sends to ARM.
    pub async fn arm(&self, method: &str, path: &str, body: Value) -> Reply {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            let mark = if path.contains('?') { '&' } else { '?' };
            format!(
                "{}{path}{mark}api-version=2023-07-01",
                self.emulator.origin()
            )
        };
        let request = self.request(method, &address).bearer_auth(&self.arm);
        taken_apart(with_body(request, body)).await
    }

    /// Sends to a vault, with api-version 7.4 unless the path says otherwise.
    pub async fn kv(&self, vault: &str, method: &str, path: &str, body: Value) -> Reply {
        let request = self.to_vault(vault, method, path).bearer_auth(&self.vault);
        taken_apart(with_body(request, body)).await
    }

    /// Sends to a vault with this header instead of a token for vaults.
    pub async fn kv_as(&self, vault: &str, path: &str, authorization: Option<&str>) -> Reply {
        let mut request = self.to_vault(vault, "GET", path);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        taken_apart(request).await
    }

    fn to_vault(&self, vault: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let origin = self.emulator.origin();
        let port = origin.rsplit(':').next().expect("a port");
        let mark = if path.contains('?') { '&' } else { '?' };
        let version = if path.contains("api-version") {
            String::new()
        } else {
            format!("{mark}api-version=7.4")
        };
        self.request(method, &format!("{origin}{path}{version}"))
            .header("host", format!("{vault}.vault.localhost:{port}"))
    }

    /// A token for ARM, which vaults must refuse.
    pub fn arm_token(&self) -> &str {
        &self.arm
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let address = format!("{}/emulator/{path}", self.emulator.origin());
        taken_apart(with_body(self.request(method, &address), body)).await
    }

    pub async fn advance(&self, seconds: i64) {
        let reply = self
            .control("POST", "clock", json!({"advance_seconds": seconds}))
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    fn request(&self, method: &str, address: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method.parse().expect("a method"), address)
    }

    /// The id of a vault in the group `g`.
    pub fn id(&self, vault: &str) -> String {
        format!(
            "/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/{vault}"
        )
    }

    /// A vault in East US 2 with roles; `more` is laid over its properties.
    pub async fn vault(&self, name: &str, more: Value) -> Reply {
        self.vault_in(name, "eastus2", more).await
    }

    pub async fn vault_in(&self, name: &str, location: &str, more: Value) -> Reply {
        let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g");
        self.arm("PUT", &group, json!({"location": "eastus2"}))
            .await;
        let mut properties = json!({
            "tenantId": DEFAULT_TENANT,
            "sku": {"family": "A", "name": "premium"},
            "accessPolicies": [],
            "enableRbacAuthorization": true,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        let body = json!({"location": location, "properties": properties});
        self.arm("PUT", &self.id(name), body).await
    }

    /// A fresh P-256 key in an HSM.
    pub async fn key(&self, vault: &str, name: &str) -> Reply {
        let path = format!("/keys/{name}/create");
        let reply = self
            .kv(vault, "POST", &path, json!({"kty": "EC-HSM"}))
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }
}

fn with_body(request: reqwest::RequestBuilder, body: Value) -> reqwest::RequestBuilder {
    if body.is_null() {
        request
    } else {
        request.json(&body)
    }
}

async fn taken_apart(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let text = response.text().await.expect("a body");
    Reply {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}
