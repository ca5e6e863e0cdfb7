//! Principals: how they sign in, who owns them, who is in groups.

use std::collections::BTreeSet;

use super::finding::{Finding, Rule};
use super::grants::deploys;
use crate::rbac::audit::Audit;
use crate::rbac::estate::{Row, RowSort};
use crate::rbac::read::{Federated, Principal, PrincipalSort};
use crate::resource::{Address, Severity};

/// The host of the issuer that Azure DevOps had before it took Entra's.
const RETIRING: &str = "https://vstoken.dev.azure.com/";

/// Everything that is found about those whom TOML names.
pub(super) fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in &audit.estate.rows {
        let Some(id) = &row.id else {
            findings.push(missing(row));
            continue;
        };
        let Some(principal) = audit.reading.principals.get(id) else {
            continue;
        };
        match principal.sort {
            PrincipalSort::Gone => findings.push(missing(row)),
            PrincipalSort::Unknown => {}
            _ => {
                findings.extend(secrets(audit, row, id, principal));
                findings.extend(owners(audit, &row.name, id, principal));
                findings.extend(members(audit, row, id, principal));
                if let Some(holder) = &row.address {
                    let federated = principal.federated.iter();
                    findings.extend(federated.flat_map(|one| federation(audit, holder, id, one)));
                }
            }
        }
    }
    for (id, address) in &audit.estate.identities {
        if let Some(principal) = audit.reading.principals.get(id) {
            findings.extend(owners(audit, address.as_str(), id, principal));
        }
    }
    for (holder, one) in &audit.reading.identities {
        let mut identities = audit.estate.identities.iter();
        let id = identities.find(|(_, address)| *address == holder);
        let id = id.map_or("", |(id, _)| id.as_str());
        findings.extend(federation(audit, holder, id, one));
    }
    findings
}

fn missing(row: &Row) -> Finding {
    let subject = row.address.as_ref().map_or(&row.name, |_| &row.name);
    let instead = match row.address {
        Some(_) => "`onestream apply` makes it",
        None => "correct `object_id` in rbac/principals.toml, or take the entry out",
    };
    Finding::new(Severity::Medium, Rule::MissingPrincipal, subject)
        .because(format!("{} is declared and does not exist", row.name))
        .instead(instead)
}

fn secrets(audit: &Audit<'_>, row: &Row, id: &str, principal: &Principal) -> Vec<Finding> {
    let found = principal.secrets.iter().map(|secret| {
        let over = secret.ends.is_some_and(|end| end <= audit.now);
        let (severity, until) = match (secret.ends, over) {
            (_, true) => (Severity::Low, "which has expired".to_owned()),
            (Some(end), false) => (
                Severity::Critical,
                format!("which is good until {}", end.date()),
            ),
            (None, false) => (Severity::Critical, "which does not expire".to_owned()),
        };
        Finding::new(severity, Rule::StandingSecret, &row.name)
            .about(id)
            .because(format!(
                "{} has the {} `{}`, {until}: whoever holds it is {0}",
                row.name, secret.what, secret.name
            ))
            .instead("remove it: federated credentials need no secret")
    });
    found.collect()
}

/// Whoever owns somebody can give it a credential and act as it.
fn owners(audit: &Audit<'_>, subject: &str, id: &str, principal: &Principal) -> Vec<Finding> {
    let strangers = principal
        .owners
        .iter()
        .filter(|owner| !deploys(audit, owner));
    let found = strangers.map(|owner| {
        let how = match principal.sort {
            PrincipalSort::Group => "could put anybody into it",
            _ => "could give it a credential and act as it",
        };
        Finding::new(Severity::Critical, Rule::UnexpectedOwner, subject)
            .about(id)
            .because(format!("{} owns {subject}, and {how}", audit.who(owner)))
            .instead(format!("remove the owner {owner}"))
    });
    found.collect()
}

fn members(audit: &Audit<'_>, row: &Row, id: &str, principal: &Principal) -> Vec<Finding> {
    let Some(declared) = row.members.as_ref().filter(|_| row.sort == RowSort::People) else {
        return Vec::new();
    };
    let memberships = &audit.reading.tenant.memberships;
    let unread = audit.reading.unknown.iter();
    let unread = unread.filter(|one| one.what == format!("members of {}", principal.name));
    if unread.count() > 0 {
        return Vec::new();
    }
    let live: BTreeSet<String> = principal.members.iter().cloned().collect();
    let mut findings = Vec::new();
    for member in live.difference(declared) {
        let sort = audit.reading.principals.get(member).map(|one| one.sort);
        let group = sort == Some(PrincipalSort::Group);
        let inside = audit.reading.principals.keys();
        let inside = inside.filter(|one| group && memberships.of(one).contains_key(member));
        let inside: Vec<String> = inside.map(|one| audit.name(one)).collect();
        let mut text = format!(
            "{} is in {} and not among its members",
            audit.who(member),
            row.name
        );
        if group {
            text.push_str("; it is a group itself");
        }
        if !inside.is_empty() {
            text.push_str(&format!(", with {} in it", inside.join(", ")));
        }
        let finding = Finding::new(Severity::Critical, Rule::UnexpectedMember, &row.name)
            .about(id)
            .because(text)
            .instead(format!(
                "take {member} out of the group, or declare it in [groups.{}.members]",
                row.name
            ));
        findings.push(finding);
    }
    for member in declared.difference(&live) {
        let finding = Finding::new(Severity::Medium, Rule::MissingMember, &row.name)
            .about(id)
            .because(format!("{} is not in {}", audit.who(member), row.name))
            .instead("`onestream apply` puts it in");
        findings.push(finding);
    }
    findings
}

fn federation(audit: &Audit<'_>, holder: &Address, id: &str, one: &Federated) -> Vec<Finding> {
    let declared = audit.estate.credentials.iter().any(|known| {
        known.holder == *holder
            && known.name == one.name
            && known
                .issuer
                .as_ref()
                .is_none_or(|issuer| *issuer == one.issuer)
            && known
                .subject
                .as_ref()
                .is_none_or(|subject| *subject == one.subject)
    });
    let mut findings = Vec::new();
    if !declared {
        let finding = Finding::new(
            Severity::Critical,
            Rule::UnknownFederation,
            holder.to_string(),
        )
        .about(id)
        .because(format!(
            "the federated credential `{}` lets {} of {} sign in as it, and TOML does not say so",
            one.name, one.subject, one.issuer
        ))
        .instead("remove it, or declare it in rbac/principals.toml");
        findings.push(finding);
    }
    if one.issuer.starts_with(RETIRING) {
        let finding = Finding::new(Severity::Medium, Rule::RetiringIssuer, holder.to_string())
            .about(id)
            .because(format!(
                "the federated credential `{}` trusts {}, which retires on 2027-07-01 in the public \
                 cloud",
                one.name, one.issuer
            ))
            .instead("convert the service connection, and copy its new issuer and subject");
        findings.push(finding);
    }
    findings
}
