//! A party's word that it takes its role under these terms: `Accept`, typed data of the escrow's domain, never sent to a chain.

use super::party::Role;
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolStruct as _, SolValue as _},
};
use quorate_bindings::typed;
use quorate_core::{
    OwnerSignature, json,
    signature::{EcdsaSignature, Kind, SignatureError},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

/// What is accepted, but for who accepts and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The escrow. It is accepted in its first epoch: a reconfiguration by all three ends these terms.
    pub wallet: Address,
    /// What [`terms_hash`] gives.
    pub terms_hash: B256,
}

/// The hash that the wallet's policy data and every acceptance hold:
/// `keccak256(abi.encode("quorate/escrow-terms", token, amount, keccak256(terms)))`.
pub fn terms_hash(token: Address, amount: U256, terms: &[u8]) -> B256 {
    keccak256(("quorate/escrow-terms", token, amount, keccak256(terms)).abi_encode_params())
}

/// An acceptance. In files and over HTTP the same fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acceptance {
    /// Until when `fund` and a relayer take it, in Unix seconds, inclusive; later it still proves.
    pub deadline: u64,
    /// Which party.
    pub role: Role,
    /// Who accepts.
    pub owner: Address,
    /// What is accepted.
    pub terms_hash: B256,
    /// How it signed. By a key it was verified; of a contract only a chain can tell.
    pub signature: OwnerSignature,
}

/// Why an acceptance is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AcceptanceError {
    /// Of somebody else.
    #[error("{} is not the {role}, who is {}: an acceptance by a stranger counts for nothing", owner.to_checksum(None), expected.to_checksum(None))]
    Stranger {
        /// The role.
        role: Role,
        /// Who it says it is.
        owner: Address,
        /// Who has the role.
        expected: Address,
    },
    /// Of other terms.
    #[error(
        "the {role} accepted the terms {found}, and these are {expected}: the terms were changed, or it is of another escrow"
    )]
    OtherTerms {
        /// The role.
        role: Role,
        /// What it accepted.
        found: B256,
        /// What there is to accept.
        expected: B256,
    },
    /// A signature that is none.
    #[error(
        "the acceptance of the {role}: {source}; it was changed, or is for another chain, wallet or deadline"
    )]
    Signature {
        /// The role.
        role: Role,
        /// What is wrong.
        source: SignatureError,
    },
}

impl Offer {
    /// What a party signs to accept in `role`, until `deadline`.
    pub fn digest(&self, role: Role, deadline: u64) -> B256 {
        self.message(role, deadline).eip712_signing_hash(&self.domain())
    }

    /// The two hashes that hardware wallets show: of the domain, and of the message.
    pub fn hashes(&self, role: Role, deadline: u64) -> [B256; 2] {
        [self.domain().separator(), self.message(role, deadline).eip712_hash_struct()]
    }

    fn domain(&self) -> alloy::sol_types::Eip712Domain {
        typed::domain(self.chain_id, self.wallet, U256::ZERO)
    }

    fn message(&self, role: Role, deadline: u64) -> typed::Accept {
        let (role, deadline) = (role.index(), U256::from(deadline));
        typed::Accept { role, termsHash: self.terms_hash, deadline }
    }

    /// The same as wallets take it to be signed (`eth_signTypedData_v4`).
    pub fn typed_data(&self, role: Role, deadline: u64) -> Value {
        let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        json!({
            "types": {
                "EIP712Domain": [
                    field("name", "string"),
                    field("version", "string"),
                    field("chainId", "uint256"),
                    field("verifyingContract", "address"),
                    field("salt", "bytes32"),
                ],
                "Accept": [
                    field("role", "uint8"),
                    field("termsHash", "bytes32"),
                    field("deadline", "uint256"),
                ],
            },
            "primaryType": "Accept",
            "domain": {
                "name": "Quorate",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.wallet.to_checksum(None),
                "salt": B256::ZERO,
            },
            "message": {
                "role": role.index(),
                "termsHash": self.terms_hash,
                "deadline": deadline.to_string(),
            },
        })
    }

    /// Reads a signature as that of `owner`, in `role` and until `deadline`.
    ///
    /// # Errors
    ///
    /// If the bytes are more than is kept of a contract's signature. Bytes that are no signature by the owner's key are
    /// taken for a contract's, which only a chain can tell.
    pub fn read(
        &self,
        role: Role,
        owner: Address,
        deadline: u64,
        bytes: &Bytes,
    ) -> Result<Acceptance, AcceptanceError> {
        let digest = self.digest(role, deadline);
        let signature = OwnerSignature::of(owner, &digest, bytes)
            .map_err(|source| AcceptanceError::Signature { role, source })?;
        Ok(Acceptance { deadline, role, owner, terms_hash: self.terms_hash, signature })
    }
}

impl Acceptance {
    /// Checks it against what is offered to whom: role, terms, and a key's signature.
    ///
    /// Does not look at the deadline, and does not ask contracts.
    ///
    /// # Errors
    ///
    /// What is wrong, the first of it.
    pub fn check(&self, offer: &Offer, owners: &[Address; 3]) -> Result<(), AcceptanceError> {
        let Self { deadline, role, owner, terms_hash, ref signature } = *self;
        let expected = owners[usize::from(role.index())];
        if owner != expected {
            return Err(AcceptanceError::Stranger { role, owner, expected });
        }
        if terms_hash != offer.terms_hash {
            let (found, expected) = (terms_hash, offer.terms_hash);
            return Err(AcceptanceError::OtherTerms { role, found, expected });
        }
        if let OwnerSignature::Ecdsa(ecdsa) = signature {
            ecdsa
                .verify(owner, &offer.digest(role, deadline))
                .map_err(|source| AcceptanceError::Signature { role, source })?;
        }
        Ok(())
    }

    /// How it signed.
    pub const fn kind(&self) -> Kind {
        self.signature.kind()
    }
}

/// An acceptance as it is written: `signature` has the bytes alone. What it says of its kind has to be so; without, what is no
/// signature by the owner's key is taken for a contract's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Written {
    role: Role,
    #[serde(with = "json::account")]
    owner: Address,
    terms_hash: B256,
    #[serde(with = "json::integer")]
    deadline: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(with = "json::bytes")]
    signature: Bytes,
}

impl Written {
    pub(crate) fn of(acceptance: &Acceptance) -> Self {
        let Acceptance { deadline, role, owner, terms_hash, ref signature } = *acceptance;
        let kind = Some(signature.kind());
        Self { role, owner, terms_hash, deadline, kind, signature: signature.to_bytes() }
    }

    /// Reads it under an offer. What it says it accepts stays as it is written, to be checked.
    pub(crate) fn read(self, offer: &Offer) -> Result<Acceptance, AcceptanceError> {
        let Self { role, owner, terms_hash, deadline, kind, signature } = self;
        let read = Offer { terms_hash, ..*offer }.read(role, owner, deadline, &signature)?;
        if kind.is_some_and(|kind| kind != read.kind()) {
            let by_key = EcdsaSignature::from_bytes(&signature);
            let digest = offer.digest(role, deadline);
            let source = by_key.and_then(|read| read.verify(owner, &digest)).err();
            let source = source.unwrap_or(SignatureError::Length { length: signature.len() });
            return Err(AcceptanceError::Signature { role, source });
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: four words of the head, then the text.
    #[test]
    fn the_terms_hash_is_that_of_the_abi() {
        let (token, amount) = (Address::repeat_byte(0x11), U256::from(1_000));
        let mut bytes = Vec::new();
        bytes.extend(U256::from(128).to_be_bytes::<32>());
        bytes.extend(token.into_word());
        bytes.extend(amount.to_be_bytes::<32>());
        bytes.extend(keccak256("terms"));
        bytes.extend(U256::from(20).to_be_bytes::<32>());
        bytes.extend(b"quorate/escrow-terms");
        bytes.extend([0; 12]);
        assert_eq!(terms_hash(token, amount, b"terms"), keccak256(bytes));
    }
}
