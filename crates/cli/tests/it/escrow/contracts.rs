//! Parties that are contracts: a Safe that signs by ERC-1271, and a Quorate wallet that approves on chain.

use super::{ARBITER, Story, usdc};
use crate::{environment::Environment, made_elsewhere::safe};
use alloy::{
    primitives::{Address, B256, U256, hex},
    signers::SignerSync as _,
    sol,
    sol_types::{SolStruct as _, SolValue as _, eip712_domain},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{owners::owner, tokens};
use serde_json::Value;

sol! {
    struct SafeMessage {
        bytes message;
    }
}

/// What the Safe takes for its signature over a digest.
fn by_safe(chain_id: u64, safe: Address, digest: B256) -> Result<String> {
    let message = SafeMessage { message: digest.abi_encode().into() };
    let domain = eip712_domain! { chain_id: chain_id, verifying_contract: safe, };
    let hash = message.eip712_signing_hash(&domain);
    Ok(hex::encode_prefixed(owner(30).sign_hash_sync(&hash)?.as_bytes()))
}

fn digest_of(answer: &Value) -> Result<B256> {
    Ok(answer["digest"].as_str().ok_or_eyre("no digest")?.parse()?)
}

/// The seller is a Safe, the buyer a wallet of two owners. Both accept, act, and are asked at the block of the evidence.
#[tokio::test]
async fn contracts_are_parties() -> Result<()> {
    let at = Environment::start().await?;
    let safe = safe(&at.chain, owner(30).address()).await?;
    let (one, two) = (owner(20).address().to_checksum(None), owner(21).address().to_checksum(None));
    let create = ["wallet", "create", "--owner", &one, "--owner", &two, "--threshold", "2"];
    let nested = at.json(&[&create[..], &["--out", "buyer.json"]].concat())?;
    let nested: Address = nested["address"].as_str().ok_or_eyre("no address")?.parse()?;
    let key = at.keystore(8)?;
    at.json(&["wallet", "deploy", "buyer.json", "--keystore", &key])?;
    let arbiter = owner(ARBITER).address();
    let story = Story::of(at, [nested, safe, arbiter], tokens::USDC.address(), "seller").await?;
    let at = &story.at;
    story.accept(ARBITER)?;
    story.deploy()?;

    // The Safe's acceptance, made elsewhere, of a deadline of its own.
    let deadline = (at.chain.now().await? + 86_400).to_string();
    let accept = ["escrow", "accept", "escrow.json", "--deadline", &deadline, "--as"];
    let typed = at.run(&[&accept[..], &["seller", "--typed-data"]].concat())?.stdout;
    let typed: alloy::dyn_abi::TypedData = serde_json::from_str(&typed)?;
    let signature = by_safe(at.chain.id(), safe, typed.eip712_signing_hash()?)?;
    let wrong = by_safe(at.chain.id(), safe, B256::ZERO)?;
    at.refuses(
        &[&accept[..], &["seller", "--signature", &wrong]].concat(),
        3,
        "no acceptance by the seller",
    )?;
    let accepted = at.json(&[&accept[..], &["seller", "--signature", &signature]].concat())?;
    ensure!(accepted["kind"] == "contract", "{accepted:#}");

    // The buyer's, approved on chain by both of its owners.
    let typed = at.run(&[&accept[..], &["buyer", "--typed-data"]].concat())?.stdout;
    let typed: alloy::dyn_abi::TypedData = serde_json::from_str(&typed)?;
    let approve = [&accept[..], &["buyer", "--signature", "0x"]].concat();
    at.refuses(&approve, 3, "did not approve")?;
    let digest = typed.eip712_signing_hash()?.to_string();
    let escrow = story.wallet.to_checksum(None);
    let call = ["propose", "call", "--wallet", "buyer.json", "--to", &escrow, "--sig"];
    at.json(&[&call[..], &["approve(bytes32)", &digest, "--out", "approve.json"]].concat())?;
    at.sign("approve.json", &[20, 21])?;
    story.submit("approve.json")?;
    ensure!(at.json(&approve)?["kind"] == "approved");
    let offline = at.program.clone().with("ETH_RPC_URL", "");
    let shown = offline.run(at.folder(), &["escrow", "show", "escrow.json"])?.stdout;
    ensure!(shown.starts_with("NOT CHECKED whether the buyer and the seller accepted"), "{shown}");
    ensure!(story.show()?["accepted"] == true);

    // Anybody may pay in.
    story.mint(owner(8).address(), usdc(1_000)).await?;
    at.json(&["escrow", "fund", "escrow.json", "--keystore", "key-8"])?;

    // The buyer disputes, approving on chain; the Safe offers, and the buyer's owners complete the offer.
    let act = |verb: &'static str, role: &'static str, out: &'static str| {
        ["escrow", verb, "escrow.json", "--as", role, "--out", out]
    };
    let approved = |file: &str| -> Result<()> {
        let approve = ["propose", "approve", "--wallet", "buyer.json", "--proposal", file];
        let out = format!("approve-{file}");
        at.json(&[&approve[..], &["--out", &out]].concat())?;
        at.sign(&out, &[20, 21])?;
        story.submit(&out)
    };
    at.json(&act("dispute", "buyer", "dispute.json"))?;
    approved("dispute.json")?;
    story.submit("dispute.json")?;
    let split = [&act("split", "seller", "offer.json")[..], &["--to-seller", "25%"]].concat();
    let offer = at.json(&split)?;
    let signature = by_safe(at.chain.id(), safe, digest_of(&offer)?)?;
    at.json(&["sign", "offer.json", "--signature", &signature])?;
    approved("offer.json")?;
    story.submit("offer.json")?;
    let held = story.balance(safe).await?;
    ensure!(held == U256::from(usdc(250)), "{held}");
    ensure!(story.balance(nested).await? == U256::from(usdc(2_750)));

    // Offline nobody can be asked; at the block of the evidence both stand by what they signed.
    story.evidence(6)?;
    Ok(())
}
