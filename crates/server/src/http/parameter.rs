//! What stands in paths and queries.

use super::error::RouteError;
use alloy::primitives::{Address, B256};
use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{Uri, request::Parts},
};
use quorate_api::page::{DEFAULT_LIMIT, MAX_LIMIT};
use quorate_core::{address, status::StatusWord, text::escaped};
use quorate_store::WalletKey;
use serde::de::DeserializeOwned;

/// `{chainId}/{address}` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalletPath(pub(crate) WalletKey);

/// `{digest}` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigestPath(pub(crate) B256);

impl<S: Send + Sync> FromRequestParts<S> for WalletPath {
    type Rejection = RouteError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, RouteError> {
        let [chain_id, address] = path(parts, state, ["chainId", "address"]).await?;
        let key = WalletKey {
            chain_id: number("chainId", &chain_id)?,
            address: account("address", &address)?,
        };
        Ok(Self(key))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DigestPath {
    type Rejection = RouteError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, RouteError> {
        let [digest] = path(parts, state, ["digest"]).await?;
        let is_hex = digest.strip_prefix("0x").is_some_and(|digits| {
            digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let parsed = if is_hex { digest.parse().ok() } else { None };
        parsed
            .map(Self)
            .ok_or_else(|| invalid("digest", &digest, "0x and 64 hexadecimal digits are needed"))
    }
}

/// The parameters of a path with these names.
async fn path<S: Send + Sync, const N: usize>(
    parts: &mut Parts,
    state: &S,
    names: [&'static str; N],
) -> Result<[String; N], RouteError> {
    let given = RawPathParams::from_request_parts(parts, state).await;
    let given = given.map_err(|_| invalid("path", parts.uri.path(), "it is not UTF-8"))?;
    let find = |name| given.iter().find(|(given, _)| *given == name);
    Ok(names.map(|name| find(name).map(|(_, value)| value.to_owned()).unwrap_or_default()))
}

/// The query, of which every parameter has to be known.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, RouteError> {
    let read = Query::<T>::try_from_uri(uri);
    read.map(|Query(query)| query)
        .map_err(|error| RouteError::InvalidQuery { reason: escaped(&error.body_text()) })
}

pub(crate) fn invalid(name: &'static str, found: &str, advice: impl Into<String>) -> RouteError {
    RouteError::InvalidParameter { name, found: found.to_owned(), advice: advice.into() }
}

/// The highest number that can be stored.
const HIGHEST: u64 = i64::MAX as u64;

/// A number in decimal digits, as answers have it.
pub(crate) fn number(name: &'static str, text: &str) -> Result<u64, RouteError> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    let parsed = if is_plain { text.parse().ok() } else { None };
    parsed.filter(|number| *number <= HIGHEST).ok_or_else(|| {
        invalid(name, text, format!("a number from 0 to {HIGHEST} in decimal digits is needed"))
    })
}

/// An address; mixed case has to be its checksum.
pub(crate) fn account(name: &'static str, text: &str) -> Result<Address, RouteError> {
    address::parse(text).map_err(|error| match error {
        address::AddressError::Checksum { .. } => {
            invalid(name, text, "its checksum is wrong: a character was changed or mistyped")
        }
        address::AddressError::NamesChain { form, address, .. } => {
            let address = address.to_checksum(None);
            invalid(name, text, format!("it {form}: write the address alone, {address}"))
        }
        _ => invalid(name, text, "0x and 40 hexadecimal digits are needed"),
    })
}

/// A status.
pub(crate) fn status(name: &'static str, text: &str) -> Result<StatusWord, RouteError> {
    StatusWord::find(text).ok_or_else(|| {
        let words = StatusWord::ALL.map(StatusWord::name).join(", ");
        invalid(name, text, format!("one of {words} is needed"))
    })
}

/// How many items are asked for.
pub(crate) fn limit(text: Option<&str>) -> Result<u32, RouteError> {
    let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
    let limit = number("limit", text)?;
    u32::try_from(limit)
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| invalid("limit", text, format!("a number from 1 to {MAX_LIMIT} is needed")))
}

/// As the function, for a parameter that may be missing.
pub(crate) fn optional<T>(
    name: &'static str,
    text: Option<&str>,
    read: impl Fn(&'static str, &str) -> Result<T, RouteError>,
) -> Result<Option<T>, RouteError> {
    text.map(|text| read(name, text)).transpose()
}
