//! Other chains: one that takes money besides gas and has blocks full of strange transactions, and such as refuse.

use super::Trial;
use crate::{books::Books, store};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};
use quorate_chain::Chain;
use quorate_core::{Lane, Nonce, status::StatusWord};
use quorate_lab::{
    front::Refused,
    op_like::{OpLike, OpRules},
    owners::owner,
    strict::{Outcome, Rules, Seen, Strict},
};
use quorate_store::{Horizon, Storage as _};
use std::time::Duration;
use tokio::time::sleep;

/// How long is waited between looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Wei per gas.
const GWEI: u128 = 1_000_000_000;

/// An OP chain: `strangers` transactions of other types before each of ours, money for layer 1 and the operator, finality that
/// lags; the engine is killed in the middle. What is booked is what the accounts lost, to the wei.
///
/// # Errors
///
/// If the books do not add up.
pub async fn op_chain(strangers: usize) -> Result<Books> {
    let trial = Trial::with_senders(4, 40, true, 2).await?;
    let rules =
        OpRules { operator_fee: 1_234, final_lag: Some(6), strangers, ..OpRules::default() };
    let op = OpLike::start(&trial.world.chain.endpoint(), rules).await?;
    let endpoint = Chain::connect(&op.endpoint()).await?;
    let senders: Vec<Address> = trial.senders.iter().map(|key| owner(*key).address()).collect();
    let mut before = U256::ZERO;
    for sender in &senders {
        before += endpoint.balance(*sender).await?;
    }
    let setup = trial.setup_with(vec![op.endpoint()]);
    let engine = trial.engine(&setup, None)?;
    while trial.count(StatusWord::Executed).await? < 10 {
        trial.world.chain.mine(1).await?;
        sleep(PAUSE).await;
    }
    engine.kill().await?;
    let engine = trial.engine(&setup, None)?;
    let books = all_executed(&trial, trial.close(engine).await?)?;
    let mut lost = before;
    for sender in &senders {
        lost -= endpoint.balance(*sender).await?;
    }
    let records = trial.store.chain_records(trial.world.chain.id(), whole()).await?;
    let included = records.attempts.iter().filter_map(|attempt| attempt.state.inclusion());
    let booked: U256 = included.clone().map(|inclusion| inclusion.fee).sum();
    ensure!(booked == lost, "{booked} wei are booked, {lost} are lost");
    ensure!(included.clone().all(|inclusion| inclusion.l1_fee > Some(U256::ZERO)), "no L1 fee");
    let of_all = records.budgets.iter().filter(|record| record.wallet.is_none());
    let spent: U256 = of_all.map(|record| record.usage.spent).sum();
    ensure!(spent == lost, "{spent} wei are in the budgets, {lost} are lost");
    Ok(books)
}

/// As Arbitrum: a plain transfer takes more than 21,000 gas. First payloads are swallowed, and strangers are faster.
///
/// # Errors
///
/// If the books do not add up, or a refusal is answered with a higher fee.
pub async fn dear_gas(estimates_know: bool) -> Result<Books> {
    let trial = Trial::start(3, 24, true).await?;
    let hold = trial.world.wallets.len();
    let rules = Rules { min_gas: 40_000, estimates_know, hold, ..Rules::default() };
    let strict = Strict::start(&trial.world.chain.endpoint(), rules).await?;
    let engine = trial.engine(&trial.setup_with(vec![strict.endpoint()]), None)?;
    overtake(&trial, &strict, hold).await?;
    let books = all_executed(&trial, trial.close(engine).await?)?;
    check_answers(&strict.seen(), 40)?;
    ensure!(books.noops > 0, "nothing was freed");
    Ok(books)
}

/// Every no-op is refused, in words that nobody knows: payloads of a wallet that had nothing to do with it take the places
/// of three of them, and no no-op is ever mined.
///
/// # Errors
///
/// If the books do not add up, or a refusal is answered with a higher fee.
pub async fn no_noops() -> Result<Books> {
    let mut trial = Trial::start(4, 3, true).await?;
    let hold = trial.requests.len();
    let noops = Some(Refused::new("the moon is too full"));
    let rules = Rules { noops, hold, ..Rules::default() };
    let strict = Strict::start(&trial.world.chain.endpoint(), rules).await?;
    let engine = trial.engine(&trial.setup_with(vec![strict.endpoint()]), None)?;
    overtake(&trial, &strict, hold).await?;
    trial.until(|| async { Ok(refused(&strict.seen()) >= 2 * hold) }).await?;
    for number in 0..3 {
        let nonce = Nonce::new(Lane::ZERO, number);
        let late = trial.world.payment(3, 10 + number, nonce)?;
        store::propose(&trial.store, &late).await?;
        trial.requests.push(late);
    }
    let books = all_executed(&trial, trial.close(engine).await?)?;
    check_answers(&strict.seen(), 200)?;
    ensure!(books.noops == 0, "{} no-ops were mined", books.noops);
    ensure!(books.transactions == 3, "{} transactions", books.transactions);
    Ok(books)
}

/// Somebody else executes what was swallowed, and blocks come until no-ops are refused or mined.
async fn overtake(trial: &Trial, strict: &Strict, hold: usize) -> Result<()> {
    trial.until(|| async { Ok(strict.seen().len() >= hold) }).await?;
    for request in &trial.requests[..hold] {
        trial.submit_as_stranger(request, 2 * super::DEAR, 1).await?;
    }
    for _ in 0..12 {
        trial.world.chain.mine(1).await?;
        sleep(4 * PAUSE).await;
    }
    Ok(())
}

fn refused(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| matches!(seen.outcome, Outcome::Refused(_))).count()
}

/// As Polygon: a least tip that nobody pays, suggests or knows of before a refusal names it.
///
/// # Errors
///
/// If the books do not add up.
pub async fn least_tip() -> Result<Books> {
    let trial = Trial::start(3, 12, true).await?;
    let rules = Rules { min_tip: 25 * GWEI, is_tip_secret: true, ..Rules::default() };
    let strict = Strict::start(&trial.world.chain.endpoint(), rules).await?;
    let engine = trial.engine(&trial.setup_with(vec![strict.endpoint()]), None)?;
    let books = all_executed(&trial, trial.close(engine).await?)?;
    let seen = strict.seen();
    let most = seen.iter().map(|seen| seen.tip).max();
    ensure!(most == Some(25 * GWEI), "the highest tip is {most:?}");
    Ok(books)
}

/// No refusal of what no fee can cure was answered with a fee, and there were few.
fn check_answers(seen: &[Seen], most: usize) -> Result<()> {
    let mut refusals = 0;
    for (place, refused) in seen.iter().enumerate() {
        let Outcome::Refused(words) = &refused.outcome else { continue };
        refusals += 1;
        let next = seen[place + 1..]
            .iter()
            .find(|next| next.nonce == refused.nonce && next.tx_hash != refused.tx_hash);
        if let Some(next) = next.filter(|next| next.is_noop == refused.is_noop) {
            let (before, after) = (refused.max_fee_per_gas, next.max_fee_per_gas);
            ensure!(before == after, "{words:?} was answered with {after} instead of {before} wei");
        }
    }
    ensure!(refusals <= most, "{refusals} refusals");
    Ok(())
}

fn all_executed(trial: &Trial, books: Books) -> Result<Books> {
    ensure!(books.executed == trial.requests.len(), "{} executed", books.executed);
    Ok(books)
}

const fn whole() -> Horizon {
    Horizon { since: 0, day: 0 }
}
