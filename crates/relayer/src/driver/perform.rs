//! What the engine asks of the chain and of the keys: done beside it, answered by events.

use super::{
    Context,
    failpoint::{self, Point},
    gas, logs, receipts,
    running::Question,
};
use crate::{
    Effect, Event, State,
    attempt::Draft,
    effect::Call,
    event::{BlockId, Refusal, Simulation, Standing},
    rows::WalletRow,
    wallet::Execution,
};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::Log,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use quorate_chain::{
    Chain, ChainError, Header, PolicyRefusal, Provenance, Revert, SimulateError, SimulatedCall,
    StandingQuestion, lack::SIMULATE,
};
use quorate_core::{Config, OwnerSignature, Request, Snapshot};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

/// How many accounts are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// How long to wait before a question that failed is asked again, where the engine does not ask again.
const AGAIN: Duration = Duration::from_secs(2);

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
    let question = question(&effect);
    let asking = question.clone().and_then(|question| context.running.begin(question));
    if question.is_some() && asking.is_none() {
        // That is being asked.
        return;
    }
    let spawner = context.clone();
    let context = context.clone();
    spawner.spawn(async move {
        let _asking = asking;
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

/// What is asked by an effect that is to be asked once at a time.
fn question(effect: &Effect) -> Option<Question> {
    Some(match effect {
        Effect::AskLogs { wallets, from, to } => Question::Logs(wallets.clone(), *from, *to),
        Effect::AskLane { wallet, lane, .. } => Question::Lane(*wallet, *lane),
        Effect::AskStanding { wallet, .. } => Question::Standing(*wallet),
        Effect::AskExecution { wallet, nonce } => Question::Execution(*wallet, *nonce),
        Effect::AskWallet { wallet } => Question::Wallet(*wallet),
        _ => return None,
    })
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
        Effect::AskContracts { request, at, signatures } => {
            ask_contracts(context, &request, at, signatures).await?
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
        Effect::AskAccounts { at, senders } => {
            context.accounts.send_replace(Some((at, senders)));
            return Ok(Vec::new());
        }
        Effect::AskReceipts { head, tx_hashes } => {
            receipts::read(context, head, tx_hashes).await;
            return Ok(Vec::new());
        }
        Effect::AskBlocks { from } => {
            context.again_from.send_replace(Some(from));
            return Ok(Vec::new());
        }
        Effect::AskLogs { wallets, from, to } => {
            match read_logs(context, &wallets, from, to).await {
                Ok(event) => event,
                // Nobody answers for now: it is asked again as it is.
                Err(error) if error.is_passing() && !error.is_late() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, from, to, "logs");
                    Event::LogsRefused { wallets, from, to }
                }
            }
        }
        Effect::AskLane { wallet, lane, block } => {
            let read = |chain: Chain| async move { chain.sequence_at(wallet, lane, block).await };
            let next = context.endpoints.insist(read).await?;
            Event::LaneSeen { wallet, lane, next, block }
        }
        Effect::AskStanding { wallet, at, lanes, approvals } => {
            let question = &StandingQuestion { lanes, approvals };
            let read = |chain: Chain| async move {
                chain.standing_at(wallet, question, at.number, at.hash).await
            };
            let found = context.endpoints.insist(read).await?;
            let quorate_chain::Standing { epoch, is_absent, lanes, approvals } = found;
            let standing = Standing { epoch, is_absent, lanes, approvals };
            Event::StandingSeen { wallet, at, standing }
        }
        Effect::AskExecution { wallet, nonce } => {
            let read = |chain: Chain| async move { chain.executed_nonce(wallet, nonce).await };
            let Some(found) = context.endpoints.find(read).await? else { return Ok(Vec::new()) };
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
        | Effect::SignatureLapsed { .. }
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

/// Asks contracts again. What cannot be asked goes on counting.
async fn ask_contracts(
    context: &Context,
    request: &Request,
    at: BlockId,
    signatures: Vec<(Address, OwnerSignature)>,
) -> Result<Event, ChainError> {
    let mut lapsed = Vec::new();
    for (owner, signature) in signatures {
        let kept = &signature;
        let ask =
            |chain: Chain| async move { chain.judge_at(request, owner, kept, at.number).await };
        if let Err(refusal) = context.endpoints.insist(ask).await? {
            tracing::info!(digest = %request.digest(), %owner, %refusal, "signature lapsed");
            lapsed.push((owner, signature, refusal.name()));
        }
    }
    Ok(Event::ContractsAsked { digest: request.digest(), lapsed })
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
    let done = |chain: Chain| async move {
        let done = chain.simulate_calls(number, calls).await?;
        // Another one may.
        done.ok_or_else(|| unable(&chain))
    };
    let Ok(done) = context.endpoints.read(done).await else { return Simulation::Unavailable };
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

fn unable(chain: &Chain) -> ChainError {
    ChainError::WrongAnswer {
        endpoint: chain.endpoint().to_owned(),
        method: SIMULATE,
        reason: "it does not simulate".to_owned(),
    }
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

fn refusal(revert: &Revert) -> Refusal {
    match revert.policy_refusal() {
        None => Refusal::Reverted,
        Some(PolicyRefusal::Signatures) => Refusal::Policy,
        Some(PolicyRefusal::NotBefore(time)) => Refusal::NotBefore(time),
        Some(PolicyRefusal::Rules) => Refusal::Rules,
    }
}

fn simulated(call: &Call) -> SimulatedCall {
    SimulatedCall { from: call.from, to: call.to, data: call.data.clone() }
}

async fn account(
    context: &Context,
    sender: Address,
    at: BlockId,
) -> (Address, Result<(u64, U256), ChainError>) {
    let read = |chain: Chain| async move { chain.account_at(sender, at.number, at.hash).await };
    (sender, context.endpoints.insist(read).await)
}

/// Reads the senders' accounts whenever that is asked, at the newest block for which it was, until the engine ends.
pub(super) async fn read_accounts(context: Arc<Context>) {
    let mut wanted = context.accounts.subscribe();
    loop {
        if wanted.changed().await.is_err() {
            return;
        }
        let Some((at, senders)) = wanted.borrow_and_update().clone() else { continue };
        let read = senders.into_iter().map(|sender| account(&context, sender, at).boxed());
        let read: Vec<_> = read.collect();
        let mut read = stream::iter(read).buffer_unordered(SIDE_BY_SIDE);
        while let Some((sender, found)) = read.next().await {
            let event = match found {
                Ok((account_nonce, balance)) => {
                    Event::AccountSeen { sender, at: at.hash, account_nonce, balance }
                }
                Err(error) => {
                    tracing::debug!(%error, "account");
                    // Unless a newer block is wanted already, the same again a little later.
                    let accounts = context.accounts.clone();
                    let again = Some((at, vec![sender]));
                    tokio::time::sleep(AGAIN / 10).await;
                    accounts.send_if_modified(|wanted| {
                        let is_newest = wanted.as_ref().is_some_and(|(newest, _)| *newest == at);
                        if is_newest {
                            *wanted = again;
                        }
                        is_newest
                    });
                    continue;
                }
            };
            if context.events.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// The logs of a range, with the hash of its last block before and after they were read: what two answers have, since one
/// may have left some out.
async fn read_logs(
    context: &Context,
    wallets: &[Address],
    from: u64,
    to: u64,
) -> Result<Event, ChainError> {
    let factory = context.settings.factory;
    let contracts: &Vec<Address> = &wallets.iter().copied().chain([factory]).collect();
    let before = header_at(context, to).await?;
    let ask = |chain: Chain| async move { chain.logs_between(from, to, contracts).await };
    let mut found = context.endpoints.insist(ask).await?;
    if let Ok(more) = context.endpoints.read_elsewhere(ask).await {
        let place = |log: &Log| (log.block_hash, log.transaction_hash, log.log_index);
        let known: Vec<_> = found.iter().map(place).collect();
        found.extend(more.into_iter().filter(|log| !known.contains(&place(log))));
        found.sort_by_key(|log| (log.block_number, log.log_index));
    }
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
        .insist(|chain| async move { chain.block_at(number).await?.ok_or_else(|| moved(number)) });
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
    let read = |chain: Chain| async move {
        let origin = origin.as_ref().map(|(config, salt)| (config, *salt));
        let state = chain.wallet(wallet, origin).await?;
        // Where it comes from was looked at when it was registered.
        let config = state.config.filter(|_| state.provenance != Provenance::Foreign);
        let config = config.ok_or(ChainError::NotAWallet { address: wallet })?;
        Ok((state.block, state.deployed, state.epoch, config))
    };
    let (block, is_deployed, epoch, config) = loop {
        match context.endpoints.insist(read).await {
            Ok(found) => break found,
            Err(error) if context.events.is_closed() => return Err(error),
            // The engine asks once.
            Err(error) => {
                tracing::debug!(%error, %wallet, "wallet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    let snapshot = Snapshot {
        block,
        is_deployed,
        epoch,
        config,
        lanes: BTreeMap::new(),
        approvals: Default::default(),
    };
    Ok(WalletRow { address: wallet, creation, snapshot })
}
