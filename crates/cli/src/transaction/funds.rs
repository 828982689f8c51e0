//! Whether who pays for a transaction has enough.

use crate::failure::Cause;
use alloy::{
    consensus::TxEip1559,
    primitives::{Address, Bytes, U256},
};
use eyre::Result;
use quorate_chain::{Chain, ChainError, Unsigned, refusal::Named};
use quorate_core::amount::{ETHER_DECIMALS, grouped};

/// What a transaction may cost, in wei.
#[derive(Clone, Copy, Debug)]
struct Costs {
    gas: U256,
    /// Besides gas; none where the chain takes nothing of the kind.
    rollup: Option<U256>,
    /// What it sends along.
    value: U256,
}

/// Refuses a transaction that its sender cannot pay for, with what is missing.
pub(super) async fn check(chain: &Chain, from: Address, transaction: &TxEip1559) -> Result<()> {
    let to = transaction.to.into_to().unwrap_or_default();
    let (data, gas_limit) = (transaction.input.clone(), transaction.gas_limit);
    let rollup = chain.rollup_fee_bound(&Unsigned { to, data, gas_limit }).await?;
    let gas = U256::from(gas_limit) * U256::from(transaction.max_fee_per_gas);
    let costs = Costs { gas, rollup, value: transaction.value };
    let balance = chain.balance(from).await?;
    match missing(from, balance, costs) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Says what a payer lacks; none if there is enough.
fn missing(from: Address, balance: U256, costs: Costs) -> Option<eyre::Report> {
    let Costs { gas, rollup, value } = costs;
    let needed = gas.saturating_add(rollup.unwrap_or_default()).saturating_add(value);
    let missing = needed.checked_sub(balance).filter(|missing| !missing.is_zero())?;
    let ether = |wei| grouped(wei, ETHER_DECIMALS);
    let sent = if value.is_zero() {
        String::new()
    } else {
        format!("{} ETH are to be sent, ", ether(value))
    };
    let beside = rollup.map(|fee| format!(" and layer 1 {} ETH", ether(fee)));
    Some(Cause::FailedOnChain.error(format!(
        "{from} has {} ETH, and {sent}the gas may cost {} ETH{}: {} ETH are missing; send it some, or use another key",
        ether(balance),
        ether(gas),
        beside.unwrap_or_default(),
        ether(missing)
    )))
}

/// What a payer lacks to whom the chain gives no estimate: what the node named, or what the call costs at least. Without
/// an estimate, the gas is what calldata takes.
pub(super) async fn too_little(
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
            missing(payer, balance, Costs { gas, rollup: rollup_fee, value: U256::ZERO })
                .unwrap_or_else(|| {
                    Cause::FailedOnChain
                        .error(format!("{payer} has too little ether for it: send it some"))
                })
        }
        Err(error) => error.into(),
    }
}
