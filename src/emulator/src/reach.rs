//! Whether a caller of a data plane reaches a resource over the network: the one rule for
//! vaults and registries.
//!
//! ## Why
//!
//! The emulator has one network, loopback. A resource without public access is reached
//! from it once one of its private endpoints is approved, as if the caller stood in that
//! endpoint's network; `Settings::outside` puts every caller outside.

use crate::settings::Settings;
use crate::state::{Object, World};
use serde_json::{Value, json};

/// Why a caller does not reach a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Public network access is switched off.
    NotPublic,
    /// The resource's network rules deny whom they do not name.
    Denied,
}

/// Looks at `properties.publicNetworkAccess` and at the default action of
/// `properties.networkAcls` (vaults) or `properties.networkRuleSet` (registries).
pub fn barrier(settings: &Settings, world: &World, resource: &Object) -> Option<Barrier> {
    let properties = &resource.body["properties"];
    let says = |value: &Value, word: &str| {
        value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let barrier = if says(&properties["publicNetworkAccess"], "Disabled") {
        Barrier::NotPublic
    } else if ["networkAcls", "networkRuleSet"]
        .iter()
        .any(|rules| says(&properties[*rules]["defaultAction"], "Deny"))
    {
        Barrier::Denied
    } else {
        return None;
    };
    (settings.outside || !connected(world, resource)).then_some(barrier)
}

/// Whether a private endpoint connection of the resource is approved.
fn connected(world: &World, resource: &Object) -> bool {
    let prefix = format!("{}/privateendpointconnections/", resource.key());
    world.under(&prefix).any(|(_, connection)| {
        connection.body["properties"]["privateLinkServiceConnectionState"]["status"]
            == json!("Approved")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    fn object(id: &str, properties: Value) -> Object {
        Object {
            id: id.to_owned(),
            kind: "A/b".to_owned(),
            body: json!({ "properties": properties }),
            hidden: Value::Null,
            pending: None,
        }
    }

    #[test]
    fn a_private_resource_is_reached_through_an_approved_connection_only() {
        let store = Store::in_memory();
        let inside = Settings::default();
        let outside = Settings {
            outside: true,
            ..Settings::default()
        };
        let shut = object("/V", json!({"publicNetworkAccess": "disabled"}));
        let open = object("/V", json!({"networkAcls": {"defaultAction": "Allow"}}));
        let denied = object("/V", json!({"networkRuleSet": {"defaultAction": "Deny"}}));
        store.read(|world| {
            assert_eq!(barrier(&outside, world, &open), None);
            assert_eq!(barrier(&inside, world, &shut), Some(Barrier::NotPublic));
            assert_eq!(barrier(&inside, world, &denied), Some(Barrier::Denied));
        });
        let state = json!({"privateLinkServiceConnectionState": {"status": "Approved"}});
        store
            .write(|txn| txn.put(object("/V/privateEndpointConnections/c", state)))
            .unwrap();
        store.read(|world| {
            assert_eq!(barrier(&inside, world, &shut), None);
            assert_eq!(barrier(&inside, world, &denied), None);
            assert_eq!(barrier(&outside, world, &shut), Some(Barrier::NotPublic));
        });
    }
}
