//! The directory's own roles, as far as they lead to others' rights.

use std::fmt;

/// A directory role, by its template.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryRole {
    /// May do everything in the directory, and take over every subscription.
    GlobalAdministrator,
    /// Assigns directory roles.
    PrivilegedRoleAdministrator,
    /// Resets anybody's credentials.
    PrivilegedAuthenticationAdministrator,
    /// Manages applications and their credentials.
    ApplicationAdministrator,
    /// The same but for application proxies.
    CloudApplicationAdministrator,
    /// Manages the applications of hybrid identity, and others' credentials by it.
    HybridIdentityAdministrator,
    /// Manages groups.
    GroupsAdministrator,
    /// Manages users and groups.
    UserAdministrator,
    /// Writes users and groups.
    DirectoryWriters,
    /// Manages devices, and groups by it.
    IntuneAdministrator,
    /// Resets credentials of those who are no administrators.
    AuthenticationAdministrator,
    /// Resets passwords of some.
    HelpdeskAdministrator,
    /// Resets passwords of some.
    PasswordAdministrator,
}

/// Name, template id and role.
const ROLES: &[(&str, &str, DirectoryRole)] = &[
    (
        "Global Administrator",
        "62e90394-69f5-4237-9190-012177145e10",
        DirectoryRole::GlobalAdministrator,
    ),
    (
        "Privileged Role Administrator",
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        DirectoryRole::PrivilegedRoleAdministrator,
    ),
    (
        "Privileged Authentication Administrator",
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        DirectoryRole::PrivilegedAuthenticationAdministrator,
    ),
    (
        "Application Administrator",
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        DirectoryRole::ApplicationAdministrator,
    ),
    (
        "Cloud Application Administrator",
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        DirectoryRole::CloudApplicationAdministrator,
    ),
    (
        "Hybrid Identity Administrator",
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        DirectoryRole::HybridIdentityAdministrator,
    ),
    (
        "Groups Administrator",
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",
        DirectoryRole::GroupsAdministrator,
    ),
    (
        "User Administrator",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        DirectoryRole::UserAdministrator,
    ),
    (
        "Directory Writers",
        "9360feb5-f418-4baa-8175-e2a00bac4301",
        DirectoryRole::DirectoryWriters,
    ),
    (
        "Intune Administrator",
        "3a2c62db-5318-420d-8d74-23affee5d9d5",
        DirectoryRole::IntuneAdministrator,
    ),
    (
        "Authentication Administrator",
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",
        DirectoryRole::AuthenticationAdministrator,
    ),
    (
        "Helpdesk Administrator",
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        DirectoryRole::HelpdeskAdministrator,
    ),
    (
        "Password Administrator",
        "966707d0-3269-4727-9be2-8c3a10f19b9d",
        DirectoryRole::PasswordAdministrator,
    ),
];

/// An application role of Microsoft Graph that leads on.
/// <https://learn.microsoft.com/graph/permissions-reference>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppRole {
    /// `RoleManagement.ReadWrite.Directory`
    RoleManagement,
    /// `AppRoleAssignment.ReadWrite.All`
    AppRoleAssignment,
    /// `Application.ReadWrite.All`
    Applications,
    /// `Directory.ReadWrite.All`
    Directory,
    /// `Group.ReadWrite.All`
    Groups,
    /// `GroupMember.ReadWrite.All`
    GroupMembers,
    /// `UserAuthenticationMethod.ReadWrite.All`
    AuthenticationMethods,
    /// `User-PasswordProfile.ReadWrite.All`
    Passwords,
}

const APP_ROLES: &[(&str, AppRole)] = &[
    (
        "RoleManagement.ReadWrite.Directory",
        AppRole::RoleManagement,
    ),
    (
        "AppRoleAssignment.ReadWrite.All",
        AppRole::AppRoleAssignment,
    ),
    ("Application.ReadWrite.All", AppRole::Applications),
    ("Directory.ReadWrite.All", AppRole::Directory),
    ("Group.ReadWrite.All", AppRole::Groups),
    ("GroupMember.ReadWrite.All", AppRole::GroupMembers),
    (
        "UserAuthenticationMethod.ReadWrite.All",
        AppRole::AuthenticationMethods,
    ),
    ("User-PasswordProfile.ReadWrite.All", AppRole::Passwords),
];

impl DirectoryRole {
    /// The role with that template id; `None` for one that leads to nobody's rights.
    pub fn of_template(id: &str) -> Option<Self> {
        let mut roles = ROLES.iter();
        roles.find_map(|(_, template, role)| template.eq_ignore_ascii_case(id).then_some(*role))
    }
}

impl AppRole {
    /// The role with that value; `None` for one that leads to nobody's rights.
    pub fn of_value(value: &str) -> Option<Self> {
        let mut roles = APP_ROLES.iter();
        roles.find_map(|(known, role)| known.eq_ignore_ascii_case(value).then_some(*role))
    }
}

impl fmt::Display for DirectoryRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ROLES.iter().find(|(.., role)| role == self);
        f.pad(known.map_or("", |(name, ..)| name))
    }
}

impl fmt::Display for AppRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = APP_ROLES.iter().find(|(_, role)| role == self);
        f.pad(known.map_or("", |(value, _)| value))
    }
}
