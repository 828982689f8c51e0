//! Whose events are read, and whether a block's bloom says that some of them are missing from an answer.

use alloy::{
    primitives::{Address, B256, Bloom, BloomInput, keccak256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use quorate_bindings::contracts::{
    IWallet::{Approved, Executed, Reconfigured},
    IWalletFactory::WalletCreated,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Below which chance a bloom that tells of an event says that it is there.
const CHANCE: f64 = 0.02;

/// A bloom that is as full as this says nothing.
const FULL: f64 = 0.98;

/// The events of wallets.
const TOPICS: [B256; 3] =
    [Executed::SIGNATURE_HASH, Reconfigured::SIGNATURE_HASH, Approved::SIGNATURE_HASH];

/// Whose events are read: wallets' and their factory's.
#[derive(Debug)]
pub(super) struct Watched {
    /// The wallets.
    pub(super) wallets: Arc<BTreeSet<Address>>,
    /// The factory.
    pub(super) factory: Address,
    /// All of them.
    pub(super) contracts: Vec<Address>,
    /// What is in a bloom for each wallet.
    marks: BTreeMap<Address, B256>,
}

/// Whether an answer lacks events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing says so.
    None,
    /// The bloom tells of some, but so full a bloom tells of many things that are not there.
    Weak,
    /// The bloom tells of some, and hardly by chance.
    Strong,
}

impl Watched {
    pub(super) fn new(wallets: BTreeSet<Address>, factory: Address) -> Self {
        let contracts = wallets.iter().copied().chain([factory]).collect();
        let marks = wallets.iter().map(|&wallet| (wallet, keccak256(wallet))).collect();
        Self { wallets: Arc::new(wallets), factory, contracts, marks }
    }

    /// Whether these lack events of which the bloom of their block tells.
    pub(super) fn doubt(&self, bloom: Option<&Bloom>, logs: &[Log]) -> Doubt {
        let Some(bloom) = bloom else { return Doubt::None };
        let bits: u32 = bloom.0.iter().map(|byte| byte.count_ones()).sum();
        let fill = f64::from(bits) / 2048.0;
        if bits == 0 || fill > FULL {
            return Doubt::None;
        }
        let tells_of = |mark: B256| bloom.contains_input(BloomInput::Hash(mark));
        let tells_topic = |topic: &B256| tells_of(keccak256(topic));
        let has = |emitter: Address| logs.iter().any(|log| log.address() == emitter);
        let of_factory = tells_topic(&WalletCreated::SIGNATURE_HASH)
            && tells_of(keccak256(self.factory))
            && !has(self.factory);
        let of_wallets = TOPICS.iter().any(tells_topic)
            && self.marks.iter().any(|(wallet, mark)| tells_of(*mark) && !has(*wallet));
        if !of_factory && !of_wallets {
            return Doubt::None;
        }
        // Three bits each, of one topic of four, and of one of the contracts.
        let by_chance = fill.powi(3);
        let (topics, emitters) = (4.0 * by_chance, by_chance * self.contracts.len() as f64);
        if topics.min(1.0) * emitters.min(1.0) < CHANCE { Doubt::Strong } else { Doubt::Weak }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Bytes, Log as Emitted};
    use proptest::prelude::*;

    const FACTORY: Address = Address::repeat_byte(0xfa);

    fn watched(count: u8) -> Watched {
        Watched::new((1..=count).map(Address::with_last_byte).collect(), FACTORY)
    }

    fn log(address: Address, topic: B256) -> Log {
        let inner = Emitted::new_unchecked(address, vec![topic], Bytes::new());
        Log { inner, ..Log::default() }
    }

    fn bloom(logs: &[Log]) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for log in logs {
            bloom.accrue_raw_log(log.address(), log.topics());
        }
        bloom
    }

    #[test]
    fn a_bloom_that_tells_of_an_event_doubts_an_answer_without_it() {
        let watched = watched(3);
        let [first, second] = [1, 2].map(Address::with_last_byte);
        let executed = log(first, Executed::SIGNATURE_HASH);
        let created = log(FACTORY, WalletCreated::SIGNATURE_HASH);
        for lost in [&executed, &created, &log(second, Approved::SIGNATURE_HASH)] {
            let of_block = bloom(std::slice::from_ref(lost));
            assert_eq!(watched.doubt(Some(&of_block), &[]), Doubt::Strong, "{lost:?}");
            assert_eq!(
                watched.doubt(Some(&of_block), std::slice::from_ref(lost)),
                Doubt::None,
                "{lost:?}"
            );
        }
        // Of two wallets one is missing.
        let of_block = bloom(&[executed.clone(), log(second, Executed::SIGNATURE_HASH)]);
        assert_eq!(watched.doubt(Some(&of_block), &[executed]), Doubt::Strong);
    }

    #[test]
    fn a_bloom_without_ours_or_that_says_nothing_doubts_nothing() {
        let watched = watched(3);
        let strange = log(Address::repeat_byte(0x99), Executed::SIGNATURE_HASH);
        let other_event = log(Address::with_last_byte(1), B256::repeat_byte(0x99));
        for of_block in
            [bloom(&[strange]), bloom(&[other_event]), Bloom::ZERO, Bloom([0xff; 256].into())]
        {
            assert_eq!(watched.doubt(Some(&of_block), &[]), Doubt::None);
        }
        assert_eq!(watched.doubt(None, &[]), Doubt::None);
    }

    #[test]
    fn a_full_bloom_is_a_weak_reason() {
        let mut of_block = bloom(&[log(Address::with_last_byte(1), Executed::SIGNATURE_HASH)]);
        for number in 0..1_000_u64 {
            of_block.accrue(BloomInput::Raw(&number.to_be_bytes()));
        }
        assert_eq!(watched(200).doubt(Some(&of_block), &[]), Doubt::Weak);
    }

    proptest! {
        /// A bloom has no false negatives: what is missing is always doubted.
        #[test]
        fn no_event_is_lost_without_a_doubt(others in prop::collection::vec(any::<[u8; 20]>(), 0..40), which in 1_u8..=5) {
            let lost = log(Address::with_last_byte(which), Executed::SIGNATURE_HASH);
            let mut logs: Vec<_> =
                others.iter().map(|other| log(Address::from(*other), B256::repeat_byte(other[0]))).collect();
            logs.push(lost);
            let of_block = bloom(&logs);
            logs.pop();
            prop_assume!(!logs.iter().any(|log| log.address() == Address::with_last_byte(which)));
            prop_assert_ne!(watched(5).doubt(Some(&of_block), &logs), Doubt::None);
        }
    }
}
