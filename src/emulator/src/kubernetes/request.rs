//! A request to a cluster that has been let in, and what its path means.

use super::caller::Caller;
use super::resources::{self, Resource};
use super::status::Status;
use crate::azure::Azure;
use crate::server::Call;
use crate::state::{Moment, Object, Txn, World};
use axum::http::Method;
use std::sync::Arc;

/// Who asks what of which cluster.
#[derive(Debug)]
pub struct Request<'a> {
    pub azure: &'a Azure,
    pub call: &'a Call,
    pub cluster: Arc<Object>,
    pub caller: Caller,
    pub now: Moment,
}

impl Request<'_> {
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.azure.store.read(look)
    }

    /// Changes the world; nothing is kept of work that ends in an error, because it
    /// changes nothing before it is sure.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, Status>,
    ) -> Result<T, Status> {
        self.azure
            .store
            .write(work)
            .unwrap_or_else(|_| Err(Status::unwritten()))
    }

    /// Whether nothing is to be kept.
    pub fn dry(&self) -> bool {
        self.call.parameter("dryRun") == Some("All")
    }
}

/// An object or a collection, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub resource: &'static Resource,
    /// Empty for all namespaces and for what has none.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    pub subresource: String,
}

impl Target {
    /// Reads a path below `/api` or `/apis`.
    pub fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // `/namespaces/N` is the namespace itself.
            ["namespaces", namespace, plural, ..] if !["status", "finalize"].contains(plural) => {
                (*namespace, &rest[2..])
            }
            _ => ("", rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, subresource] => (*plural, *name, *subresource),
            _ => return None,
        };
        let resource = resources::find(group, version, plural)?;
        let placed = resource.namespaced != namespace.is_empty();
        let all = resource.namespaced && namespace.is_empty() && name.is_empty();
        let known = subresource.is_empty() || resource.subresources.contains(&subresource);
        ((placed || all) && known).then(|| Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    }

    /// The verb that a method means here.
    pub fn verb(&self, method: &Method, watch: bool) -> Option<&'static str> {
        let one = !self.name.is_empty();
        Some(match *method {
            Method::GET | Method::HEAD if one => "get",
            Method::GET | Method::HEAD if watch => "watch",
            Method::GET | Method::HEAD => "list",
            Method::POST if !one => "create",
            Method::PUT if one => "update",
            Method::PATCH if one => "patch",
            Method::DELETE if one => "delete",
            Method::DELETE => "deletecollection",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects_and_collections() {
        let one = Target::parse("/apis/apps/v1/namespaces/iam/deployments/web/scale").unwrap();
        assert_eq!(
            (
                one.namespace.as_str(),
                one.name.as_str(),
                one.subresource.as_str()
            ),
            ("iam", "web", "scale")
        );
        let namespace = Target::parse("/api/v1/namespaces/iam").unwrap();
        assert_eq!(
            (namespace.resource.plural, namespace.name.as_str()),
            ("namespaces", "iam")
        );
        let all = Target::parse("/apis/apps/v1/deployments").unwrap();
        assert_eq!(all.verb(&Method::GET, false), Some("list"));
        assert_eq!(all.verb(&Method::GET, true), Some("watch"));
        assert_eq!(one.verb(&Method::POST, false), None);
        for nothing in [
            "/api/v1/deployments",
            "/apis/apps/v1/deployments/web",
            "/api/v1/namespaces/iam/namespaces/x",
            "/apis/apps/v1/namespaces/iam/deployments/web/frob",
            "/apis/apps/v2/namespaces/iam/deployments",
        ] {
            assert_eq!(Target::parse(nothing), None, "{nothing}");
        }
    }
}
