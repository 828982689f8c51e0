//! What is stored, as it is answered. What belongs to a list is read at once for all of it.

use super::{
    Shared,
    desk::{Cost, Desk, Standing},
    error::RouteError,
};
use alloy::primitives::B256;
use futures_util::{StreamExt as _, stream};
use quorate_api::{
    Instant, Proposal, Wallet,
    proposal::{Attempt, AttemptKind, AttemptState, Execution, Failure, Signature},
    wallet::{Head, LaneState},
};
use quorate_core::{Config, Lane, Status};
use quorate_store::{
    AttemptRecord, AttemptState as Stored, OpenNonce, ProposalRecord, Purpose, SignatureRecord,
    Storage as _, WalletKey, WalletRecord,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many wallets, or receipts, of one list are asked about at once.
const AT_ONCE: usize = 8;

/// Proposals, in the order given.
///
/// # Errors
///
/// If the store does not answer. A chain that does not answer leaves gaps that may be there.
pub(crate) async fn proposals(
    shared: &Shared,
    records: Vec<ProposalRecord>,
) -> Result<Vec<Proposal>, RouteError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let store = shared.store()?;
    let digests: Vec<_> = records.iter().map(|record| record.digest).collect();
    let keys: BTreeSet<_> = records.iter().map(ProposalRecord::wallet).collect();
    let (wallets, rivals, attempts) = tokio::try_join!(
        store.find_wallets(keys.into_iter().collect()),
        store.rivals_of(digests.clone()),
        store.attempts_for(digests),
    )?;
    let wallets: BTreeMap<_, _> = wallets.into_iter().map(|wallet| (wallet.key, wallet)).collect();
    let (mut rivals, mut attempts) = (grouped(rivals), grouped(attempts));
    let rendered = records.into_iter().map(|record| {
        let wallet = wallets.get(&record.wallet());
        let rivals = rivals.remove(&record.digest).unwrap_or_default();
        let attempts = attempts.remove(&record.digest).unwrap_or_default();
        async move {
            let wallet =
                wallet.ok_or_else(|| RouteError::UnknownWallet { wallet: record.wallet() });
            let config = shared.latest_config(wallet?);
            let execution = execution(shared, &record, &attempts).await;
            Ok(proposal(record, &config, rivals, &attempts, execution))
        }
    });
    stream::iter(rendered).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

/// One proposal.
///
/// # Errors
///
/// As [`proposals`].
pub(crate) async fn one_proposal(
    shared: &Shared,
    record: ProposalRecord,
) -> Result<Proposal, RouteError> {
    let digest = record.digest;
    let rendered = proposals(shared, vec![record]).await?;
    rendered.into_iter().next().ok_or(RouteError::UnknownProposal { digest })
}

fn grouped<T>(pairs: Vec<(B256, T)>) -> BTreeMap<B256, Vec<T>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

fn proposal(
    record: ProposalRecord,
    config: &Config,
    rivals: Vec<B256>,
    attempts: &[AttemptRecord],
    execution: Option<Execution>,
) -> Proposal {
    let signatures: Vec<_> =
        record.signatures.into_iter().map(|signed| signature(signed, config)).collect();
    let counts = |owner| signatures.iter().any(|signed| signed.counts && signed.owner == owner);
    let missing = config.owners().iter().copied().filter(|owner| !counts(*owner)).collect();
    let request = record.request;
    let superseded_by = match record.status {
        Status::Superseded { by } => by,
        _ => None,
    };
    Proposal {
        digest: record.digest,
        chain_id: request.chain_id,
        wallet: request.wallet,
        epoch: request.epoch,
        action: request.action,
        nonce: request.nonce,
        lane: request.nonce.lane,
        sequence: request.nonce.sequence,
        deadline: request.deadline,
        note: record.note,
        status: record.status.word(),
        reason: record.status.reason(),
        is_final: record.is_final,
        revision: record.revision,
        threshold: config.threshold(),
        signatures,
        missing,
        execution,
        last_failure: record.failures.last().map(|failure| Failure {
            tx_hash: failure.tx_hash,
            block_number: failure.block.number,
            reason: failure.reason,
        }),
        superseded_by,
        rivals,
        attempts: attempts.iter().map(attempt).collect(),
        created_at: Instant::from_millis(record.created_at),
        updated_at: Instant::from_millis(record.updated_at),
    }
}

fn signature(record: SignatureRecord, config: &Config) -> Signature {
    Signature {
        owner: record.owner,
        kind: record.signature.kind(),
        signature: record.signature.to_bytes(),
        counts: record.verified && config.index_of(record.owner).is_some(),
        received_at: Instant::from_millis(record.received_at),
    }
}

fn attempt(record: &AttemptRecord) -> Attempt {
    Attempt {
        tx_hash: record.tx_hash,
        kind: match record.purpose {
            Purpose::Execute { .. } => AttemptKind::Execute,
            Purpose::Create => AttemptKind::Create,
            Purpose::Noop => AttemptKind::Noop,
        },
        sender: record.account_nonce.sender,
        account_nonce: record.account_nonce.nonce,
        max_fee_per_gas: record.max_fee_per_gas,
        state: match record.state {
            Stored::Stored => AttemptState::Stored,
            Stored::Unknown => AttemptState::Unknown,
            Stored::Accepted => AttemptState::Accepted,
            Stored::Rejected => AttemptState::Rejected,
            Stored::Mined(_) => AttemptState::Mined,
            Stored::Reverted(_) => AttemptState::Reverted,
            Stored::Replaced => AttemptState::Replaced,
        },
    }
}

/// The transaction that executed a proposal: what it cost by our own attempt, if it was one, else by its receipt.
async fn execution(
    shared: &Shared,
    record: &ProposalRecord,
    attempts: &[AttemptRecord],
) -> Option<Execution> {
    let Status::Executed { tx_hash, block } = record.status else { return None };
    let desk = shared.desk(record.request.chain_id);
    let ours = attempts.iter().find(|attempt| attempt.tx_hash == tx_hash);
    let included = ours.and_then(|attempt| attempt.state.inclusion());
    let included = included.filter(|inclusion| inclusion.block == block);
    let cost = match (included, desk) {
        (Some(inclusion), _) => Some(Cost::from(inclusion)),
        (None, Some(desk)) => desk.cost(tx_hash, block.hash).await.ok().flatten(),
        (None, None) => None,
    };
    let depth = match desk {
        Some(desk) => depth(desk, block.number, record.is_final).await,
        None => None,
    };
    Some(Execution {
        tx_hash,
        block_number: block.number,
        block_hash: block.hash,
        depth,
        gas_used: cost.map(|cost| cost.gas_used),
        fee: cost.map(|cost| cost.fee),
        gas_fee: cost.map(|cost| cost.gas_fee),
        l1_fee: cost.and_then(|cost| cost.l1_fee),
        operator_fee: cost.and_then(|cost| cost.operator_fee),
    })
}

/// How deep a block is. An engine that knows a newer head than was asked for tells so by what it says of the block.
async fn depth(desk: &Desk, block: u64, is_final: bool) -> Option<u64> {
    let below = |head: Head| (head.number + 1).checked_sub(block).filter(|depth| *depth > 0);
    let least = if is_final { desk.final_depth + 1 } else { 1 };
    match desk.head().await.ok().and_then(below) {
        Some(depth) if depth >= least => Some(depth),
        _ => desk.head_now().await.ok().and_then(below),
    }
}

/// Wallets, in the order given.
///
/// # Errors
///
/// If the store does not answer. Of a chain that does not, what the store knows is told.
pub(crate) async fn wallets(
    shared: &Shared,
    records: Vec<WalletRecord>,
) -> Result<Vec<Wallet>, RouteError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = records.iter().map(|record| record.key).collect();
    let mut open = BTreeMap::<WalletKey, Vec<OpenNonce>>::new();
    for nonce in shared.store()?.open_nonces(keys).await? {
        open.entry(nonce.wallet).or_default().push(nonce);
    }
    let rendered = records.into_iter().map(|record| {
        let open = open.remove(&record.key).unwrap_or_default();
        async move {
            let standing = match shared.desk(record.key.chain_id) {
                Some(desk) => standing(desk, &record, &open).await,
                None => Standing::stored(&record),
            };
            let final_depth = shared.desk(record.key.chain_id).map(|desk| desk.final_depth);
            Wallet { final_depth, ..wallet(record, &standing, &open) }
        }
    });
    Ok(stream::iter(rendered).buffered(AT_ONCE).collect().await)
}

/// One wallet.
///
/// # Errors
///
/// As [`wallets`].
pub(crate) async fn one_wallet(
    shared: &Shared,
    record: WalletRecord,
) -> Result<Wallet, RouteError> {
    let wallet = record.key;
    let rendered = wallets(shared, vec![record]).await?;
    rendered.into_iter().next().ok_or(RouteError::UnknownWallet { wallet })
}

/// What a wallet is at the head; where the chain does not answer, what the store knows.
async fn standing(desk: &Desk, record: &WalletRecord, open: &[OpenNonce]) -> Standing {
    let lanes = open.iter().map(|open| open.nonce.lane).chain([Lane::ZERO]).collect();
    match desk.standing(record, &lanes).await {
        Ok(standing) => standing,
        Err(error) => {
            tracing::debug!(%error, wallet = %record.key.address, "not read");
            Standing::stored(record)
        }
    }
}

fn wallet(record: WalletRecord, standing: &Standing, open: &[OpenNonce]) -> Wallet {
    // Of each lane the sequence behind all open proposals. Those of an epoch that ended go nowhere.
    let mut free = BTreeMap::from([(Lane::ZERO, 0)]);
    for OpenNonce { nonce, .. } in open.iter().filter(|open| open.epoch == standing.epoch) {
        let free: &mut u64 = free.entry(nonce.lane).or_default();
        *free = (*free).max(nonce.sequence.saturating_add(1));
    }
    let lanes = free.into_iter().map(|(lane, free)| {
        // A lane that is not known is told by the proposals alone.
        let next = standing.next(lane).unwrap_or_default();
        LaneState { lane, next, next_free: free.max(next) }
    });
    let (origin_config, salt) = record.origin.map(|origin| (origin.config, origin.salt)).unzip();
    Wallet {
        chain_id: record.key.chain_id,
        address: record.key.address,
        config: standing.config.clone(),
        epoch: standing.epoch,
        salt,
        origin_config,
        deployed: standing.deployed,
        genuine: true,
        lanes: lanes.collect(),
        head: standing.head,
        final_depth: None,
        registered_at: Instant::from_millis(record.registered_at),
    }
}
