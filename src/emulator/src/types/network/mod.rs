//! `Microsoft.Network` as far as private connectivity goes: networks with their subnets,
//! private endpoints with their interfaces, private DNS.

mod addresses;
mod dns;
mod dns_link;
mod dns_record;
mod dns_zone;
mod endpoint_fields;
mod joins;
mod network_interface;
mod prefix;
mod private_endpoint;
mod private_endpoint_view;
mod private_link;
mod provider;
mod security_group;
mod subnet;
mod subnet_fields;
mod subnet_plan;
mod virtual_network;
mod zone_group;

use crate::arm::ResourceType;

/// The types of the namespace.
pub static TYPES: &[&dyn ResourceType] = &[
    &virtual_network::VirtualNetwork,
    &subnet::Subnet,
    &security_group::SecurityGroup,
    &network_interface::NetworkInterface,
    &private_endpoint::PrivateEndpoint,
    &zone_group::ZoneGroup,
    &dns_zone::Zone,
    &dns_link::Link,
    &dns_record::A,
    &dns_record::AAAA,
    &dns_record::CNAME,
    &dns_record::MX,
    &dns_record::PTR,
    &dns_record::SOA,
    &dns_record::SRV,
    &dns_record::TXT,
];
