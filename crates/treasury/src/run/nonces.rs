//! The nonces of a batch.
//!
//! In epochs without a TreasuryPolicy they are those of the lane of the batch's hash, sequence by sequence. In epochs with one
//! petty signers reach lanes whose highest bit is set, and admin signers those whose two highest bits are not: then first
//! comes sequence 0 of [`Lanes::high`], unless it was consumed before that epoch, and after it those of [`Lanes::low`], so
//! that a stolen petty key costs a batch one more round of admin signers, once.

use alloy::primitives::{U256, aliases::U192};
use quorate_core::{Lane, Nonce};
use std::collections::{BTreeMap, BTreeSet};

/// The lanes of a batch. Some of them are often the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// The first 192 bits of the hash of run and number.
    pub hash: Lane,
    /// The same with the highest bit set.
    pub high: Lane,
    /// The same without the two highest bits.
    pub low: Lane,
}

/// In which epochs the wallet has a TreasuryPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    with_treasury_policy: BTreeSet<u32>,
}

impl Epochs {
    /// Those of a wallet that never had one.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Those of a wallet that has one in these epochs.
    pub fn with_treasury_policy(epochs: impl IntoIterator<Item = u32>) -> Self {
        Self { with_treasury_policy: epochs.into_iter().collect() }
    }

    /// Whether the wallet never had one.
    pub fn is_plain(&self) -> bool {
        self.with_treasury_policy.is_empty()
    }

    /// Whether petty signers may pay in this epoch.
    pub fn has_petty_signers(&self, epoch: u32) -> bool {
        self.with_treasury_policy.contains(&epoch)
    }
}

impl Lanes {
    /// Those of batch `number` of the run named `run`.
    pub fn of(run: &str, number: u64) -> Self {
        let hash = Lane::of_payout(run, U256::from(number));
        let top = U192::ONE << 191;
        let high = Lane::new(hash.number() | top);
        let low = Lane::new(hash.number() & ((U192::ONE << 190) - U192::ONE));
        Self { hash, high, low }
    }

    /// All of them, each once.
    pub fn all(&self) -> BTreeSet<Lane> {
        [self.hash, self.high, self.low].into()
    }

    /// The one nonce at which the batch may be asked for, and signed, in `epoch`, where `next` is the first free sequence of
    /// each lane.
    pub fn present(&self, epochs: &Epochs, epoch: u32, next: &BTreeMap<Lane, u64>) -> Nonce {
        let next = |lane| next.get(&lane).copied().unwrap_or_default();
        if !epochs.has_petty_signers(epoch) {
            return Nonce::new(self.hash, next(self.hash));
        }
        match next(self.high) {
            0 => Nonce::new(self.high, 0),
            _ => Nonce::new(self.low, next(self.low)),
        }
    }

    /// Whether a nonce that was consumed in `epoch` was one of the batch's then. `high_is_used` where sequence 0 of the high
    /// lane was consumed before.
    pub(super) fn is_of(
        &self,
        nonce: Nonce,
        epochs: &Epochs,
        epoch: u32,
        high_is_used: bool,
    ) -> bool {
        if !epochs.has_petty_signers(epoch) {
            return nonce.lane == self.hash;
        }
        let is_high = nonce == Nonce::new(self.high, 0);
        // Where all lanes of a batch are consumed in order, sequence 0 of the high lane is consumed once.
        is_high || (high_is_used && nonce.lane == self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bits_tell_who_reaches_a_lane() {
        for number in 0..64 {
            let lanes = Lanes::of("may", number);
            assert!(lanes.high.number().bit(191));
            assert!(!lanes.low.number().bit(191) && !lanes.low.number().bit(190));
            let rest = (U192::ONE << 190) - U192::ONE;
            for lane in lanes.all() {
                assert_eq!(lane.number() & rest, lanes.hash.number() & rest);
            }
        }
    }

    #[test]
    fn the_present_nonce_follows_from_counters_and_policy() {
        let lanes = Lanes::of("may", 3);
        let treasury = Epochs::with_treasury_policy([1]);
        let next = |high, low| {
            let mut next = BTreeMap::from([(lanes.hash, 2)]);
            next.insert(lanes.high, high);
            next.insert(lanes.low, low);
            next
        };
        let present = |epoch, high, low| lanes.present(&treasury, epoch, &next(high, low));
        assert_eq!(present(1, 0, 5), Nonce::new(lanes.high, 0));
        assert_eq!(present(1, 1, 5), Nonce::new(lanes.low, 5));
        assert_eq!(present(0, 0, 0).lane, lanes.hash);
    }
}
