//! Header fields, one a line: none that a service believes gets through, and the client's address is the right-most hop that
//! is no proxy.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};

#[path = "../../src/client_address.rs"]
#[allow(dead_code, reason = "the gateway uses all of it")]
mod client_address;
#[path = "../../src/steps/strip_identity.rs"]
#[allow(dead_code, reason = "the gateway uses all of it")]
mod strip_identity;

const BELIEVED: [&str; 6] = [
    "x-user",
    "x-internal",
    "x-client-address",
    "x-forwarded",
    "x-original-",
    "x-real-ip",
];

fuzz_target!(|text: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n').take(100) {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().expect("it is a network")];
    let client = client_address::client_address(proxy, &headers, &trusted);
    let said = headers.get_all(client_address::FORWARDED_FOR).iter();
    let hops = said
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .count();
    assert!(client == proxy || hops > 0, "{client} from nowhere");
    let stranger = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    assert_eq!(client_address::client_address(stranger, &headers, &trusted), stranger);

    let named: Vec<HeaderName> = headers
        .get_all("connection")
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let mut passed = headers.clone();
    strip_identity::strip_request(&mut passed);
    for (name, value) in &passed {
        assert_ne!(name, "connection");
        assert!(BELIEVED.iter().all(|start| !name.as_str().starts_with(start)), "{name}");
        assert!(
            name.as_str()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{name}"
        );
        assert!(!named.contains(name), "{name} was named by Connection");
        assert!(
            headers.get_all(name).iter().any(|before| before == value),
            "{name} is new"
        );
    }
    let mut again = passed.clone();
    strip_identity::strip_request(&mut again);
    assert_eq!(again, passed);
});
