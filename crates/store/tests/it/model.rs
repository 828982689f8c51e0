//! What the store is asked at random, and a model of it that keeps everything in maps and knows no SQL.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// An attempt, by account nonce, number and salt: what its hash is made of.
pub(crate) type Hash = (u64, u32, u8);

/// How an account nonce ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) block: u64,
    /// Number, salt and fee of the attempt that was mined, and whether it reverted; `None` if a stranger's was.
    pub(crate) mined: Option<(u32, u8, u64, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Intention {
    Register { wallet: u8 },
    Propose { wallet: u8, sequence: u8, by: u8, signature: u8, limit: u64 },
    Sign { wallet: u8, sequence: u8, by: u8, signature: u8, replaces: Option<u8> },
    Change { epoch: u64, wallet: u8, sequence: u8, revision: u64, to: u8, is_final: bool },
    Acquire { holder: u8, at: i64 },
    Attempt { epoch: u64, hash: Hash, is_noop: bool, wallet: Option<u8>, day: u32, cost: u64 },
    Mark { epoch: u64, hash: Hash, to: u8 },
    Settle { epoch: u64, nonce: u64, decision: Decision },
}

pub(crate) fn intention() -> impl Strategy<Value = Intention> {
    use Intention::{Acquire, Attempt, Change, Mark, Propose, Register, Settle, Sign};
    let place = || (0_u8..3, 0_u8..3);
    let signed = || (0_u8..3, 0_u8..3);
    // The first epochs are the longest: a lease is seldom taken.
    let epoch = || prop_oneof![4 => Just(1_u64), 2 => Just(2_u64), 1 => 0_u64..5];
    let hash = || (0_u64..4, 0_u32..3, prop_oneof![5 => Just(0_u8), 1 => Just(1)]);
    let mined = (0_u32..3, Just(0_u8), 1_u64..4, any::<bool>());
    let decision = (7_u64..9, proptest::option::weighted(0.7, mined));
    let budget = (proptest::option::weighted(0.8, 0_u8..2), 0_u32..2, 0_u64..60);
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
        4 => (epoch(), place(), 0_u64..8, 0_u8..6, any::<bool>()).prop_map(
            |(epoch, (wallet, sequence), revision, to, is_final)| {
                Change { epoch, wallet, sequence, revision, to, is_final }
            }
        ),
        1 => (0_u8..2, 0_i64..40).prop_map(|(holder, at)| Acquire { holder, at }),
        7 => (epoch(), hash(), any::<bool>(), budget).prop_map(
            |(epoch, hash, is_noop, (wallet, day, cost))| {
                Attempt { epoch, hash, is_noop, wallet, day, cost }
            }
        ),
        3 => (epoch(), hash(), 0_u8..3).prop_map(|(epoch, hash, to)| Mark { epoch, hash, to }),
        4 => (epoch(), 0_u64..4, decision).prop_map(|(epoch, nonce, (block, mined))| {
            Settle { epoch, nonce, decision: Decision { block, mined } }
        }),
    ]
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Proposed {
    pub(crate) by: u8,
    pub(crate) status: u8,
    pub(crate) is_final: bool,
    pub(crate) revision: u64,
    pub(crate) signatures: BTreeMap<u8, u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tried {
    pub(crate) salt: u8,
    pub(crate) word: &'static str,
    pub(crate) settled: Option<u64>,
    pub(crate) revision: u64,
    /// For which wallet, on which day, how much.
    reserves: (Option<u8>, u32, u64),
}

/// An account nonce with its attempts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Taken {
    pub(crate) attempts: Vec<Tried>,
    decision: Option<Decision>,
}

/// What is true, the plain way.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) wallets: BTreeSet<u8>,
    pub(crate) proposals: BTreeMap<(u8, u8), Proposed>,
    lease: Option<(u8, u64, i64)>,
    pub(crate) taken: BTreeMap<u64, Taken>,
}

pub(crate) type Answer = Result<&'static str, &'static str>;

impl Model {
    /// Answers; what is `known`, `kept` or `held` changes nothing, as little as what fails.
    pub(crate) fn apply(&mut self, intention: &Intention) -> Answer {
        match *intention {
            Intention::Register { wallet } => {
                Ok(if self.wallets.insert(wallet) { "new" } else { "known" })
            }
            Intention::Propose { wallet, sequence, by, signature, limit } => {
                self.propose((wallet, sequence), by, signature, limit)
            }
            Intention::Sign { wallet, sequence, by, signature, replaces } => {
                self.sign((wallet, sequence), by, signature, replaces)
            }
            Intention::Change { epoch, wallet, sequence, revision, to, is_final } => {
                self.check(epoch)?;
                let found = self.proposals.get_mut(&(wallet, sequence));
                let proposal = found.ok_or("unknown proposal")?;
                if proposal.revision >= revision {
                    return Ok("known");
                }
                proposal.revision = revision;
                (proposal.status, proposal.is_final) = (to, is_final);
                Ok("new")
            }
            Intention::Acquire { holder, at } => match self.lease {
                Some((other, _, until)) if other != holder && until > at => Ok("held"),
                lease => {
                    self.lease =
                        Some((holder, lease.map_or(0, |(_, epoch, _)| epoch) + 1, at + 10));
                    Ok("acquired")
                }
            },
            Intention::Attempt { epoch, hash, is_noop, wallet, day, cost } => {
                self.check(epoch)?;
                self.attempt(hash, is_noop, (wallet, day, cost))
            }
            Intention::Mark { epoch, hash: (nonce, number, salt), to } => {
                self.check(epoch)?;
                let taken = self.taken.get_mut(&nonce).ok_or("unknown transaction")?;
                taken.find(number, salt)?;
                let was_settled = taken.reopen();
                let word = ["unknown", "accepted", "rejected"][usize::from(to)];
                let is_news = taken.attempts[number as usize].set(word, None);
                Ok(if was_settled || is_news { "done" } else { "known" })
            }
            Intention::Settle { epoch, nonce, decision } => {
                self.check(epoch)?;
                self.settle(nonce, decision)
            }
        }
    }

    fn check(&self, epoch: u64) -> Result<(), &'static str> {
        let is_held = self.lease.is_some_and(|(_, present, _)| present == epoch);
        is_held.then_some(()).ok_or("lease lost")
    }

    fn propose(&mut self, key: (u8, u8), by: u8, signature: u8, limit: u64) -> Answer {
        if !self.proposals.contains_key(&key) {
            if !self.wallets.contains(&key.0) {
                return Err("unknown wallet");
            }
            let of_wallet = self.proposals.iter().filter(|((wallet, _), _)| *wallet == key.0);
            let open = of_wallet.filter(|(_, p)| p.by == by && p.status < 3).count();
            if open as u64 >= limit {
                return Err("too many");
            }
            self.proposals.insert(key, Proposed { by, ..Default::default() });
        }
        self.sign(key, by, signature, None)
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

    fn attempt(
        &mut self,
        (nonce, number, salt): Hash,
        is_noop: bool,
        reserves: (Option<u8>, u32, u64),
    ) -> Answer {
        let next = self.next();
        let known = self.taken.get(&nonce).map_or(&[][..], |taken| &taken.attempts);
        if let Some(present) = known.get(number as usize) {
            return if present.salt == salt { Ok("known") } else { Err("lost") };
        }
        if known.len() != number as usize {
            return Err("gap");
        }
        if number == 0 && !is_noop && next.is_some_and(|next| nonce < next) {
            return Err("lost");
        }
        let taken = self.taken.entry(nonce).or_default();
        taken.reopen();
        taken.attempts.push(Tried { salt, word: "stored", settled: None, revision: 0, reserves });
        Ok("new")
    }

    fn settle(&mut self, nonce: u64, decision: Decision) -> Answer {
        let Some(taken) = self.taken.get_mut(&nonce) else {
            return if decision.mined.is_some() { Err("unknown transaction") } else { Ok("known") };
        };
        if let Some((number, salt, _, _)) = decision.mined {
            taken.find(number, salt)?;
        }
        if taken.decision == Some(decision) {
            return Ok("known");
        }
        taken.reopen();
        taken.decision = Some(decision);
        for (number, tried) in (0..).zip(&mut taken.attempts) {
            let word = match decision.mined {
                Some((mined, _, _, false)) if mined == number => "mined",
                Some((mined, _, _, true)) if mined == number => "reverted",
                _ => "replaced",
            };
            tried.set(word, Some(decision.block));
        }
        Ok("done")
    }

    /// The account nonce behind the last one.
    pub(crate) fn next(&self) -> Option<u64> {
        self.taken.last_key_value().map(|(nonce, _)| nonce + 1)
    }

    /// Reserved and spent by wallet and day, and by all; summed up from what there is, not kept.
    pub(crate) fn budgets(&self) -> BTreeMap<(Option<u8>, u32), (u64, u64)> {
        let mut budgets = BTreeMap::new();
        for taken in self.taken.values() {
            for (number, tried) in taken.attempts.iter().enumerate() {
                let (of, day, cost) = tried.reserves;
                let is_last = number + 1 == taken.attempts.len();
                let (reserved, spent) = match taken.decision.map(|decision| decision.mined) {
                    None if is_last => (cost, 0),
                    Some(Some((mined, _, fee, _))) if mined as usize == number => (0, fee),
                    _ => (0, 0),
                };
                for wallet in BTreeSet::from([None, of]) {
                    let sum = budgets.entry((wallet, day)).or_insert((0, 0));
                    *sum = (sum.0 + reserved, sum.1 + spent);
                }
            }
        }
        budgets
    }
}

impl Taken {
    fn find(&self, number: u32, salt: u8) -> Result<(), &'static str> {
        let found = self.attempts.get(number as usize).filter(|tried| tried.salt == salt);
        found.map(|_| ()).ok_or("unknown transaction")
    }

    fn reopen(&mut self) -> bool {
        let was_settled = self.decision.take().is_some();
        if was_settled {
            self.attempts.iter_mut().for_each(|tried| {
                tried.set("unknown", None);
            });
        }
        was_settled
    }
}

impl Tried {
    fn set(&mut self, word: &'static str, settled: Option<u64>) -> bool {
        let is_news = (self.word, self.settled) != (word, settled);
        if is_news {
            (self.word, self.settled) = (word, settled);
            self.revision += 1;
        }
        is_news
    }
}
