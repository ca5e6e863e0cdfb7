//! Whatever a body holds: an object or an error that says where it is wrong.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{GROUP, assignment};
use crate::rbac::{Assignment, BodyError, Catalogue, Denial, Hierarchy, Memberships, Schedule};
use crate::rbac::{RoleDefinition, members};

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let role = |properties: Json| {
        let body = json!({"id": "/r/1", "properties": properties});
        RoleDefinition::read(&body).expect_err("an error")
    };
    let error = role(json!({"permissions": [{"actions": ["a", 1]}]}));
    assert_eq!(error.field, "properties.permissions[0].actions[1]");
    assert!(
        error.to_string().starts_with("role definition '/r/1': "),
        "{error}"
    );
    assert_eq!(role(json!({})).field, "properties");
    let error = Assignment::read(&assignment("a", GROUP, "", "me", json!({})));
    // An id that ends with a slash still names something.
    assert_eq!(error.expect("an assignment").role, "roledefinitions");
    for (more, field) in [
        (
            json!({"roleDefinitionId": "/"}),
            "properties.roleDefinitionId",
        ),
        (json!({"principalId": ""}), "properties.principalId"),
        (json!({"principalId": null}), "properties.principalId"),
        (json!({"endDateTime": "soon"}), "properties.endDateTime"),
        (json!({"condition": 1}), "properties.condition"),
    ] {
        let error = Assignment::read(&assignment("a", GROUP, "r", "me", more.clone()));
        assert_eq!(error.expect_err("an error").field, field, "{more}");
    }
}

#[test]
fn a_scope_that_is_not_said_is_told_by_the_id() {
    let mut body = assignment("a", GROUP, "r", "me", json!({"scope": null}));
    let read = Assignment::read(&body).expect("an assignment");
    assert_eq!(read.scope.id(), GROUP);
    body["id"] = json!("/elsewhere");
    assert_eq!(
        Assignment::read(&body).expect_err("an error").field,
        "properties.scope"
    );
}

#[test]
fn provider_operations_are_read() {
    let mut catalogue = Catalogue::default();
    let body = json!({"id": "/x", "operations": [{"name": "A.B/register/action"}],
        "resourceTypes": [{"name": "cs", "operations": [
            {"name": "A.B/cs/read", "isDataAction": false, "origin": null},
            {"name": "A.B/cs/get/action", "isDataAction": true}]}, {"operations": null}]});
    catalogue.add(&body).expect("operations");
    let shown: Vec<String> = catalogue
        .actions()
        .map(|action| format!("{} {action}", action.plane()))
        .collect();
    let expected = [
        "action A.B/cs/read",
        "action A.B/register/action",
        "data action A.B/cs/get/action",
    ];
    assert_eq!(shown, expected);
    assert!(catalogue.add(&json!({"operations": [{}]})).is_err());
}

fn json_ish() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "\\PC{0,8}".prop_map(Json::from),
        Just(Json::from(
            "/subscriptions/s/providers/microsoft.authorization/x/İ"
        )),
        Just(Json::from("((ActionMatches{'*'}")),
    ];
    let name = prop_oneof![
        Just("id"),
        Just("name"),
        Just("properties"),
        Just("value"),
        Just("permissions"),
        Just("actions"),
        Just("scope"),
        Just("principalId"),
        Just("roleDefinitionId"),
        Just("condition"),
        Just("endDateTime"),
        Just("principals"),
        Just("children"),
        Just("type"),
        Just("originRoleAssignmentId"),
        Just("operations"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_body(body in json_ish()) {
        let errors: Vec<BodyError> = [
            RoleDefinition::read(&body).err(),
            Assignment::read(&body).err(),
            Schedule::read(&body).err(),
            Denial::read(&body).err(),
            Hierarchy::default().add(&body).err(),
            Memberships::default().add_members("g", &body).err(),
            Catalogue::default().add(&body).err(),
            members("list", &body).err(),
        ].into_iter().flatten().collect();
        for error in errors {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
