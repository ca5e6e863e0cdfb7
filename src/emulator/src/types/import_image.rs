//! `registries/importImage`: copies an image into a registry, from another registry here or
//! from the world outside.
//! <https://learn.microsoft.com/rest/api/containerregistry/registries/import-image>

use super::content::{self, Manifest, Reference, Version};
use super::registry_actions::body;
use super::{checks, registry};
use crate::arm::{Address, ArmError, Context, Pattern, start};
use crate::server::Answer;
use crate::state::{Effect, Failure, Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

static IMPORT: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.ContainerRegistry",
        segment: "operationResults",
        prefix: "registries-",
        upper_case: true,
    },
    polling: Polling::Result {
        told: true,
        done: 200,
    },
    retry_after: Some(10),
    seconds: 10,
};

/// Public registries, whose every well-formed image is taken to exist.
const PUBLIC: &[&str] = &[
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
    "mcr.microsoft.com",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "registry.k8s.io",
    "public.ecr.aws",
];

/// Checks an order and starts it; what the source holds is found out on the way.
pub fn begin(cx: &Context<'_>, txn: &mut Txn<'_>, target: &Object) -> Result<Answer, ArmError> {
    let sent = body(cx)?;
    let (image, registry, resource) = source(&sent)?;
    let force = checks::word(&sent, "mode", &["NoForce", "Force"])? == Some("Force");
    let tags = texts(&sent, "targetTags")?;
    let untagged = texts(&sent, "untaggedTargetRepositories")?;
    let here = content::of(txn.world(), target);
    for tag in &tags {
        let reference = well_formed(tag)?;
        let Version::Tag(name) = &reference.version else {
            return Err(checks::refuse(
                400,
                "InvalidParameters",
                format!("The target tag '{tag}' is not a tag."),
            ));
        };
        if !force && here.has_tag(&reference.repository, name) {
            return Err(checks::refuse(
                409,
                "Conflict",
                format!(
                    "Tag {}:{name} already exists in target registry.",
                    reference.repository
                ),
            ));
        }
    }
    for repository in &untagged {
        well_formed(repository)?;
    }
    let order = json!({
        "image": image,
        "registryUri": registry,
        "resourceId": resource,
        "targetTags": tags,
        "untagged": untagged,
    });
    let headers = start(cx, txn, &IMPORT, target, "Accepted", Effect::Act(order));
    let mut answer = Answer::empty(202);
    answer.headers = headers;
    Ok(answer)
}

/// The source of an order: image, registry by address, registry by id.
fn source(sent: &Map<String, Value>) -> Result<(String, Option<String>, Option<String>), ArmError> {
    let source = checks::object(sent, "source")?;
    let text = |name: &str| Ok(checks::text(&source, name)?.map(ToOwned::to_owned));
    let refuse = |why: String| checks::refuse(400, "InvalidParameters", why);
    let image = text("sourceImage")?
        .ok_or_else(|| refuse("The source image must be provided.".to_owned()))?;
    if Reference::parse(&image).is_none() {
        return Err(refuse(format!(
            "The source image '{image}' is not a valid image reference."
        )));
    }
    let (registry, resource) = (text("registryUri")?, text("resourceId")?);
    if registry.is_none() && resource.is_none() {
        return Err(refuse(
            "The source registry must be provided, as a resource ID or as a registry URI."
                .to_owned(),
        ));
    }
    Ok((image, registry, resource))
}

/// Copies what an order asks for.
pub fn finish(
    txn: &mut Txn<'_>,
    target: &Object,
    order: &Value,
    _now: Moment,
) -> Result<(), Failure> {
    let image = order["image"].as_str().unwrap_or_default();
    let reference = Reference::parse(image).ok_or_else(|| unknown(image))?;
    let (digest, manifest) = look_up(txn.world(), order, &reference)?;
    let mut here = content::of(txn.world(), target);
    let wanted = strings(&order["targetTags"]);
    let untagged = strings(&order["untagged"]);
    if wanted.is_empty() && untagged.is_empty() {
        let tag = match &reference.version {
            Version::Tag(tag) => Some(tag.as_str()),
            Version::Digest(_) => None,
        };
        here.add(&reference.repository, tag, &digest, manifest.clone());
    }
    for text in wanted {
        if let Some(reference) = Reference::parse(&text)
            && let Version::Tag(tag) = &reference.version
        {
            here.add(&reference.repository, Some(tag), &digest, manifest.clone());
        }
    }
    for repository in untagged {
        here.add(&repository, None, &digest, manifest.clone());
    }
    content::store(txn, target, &here);
    Ok(())
}

/// The digest of the source image.
fn look_up(
    world: &World,
    order: &Value,
    reference: &Reference,
) -> Result<(String, Manifest), Failure> {
    let image = order["image"].as_str().unwrap_or_default();
    let source = match (order["resourceId"].as_str(), order["registryUri"].as_str()) {
        (Some(id), _) => world.object(&id.to_ascii_lowercase()).map(AsRef::as_ref),
        (None, Some(uri)) => {
            let host = host(uri);
            if PUBLIC.contains(&host.as_str()) {
                return Ok(outside(&host, reference));
            }
            let name = host.split('.').next().unwrap_or_default();
            let ours = host.ends_with(".azurecr.io") || host.ends_with(".azurecr.localhost");
            registry::by_name(world, name).filter(|_| ours)
        }
        (None, None) => None,
    };
    source
        .and_then(|source| content::of(world, source).find(reference))
        .ok_or_else(|| unknown(image))
}

/// An image of the world outside: its digest follows from its name.
fn outside(host: &str, reference: &Reference) -> (String, Manifest) {
    let digest = match &reference.version {
        Version::Digest(digest) => digest.clone(),
        Version::Tag(tag) => {
            let name = format!("{host}/{}:{tag}", reference.repository);
            let hex: String = Sha256::digest(name)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("sha256:{hex}")
        }
    };
    (digest, Manifest { size: 1 << 20 })
}

fn host(uri: &str) -> String {
    let rest = uri.split("://").last().unwrap_or(uri);
    let host = rest.split('/').next().unwrap_or(rest);
    host.split(':').next().unwrap_or(host).to_ascii_lowercase()
}

fn unknown(image: &str) -> Failure {
    Failure {
        code: "InvalidParameters".to_owned(),
        message: format!(
            "Unable to find manifest digest for the source image '{image}': manifest unknown."
        ),
    }
}

fn well_formed(text: &str) -> Result<Reference, ArmError> {
    Reference::parse(text).ok_or_else(|| {
        checks::refuse(
            400,
            "InvalidParameters",
            format!("The target '{text}' is not a valid image reference."),
        )
    })
}

fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, ArmError> {
    checks::list(body, name)?
        .unwrap_or_default()
        .iter()
        .map(|item| {
            item.as_str()
                .map(ToOwned::to_owned)
                .ok_or_else(|| checks::wrong(name, item))
        })
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(ToOwned::to_owned))
        .collect()
}
