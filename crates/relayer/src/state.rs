//! Everything the engine of one chain knows.

use crate::{
    attempt::{Attempt, Draft, Slot},
    budget::{Charge, DAY_SECS, Ledger, Limits},
    effect::Call,
    event::BlockId,
    head::History,
    proposal::Tracked,
    settings::{self, Settings},
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
    pub(crate) finality: Finality,
    /// The time from block to block.
    pub(crate) block_millis: u64,
    pub(crate) tip: u128,
    /// What account nonces that were settled since this engine began did cost.
    pub(crate) paid: PaidSums,
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

/// What nodes say is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finality {
    /// The last block of which they do; none where they tell nothing true.
    pub finalized: Option<u64>,
    /// The head's time when it moved last, in Unix seconds.
    pub moved_at: u64,
    /// Whether it was told that it stands still.
    pub(crate) is_told: bool,
}

/// Sums of what was paid, in wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaidSums {
    /// For gas.
    pub gas: U256,
    /// For layer 1.
    pub l1: U256,
    /// To the chain's operator.
    pub operator: U256,
}

/// Which blocks are final, as of one head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Final {
    head: u64,
    depth: u64,
    finalized: Option<u64>,
}

impl Final {
    /// Whether a block with this number is at the configured depth, and no node that knows says that it is not final.
    pub(crate) fn is(self, number: u64) -> bool {
        number.saturating_add(self.depth) <= self.head
            && self.finalized.is_none_or(|finalized| number <= finalized)
    }
}

/// What a no-op of a sender needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoopNeeds {
    /// Its gas limit.
    pub gas_limit: u64,
    /// What it costs besides gas at the most, in wei.
    pub rollup_fee: U256,
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
    /// What a no-op needs, as the chain estimated it.
    pub noop: Option<NoopNeeds>,
    /// The least gas limit of a no-op, where nodes refused lower ones.
    pub(crate) noop_floor: u64,
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
    /// The account nonce whose place it takes, where a no-op cannot be placed.
    pub(crate) takes: Option<u64>,
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
    /// What those that passed need as gas limits, and cost besides at the most, from the first one on: at least one, at
    /// most the whole run.
    Simulated {
        needs: Vec<(u64, U256)>,
    },
    Working {
        request: u64,
    },
}

impl State {
    /// An engine that knows nothing and does nothing until [`crate::Event::Restarted`].
    pub fn new(settings: Settings, limits: Limits) -> Self {
        let senders = settings.senders.iter().map(|&s| (s, Sender::default())).collect();
        let block_millis = settings.block_secs.saturating_mul(1_000).max(1);
        Self {
            settings,
            limits,
            history: History::default(),
            finality: Finality::default(),
            block_millis,
            tip: 0,
            paid: PaidSums::default(),
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

    /// What nodes say is final.
    pub const fn finality(&self) -> Finality {
        self.finality
    }

    /// Whether what nodes say is final stands still for too long, by the chain's own time.
    pub fn is_finality_stalled(&self) -> bool {
        let since = self.head_time().saturating_sub(self.finality.moved_at);
        self.finality.finalized.is_some() && since >= settings::FINALITY_STALLED_SECS
    }

    /// The time from block to block, in milliseconds, as it is taken.
    pub const fn block_millis(&self) -> u64 {
        self.block_millis
    }

    /// What account nonces that were settled since this engine began did cost.
    pub const fn paid(&self) -> PaidSums {
        self.paid
    }

    /// How many blocks so many seconds are; at least so many.
    pub(crate) const fn blocks(&self, at_least: u64, secs: u64) -> u64 {
        let blocks = secs.saturating_mul(1_000).div_ceil(if self.block_millis == 0 {
            1
        } else {
            self.block_millis
        });
        if blocks > at_least { blocks } else { at_least }
    }

    /// How many seconds so many blocks take, rounded up.
    pub(crate) const fn secs(&self, blocks: u64) -> u64 {
        blocks.saturating_mul(self.block_millis).div_ceil(1_000)
    }

    /// How many blocks on top make a block final, where nobody knows better.
    pub(crate) const fn final_depth(&self) -> u64 {
        self.blocks(self.settings.final_depth, self.settings.final_secs)
    }

    /// Which blocks are final.
    pub(crate) fn finals(&self) -> Final {
        let (head, depth) = (self.head_number(), self.final_depth());
        Final { head, depth, finalized: self.finality.finalized }
    }

    /// Whether a block with this number is final.
    pub(crate) fn is_final(&self, number: u64) -> bool {
        self.finals().is(number)
    }

    /// Whether there are less than two blocks until `deadline`, or hardly any time.
    pub(crate) fn is_near(&self, deadline: u64) -> bool {
        let margin = self.secs(settings::DEADLINE_BLOCKS).max(settings::DEADLINE_SECS);
        self.latest_time().saturating_add(margin) > deadline
    }

    /// The lowest account nonce whose no-op cannot be placed, of senders that have no other work.
    pub(crate) fn vacancy(&self) -> Option<(Address, u64)> {
        let idle = self.senders.iter().filter(|(_, sender)| sender.is_known);
        idle.filter_map(|(&address, sender)| {
            let mut slots = sender.slots.range(sender.account_nonce..);
            slots.find(|(_, slot)| slot.is_vacant()).map(|(&nonce, _)| (address, nonce))
        })
        .next()
    }

    /// Whether the chain was out of reach for too long.
    pub(crate) fn is_rpc_down(&self) -> bool {
        self.clock.saturating_sub(self.last_head_at) > self.settings.rpc_down_secs
    }

    /// Whether a sender is among the owners of a wallet, as of the head.
    pub(crate) fn sender_is_owner(&self, wallet: &Wallet) -> bool {
        wallet.now().config.owners().iter().any(|owner| self.senders.contains_key(owner))
    }

    /// What would be charged for the attempts that are being signed: the ledger has it once they are stored.
    pub(crate) fn pending(&self) -> impl Iterator<Item = Charge> + '_ {
        let works = self.senders.values().filter_map(|sender| sender.work.as_ref());
        works.flat_map(|work| &work.drafts).map(|draft| self.more_charged(draft))
    }

    /// What is charged for a draft beyond what its account nonce is charged already.
    pub(crate) fn more_charged(&self, draft: &Draft) -> Charge {
        let slots = self.senders.get(&draft.sender).map(|sender| &sender.slots);
        let before = slots.and_then(|slots| slots.get(&draft.account_nonce));
        let is_same = |before: &Charge| {
            (before.day, before.wallet) == (draft.charge.day, draft.charge.wallet)
        };
        let before = before.map(|slot| slot.charge).filter(is_same);
        let before = before.map_or(U256::ZERO, |before| before.amount);
        Charge { amount: draft.charge.amount.saturating_sub(before), ..draft.charge }
    }

    /// A number for a request.
    pub(crate) const fn request(&mut self) -> u64 {
        self.next_request = self.next_request.wrapping_add(1);
        self.next_request
    }
}
