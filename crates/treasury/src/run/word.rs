//! The one word that says where a batch stands.

use super::{LineStanding, Reading, Run};
use crate::Plan;
use alloy::primitives::B256;
use quorate_core::{Action, Nonce};
use std::{collections::BTreeSet, fmt};

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Nobody proposed it yet, as far as is known.
    Unproposed,
    /// Signatures are missing.
    Collecting,
    /// The policy's delay runs.
    Queued,
    /// It has what it needs, and is not on its way.
    Ready,
    /// A transaction may be on its way.
    Submitted,
    /// Paid.
    Paid,
    /// What was proposed can never be executed, and nothing of it was.
    Expired,
    /// Owners said no.
    Declined,
    /// What is left of it was set aside.
    SetAside,
    /// Its simulation fails, or it takes more gas than a block should give.
    Refused,
    /// Something else consumed a nonce of it, and nobody accepted that.
    Stopped,
    /// Nobody can tell what consumed a nonce of it.
    Unknown,
}

impl Word {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unproposed => "unproposed",
            Self::Collecting => "collecting",
            Self::Queued => "queued",
            Self::Ready => "ready",
            Self::Submitted => "submitted",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::SetAside => "setAside",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing is left to do once it is final.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Paid | Self::Declined | Self::SetAside)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far a known proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Past its deadline, or of an epoch that ended.
    Dead,
    /// Vetoed.
    Vetoed,
    /// Its simulation fails.
    Refused,
    /// Signatures are missing.
    Collecting,
    /// The policy's delay runs.
    Queued,
    /// It has what it needs.
    Ready,
    /// On its way.
    Submitted,
}

impl Stage {
    /// Whether it can still be executed.
    pub const fn is_alive(self) -> bool {
        !matches!(self, Self::Dead)
    }
}

/// A proposal that is known from a file or a relayer, and signed by an owner at the least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its digest.
    pub digest: B256,
    /// Its nonce.
    pub nonce: Nonce,
    /// What it does.
    pub action: Action,
    /// How far it is.
    pub stage: Stage,
}

impl Reading {
    /// The known proposals at the batch's present nonce that pay lines of it, and which.
    pub fn proposed<'a>(&self, plan: &Plan, known: &'a [Known]) -> Vec<(&'a Known, Vec<usize>)> {
        let token = self.lines.keys().next().map(|&place| plan.lines[place].token);
        let of = |known: &'a Known| match &known.action {
            Action::Payout { token: paid, transfers }
                if Some(*paid) == token && known.nonce == self.present =>
            {
                let covered = self.covered(plan, transfers)?;
                (!covered.is_empty()).then_some((known, covered))
            }
            _ => None,
        };
        known.iter().filter_map(of).collect()
    }

    /// Open lines that a known proposal at the present nonce leaves out: somebody set them aside.
    pub fn set_aside(&self, plan: &Plan, known: &[Known]) -> BTreeSet<usize> {
        let open = self.open();
        let mut aside = BTreeSet::new();
        for (known, covered) in self.proposed(plan, known) {
            let covered: BTreeSet<_> = if known.stage == Stage::Vetoed {
                BTreeSet::new()
            } else {
                covered.into_iter().collect()
            };
            aside.extend(open.iter().copied().filter(|place| !covered.contains(place)));
        }
        aside
    }

    /// The word.
    pub fn word(&self, plan: &Plan, known: &[Known]) -> Word {
        if self.unknown().is_some() {
            return Word::Unknown;
        }
        if self.stops().next().is_some() {
            return Word::Stopped;
        }
        if self.open().is_empty() {
            return self.settled();
        }
        let proposed = self.proposed(plan, known);
        match proposed.iter().map(|(known, _)| known.stage).max() {
            None => Word::Unproposed,
            Some(Stage::Dead) => Word::Expired,
            Some(Stage::Vetoed) => Word::Declined,
            Some(Stage::Refused) => Word::Refused,
            Some(Stage::Collecting) => Word::Collecting,
            Some(Stage::Queued) => Word::Queued,
            Some(Stage::Ready) => Word::Ready,
            Some(Stage::Submitted) => Word::Submitted,
        }
    }

    fn settled(&self) -> Word {
        let has = |is_wanted: fn(&LineStanding) -> bool| !self.places(is_wanted).is_empty();
        if has(|line| matches!(line, LineStanding::LeftOut { .. })) {
            Word::SetAside
        } else if has(|line| matches!(line, LineStanding::Declined { .. })) {
            Word::Declined
        } else if has(|line| matches!(line, LineStanding::Paid { .. })) {
            Word::Paid
        } else {
            Word::Declined
        }
    }
}

/// The exit code of `status` and `reconcile`: the worst of the batches' words.
pub fn exit_code(run: &Run, plan: &Plan, known: &[Known]) -> u8 {
    let of = |reading: &Reading| match reading.word(plan, known) {
        Word::Unknown => 7,
        Word::Stopped => 4,
        Word::Refused => 1,
        word if word.is_settled() && reading.is_final() => 0,
        _ => 6,
    };
    let codes: BTreeSet<u8> = run.batches.iter().map(of).collect();
    let beyond = run.beyond.iter().map(|reading| match reading.unknown() {
        Some(_) => 7,
        None if reading.stops().next().is_some() => 4,
        None => 0,
    });
    let codes: BTreeSet<u8> = codes.into_iter().chain(beyond).collect();
    [7, 4, 1, 6].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}
