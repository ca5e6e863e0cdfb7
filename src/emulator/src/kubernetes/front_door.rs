//! The way of a request into a cluster: cluster, network, who asks, what, and whether it
//! may.

use super::access::{self, Wish};
use super::request::{Request, Target};
use super::resources::NAMESPACES;
use super::status::Status;
use super::store::Cabinet;
use super::{AZURE_SUFFIX, caller, discovery, look, remove, review, write};
use crate::azure::Azure;
use crate::server::{Answer, Call};
use crate::state::Object;
use crate::types::CLUSTER;
use axum::http::Method;
use serde_json::json;
use std::sync::Arc;

/// Answers for the host `NAME.azmk8s.io`.
pub fn answer(azure: &Azure, call: &Call, name: &str) -> Answer {
    let fqdn = format!("{name}{AZURE_SUFFIX}");
    let Some((cluster, private)) = cluster(azure, &fqdn) else {
        let text = format!("there is no cluster at {fqdn}");
        return Status::new(404, "NotFound", text).into();
    };
    // From outside, the name of a private cluster leads nowhere.
    let ranges = &cluster.body["properties"]["apiServerAccessProfile"]["authorizedIPRanges"];
    let fenced = ranges.as_array().is_some_and(|ranges| !ranges.is_empty());
    if azure.settings.outside && (private || fenced) {
        return Answer::drop();
    }
    admit(azure, call, cluster).unwrap_or_else(Answer::from)
}

/// The cluster with that fqdn, and whether it is only reached from inside.
fn cluster(azure: &Azure, fqdn: &str) -> Option<(Arc<Object>, bool)> {
    azure.store.read(|world| {
        world.of_kind(CLUSTER).find_map(|(_, cluster)| {
            let named = |member: &str| {
                let pointer = format!("/properties/{member}");
                cluster
                    .text(&pointer)
                    .is_some_and(|known| known.eq_ignore_ascii_case(fqdn))
            };
            let private =
                &cluster.body["properties"]["apiServerAccessProfile"]["enablePrivateCluster"];
            (named("fqdn") || named("privateFQDN"))
                .then(|| (cluster.clone(), *private == json!(true)))
        })
    })
}

fn admit(azure: &Azure, call: &Call, cluster: Arc<Object>) -> Result<Answer, Status> {
    in_service(azure, &cluster)?;
    let now = azure.clock.now();
    if !azure
        .store
        .read(|world| Cabinet::of(&cluster).planted(world))
    {
        azure
            .store
            .write(|txn| Cabinet::of(&cluster).plant(txn, now))
            .map_err(|_| Status::unwritten())?;
    }
    let path = call.path.as_str();
    if ["/healthz", "/livez", "/readyz"].contains(&path) {
        return Ok(Answer::content(200, "text/plain; charset=utf-8", "ok"));
    }
    let caller = azure
        .store
        .read(|world| caller::of(azure, world, &cluster, call, now))
        .ok_or_else(Status::unauthorized)?;
    let request = Request {
        azure,
        call,
        cluster,
        caller,
        now,
    };
    if let Some(answer) = for_everybody(&request, path)? {
        return Ok(answer);
    }
    let target = Target::parse(path).ok_or_else(Status::no_such_path)?;
    let watch = ["true", "1"].contains(&call.parameter("watch").unwrap_or_default());
    let verb = target
        .verb(&call.method, watch)
        .ok_or_else(Status::not_allowed)?;
    allowed(&request, &target, verb)?;
    match verb {
        "get" | "list" => look::read(&request, &target),
        "create" => write::create(&request, &target),
        "update" => write::update(&request, &target),
        "patch" => write::patch(&request, &target),
        "delete" | "deletecollection" => remove::delete(&request, &target),
        _ => Err(Status::not_allowed()),
    }
}

/// Discovery and reviews, which whoever signed in may ask.
fn for_everybody(request: &Request<'_>, path: &str) -> Result<Option<Answer>, Status> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let reads = request.call.method == Method::GET;
    Ok(Some(match segments.as_slice() {
        ["version"] if reads => discovery::version(&request.cluster),
        ["api"] if reads => discovery::core(),
        ["apis"] if reads => discovery::all_groups(),
        ["api", version] if reads => discovery::resources("", version)?,
        ["apis", group] if reads => discovery::one_group(group)?,
        ["apis", group, version] if reads => discovery::resources(group, version)?,
        ["apis", "authorization.k8s.io", "v1", what] if request.call.method == Method::POST => {
            match *what {
                "selfsubjectaccessreviews" => review::access(request)?,
                "selfsubjectrulesreviews" => review::rules(request)?,
                _ => return Err(Status::no_such_path()),
            }
        }
        _ => return Ok(None),
    }))
}

fn allowed(request: &Request<'_>, target: &Target, verb: &'static str) -> Result<(), Status> {
    // A namespace counts as being in itself.
    let namespace = if target.resource == &NAMESPACES {
        &target.name
    } else {
        &target.namespace
    };
    // An apply may create what is not there yet.
    let applies = request
        .call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/apply-patch"));
    let absent = applies
        && request.read(|world| {
            Cabinet::of(&request.cluster)
                .get(world, target.resource, &target.namespace, &target.name)
                .is_none()
        });
    let verbs: &[&str] = if absent {
        &["patch", "create"]
    } else {
        &[verb]
    };
    for verb in verbs {
        let wish = Wish {
            verb,
            group: target.resource.group,
            resource: target.resource.plural,
            subresource: &target.subresource,
            namespace,
            name: &target.name,
        };
        let verdict = request.read(|world| {
            access::decide(
                request.azure,
                world,
                &request.cluster,
                &request.caller,
                &wish,
            )
        });
        if !verdict.allowed {
            let caller = &request.caller;
            return Err(access::refusal(
                caller,
                target.resource,
                &wish,
                &verdict.reason,
            ));
        }
    }
    Ok(())
}

/// An API server answers while its cluster is there, running, and its region is up.
fn in_service(azure: &Azure, cluster: &Object) -> Result<(), Status> {
    let properties = &cluster.body["properties"];
    let stopped = properties["powerState"]["code"] == json!("Stopped");
    let coming = properties["provisioningState"] == "Creating";
    let down = azure.outages.down(cluster.location().unwrap_or_default());
    if !(stopped || coming || down) {
        return Ok(());
    }
    Err(Status::new(
        503,
        "ServiceUnavailable",
        "the server is currently unable to handle the request",
    ))
}
