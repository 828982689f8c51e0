//! Whether a proposal pays what somebody expects, and nothing else.
//!
//! The only check that does not rest on reading: what to expect comes from elsewhere, an invoice or a call.

use crate::{
    arguments::Expected,
    chain_access::on_chain,
    failure::Cause,
    review::{
        Facts,
        again::{Payment, payments},
        calldata::{self, Asset},
        exact_text_in_full,
    },
};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_core::{
    Action, Request,
    action::Call,
    amount::{self, ETHER_DECIMALS, EVERYTHING_LEFT},
    text::shown,
};
use std::collections::BTreeSet;

impl Expected {
    /// Whether anything is expected.
    pub(super) const fn is_any(&self) -> bool {
        self.expect_to.is_some() || self.expect_amount.is_some() || self.expect_token.is_some()
    }
}

/// In what the request differs, a sentence each. None where nothing is expected.
pub(super) fn differences(
    expected: &Expected,
    request: &Request,
    facts: Option<&Facts>,
) -> Result<Vec<String>> {
    if !expected.is_any() {
        return Ok(Vec::new());
    }
    let chain_id = request.chain_id;
    let to = expected.expect_to.as_ref();
    let to = to.map(|to| on_chain("--expect-to", to, chain_id)).transpose()?;
    let token = expected.expect_token.as_ref();
    let token = token.map(|token| on_chain("--expect-token", token, chain_id)).transpose()?;
    // An amount without a token is one of ether, as with `propose`.
    let token = token.or_else(|| expected.expect_amount.is_some().then_some(Address::ZERO));
    let amount = match (&expected.expect_amount, token) {
        (Some(text), Some(token)) => Some(parse(text, token, expected.decimals, facts)?),
        _ => None,
    };

    let payments = match only_payments(request) {
        Ok(payments) => payments,
        Err(more) => return Ok(vec![more]),
    };
    let mut found = Vec::new();
    if let Some(to) = to {
        let others: BTreeSet<_> =
            payments.iter().map(|payment| payment.to).filter(|payee| *payee != to).collect();
        if !others.is_empty() {
            let others: Vec<_> = others.iter().map(|payee| payee.to_checksum(None)).collect();
            found.push(format!("it pays {}, not {}", listed(&others), to.to_checksum(None)));
        }
    }
    if let Some(token) = token {
        let others: BTreeSet<_> =
            payments.iter().map(|payment| asset_text(&payment.asset)).collect();
        let expected = token_text(token);
        let others: Vec<_> = others.into_iter().filter(|other| *other != expected).collect();
        if !others.is_empty() {
            found.push(format!("it pays {}, not {expected}", listed(&others)));
        } else if let Some(amount) = amount {
            found.extend(other_amount(&payments, amount, token, facts));
        }
    }
    Ok(found)
}

fn other_amount(
    payments: &[Payment],
    expected: U256,
    token: Address,
    facts: Option<&Facts>,
) -> Option<String> {
    let text = |amount: U256| match amount {
        EVERYTHING_LEFT => "everything left".to_owned(),
        amount if token.is_zero() => exact_text_in_full(amount, None),
        amount => match facts.and_then(|facts| facts.tokens.get(&token)) {
            Some(known) => exact_text_in_full(amount, Some(known)),
            None => format!("{amount} smallest units of {}", token.to_checksum(None)),
        },
    };
    let is_rest = payments.iter().any(|payment| payment.amount == EVERYTHING_LEFT);
    let total = match payments {
        [payment] => Some(payment.amount),
        _ if is_rest => None,
        payments => {
            payments.iter().try_fold(U256::ZERO, |sum, payment| sum.checked_add(payment.amount))
        }
    };
    match total {
        Some(total) if total == expected => None,
        Some(total) => Some(format!("it pays {}, not {}", text(total), text(expected))),
        None => Some(format!("it pays more than can be told, not {}", text(expected))),
    }
}

/// The payments of a request that does nothing else; or what else it does.
fn only_payments(request: &Request) -> Result<Vec<Payment>, String> {
    match &request.action {
        Action::Reconfigure { .. } => Err("it changes the wallet's configuration".to_owned()),
        Action::Cancel {} => Err("it pays nothing: it only uses up a nonce".to_owned()),
        Action::Execute { calls } if calls.is_empty() => {
            Err("it pays nothing: it only uses up a nonce".to_owned())
        }
        Action::Execute { calls } => {
            match (1..).zip(calls).find(|(_, call)| !is_payment(request.wallet, call)) {
                Some((number, call)) => Err(format!(
                    "call {number}, to {}, is no plain payment",
                    call.to.to_checksum(None)
                )),
                None => Ok(payments(request)),
            }
        }
        Action::Payout { .. } => Ok(payments(request)),
    }
}

/// Whether a call pays the wallet's money and does nothing else: ether without data, or a token's `transfer`.
fn is_payment(wallet: Address, call: &Call) -> bool {
    if call.data.is_empty() {
        return true;
    }
    let Some(decoded) = calldata::decode(call) else { return false };
    let is_transfer = decoded.name == "transfer" || decoded.name == "transferFrom";
    let is_own =
        decoded.moved(call.to).is_some_and(|moved| moved.from.is_none_or(|from| from == wallet));
    call.value.is_zero() && is_transfer && is_own
}

fn parse(text: &str, token: Address, given: Option<u8>, facts: Option<&Facts>) -> Result<U256> {
    if text == "all" {
        return Ok(EVERYTHING_LEFT);
    }
    let told = facts.and_then(|facts| facts.tokens.get(&token)).and_then(|token| token.decimals);
    let decimals = match (token.is_zero(), told, given) {
        (true, ..) => ETHER_DECIMALS,
        (false, Some(told), Some(given)) if told != given => {
            return Err(Cause::BadInput.error(format!(
                "token {} says that it has {told} decimals, and --decimals says {given}: leave that out",
                token.to_checksum(None)
            )));
        }
        (false, Some(decimals), _) | (false, None, Some(decimals)) => decimals,
        (false, None, None) => {
            return Err(Cause::BadInput.error(format!(
                "--expect-amount {}: the decimals of {} are not known here: give --rpc-url, or --decimals NUMBER",
                shown(text),
                token.to_checksum(None)
            )));
        }
    };
    amount::parse(text, decimals)
        .map_err(|error| Cause::BadInput.error(format!("--expect-amount: {error}")))
}

fn token_text(token: Address) -> String {
    if token.is_zero() { "ether".to_owned() } else { format!("token {}", token.to_checksum(None)) }
}

fn asset_text(asset: &Asset) -> String {
    match asset {
        Asset::Ether { .. } => "ether".to_owned(),
        Asset::Token(token) => token_text(*token),
        Asset::Item { collection, id } => {
            format!("item {id} of {}", collection.to_checksum(None))
        }
    }
}

/// How many payees or tokens are written out.
const MOST_SHOWN: usize = 3;

fn listed(all: &[String]) -> String {
    let shown = all.iter().take(MOST_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book_access;
    use quorate_core::{Nonce, action::Transfer};

    const WALLET: Address = Address::with_last_byte(0xaa);
    const PAYEE: Address = Address::with_last_byte(1);
    const OTHER: Address = Address::with_last_byte(2);
    const TOKEN: Address = Address::with_last_byte(5);

    fn request(action: Action) -> Request {
        let nonce = Nonce::default();
        Request { chain_id: 1, wallet: WALLET, epoch: 0, action, nonce, deadline: 1 }
    }

    fn payout(token: Address, transfers: &[(Address, U256)]) -> Request {
        let transfers = transfers.iter().map(|&(to, amount)| Transfer { to, amount }).collect();
        request(Action::Payout { token, transfers })
    }

    fn call(to: Address, value: u64, signature: Option<(&str, &[&str])>) -> Request {
        let data = signature.map_or_else(Default::default, |(signature, arguments)| {
            let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
            calldata::encode(1, signature, &arguments).unwrap()
        });
        request(Action::Execute { calls: vec![Call { to, value: U256::from(value), data }] })
    }

    fn expected(to: Option<Address>, amount: Option<&str>, token: Option<Address>) -> Expected {
        let written = |address: Address| book_access::account(&address.to_string()).unwrap();
        Expected {
            expect_to: to.map(written),
            expect_amount: amount.map(str::to_owned),
            expect_token: token.map(written),
            decimals: token.filter(|token| !token.is_zero()).map(|_| 0),
        }
    }

    fn of(expected: &Expected, request: &Request) -> String {
        differences(expected, request, None).unwrap().join("; ")
    }

    #[test]
    fn a_payment_is_what_was_expected_in_any_form() {
        let three = U256::from(3);
        let (payee, wallet) = (PAYEE.to_string(), WALLET.to_string());
        let of_token = expected(Some(PAYEE), Some("3"), Some(TOKEN));
        let transfer = ("transfer(address,uint256)", &[&*payee, "3"][..]);
        let from_wallet = ("transferFrom(address,address,uint256)", &[&*wallet, &*payee, "3"][..]);
        for request in [
            payout(TOKEN, &[(PAYEE, three)]),
            payout(TOKEN, &[(PAYEE, U256::from(1)), (PAYEE, U256::from(2))]),
            call(TOKEN, 0, Some(transfer)),
            call(TOKEN, 0, Some(from_wallet)),
        ] {
            assert_eq!(of(&of_token, &request), "");
        }
        let of_ether = expected(Some(PAYEE), Some("0.000000000000000003"), None);
        for request in [payout(Address::ZERO, &[(PAYEE, three)]), call(PAYEE, 3, None)] {
            assert_eq!(of(&of_ether, &request), "");
        }
        let all = expected(Some(PAYEE), Some("all"), None);
        assert_eq!(of(&all, &payout(Address::ZERO, &[(PAYEE, EVERYTHING_LEFT)])), "");
    }

    #[test]
    fn each_difference_is_said() {
        let wanted = expected(Some(PAYEE), Some("3"), Some(TOKEN));
        let three = U256::from(3);
        let said = |request: &Request, part: &str| {
            let said = of(&wanted, request);
            assert!(said.contains(part), "{part:?} is not in {said:?}");
        };
        let payee = PAYEE.to_checksum(None);
        let other = OTHER.to_checksum(None);
        said(&payout(TOKEN, &[(OTHER, three)]), &format!("it pays {other}, not {payee}"));
        said(&payout(TOKEN, &[(PAYEE, three), (OTHER, three)]), &other);
        said(&payout(TOKEN, &[(PAYEE, U256::from(4))]), "it pays 4 smallest units");
        said(&payout(TOKEN, &[(PAYEE, EVERYTHING_LEFT)]), "it pays everything left, not 3");
        said(&payout(TOKEN, &[(PAYEE, three), (PAYEE, EVERYTHING_LEFT)]), "more than can be told");
        said(&payout(Address::ZERO, &[(PAYEE, three)]), "it pays ether, not token 0x");
        said(&payout(OTHER, &[(PAYEE, three)]), &format!("not token {}", TOKEN.to_checksum(None)));
        said(&request(Action::Cancel {}), "it pays nothing");
        said(&request(Action::Execute { calls: Vec::new() }), "it pays nothing");
        let approve = ("approve(address,uint256)", &[&*payee, "3"][..]);
        said(&call(TOKEN, 0, Some(approve)), "call 1, to 0x");
        // Ether beside a transfer, and money of somebody else.
        let transfer = ("transfer(address,uint256)", &[&*payee, "3"][..]);
        said(&call(TOKEN, 1, Some(transfer)), "is no plain payment");
        let of_other = ("transferFrom(address,address,uint256)", &[&*other, &*payee, "3"][..]);
        said(&call(TOKEN, 0, Some(of_other)), "is no plain payment");
    }

    #[test]
    fn an_amount_alone_is_one_of_ether() {
        let wanted = expected(None, Some("3"), None);
        assert!(of(&wanted, &payout(TOKEN, &[(PAYEE, U256::from(3))])).contains("not ether"));
        let anything = expected(Some(PAYEE), None, None);
        assert_eq!(of(&anything, &payout(TOKEN, &[(PAYEE, U256::from(3))])), "");
        assert_eq!(of(&expected(None, None, None), &request(Action::Cancel {})), "");
    }

    #[test]
    fn an_amount_that_cannot_be_read_is_refused() {
        let request = payout(TOKEN, &[(PAYEE, U256::from(3))]);
        let refused = |amount, decimals| {
            let mut wanted = expected(None, Some(amount), Some(TOKEN));
            wanted.decimals = decimals;
            differences(&wanted, &request, None).unwrap_err().to_string()
        };
        assert!(refused("3", None).contains("give --rpc-url, or --decimals NUMBER"));
        assert!(refused("3,5", Some(6)).contains("--expect-amount"));
    }
}
