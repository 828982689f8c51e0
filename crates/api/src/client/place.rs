//! Where a relayer is.

use super::ClientError;
use alloy::{
    primitives::{Address, B256},
    transports::http::reqwest::Url,
};
use std::net::IpAddr;

/// The URL of a relayer. Shows host and port alone.
pub(super) struct Place {
    base: Url,
    name: String,
    is_this_machine: bool,
}

impl Place {
    /// Reads it.
    pub(super) fn parse(url: &str) -> Result<Self, ClientError> {
        let invalid = |reason| ClientError::InvalidUrl { reason };
        let base = Url::parse(url).map_err(|_| invalid("it is not of the form https://host"))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid("it must begin with http:// or https://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(invalid("it names a user: a relayer is asked with a token, or without"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid("it goes on behind the path: give it without ? and #"));
        }
        let host = base.host_str().ok_or_else(|| invalid("it names no host"))?;
        let is_this_machine = is_this_machine(host);
        let name = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { base, name, is_this_machine })
    }

    /// Host and port.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_this_machine(&self) -> bool {
        self.is_this_machine
    }

    pub(super) fn is_readable_on_the_way(&self) -> bool {
        !self.is_this_machine && self.base.scheme() == "http"
    }

    /// The URL of a path.
    pub(super) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("http and https have paths").pop_if_empty().extend(segments);
        url
    }

    /// The URL of a wallet, or of a path below it.
    pub(super) fn of_wallet(&self, chain_id: u64, wallet: Address, below: &[&str]) -> Url {
        let (chain_id, wallet) = (chain_id.to_string(), wallet.to_checksum(None));
        self.at(&[&["v1", "wallets", &chain_id, &wallet], below].concat())
    }

    /// The URL of a proposal, or of a path below it.
    pub(super) fn of_proposal(&self, digest: B256, below: &[&str]) -> Url {
        self.at(&[&["v1", "proposals", &digest.to_string()], below].concat())
    }
}

/// Whether what is sent there stays on this machine. No name is looked up: of names, `localhost` alone.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_with_secrets_or_of_other_schemes_are_refused_unrepeated() {
        for url in [
            "relayer.example",
            "ftp://relayer.example",
            "file:///etc/passwd",
            "https://user:hunter2@relayer.example",
            "https://hunter2@relayer.example",
            "https://relayer.example/?key=hunter2",
            "https://relayer.example/#hunter2",
            "",
        ] {
            let error = Place::parse(url).map(|place| place.name).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn paths_are_below_the_url_that_was_given() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/proposals/"),
            ("https://relayer.example/dao/", "https://relayer.example/dao/v1/proposals/"),
            ("https://relayer.example/dao", "https://relayer.example/dao/v1/proposals/"),
        ] {
            let place = Place::parse(url).unwrap();
            let url = place.of_proposal(B256::ZERO, &["signatures"]).to_string();
            assert_eq!(url, format!("{expected}{}/signatures", B256::ZERO));
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_unreadably_over_http() {
        for (url, here, readable) in [
            ("http://127.0.0.1:8080", true, false),
            ("http://127.9.9.9", true, false),
            ("http://localhost", true, false),
            ("http://[::1]:80", true, false),
            ("https://localhost", true, false),
            ("https://relayer.example", false, false),
            ("http://relayer.example", false, true),
            ("http://10.0.0.1", false, true),
            ("http://127.0.0.1.example", false, true),
            ("http://localhost.example", false, true),
        ] {
            let place = Place::parse(url).unwrap();
            assert_eq!((place.is_this_machine, place.is_readable_on_the_way()), (here, readable));
        }
    }
}
