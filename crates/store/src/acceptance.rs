//! Who accepted an escrow's terms: of each party the newest.

use crate::{
    audit::Kind,
    error::StoreError,
    row::{Fields, blob, int},
    signature::Accepted,
    transaction::Transaction,
    wallet::{self, WalletKey, named},
    writer::Intention,
};
use alloy::primitives::{Address, B256, Bytes, hex};
use serde_json::json;
use sqlx::{AnyConnection, any::AnyRow};

/// An acceptance that somebody handed in, found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAcceptance {
    /// The escrow.
    pub wallet: WalletKey,
    /// The owner index of who accepts.
    pub role: u8,
    /// Who accepts.
    pub owner: Address,
    /// What is accepted.
    pub terms_hash: B256,
    /// Until when it is good to be funded on, in Unix seconds.
    pub deadline: u64,
    /// As it was handed in.
    pub signature: Bytes,
}

/// An acceptance that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceRecord {
    /// What was handed in.
    pub acceptance: NewAcceptance,
    /// When it came in, in Unix milliseconds.
    pub received_at: i64,
}

pub(crate) struct AcceptTerms {
    pub(crate) acceptance: NewAcceptance,
    pub(crate) at: i64,
}

impl Intention for AcceptTerms {
    type Output = Accepted;

    async fn apply(&self, tx: &mut Transaction) -> Result<Accepted, StoreError> {
        let new = &self.acceptance;
        if wallet::find(tx.connection(), new.wallet).await?.is_none() {
            return Err(StoreError::UnknownWallet { wallet: new.wallet });
        }
        let all = of_wallet(tx.connection(), new.wallet).await?;
        let present = all.into_iter().find(|one| one.acceptance.role == new.role);
        let accepted = match &present {
            None => Accepted::New,
            Some(present) if present.acceptance == *new => return Ok(Accepted::Known),
            Some(present) if new.deadline > present.acceptance.deadline => Accepted::Replaced,
            Some(_) => return Ok(Accepted::Kept),
        };
        let query = sqlx::query(
            "INSERT INTO acceptances \
             (chain_id, wallet, role, owner, terms_hash, deadline, signature, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (chain_id, wallet, role) DO UPDATE \
             SET owner = $4, terms_hash = $5, deadline = $6, signature = $7, received_at = $8",
        );
        query
            .bind(int("chainId", new.wallet.chain_id)?)
            .bind(blob(new.wallet.address))
            .bind(i64::from(new.role))
            .bind(blob(new.owner))
            .bind(blob(new.terms_hash))
            .bind(int("deadline", new.deadline)?)
            .bind(blob(&new.signature))
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        let what = json!({
            "role": new.role,
            "owner": new.owner.to_checksum(None),
            "termsHash": new.terms_hash,
            "deadline": new.deadline,
            "signature": hex::encode_prefixed(&new.signature),
            "replaced": present.is_some(),
        });
        tx.audit(self.at, Kind::TermsAccepted, named(new.wallet, what)).await?;
        Ok(accepted)
    }
}

/// The acceptances of an escrow, by role.
pub(crate) async fn of_wallet(
    connection: &mut AnyConnection,
    wallet: WalletKey,
) -> Result<Vec<AcceptanceRecord>, StoreError> {
    let query =
        sqlx::query("SELECT * FROM acceptances WHERE chain_id = $1 AND wallet = $2 ORDER BY role");
    let query = query.bind(int("chainId", wallet.chain_id)?).bind(blob(wallet.address));
    query.fetch_all(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<AcceptanceRecord, StoreError> {
    let fields = Fields::new(row, "acceptances", &["chain_id", "wallet", "role"]);
    let wallet =
        WalletKey { chain_id: fields.number("chain_id")?, address: fields.address("wallet")? };
    let role = u8::try_from(fields.int("role")?);
    let acceptance = NewAcceptance {
        wallet,
        role: role.map_err(|_| fields.corrupt("role is no owner index"))?,
        owner: fields.address("owner")?,
        terms_hash: fields.b256("terms_hash")?,
        deadline: fields.number("deadline")?,
        signature: fields.blob("signature")?.into(),
    };
    Ok(AcceptanceRecord { acceptance, received_at: fields.int("received_at")? })
}
