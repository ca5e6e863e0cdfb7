"""azure-mgmt-msi: user-assigned identities and their federated credentials."""

import uuid

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity, IdentityUpdate

from estate import Check, place

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


class Identities(Check):
    """The identities of the sample, and one of our own."""

    def setUp(self):
        self.client = self.estate.client(ManagedServiceIdentityClient)

    def test_the_applied_ones_have_principals(self):
        applied = self.estate.applied(TYPE)
        self.assertTrue(applied)
        listed = {
            identity.id.lower(): identity
            for identity in self.client.user_assigned_identities.list_by_subscription()
        }
        for found in applied:
            with self.subTest(found["address"]):
                live = listed[found["id"].lower()]
                self.ours(live.tags)
                for value in (live.principal_id, live.client_id):
                    self.assertTrue(uuid.UUID(value))
                self.assertEqual(live.tenant_id, self.estate.tenant)

    def test_the_applied_federated_credentials_are_there(self):
        for found in self.estate.applied(f"{TYPE}/federatedIdentityCredentials"):
            at = place(found["id"])
            listed = self.client.federated_identity_credentials.list(
                at["resourcegroups"], at["userassignedidentities"]
            )
            self.assertIn(found["name"], [one.name for one in listed])

    def test_one_is_made_federated_changed_and_deleted(self):
        group = self.estate.group("rg-clients-identity")
        identities = self.client.user_assigned_identities
        made = identities.create_or_update(group, "id-clients", Identity(location="eastus2"))
        again = identities.create_or_update(
            group, "id-clients", Identity(location="eastus2", tags={"a": "1"})
        )
        self.assertEqual(again.principal_id, made.principal_id)
        tagged = identities.update(group, "id-clients", IdentityUpdate(tags={"by": "sdk"}))
        self.assertEqual(tagged.tags, {"by": "sdk"})
        credentials = self.client.federated_identity_credentials
        wanted = FederatedIdentityCredential(
            issuer="https://issuer.example/",
            subject="system:serviceaccount:iam:iam",
            audiences=["api://AzureADTokenExchange"],
        )
        credentials.create_or_update(group, "id-clients", "iam", wanted)
        live = credentials.get(group, "id-clients", "iam")
        self.assertEqual(
            (live.issuer, live.subject, live.audiences),
            (wanted.issuer, wanted.subject, wanted.audiences),
        )
        wanted.subject = "system:serviceaccount:iam:other"
        credentials.create_or_update(group, "id-clients", "iam", wanted)
        subjects = [one.subject for one in credentials.list(group, "id-clients")]
        self.assertEqual(subjects, [wanted.subject])
        credentials.delete(group, "id-clients", "iam")
        self.assertEqual(list(credentials.list(group, "id-clients")), [])
        identities.delete(group, "id-clients")
        with self.assertRaises(ResourceNotFoundError):
            identities.get(group, "id-clients")
