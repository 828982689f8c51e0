//! What may be spent on gas, and what is: reserved at its worst when an account nonce is taken, settled
//! at what it cost when it is final.

use alloy::primitives::{Address, U256};
use std::collections::BTreeMap;
use thiserror::Error;

/// Seconds of a day of budgets, which begins at midnight UTC.
pub const DAY_SECS: u64 = 86_400;

/// How many days the ledger remembers: account nonces are settled on the day that they were taken on.
const DAYS_KEPT: u64 = 7;

/// What the operator allows. Everything in wei; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For all account nonces taken on one day.
    pub per_day: U256,
    /// For those of one wallet taken on one day.
    pub per_wallet_and_day: U256,
    /// For one account nonce, its bumps and no-op included.
    pub per_transaction: U256,
    /// For one gas.
    pub max_fee_per_gas: u128,
    /// What a sender's balance is kept above.
    pub sender_floor: U256,
}

/// Why a sum is not reserved. Amounts in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BudgetError {
    /// The budget of the day.
    #[error("{needed} wei more than the {committed} committed today would exceed {limit}")]
    Day {
        /// What is asked for.
        needed: U256,
        /// What is reserved or spent.
        committed: U256,
        /// What is allowed.
        limit: U256,
    },
    /// The budget of the wallet for the day.
    #[error("{needed} wei more than the {committed} of {wallet} today would exceed {limit}")]
    Wallet {
        /// The wallet.
        wallet: Address,
        /// What is asked for.
        needed: U256,
        /// What is reserved or spent.
        committed: U256,
        /// What is allowed.
        limit: U256,
    },
}

/// What is charged, and to whom: a wallet, or nobody for a no-op that fills a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The day, counted from 1970-01-01.
    pub day: u64,
    /// The wallet it is for.
    pub wallet: Option<Address>,
    /// Wei.
    pub amount: U256,
}

/// What was reserved or spent, by day and wallet. Does not know what is still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    days: BTreeMap<u64, BTreeMap<Option<Address>, U256>>,
}

impl Ledger {
    /// What is committed on `day`, by all, in wei.
    pub fn of_day(&self, day: u64) -> U256 {
        let sums = self.days.get(&day).into_iter().flat_map(BTreeMap::values);
        sums.fold(U256::ZERO, |total, sum| total.saturating_add(*sum))
    }

    /// What is committed on `day` for `wallet`, in wei.
    pub fn of_wallet(&self, day: u64, wallet: Option<Address>) -> U256 {
        self.days.get(&day).and_then(|sums| sums.get(&wallet)).copied().unwrap_or_default()
    }

    /// Whether `charge` fits besides those of `pending`, which are about to be added; does not reserve it.
    ///
    /// # Errors
    ///
    /// If it exceeds one of the two budgets of its day.
    pub fn check(
        &self,
        charge: &Charge,
        pending: impl IntoIterator<Item = Charge>,
        limits: &Limits,
    ) -> Result<(), BudgetError> {
        let Charge { day, wallet, amount: needed } = *charge;
        let exceeds = |committed: U256, limit| committed.saturating_add(needed) > limit;
        let (mut by_all, mut by_wallet) = (U256::ZERO, U256::ZERO);
        for other in pending.into_iter().filter(|other| other.day == day) {
            by_all = by_all.saturating_add(other.amount);
            if other.wallet == wallet {
                by_wallet = by_wallet.saturating_add(other.amount);
            }
        }
        let committed = self.of_day(day).saturating_add(by_all);
        if exceeds(committed, limits.per_day) {
            return Err(BudgetError::Day { needed, committed, limit: limits.per_day });
        }
        let Some(wallet) = wallet else { return Ok(()) };
        let committed = self.of_wallet(day, Some(wallet)).saturating_add(by_wallet);
        let limit = limits.per_wallet_and_day;
        if exceeds(committed, limit) {
            return Err(BudgetError::Wallet { wallet, needed, committed, limit });
        }
        Ok(())
    }

    /// Adds `charge`, whether it fits or not: what is on its way counts, whatever the limits say now.
    pub fn add(&mut self, charge: &Charge) {
        let sum = self.days.entry(charge.day).or_default().entry(charge.wallet).or_default();
        *sum = sum.saturating_add(charge.amount);
    }

    /// Takes `charge` back.
    pub fn take_back(&mut self, charge: &Charge) {
        if let Some(sum) = self.days.get_mut(&charge.day).and_then(|d| d.get_mut(&charge.wallet)) {
            *sum = sum.saturating_sub(charge.amount);
        }
    }

    /// Forgets the days that no open account nonce can belong to, a week before `today`.
    pub fn forget_before(&mut self, today: u64) {
        self.days.retain(|&day, _| day.saturating_add(DAYS_KEPT) >= today);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(per_day: u64, per_wallet: u64) -> Limits {
        Limits {
            per_day: U256::from(per_day),
            per_wallet_and_day: U256::from(per_wallet),
            per_transaction: U256::MAX,
            max_fee_per_gas: u128::MAX,
            sender_floor: U256::ZERO,
        }
    }

    fn charge(day: u64, wallet: u8, amount: U256) -> Charge {
        Charge { day, wallet: Some(Address::with_last_byte(wallet)), amount }
    }

    #[test]
    fn the_budget_of_one_wallet_is_not_that_of_another() {
        let (mut ledger, limits) = (Ledger::default(), limits(100, 60));
        ledger.add(&charge(1, 1, U256::from(60)));
        let one_more = charge(1, 1, U256::ONE);
        assert!(matches!(ledger.check(&one_more, [], &limits), Err(BudgetError::Wallet { .. })));
        assert_eq!(ledger.check(&charge(1, 2, U256::from(40)), [], &limits), Ok(()));
        let pending = charge(1, 2, U256::from(1));
        let crowded = ledger.check(&charge(1, 2, U256::from(40)), [pending], &limits);
        assert!(matches!(crowded, Err(BudgetError::Day { .. })));
        let too_much = charge(1, 2, U256::from(41));
        assert!(matches!(ledger.check(&too_much, [], &limits), Err(BudgetError::Day { .. })));
        assert_eq!(ledger.check(&charge(2, 1, U256::from(60)), [], &limits), Ok(()));
    }

    proptest! {
        /// Whatever is reserved only if it fits, and settled at no more, never exceeds the budget.
        #[test]
        fn budgets_are_never_exceeded(
            ops in proptest::collection::vec((0_u64..3, 0_u8..3, any::<u64>(), 0_u64..=100, any::<bool>()), 0..60)
        ) {
            let (mut ledger, limits) = (Ledger::default(), limits(u64::MAX, u64::MAX / 2));
            let mut open: Vec<Charge> = Vec::new();
            for (day, wallet, amount, percent, settle) in ops {
                if settle && let Some(reserved) = open.pop() {
                    ledger.take_back(&reserved);
                    let amount = reserved.amount * U256::from(percent) / U256::from(100);
                    ledger.add(&Charge { amount, ..reserved });
                } else {
                    let reserved = charge(day, wallet, U256::from(amount));
                    if ledger.check(&reserved, [], &limits).is_ok() {
                        ledger.add(&reserved);
                        open.push(reserved);
                    }
                }
                for day in 0..3 {
                    prop_assert!(ledger.of_day(day) <= limits.per_day);
                    for wallet in 0..3 {
                        let wallet = Some(Address::with_last_byte(wallet));
                        prop_assert!(ledger.of_wallet(day, wallet) <= limits.per_wallet_and_day);
                    }
                }
            }
        }

        #[test]
        fn sums_saturate(day: u64, amounts: Vec<[u64; 4]>) {
            let mut ledger = Ledger::default();
            for limbs in amounts {
                ledger.add(&charge(day, 1, U256::from_limbs(limbs)));
            }
            ledger.add(&charge(day, 2, U256::MAX));
            prop_assert_eq!(ledger.of_day(day), U256::MAX);
        }
    }
}
