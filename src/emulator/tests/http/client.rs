//! A client for these tests: signs in, sends JSON, looks at everything that comes back.

use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Emulator, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The api-version that most tests use.
pub const API: &str = "2023-07-01";

/// An emulator with somebody signed in to it.
pub struct Azure {
    pub emulator: Emulator,
    http: reqwest::Client,
    pub token: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Reply {
    /// The error's code, in any of Azure's envelopes.
    pub fn code(&self) -> &str {
        let error = &self.body["error"];
        let code = error["code"].as_str().or(self.body["code"].as_str());
        code.unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    pub fn state(&self) -> &str {
        let state = &self.body["properties"]["provisioningState"];
        state.as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
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
            http: trusting(emulator.endpoint().ca.as_deref()),
            emulator,
            token: String::new(),
        };
        azure.token = azure.sign_in("https://management.azure.com").await;
        azure
    }

    /// A token of the deployer.
    pub async fn sign_in(&self, audience: &str) -> String {
        let reply = self
            .token_request(&self.form(audience), DEFAULT_TENANT)
            .await;
        reply.body["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The form of a client-credentials request.
    pub fn form(&self, audience: &str) -> Vec<(&'static str, String)> {
        let deployer = &self.emulator.endpoint().deployer;
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", deployer.client_id.clone()),
            ("client_secret", deployer.client_secret.clone()),
            ("scope", format!("{audience}/.default")),
        ]
    }

    pub async fn token_request(&self, form: &[(&str, String)], tenant: &str) -> Reply {
        let body: Vec<String> = form.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = self
            .http
            .post(self.address(&format!("/{tenant}/oauth2/v2.0/token")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        taken_apart(request).await.expect("an answer")
    }

    /// Sends to ARM with a token, to a path or a whole address.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.try_send(method, path, body).await.expect("an answer")
    }

    /// As [`Self::send`], where the connection may break.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Reply> {
        let method = method.parse().expect("a method");
        let mut request = self
            .http
            .request(method, self.address(path))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        taken_apart(request).await
    }

    /// As [`Self::send`], with further headers.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let method = method.parse().expect("a method");
        let mut request = self
            .http
            .request(method, self.address(&versioned(path)))
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        taken_apart(request).await.expect("an answer")
    }

    /// A PUT that must succeed, waited for to its end; the object as it then is.
    pub async fn made(&self, path: &str, body: Value) -> Value {
        let reply = self.put(path, body).await;
        assert!(reply.status < 300, "{path}: {reply:?}");
        if reply.headers.contains_key("azure-asyncoperation") {
            let end = self.finish(&reply).await;
            assert_eq!(end.body["status"], "Succeeded", "{path}: {end:?}");
        }
        let read = self.get(path).await;
        assert_eq!(read.status, 200, "{path}: {read:?}");
        read.body
    }

    /// Sends with these headers and nothing else.
    pub async fn bare(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, self.address(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        taken_apart(request).await.expect("an answer")
    }

    /// Sends with these headers and, unless it is null, a body.
    pub async fn with_body(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Reply {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, self.address(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        taken_apart(request).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", &versioned(path), None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", &versioned(path), Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", &versioned(path), Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", &versioned(path), Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", &versioned(path), None).await
    }

    /// Sends to a control endpoint.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = (!body.is_null()).then_some(body);
        self.send(method, &format!("/emulator/{path}"), body).await
    }

    /// Polls an operation's address until it has ended; the last answer.
    pub async fn finish(&self, reply: &Reply) -> Reply {
        let address = ["azure-asyncoperation", "location"]
            .iter()
            .find_map(|name| reply.headers.get(*name))
            .expect("an operation")
            .clone();
        for _ in 0..10 {
            let poll = self.send("GET", &address, None).await;
            let word = poll.body["status"].as_str().unwrap_or("Succeeded");
            let ended = ["Succeeded", "Failed"].contains(&word);
            if poll.status != 202 && ended {
                return poll;
            }
        }
        panic!("the operation never ends");
    }

    /// A group in East US 2.
    pub async fn group(&self, name: &str) -> String {
        let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/{name}");
        let reply = self.put(&group, json!({"location": "eastus2"})).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        group
    }

    /// A finished Premium registry in that group's region.
    pub async fn registry(&self, group: &str, name: &str) -> String {
        let registry = registry_id(group, name);
        let body = json!({"location": "eastus2", "sku": {"name": "Premium"}});
        let reply = self.put(&registry, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        self.finish(&reply).await;
        registry
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") {
            return path.to_owned();
        }
        format!("{}{path}", self.emulator.origin())
    }
}

/// A client that trusts this authority (PEM) and no other.
pub fn trusting(authority: Option<&str>) -> reqwest::Client {
    let authority =
        authority.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate"));
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .tls_certs_only(authority)
        .build()
        .expect("a client")
}

pub fn registry_id(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.ContainerRegistry/registries/{name}")
}

fn versioned(path: &str) -> String {
    if path.contains("api-version=") {
        return path.to_owned();
    }
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}api-version={API}")
}

async fn taken_apart(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let text = response.text().await?;
    Ok(Reply {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    })
}
