//! Custom roles: exactly the actions that a capability needs and that no role of Azure's has alone.
//!
//! Reference: Microsoft.Authorization `roleDefinitions`, api-version 2022-04-01. A role belongs to
//! the tenant, its name is unique there, and its id is the same in every subscription.

use std::collections::{BTreeMap, BTreeSet};

use azure_mgmt_authorization::package_2022_04_01::models;
use serde_json::{Value as Json, json};

use super::{CustomRole, Sections, cluster_grants};
use crate::resource::{
    Address, AddressError, Carrier, Compare, DEFAULT_ESTATE, EnvironmentName, Field, Kind, Literal,
    Meta, Method, Naming, Outputs, Place, Problem, ReadMode, Request, Resource, Severity, Text,
    Unmanaged, UpdateMode, Value,
};

/// The kind of custom role definitions.
pub struct RoleDefinition;

/// What a role permits, as a list of permissions.
const PERMISSIONS: &str = "properties.permissions";

static META: Meta = Meta {
    name: "role",
    arm_type: "Microsoft.Authorization/roleDefinitions",
    api_version: "2022-04-01",
    carrier: Carrier::Note("properties.description"),
    read: ReadMode::List("/providers/Microsoft.Authorization/roleDefinitions"),
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.roleName"),
        Field::new("properties.description"),
        Field::new(PERMISSIONS)
            .or(Literal::EmptyList)
            .compare(Compare::IgnoreCase)
            .severity(Severity::Critical),
        Field::new("properties.assignableScopes")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
    ],
    unmanaged: &[Unmanaged {
        path: "properties.type",
        reason: "always CustomRole, and said on create",
    }],
    read_only: &[
        "properties.createdOn",
        "properties.updatedOn",
        "properties.createdBy",
        "properties.updatedBy",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for RoleDefinition {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// Actions that it did not allow, or did not but for some.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        // A new role gives nothing to anybody: its assignments do.
        let (before, after) = (listed(before?), listed(after));
        let gained = |lists: [&'static str; 2]| {
            let [given, taken] = lists;
            let new = after[given].difference(&before[given]).count();
            new + before[taken].difference(&after[taken]).count()
        };
        let gained = gained(["actions", "notActions"]) + gained(["dataActions", "notDataActions"]);
        let noun = if gained == 1 { "action" } else { "actions" };
        (gained > 0).then(|| format!("{gained} {noun} in {address}"))
    }

    /// A role is the tenant's under each subscription that it can be assigned in.
    fn naming(&self) -> Naming {
        Naming::Everywhere
    }

    /// Azure's own roles are hundreds, and none of them is anybody's to change.
    fn list(&self, path: &str) -> Request {
        Request::arm(Method::Get, path, META.api_version).query("$filter", "type eq 'CustomRole'")
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = crate::resource::without_nulls(desired.clone());
        body["properties"]["type"] = json!("CustomRole");
        Request::arm(Method::Put, id, META.api_version).body(body)
    }

    /// Actions in the order of their names, and nothing that Azure adds to a permission.
    fn project(&self, live: &Json) -> Value {
        let mut fields = META.project(live);
        let permissions = live.pointer("/properties/permissions");
        let permissions = permissions.and_then(Json::as_array).into_iter().flatten();
        let listed: Vec<Json> = permissions.map(permission).collect();
        fields.set(PERMISSIONS, Value::from(Json::Array(listed)));
        fields
    }
}

/// The four lists of a role, over all its permissions, in lower case.
fn listed(fields: &Value) -> BTreeMap<&'static str, BTreeSet<String>> {
    let fields = fields.resolve(&Outputs::default()).unwrap_or_default();
    let permissions = fields.pointer("/properties/permissions");
    let permissions = permissions.and_then(Json::as_array);
    let all = |list: &'static str| {
        let permissions = permissions.into_iter().flatten();
        let actions = permissions.filter_map(|one| one[list].as_array()).flatten();
        let actions = actions.filter_map(Json::as_str).map(str::to_lowercase);
        (list, actions.collect())
    };
    ["actions", "notActions", "dataActions", "notDataActions"]
        .map(all)
        .into()
}

/// One permission, with every list that says something of it.
fn permission(live: &Json) -> Json {
    let sorted = |key: &str| {
        let mut actions: Vec<&str> = live[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        actions.sort_unstable_by_key(|action| action.to_lowercase());
        json!(actions)
    };
    json!({
        "actions": sorted("actions"),
        "notActions": sorted("notActions"),
        "dataActions": sorted("dataActions"),
        "notDataActions": sorted("notDataActions"),
    })
}

/// The GUID of an estate's custom role of this name, the same in every subscription of a tenant.
pub(super) fn guid(place: &Place, name: &str) -> String {
    let mut parts = vec![
        place.tenant.as_str().into(),
        META.arm_type.into(),
        name.into(),
    ];
    if place.estate != DEFAULT_ESTATE {
        parts.push(place.estate.as_str().into());
    }
    match Text::name_uuid(parts) {
        Text::Known(guid) => guid,
        Text::Late(_) => unreachable!("every part is known"),
    }
}

/// Its address: roles belong to no single environment.
pub(super) fn address(name: &str) -> Result<Address, AddressError> {
    Address::new(&EnvironmentName::shared(), &format!("role.{name}"))
}

/// The declared part, in Microsoft's own model of the body.
fn body(role: &CustomRole, scopes: Vec<String>) -> models::RoleDefinition {
    let mut permission = models::Permission::new();
    permission.actions = role.actions.clone();
    permission.data_actions = role.data_actions.clone();
    let mut properties = models::RoleDefinitionProperties::new();
    properties.role_name = Some(role.display_name.clone());
    properties.description.clone_from(&role.description);
    properties.permissions = vec![permission];
    properties.assignable_scopes = scopes;
    let mut definition = models::RoleDefinition::new();
    definition.properties = Some(properties);
    definition
}

fn resource(
    place: &Place,
    address: Address,
    guid: &str,
    role: &CustomRole,
    scopes: Vec<String>,
) -> Resource {
    let subscription = place.subscription_id();
    let id = format!("{subscription}/providers/{}/{guid}", META.arm_type);
    let mut said = super::typed(&body(role, scopes));
    let permissions = said["properties"]["permissions"].take();
    said["properties"]["permissions"] = permissions
        .as_array()
        .into_iter()
        .flatten()
        .map(permission)
        .collect();
    Resource::new(
        place,
        &RoleDefinition,
        address,
        id.into(),
        Value::from(said),
    )
}

/// The roles of the matrix, and the one that an environment's cluster needs.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let mut declared = Vec::new();
    for (name, role) in &sections.access.roles {
        let scopes = role.subscriptions.iter();
        let scopes = scopes.map(|id| format!("/subscriptions/{id}")).collect();
        let guid = guid(place, name);
        declared.push(resource(place, address(name)?, &guid, role, scopes));
    }
    if sections.cluster.is_some() && sections.group.is_some() {
        let name = cluster_grants::role_name(place);
        let role = CustomRole {
            display_name: name.clone(),
            description: Some("Join nodes to a subnet.".to_owned()),
            actions: cluster_grants::ACTIONS.map(str::to_owned).to_vec(),
            data_actions: Vec::new(),
            subscriptions: Default::default(),
        };
        let address = place.address(cluster_grants::ROLE)?;
        let guid = guid(place, &name);
        // A list over the subscription shows only what can be assigned in all of it.
        let scopes = vec![place.subscription_id()];
        declared.push(resource(place, address, &guid, &role, scopes));
    }
    Ok(declared)
}

/// `rbac/capabilities.toml` is checked where it is read.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn declared() -> Resource {
        let role = CustomRole {
            display_name: "onestream-key-signer".to_owned(),
            description: Some("Sign with a key.".to_owned()),
            actions: Vec::new(),
            data_actions: vec!["B/sign/action".to_owned(), "A/read".to_owned()],
            subscriptions: ["2".to_owned(), "1".to_owned()].into(),
        };
        let mut sections = Sections::default();
        sections.access.roles = [("key-signer".to_owned(), role)].into();
        let declared = declare(&testing::place(), &sections).expect("addresses");
        declared.into_iter().next().expect("a role")
    }

    #[test]
    fn the_order_and_case_of_actions_say_nothing() {
        let role = declared();
        let mut live = role.properties.resolve(&Default::default()).expect("known");
        let permissions = &mut live["properties"]["permissions"][0];
        permissions["dataActions"] = json!(["b/sign/action", "A/read"]);
        permissions["conditionVersion"] = json!(null);
        let field = META.field(PERMISSIONS).expect("a field");
        let projected = RoleDefinition.project(&live);
        let at = |tree: &Value| tree.at(PERMISSIONS).cloned().expect("permissions");
        assert!(field.same(&at(&role.properties), &at(&projected)));
        live["properties"]["permissions"][0]["dataActions"] = json!(["A/read"]);
        assert!(!field.same(&at(&role.properties), &at(&RoleDefinition.project(&live))));
    }

    #[test]
    fn what_is_sent_is_a_role_definition_of_microsofts_model() {
        let role = declared();
        let desired = role.properties.resolve(&Default::default()).expect("known");
        let sent = RoleDefinition.create("/id", &desired).body.expect("a body");
        let read: models::RoleDefinition = serde_json::from_value(sent.clone()).expect("a model");
        // The model leaves empty lists out; Azure takes both.
        let again = super::super::typed(&read);
        assert_eq!(
            RoleDefinition.project(&again),
            RoleDefinition.project(&sent)
        );
        assert_eq!(again["properties"]["type"], "CustomRole");
    }

    #[test]
    fn a_role_widens_by_what_it_gains_only() {
        let of = |actions: &[&str], not: &[&str]| {
            Value::from(json!({"properties": {"permissions": [
                {"actions": actions, "notActions": not, "dataActions": [], "notDataActions": []},
            ]}}))
        };
        let address = address("importer").expect("an address");
        let widens = |before: Value, after: Value| {
            RoleDefinition.widens(&address, Some(&before), &after, false)
        };
        let one = "1 action in shared.role.importer";
        for (before, after, expected) in [
            (
                of(&["a/read"], &[]),
                of(&["a/read", "a/write"], &[]),
                Some(one),
            ),
            (of(&["a/*"], &["a/b"]), of(&["a/*"], &[]), Some(one)),
            (of(&["A/read", "a/write"], &[]), of(&["a/READ"], &[]), None),
            (of(&["a/*"], &[]), of(&["a/*"], &["a/b"]), None),
        ] {
            assert_eq!(widens(before, after).as_deref(), expected);
        }
        let new = RoleDefinition.widens(&address, None, &of(&["*"], &[]), false);
        assert_eq!(new, None, "its assignments give something");
    }

    #[test]
    fn the_id_follows_from_the_name() {
        let place = testing::place();
        assert_eq!(guid(&place, "key-signer"), guid(&place, "key-signer"));
        assert_ne!(guid(&place, "key-signer"), guid(&place, "key-verifier"));
        assert!(
            declared()
                .id
                .known()
                .expect("known")
                .ends_with(&guid(&place, "key-signer"))
        );
    }
}
