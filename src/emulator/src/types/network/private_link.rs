//! The other side of private endpoints: what can be connected to, under which names, and
//! the connections that a target then has.
//! <https://learn.microsoft.com/azure/private-link/private-endpoint-dns>

use super::provider::refuse;
use crate::arm::ArmError;
use crate::state::{Object, Txn, World};
use crate::types::{registry, registry_fields, replication};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A name that a connection makes reachable at an address of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub group: String,
    pub name: String,
    /// Full name that clients look up.
    pub host: String,
    /// The record in the private zone that answers for it.
    pub record: String,
    /// The private zone that it belongs into.
    pub zone: &'static str,
}

/// What a storage account offers.
const STORAGE: &[(&str, &str, &str)] = &[
    (
        "blob",
        "blob.core.windows.net",
        "privatelink.blob.core.windows.net",
    ),
    (
        "file",
        "file.core.windows.net",
        "privatelink.file.core.windows.net",
    ),
    (
        "queue",
        "queue.core.windows.net",
        "privatelink.queue.core.windows.net",
    ),
    (
        "table",
        "table.core.windows.net",
        "privatelink.table.core.windows.net",
    ),
    (
        "web",
        "web.core.windows.net",
        "privatelink.web.core.windows.net",
    ),
    (
        "dfs",
        "dfs.core.windows.net",
        "privatelink.dfs.core.windows.net",
    ),
];

const REGISTRY: &str = "microsoft.containerregistry/registries";
const VAULT: &str = "microsoft.keyvault/vaults";
const STORAGE_ACCOUNT: &str = "microsoft.storage/storageaccounts";

/// The group ids that a type offers; `None` for types that are not known here.
fn groups(kind: &str) -> Option<Vec<&'static str>> {
    match kind {
        REGISTRY => Some(vec!["registry"]),
        VAULT => Some(vec!["vault"]),
        STORAGE_ACCOUNT => Some(STORAGE.iter().map(|(group, _, _)| *group).collect()),
        _ => None,
    }
}

/// Checks that `target` can be connected to under a group.
pub fn check(kind: &str, id: &str, target: Option<&Object>, group: &str) -> Result<(), ArmError> {
    let failed = |why: String| {
        let message = format!("Call to {kind} failed. Error message: {why}");
        Err(refuse(400, "BadRequest", message))
    };
    let lower = kind.to_ascii_lowercase();
    if let Some(groups) = groups(&lower)
        && !groups.iter().any(|known| known.eq_ignore_ascii_case(group))
    {
        return failed(format!(
            "The groupId '{group}' is not supported by {id}. Supported: {}.",
            groups.join(", ")
        ));
    }
    match target {
        Some(registry)
            if lower == REGISTRY
                && registry_fields::sku_of(registry) != registry_fields::PREMIUM =>
        {
            failed(format!(
                "Private endpoints are not supported for the SKU {}.",
                registry_fields::sku_of(registry)
            ))
        }
        _ => Ok(()),
    }
}

/// The names that a connection to `id` under `group` serves.
pub fn members(world: &World, kind: &str, id: &str, group: &str) -> Vec<Member> {
    let target = world.object(&id.to_ascii_lowercase()).map(AsRef::as_ref);
    let name = id
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match kind.to_ascii_lowercase().as_str() {
        REGISTRY => registry_members(world, target, &name, group),
        VAULT => {
            let host = target
                .and_then(|vault| vault.text("/properties/vaultUri"))
                .and_then(host)
                .unwrap_or_else(|| format!("{name}.vault.azure.net"));
            vec![Member {
                group: group.to_owned(),
                name: "default".to_owned(),
                host,
                record: name,
                zone: "privatelink.vaultcore.azure.net",
            }]
        }
        STORAGE_ACCOUNT => STORAGE
            .iter()
            .filter(|(known, _, _)| known.eq_ignore_ascii_case(group))
            .map(|(known, suffix, zone)| Member {
                group: group.to_owned(),
                name: (*known).to_owned(),
                host: format!("{name}.{suffix}"),
                record: name.clone(),
                zone,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A registry has its login server and a data endpoint per region.
fn registry_members(
    world: &World,
    target: Option<&Object>,
    name: &str,
    group: &str,
) -> Vec<Member> {
    let host = target
        .and_then(|registry| registry.text("/properties/loginServer"))
        .map_or_else(|| format!("{name}.azurecr.io"), ToOwned::to_owned);
    let suffix = host
        .split_once('.')
        .map_or("azurecr.io", |(_, suffix)| suffix);
    let mut regions: BTreeSet<String> = target
        .and_then(Object::location)
        .map(ToOwned::to_owned)
        .into_iter()
        .collect();
    if let Some(registry) = target {
        regions.extend(replication::regions(world, registry));
    }
    let member = |member: String, host: String, record: String| Member {
        group: group.to_owned(),
        name: member,
        host,
        record,
        zone: "privatelink.azurecr.io",
    };
    let data = regions.iter().map(|region| {
        member(
            format!("registry_data_{region}"),
            format!("{name}.{region}.data.{suffix}"),
            format!("{name}.{region}.data"),
        )
    });
    let login = member("registry".to_owned(), host.clone(), name.to_owned());
    data.chain([login]).collect()
}

/// The host of `https://host/`.
fn host(address: &str) -> Option<String> {
    let rest = address.split("://").nth(1)?;
    let host = rest.split(['/', ':']).next()?;
    Some(host.to_owned())
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    Approved,
    Pending,
}

/// Gives `target` a connection from the endpoint `endpoint`, whatever the target's type;
/// answers the connection's key.
pub fn connect(
    txn: &mut Txn<'_>,
    target: &Object,
    endpoint: &str,
    name: &str,
    approval: Approval,
) -> String {
    let name = if target.kind.eq_ignore_ascii_case(registry::KIND) {
        format!(
            "{}.{}",
            target.name().to_ascii_lowercase(),
            Uuid::new_v4().simple()
        )
    } else {
        name.to_owned()
    };
    let id = format!("{}/privateEndpointConnections/{name}", target.id);
    let kind = format!("{}/privateEndpointConnections", target.kind);
    let mut state = match approval {
        Approval::Approved => json!({"status": "Approved"}),
        Approval::Pending => json!({"status": "Pending"}),
    };
    let mut body = json!({"id": id, "name": name, "type": kind});
    if target.kind.to_ascii_lowercase() == VAULT {
        state["actionsRequired"] = json!("None");
        body["location"] = json!(target.location());
    } else if approval == Approval::Approved {
        state["description"] = json!("Auto-Approved");
    }
    body["properties"] = json!({
        "privateEndpoint": {"id": endpoint},
        "privateLinkServiceConnectionState": state,
        "provisioningState": "Succeeded",
    });
    let connection = Object {
        id,
        kind,
        body,
        hidden: Value::Null,
        pending: None,
    };
    let key = connection.key();
    txn.put(connection);
    key
}

/// Takes a connection away from its target.
pub fn disconnect(txn: &mut Txn<'_>, connection: &str) {
    txn.remove_tree(connection);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    fn target(kind: &str, id: &str) -> Object {
        Object {
            id: id.to_owned(),
            kind: kind.to_owned(),
            body: json!({"location": "eastus2", "sku": {"name": "Premium"}}),
            hidden: Value::Null,
            pending: None,
        }
    }

    #[test]
    fn any_target_gets_its_connection_and_loses_it() {
        let store = Store::in_memory();
        let vault = target("Microsoft.KeyVault/vaults", "/V/v");
        let key = store
            .write(|txn| connect(txn, &vault, "/E", "c", Approval::Approved))
            .unwrap();
        assert_eq!(key, "/v/v/privateendpointconnections/c");
        store.read(|world| {
            let made = world.object(&key).unwrap();
            assert_eq!(
                made.kind,
                "Microsoft.KeyVault/vaults/privateEndpointConnections"
            );
            assert_eq!(made.location(), Some("eastus2"));
        });
        store.write(|txn| disconnect(txn, &key)).unwrap();
        assert!(store.read(|world| world.object(&key).is_none()));
    }

    #[test]
    fn names_of_a_registry() {
        let store = Store::in_memory();
        let registry = target(registry::KIND, "/R/reg");
        store.write(|txn| txn.put(registry)).unwrap();
        let members = store.read(|world| members(world, registry::KIND, "/R/reg", "registry"));
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["registry_data_eastus2", "registry"]);
        assert_eq!(members[0].record, "reg.eastus2.data");
        assert_eq!(members[1].host, "reg.azurecr.io");
    }

    #[test]
    fn groups_are_checked_where_they_are_known() {
        assert!(check("Microsoft.KeyVault/vaults", "/V", None, "vault").is_ok());
        assert!(check("Microsoft.KeyVault/vaults", "/V", None, "registry").is_err());
        assert!(check("Microsoft.Sql/servers", "/S", None, "sqlServer").is_ok());
        let mut basic = target(registry::KIND, "/R");
        basic.body["sku"]["name"] = json!("Basic");
        assert!(check(registry::KIND, "/R", Some(&basic), "registry").is_err());
    }
}
