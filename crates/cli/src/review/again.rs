//! What open proposals of the same wallet pay, and a proposal pays again.
//!
//! Each of two proposals at different nonces can be executed, so that who asks a second time, because the first hangs, may
//! pay twice. Rivals for one nonce exclude each other.

use super::{
    Danger, DangerCode,
    calldata::{self, Asset},
    view::paid_text,
};
use crate::{arguments::Source, clock};
use alloy::primitives::{Address, U256};
use quorate_chain::Token;
use quorate_core::{Action, Request, action::Call, amount::EVERYTHING_LEFT, text};
use std::collections::{BTreeMap, BTreeSet};

/// How many payments of one open proposal are written out; the rest is counted.
const MOST_SHOWN: usize = 3;

/// A proposal that may still be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) request: Request,
    /// Unsigned, and not escaped.
    pub(crate) note: Option<String>,
    /// Where it was found.
    pub(crate) place: Source,
}

/// Something that a request pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) payer: Address,
    pub(crate) asset: Asset,
    pub(crate) to: Address,
    /// 2^256-1 is everything left, or what the token makes of it.
    pub(crate) amount: U256,
}

impl Payment {
    /// Whether both pay the same; everything left may be any amount.
    fn is_like(&self, other: &Self) -> bool {
        let is_any = |payment: &Self| payment.amount == EVERYTHING_LEFT;
        (self.payer, &self.asset, self.to) == (other.payer, &other.asset, other.to)
            && (self.amount == other.amount || is_any(self) || is_any(other))
    }
}

/// Whether a request pays anything, so that something could be paid again.
pub(crate) fn pays(request: &Request) -> bool {
    !payments(request).is_empty()
}

/// Whether both could be executed, and would pay something twice.
pub(crate) fn is_again(request: &Request, note: Option<&str>, open: &Open) -> bool {
    could_both_be_executed(request, &open.request)
        && (!common(request, &open.request).is_empty()
            || !common_ids(note, open.note.as_deref()).is_empty())
}

/// A danger for each open proposal that pays the same as `request`.
pub(crate) fn dangers(
    request: &Request,
    note: Option<&str>,
    open: &[Open],
    tokens: &BTreeMap<Address, Token>,
    now: u64,
) -> Vec<Danger> {
    let dangers = open.iter().filter(|open| is_again(request, note, open)).map(|open| {
        let again = common(request, &open.request);
        let ids = common_ids(note, open.note.as_deref());
        let what = match (&again[..], &ids[..]) {
            ([], ids) => format!("has {} too, by its note", ids_text(ids)),
            (again, _) => format!("pays {} too", payments_text(again, tokens)),
        };
        let until = clock::words(open.request.deadline, now);
        let place = place_text(&open.place);
        let message = format!(
            "another open proposal, {place}, {what}, and can be executed as well, until {until}"
        );
        let command = Some(cancel_command(open));
        Danger { command, ..Danger::new(DangerCode::PaidAgain, message) }
    });
    dangers.collect()
}

/// Of one wallet and epoch, at different nonces.
fn could_both_be_executed(one: &Request, other: &Request) -> bool {
    (one.chain_id, one.wallet, one.epoch) == (other.chain_id, other.wallet, other.epoch)
        && one.nonce != other.nonce
}

/// What `other` pays that `request` pays too, each once.
fn common(request: &Request, other: &Request) -> Vec<Payment> {
    let mut rest = payments(request);
    let is_common = |paid: &Payment| {
        let place = rest.iter().position(|payment| payment.is_like(paid));
        place.map(|place| rest.swap_remove(place)).is_some()
    };
    payments(other).into_iter().filter(is_common).collect()
}

/// All that a request pays, as far as it is understood: calls may do more.
pub(crate) fn payments(request: &Request) -> Vec<Payment> {
    let wallet = request.wallet;
    match &request.action {
        Action::Payout { token, transfers } => {
            let asset = if token.is_zero() { Asset::ETHER } else { Asset::Token(*token) };
            let payment = |&quorate_core::action::Transfer { to, amount }| Payment {
                payer: wallet,
                asset: asset.clone(),
                to,
                amount,
            };
            transfers.iter().map(payment).collect()
        }
        Action::Execute { calls } => calls.iter().flat_map(|call| of_call(wallet, call)).collect(),
        Action::Reconfigure { .. } | Action::Cancel {} => Vec::new(),
    }
}

/// Ether that goes along, and tokens that the call moves.
fn of_call(wallet: Address, call: &Call) -> Vec<Payment> {
    let mut payments = Vec::new();
    if !call.value.is_zero() {
        let asset = Asset::Ether { data: call.data.clone() };
        payments.push(Payment { payer: wallet, asset, to: call.to, amount: call.value });
    }
    if let Some(moved) = calldata::decode(call).and_then(|decoded| decoded.moved(call.to)) {
        let payer = moved.from.unwrap_or(wallet);
        payments.push(Payment { payer, asset: moved.asset, to: moved.to, amount: moved.amount });
    }
    payments
}

/// The ids that the notes of two batches have in common.
fn common_ids<'a>(note: Option<&'a str>, other: Option<&str>) -> Vec<&'a str> {
    let (Some(ids), Some(others)) = (note.and_then(ids), other.and_then(ids)) else {
        return Vec::new();
    };
    let others: BTreeSet<_> = others.into_iter().collect();
    ids.into_iter().filter(|id| others.contains(id)).collect()
}

/// The ids in the note of a batch, as `payout propose` writes it. Nobody signs them.
fn ids(note: &str) -> Option<Vec<&str>> {
    let (_, rest) = note.strip_prefix("payout run ")?.split_once(", ids ")?;
    let (ids, _) = rest.rsplit_once(", plan 0x").or_else(|| rest.rsplit_once(", list 0x"))?;
    Some(ids.split(", ").flat_map(|part| part.split(" to ")).collect())
}

fn payments_text(payments: &[Payment], tokens: &BTreeMap<Address, Token>) -> String {
    let one = |payment: &Payment| {
        let amount = paid_text(&payment.asset, payment.amount, tokens);
        format!("{amount} to {}", payment.to.to_checksum(None))
    };
    let shown: Vec<_> = payments.iter().take(MOST_SHOWN).map(one).collect();
    match payments.len().saturating_sub(MOST_SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more payments", shown.join(", ")),
    }
}

fn ids_text(ids: &[&str]) -> String {
    let shown: Vec<_> = ids.iter().take(MOST_SHOWN).map(|id| text::shown(id)).collect();
    let more = match ids.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if ids.len() == 1 { "the id" } else { "the ids" };
    format!("{noun} {}{more}", shown.join(", "))
}

/// Digest or file, as it is typed.
fn place_text(place: &Source) -> String {
    match place {
        Source::Digest(digest) => digest.to_string(),
        Source::File(path) => quoted(&path.display().to_string()),
    }
}

fn cancel_command(open: &Open) -> String {
    let (place, wallet) = (place_text(&open.place), open.request.wallet.to_checksum(None));
    format!("quorate propose cancel {place} --wallet {wallet}")
}

/// A file's name for a shell: in quotes where it is not plain.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    let is_option = name.starts_with('-');
    if !name.is_empty() && !is_option && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let name = text::escaped(name).replace('\'', r"'\''");
    if is_option { format!("'./{name}'") } else { format!("'{name}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::B256;
    use quorate_core::{Lane, Nonce, action::Transfer};

    const WALLET: Address = Address::with_last_byte(0xaa);
    const PAYEE: Address = Address::with_last_byte(1);
    const TOKEN: Address = Address::with_last_byte(5);

    fn request(sequence: u64, action: Action) -> Request {
        let nonce = Nonce::new(Lane::ZERO, sequence);
        Request { chain_id: 1, wallet: WALLET, epoch: 0, action, nonce, deadline: 1_000 }
    }

    fn payout(token: Address, amounts: &[U256]) -> Action {
        let transfers = amounts.iter().map(|&amount| Transfer { to: PAYEE, amount }).collect();
        Action::Payout { token, transfers }
    }

    fn call(to: Address, value: u64, signature: Option<(&str, &[&str])>) -> Action {
        let data = signature.map_or_else(Default::default, |(signature, arguments)| {
            let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
            calldata::encode(1, signature, &arguments).unwrap()
        });
        Action::Execute { calls: vec![Call { to, value: U256::from(value), data }] }
    }

    fn open(request: Request) -> Open {
        Open { request, note: None, place: Source::Digest(B256::repeat_byte(7)) }
    }

    fn is_said(new: &Action, old: &Action) -> bool {
        let (new, open) = (request(1, new.clone()), open(request(0, old.clone())));
        let dangers = dangers(&new, None, &[open], &BTreeMap::new(), 500);
        assert!(dangers.iter().all(|danger| danger.code == DangerCode::PaidAgain));
        dangers.len() == 1
    }

    /// Case 1.
    #[test]
    fn the_same_payment_in_any_form_is_said() {
        let three = U256::from(3);
        let all = EVERYTHING_LEFT;
        let (payee, wallet) = (PAYEE.to_string(), WALLET.to_string());
        let transfer = ("transfer(address,uint256)", &[&*payee, "3"][..]);
        let from_wallet = ("transferFrom(address,address,uint256)", &[&*wallet, &*payee, "3"][..]);
        let ether = [payout(Address::ZERO, &[three]), call(PAYEE, 3, None)];
        let token = [
            payout(TOKEN, &[three]),
            call(TOKEN, 0, Some(transfer)),
            call(TOKEN, 0, Some(from_wallet)),
        ];
        for one in &ether {
            assert!(ether.iter().all(|other| is_said(one, other)));
            assert!(!token.iter().any(|other| is_said(one, other)));
        }
        for one in &token {
            assert!(token.iter().all(|other| is_said(one, other)));
            assert!(is_said(one, &payout(TOKEN, &[all])) && is_said(&payout(TOKEN, &[all]), one));
        }
        // In a list it is found too.
        assert!(is_said(&payout(TOKEN, &[U256::from(9), three]), &token[1]));
        let deposit = |value| call(TOKEN, value, Some(("deposit()", &[])));
        assert!(is_said(&deposit(3), &deposit(3)));
    }

    #[test]
    fn what_is_not_the_same_payment_is_not_said() {
        let pay = |token, amount: u64| payout(token, &[U256::from(amount)]);
        let nobody = Address::with_last_byte(2).to_string();
        let to_other = ("transfer(address,uint256)", &[&*nobody, "3"][..]);
        let deposit = ("deposit()", &[][..]);
        for (new, old) in [
            (pay(TOKEN, 3), pay(TOKEN, 4)),
            (pay(TOKEN, 3), pay(Address::with_last_byte(6), 3)),
            (pay(TOKEN, 3), call(TOKEN, 0, Some(to_other))),
            (call(TOKEN, 3, Some(deposit)), call(TOKEN, 3, None)),
            (call(TOKEN, 0, Some(deposit)), call(TOKEN, 0, Some(deposit))),
            (Action::Cancel {}, Action::Cancel {}),
        ] {
            assert!(!is_said(&new, &old), "{new:?} {old:?}");
        }
    }

    /// Case 1: of rivals one alone can be executed, and what is of another epoch or wallet never with this one.
    #[test]
    fn of_what_excludes_each_other_nothing_is_said() {
        let pay = |sequence| request(sequence, payout(TOKEN, &[U256::from(3)]));
        let said = |other: Request| is_again(&pay(0), None, &open(other));
        assert!(said(pay(1)));
        assert!(!said(Request { deadline: 2_000, ..pay(0) }));
        assert!(!said(Request { epoch: 1, ..pay(1) }));
        assert!(!said(Request { wallet: PAYEE, ..pay(1) }));
        assert!(!said(Request { chain_id: 2, ..pay(1) }));
    }

    /// Case 1: the same ids under another name, with other amounts.
    #[test]
    fn the_same_ids_of_a_run_are_said() {
        let note =
            |run: &str, ids: &str| format!("payout run {run}, batch 1 of 1, ids {ids}, list 0x12");
        let old = Open {
            note: Some(note("may", "inv-1, inv-2, inv-3")),
            ..open(request(0, payout(TOKEN, &[U256::from(3)])))
        };
        let new = request(1, payout(TOKEN, &[U256::from(4)]));
        let said = |ids| {
            let note = note("may-again", ids);
            let dangers =
                dangers(&new, Some(&note), std::slice::from_ref(&old), &BTreeMap::new(), 0);
            dangers.into_iter().map(|danger| danger.message).next()
        };
        let message = said("inv-2").unwrap();
        assert!(message.contains("has the id \"inv-2\" too, by its note"), "{message}");
        assert!(said("inv-1 to inv-9").unwrap().contains("\"inv-1\""));
        assert_eq!(said("inv-20"), None);
    }

    /// Case 1: who is told knows which, until when, and how to stop it.
    #[test]
    fn the_way_out_can_be_typed() {
        let new = request(1, payout(Address::ZERO, &[U256::from(3)]));
        let path = "may's run/a 1.json".into();
        let old = Open { place: Source::File(path), ..open(request(0, new.action.clone())) };
        let message = dangers(&new, None, &[old], &BTreeMap::new(), 500).remove(0).line();
        let expected = format!(
            "another open proposal, 'may'\\''s run/a 1.json', pays 0.000000000000000003 ETH to {PAYEE} too, and \
             can be executed as well, until 1970-01-01 00:16:40 UTC, in 8 minutes 20 seconds; to stop that one: quorate \
             propose cancel 'may'\\''s run/a 1.json' --wallet {WALLET}"
        );
        assert_eq!(message, expected);
        assert_eq!(quoted("-a.json"), "'./-a.json'");
    }
}
