//! Everything the engine of one chain knows.

use crate::{
    attempt::{Attempt, Draft, Slot},
    budget::{Charge, DAY_SECS, Ledger, Limits},
    effect::Call,
    event::BlockId,
    head::History,
    proposal::Tracked,
    settings::Settings,
    wallet::Wallet,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use std::collections::BTreeMap;

/// The engine's memory of one chain. Changes only in [`crate::step`]; everything in it that matters after a
/// crash is also in the store.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) history: History,
    pub(crate) tip: u128,
    pub(crate) clock: u64,
    pub(crate) last_head_at: u64,
    pub(crate) wallets: BTreeMap<Address, Wallet>,
    pub(crate) proposals: BTreeMap<B256, Tracked>,
    pub(crate) senders: BTreeMap<Address, Sender>,
    pub(crate) hashes: BTreeMap<B256, (Address, u64)>,
    pub(crate) plans: BTreeMap<Address, Plan>,
    pub(crate) ledger: Ledger,
    pub(crate) is_paused: bool,
    pub(crate) is_leading: bool,
    /// Whether what the store has as final can be believed: not after a reorg beyond all that is remembered.
    pub(crate) trusts_final: bool,
    pub(crate) next_request: u64,
    pub(crate) next_order: u64,
}

/// An account that sends.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    /// Its next account nonce as of the last head at which it was read.
    pub account_nonce: u64,
    /// Wei, as of then.
    pub balance: U256,
    /// The number of that head.
    pub(crate) read_at: u64,
    /// Whether that still holds: not before the first reading, and not after a reorg.
    pub is_known: bool,
    /// The account nonces that were taken and may still matter.
    pub slots: BTreeMap<u64, Slot>,
    /// The attempts that are being signed or stored: one work at a time, so that account nonces have no gaps.
    pub(crate) work: Option<Work>,
}

/// Attempts on their way to the store: all of them are signed and stored, or none.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) request: u64,
    /// At least one; of several each takes the account nonce after that of the one before.
    pub(crate) drafts: Vec<Draft>,
    /// None until all are signed; then as many as there are drafts.
    pub(crate) signed: Option<Vec<(B256, Bytes)>>,
    pub(crate) since: u64,
}

/// What a wallet is going to do next.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) request: u64,
    /// At least one; each is simulated on top of those before it.
    pub(crate) run: Vec<Goal>,
    /// What is simulated for each: taken as it is, whoever signs meanwhile.
    pub(crate) calls: Vec<Call>,
    pub(crate) sender: Address,
    pub(crate) version: u64,
    /// Whether nothing of the wallet was on its way, so that any sender will do.
    pub(crate) any_sender: bool,
    pub(crate) at: BlockId,
    pub(crate) since: u64,
    pub(crate) stage: Stage,
}

/// What an account nonce is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Create,
    Execute,
}

/// One account nonce of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Goal {
    pub(crate) target: Target,
    /// The proposal that is executed, or that the wallet is created for.
    pub(crate) digest: B256,
}

/// How far a plan has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Simulating,
    /// What those that passed need as gas limits, from the first one on: at least one, at most the whole run.
    Simulated {
        gas: Vec<u64>,
    },
    Working {
        request: u64,
    },
}

impl State {
    /// An engine that knows nothing and does nothing until [`crate::Event::Restarted`].
    pub fn new(settings: Settings, limits: Limits) -> Self {
        let senders = settings.senders.iter().map(|&s| (s, Sender::default())).collect();
        Self {
            settings,
            limits,
            history: History::default(),
            tip: 0,
            clock: 0,
            last_head_at: 0,
            wallets: BTreeMap::new(),
            proposals: BTreeMap::new(),
            senders,
            hashes: BTreeMap::new(),
            plans: BTreeMap::new(),
            ledger: Ledger::default(),
            is_paused: false,
            is_leading: false,
            trusts_final: true,
            next_request: 0,
            next_order: 0,
        }
    }

    /// Stands in for a state while a step is made of it.
    pub(crate) fn nothing() -> Self {
        Self::new(Settings::new(0, Address::ZERO), Limits::default())
    }

    /// The attempt with this hash and its number, if its account nonce is open.
    pub fn find_attempt(&self, tx_hash: B256) -> Option<(&Attempt, usize)> {
        let (sender, account_nonce) = self.hashes.get(&tx_hash)?;
        let slot = self.senders.get(sender)?.slots.get(account_nonce)?;
        let number = slot.attempts.iter().position(|attempt| attempt.tx_hash == tx_hash)?;
        slot.is_open().then_some((&slot.attempts[number], number))
    }

    /// The blocks that are remembered.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The proposals by digest.
    pub const fn proposals(&self) -> &BTreeMap<B256, Tracked> {
        &self.proposals
    }

    /// The wallets by address.
    pub const fn wallets(&self) -> &BTreeMap<Address, Wallet> {
        &self.wallets
    }

    /// The senders by address.
    pub const fn senders(&self) -> &BTreeMap<Address, Sender> {
        &self.senders
    }

    /// What is reserved and spent.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What the operator allows.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The other proposals for the nonce of this one that were not decided by something else.
    pub fn rivals(&self, digest: B256) -> Vec<B256> {
        let Some(request) = self.proposals.get(&digest).map(|p| &p.request) else {
            return Vec::new();
        };
        let Some(wallet) = self.wallets.get(&request.wallet) else { return Vec::new() };
        let same = |other: &&B256| {
            **other != digest
                && self.proposals.get(*other).is_some_and(|p| p.request.nonce == request.nonce)
        };
        wallet.proposals.iter().filter(same).copied().collect()
    }

    /// The number of the head, 0 if there is none.
    pub(crate) fn head_number(&self) -> u64 {
        self.history.head().map_or(0, |head| head.id.number)
    }

    /// The time of the chain, in Unix seconds.
    pub(crate) fn head_time(&self) -> u64 {
        self.history.head().map_or(0, |head| head.timestamp)
    }

    /// The later of the head's time and the clock: deadlines must hold by both.
    pub(crate) fn latest_time(&self) -> u64 {
        self.head_time().max(self.clock)
    }

    /// The day on which account nonces that are taken now are charged: by the chain, since the clock may jump.
    pub(crate) fn today(&self) -> u64 {
        self.head_time() / DAY_SECS
    }

    /// Whether a block with this number is at the configured depth.
    pub(crate) fn is_final(&self, number: u64) -> bool {
        number.saturating_add(self.settings.final_depth) <= self.head_number()
    }

    /// Whether there are less than two blocks until `deadline`.
    pub(crate) fn is_near(&self, deadline: u64) -> bool {
        let margin = self.settings.block_secs.saturating_mul(crate::settings::DEADLINE_BLOCKS);
        self.latest_time().saturating_add(margin) > deadline
    }

    /// Whether the chain was out of reach for too long.
    pub(crate) fn is_rpc_down(&self) -> bool {
        self.clock.saturating_sub(self.last_head_at) > self.settings.rpc_down_secs
    }

    /// Whether a sender is among the owners of a wallet, as of the head.
    pub(crate) fn sender_is_owner(&self, wallet: &Wallet) -> bool {
        wallet.now().config.owners().iter().any(|owner| self.senders.contains_key(owner))
    }

    /// What the account nonces would be charged that are being taken: the ledger has it once they are.
    pub(crate) fn pending(&self) -> impl Iterator<Item = Charge> + '_ {
        let works = self.senders.values().filter_map(|sender| sender.work.as_ref());
        let drafts = works.flat_map(|work| &work.drafts);
        drafts.filter(|draft| draft.number == 0).map(|draft| draft.charge)
    }

    /// A number for a request.
    pub(crate) const fn request(&mut self) -> u64 {
        self.next_request = self.next_request.wrapping_add(1);
        self.next_request
    }
}
