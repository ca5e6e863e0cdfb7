//! Federated credentials of identities: which pods may sign in as a service, without a secret.
//!
//! Reference: Microsoft.ManagedIdentity `userAssignedIdentities/federatedIdentityCredentials`,
//! api-version 2023-01-31. It has neither tags nor PATCH.
//!
//! ## Why
//! Azure compares issuer, subject and audience letter by letter with the token's: the issuer is
//! taken as the cluster says it, with its last slash. Writes below one identity are refused while
//! another runs.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Sections, ServiceSection, identity};
use crate::resource::{
    Address, AddressError, Carrier, Compare, Field, Kind, Meta, Place, Problem, ReadMode, Resource,
    Severity, Text, Unmanaged, UpdateMode, Value,
};

/// The kind of federated credentials of identities.
pub struct FederatedCredential;

/// Whom the tokens of pods are meant for.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The longest name that Azure takes.
const LONGEST_NAME: usize = 120;

/// The most credentials that an identity can have.
const MOST: usize = 20;

static META: Meta = Meta {
    name: "federated credential",
    arm_type: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    api_version: identity::API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: identity::NAME,
        collection: "/federatedIdentityCredentials",
    },
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.issuer").severity(Severity::Critical),
        Field::new("properties.subject").severity(Severity::Critical),
        Field::new("properties.audiences")
            .compare(Compare::Set)
            .severity(Severity::Critical),
    ],
    unmanaged: &[Unmanaged {
        path: "properties.claimsMatchingExpression",
        reason: "a preview that stands in place of the subject",
    }],
    read_only: &[],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for FederatedCredential {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// Whoever holds such a token is the service, which may hold something already.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        onto_new: bool,
    ) -> Option<String> {
        let who = |fields: &Value| {
            ["issuer", "subject", "audiences"]
                .map(|key| fields.at(&format!("properties.{key}")).cloned())
        };
        match before {
            None if onto_new => None,
            Some(before) if who(before) == who(after) => None,
            _ => Some(format!("sign-in by {address}")),
        }
    }

    /// Who may no longer sign in does not wait for others to be let in.
    fn renews(&self) -> bool {
        false
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        let id = id.to_lowercase();
        let identity = id.split("/federatedidentitycredentials/").next();
        identity.map(str::to_owned)
    }
}

/// The credentials of an environment's services: one for the service account of each, and one
/// for each further account.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(cluster), Some(group)) = (&sections.cluster, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let issuer = Text::output(&place.address("cluster")?, "oidcIssuer");
    let mut credentials = Vec::new();
    for (service, section) in &sections.services {
        let identity = place.address(&identity::address(service))?;
        let identity_id = identity::of_service(place, &group_id, service);
        for account in accounts(service, section) {
            let further = Some(account).filter(|account| *account != service);
            let mut address = identity.child("credential")?;
            if let Some(account) = further {
                address = address.child(account)?;
            }
            let name = name(&cluster.name, further);
            let mut properties = Value::from(json!({ "properties": {
                "subject": format!("system:serviceaccount:{}:{account}", section.namespace),
                "audiences": [AUDIENCE],
            } }));
            properties.set("properties.issuer", issuer.clone().into());
            let id = format!("{identity_id}/federatedIdentityCredentials/{name}");
            let credential =
                Resource::new(place, &FederatedCredential, address, id.into(), properties);
            credentials.push(credential.inside(&identity));
        }
    }
    Ok(credentials)
}

/// The name of a credential: of whose cluster it takes tokens, and of which account but the
/// service's own.
fn name(cluster: &str, further: Option<&String>) -> String {
    let further = further.map_or(String::new(), |account| format!("-{account}"));
    format!("kubernetes-{cluster}{further}")
}

/// The service accounts that act as a service, its own first.
fn accounts<'a>(service: &'a String, section: &'a ServiceSection) -> Vec<&'a String> {
    std::iter::once(service).chain(&section.accounts).collect()
}

/// Azure's rules for credentials: how many, and none twice.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (service, section) in &sections.services {
        let path = ["services", service, "accounts"];
        for (at, account) in section.accounts.iter().enumerate() {
            let position = at.to_string();
            let at_account =
                |message| Problem::below(path.into_iter().chain([position.as_str()]), message);
            if !identity::is_label(account) {
                let message = format!("`{account}` is not a Kubernetes service account");
                problems.push(at_account(message).help(identity::LABEL));
            } else if let Some(cluster) = &sections.cluster
                && name(&cluster.name, Some(account)).len() > LONGEST_NAME
            {
                let name = name(&cluster.name, Some(account));
                let message =
                    format!("its credential `{name}` has more than {LONGEST_NAME} characters");
                problems
                    .push(at_account(message).help("shorten the name of the account or cluster"));
            } else if account == service || section.accounts[..at].contains(account) {
                problems.push(at_account(format!(
                    "`{account}` acts as `{service}` already"
                )));
            }
        }
        let count = accounts(service, section).len();
        if count > MOST {
            let message = format!("{count} service accounts, its own among them");
            problems.push(
                Problem::below(path, message)
                    .help(format!("an identity takes {MOST} federated credentials")),
            );
        }
    }
    problems.extend(shared_accounts(sections));
    if sections.cluster.is_none()
        && let Some((service, _)) = sections
            .services
            .iter()
            .find(|(_, s)| !s.accounts.is_empty())
    {
        let path = ["services", service, "accounts"];
        problems.push(
            Problem::below(path, "there is no cluster for service accounts to be of")
                .help("add `[cluster]`"),
        );
    }
    problems
}

/// Service accounts that would act as two services: whatever runs as one could do what either may.
fn shared_accounts(sections: &Sections) -> Vec<Problem> {
    let mut seen: BTreeMap<(&str, &str), (&String, Vec<String>)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (service, section) in &sections.services {
        let further = section.accounts.iter().enumerate();
        let further = further.map(|(at, account)| (account, Some(at.to_string())));
        for (account, position) in std::iter::once((service, None)).chain(further) {
            let below = match position {
                Some(at) => vec!["accounts".to_owned(), at],
                None => Vec::new(),
            };
            let start = ["services".to_owned(), service.clone()];
            let path: Vec<String> = start.into_iter().chain(below).collect();
            let key = (section.namespace.as_str(), account.as_str());
            let (first, its) = seen.entry(key).or_insert((service, path.clone()));
            if *first != service {
                let message = format!("`{account}` in {} acts as `{first}` already", key.0);
                let problem = Problem::below(path, message)
                    .help("a pod is one service: give each an account of its own")
                    .clashing(its.clone());
                problems.push(problem);
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn sections(accounts: &[String]) -> Sections {
        let mut sections = testing::cluster("");
        let section = ServiceSection {
            namespace: "iam-system".to_owned(),
            accounts: accounts.to_vec(),
        };
        sections.services.insert("iam".to_owned(), section);
        sections
    }

    #[test]
    fn each_service_trusts_its_account_in_the_cluster() {
        let sections = sections(&["iam-migrate".to_owned()]);
        let declared = declare(&testing::place(), &sections).expect("addresses");
        let seen: Vec<(&str, &str)> = declared
            .iter()
            .map(|credential| {
                let subject = credential.properties.at("properties.subject");
                (
                    credential.address.as_str(),
                    subject.and_then(Value::as_str).expect("a subject"),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "dev.service.iam.identity.credential",
                    "system:serviceaccount:iam-system:iam"
                ),
                (
                    "dev.service.iam.identity.credential.iam-migrate",
                    "system:serviceaccount:iam-system:iam-migrate"
                ),
            ]
        );
        let issuer = declared[0].properties.at("properties.issuer").cloned();
        let late = Text::output(&"dev.cluster".parse().expect("an address"), "oidcIssuer");
        assert_eq!(issuer, Some(late.into()));
        let needs: Vec<String> = declared[0]
            .references()
            .iter()
            .map(|a| a.to_string())
            .collect();
        assert_eq!(needs, ["dev.cluster", "dev.service.iam.identity"]);
        let lanes: Vec<_> = declared
            .iter()
            .filter_map(|credential| FederatedCredential.lane(credential.id.known()?, &json!({})))
            .collect();
        assert_eq!(lanes[0], lanes[1]);
        assert!(lanes[0].ends_with("/id-onestream-dev-iam"), "{lanes:?}");
    }

    #[test]
    fn there_is_none_without_a_cluster() {
        let mut sections = sections(&[]);
        sections.cluster = None;
        let declared = declare(&testing::place(), &sections).expect("addresses");
        assert!(declared.is_empty());
        assert!(check(&testing::place(), &sections).is_empty());
    }

    #[test]
    fn an_identity_takes_twenty_and_none_twice() {
        let found = |accounts: &[String]| -> Vec<String> {
            let problems = check(&testing::place(), &sections(accounts));
            problems.iter().map(|p| p.path.join(".")).collect()
        };
        let many = |count: usize| -> Vec<String> { (0..count).map(|n| format!("a{n}")).collect() };
        assert!(found(&many(19)).is_empty());
        assert_eq!(found(&many(20)), ["services.iam.accounts"]);
        let twice = ["x", "iam", "X!", "x"].map(str::to_owned);
        assert_eq!(
            found(&twice),
            [
                "services.iam.accounts.1",
                "services.iam.accounts.2",
                "services.iam.accounts.3"
            ]
        );
    }

    #[test]
    fn an_account_acts_as_one_service() {
        let mut sections = sections(&["audit".to_owned()]);
        let service = |namespace: &str| ServiceSection {
            namespace: namespace.to_owned(),
            accounts: Vec::new(),
        };
        sections
            .services
            .insert("audit".to_owned(), service("elsewhere"));
        assert!(check(&testing::place(), &sections).is_empty());
        sections
            .services
            .insert("audit".to_owned(), service("iam-system"));
        let problems = check(&testing::place(), &sections);
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        assert_eq!(
            problem.message,
            "`audit` in iam-system acts as `audit` already"
        );
        assert_eq!(problem.path.join("."), "services.iam.accounts.0");
        let first = problem.first.as_ref().map(|path| path.join("."));
        assert_eq!(first.as_deref(), Some("services.audit"));
    }

    #[test]
    fn further_accounts_need_a_cluster() {
        let mut sections = sections(&["x".to_owned()]);
        sections.cluster = None;
        let problems = check(&testing::place(), &sections);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}
