//! Whether a principal may do something: the one place that every service asks.

use super::context::Context;
use super::error::ArmError;
use super::path::{ArmPath, Tail};
use crate::access::{Decision, Holdings, Plane, Question, Reason, by_name};
use crate::azure::Azure;
use crate::entra::principals;
use crate::state::World;
use axum::http::Method;

/// Roles that the test principal holds at the root without an assignment that shows it.
const OWNER_ROLES: &[&str] = &["Owner", "Key Vault Administrator"];

/// Actions whose name does not follow from method and path.
const IRREGULAR: &[(&str, &str)] = &[("checknameavailability/action", "checkNameAvailability/read")];

/// What a caller wants, in the words of role definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// E.g. `Microsoft.ContainerRegistry/registries/write`.
    pub action: String,
    /// The id that it is about.
    pub scope: String,
}

/// What of a list its caller sees.
#[derive(Clone, Debug, Default)]
pub enum Sees {
    #[default]
    Everything,
    /// Only what these holdings let it read.
    Some(Holdings),
}

impl Sees {
    /// Whether the object of that key is in the list.
    pub fn shows(&self, key: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(holdings) => {
                let wish = Wish::of(&Method::GET, &ArmPath::parse(key));
                holdings.decide(&wish.question()).is_granted()
            }
        }
    }
}

impl Wish {
    /// The action that ARM derives from method and type. A list or an action is about what
    /// its last word hangs on.
    pub fn of(method: &Method, path: &ArmPath) -> Self {
        let (kind, loose, scope) = match &path.tail {
            Tail::Provider(provider) if provider.segments.is_empty() => (
                "Microsoft.Resources/subscriptions/providers".to_owned(),
                false,
                provider.scope.clone(),
            ),
            Tail::Provider(provider) => {
                let mut kind = provider.namespace.clone();
                if provider.location.is_some() {
                    kind.push_str("/locations");
                }
                for segment in provider.segments.iter().step_by(2) {
                    kind.push('/');
                    kind.push_str(segment);
                }
                let loose = provider.trailing().is_some();
                let scope = match (loose, provider.pairs()) {
                    (false, _) => path.text.clone(),
                    (true, 0) => provider.scope.clone(),
                    (true, _) => without_last(&path.text),
                };
                (kind, loose, scope)
            }
            Tail::Words(words) => {
                let mut kind = "Microsoft.Resources/subscriptions".to_owned();
                if path.group.is_some() {
                    kind.push_str("/resourceGroups");
                }
                for word in words {
                    kind.push('/');
                    kind.push_str(canonical(word));
                }
                let loose = !words.is_empty();
                let scope = if loose {
                    without_last(&path.text)
                } else {
                    path.text.clone()
                };
                (kind, loose, scope)
            }
        };
        let verb = match *method {
            Method::GET | Method::HEAD => "read",
            Method::DELETE => "delete",
            Method::POST if loose => "action",
            _ => "write",
        };
        let mut action = format!("{kind}/{verb}");
        for (ending, real) in IRREGULAR {
            if action.to_ascii_lowercase().ends_with(ending) {
                action.replace_range(action.len() - ending.len().., real);
            }
        }
        Self { action, scope }
    }

    /// The wish as a question about management actions.
    pub fn question(&self) -> Question<'_> {
        Question {
            plane: Plane::Control,
            action: &self.action,
            scope: &self.scope,
        }
    }
}

fn without_last(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(front, _)| front).to_owned()
}

/// `resourcegroups` in the spelling of action names.
fn canonical(word: &str) -> &str {
    if word.eq_ignore_ascii_case("resourceGroups") {
        "resourceGroups"
    } else {
        word
    }
}

/// Everything that a principal holds, through its groups too.
pub fn holdings(azure: &Azure, world: &World, object_id: &str) -> Holdings {
    let held = Holdings::of(world, &principals::identities_of(world, object_id));
    let owns = azure
        .directory
        .owner()
        .is_some_and(|owner| owner.object_id == object_id);
    if !owns {
        return held;
    }
    let roles: Vec<_> = OWNER_ROLES.iter().filter_map(|name| by_name(name)).collect();
    held.with_hidden(&roles)
}

/// What access control says of one principal, action and scope. Registry pulls and pushes
/// are [`Plane::Control`]; vault keys and Kubernetes objects are [`Plane::Data`].
pub fn decide(
    azure: &Azure,
    world: &World,
    object_id: &str,
    plane: Plane,
    action: &str,
    scope: &str,
) -> Decision {
    holdings(azure, world, object_id).decide(&Question {
        plane,
        action,
        scope,
    })
}

/// Refuses with Azure's own error unless the caller may.
pub fn allowed(cx: &Context<'_>, world: &World, wish: &Wish) -> Result<(), ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    match held.decide(&wish.question()) {
        Decision::Granted { .. } => Ok(()),
        Decision::Denied(reason) => Err(refused(cx, wish, &reason)),
    }
}

/// What of a list the caller sees: all of it with rights at its scope, with rights further
/// down what these cover, and otherwise the list is refused.
pub fn listed(cx: &Context<'_>, world: &World, wish: &Wish) -> Result<Sees, ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    match held.decide(&wish.question()) {
        Decision::Granted { .. } => Ok(Sees::Everything),
        Decision::Denied(_) if held.reaches_below(&wish.question()) => Ok(Sees::Some(held)),
        Decision::Denied(reason) => Err(refused(cx, wish, &reason)),
    }
}

/// Refuses a write that makes use of another resource, e.g. joins a subnet, unless the
/// caller may do `action` there too. `wish` is the write itself.
pub fn linked(
    cx: &Context<'_>,
    world: &World,
    wish: &Wish,
    action: &str,
    scope: &str,
) -> Result<(), ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    let question = Question {
        plane: Plane::Control,
        action,
        scope,
    };
    if held.decide(&question).is_granted() {
        return Ok(());
    }
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    Err(ArmError::gateway(
        403,
        "LinkedAuthorizationFailed",
        format!(
            "The client '{client}' with object id '{object}' has permission to perform action '{}' on scope '{}'; however, it does not have permission to perform action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid.",
            wish.action, wish.scope
        ),
    ))
}

fn refused(cx: &Context<'_>, wish: &Wish, reason: &Reason) -> ArmError {
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    let scope = if wish.scope.is_empty() {
        "/"
    } else {
        &wish.scope
    };
    match reason {
        Reason::NothingGrants | Reason::Condition { .. } => ArmError::gateway(
            403,
            "AuthorizationFailed",
            format!(
                "The client '{client}' with object id '{object}' does not have authorization to perform action '{}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                wish.action
            ),
        ),
        Reason::DenyAssignment {
            id,
            name,
            scope: at,
        } => ArmError::gateway(
            403,
            "DenyAssignmentAuthorizationFailed",
            format!(
                "The client '{client}' with object id '{object}' has permission to perform action '{}' on scope '{scope}'; however, the access is denied because of the deny assignment with name '{name}' and Id '{id}' at scope '{at}'.",
                wish.action
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(method: Method, path: &str) -> (String, String) {
        let wish = Wish::of(&method, &ArmPath::parse(path));
        (wish.action, wish.scope)
    }

    #[test]
    fn actions_follow_from_method_and_type() {
        let action = |method: Method, path: &str| wish(method, path).0;
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
        assert_eq!(
            action(
                Method::GET,
                "/subscriptions/S/providers/A.B/locations/l/operationResults/o"
            ),
            "A.B/locations/operationResults/read"
        );
        assert_eq!(
            action(Method::POST, "/subscriptions/S/providers/A.B/checkNameAvailability"),
            "A.B/checkNameAvailability/read"
        );
        assert_eq!(
            action(Method::POST, "/subscriptions/S/providers/A.B/register"),
            "A.B/register/action"
        );
    }

    #[test]
    fn lists_and_actions_are_about_what_they_hang_on() {
        let scope = |method: Method, path: &str| wish(method, path).1;
        let group = "/subscriptions/S/resourceGroups/G";
        let registry = format!("{group}/providers/A.B/xs/x");
        assert_eq!(scope(Method::GET, &format!("{group}/providers/A.B/xs")), group);
        assert_eq!(scope(Method::GET, &format!("{registry}/ys")), registry);
        assert_eq!(scope(Method::POST, &format!("{registry}/doIt")), registry);
        assert_eq!(scope(Method::PUT, &registry), registry);
        assert_eq!(scope(Method::GET, &format!("{group}/resources")), group);
        assert_eq!(
            scope(Method::GET, "/subscriptions/S/resourcegroups"),
            "/subscriptions/S"
        );
        let assignment = format!("{registry}/providers/M.A/roleAssignments/r");
        assert_eq!(scope(Method::PUT, &assignment), assignment);
        assert_eq!(
            scope(Method::GET, &format!("{registry}/providers/M.A/roleAssignments")),
            registry
        );
    }
}
