//! Federated credentials of applications: whose tokens stand for a principal instead of a secret.
//!
//! Reference: Microsoft Graph v1.0 `federatedIdentityCredential`; its name is its key for good.

use serde_json::{Value as Json, json};

use super::{Application, Sections, application, graph};
use crate::resource::{
    Address, AddressError, Carrier, Compare, Field, Kind, Meta, Method, Place, Problem, ReadMode,
    Request, Resource, Severity, UpdateMode, Value,
};

/// The kind of federated credentials of applications.
pub struct ApplicationCredential;

/// What stands between an application's id and a credential's name.
const BELOW: &str = "/federatedIdentityCredentials";
const READ: &[&str] = &[
    "id",
    "name",
    "issuer",
    "subject",
    "audiences",
    "description",
];

static META: Meta = Meta {
    name: "application credential",
    arm_type: "microsoft.graph.federatedIdentityCredential",
    api_version: graph::VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: "application",
        collection: BELOW,
    },
    update: UpdateMode::Patch,
    fields: &[
        Field::new("issuer").severity(Severity::Critical),
        Field::new("subject").severity(Severity::Critical),
        Field::new("audiences")
            .compare(Compare::Set)
            .severity(Severity::Critical),
        Field::new("description").severity(Severity::Low),
    ],
    unmanaged: &[],
    read_only: &["id", "name"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for ApplicationCredential {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn get(&self, id: &str) -> Request {
        graph::read(id, READ)
    }

    fn list(&self, path: &str) -> Request {
        graph::read(path, READ)
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        graph::upsert(id, desired.clone())
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        graph::update(&META, id, live, desired, changed)
    }

    fn delete(&self, id: &str) -> Request {
        graph::request(Method::Delete, id)
    }

    fn lags(&self) -> bool {
        true
    }

    fn is_access(&self) -> bool {
        true
    }

    /// Whoever holds such a token is the principal, which may hold something already.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        onto_new: bool,
    ) -> Option<String> {
        let who =
            |fields: &Value| ["issuer", "subject", "audiences"].map(|key| fields.at(key).cloned());
        match before {
            None if onto_new => None,
            Some(before) if who(before) == who(after) => None,
            _ => Some(format!("sign-in by {address}")),
        }
    }

    /// A restored application has its credentials again.
    fn resurfaces(&self) -> bool {
        true
    }

    /// They are a list of the application's, of which two writes at once lose one.
    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        split(id).map(|(application, _)| application.to_lowercase())
    }

    fn id_of(&self, within: &str, body: &Json) -> Option<String> {
        if split(within).is_some() {
            return Some(within.to_owned());
        }
        let name = body.get("name")?.as_str().filter(|n| graph::is_plain(n))?;
        Some(below(within, name))
    }

    fn is_id(&self, id: &str) -> bool {
        split(id).is_some_and(|(application, _)| Application.is_id(application))
    }

    fn orphan_path(&self, id: &str) -> String {
        let name = split(id).map_or(id, |(_, name)| name);
        crate::resource::orphan_path(META.name, name)
    }
}

fn below(application: &str, name: &str) -> String {
    format!("{application}{BELOW}(name='{name}')")
}

/// The application and the name in an id.
fn split(id: &str) -> Option<(&str, &str)> {
    let (application, rest) = id.split_at(id.rfind('/')?);
    let name = graph::after(rest, &format!("{BELOW}(name='"))?;
    let name = name.strip_suffix("')")?;
    graph::is_plain(name).then_some((application, name))
}

/// Every credential of which the subject is known.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let mut resources = Vec::new();
    for (principal, declared) in &sections.access.principals {
        let parent = place.address(&format!("principal.{principal}"))?;
        for (name, credential) in &declared.credentials {
            let Some(subject) = &credential.subject else {
                continue;
            };
            let properties = Value::from(json!({
                "issuer": credential.issuer,
                "subject": subject,
                "audiences": [credential.audience],
                "description": credential.description,
            }));
            let address = place.address(&format!("principal.{principal}.credential.{name}"))?;
            let id = below(&application::id(place, principal), name);
            let resource = Resource::new(
                place,
                &ApplicationCredential,
                address,
                id.into(),
                properties,
            );
            resources.push(resource.inside(&parent));
        }
    }
    Ok(resources)
}

/// Nothing: what could be wrong has been checked with `rbac/`.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    #[test]
    fn a_credential_without_a_subject_waits() {
        let declared = declare(&testing::shared(), &testing::with_access()).expect("addresses");
        let addresses: Vec<_> = declared.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(addresses, ["shared.principal.engine.credential.devops"]);
        assert_eq!(
            declared[0].id.known(),
            Some(
                "/v1.0/applications(uniqueName='sp-onestream-engine')\
                 /federatedIdentityCredentials(name='devops')"
            )
        );
    }

    #[test]
    fn ids_come_from_the_list_and_from_the_object() {
        let application = application::id(&testing::shared(), "engine");
        let id = below(&application, "devops");
        let body = json!({"id": "o", "name": "devops"});
        for within in [&application, &id] {
            let found = ApplicationCredential.id_of(within, &body);
            assert_eq!(found.as_deref(), Some(&*id));
        }
        assert!(ApplicationCredential.is_id(&id));
        assert!(!ApplicationCredential.is_id(&application));
        assert!(!ApplicationCredential.is_id("/v1.0/federatedIdentityCredentials(name='x')"));
        assert_eq!(
            ApplicationCredential.lane(&id, &Json::Null),
            Some(application.to_lowercase())
        );
    }
}
