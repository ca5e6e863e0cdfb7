"""azure-mgmt-containerservice: clusters and their agent pools."""

from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.containerservice.models import (
    AgentPool,
    ManagedCluster,
    ManagedClusterAgentPoolProfile,
    ManagedClusterAgentPoolProfileProperties,
    ManagedClusterIdentity,
    ManagedClusterProperties,
    TagsObject,
)
from azure.mgmt.resource.resources import ResourceManagementClient

from estate import Check, place

TYPE = "Microsoft.ContainerService/managedClusters"


class Clusters(Check):
    """The clusters of the sample, and one of our own."""

    def setUp(self):
        self.client = self.estate.client(ContainerServiceClient)

    def test_the_applied_ones_are_there_with_their_pools(self):
        listed = {one.id.lower(): one for one in self.client.managed_clusters.list()}
        for found in self.estate.applied(TYPE):
            with self.subTest(found["address"]):
                live = listed[found["id"].lower()]
                self.ours(live.tags)
                self.assertEqual(live.provisioning_state, "Succeeded")
        for found in self.estate.applied(f"{TYPE}/agentPools"):
            with self.subTest(found["address"]):
                at = place(found["id"])
                live = self.client.agent_pools.get(
                    at["resourcegroups"], at["managedclusters"], at["agentpools"]
                )
                self.assertEqual(live.provisioning_state, "Succeeded")

    def pool(self, count):
        """A system pool."""
        return ManagedClusterAgentPoolProfile(
            name="system", mode="System", count=count, vm_size="Standard_D4s_v5"
        )

    def test_one_is_made_changed_stopped_and_deleted(self):
        group, name = self.estate.group("rg-clients-cluster"), "aks-clients"
        clusters, pools = self.client.managed_clusters, self.client.agent_pools
        wanted = ManagedCluster(
            location="eastus2",
            tags={"by": "sdk"},
            identity=ManagedClusterIdentity(type="SystemAssigned"),
            properties=ManagedClusterProperties(
                dns_prefix="clients", agent_pool_profiles=[self.pool(1)]
            ),
        )
        made = clusters.begin_create_or_update(group, name, wanted).result()
        self.assertEqual((made.provisioning_state, made.power_state.code), ("Succeeded", "Running"))
        self.assertTrue(made.identity.principal_id)

        # What belongs to the cluster carries its tags, and its group has an owner.
        resources = self.estate.client(ResourceManagementClient)
        nodes = resources.resource_groups.get(made.node_resource_group)
        self.assertEqual(nodes.tags["by"], "sdk")
        self.assertEqual(nodes.managed_by.lower(), made.id.lower())

        tags = TagsObject(tags={"by": "sdk", "changed": "yes"})
        changed = clusters.begin_update_tags(group, name, tags).result()
        self.assertEqual(changed.tags, tags.tags)
        profile = clusters.get_upgrade_profile(group, name)
        self.assertEqual(
            profile.control_plane_profile.kubernetes_version, made.current_kubernetes_version
        )
        self.assertTrue(clusters.list_cluster_user_credentials(group, name).kubeconfigs)

        extra = AgentPool(
            properties=ManagedClusterAgentPoolProfileProperties(
                mode="User", count=1, vm_size="Standard_D4s_v5", node_labels={"for": "clients"}
            )
        )
        pools.begin_create_or_update(group, name, "extra", extra).result()
        extra.properties.count = 3
        grown = pools.begin_create_or_update(group, name, "extra", extra).result()
        self.assertEqual((grown.count, grown.node_labels), (3, {"for": "clients"}))
        self.assertEqual({one.name for one in pools.list(group, name)}, {"system", "extra"})
        pools.begin_delete(group, name, "extra").result()
        with self.assertRaises(HttpResponseError):
            pools.begin_delete(group, name, "system").result()

        clusters.begin_stop(group, name).result()
        self.assertEqual(clusters.get(group, name).power_state.code, "Stopped")
        clusters.begin_start(group, name).result()
        self.assertEqual(clusters.get(group, name).power_state.code, "Running")
        clusters.begin_delete(group, name).result()
        self.assertEqual(list(clusters.list_by_resource_group(group)), [])
        self.assertFalse(resources.resource_groups.check_existence(made.node_resource_group))

    def test_what_the_provider_refuses_arrives_with_its_code(self):
        group = self.estate.group("rg-clients-refused")
        wanted = ManagedCluster(
            location="eastus2",
            identity=ManagedClusterIdentity(type="SystemAssigned"),
            properties=ManagedClusterProperties(
                dns_prefix="clients",
                kubernetes_version="1.2.3",
                agent_pool_profiles=[self.pool(1)],
            ),
        )
        with self.assertRaises(HttpResponseError) as refused:
            self.client.managed_clusters.begin_create_or_update(group, "aks-old", wanted).result()
        self.assertEqual(refused.exception.status_code, 400)
        self.assertEqual(refused.exception.error.code, "K8sVersionNotSupported")
