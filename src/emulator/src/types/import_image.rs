//! `registries/importImage`: copies an image into a registry, from another registry here or
//! from the world outside.
//! <https://learn.microsoft.com/rest/api/containerregistry/registries/import-image>

use super::registry_actions::body;
use super::{checks, registry};
use crate::arm::{Address, ArmError, Context, Pattern, Wish, linked_refusal, start};
use crate::registry::{
    Reference, Refused, Shown, Source, Version, anonymous, conflict, copy, knows, may_import,
    may_pull,
};
use crate::server::Answer;
use crate::state::{Effect, Failure, Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};

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
    let order = order(&sent)?;
    let force = checks::word(&sent, "mode", &["NoForce", "Force"])? == Some("Force");
    for tag in &order.tags {
        let reference = well_formed(tag)?;
        let Version::Tag(name) = &reference.version else {
            return Err(checks::refuse(
                400,
                "InvalidParameters",
                format!("The target tag '{tag}' is not a tag."),
            ));
        };
        if !force && conflict(txn.world(), target, &reference.repository, name) {
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
    for repository in &order.untagged {
        well_formed(repository)?;
    }
    let denied = !readable(cx, txn.world(), target, &sent, &order)?;
    let effect = json!({
        "image": order.image,
        "registryUri": order.registry,
        "resourceId": order.resource,
        "targetTags": order.tags,
        "untagged": order.untagged,
        "denied": denied,
    });
    let headers = start(cx, txn, &IMPORT, target, "Accepted", Effect::Act(effect));
    let mut answer = Answer::empty(202);
    answer.headers = headers;
    Ok(answer)
}

/// What is to be imported, and as what.
struct Order {
    image: String,
    registry: Option<String>,
    resource: Option<String>,
    tags: Vec<String>,
    untagged: Vec<String>,
}

fn order(sent: &Map<String, Value>) -> Result<Order, ArmError> {
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
    Ok(Order {
        image,
        registry,
        resource,
        tags: texts(sent, "targetTags")?,
        untagged: texts(sent, "untaggedTargetRepositories")?,
    })
}

/// Whether the source may be read: by the caller where it is named by its id, otherwise
/// with the credentials in the order or by everybody. Only the first is refused at once.
fn readable(
    cx: &Context<'_>,
    world: &World,
    target: &Object,
    sent: &Map<String, Value>,
    order: &Order,
) -> Result<bool, ArmError> {
    let Some(source) = played(world, order.resource.as_deref(), order.registry.as_deref()) else {
        return Ok(true);
    };
    if order.resource.is_some() {
        let who = &cx.principal.object_id;
        return match may_import(cx.azure, world, source, who) {
            Ok(()) => Ok(true),
            Err(action) => {
                let wish = Wish {
                    action: "Microsoft.ContainerRegistry/registries/importImage/action".to_owned(),
                    scope: target.id.clone(),
                };
                Err(linked_refusal(cx, &wish, action, &source.id))
            }
        };
    }
    let credentials = checks::object(&checks::object(sent, "source")?, "credentials")?;
    let shown = Shown {
        user: checks::text(&credentials, "username")?.unwrap_or_default(),
        password: checks::text(&credentials, "password")?.unwrap_or_default(),
    };
    let repository = Reference::parse(&order.image).map(|image| image.repository);
    Ok(match knows(cx.azure, world, source, shown, cx.now) {
        Some(caller) => {
            let repository = repository.unwrap_or_default();
            may_pull(cx.azure, world, source, &caller, &repository)
        }
        None => shown.password.is_empty() && anonymous(source),
    })
}

/// The registry that an order names, if it is played here.
fn played<'a>(
    world: &'a World,
    resource: Option<&str>,
    registry: Option<&str>,
) -> Option<&'a Object> {
    if let Some(id) = resource {
        let source = world.object(&id.to_ascii_lowercase())?;
        return (source.kind == registry::KIND).then_some(source);
    }
    let host = host(registry?);
    let ours = [".azurecr.io", ".azurecr.localhost"];
    let name = ours.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    registry::by_name(world, name)
}

/// Copies what an order asks for.
pub fn finish(
    txn: &mut Txn<'_>,
    target: &Object,
    order: &Value,
    now: Moment,
) -> Result<(), Failure> {
    let image = order["image"].as_str().unwrap_or_default();
    let reference = Reference::parse(image).ok_or_else(|| unknown(image))?;
    if order["denied"] == json!(true) {
        return Err(unauthorized(&reference.repository));
    }
    let (resource, uri) = (order["resourceId"].as_str(), order["registryUri"].as_str());
    let found = played(txn.world(), resource, uri).cloned();
    let public = uri.map(host).filter(|host| PUBLIC.contains(&host.as_str()));
    let source = match (&found, &public) {
        (Some(registry), _) => Source::Registry(registry),
        (None, Some(host)) if resource.is_none() => Source::Outside(host),
        _ => return Err(unknown(image)),
    };
    copy(txn, source, &reference, target, &wanted(order, &reference), now).map_err(|refused| {
        match refused {
            Refused::Unknown => unknown(image),
            Refused::Locked => Failure {
                code: "InvalidParameters".to_owned(),
                message: "The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation".to_owned(),
            },
        }
    })
}

/// The repositories that an image goes to, each with its tag; without any, those of the
/// source.
fn wanted(order: &Value, image: &Reference) -> Vec<(String, Option<String>)> {
    let tag = |reference: &Reference| match &reference.version {
        Version::Tag(tag) => Some(tag.clone()),
        Version::Digest(_) => None,
    };
    let tagged = strings(&order["targetTags"])
        .into_iter()
        .filter_map(|text| Reference::parse(&text))
        .map(|reference| (reference.repository.clone(), tag(&reference)));
    let untagged = strings(&order["untagged"]).into_iter();
    let mut wanted: Vec<_> = tagged.chain(untagged.map(|name| (name, None))).collect();
    if wanted.is_empty() {
        wanted.push((image.repository.clone(), tag(image)));
    }
    wanted
}

fn host(uri: &str) -> String {
    let rest = uri.split("://").last().unwrap_or(uri);
    let host = rest.split('/').next().unwrap_or(rest);
    host.split(':').next().unwrap_or(host).to_ascii_lowercase()
}

/// What the source registry answered whoever copies, as Azure hands it on.
fn unauthorized(repository: &str) -> Failure {
    let answer = json!({"errors": [{
        "code": "UNAUTHORIZED",
        "message": "authentication required, visit https://aka.ms/acr/authorization for more information.",
        "detail": [{"Type": "repository", "Class": "", "Name": repository, "Action": "pull"}],
    }]});
    Failure {
        code: "InvalidParameters".to_owned(),
        message: format!("Invalid message Unauthorized Unauthorized {answer}"),
    }
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
