//! What a run is, and where its proposals went.

use super::run::{Place, Standing};
use crate::{
    clock,
    commands::hand_in::{Around, Desk, Draft, HandedIn},
    files,
    output::{Output, Sheet, counted},
    review::{self, Danger, ETHER, Facts, again, exact_text, token_line},
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_chain::Token;
use quorate_core::{Proposal, amount::ETHER_DECIMALS};
use quorate_treasury::{
    Plan,
    payout_plan::{Batch, Total},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Tells of a run.
pub(super) struct Report<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tokens: &'a BTreeMap<Address, Token>,
    pub(super) around: Around,
    /// Where files are written, if they are.
    pub(super) folder: Option<PathBuf>,
    pub(super) deadline: u64,
}

/// What became of a batch.
struct Line<'a> {
    batch: &'a Batch,
    digest: String,
    /// `new`, `proposed` before, or `paid`.
    word: &'static str,
    /// How many have signed, of how many.
    signed: Option<(usize, u8)>,
    standing: Option<review::Standing>,
}

impl Report<'_> {
    /// Writes the files and tells of them, once the dangers of the run are accepted.
    pub(super) fn written(
        &self,
        batches: &[Standing],
        accepted: &[String],
        output: Output,
    ) -> Result<()> {
        if let Some(folder) = &self.folder {
            files::check_folder_free(folder)?;
        }
        let proposals: Vec<_> = batches.iter().map(Standing::proposal).collect();
        let dangers = self.dangers(&proposals, output);
        output.say(&self.head(&dangers, output).finish());
        output.accept(&dangers, accepted)?;
        self.write(&proposals)?;
        let mut sheet = Sheet::default();
        let folder = self.folder.as_ref().map(|folder| folder.display().to_string());
        sheet.title(&format!("Written to {}", folder.unwrap_or_default()));
        let mut lines = Vec::new();
        for (batch, standing) in self.plan.batches.iter().zip(batches) {
            let digest = standing.digest().to_string();
            sheet.row(&file_name(self.plan, batch), &self.batch_line(batch));
            sheet.more(&digest);
            lines.push(Line { batch, digest, word: "new", signed: None, standing: None });
        }
        output.say(&format!("\n{}", sheet.finish()));
        output.say("\nLet the owners sign each file: each batch can be paid once, in any order.");
        output.result(&self.document(&lines, &dangers, None));
        Ok(())
    }

    /// The dangers of the run: those of the whole, and what its batches would pay again.
    fn dangers(&self, proposals: &[Option<&Proposal>], output: Output) -> Vec<Danger> {
        let mut dangers = self.around.dangers.clone();
        for proposal in proposals.iter().flatten() {
            let (request, note) = (proposal.request(), proposal.note());
            let open = &self.around.open;
            dangers.extend(again::dangers(request, note, open, self.tokens, output.now));
        }
        dangers
    }

    /// Hands in what is not there yet, and tells of all.
    pub(super) async fn handed_in(
        &self,
        batches: Vec<Standing>,
        desk: &Desk,
        place: &Place,
        output: Output,
    ) -> Result<()> {
        if let Some(folder) = &self.folder {
            files::check_folder_free(folder)?;
        }
        let dangers = &self.around.dangers;
        output.say(&self.head(dangers, output).finish());
        let (mut drafts, mut paid) = (Vec::new(), BTreeMap::new());
        for (batch, standing) in self.plan.batches.iter().zip(batches) {
            let (proposal, is_known) = match standing {
                Standing::New(proposal) => (proposal, false),
                Standing::Proposed(proposal) => (proposal, true),
                Standing::Paid(digest) => {
                    paid.insert(batch.number, digest);
                    continue;
                }
            };
            let facts = Facts::beside(place.state.clone(), &place.chain, &proposal);
            let facts = output.during("reading the chain", facts).await?;
            drafts.push(Draft { proposal, facts, is_known });
        }
        let (signer, handed_in) = match drafts.is_empty() {
            true => (None, Vec::new()),
            false => {
                let (owner, handed_in) =
                    desk.hand_in(drafts, &self.around, &place.chain, output).await?;
                (Some(owner), handed_in)
            }
        };
        let mut done = handed_in.iter();
        let done: Vec<_> = (self.plan.batches.iter())
            .map(|batch| if paid.contains_key(&batch.number) { None } else { done.next() })
            .collect();
        let proposals: Vec<_> = done.iter().map(|done| done.map(|done| &done.proposal)).collect();
        self.write(&proposals)?;
        let lines: Vec<_> = (self.plan.batches.iter().zip(done))
            .map(|(batch, done)| Line::new(batch, done, paid.get(&batch.number), desk))
            .collect();
        self.tell(&lines, desk, output);
        output.result(&self.document(&lines, dangers, signer));
        Ok(())
    }

    fn tell(&self, lines: &[Line<'_>], desk: &Desk, output: Output) {
        let mut sheet = Sheet::default();
        sheet.title(&format!("Handed to the relayer {}", desk.relayer.name()));
        for Line { batch, digest, word, signed, .. } in lines {
            let signed = signed.map_or_else(String::new, |(count, threshold)| {
                format!(", {count} of {threshold} signatures")
            });
            let label = format!("batch {}", batch.number + 1);
            sheet.row(&label, &format!("{word}: {}{signed}", self.batch_line(batch)));
            sheet.more(digest);
        }
        output.say(&format!("\n{}", sheet.finish()));
    }

    /// Writes files, if they are wanted, of those that there are.
    fn write(&self, proposals: &[Option<&Proposal>]) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let named = |(batch, proposal): (&Batch, &Option<&Proposal>)| {
            Some((file_name(self.plan, batch), (*proposal)?.to_json()))
        };
        let texts = self.plan.batches.iter().zip(proposals).filter_map(named).collect();
        files::create_folder(folder, texts)
    }

    fn head(&self, dangers: &[Danger], output: Output) -> Sheet {
        let plan = self.plan;
        let mut sheet = Sheet::default();
        let payments: usize = plan.totals.iter().map(|total| total.count).sum();
        let batches = plan.batches.len();
        let run = &plan.run;
        let payments = counted(payments as u64, "payment", "payments");
        let batches = counted(batches as u64, "batch", "batches");
        sheet.title(&format!("Payout run {run}: {payments} in {batches}"));
        sheet.row("wallet", &plan.wallet.to_checksum(None));
        sheet.row("list hash", &plan.file_hash.to_string());
        sheet.row("deadline", &clock::words(self.deadline, output.now));
        for (place, total) in plan.totals.iter().enumerate() {
            let text = exact_text(total.amount, self.tokens.get(&total.token));
            let label = if place == 0 { "total" } else { "" };
            let payments = counted(total.count as u64, "payment", "payments");
            sheet.row(label, &format!("{text} in {payments}"));
        }
        for (place, token) in self.tokens.values().enumerate() {
            let label = if place == 0 { "tokens" } else { "" };
            sheet.row(label, &token.address.to_checksum(None));
            sheet.more(&token_line(token));
        }
        sheet.dangers(dangers);
        sheet
    }

    fn batch_line(&self, batch: &Batch) -> String {
        let total = exact_text(batch.total, self.tokens.get(&batch.token));
        let payments = counted(batch.payments.len() as u64, "payment", "payments");
        format!("{payments}, {total}")
    }

    fn document(&self, lines: &[Line<'_>], dangers: &[Danger], signer: Option<Address>) -> Value {
        let Self { plan, tokens, folder, deadline, .. } = self;
        let total = |total: &Total| {
            let token = tokens.get(&total.token);
            json!({
                "token": token.map_or(ETHER.to_owned(), |token| token.address.to_checksum(None)),
                "symbol": token.map_or(Some(ETHER), |token| token.symbol.as_deref()),
                "decimals": token.map_or(Some(ETHER_DECIMALS), |token| token.decimals),
                "count": total.count,
                "amount": total.amount.to_string(),
            })
        };
        let batch = |Line { batch, digest, word, signed, standing }: &Line<'_>| {
            let file = folder.as_ref().filter(|_| *word != "paid");
            let file = file.map(|folder| folder.join(file_name(plan, batch)));
            json!({
                "number": batch.number,
                "file": file.map(|file| file.display().to_string()),
                "digest": digest,
                "nonce": batch.nonce,
                "lane": batch.nonce.lane.to_string(),
                "token": if batch.token.is_zero() { ETHER.to_owned() } else { batch.token.to_checksum(None) },
                "count": batch.payments.len(),
                "total": batch.total.to_string(),
                "ids": batch.payments.iter().map(|payment| payment.id.as_str()).collect::<Vec<_>>(),
                "standing": word,
                "signatures": signed.map(|(count, _)| count),
                "relayer": standing,
            })
        };
        json!({
            "run": plan.run,
            "wallet": plan.wallet.to_checksum(None),
            "listHash": plan.file_hash,
            "deadline": deadline,
            "signer": signer.map(|signer| signer.to_checksum(None)),
            "dangers": dangers,
            "totals": plan.totals.iter().map(total).collect::<Vec<_>>(),
            "batches": lines.iter().map(batch).collect::<Vec<_>>(),
        })
    }
}

impl<'a> Line<'a> {
    fn new(batch: &'a Batch, done: Option<&HandedIn>, paid: Option<&B256>, desk: &Desk) -> Self {
        let Some(done) = done else {
            let digest = paid.map(B256::to_string).unwrap_or_default();
            return Self { batch, digest, word: "paid", signed: None, standing: None };
        };
        Self {
            batch,
            digest: done.proposal.digest().to_string(),
            word: if done.is_new { "new" } else { "proposed" },
            signed: Some((done.answered.count(), done.answered.threshold())),
            standing: Some(done.answered.standing(&desk.relayer)),
        }
    }
}

fn file_name(plan: &Plan, batch: &Batch) -> String {
    let (number, count) = (batch.number + 1, plan.batches.len());
    let width = count.to_string().len();
    format!("{}.{number:0width$}-of-{count}.json", plan.run)
}
