//! What Hardhat's chains of the OP Stack lack to charge for data.

use super::{Kind, Node};
use alloy::primitives::{Address, B256, U256, address};
use eyre::{Result, ensure};
use serde_json::json;

/// The predeploy that knows what layer 1 costs.
const L1_BLOCK: Address = address!("4200000000000000000000000000000000000015");

/// Its slot with the scalars.
const SCALARS_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// What data costs, as the OP Stack weighs it: millionths of layer 1's base fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataScalars {
    /// Of the base fee.
    pub base_fee: u32,
    /// Of the base fee of blobs.
    pub blob_base_fee: u32,
}

impl Node {
    /// Has a chain of the OP Stack charge for data, besides gas, from the next block on, which it makes. Without it
    /// nothing is charged: the chain starts with its scalars in the wrong half of their slot.
    ///
    /// # Errors
    ///
    /// If the node is no such chain, or refuses.
    pub async fn charge_for_data(&self, scalars: DataScalars) -> Result<()> {
        ensure!(self.kind == Kind::Hardhat3Op, "{} has no such fee", self.kind.name());
        let mut word = [0; 32];
        word[16..20].copy_from_slice(&scalars.base_fee.to_be_bytes());
        word[20..24].copy_from_slice(&scalars.blob_base_fee.to_be_bytes());
        let params = json!([L1_BLOCK, SCALARS_SLOT, B256::from(word)]);
        self.ask("hardhat_setStorageAt", params).await?;
        self.mine(1).await
    }
}
