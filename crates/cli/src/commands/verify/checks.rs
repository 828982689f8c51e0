//! What of a proposal was checked, by whom, and what was not.

use super::super::show::Seen;
use crate::{output::Sheet, review::Facts};
use quorate_chain::Provenance;
use quorate_core::{Action, OwnerSignature, Proposal};

/// Sentences, in the order in which they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    pub(super) checked: Vec<String>,
    pub(super) not_checked: Vec<String>,
}

impl Checks {
    pub(super) fn of(seen: &Seen) -> Self {
        let mut checks = Self::default();
        checks.here(&seen.proposal);
        match (&seen.facts, &seen.endpoint) {
            (Some(facts), Some(endpoint)) => checks.on_chain(&seen.proposal, facts, endpoint),
            _ => checks.without_chain(&seen.proposal),
        }
        if let Some(standing) = &seen.standing {
            checks.not(format!(
                "the status, the attempts and the times are the relayer's word ({})",
                standing.relayer
            ));
        }
        checks.not("what calls do beside what their data says: nothing was simulated".to_owned());
        checks
    }

    pub(super) fn tell(&self, sheet: &mut Sheet) {
        sheet.title("Checked");
        self.checked.iter().for_each(|line| sheet.paragraph("-", line));
        sheet.title("Not checked");
        self.not_checked.iter().for_each(|line| sheet.paragraph("-", line));
    }

    fn is(&mut self, line: String) {
        self.checked.push(line);
    }

    fn not(&mut self, line: String) {
        self.not_checked.push(line);
    }

    fn here(&mut self, proposal: &Proposal) {
        self.is(
            "domain hash, struct hash and digest: computed here from the fields that are shown"
                .to_owned(),
        );
        if proposal.origin().is_some() {
            self.is(
                "the wallet's address: computed here from the owners and the salt it began with"
                    .to_owned(),
            );
        } else {
            self.not("which owners the wallet's address stands for: the proposal does not say what it was made of"
                .to_owned());
        }
        let of = proposal.signatures().values().flatten();
        match of.filter(|signature| matches!(signature, OwnerSignature::Ecdsa(_))).count() {
            0 => {}
            1 => self.is("1 signature by a key: its signer was recovered here".to_owned()),
            count => {
                self.is(format!("{count} signatures by keys: their signers were recovered here"))
            }
        }
    }

    fn on_chain(&mut self, proposal: &Proposal, facts: &Facts, endpoint: &str) {
        let head = facts.head.number;
        let says = format!("says {endpoint} at block {head}");
        match facts.state.provenance {
            Provenance::Factory => {
                self.is(format!("the wallet was made by the Quorate factory, {says}"));
            }
            Provenance::NotDeployed => self.is(format!("the wallet is not deployed yet, {says}")),
            Provenance::CodeOnly => {
                self.is(format!("the wallet's code is Quorate's, {says}"));
                self.not("who made the wallet, and with which owners it began".to_owned());
            }
            Provenance::Foreign => self.not("the wallet: it has other code".to_owned()),
        }
        if facts.state.config.is_some() {
            self.is(format!("owners, threshold and epoch, {says}"));
        }
        match (facts.next, &facts.outcome) {
            (_, Some(_)) => self.is(format!("the nonce is used up, {says}")),
            (Some(_), None) => self.is(format!("the nonce is not used up, {says}")),
            (None, None) => self.not("whether the nonce is used up".to_owned()),
        }
        for token in facts.tokens.values() {
            let address = token.address.to_checksum(None);
            self.is(format!("the decimals of {address}, {says}"));
            self.not(format!("what {address} is: its name is its own word"));
        }
        let by_contracts = self::by_contracts(proposal);
        if by_contracts > 0 {
            self.is(format!("signatures of contracts ({by_contracts}): each was asked, {says}"));
        }
    }

    fn without_chain(&mut self, proposal: &Proposal) {
        self.not("that there is a Quorate wallet at the address, its owners now, its epoch, whether the nonce is used up: \
                  no endpoint was asked (--rpc-url)"
            .to_owned());
        if !matches!(&proposal.request().action, Action::Payout { token, .. } if token.is_zero()) {
            self.not("tokens and contracts that are named: no endpoint was asked".to_owned());
        }
        let by_contracts = self::by_contracts(proposal);
        if by_contracts > 0 {
            self.not(format!("signatures of contracts ({by_contracts}): nobody asked them"));
        }
    }
}

fn by_contracts(proposal: &Proposal) -> usize {
    let of = proposal.signatures().values().flatten();
    of.filter(|signature| !matches!(signature, OwnerSignature::Ecdsa(_))).count()
}
