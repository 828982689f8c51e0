//! What of a run is paid, what was declined, and what may be asked for: told by the chain's consumed nonces alone.
//!
//! Every batch has nonces of its own, one after the other ([`nonces`]). What consumed them says what it means: a payout of the
//! batch's lines, or of some of them, paid these; a cancel declined it; anything else stops the run until somebody accepts it by
//! its digest; what nobody can recompute stays unknown. A batch is asked for, and signed, at the first of its nonces that is
//! free, so that at any moment at most one payout of it can be executed.

mod ask;
mod batch;
pub mod nonces;
mod word;

pub use ask::{Ask, AskError, Asked, Waiting, Wanted};
pub use batch::{Consumption, LineStanding, Meaning, Reading};
pub use nonces::{Epochs, Lanes};
pub use word::{Known, Stage, Word, exit_code};

use crate::Plan;
use alloy::primitives::{Address, B256, U256};
use quorate_core::Lane;
use std::collections::{BTreeMap, BTreeSet};

/// How many batch numbers in a row have to be untouched before nothing is looked for behind them.
pub const UNTOUCHED: u64 = 100;

/// Something that a wallet moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The token; zero is ether.
    pub token: Address,
    /// Who got it.
    pub to: Address,
    /// Wei, or smallest units.
    pub amount: U256,
    /// Whether it was moved for certain, and exactly so much.
    pub is_certain: bool,
}

/// What the chain says of a wallet and a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// In which epochs the wallet has a TreasuryPolicy.
    pub epochs: Epochs,
    /// The present epoch.
    pub epoch: u32,
    /// Whether the wallet's last reconfiguration is final; true where there was none.
    pub is_settled: bool,
    /// The first free sequence of every lane of the run that was looked at.
    pub next: BTreeMap<Lane, u64>,
    /// Every consumed nonce of these lanes, in the chain's order.
    pub consumed: Vec<Consumption>,
}

/// A run as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The batches of the plan, by number.
    pub batches: Vec<Reading>,
    /// Batches beyond the plan whose nonces were consumed.
    pub beyond: Vec<Reading>,
    /// Whether the wallet's last reconfiguration is final.
    pub is_settled: bool,
}

/// A line that was paid in another batch than the plan has it in, as an edited list without its old plan has lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The line.
    pub place: usize,
    /// The batch in which it was paid, or is asked for.
    pub batch: u64,
    /// By what.
    pub digest: B256,
}

impl Run {
    /// Reads a run. `accepted` are the digests of foreign consumptions that may pass.
    pub fn read(plan: &Plan, facts: &Facts, accepted: &BTreeSet<B256>) -> Self {
        let count = plan.batches.len() as u64;
        let read = |number| Reading::new(plan, number, facts, accepted);
        let mut batches: Vec<_> = (0..count).map(read).collect();
        let touched = last_touched(plan, facts).map_or(count, |last| last.saturating_add(1));
        let beyond: Vec<_> =
            (count..touched).map(read).filter(|reading| !reading.consumed.is_empty()).collect();
        let mut misdirected = Vec::new();
        for reading in batches.iter().chain(&beyond) {
            for (consumption, meaning) in &reading.consumed {
                let Meaning::Foreign { leftover, .. } = meaning else { continue };
                let has_payee =
                    |to| reading.lines.keys().any(|&place| plan.lines[place].payee == to);
                let to = leftover.iter().map(|moved| moved.to).filter(|&to| !has_payee(to));
                misdirected.extend(to.map(|to| (to, consumption.digest)));
            }
        }
        // Who got something in a batch that has no line for him may have it in another.
        for (payee, digest) in misdirected {
            for reading in &mut batches {
                reading.withhold_open(plan, payee, digest);
            }
        }
        Self { batches, beyond, is_settled: facts.is_settled }
    }

    /// Lines of the plan that were paid in another batch, as far as that is known. None where the plan is an edit of another:
    /// there every line is in its batch.
    pub fn misplaced(&self, plan: &Plan) -> Vec<Misplaced> {
        if !plan.edits.is_empty() {
            return Vec::new();
        }
        let mut misplaced = Vec::new();
        for reading in self.batches.iter().chain(&self.beyond) {
            for (consumption, meaning) in &reading.consumed {
                let Meaning::Foreign { leftover, .. } = meaning else { continue };
                let digest = consumption.digest;
                let of = |moved: &Moved| self.elsewhere(plan, reading.number, moved);
                let found = leftover.iter().filter_map(of);
                misplaced.extend(found.map(|place| Misplaced {
                    place,
                    batch: reading.number,
                    digest,
                }));
            }
        }
        misplaced
    }

    /// As [`Self::misplaced`], of proposals that can still be executed, at the present nonces of other batches.
    pub fn misplaced_by(&self, plan: &Plan, known: &[Known]) -> Vec<Misplaced> {
        if !plan.edits.is_empty() {
            return Vec::new();
        }
        let mut misplaced = Vec::new();
        for known in known.iter().filter(|known| known.stage.is_alive()) {
            let quorate_core::Action::Payout { token, transfers } = &known.action else { continue };
            let at = |reading: &&Reading| reading.present == known.nonce;
            let Some(reading) = self.batches.iter().find(at) else { continue };
            let in_batch = |place: &usize| plan.lines[*place].token == *token;
            let here: Vec<_> = reading.lines.keys().copied().filter(in_batch).collect();
            for transfer in transfers {
                let moved = Moved {
                    token: *token,
                    to: transfer.to,
                    amount: transfer.amount,
                    is_certain: true,
                };
                let is_here = here.iter().any(|&place| is_line(plan, place, &moved));
                let elsewhere = self.elsewhere(plan, reading.number, &moved);
                if let Some(place) = elsewhere.filter(|_| !is_here) {
                    let (batch, digest) = (reading.number, known.digest);
                    misplaced.push(Misplaced { place, batch, digest });
                }
            }
        }
        misplaced
    }

    /// A line of another batch that equals what was moved, if it is not paid where it is.
    fn elsewhere(&self, plan: &Plan, number: u64, moved: &Moved) -> Option<usize> {
        let others = self.batches.iter().filter(|reading| reading.number != number);
        let unpaid = others.flat_map(|reading| {
            reading.places(|standing| {
                !matches!(standing, LineStanding::Paid { .. } | LineStanding::Removed)
            })
        });
        unpaid.into_iter().find(|&place| is_line(plan, place, moved))
    }

    /// Every foreign consumption that nobody accepted, each once.
    pub fn stops(&self) -> Vec<(u64, B256)> {
        let all = self.batches.iter().chain(&self.beyond);
        all.flat_map(|reading| reading.stops().map(|digest| (reading.number, digest))).collect()
    }

    /// What nobody can recompute, by batch.
    pub fn unknown(&self) -> Vec<(u64, &Consumption)> {
        let all = self.batches.iter().chain(&self.beyond);
        all.filter_map(|reading| Some((reading.number, reading.unknown()?))).collect()
    }

    /// What was moved in the run and is no line of the plan, with the digest that did.
    pub fn leftover(&self) -> Vec<(u64, B256, Moved)> {
        let all = self.batches.iter().chain(&self.beyond);
        let of = |reading: &Reading| {
            let mut leftover = Vec::new();
            for (consumption, meaning) in &reading.consumed {
                if let Meaning::Foreign { leftover: moved, .. } = meaning {
                    let of = |moved: &Moved| (reading.number, consumption.digest, *moved);
                    leftover.extend(moved.iter().map(of));
                }
            }
            leftover
        };
        all.flat_map(of).collect()
    }
}

fn is_line(plan: &Plan, place: usize, moved: &Moved) -> bool {
    let line = &plan.lines[place];
    (line.token, line.payee, line.amount) == (moved.token, moved.to, moved.amount)
}

/// The highest batch number beyond the plan's at whose lanes something was consumed.
fn last_touched(plan: &Plan, facts: &Facts) -> Option<u64> {
    let count = plan.batches.len() as u64;
    let mut touched: BTreeSet<Lane> =
        facts.next.iter().filter(|(_, next)| **next > 0).map(|(lane, _)| *lane).collect();
    for number in 0..count {
        for lane in Lanes::of(&plan.run, number).all() {
            touched.remove(&lane);
        }
    }
    if touched.is_empty() {
        return None;
    }
    let (mut number, mut last) = (count, None);
    while number < last.unwrap_or(count).saturating_add(UNTOUCHED + 1) {
        if Lanes::of(&plan.run, number).all().iter().any(|lane| touched.contains(lane)) {
            last = Some(number);
        }
        number += 1;
    }
    last
}
