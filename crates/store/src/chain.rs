//! How far each chain was followed.

use crate::{
    error::StoreError,
    lease::{self, Lease},
    row::{Fields, blob, int},
    transaction::Transaction,
    writer::Intention,
};
use alloy::primitives::B256;
use sqlx::AnyConnection;

/// A block, as far as a reorg is noticed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before.
    pub parent_hash: B256,
}

/// How far a chain was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainCursor {
    /// The last block whose consequences are stored.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Up to which block, inclusive, all logs were read.
    pub logs_to: u64,
    /// The last blocks in ascending order.
    pub recent: Vec<Block>,
}

/// A step along a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStep {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The blocks that are new, in ascending order, not empty. Blocks of the same heights and above are forgotten: that
    /// is how a reorg is recorded.
    pub blocks: Vec<Block>,
    /// Up to which block, inclusive, all logs were read.
    pub logs_to: u64,
    /// How many blocks are kept.
    pub keep: u64,
}

pub(crate) struct RecordStep {
    pub(crate) lease: Lease,
    pub(crate) step: ChainStep,
    pub(crate) at: i64,
}

impl Intention for RecordStep {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        lease::check(tx, &self.lease).await?;
        let ChainStep { chain_id, blocks, logs_to, keep } = &self.step;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(()) };
        let chain_id = int("chainId", *chain_id)?;
        let query = sqlx::query(
            "INSERT INTO chains (chain_id, block_number, block_hash, logs_to, updated_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (chain_id) DO UPDATE \
             SET block_number = $2, block_hash = $3, logs_to = $4, updated_at = $5",
        );
        query
            .bind(chain_id)
            .bind(int("blockNumber", last.number)?)
            .bind(blob(last.hash))
            .bind(int("logsTo", *logs_to)?)
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        let query = sqlx::query(
            "DELETE FROM recent_blocks WHERE chain_id = $1 AND (number >= $2 OR number <= $3)",
        );
        let oldest = i64::try_from(last.number.saturating_sub(*keep)).unwrap_or(i64::MAX);
        let oldest = if last.number < *keep { -1 } else { oldest };
        query
            .bind(chain_id)
            .bind(int("blockNumber", first.number)?)
            .bind(oldest)
            .execute(tx.connection())
            .await?;
        let most = usize::try_from(*keep).unwrap_or(usize::MAX);
        for block in blocks.iter().rev().take(most) {
            let query = sqlx::query(
                "INSERT INTO recent_blocks (chain_id, number, hash, parent_hash) \
                 VALUES ($1, $2, $3, $4)",
            );
            query
                .bind(chain_id)
                .bind(int("blockNumber", block.number)?)
                .bind(blob(block.hash))
                .bind(blob(block.parent_hash))
                .execute(tx.connection())
                .await?;
        }
        Ok(())
    }
}

pub(crate) async fn find(
    connection: &mut AnyConnection,
    chain_id: u64,
) -> Result<Option<ChainCursor>, StoreError> {
    let chain_id = int("chainId", chain_id)?;
    let row = sqlx::query("SELECT * FROM chains WHERE chain_id = $1")
        .bind(chain_id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let rows = sqlx::query("SELECT * FROM recent_blocks WHERE chain_id = $1 ORDER BY number")
        .bind(chain_id)
        .fetch_all(connection)
        .await?;
    let read = |row| {
        let fields = Fields::new(row, "recent_blocks", &["chain_id", "number"]);
        Ok(Block {
            number: fields.number("number")?,
            hash: fields.b256("hash")?,
            parent_hash: fields.b256("parent_hash")?,
        })
    };
    let fields = Fields::new(&row, "chains", &["chain_id"]);
    Ok(Some(ChainCursor {
        number: fields.number("block_number")?,
        hash: fields.b256("block_hash")?,
        logs_to: fields.number("logs_to")?,
        recent: rows.iter().map(read).collect::<Result<_, StoreError>>()?,
    }))
}
