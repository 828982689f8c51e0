//! Who controls a wallet.

use crate::json;
use alloy::primitives::{Address, Bytes};
use quorate_bindings::contracts::{IWallet, IWalletFactory};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// How many owners a wallet can have.
pub const MAX_OWNERS: usize = 100;

/// How many bytes of policy data a wallet can have.
pub const MAX_POLICY_DATA: usize = 4_096;

/// Bytes of a blob before the first owner.
const HEADER: usize = 22;

/// Threshold, owners and policy of a wallet, by the rules that every wallet enforces: 1 to 100
/// distinct owners, none zero; 1 <= threshold <= owners; at most 4,096 bytes of policy data.
///
/// Does not say whether the policy accepts it, nor that its owners can sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Config {
    threshold: u8,
    owners: Vec<Address>,
    policy: Address,
    policy_data: Bytes,
}

/// A [`Config`] in JSON, before its rules are checked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unchecked {
    #[serde(with = "json::integer::tagged")]
    threshold: u64,
    #[serde(with = "json::accounts")]
    owners: Vec<Address>,
    #[serde(with = "json::account")]
    policy: Address,
    #[serde(with = "json::bytes")]
    policy_data: Bytes,
}

/// Why there can be no such configuration. The contracts refuse the same.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No owner, or more than 100.
    #[error("{count} owners: a wallet has 1 to {MAX_OWNERS}")]
    OwnerCountOutOfRange {
        /// How many were given.
        count: usize,
    },
    /// Zero, or more than there are owners.
    #[error("threshold {threshold} of {owner_count} owners: it must be from 1 to {owner_count}")]
    ThresholdOutOfRange {
        /// The threshold given.
        threshold: u64,
        /// How many owners were given.
        owner_count: usize,
    },
    /// The zero address as an owner.
    #[error("owner {} is the zero address, which can never sign", index + 1)]
    OwnerZero {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// The same owner twice.
    #[error("owner {owner} is listed twice: each owner signs once")]
    OwnerTwice {
        /// The owner.
        owner: Address,
    },
    /// The wallet as its own owner.
    #[error("the wallet {wallet} cannot be its own owner")]
    OwnerIsWallet {
        /// The wallet.
        wallet: Address,
    },
    /// More than 4,096 bytes of policy data.
    #[error("{length} bytes of policy data: at most {MAX_POLICY_DATA} are taken")]
    PolicyDataTooLong {
        /// How many bytes were given.
        length: usize,
    },
    /// A configuration that was read from a chain is cut or has bytes left over.
    #[error("{length} bytes are no configuration of {owner_count} owners")]
    BlobTruncated {
        /// How many bytes there are.
        length: usize,
        /// How many owners they announce.
        owner_count: usize,
    },
}

impl Config {
    /// A configuration; a zero `policy` is none.
    ///
    /// # Errors
    ///
    /// If it breaks one of the rules at [`Config`].
    pub fn new(
        threshold: u64,
        owners: Vec<Address>,
        policy: Address,
        policy_data: Bytes,
    ) -> Result<Self, ConfigError> {
        let count = owners.len();
        if count == 0 || count > MAX_OWNERS {
            return Err(ConfigError::OwnerCountOutOfRange { count });
        }
        let checked = u8::try_from(threshold).ok().filter(|&t| t != 0 && usize::from(t) <= count);
        let Some(checked) = checked else {
            return Err(ConfigError::ThresholdOutOfRange { threshold, owner_count: count });
        };
        if policy_data.len() > MAX_POLICY_DATA {
            return Err(ConfigError::PolicyDataTooLong { length: policy_data.len() });
        }
        let mut seen = BTreeSet::new();
        for (index, &owner) in owners.iter().enumerate() {
            if owner.is_zero() {
                return Err(ConfigError::OwnerZero { index });
            }
            if !seen.insert(owner) {
                return Err(ConfigError::OwnerTwice { owner });
            }
        }
        Ok(Self { threshold: checked, owners, policy, policy_data })
    }

    /// Checks the one rule that needs the wallet's address.
    ///
    /// # Errors
    ///
    /// If `wallet` is one of the owners.
    pub fn check_for(&self, wallet: Address) -> Result<(), ConfigError> {
        if self.owners.contains(&wallet) {
            return Err(ConfigError::OwnerIsWallet { wallet });
        }
        Ok(())
    }

    /// How many owners must sign.
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The owners, in the order that signatures index.
    pub fn owners(&self) -> &[Address] {
        &self.owners
    }

    /// The policy, if there is one.
    pub fn policy(&self) -> Option<Address> {
        (!self.policy.is_zero()).then_some(self.policy)
    }

    /// What the policy is told about the wallet.
    pub const fn policy_data(&self) -> &Bytes {
        &self.policy_data
    }

    /// The owner's index, if it is one.
    pub fn index_of(&self, owner: Address) -> Option<u8> {
        let index = self.owners.iter().position(|&other| other == owner)?;
        u8::try_from(index).ok()
    }

    /// `threshold(1) ‖ ownerCount(1) ‖ policy(20) ‖ owners(20 each) ‖ policyData`, as wallets keep it.
    pub fn to_blob(&self) -> Vec<u8> {
        let count = u8::try_from(self.owners.len()).expect("at most 100 owners");
        let mut blob = vec![self.threshold, count];
        blob.extend_from_slice(self.policy.as_slice());
        for owner in &self.owners {
            blob.extend_from_slice(owner.as_slice());
        }
        blob.extend_from_slice(&self.policy_data);
        blob
    }

    /// Reads what [`Self::to_blob`] writes.
    ///
    /// # Errors
    ///
    /// If it is cut, or breaks one of the rules at [`Config`].
    pub fn from_blob(blob: &[u8]) -> Result<Self, ConfigError> {
        let owner_count = blob.get(1).copied().map_or(0, usize::from);
        let data_at = HEADER + 20 * owner_count;
        let truncated = || ConfigError::BlobTruncated { length: blob.len(), owner_count };
        let (head, policy_data) = blob.split_at_checked(data_at).ok_or_else(truncated)?;
        let owners = head[HEADER..].chunks_exact(20).map(Address::from_slice).collect();
        let policy = Address::from_slice(&head[2..HEADER]);
        Self::new(head[0].into(), owners, policy, Bytes::copy_from_slice(policy_data))
    }
}

impl From<Config> for Unchecked {
    fn from(config: Config) -> Self {
        let Config { threshold, owners, policy, policy_data } = config;
        Self { threshold: threshold.into(), owners, policy, policy_data }
    }
}

impl TryFrom<Unchecked> for Config {
    type Error = ConfigError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { threshold, owners, policy, policy_data } = unchecked;
        Self::new(threshold, owners, policy, policy_data)
    }
}

macro_rules! convert {
    ($abi:ty) => {
        impl From<&Config> for $abi {
            fn from(config: &Config) -> Self {
                Self {
                    threshold: config.threshold,
                    owners: config.owners.clone(),
                    policy: config.policy,
                    policyData: config.policy_data.clone(),
                }
            }
        }

        impl TryFrom<$abi> for Config {
            type Error = ConfigError;

            fn try_from(config: $abi) -> Result<Self, Self::Error> {
                let policy_data = config.policyData;
                Self::new(config.threshold.into(), config.owners, config.policy, policy_data)
            }
        }
    };
}

// The two interfaces use the same struct, of which the bindings make two types.
convert!(IWallet::Config);
convert!(IWalletFactory::Config);

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(count: u8) -> Vec<Address> {
        (1..=count).map(Address::with_last_byte).collect()
    }

    fn config(threshold: u64, owners: Vec<Address>) -> Result<Config, ConfigError> {
        Config::new(threshold, owners, Address::ZERO, Bytes::new())
    }

    #[test]
    fn a_threshold_is_from_one_to_the_number_of_owners() {
        assert!(config(1, owners(3)).is_ok() && config(3, owners(3)).is_ok());
        for threshold in [0, 4, 257, 259] {
            let error = ConfigError::ThresholdOutOfRange { threshold, owner_count: 3 };
            assert_eq!(config(threshold, owners(3)), Err(error));
        }
    }

    #[test]
    fn owners_are_one_to_a_hundred_distinct_accounts() {
        assert!(config(1, owners(100)).is_ok());
        for count in [0, 101] {
            let error = ConfigError::OwnerCountOutOfRange { count: count.into() };
            assert_eq!(config(1, owners(count)), Err(error));
        }
        let [a, b] = [Address::with_last_byte(1), Address::with_last_byte(2)];
        assert_eq!(config(1, vec![a, b, a]), Err(ConfigError::OwnerTwice { owner: a }));
        assert_eq!(config(1, vec![a, Address::ZERO]), Err(ConfigError::OwnerZero { index: 1 }));
        assert!(config(1, vec![a, b]).unwrap().check_for(b).is_err());
    }

    #[test]
    fn a_blob_is_read_back_and_a_cut_one_refused() {
        let data = Bytes::from(vec![7; 47]);
        let config = Config::new(2, owners(3), Address::with_last_byte(9), data).unwrap();
        let blob = config.to_blob();
        assert_eq!(Config::from_blob(&blob), Ok(config));
        for length in 0..HEADER + 60 {
            assert!(Config::from_blob(&blob[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn json_that_breaks_a_rule_is_refused() {
        let json = r#"{"threshold":2,"owners":["0x0000000000000000000000000000000000000001"],
            "policy":"0x0000000000000000000000000000000000000000","policyData":"0x"}"#;
        let error = serde_json::from_str::<Config>(json).unwrap_err().to_string();
        assert!(error.starts_with("threshold 2 of 1 owners"), "{error}");
    }
}
