//! Storage accounts: where the control store of a team is kept.
//!
//! Reference: Microsoft.Storage `storageAccounts`, api-version 2023-05-01.
//!
//! ## Why
//! Nobody signs in with account keys: who may read and write is said by roles alone, and a key
//! has no name in a log. Every copy is in two regions, since the journal has to outlive the one
//! that is lost. No plan deletes an account: with it the audit log would go.

use serde_json::{Value as Json, json};

use super::store_section::{KEPT, StoreSection};
use super::{Sections, names};
use crate::resource::{
    Address, AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Naming, Place,
    Planned, Question, ReadMode, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The api-version of storage accounts and everything below them.
pub(super) const API_VERSION: &str = "2023-05-01";

/// What the kind is called.
pub(super) const NAME: &str = "storage account";

/// The kind of storage accounts.
pub struct StorageAccount;

/// What to do instead of changing what an account is.
const ANOTHER: &str = "a storage account is what it was made as: declare one of another name, and \
                       copy what the store holds while nothing runs";

/// A switch that is off unless somebody opened a way in.
const fn way_in(path: &'static str, absent: bool) -> Field {
    Field::new(path)
        .or(Literal::Bool(false))
        .absent(Literal::Bool(absent))
        .severity(Severity::Critical)
}

/// A list of whose requests pass the firewall.
const fn rules(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::EmptyList)
        .compare(Compare::Set)
        .severity(Severity::High)
}

static META: Meta = Meta {
    name: NAME,
    arm_type: "Microsoft.Storage/storageAccounts",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.Storage/storageAccounts"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(ANOTHER)),
        Field::new("kind")
            .or(Literal::Text("StorageV2"))
            .compare(Compare::IgnoreCase)
            .change(Change::Refuse(ANOTHER)),
        Field::new("sku.name")
            .or(Literal::Text("Standard_RAGZRS"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::tags(),
        way_in("properties.allowSharedKeyAccess", true),
        way_in("properties.allowBlobPublicAccess", true),
        way_in("properties.allowCrossTenantReplication", true),
        Field::new("properties.isHnsEnabled")
            .or(Literal::Bool(false))
            .change(Change::Refuse(ANOTHER)),
        Field::new("properties.defaultToOAuthAuthentication")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false)),
        Field::new("properties.supportsHttpsTrafficOnly")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::High),
        Field::new("properties.minimumTlsVersion")
            .or(Literal::Text("TLS1_2"))
            .absent(Literal::Text("TLS1_0"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.publicNetworkAccess")
            .or(Literal::Text("Disabled"))
            .absent(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkAcls.defaultAction")
            .or(Literal::Text("Deny"))
            .absent(Literal::Text("Allow"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkAcls.bypass")
            .or(Literal::Text("None"))
            .absent(Literal::Text("AzureServices"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        rules("properties.networkAcls.ipRules"),
        rules("properties.networkAcls.virtualNetworkRules"),
        rules("properties.networkAcls.resourceAccessRules"),
    ],
    unmanaged: &[
        Unmanaged {
            path: "identity",
            reason: "only customer-managed keys need one",
        },
        Unmanaged {
            path: "properties.encryption",
            reason: "Microsoft's keys; customer-managed ones would have to outlive the vault",
        },
        Unmanaged {
            path: "properties.accessTier",
            reason: "a matter of money: what the store holds is small",
        },
        Unmanaged {
            path: "properties.allowedCopyScope",
            reason: "limits what is copied into the account, which nothing is",
        },
        Unmanaged {
            path: "properties.immutableStorageWithVersioning",
            reason: "immutability of single versions; a container's policy is used instead",
        },
        Unmanaged {
            path: "properties.networkAcls.ipv6Rules",
            reason: "networks here are IPv4, and without a rule nobody comes in",
        },
        Unmanaged {
            path: "properties.isLocalUserEnabled",
            reason: "local users sign in over SFTP, which needs a hierarchical namespace",
        },
        Unmanaged {
            path: "properties.isSftpEnabled",
            reason: "needs a hierarchical namespace",
        },
        Unmanaged {
            path: "properties.sasPolicy",
            reason: "speaks of what is signed with account keys, which are off",
        },
        Unmanaged {
            path: "properties.keyPolicy",
            reason: "speaks of account keys, which are off",
        },
        Unmanaged {
            path: "properties.privateEndpointConnections",
            reason: "the other end of a private endpoint: ours is a resource of its own, and `rbac check` \
                     finds any other",
        },
    ],
    read_only: &[
        "sku.tier",
        "properties.provisioningState",
        "properties.creationTime",
        "properties.keyCreationTime",
        "properties.primaryEndpoints",
        "properties.primaryLocation",
        "properties.statusOfPrimary",
        "properties.secondaryEndpoints",
        "properties.secondaryLocation",
        "properties.statusOfSecondary",
        "properties.privateEndpointConnections",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[("blobEndpoint", "properties.primaryEndpoints.blob")],
};

impl Kind for StorageAccount {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn naming(&self) -> Naming {
        Naming::Everywhere
    }

    fn question(&self, planned: &Planned<'_>) -> Option<Question> {
        names::question(&META, planned)
    }

    fn keeps(&self) -> Option<&'static str> {
        Some(KEPT)
    }

    /// What needs no role: the account's keys, and reading without signing in.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        let opens = |path: &str| {
            let on = |fields: &Value| fields.at(path) == Some(&Value::Bool(true));
            on(after) && !before.is_some_and(on)
        };
        let ways = [
            ("properties.allowSharedKeyAccess", "account keys"),
            ("properties.allowBlobPublicAccess", "anonymous reading"),
        ];
        let ways: Vec<&str> = ways
            .into_iter()
            .filter(|(path, _)| opens(path))
            .map(|(_, way)| way)
            .collect();
        (!ways.is_empty()).then(|| format!("{} on {address}", ways.join(" and ")))
    }
}

fn body(section: &StoreSection, place: &Place) -> Json {
    let is_open = section.public_network_access;
    let is_narrowed = !section.allowed_ips.is_empty();
    let allowed = section.allowed_ips.iter();
    let allowed: Vec<Json> = allowed
        .map(|value| json!({ "value": value, "action": "Allow" }))
        .collect();
    json!({
        "location": place.primary,
        "sku": { "name": section.sku },
        "properties": {
            "publicNetworkAccess": if is_open { "Enabled" } else { "Disabled" },
            "networkAcls": {
                "defaultAction": if is_open && !is_narrowed { "Allow" } else { "Deny" },
                "ipRules": allowed,
            },
        },
    })
}

/// The storage account of the control store.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.store, &sections.group) else {
        return Ok(Vec::new());
    };
    let id = section.id(&place.group_id(&group.name));
    let properties = Value::from(body(section, place));
    let address = place.address("store")?;
    let account = Resource::new(place, &StorageAccount, address, id.into(), properties);
    Ok(vec![account.inside(&place.address("group")?)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn section(more: &str) -> StoreSection {
        toml::from_str(&format!("account = \"stonestream\"\n{more}")).expect("a section")
    }

    #[test]
    fn what_is_not_said_is_what_the_table_says_of_it() {
        let mut said = Value::from(body(&section(""), &testing::place()));
        let mut silent = Value::default();
        META.materialise(&mut silent);
        META.materialise(&mut said);
        for field in META.fields.iter().filter(|field| field.path != "location") {
            assert_eq!(said.at(field.path), silent.at(field.path), "{}", field.path);
        }
    }

    #[test]
    fn an_open_door_lets_in_whom_it_names() {
        let acls = |more: &str| {
            let body = body(&section(more), &testing::place());
            body["properties"]["networkAcls"]["defaultAction"].clone()
        };
        let open = "public_network_access = true\n";
        assert_eq!(acls(""), "Deny");
        assert_eq!(acls(open), "Allow");
        let named = format!("{open}allowed_ips = [\"203.0.113.7\"]\n");
        assert_eq!(acls(&named), "Deny");
    }

    #[test]
    fn keys_and_anonymous_reading_are_access() {
        let fields =
            |keys: bool| Value::from(json!({"properties": {"allowSharedKeyAccess": keys}}));
        let address: Address = "shared.store".parse().expect("an address");
        let widens = |before: bool, after: bool| {
            StorageAccount.widens(&address, Some(&fields(before)), &fields(after), false)
        };
        let said = widens(false, true);
        assert_eq!(said.as_deref(), Some("account keys on shared.store"));
        assert_eq!(widens(true, true), None);
        assert_eq!(widens(true, false), None);
    }
}
