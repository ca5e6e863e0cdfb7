"""azure-mgmt-containerregistry: registries, replications, webhooks."""

from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import (
    Policies,
    Registry,
    RegistryProperties,
    RegistryUpdateParameters,
    RegistryPropertiesUpdateParameters,
    Replication,
    RetentionPolicy,
    Sku,
)

from estate import Check, place

TYPE = "Microsoft.ContainerRegistry/registries"


class Registries(Check):
    """The registries of the sample, and one of our own."""

    def setUp(self):
        self.client = self.estate.client(ContainerRegistryManagementClient)

    def test_the_applied_ones_are_as_declared(self):
        applied = self.estate.applied(TYPE)
        self.assertTrue(applied)
        listed = {registry.id.lower(): registry for registry in self.client.registries.list()}
        for found in applied:
            with self.subTest(found["address"]):
                live = listed[found["id"].lower()]
                self.ours(live.tags)
                self.assertEqual(live.sku.name, "Premium")
                self.assertFalse(live.admin_user_enabled)
                self.assertEqual(live.public_network_access, "Disabled")
                self.assertEqual(live.login_server, f"{live.name}.azurecr.localhost")
                at = place(live.id)["resourcegroups"]
                usages = self.client.registries.list_usages(at, live.name).value
                self.assertIn("Size", [usage.name for usage in usages])
                connections = list(self.client.private_endpoint_connections.list(at, live.name))
                states = [
                    one.private_link_service_connection_state.status for one in connections
                ]
                self.assertEqual(states, ["Approved"])

    def test_the_applied_replications_are_there(self):
        applied = self.estate.applied(f"{TYPE}/replications")
        self.assertTrue(applied)
        for found in applied:
            at = place(found["id"])
            listed = self.client.replications.list(at["resourcegroups"], at["registries"])
            regions = {one.name: one.provisioning_state for one in listed}
            self.assertEqual(regions[found["name"]], "Succeeded")

    def test_a_tag_is_added_and_others_stay(self):
        at = place(self.estate.applied(TYPE)[0]["id"])
        before = self.client.registries.get(at["resourcegroups"], at["registries"])
        tags = before.tags | {"sdk": "registries"}
        after = self.client.registries.begin_update(
            at["resourcegroups"], at["registries"], RegistryUpdateParameters(tags=tags)
        ).result()
        self.assertEqual(after.tags, tags)
        self.ours(after.tags)

    def test_one_is_made_changed_replicated_and_deleted(self):
        group = self.estate.group("rg-clients-registry")
        name = "onestreamclients"
        free = self.client.registries.check_name_availability({"name": name, "type": TYPE})
        self.assertTrue(free.name_available)
        made = self.client.registries.begin_create(
            group, name, Registry(location="eastus2", sku=Sku(name="Premium"))
        ).result()
        self.assertEqual(made.provisioning_state, "Succeeded")
        taken = self.client.registries.check_name_availability({"name": name, "type": TYPE})
        self.assertEqual((taken.name_available, taken.reason), (False, "AlreadyExists"))
        policies = Policies(retention_policy=RetentionPolicy(days=30, status="enabled"))
        changed = self.client.registries.begin_update(
            group,
            name,
            RegistryUpdateParameters(
                properties=RegistryPropertiesUpdateParameters(
                    policies=policies, data_endpoint_enabled=True
                )
            ),
        ).result()
        self.assertTrue(changed.data_endpoint_enabled)
        self.assertEqual(changed.policies.retention_policy.days, 30)
        replication = self.client.replications.begin_create(
            group, name, "westus2", Replication(location="westus2")
        ).result()
        self.assertEqual(replication.provisioning_state, "Succeeded")
        self.client.replications.begin_delete(group, name, "westus2").result()
        left = [one.name for one in self.client.replications.list(group, name)]
        self.assertEqual(left, ["eastus2"])
        wanted = {
            "source": {"registryUri": "mcr.microsoft.com", "sourceImage": "hello-world:latest"},
            "targetTags": ["hello:1"],
            "mode": "NoForce",
        }
        self.client.registries.begin_import_image(group, name, wanted).result()
        with self.assertRaises(HttpResponseError) as refused:
            self.client.registries.begin_import_image(group, name, wanted).result()
        self.assertEqual(refused.exception.status_code, 409)
        with self.assertRaises(HttpResponseError):
            self.client.registries.list_credentials(group, name)
        self.client.registries.begin_delete(group, name).result()
        self.assertEqual(list(self.client.registries.list_by_resource_group(group)), [])

    def test_what_the_provider_refuses_arrives_with_its_code(self):
        group = self.estate.group("rg-clients-refused")
        basic = Registry(
            location="eastus2",
            sku=Sku(name="Basic"),
            properties=RegistryProperties(public_network_access="Disabled"),
        )
        with self.assertRaises(HttpResponseError) as refused:
            self.client.registries.begin_create(group, "onestreambasic", basic).result()
        self.assertEqual(refused.exception.status_code, 400)
        self.assertTrue(refused.exception.error.code)
