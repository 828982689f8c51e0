//! What is waited for where nothing changes. A chain that makes no blocks looks like one that hangs.

use crate::clock;
use alloy::primitives::B256;
use quorate_api::Wallet;
use std::time::Duration;
use tokio::time::Instant;

/// How long nothing changes before it is said what is waited for.
const FIRST: Duration = Duration::from_secs(10);

/// How long after that it is said again.
const AGAIN: Duration = Duration::from_secs(60);

/// Of how many proposals of a wallet it is said.
const MOST: usize = 3;

/// From how many seconds on a block is so old that the chain may make none by itself.
const OLD_SECS: u64 = 60;

/// Since when nothing has changed, and when it is to be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    due: Instant,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { due: Instant::now() + FIRST }
    }
}

impl Quiet {
    /// Whether it is time to say something; then it is not for a while.
    pub(super) fn is_long(&mut self) -> bool {
        let now = Instant::now();
        let is_long = now >= self.due;
        if is_long {
            self.due = now + AGAIN;
        }
        is_long
    }
}

/// Which blocks a proposal waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// One that has its transaction.
    ToBeMined,
    /// Those on top of the one that decided it.
    ToBeFinal {
        /// That one, if it is known.
        block: Option<u64>,
    },
}

/// What is said of the proposals of a wallet that wait, a line each.
pub(super) fn texts(waits: &[(B256, Wait)], wallet: &Wallet, now: u64) -> Vec<String> {
    let head = match &wallet.head {
        Some(head) => {
            let age = now.saturating_sub(head.timestamp);
            let old = match age > OLD_SECS {
                true => ": a development node may make none by itself",
                false => "",
            };
            format!("the newest block is {}, {} old{old}", head.number, clock::span(age))
        }
        None => "the relayer knows no block, no endpoint of the chain answers it".to_owned(),
    };
    let line = |(digest, wait): &(B256, Wait)| {
        let words = words(*wait, wallet);
        format!("{}…  {words}; {head}", &digest.to_string()[..10])
    };
    let mut lines: Vec<_> = waits.iter().take(MOST).map(line).collect();
    if waits.len() > MOST {
        lines.push(format!("and {} more proposals", waits.len() - MOST));
    }
    lines
}

fn words(wait: Wait, wallet: &Wallet) -> String {
    let Wait::ToBeFinal { block } = wait else {
        return "for a block that has its transaction".to_owned();
    };
    let head = wallet.head.as_ref().map(|head| head.number);
    let missing = match (block, head, wallet.final_depth) {
        (Some(block), Some(head), Some(depth)) => {
            Some((block + depth).saturating_sub(head)).filter(|missing| *missing > 0)
        }
        _ => None,
    };
    match missing {
        Some(1) => "for 1 block more, to be final".to_owned(),
        Some(missing) => format!("for {missing} blocks more, to be final"),
        None => "to be final".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, Bytes};
    use quorate_api::{Instant, wallet::Head};
    use quorate_core::Config;

    const NOW: u64 = 1_800_000_000;

    fn wallet(head: Option<(u64, u64)>, final_depth: Option<u64>) -> Wallet {
        let owners = vec![Address::with_last_byte(1)];
        Wallet {
            chain_id: 1,
            address: Address::with_last_byte(9),
            config: Config::new(1, owners, Address::ZERO, Bytes::new()).unwrap(),
            epoch: 0,
            salt: None,
            origin_config: None,
            deployed: true,
            genuine: true,
            lanes: Vec::new(),
            head: head.map(|(number, age)| Head { number, hash: B256::ZERO, timestamp: NOW - age }),
            final_depth,
            registered_at: Instant::from_millis(0),
        }
    }

    /// Case 30: how many blocks more, the head, and its age.
    #[test]
    fn what_is_waited_for_is_named_with_the_head_and_its_age() {
        let say = |wait, head, depth| texts(&[(B256::ZERO, wait)], &wallet(head, depth), NOW);
        let executed = Wait::ToBeFinal { block: Some(5) };
        for (wait, head, depth, expected) in [
            (
                executed,
                Some((5, 7)),
                Some(4),
                "for 4 blocks more, to be final; the newest block is 5, 7 seconds old",
            ),
            (
                executed,
                Some((8, 7)),
                Some(4),
                "for 1 block more, to be final; the newest block is 8, 7 seconds old",
            ),
            (executed, Some((9, 1)), Some(4), "to be final; the newest block is 9, 1 second old"),
            (
                executed,
                Some((5, 300)),
                Some(4),
                "for 4 blocks more, to be final; the newest block is 5, 5 minutes old: a development node may make none by itself",
            ),
            (executed, Some((5, 7)), None, "to be final; the newest block is 5, 7 seconds old"),
            (
                executed,
                None,
                Some(4),
                "to be final; the relayer knows no block, no endpoint of the chain answers it",
            ),
            (
                Wait::ToBeFinal { block: None },
                Some((5, 7)),
                Some(4),
                "to be final; the newest block is 5, 7 seconds old",
            ),
            (
                Wait::ToBeMined,
                Some((5, 7)),
                Some(4),
                "for a block that has its transaction; the newest block is 5, 7 seconds old",
            ),
        ] {
            assert_eq!(say(wait, head, depth), [format!("0x00000000…  {expected}")]);
        }
        let many: Vec<_> = (0..9).map(|number| (B256::with_last_byte(number), executed)).collect();
        let lines = texts(&many, &wallet(Some((5, 7)), Some(4)), NOW);
        assert_eq!((lines.len(), lines[3].as_str()), (4, "and 6 more proposals"));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_said_after_a_while_and_then_now_and_then() {
        let mut quiet = Quiet::default();
        let mut said = Vec::new();
        for second in 0..200 {
            if quiet.is_long() {
                said.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(said, [10, 70, 130, 190]);
    }
}
