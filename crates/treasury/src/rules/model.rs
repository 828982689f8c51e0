//! What `TreasuryPolicy` answers, without a chain: the same answer, for the same reason.

use super::Rules;
use alloy::primitives::{Address, B256, U256, aliases::U192};
use quorate_bindings::{
    canonical,
    contracts::ITreasuryPolicy::{freezeCall, queueCall, unfreezeCall, vetoCall},
};
use quorate_core::{
    Action, Lane,
    action::{Call, Transfer},
    amount::EVERYTHING_LEFT,
};
use std::collections::BTreeMap;
use thiserror::Error;

/// How long a freeze lasts, in seconds.
pub const FREEZE_SECS: u64 = 30 * 86_400;

/// How many signed, in the words of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Fewer than admin signers.
    Petty,
    /// Admin signers, but not enough to override.
    Admin,
    /// Override signers.
    Override,
}

/// What the policy knows of a wallet. What was spent is kept for good, all else for one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// What was spent, by token.
    pub windows: BTreeMap<Address, Window>,
    /// What was queued or vetoed in this epoch.
    pub entries: BTreeMap<B256, Entry>,
    /// The freezes of this epoch.
    pub freeze: Freeze,
}

/// What was spent of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// In wei or smallest units.
    pub amount: u128,
    /// Until when it counts, in Unix seconds.
    pub end: u64,
}

/// What is known of a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it was queued, in Unix seconds; 0 where it was not.
    pub queued_at: u64,
    /// How many freezes there had been then: a later one voids it.
    pub freezes: u32,
    /// Who vetoed it: a bit for each owner, by index.
    pub vetoers: u128,
}

/// What is known of a wallet's freezes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freeze {
    /// When the last one ends, in Unix seconds; 0 where override signers ended it.
    pub until: u64,
    /// How many there were.
    pub count: u32,
    /// Votes that no freeze used up.
    pub votes: u8,
    /// Who voted: a bit for each owner, by index.
    pub voters: u128,
}

/// Something that so many signers want done.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What.
    pub action: &'a Action,
    /// Its EIP-712 digest.
    pub digest: B256,
    /// In which lane.
    pub lane: Lane,
    /// How many sign.
    pub signers: usize,
    /// The time of the block, in Unix seconds.
    pub now: u64,
}

/// Why the policy refuses: its errors, by their names, with their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// So many signers may not act in this lane.
    #[error("{signers} signers may not act in lane {lane}")]
    LaneClosed {
        /// The lane.
        lane: U192,
        /// How many sign.
        signers: usize,
    },
    /// This takes more signers.
    #[error("that takes {needed} signers, and {signers} sign")]
    SignersMissing {
        /// How many sign.
        signers: usize,
        /// How many it takes.
        needed: usize,
    },
    /// The wallet is frozen.
    #[error("the wallet is frozen until {until}")]
    WalletFrozen {
        /// Until when, in Unix seconds.
        until: u64,
    },
    /// The action was not queued in this epoch, or a freeze voided it.
    #[error("{digest} does not wait: it was not queued, or a freeze voided it")]
    NotQueued {
        /// Its digest.
        digest: B256,
    },
    /// It waits still.
    #[error("it waits until {eta}")]
    DelayNotOver {
        /// From when it may be done, in Unix seconds.
        eta: u64,
        /// The time, in Unix seconds.
        now: u64,
    },
    /// Enough owners vetoed it.
    #[error("{count} owners vetoed {digest}")]
    VetoStands {
        /// Its digest.
        digest: B256,
        /// How many.
        count: usize,
    },
    /// A call to the policy that no wallet may make.
    #[error("call {} may not be made to the policy", index + 1)]
    CallNotAllowed {
        /// Its place, from 0.
        index: usize,
    },
    /// The token has no limit.
    #[error("fewer than admin signers may not pay {token}")]
    LimitMissing {
        /// The token; zero is ether.
        token: Address,
    },
    /// The payee is not on the list.
    #[error("fewer than admin signers may not pay {payee}")]
    PayeeNotListed {
        /// Its place, from 0.
        index: usize,
        /// The payee.
        payee: Address,
    },
    /// Fewer than admin signers pay exact amounts.
    #[error("payment {} is of everything left: fewer than admin signers pay exact amounts", index + 1)]
    AmountNotExact {
        /// Its place, from 0.
        index: usize,
    },
    /// More than the window has left.
    #[error("{total} would pass the limit of {limit}, of which {spent} are spent")]
    LimitExceeded {
        /// The token; zero is ether.
        token: Address,
        /// What was spent in this window.
        spent: u128,
        /// What this would add; the largest number if it does not fit.
        total: U256,
        /// The limit.
        limit: u128,
    },
    /// A digest that waits already.
    #[error("{digest} waits already")]
    AlreadyQueued {
        /// The digest.
        digest: B256,
    },
    /// There is no freeze to end.
    #[error("the wallet is not frozen")]
    NotFrozen,
    /// Rules without a veto.
    #[error("the rules have no veto")]
    VetoNotAllowed,
    /// This owner voted for a freeze in this epoch.
    #[error("this owner voted for a freeze in this epoch")]
    AlreadyFrozen,
}

/// A call that a wallet makes to its policy.
enum OwnCall {
    Queue(B256),
    Unfreeze,
    /// `veto` or `freeze`, for a wallet that this one owns.
    ForAnother,
}

impl Rules {
    /// What so many signers are.
    pub fn tier(&self, signers: usize) -> Tier {
        if signers >= self.overriding.into() {
            Tier::Override
        } else if signers >= self.admin.into() {
            Tier::Admin
        } else {
            Tier::Petty
        }
    }

    /// Whether these signers may act in this lane.
    pub fn is_lane_open(&self, lane: Lane, tier: Tier) -> bool {
        let top: u8 = (lane.number() >> 190_usize).to();
        match tier {
            Tier::Override => true,
            Tier::Admin => top != 0b01,
            Tier::Petty => top >= 0b10,
        }
    }

    /// How many signers messages take (ERC-1271).
    pub fn message_signers(&self) -> u8 {
        if self.delay_secs == 0 { self.admin } else { self.overriding }
    }
}

impl Book {
    /// Whether the policy, and what is called of it, lets the question pass; notes what that changes. A payment that fails
    /// at its payee is undone on chain: ask a copy where that may be.
    ///
    /// Says nothing about deadline, nonce, signatures and other contracts. After a reconfiguration that passes the caller
    /// begins the next epoch with [`Self::begin_epoch`].
    ///
    /// # Errors
    ///
    /// The first reason. Nothing is noted then.
    pub fn execute(&mut self, rules: &Rules, question: &Question<'_>) -> Result<(), Refusal> {
        let &Question { action, lane, signers, now, .. } = question;
        let tier = rules.tier(signers);
        if !rules.is_lane_open(lane, tier) {
            return Err(Refusal::LaneClosed { lane: lane.number(), signers });
        }
        match action {
            Action::Cancel {} if tier == Tier::Petty => self.require_not_frozen(now),
            Action::Cancel {} => Ok(()),
            Action::Payout { token, transfers } => {
                if tier == Tier::Override || self.spend(rules, *token, transfers, question)? {
                    return Ok(());
                }
                self.require_not_frozen(now)?;
                self.require_waited(rules, question)
            }
            Action::Reconfigure { .. } => {
                self.require_not_frozen_below(tier, now)?;
                self.require_waited(rules, question)
            }
            Action::Execute { calls } => {
                self.require_not_frozen_below(tier, now)?;
                match own_calls(rules, calls, signers)? {
                    Some(own) => self.make(own, now),
                    None => self.require_waited(rules, question),
                }
            }
        }
    }

    /// Notes the veto of an owner, by index; what it vetoed before is passed over.
    ///
    /// # Errors
    ///
    /// If the rules have no veto.
    pub fn veto(&mut self, rules: &Rules, owner: u8, digests: &[B256]) -> Result<(), Refusal> {
        if rules.veto == 0 {
            return Err(Refusal::VetoNotAllowed);
        }
        for &digest in digests {
            self.entries.entry(digest).or_default().vetoers |= bit(owner);
        }
        Ok(())
    }

    /// Notes an owner's vote for a freeze, which takes effect with as many as the rules say.
    ///
    /// # Errors
    ///
    /// If the rules have no veto, or this owner voted in this epoch.
    pub fn freeze(&mut self, rules: &Rules, owner: u8, now: u64) -> Result<(), Refusal> {
        if rules.veto == 0 {
            return Err(Refusal::VetoNotAllowed);
        }
        let freeze = &mut self.freeze;
        if freeze.voters & bit(owner) != 0 {
            return Err(Refusal::AlreadyFrozen);
        }
        freeze.voters |= bit(owner);
        freeze.votes += 1;
        if freeze.votes >= rules.veto {
            *freeze = Freeze {
                until: now.saturating_add(FREEZE_SECS),
                count: freeze.count + 1,
                votes: 0,
                voters: freeze.voters,
            };
        }
        Ok(())
    }

    /// Forgets what counts for one epoch only.
    pub fn begin_epoch(&mut self) {
        self.entries.clear();
        self.freeze = Freeze::default();
    }

    /// When a digest was queued, in Unix seconds; none where it does not wait.
    pub fn queued_at(&self, digest: B256) -> Option<u64> {
        let entry = self.entries.get(&digest)?;
        (entry.queued_at != 0 && entry.freezes == self.freeze.count).then_some(entry.queued_at)
    }

    /// How many owners vetoed a digest.
    pub fn vetoes(&self, digest: B256) -> usize {
        self.entries.get(&digest).map_or(0, |entry| entry.vetoers.count_ones() as usize)
    }

    /// Until when the wallet is frozen, in Unix seconds; none where it is not.
    pub fn frozen_until(&self, now: u64) -> Option<u64> {
        (now < self.freeze.until).then_some(self.freeze.until)
    }

    /// What counts against a limit now; nothing where no window is open.
    pub fn spent(&self, token: Address, now: u64) -> Window {
        let window = self.windows.get(&token).copied().unwrap_or_default();
        if now < window.end { window } else { Window::default() }
    }

    fn require_not_frozen(&self, now: u64) -> Result<(), Refusal> {
        self.frozen_until(now).map_or(Ok(()), |until| Err(Refusal::WalletFrozen { until }))
    }

    fn require_not_frozen_below(&self, tier: Tier, now: u64) -> Result<(), Refusal> {
        if tier == Tier::Override { Ok(()) } else { self.require_not_frozen(now) }
    }

    fn require_waited(&self, rules: &Rules, question: &Question<'_>) -> Result<(), Refusal> {
        let &Question { digest, signers, now, .. } = question;
        match rules.tier(signers) {
            Tier::Override => return Ok(()),
            Tier::Petty => {
                return Err(Refusal::SignersMissing { signers, needed: rules.admin.into() });
            }
            Tier::Admin if rules.delay_secs == 0 => return Ok(()),
            Tier::Admin => {}
        }
        let queued_at = self.queued_at(digest).ok_or(Refusal::NotQueued { digest })?;
        let eta = queued_at + u64::from(rules.delay_secs);
        if now < eta {
            return Err(Refusal::DelayNotOver { eta, now });
        }
        let count = self.vetoes(digest);
        if count >= rules.veto.into() {
            return Err(Refusal::VetoStands { digest, count });
        }
        Ok(())
    }

    /// Whether a payout is within limit and list; notes what it spends then. Petty signers are told why it is not.
    fn spend(
        &mut self,
        rules: &Rules,
        token: Address,
        transfers: &[Transfer],
        question: &Question<'_>,
    ) -> Result<bool, Refusal> {
        let now = question.now;
        let no = |refusal| match rules.tier(question.signers) {
            Tier::Petty => Err(refusal),
            Tier::Admin | Tier::Override => Ok(false),
        };
        let Some(limit) = rules.limit_of(token) else { return no(Refusal::LimitMissing { token }) };
        let mut total = U256::ZERO;
        for (index, transfer) in transfers.iter().enumerate() {
            let payee = transfer.to;
            if transfer.amount == EVERYTHING_LEFT {
                return no(Refusal::AmountNotExact { index });
            }
            if !rules.payees.is_empty() && rules.payees.binary_search(&payee).is_err() {
                return no(Refusal::PayeeNotListed { index, payee });
            }
            total = total.saturating_add(transfer.amount);
        }
        self.require_not_frozen(now)?;
        let Window { amount: spent, mut end } = self.spent(token, now);
        if end == 0 {
            end = limit.window_end(now);
        }
        let sum = u128::try_from(total).ok().and_then(|total| spent.checked_add(total));
        match sum.filter(|&sum| sum <= limit.amount) {
            Some(amount) => {
                self.windows.insert(token, Window { amount, end });
                Ok(true)
            }
            None => no(Refusal::LimitExceeded { token, spent, total, limit: limit.amount }),
        }
    }

    /// Makes the calls of a wallet to its policy, all or none.
    fn make(&mut self, own: Vec<OwnCall>, now: u64) -> Result<(), Refusal> {
        let mut next = self.clone();
        for call in own {
            match call {
                OwnCall::Queue(digest) => {
                    if next.queued_at(digest).is_some() {
                        return Err(Refusal::AlreadyQueued { digest });
                    }
                    let freezes = next.freeze.count;
                    let entry = next.entries.entry(digest).or_default();
                    (entry.queued_at, entry.freezes) = (now, freezes);
                }
                OwnCall::Unfreeze if next.frozen_until(now).is_none() => {
                    return Err(Refusal::NotFrozen);
                }
                OwnCall::Unfreeze => next.freeze.until = 0,
                OwnCall::ForAnother => {}
            }
        }
        *self = next;
        Ok(())
    }
}

/// The calls, where they are to the policy; none where they are not.
fn own_calls(
    rules: &Rules,
    calls: &[Call],
    signers: usize,
) -> Result<Option<Vec<OwnCall>>, Refusal> {
    let policy = canonical::TREASURY_POLICY.address;
    if calls.iter().all(|call| call.to != policy) {
        return Ok(None);
    }
    let tier = rules.tier(signers);
    let mut own = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let read = Some(call).filter(|call| call.to == policy && call.value.is_zero());
        let read = read.and_then(|call| OwnCall::read(&call.data, calls.len() == 1));
        let read = read.ok_or(Refusal::CallNotAllowed { index })?;
        let needed = if matches!(read, OwnCall::Unfreeze) { rules.overriding } else { rules.admin };
        if signers < needed.into() && tier != Tier::Override {
            return Err(Refusal::SignersMissing { signers, needed: needed.into() });
        }
        own.push(read);
    }
    Ok(Some(own))
}

impl OwnCall {
    /// Reads the one encoding that each call has.
    fn read(data: &[u8], is_alone: bool) -> Option<Self> {
        if let Some(queueCall { digest }) = read(data) {
            return Some(Self::Queue(digest));
        }
        if !is_alone {
            return None;
        }
        let is_unfreeze = read::<unfreezeCall>(data).is_some();
        let is_another = read::<freezeCall>(data).is_some() || read::<vetoCall>(data).is_some();
        is_unfreeze.then_some(Self::Unfreeze).or(is_another.then_some(Self::ForAnother))
    }
}

/// Decodes calldata, where it is what encoding makes again.
fn read<C: alloy::sol_types::SolCall>(data: &[u8]) -> Option<C> {
    let call = C::abi_decode_validate(data).ok()?;
    (call.abi_encode() == data).then_some(call)
}

const fn bit(owner: u8) -> u128 {
    1 << (owner & 0x7f)
}
