//! IPv4 ranges in CIDR form, as Azure takes them for networks and subnets.

use ipnet::Ipv4Net;

use crate::resource::Problem;

/// The longest prefix that leaves an address to use: Azure takes five of each subnet.
const NARROWEST: u8 = 29;

/// What no network may have in its space.
const RESERVED: &[(&str, &str)] = &[
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("168.63.129.16/32", "Azure's own name server"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
];

/// Why a text is not a range that Azure takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrongRange {
    message: String,
    help: Option<String>,
}

impl WrongRange {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// As a problem at a TOML path.
    pub(super) fn at(self, path: impl IntoIterator<Item = impl Into<String>>) -> Problem {
        Problem {
            help: self.help,
            ..Problem::below(path, self.message)
        }
    }
}

/// A range that Azure takes.
///
/// # Errors
/// [`WrongRange`], with what to write instead.
pub(super) fn read(text: &str) -> Result<Ipv4Net, WrongRange> {
    let range: Ipv4Net = text.parse().map_err(|_| {
        WrongRange::new(
            format!("`{text}` is not an IPv4 range"),
            "an address and the length of its prefix, such as 10.10.0.0/24",
        )
    })?;
    if range.trunc() != range {
        return Err(WrongRange::new(
            format!("`{text}` does not begin where its range does"),
            format!("did you mean `{}`?", range.trunc()),
        ));
    }
    if range.prefix_len() > NARROWEST {
        return Err(WrongRange::new(
            format!("`{text}` is too small: Azure keeps five addresses of each range"),
            format!("/{NARROWEST} or larger"),
        ));
    }
    for (reserved, whose) in RESERVED {
        let clash = reserved
            .parse()
            .is_ok_and(|reserved: Ipv4Net| overlap(&reserved, &range));
        if clash {
            return Err(WrongRange::new(
                format!("`{text}` overlaps {reserved} ({whose})"),
                "use a private range: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
            ));
        }
    }
    Ok(range)
}

/// Whether two ranges share an address.
pub(super) fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_from_nonsense() {
        for good in ["10.0.0.0/8", "10.10.16.0/24", "192.168.1.8/29"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for (bad, complaint) in [
            ("10.0.0.0", "not an IPv4 range"),
            ("10.0.0/16", "not an IPv4 range"),
            ("fd00::/64", "not an IPv4 range"),
            ("10.0.0.0/33", "not an IPv4 range"),
            ("10.0.0.1/24", "begin"),
            ("10.0.0.0/30", "too small"),
            ("0.0.0.0/0", "overlaps 127.0.0.0/8"),
            ("169.254.1.0/24", "link-local"),
        ] {
            let wrong = read(bad).expect_err(bad);
            assert!(wrong.message.contains(complaint), "{bad}: {wrong:?}");
        }
        let wrong = read("10.0.0.1/24").expect_err("not at its start");
        assert_eq!(wrong.help.as_deref(), Some("did you mean `10.0.0.0/24`?"));
    }
}
