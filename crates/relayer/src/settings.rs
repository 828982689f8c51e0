//! What an operator sets once.

use alloy::primitives::Address;

/// What a transaction of this chain and others may use at most (EIP-7825): no gas limit is raised above it.
pub const GAS_CAP: u64 = 1 << 24;

/// For how many seconds what nodes say is final may stand still, while blocks come, before somebody is told.
pub const FINALITY_STALLED_SECS: u64 = 3_600;

/// Of how many blocks at least the time from block to block is measured.
pub const MEASURED_BLOCKS: usize = 8;

/// Where blocks come faster, these are the least times: before a deadline, for which a simulation is believed, and
/// before what was refused is looked at again.
pub const DEADLINE_SECS: u64 = 4;
/// See [`DEADLINE_SECS`].
pub const SIMULATION_SECS: u64 = 6;
/// See [`DEADLINE_SECS`].
pub const BACKOFF_SECS: u64 = 2;

/// How many executions of one lane are on their way at once, at most.
pub const PIPELINE_DEPTH: usize = 8;

/// Before a deadline no first broadcast is made for this many blocks.
pub const DEADLINE_BLOCKS: u64 = 2;

/// For how many blocks a simulation is believed.
pub const SIMULATION_BLOCKS: u64 = 2;

/// The most blocks that a proposal waits for its next simulation.
pub const MAX_BACKOFF_BLOCKS: u64 = 32;

/// The longest that what a policy lets wait is left alone, in seconds: then it is simulated again, whatever time was told.
pub const NOT_BEFORE_SECS: u64 = 3_600;

/// How one chain is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The factory, which creates wallets.
    pub factory: Address,
    /// The accounts that send.
    pub senders: Vec<Address>,
    /// How many blocks on top make a block final, at least; where nodes tell what is final, it must be that as well.
    pub final_depth: u64,
    /// How many seconds' worth of blocks these are at least.
    pub final_secs: u64,
    /// How many blocks are remembered, at least twice `final_depth`; what is older is never undone.
    pub history: usize,
    /// Seconds from block to block, about: until it is measured, or instead.
    pub block_secs: u64,
    /// Whether `block_secs` is not to be measured.
    pub is_block_time_given: bool,
    /// After how many blocks that did not include it a transaction offers more.
    pub bump_after_blocks: u64,
    /// How many seconds' worth of blocks these are at least.
    pub bump_after_secs: u64,
    /// After how many blocks the latest attempt is sent again, accepted or not.
    pub rebroadcast_blocks: u64,
    /// How many seconds' worth of blocks these are at least.
    pub rebroadcast_secs: u64,
    /// After how many seconds bytes of unknown fate are sent again, if no block comes.
    pub resend_secs: u64,
    /// After how many seconds without a head the chain counts as out of reach.
    pub rpc_down_secs: u64,
    /// After how many seconds a request that was not answered is made again.
    pub reply_secs: u64,
    /// How many account nonces of one sender are open at once, at most: nodes keep only so many.
    pub max_open_per_sender: usize,
    /// What is added to the gas that a simulation needs, in percent.
    pub gas_margin_percent: u64,
    /// After how many mined failures a proposal is given up.
    pub max_failures: usize,
    /// Whether the nodes know `eth_simulateV1`, until [`crate::Event::CanSimulate`] tells. Without it nothing is pipelined.
    pub has_simulate_v1: bool,
    /// After how many blocks a wallet with open proposals is asked again whether all of its events are known.
    pub audit_blocks: u64,
}

impl Settings {
    /// The defaults for a chain with blocks of 12 seconds, counted in blocks alone. No senders.
    pub const fn new(chain_id: u64, factory: Address) -> Self {
        Self {
            chain_id,
            factory,
            senders: Vec::new(),
            final_depth: 12,
            final_secs: 0,
            history: 64,
            block_secs: 12,
            is_block_time_given: false,
            bump_after_blocks: 3,
            bump_after_secs: 0,
            rebroadcast_blocks: 3,
            rebroadcast_secs: 0,
            resend_secs: 12,
            rpc_down_secs: 120,
            reply_secs: 30,
            max_open_per_sender: 64,
            gas_margin_percent: 15,
            max_failures: 3,
            has_simulate_v1: true,
            audit_blocks: 64,
        }
    }
}
