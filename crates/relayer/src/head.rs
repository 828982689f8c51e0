//! The chain's head and the blocks before it, followed by parent hash.

use crate::{
    event::{BlockId, Header},
    settings::MEASURED_BLOCKS,
};
use alloy::primitives::B256;
use std::collections::VecDeque;

/// Of how many blocks the time from block to block is measured at most.
const MOST_MEASURED: usize = 256;

/// A longer pause between two blocks is no time from block to block.
const LONGEST_GAP_SECS: u64 = 60;

/// No chain makes blocks faster than this, in milliseconds: timestamps are whole seconds.
const LEAST_BLOCK_MILLIS: u64 = 50;

/// How a segment of blocks goes with the blocks that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Its last block is known: an endpoint lags, or says the same again.
    Known,
    /// Its blocks from `skip` on are new and follow the known block number `fork`; what came after that is undone.
    Extends {
        /// The last block that stays.
        fork: u64,
        /// How many blocks of the segment are known.
        skip: usize,
    },
    /// No block was known, or blocks are missing in between: what happened there has to be read back.
    Gap,
    /// It branches off somewhere before its first block: more of it is needed.
    TooShort,
    /// It branches off before everything that is known.
    Beyond,
    /// It is empty, or a block is not the parent of the next.
    Broken,
}

/// The last blocks of the chain, without gaps. Bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    blocks: VecDeque<Header>,
}

impl History {
    /// The last block, if any is known.
    pub fn head(&self) -> Option<&Header> {
        self.blocks.back()
    }

    /// The first block known.
    pub fn oldest(&self) -> Option<&Header> {
        self.blocks.front()
    }

    /// How many blocks are known.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The block with this number.
    pub fn find(&self, number: u64) -> Option<&Header> {
        let index = number.checked_sub(self.oldest()?.id.number)?;
        self.blocks.get(usize::try_from(index).ok()?)
    }

    /// The block with this hash.
    pub fn find_hash(&self, hash: B256) -> Option<&Header> {
        self.blocks.iter().rev().find(|block| block.id.hash == hash)
    }

    /// Whether this very block is known.
    pub fn contains(&self, id: BlockId) -> bool {
        self.find(id.number).is_some_and(|block| block.id == id)
    }

    /// Whether `id` is on the chain as far as can be told: known, or older than what is known.
    pub fn may_contain(&self, id: BlockId) -> bool {
        self.contains(id) || self.oldest().is_some_and(|oldest| id.number < oldest.id.number)
    }

    /// The first known block with a timestamp after `instant`, in Unix seconds.
    pub fn find_after(&self, instant: u64) -> Option<&Header> {
        let index = self.blocks.partition_point(|block| block.timestamp <= instant);
        self.blocks.get(index)
    }

    /// The time from block to block, in milliseconds, as the known blocks have it; none of too few. Where blocks stood
    /// still for long, that counts little.
    pub fn block_millis(&self) -> Option<u64> {
        if self.blocks.len() < MEASURED_BLOCKS {
            return None;
        }
        let times: Vec<u64> =
            self.blocks.iter().rev().take(MOST_MEASURED).map(|block| block.timestamp).collect();
        let gaps = times.windows(2).map(|pair| match pair {
            [later, earlier] => later.saturating_sub(*earlier).min(LONGEST_GAP_SECS),
            _ => 0,
        });
        let (sum, count) = (gaps.sum::<u64>(), times.len() as u64 - 1);
        Some((sum.saturating_mul(1_000) / count).max(LEAST_BLOCK_MILLIS))
    }

    /// How `segment`, in ascending order, goes with the known blocks. Changes nothing.
    pub fn link(&self, segment: &[Header]) -> Link {
        let follows = |pair: &[Header]| match pair {
            [parent, child] => is_parent(parent, child.parent, child.id.number),
            _ => false,
        };
        let (Some(first), Some(last)) = (segment.first(), segment.last()) else {
            return Link::Broken;
        };
        if !segment.windows(2).all(follows) {
            return Link::Broken;
        }
        let (Some(head), Some(oldest)) = (self.head(), self.oldest()) else { return Link::Gap };
        if self.contains(last.id) {
            return Link::Known;
        }
        let skip = segment.iter().take_while(|block| self.contains(block.id)).count();
        let Some(new) = segment.get(skip) else { return Link::Known };
        let parent = new.id.number.checked_sub(1).and_then(|number| self.find(number));
        match parent {
            Some(parent) if is_parent(parent, new.parent, new.id.number) => {
                Link::Extends { fork: parent.id.number, skip }
            }
            _ if first.id.number > head.id.number.saturating_add(1) => Link::Gap,
            _ if first.id.number <= oldest.id.number => Link::Beyond,
            _ => Link::TooShort,
        }
    }

    /// Forgets the blocks after `number`.
    pub(crate) fn undo_after(&mut self, number: u64) {
        while self.blocks.back().is_some_and(|block| block.id.number > number) {
            self.blocks.pop_back();
        }
    }

    /// Appends a block; the caller has checked that it follows.
    pub(crate) fn push(&mut self, block: Header) {
        self.blocks.push_back(block);
    }

    /// Forgets all blocks.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
    }

    /// Forgets the oldest blocks beyond `keep`.
    pub(crate) fn shorten_to(&mut self, keep: usize) {
        while self.blocks.len() > keep.max(1) {
            self.blocks.pop_front();
        }
    }
}

fn is_parent(parent: &Header, parent_hash: B256, child_number: u64) -> bool {
    parent.id.hash == parent_hash && parent.id.number.checked_add(1) == Some(child_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Block `number` of branch `branch`, whose parent is on branch `parent`.
    fn block(number: u64, branch: u8, parent: u8) -> Header {
        let hash = |number: u64, branch: u8| {
            let mut hash = B256::with_last_byte(branch);
            hash[..8].copy_from_slice(&number.to_be_bytes());
            hash
        };
        Header {
            id: BlockId { number, hash: hash(number, branch) },
            parent: hash(number.wrapping_sub(1), parent),
            timestamp: number * 12,
            base_fee_per_gas: 7,
        }
    }

    fn history() -> History {
        History { blocks: (10..=15).map(|number| block(number, 0, 0)).collect() }
    }

    #[test]
    fn the_block_time_is_measured_from_headers() {
        let history = |times: &[u64]| History {
            blocks: (0..)
                .zip(times)
                .map(|(n, &t)| Header { timestamp: t, ..block(n, 0, 0) })
                .collect(),
        };
        let of = |times: &[u64]| history(times).block_millis();
        assert_eq!(of(&[0, 12, 24, 36, 48, 60, 72, 84]), Some(12_000));
        // Four blocks a second, as Arbitrum's.
        let fast: Vec<u64> = (0..41).map(|n| n / 4).collect();
        assert_eq!(of(&fast), Some(250));
        // An outage of an hour does not make it slow.
        let mut held_up: Vec<u64> = (0..64).map(|n| 2 * n).collect();
        held_up.push(3_600);
        assert!(of(&held_up).is_some_and(|millis| (2_000..3_000).contains(&millis)));
        assert_eq!(of(&[0, 12]), None, "too few");
        assert_eq!(of(&[5; 20]), Some(LEAST_BLOCK_MILLIS));
    }

    #[test]
    fn a_segment_is_linked_by_parent_hash() {
        let history = history();
        assert_eq!(history.link(&[block(16, 0, 0)]), Link::Extends { fork: 15, skip: 0 });
        let from_a_known_one = [block(14, 0, 0), block(15, 1, 0), block(16, 1, 1)];
        assert_eq!(history.link(&from_a_known_one), Link::Extends { fork: 14, skip: 1 });
        assert_eq!(history.link(&[block(14, 0, 0)]), Link::Known);
        assert_eq!(history.link(&[block(18, 0, 0)]), Link::Gap);
        assert_eq!(history.link(&[block(16, 1, 1)]), Link::TooShort);
        assert_eq!(history.link(&[block(10, 1, 1), block(11, 1, 1)]), Link::Beyond);
        assert_eq!(history.link(&[block(16, 0, 0), block(18, 0, 0)]), Link::Broken);
        assert_eq!(history.link(&[]), Link::Broken);
        assert_eq!(History::default().link(&[block(16, 0, 0)]), Link::Gap);
    }

    #[test]
    fn a_block_of_another_branch_is_not_contained() {
        let history = history();
        assert!(history.contains(block(12, 0, 0).id));
        assert!(!history.may_contain(block(12, 1, 0).id));
        assert!(history.may_contain(block(9, 1, 0).id));
        assert!(!history.may_contain(block(16, 0, 0).id));
        assert_eq!(history.find_after(12 * 12).map(|b| b.id.number), Some(13));
        assert_eq!(history.find_after(15 * 12), None);
    }
}
