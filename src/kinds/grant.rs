//! Role assignments: the cells of the matrix, and what clusters need to work.
//!
//! Reference: Microsoft.Authorization `roleAssignments`, api-version 2022-04-01.
//!
//! ## Why
//! Azure knows an assignment by its scope, role and principal and refuses a second one of the
//! three under another name, so an existing one is matched by them, whatever it is called.

use azure_mgmt_authorization::package_2022_04_01::models;
use serde_json::Value as Json;

use super::{Grant, GrantPart, Role, Scope, Sections, Target, cluster_grants, role};
use crate::resource::{
    AccessCell, Address, AddressError, Carrier, Change, Field, Kind, Meta, Place, Problem,
    ReadMode, Resource, Severity, Text, Unmanaged, UpdateMode, Value,
};

/// The kind of role assignments.
pub struct RoleAssignment;

const COLLECTION: &str = "/providers/Microsoft.Authorization/roleAssignments";
const PRINCIPAL: &str = "properties.principalId";
const ROLE: &str = "properties.roleDefinitionId";
const CONDITION: &str = "properties.condition";

static META: Meta = Meta {
    name: "grant",
    arm_type: "Microsoft.Authorization/roleAssignments",
    api_version: "2022-04-01",
    carrier: Carrier::Note("properties.description"),
    read: ReadMode::List(COLLECTION),
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.principalType")
            .change(Change::Replace)
            .severity(Severity::Low),
        Field::new(CONDITION).severity(Severity::Critical),
        Field::new("properties.conditionVersion").severity(Severity::Critical),
        Field::new("properties.description"),
    ],
    unmanaged: &[
        Unmanaged {
            path: PRINCIPAL,
            reason: "what the assignment is: another principal is another assignment",
        },
        Unmanaged {
            path: ROLE,
            reason: "what the assignment is: another role is another assignment",
        },
        Unmanaged {
            path: "properties.delegatedManagedIdentityResourceId",
            reason: "for identities of other tenants, of which there are none",
        },
    ],
    read_only: &[
        "properties.scope",
        "properties.createdOn",
        "properties.updatedOn",
        "properties.createdBy",
        "properties.updatedBy",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for RoleAssignment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn key_of(&self, id: &str, body: &Json) -> String {
        let canonical = || {
            let scope = scope_of(id)?;
            let text = |path: &str| body.pointer(path)?.as_str();
            let principal = text("/properties/principalId")?;
            let role = text("/properties/roleDefinitionId")?;
            let role = role.rsplit('/').next()?;
            let id = assignment_id(scope, role, principal.into());
            Some(id.known()?.to_lowercase())
        };
        canonical().unwrap_or_else(|| id.to_lowercase())
    }

    /// The managed fields, and the principal and role that tell what it is.
    fn project(&self, live: &Json) -> Value {
        let mut fields = META.project(live);
        for path in [PRINCIPAL, ROLE] {
            if let Some(found) = crate::resource::at(live, path) {
                fields.set(path, Value::from(found.clone()));
            }
        }
        fields
    }

    fn is_access(&self) -> bool {
        true
    }

    fn holder<'v>(&self, properties: &'v Value) -> Option<&'v Value> {
        properties.at(PRINCIPAL)
    }

    /// A new one, or one whose condition goes or becomes another.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        let said = match self.access(address) {
            Some(cell) => {
                let (who, word) = (cell.who, cell.capability);
                format!("{who} {word} on {}.{}", address.environment(), cell.target)
            }
            None => address.to_string(),
        };
        let Some(before) = before else {
            return Some(said);
        };
        let condition = |fields: &Value| {
            let text = fields.at(CONDITION).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let was = condition(before)?;
        (condition(after).as_ref() != Some(&was)).then(|| format!("{said} without its condition"))
    }

    /// `grant.WHO.TARGET.CAPABILITY`, and perhaps which part of it.
    fn access<'a>(&self, address: &'a Address) -> Option<AccessCell<'a>> {
        let cell = address.path().strip_prefix("grant.")?;
        let (who, rest) = cell.split_once('.')?;
        let ends = rest.match_indices('.').map(|(at, _)| at);
        let (target, rest) = ends
            .map(|at| (&rest[..at], &rest[at + 1..]))
            .find(|(path, _)| Target::at(path).is_some())?;
        let capability = rest.split('.').next()?;
        Some(AccessCell {
            who,
            target,
            capability,
        })
    }

    fn orphan_path(&self, id: &str) -> String {
        let scope = scope_of(id).unwrap_or(id);
        let name = id.rsplit('/').next().unwrap_or_default();
        let short = name.get(..8).unwrap_or(name);
        format!("{}.{short}", crate::resource::orphan_path("grant", scope))
    }
}

/// The scope of the assignment with this id.
fn scope_of(id: &str) -> Option<&str> {
    let at = id.to_lowercase().rfind(&COLLECTION.to_lowercase())?;
    id.get(..at)
}

/// The id of the assignment of a role, by its GUID, to a principal: named after the three.
fn assignment_id(scope: &str, role: &str, principal: Text) -> Text {
    let name = Text::name_uuid(vec![scope.into(), role.into(), principal]);
    Text::concat(vec![format!("{scope}{COLLECTION}/").into(), name])
}

/// One role assignment, before it is a resource.
pub(super) struct Assignment<'a> {
    /// How people name it.
    pub address: Address,
    /// The ARM id that it holds for.
    pub scope: &'a str,
    /// The resource that it dies with.
    pub inside: &'a Address,
    /// The GUID of the role.
    pub role: String,
    /// The custom role, which has to stand first.
    pub custom: Option<Address>,
    /// The object id of who is given it.
    pub principal: Text,
    /// What Azure calls such a principal.
    pub principal_type: &'static str,
    /// What people read of it.
    pub note: String,
}

impl Assignment<'_> {
    pub(super) fn resource(self, place: &Place) -> Resource {
        let role_id = format!(
            "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            place.subscription_id(),
            self.role
        );
        let properties = models::RoleAssignmentProperties {
            principal_type: Some(match self.principal_type {
                "Group" => models::role_assignment_properties::PrincipalType::Group,
                "User" => models::role_assignment_properties::PrincipalType::User,
                _ => models::role_assignment_properties::PrincipalType::ServicePrincipal,
            }),
            description: Some(self.note),
            ..models::RoleAssignmentProperties::new(role_id, String::new())
        };
        let parameters = models::RoleAssignmentCreateParameters::new(properties);
        let mut body = Value::from(super::typed(&parameters));
        body.set(PRINCIPAL, Value::from(self.principal.clone()));
        let id = assignment_id(self.scope, &self.role, self.principal.clone());
        let grant = Resource::new(place, &RoleAssignment, self.address, id, body);
        let mut grant = grant.inside(self.inside);
        if let Text::Late(late) = &self.principal {
            let mut principal = std::collections::BTreeSet::new();
            late.references(&mut principal);
            grant.subject = principal.into_iter().next();
        }
        grant.after.extend(self.custom);
        grant
    }
}

/// The cells of the matrix on what an environment has, and what its cluster needs.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let Some(group) = &sections.group else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let mut grants = cluster_grants::of(place, sections)?;
    for grant in &sections.access.grants {
        let Some(target) = sections.target_id(&grant.target, &group_id) else {
            continue;
        };
        let inside = place.address(&grant.target.to_string())?;
        for part in &grant.parts {
            grants.push(cell(place, grant, part, &target, &inside)?);
        }
    }
    Ok(grants)
}

fn cell(
    place: &Place,
    grant: &Grant,
    part: &GrantPart,
    target: &str,
    inside: &Address,
) -> Result<Resource, AddressError> {
    let scope = match &part.scope {
        Scope::Target => target.to_owned(),
        Scope::Namespace(name) => format!("{target}/namespaces/{name}"),
    };
    let (guid, custom) = match &part.role {
        Role::BuiltIn { id, .. } => (id.clone(), None),
        Role::Custom(name) => (role::guid(place, name), Some(role::address(name)?)),
    };
    let who = grant.to.name();
    let assignment = Assignment {
        address: place.address(&grant.path(part))?,
        scope: &scope,
        inside,
        role: guid,
        custom,
        principal: grant.to.object_id()?,
        principal_type: grant.to.principal_type(),
        note: format!("{who}: {} on {inside}.", grant.capability),
    };
    Ok(assignment.resource(place))
}

/// The matrix is checked where it is read.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing;
    use crate::resource::Outputs;

    const SCOPE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/xs/x";
    const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";

    fn declared() -> Resource {
        let place = testing::place();
        let principal = "shared.principal.p.service-principal"
            .parse()
            .expect("an address");
        let inside = place.address("registry").expect("an address");
        Assignment {
            address: place.address("grant.p.registry.pull").expect("an address"),
            scope: SCOPE,
            inside: &inside,
            role: PULL.to_owned(),
            custom: None,
            principal: Text::output(&principal, "objectId"),
            principal_type: "ServicePrincipal",
            note: "p: pull on dev.registry.".to_owned(),
        }
        .resource(&place)
    }

    fn resolved(resource: &Resource) -> (String, Json) {
        let mut outputs = Outputs::default();
        let principal = resource.subject.clone().expect("a subject");
        outputs.insert(principal, [("objectId".to_owned(), "O".to_owned())].into());
        (
            resource.id.resolve(&outputs).expect("known"),
            resource.properties.resolve(&outputs).expect("known"),
        )
    }

    #[test]
    fn an_assignment_is_known_by_scope_role_and_principal() {
        let grant = declared();
        let (id, body) = resolved(&grant);
        assert_eq!(RoleAssignment.key_of(&id, &body), id.to_lowercase());
        let elsewhere = format!("{}{COLLECTION}/anything", SCOPE.to_uppercase());
        assert_eq!(RoleAssignment.key_of(&elsewhere, &body), id.to_lowercase());
        let other = json!({"properties": {"principalId": "P", "roleDefinitionId": PULL}});
        assert_ne!(RoleAssignment.key_of(&id, &other), id.to_lowercase());
    }

    #[test]
    fn a_condition_that_goes_gives_more() {
        let grant = declared();
        let widens = |before: Option<Json>| {
            let mut fields = Value::clone(&grant.properties);
            if let Some(condition) = before {
                fields.set(CONDITION, Value::from(condition));
                return RoleAssignment.widens(
                    &grant.address,
                    Some(&fields),
                    &grant.properties,
                    false,
                );
            }
            RoleAssignment.widens(&grant.address, None, &grant.properties, true)
        };
        assert_eq!(widens(None).as_deref(), Some("p pull on dev.registry"));
        assert_eq!(
            widens(Some(json!("@Resource[x] StringEquals 'y'"))).as_deref(),
            Some("p pull on dev.registry without its condition")
        );
        assert_eq!(widens(Some(Json::Null)), None);
    }

    #[test]
    fn what_is_sent_is_an_assignment_of_microsofts_model() {
        let (id, body) = resolved(&declared());
        let sent = RoleAssignment.create(&id, &body).body.expect("a body");
        let read: models::RoleAssignmentCreateParameters =
            serde_json::from_value(sent.clone()).expect("a model");
        assert_eq!(super::super::typed(&read), sent);
        assert_eq!(sent["properties"]["principalId"], "O");
        assert_eq!(sent["properties"]["principalType"], "ServicePrincipal");
    }
}
