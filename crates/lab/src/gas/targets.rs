//! What Quorate may use at most. A change that misses one of these fails the measurement.

use super::{Action, Size, Work};

/// The limit for this work, where there is one.
pub(super) fn target(size: Size, work: Work, action: Option<Action>) -> Option<u64> {
    const PAYOUT: Option<Action> = Some(Action::Payout);
    const EXECUTE: Option<Action> = Some(Action::Execute);
    const SMALL: Size = Size::new(2, 3);
    const LARGE: Size = Size::new(10, 20);
    match (size, work, action) {
        (SMALL, Work::Create, None) => Some(94_000),
        (SMALL, Work::Eth, PAYOUT) => Some(53_500),
        (SMALL, Work::Erc20, PAYOUT) => Some(59_500),
        (SMALL, Work::Erc20Times10, PAYOUT) => Some(141_000),
        (SMALL, Work::Erc20Times100, PAYOUT) => Some(945_000),
        (SMALL, Work::Erc20Times100, EXECUTE) => Some(1_070_000),
        (LARGE, Work::Create, None) => Some(191_000),
        (LARGE, Work::Eth, PAYOUT) => Some(90_500),
        _ => None,
    }
}
