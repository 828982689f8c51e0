//! The engine on what looks like other chains: OP, Arbitrum, Polygon.

use super::*;
use alloy::providers::Provider as _;
use quorate_lab::{
    front::Refused,
    op_like::{OpLike, OpRules},
    strict::{Outcome, Rules, Strict},
};
use quorate_store::Horizon;

/// What an account has less now than `before`, as the endpoint says.
async fn lost(endpoint: &str, account: Address, before: U256) -> Result<U256> {
    Ok(before - Endpoint::connect(endpoint).await?.balance(account).await?)
}

/// What the store says that account nonces cost, in all and besides gas.
async fn booked(store: &Store) -> Result<(U256, U256)> {
    let records = store.chain_records(world::CHAIN_ID, Horizon { since: 0, day: 0 }).await?;
    let mut sums = (U256::ZERO, U256::ZERO);
    for inclusion in records.attempts.iter().filter_map(|attempt| attempt.state.inclusion()) {
        sums.0 += inclusion.fee;
        sums.1 += inclusion.fee - inclusion.gas_fee();
    }
    let of_all = records.budgets.iter().filter(|record| record.wallet.is_none());
    let spent = of_all.fold(U256::ZERO, |sum, record| sum + record.usage.spent);
    ensure!(spent == sums.0, "{spent} in the budgets, {} of attempts", sums.0);
    Ok(sums)
}

/// Deposits and transactions of other types stand before, between and behind ours.
#[tokio::test]
async fn what_is_booked_on_an_op_chain_is_what_the_account_lost() -> Result<()> {
    let Stage { chain, store, folder: _folder } = Stage::set().await?;
    let rules =
        OpRules { operator_fee: 1_234, final_lag: Some(6), strangers: 9, ..OpRules::default() };
    let op = OpLike::start(&chain.endpoint(), rules).await?;
    let sender = owner(SENDER).address();
    let before = chain.balance(sender).await?;
    let running = engine(&[op.endpoint()], &store);
    let mut report = running.handle.report();
    mine_until_final(&chain, &store).await?;
    let (booked, beside) = booked(&store).await?;
    assert_eq!(booked, lost(&op.endpoint(), sender, before).await?);
    let operator = U256::from(1_234 * PROPOSALS);
    ensure!(beside > operator, "{beside}");
    let is_told = |report: &Report| report.paid.operator == operator;
    let told = tokio::time::timeout(PATIENCE, report.wait_for(is_told)).await??.clone();
    assert_eq!(told.paid.gas + told.paid.l1 + told.paid.operator, booked);
    assert_eq!(told.used_today, booked);
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// As Arbitrum: the gas of a plain transfer is more than 21,000, and the first payload is swallowed.
#[tokio::test]
async fn a_refused_noop_stops_no_sender() -> Result<()> {
    for estimates_know in [true, false] {
        let Stage { chain, store, folder: _folder } = Stage::set().await?;
        let _: serde_json::Value =
            chain.provider().raw_request("evm_setAutomine".into(), (false,)).await?;
        // It is too little at first, and too little still where estimates know nothing of it.
        let rules = Rules { hold: 4, ..Rules::default() };
        let strict = Strict::start(&chain.endpoint(), rules).await?;
        let running = engine(&[strict.endpoint()], &store);
        let begun = tokio::time::Instant::now();
        while strict.seen().len() < 4 {
            ensure!(begun.elapsed() < PATIENCE, "{:?}", strict.seen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Somebody else executes what was swallowed.
        let keys = [0, 2, 4].map(owner);
        for request in requests().iter().filter(|request| request.nonce.sequence == 0) {
            let signed = sign(&request.digest(), &keys)?;
            let list = quorate_core::packing::pack(world::treasury().config(), &signed)?;
            let calldata = request.calldata(list);
            let transaction = alloy::rpc::types::TransactionRequest {
                from: Some(chain.sender()),
                to: Some(request.wallet.into()),
                gas: Some(1_000_000),
                ..Default::default()
            };
            let input = alloy::rpc::types::TransactionInput::new(calldata);
            let transaction = alloy::rpc::types::TransactionRequest { input, ..transaction };
            let _ = chain.provider().send_transaction(transaction).await?;
        }
        strict.set_rules(Rules { min_gas: 40_000, estimates_know, ..Rules::default() });
        mine_until_final(&chain, &store).await?;
        running.stop().await?;
        assert_eq!(paid(&chain).await?, due());
        check_answers(&strict);
    }
    Ok(())
}

/// Nothing that was refused for its gas was offered at a higher fee because of that.
fn check_answers(strict: &Strict) {
    let seen = strict.seen();
    for (place, refused) in seen.iter().enumerate() {
        let Outcome::Refused(Refused { message, .. }) = &refused.outcome else { continue };
        assert_eq!(message, "intrinsic gas too low");
        let mut later = seen[place + 1..].iter();
        let next =
            later.find(|next| next.nonce == refused.nonce && next.tx_hash != refused.tx_hash);
        if let Some(next) = next.filter(|next| next.is_noop == refused.is_noop) {
            assert_eq!(next.max_fee_per_gas, refused.max_fee_per_gas, "{refused:?} {next:?}");
            assert!(next.gas_limit > refused.gas_limit);
        }
    }
    let refusals = seen.iter().filter(|seen| matches!(seen.outcome, Outcome::Refused(_))).count();
    assert!(refusals < 40, "{refusals} refusals");
}

/// As Polygon: a least tip that nobody pays or suggests, and that is named.
#[tokio::test]
async fn a_least_tip_that_is_named_is_offered() -> Result<()> {
    let Stage { chain, store, folder: _folder } = Stage::set().await?;
    let words = "transaction underpriced: gas tip cap 1, minimum needed 25000000000";
    let rules = Rules { payloads: Some(Refused::new(words)), ..Rules::default() };
    let strict = Strict::start(&chain.endpoint(), rules).await?;
    let running = engine(&[strict.endpoint()], &store);
    let begun = tokio::time::Instant::now();
    while strict.seen().iter().all(|seen| seen.tip < 25_000_000_000) {
        ensure!(begun.elapsed() < PATIENCE, "{:?}", strict.seen());
        chain.mine(1).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    strict.set_rules(Rules { min_tip: 25_000_000_000, ..Rules::default() });
    mine_until_final(&chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}
