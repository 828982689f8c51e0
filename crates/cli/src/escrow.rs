//! What is said of an escrow's configuration, and what its policy would refuse.

use crate::{clock, failure::Cause, review::Facts};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_bindings::canonical;
use quorate_chain::Chain;
use quorate_core::{Action, Config, Proposal, packing};
use quorate_treasury::{
    EscrowTerms,
    escrow::{Agreement, Question, Refusal, Role, Signers},
};

/// The terms, if the configuration is an escrow's.
pub(crate) fn terms_of(config: &Config) -> Option<EscrowTerms> {
    let is_escrow = config.policy() == Some(canonical::ESCROW_POLICY.address);
    EscrowTerms::read(config.policy_data()).filter(|_| is_escrow)
}

/// Refuses a new escrow in which a dispute is worth nothing.
pub(crate) fn check_new(config: &Config) -> Result<()> {
    match terms_of(config) {
        Some(terms) if terms.has_worthless_disputes() => Err(Cause::BadInput.error(format!(
            "the arbitration of the escrow has 0 seconds, so {}: give the arbiter days in --policy-data",
            worthless(&terms)
        ))),
        _ => Ok(()),
    }
}

/// The terms in words, a line for each.
pub(crate) fn lines(config: &Config, now: u64) -> Vec<String> {
    let Some(terms) = terms_of(config) else { return Vec::new() };
    let (expiry, beneficiary) = (clock::words(terms.expiry, now), terms.beneficiary);
    let dispute = match terms.has_worthless_disputes() {
        true => format!("NO TIME FOR THE ARBITER: {}", worthless(&terms)),
        false => {
            let later = clock::span(terms.arbitration_secs.into());
            format!("a dispute before that gives the arbiter {later} more")
        }
    };
    let (whole, hundredths) = (terms.arbiter_fee_cap_bps / 100, terms.arbiter_fee_cap_bps % 100);
    vec![
        format!("an escrow: from {expiry}"),
        format!("the {beneficiary} alone may take all"),
        dispute,
        "all three together may do anything, dispute after that time too".to_owned(),
        format!("the arbiter may be paid at most {whole}.{hundredths:02} % of a payout"),
    ]
}

/// What follows where a dispute gives no time.
pub(crate) fn worthless(terms: &EscrowTerms) -> String {
    let beneficiary = terms.beneficiary;
    format!("a dispute is worth nothing: the {beneficiary} takes all at the same moment")
}

/// What the policy would refuse, with the time when it becomes possible, if it does.
pub(crate) fn refused(
    agreement: &Agreement,
    question: &Question<'_>,
    refusal: &Refusal,
) -> eyre::Report {
    let (terms, now) = (&agreement.terms, question.now);
    let moments = [terms.timeout(question.disputed)];
    let possible = moments.into_iter().find(|&moment| {
        moment > now && agreement.check(&Question { now: moment, ..*question }).is_ok()
    });
    if let Some(moment) = possible {
        let moment = clock::words_here(moment, now);
        let signers = question.signers;
        return Cause::NotYet.error(format!("not yet: {signers} may do that from {moment} on"));
    }
    let named = |account: Address| match agreement.role_of(account) {
        Some(role) => format!("the {role}"),
        None => format!("{}, who is no party", account.to_checksum(None)),
    };
    Cause::BadInput.error(match *refusal {
        Refusal::LaneNotAllowed { signers, .. } => {
            match (signers.alone(), Role::of_lane(question.lane)) {
                (Some(role), Some(other)) => {
                    format!(
                        "lane {} is the {other}'s alone: the {role} cannot act in it",
                        question.lane
                    )
                }
                (Some(role), None) => format!(
                    "in lane {} it takes two: the {role} alone acts in lane {}",
                    question.lane,
                    role.lane()
                ),
                (None, _) => {
                    format!("lane {} is one party's alone: two act in lane 0", question.lane)
                }
            }
        }
        Refusal::PayeeNotAllowed { payee, signers, .. } => {
            format!("the escrow does not let {signers} pay {}", named(payee))
        }
        Refusal::DisputeTooLate { expiry, .. } => {
            let expiry = clock::words(expiry, now);
            format!("too late to dispute: that was possible before {expiry}")
        }
        Refusal::NeedsAllParties { signers } => {
            format!("the escrow lets all three together do that, and not {signers}")
        }
        refusal => refusal.to_string(),
    })
}

/// Who signed already, by role.
fn signers(agreement: &Agreement, proposal: &Proposal) -> Signers {
    Signers::of(proposal.signatures().keys().filter_map(|&owner| agreement.role_of(owner)))
}

/// Refuses a party's signature that could never help: in another's lane, or for what no two or three may do now. What is of no
/// escrow, or was not looked at on a chain, passes.
pub(crate) async fn check_signing(
    seen: Option<(&Chain, &Facts)>,
    proposal: &Proposal,
    owner: Address,
) -> Result<()> {
    let Some((chain, facts)) = seen else { return Ok(()) };
    let request = proposal.request();
    let config = facts.state.config.as_ref();
    let Some(agreement) = config.and_then(|config| Agreement::of(request.wallet, config)) else {
        return Ok(());
    };
    let Some(role) = agreement.role_of(owner) else { return Ok(()) };
    let balance = balance(chain, request.wallet, &request.action).await?;
    let disputed = facts.state.deployed && chain.is_disputed(request.wallet).await?;
    let now = facts.head.timestamp;
    let question = |signers| Question {
        action: &request.action,
        lane: request.nonce.lane,
        signers,
        now,
        disputed,
        balance,
    };
    // With those who signed, alone, or with any others who may still sign.
    let so_far = signers(&agreement, proposal);
    let with = |bits: u8| Signers::from_bits(bits | 1 << role.index());
    let mut all = match Role::of_lane(request.nonce.lane) {
        Some(_) => vec![with(0)],
        None => vec![with(so_far.bits())],
    };
    all.extend((0..8).map(with));
    let mut first = None;
    for signers in all {
        match agreement.check(&question(signers)) {
            Ok(()) => return Ok(()),
            Err(refusal) => first = first.or(Some((signers, refusal))),
        }
    }
    match first {
        Some((signers, refusal)) => Err(refused(&agreement, &question(signers), &refusal)),
        None => Ok(()),
    }
}

/// Whether those who signed are as many as an escrow's policy asks for in that lane. What is of no escrow is.
pub(crate) fn is_complete(proposal: &Proposal, facts: &Facts) -> bool {
    let request = proposal.request();
    let config = facts.state.config.as_ref();
    let Some((config, agreement)) =
        config.and_then(|config| Some((config, Agreement::of(request.wallet, config)?)))
    else {
        return true;
    };
    let chosen = packing::choose(config, request.nonce.lane, &facts.verified.valid);
    let signers = Signers::of(chosen.keys().filter_map(|&owner| agreement.role_of(owner)));
    match Role::of_lane(request.nonce.lane) {
        Some(role) => signers.has(role),
        None => match request.action {
            Action::Reconfigure { .. } | Action::Execute { .. } => signers == Signers::ALL,
            Action::Payout { .. } | Action::Cancel {} => signers.count() > 1,
        },
    }
}

async fn balance(chain: &Chain, wallet: Address, action: &Action) -> Result<U256> {
    Ok(match action {
        Action::Payout { token, .. } if token.is_zero() => chain.balance(wallet).await?,
        Action::Payout { token, .. } => {
            chain.token_balance(*token, wallet).await?.unwrap_or_default()
        }
        _ => U256::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::Address;

    fn config(arbitration_secs: u32) -> Config {
        let data = [
            &4_000_000_000_u64.to_be_bytes()[..],
            &arbitration_secs.to_be_bytes(),
            &[1],
            &250_u16.to_be_bytes(),
            &[7; 32],
        ];
        let owners = [1, 2, 3].map(Address::with_last_byte).to_vec();
        Config::new(1, owners, canonical::ESCROW_POLICY.address, data.concat().into()).unwrap()
    }

    /// Case 34: refused where it is made, and both facts said where it is there already.
    #[test]
    fn an_escrow_without_arbitration_is_refused_and_named() {
        let error = check_new(&config(0)).unwrap_err().to_string();
        assert!(error.contains("0 seconds") && error.contains("a dispute is worth nothing"));
        assert!(check_new(&config(86_400)).is_ok());
        let text = lines(&config(0), 0).join("\n");
        assert!(text.contains("a dispute is worth nothing: the seller takes all"), "{text}");
        assert!(text.contains("all three together may do anything, dispute after that time too"));
        let text = lines(&config(86_400), 0).join("\n");
        assert!(text.contains("gives the arbiter 1 day more") && text.contains("2.50 %"), "{text}");
    }

    #[test]
    fn what_is_no_escrow_is_left_alone() {
        let other = config(0);
        let data = other.policy_data().clone();
        let other = Config::new(1, other.owners().to_vec(), Address::ZERO, data).unwrap();
        assert!(check_new(&other).is_ok() && lines(&other, 0).is_empty());
    }
}
