//! What an environment reaches through private endpoints: one entry a service.

use super::Sections;
use crate::resource::{Address, AddressError, Place};

/// One service that gets a private endpoint, and the zone that answers for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrivateService {
    /// Its address below the environment, such as `registry`.
    pub(super) key: &'static str,
    /// What it is called in Azure.
    pub(super) name: String,
    /// Its ARM id.
    pub(super) id: String,
    /// Which part of it a private endpoint leads to: the group id of private link.
    pub(super) group: &'static str,
    /// The private DNS zone that answers for it.
    pub(super) zone: &'static str,
    /// Children of it that have to stand first, since the endpoint gets addresses for them.
    pub(super) parts: Vec<String>,
}

/// Zone names in the public, US Government and China clouds.
/// <https://learn.microsoft.com/azure/private-link/private-endpoint-dns>
struct Zones {
    public: &'static str,
    usgov: &'static str,
    china: &'static str,
}

const REGISTRY: Zones = Zones {
    public: "privatelink.azurecr.io",
    usgov: "privatelink.azurecr.us",
    china: "privatelink.azurecr.cn",
};

const VAULT: Zones = Zones {
    public: "privatelink.vaultcore.azure.net",
    usgov: "privatelink.vaultcore.usgovcloudapi.net",
    china: "privatelink.vaultcore.azure.cn",
};

const STORE: Zones = Zones {
    public: "privatelink.blob.core.windows.net",
    usgov: "privatelink.blob.core.usgovcloudapi.net",
    china: "privatelink.blob.core.chinacloudapi.cn",
};

impl Zones {
    /// The zone's name in the cloud that a region belongs to.
    fn in_cloud_of(&self, region: &str) -> &'static str {
        if region.starts_with("usgov") || region.starts_with("usdod") {
            self.usgov
        } else if region.starts_with("china") {
            self.china
        } else {
            self.public
        }
    }
}

/// The services of an environment that have private endpoints.
pub(super) fn of(place: &Place, sections: &Sections) -> Vec<PrivateService> {
    let (Some(_), Some(group)) = (&sections.network, &sections.group) else {
        return Vec::new();
    };
    let group_id = place.group_id(&group.name);
    let registry = sections.registry.as_ref();
    let registry = registry.filter(|registry| registry.private_endpoint.unwrap_or(true));
    let registry = registry.map(|registry| PrivateService {
        key: "registry",
        name: registry.name.clone(),
        id: registry.id(&group_id),
        group: "registry",
        zone: REGISTRY.in_cloud_of(&place.primary),
        // A region has a data endpoint of its own, and that an address.
        parts: registry
            .replicate_to
            .iter()
            .map(|region| format!("registry.replication.{region}"))
            .collect(),
    });
    let vault = sections.vault.as_ref();
    let vault = vault.filter(|vault| vault.is_private(true));
    let vault = vault.map(|vault| PrivateService {
        key: "vault",
        name: vault.name.clone(),
        id: vault.id(&group_id),
        group: "vault",
        zone: VAULT.in_cloud_of(&place.primary),
        parts: Vec::new(),
    });
    let store = sections.store.as_ref();
    let store = store.filter(|store| store.is_private(true));
    let store = store.map(|store| PrivateService {
        key: "store",
        name: store.account.clone(),
        id: store.id(&group_id),
        group: "blob",
        zone: STORE.in_cloud_of(&place.primary),
        parts: Vec::new(),
    });
    registry.into_iter().chain(vault).chain(store).collect()
}

impl PrivateService {
    /// The address of its private endpoint.
    pub(super) fn endpoint(&self, place: &Place) -> Result<Address, AddressError> {
        place.address(&format!("{}.endpoint", self.key))
    }

    /// The ARM id of its private endpoint, in the environment's group.
    pub(super) fn endpoint_id(&self, group_id: &str) -> String {
        format!(
            "{group_id}/providers/Microsoft.Network/privateEndpoints/pe-{}",
            self.name
        )
    }

    /// The address of its private DNS zone.
    pub(super) fn zone_address(&self, place: &Place) -> Result<Address, AddressError> {
        place.address(&format!("network.zone.{}", self.key))
    }

    /// The ARM id of its private DNS zone, in the environment's group.
    pub(super) fn zone_id(&self, group_id: &str) -> String {
        format!(
            "{group_id}/providers/Microsoft.Network/privateDnsZones/{}",
            self.zone
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_zone() {
        for (region, registry, vault) in [
            ("eastus2", "io", "azure.net"),
            ("usgovvirginia", "us", "usgovcloudapi.net"),
            ("usdodeast", "us", "usgovcloudapi.net"),
            ("chinanorth3", "cn", "azure.cn"),
        ] {
            let zone = format!("privatelink.azurecr.{registry}");
            assert_eq!(REGISTRY.in_cloud_of(region), zone);
            let zone = format!("privatelink.vaultcore.{vault}");
            assert_eq!(VAULT.in_cloud_of(region), zone);
        }
    }
}
