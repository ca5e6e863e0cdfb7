//! Address ranges in CIDR notation, of both IP versions.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses. Addresses are kept as numbers, so that host bits may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// Reads `10.0.0.0/24`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        (length <= widest).then_some(Self { address, length })
    }

    pub fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    pub fn length(&self) -> u8 {
        self.length
    }

    /// The same range, written with its first address.
    pub fn clean(&self) -> Self {
        Self {
            address: self.nth(0),
            length: self.length,
        }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_v4() == other.is_v4()
            && self.first() <= other.last()
            && other.first() <= self.last()
    }

    /// Whether all of `other` lies in here.
    pub fn covers(&self, other: &Self) -> bool {
        self.is_v4() == other.is_v4()
            && self.first() <= other.first()
            && other.last() <= self.last()
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let number = number(address);
        self.is_v4() == address.is_ipv4() && self.first() <= number && number <= self.last()
    }

    /// Whether Azure keeps an address of this subnet for itself: the first four, and the
    /// last of IPv4.
    pub fn reserves(&self, address: IpAddr) -> bool {
        let number = number(address);
        let front = number.saturating_sub(self.first()) < 4;
        self.contains(address) && (front || (self.is_v4() && number == self.last()))
    }

    /// The addresses that Azure hands out in this subnet, lowest first.
    pub fn usable(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let prefix = *self;
        (prefix.first()..=prefix.last())
            .map(move |number| prefix.address_of(number))
            .filter(move |address| !prefix.reserves(*address))
    }

    fn nth(&self, n: u128) -> IpAddr {
        self.address_of(self.first().saturating_add(n))
    }

    fn address_of(&self, number: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
        }
    }

    /// Bits set where hosts differ.
    fn hosts(&self) -> u128 {
        let bits = if self.is_v4() { 32 } else { 128 } - u32::from(self.length);
        1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1)
    }

    fn first(&self) -> u128 {
        number(self.address) & !self.hosts()
    }

    fn last(&self) -> u128 {
        self.first() | self.hosts()
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
    }

    #[test]
    fn notation() {
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "x/8",
            "10.0.4.0/24--no-wait",
            "::/129",
            "",
        ] {
            assert_eq!(Prefix::parse(bad), None, "{bad}");
        }
        assert_eq!(prefix("10.0.3.5/24").clean().to_string(), "10.0.3.0/24");
        assert_eq!(prefix("fd00::1/64").clean().to_string(), "fd00::/64");
    }

    #[test]
    fn ranges() {
        let net = prefix("10.0.0.0/16");
        assert!(net.covers(&prefix("10.0.255.0/24")) && net.covers(&net));
        assert!(!net.covers(&prefix("10.1.0.0/24")) && !net.covers(&prefix("10.0.0.0/15")));
        assert!(prefix("10.0.0.0/24").overlaps(&prefix("10.0.0.128/25")));
        assert!(!prefix("10.0.0.0/24").overlaps(&prefix("10.0.1.0/24")));
        assert!(!net.overlaps(&prefix("::/0")));
        assert!(prefix("0.0.0.0/0").covers(&net));
    }

    #[test]
    fn azure_keeps_five_addresses() {
        let small: Vec<String> = prefix("10.0.0.0/29")
            .usable()
            .map(|a| a.to_string())
            .collect();
        assert_eq!(small, ["10.0.0.4", "10.0.0.5", "10.0.0.6"]);
        assert_eq!(
            prefix("fd00::/64").usable().next().unwrap().to_string(),
            "fd00::4"
        );
    }
}
