//! What may be asked for.

use super::{Known, LineStanding, Reading, Run, Stage};
use crate::Plan;
use alloy::primitives::B256;
use quorate_core::{Action, Nonce, text::shown};
use std::collections::BTreeSet;
use thiserror::Error;

/// What is wanted beside what is neither paid nor alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The ids of lines that are set aside.
    pub set_aside: Vec<String>,
    /// Declined batches that are asked for all the same.
    pub again: BTreeSet<u64>,
}

/// A payout to propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The batch.
    pub number: u64,
    /// Its present nonce.
    pub nonce: Nonce,
    /// The lines, in order.
    pub places: Vec<usize>,
    /// The payout of them.
    pub action: Action,
}

/// Why a batch is not asked for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// What consumed the nonce before is not final.
    NonceNotFinal {
        /// By what.
        digest: B256,
    },
    /// The wallet's last reconfiguration is not final.
    Reconfigured,
}

/// What is to be asked for, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// To be proposed, by number.
    pub asks: Vec<Ask>,
    /// Proposed already, in this very form, by number and digest.
    pub alive: Vec<(u64, B256)>,
    /// Not yet.
    pub waiting: Vec<(u64, Waiting)>,
    /// Declined, and not asked for.
    pub declined: Vec<u64>,
    /// Declined, and asked for again.
    pub again: Vec<u64>,
    /// Lines that are not asked for because their payees got something else, with what did that.
    pub withheld: Vec<(usize, B256)>,
    /// Lines that are set aside, now or by what is known.
    pub set_aside: Vec<usize>,
}

/// Why nothing is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// An id that the plan does not have.
    #[error("--set-aside {}: the plan has no line of this id", shown(id))]
    NoSuchId {
        /// The id.
        id: String,
    },
    /// A line that was paid.
    #[error("--set-aside {}: the line is paid, by {digest}", shown(id))]
    Paid {
        /// The id.
        id: String,
        /// By what.
        digest: B256,
    },
    /// Nothing would be left of a batch.
    #[error(
        "without these lines batch {number} pays nobody: to decline it, cancel its nonce, `quorate propose cancel --lane {} --sequence {}`",
        nonce.lane, nonce.sequence
    )]
    NothingLeft {
        /// The batch.
        number: u64,
        /// Its present nonce.
        nonce: Nonce,
    },
    /// A batch that the plan does not have.
    #[error("--again {number}: the plan has {count} batches, from 0")]
    NoSuchBatch {
        /// What was given.
        number: u64,
        /// How many there are.
        count: usize,
    },
}

impl Run {
    /// What is to be asked for: of every batch, at its present nonce alone, what is neither paid, declined nor alive.
    ///
    /// Does not look at foreign consumptions: as long as [`Run::stops`] has any that is not accepted, nothing may be proposed.
    ///
    /// # Errors
    ///
    /// If lines or batches are named that there are not, or nothing would be left of a batch.
    pub fn ask(&self, plan: &Plan, known: &[Known], wanted: &Wanted) -> Result<Asked, AskError> {
        let aside = self.named(plan, &wanted.set_aside)?;
        let count = self.batches.len();
        let is_none = |number: &&u64| usize::try_from(**number).map_or(true, |it| it >= count);
        if let Some(&number) = wanted.again.iter().find(is_none) {
            return Err(AskError::NoSuchBatch { number, count });
        }
        let mut asked = Asked::default();
        let is_dark = self.beyond.iter().any(|reading| reading.unknown().is_some());
        for reading in &self.batches {
            let is_withheld = |line: &LineStanding| matches!(line, LineStanding::Withheld { .. });
            for place in reading.places(is_withheld) {
                if let Some(LineStanding::Withheld { digest }) = reading.lines.get(&place) {
                    asked.withheld.push((place, *digest));
                }
            }
            if reading.unknown().is_some() || is_dark {
                continue;
            }
            self.ask_one(plan, reading, known, wanted, &aside, &mut asked)?;
        }
        Ok(asked)
    }

    fn ask_one(
        &self,
        plan: &Plan,
        reading: &Reading,
        known: &[Known],
        wanted: &Wanted,
        aside: &BTreeSet<usize>,
        asked: &mut Asked,
    ) -> Result<(), AskError> {
        let number = reading.number;
        let is_again = wanted.again.contains(&number);
        let is_vetoed =
            (reading.proposed(plan, known).iter()).any(|(known, _)| known.stage == Stage::Vetoed);
        let declined = |line: &LineStanding| {
            matches!(line, LineStanding::Declined { .. } | LineStanding::LeftOut { .. })
        };
        let set_before = reading.set_aside(plan, known);
        let has_declined = !reading.places(declined).is_empty() || is_vetoed;
        let mut places = if is_again {
            asked.again.push(number);
            reading.places(|line| declined(line) || *line == LineStanding::Open)
        } else {
            if has_declined {
                asked.declined.push(number);
            }
            asked.set_aside.extend(&set_before);
            let mut open = if is_vetoed { Vec::new() } else { reading.open() };
            open.retain(|place| !set_before.contains(place));
            open
        };
        let before = places.len();
        places.retain(|place| !aside.contains(place));
        if places.is_empty() {
            if before > 0 {
                let nonce = reading.present;
                return Err(AskError::NothingLeft { number, nonce });
            }
            return Ok(());
        }
        asked.set_aside.extend(reading.open().into_iter().filter(|place| aside.contains(place)));
        let alive = reading.proposed(plan, known).into_iter().find(|(known, covered)| {
            let is_open = known.stage.is_alive() && known.stage != Stage::Vetoed;
            is_open && *covered == places
        });
        if let Some((known, _)) = alive {
            asked.alive.push((number, known.digest));
            return Ok(());
        }
        if let Some((consumption, _)) = reading.consumed.iter().find(|(it, _)| !it.is_final) {
            let digest = consumption.digest;
            asked.waiting.push((number, Waiting::NonceNotFinal { digest }));
            return Ok(());
        }
        if !self.is_settled {
            asked.waiting.push((number, Waiting::Reconfigured));
            return Ok(());
        }
        let token = plan.lines[places[0]].token;
        let action = plan.action(token, &places);
        asked.asks.push(Ask { number, nonce: reading.present, places, action });
        Ok(())
    }

    /// The lines of these ids, with those of their batch that equal them.
    fn named(&self, plan: &Plan, ids: &[String]) -> Result<BTreeSet<usize>, AskError> {
        let mut named = BTreeSet::new();
        for id in ids {
            let place = plan.lines.iter().position(|line| line.id == *id);
            let place = place.ok_or_else(|| AskError::NoSuchId { id: id.clone() })?;
            let reading = self.batches.iter().find(|reading| reading.lines.contains_key(&place));
            let Some(reading) = reading else { continue };
            if let Some(LineStanding::Paid { digest, .. }) = reading.lines.get(&place) {
                return Err(AskError::Paid { id: id.clone(), digest: *digest });
            }
            let line = &plan.lines[place];
            let is_equal = |other: &usize| {
                let other = &plan.lines[*other];
                (other.payee, other.amount) == (line.payee, line.amount)
            };
            named.extend(reading.lines.keys().copied().filter(is_equal));
        }
        Ok(named)
    }
}
