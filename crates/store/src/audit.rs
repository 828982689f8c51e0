//! The audit log: append-only, each row committing to the one before.
//!
//! The hash of a row is the keccak256 of, one after the other:
//!
//! | bytes | |
//! |--:|---|
//! | 15 | `quorate/audit/1` |
//! | 32 | the hash of the row before; zero for the first |
//! | 8 | sequence, big-endian, from 1 |
//! | 8 | time in Unix milliseconds, big-endian, two's complement |
//! | 4 + n | length, big-endian, and UTF-8 of the kind |
//! | 4 + n | length, big-endian, and UTF-8 of the payload, which is JSON and hashed as it is stored |
//!
//! So whoever knows the hash of the last row can tell whether any row was changed, removed or moved since.

pub(crate) mod verify;

use alloy::primitives::{B256, Keccak256};

const TAG: &[u8] = b"quorate/audit/1";

/// What the first row follows.
pub(crate) const GENESIS: B256 = B256::ZERO;

/// What a row of the audit log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WalletRegistered,
    WalletReconfigured,
    Proposed,
    Signed,
    SignatureLapsed,
    Status,
    Attempted,
    AttemptState,
    NonceSettled,
    LeaseTaken,
    LeaseReleased,
    Paused,
    Resumed,
    TermsAccepted,
    TokenCreated,
    TokenRevoked,
    WebhookAdded,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRedelivered,
    WebhookMended,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::WalletRegistered => "walletRegistered",
            Self::WalletReconfigured => "walletReconfigured",
            Self::Proposed => "proposed",
            Self::Signed => "signed",
            Self::SignatureLapsed => "signatureLapsed",
            Self::Status => "status",
            Self::Attempted => "attempted",
            Self::AttemptState => "attemptState",
            Self::NonceSettled => "nonceSettled",
            Self::LeaseTaken => "leaseTaken",
            Self::LeaseReleased => "leaseReleased",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::TermsAccepted => "termsAccepted",
            Self::TokenCreated => "tokenCreated",
            Self::TokenRevoked => "tokenRevoked",
            Self::WebhookAdded => "webhookAdded",
            Self::WebhookDisabled => "webhookDisabled",
            Self::WebhookEnabled => "webhookEnabled",
            Self::WebhookRedelivered => "webhookRedelivered",
            Self::WebhookMended => "webhookMended",
        }
    }
}

/// A row without its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) previous: B256,
    pub(crate) sequence: u64,
    pub(crate) at: i64,
    pub(crate) kind: String,
    pub(crate) payload: String,
}

impl Entry {
    /// The hash, as the module says.
    pub(crate) fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(TAG);
        hasher.update(self.previous);
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.at.to_be_bytes());
        for text in [&self.kind, &self.payload] {
            let length = u32::try_from(text.len()).expect("a row is far below 4 GiB");
            hasher.update(length.to_be_bytes());
            hasher.update(text);
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{hex, keccak256};

    #[test]
    fn the_encoding_is_the_documented_one() {
        let entry = Entry {
            previous: B256::repeat_byte(0x11),
            sequence: 2,
            at: 1_700_000_000_000,
            kind: "signed".to_owned(),
            payload: "{}".to_owned(),
        };
        let bytes = hex!(
            "71756f726174652f61756469742f31"
            "1111111111111111111111111111111111111111111111111111111111111111"
            "0000000000000002"
            "0000018bcfe56800"
            "00000006" "7369676e6564"
            "00000002" "7b7d"
        );
        assert_eq!(entry.hash(), keccak256(bytes));
    }

    #[test]
    fn a_byte_that_moves_from_kind_to_payload_is_noticed() {
        let entry = |kind: &str, payload: &str| Entry {
            previous: GENESIS,
            sequence: 1,
            at: 0,
            kind: kind.to_owned(),
            payload: payload.to_owned(),
        };
        assert_ne!(entry("ab", "c").hash(), entry("a", "bc").hash());
    }
}
