"""azure-keyvault-keys: keys on the data plane of a vault."""

import hashlib

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.keys import KeyClient, KeyCurveName, KeyRotationPolicy
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, SignatureAlgorithm
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import (
    AddressSpace,
    PrivateEndpoint,
    PrivateEndpointProperties,
    PrivateLinkServiceConnection,
    PrivateLinkServiceConnectionProperties,
    Subnet,
    SubnetPropertiesFormat,
    VirtualNetwork,
    VirtualNetworkPropertiesFormat,
)

from estate import Check, place
from vaults import TYPE, make

DIGEST = hashlib.sha256(b"an image manifest").digest()


class Keys(Check):
    """The keys of the sample's vaults, and those of a vault of our own."""

    def setUp(self):
        self.vaults = self.estate.client(KeyVaultManagementClient)
        # The vault's name is not under the domain that its tokens are for.
        self.options = {
            "verify_challenge_resource": False,
            "connection_verify": self.estate.ca,
        }

    def keys(self, uri):
        """A client of the vault at an address."""
        return KeyClient(uri, self.estate.credential, **self.options)

    def crypto(self, key):
        """What is done with a key in its vault."""
        return CryptographyClient(key, self.estate.credential, **self.options)

    def scratch(self, name, **more):
        """A vault of our own."""
        group = self.estate.group("rg-clients-keys")
        vault = make(self.estate, self.vaults, group, name, **more)
        self.addCleanup(self.vaults.vaults.begin_purge_deleted, name, "eastus2")
        self.addCleanup(self.vaults.vaults.delete, group, name)
        return self.keys(vault.properties.vault_uri)

    def test_the_applied_ones_are_read_in_their_vaults(self):
        for found in self.estate.applied(f"{TYPE}/keys"):
            with self.subTest(found["address"]):
                at = place(found["id"])
                vault = self.vaults.vaults.get(at["resourcegroups"], at["vaults"])
                client = self.keys(vault.properties.vault_uri)
                listed = [one.name for one in client.list_properties_of_keys()]
                self.assertIn(at["keys"], listed)
                self.assertTrue(client.get_key(at["keys"]).properties.enabled)

    def test_one_signs_rotates_and_comes_back(self):
        client = self.scratch("kv-clients-signs")
        key = client.create_ec_key(
            "cosign", curve=KeyCurveName.p_256, hardware_protected=True, tags={"by": "sdk"}
        )
        self.assertEqual(key.key_type, "EC-HSM")
        self.assertTrue(key.id.startswith(client.vault_url), key.id)
        signed = self.crypto(key).sign(SignatureAlgorithm.es256, DIGEST)
        self.assertEqual(signed.key_id, key.id)
        for verifier in (self.crypto(key), CryptographyClient.from_jwk(key.key)):
            checked = verifier.verify(SignatureAlgorithm.es256, DIGEST, signed.signature)
            self.assertTrue(checked.is_valid)
        other = hashlib.sha256(b"another").digest()
        forged = self.crypto(key).verify(SignatureAlgorithm.es256, other, signed.signature)
        self.assertFalse(forged.is_valid)

        rotated = client.rotate_key("cosign")
        self.assertNotEqual(rotated.properties.version, key.properties.version)
        versions = [one.version for one in client.list_properties_of_key_versions("cosign")]
        self.assertEqual(
            sorted(versions), sorted([key.properties.version, rotated.properties.version])
        )
        old = client.update_key_properties("cosign", key.properties.version, enabled=False)
        self.assertFalse(old.properties.enabled)
        with self.assertRaises(HttpResponseError) as refused:
            self.crypto(key).sign(SignatureAlgorithm.es256, DIGEST)
        self.assertEqual(refused.exception.status_code, 403)

        client.begin_delete_key("cosign").wait()
        with self.assertRaises(ResourceNotFoundError):
            client.get_key("cosign")
        self.assertEqual([one.name for one in client.list_deleted_keys()], ["cosign"])
        recovering = client.begin_recover_deleted_key("cosign")
        recovering.wait()
        recovered = recovering.result()
        self.assertEqual(recovered.name, "cosign")
        self.assertEqual(client.get_key("cosign").properties.version, rotated.properties.version)

    def test_a_policy_is_set_and_a_backup_restored(self):
        client = self.scratch("kv-clients-policy")
        client.create_rsa_key("wrap", size=2048)
        policy = KeyRotationPolicy(expires_in="P90D")
        client.update_key_rotation_policy("wrap", policy, lifetime_actions=[])
        self.assertEqual(client.get_key_rotation_policy("wrap").expires_in, "P90D")
        backup = client.backup_key("wrap")
        client.begin_delete_key("wrap").wait()
        client.purge_deleted_key("wrap")
        restored = client.restore_key_backup(backup)
        self.assertEqual(restored.name, "wrap")
        crypto, algorithm = self.crypto(restored), EncryptionAlgorithm.rsa_oaep_256
        secret = crypto.encrypt(algorithm, b"plain").ciphertext
        self.assertEqual(crypto.decrypt(algorithm, secret).plaintext, b"plain")

    def test_a_private_vault_is_reached_through_its_endpoint_only(self):
        group, name = self.estate.group("rg-clients-keys"), "kv-clients-private"
        client = self.scratch(name, public_network_access="Disabled")
        with self.assertRaises(HttpResponseError) as refused:
            list(client.list_properties_of_keys())
        self.assertEqual(refused.exception.status_code, 403)
        self.assertIn("ForbiddenByConnection", str(refused.exception))

        network = self.estate.client(NetworkManagementClient)
        subnet = Subnet(
            name="endpoints", properties=SubnetPropertiesFormat(address_prefix="10.91.0.0/24")
        )
        made = network.virtual_networks.begin_create_or_update(
            group,
            "vnet-keys",
            VirtualNetwork(
                location="eastus2",
                properties=VirtualNetworkPropertiesFormat(
                    address_space=AddressSpace(address_prefixes=["10.91.0.0/16"]), subnets=[subnet]
                ),
            ),
        ).result()
        connection = PrivateLinkServiceConnection(
            name="vault",
            properties=PrivateLinkServiceConnectionProperties(
                private_link_service_id=self.vaults.vaults.get(group, name).id, group_ids=["vault"]
            ),
        )
        endpoint = network.private_endpoints.begin_create_or_update(
            group,
            "pe-keys",
            PrivateEndpoint(
                location="eastus2",
                properties=PrivateEndpointProperties(
                    subnet=Subnet(id=made.subnets[0].id),
                    private_link_service_connections=[connection],
                ),
            ),
        ).result()
        self.assertEqual(endpoint.provisioning_state, "Succeeded")
        self.assertEqual(list(client.list_properties_of_keys()), [])
        network.private_endpoints.begin_delete(group, "pe-keys").result()
        with self.assertRaises(HttpResponseError):
            list(client.list_properties_of_keys())
