//! What must hold for any bytes at all, of what stands between a client's text and everything that believes it. `PROPTEST_CASES`
//! makes the runs longer.

use crate::{
    client_address::{FORWARDED_FOR, client_address},
    steps::{spelling::normalise, strip_identity::strip_request},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

/// Texts made of what paths are attacked with.
fn hostile_path() -> impl Strategy<Value = String> {
    static PARTS: &[&str] = &[
        "/",
        "//",
        "\\",
        ".",
        "..",
        "...",
        ";",
        ";x=1",
        "%",
        "%2",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%252e",
        "%25",
        "%00",
        "%0a",
        "%c0%ae",
        "%c0%af",
        "%e0%80%ae",
        "%c3%a9",
        "%69",
        "%u002e",
        "internal",
        "INTERNAL",
        "%49nternal",
        "events",
        "users",
        "me",
        " ",
        "\u{e9}",
        "\u{ff0f}",
        "?",
        "#",
        "~",
        "{",
        "@",
        ":",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..12).prop_map(|parts| format!("/{}", parts.concat()))
}

/// A path in its plain spelling, as segments.
fn plain_segments() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z0-9_~-]{1,8}", 1..5)
}

/// The same path, written in another way: letters encoded, slashes repeated, dots and detours put in.
fn disguised(segments: &[String]) -> impl Strategy<Value = String> + use<> {
    let segments = segments.to_vec();
    let count = segments.iter().map(String::len).sum::<usize>();
    let letters = prop::collection::vec(0_u8..3, count);
    let detours = prop::collection::vec(
        prop::sample::select(&["", "/", "/.", "/%2e", "/x/..", "/y/%2E.", "/./"][..]),
        segments.len(),
    );
    (letters, detours).prop_map(move |(letters, detours)| {
        let mut letters = letters.into_iter();
        let mut path = String::new();
        for (segment, detour) in segments.iter().zip(detours) {
            path.push_str(detour);
            path.push('/');
            for byte in segment.bytes() {
                match letters.next() {
                    Some(1) => path.push_str(&format!("%{byte:02x}")),
                    Some(2) => path.push_str(&format!("%{byte:02X}")),
                    _ => path.push(char::from(byte)),
                }
            }
        }
        path
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_that_passes_is_in_its_one_spelling_and_not_inside(path in prop_oneof![hostile_path(), "\\PC*", "/[ -~]*"]) {
        if let Ok(normal) = normalise(&path) {
            prop_assert!(normal.starts_with('/') && !normal.contains("//") && !normal.contains('\\'), "{normal}");
            prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."), "{normal}");
            let lower = normal.to_ascii_lowercase();
            for encoded in ["%2e", "%2f", "%5c", "%25", "%00", "%0a", "%0d"] {
                prop_assert!(!lower.contains(encoded), "{normal}");
            }
            prop_assert!(normal.bytes().all(|byte| byte.is_ascii_graphic()), "{normal:?}");
            let first = lower.split(['/', ';']).nth(1).unwrap_or_default();
            prop_assert_ne!(first, "internal");
            let again = normalise(&normal).unwrap();
            prop_assert_eq!(&again, &normal);
        }
    }

    #[test]
    fn all_spellings_of_a_path_come_to_one((segments, disguise) in plain_segments()
        .prop_flat_map(|segments| { let disguise = disguised(&segments); (Just(segments), disguise) }))
    {
        prop_assume!(segments[0] != "internal");
        let normal = normalise(&disguise);
        let wanted = format!("/{}", segments.join("/"));
        prop_assert_eq!(normal.as_deref(), Ok(wanted.as_str()), "{}", disguise);
    }

    #[test]
    fn no_disguise_leads_inside(disguise in disguised(&["internal".to_owned(), "events".to_owned(), "1".to_owned()])) {
        prop_assert!(normalise(&disguise).is_err(), "{disguise}");
    }

    #[test]
    fn no_name_that_a_service_believes_gets_through(names in prop::collection::vec(
        prop_oneof![
            "[Xx][-_.~]?[Uu][Ss][Ee][Rr][-_.~]?[Ii][Dd]",
            "[Xx][-_][Ii][Nn][Tt][Ee][Rr][Nn][Aa][Ll][-_]?[A-Za-z]{0,5}",
            "[Xx][-_.]([Ff]orwarded|[Cc]lient|[Oo]riginal|[Rr]eal)[-_.](for|ip|url|address)",
            "(content|transfer)[-_.](length|encoding)",
            "(te|upgrade|trailer|expect|host|keep-alive|proxy-connection)",
            "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,16}",
        ], 0..12), named in prop::collection::vec(0_usize..12, 0..3))
    {
        let mut headers = HeaderMap::new();
        let parse = |name: &String| HeaderName::from_bytes(name.as_bytes()).unwrap();
        for name in &names {
            headers.append(parse(name), HeaderValue::from_static("1"));
        }
        let listed: Vec<&String> = named.iter().filter_map(|at| names.get(*at)).collect();
        let line = listed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" , ");
        headers.append("connection", HeaderValue::from_str(&line).unwrap());
        strip_request(&mut headers);
        for name in headers.keys() {
            for believed in ["x-user", "x-internal", "x-client-address", "x-forwarded", "x-original", "x-real-ip", "connection"] {
                prop_assert!(!name.as_str().starts_with(believed), "{name}");
            }
            prop_assert!(name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
            prop_assert!(!listed.iter().any(|other| parse(other) == *name), "{name} was named by Connection");
        }
    }

    #[test]
    fn the_client_is_the_right_most_hop_that_is_no_proxy(
        peer_is_proxy: bool,
        hops in prop::collection::vec((any::<bool>(), any::<[u8; 3]>()), 0..6),
        cuts in prop::collection::vec(any::<bool>(), 6),
        junk in "[ -~]{0,12}",
        has_junk: bool,
    ) {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let address = |(proxy, [a, b, c]): (bool, [u8; 3])| IpAddr::V4(Ipv4Addr::new(if proxy { 10 } else { 203 }, a, b, c));
        let peer = address((peer_is_proxy, [0, 0, 1]));
        let hops: Vec<IpAddr> = hops.into_iter().map(address).collect();
        let mut headers = HeaderMap::new();
        if has_junk {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(&junk).unwrap());
        }
        // The same hops, over one line or several.
        let mut line = String::new();
        for (hop, cut) in hops.iter().zip(cuts) {
            if !line.is_empty() && cut {
                headers.append(FORWARDED_FOR, HeaderValue::from_str(&line).unwrap());
                line.clear();
            }
            line = if line.is_empty() { hop.to_string() } else { format!("{line}, {hop}") };
        }
        if !line.is_empty() {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(&line).unwrap());
        }
        let is_proxy = |address: &IpAddr| trusted[0].contains(address);
        let chain = std::iter::once(&peer).chain(hops.iter().rev());
        let client = client_address(peer, &headers, &trusted);
        match chain.clone().find(|address| !is_proxy(address)) {
            Some(stranger) => prop_assert_eq!(client, *stranger),
            // All are proxies: what the junk before them says may count, if it is an address.
            None if has_junk => {}
            None => prop_assert_eq!(Some(&client), chain.last()),
        }
    }
}
