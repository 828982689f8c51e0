//! What the engine asks of the chain and of the keys: done beside it, answered by events.

use super::{
    Context,
    failpoint::{self, Point},
    gas, logs,
};
use crate::{
    Effect, Event, State,
    attempt::Draft,
    effect::Call,
    event::{BlockId, Paid, Receipt, Refusal, Simulation},
    rows::WalletRow,
    wallet::Execution,
};
use alloy::primitives::{Address, B256};
use quorate_chain::{Chain, ChainError, Header, Provenance, Revert, SimulateError, SimulatedCall};
use quorate_core::{Config, Snapshot};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// From how many receipts on those of a whole block are asked for.
const RECEIPTS_TOGETHER: usize = 4;

/// In how many blocks they are looked for.
const RECEIPT_BLOCKS: usize = 3;

/// Starts to do what `effect` asks for. What cannot be answered is not: the engine asks again.
pub(super) fn beside(context: &Arc<Context>, effect: Effect, state: &State) {
    let creation = match &effect {
        Effect::AskWallet { wallet } => {
            state.wallets().get(wallet).and_then(|wallet| wallet.creation.clone())
        }
        _ => None,
    };
    let work = match &effect {
        Effect::Broadcast { tx_hash, .. } | Effect::Rebroadcast { tx_hash, .. } => {
            let attempt = state.find_attempt(*tx_hash);
            attempt.map(|(attempt, number)| failpoint::work(attempt.kind, number))
        }
        _ => None,
    };
    let context = context.clone();
    tokio::spawn(async move {
        if let Some(work) = work {
            failpoint::reach(Point::BeforeSend, work);
        }
        match answers(&context, effect, creation).await {
            Ok(events) => {
                if let Some(work) = work {
                    failpoint::reach(Point::AfterSend, work);
                }
                for event in events {
                    // The engine has ended: nobody wants to know.
                    let _ = context.events.send(event).await;
                }
            }
            Err(error) => tracing::debug!(%error, "not answered"),
        }
    });
}

async fn answers(
    context: &Context,
    effect: Effect,
    creation: Option<(Config, B256)>,
) -> Result<Vec<Event>, ChainError> {
    let event = match effect {
        Effect::Simulate { request, at, in_flight, next } => {
            let outcome = simulate(context, at, &in_flight, &next).await;
            let outcome = gas::with_rollup_fees(context, outcome, &next).await;
            Event::Simulated { request, outcome }
        }
        Effect::Sign { request, drafts } => sign(context, request, &drafts),
        Effect::Broadcast { tx_hash, raw } | Effect::Rebroadcast { tx_hash, raw } => {
            Event::SendResult { tx_hash, outcome: context.endpoints.broadcast(&raw).await }
        }
        Effect::AskGas { sender, account_nonce, at, in_flight, call } => {
            let needs = gas::needs(context, at, &in_flight, &call).await;
            let Some((gas, rollup_fee)) = needs else { return Ok(Vec::new()) };
            Event::GasSeen { sender, account_nonce, gas, rollup_fee }
        }
        Effect::AskAccounts { at, senders } => return accounts(context, at, senders).await,
        Effect::AskReceipts { head, tx_hashes } => return receipts(context, head, tx_hashes).await,
        Effect::AskBlocks { from } => {
            context.again_from.send_replace(Some(from));
            return Ok(Vec::new());
        }
        Effect::AskLogs { wallets, from, to } => {
            match read_logs(context, &wallets, from, to).await {
                Ok(event) => event,
                Err(error) => {
                    tracing::debug!(%error, from, to, "logs");
                    Event::LogsRefused { wallets, from, to }
                }
            }
        }
        Effect::AskLane { wallet, lane, block } => {
            let read = context
                .endpoints
                .read(|chain| async move { chain.sequence_at(wallet, lane, block).await });
            Event::LaneSeen { wallet, lane, next: read.await?, block }
        }
        Effect::AskExecution { wallet, nonce } => {
            let read = context
                .endpoints
                .read(|chain| async move { chain.executed_nonce(wallet, nonce).await });
            let Some(found) = read.await? else { return Ok(Vec::new()) };
            let header = header_at(context, found.block_number).await?;
            let block = logs::id_of(&header);
            let (digest, tx_hash, timestamp) = (found.digest, found.tx_hash, header.timestamp);
            let execution = Execution { digest, tx_hash, block, timestamp };
            Event::ExecutionFound { wallet, nonce, execution }
        }
        Effect::AskWallet { wallet } => {
            Event::WalletAdded(Box::new(read_wallet(context, wallet, creation).await?))
        }
        // The engine itself did these, or nobody has to.
        Effect::Persist { .. }
        | Effect::StatusChanged(_)
        | Effect::Settled { .. }
        | Effect::Checkpoint { .. }
        | Effect::Reload
        | Effect::Alarm(_)
        | Effect::FreeNonce { .. }
        | Effect::Ignored(_) => return Ok(Vec::new()),
    };
    Ok(vec![event])
}

/// Signs all of these, or none.
fn sign(context: &Context, request: u64, drafts: &[Draft]) -> Event {
    let sign = |draft: &Draft| {
        let key = context.keys.get(&draft.sender)?;
        let signed = key.sign(context.settings.chain_id, draft);
        signed.inspect_err(|error| tracing::error!(%error, "key")).ok()
    };
    match drafts.iter().map(sign).collect() {
        Some(signed) => Event::Signed { request, signed },
        None => Event::SignFailed { request },
    }
}

pub(super) async fn simulate(
    context: &Context,
    at: BlockId,
    in_flight: &[Call],
    next: &[Call],
) -> Simulation {
    let calls: Vec<_> = in_flight.iter().chain(next).map(simulated).collect();
    let calls = &calls;
    let number = at.number;
    if let ([], [only]) = (in_flight, next) {
        let call = &simulated(only);
        let gas =
            context.endpoints.read(|chain| async move { estimate(&chain, number, call).await });
        return match gas.await {
            Ok(Ok(gas)) => shown(vec![gas], None),
            Ok(Err(revert)) => shown(Vec::new(), Some(refusal(&revert))),
            Err(_) => Simulation::Unavailable,
        };
    }
    let done =
        context.endpoints.read(|chain| async move { chain.simulate_calls(number, calls).await });
    let Ok(Some(done)) = done.await else { return Simulation::Unavailable };
    let (before, after) = done.split_at(in_flight.len().min(done.len()));
    if before.iter().any(|call| call.revert.is_some()) {
        return Simulation::InFlightReverted;
    }
    let passed = after.iter().take_while(|call| call.revert.is_none());
    let failed = after.iter().find_map(|call| call.revert.as_ref());
    shown(passed.map(|call| call.gas_used).collect(), failed.map(refusal))
}

const fn shown(gas: Vec<u64>, refusal: Option<Refusal>) -> Simulation {
    Simulation::Done { gas, rollup_fees: Vec::new(), refusal }
}

/// The gas that a call needs, or why it would fail.
async fn estimate(
    chain: &Chain,
    block: u64,
    call: &SimulatedCall,
) -> Result<Result<u64, Revert>, ChainError> {
    match chain.estimate_at(block, call).await {
        Ok(gas) => Ok(Ok(gas)),
        Err(SimulateError::Reverted(revert)) => Ok(Err(revert)),
        Err(SimulateError::Chain(error)) => Err(error),
        // Said of wallets alone, and none is named here.
        Err(SimulateError::NotDeployed { .. }) => Ok(Err(Revert::Silent)),
    }
}

const fn refusal(revert: &Revert) -> Refusal {
    if revert.is_of_policy() { Refusal::Policy } else { Refusal::Reverted }
}

fn simulated(call: &Call) -> SimulatedCall {
    SimulatedCall { from: call.from, to: call.to, data: call.data.clone() }
}

async fn accounts(
    context: &Context,
    at: B256,
    senders: Vec<Address>,
) -> Result<Vec<Event>, ChainError> {
    let mut events = Vec::new();
    for sender in senders {
        let read =
            context.endpoints.read(|chain| async move { chain.account_at(sender, at).await });
        let (account_nonce, balance) = read.await?;
        events.push(Event::AccountSeen { sender, at, account_nonce, balance });
    }
    Ok(events)
}

/// The receipts of transactions: many of them by the blocks up to the head that they are probably in, the others one
/// by one.
async fn receipts(
    context: &Context,
    head: u64,
    mut tx_hashes: Vec<B256>,
) -> Result<Vec<Event>, ChainError> {
    let mut events = Vec::new();
    for number in (0..=head).rev().take(RECEIPT_BLOCKS) {
        if tx_hashes.len() < RECEIPTS_TOGETHER {
            break;
        }
        let wanted = &tx_hashes;
        let read = context
            .endpoints
            .read(|chain| async move { chain.block_receipts(number, wanted).await });
        let Some(found) = read.await? else { break };
        tx_hashes.retain(|tx_hash| match found.get(tx_hash) {
            Some(receipt) => {
                events.push(receipt_seen(*tx_hash, Some(receipt)));
                false
            }
            None => true,
        });
    }
    for tx_hash in tx_hashes {
        let read = context.endpoints.read(|chain| async move { chain.receipt(tx_hash).await });
        events.push(receipt_seen(tx_hash, read.await?.as_ref()));
    }
    Ok(events)
}

fn receipt_seen(tx_hash: B256, receipt: Option<&quorate_chain::Receipt>) -> Event {
    let receipt = receipt.map(|found| Receipt {
        block: BlockId { number: found.block_number, hash: found.block_hash },
        paid: Paid {
            success: found.success,
            gas_used: found.gas_used,
            cost: found.cost(),
            l1_fee: found.l1_fee,
            operator_fee: found.operator_fee,
        },
    });
    Event::ReceiptSeen { tx_hash, receipt }
}

/// The logs of a range, with the hash of its last block before and after they were read.
async fn read_logs(
    context: &Context,
    wallets: &[Address],
    from: u64,
    to: u64,
) -> Result<Event, ChainError> {
    let factory = context.settings.factory;
    let contracts = &logs::emitters(wallets, factory);
    let before = header_at(context, to).await?;
    let found = context
        .endpoints
        .read(|chain| async move { chain.logs_between(from, to, contracts).await });
    let found = found.await?;
    let mut headers = BTreeMap::new();
    for block in found.iter().filter_map(logs::block_of) {
        if let Entry::Vacant(place) = headers.entry(block.number) {
            place.insert(header_at(context, block.number).await?);
        }
    }
    if header_at(context, to).await?.hash != before.hash {
        return Err(moved(to));
    }
    let mut told = Vec::new();
    for log in &found {
        let Some(block) = logs::block_of(log) else { continue };
        let header = &headers[&block.number];
        if header.hash != block.hash {
            return Err(moved(block.number));
        }
        let log = logs::read(log, factory, header.timestamp);
        told.extend(log.filter(|log| wallets.contains(&log.wallet)).map(|log| (block, log)));
    }
    Ok(Event::LogsRead { wallets: wallets.to_vec(), from, to, to_hash: before.hash, logs: told })
}

async fn header_at(context: &Context, number: u64) -> Result<Header, ChainError> {
    let read = context
        .endpoints
        .read(|chain| async move { chain.block_at(number).await?.ok_or_else(|| moved(number)) });
    read.await
}

fn moved(number: u64) -> ChainError {
    ChainError::WrongAnswer {
        endpoint: "the chain".to_owned(),
        method: "eth_getBlockByNumber",
        reason: format!("block {number} changed meanwhile, or is not there yet"),
    }
}

/// The wallet as it is now. Should its block be undone, the engine asks again.
async fn read_wallet(
    context: &Context,
    wallet: Address,
    creation: Option<(Config, B256)>,
) -> Result<WalletRow, ChainError> {
    let origin = &creation;
    let read = context.endpoints.read(|chain| async move {
        let origin = origin.as_ref().map(|(config, salt)| (config, *salt));
        chain.wallet(wallet, origin).await
    });
    let state = read.await?;
    let known = matches!(state.provenance, Provenance::Factory | Provenance::NotDeployed);
    let config =
        state.config.filter(|_| known).ok_or(ChainError::NotAWallet { address: wallet })?;
    let snapshot = Snapshot {
        block: state.block,
        is_deployed: state.deployed,
        epoch: state.epoch,
        config,
        lanes: BTreeMap::new(),
        approvals: Default::default(),
    };
    Ok(WalletRow { address: wallet, creation, snapshot })
}
