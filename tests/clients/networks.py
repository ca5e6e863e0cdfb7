"""azure-mgmt-network and azure-mgmt-privatedns: networks, subnets, endpoints, zones."""

from azure.core.exceptions import HttpResponseError
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import (
    AddressSpace,
    NetworkSecurityGroup,
    NetworkSecurityGroupPropertiesFormat,
    SecurityRule,
    SecurityRulePropertiesFormat,
    Subnet,
    SubnetPropertiesFormat,
    TagsObject,
    VirtualNetwork,
    VirtualNetworkPropertiesFormat,
)
from azure.mgmt.privatedns import PrivateDnsManagementClient

from estate import Check, place

TYPE = "Microsoft.Network"


class Networks(Check):
    """The networks of the sample, and one of our own."""

    def setUp(self):
        self.client = self.estate.client(NetworkManagementClient)
        self.dns = self.estate.client(PrivateDnsManagementClient)

    def test_the_applied_networks_and_subnets_are_there(self):
        applied = self.estate.applied(f"{TYPE}/virtualNetworks")
        self.assertTrue(applied)
        listed = {network.id.lower(): network for network in self.client.virtual_networks.list_all()}
        subnets = {
            subnet.id.lower() for network in listed.values() for subnet in network.subnets
        }
        for found in applied:
            self.ours(listed[found["id"].lower()].tags)
        for found in self.estate.applied(f"{TYPE}/virtualNetworks/subnets"):
            self.assertIn(found["id"].lower(), subnets)
            at = place(found["id"])
            live = self.client.subnets.get(
                at["resourcegroups"], at["virtualnetworks"], at["subnets"]
            )
            self.assertEqual(live.provisioning_state, "Succeeded")

    def test_the_applied_endpoints_are_approved_and_resolve(self):
        applied = self.estate.applied(f"{TYPE}/privateEndpoints")
        self.assertTrue(applied)
        for found in applied:
            with self.subTest(found["address"]):
                at = place(found["id"])
                live = self.client.private_endpoints.get(
                    at["resourcegroups"], at["privateendpoints"]
                )
                self.ours(live.tags)
                states = [
                    one.private_link_service_connection_state.status
                    for one in live.private_link_service_connections
                ]
                self.assertEqual(states, ["Approved"])
                card = place(live.network_interfaces[0].id)
                interface = self.client.network_interfaces.get(
                    card["resourcegroups"], card["networkinterfaces"]
                )
                addresses = {one.private_ip_address for one in interface.ip_configurations}
                groups = self.client.private_dns_zone_groups.list(
                    at["privateendpoints"], at["resourcegroups"]
                )
                recorded = {
                    address
                    for group in groups
                    for zone in group.private_dns_zone_configs
                    for record in zone.record_sets
                    for address in record.ip_addresses
                }
                self.assertTrue(recorded)
                self.assertLessEqual(recorded, addresses)

    def test_the_applied_zones_are_linked(self):
        applied = self.estate.applied(f"{TYPE}/privateDnsZones")
        self.assertTrue(applied)
        for found in applied:
            at = place(found["id"])
            zone = self.dns.private_zones.get(at["resourcegroups"], at["privatednszones"])
            self.ours(zone.tags)
            links = self.dns.virtual_network_links.list(at["resourcegroups"], zone.name)
            self.assertEqual([one.virtual_network_link_state for one in links], ["Completed"])

    def test_a_subnet_is_made_guarded_and_deleted(self):
        group = self.estate.group("rg-clients-network")
        space = AddressSpace(address_prefixes=["10.90.0.0/16"])
        network = self.client.virtual_networks.begin_create_or_update(
            group,
            "vnet-clients",
            VirtualNetwork(
                location="eastus2",
                properties=VirtualNetworkPropertiesFormat(address_space=space),
            ),
        ).result()
        self.assertEqual(network.provisioning_state, "Succeeded")
        tagged = self.client.virtual_networks.update_tags(
            group, "vnet-clients", TagsObject(tags={"by": "sdk"})
        )
        self.assertEqual(tagged.tags, {"by": "sdk"})
        rule = SecurityRule(
            name="no-ssh",
            properties=SecurityRulePropertiesFormat(
                protocol="Tcp",
                access="Deny",
                direction="Inbound",
                priority=100,
                source_address_prefix="*",
                source_port_range="*",
                destination_address_prefix="*",
                destination_port_range="22",
            ),
        )
        guard = self.client.network_security_groups.begin_create_or_update(
            group,
            "nsg-clients",
            NetworkSecurityGroup(
                location="eastus2",
                properties=NetworkSecurityGroupPropertiesFormat(security_rules=[rule]),
            ),
        ).result()
        wanted = Subnet(properties=SubnetPropertiesFormat(address_prefix="10.90.1.0/24"))
        self.subnet(group, wanted)
        wanted.properties.network_security_group = NetworkSecurityGroup(id=guard.id)
        guarded = self.subnet(group, wanted)
        self.assertEqual(guarded.network_security_group.id, guard.id)
        with self.assertRaises(HttpResponseError) as refused:
            self.client.network_security_groups.begin_delete(group, "nsg-clients").result()
        self.assertEqual(
            refused.exception.error.code, "InUseNetworkSecurityGroupCannotBeDeleted"
        )
        elsewhere = Subnet(properties=SubnetPropertiesFormat(address_prefix="10.91.0.0/24"))
        with self.assertRaises(HttpResponseError) as refused:
            self.subnet(group, elsewhere)
        self.assertEqual(refused.exception.error.code, "NetcfgInvalidSubnet")
        self.client.subnets.begin_delete(group, "vnet-clients", "a").result()
        self.client.network_security_groups.begin_delete(group, "nsg-clients").result()
        self.client.virtual_networks.begin_delete(group, "vnet-clients").result()
        self.assertEqual(list(self.client.virtual_networks.list(group)), [])

    def subnet(self, group, wanted):
        """Puts the scratch subnet; what stands then."""
        return self.client.subnets.begin_create_or_update(
            group, "vnet-clients", "a", wanted
        ).result()

    def test_a_zone_is_made_filled_and_deleted(self):
        group = self.estate.group("rg-clients-zone")
        zone = "clients.internal"
        self.dns.private_zones.begin_create_or_update(
            group, zone, {"location": "global"}
        ).result()
        record = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.90.1.4"}]}}
        self.dns.record_sets.create_or_update(group, zone, "A", "a", record)
        kinds = {one.name: one.type for one in self.dns.record_sets.list(group, zone)}
        self.assertEqual(kinds["a"], "Microsoft.Network/privateDnsZones/A")
        self.assertEqual(kinds["@"], "Microsoft.Network/privateDnsZones/SOA")
        self.dns.record_sets.delete(group, zone, "A", "a")
        self.dns.private_zones.begin_delete(group, zone).result()
        self.assertEqual(list(self.dns.private_zones.list_by_resource_group(group)), [])
