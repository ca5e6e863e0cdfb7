//! A client for these tests: ARM and Graph, registries by their host name, and tokens.

use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Emulator, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const ARM: &str = "https://management.azure.com";
pub const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Role definitions that the tests assign.
pub const ACR_PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
pub const ACR_PUSH: &str = "8311e382-0749-4cb8-b61a-304f252e45ec";
pub const ACR_DELETE: &str = "c2f4ef07-c644-48eb-af81-4b1b4947fb11";
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

/// An emulator with somebody signed in to it.
pub struct Azure {
    pub emulator: Emulator,
    http: reqwest::Client,
    pub arm: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub body: Value,
}

impl Reply {
    /// The error's code, of a registry or of ARM.
    pub fn code(&self) -> &str {
        let error = &self.body["errors"][0];
        let code = error["code"]
            .as_str()
            .or(self.body["error"]["code"].as_str());
        code.unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// How a caller of a registry says who it is.
#[derive(Clone, Copy)]
pub enum As<'a> {
    Nobody,
    Bearer(&'a str),
    Basic(&'a str, &'a str),
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
        };
        azure.arm = azure.owner(ARM).await;
        azure
    }

    /// A token of the principal that owns everything.
    pub async fn owner(&self, audience: &str) -> String {
        let owner = self.control("GET", "info", Value::Null).await.body;
        let text = |member: &str| owner[member].as_str().expect("the owner").to_owned();
        self.token(&text("client_id"), &text("client_secret"), audience)
            .await
    }

    /// A token of Entra for an application.
    pub async fn token(&self, id: &str, secret: &str, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={audience}/.default"
        );
        let address = format!(
            "{}/{DEFAULT_TENANT}/oauth2/v2.0/token",
            self.emulator.origin()
        );
        let reply = taken_apart(as_form(self.http.post(address), form)).await;
        let token = reply.body["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let address = format!("{}/emulator/{path}", self.emulator.origin());
        taken_apart(with_json(self.request(method, &address), body)).await
    }

    fn request(&self, method: &str, address: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method.parse().expect("a method"), address)
    }

    /// Sends to ARM as the owner.
    pub async fn arm(&self, method: &str, path: &str, body: Value) -> Reply {
        self.arm_as(&self.arm, method, path, body).await
    }

    pub async fn arm_as(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            let mark = if path.contains('?') { '&' } else { '?' };
            format!(
                "{}{path}{mark}api-version=2025-11-01",
                self.emulator.origin()
            )
        };
        let request = self.request(method, &address).bearer_auth(token);
        taken_apart(with_json(request, body)).await
    }

    /// Polls an operation until it has ended; the last answer.
    pub async fn finish(&self, reply: &Reply) -> Reply {
        let address = ["azure-asyncoperation", "location"]
            .iter()
            .find_map(|name| reply.headers.get(*name))
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

    /// A finished Premium registry in East US 2; `more` is laid over its properties.
    pub async fn registry(&self, name: &str, more: Value) -> String {
        let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g");
        self.arm("PUT", &group, json!({"location": "eastus2"}))
            .await;
        let id = format!("{group}/providers/Microsoft.ContainerRegistry/registries/{name}");
        let body = json!({"location": "eastus2", "sku": {"name": "Premium"}, "properties": more});
        let reply = self.arm("PUT", &id, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        self.finish(&reply).await;
        id
    }

    /// An application that can sign in: client id, object id, secret.
    pub async fn client(&self, name: &str) -> (String, String, String) {
        let graph = self.owner("https://graph.microsoft.com").await;
        let send = async |path: String, body: Value| {
            let address = format!("{}/v1.0/{path}", self.emulator.origin());
            let request = self.request("POST", &address).bearer_auth(&graph);
            let reply = taken_apart(with_json(request, body)).await;
            assert!(reply.status < 300, "{reply:?}");
            reply.body
        };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let application = send("applications".to_owned(), json!({"displayName": name})).await;
        let id = text(&application["appId"]);
        let principal = send("servicePrincipals".to_owned(), json!({"appId": id})).await;
        let path = format!("applications/{}/addPassword", text(&application["id"]));
        let secret = send(path, json!({})).await;
        (id, text(&principal["id"]), text(&secret["secretText"]))
    }

    /// Assigns a role.
    pub async fn assign(&self, scope: &str, role: &str, principal: &str) {
        let name = uuid_of(&format!("{scope}{role}{principal}"));
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let body = json!({"properties": {
            "roleDefinitionId": format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }});
        let reply = self.arm("PUT", &path, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    /// Sends to a registry.
    pub async fn acr(
        &self,
        registry: &str,
        who: As<'_>,
        method: &str,
        path: &str,
        body: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = self.to_registry(registry, method, path).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match who {
            As::Nobody => request,
            As::Bearer(token) => request.bearer_auth(token),
            As::Basic(user, password) => request.basic_auth(user, Some(password)),
        };
        taken_apart(request).await
    }

    pub async fn acr_get(&self, registry: &str, who: As<'_>, path: &str) -> Reply {
        self.acr(registry, who, "GET", path, "", &[]).await
    }

    fn to_registry(&self, registry: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let origin = self.emulator.origin();
        let port = origin.rsplit(':').next().expect("a port");
        self.request(method, &format!("{origin}{path}"))
            .header("host", format!("{registry}.azurecr.localhost:{port}"))
    }

    /// Sends a form to a registry's token endpoints.
    pub async fn oauth(&self, registry: &str, path: &str, form: &str) -> Reply {
        let request = self.to_registry(registry, "POST", path);
        taken_apart(as_form(request, form.to_owned())).await
    }

    /// A refresh token for a token of Entra.
    pub async fn refresh(&self, registry: &str, entra: &str) -> String {
        let form = format!(
            "grant_type=access_token&service={registry}.azurecr.localhost&access_token={entra}"
        );
        let reply = self.oauth(registry, "/oauth2/exchange", &form).await;
        let token = reply.body["refresh_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// What the token endpoint answers to whoever has that refresh token.
    pub async fn access(&self, registry: &str, refresh: &str, scope: &str) -> Reply {
        let form = format!(
            "grant_type=refresh_token&service={registry}.azurecr.localhost&scope={scope}&refresh_token={refresh}"
        );
        self.oauth(registry, "/oauth2/token", &form).await
    }

    /// An access token of the owner.
    pub async fn owned(&self, registry: &str, scope: &str) -> String {
        let refresh = self.refresh(registry, &self.arm).await;
        let reply = self.access(registry, &refresh, scope).await;
        let token = reply.body["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// Pushes a blob in one piece; its digest.
    pub async fn blob(&self, registry: &str, who: As<'_>, name: &str, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let reply = self.acr(registry, who, "POST", &path, bytes, &[]).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        digest
    }

    /// Pushes a small image under a tag or its digest; the digest.
    pub async fn image(&self, registry: &str, who: As<'_>, name: &str, tag: &str) -> String {
        let config = r#"{"architecture":"arm64","os":"linux"}"#;
        self.blob(registry, who, name, config.as_bytes()).await;
        self.blob(registry, who, name, tag.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", tag.as_bytes())],
        });
        self.manifest(registry, who, name, tag, &manifest).await
    }

    /// Pushes a manifest; its digest.
    pub async fn manifest(
        &self,
        registry: &str,
        who: As<'_>,
        name: &str,
        version: &str,
        manifest: &Value,
    ) -> String {
        let reply = self.put(registry, who, name, version, manifest).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.header("docker-content-digest").to_owned()
    }

    pub async fn put(
        &self,
        registry: &str,
        who: As<'_>,
        name: &str,
        version: &str,
        manifest: &Value,
    ) -> Reply {
        let kind = manifest["mediaType"].as_str().expect("a media type");
        let text = manifest.to_string();
        let version = if version == "@" {
            digest_of(text.as_bytes())
        } else {
            version.to_owned()
        };
        let path = format!("/v2/{name}/manifests/{version}");
        self.acr(registry, who, "PUT", &path, text, &[("content-type", kind)])
            .await
    }
}

/// A descriptor of some bytes.
pub fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": digest_of(bytes), "size": bytes.len()})
}

/// The digest of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

fn uuid_of(text: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes())
}

fn as_form(request: reqwest::RequestBuilder, form: String) -> reqwest::RequestBuilder {
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
}

fn with_json(request: reqwest::RequestBuilder, body: Value) -> reqwest::RequestBuilder {
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
        text,
    }
}
