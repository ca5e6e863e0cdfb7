//! Service principals: what an application is in the tenant, and what roles are given to.
//!
//! Reference: Microsoft Graph v1.0 `servicePrincipal`.
//!
//! ## Why
//! The marker stands in the notes: Entra merges the application's tags, its marker among them,
//! into those of the service principal.

use serde_json::{Value as Json, json};

use super::{Sections, graph};
use crate::resource::{
    AddressError, Carrier, Deleted, Field, Kind, Literal, Meta, Method, Place, Problem, ReadMode,
    Request, Resource, Severity, Text, Unmanaged, UpdateMode, Value,
};

/// The kind of service principals.
pub struct ServicePrincipal;

const COLLECTION: &str = "servicePrincipals";
/// The key, which its application has.
const KEY: &str = "appId";

/// What is read of a service principal.
const READ: &[&str] = &[
    "id",
    KEY,
    "accountEnabled",
    "appRoleAssignmentRequired",
    "notes",
];

static META: Meta = Meta {
    name: "service principal",
    arm_type: "microsoft.graph.servicePrincipal",
    api_version: graph::VERSION,
    carrier: Carrier::Note("notes"),
    read: ReadMode::DataPlane,
    update: UpdateMode::Patch,
    fields: &[
        Field::new("accountEnabled")
            .or(Literal::Bool(true))
            .absent(Literal::None)
            .severity(Severity::High),
        // Nobody is given a token for it who was not assigned to it.
        Field::new("appRoleAssignmentRequired")
            .or(Literal::Bool(true))
            .absent(Literal::None),
        Field::new("notes").severity(Severity::Low),
    ],
    unmanaged: &[
        Unmanaged {
            path: "displayName",
            reason: "it follows the application's",
        },
        Unmanaged {
            path: "tags",
            reason: "Entra merges the application's into them",
        },
        Unmanaged {
            path: "passwordCredentials",
            reason: "no update removes a secret, and we make none: one is a finding of access",
        },
    ],
    read_only: &["id", KEY],
    stateful: true,
    is_guard: false,
    outputs: &[("appId", "appId"), ("objectId", "id")],
};

impl Kind for ServicePrincipal {
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

    fn deleted(&self) -> Deleted {
        Deleted::Tenant
    }

    fn deleted_list(&self, _within: &str) -> Request {
        graph::deleted(META.arm_type, READ)
    }

    fn handle(&self, entry: &Json) -> Option<String> {
        Some(entry.get("id")?.as_str()?.to_owned())
    }

    fn recover(&self, _id: &str, _desired: &Json, handle: Option<&str>) -> Option<Request> {
        handle.map(graph::restore)
    }

    fn lags(&self) -> bool {
        true
    }

    /// What was restored is not among the deleted any more.
    /// <https://learn.microsoft.com/graph/api/directory-deleteditems-restore>
    fn refuses_second_post(&self) -> bool {
        true
    }

    fn id_of(&self, _within: &str, body: &Json) -> Option<String> {
        graph::id_of(COLLECTION, KEY, body)
    }

    fn is_id(&self, id: &str) -> bool {
        graph::key(id, COLLECTION, KEY).is_some()
    }

    fn orphan_path(&self, id: &str) -> String {
        let name = graph::key(id, COLLECTION, KEY).unwrap_or(id);
        crate::resource::orphan_path(META.name, name)
    }
}

/// One service principal for each principal's application.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let principals = sections.access.principals.iter();
    principals
        .map(|(name, principal)| {
            let application = place.address(&format!("principal.{name}"))?;
            let address = application.child("service-principal")?;
            let id = Text::concat(vec![
                format!("/{}/{COLLECTION}({KEY}='", graph::VERSION).into(),
                Text::output(&application, "appId"),
                "')".into(),
            ]);
            let properties = Value::from(json!({ "notes": principal.description }));
            let resource = Resource::new(place, &ServicePrincipal, address, id, properties);
            Ok(resource.inside(&application))
        })
        .collect()
}

/// Nothing: what could be wrong has been checked with `rbac/`.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;
    use crate::resource::{Marker, Outputs, Ownership};

    #[test]
    fn its_id_and_marker_wait_for_the_application() {
        let declared = declare(&testing::shared(), &testing::with_access()).expect("addresses");
        let [principal] = &declared[..] else {
            panic!("one service principal: {declared:?}")
        };
        assert_eq!(
            principal.address.as_str(),
            "shared.principal.engine.service-principal"
        );
        assert!(principal.id.known().is_none());
        let application = testing::shared().address("principal.engine").expect("one");
        assert!(principal.references().contains(&application));
        let mut outputs = Outputs::default();
        outputs.insert(application, [("appId".to_owned(), "A-1".to_owned())].into());
        let id = principal.id.resolve(&outputs).expect("known");
        assert!(ServicePrincipal.is_id(&id), "{id}");
        // The application's marker among the merged tags is nobody's business.
        let mut live = principal.properties.resolve(&outputs).expect("known");
        live["tags"] = json!(["managed-by=onestream/shared", "onestream-id=other"]);
        live["appId"] = json!("A-1");
        let found = ServicePrincipal.id_of("", &live).expect("an id");
        let key = ServicePrincipal.key_of(&found, &live);
        assert!(matches!(
            Marker::read(crate::resource::DEFAULT_ESTATE, META.carrier, &key, &live),
            Ownership::Ours(_)
        ));
    }
}
