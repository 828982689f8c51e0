//! What the chain, the store and its audit log say, compared. The chain is read anew, by a library of others.

use crate::world::World;
use alloy::{
    consensus::Transaction as _,
    eips::BlockNumberOrTag,
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::Filter,
    sol_types::SolEvent,
};
use eyre::{OptionExt, Result, bail, ensure};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_core::{Action, Nonce, Request, Status, status::BlockId};
use quorate_lab::owners::owner;
use quorate_store::{AttemptState, AuditReport, EventFilter, Purpose, Storage, Store};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long one looks again before what does not add up is an error.
const PAUSE: Duration = Duration::from_millis(100);

/// What was found where everything adds up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Books {
    /// Proposals that were executed, each once.
    pub executed: usize,
    /// Proposals of which something else was decided.
    pub not_executed: usize,
    /// Transactions of the senders that were mined; every one of them was stored before.
    pub transactions: usize,
    /// Those of them that only freed an account nonce.
    pub noops: usize,
    /// Those of them that reverted.
    pub reverted: usize,
    /// Attempts in the store.
    pub attempts: usize,
    /// Rows of the audit log.
    pub audit_rows: u64,
}

/// Where a digest was executed.
#[derive(Clone, Copy, Debug)]
struct Execution {
    digest: B256,
    tx_hash: B256,
    block: BlockId,
}

/// Lets time pass by `advance` until everything is final and adds up.
///
/// # Errors
///
/// If it does not within `limit`: what did not add up last.
pub async fn close<F: Future<Output = Result<()>>>(
    world: &World,
    store: &Store,
    requests: &[Request],
    senders: &[u64],
    limit: Duration,
    advance: impl Fn() -> F,
) -> Result<Books> {
    let begun = tokio::time::Instant::now();
    loop {
        advance().await?;
        match compare(world, store, requests, senders).await {
            Ok(books) => return Ok(books),
            Err(error) if begun.elapsed() > limit => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Compares everything.
///
/// # Errors
///
/// What does not add up.
pub async fn compare(
    world: &World,
    store: &Store,
    requests: &[Request],
    senders: &[u64],
) -> Result<Books> {
    let executions = executions(world).await?;
    for request in requests {
        check_payment(world, request, &executions).await?;
    }
    compare_actions(world, store, requests, senders).await
}

/// Compares everything but what payees have.
///
/// # Errors
///
/// What does not add up.
pub async fn compare_actions(
    world: &World,
    store: &Store,
    requests: &[Request],
    senders: &[u64],
) -> Result<Books> {
    let mut books = Books::default();
    let executions = executions(world).await?;
    for request in requests {
        check_proposal(store, request, &executions, &mut books).await?;
    }
    check_accounts(world, store, requests, senders, &mut books).await?;
    check_logs(store, &mut books).await?;
    Ok(books)
}

/// What was executed, by wallet and nonce: the contract's events.
async fn executions(world: &World) -> Result<BTreeMap<(Address, Nonce), Execution>> {
    let wallets: Vec<Address> = world.wallets.iter().map(|wallet| wallet.address).collect();
    let filter = Filter::new()
        .address(wallets)
        .event_signature(Executed::SIGNATURE_HASH)
        .from_block(0)
        .to_block(BlockNumberOrTag::Latest);
    let (mut found, mut digests) = (BTreeMap::new(), BTreeSet::new());
    for log in world.chain.provider().get_logs(&filter).await? {
        let event = log.log_decode::<Executed>()?;
        let tx_hash = log.transaction_hash.ok_or_eyre("an event without a transaction")?;
        let block = BlockId {
            number: log.block_number.ok_or_eyre("an event without a block")?,
            hash: log.block_hash.ok_or_eyre("an event without a block")?,
        };
        let nonce = Nonce::from_u256(event.inner.nonce);
        let execution = Execution { digest: event.inner.digest, tx_hash, block };
        ensure!(digests.insert(execution.digest), "{} was executed twice", execution.digest);
        let other = found.insert((log.address(), nonce), execution);
        ensure!(other.is_none(), "nonce {nonce} of {} was consumed twice", log.address());
    }
    Ok(found)
}

/// A proposal's status is true and final, and so is every attempt at it.
async fn check_proposal(
    store: &Store,
    request: &Request,
    executions: &BTreeMap<(Address, Nonce), Execution>,
    books: &mut Books,
) -> Result<()> {
    let digest = request.digest();
    let found = store.find_proposal(digest).await?;
    let found = found.ok_or_else(|| eyre::eyre!("proposal {digest} is lost"))?;
    ensure!(found.is_final, "{digest} is {} and not final", found.status);
    let execution = executions.get(&(request.wallet, request.nonce));
    match (&found.status, execution) {
        (Status::Executed { tx_hash, block }, Some(execution))
            if execution.digest == digest
                && execution.tx_hash == *tx_hash
                && execution.block == *block =>
        {
            books.executed += 1;
        }
        (Status::Superseded { by: Some(by) }, Some(execution)) if execution.digest == *by => {
            ensure!(*by != digest, "{digest} superseded itself");
            books.not_executed += 1;
        }
        (Status::Expired, None) => books.not_executed += 1,
        (status, execution) => bail!("{digest} is {status:?}, and the chain has {execution:?}"),
    }
    Ok(())
}

/// The payee got the amount if, and only if, the payment was executed.
async fn check_payment(
    world: &World,
    request: &Request,
    executions: &BTreeMap<(Address, Nonce), Execution>,
) -> Result<()> {
    let digest = request.digest();
    let execution = executions.get(&(request.wallet, request.nonce));
    let is_executed = execution.is_some_and(|execution| execution.digest == digest);
    let Action::Payout { transfers, .. } = &request.action else { return Ok(()) };
    for transfer in transfers {
        let has = world.chain.balance(transfer.to).await?;
        let due = if is_executed { transfer.amount } else { U256::ZERO };
        ensure!(has == due, "{digest}: {} has {has} wei, {due} are due", transfer.to);
    }
    Ok(())
}

/// Every transaction of a sender is a stored attempt, every account nonce that was taken is settled as the chain has
/// it, and nothing is left on its way.
async fn check_accounts(
    world: &World,
    store: &Store,
    requests: &[Request],
    senders: &[u64],
    books: &mut Books,
) -> Result<()> {
    let provider = world.chain.provider();
    let chain_id = world.chain.id();
    let senders: BTreeSet<Address> =
        senders.iter().map(|&number| owner(number).address()).collect();
    let mut mined = BTreeMap::new();
    for number in 0..=world.height().await? {
        let block = provider.get_block_by_number(number.into()).full().await?;
        let block = block.ok_or_eyre("a block is missing")?;
        for transaction in block.transactions.into_transactions() {
            let (from, hash) = (transaction.as_recovered().signer(), *transaction.inner.tx_hash());
            if senders.contains(&from) {
                mined.insert((from, transaction.nonce()), hash);
            }
        }
    }
    for ((sender, account_nonce), hash) in &mined {
        let attempt = store.find_attempt(chain_id, *hash).await?;
        ensure!(attempt.is_some(), "{hash}, nonce {account_nonce} of {sender}, was never stored");
    }
    let horizon = quorate_store::Horizon { since: 0, day: 0 };
    let records = store.chain_records(chain_id, horizon).await?;
    for attempt in &records.attempts {
        let place = (attempt.account_nonce.sender, attempt.account_nonce.nonce);
        ensure!(attempt.settled.is_some(), "{} is not settled", attempt.account_nonce);
        let is_mined = mined.get(&place) == Some(&attempt.tx_hash);
        let is_said = matches!(attempt.state, AttemptState::Mined(_) | AttemptState::Reverted(_));
        ensure!(is_mined == is_said, "{} is {}", attempt.tx_hash, attempt.state.word());
        books.noops += usize::from(is_mined && attempt.purpose == Purpose::Noop);
        books.reverted += usize::from(matches!(attempt.state, AttemptState::Reverted(_)));
    }
    for record in &records.budgets {
        ensure!(record.usage.reserved.is_zero(), "{record:?} still holds something back");
    }
    for &sender in &senders {
        let next = provider.get_transaction_count(sender).await?;
        let pending = provider.get_transaction_count(sender).pending().await?;
        ensure!(next == pending, "{sender} has {} transactions on their way", pending - next);
    }
    ensure!(records.proposals.len() == requests.len(), "{} proposals", records.proposals.len());
    books.transactions = mined.len();
    books.attempts = records.attempts.len();
    Ok(())
}

/// The audit log is whole, and the outbox has no gaps.
async fn check_logs(store: &Store, books: &mut Books) -> Result<()> {
    let head = store.audit_head().await?;
    match store.verify_audit(Some(head)).await? {
        AuditReport::Whole { rows, .. } => books.audit_rows = rows,
        broken @ AuditReport::Broken { .. } => bail!("{broken:?}"),
    }
    let mut last = 0;
    loop {
        let events = store.events_after(last, EventFilter::default(), 1_000).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            ensure!(event.sequence == last + 1, "event {} follows {last}", event.sequence);
            last = event.sequence;
        }
    }
    Ok(())
}
