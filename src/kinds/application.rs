//! Entra applications: what pipelines sign in as, each without a secret.
//!
//! Reference: Microsoft Graph v1.0 `application`. Graph never returns `uniqueName` unasked, and
//! merges an application's tags into those of its service principal.

use serde_json::{Value as Json, json};

use super::{Sections, graph};
use crate::resource::{
    AddressError, Carrier, Deleted, Field, Kind, Literal, Meta, Place, Problem, ReadMode, Request,
    Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of applications.
pub struct Application;

/// The collection that applications are in.
const COLLECTION: &str = "applications";
/// The property that we choose.
const KEY: &str = "uniqueName";
/// The longest tag that Graph takes, in characters.
const LONGEST_TAG: usize = 256;

/// What is read of an application.
const READ: &[&str] = &[
    "id",
    "appId",
    KEY,
    "displayName",
    "description",
    "signInAudience",
    "tags",
];

static META: Meta = Meta {
    name: "application",
    arm_type: "microsoft.graph.application",
    api_version: graph::VERSION,
    carrier: Carrier::Words("tags"),
    read: ReadMode::DataPlane,
    update: UpdateMode::Patch,
    fields: &[
        Field::new("displayName").severity(Severity::Low),
        Field::new("description").severity(Severity::Low),
        Field::new("signInAudience")
            .or(Literal::Text("AzureADMyOrg"))
            .absent(Literal::None)
            .severity(Severity::High),
        Field::words(),
    ],
    unmanaged: &[
        Unmanaged {
            path: "passwordCredentials",
            reason: "no update removes a secret, and we make none: one is a finding of access",
        },
        Unmanaged {
            path: "keyCredentials",
            reason: "as with secrets",
        },
        Unmanaged {
            path: "requiredResourceAccess",
            reason: "asking for a permission gives none; consent is given elsewhere",
        },
    ],
    read_only: &["id", "appId", KEY],
    stateful: true,
    is_guard: false,
    outputs: &[("appId", "appId"), ("objectId", "id")],
};

impl Kind for Application {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn get(&self, id: &str) -> Request {
        graph::read(id, READ)
    }

    fn list(&self, path: &str) -> Request {
        graph::read(path, READ)
    }

    fn marked(&self) -> Option<Request> {
        let filter = format!("tags/any(t:t eq '{}')", graph::owner_word());
        Some(self.list("/v1.0/applications").query("$filter", filter))
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        graph::upsert(id, desired.clone())
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        graph::update(&META, id, live, desired, changed)
    }

    fn delete(&self, id: &str) -> Request {
        graph::request(crate::resource::Method::Delete, id)
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

/// The id of a principal's application.
pub(super) fn id(place: &Place, principal: &str) -> String {
    graph::id(COLLECTION, KEY, &format!("sp-{}-{principal}", place.estate))
}

/// One application for each principal.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let principals = sections.access.principals.iter();
    principals
        .map(|(name, principal)| {
            let address = place.address(&format!("principal.{name}"))?;
            let properties = Value::from(json!({
                "displayName": principal.display_name,
                "description": principal.description,
            }));
            Ok(Resource::new(
                place,
                &Application,
                address,
                id(place, name).into(),
                properties,
            ))
        })
        .collect()
}

/// Tags that Graph takes. All else about principals has been checked with `rbac/`.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let tagged = !sections.access.principals.is_empty();
    let tags = place.tags.iter().filter(|_| tagged);
    tags.filter_map(|(key, value)| {
        let length = key.chars().count() + 1 + value.chars().count();
        (length > LONGEST_TAG).then(|| {
            let message =
                format!("`{key}=…` has {length} characters, where Entra takes {LONGEST_TAG}");
            Problem::below(["tags", key], message)
                .help("applications carry it, too: shorten it, or set it where they are not")
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    #[test]
    fn an_application_is_found_again_by_the_name_that_we_chose() {
        let sections = testing::with_access();
        let declared = declare(&testing::shared(), &sections).expect("addresses");
        let [application] = &declared[..] else {
            panic!("one application: {declared:?}")
        };
        assert_eq!(application.address.as_str(), "shared.principal.engine");
        let id = application.id.known().expect("known");
        assert_eq!(id, "/v1.0/applications(uniqueName='sp-onestream-engine')");
        assert!(Application.is_id(id));
        let live = json!({"id": "o", "appId": "a", "uniqueName": "sp-onestream-engine"});
        assert_eq!(Application.id_of("", &live).as_deref(), Some(id));
        let outputs = META.read_outputs(id, &live);
        assert_eq!((&*outputs["appId"], &*outputs["objectId"]), ("a", "o"));
    }

    #[test]
    fn creating_is_an_upsert_without_a_secret() {
        let desired = json!({"displayName": "d", "description": null, "tags": ["a=b"]});
        let request = Application.create(&id(&testing::shared(), "engine"), &desired);
        assert!(request.idempotent);
        assert!(
            request
                .headers
                .iter()
                .any(|(_, v)| v == "create-if-missing")
        );
        assert_eq!(
            request.body,
            Some(json!({"displayName": "d", "tags": ["a=b"]}))
        );
    }

    #[test]
    fn an_update_keeps_the_tags_of_others() {
        let live = json!({"tags": ["HideApp", "team=old", "theirs=1"]});
        let desired = json!({"tags": ["team=new", "managed-by=onestream/shared"]});
        let request = Application.update(
            &id(&testing::shared(), "engine"),
            &live,
            &desired,
            &["tags"],
        );
        assert_eq!(request.plane, crate::resource::Plane::Graph);
        assert_eq!(
            request.body,
            Some(json!({"tags": [
                "HideApp", "theirs=1", "team=new", "managed-by=onestream/shared"
            ]}))
        );
    }

    #[test]
    fn long_tags_are_refused_where_there_are_principals() {
        let mut place = testing::shared();
        place.tags.insert("t".to_owned(), "v".repeat(255));
        assert_eq!(check(&place, &testing::with_access()).len(), 1);
        assert!(check(&place, &Sections::default()).is_empty());
        place.tags.insert("t".to_owned(), "v".repeat(254));
        assert!(check(&place, &testing::with_access()).is_empty());
    }
}
