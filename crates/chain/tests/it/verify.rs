//! Whose signatures count.

use crate::stage::{SALT, Stage, config, sign};
use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::SolValue,
};
use eyre::{Result, ensure};
use quorate_bindings::typed;
use quorate_chain::{Refusal, Rejected, WalletState};
use quorate_core::{Action, Config, Nonce, OwnerSignature, Proposal, packing};
use quorate_lab::owners::owner;
use std::collections::BTreeMap;

/// An outer wallet, 2-of-4: owners 7 and 8, an inner wallet of owner 0 alone, and another one.
struct Nested {
    stage: Stage,
    inner: [Address; 2],
    inner_config: [Config; 2],
    config: Config,
    state: WalletState,
    proposal: Proposal,
}

async fn nested() -> Result<Nested> {
    let stage = Stage::new().await?;
    let salted =
        Config::new(1, vec![owner(0).address(), owner(9).address()], Address::ZERO, Bytes::new())?;
    let inner_config = [config(1, 1)?, salted];
    let inner = [stage.create(&inner_config[0]).await?, stage.create(&inner_config[1]).await?];
    let owners = vec![owner(7).address(), inner[0], owner(8).address(), inner[1]];
    let config = Config::new(2, owners, Address::ZERO, Bytes::new())?;
    let outer = stage.create(&config).await?;
    let state = stage.chain.wallet(outer, Some((&config, SALT))).await?;
    let request = stage.request(outer, Action::Cancel {}, Nonce::default());
    let proposal = Proposal::new(request, None, None)?;
    Ok(Nested { stage, inner, inner_config, config, state, proposal })
}

impl Nested {
    /// What owner 0 signs for its wallet, as a personal message (ERC-7739).
    fn by_inner(&self, which: usize, hash: B256) -> Result<Bytes> {
        let typehash = keccak256("PersonalSign(bytes prefixed)");
        let struct_hash = keccak256((typehash, hash).abi_encode());
        let domain = typed::domain(self.stage.chain.id(), self.inner[which], U256::ZERO);
        let digest =
            keccak256([&hex!("1901")[..], &domain.separator()[..], &struct_hash[..]].concat());
        let signed = BTreeMap::from([(owner(0).address(), sign(0, digest)?)]);
        Ok(packing::pack(&self.inner_config[which], &signed)?)
    }
}

#[tokio::test]
async fn a_wallet_that_owns_a_wallet_signs_for_it() -> Result<()> {
    let mut nested = nested().await?;
    let digest = nested.proposal.digest();
    let good = OwnerSignature::by_contract(nested.by_inner(0, digest)?)?;
    let wrong = OwnerSignature::by_contract(nested.by_inner(0, !digest)?)?;
    nested.proposal.add(nested.inner[0], wrong)?;
    nested.proposal.add(nested.inner[0], good.clone())?;
    nested.proposal.add(owner(8).address(), sign(8, digest)?)?;

    let verified = nested.stage.chain.verify(&nested.proposal, &nested.state).await?;
    let expected =
        BTreeMap::from([(nested.inner[0], good), (owner(8).address(), sign(8, digest)?)]);
    assert_eq!(verified.valid, expected);
    assert_eq!(
        (verified.rejected, verified.missing),
        (vec![], vec![owner(7).address(), nested.inner[1]])
    );

    // The wallet takes what was found to hold.
    let signatures = packing::pack(&nested.config, &verified.valid)?;
    let sender = nested.stage.anvil.sender();
    let gas = nested.stage.chain.simulate(nested.proposal.request(), signatures, sender).await?;
    ensure!(gas > 21_000);
    Ok(())
}

#[tokio::test]
async fn an_approval_counts_whether_the_file_lists_it_or_not() -> Result<()> {
    let nested = nested().await?;
    let (digest, outer) = (nested.proposal.digest(), nested.state.address);
    let chain = &nested.stage.chain;
    for (inner, config) in nested.inner.into_iter().zip(&nested.inner_config) {
        ensure!(!chain.approved(outer, digest, inner).await?);
        nested.stage.approve_by(config, inner, outer, digest).await?;
        ensure!(chain.approved(outer, digest, inner).await?);
        ensure!(!chain.approved(outer, !digest, inner).await?);
    }
    let mut proposal = nested.proposal.clone();
    proposal.add(nested.inner[1], OwnerSignature::Approved)?;
    let verified = chain.verify(&proposal, &nested.state).await?;
    let approved = nested.inner.map(|inner| (inner, OwnerSignature::Approved));
    assert_eq!(verified.valid, BTreeMap::from(approved));
    ensure!(verified.rejected.is_empty() && verified.missing.len() == 2);
    Ok(())
}

#[tokio::test]
async fn what_does_not_hold_is_rejected_with_the_reason() -> Result<()> {
    let mut nested = nested().await?;
    let (chain_id, digest) = (nested.stage.chain.id(), nested.proposal.digest());
    let stranger = owner(5).address();
    let for_other = OwnerSignature::by_contract(nested.by_inner(1, digest)?)?;
    nested.proposal.add(nested.inner[0], for_other)?;
    nested.proposal.add(nested.inner[1], OwnerSignature::Approved)?;
    nested.proposal.add(owner(7).address(), OwnerSignature::by_contract(vec![1].into())?)?;
    nested.proposal.add(stranger, sign(5, digest)?)?;

    let verified = nested.stage.chain.verify(&nested.proposal, &nested.state).await?;
    let mut expected = [
        (nested.inner[0], Refusal::Refuses),
        (nested.inner[1], Refusal::NotApproved),
        (owner(7).address(), Refusal::NoCode { chain_id, recovered: None }),
        (stranger, Refusal::NotOwner),
    ]
    .map(|(owner, reason)| Rejected { owner, reason });
    expected.sort_by_key(|rejected| rejected.owner);
    assert_eq!(verified.rejected, expected);
    assert_eq!(verified.missing, nested.config.owners());
    ensure!(verified.valid.is_empty());
    Ok(())
}

#[tokio::test]
async fn signatures_for_an_undeployed_wallet_are_verified() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let wallet = quorate_core::creation::wallet_address(&config, SALT)?;
    let request = stage.request(wallet, Action::Cancel {}, Nonce::default());
    let mut proposal = Proposal::new(request, None, None)?;
    proposal.add(owner(1).address(), sign(1, proposal.digest())?)?;
    let state = stage.chain.wallet(wallet, Some((&config, SALT))).await?;
    let verified = stage.chain.verify(&proposal, &state).await?;
    ensure!(verified.valid.contains_key(&owner(1).address()) && verified.missing.len() == 2);
    // Without the origin nobody knows the owners.
    let state = stage.chain.wallet(wallet, None).await?;
    ensure!(stage.chain.verify(&proposal, &state).await.is_err());
    ensure!(!stage.chain.approved(wallet, proposal.digest(), owner(1).address()).await?);
    Ok(())
}

#[tokio::test]
async fn only_the_one_word_accepts_a_signature() -> Result<()> {
    let stage = Stage::new().await?;
    let [wallet, stranger] = [Address::repeat_byte(1), Address::repeat_byte(2)];
    let word = &hex!("631626ba7e60e01b60005260206000f3")[..];
    // The word for `wallet` alone, as a policy with a list of callers would answer.
    let for_wallet =
        [&hex!("73")[..], wallet.as_slice(), &hex!("3314631626ba7e0260e01b60005260206000f3")]
            .concat();
    for (what, code, accepts) in [
        ("the word", word, [true, true]),
        ("the word for one caller", &for_wallet, [true, false]),
        ("the word and more", &hex!("631626ba7e60e01b60005260406000f3"), [false, false]),
        ("four bytes", &hex!("631626ba7e60e01b60005260046000f3"), [false, false]),
        ("the word at the wrong end", &hex!("631626ba7e60005260206000f3"), [false, false]),
        ("the refusal", &hex!("63ffffffff60e01b60005260206000f3"), [false, false]),
        ("nothing", &hex!("00"), [false, false]),
        ("the word in a revert", &hex!("631626ba7e60e01b60005260206000fd"), [false, false]),
        ("no end", &hex!("5b600056"), [false, false]),
    ] {
        let owner = stage.deploy_code(code).await?;
        for (caller, accepts) in [wallet, stranger].into_iter().zip(accepts) {
            let answer =
                stage.chain.contract_accepts(caller, owner, B256::ZERO, &Bytes::new()).await?;
            ensure!(answer.is_ok() == accepts, "{what}, to {caller}");
        }
    }
    for without_code in [stranger, Address::with_last_byte(4)] {
        let answer =
            stage.chain.contract_accepts(wallet, without_code, B256::ZERO, &Bytes::new()).await?;
        ensure!(answer.is_err(), "{without_code}");
    }
    Ok(())
}

/// Approving is an act of an owner: what others call `approve` with does not count.
#[tokio::test]
async fn a_stranger_cannot_approve() -> Result<()> {
    let nested = nested().await?;
    let stranger =
        Config::new(1, vec![owner(0).address(), owner(1).address()], Address::ZERO, Bytes::new())?;
    let wallet = nested.stage.create(&stranger).await?;
    let (digest, outer) = (nested.proposal.digest(), nested.state.address);
    let refused = nested.stage.approve_by(&stranger, wallet, outer, digest).await;
    ensure!(refused.is_err() && !nested.stage.chain.approved(outer, digest, wallet).await?);
    Ok(())
}
