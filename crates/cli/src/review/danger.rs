//! What an owner should know before signing.

mod code;
mod ledger;

pub(crate) use code::DangerCode;

use super::{
    Facts,
    again::{self, Open},
    alike,
    calldata::{self, Effect},
};
use crate::{clock, escrow, runs};
use alloy::primitives::{Address, B256};
use quorate_chain::Provenance;
use quorate_core::{
    Action, Config, Proposal,
    action::{Call, Transfer},
    text,
};
use quorate_treasury::EscrowTerms;
use serde::{Serialize, ser::SerializeMap as _};
use std::collections::BTreeMap;

/// Who brings a proposal to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Executor {
    /// Whoever submits it.
    Anybody,
    /// A relayer that serves the wallet, and creates it first where it is not there yet.
    Relayer,
}

/// Below this many seconds to the deadline there is hardly time to gather signatures: an hour.
const NEAR_SECS: u64 = 60 * 60;

/// Above this many seconds a signature lies around for long: 90 days.
const FAR_SECS: u64 = 90 * 24 * 60 * 60;

/// A danger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Danger {
    pub(crate) code: DangerCode,
    /// What it is about, where that has to be accepted with it.
    pub(crate) subject: Option<B256>,
    pub(crate) message: String,
    /// What can be typed to be rid of it, where one command does that.
    pub(crate) command: Option<String>,
}

impl Serialize for Danger {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("code", &self.name())?;
        map.serialize_entry("message", &self.message)?;
        if let Some(command) = &self.command {
            map.serialize_entry("command", command)?;
        }
        map.end()
    }
}

impl Danger {
    pub(crate) fn new(code: DangerCode, message: impl Into<String>) -> Self {
        Self { code, subject: None, message: message.into(), command: None }
    }

    /// A danger that is accepted with what it is about.
    pub(crate) fn about(code: DangerCode, subject: B256, message: impl Into<String>) -> Self {
        Self { subject: Some(subject), ..Self::new(code, message) }
    }

    /// What is accepted: the code, and what it is about where that belongs to it.
    pub(crate) fn name(&self) -> String {
        match self.subject {
            Some(subject) => format!("{}:{subject}", self.code),
            None => self.code.word().to_owned(),
        }
    }

    /// Message and command in one line.
    pub(crate) fn line(&self) -> String {
        let command = self.command.as_ref().map(|command| format!("; to stop that one: {command}"));
        format!("{}{}", self.message, command.unwrap_or_default())
    }

    /// Whether it is that the wallet is not there.
    pub(crate) fn is_not_deployed(&self) -> bool {
        self.code == DangerCode::WalletNotDeployed
    }
}

/// The dangers of signing or submitting `proposal`; `facts` where a chain was read.
///
/// That the wallet is not there yet is none where a relayer is to create it and the address is the one that follows from
/// the owners: nothing else can be created there.
///
/// `open` are other proposals of the wallet that may still be executed, as far as they are known.
pub(crate) fn dangers(
    proposal: &Proposal,
    facts: Option<&Facts>,
    executor: Executor,
    open: &[Open],
    now: u64,
) -> Vec<Danger> {
    let mut found = Found::default();
    let request = proposal.request();
    match facts {
        None => found.add(
            DangerCode::Offline,
            "no chain was read: owners, nonce, tokens and code are unchecked",
        ),
        Some(facts) => {
            let is_created = executor == Executor::Relayer && proposal.proven_config().is_some();
            found.of_wallet(facts.state.provenance, is_created);
        }
    }
    let now = facts.map_or(now, |facts| now.max(facts.head.timestamp));
    found.of_deadline(request.deadline, now);
    match &request.action {
        Action::Execute { calls } => {
            for (number, call) in (1..).zip(calls) {
                found.of_call(number, call);
            }
        }
        Action::Payout { token, transfers } => {
            found.of_payees(request.wallet, *token, transfers);
        }
        Action::Reconfigure { config } => {
            let present = facts.and_then(|facts| facts.state.config.as_ref());
            found.of_config(present.or(proposal.proven_config()), config);
        }
        Action::Cancel {} => {}
    }
    if let Some(facts) = facts {
        for token in facts.tokens.values().filter(|token| token.decimals.is_none()) {
            let address = token.address.to_checksum(None);
            found.add(
                DangerCode::UnreadableDecimals,
                format!("token {address} does not tell its decimals"),
            );
        }
        for address in &facts.codeless {
            let address = address.to_checksum(None);
            found.add(DangerCode::DataToNoCode, format!("{address} has no code on this chain"));
        }
    }
    let none = BTreeMap::new();
    let tokens = facts.map_or(&none, |facts| &facts.tokens);
    found.0.extend(alike::dangers(tokens));
    found.0.extend(again::dangers(request, proposal.note(), open, tokens, now));
    found.0.extend(runs::false_tag(proposal, facts.and_then(|facts| facts.state.config.as_ref())));
    if proposal.note().is_some_and(has_hidden_text) {
        found.add(DangerCode::HiddenText, "the note contains characters that hide or reorder text");
    }
    found.0
}

fn has_hidden_text(note: &str) -> bool {
    let visible = note.replace(['\n', '\r', '\t', '\\'], "");
    text::escaped(&visible) != visible
}

#[derive(Default)]
struct Found(Vec<Danger>);

impl Found {
    fn add(&mut self, code: DangerCode, message: impl Into<String>) {
        self.0.push(Danger::new(code, message));
    }

    fn of_wallet(&mut self, provenance: Provenance, is_created: bool) {
        match provenance {
            Provenance::Factory => {}
            Provenance::NotDeployed if is_created => {}
            Provenance::NotDeployed => {
                self.add(DangerCode::WalletNotDeployed, "the wallet is not on this chain yet: `quorate wallet deploy`");
            }
            Provenance::CodeOnly => self.add(
                DangerCode::WalletNotGenuine,
                "the code is a wallet's, but nothing shows that the factory made it: whoever did may have written approvals into it",
            ),
            Provenance::Foreign => {
                self.add(DangerCode::WalletNotGenuine, "the account is no Quorate wallet: its code is another");
            }
        }
    }

    /// What is meant for a Ledger by another program than this.
    fn of_bytes(&mut self, what: &str, length: usize) {
        if ledger::cuts(length) {
            self.add(
                DangerCode::LedgerCuts,
                format!("{what} has {length} bytes, of which Ledger's library hw-app-eth sends a device only a part"),
            );
        }
    }

    fn of_deadline(&mut self, deadline: u64, now: u64) {
        let left = deadline.saturating_sub(now);
        let words = clock::words(deadline, now);
        if left < NEAR_SECS {
            self.add(DangerCode::DeadlineNear, format!("the deadline is {words}"));
        } else if left > FAR_SECS {
            self.add(
                DangerCode::DeadlineFar,
                format!("the deadline is {words}: until then the signature stays good"),
            );
        }
    }

    fn of_payees(&mut self, wallet: Address, token: Address, transfers: &[Transfer]) {
        for (number, transfer) in (1..).zip(transfers) {
            let to = transfer.to;
            let whose = match to {
                Address::ZERO => "the zero address",
                _ if to == wallet => "the wallet itself",
                _ if to == token => "the token's own contract",
                _ => continue,
            };
            self.add(DangerCode::SuspectPayee, format!("payment {number} goes to {whose}"));
        }
    }

    fn of_call(&mut self, number: usize, call: &Call) {
        self.of_bytes(&format!("the data of call {number}"), call.data.len());
        let to = call.to.to_checksum(None);
        let Some(decoded) = calldata::decode(call) else {
            if calldata::is_unknown(call) {
                let length = call.data.len();
                self.add(
                    DangerCode::UnknownCalldata,
                    format!("call {number} sends {length} bytes to {to} that are not understood"),
                );
            }
            return;
        };
        if decoded.is_unlimited_allowance() || decoded.is_operator_approval() {
            let who = decoded.taker().map(|who| who.to_checksum(None)).unwrap_or_default();
            let token = decoded.token(call.to).map_or(to.clone(), |token| token.to_checksum(None));
            self.add(
                DangerCode::UnlimitedApproval,
                format!("call {number} lets {who} take tokens of {token} without limit"),
            );
        }
        if decoded.effect == Effect::Control {
            let name = decoded.name;
            self.add(
                DangerCode::ControlChange,
                format!("call {number}, {name}, changes who controls {to}"),
            );
        }
    }

    fn of_config(&mut self, present: Option<&Config>, new: &Config) {
        self.of_bytes("the policy's data", new.policy_data().len());
        if let Some(terms) = escrow::terms_of(new).filter(EscrowTerms::has_worthless_disputes) {
            self.add(
                DangerCode::PolicyChange,
                format!("in the escrow that this makes, {}", escrow::worthless(&terms)),
            );
        }
        let Some(present) = present else {
            self.add(
                DangerCode::OwnerChange,
                "the whole configuration is replaced; the present one is not known",
            );
            self.add(
                DangerCode::ThresholdChange,
                format!("the threshold will be {}", new.threshold()),
            );
            if let Some(policy) = new.policy() {
                self.add(DangerCode::PolicyChange, format!("the policy will be {policy}"));
            }
            return;
        };
        let listed = |config: &Config, without: &Config| -> Vec<String> {
            let gone = config.owners().iter().filter(|&&owner| without.index_of(owner).is_none());
            gone.map(|owner| owner.to_checksum(None)).collect()
        };
        let (added, removed) = (listed(new, present), listed(present, new));
        if !added.is_empty() {
            self.add(DangerCode::OwnerChange, format!("new owners: {}", added.join(", ")));
        }
        if !removed.is_empty() {
            self.add(DangerCode::OwnerChange, format!("owners no more: {}", removed.join(", ")));
        }
        if added.is_empty() && removed.is_empty() && present.owners() != new.owners() {
            self.add(DangerCode::OwnerChange, "the owners' order changes");
        }
        let (old, new_threshold) = (present.threshold(), new.threshold());
        if old != new_threshold {
            let count = new.owners().len();
            self.add(
                DangerCode::ThresholdChange,
                format!("from {old} of {} to {new_threshold} of {count}", present.owners().len()),
            );
        }
        if present.policy() != new.policy() || present.policy_data() != new.policy_data() {
            let name = |config: &Config| {
                config.policy().map_or("none".to_owned(), |policy| policy.to_checksum(None))
            };
            self.add(
                DangerCode::PolicyChange,
                format!("policy from {} to {}, or its data", name(present), name(new)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Bytes, U256};
    use quorate_core::{Nonce, Request};

    const NOW: u64 = 1_767_225_600;
    const DAY: u64 = 86_400;

    fn proposal(action: Action) -> Proposal {
        proposal_until(action, NOW + 7 * DAY, None)
    }

    fn proposal_until(action: Action, deadline: u64, note: Option<&str>) -> Proposal {
        let wallet = Address::with_last_byte(0xaa);
        let nonce = Nonce::default();
        let request = Request { chain_id: 1, wallet, epoch: 0, action, nonce, deadline };
        Proposal::new(request, note.map(str::to_owned), None).unwrap()
    }

    fn codes(proposal: &Proposal) -> Vec<&'static str> {
        let dangers = dangers(proposal, None, Executor::Anybody, &[], NOW);
        assert_eq!(dangers[0].code, DangerCode::Offline);
        dangers[1..].iter().map(|danger| danger.code.word()).collect()
    }

    fn call(signature: &str, arguments: &[&str]) -> Action {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        let data = calldata::encode(1, signature, &arguments).unwrap();
        let call = Call { to: Address::with_last_byte(1), value: U256::ZERO, data };
        Action::Execute { calls: vec![call] }
    }

    const SPENDER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn powers_over_tokens_and_contracts_are_named() {
        let max = U256::MAX.to_string();
        for (action, expected) in [
            (call("approve(address,uint256)", &[SPENDER, &max]), &["unlimitedApproval"][..]),
            (call("approve(address,uint256)", &[SPENDER, "5"]), &[]),
            (call("setApprovalForAll(address,bool)", &[SPENDER, "true"]), &["unlimitedApproval"]),
            (call("setApprovalForAll(address,bool)", &[SPENDER, "false"]), &[]),
            (call("transferOwnership(address)", &[SPENDER]), &["controlChange"]),
            (call("upgradeTo(address)", &[SPENDER]), &["controlChange"]),
            (call("drain(address)", &[SPENDER]), &["unknownCalldata"]),
            (Action::Cancel {}, &[]),
        ] {
            assert_eq!(codes(&proposal(action)), expected);
        }
    }

    /// Case 19.
    #[test]
    fn what_ledgers_library_cuts_is_named_wherever_it_is() {
        let call = |length| Action::Execute {
            calls: vec![Call {
                to: Address::with_last_byte(1),
                value: U256::ZERO,
                data: vec![1; length].into(),
            }],
        };
        assert_eq!(codes(&proposal(call(253))), ["unknownCalldata"]);
        assert_eq!(codes(&proposal(call(254))), ["ledgerCuts", "unknownCalldata"]);
        let config = |length: usize| {
            let owners = vec![Address::with_last_byte(1)];
            Config::new(1, owners, Address::with_last_byte(9), vec![1; length].into()).unwrap()
        };
        for (length, expected) in [(253, &[][..]), (254, &["ledgerCuts"])] {
            let mut found = Found::default();
            found.of_config(Some(&config(length)), &config(length));
            let found: Vec<_> = found.0.iter().map(|danger| danger.code.word()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_change_of_configuration_is_named_by_what_changes() {
        let owners = |numbers: &[u8]| numbers.iter().map(|&n| Address::with_last_byte(n)).collect();
        let config = |threshold, numbers: &[u8], policy| {
            Config::new(threshold, owners(numbers), Address::with_last_byte(policy), Bytes::new())
                .unwrap()
        };
        let present = config(2, &[1, 2, 3], 0);
        for (new, expected) in [
            (config(2, &[1, 2, 3], 0), &[][..]),
            (config(2, &[1, 2, 4], 0), &["ownerChange", "ownerChange"]),
            (config(2, &[3, 2, 1], 0), &["ownerChange"]),
            (config(1, &[1, 2, 3], 0), &["thresholdChange"]),
            (config(2, &[1, 2, 3], 9), &["policyChange"]),
        ] {
            let mut found = Found::default();
            found.of_config(Some(&present), &new);
            assert_eq!(
                found.0.iter().map(|danger| danger.code.word()).collect::<Vec<_>>(),
                expected
            );
        }
    }

    /// What has code is judged by it, whoever is to execute.
    #[test]
    fn a_wallet_that_is_not_there_is_a_danger_unless_it_is_created() {
        for (provenance, is_created, expected) in [
            (Provenance::Factory, false, &[][..]),
            (Provenance::NotDeployed, false, &["walletNotDeployed"]),
            (Provenance::NotDeployed, true, &[]),
            (Provenance::CodeOnly, true, &["walletNotGenuine"]),
            (Provenance::Foreign, true, &["walletNotGenuine"]),
        ] {
            let mut found = Found::default();
            found.of_wallet(provenance, is_created);
            assert_eq!(
                found.0.iter().map(|danger| danger.code.word()).collect::<Vec<_>>(),
                expected
            );
        }
    }

    #[test]
    fn deadlines_too_near_and_too_far_are_named() {
        for (left, expected) in [
            (0, &["deadlineNear"][..]),
            (NEAR_SECS - 1, &["deadlineNear"]),
            (NEAR_SECS, &[]),
            (FAR_SECS, &[]),
            (FAR_SECS + 1, &["deadlineFar"]),
        ] {
            assert_eq!(
                codes(&proposal_until(Action::Cancel {}, NOW + left, None)),
                expected,
                "{left}"
            );
        }
    }

    #[test]
    fn a_payee_that_cannot_be_meant_is_named() {
        let token = Address::with_last_byte(5);
        let pay = |to| Transfer { to, amount: U256::ONE };
        let payees =
            [Address::ZERO, Address::with_last_byte(0xaa), token, Address::with_last_byte(9)];
        let action = Action::Payout { token, transfers: payees.map(pay).to_vec() };
        assert_eq!(codes(&proposal(action)), ["suspectPayee"; 3]);
    }

    #[test]
    fn hidden_text_in_a_note_is_named() {
        for (note, expected) in
            [("pay\u{202e}daolnwod", &["hiddenText"][..]), ("Löhne\nfür \\ Mai", &[])]
        {
            let proposal = proposal_until(Action::Cancel {}, NOW + DAY, Some(note));
            assert_eq!(codes(&proposal), expected);
        }
    }
}
