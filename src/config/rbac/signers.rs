//! Who signs: the keys of approvers, and who may sign with them and with the audit key.
//!
//! ## Why
//! A signature is a person only where nobody else can make it. So these keys and grants are not
//! written in the matrix, where a slip gives one to a group: they follow from who approves.

use std::collections::BTreeMap;

use super::super::checked::Complaint;
use super::super::configuration::Environment;
use super::super::decode::Fault;
use super::super::wrong::Wrong;
use super::matrix::Cell;
use super::tables::{CapabilitiesFile, PrincipalsFile};
use super::{Estate, SharedVault, capabilities};
use crate::kinds::{Curve, Grant, Grantee, KeyOperation, KeySection, KeyType, Target};
use crate::resource::Problem;

/// The capability that is given on these keys.
pub(super) const SIGN: &str = "sign";
/// The key that signs for the audit chain.
const AUDIT: &str = "audit";

/// What makes a signature.
const SIGNING: &str = "Microsoft.KeyVault/vaults/keys/sign/action";

/// The name of an approver's key.
fn key_of(approver: &str) -> String {
    format!("approver-{approver}")
}

/// Who approves plans, by name: their object ids.
pub(super) fn approvers(file: &PrincipalsFile) -> BTreeMap<String, String> {
    let groups = file.groups.values().filter(|group| group.approves);
    let members = groups.flat_map(|group| group.members.iter().flatten());
    members
        .map(|(name, id)| (name.clone(), id.to_lowercase()))
        .collect()
}

/// What keeps approvers from having keys of their own.
pub(super) fn check(file: &PrincipalsFile, estate: &Estate, signs: Option<bool>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut people: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    for (group, table) in file.groups.iter().filter(|(_, table)| table.approves) {
        let problem = |message: &str| Problem::below(["groups", group, "approves"], message);
        if table.object_id.is_some() {
            let problem =
                problem("who approves has to be named, and somebody else keeps this group")
                    .help("name its people in `members` of a group of ours");
            complaints.push(problem.into());
        }
        if signs == Some(false) {
            let problem = problem(
                "approvers sign, and no capability `sign` on keys says what that is",
            )
            .help("add `[capabilities.sign]` with target = \"key\" to rbac/capabilities.toml");
            complaints.push(problem.into());
        }
        let vault = match &estate.vault {
            Some(SharedVault::Nothing) => {
                Some("approvers have keys in the shared vault, and there is none")
            }
            Some(SharedVault::Software) => {
                Some("approvers have keys in hardware, and the shared vault has none")
            }
            Some(SharedVault::Hardware(_)) | None => None,
        };
        if let Some(message) = vault {
            let help = "`[shared.vault]` with sku = \"premium\" in environments/common.toml";
            complaints.push(problem(message).help(help).into());
        }
        for (person, id) in table.members.iter().flatten() {
            let path = ["groups", group, "members", person];
            if let Some((first, other)) = people.get(person.as_str())
                && *other != id.to_lowercase()
            {
                let message = format!("`{first}` has another {person} who approves");
                let problem = Problem::below(path, message)
                    .help("a name means one person")
                    .clashing(["groups", first, "members", person]);
                complaints.push(problem.into());
            }
            people.insert(person, (group, id.to_lowercase()));
            if let Some(SharedVault::Hardware(keys)) = &estate.vault
                && keys.contains(&key_of(person))
            {
                let message = format!("`[shared.vault.keys.{}]` is declared, too", key_of(person));
                let problem = Problem::below(path, message)
                    .help("it is the key that this approver gets: take the table out");
                complaints.push(problem.into());
            }
        }
    }
    complaints
}

/// The cells that let somebody sign with the audit key.
pub(super) fn reserved(cells: &[Cell], words: &CapabilitiesFile) -> Vec<Fault> {
    let audit = Target::Key(AUDIT.to_owned());
    let on_it = cells
        .iter()
        .filter(|cell| cell.environment.is_shared() && cell.target == audit);
    let signing = on_it.filter(|cell| signs(&cell.capability, words));
    signing
        .map(|cell| {
            let message = format!(
                "`{}` signs, and with shared.{audit} only what runs `apply` may",
                cell.capability
            );
            Fault::new(cell.spot, Wrong::Value(message)).help(
                "take the cell out: whoever signs with it can write an audit log of their own. \
                 Those of `[deployers]` are given it without one",
            )
        })
        .collect()
}

/// Whether a capability gives what makes signatures: by the roles that it lists, or by what it
/// says that Azure's own come to.
fn signs(name: &str, words: &CapabilitiesFile) -> bool {
    let Some(capability) = words.capabilities.get(name) else {
        return false;
    };
    let roles = capability
        .grants
        .iter()
        .filter_map(|grant| grant.role.as_ref());
    let given = roles.filter_map(|role| words.roles.get(role));
    let given = given.flat_map(|role| &role.data_actions);
    let meant = capability
        .means
        .iter()
        .flat_map(|means| &means.data_actions);
    let mut all = given.chain(meant);
    all.any(|action| action.eq_ignore_ascii_case(SIGNING))
}

/// Gives `shared` the keys, and who signs with them the grants. Meant for files without faults.
pub(super) fn give(file: &PrincipalsFile, words: &CapabilitiesFile, shared: &mut Environment) {
    let (Some(vault), Some(sign)) = (&mut shared.sections.vault, words.capabilities.get(SIGN))
    else {
        return;
    };
    let mut grant = |name: &str, object_id: &str, principal_type, key: String| {
        shared.sections.access.grants.push(Grant {
            to: Grantee::Known {
                name: name.to_owned(),
                object_id: object_id.to_owned(),
                principal_type,
            },
            capability: SIGN.to_owned(),
            target: Target::Key(key),
            parts: capabilities::parts(sign, &Default::default()),
            probes: (sign.probes.as_ref()).map(|probes| probes.iter().copied().collect()),
        });
    };
    for (name, id) in approvers(file) {
        let key = key_of(&name);
        vault.keys.insert(key.clone(), personal());
        grant(&name, &id, "User", key);
    }
    if vault.keys.contains_key(AUDIT) {
        for (name, table) in &file.deployers {
            let id = table.object_id.to_lowercase();
            grant(name, &id, "ServicePrincipal", AUDIT.to_owned());
        }
    }
}

/// A key that one person signs with.
fn personal() -> KeySection {
    KeySection {
        key_type: KeyType::EcHsm,
        curve: Some(Curve::P256),
        size: None,
        ops: vec![KeyOperation::Sign, KeyOperation::Verify],
        enabled: true,
        expires: None,
    }
}
