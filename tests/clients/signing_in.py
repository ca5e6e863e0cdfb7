"""azure-identity: who is let in, and whom a client lets itself in with."""

import os
import uuid
from unittest import mock

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import Registry, Sku
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity

from estate import Check

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
SCOPE = "https://management.azure.com/.default"
FEDERATION = {
    "issuer": "https://issuer.example/",
    "subject": "system:serviceaccount:iam:iam",
    "audience": "api://AzureADTokenExchange",
}


class SigningIn(Check):
    """Secrets, assertions, and the authority that vouches for the server."""

    def test_a_server_that_nobody_vouches_for_gets_no_secret(self):
        stranger = ClientSecretCredential(*self.estate.owner, retry_total=0, **self.estate.authority)
        with self.assertRaises((ServiceRequestError, ClientAuthenticationError)) as refused:
            stranger.get_token(SCOPE)
        self.assertIn("CERTIFICATE_VERIFY_FAILED", str(refused.exception))
        blind = self.estate.client(
            ContainerRegistryManagementClient, connection_verify=True, retry_total=0
        )
        with self.assertRaises(ServiceRequestError) as refused:
            list(blind.registries.list())
        self.assertIn("CERTIFICATE_VERIFY_FAILED", str(refused.exception))

    def test_the_variable_that_clients_share_is_enough(self):
        with mock.patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": self.estate.ca}):
            credential = ClientSecretCredential(*self.estate.owner, **self.estate.authority)
            client = self.estate.client(
                ContainerRegistryManagementClient, credential, connection_verify=True
            )
            self.assertTrue(list(client.registries.list()))

    def test_a_wrong_secret_is_told_as_entra_does(self):
        tenant, client_id, _ = self.estate.owner
        wrong = ClientSecretCredential(
            tenant, client_id, "wrong", connection_verify=self.estate.ca, **self.estate.authority
        )
        with self.assertRaises(ClientAuthenticationError) as refused:
            wrong.get_token(SCOPE)
        self.assertIn("AADSTS7000215", str(refused.exception))

    def test_a_workload_signs_in_by_its_assertion_and_may_what_it_was_given(self):
        group = self.estate.group("rg-clients-workload")
        msi = self.estate.client(ManagedServiceIdentityClient)
        identity = msi.user_assigned_identities.create_or_update(
            group, "id-workload", Identity(location="eastus2")
        )
        msi.federated_identity_credentials.create_or_update(
            group,
            "id-workload",
            "iam",
            FederatedIdentityCredential(
                issuer=FEDERATION["issuer"],
                subject=FEDERATION["subject"],
                audiences=[FEDERATION["audience"]],
            ),
        )
        grants = self.estate.client(AuthorizationManagementClient).role_assignments
        subscription = f"/subscriptions/{self.estate.subscription}"
        grant = {
            "role_definition_id": f"{subscription}/providers/Microsoft.Authorization"
            f"/roleDefinitions/{READER}",
            "principal_id": identity.principal_id,
            "principal_type": "ServicePrincipal",
        }
        scope = f"{subscription}/resourceGroups/{group}"
        grants.create(scope, str(uuid.uuid4()), grant)

        workload = ClientAssertionCredential(
            self.estate.tenant,
            identity.client_id,
            lambda: self.estate.control("assertion", FEDERATION)["assertion"],
            connection_verify=self.estate.ca,
            **self.estate.authority,
        )
        registries = self.estate.client(ContainerRegistryManagementClient, workload).registries
        self.assertEqual(list(registries.list_by_resource_group(group)), [])
        with self.assertRaises(HttpResponseError) as refused:
            registries.begin_create(
                group, "onestreamworkload", Registry(location="eastus2", sku=Sku(name="Basic"))
            )
        self.assertEqual(refused.exception.error.code, "AuthorizationFailed")

        other = FEDERATION | {"subject": "system:serviceaccount:iam:other"}
        impostor = ClientAssertionCredential(
            self.estate.tenant,
            identity.client_id,
            lambda: self.estate.control("assertion", other)["assertion"],
            connection_verify=self.estate.ca,
            **self.estate.authority,
        )
        with self.assertRaises(ClientAuthenticationError) as refused:
            impostor.get_token(SCOPE)
        self.assertIn("AADSTS700213", str(refused.exception))
