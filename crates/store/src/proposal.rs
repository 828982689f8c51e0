//! Proposals: what owners were asked to sign, and where each stands.

pub(crate) mod change;
pub(crate) mod read;

use crate::{
    audit::Kind,
    error::StoreError,
    outbox::EventKind,
    row::{Fields, blob, foreign_text, int},
    signature::{self, Accepted, NewSignature, SignatureRecord},
    transaction::Transaction,
    wallet::{self, Recorded, WalletKey, named},
    writer::Intention,
};
use alloy::primitives::{Address, B256, U256};
use quorate_core::{
    Nonce, Request, Status,
    status::{Failure, StatusWord},
};
use serde_json::json;
use sqlx::AnyConnection;

/// A proposal with its first signature, by the one who proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProposal {
    /// What is asked for. Its digest is the proposal's identity.
    pub request: Request,
    /// What the proposer wrote. Nobody signed it.
    pub note: Option<String>,
    /// The proposer's signature.
    pub signature: NewSignature,
    /// How many proposals of this wallet that its proposer made may be open; `None` is no limit.
    pub limit_open: Option<u64>,
}

/// What became of a proposal and the signature that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedProposal {
    /// Its digest.
    pub digest: B256,
    /// Whether it was stored now.
    pub recorded: Recorded,
    /// What became of the signature.
    pub signature: Accepted,
}

/// A proposal as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRecord {
    /// What is asked for.
    pub request: Request,
    /// Its digest, recomputed from the request when it was read.
    pub digest: B256,
    /// Its place in lists: the later recorded, the higher.
    pub position: u64,
    /// What the proposer wrote. Nobody signed it.
    pub note: Option<String>,
    /// Who proposed it.
    pub proposer: Address,
    /// Where it stands.
    pub status: Status,
    /// Whether the block that decided it is as deep as is waited for.
    pub is_final: bool,
    /// How often its status was changed. Signatures do not count.
    pub revision: u64,
    /// Its place among those that became ready, once it did.
    pub ready_order: Option<u64>,
    /// The mined transactions that did not execute it, the last one last.
    pub failures: Vec<Failure>,
    /// When it was recorded, in Unix milliseconds.
    pub created_at: i64,
    /// When its status or signatures last changed, in Unix milliseconds.
    pub updated_at: i64,
    /// The signatures, by owner address.
    pub signatures: Vec<SignatureRecord>,
}

impl ProposalRecord {
    /// Its wallet.
    pub const fn wallet(&self) -> WalletKey {
        WalletKey { chain_id: self.request.chain_id, address: self.request.wallet }
    }
}

/// Which proposals to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposalFilter {
    /// Those of this chain.
    pub chain_id: Option<u64>,
    /// Those of the wallets at this address.
    pub wallet: Option<Address>,
    /// Those in this status.
    pub status: Option<StatusWord>,
    /// Those of the present epoch that are collecting signatures, or are in the open status asked for, and lack the
    /// signature of this account, which owns their wallet now. None is in a closed status.
    pub awaiting: Option<Address>,
    /// Those at this nonce: the rivals for it.
    pub nonce: Option<Nonce>,
    /// Those whose status is final, or is not.
    pub is_final: Option<bool>,
    /// Those of the wallets among these.
    pub among: Option<Vec<WalletKey>>,
}

pub(crate) struct RecordProposal {
    pub(crate) proposal: NewProposal,
    pub(crate) at: i64,
}

impl Intention for RecordProposal {
    type Output = RecordedProposal;

    async fn apply(&self, tx: &mut Transaction) -> Result<RecordedProposal, StoreError> {
        let NewProposal { request, signature, .. } = &self.proposal;
        let key = WalletKey { chain_id: request.chain_id, address: request.wallet };
        let digest = request.digest();
        let recorded = if is_known(tx.connection(), digest).await? {
            Recorded::Known
        } else {
            self.insert(tx, key, digest).await?;
            Recorded::New
        };
        let signature = signature::accept(tx, key, digest, signature, self.at).await?;
        Ok(RecordedProposal { digest, recorded, signature })
    }
}

impl RecordProposal {
    async fn insert(
        &self,
        tx: &mut Transaction,
        key: WalletKey,
        digest: B256,
    ) -> Result<(), StoreError> {
        let NewProposal { request, note, signature, .. } = &self.proposal;
        if wallet::find(tx.connection(), key).await?.is_none() {
            return Err(StoreError::UnknownWallet { wallet: key });
        }
        self.check_limit(tx.connection(), key).await?;
        let query = sqlx::query(
            "INSERT INTO proposals (digest, position, chain_id, wallet, epoch, action, nonce, \
             deadline, note, proposer, status, final, revision, failures, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, '[]', $12, $12)",
        );
        query
            .bind(blob(digest))
            .bind(int("sequence", tx.next_event())?)
            .bind(int("chainId", key.chain_id)?)
            .bind(blob(key.address))
            .bind(i64::from(request.epoch))
            .bind(json!(request.action).to_string())
            .bind(nonce_blob(request.nonce))
            .bind(int("deadline", request.deadline)?)
            .bind(note.as_deref().map(foreign_text))
            .bind(blob(signature.owner))
            .bind(StatusWord::Collecting.name())
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        let what = json!({
            "digest": digest,
            "proposer": signature.owner.to_checksum(None),
            "epoch": request.epoch,
            "action": request.action,
            "nonce": request.nonce,
            "deadline": request.deadline,
        });
        let event = json!({ "digest": digest, "nonce": request.nonce });
        tx.emit(self.at, EventKind::Proposed, key, Some(digest), event).await?;
        tx.audit(self.at, Kind::Proposed, named(key, what)).await
    }

    async fn check_limit(
        &self,
        connection: &mut AnyConnection,
        key: WalletKey,
    ) -> Result<(), StoreError> {
        let Some(limit) = self.proposal.limit_open else { return Ok(()) };
        let owner = self.proposal.signature.owner;
        let query = sqlx::query(
            "SELECT COUNT(*) AS open FROM proposals WHERE chain_id = $1 AND wallet = $2 \
             AND status IN ('collecting', 'ready', 'submitted') AND proposer = $3",
        );
        let row = query
            .bind(int("chainId", key.chain_id)?)
            .bind(blob(key.address))
            .bind(blob(owner))
            .fetch_one(connection)
            .await?;
        let open = Fields::new(&row, "proposals", &[]).number("open")?;
        if open >= limit {
            return Err(StoreError::TooManyOpen { owner, open, limit });
        }
        Ok(())
    }
}

/// The wallet of a proposal that is there.
pub(crate) async fn wallet_of(
    connection: &mut AnyConnection,
    digest: B256,
) -> Result<WalletKey, StoreError> {
    let query = sqlx::query("SELECT digest, chain_id, wallet FROM proposals WHERE digest = $1");
    let row = query.bind(blob(digest)).fetch_optional(connection).await?;
    let row = row.ok_or(StoreError::UnknownProposal { digest })?;
    let fields = Fields::new(&row, "proposals", &["digest"]);
    Ok(WalletKey { chain_id: fields.number("chain_id")?, address: fields.address("wallet")? })
}

/// Notes that something about a proposal changed.
pub(crate) async fn touch(tx: &mut Transaction, digest: B256, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE proposals SET updated_at = $1 WHERE digest = $2")
        .bind(at)
        .bind(blob(digest))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A nonce as 32 bytes that sort by lane and sequence.
fn nonce_blob(nonce: Nonce) -> Vec<u8> {
    nonce.to_u256().to_be_bytes::<32>().to_vec()
}

pub(crate) fn nonce_of(bytes: B256) -> Nonce {
    Nonce::from_u256(U256::from_be_bytes(bytes.0))
}

async fn is_known(connection: &mut AnyConnection, digest: B256) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT position FROM proposals WHERE digest = $1");
    Ok(query.bind(blob(digest)).fetch_optional(connection).await?.is_some())
}
