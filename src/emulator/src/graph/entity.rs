//! The collections of directory objects, and what is particular about each.

use super::templates;
use crate::entra::principals::{APPLICATION, GROUP, SERVICE_PRINCIPAL, USER};
use serde_json::Value;

/// A collection of directory objects.
#[derive(Debug)]
pub struct Entity {
    /// Its name in paths.
    pub segment: &'static str,
    /// What its objects are stored as.
    pub kind: &'static str,
    /// The value of `@odata.type`.
    pub odata_type: &'static str,
    /// The last word of the address that a creation answers.
    pub class: &'static str,
    /// Properties other than `id` that name one object.
    pub alternate_keys: &'static [&'static str],
    /// What a new object looks like before the caller's words are laid over it. Its members
    /// are the properties that there are.
    pub template: fn() -> Value,
    /// Properties that the caller may send although answers do not show them.
    pub silent: &'static [&'static str],
    /// Properties that a caller never sets.
    pub read_only: &'static [&'static str],
    /// Properties that a new object needs.
    pub required: &'static [&'static str],
    /// What answers show unless they are asked for more; nothing means everything.
    pub shown: &'static [&'static str],
    /// Whether deleted ones can be restored.
    pub recyclable: bool,
}

pub static APPLICATIONS: Entity = Entity {
    segment: "applications",
    kind: APPLICATION,
    odata_type: "#microsoft.graph.application",
    class: "Application",
    alternate_keys: &["appId", "uniqueName"],
    template: templates::application,
    silent: &[
        "uniqueName",
        "logo",
        "oauth2RequirePostResponse",
        "nativeAuthenticationApisEnabled",
    ],
    read_only: &[
        "id",
        "appId",
        "createdDateTime",
        "deletedDateTime",
        "publisherDomain",
        "applicationTemplateId",
        "disabledByMicrosoftStatus",
        "passwordCredentials",
        "verifiedPublisher",
        "certification",
    ],
    required: &["displayName"],
    shown: &[],
    recyclable: true,
};

pub static SERVICE_PRINCIPALS: Entity = Entity {
    segment: "servicePrincipals",
    kind: SERVICE_PRINCIPAL,
    odata_type: "#microsoft.graph.servicePrincipal",
    class: "ServicePrincipal",
    alternate_keys: &["appId"],
    template: templates::service_principal,
    silent: &[],
    read_only: &[
        "id",
        "createdDateTime",
        "deletedDateTime",
        "appDisplayName",
        "appOwnerOrganizationId",
        "signInAudience",
        "servicePrincipalType",
        "passwordCredentials",
        "verifiedPublisher",
    ],
    required: &["appId"],
    shown: &[],
    recyclable: true,
};

pub static GROUPS: Entity = Entity {
    segment: "groups",
    kind: GROUP,
    odata_type: "#microsoft.graph.group",
    class: "Group",
    alternate_keys: &["uniqueName"],
    template: templates::group,
    silent: &["uniqueName"],
    read_only: &[
        "id",
        "createdDateTime",
        "deletedDateTime",
        "renewedDateTime",
        "securityIdentifier",
        "mail",
        "proxyAddresses",
    ],
    required: &[
        "displayName",
        "mailNickname",
        "mailEnabled",
        "securityEnabled",
    ],
    shown: &[],
    recyclable: false,
};

pub static USERS: Entity = Entity {
    segment: "users",
    kind: USER,
    odata_type: "#microsoft.graph.user",
    class: "User",
    alternate_keys: &[],
    template: templates::user,
    silent: &["passwordProfile"],
    read_only: &["id", "createdDateTime", "deletedDateTime"],
    required: &[
        "displayName",
        "mailNickname",
        "userPrincipalName",
        "accountEnabled",
        "passwordProfile",
    ],
    shown: &[
        "businessPhones",
        "displayName",
        "givenName",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
        "id",
    ],
    recyclable: true,
};

static ALL: &[&Entity] = &[&APPLICATIONS, &SERVICE_PRINCIPALS, &GROUPS, &USERS];

/// The collection of that name in a path.
pub fn named(segment: &str) -> Option<&'static Entity> {
    ALL.iter()
        .copied()
        .find(|entity| entity.segment.eq_ignore_ascii_case(segment))
}

/// The collection of what is stored as that kind.
pub fn of_kind(kind: &str) -> Option<&'static Entity> {
    ALL.iter().copied().find(|entity| entity.kind == kind)
}

/// The collection of that type, e.g. `microsoft.graph.group` or `group`.
pub fn of_type(name: &str) -> Option<&'static Entity> {
    let name = name.trim_start_matches('#');
    ALL.iter().copied().find(|entity| {
        let full = entity.odata_type.trim_start_matches('#');
        full.eq_ignore_ascii_case(name)
            || full
                .strip_prefix("microsoft.")
                .is_some_and(|short| short.eq_ignore_ascii_case(name))
            || entity.class.eq_ignore_ascii_case(name)
    })
}

/// All collections of directory objects.
pub fn all() -> impl Iterator<Item = &'static Entity> {
    ALL.iter().copied()
}
