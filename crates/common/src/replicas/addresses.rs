use crate::config::{ConfigError, Env};
use http::{
    Uri,
    uri::{Authority, Scheme},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};
use tokio::net::lookup_host;

const DEFAULT_PORT: u16 = 80;

/// Where the replicas of a service are: one address or several, each with an IP address or a name, which may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddresses(Vec<Authority>);

impl ServiceAddresses {
    /// Reads `http://10.0.1.7:8083`, or several of the kind with commas between. Between services there is no TLS, and they
    /// have no path of their own.
    ///
    /// # Errors
    /// A sentence that says which is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut addresses = Vec::new();
        for address in text.split(',').map(str::trim) {
            let bad = || format!("`{address}` is not an address such as http://10.0.1.7:8081");
            let uri: Uri = address.parse().map_err(|_| bad())?;
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            match (uri.scheme(), uri.authority()) {
                (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP && path == "/" => {
                    if !addresses.contains(authority) {
                        addresses.push(authority.clone());
                    }
                }
                _ => return Err(bad()),
            }
        }
        Ok(Self(addresses))
    }

    /// Reads a variable such as `QUEUE_SERVICE_URL`.
    ///
    /// # Errors
    /// When its value is no address.
    pub fn from_env(env: &Env, variable: &str, default: &str) -> Result<Self, ConfigError> {
        Self::parse(&env.string_or(variable, default)).map_err(|error| ConfigError::new(variable, error))
    }

    /// The first one as it was written, for `Host`.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.first().map_or("", Authority::as_str)
    }

    /// Whether one of them has to be looked up.
    pub(super) fn has_names(&self) -> bool {
        self.0.iter().any(|authority| socket_address(authority).is_none())
    }

    /// All of them, if none has to be looked up.
    pub(super) fn fixed(&self) -> Option<Vec<SocketAddr>> {
        self.0.iter().map(socket_address).collect()
    }

    /// All of them, as the system's resolver says now. It blocks, so tokio asks it on a thread of its own.
    ///
    /// # Errors
    /// When no name has an address; those that have none are left out otherwise.
    pub(super) async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found = Vec::new();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for authority in &self.0 {
            if let Some(address) = socket_address(authority) {
                found.push(address);
                continue;
            }
            match lookup_host((authority.host(), port(authority))).await {
                Ok(addresses) => found.extend(addresses),
                Err(error) => last = error,
            }
        }
        // Resolvers shuffle; without an order of ours each look-up would begin the round anew.
        found.sort_unstable();
        found.dedup();
        if found.is_empty() { Err(last) } else { Ok(found) }
    }
}

fn socket_address(authority: &Authority) -> Option<SocketAddr> {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = host.parse().ok()?;
    Some((address, port(authority)).into())
}

fn port(authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(DEFAULT_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_or_several_without_tls_or_path() {
        let several = ServiceAddresses::parse("http://10.0.1.7:8083, http://[::1]:8083/,http://10.0.1.7:8083").unwrap();
        let expected = ["10.0.1.7:8083", "[::1]:8083"].map(|address| address.parse().unwrap());
        assert_eq!(several.fixed().unwrap(), expected);
        assert_eq!(several.first(), "10.0.1.7:8083");
        let named = ServiceAddresses::parse("http://10.0.1.7:8083,http://queue-service:8083").unwrap();
        assert!(named.has_names() && named.fixed().is_none());
        assert_eq!(
            ServiceAddresses::parse("http://10.0.1.7").unwrap().fixed().unwrap()[0].port(),
            80
        );
        for bad in [
            "",
            "http://a:1,",
            "https://a:1",
            "a:1",
            "http://a:1/path",
            "http://a:1/?x",
            "http://a:1;http://b:1",
            "/x",
        ] {
            assert!(ServiceAddresses::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_is_all_of_its_addresses_and_one_without_any_is_left_out() {
        let named = ServiceAddresses::parse("http://localhost:8083,http://127.0.0.2:8083,http://x.invalid:1").unwrap();
        let found = named.look_up().await.unwrap();
        assert!(found.contains(&"127.0.0.1:8083".parse().unwrap()), "{found:?}");
        assert!(found.contains(&"127.0.0.2:8083".parse().unwrap()), "{found:?}");
        let nowhere = ServiceAddresses::parse("http://x.invalid:1").unwrap();
        assert!(nowhere.look_up().await.is_err());
    }
}
