//! Acceptances of an escrow's terms over HTTP: who may accept what, until when.

use crate::http_stage::{OPEN, Stage, Wallet, now};
use alloy::primitives::{Address, B256, U256};
use eyre::Result;
use quorate_api::{Acceptance, Page, ProblemCode};
use quorate_bindings::canonical;
use quorate_core::{Config, creation};
use quorate_lab::{deploy, owners::owner, signatures};
use quorate_treasury::{
    EscrowTerms,
    escrow::{
        Role,
        acceptance::{Offer, terms_hash},
    },
    escrow_terms::Party,
};
use serde_json::{Value, json};

fn hash() -> B256 {
    terms_hash(Address::ZERO, U256::from(5), b"terms")
}

fn escrow(stage: &Stage) -> Result<Wallet> {
    let terms = EscrowTerms {
        expiry: now() + 1_000_000,
        arbitration_secs: 1_000,
        beneficiary: Party::Seller,
        arbiter_fee_cap_bps: 100,
        terms_hash: hash(),
    };
    let owners = [5, 6, 7].map(|number| owner(number).address()).to_vec();
    let policy = canonical::ESCROW_POLICY.address;
    let config = Config::new(1, owners, policy, terms.to_policy_data())?;
    let address = creation::wallet_address(&config, B256::ZERO)?;
    Ok(Wallet { chain_id: stage.chain.id(), address, config, salt: B256::ZERO })
}

/// The acceptance of a party, signed by this key.
fn accepted(wallet: &Wallet, role: Role, deadline: u64, by: u64) -> Result<Value> {
    let (chain_id, terms_hash) = (wallet.chain_id, hash());
    let digest = Offer { chain_id, wallet: wallet.address, terms_hash }.digest(role, deadline);
    let signed = signatures::sign(&digest, [&owner(by)])?;
    let signature = signed.into_values().next().map(|signature| signature.to_bytes());
    Ok(json!({
        "role": role.index(),
        "owner": wallet.config.owners()[usize::from(role.index())].to_checksum(None),
        "termsHash": terms_hash,
        "deadline": deadline,
        "signature": signature,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_party_accepts_once_and_the_newest_is_kept() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = escrow(&stage)?;
    let path = format!("{}/acceptances", wallet.path());
    let deadline = now() + 1_000;
    let first = accepted(&wallet, Role::Seller, deadline, 6)?;
    let unknown = server.post(&path, &first).await?;
    assert_eq!(unknown.code(), Some(ProblemCode::UnknownWallet));
    assert_eq!(server.get(&path).await?.code(), Some(ProblemCode::UnknownWallet));
    server.register(&wallet).await?;
    let none: Page<Acceptance> = server.get(&path).await?.read_as()?;
    assert!(none.items.is_empty());

    assert_eq!(server.post(&path, &first).await?.status, 201);
    assert_eq!(server.post(&path, &first).await?.status, 200);
    let later = accepted(&wallet, Role::Seller, deadline + 5, 6)?;
    assert_eq!(server.post(&path, &later).await?.status, 201);
    let kept = server.post(&path, &first).await?;
    assert_eq!((kept.status, kept.body["deadline"].as_u64()), (200, Some(deadline + 5)));
    let buyers = accepted(&wallet, Role::Buyer, deadline, 5)?;
    assert_eq!(server.post(&path, &buyers).await?.status, 201);
    let all: Page<Acceptance> = server.get(&path).await?.read_as()?;
    let told: Vec<_> = all.items.iter().map(|one| (one.role, one.deadline)).collect();
    assert_eq!((told, all.next_cursor), (vec![(0, deadline), (1, deadline + 5)], None));
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_acceptance_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = escrow(&stage)?;
    server.register(&wallet).await?;
    let path = format!("{}/acceptances", wallet.path());
    let deadline = now() + 1_000;
    let good = accepted(&wallet, Role::Seller, deadline, 6)?;
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        changed
    };
    let past = accepted(&wallet, Role::Seller, now() - 5, 6)?;
    let elsewhere = Wallet { chain_id: 1, ..wallet.clone() };
    let elsewhere = accepted(&elsewhere, Role::Seller, deadline, 6)?;
    let stranger = owner(9).address().to_checksum(None);
    for (body, code) in [
        (past, ProblemCode::DeadlinePast),
        (elsewhere, ProblemCode::InvalidSignature),
        (with("deadline", json!(deadline + 1)), ProblemCode::InvalidSignature),
        (with("owner", json!(stranger)), ProblemCode::NotOwner),
        (with("role", json!(0)), ProblemCode::NotOwner),
        (with("role", json!(3)), ProblemCode::NotOwner),
        (with("termsHash", json!(B256::repeat_byte(1))), ProblemCode::OtherTerms),
        (with("signature", json!("0x")), ProblemCode::NotApproved),
        (with("signature", json!("0x1234")), ProblemCode::InvalidSignature),
        (with("more", json!(1)), ProblemCode::InvalidBody),
    ] {
        let answer = server.post(&path, &body).await?;
        assert_eq!(answer.code(), Some(code), "{body} {}", answer.body);
    }
    let plain = stage.deployed(1).await?;
    server.register(&plain).await?;
    let answer = server.post(&format!("{}/acceptances", plain.path()), &good).await?;
    assert_eq!(answer.code(), Some(ProblemCode::NotEscrow));
    let all: Page<Acceptance> = server.get(&path).await?.read_as()?;
    assert!(all.items.is_empty());
    server.stop().await
}

/// A party that is a contract approves the digest on the escrow, and `0x` is taken then.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_on_chain_is_an_acceptance() -> Result<()> {
    use alloy::sol_types::SolCall as _;
    use quorate_bindings::contracts::IWallet::approveCall;
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = escrow(&stage)?;
    deploy::wallet(&stage.chain, &wallet.config, wallet.salt).await?;
    server.register(&wallet).await?;
    let deadline = now() + 1_000;
    let offer = Offer { chain_id: wallet.chain_id, wallet: wallet.address, terms_hash: hash() };
    let digest = offer.digest(Role::Arbiter, deadline);
    let data = approveCall { digest }.abi_encode().into();
    stage.send_as(owner(7).address(), wallet.address, data).await?;
    let mut body = accepted(&wallet, Role::Arbiter, deadline, 7)?;
    body["signature"] = json!("0x");
    let answer = server.post(&format!("{}/acceptances", wallet.path()), &body).await?;
    assert_eq!((answer.status, &answer.body["signature"]), (201, &json!("0x")));
    server.stop().await
}
