//! What a transaction cost, in words.

use alloy::primitives::U256;
use quorate_core::amount::{ETHER_DECIMALS, grouped};

/// The parts of a fee, in wei; none of what a chain does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) gas: Option<U256>,
    pub(crate) l1: Option<U256>,
    pub(crate) operator: Option<U256>,
}

/// The whole, and its parts where there is more than gas.
pub(crate) fn words(fee: U256, parts: Parts) -> String {
    let ether = |wei| grouped(wei, ETHER_DECIMALS);
    let named = [("layer 1", parts.l1), ("the operator", parts.operator)];
    let beside: Vec<_> =
        named.iter().filter_map(|(name, part)| part.map(|part| (name, part))).collect();
    let mut text = format!("{} ETH", ether(fee));
    if !beside.is_empty()
        && let Some(gas) = parts.gas
    {
        text.push_str(&format!(" ({} for gas", ether(gas)));
        for (name, part) in beside {
            text.push_str(&format!(", {} for {name}", ether(part)));
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_where_there_is_more_than_gas() {
        let wei = |milli: u64| U256::from(milli) * U256::from(10_u64.pow(15));
        let gas = Parts { gas: Some(wei(1)), ..Parts::default() };
        assert_eq!(words(wei(1), gas), "0.001 ETH");
        let rollup = Parts { gas: Some(wei(1)), l1: Some(wei(2)), operator: Some(U256::ZERO) };
        assert_eq!(
            words(wei(3), rollup),
            "0.003 ETH (0.001 for gas, 0.002 for layer 1, 0 for the operator)"
        );
        assert_eq!(words(wei(3), Parts::default()), "0.003 ETH");
    }
}
