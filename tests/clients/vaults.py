"""azure-mgmt-keyvault: vaults, their soft delete, and keys as ARM shows them."""

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    Sku,
    VaultCreateOrUpdateParameters,
    VaultPatchParameters,
    VaultProperties,
)

from estate import Check, place

TYPE = "Microsoft.KeyVault/vaults"


def make(estate, client, group, name, **more):
    """A vault that decides by roles; what stands then."""
    properties = VaultProperties(
        tenant_id=estate.tenant,
        sku=Sku(family="A", name="premium"),
        enable_rbac_authorization=True,
        # Required even where roles decide.
        access_policies=[],
        soft_delete_retention_in_days=7,
        **more,
    )
    wanted = VaultCreateOrUpdateParameters(location="eastus2", properties=properties)
    return client.vaults.begin_create_or_update(group, name, wanted).result()


class Vaults(Check):
    """The vaults of the sample, and one of our own."""

    def setUp(self):
        self.client = self.estate.client(KeyVaultManagementClient)

    def test_the_applied_ones_are_there_with_their_keys(self):
        listed = {one.id.lower(): one for one in self.client.vaults.list_by_subscription()}
        for found in self.estate.applied(TYPE):
            with self.subTest(found["address"]):
                live = listed[found["id"].lower()]
                self.ours(live.tags)
                self.assertTrue(live.properties.enable_soft_delete)
                self.assertTrue(live.properties.vault_uri.startswith("https://"))
        for found in self.estate.applied(f"{TYPE}/keys"):
            with self.subTest(found["address"]):
                at = place(found["id"])
                live = self.client.keys.get(at["resourcegroups"], at["vaults"], at["keys"])
                self.assertTrue(live.key_uri_with_version)

    def test_one_is_made_tagged_deleted_recovered_and_purged(self):
        group, name = self.estate.group("rg-clients-vault"), "kv-clients-vault"
        made = make(self.estate, self.client, group, name)
        port = self.estate.origin.rsplit(":", 1)[1]
        self.assertEqual(
            made.properties.vault_uri.rstrip("/"), f"https://{name}.vault.localhost:{port}"
        )
        tagged = self.client.vaults.update(group, name, VaultPatchParameters(tags={"by": "sdk"}))
        self.assertEqual(tagged.tags, {"by": "sdk"})
        self.client.vaults.delete(group, name)
        with self.assertRaises(ResourceNotFoundError):
            self.client.vaults.get(group, name)
        deleted = self.client.vaults.get_deleted(name, "eastus2")
        self.assertEqual(deleted.properties.vault_id.lower(), made.id.lower())
        self.assertIn(name, [one.name for one in self.client.vaults.list_deleted()])
        taken = self.client.vaults.check_name_availability({"name": name, "type": TYPE})
        self.assertFalse(taken.name_available)
        with self.assertRaises(HttpResponseError) as refused:
            make(self.estate, self.client, group, name)
        self.assertEqual(refused.exception.error.code, "ConflictError")
        recovered = make(self.estate, self.client, group, name, create_mode="recover")
        self.assertEqual(recovered.tags, {"by": "sdk"})
        self.client.vaults.delete(group, name)
        self.client.vaults.begin_purge_deleted(name, "eastus2").result()
        self.assertNotIn(name, [one.name for one in self.client.vaults.list_deleted()])
