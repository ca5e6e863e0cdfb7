"""azure-mgmt-authorization: role definitions, role assignments."""

import uuid

from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import Identity

from estate import Check, place

TYPE = "Microsoft.Authorization"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


class Access(Check):
    """What the sample grants, and a role and an assignment of our own."""

    def setUp(self):
        self.client = self.estate.client(AuthorizationManagementClient)
        self.scope = f"/subscriptions/{self.estate.subscription}"

    def role(self, guid):
        """The id of a role definition."""
        return f"{self.scope}/providers/{TYPE}/roleDefinitions/{guid}"

    def test_the_applied_assignments_and_definitions_are_there(self):
        listed = {
            one.id.lower(): one for one in self.client.role_assignments.list_for_subscription()
        }
        for found in self.estate.applied(f"{TYPE}/roleAssignments"):
            with self.subTest(found["address"]):
                live = listed[found["id"].lower()]
                role = self.client.role_definitions.get_by_id(live.role_definition_id)
                self.assertTrue(role.role_name)
        for found in self.estate.applied(f"{TYPE}/roleDefinitions"):
            with self.subTest(found["address"]):
                role = self.client.role_definitions.get_by_id(found["id"])
                self.assertEqual(role.role_type, "CustomRole")
                self.assertTrue(role.permissions)

    def test_the_deployer_is_found_by_what_it_may(self):
        roles = {
            role.id.lower()
            for role in self.client.role_definitions.list(self.scope, filter="type eq 'CustomRole'")
            if "Microsoft.KeyVault/vaults/keys/create/action" in role.permissions[0].data_actions
        }
        held = self.client.role_assignments.list_for_scope(self.scope, filter="atScope()")
        self.assertTrue(roles & {one.role_definition_id.lower() for one in held})

    def test_a_built_in_role_is_found_by_its_name(self):
        found = list(self.client.role_definitions.list(self.scope, filter="roleName eq 'AcrPull'"))
        self.assertEqual([one.name for one in found], [ACR_PULL])
        self.assertEqual(found[0].role_type, "BuiltInRole")

    def test_an_assignment_is_made_found_and_taken_away(self):
        group = self.estate.group("rg-clients-access")
        identities = self.estate.client(ManagedServiceIdentityClient).user_assigned_identities
        identity = identities.create_or_update(
            group, "id-clients-access", Identity(location="eastus2")
        )
        scope = f"{self.scope}/resourceGroups/{group}"
        name = str(uuid.uuid4())
        wanted = {
            "role_definition_id": self.role(ACR_PULL),
            "principal_id": identity.principal_id,
            "principal_type": "ServicePrincipal",
        }
        made = self.client.role_assignments.create(scope, name, wanted)
        self.assertEqual(made.principal_id, identity.principal_id)
        with self.assertRaises(HttpResponseError) as refused:
            self.client.role_assignments.create(scope, str(uuid.uuid4()), wanted)
        self.assertEqual(refused.exception.error.code, "RoleAssignmentExists")
        listed = self.client.role_assignments.list_for_scope(
            scope, filter=f"assignedTo('{identity.principal_id}')"
        )
        self.assertEqual([one.name for one in listed], [name])
        self.client.role_assignments.delete(scope, name)
        listed = self.client.role_assignments.list_for_scope(
            scope, filter=f"principalId eq '{identity.principal_id}'"
        )
        self.assertEqual(list(listed), [])
        identities.delete(group, "id-clients-access")

    def test_a_custom_role_is_made_changed_and_deleted(self):
        name = str(uuid.uuid4())
        wanted = {
            "role_name": "clients: read registries",
            "description": "made by a client",
            "permissions": [
                {"actions": ["Microsoft.ContainerRegistry/registries/read"], "not_actions": []}
            ],
            "assignable_scopes": [self.scope],
        }
        made = self.client.role_definitions.create_or_update(self.scope, name, wanted)
        self.assertEqual(made.role_type, "CustomRole")
        wanted["permissions"][0]["data_actions"] = [
            "Microsoft.ContainerRegistry/registries/repositories/content/read"
        ]
        self.client.role_definitions.create_or_update(self.scope, name, wanted)
        live = self.client.role_definitions.get(self.scope, name)
        self.assertEqual(live.permissions[0].data_actions, wanted["permissions"][0]["data_actions"])
        custom = self.client.role_definitions.list(self.scope, filter="type eq 'CustomRole'")
        self.assertIn(name, [one.name for one in custom])
        self.client.role_definitions.delete(self.scope, name)
        custom = self.client.role_definitions.list(self.scope, filter="type eq 'CustomRole'")
        self.assertNotIn(name, [one.name for one in custom])
