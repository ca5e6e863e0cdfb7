//! Access control as a whole: bodies as Azure sends them in, answers out.

mod audits;
mod bodies;
mod built_in;
mod decisions;
mod differences;
mod naive;
mod native;
mod obtaining;

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Access, Assignment, Denial, RoleDefinition, Tenant};

/// When the tests take place.
const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-4111-8111-111111111111";
const GROUP: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg";
const VAULT: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv";

const SIGN: &str = "Microsoft.KeyVault/vaults/keys/sign/action";

/// A tenant put together of bodies.
#[derive(Default)]
struct Sketch {
    tenant: Tenant,
    roles: Vec<RoleDefinition>,
}

impl Sketch {
    /// A role with one permission, whose lists are given as JSON.
    fn role(mut self, id: &str, permission: Json) -> Self {
        let body = json!({
            "id": format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
            "name": id,
            "properties": {"roleName": format!("role {id}"), "type": "CustomRole",
                "assignableScopes": [SUBSCRIPTION], "permissions": [permission]},
        });
        self.roles
            .push(RoleDefinition::read(&body).expect("a role"));
        self
    }

    /// An assignment, with more properties laid over.
    fn assigned(mut self, name: &str, scope: &str, role: &str, to: &str, more: Json) -> Self {
        let body = assignment(name, scope, role, to, more);
        let assignment = Assignment::read(&body).expect("an assignment");
        self.tenant.assignments.push(assignment);
        self
    }

    fn gives(self, scope: &str, role: &str, to: &str) -> Self {
        self.assigned("a", scope, role, to, json!({}))
    }

    /// A deny assignment, with more properties laid over.
    fn denies(mut self, name: &str, scope: &str, permission: Json, more: Json) -> Self {
        let mut body = json!({
            "id": format!("{scope}/providers/Microsoft.Authorization/denyAssignments/{name}"),
            "name": name,
            "properties": {"denyAssignmentName": name, "scope": scope,
                "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
                "permissions": [permission], "isSystemProtected": true},
        });
        lay_over(&mut body["properties"], more);
        self.tenant
            .denials
            .push(Denial::read(&body).expect("a deny assignment"));
        self
    }

    fn member(mut self, member: &str, group: &str) -> Self {
        self.tenant.memberships.put(member, group);
        self
    }

    fn access(mut self) -> Access {
        self.tenant.roles = self.roles.into_iter().collect();
        Access::new(self.tenant, NOW)
    }
}

fn assignment(name: &str, scope: &str, role: &str, to: &str, more: Json) -> Json {
    let mut body = json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"),
        "name": name,
        "properties": {
            "scope": scope,
            "roleDefinitionId":
                format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": to,
            "principalType": "ServicePrincipal",
        },
    });
    lay_over(&mut body["properties"], more);
    body
}

fn lay_over(properties: &mut Json, more: Json) {
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
}
