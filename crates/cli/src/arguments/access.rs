//! Which relayer, and what it is asked about.

use alloy::primitives::{B256, hex};
use clap::Args;
use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

/// The relayer that is asked. It is not believed: whatever it says is checked.
#[derive(Args, Debug)]
#[command(next_help_heading = "Relayer")]
pub(crate) struct AccessOptions {
    /// The relayer, https; http reaches one on this machine, and others without a token.
    #[arg(long, value_name = "URL", env = "QUORATE_RELAYER", hide_env_values = true)]
    pub(crate) relayer: Option<String>,

    /// A file with the token that the relayer wants. Without it QUORATE_RELAYER_TOKEN, if that is set.
    #[arg(long, value_name = "FILE")]
    pub(crate) relayer_token_file: Option<PathBuf>,
}

/// A proposal, by its file, or by its digest, which a relayer is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Digest(B256),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Source {
    type Err = Infallible;

    /// 0x and 64 digits are a digest, all else is a file.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let digits = text.strip_prefix("0x");
        let digest = digits.and_then(|digits| hex::decode_to_array::<_, 32>(digits).ok());
        Ok(digest.map_or_else(|| Self::File(text.into()), |bytes| Self::Digest(bytes.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_32_bytes_in_hexadecimal_is_a_digest() {
        let digest = format!("0x{}", "aB".repeat(32));
        assert_eq!(digest.parse(), Ok(Source::Digest(B256::repeat_byte(0xab))));
        for file in ["proposal.json", "", "0x", &digest[2..], &digest[..65], &format!("{digest}0")]
        {
            assert_eq!(file.parse(), Ok(Source::File(file.into())));
        }
    }
}
