//! Sending a transaction and waiting for it.

use crate::{failure::Cause, key::Key, output::Output};
use alloy::{
    consensus::TxEip1559,
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, B256, Bytes, TxKind, U256},
};
use eyre::Result;
use quorate_chain::{
    Chain, ChainError, Fees, Receipt, SimulateError, Unsigned, WaitError,
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
                    return Err(too_poor_to_estimate(chain, payer, (to, data), named).await);
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
    let mut transaction = TxEip1559 {
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
    let mut refusals = 0;
    let tx_hash = loop {
        check_balance(chain, key.address(), &transaction).await?;
        let signed = key.sign_transaction(transaction.clone(), output).await?;
        let (raw, tx_hash) = (signed.encoded_2718(), *signed.tx_hash());
        match chain.send(&raw).await {
            Ok(_) => break tx_hash,
            // Only a refusal says that it was not taken.
            Err(error @ ChainError::Rpc { .. }) => {
                refusals += 1;
                match heeded(&transaction, &error, fees) {
                    Some(next) if refusals <= MOST_REFUSALS => {
                        output.warn(&format!("{error}; offering what it asks for"));
                        transaction = next;
                    }
                    _ => return Err(refused(error)),
                }
            }
            // It may have arrived: what counts is whether it gets mined.
            Err(error) => {
                output.warn(&format!("{error}; looking whether transaction {tx_hash} arrived"));
                break tx_hash;
            }
        }
    };
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

/// The error of a refusal: who has too little is told what is missing.
fn refused(error: ChainError) -> eyre::Report {
    let poor = error.refusal().filter(|refusal| refusal.class == Class::InsufficientFunds);
    match poor.and_then(|refusal| refusal.named.missing) {
        Some(missing) => Cause::FailedOnChain
            .error(format!("{error}: {} ETH are missing", grouped(missing, ETHER_DECIMALS))),
        None => error.into(),
    }
}

async fn check_balance(chain: &Chain, from: Address, transaction: &TxEip1559) -> Result<()> {
    let to = transaction.to.into_to().unwrap_or_default();
    let (data, gas_limit) = (transaction.input.clone(), transaction.gas_limit);
    let rollup_fee = chain.rollup_fee_bound(&Unsigned { to, data, gas_limit }).await?;
    let gas = U256::from(gas_limit) * U256::from(transaction.max_fee_per_gas);
    let balance = chain.balance(from).await?;
    match missing(from, balance, gas, rollup_fee) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Says what a payer lacks; none if there is enough.
fn missing(
    from: Address,
    balance: U256,
    gas: U256,
    rollup_fee: Option<U256>,
) -> Option<eyre::Report> {
    let needed = gas.saturating_add(rollup_fee.unwrap_or_default());
    let missing = needed.checked_sub(balance).filter(|missing| !missing.is_zero())?;
    let ether = |wei| grouped(wei, ETHER_DECIMALS);
    let beside = rollup_fee.map(|fee| format!(" and layer 1 {} ETH", ether(fee)));
    Some(Cause::FailedOnChain.error(format!(
        "{from} has {} ETH, and the gas may cost {} ETH{}: {} ETH are missing; send it some, or use another key",
        ether(balance),
        ether(gas),
        beside.unwrap_or_default(),
        ether(missing)
    )))
}

/// What a payer lacks to whom the chain gives no estimate: what the node named, or what the call costs at least. Without
/// an estimate, the gas is what calldata takes.
async fn too_poor_to_estimate(
    chain: &Chain,
    payer: Address,
    (to, data): (Address, &Bytes),
    named: Named,
) -> eyre::Report {
    let look = async {
        let fees = chain.fees().await?;
        let balance = chain.balance(payer).await?;
        let gas_limit = 21_000 + 16 * data.len() as u64;
        let call = Unsigned { to, data: data.clone(), gas_limit };
        let rollup_fee = chain.rollup_fee_bound(&call).await?;
        let gas = U256::from(gas_limit) * U256::from(fees.max_fee_per_gas);
        Ok::<_, ChainError>((balance, gas, rollup_fee))
    };
    match look.await {
        Ok((balance, gas, rollup_fee)) => {
            let gas = gas.max(
                named
                    .missing
                    .unwrap_or_default()
                    .saturating_add(balance)
                    .saturating_sub(rollup_fee.unwrap_or_default()),
            );
            missing(payer, balance, gas, rollup_fee).unwrap_or_else(|| {
                Cause::FailedOnChain
                    .error(format!("{payer} has too little ether for it: send it some"))
            })
        }
        Err(error) => error.into(),
    }
}
