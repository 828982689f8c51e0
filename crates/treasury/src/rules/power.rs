//! Who can do what by the rules of a treasury, and what stolen and lost keys come to: asked of the model, for each number
//! of keys.

mod words;

pub use words::explain;

use super::{
    Rules,
    model::{Book, Question, Refusal, Tier},
};
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U192};
use quorate_core::{
    Action, Lane,
    action::{Call, Transfer},
};

/// The lanes that are open to anybody begin here.
pub fn open_lane() -> Lane {
    Lane::new(U192::ONE << 191_usize)
}

/// The lane of override signers alone.
pub fn override_lane() -> Lane {
    Lane::new(U192::ONE << 190_usize)
}

/// The lane of an action that waits, and of its queue: the last 190 bits of the first 192 of a hash. Open to admin signers, and
/// not to fewer.
pub fn own_lane(hash: B256) -> Lane {
    let number = U192::from_be_slice(&hash[..24]);
    Lane::new(number & ((U192::ONE << 190_usize) - U192::ONE))
}

/// A time to ask about, in Unix seconds; rules hold at any.
const NOW: u64 = 4_000_000_000;

/// How far so many signers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nowhere: the wallet takes more signatures.
    Nothing,
    /// They can cancel in open lanes, and pay nothing.
    Cancel,
    /// They can pay within limit and list.
    Petty,
    /// They can do anything after the delay, unless it is vetoed.
    AfterDelay,
    /// They can do anything at once.
    AtOnce,
}

/// What so many keys can do, whoever has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    /// How many keys.
    pub keys: usize,
    /// How far their signatures get, where nobody hinders them.
    pub reach: Reach,
    /// Whether they alone stop what waits.
    pub vetoes: bool,
    /// How often they alone can freeze the wallet, each time for 30 days.
    pub freezes: usize,
    /// Whether their signatures get past a veto and end a freeze.
    pub overrides: bool,
    /// Whether they sign messages (ERC-1271).
    pub signs_messages: bool,
}

/// What it comes to if so many keys are stolen, or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// What those keys can do.
    pub theirs: Power,
    /// What the other owners can do without them.
    pub others: Power,
}

impl Mishap {
    /// Whether a thief with these keys gets more than the limits, whatever the other owners do.
    pub fn is_theft(&self) -> bool {
        match self.theirs.reach {
            Reach::AtOnce => true,
            Reach::AfterDelay => !self.others.vetoes,
            Reach::Petty | Reach::Cancel | Reach::Nothing => false,
        }
    }

    /// Whether a thief with these keys stops everything that is not signed by override signers.
    pub const fn is_blockade(&self) -> bool {
        self.theirs.vetoes
    }

    /// Whether the other owners remove these keys by themselves, whatever a thief does with them.
    pub const fn can_be_removed(&self) -> bool {
        self.others.overrides
    }

    /// Whether the money above the limits is lost with these keys, if nobody finds them again.
    pub fn is_loss(&self) -> bool {
        self.others.reach < Reach::AfterDelay
    }
}

/// What so many keys of so many owners can do.
pub fn power(rules: &Rules, threshold: u8, owners: usize, keys: usize) -> Power {
    let is_enough = keys >= usize::from(threshold);
    let is_override = rules.tier(keys) == Tier::Override;
    Power {
        keys,
        reach: if is_enough { reach(rules, keys) } else { Reach::Nothing },
        vetoes: stops(rules, keys),
        freezes: freezes(rules, keys),
        overrides: is_enough && is_override,
        signs_messages: is_enough && keys <= owners && keys >= rules.message_signers().into(),
    }
}

/// What each number of keys comes to where they are gone, from one to all.
pub fn mishaps(rules: &Rules, threshold: u8, owners: usize) -> Vec<Mishap> {
    let ask = |keys| power(rules, threshold, owners, keys);
    (1..=owners).map(|keys| Mishap { theirs: ask(keys), others: ask(owners - keys) }).collect()
}

/// Asks the model for examples, from the largest down.
fn reach(rules: &Rules, signers: usize) -> Reach {
    let digest = B256::repeat_byte(1);
    let lane = open_lane();
    let call = Call { to: Address::repeat_byte(1), value: U256::ONE, data: Bytes::new() };
    let anything = Action::Execute { calls: vec![call] };
    let ask = |book: &mut Book, action: &Action, now| {
        book.execute(rules, &Question { action, digest, lane, signers, now })
    };
    if ask(&mut Book::default(), &anything, NOW).is_ok() {
        return Reach::AtOnce;
    }
    let mut book = Book::default();
    book.entries.entry(digest).or_default().queued_at = NOW;
    if ask(&mut book, &anything, NOW + u64::from(rules.delay_secs)).is_ok() {
        return Reach::AfterDelay;
    }
    let to = rules.payees.first().copied().unwrap_or(Address::repeat_byte(1));
    let pays = |token| {
        let transfers = vec![Transfer { to, amount: U256::ONE }];
        let action = Action::Payout { token, transfers };
        ask(&mut Book::default(), &action, NOW).is_ok()
    };
    if rules.limits.iter().any(|limit| pays(limit.token)) { Reach::Petty } else { Reach::Cancel }
}

/// Whether vetoes of so many owners stop admin signers whose action waited.
fn stops(rules: &Rules, vetoers: usize) -> bool {
    let digest = B256::repeat_byte(1);
    let mut book = Book::default();
    for owner in 0..vetoers {
        let Ok(owner) = u8::try_from(owner) else { return true };
        if book.veto(rules, owner, &[digest]).is_err() {
            return false;
        }
    }
    book.entries.entry(digest).or_default().queued_at = NOW;
    let action = Action::Execute { calls: Vec::new() };
    let question = Question {
        action: &action,
        digest,
        lane: Lane::ZERO,
        signers: rules.admin.into(),
        now: NOW + u64::from(rules.delay_secs),
    };
    matches!(book.execute(rules, &question), Err(Refusal::VetoStands { .. }))
}

/// How many freezes so many owners make.
fn freezes(rules: &Rules, voters: usize) -> usize {
    let mut book = Book::default();
    for owner in 0..voters {
        let Ok(owner) = u8::try_from(owner) else { break };
        if book.freeze(rules, owner, NOW).is_err() {
            break;
        }
    }
    book.freeze.count as usize
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rules::{Limit, tests::rules};

    #[test]
    fn four_of_seven_with_two_who_veto() {
        let of = |keys| power(&rules(), 2, 7, keys);
        let reaches: Vec<_> = (0..=7).map(|keys| of(keys).reach).collect();
        let (petty, waits) = (Reach::Petty, Reach::AfterDelay);
        let (none, all) = (Reach::Nothing, Reach::AtOnce);
        assert_eq!(reaches, [none, none, petty, petty, waits, all, all, all]);
        let freezes: Vec<_> = (0..=7).map(|keys| of(keys).freezes).collect();
        assert_eq!(freezes, [0, 0, 1, 1, 2, 2, 3, 3]);
        assert!(!of(1).vetoes && of(2).vetoes);
        assert!(!of(4).overrides && of(5).overrides && !of(4).signs_messages);
    }

    #[test]
    fn without_limits_petty_signers_pay_nothing() {
        let none = Rules { limits: Vec::new(), ..rules() };
        assert_eq!(power(&none, 2, 7, 3).reach, Reach::Cancel);
    }

    /// The promises of the rules, for every wallet of up to nine owners: whoever holds fewer keys than override is stopped by
    /// the others, and whoever holds none of the vetoing keys overrides them.
    #[test]
    fn no_rules_that_the_policy_takes_break_their_promise() {
        let mut count = 0;
        for owners in 1..=9_u8 {
            for admin in 1..=owners {
                for overriding in admin..=owners {
                    for veto in 0..=owners {
                        let delay_secs = if veto == 0 { 0 } else { 3_600 };
                        let rules = Rules { admin, overriding, veto, delay_secs, ..rules() };
                        if rules.check(1, owners.into()).is_err() {
                            continue;
                        }
                        count += 1;
                        for mishap in mishaps(&rules, 1, owners.into()) {
                            let keys = mishap.theirs.keys;
                            let is_below = keys < overriding.into();
                            assert!(
                                !(is_below && delay_secs != 0 && mishap.is_theft()),
                                "{rules:?}"
                            );
                            // As few as it takes to veto are removed by the others.
                            let is_few = keys <= veto.into();
                            assert!(!is_few || mishap.can_be_removed(), "{rules:?} {keys}");
                        }
                    }
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn lanes_are_open_to_whom_they_are_for() {
        let own = own_lane(B256::repeat_byte(0xff));
        for (lane, open) in [
            (open_lane(), [true, true, true]),
            (own, [false, true, true]),
            (Lane::ZERO, [false, true, true]),
            (override_lane(), [false, false, true]),
        ] {
            let tiers = [Tier::Petty, Tier::Admin, Tier::Override];
            assert_eq!(tiers.map(|tier| rules().is_lane_open(lane, tier)), open, "{lane}");
        }
    }

    /// A limit is a limit of the token it names.
    #[test]
    fn a_limit_of_any_token_is_reach_enough() {
        let token = Address::with_last_byte(77);
        let limits = vec![Limit { token, amount: 1, period_secs: 3_600 }];
        assert_eq!(power(&Rules { limits, ..rules() }, 2, 7, 2).reach, Reach::Petty);
    }
}
