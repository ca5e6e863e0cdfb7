//! Ways through the network: endpoints that are not ours.

use super::finding::{Finding, Rule};
use crate::rbac::audit::Audit;
use crate::rbac::estate::Estate;
use crate::rbac::read::Connection;
use crate::resource::Severity;

/// Everything that is found of who reaches our resources.
pub(super) fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let connections = audit.reading.connections.iter();
    let strange = connections.filter(|one| !is_declared(audit.estate, one));
    strange.map(stranger).collect()
}

/// Whether it comes from an endpoint that is declared, and for what that is declared.
fn is_declared(estate: &Estate, one: &Connection) -> bool {
    let mut endpoints = estate.endpoints.iter();
    let is = |(endpoint, target): &(_, _)| {
        one.endpoint.as_ref() == Some(endpoint) && *target == one.target
    };
    endpoints.any(is)
}

fn stranger(one: &Connection) -> Finding {
    let address = &one.address;
    let endpoint = match &one.endpoint {
        Some(endpoint) => endpoint.id(),
        None => "one that Azure does not name",
    };
    let delete = format!(
        "`az network private-endpoint-connection delete --id {}`",
        one.id
    );
    let (severity, text, instead) = match one.is_pending {
        false => (
            Severity::High,
            format!(
                "{address} lets in the private endpoint {endpoint} (approved), which TOML does not \
                 declare: whoever is in its network reaches {address}, whatever its firewall says"
            ),
            format!("{delete}; then see who holds privateEndpointConnectionsApproval/action there"),
        ),
        true => (
            Severity::Low,
            format!(
                "{address} is asked for by the private endpoint {endpoint} (pending), which TOML \
                 does not declare: whoever approves it opens {address} to its network"
            ),
            format!("do not approve it: {delete}"),
        ),
    };
    Finding::new(severity, Rule::StrangerEndpoint, address.to_string())
        .because(text)
        .instead(instead)
}
