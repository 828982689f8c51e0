//! Proposals over HTTP, from the first signature to the last block.

use crate::http_stage::{OPEN, Stage, proposal, signature};
use alloy::sol_types::SolCall as _;
use eyre::Result;
use quorate_api::{Page, ProblemCode, Proposal};
use quorate_bindings::contracts::IWallet::approveCall;
use quorate_core::{signature::Kind, status::StatusWord};
use quorate_lab::owners::owner;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_proposed_signed_executed_and_final() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);

    let new = server.propose(&request, 0).await?;
    assert_eq!(new.status, 201, "{new:?}");
    let told = new.read_as::<Proposal>()?.verify()?.check_asked(request.digest())?;
    let told = told.proposal();
    assert_eq!((told.status, told.threshold, told.missing.len()), (StatusWord::Collecting, 2, 2));
    assert_eq!(server.propose(&request, 0).await?.status, 200);

    let signed = server.sign(&request, 2).await?;
    assert_eq!(signed.status, 201, "{signed:?}");
    let executed = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    assert_eq!(executed.status, StatusWord::Executed, "{executed:?}");
    let execution = executed.execution.expect("it is executed");
    assert!(execution.depth >= Some(1) && execution.gas_used > Some(21_000), "{execution:?}");
    assert!(execution.fee.is_some() && executed.attempts.len() == 1, "{executed:?}");

    stage.chain.mine(6).await?;
    let last = server.proposal(&request, "?wait=final&timeoutSecs=60").await?;
    assert!(last.is_final && last.execution.is_some_and(|e| e.depth >= Some(5)), "{last:?}");
    // Whatever happened: what was posted is known.
    assert_eq!(server.propose(&request, 0).await?.status, 200);
    assert_eq!(server.sign(&request, 2).await?.status, 200);
    let late = server.sign(&request, 1).await?;
    assert_eq!(late.code(), Some(ProblemCode::ProposalClosed), "{late:?}");
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn posted_fifty_times_at_once_it_is_stored_once() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 3);
    let path = format!("{}/proposals", wallet.path());
    let bodies =
        [0, 1, 2].map(|by| proposal(&request, &signature(&request, by).expect("it signs")));
    let posts = (0..50).map(|number| server.post(&path, &bodies[number % 3]));
    let answers = futures_util::future::try_join_all(posts).await?;
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(201), of(200)), (1, 49), "{answers:#?}");
    let page: Page<Proposal> = server.get(&path).await?.read_as()?;
    let [told] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((told.digest, told.signatures.len()), (request.digest(), 3));
    let ready = server.proposal(&request, "?wait=ready&timeoutSecs=60").await?;
    assert_eq!(ready.status, StatusWord::Ready);
    server.stop().await
}

/// By whomever it was given, and whether or not anybody posts it.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_on_chain_counts_and_is_told() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    let by =
        |number| json!({ "owner": owner(number).address().to_checksum(None), "signature": "0x" });
    let path = format!("{}/proposals", wallet.path());
    let refused = server.post(&path, &proposal(&request, &by(0))).await?;
    assert_eq!(refused.code(), Some(ProblemCode::NotApproved), "{refused:?}");

    let approve = approveCall { digest: request.digest() }.abi_encode();
    stage.send_as(owner(0).address(), wallet.address, approve.clone().into()).await?;
    let new = server.post(&path, &proposal(&request, &by(0))).await?;
    assert_eq!(new.status, 201, "{new:?}");
    stage.send_as(owner(1).address(), wallet.address, approve.into()).await?;
    let executed = server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    assert_eq!(executed.status, StatusWord::Executed, "{executed:?}");
    let told: Vec<_> = executed.signatures.iter().map(|s| (s.kind, s.counts)).collect();
    assert_eq!(told, [(Kind::Approved, true); 2]);
    assert_eq!(executed.missing, [owner(2).address()]);
    server.stop().await
}
