//! Where HTTP is served, to whom, and how much of it.

use super::{ConfigFault, Overrides, section::Section};
use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};
use thiserror::Error;

/// The port where nothing else is said.
pub const DEFAULT_PORT: u16 = 8_645;

/// Where HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// At this address and port; port 0 is any that is free.
    At(SocketAddr),
}

/// Not an address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("give an address and port, like 127.0.0.1:8645, or off")]
pub struct ListenError;

/// How HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where.
    pub listen: Listen,
    /// Whether a proxy that speaks TLS stands in front: clients are told apart by the last address that it writes into
    /// `X-Forwarded-For`.
    pub behind_tls_proxy: bool,
    /// Whether reading needs no token.
    pub open_reading: bool,
    /// Whether registering a wallet needs no token.
    pub open_registration: bool,
    /// How much.
    pub limits: HttpLimits,
}

/// How much one may ask for, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Open proposals of one proposer and wallet.
    pub open_proposals: u64,
    /// How far a proposal's sequence may be ahead of the wallet's next.
    pub sequence_ahead: u64,
    /// How far a deadline may be ahead.
    pub deadline: Duration,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_wait: Duration,
    /// How long the headers of a request may take to arrive, and a connection be idle.
    pub header_wait: Duration,
    /// How long an answer may take; a long poll as much longer as it asks for.
    pub request_wait: Duration,
    /// Requests of one client address per second, in the long run.
    pub requests_per_second: u32,
    /// Requests of one client address at once.
    pub burst: u32,
    /// Connections at once.
    pub connections: usize,
    /// Requests that are being answered at once, but for long polls and streams.
    pub requests: usize,
    /// Long polls at once.
    pub long_polls: usize,
    /// Streams of events at once.
    pub streams: usize,
    /// Questions to one chain at once.
    pub chain_requests: usize,
    /// How long a question to a chain may take.
    pub chain_wait: Duration,
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        match text {
            "off" => Ok(Self::Off),
            text => text.parse().map(Self::At).map_err(|_| ListenError),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))),
            behind_tls_proxy: false,
            open_reading: true,
            open_registration: false,
            limits: HttpLimits::default(),
        }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            open_proposals: 64,
            sequence_ahead: 256,
            deadline: Duration::from_secs(90 * 86_400),
            body_bytes: 256 << 10,
            body_wait: Duration::from_secs(10),
            header_wait: Duration::from_secs(30),
            request_wait: Duration::from_secs(30),
            requests_per_second: 50,
            burst: 500,
            connections: 1_024,
            requests: 256,
            long_polls: 512,
            streams: 256,
            chain_requests: 32,
            chain_wait: Duration::from_secs(5),
        }
    }
}

impl HttpConfig {
    /// Whether others than programs of this machine can reach it.
    pub const fn is_public(&self) -> bool {
        match self.listen {
            Listen::Off => false,
            Listen::At(address) => self.behind_tls_proxy || !address.ip().is_loopback(),
        }
    }

    /// Reads the section, if there is one.
    pub(super) fn read(section: Option<Section>, over: &Overrides) -> Result<Self, ConfigFault> {
        let mut section = section.unwrap_or_else(|| Section::empty("http"));
        let mut config = Self::default();
        if let Some(text) = section.text("listen")? {
            config.listen = text.parse().map_err(|error: ListenError| {
                ConfigFault::refused_text(section.key("listen"), &text, &error.to_string())
            })?;
        }
        config.listen = over.listen.unwrap_or(config.listen);
        config.behind_tls_proxy = section.flag("behind_tls_proxy", false)? || over.behind_tls_proxy;
        config.check_listen(&section)?;
        config.open_reading = section.flag("open_reading", !config.is_public())?;
        config.open_registration = section.flag("open_registration", false)?;
        if config.open_registration && config.is_public() {
            let advice = "only for a relayer that nobody else can reach: make an operator token";
            return Err(section.refused("open_registration", "true", advice));
        }
        if let Some(limits) = section.section("limits")? {
            config.limits = HttpLimits::read(limits)?;
        }
        section.finish()?;
        Ok(config)
    }

    /// Tokens must not travel in the clear.
    fn check_listen(&self, section: &Section) -> Result<(), ConfigFault> {
        let Listen::At(address) = self.listen else { return Ok(()) };
        if address.ip().is_loopback() || self.behind_tls_proxy {
            return Ok(());
        }
        let advice = "others could read tokens on the way: put a proxy that speaks TLS in front \
                      and say so (behind_tls_proxy = true, --behind-tls-proxy), or listen on 127.0.0.1";
        Err(section.refused("listen", address, advice))
    }
}

impl HttpLimits {
    fn read(mut section: Section) -> Result<Self, ConfigFault> {
        let d = Self::default();
        let secs = |section: &mut Section, key, most, default: Duration| {
            section.number(key, 1..=most, default.as_secs()).map(Duration::from_secs)
        };
        let days = section.number("deadline_days", 1..=3_650, d.deadline.as_secs() / 86_400)?;
        let rate =
            section.number("requests_per_second", 1..=100_000, d.requests_per_second.into())?;
        let burst = section.number("burst", 1..=1_000_000, d.burst.into())?;
        let limits = Self {
            open_proposals: section.number("open_proposals", 1..=10_000, d.open_proposals)?,
            sequence_ahead: section.number("sequence_ahead", 0..=65_536, d.sequence_ahead)?,
            deadline: Duration::from_secs(days * 86_400),
            body_bytes: section.count("body_bytes", 1_024..=8 << 20, d.body_bytes)?,
            body_wait: secs(&mut section, "body_secs", 300, d.body_wait)?,
            header_wait: secs(&mut section, "header_secs", 300, d.header_wait)?,
            request_wait: secs(&mut section, "request_secs", 300, d.request_wait)?,
            requests_per_second: u32::try_from(rate).unwrap_or(u32::MAX),
            burst: u32::try_from(burst).unwrap_or(u32::MAX),
            connections: section.count("connections", 1..=100_000, d.connections)?,
            requests: section.count("requests", 1..=100_000, d.requests)?,
            long_polls: section.count("long_polls", 1..=100_000, d.long_polls)?,
            streams: section.count("streams", 1..=100_000, d.streams)?,
            chain_requests: section.count("chain_requests", 1..=10_000, d.chain_requests)?,
            chain_wait: secs(&mut section, "chain_secs", 60, d.chain_wait)?,
        };
        section.finish()?;
        Ok(limits)
    }
}
