//! What owners are asked to sign, and the digest they sign.

use crate::{
    Action, Nonce,
    action::{Call, Transfer},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{Eip712Domain, SolCall, SolStruct},
};
use quorate_bindings::{contracts::IWallet, typed};
use serde_json::{Value, json};

/// An action with everything else that its signatures commit to. Two requests with the same fields are
/// the same request: its digest is its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The wallet.
    pub wallet: Address,
    /// How often the wallet was reconfigured when this was made.
    pub epoch: u32,
    /// What is to be done.
    pub action: Action,
    /// The place in the wallet's queues.
    pub nonce: Nonce,
    /// Until when the wallet takes it, in Unix seconds, inclusive.
    pub deadline: u64,
}

/// The hashes of a request (EIP-712). Hardware wallets show the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// `hashStruct(domain)`: chain, wallet and epoch.
    pub domain_separator: B256,
    /// `hashStruct(message)`: action, nonce and deadline.
    pub struct_hash: B256,
    /// `keccak256(0x1901 ‖ domain_separator ‖ struct_hash)`: what owners sign.
    pub digest: B256,
}

impl Request {
    /// The digest that owners sign. Does not check that the action makes sense, or that the wallet exists.
    pub fn digest(&self) -> B256 {
        self.hashes().digest
    }

    /// The digest and the two hashes it is made of.
    pub fn hashes(&self) -> Hashes {
        let domain_separator = self.domain().separator();
        let struct_hash = self.struct_hash();
        let digest = keccak256([&[0x19, 0x01], &domain_separator[..], &struct_hash[..]].concat());
        Hashes { domain_separator, struct_hash, digest }
    }

    /// The one of these deadlines with which this has the digest; none if it has it with none of them. The deadline that it has
    /// does not matter.
    ///
    /// Takes about a second for a month of seconds.
    pub fn find_deadline(
        &self,
        digest: B256,
        deadlines: impl IntoIterator<Item = u64>,
    ) -> Option<u64> {
        let domain_separator = self.domain().separator();
        let mut fields = self.encoded();
        let end = fields.len();
        let mut message = [&[0x19, 0x01], &domain_separator[..], &[0; 32]].concat();
        deadlines.into_iter().find(|deadline| {
            fields[end - 8..].copy_from_slice(&deadline.to_be_bytes());
            message[34..].copy_from_slice(&keccak256(&fields)[..]);
            keccak256(&message) == digest
        })
    }

    /// What the struct hash is the hash of, with no deadline, which is the last field of every action.
    fn encoded(&self) -> Vec<u8> {
        fn of<T: SolStruct>(value: &T) -> Vec<u8> {
            [&value.eip712_type_hash()[..], &value.eip712_encode_data()].concat()
        }
        let (lane, sequence) = (self.nonce.lane.number(), self.nonce.sequence);
        let deadline = U256::ZERO;
        match &self.action {
            Action::Execute { calls } => {
                let calls = calls.iter().map(typed_call).collect();
                of(&typed::Execute { calls, lane, sequence, deadline })
            }
            Action::Payout { token, transfers } => {
                let transfers = transfers.iter().map(typed_transfer).collect();
                of(&typed::Payout { token: *token, transfers, lane, sequence, deadline })
            }
            Action::Reconfigure { config } => of(&typed::Reconfigure {
                threshold: config.threshold(),
                owners: config.owners().to_vec(),
                policy: config.policy().unwrap_or_default(),
                policyData: config.policy_data().clone(),
                lane,
                sequence,
                deadline,
            }),
            Action::Cancel {} => of(&typed::Cancel { lane, sequence, deadline }),
        }
    }

    /// The EIP-712 domain.
    pub fn domain(&self) -> Eip712Domain {
        typed::domain(self.chain_id, self.wallet, U256::from(self.epoch))
    }

    fn struct_hash(&self) -> B256 {
        let (lane, sequence) = (self.nonce.lane.number(), self.nonce.sequence);
        let deadline = U256::from(self.deadline);
        match &self.action {
            Action::Execute { calls } => {
                let calls = calls.iter().map(typed_call).collect();
                typed::Execute { calls, lane, sequence, deadline }.eip712_hash_struct()
            }
            Action::Payout { token, transfers } => {
                let transfers = transfers.iter().map(typed_transfer).collect();
                typed::Payout { token: *token, transfers, lane, sequence, deadline }
                    .eip712_hash_struct()
            }
            Action::Reconfigure { config } => typed::Reconfigure {
                threshold: config.threshold(),
                owners: config.owners().to_vec(),
                policy: config.policy().unwrap_or_default(),
                policyData: config.policy_data().clone(),
                lane,
                sequence,
                deadline,
            }
            .eip712_hash_struct(),
            Action::Cancel {} => typed::Cancel { lane, sequence, deadline }.eip712_hash_struct(),
        }
    }

    /// The request as wallets take it to be signed (`eth_signTypedData_v4`).
    pub fn typed_data(&self) -> Value {
        let (primary_type, mut message) = self.typed_message();
        message["lane"] = json!(self.nonce.lane.to_string());
        message["sequence"] = json!(self.nonce.sequence.to_string());
        message["deadline"] = json!(self.deadline.to_string());
        let mut types = types_of(&self.domain().encode_type());
        types.extend(types_of(&self.type_string()));
        json!({
            "types": types,
            "primaryType": primary_type,
            "domain": {
                "name": "Quorate",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": checksummed(self.wallet),
                "salt": B256::from(U256::from(self.epoch)),
            },
            "message": message,
        })
    }

    /// The EIP-712 type of the action: its name and members, and the types that those are of.
    pub fn type_string(&self) -> String {
        match self.action {
            Action::Execute { .. } => typed::Execute::eip712_encode_type(),
            Action::Payout { .. } => typed::Payout::eip712_encode_type(),
            Action::Reconfigure { .. } => typed::Reconfigure::eip712_encode_type(),
            Action::Cancel {} => typed::Cancel::eip712_encode_type(),
        }
        .into_owned()
    }

    /// The primary type, and its message without the fields that all actions have.
    fn typed_message(&self) -> (&'static str, Value) {
        match &self.action {
            Action::Execute { calls } => ("Execute", json!({ "calls": calls })),
            Action::Payout { token, transfers } => {
                ("Payout", json!({ "token": checksummed(*token), "transfers": transfers }))
            }
            Action::Reconfigure { config } => ("Reconfigure", json!(config)),
            Action::Cancel {} => ("Cancel", json!({})),
        }
    }

    /// The call to the wallet that carries the action out, with the packed `signatures`.
    ///
    /// Does not check the signatures.
    pub fn calldata(&self, signatures: Bytes) -> Bytes {
        let (nonce, deadline) = (self.nonce.to_u256(), U256::from(self.deadline));
        match &self.action {
            Action::Execute { calls } => {
                let calls = calls.iter().map(Into::into).collect();
                IWallet::executeCall { calls, nonce, deadline, signatures }.abi_encode()
            }
            Action::Payout { token, transfers } => {
                let transfers = transfers.iter().map(Into::into).collect();
                IWallet::payoutCall { token: *token, transfers, nonce, deadline, signatures }
                    .abi_encode()
            }
            Action::Reconfigure { config } => {
                let config = config.into();
                IWallet::reconfigureCall { config, nonce, deadline, signatures }.abi_encode()
            }
            Action::Cancel {} => IWallet::cancelCall { nonce, deadline, signatures }.abi_encode(),
        }
        .into()
    }
}

fn typed_call(call: &Call) -> typed::WalletCall {
    typed::WalletCall { to: call.to, value: call.value, data: call.data.clone() }
}

const fn typed_transfer(transfer: &Transfer) -> typed::Transfer {
    typed::Transfer { to: transfer.to, amount: transfer.amount }
}

fn checksummed(address: Address) -> String {
    address.to_checksum(None)
}

/// The JSON of the types in a type string, `Name(type name,…)Name(…)`.
pub(crate) fn types_of(type_string: &str) -> serde_json::Map<String, Value> {
    let mut types = serde_json::Map::new();
    for definition in type_string.split_terminator(')') {
        let (name, fields) = definition.split_once('(').expect("type strings are well formed");
        let field = |field: &str| {
            let (kind, name) = field.split_once(' ').expect("type strings are well formed");
            json!({ "name": name, "type": kind })
        };
        types.insert(name.to_owned(), fields.split(',').map(field).collect());
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use alloy::dyn_abi::TypedData;
    use proptest::prelude::*;

    #[test]
    fn digests_are_the_ones_viem_computes() {
        for (request, vector) in testing::vectors() {
            let hashes = request.hashes();
            assert_eq!(hashes.domain_separator, vector.domain_separator, "{}", vector.name);
            assert_eq!(hashes.struct_hash, vector.struct_hash, "{}", vector.name);
            assert_eq!(hashes.digest, vector.digest, "{}", vector.name);
        }
    }

    proptest! {
        /// Where a field of the domain is not listed, some libraries hash another domain and say nothing.
        #[test]
        fn typed_data_lists_every_field_of_the_domain(request in testing::request()) {
            let typed = request.typed_data();
            let listed = typed["types"]["EIP712Domain"].as_array().unwrap().iter();
            let listed: Vec<_> = listed.map(|field| field["name"].as_str().unwrap()).collect();
            prop_assert_eq!(&listed, &["name", "version", "chainId", "verifyingContract", "salt"]);
            let given: std::collections::BTreeSet<_> =
                typed["domain"].as_object().unwrap().keys().map(String::as_str).collect();
            prop_assert_eq!(given, listed.into_iter().collect());
        }

        /// The JSON that other wallets are given leads them to the same digest.
        #[test]
        fn typed_data_has_the_digest_of_the_request(request in testing::request()) {
            let typed: TypedData = serde_json::from_value(request.typed_data()).unwrap();
            prop_assert_eq!(typed.eip712_signing_hash().unwrap(), request.digest());
        }

        #[test]
        fn a_deadline_is_found_by_the_digest(request in testing::request()) {
            let near = request.deadline.saturating_sub(3)..=request.deadline.saturating_add(3);
            let other = Request { deadline: 0, ..request.clone() };
            let digest = request.digest();
            prop_assert_eq!(other.find_deadline(digest, near), Some(request.deadline));
            let past = request.deadline.saturating_add(1)..request.deadline.saturating_add(5);
            prop_assert_eq!(other.find_deadline(digest, past), None);
        }

        /// Whatever changes in a request, its signatures do not fit any more.
        #[test]
        fn every_field_is_in_the_digest(a in testing::request(), b in testing::request()) {
            prop_assert_eq!(a == b, a.digest() == b.digest());
            let digest = a.digest();
            let changes: [fn(&mut Request); 6] = [
                |r| r.chain_id ^= 1,
                |r| r.wallet.0[19] ^= 1,
                |r| r.epoch ^= 1,
                |r| r.nonce.sequence ^= 1,
                |r| r.nonce = Nonce::from_u256(r.nonce.to_u256() ^ (U256::ONE << 255)),
                |r| r.deadline ^= 1,
            ];
            for change in changes {
                let mut other = a.clone();
                change(&mut other);
                prop_assert_ne!(other.digest(), digest);
            }
        }
    }
}
