//! Steps within the directory.

use std::collections::BTreeMap;

use super::directory::{AppRole, DirectoryRole};
use super::facts::Ground;
use super::power::Power;
use super::step::{Gain, Somebody, gain};
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;

pub(super) fn applications(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let applications = ground.directory.applications.iter();
    let by_application = applications.filter_map(|one| {
        let owns = who.is_among(&one.owners);
        let detail = format!("owns application {}", one.name);
        gain(Power::act_as(&one.service_principal), owns, detail)
    });
    let principals = ground.directory.service_principals.iter();
    let by_principal = principals.filter_map(|one| {
        let owns = who.is_among(&one.owners);
        let detail = format!("owns service principal {}", one.id);
        gain(Power::act_as(&one.id), owns, detail)
    });
    by_application.chain(by_principal).collect()
}

pub(super) fn groups(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let groups = ground.directory.groups.iter();
    let gains = groups.filter_map(|one| {
        let detail = format!("owns group {}", one.id);
        gain(Power::act_as(&one.id), who.is_among(&one.owners), detail)
    });
    gains.collect()
}

pub(super) fn roles(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    for (id, truth) in who.identities() {
        for role in held(&ground.directory.roles, id) {
            let detail = match role {
                DirectoryRole::Unknown(_) => format!("{id} holds {role}"),
                role => format!("{id} is {role}"),
            };
            gains.extend(gain(Power::DirectoryRole(role.clone()), truth, detail));
        }
        for role in held(&ground.directory.eligible, id) {
            let detail = match role {
                DirectoryRole::Unknown(_) => format!("{id} may activate {role}"),
                role => format!("{id} may become {role}"),
            };
            gains.extend(gain(Power::DirectoryRole(role.clone()), truth, detail));
        }
        for role in held(&ground.directory.app_roles, id) {
            let detail = format!("{id} holds {role}");
            gains.extend(gain(Power::AppRole(role.clone()), truth, detail));
        }
    }
    gains
}

/// What somebody holds in a table whose ids are in any case.
fn held<'t, R>(
    table: &'t BTreeMap<String, std::collections::BTreeSet<R>>,
    id: &str,
) -> impl Iterator<Item = &'t R> {
    table
        .iter()
        .filter(move |(holder, _)| holder.eq_ignore_ascii_case(id))
        .flat_map(|(_, roles)| roles)
}

/// Whoever makes itself eligible still has to activate the role, which takes a person.
/// <https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignmentschedulerequests>
pub(super) fn assign_directory_roles(_: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let assigns = match power {
        Power::DirectoryRole(
            DirectoryRole::PrivilegedRoleAdministrator | DirectoryRole::PartnerTier2Support,
        )
        | Power::AppRole(AppRole::RoleManagement | AppRole::RoleSchedules) => Truth::True,
        Power::AppRole(AppRole::RoleEligibility) => Truth::Unknown,
        _ => Truth::False,
    };
    let global = Power::DirectoryRole(DirectoryRole::GlobalAdministrator);
    let detail = "assigns itself Global Administrator";
    gain(global, assigns, detail).into_iter().collect()
}

/// What is in no table may be anything.
pub(super) fn unknown_power(_: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let what = match power {
        Power::DirectoryRole(role @ DirectoryRole::Unknown(_)) => role.to_string(),
        Power::AppRole(role @ AppRole::Unknown(_)) => role.to_string(),
        _ => return Vec::new(),
    };
    let what = what.trim_start_matches("of ");
    let detail = format!("what {what} leads to is not known");
    let anything = Power::Anything(Scope::root());
    gain(anything, Truth::Unknown, detail).into_iter().collect()
}

pub(super) fn grant_app_roles(_: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let grants = *power == Power::AppRole(AppRole::AppRoleAssignment);
    let role = Power::AppRole(AppRole::RoleManagement);
    let detail = "grants itself RoleManagement.ReadWrite.Directory";
    gain(role, Truth::from(grants), detail)
        .into_iter()
        .collect()
}

pub(super) fn take_over(_: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let is_global = *power == Power::DirectoryRole(DirectoryRole::GlobalAdministrator);
    let detail = "makes itself User Access Administrator at the root";
    let gained = gain(
        Power::Anything(Scope::root()),
        Truth::from(is_global),
        detail,
    );
    gained.into_iter().collect()
}

pub(super) fn manage_applications(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    use DirectoryRole::{
        ApplicationAdministrator, CloudApplicationAdministrator, GlobalAdministrator,
        HybridIdentityAdministrator, PartnerTier1Support, PartnerTier2Support,
    };
    let manages = matches!(
        power,
        Power::DirectoryRole(
            GlobalAdministrator
                | ApplicationAdministrator
                | CloudApplicationAdministrator
                | HybridIdentityAdministrator
                | PartnerTier1Support
                | PartnerTier2Support
        ) | Power::AppRole(AppRole::Applications)
    );
    let applications = ground.directory.applications.iter();
    let gains = applications.filter_map(|one| {
        let detail = format!("adds a credential to application {}", one.name);
        gain(
            Power::act_as(&one.service_principal),
            Truth::from(manages),
            detail,
        )
    });
    gains.collect()
}

/// PIM puts members into every group that it manages, also into those that roles are assigned to.
/// <https://learn.microsoft.com/graph/api/privilegedaccessgroup-post-assignmentschedulerequests>
pub(super) fn manage_groups(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    use DirectoryRole::{
        DirectoryWriters, GlobalAdministrator, GroupsAdministrator, IntuneAdministrator,
        PartnerTier1Support, PartnerTier2Support, PrivilegedRoleAdministrator, UserAdministrator,
    };
    let all = matches!(
        power,
        Power::DirectoryRole(GlobalAdministrator | PrivilegedRoleAdministrator)
            | Power::AppRole(AppRole::PrivilegedGroups | AppRole::GroupSchedules)
    );
    let most = matches!(
        power,
        Power::DirectoryRole(
            GroupsAdministrator
                | UserAdministrator
                | DirectoryWriters
                | IntuneAdministrator
                | PartnerTier1Support
                | PartnerTier2Support
        ) | Power::AppRole(AppRole::Groups | AppRole::GroupMembers | AppRole::Directory)
    );
    let perhaps = matches!(power, Power::AppRole(AppRole::GroupEligibility));
    let groups = ground.directory.groups.iter();
    let gains = groups.filter_map(|one| {
        let manages = match all || most && !one.role_assignable {
            false if perhaps => Truth::Unknown,
            manages => Truth::from(manages),
        };
        let detail = format!("adds a member to group {}", one.id);
        gain(Power::act_as(&one.id), manages, detail)
    });
    gains.collect()
}

/// Whose credentials the lesser roles reset depends on the roles of those people.
pub(super) fn manage_users(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    use DirectoryRole::{
        AuthenticationAdministrator, GlobalAdministrator, HelpdeskAdministrator,
        PartnerTier1Support, PartnerTier2Support, PasswordAdministrator,
        PrivilegedAuthenticationAdministrator, UserAdministrator,
    };
    let resets = match power {
        Power::DirectoryRole(
            GlobalAdministrator | PrivilegedAuthenticationAdministrator | PartnerTier2Support,
        ) => Truth::True,
        Power::DirectoryRole(
            UserAdministrator
            | AuthenticationAdministrator
            | HelpdeskAdministrator
            | PasswordAdministrator
            | PartnerTier1Support,
        )
        | Power::AppRole(AppRole::AuthenticationMethods | AppRole::Passwords) => Truth::Unknown,
        _ => Truth::False,
    };
    let users = ground.directory.users.iter();
    let gains = users.filter_map(|one| {
        gain(
            Power::act_as(one),
            resets,
            format!("resets the credentials of {one}"),
        )
    });
    gains.collect()
}
