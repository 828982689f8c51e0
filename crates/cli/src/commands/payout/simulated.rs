//! Payments that would fail now.

use crate::output::Output;
use alloy::primitives::{Address, U256};
use eyre::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use quorate_chain::Chain;
use quorate_core::text::shown;
use quorate_treasury::{Plan, payout_plan::shown_token};
use std::collections::{BTreeMap, BTreeSet};

/// How many payments are tried at once.
const AT_ONCE: usize = 16;

/// What came of trying.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Lines that would fail, with the reason, each by its id.
    pub(super) failing: Vec<String>,
    /// What was not tried, and why.
    pub(super) unchecked: Vec<String>,
}

/// Tries the payments of these lines, each by itself.
pub(super) async fn run(
    plan: &Plan,
    places: &[usize],
    chain: &Chain,
    output: Output,
) -> Result<Tried> {
    let mut tried = Tried::default();
    let tokens: BTreeSet<_> = places.iter().map(|&place| plan.lines[place].token).collect();
    let mut wanted: BTreeMap<(Address, Address), usize> = BTreeMap::new();
    for token in tokens {
        let of_token = places.iter().copied().filter(|&place| plan.lines[place].token == token);
        let of_token: Vec<_> = of_token.collect();
        let total: U256 = of_token.iter().map(|&place| plan.lines[place].amount).sum();
        let balance = match token.is_zero() {
            true => Some(chain.balance(plan.wallet).await?),
            false => chain.token_balance(token, plan.wallet).await?,
        };
        if balance.unwrap_or_default() < total {
            let token = shown_token(token);
            tried.unchecked.push(format!(
                "not checked whether the payments in {token} would go through: the wallet does not have the money yet"
            ));
            continue;
        }
        for place in of_token {
            wanted.entry((token, plan.lines[place].payee)).or_insert(place);
        }
    }
    let asked = stream::iter(wanted).map(async |((token, to), place)| {
        let amount = plan.lines[place].amount;
        let failure = chain.would_fail(plan.wallet, token, to, amount).await?;
        Ok::<_, eyre::Report>((place, failure))
    });
    let asked = asked.buffered(AT_ONCE).try_collect::<Vec<_>>();
    let mut answers = output.during("trying the payments", asked).await?;
    answers.sort_by_key(|(place, _)| *place);
    for (place, failure) in answers {
        let Some(reason) = failure else { continue };
        let line = &plan.lines[place];
        tried.failing.push(format!(
            "id {}: paying {} would fail now: {reason}; `quorate payout resume PLAN --set-aside {}` asks for its batch without it",
            shown(&line.id),
            line.payee.to_checksum(None),
            line.id
        ));
    }
    Ok(tried)
}
