//! Whether a relayer can do what it is there for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What `GET /readyz` answers: with 200 if it is ready, else with 503.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether what is handed in is taken: the store and all chains answer.
    pub ready: bool,
    /// What is wrong with the process.
    pub degraded: Vec<Degradation>,
    /// Each chain that is served.
    pub chains: Vec<ChainReadiness>,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainReadiness {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// Whether this process has the lease and executes; if not, another one may.
    pub leading: bool,
    /// The number of the newest block that the engine took note of: its own place, not that of its endpoints; none while it
    /// does not lead.
    pub head: Option<u64>,
    /// How many seconds ago that block was made.
    pub head_age_secs: Option<u64>,
    /// What is wrong with it.
    pub degraded: Vec<Degradation>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Degradation {
    /// Which.
    pub code: DegradationCode,
    /// More, for people.
    pub detail: String,
}

/// What may be not as it should be. Others may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DegradationCode {
    /// The store is not open, or does not answer. Not ready.
    Store,
    /// The process is about to stop. Not ready.
    Stopping,
    /// No endpoint of the chain answers. Not ready.
    Unreachable,
    /// Some endpoints of the chain do not answer.
    Endpoints,
    /// An endpoint does not do all that it is asked, and the relayer does without.
    Lacks,
    /// No endpoint of the chain does something that the relayer cannot do without. Not ready.
    Needs,
    /// The newest block that the engine took note of is old, or there is none yet.
    HeadOld,
    /// Another process has the lease, and executes.
    Follower,
    /// No process has the lease: nothing is executed.
    NoLease,
    /// The operator paused it.
    Paused,
    /// A sender's balance is not above the floor.
    SenderBalance,
    /// What nodes say is final stands still for an hour, while blocks come: nothing becomes final.
    FinalityStalled,
    /// One that this reader does not know.
    #[serde(other)]
    Unknown,
}

impl DegradationCode {
    /// Whether nothing can be taken, or nothing of a chain.
    pub const fn is_blocking(self) -> bool {
        match self {
            Self::Store | Self::Stopping | Self::Unreachable | Self::Needs => true,
            Self::Endpoints
            | Self::Lacks
            | Self::HeadOld
            | Self::Follower
            | Self::NoLease
            | Self::Paused
            | Self::SenderBalance
            | Self::FinalityStalled
            | Self::Unknown => false,
        }
    }
}

impl Degradation {
    /// With these words.
    pub fn new(code: DegradationCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
