//! Ways through the network: endpoints that are not ours, and names that lead elsewhere.

use super::finding::{Finding, Rule};
use crate::rbac::audit::Audit;
use crate::rbac::estate::Estate;
use crate::rbac::read::{Connection, Misled, Wrong};
use crate::resource::{Address, Severity};

/// Everything that is found of who reaches our resources.
pub(super) fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let connections = audit.reading.connections.iter();
    let strange = connections.filter(|one| !is_declared(audit.estate, one));
    let names = audit.reading.misled.iter().map(redirected);
    strange.map(stranger).chain(names).collect()
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

fn redirected(one: &Misled) -> Finding {
    let Misled { zone, name, wrong } = one;
    // The zone group is asked to write anew only where it writes into this zone.
    let again = |group: &Address| match group.environment() == zone.environment() {
        true => format!(
            "; delete the zone group {group}, and `onestream apply` has Azure write it anew"
        ),
        false => String::new(),
    };
    let (severity, text, instead) = match wrong {
        Wrong::Redirected {
            record,
            to,
            group,
            meant,
        } => (
            Severity::High,
            format!(
                "{zone} leads {name} to {}, where {group} wrote {}: whoever goes by that name \
                 gets there instead",
                ends(to),
                ends(meant)
            ),
            format!("delete the record set {record}{}", again(group)),
        ),
        Wrong::Wildcard { record, to } => (
            Severity::High,
            format!(
                "{zone} leads {name} to {}, which answers for every name that has no record there",
                ends(to)
            ),
            format!("delete the record set {record}"),
        ),
        Wrong::Missing { group } => (
            Severity::Medium,
            format!(
                "{zone} has no record for {name}, which {group} wrote: nobody gets there by it"
            ),
            format!("find out who deleted it{}", again(group)),
        ),
    };
    Finding::new(severity, Rule::RedirectedName, zone.to_string())
        .because(text)
        .instead(instead)
}

fn ends(all: &[String]) -> String {
    match all {
        [] => "nothing".to_owned(),
        all => all.join(", "),
    }
}
