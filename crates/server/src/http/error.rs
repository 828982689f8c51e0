//! Why a request is not answered: one place from the cause to the problem document.

use alloy::primitives::{Address, B256};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use quorate_api::{Problem, ProblemCode, problem::MEDIA_TYPE};
use quorate_chain::{ChainError, Refusal};
use quorate_core::{
    config::ConfigError, signature::SignatureError, status::StatusWord, text::shown,
};
use quorate_store::{DatabaseError, StoreError, WalletKey};
use thiserror::Error;

/// Why a request is not answered. Its words are what the client reads: they hold nothing of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RouteError {
    #[error("the body is not JSON: {reason}")]
    MalformedJson { reason: String },
    #[error("{name} is {}: {advice}", shown(found))]
    InvalidParameter { name: &'static str, found: String, advice: String },
    #[error("the query cannot be read: {reason}")]
    InvalidQuery { reason: String },
    #[error("{0}: give Authorization: Bearer TOKEN")]
    Unauthorized(&'static str),
    #[error("the token may not {0}")]
    Forbidden(&'static str),
    #[error("there is no path {}: /openapi.json lists them", shown(path))]
    NoSuchPath { path: String },
    #[error("chain {} has no wallet {} here: it has to be registered first", wallet.chain_id, wallet.address)]
    UnknownWallet { wallet: WalletKey },
    #[error("there is no proposal {digest}")]
    UnknownProposal { digest: B256 },
    #[error("{} does not go with this path: Allow tells what does", shown(method))]
    MethodNotAllowed { method: String },
    #[error("the body did not arrive within {secs} seconds")]
    RequestTimeout { secs: u64 },
    #[error("the body has more than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body is not application/json, as Content-Type has to say")]
    UnsupportedMediaType,
    #[error("{} is not served here: ask for localhost or a loopback address", shown(host))]
    WrongHost { host: String },
    #[error("{reason}")]
    InvalidBody { reason: String },
    #[error("chain {chain_id} is not served: only {}", list(served))]
    UnknownChain { chain_id: u64, served: Vec<u64> },
    #[error("{address} is not known to be a wallet that the factory made: {}", why.words())]
    NotGenuine { address: Address, why: NotGenuine },
    #[error(
        "{sender} is an owner of the wallet and sends for this relayer: it may be only one of them"
    )]
    SenderIsOwner { sender: Address },
    #[error("the wallet is in epoch {present}, not {given}: read it again and sign anew")]
    WrongEpoch { given: u32, present: u32 },
    #[error("sequence {sequence} of this lane was used up: the next is {next}")]
    NonceUsed { sequence: u64, next: u64 },
    #[error("sequence {sequence} is more than {limit} ahead of the next, {next}")]
    SequenceTooFar { sequence: u64, next: u64, limit: u64 },
    #[error("the deadline {deadline} is past: it is {now}")]
    DeadlinePast { deadline: u64, now: u64 },
    #[error("the deadline {deadline} is too far ahead: {latest} is the latest now")]
    DeadlineTooFar { deadline: u64, latest: u64 },
    #[error("the note has {bytes} bytes: at most {limit} are taken")]
    NoteTooLong { bytes: usize, limit: usize },
    #[error("the wallet could not do that: {0}")]
    InvalidAction(#[from] InvalidAction),
    #[error("{owner} is no owner of the wallet now")]
    NotOwner { owner: Address },
    #[error("{address} is no escrow: it has nothing to accept")]
    NotEscrow { address: Address },
    #[error(
        "{owner} does not have role {role} in this escrow: 0 is the buyer, 1 the seller, 2 the arbiter"
    )]
    NotParty { owner: Address, role: u8 },
    #[error("the escrow commits to the terms {expected}, not to {given}")]
    OtherTerms { given: B256, expected: B256 },
    #[error("{0}")]
    InvalidSignature(#[from] InvalidSignature),
    #[error("{owner} did not approve this digest on chain, as far as the chain is known")]
    NotApproved { owner: Address },
    #[error("the proposal is {}: it takes no more signatures", status.name())]
    ProposalClosed { status: StatusWord },
    #[error("{owner} has {open} open proposals of this wallet, and at most {limit} are taken")]
    TooManyOpen { owner: Address, open: u64, limit: u64 },
    #[error("too many requests from this address: wait {secs} s")]
    RateLimited { secs: u64 },
    #[error("too much to do: {0}; nothing was stored, ask again")]
    Overloaded(Busy),
    #[error("a failure of the relayer's own: its log tells more")]
    Internal { cause: String },
    #[error("chain {chain_id} has to be asked and does not answer: ask again")]
    ChainUnreachable { chain_id: u64, cause: String },
    #[error("the store is not open yet: nothing was stored, ask again")]
    StoreNotOpen,
    #[error("the store does not answer: ask again")]
    StoreUnavailable { cause: String },
    #[error(
        "the store does not answer: what was handed in may have been taken, `quorate list` shows it; the same again \
         stores nothing twice"
    )]
    StoreUnsure { cause: String },
    #[error("the answer took too long: ask again, which stores nothing twice")]
    TimedOut,
    #[error("the relayer is about to stop")]
    Stopping,
}

/// Why a wallet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGenuine {
    /// There is no code.
    NotDeployed,
    /// The factory's events do not name it.
    NotFromFactory,
    /// The code is not a wallet's.
    Foreign,
}

/// What no wallet can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum InvalidAction {
    #[error("{0}")]
    Config(#[from] ConfigError),
}

/// Why a signature is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum InvalidSignature {
    #[error("{0}")]
    Bytes(#[from] SignatureError),
    #[error("the signature of {owner} does not hold: {refusal}")]
    Refused { owner: Address, refusal: Refusal },
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Busy {
    #[error("requests")]
    Requests,
    #[error("long polls")]
    LongPolls,
    #[error("streams of events")]
    Streams,
    #[error("questions to the chain")]
    Chain,
    #[error("waiting to be stored")]
    Store,
}

impl NotGenuine {
    const fn words(self) -> &'static str {
        match self {
            Self::NotDeployed => "there is nothing yet; give config and salt",
            Self::NotFromFactory => {
                "its code is a wallet's, but no event of the factory names it; give config and salt"
            }
            Self::Foreign => "its code is another",
        }
    }
}

fn list(chains: &[u64]) -> String {
    chains.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl RouteError {
    /// Which problem it is.
    pub(crate) const fn code(&self) -> ProblemCode {
        match self {
            Self::MalformedJson { .. } => ProblemCode::MalformedJson,
            Self::InvalidParameter { .. } | Self::InvalidQuery { .. } => {
                ProblemCode::InvalidParameter
            }
            Self::Unauthorized(_) => ProblemCode::Unauthorized,
            Self::Forbidden(_) => ProblemCode::Forbidden,
            Self::NoSuchPath { .. } => ProblemCode::NoSuchPath,
            Self::UnknownWallet { .. } => ProblemCode::UnknownWallet,
            Self::UnknownProposal { .. } => ProblemCode::UnknownProposal,
            Self::MethodNotAllowed { .. } => ProblemCode::MethodNotAllowed,
            Self::RequestTimeout { .. } => ProblemCode::RequestTimeout,
            Self::BodyTooLarge { .. } => ProblemCode::BodyTooLarge,
            Self::UnsupportedMediaType => ProblemCode::UnsupportedMediaType,
            Self::WrongHost { .. } => ProblemCode::WrongHost,
            Self::InvalidBody { .. } => ProblemCode::InvalidBody,
            Self::UnknownChain { .. } => ProblemCode::UnknownChain,
            Self::NotGenuine { .. } => ProblemCode::NotGenuine,
            Self::SenderIsOwner { .. } => ProblemCode::SenderIsOwner,
            Self::WrongEpoch { .. } => ProblemCode::WrongEpoch,
            Self::NonceUsed { .. } => ProblemCode::NonceUsed,
            Self::SequenceTooFar { .. } => ProblemCode::SequenceTooFar,
            Self::DeadlinePast { .. } => ProblemCode::DeadlinePast,
            Self::DeadlineTooFar { .. } => ProblemCode::DeadlineTooFar,
            Self::NoteTooLong { .. } => ProblemCode::NoteTooLong,
            Self::InvalidAction(_) => ProblemCode::InvalidAction,
            Self::NotEscrow { .. } => ProblemCode::NotEscrow,
            Self::NotOwner { .. } | Self::NotParty { .. } => ProblemCode::NotOwner,
            Self::OtherTerms { .. } => ProblemCode::OtherTerms,
            Self::InvalidSignature(_) => ProblemCode::InvalidSignature,
            Self::NotApproved { .. } => ProblemCode::NotApproved,
            Self::ProposalClosed { .. } => ProblemCode::ProposalClosed,
            Self::TooManyOpen { .. } => ProblemCode::TooManyOpen,
            Self::RateLimited { .. } => ProblemCode::RateLimited,
            Self::Overloaded(_) => ProblemCode::Overloaded,
            Self::Internal { .. } => ProblemCode::Internal,
            Self::ChainUnreachable { .. } => ProblemCode::ChainUnreachable,
            Self::StoreNotOpen | Self::StoreUnavailable { .. } | Self::StoreUnsure { .. } => {
                ProblemCode::StoreUnavailable
            }
            Self::TimedOut => ProblemCode::TimedOut,
            Self::Stopping => ProblemCode::Stopping,
        }
    }

    /// What the log says and the client is not told.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal { cause }
            | Self::ChainUnreachable { cause, .. }
            | Self::StoreUnavailable { cause }
            | Self::StoreUnsure { cause } => Some(cause),
            _ => None,
        }
    }

    /// After how many seconds asking again makes sense.
    const fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::RateLimited { secs } => Some(*secs),
            Self::Overloaded(_) | Self::TimedOut => Some(1),
            Self::ChainUnreachable { .. }
            | Self::StoreNotOpen
            | Self::StoreUnavailable { .. }
            | Self::StoreUnsure { .. } => Some(2),
            Self::Stopping => Some(5),
            Self::TooManyOpen { .. } => Some(60),
            _ => None,
        }
    }

    /// A chain that did not answer.
    pub(crate) fn chain(chain_id: u64, error: &ChainError) -> Self {
        Self::ChainUnreachable { chain_id, cause: error.to_string() }
    }
}

impl From<StoreError> for RouteError {
    fn from(error: StoreError) -> Self {
        let cause = error.to_string();
        match error {
            StoreError::UnknownWallet { wallet } => Self::UnknownWallet { wallet },
            StoreError::UnknownProposal { digest } => Self::UnknownProposal { digest },
            StoreError::TooManyOpen { owner, open, limit } => {
                Self::TooManyOpen { owner, open, limit }
            }
            StoreError::Database(DatabaseError::Overloaded { .. }) => Self::Overloaded(Busy::Store),
            StoreError::Database(DatabaseError::Closed) => Self::Stopping,
            StoreError::Database(
                DatabaseError::Busy { .. }
                | DatabaseError::Full { .. }
                | DatabaseError::Disconnected { .. }
                | DatabaseError::Standby { .. }
                | DatabaseError::ReadOnly { .. }
                | DatabaseError::Io { .. },
            ) => Self::StoreUnavailable { cause },
            StoreError::Database(DatabaseError::Damaged { .. } | DatabaseError::Refused { .. })
            | StoreError::Corrupt { .. }
            | StoreError::OutOfRange { .. }
            | StoreError::UnknownTransaction { .. }
            | StoreError::Conflict { .. }
            | StoreError::LeaseLost { .. }
            | StoreError::Lost { .. }
            | StoreError::Gap { .. }
            | StoreError::TokenExists { .. }
            | StoreError::UnknownToken { .. }
            | StoreError::UnknownWebhook { .. }
            | StoreError::UnknownDelivery { .. } => Self::Internal { cause },
        }
    }
}

/// What the log is told of an answer that is a problem.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: ProblemCode,
    pub(crate) cause: Option<String>,
}

impl IntoResponse for RouteError {
    fn into_response(self) -> Response<Body> {
        let code = self.code();
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = status.canonical_reason().unwrap_or("Error");
        let problem = Problem::new(code, title, self.to_string());
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(secs) = self.retry_after_secs() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if code == ProblemCode::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let cause = self.cause().map(str::to_owned);
        response.extensions_mut().insert(Failure { code, cause });
        response
    }
}
