//! A cluster's API server: where it answers, by the credential file that Azure gives out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;

/// Where a cluster's API server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiServer {
    /// Scheme, host and port.
    pub origin: String,
    /// The certificate authority (PEM) that vouches for it, where the cluster has its own.
    pub ca: Option<String>,
}

/// What of a credential file matters here.
#[derive(Deserialize)]
struct CredentialFile {
    clusters: Vec<NamedCluster>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: ClusterEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority_data: Option<String>,
}

impl ApiServer {
    /// The API server that a credential file leads to, if it is the cluster's own. Whoever sends it
    /// a token refuses a server on this machine in all clouds but the local one.
    /// `cluster` is what Resource Manager says of it, `file` what `listClusterUserCredential` does.
    pub fn of(cluster: &Json, file: &Json) -> Option<Self> {
        let file = STANDARD
            .decode(text(file, "/kubeconfigs/0/value")?)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())?;
        let file: CredentialFile = serde_saphyr::from_str(&file).ok()?;
        let entry = file.clusters.into_iter().next()?.cluster;
        let url = Url::parse(&entry.server).ok()?;
        let names = ["/properties/privateFQDN", "/properties/fqdn"];
        let own = names.iter().filter_map(|name| text(cluster, name));
        let host = url.host_str()?;
        let is_own = own.clone().any(|name| name.eq_ignore_ascii_case(host))
            || host
                .strip_suffix(".localhost")
                .is_some_and(|front| own.clone().any(|name| is_played(name, front)));
        let ca = entry.certificate_authority_data;
        let ca = ca.and_then(|data| STANDARD.decode(data).ok());
        is_own.then(|| Self {
            origin: url.origin().ascii_serialization(),
            ca: ca.and_then(|bytes| String::from_utf8(bytes).ok()),
        })
    }
}

fn text<'b>(body: &'b Json, pointer: &str) -> Option<&'b str> {
    body.pointer(pointer)?.as_str()
}

/// Whether a local Azure plays the host `name`, under `localhost` instead of its last label.
fn is_played(name: &str, front: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(known, _)| known.eq_ignore_ascii_case(front))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(server: &str) -> Json {
        let text = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: LS0t\n    \
             server: {server}\n  name: aks\nusers: []\n"
        );
        json!({"kubeconfigs": [{"name": "clusterUser", "value": STANDARD.encode(text)}]})
    }

    #[test]
    fn a_token_goes_to_the_clusters_own_server_only() {
        let cluster = json!({"properties": {
            "fqdn": "aks.hcp.eastus2.azmk8s.io",
            "privateFQDN": "aks.x.privatelink.eastus2.azmk8s.io",
        }});
        for (origin, own) in [
            ("https://aks.hcp.eastus2.azmk8s.io:443", true),
            ("https://AKS.x.privatelink.eastus2.azmk8s.io", true),
            ("http://aks.hcp.eastus2.azmk8s.localhost:4280", true),
            ("https://aks.hcp.eastus2.azmk8s.io.example.org", false),
            ("https://other.hcp.eastus2.azmk8s.io", false),
            ("http://localhost:4280", false),
        ] {
            let found = ApiServer::of(&cluster, &file(origin));
            assert_eq!(found.is_some(), own, "{origin}");
            let ca = found.map(|server| server.ca);
            assert!(ca.is_none_or(|ca| ca.as_deref() == Some("---")));
        }
        assert_eq!(ApiServer::of(&cluster, &json!({"kubeconfigs": []})), None);
    }
}
