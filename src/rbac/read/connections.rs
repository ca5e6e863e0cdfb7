//! Private endpoint connections: who reaches what is closed to everybody else.
//!
//! Reference: `privateEndpointConnections` in the bodies of Microsoft.KeyVault `vaults`,
//! Microsoft.ContainerRegistry `registries` and Microsoft.Storage `storageAccounts`.

use serde_json::Value as Json;

use super::fetch::text;
use crate::rbac::scope::Scope;
use crate::resource::Address;

/// A private endpoint that is connected to something of ours, or asks to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// What it leads to.
    pub address: Address,
    /// Where that is.
    pub target: Scope,
    /// The id of the connection.
    pub id: String,
    /// The private endpoint; `None` where Azure does not say.
    pub endpoint: Option<Scope>,
    /// Whether it only asks so far.
    pub is_pending: bool,
}

/// The connections that let somebody in or may yet, as a body says them. What was rejected or is
/// gone leads nowhere, and never comes back.
pub(super) fn of(address: &Address, target: &Scope, body: &Json) -> Vec<Connection> {
    let all = body.pointer("/properties/privateEndpointConnections");
    let all = all.and_then(Json::as_array).into_iter().flatten();
    let connection = |one: &Json| {
        let status = text(one, "/properties/privateLinkServiceConnectionState/status");
        let is = |word: &str| status.is_some_and(|status| status.eq_ignore_ascii_case(word));
        if is("Rejected") || is("Disconnected") {
            return None;
        }
        Some(Connection {
            address: address.clone(),
            target: target.clone(),
            id: text(one, "/id").unwrap_or_default().to_owned(),
            endpoint: text(one, "/properties/privateEndpoint/id").map(Scope::new),
            is_pending: is("Pending"),
        })
    };
    all.filter_map(connection).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_leads_nowhere_lets_nobody_in_and_what_nobody_knows_does() {
        let address: Address = "dev.vault".parse().expect("an address");
        let vault = Scope::new("/v");
        let body = |status: Json| {
            json!({"properties": {"privateEndpointConnections": [{"id": "/v/c", "properties": {
                "privateEndpoint": {"id": "/E"},
                "privateLinkServiceConnectionState": {"status": status}}}]}})
        };
        for (status, pending) in [
            (json!("Approved"), Some(false)),
            (json!("pending"), Some(true)),
            (json!("Rejected"), None),
            (json!("disconnected"), None),
            (json!("Unheard"), Some(false)),
            (Json::Null, Some(false)),
        ] {
            let found = of(&address, &vault, &body(status.clone()));
            let found: Vec<bool> = found.iter().map(|one| one.is_pending).collect();
            assert_eq!(found, Vec::from_iter(pending), "{status}");
        }
        assert_eq!(of(&address, &vault, &json!({})), []);
        let nameless = json!({"properties": {"privateEndpointConnections": [{}]}});
        assert_eq!(of(&address, &vault, &nameless)[0].endpoint, None);
    }
}
