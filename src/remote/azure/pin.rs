//! Host pinning: every URL that a request goes to, or that an answer names, passes here first.

use url::Url;

use super::cloud::Endpoints;
use super::error::own;
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{Plane, Request};

/// The most characters of a host's name before the cloud's domain.
const LONGEST_HOST: usize = 200;
/// The application that AKS's API servers are in every tenant of every cloud.
pub(super) const KUBERNETES: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The hosts that may see a token, one origin for each plane.
#[derive(Debug, Clone)]
pub(super) struct Pins {
    endpoints: Endpoints,
}

impl Pins {
    pub(super) fn new(endpoints: Endpoints) -> Self {
        Self { endpoints }
    }

    /// The scope that a token for this plane is asked for.
    pub(super) fn scope(&self, plane: &Plane) -> String {
        let audiences = &self.endpoints.audiences;
        let audience = match plane {
            Plane::Arm => &audiences.resource_manager,
            Plane::Graph => &audiences.graph,
            Plane::Vault(_) => &audiences.vault,
            Plane::Ingestion(_) => &audiences.monitor,
            Plane::Cluster(_) => KUBERNETES,
        };
        format!("{}/.default", audience.trim_end_matches('/'))
    }

    /// The URL of a request.
    ///
    /// # Errors
    /// `InvalidRequest` when the path is none that would reach the plane as it is written.
    pub(super) fn url(&self, request: &Request) -> Result<Url, Failure> {
        let mut url = self.origin(&request.plane)?;
        if !request.path.starts_with('/') {
            return Err(invalid(format!(
                "the path `{}` is not absolute",
                request.path
            )));
        }
        // The parser resolves `.` and `..`; a name that is one must not move the request.
        if !request.path.split('/').skip(1).all(is_name) {
            return Err(invalid(format!(
                "the path `{}` has a segment that is no name",
                request.path
            )));
        }
        url.set_path(&request.path);
        let version = request
            .api_version
            .iter()
            .map(|version| ("api-version", version));
        let further = request
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(version.chain(further));
        // Forms write a space as `+`, which some of Azure's planes take literally.
        let query = query.finish().replace('+', "%20").replace("%24", "$");
        url.set_query((!query.is_empty()).then_some(query.as_str()));
        Ok(url)
    }

    /// Path and query of a link that an answer to `asked` named, if it leads to the plane's
    /// own origin.
    ///
    /// # Errors
    /// `ForeignHost` naming the host when it leads elsewhere.
    pub(super) fn relative(&self, plane: &Plane, link: &str) -> Result<String, Failure> {
        let origin = self.origin(plane)?;
        let url = origin
            .join(link.trim())
            .map_err(|problem| invalid(format!("Azure named a link that is no URL: {problem}")))?;
        same_origin(&origin, &url)?;
        let mut target = url.path().to_owned();
        if let Some(query) = url.query() {
            target.push('?');
            target.push_str(query);
        }
        Ok(target)
    }

    /// The URL of a stored path and query.
    ///
    /// # Errors
    /// `ForeignHost` or `InvalidRequest` when it is not one that [`Pins::relative`] gave.
    pub(super) fn absolute(&self, plane: &Plane, target: &str) -> Result<Url, Failure> {
        at(&self.origin(plane)?, target)
    }

    /// The origin of a registry: its own name under the cloud's suffix, wherever an answer says
    /// that its login server is.
    ///
    /// # Errors
    /// `InvalidRequest` when `server` begins with no name.
    pub(super) fn registry(&self, server: &str) -> Result<Url, Failure> {
        let name = server.split('.').next().unwrap_or_default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(invalid(format!("`{server}` is no login server")));
        }
        self.below(name, &self.endpoints.registry_suffix)
    }

    fn origin(&self, plane: &Plane) -> Result<Url, Failure> {
        match plane {
            Plane::Arm => Ok(self.endpoints.resource_manager.clone()),
            Plane::Graph => Ok(self.endpoints.graph.clone()),
            Plane::Vault(name) => self.vault(name),
            Plane::Ingestion(name) => self.ingestion(name),
            Plane::Cluster(id) => Err(invalid(format!(
                "the API server of {id} has no host that is known beforehand"
            ))),
        }
    }

    fn vault(&self, name: &str) -> Result<Url, Failure> {
        let well_formed = !name.is_empty()
            && name.len() <= 127
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !well_formed {
            return Err(invalid(format!("`{name}` is no name of a vault")));
        }
        self.below(name, &self.endpoints.vault_suffix)
    }

    fn ingestion(&self, name: &str) -> Result<Url, Failure> {
        let label = |label: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len()) && label.bytes().all(plain)
        };
        if name.len() > LONGEST_HOST || !name.split('.').all(label) {
            return Err(invalid(format!(
                "`{name}` is no name of an ingestion endpoint"
            )));
        }
        match &self.endpoints.ingestion_suffix {
            Some(suffix) => self.below(name, suffix),
            None => Err(invalid(
                "nobody knows where this cloud's Azure Monitor takes logs".to_owned(),
            )),
        }
    }

    /// The origin of `name` below a domain of the cloud's.
    fn below(&self, name: &str, suffix: &str) -> Result<Url, Failure> {
        let host = suffix.split(':').next().unwrap_or(suffix);
        let scheme = if super::cloud::is_loopback_name(host) {
            self.endpoints.resource_manager.scheme()
        } else {
            "https"
        };
        Url::parse(&format!("{scheme}://{name}.{suffix}"))
            .map_err(|problem| invalid(format!("the suffix `{suffix}`: {problem}")))
    }
}

/// Whether a segment of a path stays where it is: the parser resolves dots however they are
/// written, takes `\` for `/`, and drops what breaks lines.
fn is_name(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    !matches!(plain.as_str(), "" | "." | "..") && !segment.contains(['\\', '\t', '\n', '\r'])
}

/// The URL of a path and query at an origin, and at no other.
///
/// # Errors
/// `ForeignHost` or `InvalidRequest` when it would lead elsewhere.
pub(super) fn at(origin: &Url, target: &str) -> Result<Url, Failure> {
    if !target.starts_with('/') {
        return Err(invalid(format!("`{target}` is not a path on the plane")));
    }
    // Put together as text: joining would take `//host` for another host.
    let text = format!("{}{target}", origin.origin().ascii_serialization());
    let url = Url::parse(&text).map_err(|problem| invalid(problem.to_string()))?;
    same_origin(origin, &url)?;
    Ok(url)
}

fn same_origin(pinned: &Url, other: &Url) -> Result<(), Failure> {
    if pinned.origin() == other.origin() {
        return Ok(());
    }
    let named = other.origin().ascii_serialization();
    Err(own(
        Verdict::Fatal,
        "ForeignHost",
        format!(
            "an answer from {} points to {named}, which is not asked and gets no token",
            pinned.origin().ascii_serialization()
        ),
        Some("check the endpoints under [azure.endpoints], and what stands between you and Azure"),
    ))
}

fn invalid(message: String) -> Failure {
    own(Verdict::Fatal, "InvalidRequest", message, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::remote::azure::Cloud;
    use crate::resource::Method;

    fn pins() -> Pins {
        Pins::new(Cloud::public().endpoints().clone())
    }

    #[test]
    fn a_link_to_the_own_origin_is_kept_to_the_letter() -> Result<(), Failure> {
        let opaque = format!(
            "/subscriptions/s/operations/x?api-version=1&t=63&c={}",
            "MIIH%2Bz-_".repeat(500)
        );
        for origin in [
            "https://management.azure.com",
            "https://management.azure.com:443",
            "",
        ] {
            let target = pins().relative(&Plane::Arm, &format!("{origin}{opaque}"))?;
            assert_eq!(target, opaque);
            assert_eq!(
                pins().absolute(&Plane::Arm, &target)?.as_str(),
                format!("https://management.azure.com{opaque}")
            );
        }
        Ok(())
    }

    #[test]
    fn a_link_elsewhere_is_refused_and_names_the_host() {
        for link in [
            "https://evil.example/subscriptions",
            "http://management.azure.com/subscriptions",
            "https://management.azure.com:8443/x",
            "https://management.azure.com.evil.example/x",
            "https://management.azure.com@evil.example/x",
            "https://management.azure.com./x",
            "//evil.example/x",
            "\\\\evil.example/x",
            "data:text/plain,x",
        ] {
            let failure = pins().relative(&Plane::Arm, link).expect_err(link);
            assert_eq!(failure.code, "ForeignHost", "{link}");
        }
        let failure = pins()
            .relative(&Plane::Graph, "https://evil.example:99/x")
            .expect_err("foreign");
        assert!(failure.message.contains("https://evil.example:99"));
    }

    #[test]
    fn a_stored_target_cannot_leave_the_origin() -> Result<(), Failure> {
        for target in ["//evil.example/x", "/\\evil.example/x"] {
            let url = pins().absolute(&Plane::Arm, target)?;
            assert_eq!(url.host_str(), Some("management.azure.com"));
        }
        for target in [
            "https://evil.example/",
            "@evil.example/",
            ":1/",
            ".evil.example/",
        ] {
            assert!(pins().absolute(&Plane::Arm, target).is_err(), "{target}");
        }
        Ok(())
    }

    #[test]
    fn a_vault_is_its_own_host_and_no_other() -> Result<(), Failure> {
        let plane = Plane::Vault("kv-one".to_owned());
        assert_eq!(
            pins().relative(&plane, "https://kv-one.vault.azure.net/keys?x=1")?,
            "/keys?x=1"
        );
        assert!(
            pins()
                .relative(&plane, "https://kv-two.vault.azure.net/keys")
                .is_err()
        );
        for name in ["", "a.b", "evil.example/", "a@b", "a:1"] {
            assert!(
                pins()
                    .absolute(&Plane::Vault(name.to_owned()), "/keys")
                    .is_err()
            );
        }
        let emulator = Cloud::emulator("http://127.0.0.1:81").expect("loopback");
        let local = Pins::new(emulator.endpoints().clone());
        assert_eq!(
            local.absolute(&plane, "/keys")?.as_str(),
            "http://kv-one.vault.localhost:81/keys"
        );
        Ok(())
    }

    #[test]
    fn a_registry_elsewhere_is_asked_over_https_whatever_resource_manager_speaks() {
        let azure = Cloud::public();
        for (resource_manager, suffix, expected) in [
            (
                "http://127.0.0.1:8080",
                "azurecr.io",
                "https://r.azurecr.io/",
            ),
            ("https://arm.example", "azurecr.io", "https://r.azurecr.io/"),
            (
                "http://127.0.0.1:8080",
                "azurecr.localhost:8080",
                "http://r.azurecr.localhost:8080/",
            ),
        ] {
            let pins = Pins::new(Endpoints {
                resource_manager: resource_manager.parse().expect("a URL"),
                registry_suffix: suffix.to_owned(),
                ..azure.endpoints().clone()
            });
            let found = pins.registry("r.azurecr.io").expect("a server");
            assert_eq!(found.as_str(), expected, "{resource_manager}");
        }
        for server in ["", ".azurecr.io", "a@b.azurecr.io", "a/b", "a:1"] {
            assert!(pins().registry(server).is_err(), "{server}");
        }
    }

    #[test]
    fn logs_go_below_the_clouds_own_domain() -> Result<(), Failure> {
        let plane = |name: &str| Plane::Ingestion(name.into());
        assert_eq!(
            pins().absolute(&plane("a-1b.logs.z1"), "/x")?.as_str(),
            "https://a-1b.logs.z1.ingest.monitor.azure.com/x"
        );
        for name in ["", ".", "a.", "a..b", "evil.example/", "a@b", "a:1", "a#"] {
            assert!(pins().absolute(&plane(name), "/x").is_err(), "{name}");
        }
        let emulator = Cloud::emulator("http://127.0.0.1:81").expect("loopback");
        let local = Pins::new(emulator.endpoints().clone());
        assert_eq!(
            local.absolute(&plane("a"), "/x")?.as_str(),
            "http://a.ingest.monitor.localhost:81/x"
        );
        Ok(())
    }

    #[test]
    fn queries_are_written_as_azure_documents_them() -> Result<(), Failure> {
        let request = Request::arm(Method::Get, "/subscriptions/s/resources", "2021-04-01")
            .query("$filter", "tagName eq 'a+b'");
        assert_eq!(
            pins().url(&request)?.query(),
            Some("api-version=2021-04-01&$filter=tagName%20eq%20%27a%2Bb%27")
        );
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_let_through_has_as_many_segments_as_were_asked_for(
            path in "(/([a-z.\\\\?#\t ]|%2[eEfF]){0,4}){1,4}"
        ) {
            if let Ok(url) = pins().url(&Request::arm(Method::Get, path.as_str(), "1")) {
                let segments = |path: &str| path.split('/').map(str::len).collect::<Vec<_>>();
                let (sent, asked) = (segments(url.path()), segments(&path));
                prop_assert_eq!(sent.len(), asked.len());
                // What is not spelt out only gets longer.
                prop_assert!(sent.iter().zip(&asked).all(|(sent, asked)| sent >= asked));
            }
        }
    }

    #[test]
    fn a_name_cannot_move_the_request() {
        for path in [
            "/subscriptions/s/../t",
            "/a/./b",
            "/a/%2e%2E/b",
            "relative",
            "/a/.",
            "/a/..",
            "/a/%2E",
            "/a/.%2e",
            "/a/b/",
            "/a//b",
            "/a/b\\..",
            "/a/.\t",
            "/a\\b",
        ] {
            assert!(
                pins().url(&Request::arm(Method::Get, path, "1")).is_err(),
                "{path}"
            );
        }
        for path in ["/a/.b", "/a/...", "/a/b.", "/a/%2eb"] {
            let url = pins().url(&Request::arm(Method::Get, path, "1"));
            assert_eq!(url.expect("a name").path(), path);
        }
        let odd = Request::arm(Method::Get, "/a/b?c=d#e", "1");
        let url = pins().url(&odd).expect("encoded");
        assert_eq!(
            url.as_str(),
            "https://management.azure.com/a/b%3Fc=d%23e?api-version=1"
        );
    }
}
