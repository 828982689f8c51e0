//! What the refusals of all endpoints together come to.

use crate::event::{Least, Rejection, Sent};
use quorate_chain::refusal::{Class, Refusal};

/// What is known of bytes that were refused so; `is_unknown` if others gave no answer.
pub(super) fn outcome(refusals: &[Refusal], is_unknown: bool) -> Sent {
    // An endpoint that may take it once something is done about it counts more than one that never will.
    let Some(refusal) = refusals.iter().min_by_key(|refusal| order(refusal)) else {
        return Sent::Unknown;
    };
    for refusal in refusals.iter().filter(|refusal| refusal.class == Class::Unrecognised) {
        tracing::warn!(message = refusal.message, "a refusal that is not understood");
    }
    let is_proof = refusals.iter().all(|refusal| refusal.class.is_proof());
    let rejection = rejection(refusal);
    tracing::debug!(message = refusal.message, class = refusal.class.name(), "refused");
    if is_proof && !is_unknown { Sent::Rejected(rejection) } else { Sent::Doubtful(rejection) }
}

/// Which is heeded first; of those that name a least fee the least of all.
fn order(refusal: &Refusal) -> (u8, u128, u128) {
    let class = match refusal.class {
        Class::Known => 0,
        Class::RaiseFee => 1,
        Class::RaiseGas => 2,
        Class::InsufficientFunds => 3,
        Class::NonceTooLow => 4,
        Class::Wait => 5,
        Class::Reverted => 6,
        Class::Unrecognised => 7,
        Class::Hopeless => 8,
    };
    let named = refusal.named;
    let tip = named.priority_fee_per_gas.unwrap_or(0);
    (class, tip, named.max_fee_per_gas.unwrap_or(0))
}

const fn rejection(refusal: &Refusal) -> Rejection {
    let named = refusal.named;
    match refusal.class {
        Class::RaiseFee => Rejection::Underpriced(Least {
            max_fee_per_gas: named.max_fee_per_gas,
            priority_fee_per_gas: named.priority_fee_per_gas,
        }),
        Class::RaiseGas => Rejection::GasTooLow { least: named.gas },
        Class::InsufficientFunds => Rejection::InsufficientFunds { missing: named.missing },
        Class::NonceTooLow => Rejection::NonceTooLow,
        // The chain takes it for an answer, not a refusal; should it come, it is there.
        Class::Known | Class::Wait => Rejection::Wait,
        Class::Hopeless => Rejection::Invalid,
        Class::Reverted => Rejection::Reverted,
        Class::Unrecognised => Rejection::Unrecognised,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[&str], is_unknown: bool) -> Sent {
        let refusals: Vec<_> =
            messages.iter().map(|message| Refusal::read(-32_000, message)).collect();
        outcome(&refusals, is_unknown)
    }

    #[test]
    fn only_what_proves_that_it_is_nowhere_is_a_rejection() {
        assert_eq!(said(&["nonce too low"], false), Sent::Rejected(Rejection::NonceTooLow));
        assert_eq!(said(&["nonce too low"], true), Sent::Doubtful(Rejection::NonceTooLow));
        assert_eq!(said(&["txpool is full"], false), Sent::Rejected(Rejection::Wait));
        assert_eq!(said(&["no such words"], false), Sent::Doubtful(Rejection::Unrecognised));
        assert_eq!(said(&[], true), Sent::Unknown);
        let reverts = Refusal::read(3, "execution reverted");
        assert_eq!(outcome(&[reverts], false), Sent::Doubtful(Rejection::Reverted));
    }

    #[test]
    fn the_endpoint_that_can_be_satisfied_counts() {
        let gas = Rejection::GasTooLow { least: None };
        assert_eq!(
            said(&["exceeds block gas limit", "intrinsic gas too low"], false),
            Sent::Rejected(gas)
        );
        let least = |tip| Least { max_fee_per_gas: None, priority_fee_per_gas: Some(tip) };
        let bor =
            |tip: u64| format!("transaction underpriced: gas tip cap 1, minimum needed {tip}");
        assert_eq!(
            said(&[&bor(30), &bor(25), "txpool is full"], false),
            Sent::Rejected(Rejection::Underpriced(least(25)))
        );
        assert_eq!(
            said(&["no such words", "oversized data"], false),
            Sent::Doubtful(Rejection::Unrecognised)
        );
    }
}
