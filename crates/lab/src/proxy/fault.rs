//! What can go wrong with one request.

use serde_json::{Value, json};

/// One thing that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the endpoint hears of it.
    LoseRequest,
    /// The endpoint does what it was asked, and the connection breaks before the answer.
    LoseReply,
    /// There is never an answer.
    Hang,
    /// The answer comes so many milliseconds late.
    Delay(u64),
    /// The endpoint does what it was asked, and the answer is a page of a gateway, with HTTP 200.
    GarbleReply,
    /// The endpoint does what it was asked, and its JSON ends in the middle.
    Truncate,
    /// The endpoint does what it was asked, and the answer is said to be one to another request.
    WrongId,
    /// The endpoint does what it was asked, and the answer is one that was given before, with the id of the request it
    /// was given to: of the same method if there is one. Passed on unharmed while there was no other.
    OtherAnswer,
    /// The endpoint does what it was asked, and the answer is there but has nothing in it.
    Empty(Nothing),
    /// The endpoint does what it was asked, and of a list in the answer the last half is missing (of one, all), of an
    /// object every second field. Other answers are passed on unharmed.
    Partial,
    /// The endpoint is not asked, and the answer is an error of JSON-RPC, with HTTP 200.
    Refuse(Refusal),
    /// As [`Self::Refuse`], of what the endpoint has done.
    RefuseDone(Refusal),
    /// The endpoint is not asked, and the answer is an error of HTTP.
    Http(HttpError),
    /// Of two nodes behind the URL one that is so many blocks behind the other answers: it knows no later block, nor
    /// what is in it, and takes what is sent.
    Behind(u64),
    /// A block is told as the newest, but for so many milliseconds after this proxy first heard of it its events are an
    /// empty list, its receipts and itself null: the node is still indexing it.
    Indexing(u64),
    /// A transaction is said to be known already, and was never passed on: a lie.
    AlreadyKnown,
    /// The newest block is said to be one that nobody has, far above the others: a lie.
    FalseHead,
}

/// What an empty answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// What the method answers where there is nothing: `[]`, `null`, `{}` or `0x`.
    Fitting,
    /// `null`
    Null,
    /// `[]`
    List,
    /// `{}`
    Object,
    /// `0x`
    Bytes,
}

/// An error of JSON-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its code.
    pub code: i64,
    /// Its words.
    pub message: &'static str,
    /// What a call returned when it reverted, as hex.
    pub data: Option<&'static str>,
}

/// An error of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// The status, from 400 on.
    pub status: u16,
    /// What stands in the body.
    pub body: ErrorBody,
    /// The header Retry-After, in seconds.
    pub retry_after_secs: Option<u64>,
}

/// What stands in the body of an error of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// Nothing.
    Nothing,
    /// A page for people.
    Html,
    /// An error of JSON-RPC.
    JsonRpc(Refusal),
}

impl Refusal {
    /// A method that is missing, as JSON-RPC, geth, reth and anvil say it.
    pub const NO_SUCH_METHOD: Self =
        Self::new(-32_601, "the method does not exist/is not available");
    /// A method that is missing, as Hardhat says it.
    pub const NOT_SUPPORTED: Self = Self::new(-32_004, "Method is not supported");
    /// A method that a provider does not sell.
    pub const NOT_WHITELISTED: Self = Self::new(-32_001, "rpc method is not whitelisted");
    /// Too many requests, as providers say it with HTTP 200.
    pub const TOO_MANY: Self = Self::new(429, "Too Many Requests");
    /// Too many requests (EIP-1474).
    pub const LIMIT_EXCEEDED: Self = Self::new(-32_005, "limit exceeded");
    /// Something broke.
    pub const INTERNAL: Self = Self::new(-32_603, "Internal error");
    /// A node does not have the block that it was asked about.
    pub const HEADER_NOT_FOUND: Self = Self::new(-32_000, "header not found");

    /// An error with this code and these words.
    pub const fn new(code: i64, message: &'static str) -> Self {
        Self { code, message, data: None }
    }

    /// The same with what a call returned when it reverted, as hex.
    #[must_use]
    pub const fn with_data(self, data: &'static str) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The member `error` of an answer.
    pub(super) fn error(&self) -> Value {
        match self.data {
            Some(data) => json!({ "code": self.code, "message": self.message, "data": data }),
            None => json!({ "code": self.code, "message": self.message }),
        }
    }
}

impl HttpError {
    /// A status with a page for people, as of a gateway.
    pub const fn html(status: u16) -> Self {
        Self { status, body: ErrorBody::Html, retry_after_secs: None }
    }

    /// A status with an error of JSON-RPC.
    pub const fn json_rpc(status: u16, refusal: Refusal) -> Self {
        Self { status, body: ErrorBody::JsonRpc(refusal), retry_after_secs: None }
    }

    /// The same with a header that says after how many seconds asking again makes sense.
    #[must_use]
    pub const fn retry_after(self, secs: u64) -> Self {
        Self { retry_after_secs: Some(secs), ..self }
    }
}

impl Nothing {
    /// The result that the method is answered with.
    pub(super) fn result(self, method: &str) -> Value {
        match self {
            Self::Fitting => match method {
                "eth_getLogs" | "eth_getBlockReceipts" | "eth_simulateV1" => json!([]),
                "eth_feeHistory" => json!({}),
                "eth_call" | "eth_getCode" | "eth_getStorageAt" => json!("0x"),
                _ => Value::Null,
            },
            Self::Null => Value::Null,
            Self::List => json!([]),
            Self::Object => json!({}),
            Self::Bytes => json!("0x"),
        }
    }
}
