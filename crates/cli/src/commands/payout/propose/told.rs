//! What became of each batch, for people and for programs.

use super::{Line, Scene, Task, queue::Told};
use crate::{
    commands::payout::plan,
    failure::Cause,
    output::{Output, Sheet, counted},
    review::{Danger, exact_text},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_core::text;
use quorate_treasury::{payout_plan::shown_token, run::Waiting};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Task {
    /// Tells what became of each batch, and how the command ends.
    pub(super) fn tell(
        &self,
        scene: &Scene,
        (new, signer, queued): (Vec<Line>, Option<Address>, Option<Told>),
        (dangers, relayer): (&[Danger], Option<String>),
        output: Output,
    ) -> Result<()> {
        let (plan, asked) = (&self.plan, &scene.asked);
        let known = scene.seen.known();
        let mut new: BTreeMap<_, _> = new.into_iter().map(|line| (line.number, line)).collect();
        let left = asked.asks.iter().filter(|ask| !new.contains_key(&ask.number)).count();
        let is_new_batch = new.values().any(|line| line.word == "new");
        let lines: Vec<_> = scene
            .run
            .batches
            .iter()
            .map(|reading| {
                new.remove(&reading.number)
                    .unwrap_or_else(|| scene.old(plan, reading.number, &known))
            })
            .collect();
        let mut sheet = Sheet::default();
        let folder = scene.folder.as_ref().map(|folder| folder.display().to_string());
        match (&relayer, folder) {
            (Some(name), _) if signer.is_some() => {
                sheet.title(&format!("Handed to the relayer {name}"));
            }
            (_, Some(folder)) if is_new_batch => sheet.title(&format!("Written to {folder}")),
            _ => sheet.title("Batches"),
        }
        for line in &lines {
            let name = line.file.as_ref().and_then(|file| file.file_name());
            let name = name.filter(|_| signer.is_none()).map(|name| name.to_string_lossy());
            let label = name.map_or_else(|| format!("batch {}", line.number), Into::into);
            sheet.row(&label, &self.line_text(line));
            sheet.more(&line.digest.map(|digest| digest.to_string()).unwrap_or_default());
        }
        if let Some(queued) = &queued {
            let name = queued.file.as_ref().and_then(|file| file.file_name());
            let label = name.map_or("queue".into(), |name| name.to_string_lossy());
            sheet.row(
                &label,
                &format!(
                    "lets {} wait, as the rules of this treasury want it: sign it too",
                    counted(queued.count as u64, "batch", "batches")
                ),
            );
            sheet.more(&queued.digest.to_string());
        }
        output.say(&format!("\n{}", sheet.finish()));
        if is_new_batch && signer.is_none() {
            output
                .say("\nLet the owners sign each file: each batch can be paid once, in any order.");
        }
        for text in self.told(scene) {
            output.warn(&text);
        }
        let mut document = self.document(scene, &lines, dangers, signer);
        if let Some(Told { digest, file, count }) = &queued {
            let file = file.as_ref().map(|file| file.display().to_string());
            document["queue"] = json!({ "digest": digest, "file": file, "batches": count });
        }
        output.result(&document);
        if let Some((number, consumption)) = scene.run.unknown().first() {
            return Err(Cause::Mismatch.error(format!(
                "what consumed a nonce of batch {number}, {}, cannot be recomputed: name its proposal's file with --beside, or give an endpoint that traces; nothing of that batch is asked for",
                consumption.digest
            )));
        }
        match (left, asked.waiting.len()) {
            (0, 0) => Ok(()),
            (0, waiting) => Err(Cause::NotYet.error(format!(
                "{} until the wallet's last action is final: the same command goes on then",
                counted(waiting as u64, "batch waits", "batches wait")
            ))),
            (left, _) => Err(Cause::NotYet.error(format!(
                "{} not proposed yet: you have as many open proposals as a relayer should have of one owner; the same command goes on once some are executed",
                counted(left as u64, "batch is", "batches are")
            ))),
        }
    }

    /// What is not asked for, and why.
    fn told(&self, scene: &Scene) -> Vec<String> {
        let asked = &scene.asked;
        let mut texts = Vec::new();
        for number in &asked.declined {
            texts.push(format!(
                "batch {number}, or lines of it, was declined and is not asked for: `quorate payout resume PLAN --again {number}` does"
            ));
        }
        for &(place, digest) in &asked.withheld {
            let line = &self.plan.lines[place];
            texts.push(format!(
                "id {}: {} got something else by {digest}, so that this line is not asked for; pay the difference under another name",
                text::shown(&line.id),
                line.payee.to_checksum(None)
            ));
        }
        for (number, digest, moved) in scene.run.leftover() {
            let amount = exact_text(moved.amount, self.tokens.get(&moved.token));
            let to = moved.to.to_checksum(None);
            texts.push(format!(
                "batch {number}: {digest} moved {amount} ({}) to {to}, which is no line of the plan",
                shown_token(moved.token)
            ));
        }
        let aside: Vec<_> =
            asked.set_aside.iter().map(|&place| text::shown(&self.plan.lines[place].id)).collect();
        if !aside.is_empty() {
            texts.push(format!("set aside, and not asked for: {}", aside.join(", ")));
        }
        for (number, waiting) in &asked.waiting {
            texts.push(match waiting {
                Waiting::NonceNotFinal { digest } => {
                    format!("batch {number} waits until {digest} is final")
                }
                Waiting::Reconfigured => {
                    format!("batch {number} waits until the wallet's last reconfiguration is final")
                }
            });
        }
        texts
    }

    fn line_text(&self, line: &Line) -> String {
        let Some(batch) =
            usize::try_from(line.number).ok().and_then(|it| self.plan.batches.get(it))
        else {
            return line.word.to_owned();
        };
        let amount = line.places.iter().map(|&place| self.plan.lines[place].amount).sum();
        let total = exact_text(amount, self.tokens.get(&batch.token));
        let payments = counted(line.places.len() as u64, "payment", "payments");
        let signed = line.signed.map_or_else(String::new, |(count, threshold)| {
            format!(", {count} of {threshold} signatures")
        });
        format!("{}: {payments}, {total}{signed}", line.word)
    }

    fn document(
        &self,
        scene: &Scene,
        lines: &[Line],
        dangers: &[Danger],
        signer: Option<Address>,
    ) -> Value {
        let plan = &self.plan;
        let batch = |line: &Line| {
            let reading = &scene.run.batches[usize::try_from(line.number).unwrap_or_default()];
            let batch = &plan.batches[usize::try_from(line.number).unwrap_or_default()];
            let ids = line.places.iter().map(|&place| plan.lines[place].id.as_str());
            let total: alloy::primitives::U256 =
                line.places.iter().map(|&place| plan.lines[place].amount).sum();
            json!({
                "number": line.number,
                "file": line.file.as_ref().map(|file| file.display().to_string()),
                "digest": line.digest,
                "nonce": reading.present,
                "lane": reading.present.lane.to_string(),
                "sequence": reading.present.sequence,
                "token": shown_token(batch.token),
                "count": line.places.len(),
                "total": total.to_string(),
                "ids": ids.collect::<Vec<_>>(),
                "standing": line.word,
                "signatures": line.signed.map(|(count, _)| count),
                "relayer": line.standing,
            })
        };
        json!({
            "run": plan.run,
            "wallet": plan.wallet.to_checksum(None),
            "planHash": plan.hash,
            "plan": self.plan_path.as_ref().map(|path| path.display().to_string()),
            "deadline": scene.deadline,
            "signer": signer.map(|signer| signer.to_checksum(None)),
            "dangers": dangers,
            "totals": plan::totals(plan, &self.tokens),
            "proposed": lines.iter().filter(|line| line.word == "new").count(),
            "batches": lines.iter().map(batch).collect::<Vec<_>>(),
        })
    }
}
