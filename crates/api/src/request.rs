//! What is asked. A field that is not known is refused.

use crate::schema;
use alloy::primitives::{Address, B256, Bytes};
use quorate_core::{Action, Config, Nonce, json};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// A wallet that is to be served, `POST /v1/wallets`: either what it is made of, or, where the factory made it already,
/// its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RegisterWalletFields", into = "RegisterWalletFields")]
pub enum RegisterWallet {
    /// What its address commits to: the wallet need not exist yet, and can be created.
    Made {
        /// The chain (EIP-155).
        chain_id: u64,
        /// The configuration it is, or was, created with.
        config: Config,
        /// What tells it apart from other wallets of this configuration.
        salt: B256,
    },
    /// One that is there. Has to be found in the factory's events.
    Deployed {
        /// The chain (EIP-155).
        chain_id: u64,
        /// Its address.
        address: Address,
    },
}

/// `{chainId, config, salt}` or `{chainId, address}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RegisterWallet)]
pub struct RegisterWalletFields {
    /// The chain (EIP-155), one that this relayer serves.
    #[serde(with = "json::integer")]
    chain_id: u64,
    /// The configuration the wallet is, or was, created with. With `salt`, and without `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Config>)]
    config: Option<Config>,
    /// What tells it apart from other wallets of this configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Bytes32>)]
    salt: Option<B256>,
    /// The address of a wallet that the factory made already. Without `config` and `salt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Address>)]
    address: Option<CheckedAddress>,
}

/// An address with its checksum, where it stands in an `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct CheckedAddress(#[serde(with = "json::account")] Address);

/// Neither the one nor the other form of [`RegisterWallet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("give either config and salt, or address")]
pub struct RegisterWalletError;

impl RegisterWallet {
    /// The chain.
    pub const fn chain_id(&self) -> u64 {
        match self {
            Self::Made { chain_id, .. } | Self::Deployed { chain_id, .. } => *chain_id,
        }
    }
}

impl TryFrom<RegisterWalletFields> for RegisterWallet {
    type Error = RegisterWalletError;

    fn try_from(fields: RegisterWalletFields) -> Result<Self, Self::Error> {
        let RegisterWalletFields { chain_id, config, salt, address } = fields;
        match (config, salt, address) {
            (Some(config), Some(salt), None) => Ok(Self::Made { chain_id, config, salt }),
            (None, None, Some(CheckedAddress(address))) => Ok(Self::Deployed { chain_id, address }),
            _ => Err(RegisterWalletError),
        }
    }
}

impl From<RegisterWallet> for RegisterWalletFields {
    fn from(wallet: RegisterWallet) -> Self {
        match wallet {
            RegisterWallet::Made { chain_id, config, salt } => {
                Self { chain_id, config: Some(config), salt: Some(salt), address: None }
            }
            RegisterWallet::Deployed { chain_id, address } => {
                let address = Some(CheckedAddress(address));
                Self { chain_id, config: None, salt: None, address }
            }
        }
    }
}

/// What owners are asked to sign, with the signature of the owner who asks,
/// `POST /v1/wallets/{chainId}/{address}/proposals`. Its digest is computed, never given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProposal {
    /// How often the wallet was reconfigured; has to be the present number.
    #[serde(with = "json::integer")]
    pub epoch: u32,
    /// What is to be done.
    #[schema(value_type = schema::Action)]
    pub action: Action,
    /// The place in the wallet's queues: `lane << 64 | sequence`.
    #[schema(value_type = schema::Uint256)]
    pub nonce: Nonce,
    /// Until when the wallet takes it, in Unix seconds, inclusive.
    #[serde(with = "json::integer")]
    pub deadline: u64,
    /// What the proposer wants to say. Nobody signs it. At most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub note: Option<String>,
    /// The signature of an owner: who proposes.
    pub signature: NewSignature,
}

/// One owner's signature over the digest, `POST /v1/proposals/{digest}/signatures`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSignature {
    /// Who signed; an owner of the wallet.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub owner: Address,
    /// 65 bytes `r ‖ s ‖ v` or 64 bytes of EIP-2098, taken for ECDSA first even if the owner has code; else what the
    /// owner's ERC-1271 takes, at most 8,192 bytes; `0x` if the owner approved the digest on chain.
    #[serde(with = "json::bytes")]
    #[schema(value_type = schema::Bytes, max_length = 16386)]
    pub signature: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RegisterWallet, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Case 27.
    #[test]
    fn whole_numbers_may_have_a_point() {
        let address = r#""address":"0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92""#;
        assert_eq!(read(&format!(r#"{{"chainId":1.0,{address}}}"#)).unwrap().chain_id(), 1);
        let error = read(&format!(r#"{{"chainId":1.5,{address}}}"#)).unwrap_err();
        assert!(error.contains("a whole number"), "{error}");
        let body = r#"{"epoch":139352.0,"action":{"type":"cancel"},"nonce":"0","deadline":4e9,
            "signature":{"owner":"0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92","signature":"0x"}}"#;
        let proposal: NewProposal = serde_json::from_str(body).unwrap();
        assert_eq!((proposal.epoch, proposal.deadline), (139_352, 4_000_000_000));
    }

    #[test]
    fn a_wallet_is_named_by_its_address_or_by_what_makes_it() {
        let address = r#""address":"0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92""#;
        let salt = format!(r#""salt":"{}""#, B256::ZERO);
        assert!(read(&format!(r#"{{"chainId":1,{address}}}"#)).is_ok());
        for wrong in [
            r#"{"chainId":1}"#.to_owned(),
            format!(r#"{{"chainId":1,{salt}}}"#),
            format!(r#"{{"chainId":1,{salt},{address}}}"#),
        ] {
            assert!(read(&wrong).unwrap_err().starts_with("give either"), "{wrong}");
        }
        let unknown = format!(r#"{{"chainId":1,{address},"x":1}}"#);
        assert!(read(&unknown).unwrap_err().contains("unknown field"));
        let checksum = r#"{"chainId":1,"address":"0x300e3856Fd8cB04236Ec5A81716aB896e1c28f92"}"#;
        assert!(read(checksum).unwrap_err().contains("checksum"));
    }
}
