//! Sending a transaction and waiting for it.

mod funds;

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
use quorate_chain::{
    Chain, ChainError, Fees, Receipt, SimulateError, WaitError,
    refusal::{Class, Named},
};
use quorate_core::amount::{ETHER_DECIMALS, grouped};
use std::time::Duration;

/// What one transaction may use at most (EIP-7825).
const GAS_CAP: u64 = 1 << 24;

/// How often a transaction that was refused is signed anew at most, each time as the refusal asks.
const MOST_REFUSALS: usize = 3;

/// A price for a gas that a node may name without being asked about, in wei; and how many times what was offered.
const SANE_PRICE: u128 = 100_000_000_000;
const SANE_TIMES: u128 = 10;

/// How long a transaction is looked for that an endpoint says it refused: who mines it at once has it by then.
const LOOK: Duration = Duration::from_secs(2);

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

/// The gas limit for a call of `payer`, from what was estimated; or why there is none. A payer who cannot pay for it is told
/// what is missing: some chains give no estimate to one who has too little.
pub(crate) async fn gas_for(
    chain: &Chain,
    payer: Address,
    (to, data): (Address, &Bytes),
    estimated: Result<u64, SimulateError>,
) -> Result<u64> {
    let gas = match estimated {
        Ok(gas) => gas,
        Err(SimulateError::Reverted(revert)) => {
            return Err(Cause::FailedOnChain
                .error(format!("the chain would refuse it ({}): {revert}", revert.name())));
        }
        Err(error @ SimulateError::NotDeployed { .. }) => {
            return Err(Cause::NotYet.error(error.to_string()));
        }
        Err(SimulateError::Chain(error)) => {
            let refusal = error.refusal();
            let poor = refusal.filter(|refusal| refusal.class == Class::InsufficientFunds);
            let Some(refusal) = poor else { return Err(error.into()) };
            // What it needs is found out all the same; what is missing is told before anything is signed.
            match chain.estimate_by_anybody(to, data.clone()).await {
                Ok(gas) => gas,
                Err(_) => {
                    let named = refusal.named;
                    return Err(funds::too_little(chain, payer, (to, data), named).await);
                }
            }
        }
    };
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
    let mut transaction = TxEip1559 {
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
    let mut refusals = 0;
    loop {
        funds::check(chain, key.address(), &transaction).await?;
        let signed = key.sign_transaction(transaction.clone(), output).await?;
        let sent = chain.send(&signed.encoded_2718()).await;
        // Only a refusal says that it was not taken.
        if let Err(error @ ChainError::Rpc { .. }) = &sent
            && refusals < MOST_REFUSALS
            && let Some(next) = heeded(&transaction, error, fees)
        {
            output.warn(&format!("{error}; offering what it asks for"));
            transaction = next;
            refusals += 1;
            continue;
        }
        return concluded(chain, (*signed.tx_hash(), sent), timeout, output).await;
    }
}

/// Sends a signed transaction, and waits until it is mined, at most `timeout` seconds.
pub(crate) async fn send_raw(
    chain: &Chain,
    raw: &[u8],
    timeout: u64,
    output: Output,
) -> Result<Mined> {
    let sent = chain.send(raw).await;
    concluded(chain, (keccak256(raw), sent), timeout, output).await
}

/// What becomes of a transaction that was sent with this answer, waited for at most `timeout` seconds.
async fn concluded(
    chain: &Chain,
    (tx_hash, sent): (B256, Result<B256, ChainError>),
    timeout: u64,
    output: Output,
) -> Result<Mined> {
    let waiting = chain.wait(tx_hash, Duration::from_secs(timeout));
    let receipt = match sent {
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
const fn is_refusal(error: &ChainError) -> bool {
    matches!(error, ChainError::Rpc { .. } | ChainError::Reverted { .. })
}

/// What is said of a transaction that was refused, and that nobody mined; who has too little is told what is missing.
fn refused(error: ChainError, tx_hash: B256) -> eyre::Report {
    let poor = error.refusal().filter(|refusal| refusal.class == Class::InsufficientFunds);
    let cause = if poor.is_some() { Cause::FailedOnChain } else { of_chain(&error) };
    let missing = poor.and_then(|refusal| refusal.named.missing);
    let missing = missing.map(|wei| format!("; {} ETH are missing", grouped(wei, ETHER_DECIMALS)));
    let missing = missing.unwrap_or_default();
    cause.error(format!("{error}{missing}; transaction {tx_hash} is not on chain"))
}

/// The same transaction with the numbers that a refusal named, of the same account nonce; none if it named none that can
/// be taken. A price far above what was offered is not: whoever pays is to see it first.
fn heeded(transaction: &TxEip1559, error: &ChainError, offered: Fees) -> Option<TxEip1559> {
    let refusal = error.refusal()?;
    let Named { max_fee_per_gas, priority_fee_per_gas, gas, .. } = refusal.named;
    let mut next = transaction.clone();
    match refusal.class {
        Class::RaiseFee => {
            let tip = priority_fee_per_gas.unwrap_or(0).max(transaction.max_priority_fee_per_gas);
            let more = tip - transaction.max_priority_fee_per_gas;
            let max = transaction.max_fee_per_gas.saturating_add(more);
            next.max_fee_per_gas = max.max(max_fee_per_gas.unwrap_or(0));
            next.max_priority_fee_per_gas = tip.min(next.max_fee_per_gas);
        }
        Class::RaiseGas => next.gas_limit = gas?.max(transaction.gas_limit),
        _ => return None,
    }
    let most = SANE_PRICE.max(offered.max_fee_per_gas.saturating_mul(SANE_TIMES));
    let is_more = (next.max_fee_per_gas, next.max_priority_fee_per_gas, next.gas_limit)
        != (
            transaction.max_fee_per_gas,
            transaction.max_priority_fee_per_gas,
            transaction.gas_limit,
        );
    (is_more && next.max_fee_per_gas <= most && next.gas_limit <= GAS_CAP).then_some(next)
}
