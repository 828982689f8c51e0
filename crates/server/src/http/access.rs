//! Who may do what: tokens, and the address that a client has.

use super::{Shared, error::RouteError};
use crate::token;
use axum::http::{HeaderMap, header};
use quorate_store::{Storage as _, TokenRecord, TokenRight, TokenWallets, WalletKey};
use std::net::{IpAddr, SocketAddr};

/// The longest token that is looked at.
const LONGEST_TOKEN: usize = 256;

/// Which wallets a reader may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All.
    All,
    /// These.
    Some(Vec<WalletKey>),
}

impl Reach {
    /// Whether a wallet is within reach.
    pub(crate) fn check(&self, wallet: WalletKey) -> Result<(), RouteError> {
        match self {
            Self::All => Ok(()),
            Self::Some(wallets) if wallets.contains(&wallet) => Ok(()),
            Self::Some(_) => Err(RouteError::Forbidden("read this wallet")),
        }
    }

    /// The wallets to list, if not all.
    pub(crate) fn among(self) -> Option<Vec<WalletKey>> {
        match self {
            Self::All => None,
            Self::Some(wallets) => Some(wallets),
        }
    }
}

impl From<TokenWallets> for Reach {
    fn from(wallets: TokenWallets) -> Self {
        match wallets {
            TokenWallets::All => Self::All,
            TokenWallets::These(wallets) => Self::Some(wallets.into_iter().collect()),
        }
    }
}

/// Which wallets this request may read.
///
/// # Errors
///
/// If a token is needed and not given, or not known.
pub(crate) async fn reading(shared: &Shared, headers: &HeaderMap) -> Result<Reach, RouteError> {
    match token(shared, headers).await? {
        Some(token) => Ok(token.wallets.into()),
        None if shared.config.open_reading => Ok(Reach::All),
        None => Err(RouteError::Unauthorized("reading needs a token here")),
    }
}

/// Checks that this request may register a wallet; tells which.
///
/// # Errors
///
/// If a token is needed and not given, not known, or not an operator's.
pub(crate) async fn operating(shared: &Shared, headers: &HeaderMap) -> Result<Reach, RouteError> {
    match token(shared, headers).await? {
        Some(TokenRecord { right: TokenRight::Operator, wallets, .. }) => Ok(wallets.into()),
        Some(TokenRecord { right: TokenRight::Read, .. }) => {
            Err(RouteError::Forbidden("register wallets: it has to be an operator's"))
        }
        None if shared.config.open_registration => Ok(Reach::All),
        None => Err(RouteError::Unauthorized("registering a wallet needs an operator's token")),
    }
}

/// The token of a request; none if it has none.
///
/// It is looked up by its hash. How long that takes may tell something of the hashes there are, of which nobody can make a
/// token.
async fn token(shared: &Shared, headers: &HeaderMap) -> Result<Option<TokenRecord>, RouteError> {
    let Some(given) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let unknown = RouteError::Unauthorized("the token is not known, or was revoked");
    let token = given.to_str().ok().and_then(bearer).ok_or_else(|| unknown.clone())?;
    let hash = token::hash(token);
    let found = shared.store()?.find_token(hash).await?;
    found.filter(|token| token.revoked_at.is_none()).map(Some).ok_or(unknown)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let is_one =
        scheme.eq_ignore_ascii_case("bearer") && (1..=LONGEST_TOKEN).contains(&token.len());
    is_one.then_some(token)
}

/// The address of a client: that of the connection or, behind a proxy, the last that the proxy wrote, which is the one it
/// saw itself. Those before it are the client's own words.
pub(crate) fn client(peer: SocketAddr, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    if !behind_proxy {
        return peer.ip();
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    last.and_then(address).unwrap_or_else(|| peer.ip())
}

/// An address, of which some proxies write the port too.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let unbracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(unbracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_address_that_a_proxy_wrote_is_believed() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let told = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            (client(peer, &headers, true).to_string(), client(peer, &headers, false).to_string())
        };
        let direct = "127.0.0.1".to_owned();
        for (values, expected) in [
            (&["6.6.6.6, 1.2.3.4"][..], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            (&["1.2.3.4:5678"], "1.2.3.4"),
            (&["6.6.6.6,[2001:db8::1]:80"], "2001:db8::1"),
            (&["6.6.6.6,[2001:db8::1]"], "2001:db8::1"),
            (&["6.6.6.6,unknown"], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(told(values), (expected.to_owned(), direct.clone()), "{values:?}");
        }
    }

    #[test]
    fn a_bearer_token_is_one_word_of_reasonable_length() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        let long = format!("Bearer {}", "x".repeat(257));
        for not_one in ["abc", "Basic abc", "Bearer ", "Bearer", &long] {
            assert_eq!(bearer(not_one), None, "{not_one}");
        }
    }
}
