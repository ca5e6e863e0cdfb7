//! What a request wants, in the words of role definitions.

use super::path::{ArmPath, Tail};
use crate::access::{Attributes, Plane, Question};
use axum::http::Method;

/// Actions whose name does not follow from method and path.
const IRREGULAR: &[(&str, &str)] =
    &[("checknameavailability/action", "checkNameAvailability/read")];

/// What a caller wants, in the words of role definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// E.g. `Microsoft.ContainerRegistry/registries/write`.
    pub action: String,
    /// The id that it is about.
    pub scope: String,
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
            attributes: Attributes::none(),
            plane: Plane::Control,
            action: &self.action,
            scope: &self.scope,
        }
    }
}

fn without_last(path: &str) -> String {
    path.rsplit_once('/')
        .map_or("", |(front, _)| front)
        .to_owned()
}

/// `resourcegroups` in the spelling of action names.
fn canonical(word: &str) -> &str {
    if word.eq_ignore_ascii_case("resourceGroups") {
        "resourceGroups"
    } else {
        word
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
            action(
                Method::POST,
                "/subscriptions/S/providers/A.B/checkNameAvailability"
            ),
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
        assert_eq!(
            scope(Method::GET, &format!("{group}/providers/A.B/xs")),
            group
        );
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
            scope(
                Method::GET,
                &format!("{registry}/providers/M.A/roleAssignments")
            ),
            registry
        );
    }
}
