//! User-assigned identities: what each service, and each cluster, signs in to Azure as, without a
//! secret.
//!
//! Reference: Microsoft.ManagedIdentity `userAssignedIdentities`, api-version 2023-01-31. Azure
//! prints their ids with `resourcegroups` in lower case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Sections, cluster_identity};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Field, Kind, Meta, Place, Problem, ReadMode, Resource,
    UpdateMode, Value,
};

/// `[services]`: what runs in the clusters, each under an identity of its own.
pub type Services = BTreeMap<String, ServiceSection>;

/// `[services.NAME]`: one service. Its identity is `id-onestream-ENVIRONMENT-NAME`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceSection {
    /// The Kubernetes namespace that it runs in: 1 to 63 lower-case letters, digits and hyphens.
    pub namespace: String,
    /// Further Kubernetes service accounts of its namespace that act as it, beside the one that
    /// has its name.
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// The kind of user-assigned identities.
pub struct Identity;

/// Its name.
pub(super) const NAME: &str = "identity";

/// The api-version of identities and everything below them.
pub(super) const API_VERSION: &str = "2023-01-31";

/// The longest name that Azure takes.
const LONGEST_NAME: usize = 128;

static META: Meta = Meta {
    name: NAME,
    arm_type: "Microsoft.ManagedIdentity/userAssignedIdentities",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.ManagedIdentity/userAssignedIdentities"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(
                "an identity keeps its region, and one made again is another principal without any \
             grant: declare the service under another name there, move what runs as it, then \
             remove this one",
            )),
        Field::tags(),
    ],
    unmanaged: &[],
    read_only: &[
        "properties.tenantId",
        "properties.principalId",
        "properties.clientId",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[
        ("principalId", "properties.principalId"),
        ("clientId", "properties.clientId"),
    ],
};

impl Kind for Identity {
    fn meta(&self) -> &'static Meta {
        &META
    }
}

/// The name of a service's identity.
fn name(place: &Place, service: &str) -> String {
    format!("id-onestream-{}-{service}", place.environment)
}

/// The ARM id of an identity in a resource group.
pub(super) fn id(group_id: &str, name: &str) -> String {
    format!("{group_id}/providers/{}/{name}", META.arm_type)
}

/// The ARM id of a service's identity.
pub(super) fn of_service(place: &Place, group_id: &str, service: &str) -> String {
    id(group_id, &name(place, service))
}

/// The address of a service's identity, below its environment's.
pub(super) fn address(service: &str) -> String {
    format!("service.{service}.identity")
}

/// One identity for each service of an environment, and those of its cluster.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let Some(group) = &sections.group else {
        return Ok(Vec::new());
    };
    let group_address = place.address("group")?;
    let group_id = place.group_id(&group.name);
    let services = sections.services.keys().map(|service| {
        let id = of_service(place, &group_id, service);
        (address(service), id)
    });
    let cluster = cluster_identity::of(sections, &group_id);
    services
        .chain(cluster)
        .map(|(path, id)| {
            let address = place.address(&path)?;
            let properties = Value::from(json!({ "location": place.primary }));
            Ok(
                Resource::new(place, &Identity, address, id.into(), properties)
                    .inside(&group_address),
            )
        })
        .collect()
}

/// Names that fit into addresses, identities and Kubernetes.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let mut problems = Vec::new();
    if sections.group.is_none() && !sections.services.is_empty() {
        problems.push(
            Problem::at("services", "their identities need a resource group")
                .help("add `[group]` with a name"),
        );
    }
    for (service, section) in &sections.services {
        problems.extend(check_name(place, service));
        if !is_label(&section.namespace) {
            let message = format!("`{}` is not a Kubernetes namespace", section.namespace);
            problems.push(problem(service, Some("namespace"), message).help(LABEL));
        }
    }
    problems
}

/// What a DNS label looks like, for people.
pub(super) const LABEL: &str =
    "1 to 63 lower-case letters, digits and hyphens, no hyphen first or last";

fn check_name(place: &Place, service: &str) -> Option<Problem> {
    if !is_label(service) {
        let message = format!("`{service}` is not a service name");
        return Some(problem(service, None, message).help(LABEL));
    }
    let name = name(place, service);
    (name.len() > LONGEST_NAME).then(|| {
        let message = format!("its identity `{name}` has more than {LONGEST_NAME} characters");
        problem(service, None, message).help("shorten the name of the service or environment")
    })
}

fn problem(service: &str, key: Option<&str>, message: String) -> Problem {
    let steps = ["services", service].into_iter().chain(key);
    Problem {
        path: steps.map(str::to_owned).collect(),
        message,
        help: None,
        first: None,
    }
}

/// Whether a text is a DNS label as Kubernetes wants it (RFC 1123).
pub(super) fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn problems(services: &[(&str, &str)], grouped: bool) -> Vec<String> {
        let mut sections = Sections {
            group: grouped.then(testing::group),
            ..Sections::default()
        };
        for (name, namespace) in services {
            let namespace = (*namespace).to_owned();
            let section = ServiceSection {
                namespace,
                accounts: Vec::new(),
            };
            sections.services.insert((*name).to_owned(), section);
        }
        let found = check(&testing::place(), &sections);
        found.iter().map(|p| p.path.join(".")).collect()
    }

    #[test]
    fn names_fit_addresses_and_kubernetes() {
        let longest = "x".repeat(63);
        assert!(problems(&[("iam", "iam"), ("a-1", &longest)], true).is_empty());
        let wrong = [
            ("Iam", "iam"),
            ("auth", "Auth"),
            ("cls-", "-"),
            ("a.b", "x"),
        ];
        assert_eq!(
            problems(&wrong, true),
            [
                "services.Iam",
                "services.a.b",
                "services.auth.namespace",
                "services.cls-",
                "services.cls-.namespace"
            ]
        );
        assert_eq!(problems(&[("iam", "iam")], false), ["services"]);
        assert!(problems(&[], false).is_empty());
    }

    #[test]
    fn an_identity_has_a_name_of_its_own_and_two_outputs() {
        let sections = Sections {
            group: Some(testing::group()),
            services: [(
                "iam".to_owned(),
                ServiceSection {
                    namespace: "iam".to_owned(),
                    accounts: Vec::new(),
                },
            )]
            .into(),
            ..Sections::default()
        };
        let declared = declare(&testing::place(), &sections).expect("addresses");
        let [identity] = &declared[..] else {
            panic!("one identity: {declared:?}")
        };
        assert_eq!(identity.address.as_str(), "dev.service.iam.identity");
        let id = identity.id.known().expect("known");
        assert!(
            id.ends_with("/userAssignedIdentities/id-onestream-dev-iam"),
            "{id}"
        );
        let body = json!({"properties": {"principalId": "p", "clientId": "c"}});
        let outputs = META.read_outputs(id, &body);
        assert_eq!(
            (&*outputs["principalId"], &*outputs["clientId"]),
            ("p", "c")
        );
    }
}
