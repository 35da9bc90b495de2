//! Whom a client's address stands for.

use std::net::{IpAddr, Ipv6Addr};

/// Who is counted for an address: of IPv6 its /64, because that is what one customer gets, and an IPv4 address for itself,
/// however it is written.
#[must_use]
pub fn customer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customers_addresses_are_one() {
        let of = |text: &str| customer_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8::1"), "2001:db8::");
        assert_eq!(of("2001:db8::ffff:2"), "2001:db8::");
        assert_eq!(of("2001:db8:0:1::1"), "2001:db8:0:1::");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(of("203.0.113.8"), "203.0.113.8");
    }
}
