//! Azure's built-in roles, as far as they matter here.
//! <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>

use super::permissions::Permissions;
use std::sync::LazyLock;

static TEXT: &str = include_str!("built_in_roles.txt");

static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| parse(TEXT));

/// A built-in role definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// E.g. `AcrPull`.
    pub name: String,
    /// The GUID that is the same in every tenant.
    pub id: String,
    pub description: String,
    pub permissions: Permissions,
}

/// All built-in roles by name.
pub fn built_in() -> &'static [Role] {
    &ROLES
}

/// The built-in role of that name, in any case.
pub fn by_name(name: &str) -> Option<&'static Role> {
    ROLES
        .iter()
        .find(|role| role.name.eq_ignore_ascii_case(name))
}

/// Reads the table: a word at the start of each line says what the rest is.
fn parse(text: &str) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for line in text.lines() {
        let Some((word, rest)) = line.split_once(' ') else {
            continue;
        };
        if word == "role" {
            roles.push(Role {
                name: rest.to_owned(),
                id: String::new(),
                description: String::new(),
                permissions: Permissions::default(),
            });
            continue;
        }
        let Some(role) = roles.last_mut() else {
            continue;
        };
        let rest = rest.to_owned();
        match word {
            "id" => role.id = rest,
            "about" => role.description = rest,
            "+" => role.permissions.actions.push(rest),
            "-" => role.permissions.not_actions.push(rest),
            "d+" => role.permissions.data_actions.push(rest),
            "d-" => role.permissions.not_data_actions.push(rest),
            _ => {}
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn the_table_is_whole() {
        let mut ids = BTreeSet::new();
        for role in built_in() {
            assert!(Uuid::try_parse(&role.id).is_ok(), "{}", role.name);
            assert!(ids.insert(&role.id), "{} twice", role.id);
            assert!(!role.description.is_empty(), "{}", role.name);
            let permissions = &role.permissions;
            assert!(
                !(permissions.actions.is_empty() && permissions.data_actions.is_empty()),
                "{} permits nothing",
                role.name
            );
        }
        let lines = TEXT.lines().filter(|line| {
            let word = line.split(' ').next().unwrap_or_default();
            !["", "#", "role", "id", "about", "+", "-", "d+", "d-"].contains(&word)
        });
        assert_eq!(lines.count(), 0);
        assert_eq!(
            by_name("acrpull").unwrap().id,
            "7f951dda-4ed3-4680-a7ca-43fe172d538d"
        );
    }
}
