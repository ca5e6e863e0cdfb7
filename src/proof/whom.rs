//! Who is tried, and what the matrix says of each.

use std::collections::{BTreeMap, BTreeSet};

use super::ports::{Identity, Issued};
use crate::kinds::{Members, Principal, Probe, Sections};
use crate::provision::desired::Desired;
use crate::provision::ports::Reader;
use crate::resource::{Address, AddressError, EnvironmentName, Place};

/// Somebody whose token is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// How people name it: the row, or `ROW/PERSON` for a member of a group.
    pub name: String,
    /// The rows of the matrix that count for it.
    pub rows: BTreeSet<String>,
    /// Who it is, or why that is not known.
    pub identity: Result<Identity, String>,
}

impl Somebody {
    /// Whether somebody is meant by a name: its own, or a row that counts for it.
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.rows.contains(name)
    }
}

/// A cell of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) capability: String,
    /// What works with it; `None` where TOML does not say.
    pub(super) probes: Option<BTreeSet<Probe>>,
}

/// What the matrix says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// By row and by the address of what it is on.
    pub(super) words: BTreeMap<(String, Address), Vec<Word>>,
}

/// What the matrix says of these environments.
///
/// # Errors
/// [`AddressError`] for a declared name that does not fit an address.
pub fn declared(environments: &[(&Place, &Sections)]) -> Result<Declared, AddressError> {
    let mut declared = Declared::default();
    for (place, sections) in environments {
        for grant in &sections.access.grants {
            let on = place.address(&grant.target.to_string())?;
            let key = (grant.to.name().to_owned(), on);
            declared.words.entry(key).or_default().push(Word {
                capability: grant.capability.clone(),
                probes: grant.probes.clone(),
            });
        }
    }
    Ok(declared)
}

/// Everybody in `rbac/`: what pipelines sign in as, and the members of groups, each once.
///
/// # Errors
/// [`AddressError`] for a declared name that does not fit an address.
pub async fn everybody(
    reader: &dyn Reader,
    desired: &Desired,
    environments: &[(&Place, &Sections)],
) -> Result<Vec<Somebody>, AddressError> {
    let mut found = Vec::new();
    let mut people: BTreeMap<String, Somebody> = BTreeMap::new();
    for (_, sections) in environments {
        for (name, principal) in &sections.access.principals {
            found.push(Somebody {
                name: name.clone(),
                rows: [name.clone()].into(),
                identity: application(reader, desired, name, principal).await?,
            });
        }
        for (row, group) in &sections.access.people {
            let members = match &group.membership {
                Members::Ours(members) => members,
                Members::Elsewhere(_) => {
                    let why =
                        format!("{row} is somebody else's group: its members are not in TOML");
                    found.push(Somebody {
                        name: row.clone(),
                        rows: [row.clone()].into(),
                        identity: Err(why),
                    });
                    continue;
                }
            };
            for (name, object_id) in members {
                let id = object_id.to_lowercase();
                let somebody = people.entry(id.clone()).or_insert_with(|| Somebody {
                    name: format!("{row}/{name}"),
                    rows: BTreeSet::new(),
                    identity: Ok(Identity::Person { object_id: id }),
                });
                somebody.rows.insert(row.clone());
                // What only this person is given stands under the person's own name.
                somebody.rows.insert(name.clone());
            }
        }
    }
    found.extend(people.into_values());
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

async fn application(
    reader: &dyn Reader,
    desired: &Desired,
    name: &str,
    principal: &Principal,
) -> Result<Result<Identity, String>, AddressError> {
    let address = Address::new(&EnvironmentName::shared(), &format!("principal.{name}"))?;
    let Some(resource) = desired.resources.get(&address) else {
        return Ok(Err(format!("{address} is not declared")));
    };
    let Some(id) = resource.id.known() else {
        return Ok(Err(format!("{address} has no id yet")));
    };
    let body = match reader.get(&resource.kind.get(id)).await {
        Ok(Some(body)) => body,
        Ok(None) => return Ok(Err(format!("{address} does not stand"))),
        Err(failure) => return Ok(Err(format!("{address} could not be read: {failure}"))),
    };
    let outputs = resource.kind.meta().read_outputs(id, &body);
    let Some(client_id) = outputs.get("appId") else {
        return Ok(Err(format!("what Graph says of {address} has no appId")));
    };
    let trusts = principal.credentials.values().filter_map(|credential| {
        Some(Issued {
            issuer: credential.issuer.clone(),
            subject: credential.subject.clone()?,
            audience: credential.audience.clone(),
        })
    });
    Ok(Ok(Identity::Principal {
        client_id: client_id.clone(),
        trusts: trusts.collect(),
    }))
}
