//! The directory's own roles, as far as they lead to others' rights, or may.
//!
//! ## Why
//! What a role or permission leads to is known of those in the tables below. One that is in none, a
//! tenant's custom role or one that is newer than this, may lead anywhere; only what reads, and what
//! writes nothing but content such as mail, leads nowhere.

use std::fmt;

/// A directory role, by its template.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Manages applications' credentials and groups, and resets passwords of some.
    PartnerTier1Support,
    /// The same of everybody, and assigns directory roles.
    PartnerTier2Support,
    /// One that is in no table, by its id in lower case: nobody knows where it leads.
    Unknown(String),
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
    (
        "Partner Tier1 Support",
        "4ba39ca4-527c-499a-b93d-d9b492c50246",
        DirectoryRole::PartnerTier1Support,
    ),
    (
        "Partner Tier2 Support",
        "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8",
        DirectoryRole::PartnerTier2Support,
    ),
];

/// Roles that read, or manage what is no way to anybody's rights.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const HARMLESS_ROLES: &[&str] = &[
    // Directory Readers, Global Reader, Security Reader, Reports Reader
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "5d6b6bb7-de71-4623-b4af-96380a352509",
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    // Message Center Reader, Message Center Privacy Reader, Usage Summary Reports Reader
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "ac16e43d-7b2d-40e0-ac05-243ff356ab5b",
    "75934031-6c7e-415a-99d7-48dbd49e875e",
    // Guest Inviter, Service Support Administrator, Office Apps Administrator
    "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    "f023fd81-a637-4b56-95fd-791ac0226033",
    "2b745bdf-0803-4d80-aa65-822c4493daac",
    // Printer Administrator, Printer Technician
    "644ef478-e28f-4e28-b9dc-3fdde9aa0b1f",
    "e8cef6f1-e4bd-4ea8-bc07-4b8d950f4477",
    // Fabric Administrator, Power Platform Administrator
    "a9ea8996-122f-4c74-9520-8edcd192826c",
    "11648597-926c-4cf3-9c36-bcebb0ba8dcc",
];

/// An application role of Microsoft Graph that leads on.
/// <https://learn.microsoft.com/graph/permissions-reference>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// `RoleAssignmentSchedule.ReadWrite.Directory`
    RoleSchedules,
    /// `RoleEligibilitySchedule.ReadWrite.Directory`
    RoleEligibility,
    /// `PrivilegedAccess.ReadWrite.AzureADGroup`
    PrivilegedGroups,
    /// `PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup`
    GroupSchedules,
    /// `PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup`
    GroupEligibility,
    /// One that is in no table, by its value, or by its id where Graph does not offer it: nobody
    /// knows where it leads.
    Unknown(String),
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
    (
        "RoleAssignmentSchedule.ReadWrite.Directory",
        AppRole::RoleSchedules,
    ),
    (
        "RoleEligibilitySchedule.ReadWrite.Directory",
        AppRole::RoleEligibility,
    ),
    (
        "PrivilegedAccess.ReadWrite.AzureADGroup",
        AppRole::PrivilegedGroups,
    ),
    (
        "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup",
        AppRole::GroupSchedules,
    ),
    (
        "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
        AppRole::GroupEligibility,
    ),
];

/// What Graph calls content: whoever writes it reads and writes what people keep, and comes to hold
/// nobody's rights by it.
const CONTENT: &[&str] = &[
    "AuditLog",
    "Bookings",
    "BrowserSiteLists",
    "Calendars",
    "CallRecords",
    "Calls",
    "Channel",
    "ChannelMessage",
    "ChannelSettings",
    "Chat",
    "ChatMessage",
    "Contacts",
    "ExternalConnection",
    "ExternalItem",
    "Files",
    "InformationProtectionContent",
    "LearningContent",
    "Mail",
    "MailboxSettings",
    "Notes",
    "OnlineMeetings",
    "OrgContact",
    "People",
    "Place",
    "Presence",
    "PrintJob",
    "Printer",
    "Reports",
    "SecurityAlert",
    "SecurityEvents",
    "SecurityIncident",
    "ServiceHealth",
    "ServiceMessage",
    "Sites",
    "Tasks",
    "TeamsActivity",
    "TeamsTab",
    "ThreatIndicators",
    "UserNotification",
    "VirtualEvent",
];

/// What an application with these does it may only do to what it owns or is said to have, which
/// is followed by itself, or makes what is nobody's yet.
const HARMLESS_APP_ROLES: &[&str] = &[
    "Application.ReadWrite.OwnedBy",
    "Group.Create",
    "User.Invite.All",
];

impl DirectoryRole {
    /// The role with that template id, or the custom role with that id; `None` for one that leads
    /// to nobody's rights.
    pub fn of_template(id: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(id);
        if HARMLESS_ROLES.iter().any(|known| is(known)) {
            return None;
        }
        let known = ROLES.iter().find(|(_, template, _)| is(template));
        Some(known.map_or_else(
            || Self::Unknown(id.to_ascii_lowercase()),
            |(.., role)| role.clone(),
        ))
    }
}

impl AppRole {
    /// The role with that value; `None` for one that leads to nobody's rights.
    pub fn of_value(value: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(value);
        if let Some((_, role)) = APP_ROLES.iter().find(|(known, _)| is(known)) {
            return Some(role.clone());
        }
        // Such as `Group.Read.All`: what it is about, what is done, and to which of them.
        let mut parts = value.split('.');
        let (about, done) = (parts.next().unwrap_or_default(), parts.next());
        let reads = done.is_some_and(|done| {
            let done = done.to_ascii_lowercase();
            done.starts_with("read") && !done.contains("write")
        });
        let of_content = CONTENT.iter().any(|one| one.eq_ignore_ascii_case(about));
        let harmless = HARMLESS_APP_ROLES.iter().any(|known| is(known));
        (!(reads || of_content || harmless)).then(|| Self::Unknown(value.to_owned()))
    }
}

impl fmt::Display for DirectoryRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "the directory role {id}"),
            role => {
                let known = ROLES.iter().find(|(.., one)| one == role);
                f.pad(known.map_or("", |(name, ..)| name))
            }
        }
    }
}

impl fmt::Display for AppRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(value) => f.pad(value),
            role => {
                let known = APP_ROLES.iter().find(|(_, one)| one == role);
                f.pad(known.map_or("", |(value, _)| value))
            }
        }
    }
}
