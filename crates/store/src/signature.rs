//! Signatures of proposals, one of each owner address.

use crate::{
    audit::Kind,
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    proposal::{self, ProposalRecord},
    query::Query,
    row::{Fields, blob},
    transaction::Transaction,
    wallet::{Recorded, WalletKey, named},
    writer::Intention,
};
use alloy::primitives::{Address, B256, hex};
use quorate_core::{OwnerSignature, signature::EcdsaSignature};
use serde_json::json;
use sqlx::{AnyConnection, any::AnyRow};
use std::collections::HashMap;

/// Of how many proposals signatures are read with one query.
const AT_ONCE: usize = 500;

/// A signature that somebody handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSignature {
    /// Who signed.
    pub owner: Address,
    /// How.
    pub signature: OwnerSignature,
    /// Whether it was found valid: by its key, or by asking the chain.
    pub verified: bool,
    /// The signature of this owner that was found to verify no longer, if the caller knows one: this
    /// takes its place, if it still stands there.
    pub replaces: Option<OwnerSignature>,
}

/// A signature that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRecord {
    /// Who signed.
    pub owner: Address,
    /// How.
    pub signature: OwnerSignature,
    /// Whether it was found valid when it came in. Whether it counts now, only the chain can tell.
    pub verified: bool,
    /// When it came in, in Unix milliseconds.
    pub received_at: i64,
}

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The owner's first.
    New,
    /// The same was there before; nothing changed.
    Known,
    /// It took the place of the one that no longer verifies, or holds again.
    Replaced,
    /// The owner has another, which stays; nothing changed.
    Kept,
}

/// A contract's signature that holds no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// The proposal.
    pub digest: B256,
    /// Whose it is.
    pub owner: Address,
    /// The signature: another one of the owner stays.
    pub signature: OwnerSignature,
    /// Why, in one word.
    pub reason: &'static str,
}

pub(crate) struct LapseSignature {
    pub(crate) lease: Lease,
    pub(crate) lapse: Lapse,
    pub(crate) at: i64,
}

impl Intention for LapseSignature {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        lease::check(tx, &self.lease).await?;
        let Lapse { digest, owner, signature, reason } = &self.lapse;
        let (digest, owner) = (*digest, *owner);
        let wallet = proposal::wallet_of(tx.connection(), digest).await?;
        let present = find(tx.connection(), digest, owner).await?;
        if !present.is_some_and(|present| present.verified && present.signature == *signature) {
            return Ok(Recorded::Known);
        }
        sqlx::query("UPDATE signatures SET verified = 0 WHERE digest = $1 AND owner = $2")
            .bind(blob(digest))
            .bind(blob(owner))
            .execute(tx.connection())
            .await?;
        proposal::touch(tx, digest, self.at).await?;
        let what = json!({
            "digest": digest,
            "owner": owner.to_checksum(None),
            "kind": signature.kind().name(),
            "reason": reason,
        });
        tx.emit(self.at, EventKind::SignatureLapsed, wallet, Some(digest), what.clone()).await?;
        tx.audit(self.at, Kind::SignatureLapsed, named(wallet, what)).await?;
        Ok(Recorded::New)
    }
}

pub(crate) struct AcceptSignature {
    pub(crate) digest: B256,
    pub(crate) signature: NewSignature,
    pub(crate) at: i64,
}

impl Intention for AcceptSignature {
    type Output = Accepted;

    async fn apply(&self, tx: &mut Transaction) -> Result<Accepted, StoreError> {
        let wallet = proposal::wallet_of(tx.connection(), self.digest).await?;
        accept(tx, wallet, self.digest, &self.signature, self.at).await
    }
}

/// Stores a signature of a proposal of `wallet`, as far as it is news.
pub(crate) async fn accept(
    tx: &mut Transaction,
    wallet: WalletKey,
    digest: B256,
    new: &NewSignature,
    at: i64,
) -> Result<Accepted, StoreError> {
    let present = find(tx.connection(), digest, new.owner).await?;
    let accepted = match &present {
        None => Accepted::New,
        // What holds no more makes room for whatever does, itself included.
        Some(present) if new.verified && !present.verified => Accepted::Replaced,
        Some(present) if present.signature == new.signature => return Ok(Accepted::Known),
        Some(present) if new.replaces.as_ref() == Some(&present.signature) => Accepted::Replaced,
        Some(_) => return Ok(Accepted::Kept),
    };
    let query = sqlx::query(
        "INSERT INTO signatures (digest, owner, kind, signature, verified, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest, owner) DO UPDATE \
         SET kind = $3, signature = $4, verified = $5, received_at = $6",
    );
    let bytes = new.signature.to_bytes();
    query
        .bind(blob(digest))
        .bind(blob(new.owner))
        .bind(new.signature.kind().name())
        .bind(blob(&bytes))
        .bind(i64::from(new.verified))
        .bind(at)
        .execute(tx.connection())
        .await?;
    proposal::touch(tx, digest, at).await?;
    let what = json!({
        "digest": digest,
        "owner": new.owner.to_checksum(None),
        "kind": new.signature.kind().name(),
        "replaced": present.is_some(),
    });
    tx.emit(at, EventKind::Signed, wallet, Some(digest), what.clone()).await?;
    let mut what = named(wallet, what);
    what["signature"] = json!(hex::encode_prefixed(&bytes));
    what["verified"] = json!(new.verified);
    tx.audit(at, Kind::Signed, what).await?;
    Ok(accepted)
}

async fn find(
    connection: &mut AnyConnection,
    digest: B256,
    owner: Address,
) -> Result<Option<SignatureRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM signatures WHERE digest = $1 AND owner = $2")
        .bind(blob(digest))
        .bind(blob(owner));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Reads the signatures of proposals into them, by owner address.
pub(crate) async fn read_into(
    connection: &mut AnyConnection,
    proposals: &mut [ProposalRecord],
) -> Result<(), StoreError> {
    for part in proposals.chunks_mut(AT_ONCE) {
        let mut query = Query::new("SELECT * FROM signatures WHERE digest IN (NULL");
        for proposal in &*part {
            query.bind(", ?", blob(proposal.digest));
        }
        query.push(") ORDER BY digest, owner");
        let mut signatures = HashMap::<B256, Vec<SignatureRecord>>::new();
        for row in query.fetch_all(connection).await? {
            let digest = Fields::new(&row, "signatures", &["digest", "owner"]).b256("digest")?;
            signatures.entry(digest).or_default().push(read(&row)?);
        }
        for proposal in part {
            proposal.signatures = signatures.remove(&proposal.digest).unwrap_or_default();
        }
    }
    Ok(())
}

pub(crate) fn read(row: &AnyRow) -> Result<SignatureRecord, StoreError> {
    let fields = Fields::new(row, "signatures", &["digest", "owner"]);
    let bytes = fields.blob("signature")?;
    let signature = match fields.text("kind")?.as_str() {
        "ecdsa" => EcdsaSignature::from_bytes(&bytes).map(OwnerSignature::Ecdsa),
        "contract" => OwnerSignature::by_contract(bytes.into()),
        "approved" if bytes.is_empty() => Ok(OwnerSignature::Approved),
        _ => return Err(fields.corrupt("kind is no known word, or has no such bytes")),
    };
    Ok(SignatureRecord {
        owner: fields.address("owner")?,
        signature: signature.map_err(|error| fields.corrupt(error.to_string()))?,
        verified: fields.flag("verified")?,
        received_at: fields.int("received_at")?,
    })
}
