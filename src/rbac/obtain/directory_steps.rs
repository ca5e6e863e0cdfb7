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
            let detail = format!("{id} is {role}");
            gains.extend(gain(Power::DirectoryRole(*role), truth, detail));
        }
        for role in held(&ground.directory.eligible, id) {
            let detail = format!("{id} may become {role}");
            gains.extend(gain(Power::DirectoryRole(*role), truth, detail));
        }
        for role in held(&ground.directory.app_roles, id) {
            let detail = format!("{id} holds {role}");
            gains.extend(gain(Power::AppRole(*role), truth, detail));
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

pub(super) fn assign_directory_roles(_: &Ground<'_>, power: &Power) -> Vec<Gain> {
    let assigns = matches!(
        power,
        Power::DirectoryRole(DirectoryRole::PrivilegedRoleAdministrator)
            | Power::AppRole(AppRole::RoleManagement)
    );
    let global = Power::DirectoryRole(DirectoryRole::GlobalAdministrator);
    let detail = "assigns itself Global Administrator";
    gain(global, Truth::from(assigns), detail)
        .into_iter()
        .collect()
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
        HybridIdentityAdministrator,
    };
    let manages = matches!(
        power,
        Power::DirectoryRole(
            GlobalAdministrator
                | ApplicationAdministrator
                | CloudApplicationAdministrator
                | HybridIdentityAdministrator
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

pub(super) fn manage_groups(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    use DirectoryRole::{
        DirectoryWriters, GlobalAdministrator, GroupsAdministrator, IntuneAdministrator,
        PrivilegedRoleAdministrator, UserAdministrator,
    };
    let all = matches!(
        power,
        Power::DirectoryRole(GlobalAdministrator | PrivilegedRoleAdministrator)
    );
    let most = matches!(
        power,
        Power::DirectoryRole(
            GroupsAdministrator | UserAdministrator | DirectoryWriters | IntuneAdministrator
        ) | Power::AppRole(AppRole::Groups | AppRole::GroupMembers | AppRole::Directory)
    );
    let groups = ground.directory.groups.iter();
    let gains = groups.filter_map(|one| {
        let manages = all || most && !one.role_assignable;
        let detail = format!("adds a member to group {}", one.id);
        gain(Power::act_as(&one.id), Truth::from(manages), detail)
    });
    gains.collect()
}

/// Whose credentials the lesser roles reset depends on the roles of those people.
pub(super) fn manage_users(ground: &Ground<'_>, power: &Power) -> Vec<Gain> {
    use DirectoryRole::{
        AuthenticationAdministrator, GlobalAdministrator, HelpdeskAdministrator,
        PasswordAdministrator, PrivilegedAuthenticationAdministrator, UserAdministrator,
    };
    let resets = match power {
        Power::DirectoryRole(GlobalAdministrator | PrivilegedAuthenticationAdministrator) => {
            Truth::True
        }
        Power::DirectoryRole(
            UserAdministrator
            | AuthenticationAdministrator
            | HelpdeskAdministrator
            | PasswordAdministrator,
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
