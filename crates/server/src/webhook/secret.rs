//! Secrets of webhooks, and signatures by them (Standard Webhooks, symmetric).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::{fmt, ops::RangeInclusive, str::FromStr};
use thiserror::Error;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has.
const BYTES: RangeInclusive<usize> = 24..=64;

/// The secret that a webhook and this relayer share. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a text is no secret. Says nothing of what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It does not begin as secrets do.
    #[error("it has to begin with whsec_")]
    Prefix,
    /// What follows is no Base64.
    #[error("what follows whsec_ has to be Base64")]
    Encoding,
    /// It is too short or too long.
    #[error("it has to have 24 to 64 bytes, Base64 of them behind whsec_, and has {bytes}")]
    Length {
        /// How many bytes it has.
        bytes: usize,
    },
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Encoding)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(SecretError::Length { bytes: bytes.len() });
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// `v1,` and the Base64 of the HMAC-SHA256 of id, timestamp (Unix seconds) and body, with full stops between.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is taken");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_shown() {
        let parse = |text: &str| text.parse::<Secret>().unwrap_err();
        assert_eq!(parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), SecretError::Prefix);
        assert_eq!(parse("whsec_not base64"), SecretError::Encoding);
        assert_eq!(parse("whsec_YWJj"), SecretError::Length { bytes: 3 });
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
