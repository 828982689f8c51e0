//! What all kinds of files have in common: a kind, a version, a size, and how reading them fails.

use crate::{config::ConfigError, json, nested::MAX_DEPTH, signature::SignatureError, text::shown};
use alloy::primitives::Address;
use serde::{Deserialize, de::DeserializeOwned};
use thiserror::Error;

/// The version of the files that is written and read.
pub const VERSION: u64 = 1;

/// The largest file that is read, in bytes: some 20,000 payments.
const LARGEST: usize = 4 << 20;

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// A part's wallets cannot own each other.
    #[error(
        "a part names {depth} wallets: from 1 to {MAX_DEPTH} different ones may lead from its signer to the wallet"
    )]
    Path {
        /// How many there are.
        depth: usize,
    },
    /// Above 4 MiB.
    #[error("{length} bytes: a {kind} file has at most {LARGEST}")]
    TooLarge {
        /// What it should be.
        kind: &'static str,
        /// Its bytes.
        length: usize,
    },
    /// It ends in the middle.
    #[error("the file is cut off after line {line}: get it again, whole")]
    Truncated {
        /// Its last line.
        line: usize,
    },
    /// Not JSON, or JSON of something else.
    #[error("not a {kind} file: {reason}")]
    Malformed {
        /// What it should be.
        kind: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// The other kind of file.
    #[error("a {found} file, where a {kind} file is needed", found = shown(found))]
    OtherKind {
        /// What it should be.
        kind: &'static str,
        /// What it says it is.
        found: String,
    },
    /// Of a version that this program does not know.
    #[error(
        "{kind} file of version {found}: this program reads version {VERSION}, use the one that wrote it"
    )]
    OtherVersion {
        /// What it should be.
        kind: &'static str,
        /// The version it has.
        found: u64,
    },
    /// A number beyond what can be meant.
    #[error("{field} is {value}: it must be from {least} to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The least it can be.
        least: u64,
        /// The most it can be.
        most: u64,
    },
    /// More than is kept.
    #[error("{count} {what}: at most {most} are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Configuration without salt, or the other way round.
    #[error("config and salt belong together: the file has one of them alone")]
    OriginIncomplete,
    /// The configuration is none.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is not that of the configuration and salt beside it.
    #[error(
        "the file names wallet {named}, but its config and salt make {computed}: it was edited or damaged"
    )]
    OtherWallet {
        /// The address in the file.
        named: Address,
        /// The address that configuration and salt make.
        computed: Address,
    },
    /// A signature in the file is not what it says.
    #[error("the file says that {owner} signed: {source}; it was edited or damaged")]
    Signature {
        /// Who is said to have signed.
        owner: Address,
        /// What is wrong with the signature.
        source: SignatureError,
    },
    /// Somebody signed who is no owner.
    #[error("{account} signed, but is not an owner of the wallet")]
    NotOwner {
        /// Who it is.
        account: Address,
    },
}

impl DocumentError {
    /// Whether two things in the file contradict each other, which no honest program writes.
    pub const fn is_contradiction(&self) -> bool {
        match self {
            Self::OtherWallet { .. } | Self::Signature { .. } | Self::NotOwner { .. } => true,
            Self::TooLarge { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::OtherKind { .. }
            | Self::OtherVersion { .. }
            | Self::OutOfRange { .. }
            | Self::TooMany { .. }
            | Self::Path { .. }
            | Self::OriginIncomplete
            | Self::Config(_) => false,
        }
    }
}

/// What every file begins with.
#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
}

/// Reads a file of this kind and of the present version.
///
/// # Errors
///
/// If it is too large, cut off, not JSON, of another kind or version, or has other fields.
pub fn read<T: DeserializeOwned>(kind: &'static str, json: &[u8]) -> Result<T, DocumentError> {
    if json.len() > LARGEST {
        return Err(DocumentError::TooLarge { kind, length: json.len() });
    }
    let failed = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Eof => DocumentError::Truncated { line: error.line() },
        _ => DocumentError::Malformed { kind, reason: crate::text::escaped(&error.to_string()) },
    };
    let head: Head = serde_json::from_slice(json).map_err(failed)?;
    if head.kind != kind {
        return Err(DocumentError::OtherKind { kind, found: head.kind });
    }
    if head.version != VERSION {
        return Err(DocumentError::OtherVersion { kind, found: head.version });
    }
    serde_json::from_slice(json).map_err(failed)
}

/// Checks a number that JavaScript has to be able to hold: from `least` to 2^53-1.
///
/// # Errors
///
/// If it is out of that range.
pub const fn check_range(field: &'static str, value: u64, least: u64) -> Result<(), DocumentError> {
    const MOST: u64 = (1 << 53) - 1;
    if value < least || value > MOST {
        return Err(DocumentError::OutOfRange { field, value, least, most: MOST });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{
        Action, Nonce, Proposal, Request, creation, proposal::Origin, testing::two_of_three,
    };
    use alloy::primitives::B256;

    fn proposal() -> Proposal {
        let config = two_of_three();
        let wallet = creation::wallet_address(&config, B256::ZERO).unwrap();
        let (action, nonce) = (Action::Cancel {}, Nonce::default());
        let (chain_id, deadline) = (31_337, 4_000_000_000);
        let request = Request { chain_id, wallet, epoch: 0, action, nonce, deadline };
        Proposal::new(request, None, Some(Origin { config, salt: B256::ZERO })).unwrap()
    }

    /// Case 27: whole numbers that a program wrote with a point.
    #[test]
    fn whole_numbers_with_a_point_are_read() {
        let json = proposal().to_json();
        let mut other = json.clone();
        for (name, number) in [
            ("version", 1_u64),
            ("chainId", 31_337),
            ("epoch", 0),
            ("deadline", 4_000_000_000),
            ("threshold", 2),
        ] {
            let plain = format!("\"{name}\": {number}");
            assert!(other.contains(&plain), "{plain}");
            other = other.replace(&plain, &format!("{plain}.0"));
        }
        assert_eq!(Proposal::from_json(other.as_bytes()), Proposal::from_json(json.as_bytes()));
        let half = json.replace("\"epoch\": 0", "\"epoch\": 0.5");
        let error = Proposal::from_json(half.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("`0.5`, expected a whole number"), "{error}");
        // A configuration inside of an action, which is read in two steps.
        let config = two_of_three();
        let action = Action::Reconfigure { config };
        let text = serde_json::to_string(&action).unwrap();
        let other = text.replace("\"threshold\":2", "\"threshold\":2.0");
        assert_ne!(text, other);
        assert_eq!(serde_json::from_str::<Action>(&other).unwrap(), action);
    }
}
