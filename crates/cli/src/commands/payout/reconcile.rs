//! `quorate payout reconcile`.

use super::status::{Looked, look};
use crate::{
    arguments::PayoutReconcile,
    book_access, files,
    output::{Output, Sheet, counted},
};
use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::SolEvent as _,
};
use eyre::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use quorate_bindings::contracts::IWallet::Executed;
use quorate_chain::Execution;
use quorate_treasury::{
    Book, Plan,
    payout_plan::shown_token,
    report::{self, Head, Outcome, Payment, TokenTotals, amount_text},
    run::{LineStanding, Reading},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

sol! {
    event Transfer(address indexed from, address indexed to, uint256 amount);
}

/// How many transactions are read at once.
const AT_ONCE: usize = 8;

/// What a transaction tells of an execution in it.
struct Carried {
    execution: Execution,
    time: String,
    fee: U256,
    /// Transfers of tokens that follow its `Executed` event, up to the wallet's next: token, payee, amount and log index.
    transfers: Vec<(Address, Address, U256, u64)>,
    /// How many of the wallet's actions the transaction carried.
    actions: usize,
}

pub(crate) async fn run(arguments: PayoutReconcile, output: Output) -> Result<()> {
    let book = book_access::read(&arguments.look.book)?;
    let looked = look(&arguments.plan, &arguments.look, output).await?;
    let reading = looked.carried();
    let carried = output.during("reading the transactions", reading).await?;
    let outcomes = looked.outcomes(&carried);
    let plan = &looked.plan;
    let units = units(plan, &book);
    let totals = report::totals(plan, &outcomes);
    if let Some(path) = &arguments.csv {
        files::replace(path, &report::csv(plan, &outcomes, &units))?;
    }
    if let Some(path) = &arguments.html {
        let read_at = rfc3339(output.now);
        let explorer = book.explorers.get(&plan.chain_id).map(String::as_str);
        let block = looked.seen.head.number;
        let head = Head { read_at: &read_at, block, explorer, units: &units };
        files::replace(path, &report::html(plan, &outcomes, head))?;
    }
    tell(plan, &totals, &units, &arguments, output);
    let code = looked.exit_code();
    output.result(&document(&looked, &outcomes, &totals, code));
    looked.end(code)
}

/// What amounts are in, by token.
fn units(plan: &Plan, book: &Book) -> BTreeMap<Address, String> {
    let unit = |token: Address| (token, report::unit(token, book.symbol(plan.chain_id, token)));
    plan.lines
        .iter()
        .map(|line| line.token)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(unit)
        .collect()
}

impl Looked {
    /// What the transactions tell that paid lines.
    async fn carried(&self) -> Result<BTreeMap<B256, Carried>> {
        let mut paying = BTreeSet::new();
        for reading in &self.run.batches {
            for standing in reading.lines.values() {
                if let LineStanding::Paid { digest, .. } = standing {
                    paying.insert(*digest);
                }
            }
        }
        let executions: Vec<_> =
            paying.iter().filter_map(|digest| self.seen.executions.get(digest)).copied().collect();
        let asked = stream::iter(executions).map(async |execution: Execution| {
            let carried = self.one(execution).await?;
            Ok::<_, eyre::Report>((execution.digest, carried))
        });
        let all: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
        Ok(all.into_iter().filter_map(|(digest, carried)| Some((digest, carried?))).collect())
    }

    async fn one(&self, execution: Execution) -> Result<Option<Carried>> {
        let Some((receipt, logs)) = self.chain.receipt_with_logs(execution.tx_hash).await? else {
            return Ok(None);
        };
        let block = self.chain.block_at(receipt.block_number).await?;
        let time = block.map(|block| rfc3339(block.timestamp)).unwrap_or_default();
        let (mut is_here, mut actions, mut transfers) = (false, 0, Vec::new());
        for log in &logs {
            if log.address() == self.plan.wallet
                && let Ok(event) = Executed::decode_log_data_validate(log.data())
            {
                is_here = event.digest == execution.digest;
                actions += 1;
            } else if is_here
                && let Ok(event) = Transfer::decode_log_data_validate(log.data())
                && event.from == self.plan.wallet
                && let Some(index) = log.log_index
            {
                transfers.push((log.address(), event.to, event.amount, index));
            }
        }
        Ok(Some(Carried { execution, time, fee: receipt.cost(), transfers, actions }))
    }

    /// What became of each line of the plan, in its order.
    fn outcomes(&self, carried: &BTreeMap<B256, Carried>) -> Vec<Outcome> {
        let unpaid = Outcome { status: "unproposed", payment: None };
        let mut outcomes = vec![unpaid; self.plan.lines.len()];
        for reading in &self.run.batches {
            self.of_batch(reading, carried, &mut outcomes);
        }
        outcomes
    }

    fn of_batch(
        &self,
        reading: &Reading,
        carried: &BTreeMap<B256, Carried>,
        outcomes: &mut [Outcome],
    ) {
        let word = reading.word(&self.plan, &self.known);
        let aside = reading.set_aside(&self.plan, &self.known);
        let mut used: BTreeMap<B256, BTreeSet<u64>> = BTreeMap::new();
        let paid_by = |digest: &B256| {
            let is_it = |line: &&LineStanding| matches!(line, LineStanding::Paid { digest: by, .. } if by == digest);
            reading.lines.values().filter(is_it).count()
        };
        for (&place, standing) in &reading.lines {
            let blocked = matches!(word.name(), "stopped" | "unknown");
            outcomes[place] = match standing {
                _ if blocked => Outcome { status: word.name(), payment: None },
                LineStanding::Paid { digest, position } => {
                    let used = used.entry(*digest).or_default();
                    let count = paid_by(digest);
                    let paid = carried
                        .get(digest)
                        .map(|carried| self.payment(place, *position, carried, used, count));
                    Outcome { status: "paid", payment: paid }
                }
                LineStanding::LeftOut { .. } => Outcome { status: "setAside", payment: None },
                LineStanding::Declined { .. }
                | LineStanding::Withheld { .. }
                | LineStanding::Removed => Outcome { status: "declined", payment: None },
                LineStanding::Open if aside.contains(&place) => {
                    Outcome { status: "setAside", payment: None }
                }
                LineStanding::Open => Outcome { status: word.name(), payment: None },
            };
        }
    }

    fn payment(
        &self,
        place: usize,
        position: usize,
        carried: &Carried,
        used: &mut BTreeSet<u64>,
        count: usize,
    ) -> Payment {
        let line = &self.plan.lines[place];
        let Carried { execution, time, fee, transfers, actions } = carried;
        let block = execution.block_number;
        let log_index = transfers.iter().find_map(|&(token, to, amount, index)| {
            let is_it = (token, to, amount) == (line.token, line.payee, line.amount);
            (is_it && used.insert(index)).then_some(index)
        });
        // What one transaction carried of several actions is shared by them first.
        let fee = report::fee_share(*fee, *actions, 0);
        let consumption = self.run.batches.iter().flat_map(|reading| &reading.consumed);
        let mut consumption = consumption.filter(|(it, _)| it.digest == execution.digest);
        let is_final = consumption.next().is_some_and(|(it, _)| it.is_final);
        Payment {
            digest: execution.digest,
            transaction: execution.tx_hash,
            block,
            time: time.clone(),
            log_index,
            position: line.token.is_zero().then_some(position),
            fee_share: Some(report::fee_share(fee, count, position)),
            is_final,
        }
    }
}

fn rfc3339(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|second| Timestamp::from_second(second).ok());
    time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

fn tell(
    plan: &Plan,
    totals: &[TokenTotals],
    units: &BTreeMap<Address, String>,
    arguments: &PayoutReconcile,
    output: Output,
) {
    let mut sheet = Sheet::default();
    sheet.title(&format!("Payout run {}", plan.run));
    sheet.row("plan hash", &plan.hash.to_string());
    for total in totals {
        let token = shown_token(total.token);
        let unit = units.get(&total.token).unwrap_or(&token);
        for (label, sum) in
            [("paid", total.paid), ("open", total.open), ("declined", total.declined)]
        {
            if sum.count > 0 {
                let text = amount_text(sum.amount, plan.decimals(total.token), unit);
                let lines = counted(sum.count as u64, "line", "lines");
                sheet.row(label, &format!("{text} in {lines}"));
            }
        }
    }
    for path in [&arguments.csv, &arguments.html].into_iter().flatten() {
        sheet.row("written", &path.display().to_string());
    }
    output.say(&sheet.finish());
}

fn document(looked: &Looked, outcomes: &[Outcome], totals: &[TokenTotals], code: u8) -> Value {
    let plan = &looked.plan;
    let line = |(line, outcome): (&quorate_treasury::payout_plan::Line, &Outcome)| {
        let paid = outcome.payment.as_ref();
        json!({
            "id": line.id,
            "payee": line.payee.to_checksum(None),
            "token": shown_token(line.token),
            "amount": line.amount.to_string(),
            "note": line.note,
            "carried": line.carried,
            "status": outcome.status,
            "final": paid.map(|paid| paid.is_final),
            "digest": paid.map(|paid| paid.digest),
            "transaction": paid.map(|paid| paid.transaction),
            "block": paid.map(|paid| paid.block),
            "time": paid.map(|paid| paid.time.as_str()),
            "logIndex": paid.and_then(|paid| paid.log_index),
            "position": paid.and_then(|paid| paid.position),
            "feeShare": paid.and_then(|paid| paid.fee_share).map(|share| share.to_string()),
        })
    };
    let total = |total: &TokenTotals| {
        let sum =
            |sum: report::Sum| json!({ "count": sum.count, "amount": sum.amount.to_string() });
        json!({
            "token": shown_token(total.token),
            "decimals": plan.decimals(total.token),
            "paid": sum(total.paid),
            "open": sum(total.open),
            "declined": sum(total.declined),
        })
    };
    json!({
        "run": plan.run,
        "wallet": plan.wallet.to_checksum(None),
        "chainId": plan.chain_id,
        "planHash": plan.hash,
        "block": looked.seen.head.number,
        "totals": totals.iter().map(total).collect::<Vec<_>>(),
        "lines": plan.lines.iter().zip(outcomes).map(line).collect::<Vec<_>>(),
        "exitCode": code,
    })
}
