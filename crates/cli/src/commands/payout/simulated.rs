//! What payments would do now: which would fail, which tokens pass on less than they are given, which batches are too large.

use crate::output::{Output, Progress, counted};
use alloy::primitives::{Address, U256};
use eyre::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use quorate_chain::{Chain, Revert, TriedPayment};
use quorate_core::text::shown;
use quorate_treasury::{Plan, payout_plan::shown_token};
use std::collections::{BTreeMap, BTreeSet};

/// How many batches, and how many single payments, are tried at once.
const BATCHES_AT_ONCE: usize = 4;
const AT_ONCE: usize = 16;

/// How many lines are named; the rest is counted.
const MOST_SHOWN: usize = 20;

/// What a transaction may take at most, in gas (EIP-7825).
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// How much of that, or of a block, a batch may take, in percent.
const MOST_PERCENT: u64 = 60;

/// What a payout takes beside its payments, in gas: the transaction, the wallet's own work, signatures.
const AROUND: u64 = 150_000;

/// Lines of a batch, by their places.
pub(super) type Lines = (u64, Vec<usize>);

/// What came of trying.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Lines that would fail, with the reason, each by its id.
    pub(super) failing: Vec<String>,
    /// The batches of these lines.
    pub(super) failing_batches: BTreeSet<u64>,
    /// Lines whose payees would get less than the amount.
    pub(super) short: Vec<String>,
    /// Lines whose payees are contracts that do something when they get ether.
    pub(super) contracts: Vec<String>,
    /// Batches that take too much gas.
    pub(super) too_large: Vec<TooLarge>,
    /// What was not tried, and why.
    pub(super) unchecked: Vec<String>,
}

/// A batch that takes more gas than a batch should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    pub(super) number: u64,
    pub(super) gas: u64,
    pub(super) limit: u64,
    /// How many lines like these would do.
    pub(super) fitting: u64,
}

/// Tries the payments of these batches, each as it would be carried out.
pub(super) async fn run(
    plan: &Plan,
    batches: &[Lines],
    chain: &Chain,
    output: Output,
) -> Result<Tried> {
    let mut tried = Tried::default();
    let token_of = |places: &[usize]| plan.lines[places[0]].token;
    let mut due: BTreeMap<Address, U256> = BTreeMap::new();
    let batches: Vec<_> = batches.iter().filter(|(_, places)| !places.is_empty()).collect();
    for (_, places) in &batches {
        let amounts = places.iter().map(|&place| plan.lines[place].amount);
        *due.entry(token_of(places)).or_default() += amounts.sum::<U256>();
    }
    let affordable = tried.affordable(plan, due, chain).await?;
    let batches = batches.into_iter().filter(|(_, places)| affordable.contains(&token_of(places)));
    let batches: Vec<_> = batches.collect();
    let progress = Progress::of(batches.len() as u64);
    let asked = stream::iter(batches).map(async |(number, places)| {
        let payments = places.iter().map(|&place| &plan.lines[place]);
        let payments: Vec<_> = payments.map(|line| (line.payee, line.amount)).collect();
        let answers = chain.try_payments(plan.wallet, token_of(places), &payments).await?;
        progress.one();
        Ok::<_, eyre::Report>((*number, places, answers))
    });
    let asked = asked.buffered(BATCHES_AT_ONCE).try_collect::<Vec<_>>();
    let answers = output.during_with("trying the payments", &progress, asked).await?;
    let limit = chain.block_gas_limit().await?.min(TRANSACTION_GAS_CAP) / 100 * MOST_PERCENT;
    let (mut failures, mut alone) = (Vec::new(), Vec::new());
    for (number, places, answers) in answers {
        let Some(answers) = answers else {
            alone.extend(places.iter().map(|&place| (number, place)));
            continue;
        };
        tried.too_large.extend(TooLarge::of(number, &answers, limit));
        for (&place, answer) in places.iter().zip(answers) {
            let line = &plan.lines[place];
            let is_short = answer.received.is_some_and(|received| received < line.amount);
            match answer.failure {
                Some(reason) => failures.push((number, place, reason)),
                None if is_short && line.payee != plan.wallet => tried.short.push(format!(
                    "id {}: {} would get less than the amount: the token {} takes a part of it",
                    shown(&line.id),
                    line.payee.to_checksum(None),
                    shown_token(line.token)
                )),
                None if answer.runs_code => tried.contracts.push(format!(
                    "id {}: {} is a contract, whose code runs when it is paid",
                    shown(&line.id),
                    line.payee.to_checksum(None)
                )),
                None => {}
            }
        }
    }
    if !alone.is_empty() {
        tried.unchecked.push(
            "not checked whether payees get all of it, and how much gas the batches take: the endpoint has no eth_simulateV1"
                .to_owned(),
        );
        let failed = one_by_one(plan, &alone, chain);
        failures.extend(output.during("trying the payments", failed).await?);
    }
    tried.name(plan, &failures);
    cut(&mut tried.short, "would get less");
    cut(&mut tried.contracts, "would run code");
    Ok(tried)
}

/// Tries payments each by itself, one for each token and payee.
async fn one_by_one(
    plan: &Plan,
    places: &[(u64, usize)],
    chain: &Chain,
) -> Result<Vec<(u64, usize, Revert)>> {
    let mut wanted = BTreeMap::new();
    for &(number, place) in places {
        let line = &plan.lines[place];
        wanted.entry((line.token, line.payee)).or_insert((number, place));
    }
    let asked = stream::iter(wanted).map(async |((token, to), (number, place))| {
        let amount = plan.lines[place].amount;
        let failure = chain.would_fail(plan.wallet, token, to, amount).await?;
        Ok::<_, eyre::Report>(failure.map(|reason| (number, place, reason)))
    });
    let answers: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

impl Tried {
    /// The tokens of which the wallet has what is due.
    async fn affordable(
        &mut self,
        plan: &Plan,
        due: BTreeMap<Address, U256>,
        chain: &Chain,
    ) -> Result<BTreeSet<Address>> {
        let mut affordable = BTreeSet::new();
        for (token, due) in due {
            let balance = match token.is_zero() {
                true => Some(chain.balance(plan.wallet).await?),
                false => chain.token_balance(token, plan.wallet).await?,
            };
            if balance.unwrap_or_default() < due {
                self.unchecked.push(format!(
                    "not checked whether the payments in {} would go through: the wallet does not have the money yet",
                    shown_token(token)
                ));
            } else {
                affordable.insert(token);
            }
        }
        Ok(affordable)
    }

    /// Names the lines that would fail, in their order.
    fn name(&mut self, plan: &Plan, failures: &[(u64, usize, Revert)]) {
        let mut failures: Vec<_> = failures.iter().collect();
        failures.sort_by_key(|(_, place, _)| *place);
        for (number, place, reason) in failures {
            self.failing_batches.insert(*number);
            let line = &plan.lines[*place];
            self.failing.push(format!(
                "id {}: paying {} would fail now: {reason}; `quorate payout resume PLAN --set-aside {}` asks for its batch without it",
                shown(&line.id),
                line.payee.to_checksum(None),
                line.id
            ));
        }
        cut(&mut self.failing, "would fail now");
    }

    /// Why batches are too large, and what to do; none if none is.
    pub(super) fn refusal(&self, was_proposed: bool) -> Option<String> {
        let TooLarge { number, gas, limit, fitting } = self.too_large.first()?;
        let way_out = match was_proposed {
            true => "ask for it without some lines, by `quorate payout resume PLAN --set-aside`"
                .to_owned(),
            false => format!("plan with --max-lines {fitting}"),
        };
        Some(format!(
            "batch {number} takes about {gas} gas, and a batch may take {limit}, {MOST_PERCENT} % of what a block or a transaction may: {way_out}"
        ))
    }
}

impl TooLarge {
    fn of(number: u64, answers: &[TriedPayment], limit: u64) -> Option<Self> {
        let payments: u64 = answers.iter().map(|answer| answer.gas).sum();
        let gas = payments + AROUND;
        if gas <= limit || answers.iter().any(|answer| answer.failure.is_some()) {
            return None;
        }
        let each = payments.div_ceil(answers.len() as u64).max(1);
        let fitting = (limit.saturating_sub(AROUND) / each).max(1);
        Some(Self { number, gas, limit, fitting })
    }
}

/// Leaves the first lines, and counts the rest.
fn cut(texts: &mut Vec<String>, what: &str) {
    if texts.len() > MOST_SHOWN {
        let more = (texts.len() - MOST_SHOWN) as u64;
        texts.truncate(MOST_SHOWN);
        texts.push(format!("{} {what}", counted(more, "more line", "more lines")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_too_large_says_how_many_lines_would_do() {
        let answer = TriedPayment { failure: None, received: None, runs_code: false, gas: 100_000 };
        assert_eq!(TooLarge::of(0, &vec![answer.clone(); 10], 1_150_000), None);
        let found = TooLarge::of(3, &vec![answer.clone(); 11], 1_150_000).unwrap();
        assert_eq!((found.number, found.gas, found.fitting), (3, 1_250_000, 10));
        let tried = Tried { too_large: vec![found], ..Tried::default() };
        assert!(tried.refusal(false).unwrap().contains("plan with --max-lines 10"));
        assert!(tried.refusal(true).unwrap().contains("--set-aside"));
        let failing = TriedPayment { failure: Some(Revert::Silent), ..answer };
        assert_eq!(TooLarge::of(3, &vec![failing; 11], 1_150_000), None);
    }
}
