//! Whether a principal may do something: the one place that ARM asks.

use super::context::Context;
use super::error::ArmError;
use super::path::{ArmPath, Tail};
use crate::azure::Azure;
use crate::entra::Principal;
use crate::state::World;
use axum::http::Method;

/// What a caller wants, in the words of role definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// E.g. `Microsoft.ContainerRegistry/registries/write`.
    pub action: String,
    /// The id that it is about.
    pub scope: String,
}

impl Wish {
    /// The action that ARM derives from method and type.
    pub fn of(method: &Method, path: &ArmPath) -> Self {
        let (kind, word) = match &path.tail {
            Tail::Provider(provider) => {
                let mut kind = provider.namespace.clone();
                for segment in provider.segments.iter().step_by(2) {
                    kind.push('/');
                    kind.push_str(segment);
                }
                (kind, provider.trailing().is_some())
            }
            Tail::Words(words) if path.group.is_some() => {
                let mut kind = "Microsoft.Resources/subscriptions/resourceGroups".to_owned();
                for word in words {
                    kind.push('/');
                    kind.push_str(word);
                }
                (kind, !words.is_empty())
            }
            Tail::Words(words) => {
                let mut kind = "Microsoft.Resources/subscriptions".to_owned();
                for word in words {
                    kind.push('/');
                    kind.push_str(word);
                }
                (kind, !words.is_empty())
            }
        };
        let verb = match *method {
            Method::GET | Method::HEAD => "read",
            Method::DELETE => "delete",
            Method::POST if word => "action",
            _ => "write",
        };
        Self {
            action: format!("{kind}/{verb}"),
            scope: path.text.clone(),
        }
    }
}

/// Refuses with Azure's own error unless the caller may. Until role assignments are
/// played, whoever is known to the directory may do everything.
pub fn allowed(cx: &Context<'_>, wish: &Wish) -> Result<(), ArmError> {
    if cx.azure.directory.knows(&cx.principal.object_id) {
        return Ok(());
    }
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    Err(ArmError::gateway(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action '{}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            wish.action, wish.scope
        ),
    ))
}

/// Whether a caller of a data plane may do `wish`, whose action is one of the
/// `dataActions` of role definitions and whose scope is the id of what it is about.
pub fn data_allowed(azure: &Azure, _world: &World, principal: &Principal, _wish: &Wish) -> bool {
    azure.directory.knows(&principal.object_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_follow_from_method_and_type() {
        let action = |method: Method, path: &str| Wish::of(&method, &ArmPath::parse(path)).action;
        let registry = "/subscriptions/S/resourceGroups/G/providers/A.B/xs/x";
        assert_eq!(action(Method::PUT, registry), "A.B/xs/write");
        assert_eq!(action(Method::GET, registry), "A.B/xs/read");
        assert_eq!(
            action(Method::POST, &format!("{registry}/doIt")),
            "A.B/xs/doIt/action"
        );
        assert_eq!(
            action(Method::DELETE, "/subscriptions/S/resourcegroups/G"),
            "Microsoft.Resources/subscriptions/resourceGroups/delete"
        );
    }
}
