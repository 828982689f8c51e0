//! What each party can do, from when, and until when: the model, told as a table.

use super::party::{Role, Signers};
use crate::escrow_terms::EscrowTerms;

/// What somebody can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Pay the other of the two, all of it or a part: a concession.
    Concede,
    /// Take everything.
    TakeAll,
    /// Dispute, which moves the time-out and gives the arbiter time.
    Dispute,
    /// Pay buyer and seller as the two agree, the arbiter too where it signs.
    Divide,
    /// Anything whatever.
    Anything,
}

/// Who can do it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    /// What.
    pub what: What,
    /// Who has to sign: all of these and nobody else.
    pub signers: Signers,
    /// From when, in Unix seconds; 0 is from the beginning.
    pub from: u64,
    /// Until before when, in Unix seconds; none is for ever.
    pub until: Option<u64>,
}

impl Power {
    /// Whether it holds at this time, in Unix seconds.
    pub fn is_open(&self, now: u64) -> bool {
        now >= self.from && self.until.is_none_or(|until| now < until)
    }
}

/// All powers under these terms, as they are where the escrow was disputed or not.
pub fn powers(terms: &EscrowTerms, disputed: bool) -> Vec<Power> {
    let always = |what, signers| Power { what, signers, from: 0, until: None };
    let beneficiary = Signers::of([terms.beneficiary.into()]);
    let disputer = Signers::of([terms.disputer().into()]);
    let mut powers = vec![
        always(What::Concede, Signers::of([Role::Buyer])),
        always(What::Concede, Signers::of([Role::Seller])),
        Power {
            what: What::TakeAll,
            signers: beneficiary,
            from: terms.timeout(disputed),
            until: None,
        },
    ];
    if !disputed && terms.expiry > 0 {
        let until = Some(terms.expiry);
        powers.push(Power { what: What::Dispute, signers: disputer, from: 0, until });
    }
    for missing in Role::ALL {
        let signers = Signers::of(Role::ALL.into_iter().filter(|&role| role != missing));
        powers.push(always(What::Divide, signers));
    }
    powers.push(always(What::Anything, Signers::ALL));
    powers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        escrow::model::{Agreement, Question, tests::agreement},
        escrow_terms::Party,
    };
    use alloy::primitives::{Address, U256};
    use quorate_core::{Action, Lane, action::Transfer, amount::EVERYTHING_LEFT};

    /// What a power stands for, as an action.
    fn example(agreement: &Agreement, power: &Power) -> Action {
        let pay = |role: Role| Transfer { to: agreement.account(role), amount: EVERYTHING_LEFT };
        let own = power.signers.alone();
        let other = if own == Some(Role::Buyer) { Role::Seller } else { Role::Buyer };
        let transfers = match power.what {
            What::Dispute => return Agreement::dispute(),
            What::Anything => return Action::Cancel {},
            What::Concede => vec![pay(other)],
            What::TakeAll => vec![pay(own.unwrap())],
            What::Divide => {
                vec![Transfer { amount: U256::from(1), ..pay(Role::Buyer) }, pay(Role::Seller)]
            }
        };
        Action::Payout { token: Address::ZERO, transfers }
    }

    /// The table says what the model says, for everybody and around every time that matters.
    #[test]
    fn the_table_is_what_the_model_answers() {
        let mut count = 0;
        for (beneficiary, disputed) in [
            (Party::Buyer, false),
            (Party::Buyer, true),
            (Party::Seller, false),
            (Party::Seller, true),
        ] {
            let agreement = agreement(beneficiary);
            let all = powers(&agreement.terms, disputed);
            let (expiry, last) = (agreement.terms.expiry, agreement.terms.timeout(true));
            for now in [1, expiry - 1, expiry, expiry + 1, last - 1, last, last + 1] {
                for bits in 1..=7 {
                    let signers = Signers::from_bits(bits);
                    for kind in all.iter().filter(|power| power.signers.count() == signers.count())
                    {
                        let action = example(&agreement, &Power { signers, ..*kind });
                        let lane = signers.alone().map_or(Lane::ZERO, Role::lane);
                        let balance = U256::from(10);
                        let question =
                            Question { action: &action, lane, signers, now, disputed, balance };
                        let is_open = all.iter().any(|power| {
                            power.what == kind.what
                                && power.signers == signers
                                && power.is_open(now)
                        });
                        // The arbiter alone concedes nothing: it has nothing of its own to give.
                        assert_eq!(
                            agreement.check(&question).is_ok(),
                            is_open,
                            "{kind:?} {bits} {now}"
                        );
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 200, "{count}");
    }
}
