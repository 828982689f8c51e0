//! What the store is asked at random, and a model of it that keeps everything in maps and knows no SQL.

use proptest::prelude::*;
use std::collections::BTreeMap;

/// Wei that a day's attempts may cost.
pub(crate) const LIMIT: u64 = 100;

/// What the attempt that is mined at that account nonce costs.
pub(crate) const fn fee(nonce: u64) -> u64 {
    nonce + 5
}

#[derive(Clone, Debug)]
pub(crate) enum Intention {
    Register { wallet: u8 },
    Propose { wallet: u8, sequence: u8, by: u8, signature: u8, limit: u64 },
    Sign { wallet: u8, sequence: u8, by: u8, signature: u8, replaces: Option<u8> },
    Move { wallet: u8, sequence: u8, revision: u64, to: u8 },
    Acquire { holder: u8, at: i64 },
    Attempt { epoch: u64, nonce: u64, number: u32, salt: u8, chain_nonce: u64, cost: u64 },
    Mark { epoch: u64, nonce: u64, number: u32, revision: u64 },
    Settle { epoch: u64, nonce: u64, mined: Option<u32> },
}

pub(crate) fn intention() -> impl Strategy<Value = Intention> {
    use Intention::{Acquire, Attempt, Mark, Move, Propose, Register, Settle, Sign};
    let place = || (0_u8..3, 0_u8..3);
    let signed = || (0_u8..3, 0_u8..3);
    let nonce = || (1_u64..4, 0_u64..4, 0_u32..3);
    prop_oneof![
        1 => (0_u8..3).prop_map(|wallet| Register { wallet }),
        3 => (place(), signed(), 1_u64..4).prop_map(|((wallet, sequence), (by, signature), limit)| {
            Propose { wallet, sequence, by, signature, limit }
        }),
        3 => (place(), signed(), proptest::option::of(0_u8..3)).prop_map(
            |((wallet, sequence), (by, signature), replaces)| {
                Sign { wallet, sequence, by, signature, replaces }
            }
        ),
        4 => (place(), 0_u64..4, 0_u8..5).prop_map(|((wallet, sequence), revision, to)| {
            Move { wallet, sequence, revision, to }
        }),
        1 => (0_u8..2, 0_i64..40).prop_map(|(holder, at)| Acquire { holder, at }),
        6 => (nonce(), 0_u8..2, 0_u64..3, 0_u64..60).prop_map(
            |((epoch, nonce, number), salt, chain_nonce, cost)| {
                Attempt { epoch, nonce, number, salt, chain_nonce, cost }
            }
        ),
        2 => (nonce(), 0_u64..3).prop_map(|((epoch, nonce, number), revision)| {
            Mark { epoch, nonce, number, revision }
        }),
        2 => (nonce(), any::<bool>()).prop_map(|((epoch, nonce, number), is_ours)| {
            Settle { epoch, nonce, mined: is_ours.then_some(number) }
        }),
    ]
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Proposed {
    pub(crate) by: u8,
    pub(crate) status: u8,
    pub(crate) revision: u64,
    pub(crate) signatures: BTreeMap<u8, u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tried {
    pub(crate) salt: u8,
    pub(crate) cost: u64,
    pub(crate) word: &'static str,
    pub(crate) is_final: bool,
    pub(crate) revision: u64,
}

/// What is true, the plain way.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) wallets: Vec<u8>,
    pub(crate) proposals: BTreeMap<(u8, u8), Proposed>,
    pub(crate) lease: Option<(u8, u64, i64)>,
    pub(crate) next: Option<u64>,
    pub(crate) attempts: BTreeMap<u64, Vec<Tried>>,
    pub(crate) settled: Vec<(u64, usize)>,
    pub(crate) reserved: u64,
    pub(crate) spent: u64,
}

pub(crate) type Answer = Result<&'static str, &'static str>;

impl Model {
    pub(crate) fn apply(&mut self, intention: &Intention) -> Answer {
        match *intention {
            Intention::Register { wallet } => {
                if self.wallets.contains(&wallet) {
                    return Ok("known");
                }
                self.wallets.push(wallet);
                Ok("new")
            }
            Intention::Propose { wallet, sequence, by, signature, limit } => {
                let key = (wallet, sequence);
                if !self.proposals.contains_key(&key) {
                    if !self.wallets.contains(&wallet) {
                        return Err("unknown wallet");
                    }
                    let of_wallet = self.proposals.iter().filter(|((w, _), _)| *w == wallet);
                    let open = of_wallet.filter(|(_, p)| p.by == by && p.status < 3).count();
                    if open as u64 >= limit {
                        return Err("too many");
                    }
                    self.proposals.insert(key, Proposed { by, ..Default::default() });
                }
                self.sign(key, by, signature, None)
            }
            Intention::Sign { wallet, sequence, by, signature, replaces } => {
                self.sign((wallet, sequence), by, signature, replaces)
            }
            Intention::Move { wallet, sequence, revision, to } => {
                let found = self.proposals.get_mut(&(wallet, sequence));
                let proposal = found.ok_or("unknown proposal")?;
                if proposal.revision != revision {
                    return Err("conflict");
                }
                if proposal.status >= 3 && to >= 3 && proposal.status != to {
                    return Err("illegal");
                }
                (proposal.status, proposal.revision) = (to, revision + 1);
                Ok("moved")
            }
            Intention::Acquire { holder, at } => match self.lease {
                Some((other, _, until)) if other != holder && until > at => Ok("held"),
                lease => {
                    self.lease =
                        Some((holder, lease.map_or(0, |(_, epoch, _)| epoch) + 1, at + 10));
                    Ok("acquired")
                }
            },
            Intention::Attempt { epoch, nonce, number, salt, chain_nonce, cost } => {
                self.check(epoch)?;
                self.attempt((nonce, number), salt, chain_nonce, cost)
            }
            Intention::Mark { epoch, nonce, number, revision } => {
                self.check(epoch)?;
                let attempts = self.attempts.get_mut(&nonce).ok_or("unknown attempt")?;
                let tried = attempts.get_mut(number as usize).ok_or("unknown attempt")?;
                if tried.revision != revision {
                    return Err("conflict");
                }
                (tried.word, tried.is_final, tried.revision) = ("accepted", false, revision + 1);
                Ok("marked")
            }
            Intention::Settle { epoch, nonce, mined } => {
                self.check(epoch)?;
                self.settle(nonce, mined)
            }
        }
    }

    fn check(&self, epoch: u64) -> Result<(), &'static str> {
        let is_held = self.lease.is_some_and(|(_, present, _)| present == epoch);
        is_held.then_some(()).ok_or("lease lost")
    }

    fn sign(&mut self, key: (u8, u8), by: u8, signature: u8, replaces: Option<u8>) -> Answer {
        let proposal = self.proposals.get_mut(&key).ok_or("unknown proposal")?;
        let answer = match proposal.signatures.get(&by) {
            None => "new",
            Some(&present) if present == signature => return Ok("known"),
            Some(&present) if replaces == Some(present) => "replaced",
            Some(_) => return Ok("kept"),
        };
        proposal.signatures.insert(by, signature);
        Ok(answer)
    }

    fn attempt(&mut self, place: (u64, u32), salt: u8, chain_nonce: u64, cost: u64) -> Answer {
        let (nonce, number) = place;
        let attempts = self.attempts.get(&nonce).map_or(&[][..], Vec::as_slice);
        if let Some(present) = attempts.get(number as usize) {
            return if present.salt == salt { Ok("known") } else { Err("lost") };
        }
        if number == 0 {
            let next = self.next.unwrap_or(0).max(chain_nonce);
            if nonce != next {
                return Err(if nonce < next { "lost" } else { "gap" });
            }
            if self.reserved + self.spent + cost > LIMIT {
                return Err("over budget");
            }
            self.next = Some(nonce + 1);
        } else if attempts.iter().any(|tried| tried.is_final) {
            return Err("settled");
        } else if attempts.len() != number as usize {
            return Err("gap");
        }
        self.reserved += cost;
        let tried = Tried { salt, cost, word: "stored", is_final: false, revision: 0 };
        self.attempts.entry(nonce).or_default().push(tried);
        Ok("new")
    }

    fn settle(&mut self, nonce: u64, mined: Option<u32>) -> Answer {
        let attempts = self.attempts.get_mut(&nonce).ok_or("unknown attempt")?;
        if mined.is_some_and(|number| number as usize >= attempts.len()) {
            return Err("unknown attempt");
        }
        let mut fee = if mined.is_some() { fee(nonce) } else { 0 };
        let mut is_news = false;
        for (number, tried) in attempts.iter_mut().enumerate() {
            let word = if mined == Some(number as u32) { "mined" } else { "replaced" };
            if tried.word != word || !tried.is_final {
                (tried.word, tried.is_final, tried.revision) = (word, true, tried.revision + 1);
                is_news = true;
            }
        }
        if is_news {
            for (number, tried) in attempts.iter().enumerate() {
                if !self.settled.contains(&(nonce, number)) {
                    self.settled.push((nonce, number));
                    self.reserved -= tried.cost;
                    self.spent += std::mem::take(&mut fee);
                }
            }
        }
        Ok("settled")
    }
}
