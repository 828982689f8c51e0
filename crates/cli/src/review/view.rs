//! A proposal with all that is known about it, as `--json` prints it.

use super::{
    Danger, Facts, Standing,
    calldata::{self, Asset, Decoded, as_power},
    facts::Outcome,
    words,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_chain::{Branch, Token};
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
    /// Six words of the digest, of its first 66 bits.
    pub(crate) words: String,
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
    /// Who signed for owners that are wallets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) branches: Vec<BranchView>,
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
    /// Why it does not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// A wallet that is an owner, and who signed for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BranchView {
    pub(crate) wallet: String,
    pub(crate) threshold: Option<u8>,
    pub(crate) signed: Vec<String>,
    pub(crate) missing: Vec<String>,
    /// Whose part does not count, and why.
    pub(crate) rejected: Vec<Value>,
    /// Whether enough signed for it.
    pub(crate) whole: bool,
    pub(crate) branches: Vec<Self>,
}

impl BranchView {
    fn new(branch: &Branch) -> Self {
        let names = |accounts: &[Address]| accounts.iter().map(|a| a.to_checksum(None)).collect();
        let rejected = branch.rejected.iter().map(|rejected| {
            json!({ "owner": rejected.owner.to_checksum(None), "why": rejected.reason.to_string() })
        });
        Self {
            wallet: branch.wallet.to_checksum(None),
            threshold: branch.threshold,
            signed: names(&branch.signed),
            missing: names(&branch.missing),
            rejected: rejected.collect(),
            whole: branch.signature.is_some(),
            branches: branch.branches.iter().map(Self::new).collect(),
        }
    }
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
            words: words::six(hashes.digest),
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
            branches: facts
                .map(|facts| facts.verified.branches.iter().map(BranchView::new).collect())
                .unwrap_or_default(),
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
        why: facts
            .filter(|_| counts == Some(false))
            .and_then(|facts| facts.verified.rejected.iter().find(|r| r.owner == *owner))
            .map(|rejected| rejected.reason.to_string()),
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

/// An amount of a payout in units: 2^256-1 is everything left.
pub(crate) fn amount_text(amount: U256, token: Option<&Token>) -> String {
    if amount == amount::EVERYTHING_LEFT {
        return "everything left".to_owned();
    }
    exact_text(amount, token)
}

/// An exact amount in units, with the token's name; a raw number where the decimals are not known. Without a token ether.
pub(crate) fn exact_text(amount: U256, token: Option<&Token>) -> String {
    match token {
        None => in_units(amount, Some(ETHER_DECIMALS), ETHER),
        Some(token) => in_units(amount, token.decimals, &token_name(token)),
    }
}

/// As [`exact_text`], with the token's whole address: where that stands nowhere else.
pub(crate) fn exact_text_in_full(amount: U256, token: Option<&Token>) -> String {
    match token {
        None => exact_text(amount, None),
        Some(token) => in_units(amount, token.decimals, &token_name_in_full(token)),
    }
}

/// What is paid of an asset; of a token that was not read in its smallest units.
pub(super) fn paid_text(asset: &Asset, amount: U256, tokens: &BTreeMap<Address, Token>) -> String {
    let of = match asset {
        Asset::Ether { .. } => ETHER.to_owned(),
        Asset::Token(address) => match tokens.get(address) {
            Some(token) => token_name_in_full(token),
            None => format!("token {}", address.to_checksum(None)),
        },
        Asset::Item { collection, id } => {
            format!("item {id} of {}", collection.to_checksum(None))
        }
    };
    let decimals = match asset {
        Asset::Ether { .. } => Some(ETHER_DECIMALS),
        Asset::Token(address) => tokens.get(address).and_then(|token| token.decimals),
        Asset::Item { .. } => Some(0),
    };
    match amount {
        amount::EVERYTHING_LEFT => format!("everything left of {of}"),
        amount => in_units(amount, decimals, &of),
    }
}

fn in_units(amount: U256, decimals: Option<u8>, name: &str) -> String {
    match (decimals, as_power(amount)) {
        (_, Some(power)) => format!("{power} smallest units of {name}"),
        (Some(decimals), None) => format!("{} {name}", amount::grouped(amount, decimals)),
        (None, None) => format!("{amount} smallest units of {name}"),
    }
}

/// How ether is called. Nothing else is called so without an address beside it.
pub(crate) const ETHER: &str = "ETH";

/// What a token calls itself, never without its address, which is shortened: for where the whole address is near.
pub(crate) fn token_name(token: &Token) -> String {
    let address = token.address.to_checksum(None);
    let short = format!("{}…{}", &address[..6], &address[38..]);
    match &token.symbol {
        Some(symbol) => format!("{} ({short})", shown_symbol(symbol)),
        None => format!("token {short}"),
    }
}

/// As [`token_name`], with the whole address.
pub(crate) fn token_name_in_full(token: &Token) -> String {
    let address = token.address.to_checksum(None);
    match &token.symbol {
        Some(symbol) => format!("{} ({address})", shown_symbol(symbol)),
        None => format!("token {address}"),
    }
}

/// The most characters of a symbol that are shown: what people use has no more.
const LONGEST_SYMBOL: usize = 24;

/// A symbol as it is shown: in quotation marks where it could be read as part of what stands around it, such as an amount or
/// another address. Says nothing about the token: never shown without its address.
pub(super) fn shown_symbol(symbol: &str) -> String {
    let cut = cut_symbol(symbol);
    let is_plain = |c: char| c.is_alphanumeric() || ".-_+$…".contains(c);
    let begins_plain = cut.starts_with(|c: char| c.is_alphabetic() || c == '$');
    if begins_plain && cut.chars().all(is_plain) { cut } else { format!("\"{cut}\"") }
}

/// A symbol, escaped and cut, without quotation marks in it.
pub(super) fn cut_symbol(symbol: &str) -> String {
    let escaped = quorate_core::text::escaped(symbol).replace('"', "'");
    if escaped.chars().count() <= LONGEST_SYMBOL {
        return escaped;
    }
    escaped.chars().take(LONGEST_SYMBOL - 1).chain(['…']).collect()
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
            let exact = |amount| is_readable.then(|| exact_text(amount, known));
            let total = total_of(transfers);
            json!({
                "token": token_json(known, *token),
                "count": transfers.len(),
                "total": total.map(|total| total.to_string()),
                "totalText": total.and_then(exact),
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
        return json!({ "symbol": ETHER, "decimals": ETHER_DECIMALS });
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
        Some(decoded) => {
            let address = decoded.token(call.to);
            let token = address.and_then(|address| tokens?.get(&address));
            let Decoded { name, arguments, .. } = decoded;
            let arguments: Vec<_> = arguments
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": calldata::text(value) }))
                .collect();
            json!({ "value": value, "function": name, "arguments": arguments,
                "token": token.map(|token| token_json(Some(token), token.address)) })
        }
        None => json!({ "value": value, "function": Value::Null }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(symbol: Option<&str>) -> Token {
        let address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48".parse().unwrap();
        Token { address, has_code: true, symbol: symbol.map(str::to_owned), decimals: Some(6) }
    }

    /// Case 2: what a token says of itself never stands alone.
    #[test]
    fn a_symbol_has_its_address_beside_it() {
        let five = U256::from(5_000_000);
        let text = |symbol| exact_text(five, Some(&token(symbol)));
        assert_eq!(text(Some("ETH")), "5 ETH (0xA0b8…eB48)");
        assert_eq!(text(None), "5 token 0xA0b8…eB48");
        let in_full = exact_text_in_full(five, Some(&token(Some("ETH"))));
        assert_eq!(in_full, "5 ETH (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48)");
        assert_eq!(exact_text(five, None), "0.000000000005 ETH");
    }

    /// Case 5.
    #[test]
    fn a_symbol_is_short_and_seen() {
        for symbol in [&"f".repeat(64)[..], &"\u{202e}".repeat(64), &"é".repeat(64)] {
            assert_eq!(cut_symbol(symbol).chars().count(), LONGEST_SYMBOL, "{symbol}");
        }
        assert_eq!(shown_symbol("variableDebtEthUSDC"), "variableDebtEthUSDC");
        assert_eq!(shown_symbol("US\0DC"), "\"US\\u{0}DC\"");
    }

    /// Case 2: a symbol is not taken for the amount before it, nor for the address behind it.
    #[test]
    fn a_symbol_that_looks_like_more_is_quoted() {
        let amount = |symbol| exact_text(U256::from(5_000_000), Some(&token(Some(symbol))));
        for symbol in
            ["USDC (0xA0b8…eB48)", "000 USDC", "000", "1INCH", "USDC, ETH", "x（y）", ",5"]
        {
            assert_eq!(amount(symbol), format!("5 \"{symbol}\" (0xA0b8…eB48)"));
        }
        assert_eq!(amount("a\" (0x\"b"), "5 \"a' (0x'b\" (0xA0b8…eB48)");
        for symbol in ["USDC", "USDC.e", "$TKN", "USD+", "stkAAVE-v2", "Löwe", "東京", "a…"] {
            assert_eq!(amount(symbol), format!("5 {symbol} (0xA0b8…eB48)"));
        }
    }

    /// Case 4: everything left is a word of payouts alone.
    #[test]
    fn the_largest_number_is_not_everything_left_outside_of_payouts() {
        let token = token(Some("USDC"));
        assert_eq!(amount_text(U256::MAX, Some(&token)), "everything left");
        let expected = "2^256-1 smallest units of USDC (0xA0b8…eB48)";
        assert_eq!(exact_text(U256::MAX, Some(&token)), expected);
    }
}
