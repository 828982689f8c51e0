//! Why a request was not answered (RFC 9457).

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document. Readers go by `code`; `detail` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The words of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, with the value and the way out.
    pub detail: String,
    /// Which problem it is. Stable; others may be added.
    pub code: ProblemCode,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $status:literal;)+) => {
        /// Which problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ $name,)+
            /// One that this reader does not know.
            #[serde(other)]
            Unknown,
        }

        impl PartialSchema for ProblemCode {
            fn schema() -> RefOr<Schema> {
                let about = "Which problem it is. Others may be added.";
                crate::schema::words(about, &[$(($word, concat!($($doc),+))),+])
            }
        }

        impl ToSchema for ProblemCode {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed("ProblemCode")
            }
        }

        impl ProblemCode {
            /// All that are answered.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                    Self::Unknown => "unknown",
                }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                    Self::Unknown => 500,
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or was cut.
    MalformedJson = "malformedJson", 400;
    /// A part of the path or the query is not what it has to be.
    InvalidParameter = "invalidParameter", 400;
    /// No token, or one that is not known or was revoked.
    Unauthorized = "unauthorized", 401;
    /// The token has not the right, or not for this wallet.
    Forbidden = "forbidden", 403;
    /// There is no such path.
    NoSuchPath = "noSuchPath", 404;
    /// The wallet is not served.
    UnknownWallet = "unknownWallet", 404;
    /// There is no such proposal.
    UnknownProposal = "unknownProposal", 404;
    /// The path has no such method.
    MethodNotAllowed = "methodNotAllowed", 405;
    /// The body did not arrive in time.
    RequestTimeout = "requestTimeout", 408;
    /// The body is larger than is taken.
    BodyTooLarge = "bodyTooLarge", 413;
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupportedMediaType", 415;
    /// The body is JSON, but not what is asked for: a field is missing, unknown, or not what it has to be.
    InvalidBody = "invalidBody", 422;
    /// The chain is not served.
    UnknownChain = "unknownChain", 422;
    /// The name that the request is for is not one of this machine's, which alone is served here.
    WrongHost = "wrongHost", 421;
    /// The wallet is not one that the factory made, or its address is not that of configuration and salt.
    NotGenuine = "notGenuine", 422;
    /// A sender of this relayer is among the wallet's owners.
    SenderIsOwner = "senderIsOwner", 422;
    /// The wallet is not an escrow.
    NotEscrow = "notEscrow", 422;
    /// The acceptance is of other terms than the escrow's.
    OtherTerms = "otherTerms", 422;
    /// The wallet is in another epoch.
    WrongEpoch = "wrongEpoch", 422;
    /// The nonce was consumed.
    NonceUsed = "nonceUsed", 422;
    /// The sequence is too far ahead of the wallet's next.
    SequenceTooFar = "sequenceTooFar", 422;
    /// The deadline is past.
    DeadlinePast = "deadlinePast", 422;
    /// The deadline is too far ahead.
    DeadlineTooFar = "deadlineTooFar", 422;
    /// The note is too long.
    NoteTooLong = "noteTooLong", 422;
    /// The action cannot be executed by this wallet.
    InvalidAction = "invalidAction", 422;
    /// Who is said to have signed is no owner of the wallet.
    NotOwner = "notOwner", 422;
    /// The signature is not by the owner over this digest, is in its other form (EIP-2), or the owner's contract refuses
    /// it.
    InvalidSignature = "invalidSignature", 422;
    /// The owner did not approve the digest on chain.
    NotApproved = "notApproved", 422;
    /// The proposal can take no more signatures: it is over.
    ProposalClosed = "proposalClosed", 422;
    /// This owner has too many open proposals at this wallet.
    TooManyOpen = "tooManyOpen", 429;
    /// Too many requests from this address.
    RateLimited = "rateLimited", 429;
    /// The relayer has more to do than it can; nothing was stored.
    Overloaded = "overloaded", 429;
    /// A failure of the relayer's own, which its log tells more about.
    Internal = "internal", 500;
    /// The chain has to be asked, and does not answer.
    ChainUnreachable = "chainUnreachable", 503;
    /// The store does not answer.
    StoreUnavailable = "storeUnavailable", 503;
    /// The answer took too long. Whether something was stored is not known: ask again, which stores nothing twice.
    TimedOut = "timedOut", 503;
    /// The relayer is about to stop.
    Stopping = "stopping", 503;
}

impl ProblemCode {
    /// Whether asking again in a moment may go better, and does no harm.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::StoreUnavailable | Self::Stopping)
    }
}

impl Problem {
    /// The problem with this code. `title` is the words of its HTTP status.
    pub fn new(code: ProblemCode, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The relayer wrote it: what moves the cursor is spelled out.
        write!(f, "{} ({})", quorate_core::text::escaped(&self.detail), self.code.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_word_and_an_unknown_one_is_read_too() {
        for &code in ProblemCode::ALL {
            let word = serde_json::to_string(&code).unwrap();
            assert_eq!(word, format!("\"{}\"", code.word()));
            assert_eq!(serde_json::from_str::<ProblemCode>(&word).unwrap(), code);
            assert!((400..600).contains(&code.status()));
        }
        assert_eq!(
            serde_json::from_str::<ProblemCode>("\"newInLater\"").unwrap(),
            ProblemCode::Unknown
        );
    }
}
