//! Why there is no result, and what to do about it.

use alloy::primitives::Bytes;
use std::time::Duration;

/// Why there is no result.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nobody answered, or not now.
    Unreachable { reason: String },
    /// The endpoint wants fewer requests: how long it wants none, if it says so.
    Busy { reason: String, after: Option<Duration> },
    /// No answer in time.
    Late,
    /// An error of JSON-RPC.
    Rpc(RpcFault),
    /// No JSON-RPC, or a result of another type. Whether another try may be luckier.
    Wrong { reason: String, is_passing: bool },
    /// The endpoint, or what stands before it, does not let this be asked: HTTP 401, 403, 404, 405, 501.
    Forbidden { reason: String },
}

/// An error of JSON-RPC.
#[derive(Clone, Debug)]
pub(crate) struct RpcFault {
    pub(crate) code: i64,
    /// Escaped and cut.
    pub(crate) message: String,
    /// What a reverted call returned.
    pub(crate) data: Option<Bytes>,
    /// Whether it came with an HTTP status that says that the server failed.
    pub(crate) is_of_server: bool,
}

/// Codes for too many requests: Alchemy's, and the copy of HTTP's; Ankr's; QuickNode's; proxyd's, of the OP chains; LlamaNodes'.
const LIMIT_CODES: [i64; 8] = [429, -32_090, -32_029, -32_007, -32_012, -32_016, -32_017, -32_097];

/// The code of EIP-1474 for too many requests, and for too many results.
const LIMIT_EXCEEDED: i64 = -32_005;

/// The code of JSON-RPC for a failure of the server.
const INTERNAL_ERROR: i64 = -32_603;

/// What endpoints write when they want fewer requests.
const LIMIT_WORDS: [&str; 17] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "too many requests",
    "request limit",
    "request count exceeded",
    "requests per",
    "per second",
    "compute units",
    "throttl",
    "over capacity",
    "capacity exceeded",
    "quota",
    "credits",
    "retry in",
    "slow down",
];

/// What endpoints write when they ask too much of themselves for now, or one behind them is not there.
const PASSING_WORDS: [&str; 13] = [
    "header not found",
    "unknown block",
    "block not found",
    "no backend",
    "backend is",
    "temporarily",
    "try again",
    "overloaded",
    "server busy",
    "service unavailable",
    "bad gateway",
    "gateway time",
    "upstream",
];

/// What a range of events is too much of, in the words of endpoints.
const RANGE_WORDS: [&str; 6] = ["result", "range", "block", "logs", "response size", "too large"];

/// What endpoints write of a method that they do not serve, whatever the code.
const MISSING_WORDS: [&str; 18] = [
    "not supported",
    "unsupported",
    "does not exist",
    "not exist",
    "not found",
    "not available",
    "unavailable on",
    "whitelist",
    "allowlist",
    "not allowed",
    "not enabled",
    "is disabled",
    "unknown method",
    "no such method",
    "invalid method",
    "not implemented",
    "forbidden",
    "upgrade your plan",
];

/// The codes for a method that is not there: JSON-RPC's, Hardhat's, and for one that needs another plan.
const MISSING_CODES: [i64; 2] = [-32_601, -32_004];

/// The codes by which `eth_simulateV1` says what is wrong with what it was given: it is there.
const OF_SIMULATIONS: std::ops::RangeInclusive<i64> = -38_999..=-38_000;

/// The code that most nodes give a revert.
pub(crate) const REVERT_CODE: i64 = 3;

impl Fault {
    /// Whether it is worth asking again at once.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => true,
            Self::Rpc(fault) => fault.is_passing(),
            Self::Wrong { is_passing, .. } => *is_passing,
            Self::Late | Self::Forbidden { .. } => false,
        }
    }

    /// Whether nothing came, or something that is no answer, or that says that the server failed.
    pub(crate) fn is_no_answer(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late => true,
            Self::Wrong { is_passing, .. } => *is_passing,
            Self::Rpc(fault) => fault.is_of_server && fault.is_passing(),
            Self::Busy { .. } | Self::Forbidden { .. } => false,
        }
    }

    /// Whether the endpoint answered, and will not do this: not for now, and not for what was asked of a contract.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Rpc(fault) => {
                !fault.is_passing()
                    && !fault.is_execution()
                    && !OF_SIMULATIONS.contains(&fault.code)
            }
            Self::Wrong { is_passing, .. } => !is_passing,
            Self::Forbidden { .. } => true,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Late => false,
        }
    }

    /// Whether the endpoint says that it does not know the method, or does not serve it.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Rpc(fault) => fault.is_missing(),
            Self::Forbidden { .. } => true,
            _ => false,
        }
    }
}

impl RpcFault {
    /// Whether it says that there were too many requests. Of a method whose answers may be too long, that is another limit
    /// where nothing speaks of requests.
    pub(crate) fn is_limit(&self, has_long_answers: bool) -> bool {
        let message = self.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if LIMIT_CODES.contains(&self.code) || says(&LIMIT_WORDS) {
            return !(has_long_answers
                && self.code != 429
                && says(&RANGE_WORDS)
                && !says(&LIMIT_WORDS));
        }
        self.code == LIMIT_EXCEEDED && !has_long_answers
    }

    /// Whether another try may be luckier: one of several nodes behind the endpoint lags, or is not there.
    fn is_passing(&self) -> bool {
        let message = self.message.to_lowercase();
        let is_failure =
            self.is_of_server || self.code == INTERNAL_ERROR || message.contains("internal error");
        PASSING_WORDS.iter().any(|words| message.contains(words))
            || (is_failure && !self.is_execution() && !self.is_missing())
    }

    fn is_missing(&self) -> bool {
        let message = self.message.to_lowercase();
        // Names of methods hold the words for what may be missing too.
        let words = message.split_whitespace().filter(|word| !word.contains('_'));
        let plain = words.collect::<Vec<_>>().join(" ");
        let is_of_state = !plain.contains("method")
            && ["header", "block", "state", "trie", "transaction"]
                .iter()
                .any(|thing| plain.contains(thing));
        MISSING_CODES.contains(&self.code)
            || (!is_of_state && MISSING_WORDS.iter().any(|words| plain.contains(words)))
            // ganache gives JSON-RPC's code for a request that cannot be parsed.
            || (self.code == -32_700 && message.contains("method"))
    }

    /// Whether it says that an execution failed. Nodes have no common code for that, but common words.
    pub(crate) fn is_execution(&self) -> bool {
        const WORDS: [&str; 15] = [
            "out of gas",
            "outofgas",
            "gas required exceeds",
            "intrinsic gas",
            "invalid opcode",
            "invalid jump",
            "bad instruction",
            "stack underflow",
            "stack overflow",
            "stack limit",
            "evm error",
            "vm execution error",
            "vm exception",
            "write protection",
            "static state",
        ];
        let message = self.message.to_lowercase();
        self.is_revert() || self.has_data() || WORDS.iter().any(|words| message.contains(words))
    }

    /// Whether it says that a contract reverted.
    pub(crate) fn is_revert(&self) -> bool {
        self.code == REVERT_CODE || self.message.to_lowercase().contains("revert")
    }

    /// Whether it has bytes that were returned.
    pub(crate) fn has_data(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: i64, message: &str) -> RpcFault {
        RpcFault { code, message: message.to_owned(), data: None, is_of_server: false }
    }

    /// Case 14: the codes and words of providers for too many requests.
    #[test]
    fn too_many_requests_are_told_from_too_many_results() {
        for (code, message, is_limit, of_logs) in [
            (429, "Your app has exceeded its compute units per second capacity", true, true),
            (429, "", true, true),
            (-32_005, "daily request count exceeded, request rate limited", true, true),
            (-32_005, "query returned more than 10000 results", true, false),
            (-32_005, "limit exceeded", true, false),
            (-32_016, "over rate limit", true, true),
            (-32_007, "50/second request limit reached", true, true),
            (-32_090, "Too many requests, retry in 10s", true, true),
            (-32_000, "rate limit exceeded", true, true),
            (-32_603, "request throttled", true, true),
            (-32_602, "eth_getLogs is limited to a 10,000 range", false, false),
            (-32_000, "exceed maximum block range: 5000", false, false),
            (-32_000, "execution reverted", false, false),
            (-32_000, "nonce too low", false, false),
        ] {
            let fault = fault(code, message);
            assert_eq!(fault.is_limit(false), is_limit, "{code} {message}");
            assert_eq!(fault.is_limit(true), of_logs, "{code} {message}");
        }
    }

    /// Case 13: a method that is not served, by whatever code; and a block that is not there yet, which is another thing.
    #[test]
    fn a_method_that_is_missing_is_told_from_a_block_that_is() {
        for (code, message, is_missing, is_passing) in [
            (-32_601, "the method eth_simulateV1 does not exist/is not available", true, false),
            (-32_601, "", true, false),
            (-32_004, "Method eth_simulateV1 is not supported", true, false),
            (-32_700, "The method eth_simulateV1 does not exist/is not available", true, false),
            (-32_001, "rpc method is not whitelisted", true, false),
            (-32_001, "eth_getBlockReceipts is not available", true, false),
            (-32_000, "method not found", true, false),
            (-32_000, "header not found", false, true),
            (-32_000, "block not found", false, true),
            (-32_000, "missing trie node abc (path ) state is not available", false, false),
            (-32_602, "duplicate field `data`", false, false),
            (-32_603, "Internal error", false, true),
            (-32_603, "Method eth_simulateV1 is not supported", true, false),
        ] {
            let fault = Fault::Rpc(fault(code, message));
            assert_eq!(fault.is_missing(), is_missing, "{code} {message}");
            assert_eq!(fault.is_passing(), is_passing, "{code} {message}");
            assert_eq!(fault.is_refusal(), !is_passing, "{code} {message}");
        }
    }
}
