//! The engine behind endpoints that do what real ones do: leave things out, refuse, answer in part, lag. Whatever the rate
//! below all, everything is executed once, and told so.

use crate::{Stage, due, engine, mine_every, paid};
use eyre::Result;
use quorate_lab::proxy::{Fault, Faults, HttpError, Nothing, Proxy, Refusal};
use std::time::Duration;

/// Runs everything with these faults from the start.
async fn survives(faults: Faults) -> Result<()> {
    survives_at(Duration::from_millis(100), faults).await
}

/// The same with so long from block to block.
async fn survives_at(pace: Duration, faults: Faults) -> Result<()> {
    let Stage { chain, store, folder: _folder } = Stage::set().await?;
    let proxy = Proxy::start(&chain.endpoint(), faults).await?;
    let running = engine(&[proxy.endpoint()], &store);
    mine_every(pace, &chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

fn nothing(per_mille: u32, method: Option<&'static str>) -> Faults {
    Faults::none(1).with(Fault::Empty(Nothing::Fitting), per_mille, method)
}

/// Case 12: most answers leave out all events; the bloom, receipts and the wallets themselves tell of them.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_left_out_lose_no_execution() -> Result<()> {
    survives(nothing(900, Some("eth_getLogs"))).await
}

/// Case 12: as where an endpoint has no index of events at all.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_always_left_out_lose_no_execution() -> Result<()> {
    survives(nothing(1_000, Some("eth_getLogs"))).await
}

/// A receipt that is not there yet, or no more.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_are_left_out_are_nobody_elses_transactions() -> Result<()> {
    let faults = nothing(900, Some("eth_getTransactionReceipt")).with(
        Fault::Empty(Nothing::Fitting),
        900,
        Some("eth_getBlockReceipts"),
    );
    survives(faults).await
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_all_answers_may_be_empty() -> Result<()> {
    survives(nothing(500, None)).await
}

/// A list without its second half, an object without every second field.
#[tokio::test(flavor = "multi_thread")]
async fn half_of_all_answers_may_be_halves() -> Result<()> {
    survives(Faults::none(1).with(Fault::Partial, 500, None)).await
}

/// Cases 13 and 28: everything that can be done without is refused, each in another way.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_done_without_may_be_refused() -> Result<()> {
    let whitelist = Fault::Refuse(Refusal::NOT_WHITELISTED);
    let unsupported = Fault::Refuse(Refusal::NOT_SUPPORTED);
    let forbidden = Fault::Http(HttpError::html(403));
    let faults = Faults::none(1)
        .with(whitelist, 1_000, Some("eth_simulateV1"))
        .with(unsupported, 1_000, Some("eth_getBlockReceipts"))
        .with(forbidden, 1_000, Some("eth_feeHistory"))
        .with(Fault::Refuse(Refusal::NO_SUCH_METHOD), 1_000, Some("eth_maxPriorityFeePerGas"))
        .with(unsupported, 1_000, Some("eth_getBlockByHash"));
    survives(faults).await
}

/// Case 14: half of all requests are too many, with HTTP 200.
#[tokio::test(flavor = "multi_thread")]
async fn half_of_all_requests_may_be_too_many() -> Result<()> {
    survives(Faults::none(1).with(Fault::Refuse(Refusal::TOO_MANY), 500, None)).await
}

/// Case 14: two requests of three fail in one way or another; the trials have nine of ten, which takes minutes.
#[tokio::test(flavor = "multi_thread")]
async fn two_requests_of_three_may_fail() -> Result<()> {
    let faults = Faults::none(1)
        .with(Fault::Refuse(Refusal::TOO_MANY), 240, None)
        .with(Fault::GarbleReply, 240, None)
        .with(Fault::Http(HttpError::html(503)), 240, None)
        .with(Fault::Refuse(Refusal::INTERNAL), 240, None);
    survives_at(Duration::from_millis(500), faults).await
}

/// A provider's limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_few_requests_a_second_are_enough() -> Result<()> {
    let too_many = Fault::Http(HttpError::json_rpc(429, Refusal::TOO_MANY).retry_after(1));
    survives(Faults::none(1).beyond(too_many, 30, None)).await
}

/// One URL, several nodes behind it: some lag, some have not indexed a block that they tell of.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_behind_one_url_may_lag() -> Result<()> {
    let faults =
        Faults::none(1).with(Fault::Behind(2), 300, None).with(Fault::Indexing(300), 300, None);
    survives(faults).await
}

/// Answers that were given to others, are cut off, or belong to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn answers_may_be_mixed_up_and_cut_off() -> Result<()> {
    let faults = Faults::none(1)
        .with(Fault::OtherAnswer, 200, None)
        .with(Fault::WrongId, 100, None)
        .with(Fault::Truncate, 200, None);
    survives(faults).await
}
