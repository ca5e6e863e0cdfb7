"""azure-mgmt-resource: groups, providers, and whatever no other client reads."""

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources import ResourceManagementClient

from estate import Check, place

# Extension and child types whose provider lists no api-version of its own.
VERSIONS = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
}


class Resources(Check):
    """Groups and generic reads."""

    def setUp(self):
        self.client = self.estate.client(ResourceManagementClient)

    def test_every_applied_object_is_there(self):
        applied = [found for found in self.estate.applied() if found["id"].startswith("/")]
        self.assertGreater(len(applied), 20)
        for found in applied:
            with self.subTest(found["address"]):
                self.assertEqual(found["state"], "present")
                version = self.version(found["arm_type"])
                live = self.client.resources.get_by_id(found["id"], api_version=version)
                self.assertEqual(live.id.lower(), found["id"].lower())

    def version(self, arm_type):
        """A stable api-version of a type, as its provider lists them."""
        if arm_type in VERSIONS:
            return VERSIONS[arm_type]
        namespace, _, kind = arm_type.partition("/")
        types = self.client.providers.get(namespace).resource_types
        for known in types:
            if known.resource_type.lower() == kind.lower():
                return next(v for v in known.api_versions if "preview" not in v)
        raise AssertionError(f"{arm_type} is not listed by its provider")

    def test_groups_are_listed_tagged_and_deleted(self):
        declared = self.estate.applied("Microsoft.Resources/resourceGroups")
        listed = {group.name: group for group in self.client.resource_groups.list()}
        for found in declared:
            self.ours(listed[found["name"]].tags)
        group = self.estate.group("rg-clients-group")
        self.client.resource_groups.update(group, {"tags": {"by": "sdk"}})
        self.assertEqual(self.client.resource_groups.get(group).tags, {"by": "sdk"})
        self.client.resource_groups.begin_delete(group).result()
        self.assertFalse(self.client.resource_groups.check_existence(group))
        with self.assertRaises(ResourceNotFoundError) as refused:
            self.client.resource_groups.get(group)
        self.assertEqual(refused.exception.error.code, "ResourceGroupNotFound")

    def test_a_locked_group_is_not_deleted(self):
        locks = self.estate.applied("Microsoft.Authorization/locks")
        self.assertTrue(locks)
        group = place(locks[0]["id"])["resourcegroups"]
        with self.assertRaises(HttpResponseError) as refused:
            self.client.resource_groups.begin_delete(group).result()
        self.assertEqual(refused.exception.error.code, "ScopeLocked")

    def test_marked_objects_are_found_by_tag(self):
        found = list(self.client.resources.list(filter="tagName eq 'managed-by'"))
        registries = {
            found["id"].lower()
            for found in self.estate.applied("Microsoft.ContainerRegistry/registries")
        }
        self.assertTrue(registries)
        self.assertLessEqual(registries, {one.id.lower() for one in found})
