//! Transactions of other chains' types, and of none: what no library of Ethereum's reads.

use alloy::primitives::{B256, U256, keccak256};
use serde_json::{Value, json};

/// Their types: a deposit, Arbitrum's internal one, zkSync's, Celo's, its priority ones, and some that nobody has.
const TYPES: [u8; 6] = [0x7e, 0x6a, 0x71, 0x7b, 0xff, 0x2a];

/// Those of one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strangers {
    hash: B256,
    number: U256,
    /// How many at each place.
    each: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stranger {
    block: B256,
    number: U256,
    /// Its place in the block.
    index: usize,
    kind: u8,
}

impl Strangers {
    pub(super) fn of(block: &Value, each: usize) -> Self {
        let hash = serde_json::from_value(block["hash"].clone()).unwrap_or_default();
        let number = serde_json::from_value(block["number"].clone()).unwrap_or_default();
        Self { hash, number, each }
    }

    /// Those before the transaction that the node has at this place; before the first the deposit too.
    pub(super) fn at(self, place: usize) -> impl Iterator<Item = Stranger> {
        let first = place * (self.each + 1) + usize::from(place > 0);
        let count = self.each + usize::from(place == 0);
        (first..first + count).map(move |index| self.one(index))
    }

    /// Those behind the last one.
    pub(super) fn behind(self, count: usize) -> impl Iterator<Item = Stranger> {
        self.at(count)
    }

    fn one(self, index: usize) -> Stranger {
        let kind = if index == 0 { TYPES[0] } else { TYPES[index % TYPES.len()] };
        Stranger { block: self.hash, number: self.number, index, kind }
    }
}

/// The place of a transaction that the node has at `index`.
pub(super) fn shifted(index: U256, each: usize) -> U256 {
    index * U256::from(each + 1) + U256::from(each + 1)
}

impl Stranger {
    fn hash(self) -> B256 {
        keccak256([self.block.as_slice(), &(self.index as u64).to_be_bytes()].concat())
    }

    fn kind(self) -> String {
        format!("{:#04x}", self.kind)
    }

    /// With what such transactions have, which is not what others have: no signature, no fees, fields of their own.
    pub(super) fn transaction(self, is_full: bool) -> Value {
        if !is_full {
            return json!(self.hash());
        }
        json!({
            "type": self.kind(), "hash": self.hash(), "blockHash": self.block, "blockNumber": self.number,
            "transactionIndex": U256::from(self.index), "from": "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001",
            "to": "0x4200000000000000000000000000000000000015", "sourceHash": self.hash(), "mint": "0x0",
            "value": "0x0", "gas": "0xf4240", "input": "0x098999be", "isSystemTx": false, "ticketId": self.hash(),
        })
    }

    /// Without a status, a price or a contract: some of them have none.
    pub(super) fn receipt(self) -> Value {
        let mut receipt = json!({
            "type": self.kind(), "transactionHash": self.hash(), "transactionIndex": U256::from(self.index),
            "blockHash": self.block, "blockNumber": self.number, "gasUsed": "0xb4d2",
            "cumulativeGasUsed": "0xb4d2", "logs": [], "logsBloom": format!("0x{}", "0".repeat(512)),
        });
        if self.kind == TYPES[0] {
            receipt["status"] = json!("0x1");
            receipt["effectiveGasPrice"] = json!("0x0");
            receipt["depositNonce"] = json!(self.number);
            receipt["l1Fee"] = json!("0x0");
        }
        receipt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wherever there is a place, and each place once.
    #[test]
    fn places_have_no_gaps() {
        let block = json!({ "hash": B256::repeat_byte(7), "number": "0x5" });
        for (each, own) in [(0, 0), (0, 3), (1, 2), (9, 1)] {
            let strangers = Strangers::of(&block, each);
            let mut places = Vec::new();
            for place in 0..own {
                places.extend(strangers.at(place).map(|stranger| stranger.index));
                places.push(shifted(U256::from(place), each).to::<usize>());
            }
            places.extend(strangers.behind(own).map(|stranger| stranger.index));
            let expected: Vec<_> = (0..places.len()).collect();
            assert_eq!(places, expected, "{each} each, {own} of ours");
        }
    }
}
