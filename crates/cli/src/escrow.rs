//! What is said of an escrow's configuration.

use crate::{clock, failure::Cause};
use eyre::Result;
use quorate_bindings::canonical;
use quorate_core::Config;
use quorate_treasury::EscrowTerms;

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
