//! What a transaction offers for gas (EIP-1559), and by how much it must offer more to replace another.
//!
//! Integers only, in wei per gas; nothing wraps: what does not fit is refused or saturates.

use crate::event::Least;
use alloy::primitives::U256;

/// A replacement must pay this part more: one tenth. geth, reth and nethermind all ask for 10 %.
const REPLACEMENT_PART: u128 = 10;

/// How many times the base fee a first attempt can pay: 2 outlasts five full blocks (1.125^5 = 1.80).
const BASE_FEE_MULTIPLE: u128 = 2;

/// To how many binary digits a first offer is rounded.
const DIGITS: u32 = 3;

/// The two fees a transaction offers, in wei per gas. The tip never exceeds the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fees {
    max_fee_per_gas: u128,
    max_priority_fee_per_gas: u128,
}

impl Fees {
    /// These fees, with a tip above `max_fee_per_gas` cut to it: nodes refuse anything else.
    pub const fn new(max_fee_per_gas: u128, max_priority_fee_per_gas: u128) -> Self {
        let tip = if max_priority_fee_per_gas > max_fee_per_gas {
            max_fee_per_gas
        } else {
            max_priority_fee_per_gas
        };
        Self { max_fee_per_gas, max_priority_fee_per_gas: tip }
    }

    /// What to offer at `base_fee`: twice the base fee and the tip, rounded up to three binary digits. Base fee 10, tip
    /// 3: at most 24, tip 3.
    ///
    /// Rounded, because the base fee is another in every block: nodes that put first what offers most would else leave
    /// those of a busy block behind for as long as later ones come. Costs nothing, as the maximum is not what is paid.
    pub const fn market(base_fee: u128, tip: u128) -> Self {
        let max = base_fee.saturating_mul(BASE_FEE_MULTIPLE).saturating_add(tip);
        Self::new(rounded_up(max), tip)
    }

    /// The most that is paid for a gas, in wei.
    pub const fn max_fee_per_gas(self) -> u128 {
        self.max_fee_per_gas
    }

    /// The part of it that the block's builder gets at most, in wei.
    pub const fn max_priority_fee_per_gas(self) -> u128 {
        self.max_priority_fee_per_gas
    }

    /// The least fees that replace a transaction with these in every node: a tenth more of both, rounded
    /// down, and one wei. 100 and 10 become 111 and 12; 0 and 0 become 1 and 1. None if they do not fit.
    ///
    /// geth asks for `>= old * 110 / 100` and `> old`, reth for `>= old * 110 / 100`, nethermind for
    /// `>= old + old / 10` and a change, each of both fees.
    pub fn replacement(self) -> Option<Self> {
        let more = |fee: u128| fee.checked_add(fee / REPLACEMENT_PART)?.checked_add(1);
        Some(Self::new(more(self.max_fee_per_gas)?, more(self.max_priority_fee_per_gas)?))
    }

    /// The fees of the attempt after one with these: what `market` asks for, at least what replaces
    /// this, and at most `ceiling` for a gas. None if no replacement stays below the ceiling.
    ///
    /// After 100 and 10: at a market of 90 and 9, 111 and 12; of 300 and 20, 300 and 20, or with a ceiling
    /// of 200, 200 and 20; with a ceiling of 110, none.
    pub fn bumped(self, market: Self, ceiling: u128) -> Option<Self> {
        let least = self.replacement()?;
        if least.max_fee_per_gas > ceiling {
            return None;
        }
        let max = least.max_fee_per_gas.max(market.max_fee_per_gas).min(ceiling);
        let tip = least.max_priority_fee_per_gas.max(market.max_priority_fee_per_gas);
        Some(Self::new(max, tip))
    }

    /// These fees, and what nodes named as the least where that is more. 100 and 10, at least a tip of 25: 115 and 25.
    pub fn at_least(self, least: Least) -> Self {
        let tip = self.max_priority_fee_per_gas.max(least.priority_fee_per_gas.unwrap_or(0));
        let more = tip - self.max_priority_fee_per_gas;
        let max = self.max_fee_per_gas.saturating_add(more);
        Self::new(max.max(least.max_fee_per_gas.unwrap_or(0)), tip)
    }

    /// Twice these fees. Saturates.
    pub const fn doubled(self) -> Self {
        Self::new(
            self.max_fee_per_gas.saturating_mul(2),
            self.max_priority_fee_per_gas.saturating_mul(2),
        )
    }

    /// These fees, neither above `ceiling`.
    pub fn capped(self, ceiling: u128) -> Self {
        Self::new(self.max_fee_per_gas.min(ceiling), self.max_priority_fee_per_gas)
    }
}

/// The least number that is not below `fee` and has no more than [`DIGITS`] binary digits before its zeros: at most a
/// quarter more. 23 becomes 24, 24 stays; what does not fit stays.
const fn rounded_up(fee: u128) -> u128 {
    let digits = u128::BITS - fee.leading_zeros();
    match fee.checked_next_multiple_of(1 << digits.saturating_sub(DIGITS)) {
        Some(rounded) => rounded,
        None => fee,
    }
}

/// The highest fee for a gas whose replacement still costs at most `ceiling`: 100 for 111, 99 for 110.
///
/// Payloads stop here, so that whatever they bid, a no-op can still take their place. None for a ceiling of 0.
pub const fn payload_ceiling(ceiling: u128) -> Option<u128> {
    // The greatest f with f + f / 10 + 1 <= c. Each ten of f take eleven of c - 1.
    let Some(room) = ceiling.checked_sub(1) else { return None };
    let (tens, rest) = (room / (REPLACEMENT_PART + 1), room % (REPLACEMENT_PART + 1));
    // A rest of ten is short of the eleventh that the next ten costs.
    let rest = if rest >= REPLACEMENT_PART { REPLACEMENT_PART - 1 } else { rest };
    Some(tens * REPLACEMENT_PART + rest)
}

/// The most that a transaction can cost, in wei: all of its gas at what it bids for one, and `rollup_fee` besides.
/// Saturates.
pub fn worst_case(gas_limit: u64, fees: Fees, rollup_fee: U256) -> U256 {
    let gas = U256::from(gas_limit) * U256::from(fees.max_fee_per_gas);
    gas.saturating_add(rollup_fee)
}

/// The highest fee for a gas that keeps [`worst_case`] within `cost` wei, at most `cap`.
pub fn ceiling_within(gas_limit: u64, rollup_fee: U256, cost: U256, cap: u128) -> u128 {
    let most = cost.saturating_sub(rollup_fee) / U256::from(gas_limit.max(1));
    u128::try_from(most).map_or(cap, |most| most.min(cap))
}

/// `gas` with `margin_percent` on top: what a simulation used is not always enough, since the state moves on.
/// Saturates.
pub fn gas_limit(gas: u64, margin_percent: u64) -> u64 {
    let margin = u128::from(gas) * u128::from(margin_percent) / 100;
    let limit = u128::from(gas).saturating_add(margin);
    u64::try_from(limit).unwrap_or(u64::MAX)
}

/// The gas limit after one of `refused` was too low: what the node named with the margin, or half as much again.
pub fn raised_gas(refused: u64, named: Option<u64>, margin_percent: u64) -> u64 {
    let half_more = refused.saturating_add(refused / 2).saturating_add(1);
    named
        .filter(|&named| named > refused)
        .map_or(half_more, |named| gas_limit(named, margin_percent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fee() -> impl Strategy<Value = u128> {
        prop_oneof![
            0_u128..30,
            0_u128..10_u128.pow(12),
            any::<u128>(),
            (0_u128..30).prop_map(|below| u128::MAX - below)
        ]
    }

    fn fees() -> impl Strategy<Value = Fees> {
        (fee(), fee()).prop_map(|(max, tip)| Fees::new(max, tip))
    }

    /// go-ethereum, `core/txpool/legacypool/list.go`, `Add`, with its price bump of 10.
    fn geth_replaces(old: u128, new: u128) -> bool {
        let threshold = U256::from(old) * U256::from(110) / U256::from(100);
        new > old && U256::from(new) >= threshold
    }

    /// reth, `crates/transaction-pool/src/validate/mod.rs`, `is_underpriced`, and the older form with `<=`.
    fn reth_replaces(old: u128, new: u128) -> bool {
        U256::from(new) > U256::from(old) * U256::from(110) / U256::from(100)
    }

    /// Nethermind, `Comparison/CompareReplacedTxByFee.cs`: equal to the bumped fee only if the bump is not 0.
    fn nethermind_replaces(old: u128, new: u128) -> bool {
        let bumped = U256::from(old) + U256::from(old / 10);
        U256::from(new) > bumped || (U256::from(new) == bumped && old / 10 > 0)
    }

    fn replaces_everywhere(old: Fees, new: Fees) -> bool {
        let pairs = [
            (old.max_fee_per_gas, new.max_fee_per_gas),
            (old.max_priority_fee_per_gas, new.max_priority_fee_per_gas),
        ];
        let rules = [geth_replaces, reth_replaces, nethermind_replaces];
        pairs.iter().all(|&(old, new)| rules.iter().all(|replaces| replaces(old, new)))
    }

    #[test]
    fn the_worked_examples_hold() {
        assert_eq!(Fees::market(10, 3), Fees::new(24, 3));
        assert_eq!(Fees::new(100, 10).replacement(), Some(Fees::new(111, 12)));
        assert_eq!(Fees::default().replacement(), Some(Fees::new(1, 1)));
        let old = Fees::new(100, 10);
        assert_eq!(old.bumped(Fees::new(90, 9), 1_000), Some(Fees::new(111, 12)));
        assert_eq!(old.bumped(Fees::new(300, 20), 1_000), Some(Fees::new(300, 20)));
        assert_eq!(old.bumped(Fees::new(300, 20), 200), Some(Fees::new(200, 20)));
        assert_eq!(old.bumped(Fees::new(300, 20), 110), None);
        assert_eq!((payload_ceiling(111), payload_ceiling(110)), (Some(100), Some(99)));
        assert_eq!(payload_ceiling(0), None);
        assert_eq!(gas_limit(100_000, 15), 115_000);
        assert_eq!(gas_limit(u64::MAX, 15), u64::MAX);
        assert_eq!(ceiling_within(100_000, U256::ZERO, U256::from(1_000_000), 7), 7);
        assert_eq!(ceiling_within(100_000, U256::ZERO, U256::from(1_000_000), 70), 10);
        assert_eq!(ceiling_within(100_000, U256::from(500_000), U256::from(1_000_000), 70), 5);
        assert_eq!(raised_gas(21_000, Some(30_000), 15), 34_500);
        assert_eq!(raised_gas(21_000, None, 15), 31_501);
        assert_eq!(raised_gas(21_000, Some(20_000), 15), 31_501, "that was not too low");
        let least = Least { max_fee_per_gas: None, priority_fee_per_gas: Some(25) };
        assert_eq!(Fees::new(100, 10).at_least(least), Fees::new(115, 25));
        assert_eq!(Fees::new(100, 10).at_least(Least::default()), Fees::new(100, 10));
        let least = Least { max_fee_per_gas: Some(300), priority_fee_per_gas: None };
        assert_eq!(Fees::new(100, 10).at_least(least), Fees::new(300, 10));
    }

    #[test]
    fn offers_of_base_fees_that_hardly_differ_are_the_same() {
        let tip = 1_000_000_000;
        assert_eq!(Fees::market(400_000, tip), Fees::market(600_000, tip));
        assert_eq!(Fees::market(10, 3), Fees::new(24, 3));
        assert_eq!(Fees::market(12, 0), Fees::new(24, 0));
        assert_eq!(Fees::market(u128::MAX, 0), Fees::new(u128::MAX, 0));
    }

    proptest! {
        #[test]
        fn an_offer_is_rounded_up_by_a_quarter_at_most(base in fee(), tip in fee()) {
            let asked = base.saturating_mul(2).saturating_add(tip);
            let offered = Fees::market(base, tip).max_fee_per_gas();
            prop_assert!(asked <= offered && offered - asked <= asked / 4);
        }

        #[test]
        fn a_replacement_is_taken_by_every_node(old in fees()) {
            if let Some(new) = old.replacement() {
                prop_assert!(replaces_everywhere(old, new), "{old:?} {new:?}");
                prop_assert!(new.max_priority_fee_per_gas <= new.max_fee_per_gas);
            }
        }

        #[test]
        fn a_bump_replaces_and_stays_below_the_ceiling(old in fees(), market in fees(), ceiling in fee()) {
            match old.bumped(market, ceiling) {
                Some(new) => {
                    prop_assert!(replaces_everywhere(old, new), "{old:?} {new:?}");
                    prop_assert!(new.max_fee_per_gas <= ceiling);
                    prop_assert!(new.max_priority_fee_per_gas <= new.max_fee_per_gas);
                    prop_assert!(new.max_fee_per_gas >= market.max_fee_per_gas.min(ceiling));
                }
                None => prop_assert!(old.replacement().is_none_or(|least| least.max_fee_per_gas > ceiling)),
            }
        }

        /// No more is given away than must be: one wei less is too little somewhere.
        #[test]
        fn a_replacement_costs_no_more_than_needed(old in fees()) {
            if let Some(new) = old.replacement() {
                let less = |fee: u128| fee - 1;
                prop_assert!(!reth_replaces(old.max_fee_per_gas, less(new.max_fee_per_gas)));
                let tip = less(new.max_priority_fee_per_gas);
                prop_assert!(!reth_replaces(old.max_priority_fee_per_gas, tip));
            }
        }

        #[test]
        fn a_noop_always_replaces_a_payload_at_its_ceiling(ceiling in fee(), tip in fee()) {
            let Some(most) = payload_ceiling(ceiling) else { return Ok(()) };
            let noop = Fees::new(most, tip).bumped(Fees::default(), ceiling);
            prop_assert!(noop.is_some());
            // And no higher payload could be replaced.
            if let Some(above) = most.checked_add(1) {
                prop_assert_eq!(Fees::new(above, 0).bumped(Fees::default(), ceiling), None);
            }
        }

        #[test]
        fn the_ceiling_keeps_the_worst_case_within_the_cost(
            gas in 1_u64.., cost: [u64; 2], rollup: u64, cap in fee()
        ) {
            let (rollup, cost) = (U256::from(rollup), U256::from_limbs([cost[0], cost[1], 0, 0]));
            let worst = |fee| worst_case(gas, Fees::new(fee, 0), rollup);
            let ceiling = ceiling_within(gas, rollup, cost, cap);
            prop_assert!(ceiling <= cap);
            prop_assert!(worst(ceiling) <= cost.max(rollup));
            prop_assert!(ceiling == cap || worst(ceiling + 1) > cost);
        }

        #[test]
        fn the_gas_limit_is_never_below_the_gas(gas: u64, margin in 0_u64..1_000) {
            prop_assert!(gas_limit(gas, margin) >= gas);
        }

        #[test]
        fn raised_gas_is_more(refused in 0..u64::MAX, named: Option<u64>, margin in 0_u64..1_000) {
            prop_assert!(raised_gas(refused, named, margin) > refused);
        }

        #[test]
        fn what_is_named_is_offered(fees in fees(), max: Option<u128>, tip: Option<u128>) {
            let least = Least { max_fee_per_gas: max, priority_fee_per_gas: tip };
            let offered = fees.at_least(least);
            prop_assert!(offered.max_fee_per_gas >= fees.max_fee_per_gas.max(max.unwrap_or(0)));
            let wanted = tip.unwrap_or(0).max(fees.max_priority_fee_per_gas);
            prop_assert!(offered.max_priority_fee_per_gas >= wanted.min(offered.max_fee_per_gas));
        }
    }
}
