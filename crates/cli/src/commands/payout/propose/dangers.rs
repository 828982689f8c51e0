//! What is refused, and what is asked about, before anything is proposed.

use super::Task;
use crate::{
    commands::hand_in::Around,
    failure::Cause,
    output::{Output, counted},
    review::{Danger, DangerCode, again},
};
use eyre::Result;
use quorate_core::{Proposal, text};
use quorate_treasury::run::{Ask, Asked, Known, LineStanding, Run, Word};
use std::collections::BTreeSet;

impl Task {
    /// Refuses a list that has lines in other batches than they were paid in, or are asked for.
    pub(super) fn check_places(&self, run: &Run, known: &[Known]) -> Result<()> {
        let plan = &self.plan;
        let mut misplaced = run.misplaced(plan);
        misplaced.extend(run.misplaced_by(plan, known));
        let Some(first) = misplaced.first() else { return Ok(()) };
        let id = text::shown(&plan.lines[first.place].id);
        let more = match misplaced.len() - 1 {
            0 => String::new(),
            more => format!(", and so are {}", counted(more as u64, "more line", "more lines")),
        };
        Err(Cause::BadInput.error(format!(
            "id {id} is in batch {} of this run by {}, and in another batch of this plan{more}: plan the list with --edit and the run's old plan, or give it a run of another name",
            first.batch, first.digest
        )))
    }

    pub(super) fn dangers_of(&self, run: &Run, asked: &Asked, known: &[Known]) -> Vec<Danger> {
        let mut dangers = Vec::new();
        let mut seen = BTreeSet::new();
        for (number, digest) in run.stops() {
            if seen.insert(digest) {
                let message = format!(
                    "{digest} used up a nonce of batch {number} and is not what the plan pays there: what it paid is not asked for again, and who got something else by it gets no more"
                );
                dangers.push(Danger::about(DangerCode::LaneConsumed, digest, message));
            }
        }
        for &number in &asked.again {
            let reading = usize::try_from(number).ok().and_then(|place| run.batches.get(place));
            let was = reading.is_some_and(|reading| {
                let word = reading.word(&self.plan, known);
                let no = |line: &LineStanding| {
                    matches!(line, LineStanding::Declined { .. } | LineStanding::LeftOut { .. })
                };
                word == Word::Declined
                    || !reading.places(no).is_empty()
                    || !reading.set_aside(&self.plan, known).is_empty()
            });
            if was {
                let message = format!("owners said no to batch {number}, or to lines of it");
                dangers.push(Danger::new(DangerCode::WasDeclined, message));
            }
        }
        dangers
    }

    /// The dangers of the run: those of the whole, and what its batches would pay again.
    pub(super) fn all_dangers(
        &self,
        around: &Around,
        drafts: &[(Ask, Proposal)],
        output: Output,
    ) -> Vec<Danger> {
        let mut dangers = around.dangers.clone();
        for (_, proposal) in drafts {
            let (request, note) = (proposal.request(), proposal.note());
            dangers.extend(again::dangers(request, note, &around.open, &self.tokens, output.now));
        }
        dangers
    }
}
