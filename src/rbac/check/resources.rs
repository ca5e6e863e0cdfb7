//! Ways around roles: settings of registries, clusters and vaults, and keys outside of hardware.

use super::finding::{Finding, Rule};
use crate::rbac::audit::Audit;
use crate::rbac::read::{ClusterFacts, KeyFacts, RegistryFacts, VaultFacts};
use crate::resource::{Address, Severity};

/// The generation of HSM that meets FIPS 140-3 level 3.
const PLATFORM: u32 = 2;

/// Everything that is found about our resources.
pub(super) fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let reading = audit.reading;
    let mut findings = Vec::new();
    findings.extend(reading.registries.iter().flat_map(registry));
    findings.extend(reading.clusters.iter().flat_map(cluster));
    findings.extend(reading.vaults.iter().filter_map(|one| vault(audit, one)));
    findings.extend(reading.keys.iter().filter_map(key));
    let open = reading.stores.iter().filter(|(_, takes_keys)| *takes_keys);
    findings.extend(open.map(|(address, _)| {
        finding(
            Severity::Critical,
            Rule::AccountKeys,
            address,
            "takes account keys: whoever has one writes what runs keep there, and it names nobody",
            "`onestream apply` switches them off",
        )
    }));
    findings
}

fn finding(
    severity: Severity,
    rule: Rule,
    address: &Address,
    text: &str,
    instead: &str,
) -> Finding {
    Finding::new(severity, rule, address.to_string())
        .because(format!("{address} {text}"))
        .instead(instead)
}

fn registry(one: &RegistryFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if one.admin_user {
        findings.push(finding(
            Severity::Critical,
            Rule::AdminUser,
            &one.address,
            "has an admin user: its password pushes and pulls, and names nobody",
            "set admin_user = false and apply",
        ));
    }
    if one.anonymous_pull {
        findings.push(finding(
            Severity::High,
            Rule::AnonymousPull,
            &one.address,
            "lets anybody pull without signing in",
            "set anonymous_pull = false and apply",
        ));
    }
    if one.by_repository {
        findings.push(finding(
            Severity::Critical,
            Rule::RepositoryRoles,
            &one.address,
            "goes by roles on its repositories: AcrPull, AcrPush and whatever else gives pull/read or \
             push/write on the registry count for nothing",
            "`onestream apply` sets roleAssignmentMode back to LegacyRegistryPermissions",
        ));
    }
    for (name, enabled) in &one.tokens {
        let (severity, state) = match enabled {
            true => (Severity::High, "enabled"),
            false => (Severity::Low, "disabled"),
        };
        let text = format!("has the token `{name}` ({state}): its password names nobody");
        findings.push(finding(
            severity,
            Rule::RegistryToken,
            &one.address,
            &text,
            "delete the token; give whoever needs it a row of rbac/matrix.toml",
        ));
    }
    findings.extend(
        one.tasks
            .iter()
            .map(|(name, enabled)| task(one, name, *enabled)),
    );
    findings
}

/// A task is signed in to its registry.
fn task(one: &RegistryFacts, name: &str, enabled: bool) -> Finding {
    let (severity, state) = match enabled {
        true => (Severity::Critical, "enabled"),
        false => (Severity::Low, "disabled"),
    };
    let text =
        format!("has the task `{name}` ({state}): what it runs pushes there, and names nobody");
    finding(
        severity,
        Rule::RegistryTask,
        &one.address,
        &text,
        "delete the task; give whoever pushes a row of rbac/matrix.toml",
    )
}

fn cluster(one: &ClusterFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if one.local_accounts {
        findings.push(finding(
            Severity::Critical,
            Rule::LocalAccounts,
            &one.address,
            "has local accounts: their certificates administer it, whatever roles say",
            "`onestream apply` disables them; then rotate the cluster's certificates",
        ));
    }
    if !one.azure_rbac {
        findings.push(finding(
            Severity::Critical,
            Rule::NoAzureRbac,
            &one.address,
            "does not ask Azure what may be done inside: no role on it counts there",
            "`onestream apply` turns Azure RBAC on",
        ));
    }
    findings
}

fn vault(audit: &Audit<'_>, one: &VaultFacts) -> Option<Finding> {
    one.by_policies.then(|| {
        let named: Vec<String> = one.policies.iter().map(|id| audit.who(id)).collect();
        let who = match &named[..] {
            [] => "nobody yet".to_owned(),
            named => named.join(", "),
        };
        let text = format!("goes by access policies, not by roles; on keys they name {who}");
        finding(
            Severity::Critical,
            Rule::AccessPolicies,
            &one.address,
            &text,
            "`onestream apply` turns roles on, and the policies count no longer",
        )
    })
}

fn key(one: &KeyFacts) -> Option<Finding> {
    let platform = one.hsm_platform.as_deref();
    let known = platform.and_then(|text| text.parse::<u32>().ok());
    if known.is_some_and(|known| known >= PLATFORM) {
        return None;
    }
    let text = match platform {
        Some(platform) => format!("is in an HSM of platform {platform}, below {PLATFORM}"),
        None => "does not say which HSM holds it: it may be in software".to_owned(),
    };
    let instead = "make a key of another name with a hardware type, sign with it, and retire this \
                   one: a key never moves to another HSM";
    Some(finding(
        Severity::Critical,
        Rule::WeakKey,
        &one.address,
        &text,
        instead,
    ))
}
