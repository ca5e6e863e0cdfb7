//! Service principals of managed identities: Azure resources bring them, not Graph.

use crate::state::Txn;
use serde_json::json;

/// The service principal of a managed identity.
#[derive(Clone, Copy, Debug)]
pub struct ManagedPrincipal<'a> {
    /// Object id of the service principal.
    pub object_id: &'a str,
    /// Its application's client id.
    pub client_id: &'a str,
    /// The identity's name, which is the principal's display name.
    pub display_name: &'a str,
    /// Id of the resource that it belongs to.
    pub resource_id: &'a str,
}

/// The fact that holds a principal.
fn fact(object_id: &str) -> String {
    format!("managedprincipal/{}", object_id.to_ascii_lowercase())
}

/// Makes a principal known to the directory, from now on.
pub fn register(txn: &mut Txn<'_>, principal: &ManagedPrincipal<'_>) {
    let value = json!({
        "id": principal.object_id,
        "appId": principal.client_id,
        "displayName": principal.display_name,
        "servicePrincipalType": "ManagedIdentity",
        "alternativeNames": ["isExplicit=True", principal.resource_id],
    });
    txn.set_fact(&fact(principal.object_id), Some(value));
}

/// The directory forgets a principal, without a trace in its deleted items.
pub fn unregister(txn: &mut Txn<'_>, object_id: &str) {
    txn.set_fact(&fact(object_id), None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    #[test]
    fn principals_come_and_go() {
        let store = Store::in_memory();
        let principal = ManagedPrincipal {
            object_id: "O",
            client_id: "c",
            display_name: "n",
            resource_id: "/r",
        };
        store.write(|txn| register(txn, &principal)).unwrap();
        assert!(store.read(|world| world.fact("managedprincipal/o").is_some()));
        store.write(|txn| unregister(txn, "o")).unwrap();
        assert!(store.read(|world| world.fact("managedprincipal/o").is_none()));
    }
}
