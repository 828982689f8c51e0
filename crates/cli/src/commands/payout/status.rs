//! `quorate payout status`.

use super::{
    opened,
    seen::{Reader, Seen, accepted},
    simulated,
};
use crate::{
    arguments::{LookOptions, PayoutStatus},
    chain_access,
    failure::Cause,
    output::{Output, Sheet, counted},
    relayer_access::Relayer,
};
use eyre::Result;
use quorate_chain::Chain;
use quorate_treasury::{
    Plan,
    run::{Known, Reading, Run, Stage, Word, exit_code},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path};

/// A plan, and what was read of it.
pub(super) struct Looked {
    pub(super) plan: Plan,
    pub(super) chain: Chain,
    pub(super) seen: Seen,
    pub(super) run: Run,
    pub(super) known: Vec<Known>,
}

pub(crate) async fn run(arguments: PayoutStatus, output: Output) -> Result<()> {
    let mut looked = look(&arguments.plan, &arguments.look, output).await?;
    looked.try_payments(output).await?;
    let mut sheet = Sheet::default();
    let plan = &looked.plan;
    let batches = counted(plan.batches.len() as u64, "batch", "batches");
    sheet.title(&format!("Payout run {}: {batches}", plan.run));
    sheet.row("plan hash", &plan.hash.to_string());
    sheet.title("Batches");
    for reading in &looked.run.batches {
        sheet.row(&format!("batch {}", reading.number), &looked.text(reading));
        let why = looked.why(reading);
        if !why.is_empty() {
            sheet.paragraph("", &why);
        }
    }
    output.say(&sheet.finish());
    let batches = looked.run.batches.iter().map(|reading| looked.document(reading));
    let code = looked.exit_code();
    output.result(&json!({
        "run": plan.run,
        "wallet": plan.wallet.to_checksum(None),
        "chainId": plan.chain_id,
        "planHash": plan.hash,
        "block": looked.seen.head.number,
        "batches": batches.collect::<Vec<_>>(),
        "stopped": looked.run.stops().iter().map(|(number, digest)| {
            json!({ "batch": number, "danger": format!("laneConsumed:{digest}") })
        }).collect::<Vec<_>>(),
        "exitCode": code,
    }));
    looked.end(code)
}

/// Reads a plan's run.
pub(super) async fn look(path: &Path, options: &LookOptions, output: Output) -> Result<Looked> {
    let plan = opened::read(path)?;
    let named = opened::wallet_of(&plan, options.run.as_deref(), options.wallet.as_deref())?;
    let relayer = Relayer::find(&options.access, output)?;
    let chain = chain_access::connect(&options.chain, output).await?;
    let mut named = named;
    if let Some(relayer) = &relayer {
        let wallet = relayer.wallet(plan.chain_id, plan.wallet).await?;
        named = named.with_origin(wallet.origin());
    }
    let state = output.during("reading the wallet", named.state(&chain)).await?;
    let folder = Path::new(&plan.run).to_owned();
    let reader = Reader {
        plan: &plan,
        plan_path: Some(path),
        beside: &options.beside.beside,
        folder: Some(&folder),
        relayer: relayer.as_ref(),
        chain: &chain,
        state: &state,
        origin: named.origin.as_ref(),
        options: &options.reading,
    };
    let seen = reader.read(output).await?;
    let run = seen.run(&plan, &accepted(&options.accept.accept));
    let known = seen.known();
    Ok(Looked { plan, chain, seen, run, known })
}

impl Looked {
    /// Tries what can still be paid: a batch with a payment that would fail is refused, whoever knows its proposal.
    async fn try_payments(&mut self, output: Output) -> Result<()> {
        let is_alive =
            |word: Word| matches!(word, Word::Unproposed | Word::Collecting | Word::Ready);
        let batches = self.run.batches.iter();
        let batches = batches.filter(|it| is_alive(it.word(&self.plan, &self.known)));
        let batches: Vec<_> = batches
            .map(|reading| {
                let aside = reading.set_aside(&self.plan, &self.known);
                let open = reading.open().into_iter().filter(|place| !aside.contains(place));
                (reading.number, open.collect())
            })
            .collect();
        let tried = simulated::run(&self.plan, &batches, &self.chain, output).await?;
        for text in tried.failing.iter().chain(&tried.short).chain(&tried.unchecked) {
            output.warn(text);
        }
        let too_large = tried.too_large.iter().map(|batch| batch.number);
        let refused: BTreeSet<_> = tried.failing_batches.iter().copied().chain(too_large).collect();
        let readings = self.run.batches.iter().filter(|it| refused.contains(&it.number));
        let nonces: Vec<_> = readings.map(|reading| reading.present).collect();
        for known in &mut self.known {
            let waits = matches!(known.stage, Stage::Collecting | Stage::Ready);
            if waits && nonces.contains(&known.nonce) {
                known.stage = Stage::Refused;
            }
        }
        Ok(())
    }

    /// The code that the command ends with.
    pub(super) fn exit_code(&self) -> u8 {
        exit_code(&self.run, &self.plan, &self.known)
    }

    /// How the command ends.
    pub(super) fn end(&self, code: u8) -> Result<()> {
        let names = |is_wanted: &dyn Fn(&Reading) -> bool| {
            let batches = self.run.batches.iter().filter(|reading| is_wanted(reading));
            batches.map(|reading| reading.number.to_string()).collect::<Vec<_>>().join(", ")
        };
        match code {
            0 => Ok(()),
            7 => {
                let digests: Vec<_> = self
                    .run
                    .unknown()
                    .iter()
                    .map(|(number, it)| format!("{} of batch {number}", it.digest))
                    .collect();
                Err(Cause::Mismatch.error(format!(
                    "what these digests stand for cannot be recomputed: {}; name their proposals' files with --beside, or give an endpoint that traces",
                    digests.join(", ")
                )))
            }
            4 => {
                let stops = self.run.stops();
                let texts: Vec<_> = stops
                    .iter()
                    .map(|(number, digest)| format!("batch {number}: laneConsumed:{digest}"))
                    .collect();
                Err(Cause::DangerNotAccepted.error(format!(
                    "something else used up a nonce of the run: {}; --accept takes the whole name",
                    texts.join("; ")
                )))
            }
            1 => {
                let is_refused =
                    |reading: &Reading| reading.word(&self.plan, &self.known).name() == "refused";
                Err(Cause::FailedOnChain
                    .error(format!("these batches would fail: {}", names(&is_refused))))
            }
            _ => {
                let is_left = |reading: &Reading| {
                    let word = reading.word(&self.plan, &self.known);
                    !word.is_settled() || !reading.is_final()
                };
                Err(Cause::NotYet.error(format!(
                    "not all is paid and final yet: {}",
                    counted_batches(&names(&is_left))
                )))
            }
        }
    }

    /// The proposal that a batch's word is about.
    fn leading(&self, reading: &Reading) -> Option<&super::known::Found> {
        let proposed = reading.proposed(&self.plan, &self.known);
        let best = proposed.iter().max_by_key(|(known, covered)| (known.stage, covered.len()))?;
        self.seen.found.get(&best.0.digest)
    }

    fn text(&self, reading: &Reading) -> String {
        let word = reading.word(&self.plan, &self.known);
        let count = reading.lines.len();
        let last = match (word.is_settled(), reading.is_final()) {
            (true, true) => ", final",
            (true, false) => ", not final yet",
            _ => "",
        };
        format!("{word}{last}: {}", counted(count as u64, "line", "lines"))
    }

    fn why(&self, reading: &Reading) -> String {
        if let Some((consumption, _)) = reading.consumed.last() {
            return consumption.digest.to_string();
        }
        let Some(found) = self.leading(reading) else { return String::new() };
        if !found.known.stage.is_alive() {
            return format!("{} can never be executed", found.known.digest);
        }
        let missing: Vec<_> = found.missing.iter().map(|owner| owner.to_checksum(None)).collect();
        match (&found.reason, missing.is_empty()) {
            (Some(reason), true) => format!("waits: {reason}"),
            (_, false) if found.known.stage == Stage::Collecting => {
                format!("not signed by {}", missing.join(", "))
            }
            _ => found.known.digest.to_string(),
        }
    }

    fn document(&self, reading: &Reading) -> Value {
        let word = reading.word(&self.plan, &self.known);
        let last = reading.consumed.last().map(|(consumption, _)| consumption);
        let found = if last.is_none() { self.leading(reading) } else { None };
        let digest = last.map(|it| it.digest).or(found.map(|found| found.known.digest));
        let transaction = last.and_then(|it| self.seen.executions.get(&it.digest));
        let missing = found.map(|found| {
            found.missing.iter().map(|owner| owner.to_checksum(None)).collect::<Vec<_>>()
        });
        json!({
            "number": reading.number,
            "status": word.name(),
            "final": word.is_settled() && reading.is_final(),
            "missing": missing.unwrap_or_default(),
            "reason": found.and_then(|found| found.reason.as_deref()),
            "digest": digest,
            "transaction": transaction.map(|it| it.tx_hash),
            "nonce": reading.present,
            "count": reading.lines.len(),
        })
    }
}

fn counted_batches(names: &str) -> String {
    format!("batches {names}")
}
