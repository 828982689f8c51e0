//! Sending a transaction and waiting for it.

use crate::{failure::Cause, key::Key, output::Output};
use alloy::{
    consensus::TxEip1559,
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, B256, Bytes, TxKind, U256},
};
use eyre::Result;
use quorate_chain::{Chain, ChainError, Receipt, SimulateError, WaitError};
use std::time::Duration;

/// What one transaction may use at most (EIP-7825).
const GAS_CAP: u64 = 1 << 24;

/// A transaction that is to be sent.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) to: Address,
    pub(crate) data: Bytes,
    /// As estimated.
    pub(crate) gas: u64,
}

/// A transaction that was mined and went through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mined {
    pub(crate) tx_hash: B256,
    pub(crate) receipt: Receipt,
}

/// The estimate, or why there is none.
pub(crate) fn estimated(result: Result<u64, SimulateError>) -> Result<u64> {
    let gas = result.map_err(|error| match error {
        SimulateError::Reverted(revert) => Cause::FailedOnChain
            .error(format!("the chain would refuse it ({}): {revert}", revert.name())),
        SimulateError::NotDeployed { .. } => Cause::NotYet.error(error.to_string()),
        SimulateError::Chain(error) => error.into(),
    })?;
    if gas > GAS_CAP {
        return Err(Cause::FailedOnChain.error(format!(
            "it takes {gas} gas, and a transaction may use {GAS_CAP} (EIP-7825): split it"
        )));
    }
    // What is read may change until it is mined; unused gas is not paid.
    Ok((gas + gas / 4).min(GAS_CAP))
}

/// Signs and sends a transaction, and waits until it is mined, at most `timeout` seconds.
///
/// Signs and sends once. Unless the endpoint refused it, it may have arrived, whatever the answer was: then
/// its hash is waited for, and nothing is signed again. A later run of the command does sign another
/// transaction if it does not find this one's work done on chain, so that work must be of a kind that
/// cannot be done twice.
pub(crate) async fn send(
    chain: &Chain,
    key: &Key,
    call: Call,
    timeout: u64,
    output: Output,
) -> Result<Mined> {
    let fees = chain.fees().await?;
    let transaction = TxEip1559 {
        chain_id: chain.id(),
        nonce: chain.account_nonce(key.address(), true).await?,
        gas_limit: call.gas,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        to: TxKind::Call(call.to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: call.data,
    };
    check_balance(chain, key.address(), &transaction).await?;
    let signed = key.sign_transaction(transaction, output).await?;
    let (raw, tx_hash) = (signed.encoded_2718(), *signed.tx_hash());
    match chain.send(&raw).await {
        Ok(_) => {}
        // Only a refusal says that it was not taken.
        Err(error @ ChainError::Rpc { .. }) => return Err(error.into()),
        // It may have arrived: what counts is whether it gets mined.
        Err(error) => {
            output.warn(&format!("{error}; looking whether transaction {tx_hash} arrived"));
        }
    }
    let timeout = Duration::from_secs(timeout);
    let waited = output.during("waiting for the transaction", chain.wait(tx_hash, timeout)).await;
    let receipt = waited.map_err(|error| match error {
        WaitError::TimedOut { .. } => {
            Cause::NotYet.error(format!("{error}: run the same command again, which looks first"))
        }
        WaitError::Chain(error) => Cause::Unreachable.error(format!(
            "{error}; transaction {tx_hash} may be on its way: run the same command again, which looks first"
        )),
    })?;
    if receipt.success {
        return Ok(Mined { tx_hash, receipt });
    }
    let reason = match chain.revert_reason(tx_hash).await {
        Ok(Some(revert)) => format!(" ({}): {revert}", revert.name()),
        Ok(None) | Err(_) => String::new(),
    };
    Err(Cause::FailedOnChain.error(format!("transaction {tx_hash} failed{reason}")))
}

async fn check_balance(chain: &Chain, from: Address, transaction: &TxEip1559) -> Result<()> {
    let needed = U256::from(transaction.gas_limit) * U256::from(transaction.max_fee_per_gas);
    let balance = chain.balance(from).await?;
    if balance < needed {
        let ether = |wei| quorate_core::amount::grouped(wei, quorate_core::amount::ETHER_DECIMALS);
        return Err(Cause::FailedOnChain.error(format!(
            "{from} has {} ETH, and the gas may cost {} ETH: send it some, or use another key",
            ether(balance),
            ether(needed)
        )));
    }
    Ok(())
}
