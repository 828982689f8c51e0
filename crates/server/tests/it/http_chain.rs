//! What only the chain knows: contracts that sign, epochs that end, and a chain that does not answer.

use crate::http_stage::{OPEN, Server, Stage, Wallet, proposal, signature, until};
use alloy::primitives::{Address, Bytes, U256, hex};
use eyre::{Result, ensure};
use quorate_api::{self as api, ProblemCode, Proposal};
use quorate_core::{Action, Config, Request, packing, signature::Kind, status::StatusWord};
use quorate_lab::{
    deploy,
    owners::owner,
    proxy::{Fault, Faults, Proxy},
    signatures::sign,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An owner that is a contract.
const CONTRACT: Address = Address::repeat_byte(0xc0);

/// A contract that accepts signatures which begin with this byte (ERC-1271).
fn accepts(first: u8) -> Bytes {
    let mut code = hex!("631626ba7e60e01b6064355f1a600014025f5260205ff3").to_vec();
    code[14] = first;
    code.into()
}

fn by_contract(bytes: &[u8]) -> Value {
    json!({ "owner": CONTRACT.to_checksum(None), "signature": Bytes::copy_from_slice(bytes) })
}

async fn post_signature(server: &Server, request: &Request, body: &Value) -> Result<(u16, Value)> {
    let path = format!("/v1/proposals/{}/signatures", request.digest());
    let answer = server.post(&path, body).await?;
    Ok((answer.status, answer.body))
}

/// A wallet of two keys and a contract.
async fn with_contract(stage: &Stage) -> Result<Wallet> {
    let owners = vec![owner(0).address(), CONTRACT, owner(1).address()];
    let wallet = stage.wallet_of(1, owners)?;
    deploy::wallet(&stage.chain, &wallet.config, wallet.salt).await?;
    stage.chain.send(wallet.address, U256::from(1_000), Bytes::new()).await?;
    Ok(wallet)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contracts_signature_is_replaced_only_once_it_holds_no_more() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = with_contract(&stage).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 3);
    let path = format!("{}/proposals", wallet.path());

    let refused = server.post(&path, &proposal(&request, &by_contract(&[1]))).await?;
    assert_eq!(refused.code(), Some(ProblemCode::InvalidSignature), "no code: {refused:?}");
    stage.set_code(CONTRACT, hex!("5b5f56").into()).await?;
    let refused = server.post(&path, &proposal(&request, &by_contract(&[1]))).await?;
    assert_eq!(refused.code(), Some(ProblemCode::InvalidSignature), "no end: {refused:?}");

    stage.set_code(CONTRACT, accepts(1)).await?;
    let new = server.post(&path, &proposal(&request, &by_contract(&[1]))).await?;
    assert_eq!(new.status, 201, "{new:?}");
    let told: Proposal = new.read_as()?;
    assert_eq!((told.signatures[0].kind, told.signatures[0].counts), (Kind::Contract, true));
    // The first one stays while it holds.
    assert_eq!(post_signature(&server, &request, &by_contract(&[1])).await?.0, 200);
    assert_eq!(post_signature(&server, &request, &by_contract(&[1, 1])).await?.0, 200);
    assert_eq!(post_signature(&server, &request, &by_contract(&[2])).await?.0, 422);
    let kept = server.proposal(&request, "").await?;
    assert_eq!(kept.signatures[0].signature[..], [1]);

    stage.set_code(CONTRACT, accepts(2)).await?;
    assert_eq!(post_signature(&server, &request, &by_contract(&[2])).await?.0, 201);
    let replaced = server.proposal(&request, "").await?;
    assert_eq!((replaced.signatures.len(), &replaced.signatures[0].signature[..]), (1, &[2][..]));
    server.stop().await
}

/// Case 43: a contract that changes its mind is found out when an execution with its signature would fail; its owner is
/// missing again, everybody is told, and another signature heals it.
#[tokio::test(flavor = "multi_thread")]
async fn a_contracts_yes_that_ended_counts_no_more() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = with_contract(&stage).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    stage.set_code(CONTRACT, accepts(1)).await?;
    let path = format!("{}/proposals", wallet.path());
    let new = server.post(&path, &proposal(&request, &by_contract(&[1]))).await?;
    assert_eq!(new.status, 201, "{new:?}");
    stage.set_code(CONTRACT, accepts(2)).await?;
    server.sign(&request, 0).await?;
    let told = until("lapse", || async {
        let told = server.proposal(&request, "").await?;
        let counted = told.signatures.iter().filter(|signature| signature.counts).count();
        Ok((counted == 1 && told.status == StatusWord::Collecting).then_some(told))
    })
    .await?;
    assert_eq!(told.missing, [CONTRACT, owner(1).address()]);
    let awaiting: Value = server.get(&format!("/v1/proposals?awaiting={CONTRACT}")).await?.body;
    assert_eq!(awaiting["items"].as_array().map(Vec::len), Some(1), "{awaiting}");
    // The same again is asked about again, and refused.
    let again = post_signature(&server, &request, &by_contract(&[1])).await?;
    ensure!(again.0 == 422 && again.1["detail"].to_string().contains("refuses"), "{again:?}");
    assert_eq!(post_signature(&server, &request, &by_contract(&[2])).await?.0, 201);
    let done = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    ensure!(done.status == StatusWord::Executed && done.last_failure.is_none(), "{done:?}");
    server.stop().await
}

/// Case 50: a key's signature takes the place of the same owner's as a contract, and stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_keys_signature_takes_the_place_of_a_contracts() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = with_contract(&stage).await?;
    server.register(&wallet).await?;
    let (account, request) = (owner(1).address(), wallet.payment(5, 0));
    stage.set_code(account, accepts(1)).await?;
    let body = json!({ "owner": account.to_checksum(None), "signature": "0x01" });
    let path = format!("{}/proposals", wallet.path());
    assert_eq!(server.post(&path, &proposal(&request, &body)).await?.status, 201);
    assert_eq!(server.sign(&request, 1).await?.status, 201);
    let told = server.proposal(&request, "").await?;
    assert_eq!((told.signatures.len(), told.signatures[0].kind), (1, Kind::Ecdsa));
    assert_eq!(post_signature(&server, &request, &body).await?.0, 200);
    let told = server.proposal(&request, "").await?;
    assert_eq!(told.signatures[0].kind, Kind::Ecdsa);
    // Whether or not there is code.
    stage.set_code(account, Bytes::new()).await?;
    server.sign(&request, 0).await?;
    let done = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    ensure!(done.status == StatusWord::Executed, "{done:?}");
    server.stop().await
}

/// Case 45: a wallet that is created, registered and proposed to between two looks of the relayer at the chain pays for
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_newer_than_the_relayers_head_waits_for_it() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve_polling(OPEN, 4_000).await?;
    for number in 1..=2 {
        let wallet = stage.wallet(number)?;
        deploy::wallet(&stage.chain, &wallet.config, wallet.salt).await?;
        stage.chain.send(wallet.address, U256::from(1_000), Bytes::new()).await?;
        server.register(&wallet).await?;
        let request = wallet.payment(5, 0);
        server.propose(&request, 0).await?;
        server.sign(&request, 1).await?;
        let done = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
        ensure!(done.status == StatusWord::Executed && done.last_failure.is_none(), "{done:?}");
        assert_eq!(done.attempts.len(), 1, "{done:?}");
    }
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_epoch_everything_is_counted_anew() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let old = wallet.payment(5, 1);
    server.propose(&old, 2).await?;
    let owners = [0, 1, 5].map(|key| owner(key).address()).to_vec();
    let config = Config::new(3, owners, Address::ZERO, Bytes::new())?;
    let change = wallet.request(Action::Reconfigure { config: config.clone() }, 0);
    server.propose(&change, 0).await?;
    server.sign(&change, 1).await?;
    let done = server.proposal(&change, "?wait=executed&timeoutSecs=60").await?;
    ensure!(done.status == StatusWord::Executed, "{done:?}");

    // What is open of the epoch that ended is in nobody's way.
    let told: api::Wallet = server.get(&wallet.path()).await?.read_as()?;
    assert_eq!((told.lanes[0].next, told.lanes[0].next_free), (1, 1));
    let refused = server.propose(&wallet.payment(6, 1), 0).await?;
    assert_eq!(refused.code(), Some(ProblemCode::WrongEpoch), "{refused:?}");
    let next = Request { epoch: 1, ..wallet.payment(6, 1) };
    let refused = server.propose(&next, 2).await?;
    assert_eq!(refused.code(), Some(ProblemCode::NotOwner), "{refused:?}");
    let new = server.propose(&next, 5).await?;
    assert_eq!(new.status, 201, "{new:?}");
    let told: Proposal = new.read_as()?;
    assert_eq!(
        (told.threshold, told.missing),
        (3, [0, 1].map(|key| owner(key).address()).to_vec())
    );
    let over = server.proposal(&old, "?wait=superseded&timeoutSecs=60").await?;
    assert_eq!((over.status, over.superseded_by), (StatusWord::Superseded, Some(change.digest())));
    assert!(!over.signatures[0].counts, "{over:?}");
    let told: api::Wallet = server.get(&wallet.path()).await?.read_as()?;
    assert_eq!((told.epoch, told.config), (1, config));
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_executed_is_told_with_what_it_cost() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let (request, rival) = (wallet.payment(5, 0), wallet.request(Action::Cancel {}, 0));
    server.propose(&request, 0).await?;
    server.propose(&rival, 0).await?;
    let told = server.proposal(&request, "").await?;
    assert_eq!(told.rivals, [rival.digest()]);
    let signed = sign(&request.digest(), &[owner(0), owner(1)])?;
    let packed = packing::pack(&wallet.config, &signed)?;
    let data = request.calldata(packed);
    let receipt = stage.chain.send(wallet.address, U256::ZERO, data).await?;
    let executed = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    let execution = executed.execution.expect("it is executed");
    assert_eq!(execution.tx_hash, receipt.transaction_hash);
    assert_eq!(execution.gas_used, Some(receipt.gas_used));
    let fee = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
    assert_eq!((execution.fee, execution.depth), (Some(fee), Some(1)));
    let over = server.proposal(&rival, "?wait=superseded&timeoutSecs=60").await?;
    assert_eq!(over.superseded_by, Some(request.digest()));
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_does_not_answer_stops_only_what_has_to_ask_it() -> Result<()> {
    let stage = Stage::new().await?;
    let proxy = Proxy::start(&stage.chain.endpoint(), Faults::none(1)).await?;
    let limits = format!("{OPEN}[http.limits]\nchain_secs = 1\n");
    let server = stage.serve_at(&proxy.endpoint(), &limits).await?;
    let wallet = with_contract(&stage).await?;
    server.register(&wallet).await?;
    stage.set_code(CONTRACT, accepts(1)).await?;
    let path = format!("{}/proposals", wallet.path());
    for (number, fault) in [(0, Fault::LoseRequest), (1, Fault::Hang), (2, Fault::GarbleReply)] {
        proxy.set_faults(Faults::none(1).with(fault, 1_000, None));
        let request = wallet.payment(5, number);
        #[expect(clippy::disallowed_methods, reason = "how long a test takes")]
        let begun = Instant::now();
        let signed = proposal(&request, &signature(&request, 0)?);
        assert_eq!(server.post(&path, &signed).await?.status, 201, "{fault:?}");
        let refused =
            server.post(&path, &proposal(&wallet.payment(6, 9), &by_contract(&[1]))).await?;
        assert_eq!(refused.code(), Some(ProblemCode::ChainUnreachable), "{fault:?}");
        let told: api::Wallet = server.get(&wallet.path()).await?.read_as()?;
        assert_eq!((told.head, told.deployed), (None, true), "{fault:?}");
        assert_eq!(told.lanes[0].next_free, number + 1);
        assert!(begun.elapsed() < Duration::from_secs(15), "{fault:?}: {:?}", begun.elapsed());
    }
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_questions_wait_for_a_chain() -> Result<()> {
    let stage = Stage::new().await?;
    let proxy = Proxy::start(&stage.chain.endpoint(), Faults::none(1)).await?;
    let limits = format!("{OPEN}[http.limits]\nchain_secs = 2\nchain_requests = 1\n");
    let server = stage.serve_at(&proxy.endpoint(), &limits).await?;
    let wallet = with_contract(&stage).await?;
    server.register(&wallet).await?;
    let path = format!("{}/proposals", wallet.path());
    // Whether the signer has code is never answered.
    proxy.set_faults(Faults::none(1).with(Fault::Hang, 1_000, Some("eth_getCode")));
    let posts = (0..30).map(|number| {
        let body = proposal(&wallet.payment(5, number), &by_contract(&[1]));
        let (server, path) = (&server, &path);
        async move { server.post(path, &body).await }
    });
    let answers = futures_util::future::try_join_all(posts).await?;
    let of = |code| answers.iter().filter(|answer| answer.code() == Some(code)).count();
    let (overloaded, unreachable) =
        (of(ProblemCode::Overloaded), of(ProblemCode::ChainUnreachable));
    assert_eq!(overloaded + unreachable, 30, "{answers:#?}");
    assert!(overloaded >= 20 && unreachable >= 1, "{overloaded} {unreachable}");
    // What asks nobody goes on.
    let signed = wallet.payment(5, 0);
    assert_eq!(server.propose(&signed, 0).await?.status, 201);
    server.stop().await
}
