//! Against a pretend device that asks as the firmware asks, and makes a digest of what it is told.

use super::{Prompt, Question, Trezor, pretend::Pretend};
use crate::{failure, key::path::DerivationPath};
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    dyn_abi::TypedData,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    signers::local::PrivateKeySigner,
    sol_types::SolStruct as _,
};
use eyre::{Result, bail};
use proptest::{collection::vec, prelude::*};
use quorate_bindings::typed;
use quorate_core::{
    Action, Config, Nonce, Request,
    action::{Call, Transfer},
    request::Hashes,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use trezor_client::{Model, client::trezor_with_transport};

/// The Model One, and those that came after it.
const ONE: &str = "T1B1";
const NEWER: [&str; 5] = ["T2T1", "T2B1", "T3B1", "T3T1", "T3W1"];

fn key() -> PrivateKeySigner {
    quorate_lab::owners::owner(1)
}

fn nobody() -> Prompt {
    Box::new(|question| bail!("nobody is there to type the {question:?}"))
}

fn connect(device: Pretend, prompt: Prompt) -> Result<Trezor> {
    let client = trezor_with_transport(Model::Trezor, Box::new(device.start()));
    Trezor::begin(client, DerivationPath::of_trezor(0), prompt)
}

/// The exit code and the line of a refusal.
fn refused<T>(done: Result<T>) -> (u8, String) {
    let error = done.err().expect("it is refused");
    (failure::cause_of(&error) as u8, error.to_string())
}

fn is_signed(trezor: &mut Trezor, typed_data: &Value, hashes: &Hashes) -> bool {
    let signature = trezor.sign(typed_data, hashes).unwrap();
    signature.recover_address_from_prehash(&hashes.digest).unwrap() == trezor.address()
}

/* DIGESTS */

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

fn number() -> impl Strategy<Value = U256> {
    let any_number = any::<[u64; 4]>().prop_map(U256::from_limbs);
    prop_oneof![any_number, any::<u64>().prop_map(U256::from), Just(U256::MAX), Just(U256::ZERO)]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn config() -> impl Strategy<Value = Config> {
    let owners = proptest::collection::btree_set(any::<[u8; 20]>(), 1..6);
    (owners, any::<u64>(), address(), bytes()).prop_map(|(owners, threshold, policy, data)| {
        let owners: Vec<_> = owners.into_iter().map(Address::from).collect();
        Config::new(threshold % owners.len() as u64 + 1, owners, policy, data).unwrap()
    })
}

fn action() -> impl Strategy<Value = Action> {
    let call = (address(), number(), bytes());
    let call = call.prop_map(|(to, value, data)| Call { to, value, data });
    let transfer = (address(), number()).prop_map(|(to, amount)| Transfer { to, amount });
    prop_oneof![
        vec(call, 0..4).prop_map(|calls| Action::Execute { calls }),
        (address(), vec(transfer, 0..300))
            .prop_map(|(token, transfers)| Action::Payout { token, transfers }),
        config().prop_map(|config| Action::Reconfigure { config }),
        Just(Action::Cancel {}),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let place = (1..u64::MAX, any::<u64>());
    (place, address(), any::<u32>(), action(), number()).prop_map(
        |((chain_id, deadline), wallet, epoch, action, nonce)| {
            let nonce = Nonce::from_u256(nonce);
            Request { chain_id, wallet, epoch, action, nonce, deadline }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Case 18: whatever is to be signed, each model signs it, and over our digest.
    #[test]
    fn every_model_signs_any_request_over_its_digest(request in request(), newer in 0..NEWER.len()) {
        for model in [ONE, NEWER[newer]] {
            let mut trezor = connect(Pretend::new(model, key()), nobody()).unwrap();
            prop_assert_eq!(trezor.address(), key().address());
            prop_assert!(is_signed(&mut trezor, &request.typed_data(), &request.hashes()), "{}", model);
        }
    }

    /// Case 18: and the acceptance of an escrow's terms.
    #[test]
    fn every_model_signs_any_acceptance_over_its_digest(
        (role, terms, deadline) in (any::<u8>(), any::<[u8; 32]>(), number()),
        (chain_id, wallet, epoch) in (any::<u64>(), address(), any::<u32>()),
    ) {
        let accept = typed::Accept { role, termsHash: terms.into(), deadline };
        let domain = typed::domain(chain_id, wallet, U256::from(epoch));
        let hashes = Hashes {
            domain_separator: domain.separator(),
            struct_hash: accept.eip712_hash_struct(),
            digest: accept.eip712_signing_hash(&domain),
        };
        let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let cancel = Request { action: Action::Cancel {}, ..any_request() }.typed_data();
        let typed_data = json!({
            "types": {
                "EIP712Domain": cancel["types"]["EIP712Domain"],
                "Accept": [field("role", "uint8"), field("termsHash", "bytes32"), field("deadline", "uint256")],
            },
            "primaryType": "Accept",
            "domain": {
                "name": "Quorate", "version": "1", "chainId": chain_id, "verifyingContract": wallet,
                "salt": B256::from(U256::from(epoch)),
            },
            "message": { "role": role, "termsHash": B256::from(terms), "deadline": deadline.to_string() },
        });
        for model in [ONE, NEWER[0]] {
            let mut trezor = connect(Pretend::new(model, key()), nobody()).unwrap();
            prop_assert!(is_signed(&mut trezor, &typed_data, &hashes), "{}", model);
        }
    }
}

fn any_request() -> Request {
    let transfer =
        |byte, amount| Transfer { to: Address::repeat_byte(byte), amount: U256::from(amount) };
    Request {
        chain_id: 31337,
        wallet: Address::repeat_byte(9),
        epoch: 7,
        action: Action::Payout {
            token: Address::ZERO,
            transfers: vec![transfer(1, 1), transfer(2, 300)],
        },
        nonce: Nonce::from_u256(U256::from(3)),
        deadline: 4_000_000_000,
    }
}

/// Case 18: types first, depth first, then name and version for the headline, then all values, an array's length first.
#[test]
fn the_device_asks_as_the_firmware_does() {
    let device = Pretend::new(NEWER[0], key());
    let asked = Arc::clone(&device.asked);
    let request = any_request();
    let mut trezor = connect(device, nobody()).unwrap();
    assert!(is_signed(&mut trezor, &request.typed_data(), &request.hashes()));
    let domain = (0..5).map(|index| format!("value [0, {index}]"));
    let expected =
        ["type EIP712Domain", "type Payout", "type Transfer", "value [0, 0]", "value [0, 1]"]
            .map(str::to_owned)
            .into_iter()
            .chain(domain)
            .chain(
                [
                    "[1, 0]",
                    "[1, 1]",
                    "[1, 1, 0, 0]",
                    "[1, 1, 0, 1]",
                    "[1, 1, 1, 0]",
                    "[1, 1, 1, 1]",
                    "[1, 2]",
                    "[1, 3]",
                    "[1, 4]",
                ]
                .map(|place| format!("value {place}")),
            );
    assert_eq!(*asked.lock().unwrap(), expected.collect::<Vec<_>>());
}

/// Not ours: structs in structs, arrays of arrays, lengths that are fixed, and every kind of value.
#[test]
fn typed_data_of_any_shape_is_told_rightly() {
    let typed_data = json!({
        "types": {
            "EIP712Domain": [{ "name": "name", "type": "string" }, { "name": "salt", "type": "bytes32" }],
            "Mail": [
                { "name": "from", "type": "Person" }, { "name": "to", "type": "Person[2]" },
                { "name": "grid", "type": "int16[2][]" }, { "name": "urgent", "type": "bool" },
                { "name": "tag", "type": "bytes3" }, { "name": "large", "type": "int256" },
                { "name": "hex", "type": "uint40" }, { "name": "empty", "type": "Attachment[]" },
            ],
            "Person": [{ "name": "name", "type": "string" }, { "name": "wallets", "type": "address[]" }],
            "Attachment": [{ "name": "data", "type": "bytes" }],
        },
        "primaryType": "Mail",
        "domain": { "name": "Löhne", "salt": B256::repeat_byte(3) },
        "message": {
            "from": { "name": "", "wallets": [] },
            "to": [
                { "name": "東京", "wallets": [Address::repeat_byte(1), Address::ZERO] },
                { "name": "b", "wallets": [] },
            ],
            "grid": [[-1, 2], [-32768, 32767]],
            "urgent": true,
            "tag": "0x010203",
            "large": "-57896044618658097711785492504343953926634992332820282019728792003956564819968",
            "hex": "0xffffffffff",
            "empty": [],
        },
    });
    let ours: TypedData = serde_json::from_value(typed_data.clone()).unwrap();
    let hashes = Hashes {
        domain_separator: ours.domain.separator(),
        struct_hash: ours.hash_struct().unwrap(),
        digest: ours.eip712_signing_hash().unwrap(),
    };
    let mut trezor = connect(Pretend::new(NEWER[0], key()), nobody()).unwrap();
    assert!(is_signed(&mut trezor, &typed_data, &hashes));
}

#[test]
fn values_that_do_not_fit_their_type_are_refused_before_a_signature() {
    let request = any_request();
    let changes: [(&str, Value); 4] = [
        ("/message/lane", json!("-1")),
        ("/message/sequence", json!("18446744073709551616")),
        ("/message/transfers/0/to", json!("0x01")),
        ("/message/deadline", json!("")),
    ];
    for (place, value) in changes {
        let mut typed_data = request.typed_data();
        *typed_data.pointer_mut(place).unwrap() = value;
        let mut trezor = connect(Pretend::new(NEWER[0], key()), nobody()).unwrap();
        let (code, line) = refused(trezor.sign(&typed_data, &request.hashes()));
        assert_eq!(code, 3, "{place}: {line}");
        // The device was told, and is ready for the next.
        assert!(is_signed(&mut trezor, &request.typed_data(), &request.hashes()), "{place}");
    }
}

/* TRANSACTIONS */

#[test]
fn transactions_are_signed_whatever_their_length() {
    for length in [0, 1, 1024, 1025, 5000] {
        let transaction = TxEip1559 {
            chain_id: 31337,
            nonce: 0,
            gas_limit: 21_000,
            max_fee_per_gas: u128::MAX,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(Address::repeat_byte(5)),
            value: U256::MAX,
            input: vec![7; length].into(),
            ..TxEip1559::default()
        };
        let mut trezor = connect(Pretend::new(NEWER[0], key()), nobody()).unwrap();
        let signature = trezor.sign_transaction(&transaction).unwrap();
        let signer = signature.recover_address_from_prehash(&transaction.signature_hash());
        assert_eq!(signer.unwrap(), key().address(), "{length}");
    }
}

/* WHOEVER HOLDS IT */

#[test]
fn a_refusal_on_the_device_is_no_signature_and_not_our_fault() {
    let request = any_request();
    for model in [ONE, NEWER[0]] {
        for confirmations in 0..if model == ONE { 1 } else { 4 } {
            let device = Pretend { confirmations, ..Pretend::new(model, key()) };
            let mut trezor = connect(device, nobody()).unwrap();
            let (code, line) = refused(trezor.sign(&request.typed_data(), &request.hashes()));
            assert_eq!(
                (code, line.as_str()),
                (4, "it was refused on the Trezor: nothing is signed")
            );
        }
    }
}

#[test]
fn what_a_model_one_has_typed_is_asked_for_here() {
    let device = || Pretend {
        pin: Some("519".to_owned()),
        passphrase: Some("hidden".to_owned()),
        ..Pretend::new(ONE, key())
    };
    let questions = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&questions);
    let typed: Prompt = Box::new(move |question| {
        told.lock().unwrap().push(question);
        Ok(match question {
            Question::Pin => "519".to_owned(),
            Question::Passphrase => "hidden".to_owned(),
        })
    });
    let request = any_request();
    let mut trezor = connect(device(), typed).unwrap();
    assert!(is_signed(&mut trezor, &request.typed_data(), &request.hashes()));
    assert_eq!(*questions.lock().unwrap(), [Question::Pin, Question::Passphrase]);

    let wrong: Prompt = Box::new(|_| Ok("111".to_owned()));
    let (code, line) = refused(connect(device(), wrong));
    assert_eq!((code, line.as_str()), (3, "the Trezor says that the PIN is wrong"));
    let (_, line) = refused(connect(device(), nobody()));
    assert_eq!(line, "nobody is there to type the Pin");
}

#[test]
fn a_passphrase_is_entered_on_a_device_that_can() {
    let device = Pretend { passphrase: Some("hidden".to_owned()), ..Pretend::new(NEWER[0], key()) };
    let request = any_request();
    let mut trezor = connect(device, nobody()).unwrap();
    assert!(is_signed(&mut trezor, &request.typed_data(), &request.hashes()));
}

/* DEVICES THAT CANNOT */

#[test]
fn devices_that_cannot_sign_are_told_what_to_do() {
    let with = |change: fn(&mut trezor_client::Features)| {
        let mut device = Pretend::new(NEWER[0], key());
        change(&mut device.features);
        refused(connect(device, nobody()))
    };
    let cases = [
        (with(|f| f.set_bootloader_mode(true)), "bootloader mode"),
        (with(|f| f.set_initialized(false)), "set it up in Trezor Suite"),
        (with(|f| f.set_minor_version(4)), "firmware is 2.4.1, and 2.5.1 is the oldest that can"),
    ];
    for ((code, line), said) in cases {
        assert_eq!(code, 3, "{line}");
        assert!(line.contains(said), "{line}");
    }
    let path = vec![1 << 31 | 44, 5];
    let (code, line) =
        refused(connect(Pretend { path, ..Pretend::new(NEWER[0], key()) }, nobody()));
    assert_eq!(code, 3);
    assert!(line.contains("derivation path (\"Forbidden key path\")"), "{line}");
}

/// The model decides, not the version: a version of the future says nothing of what a device can do.
#[test]
fn the_model_one_is_known_by_its_model() {
    let mut features = trezor_client::Features::new();
    features.set_major_version(1);
    assert!(super::is_model_one(&features));
    features.set_model("T".to_owned());
    assert!(!super::is_model_one(&features));
    features.set_model("1".to_owned());
    assert!(super::is_model_one(&features));
    features.set_internal_model("T3W1".to_owned());
    assert!(!super::is_model_one(&features));
}

/// Another passphrase gives another wallet: what it signs is no signature of this owner.
#[test]
fn a_signature_of_another_address_is_refused() {
    let request = any_request();
    let mut trezor = connect(Pretend::new(NEWER[0], key()), nobody()).unwrap();
    trezor.address = Address::from_word(keccak256("another"));
    let (code, line) = refused(trezor.sign(&request.typed_data(), &request.hashes()));
    assert_eq!(code, 7);
    assert!(line.contains(&key().address().to_checksum(None)), "{line}");
}
