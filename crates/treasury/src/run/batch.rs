//! What consumed the nonces of one batch, and what that makes of its lines.

use super::{Epochs, Lanes, Moved};
use crate::Plan;
use alloy::primitives::{Address, B256, U256};
use quorate_core::{Action, Nonce, action::Transfer};
use std::collections::{BTreeMap, BTreeSet};

/// A nonce that was consumed, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumption {
    /// The nonce.
    pub nonce: Nonce,
    /// The epoch in which it was.
    pub epoch: u32,
    /// What was signed.
    pub digest: B256,
    /// The block.
    pub block: u64,
    /// Whether its block is final.
    pub is_final: bool,
    /// What it did; none where nobody can tell.
    pub content: Option<Action>,
}

/// What a consumed nonce means for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It paid lines, and left the others out.
    Paid,
    /// It was a cancel: the batch is declined.
    Declined,
    /// It was something else.
    Foreign {
        /// What it moved that equals no line of the batch.
        leftover: Vec<Moved>,
        /// Whether it was accepted by its digest.
        is_accepted: bool,
    },
    /// Nobody can tell.
    Unknown,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStanding {
    /// Neither paid nor declined.
    Open,
    /// Paid by the payout with this digest, whose transfer of this position, from 0, it is.
    Paid {
        /// The digest.
        digest: B256,
        /// The position.
        position: usize,
    },
    /// Declined by this cancel.
    Declined {
        /// The digest.
        digest: B256,
    },
    /// Left out of this payout of its batch.
    LeftOut {
        /// The digest.
        digest: B256,
    },
    /// Not asked for: this digest moved something else to its payee.
    Withheld {
        /// The digest.
        digest: B256,
    },
    /// Taken off the list by an edit, and not paid.
    Removed,
}

/// What is known of a batch from the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its number.
    pub number: u64,
    /// What consumed its nonces, in the chain's order.
    pub consumed: Vec<(Consumption, Meaning)>,
    /// Where its lines stand, by their places in the plan, in order.
    pub lines: BTreeMap<usize, LineStanding>,
    /// The one nonce at which it may be asked for.
    pub present: Nonce,
}

impl Reading {
    /// Reads a batch of the plan, or one beyond it, which has no lines. `consumed` are all nonces of the run that were
    /// consumed, in the chain's order; `accepted` the digests of foreign ones that may pass.
    pub(super) fn new(
        plan: &Plan,
        number: u64,
        facts: &super::Facts,
        accepted: &BTreeSet<B256>,
    ) -> Self {
        let lanes = Lanes::of(&plan.run, number);
        let batch = usize::try_from(number).ok().and_then(|number| plan.batches.get(number));
        let places = batch.map(|batch| batch.lines.clone()).unwrap_or_default();
        let standing = |&place: &usize| match plan.lines[place].removed {
            true => (place, LineStanding::Removed),
            false => (place, LineStanding::Open),
        };
        let mut this = Self {
            number,
            consumed: Vec::new(),
            lines: places.iter().map(standing).collect(),
            present: lanes.present(&facts.epochs, facts.epoch, &facts.next),
        };
        let token = batch.map(|batch| batch.token);
        for consumption in of_batch(&lanes, &facts.consumed, &facts.epochs) {
            let meaning = this.consume(plan, token, consumption, accepted);
            this.consumed.push((consumption.clone(), meaning));
        }
        this
    }

    /// Takes one consumed nonce into account.
    fn consume(
        &mut self,
        plan: &Plan,
        token: Option<Address>,
        consumption: &Consumption,
        accepted: &BTreeSet<B256>,
    ) -> Meaning {
        let digest = consumption.digest;
        match &consumption.content {
            None => Meaning::Unknown,
            Some(Action::Cancel {}) => {
                self.close(|| LineStanding::Declined { digest });
                Meaning::Declined
            }
            Some(Action::Payout { token: paid, transfers }) if Some(*paid) == token => {
                match self.covered(plan, transfers) {
                    Some(places) if !places.is_empty() => {
                        for (position, place) in places.into_iter().enumerate() {
                            self.lines.insert(place, LineStanding::Paid { digest, position });
                        }
                        self.close(|| LineStanding::LeftOut { digest });
                        Meaning::Paid
                    }
                    _ => self.foreign(plan, consumption, accepted),
                }
            }
            Some(_) => self.foreign(plan, consumption, accepted),
        }
    }

    /// Gives lines that are open a standing.
    fn close(&mut self, standing: impl Fn() -> LineStanding) {
        let open = self.lines.values_mut().filter(|line| **line == LineStanding::Open);
        open.for_each(|line| *line = standing());
    }

    /// The unpaid lines that these transfers are, if they are these and nothing else, in their order; of equal lines the
    /// first.
    pub(super) fn covered(&self, plan: &Plan, transfers: &[Transfer]) -> Option<Vec<usize>> {
        let mut rest = self.payable();
        let mut covered = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            let is_it = |place: &usize| {
                let line = &plan.lines[*place];
                (line.payee, line.amount) == (transfer.to, transfer.amount)
            };
            covered.push(rest.find(is_it)?);
        }
        Some(covered)
    }

    /// The lines that a payout of the batch may pay: neither paid nor removed.
    fn payable(&self) -> impl Iterator<Item = usize> + '_ {
        let is_payable = |line: &LineStanding| {
            !matches!(line, LineStanding::Paid { .. } | LineStanding::Removed)
        };
        self.lines.iter().filter(move |(_, line)| is_payable(line)).map(|(place, _)| *place)
    }

    /// What nobody planned: its transfers that equal lines paid these, and who got something else gets no more.
    fn foreign(
        &mut self,
        plan: &Plan,
        consumption: &Consumption,
        accepted: &BTreeSet<B256>,
    ) -> Meaning {
        let digest = consumption.digest;
        let mut leftover = Vec::new();
        for (position, moved) in moves(consumption).into_iter().enumerate() {
            let equal = self.lines.iter().find(|(place, standing)| {
                let line = &plan.lines[**place];
                !matches!(standing, LineStanding::Paid { .. })
                    && moved.is_certain
                    && (line.token, line.payee, line.amount)
                        == (moved.token, moved.to, moved.amount)
            });
            match equal.map(|(place, _)| *place) {
                Some(place) => {
                    self.lines.insert(place, LineStanding::Paid { digest, position });
                }
                None => leftover.push(moved),
            }
        }
        for moved in &leftover {
            self.withhold(plan, moved.to, digest);
        }
        Meaning::Foreign { leftover, is_accepted: accepted.contains(&digest) }
    }

    /// Asks for no unpaid line to this payee any more.
    fn withhold(&mut self, plan: &Plan, payee: Address, digest: B256) {
        for (place, standing) in &mut self.lines {
            let is_over = matches!(standing, LineStanding::Paid { .. } | LineStanding::Removed);
            if !is_over && plan.lines[*place].payee == payee {
                *standing = LineStanding::Withheld { digest };
            }
        }
    }

    /// Asks for no open line to this payee any more.
    pub(super) fn withhold_open(&mut self, plan: &Plan, payee: Address, digest: B256) {
        for (place, standing) in &mut self.lines {
            if *standing == LineStanding::Open && plan.lines[*place].payee == payee {
                *standing = LineStanding::Withheld { digest };
            }
        }
    }

    /// Whether everything that consumed its nonces is final; also where nothing did.
    pub fn is_final(&self) -> bool {
        self.consumed.iter().all(|(consumption, _)| consumption.is_final)
    }

    /// What nobody can recompute.
    pub fn unknown(&self) -> Option<&Consumption> {
        let mut unknown = self.consumed.iter().filter(|(_, meaning)| *meaning == Meaning::Unknown);
        unknown.next().map(|(consumption, _)| consumption)
    }

    /// The digests of foreign consumptions that nobody accepted.
    pub fn stops(&self) -> impl Iterator<Item = B256> + '_ {
        self.consumed.iter().filter_map(|(consumption, meaning)| match meaning {
            Meaning::Foreign { is_accepted: false, .. } => Some(consumption.digest),
            _ => None,
        })
    }

    /// The lines with a standing that `is_wanted`, in order.
    pub fn places(&self, is_wanted: impl Fn(&LineStanding) -> bool) -> Vec<usize> {
        let lines = self.lines.iter().filter(|(_, standing)| is_wanted(standing));
        lines.map(|(place, _)| *place).collect()
    }

    /// The lines that are neither paid nor declined, in order.
    pub fn open(&self) -> Vec<usize> {
        self.places(|standing| *standing == LineStanding::Open)
    }
}

/// The consumed nonces that were the batch's when they were, in the chain's order, each once.
fn of_batch<'a>(
    lanes: &Lanes,
    consumed: &'a [Consumption],
    epochs: &Epochs,
) -> Vec<&'a Consumption> {
    let (mut high_is_used, mut seen, mut ours) = (false, BTreeSet::new(), Vec::new());
    for consumption in consumed {
        let nonce = consumption.nonce;
        if !seen.insert((nonce.lane, nonce.sequence)) {
            continue;
        }
        if lanes.is_of(nonce, epochs, consumption.epoch, high_is_used) {
            ours.push(consumption);
        }
        high_is_used |= nonce.lane == lanes.high;
    }
    ours
}

/// What a consumption moved, as far as its content says.
fn moves(consumption: &Consumption) -> Vec<Moved> {
    match &consumption.content {
        Some(Action::Payout { token, transfers }) => {
            let moved = |transfer: &Transfer| Moved {
                token: *token,
                to: transfer.to,
                amount: transfer.amount,
                // Everything left is no line's amount.
                is_certain: !transfer.is_everything_left(),
            };
            transfers.iter().map(moved).collect()
        }
        Some(Action::Execute { calls }) => calls.iter().filter_map(of_call).collect(),
        Some(Action::Reconfigure { .. } | Action::Cancel {}) | None => Vec::new(),
    }
}

/// `transfer(address,uint256)`.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

/// What a call moves: ether that goes along, or tokens by `transfer`, which may answer that it did not.
fn of_call(call: &quorate_core::action::Call) -> Option<Moved> {
    if !call.value.is_zero() {
        let (token, to, amount) = (Address::ZERO, call.to, call.value);
        return Some(Moved { token, to, amount, is_certain: call.data.is_empty() });
    }
    let words = call.data.strip_prefix(&TRANSFER)?;
    let (to, amount) = (words.get(12..32)?, words.get(32..64)?);
    let amount = U256::from_be_slice(amount);
    Some(Moved { token: call.to, to: Address::from_slice(to), amount, is_certain: false })
}
