use super::*;
use crate::{
    Instant,
    proposal::{Execution, Signature},
};
use alloy::{
    primitives::{Bytes, U256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use quorate_core::{
    Action, Nonce,
    action::Transfer,
    status::{Reason, StatusWord},
};

const DEADLINE: u64 = 2_000_000_000;

fn key(number: u64) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::from(U256::from(number + 1))).unwrap()
}

fn config() -> Config {
    let owners = (0..3).map(|number| key(number).address()).collect();
    Config::new(2, owners, Address::ZERO, Bytes::new()).unwrap()
}

fn request() -> Request {
    let transfers = vec![Transfer { to: Address::repeat_byte(7), amount: U256::from(10) }];
    Request {
        chain_id: 31_337,
        wallet: creation::wallet_address(&config(), B256::ZERO).unwrap(),
        epoch: 0,
        action: Action::Payout { token: Address::ZERO, transfers },
        nonce: Nonce::default(),
        deadline: DEADLINE,
    }
}

fn signature(number: u64, digest: &B256) -> Signature {
    let made = key(number).sign_hash_sync(digest).unwrap();
    Signature {
        owner: key(number).address(),
        kind: Kind::Ecdsa,
        signature: made.as_bytes().into(),
        counts: true,
        received_at: Instant::from_millis(0),
    }
}

/// Signed by owners 0 and 1 of three.
fn proposal() -> Proposal {
    let Request { chain_id, wallet, epoch, action, nonce, deadline } = request();
    let digest = request().digest();
    Proposal {
        digest,
        chain_id,
        wallet,
        epoch,
        action,
        nonce,
        lane: nonce.lane,
        sequence: nonce.sequence,
        deadline,
        note: None,
        status: StatusWord::Ready,
        reason: None,
        is_final: false,
        revision: 1,
        threshold: 2,
        signatures: vec![signature(0, &digest), signature(1, &digest)],
        missing: vec![key(2).address()],
        execution: None,
        last_failure: None,
        superseded_by: None,
        rivals: Vec::new(),
        attempts: Vec::new(),
        created_at: Instant::from_millis(0),
        updated_at: Instant::from_millis(0),
    }
}

fn facts(outcome: Option<Outcome>) -> Facts {
    Facts { head: 100, timestamp: DEADLINE - 1_000, epoch: 0, config: config(), outcome }
}

fn executed(block_number: u64) -> Proposal {
    let execution = Execution {
        tx_hash: B256::repeat_byte(1),
        block_number,
        block_hash: B256::repeat_byte(2),
        depth: Some(1),
        gas_used: None,
        fee: None,
        gas_fee: None,
        l1_fee: None,
        operator_fee: None,
    };
    Proposal { status: StatusWord::Executed, execution: Some(execution), ..proposal() }
}

fn lie(change: impl FnOnce(&mut Proposal)) -> Lie {
    let mut changed = proposal();
    change(&mut changed);
    changed.verify().and_then(|verified| verified.check(&facts(None))).unwrap_err()
}

#[test]
fn an_honest_answer_passes_and_becomes_a_file() {
    let verified = proposal().verify().unwrap();
    assert_eq!(verified.check(&facts(None)), Ok(Certainty::Proven));
    let verified = verified.check_asked(request().digest()).unwrap();
    let verified = verified.check_wallet(31_337, request().wallet).unwrap();
    let origin = Origin { config: config(), salt: B256::ZERO };
    let file = verified.to_file(Some(origin)).unwrap();
    assert_eq!((file.digest(), file.signatures().len()), (request().digest(), 2));
    let text = serde_json::to_string(verified.proposal()).unwrap();
    assert_eq!(serde_json::from_str::<Proposal>(&text).unwrap(), proposal());
}

#[test]
fn a_field_that_owners_sign_cannot_be_changed() {
    let changes: [fn(&mut Proposal); 7] = [
        |p| {
            let transfers = vec![Transfer { to: Address::repeat_byte(7), amount: U256::from(11) }];
            p.action = Action::Payout { token: Address::ZERO, transfers };
        },
        |p| p.wallet = Address::repeat_byte(9),
        |p| p.chain_id = 1,
        |p| p.epoch = 1,
        |p| p.deadline += 1,
        |p| p.nonce.sequence = 1,
        |p| p.digest = B256::ZERO,
    ];
    for change in changes {
        assert!(matches!(lie(change), Lie::Digest { .. }));
    }
    // With a digest that fits, the signatures do not.
    let changed = lie(|p| {
        p.deadline += 1;
        p.digest = p.request().digest();
    });
    assert!(matches!(changed, Lie::Signature { .. }), "{changed}");
}

#[test]
fn signers_cannot_be_made_up() {
    let forged = lie(|p| p.signatures[1].owner = key(2).address());
    assert!(matches!(forged, Lie::Signature { .. }), "{forged}");
    let twice = lie(|p| p.signatures[1] = p.signatures[0].clone());
    assert_eq!(twice, Lie::OwnerTwice { owner: key(0).address() });
    let stranger = lie(|p| p.signatures.push(signature(9, &request().digest())));
    assert_eq!(stranger, Lie::CountsStranger { owner: key(9).address() });
    let left_out = lie(|p| p.signatures[0].counts = false);
    assert_eq!(left_out, Lie::LeavesOut { owner: key(0).address() });
    assert_eq!(lie(|p| p.missing.clear()), Lie::Missing);
    let unsigned = lie(|p| {
        p.signatures.clear();
        p.missing = config().owners().to_vec();
    });
    assert_eq!(unsigned, Lie::Unsigned { digest: request().digest() });
    let approval = lie(|p| p.signatures[0].kind = Kind::Approved);
    assert!(matches!(approval, Lie::ApprovalWithBytes { .. }));
    assert!(!unsigned.may_pass());
    let one = lie(|p| {
        p.signatures.pop();
        p.missing.insert(0, key(1).address());
    });
    assert!(matches!(one, Lie::NotEnough { count: 1, threshold: 2, .. }), "{one}");
    assert!(one.may_pass());
}

#[test]
fn the_threshold_is_the_wallets() {
    assert_eq!(lie(|p| p.threshold = 1), Lie::Threshold { claimed: 1, actual: 2 });
    assert!(matches!(lie(|p| p.threshold = 0), Lie::Threshold { .. }));
}

#[test]
fn another_proposal_or_wallet_is_not_taken_for_the_one_asked_for() {
    let verified = proposal().verify().unwrap();
    assert!(matches!(verified.clone().check_asked(B256::ZERO), Err(Lie::OtherProposal { .. })));
    assert!(verified.clone().check_wallet(1, request().wallet).is_err());
    assert!(verified.check_wallet(31_337, Address::ZERO).is_err());
}

#[test]
fn executed_is_believed_only_where_the_chain_shows_it() {
    let check = |p: Proposal, outcome| p.verify().unwrap().check(&facts(outcome));
    let done = Outcome::Executed { tx_hash: B256::repeat_byte(1), block: 90 };
    assert_eq!(check(executed(90), Some(done)), Ok(Certainty::Proven));
    // A block that the reader has not seen yet may hold it.
    assert_eq!(check(executed(101), None), Ok(Certainty::Ahead));
    assert!(matches!(check(executed(100), None), Err(Lie::NotExecuted { .. })));
    assert!(matches!(check(executed(90), Some(Outcome::Superseded)), Err(Lie::NotSo { .. })));
    assert_eq!(check(proposal(), Some(done)), Ok(Certainty::Late));
}

#[test]
fn nothing_is_over_for_good_that_the_chain_shows_going_on() {
    for status in [StatusWord::Superseded, StatusWord::Expired] {
        let check = |is_final, facts: &Facts| {
            let changed = Proposal { status, is_final, ..proposal() };
            changed.verify().unwrap().check(facts)
        };
        assert_eq!(check(false, &facts(None)), Ok(Certainty::Ahead));
        assert!(matches!(check(true, &facts(None)), Err(Lie::NotSo { .. })));
        let done = Outcome::Executed { tx_hash: B256::ZERO, block: 1 };
        assert!(matches!(check(false, &facts(Some(done))), Err(Lie::NotSo { .. })));
    }
    let late = Facts { timestamp: DEADLINE + 1, ..facts(None) };
    let expired = Proposal { status: StatusWord::Expired, is_final: true, ..proposal() };
    assert_eq!(expired.verify().unwrap().check(&late), Ok(Certainty::Proven));
    let next_epoch = Facts { epoch: 1, ..facts(None) };
    let superseded = Proposal { status: StatusWord::Superseded, is_final: true, ..proposal() };
    assert_eq!(superseded.verify().unwrap().check(&next_epoch), Ok(Certainty::Proven));
}

#[test]
fn a_status_comes_with_what_belongs_to_it() {
    assert!(matches!(lie(|p| p.status = StatusWord::Executed), Lie::Shape { .. }));
    assert!(matches!(lie(|p| p.is_final = true), Lie::Shape { .. }));
    assert!(matches!(lie(|p| p.execution = executed(1).execution), Lie::Shape { .. }));
    let waiting = lie(|p| {
        p.status = StatusWord::Submitted;
        p.reason = Some(Reason::Budget);
    });
    assert!(matches!(waiting, Lie::Shape { .. }));
}

#[test]
fn a_wallet_is_what_its_address_commits_to() {
    let wallet = Wallet {
        chain_id: 31_337,
        address: request().wallet,
        config: config(),
        epoch: 0,
        salt: Some(B256::ZERO),
        origin_config: Some(config()),
        deployed: true,
        genuine: true,
        lanes: Vec::new(),
        head: None,
        final_depth: None,
        registered_at: Instant::from_millis(0),
    };
    assert!(wallet.verify_origin().unwrap().is_some());
    let owners = vec![key(0).address()];
    let other = Config::new(1, owners, Address::ZERO, Bytes::new()).unwrap();
    let changed = Wallet { config: other.clone(), ..wallet.clone() };
    assert!(matches!(changed.verify_origin(), Err(Lie::Config { .. })));
    let changed = Wallet { origin_config: Some(other.clone()), ..wallet.clone() };
    assert!(matches!(changed.verify_origin(), Err(Lie::Address { .. })));
    assert!(wallet.check_config(0, &other).is_err() && wallet.check_config(1, &other).is_ok());
    let none = Wallet { origin_config: None, ..wallet };
    assert_eq!(none.verify_origin(), Ok(None));
}
