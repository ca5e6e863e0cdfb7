//! From a provider path to the type and the object that it means.

use super::context::Context;
use super::error::ArmError;
use super::path::{ProviderPath, Tail};
use super::resource_type::{Action, Placement, ResourceType, Target};
use crate::types;

/// What a provider path means.
pub enum Meaning {
    /// `/providers/NAMESPACE` itself.
    Namespace,
    /// One object.
    Object(&'static dyn ResourceType, Target),
    /// All objects of a type at a scope; nested types have a parent.
    Collection(&'static dyn ResourceType, Option<Target>),
    /// Something to do with an object.
    Act(&'static dyn ResourceType, Target, &'static Action),
    /// Something that a provider does without an object.
    Provider(&'static types::ProviderAction),
    /// `register` or `unregister` of a namespace.
    Registration(&'static str),
}

/// Finds the meaning, or says as ARM does what is unknown.
pub fn meaning(cx: &Context<'_>, path: &ProviderPath) -> Result<Meaning, ArmError> {
    if !types::namespaces().any(|known| known.eq_ignore_ascii_case(&path.namespace)) {
        return Err(ArmError::gateway(
            404,
            "InvalidResourceNamespace",
            format!("The resource namespace '{}' is invalid.", path.namespace),
        ));
    }
    if path.segments.is_empty() {
        return Ok(Meaning::Namespace);
    }
    let depth = path.pairs();
    let Some(last) = path.trailing() else {
        let kind = known(cx, path, depth)?;
        return Ok(Meaning::Object(kind, target(cx, path, kind, depth)));
    };
    if depth == 0 && path.location.is_none() {
        match last.to_ascii_lowercase().as_str() {
            "register" => return Ok(Meaning::Registration("Registered")),
            "unregister" => return Ok(Meaning::Registration("NotRegistered")),
            _ => {}
        }
    }
    if depth == 0
        && let Some(action) = types::provider_action(&path.kind(1))
    {
        return Ok(Meaning::Provider(action));
    }
    if depth > 0 {
        let kind = known(cx, path, depth)?;
        let action = kind
            .actions()
            .iter()
            .find(|action| action.name.eq_ignore_ascii_case(last));
        if let Some(action) = action {
            return Ok(Meaning::Act(kind, target(cx, path, kind, depth), action));
        }
    }
    let kind = known(cx, path, depth + 1)?;
    let parent = if depth == 0 {
        None
    } else {
        let parent = known(cx, path, depth)?;
        Some(target(cx, path, parent, depth))
    };
    Ok(Meaning::Collection(kind, parent))
}

/// Whether a GET is an action (`listUsages`), not a read.
pub fn is_action(cx: &Context<'_>) -> bool {
    match &cx.path.tail {
        Tail::Provider(path) => matches!(meaning(cx, path), Ok(Meaning::Act(..))),
        Tail::Words(_) => false,
    }
}

/// Whether a GET asks for all objects of a type, or of all types, at a scope.
pub fn is_list(cx: &Context<'_>) -> bool {
    match &cx.path.tail {
        Tail::Provider(path) => matches!(meaning(cx, path), Ok(Meaning::Collection(..))),
        Tail::Words(words) => words.first().is_some_and(|word| {
            ["resources", "resourcegroups"]
                .iter()
                .any(|list| list.eq_ignore_ascii_case(word))
        }),
    }
}

fn known(
    cx: &Context<'_>,
    path: &ProviderPath,
    depth: usize,
) -> Result<&'static dyn ResourceType, ArmError> {
    let name = path.kind(depth);
    let found = types::of(&name).filter(|kind| match kind.meta().placement {
        Placement::Extension => true,
        Placement::Group => cx.path.subscription.is_some() && path.location.is_none(),
        Placement::Location { optional } => {
            cx.path.subscription.is_some()
                && cx.path.group.is_none()
                && (optional || path.location.is_some())
        }
    });
    found.ok_or_else(|| {
        let versions = types::of(&path.kind(1))
            .map(|kind| kind.meta().api_versions.join(","))
            .unwrap_or_default();
        let last = path.types_as_sent();
        ArmError::gateway(
            404,
            "InvalidResourceType",
            format!(
                "The resource type '{last}' could not be found in the namespace '{}' for api version '{}'. The supported api-versions are '{versions}'.",
                path.namespace, cx.api
            ),
        )
    })
}

/// The object that the first `depth` pairs name.
fn target(
    cx: &Context<'_>,
    path: &ProviderPath,
    kind: &'static dyn ResourceType,
    depth: usize,
) -> Target {
    let meta = kind.meta();
    let names = path.names(depth);
    let scope = match (meta.placement, &cx.path.subscription, &cx.path.group) {
        (Placement::Group, Some(subscription), Some(group)) => {
            format!("/subscriptions/{subscription}/resourceGroups/{group}")
        }
        _ => path.scope.clone(),
    };
    let mut levels = meta.kind.split('/');
    let mut id = format!("{scope}/providers/{}", levels.next().unwrap_or_default());
    if let (Placement::Location { .. }, Some(location)) = (meta.placement, &path.location) {
        id.push_str(&format!("/locations/{location}"));
    }
    let mut parent = None;
    for (level, name) in levels.zip(&names) {
        parent = (names.len() > 1).then(|| id.to_ascii_lowercase());
        id.push_str(&format!("/{level}/{name}"));
    }
    let spelled: Vec<&str> = path
        .segments
        .iter()
        .take(depth * 2)
        .map(String::as_str)
        .collect();
    kind.place(Target {
        key: id.to_ascii_lowercase(),
        id,
        names,
        parent,
        scope,
        spelled: format!("{}/{}", path.namespace, spelled.join("/")),
    })
}
