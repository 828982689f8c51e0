//! Whether a contract's signature holds, and why not.

use crate::stage::{SALT, Stage, config, packed, sign};
use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolValue,
};
use eyre::{Result, ensure};
use quorate_bindings::canonical;
use quorate_chain::{Chain, Refusal, Revert, SimulatedCall};
use quorate_core::{
    Action, Nonce, OwnerSignature, Request, creation,
    nested::{Nested, Signatory, Tail, contract_signature},
    packing,
};
use quorate_lab::owners::owner;
use std::collections::BTreeMap;

/// Answers the word.
const YES: &[u8] = &hex!("631626ba7e60e01b60005260206000f3");

fn given(bytes: impl Into<Bytes>) -> OwnerSignature {
    OwnerSignature::Contract(bytes.into())
}

async fn judged(
    stage: &Stage,
    owner: Address,
    bytes: impl Into<Bytes>,
) -> Result<Result<OwnerSignature, Refusal>> {
    let request = stage.request(Address::repeat_byte(9), Action::Cancel {}, Nonce::default());
    Ok(stage.chain.judge(&request, owner, &given(bytes)).await?)
}

async fn reason(stage: &Stage, owner: Address, bytes: impl Into<Bytes>) -> Result<Refusal> {
    judged(stage, owner, bytes).await?.err().ok_or_else(|| eyre::eyre!("{owner} takes it"))
}

/// Bytes wrapped as those of an account that is not deployed (ERC-6492).
fn not_deployed(inner: &[u8]) -> Vec<u8> {
    let parts = (Address::repeat_byte(7), Bytes::from_static(&[1]), Bytes::copy_from_slice(inner));
    [parts.abi_encode_params(), hex!("6492").repeat(16)].concat()
}

/// Bytes wrapped as those of an account that does not delegate (ERC-8010), with an authorization for a chain.
fn not_delegated(inner: &[u8], chain_id: u64) -> Vec<u8> {
    let one = U256::ONE;
    let authorization = (U256::from(chain_id), Address::repeat_byte(8), one, one, one, one);
    let suffix = (authorization, Address::ZERO, Bytes::new()).abi_encode_params();
    let length = U256::from(suffix.len()).to_be_bytes::<32>();
    [inner, &suffix, &length, &hex!("8010").repeat(16)].concat()
}

/// Bad contracts, each with its reason: none holds anything up, and none is taken for a yes.
#[tokio::test]
async fn contracts_that_do_not_say_yes_are_refused_for_a_reason() -> Result<()> {
    let stage = Stage::new().await?;
    let is =
        |what: &str, code: &[u8], name: &str| (what.to_owned(), code.to_vec(), name.to_owned());
    for (what, code, name) in [
        is("says no", &hex!("63ffffffff60e01b60005260206000f3"), "refuses"),
        is("says nothing", &hex!("00"), "noAnswer"),
        is("a short word", &hex!("631626ba7e60e01b60005260046000f3"), "noAnswer"),
        is("a long word", &hex!("631626ba7e60e01b60005260406000f3"), "noAnswer"),
        is("the word at the wrong end", &hex!("631626ba7e60005260206000f3"), "refuses"),
        is("the word in a revert", &hex!("631626ba7e60e01b60005260206000fd"), "reverts"),
        is("a revert of a megabyte", &hex!("621000006000fd"), "reverts"),
        is("burns all gas", &hex!("5b600056"), "outOfGas"),
        is("breaks off", &hex!("fe"), "reverts"),
        is(
            "yes, where nothing is paid",
            &hex!("631626ba7e60e01b3a150260005260206000f3"),
            "refuses",
        ),
    ] {
        let owner = stage.deploy_code(&code).await?;
        let refusal = reason(&stage, owner, vec![1; 65]).await?;
        assert_eq!(refusal.name(), name, "{what}: {refusal:?}");
        let line = refusal.to_string();
        ensure!(line.len() < 400 && !line.contains('\n'), "{what}: {line}");
    }
    // The wallet's own implementation answers nobody.
    let refusal = reason(&stage, canonical::WALLET.address, vec![1]).await?;
    assert_eq!(refusal.name(), "reverts");
    Ok(())
}

/// Case 44: contracts are asked in a transaction that pays fees, and case 48: those without code are named so.
#[tokio::test]
async fn contracts_are_asked_as_a_transaction_would_find_them() -> Result<()> {
    let stage = Stage::new().await?;
    for code in [
        YES.to_vec(),
        // Where more than the base fee is paid.
        hex!("631626ba7e60e01b483a110260005260206000f3").to_vec(),
        // After five million gas.
        [&hex!("62030d405b600190038060045750")[..], YES].concat(),
    ] {
        let owner = stage.deploy_code(&code).await?;
        for bytes in [vec![1; 65], vec![1; 64], vec![7]] {
            assert_eq!(judged(&stage, owner, bytes.clone()).await?, Ok(given(bytes)));
        }
    }
    let nobody = Address::repeat_byte(5);
    let chain_id = stage.chain.id();
    let refusal = reason(&stage, nobody, vec![1; 70]).await?;
    assert_eq!(refusal, Refusal::NoCode { chain_id, recovered: None });
    ensure!(refusal.to_string().contains("no code on chain 31337 yet"), "{refusal}");
    let request = stage.request(Address::repeat_byte(9), Action::Cancel {}, Nonce::default());
    let by_other = sign(3, request.digest())?.to_bytes();
    let refusal = reason(&stage, nobody, by_other).await?;
    assert_eq!(refusal, Refusal::NoCode { chain_id, recovered: Some(owner(3).address()) });
    // As the identity contract would echo it.
    assert_eq!(reason(&stage, Address::with_last_byte(4), vec![1]).await?.name(), "noAnswer");
    Ok(())
}

/// Case 47: what is inside a wrapper is asked about, once there is code.
#[tokio::test]
async fn wrapped_signatures_are_taken_out_of_their_wrappers() -> Result<()> {
    let stage = Stage::new().await?;
    // Takes 3 bytes and no more.
    let takes_three = hex!("631626ba7e60e01b604435600314026000526020 6000f3");
    let owner_of_three = stage.deploy_code(&takes_three).await?;
    let inner = [1, 2, 3];
    for wrapped in [
        inner.to_vec(),
        not_deployed(&inner),
        not_delegated(&inner, 0),
        not_delegated(&inner, stage.chain.id()),
        not_delegated(&inner, 1),
    ] {
        assert_eq!(judged(&stage, owner_of_three, wrapped).await?, Ok(given(inner)));
    }
    let refusal = reason(&stage, owner_of_three, not_delegated(&[1; 4], 1)).await?;
    assert_eq!(refusal, Refusal::OtherChain { given: U256::ONE, chain_id: stage.chain.id() });
    for twice in [not_deployed(&not_deployed(&inner)), not_deployed(&not_delegated(&inner, 0))] {
        let refusal = reason(&stage, owner_of_three, twice).await?;
        ensure!(refusal.to_string().contains("wrapped twice"), "{refusal}");
    }
    let refusal = reason(&stage, owner_of_three, vec![1; 8_193]).await?;
    ensure!(refusal.to_string().contains("8193 bytes: at most 8192"), "{refusal}");
    // A key's signature holds in whatever it is wrapped, and whether or not there is code.
    let request = stage.request(Address::repeat_byte(9), Action::Cancel {}, Nonce::default());
    let by_key = sign(3, request.digest())?;
    for wrapped in [not_deployed(&by_key.to_bytes()), not_delegated(&by_key.to_bytes(), 1)] {
        let verdict = stage.chain.judge(&request, owner(3).address(), &given(wrapped)).await?;
        assert_eq!(verdict, Ok(by_key.clone()));
    }
    Ok(())
}

/// Case 49, and a wallet that owns the wallet, three deep.
#[tokio::test]
async fn wallets_that_own_wallets_sign_for_them() -> Result<()> {
    let stage = Stage::new().await?;
    let mut config = config(2, 3)?;
    let mut wallets = vec![(stage.create(&config).await?, config.clone())];
    for _ in 0..3 {
        let owners = vec![wallets[0].0, owner(9).address()];
        config = quorate_core::Config::new(1, owners, Address::ZERO, Bytes::new())?;
        wallets.insert(0, (stage.create(&config).await?, config.clone()));
    }
    let data = Bytes::from_static(&[1, 2]);
    let call = quorate_core::action::Call { to: owner(5).address(), value: U256::ZERO, data };
    let action = Action::Execute { calls: vec![call] };
    for depth in 1..=3 {
        let above = &wallets[3 - depth..];
        let request = stage.request(above[0].0, action.clone(), Nonce::default());
        let path: Vec<_> =
            above[1..].iter().map(|(wallet, _)| Signatory { wallet: *wallet, epoch: 0 }).collect();
        let digest = Nested::new(&request, &path).digest();
        let signed = BTreeMap::from([
            (owner(0).address(), sign(0, digest)?),
            (owner(2).address(), sign(2, digest)?),
        ]);
        let mut bytes =
            contract_signature(&request, depth - 1, &packing::pack(&above[depth].1, &signed)?);
        for level in (1..depth).rev() {
            let signed = BTreeMap::from([(above[level + 1].0, given(bytes))]);
            bytes =
                contract_signature(&request, level - 1, &packing::pack(&above[level].1, &signed)?);
        }
        let verdict = stage.chain.judge(&request, above[1].0, &given(bytes.clone())).await?;
        assert_eq!(verdict, Ok(given(bytes.clone())), "{depth} deep");
        // Of the old kind, as libraries write it, it is exchanged where it is refused, and works where it is taken.
        let Some((signature, tail)) = Tail::find(&bytes) else { eyre::bail!("no tail") };
        let implicit = Tail { description: request.type_string(), ..tail };
        let implicit = [signature, &implicit.to_bytes()[..]].concat();
        ensure!(stage.chain.judge(&request, above[1].0, &given(implicit)).await?.is_ok());
        // For something else it is none, and says so itself.
        let other = stage.request(above[0].0, Action::Cancel {}, Nonce::default());
        let refusal = stage.chain.judge(&other, above[1].0, &given(bytes)).await?;
        assert_eq!(refusal, Err(Refusal::OtherDigest { digest: request.digest() }));
    }
    Ok(())
}

/// A contract that wants the explicit description gets it.
#[tokio::test]
async fn a_description_that_is_refused_is_exchanged() -> Result<()> {
    let stage = Stage::new().await?;
    let request = stage.request(Address::repeat_byte(9), Action::Cancel {}, Nonce::default());
    let tail = Tail::of(&request);
    let length = u8::try_from(tail.to_bytes().len())? + 65;
    // Takes signatures of that length alone.
    let code =
        [&hex!("631626ba7e60e01b60443560")[..], &[length], &hex!("14026000526020 6000f3")].concat();
    let owner = stage.deploy_code(&code).await?;
    let implicit = Tail { description: request.type_string(), ..tail.clone() };
    let implicit = [&[7; 65][..], &implicit.to_bytes()].concat();
    let explicit = [&[7; 65][..], &tail.to_bytes()].concat();
    assert_eq!(judged(&stage, owner, implicit).await?, Ok(given(explicit)));
    // A key's signature for a contract, as some devices write it, is brought into the form that contracts take.
    let takes_27 =
        stage.deploy_code(&hex!("631626ba7e60e01b60a435 60001a601b14026000526020 6000f3")).await?;
    let long = [[5; 64].to_vec(), vec![27]].concat();
    for form in [long.clone(), [[5; 64].to_vec(), vec![0]].concat()] {
        assert_eq!(judged(&stage, takes_27, form).await?, Ok(given(long.clone())));
    }
    Ok(())
}

/// A yes is that of one block.
#[tokio::test]
async fn a_contract_may_say_something_else_a_block_later() -> Result<()> {
    let stage = Stage::new().await?;
    let owner = stage.deploy_code(&hex!("631626ba7e60e01b436001160260005260206000f3")).await?;
    let request = stage.request(Address::repeat_byte(9), Action::Cancel {}, Nonce::default());
    stage.command("anvil_mine", serde_json::json!([3])).await?;
    let head = stage.chain.head().await?.number;
    for block in head - 2..=head {
        let verdict = stage.chain.judge_at(&request, owner, &given([1]), block).await?;
        assert_eq!(verdict.is_ok(), block % 2 == 1, "{block}: {verdict:?}");
    }
    Ok(())
}

/// Case 45: where there is no wallet nothing is executed, and no estimate says otherwise.
#[tokio::test]
async fn nothing_is_simulated_where_the_wallet_has_no_code() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let wallet = creation::wallet_address(&config, SALT)?;
    let before = stage.chain.head().await?.number;
    stage.create(&config).await?;
    let after = stage.chain.head().await?.number;
    let request = stage.request(wallet, Action::Cancel {}, Nonce::default());
    let data = request.calldata(packed(&config, &request, &[0, 1])?);
    let call = SimulatedCall { from: stage.anvil.sender(), to: wallet, data };
    for _ in 0..2 {
        let error = stage.chain.estimate_at(before, &call).await.expect_err("no wallet");
        ensure!(error.to_string().contains("not deployed"), "{error}");
        let gas = stage.chain.estimate_at(after, &call).await?;
        ensure!(gas > 35_000, "{gas}");
    }
    let simulate =
        async |block| stage.chain.simulate_calls(block, std::slice::from_ref(&call)).await;
    let Some(done) = simulate(before).await? else { eyre::bail!("anvil simulates") };
    assert_eq!(done[0].revert, Some(Revert::NoEffect));
    let Some(done) = simulate(after).await? else { eyre::bail!("anvil simulates") };
    assert_eq!(done[0].revert, None);
    Ok(())
}

/// Case 44: an owner that says yes only where nothing is paid fails the estimate, as it will fail the transaction.
#[tokio::test]
async fn executions_are_estimated_with_fees() -> Result<()> {
    let stage = Stage::new().await?;
    let [free, paid] = [
        hex!("631626ba7e60e01b3a150260005260206000f3").to_vec(),
        hex!("631626ba7e60e01b483a110260005260206000f3").to_vec(),
    ];
    let [free, paid] = [stage.deploy_code(&free).await?, stage.deploy_code(&paid).await?];
    for (contract, passes) in [(free, false), (paid, true)] {
        let config = quorate_core::Config::new(1, vec![contract], Address::ZERO, Bytes::new())?;
        let wallet = stage.create(&config).await?;
        let request: Request = stage.request(wallet, Action::Cancel {}, Nonce::default());
        let signed = BTreeMap::from([(contract, given([1]))]);
        let data = request.calldata(packing::pack(&config, &signed)?);
        let chain: &Chain = &stage.chain;
        // Whoever sends has no ether: what it costs is looked at elsewhere.
        let call = SimulatedCall { from: Address::repeat_byte(0xab), to: wallet, data };
        let head = chain.head().await?.number;
        assert_eq!(chain.estimate_at(head, &call).await.is_ok(), passes, "{contract}");
        let done = chain.simulate_calls(head, &[call]).await?.unwrap_or_default();
        assert_eq!(done[0].revert.is_none(), passes, "{contract}: {done:?}");
    }
    Ok(())
}

/// The digest of nobody's request.
#[tokio::test]
async fn bytes_are_asked_about_as_they_are() -> Result<()> {
    let stage = Stage::new().await?;
    let owner = stage.deploy_code(YES).await?;
    let accepts = stage.chain.contract_accepts(owner, owner, B256::ZERO, &Bytes::new()).await?;
    assert_eq!(accepts, Ok(()));
    Ok(())
}
