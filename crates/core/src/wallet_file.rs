//! The file that keeps what a wallet was made of.

use crate::{
    Config, DocumentError, creation,
    document::{self, VERSION, check_range},
    json,
};
use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const KIND: &str = "wallet";

/// Configuration and salt of a wallet, and the chains it is used on.
///
/// Warning: while the wallet is not deployed, money at its address can be reached only by those who
/// have this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletFile {
    config: Config,
    salt: B256,
    chain_ids: BTreeSet<u64>,
    address: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Json {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
    #[serde(with = "json::account")]
    address: Address,
    config: Config,
    salt: B256,
    #[serde(with = "chain_ids")]
    chain_ids: BTreeSet<u64>,
}

mod chain_ids {
    use crate::json::integer::Whole;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use std::collections::BTreeSet;

    pub(super) fn serialize<S: Serializer>(ids: &BTreeSet<u64>, to: S) -> Result<S::Ok, S::Error> {
        ids.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeSet<u64>, D::Error> {
        let ids = Vec::<Whole<u64>>::deserialize(from)?;
        Ok(ids.into_iter().map(|Whole(id)| id).collect())
    }
}

impl WalletFile {
    /// The file of the wallet that `config` and `salt` make.
    ///
    /// # Errors
    ///
    /// If a chain id is out of range, or the wallet would be its own owner.
    pub fn new(
        config: Config,
        salt: B256,
        chain_ids: BTreeSet<u64>,
    ) -> Result<Self, DocumentError> {
        for &id in &chain_ids {
            check_range("chainIds", id, 1)?;
        }
        let address = creation::wallet_address(&config, salt)?;
        Ok(Self { config, salt, chain_ids, address })
    }

    /// The configuration that the wallet is created with, which it has until its first reconfiguration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What tells it apart from other wallets of this configuration.
    pub const fn salt(&self) -> B256 {
        self.salt
    }

    /// The chains it is used on (EIP-155).
    pub const fn chain_ids(&self) -> &BTreeSet<u64> {
        &self.chain_ids
    }

    /// Its address, the same on every chain: computed, never read.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it is no wallet file of this version, or its address is not that of its configuration and salt.
    pub fn from_json(json: &[u8]) -> Result<Self, DocumentError> {
        let Json { address: named, config, salt, chain_ids, .. } = document::read(KIND, json)?;
        let file = Self::new(config, salt, chain_ids)?;
        let computed = file.address;
        if named != computed {
            return Err(DocumentError::OtherWallet { named, computed });
        }
        Ok(file)
    }

    /// Writes the file.
    pub fn to_json(&self) -> String {
        let json = Json {
            kind: KIND.to_owned(),
            version: VERSION,
            address: self.address,
            config: self.config.clone(),
            salt: self.salt,
            chain_ids: self.chain_ids.clone(),
        };
        let text = serde_json::to_string_pretty(&json).expect("every field has a form in JSON");
        text + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema, testing};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(config in testing::config(), salt: [u8; 32], id in 1_u64..1 << 53) {
            let file = WalletFile::new(config, salt.into(), BTreeSet::from([1, id])).unwrap();
            let json = file.to_json();
            prop_assert_eq!(WalletFile::from_json(json.as_bytes()), Ok(file));
            testing::assert_valid(schema::WALLET, &json);
        }
    }

    /// Case 27.
    #[test]
    fn whole_numbers_with_a_point_are_read() {
        let config = testing::two_of_three();
        let file = WalletFile::new(config, B256::ZERO, BTreeSet::from([1, 10])).unwrap();
        let json: String = file
            .to_json()
            .replace("\"version\": 1", "\"version\": 1.0")
            .replace("\"threshold\": 2", "\"threshold\": 2.0")
            .replace("    10\n", "    10.0\n");
        assert_eq!(json.matches(".0").count(), 3, "{json}");
        assert_eq!(WalletFile::from_json(json.as_bytes()), Ok(file));
    }

    #[test]
    fn an_edited_file_is_refused() {
        let config = testing::two_of_three();
        let file = WalletFile::new(config, B256::ZERO, BTreeSet::from([1])).unwrap();
        let json = file.to_json().replace("\"threshold\": 2", "\"threshold\": 1");
        let error = WalletFile::from_json(json.as_bytes()).unwrap_err();
        assert!(matches!(error, DocumentError::OtherWallet { .. }), "{error}");
        assert!(error.is_contradiction());
    }
}
