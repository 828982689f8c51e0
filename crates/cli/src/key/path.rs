//! Derivation paths (BIP-32), as devices take them.

use crate::failure::Cause;
use eyre::Result;
use std::{fmt, str::FromStr};

/// The bit of a hardened step.
const HARDENED: u32 = 1 << 31;

/// A path from a seed to a key. It has one step at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DerivationPath(Vec<u32>);

impl DerivationPath {
    /// The path that Ledger's own wallet uses for its account number `index`.
    pub(crate) fn of_ledger(index: u32) -> Self {
        Self(vec![44 | HARDENED, 60 | HARDENED, index | HARDENED, 0, 0])
    }

    /// The path that Trezor's own wallet, and most others, use for their account number `index`.
    pub(crate) fn of_trezor(index: u32) -> Self {
        Self(vec![44 | HARDENED, 60 | HARDENED, HARDENED, 0, index])
    }

    /// The steps; those with the highest bit are hardened.
    #[cfg(feature = "hardware")]
    pub(crate) fn steps(&self) -> &[u32] {
        &self.0
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|step| match step & HARDENED {
            0 => write!(f, "/{step}"),
            _ => write!(f, "/{}'", step ^ HARDENED),
        })
    }
}

impl FromStr for DerivationPath {
    type Err = eyre::Report;

    fn from_str(text: &str) -> Result<Self> {
        let steps = text.strip_prefix("m/").and_then(|steps| steps.split('/').map(step).collect());
        steps.map(Self).ok_or_else(|| {
            Cause::BadInput.error("not a derivation path: one looks like m/44'/60'/0'/0/0")
        })
    }
}

fn step(text: &str) -> Option<u32> {
    let number = text.strip_suffix(['\'', 'h', 'H']);
    let digits = number.unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let step: u32 = is_number.then(|| digits.parse().ok())??;
    (step < HARDENED).then(|| if number.is_some() { step | HARDENED } else { step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        for text in ["m/44'/60'/0'/0/0", "m/44'/60'/7'/0/0", "m/0", "m/2147483647'/1"] {
            let path: DerivationPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
        let path: DerivationPath = "m/44h/60H/0'/0/5".parse().unwrap();
        assert_eq!(path, DerivationPath::of_trezor(5));
        assert_eq!(DerivationPath::of_ledger(5).to_string(), "m/44'/60'/5'/0/0");
    }

    /// Without its `m` the first step would be taken for it, and another account would sign.
    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "m",
            "m/",
            "44'/60'/0'/0/0",
            "m/44''",
            "m/x",
            "m/-1",
            "m/+1",
            "m/2147483648",
            "m//0",
        ] {
            assert!(text.parse::<DerivationPath>().is_err(), "{text}");
        }
    }
}
