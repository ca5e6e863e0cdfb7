//! Principals: how they sign in, who owns them, who is in groups.

use std::collections::{BTreeMap, BTreeSet};

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
                // A group that somebody else keeps has keepers.
                if row.address.is_some() || row.sort == RowSort::Deployer {
                    findings.extend(owners(audit, &row.name, id, principal));
                }
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
    let mut deployers = audit.estate.deployers.values();
    let deployer = deployers.find(|one| one.object_id == id);
    let known = |owner: &&String| {
        deploys(audit, owner) || deployer.is_some_and(|one| one.owners.contains(owner))
    };
    let strangers = principal.owners.iter().filter(|owner| !known(owner));
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
    let found = |severity, rule| Finding::new(severity, rule, holder.to_string()).about(id);
    let declared = is_declared(audit, holder, one);
    let also = also(audit, holder, one);
    let mut findings = Vec::new();
    if !declared {
        let mut text = format!(
            "the federated credential `{}` lets {} of {} sign in as it, and TOML does not say so",
            one.name, one.subject, one.issuer
        );
        if !also.is_empty() {
            let also: Vec<&str> = also.keys().map(|holder| holder.as_str()).collect();
            text.push_str(&format!(
                "; the same tokens stand for {}, too",
                also.join(", ")
            ));
        }
        let mut identities = audit.estate.identities.values();
        let declare = match identities.any(|one| one == holder) {
            true => format!(
                "remove it; which service accounts stand for it, `[services]` of {} says",
                match holder.environment() {
                    shared if shared.is_shared() => "environments/common.toml".to_owned(),
                    other => format!("environments/{other}.toml"),
                }
            ),
            false => "remove it, or declare it in rbac/principals.toml".to_owned(),
        };
        let finding = found(Severity::Critical, Rule::UnknownFederation)
            .because(text)
            .instead(declare);
        findings.push(finding);
    }
    let both = also.into_iter();
    // Told of once, and of one that TOML does not know above.
    let both = both.filter(|(other, known)| declared && *known && holder < other);
    findings.extend(both.map(|(other, _)| {
        found(Severity::Critical, Rule::SharedFederation)
            .because(format!(
                "{} of {} signs in as {holder} and as {other}: whoever holds such a token may do \
                 what either may",
                one.subject, one.issuer
            ))
            .instead("let each trust tokens of its own, as TOML says it")
    }));
    if one.issuer.starts_with(RETIRING) && !audit.estate.elsewhere {
        let finding = found(Severity::Medium, Rule::RetiringIssuer)
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

/// Whether TOML says so.
fn is_declared(audit: &Audit<'_>, holder: &Address, one: &Federated) -> bool {
    audit.estate.credentials.iter().any(|known| {
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
    })
}

/// Who else signs in with the tokens that a credential takes, and whether TOML says so.
fn also<'a>(
    audit: &'a Audit<'_>,
    holder: &Address,
    one: &Federated,
) -> BTreeMap<&'a Address, bool> {
    let rows = audit.estate.rows.iter().filter_map(|row| {
        let principal = audit.reading.principals.get(row.id.as_ref()?)?;
        Some((row.address.as_ref()?, principal))
    });
    let of_rows =
        rows.flat_map(|(of, principal)| principal.federated.iter().map(move |it| (of, it)));
    let identities = audit.reading.identities.iter();
    let all = of_rows.chain(identities.map(|(of, it)| (of, it)));
    let same = all
        .filter(|(of, it)| *of != holder && it.issuer == one.issuer && it.subject == one.subject);
    let mut also = BTreeMap::new();
    for (of, it) in same {
        *also.entry(of).or_default() |= is_declared(audit, of, it);
    }
    also
}
