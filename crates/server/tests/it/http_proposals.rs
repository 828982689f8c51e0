//! Proposals over HTTP, from the first signature to the last block.

use crate::http_stage::{OPEN, Stage, proposal, signature};
use eyre::Result;
use quorate_api::{Page, ProblemCode, Proposal};
use quorate_core::status::StatusWord;

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
    assert_eq!(told.status, StatusWord::Ready);
    server.stop().await
}
