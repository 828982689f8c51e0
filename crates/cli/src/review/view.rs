//! A proposal with all that is known about it, as `--json` prints it.

use super::{
    Danger, Facts, Standing,
    calldata::{self, Decoded},
    facts::Outcome,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_chain::Token;
use quorate_core::{
    Action, OwnerSignature, Proposal,
    action::{Call, Transfer, total_of},
    amount::{self, ETHER_DECIMALS},
    signature::Kind,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What `show --json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    pub(crate) digest: B256,
    pub(crate) domain_separator: B256,
    pub(crate) struct_hash: B256,
    pub(crate) chain_id: u64,
    pub(crate) wallet: String,
    /// Whether there is code at its address.
    pub(crate) deployed: Option<bool>,
    pub(crate) epoch: u32,
    pub(crate) action: Action,
    /// The action in words and units.
    pub(crate) decoded: Value,
    pub(crate) nonce: String,
    pub(crate) lane: String,
    pub(crate) sequence: u64,
    /// The next sequence of the lane on chain.
    pub(crate) next_sequence: Option<u64>,
    pub(crate) deadline: u64,
    /// The note as it is: unsigned, and not escaped.
    pub(crate) note: Option<String>,
    pub(crate) status: Option<&'static str>,
    pub(crate) reason: Option<String>,
    pub(crate) execution: Option<Value>,
    pub(crate) threshold: Option<u8>,
    pub(crate) owners: Option<Vec<String>>,
    pub(crate) signatures: Vec<SignatureView>,
    pub(crate) missing: Option<Vec<String>>,
    pub(crate) dangers: Vec<Danger>,
    /// Where it stands at a relayer.
    #[serde(rename = "relayer", skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<Standing>,
}

/// One owner's signature.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignatureView {
    pub(crate) owner: String,
    pub(crate) kind: Kind,
    pub(crate) signature: Bytes,
    /// Whether it counts towards the threshold; unknown where only a chain could tell.
    pub(crate) counts: Option<bool>,
}

impl View {
    pub(crate) fn new(proposal: &Proposal, facts: Option<&Facts>, dangers: Vec<Danger>) -> Self {
        let request = proposal.request();
        let hashes = request.hashes();
        let config =
            facts.and_then(|facts| facts.state.config.as_ref()).or(proposal.proven_config());
        let status = facts.map(|facts| facts.status(proposal));
        let signatures = signatures(proposal, facts);
        let missing = config.map(|config| {
            let signed = |owner: &Address| {
                let owner = owner.to_checksum(None);
                signatures.iter().any(|s| s.owner == owner && s.counts != Some(false))
            };
            let missing = config.owners().iter().filter(|owner| !signed(owner));
            missing.map(|owner| owner.to_checksum(None)).collect()
        });
        Self {
            digest: hashes.digest,
            domain_separator: hashes.domain_separator,
            struct_hash: hashes.struct_hash,
            chain_id: request.chain_id,
            wallet: request.wallet.to_checksum(None),
            deployed: facts.map(|facts| facts.state.deployed),
            epoch: request.epoch,
            decoded: decoded(&request.action, facts),
            action: request.action.clone(),
            nonce: request.nonce.to_string(),
            lane: request.nonce.lane.to_string(),
            sequence: request.nonce.sequence,
            next_sequence: facts.and_then(|facts| facts.next).map(|next| next.sequence),
            deadline: request.deadline,
            note: proposal.note().map(str::to_owned),
            reason: status.as_ref().and_then(|(_, reason)| reason.clone()),
            status: status.map(|(status, _)| status),
            execution: facts.and_then(|facts| execution(facts.outcome.as_ref()?)),
            threshold: config.map(quorate_core::Config::threshold),
            owners: config
                .map(|c| c.owners().iter().map(|owner| owner.to_checksum(None)).collect()),
            signatures,
            missing,
            dangers,
            standing: None,
        }
    }

    /// Whether the wallet is not there, and that is no danger: a relayer is to create it.
    pub(crate) fn is_to_be_created(&self) -> bool {
        self.deployed == Some(false) && !self.dangers.iter().any(Danger::is_not_deployed)
    }

    /// The same with what a relayer says.
    pub(crate) fn with_standing(self, standing: Option<Standing>) -> Self {
        Self { standing, ..self }
    }
}

fn execution(outcome: &Outcome) -> Option<Value> {
    let Outcome::Executed(execution) = outcome else { return None };
    Some(json!({ "txHash": execution.tx_hash, "blockNumber": execution.block_number }))
}

fn signatures(proposal: &Proposal, facts: Option<&Facts>) -> Vec<SignatureView> {
    let view = |owner: &Address, signature: &OwnerSignature, counts| SignatureView {
        owner: owner.to_checksum(None),
        kind: signature.kind(),
        signature: signature.to_bytes(),
        counts,
    };
    let Some(facts) = facts else {
        let proven = proposal.proven_config();
        let candidates = proposal.signatures().iter();
        return candidates
            .flat_map(|(owner, candidates)| candidates.iter().map(move |s| (owner, s)))
            .map(|(owner, signature)| {
                let by_key = matches!(signature, OwnerSignature::Ecdsa(_));
                view(owner, signature, proven.filter(|_| by_key).map(|_| true))
            })
            .collect();
    };
    let valid = &facts.verified.valid;
    let mut views: Vec<_> =
        valid.iter().map(|(owner, signature)| view(owner, signature, Some(true))).collect();
    for (owner, candidates) in proposal.signatures() {
        if !valid.contains_key(owner) {
            views.extend(candidates.iter().map(|signature| view(owner, signature, Some(false))));
        }
    }
    views
}

/// An amount in units, with its symbol; a raw number where the decimals are not known.
pub(crate) fn amount_text(amount: U256, token: Option<&Token>) -> String {
    if amount == amount::EVERYTHING_LEFT {
        return "everything left".to_owned();
    }
    match token {
        None => format!("{} ETH", amount::grouped(amount, ETHER_DECIMALS)),
        Some(token) => match token.decimals {
            Some(decimals) => format!("{} {}", amount::grouped(amount, decimals), symbol(token)),
            None => format!("{amount} smallest units of {}", symbol(token)),
        },
    }
}

/// A token's symbol, escaped, or the beginning of its address.
pub(crate) fn symbol(token: &Token) -> String {
    match &token.symbol {
        Some(symbol) if !symbol.is_empty() => quorate_core::text::escaped(symbol),
        _ => "an unnamed token".to_owned(),
    }
}

fn decoded(action: &Action, facts: Option<&Facts>) -> Value {
    let tokens = facts.map(|facts| &facts.tokens);
    match action {
        Action::Execute { calls } => {
            json!({ "calls": calls.iter().map(|call| decoded_call(call, tokens)).collect::<Vec<_>>() })
        }
        Action::Payout { token, transfers } => {
            let known = tokens.and_then(|tokens| tokens.get(token));
            // Off chain nothing is known of a token but its address.
            let is_readable = token.is_zero() || known.is_some();
            let text = |amount| is_readable.then(|| amount_text(amount, known));
            let total = total_of(transfers);
            json!({
                "token": token_json(known, *token),
                "count": transfers.len(),
                "total": total.map(|total| total.to_string()),
                "totalText": total.and_then(text),
                "everythingLeft": transfers.iter().any(Transfer::is_everything_left),
                "amounts": transfers.iter().map(|transfer| text(transfer.amount)).collect::<Vec<_>>(),
            })
        }
        Action::Reconfigure { config } => json!({
            "threshold": config.threshold(),
            "ownerCount": config.owners().len(),
            "policy": config.policy().map(|policy| policy.to_checksum(None)),
        }),
        Action::Cancel {} => Value::Null,
    }
}

fn token_json(known: Option<&Token>, address: Address) -> Value {
    if address.is_zero() {
        return json!({ "symbol": "ETH", "decimals": ETHER_DECIMALS });
    }
    json!({
        "address": address.to_checksum(None),
        "symbol": known.and_then(|token| token.symbol.clone()),
        "decimals": known.and_then(|token| token.decimals),
    })
}

fn decoded_call(call: &Call, tokens: Option<&BTreeMap<Address, Token>>) -> Value {
    let value = amount::plain(call.value, ETHER_DECIMALS);
    match calldata::decode(call) {
        Some(Decoded { name, arguments, .. }) => {
            let token = tokens.and_then(|tokens| tokens.get(&call.to));
            let arguments: Vec<_> = arguments
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": calldata::text(value) }))
                .collect();
            json!({ "value": value, "function": name, "arguments": arguments,
                "token": token.map(|token| token_json(Some(token), call.to)) })
        }
        None => json!({ "value": value, "function": Value::Null }),
    }
}
