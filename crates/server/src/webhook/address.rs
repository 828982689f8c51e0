//! Which addresses a webhook may be at: those of the public internet. A relayer that could be made to ask others in its
//! own network would be a way into it.

use alloy::transports::http::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Looks names up, and gives only addresses that are public. What is connected to is what was looked at, so a name that
/// is given another address meanwhile gains nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<_> = found.into_iter().filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                return Err(io::Error::other(PRIVATE).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// What is said where there is no public address.
pub(super) const PRIVATE: &str =
    "no public address: allow_private = true lets it be told all the same";

/// Whether an address is one of the public internet (the IANA's special-purpose registries).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network; private; shared (RFC 6598); loopback; link-local.
        (0 | 10 | 127, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) => true,
        // Protocol assignments; documentation; 6to4 relays; private; benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 168, _) | (198, 18 | 19, _) => true,
        (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., ..) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, ..] = address.segments();
    match (a, b) {
        // NAT64: what is behind it counts.
        (0x64, 0xff9b) => {
            let [.., x, y] = address.segments();
            let [[p, q], [r, s]] = [x, y].map(u16::to_be_bytes);
            is_public_v4(Ipv4Addr::new(p, q, r, s))
        }
        // Protocol assignments and tunnels; documentation; 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => false,
        // Global unicast is 2000::/3 alone.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let is_public = |text: &str| is_public(text.parse().unwrap());
        for public in ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.0.1", "172.32.0.1"] {
            assert!(is_public(public), "{public}");
        }
        for public in ["2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }
}
