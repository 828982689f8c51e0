//! What the tests of this crate share: keys, random requests, and the vectors that viem made.

use crate::{
    Action, Config, Lane, Nonce, OwnerSignature, Request,
    action::{Call, Transfer},
    signature::EcdsaSignature,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A key that anyone can derive.
pub(crate) fn key(number: u64) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(format!("quorate owner {number}"))).unwrap()
}

/// The signature of that key.
pub(crate) fn sign(number: u64, digest: &B256) -> EcdsaSignature {
    let signature = key(number).sign_hash_sync(digest).unwrap();
    EcdsaSignature::from_bytes(&signature.as_bytes()).unwrap()
}

pub(crate) fn two_of_three() -> Config {
    let owners = (0..3).map(|number| key(number).address()).collect();
    Config::new(2, owners, Address::ZERO, Bytes::new()).unwrap()
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

fn number() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        any::<u64>().prop_map(U256::from),
        Just(U256::MAX)
    ]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..70).prop_map(Bytes::from)
}

pub(crate) fn config() -> impl Strategy<Value = Config> {
    let owners = proptest::collection::btree_set(any::<[u8; 20]>(), 1..6);
    (owners, any::<u64>(), address(), bytes()).prop_map(|(owners, threshold, policy, data)| {
        let owners: Vec<_> = owners.into_iter().map(Address::from).collect();
        let threshold = threshold % owners.len() as u64 + 1;
        Config::new(threshold, owners, policy, data).unwrap()
    })
}

fn action() -> impl Strategy<Value = Action> {
    let call =
        (address(), number(), bytes()).prop_map(|(to, value, data)| Call { to, value, data });
    let transfer = (address(), number()).prop_map(|(to, amount)| Transfer { to, amount });
    prop_oneof![
        vec(call, 0..4).prop_map(|calls| Action::Execute { calls }),
        (address(), vec(transfer, 0..4))
            .prop_map(|(token, transfers)| Action::Payout { token, transfers }),
        config().prop_map(|config| Action::Reconfigure { config }),
        Just(Action::Cancel {}),
    ]
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let place = (1_u64..1 << 53, 0_u64..1 << 53);
    (place, address(), any::<u32>(), action(), number()).prop_map(
        |((chain_id, deadline), wallet, epoch, action, nonce)| Request {
            chain_id,
            wallet,
            epoch,
            action,
            nonce: Nonce::from_u256(nonce),
            deadline,
        },
    )
}

#[derive(Deserialize)]
struct Vectors {
    actions: Vec<Vector>,
}

/// One action of the vectors, with what viem computed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vector {
    pub(crate) name: String,
    chain_id: String,
    wallet: Address,
    epoch: String,
    pub(crate) config: Config,
    action: Action,
    lane: String,
    sequence: String,
    deadline: String,
    pub(crate) domain_separator: B256,
    pub(crate) struct_hash: B256,
    pub(crate) digest: B256,
    signers: Vec<Signer>,
    pub(crate) signatures: Bytes,
}

#[derive(Deserialize)]
struct Signer {
    owner: Address,
    signature: Bytes,
}

impl Vector {
    pub(crate) fn signed(&self) -> BTreeMap<Address, OwnerSignature> {
        let read = |signer: &Signer| {
            let signature = OwnerSignature::of(signer.owner, &self.digest, &signer.signature);
            (signer.owner, signature.unwrap())
        };
        self.signers.iter().map(read).collect()
    }
}

/// The vectors but those whose deadline does not fit 64 bits, which no request has.
pub(crate) fn vectors() -> Vec<(Request, Vector)> {
    let text = include_str!("../../../anvil-fixtures/vectors/eip712.json");
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    let read = |vector: Vector| {
        let lane: Lane = vector.lane.parse().unwrap();
        let request = Request {
            chain_id: vector.chain_id.parse().unwrap(),
            wallet: vector.wallet,
            epoch: vector.epoch.parse().unwrap(),
            action: vector.action.clone(),
            nonce: Nonce::new(lane, vector.sequence.parse().unwrap()),
            deadline: vector.deadline.parse().ok()?,
        };
        Some((request, vector))
    };
    let vectors: Vec<_> = vectors.actions.into_iter().filter_map(read).collect();
    assert!(vectors.len() > 15);
    vectors
}

/// Asserts that a file is what its published schema says.
pub(crate) fn assert_valid(schema: &str, json: &str) {
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let json = serde_json::from_str(json).unwrap();
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{json:#}");
}
