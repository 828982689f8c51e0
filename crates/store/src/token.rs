//! Tokens of the HTTP API: by their SHA-256 hashes alone.

use crate::{
    audit::Kind,
    error::StoreError,
    row::{Fields, blob, foreign_text},
    transaction::Transaction,
    wallet::{Recorded, WalletKey},
    writer::Intention,
};
use alloy::primitives::{Address, B256};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{AnyConnection, any::AnyRow};
use std::collections::BTreeSet;

/// The word for [`TokenWallets::All`].
const ALL_WALLETS: &str = "*";

/// What the bearer of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRight {
    /// Read.
    Read,
    /// Read, and register wallets.
    Operator,
}

impl TokenRight {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operator => "operator",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Operator].into_iter().find(|right| right.word() == word)
    }
}

/// Which wallets a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenWallets {
    /// All, those to come too.
    All,
    /// These, registered or not.
    These(BTreeSet<WalletKey>),
}

impl TokenWallets {
    /// Whether the token is good for this wallet.
    pub fn contains(&self, wallet: WalletKey) -> bool {
        match self {
            Self::All => true,
            Self::These(wallets) => wallets.contains(&wallet),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::All => json!(ALL_WALLETS),
            Self::These(wallets) => {
                let named = |key: &WalletKey| json!({ "chainId": key.chain_id, "address": key.address.to_checksum(None) });
                wallets.iter().map(named).collect()
            }
        }
    }
}

/// A token to be accepted from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What the operator calls it. Never given to another token, not even once it is revoked.
    pub name: String,
    /// Its SHA-256 hash. That the token cannot be guessed is for the caller to see to.
    pub hash: B256,
    /// What its bearer may do.
    pub right: TokenRight,
    /// For which wallets.
    pub wallets: TokenWallets,
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// What the operator calls it.
    pub name: String,
    /// What its bearer may do.
    pub right: TokenRight,
    /// For which wallets.
    pub wallets: TokenWallets,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// Since when it is good for nothing, in Unix milliseconds.
    pub revoked_at: Option<i64>,
}

pub(crate) struct CreateToken {
    pub(crate) token: NewToken,
    pub(crate) at: i64,
}

impl Intention for CreateToken {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        let NewToken { name, hash, right, wallets } = &self.token;
        let by_name = find_by_name(tx.connection(), name).await?;
        let by_hash = find(tx.connection(), *hash).await?;
        if let Some(known) = by_name.as_ref().or(by_hash.as_ref()) {
            let is_same = by_name == by_hash && known.revoked_at.is_none();
            return if is_same && known.right == *right && known.wallets == *wallets {
                Ok(Recorded::Known)
            } else {
                Err(StoreError::TokenExists { name: known.name.clone() })
            };
        }
        let query = sqlx::query(
            "INSERT INTO api_tokens (name, hash, permission, wallets, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        );
        query
            .bind(foreign_text(name))
            .bind(blob(hash))
            .bind(right.word())
            .bind(wallets.to_json().to_string())
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        let what = json!({
            "name": name,
            "hash": hash,
            "right": right.word(),
            "wallets": wallets.to_json(),
        });
        tx.audit(self.at, Kind::TokenCreated, what).await?;
        Ok(Recorded::New)
    }
}

pub(crate) struct RevokeToken {
    pub(crate) name: String,
    pub(crate) at: i64,
}

impl Intention for RevokeToken {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        let name = &self.name;
        let found = find_by_name(tx.connection(), name).await?;
        let known = found.ok_or_else(|| StoreError::UnknownToken { name: name.clone() })?;
        if known.revoked_at.is_some() {
            return Ok(Recorded::Known);
        }
        sqlx::query("UPDATE api_tokens SET revoked_at = $1 WHERE name = $2")
            .bind(self.at)
            .bind(foreign_text(name))
            .execute(tx.connection())
            .await?;
        tx.audit(self.at, Kind::TokenRevoked, json!({ "name": name })).await?;
        Ok(Recorded::New)
    }
}

/// The token with this hash.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    hash: B256,
) -> Result<Option<TokenRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM api_tokens WHERE hash = $1").bind(blob(hash));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

async fn find_by_name(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<TokenRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM api_tokens WHERE name = $1").bind(foreign_text(name));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// All tokens, the revoked ones too, the first made first.
pub(crate) async fn list(connection: &mut AnyConnection) -> Result<Vec<TokenRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM api_tokens ORDER BY created_at, name");
    query.fetch_all(connection).await?.iter().map(read).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedWallet {
    chain_id: u64,
    address: Address,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StoredWallets {
    Word(String),
    These(Vec<NamedWallet>),
}

fn read(row: &AnyRow) -> Result<TokenRecord, StoreError> {
    let fields = Fields::new(row, "api_tokens", &["name"]);
    let right = TokenRight::of_word(&fields.text("permission")?);
    let wallets = match fields.json("wallets")? {
        StoredWallets::Word(word) if word == ALL_WALLETS => TokenWallets::All,
        StoredWallets::Word(_) => return Err(fields.corrupt("wallets is no known word")),
        StoredWallets::These(wallets) => {
            let key = |NamedWallet { chain_id, address }| WalletKey { chain_id, address };
            TokenWallets::These(wallets.into_iter().map(key).collect())
        }
    };
    Ok(TokenRecord {
        name: fields.json("name")?,
        right: right.ok_or_else(|| fields.corrupt("permission is no known word"))?,
        wallets,
        created_at: fields.int("created_at")?,
        revoked_at: fields.int_opt("revoked_at")?,
    })
}
