//! Sending a transaction and waiting for it.

use crate::{
    failure::{Cause, of_chain},
    key::Key,
    output::Output,
};
use alloy::{
    consensus::TxEip1559,
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
};
use eyre::Result;
use quorate_chain::{Chain, ChainError, Receipt, SimulateError, WaitError};
use std::time::Duration;

/// What one transaction may use at most (EIP-7825).
const GAS_CAP: u64 = 1 << 24;

/// How long a transaction is looked for that an endpoint says it refused: who mines it at once has it by then.
const LOOK: Duration = Duration::from_secs(2);

/// The code that most nodes give a revert.
const REVERT_CODE: i64 = 3;

/// A transaction that is to be sent.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) to: Address,
    /// Wei.
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    /// As estimated.
    pub(crate) gas: u64,
}

impl Call {
    /// One that sends no ether along.
    pub(crate) const fn new(to: Address, data: Bytes, gas: u64) -> Self {
        Self { to, value: U256::ZERO, data, gas }
    }
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
/// Signs and sends once. It may have arrived, whatever the answer was: then its hash is waited for, and nothing is signed
/// again. A later run of the command does sign another transaction if it does not find this one's work done on chain, so
/// that work must be of a kind that cannot be done twice.
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
        value: call.value,
        access_list: Default::default(),
        input: call.data,
    };
    check_balance(chain, key.address(), &transaction).await?;
    let signed = key.sign_transaction(transaction, output).await?;
    send_raw(chain, &signed.encoded_2718(), timeout, output).await
}

/// Sends a signed transaction, and waits until it is mined, at most `timeout` seconds.
pub(crate) async fn send_raw(
    chain: &Chain,
    raw: &[u8],
    timeout: u64,
    output: Output,
) -> Result<Mined> {
    let tx_hash = keccak256(raw);
    let timeout = Duration::from_secs(timeout);
    let waiting = chain.wait(tx_hash, timeout);
    let receipt = match chain.send(raw).await {
        Ok(_) => waited(output.during("waiting for the transaction", waiting).await, tx_hash)?,
        Err(error) if is_refusal(&error) => match chain.wait(tx_hash, LOOK).await {
            Ok(receipt) => receipt,
            Err(_) => return Err(refused(error, tx_hash)),
        },
        // It may have arrived: what counts is whether it gets mined.
        Err(error) => {
            output.warn(&format!("{error}; looking whether transaction {tx_hash} arrived"));
            waited(output.during("waiting for the transaction", waiting).await, tx_hash)?
        }
    };
    if receipt.success {
        return Ok(Mined { tx_hash, receipt });
    }
    let reason = match chain.revert_reason(tx_hash).await {
        Ok(Some(revert)) => format!(" ({}): {revert}", revert.name()),
        Ok(None) | Err(_) => String::new(),
    };
    let block = receipt.block_number;
    Err(Cause::FailedOnChain
        .error(format!("transaction {tx_hash} failed in block {block}{reason}")))
}

fn waited(receipt: Result<Receipt, WaitError>, tx_hash: B256) -> Result<Receipt> {
    receipt.map_err(|error| match error {
        WaitError::TimedOut { .. } => {
            Cause::NotYet.error(format!("{error}: run the same command again, which looks first"))
        }
        WaitError::Chain(error) => Cause::Unreachable.error(format!(
            "{error}; transaction {tx_hash} may be on its way: run the same command again, which looks first"
        )),
    })
}

/// Whether the endpoint says that it did not take a transaction. Some nodes mine it all the same, and say so because it failed
/// (Hardhat), so it is looked for before that is passed on.
fn is_refusal(error: &ChainError) -> bool {
    matches!(error, ChainError::Rpc { .. }) || has_failed(error)
}

/// Whether the endpoint ran a transaction, and it failed.
fn has_failed(error: &ChainError) -> bool {
    match error {
        ChainError::Rpc { code, message, .. } => {
            *code == REVERT_CODE || message.to_lowercase().contains("revert")
        }
        error => of_chain(error) == Cause::FailedOnChain,
    }
}

/// What is said of a transaction that was refused, and that nobody mined.
fn refused(error: ChainError, tx_hash: B256) -> eyre::Report {
    let cause = if has_failed(&error) { Cause::FailedOnChain } else { of_chain(&error) };
    cause.error(format!("{error}; transaction {tx_hash} is not on chain"))
}

async fn check_balance(chain: &Chain, from: Address, transaction: &TxEip1559) -> Result<()> {
    let gas = U256::from(transaction.gas_limit) * U256::from(transaction.max_fee_per_gas);
    let needed = gas.saturating_add(transaction.value);
    let balance = chain.balance(from).await?;
    if balance < needed {
        let ether = |wei| quorate_core::amount::grouped(wei, quorate_core::amount::ETHER_DECIMALS);
        return Err(Cause::FailedOnChain.error(format!(
            "{from} has {} ETH, and {} {} ETH: send it some, or use another key",
            ether(balance),
            if transaction.value.is_zero() {
                "the gas may cost"
            } else {
                "that and the gas may cost"
            },
            ether(needed)
        )));
    }
    Ok(())
}
