//! Who may do what in a repository: by role, by scope map, as admin, or anonymously.

use super::scope::Scope;
use super::tokens::Caller;
use crate::access::{self, Attributes, Plane, Question, Source};
use crate::arm;
use crate::azure::Azure;
use crate::state::{Object, World};
use crate::types::token;
use serde_json::json;
use std::collections::BTreeSet;

/// What somebody wants, in the words of scopes, roles and scope maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Pull,
    Push,
    Delete,
    MetadataRead,
    MetadataWrite,
    Catalog,
}

/// The name of a repository, in conditions.
const REPOSITORY: &str = "Microsoft.ContainerRegistry/registries/repositories:name";

/// Everything that `repository:NAME:*` stands for.
const OF_REPOSITORIES: &[Action] = &[
    Action::Pull,
    Action::Push,
    Action::Delete,
    Action::MetadataRead,
    Action::MetadataWrite,
];

impl Action {
    /// The word in a scope.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::MetadataRead => "metadata_read",
            Self::MetadataWrite => "metadata_write",
            Self::Catalog => "*",
        }
    }

    /// The ending in a scope map, after the repository.
    fn ending(self) -> &'static str {
        match self {
            Self::Pull => "content/read",
            Self::Push => "content/write",
            Self::Delete => "content/delete",
            Self::MetadataRead | Self::Catalog => "metadata/read",
            Self::MetadataWrite => "metadata/write",
        }
    }

    /// The management action that decides, for all repositories at once.
    /// <https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview>
    fn for_registry(self) -> &'static str {
        match self {
            Self::Pull | Self::MetadataRead | Self::Catalog => {
                "Microsoft.ContainerRegistry/registries/pull/read"
            }
            Self::Push | Self::MetadataWrite => "Microsoft.ContainerRegistry/registries/push/write",
            Self::Delete => "Microsoft.ContainerRegistry/registries/artifacts/delete",
        }
    }

    /// The data action that decides where roles are given per repository; the roles of
    /// other registries mean nothing there.
    fn for_repository(self) -> &'static str {
        match self {
            Self::Pull => "Microsoft.ContainerRegistry/registries/repositories/content/read",
            Self::Push => "Microsoft.ContainerRegistry/registries/repositories/content/write",
            Self::Delete => "Microsoft.ContainerRegistry/registries/repositories/content/delete",
            Self::MetadataRead => {
                "Microsoft.ContainerRegistry/registries/repositories/metadata/read"
            }
            Self::MetadataWrite => {
                "Microsoft.ContainerRegistry/registries/repositories/metadata/write"
            }
            Self::Catalog => "Microsoft.ContainerRegistry/registries/catalog/read",
        }
    }
}

/// What a caller gets of the scopes that it asks for; scopes of which nothing is left are
/// left out.
pub fn granted(
    azure: &Azure,
    world: &World,
    registry: &Object,
    caller: &Caller,
    asked: &[Scope],
) -> Vec<Scope> {
    let mut given = Vec::new();
    for scope in asked {
        let actions: BTreeSet<String> = meant(scope)
            .into_iter()
            .filter(|action| may(azure, world, registry, caller, &scope.name, *action))
            .map(|action| action.word().to_owned())
            .collect();
        if !actions.is_empty() {
            given.push(Scope {
                actions,
                ..scope.clone()
            });
        }
    }
    given
}

fn meant(scope: &Scope) -> Vec<Action> {
    let asks = |action: &Action| scope.actions.contains(action.word());
    match (scope.kind.as_str(), scope.name.as_str()) {
        ("registry", "catalog") if asks(&Action::Catalog) => vec![Action::Catalog],
        ("repository", _) if scope.actions.contains("*") => OF_REPOSITORIES.to_vec(),
        ("repository", _) => OF_REPOSITORIES.iter().copied().filter(asks).collect(),
        _ => Vec::new(),
    }
}

fn may(
    azure: &Azure,
    world: &World,
    registry: &Object,
    caller: &Caller,
    repository: &str,
    action: Action,
) -> bool {
    match caller {
        Caller::Admin => registry.body["properties"]["adminUserEnabled"] == json!(true),
        Caller::Anonymous => {
            let reads = matches!(
                action,
                Action::Pull | Action::MetadataRead | Action::Catalog
            );
            reads && anonymous(registry)
        }
        Caller::Token(name) => token::actions(world, registry, name)
            .iter()
            .any(|known| covers(known, repository, action)),
        Caller::Entra(_, object_id) => {
            let (plane, action) = question(registry, action);
            let attributes = named(repository);
            let question = Question {
                plane,
                action,
                scope: &registry.id,
                attributes: &attributes,
            };
            arm::weigh(azure, world, object_id, &question).is_granted()
        }
    }
}

/// What conditions may say of a repository.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions>
fn named(repository: &str) -> Attributes {
    let value = || vec![access::Value::Text(repository.to_owned())];
    Attributes::default()
        .with(Source::Request, REPOSITORY, value())
        .with(Source::Resource, REPOSITORY, value())
}

/// Which half of a role decides about an action, and by which name.
fn question(registry: &Object, action: Action) -> (Plane, &'static str) {
    let mode = registry.text("/properties/roleAssignmentMode");
    if mode == Some("AbacRepositoryPermissions") {
        (Plane::Data, action.for_repository())
    } else {
        (Plane::Control, action.for_registry())
    }
}

/// Whether an import may read from `registry` on behalf of that principal; otherwise the
/// action that it lacks.
pub fn may_import(
    azure: &Azure,
    world: &World,
    registry: &Object,
    object_id: &str,
) -> Result<(), &'static str> {
    let (plane, action) = question(registry, Action::Pull);
    let decision = arm::decide(azure, world, object_id, plane, action, &registry.id);
    if decision.is_granted() {
        Ok(())
    } else {
        Err(action)
    }
}

/// Whether somebody may pull from a repository.
pub fn may_pull(
    azure: &Azure,
    world: &World,
    registry: &Object,
    caller: &Caller,
    repository: &str,
) -> bool {
    may(azure, world, registry, caller, repository, Action::Pull)
}

/// Whether a principal may pull from a registry, or everybody may.
pub fn may_read(azure: &Azure, world: &World, registry: &Object, object_id: Option<&str>) -> bool {
    anonymous(registry)
        || object_id.is_some_and(|id| may_import(azure, world, registry, id).is_ok())
}

/// Whether everybody may read.
pub fn anonymous(registry: &Object) -> bool {
    registry.body["properties"]["anonymousPullEnabled"] == json!(true)
}

/// Whether an action of a scope map, `repositories/NAME/content/read`, gives that one. The
/// name may be `*` or end in `/*`.
fn covers(known: &str, repository: &str, action: Action) -> bool {
    let Some(pattern) = known
        .strip_prefix("repositories/")
        .and_then(|rest| rest.strip_suffix(action.ending()))
        .and_then(|rest| rest.strip_suffix('/'))
    else {
        return false;
    };
    if action == Action::Catalog {
        return pattern == "*";
    }
    match pattern.strip_suffix('*') {
        Some(front) if front.is_empty() || front.ends_with('/') => repository.starts_with(front),
        _ => repository == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_maps_name_repositories_and_their_families() {
        let read = "repositories/team/app/content/read";
        assert!(covers(read, "team/app", Action::Pull));
        assert!(!covers(read, "team/app2", Action::Pull));
        assert!(!covers(read, "team/app", Action::Push));
        let family = "repositories/team/*/content/write";
        assert!(covers(family, "team/a/b", Action::Push));
        assert!(!covers(family, "teams", Action::Push));
        let part = "repositories/te*/content/read";
        assert!(!covers(part, "team", Action::Pull));
        assert!(covers("repositories/*/metadata/read", "x", Action::Catalog));
        assert!(!covers(
            "repositories/x/metadata/read",
            "x",
            Action::Catalog
        ));
        assert!(!covers("content/read", "", Action::Pull));
    }

    #[test]
    fn a_star_is_everything_that_repositories_have() {
        let all = meant(&Scope::repository("a", &["*"]));
        assert_eq!(all, OF_REPOSITORIES);
        assert_eq!(meant(&Scope::catalog()), [Action::Catalog]);
        assert!(meant(&Scope::parse("registry:other:*").unwrap()).is_empty());
        assert!(meant(&Scope::repository("a", &["frob"])).is_empty());
    }
}
