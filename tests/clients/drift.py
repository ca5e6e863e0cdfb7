"""What `onestream` makes of what the clients did."""

import json

from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import (
    RegistryPropertiesUpdateParameters,
    RegistryUpdateParameters,
)

from estate import Check, place


class Drift(Check):
    """The program after the clients."""

    def plan(self, expect):
        """The operations that are planned."""
        printed = self.estate.onestream(
            "--format", "json", "plan", "--detailed-exitcode", expect=expect
        )
        document = json.loads(printed)
        self.assertEqual(document["summary"]["unreadable"], 0)
        return document["plan"]["operations"]

    def test_only_a_managed_field_is_drift(self):
        self.assertEqual(self.plan(expect=(0,)), [], "nothing that we manage was changed")
        client = self.estate.client(ContainerRegistryManagementClient).registries
        found = self.estate.applied("Microsoft.ContainerRegistry/registries")[0]
        at = place(found["id"])
        where = (at["resourcegroups"], at["registries"])
        before = client.get(*where)
        tags = before.tags | {"sdk": "drift"}
        flipped = RegistryPropertiesUpdateParameters(
            data_endpoint_enabled=not before.data_endpoint_enabled
        )
        client.begin_update(
            *where, RegistryUpdateParameters(properties=flipped, tags=tags)
        ).result()
        operations = self.plan(expect=(2,))
        self.assertEqual([one["address"] for one in operations], [found["address"]])
        self.assertIn("dataEndpointEnabled", json.dumps(operations))
        self.estate.onestream("apply", "--auto-approve")
        self.assertEqual(self.plan(expect=(0,)), [])
        after = client.get(*where)
        self.assertEqual(after.data_endpoint_enabled, before.data_endpoint_enabled)
        self.assertEqual(after.tags, tags, "an update leaves other people's tags")
