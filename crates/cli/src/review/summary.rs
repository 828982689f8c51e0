//! What a proposal does, in one line.

use super::view::{ETHER, exact_text, exact_text_in_full, token_name_in_full};
use alloy::primitives::Address;
use quorate_chain::Token;
use quorate_core::{
    Action, Request,
    action::{Call, Transfer, total_of},
};
use std::collections::BTreeMap;

/// What a request does, in one line. Amounts of tokens that are not known are in their smallest units.
pub(crate) fn summary(request: &Request, tokens: &BTreeMap<Address, Token>) -> String {
    match &request.action {
        Action::Payout { token, transfers } => payout(*token, transfers, tokens),
        Action::Execute { calls } => match &calls[..] {
            [] => "calls nothing: only the nonce is used up".to_owned(),
            [call] => format!("calls {}", name_of(call)),
            calls => format!("makes {} calls, the first to {}", calls.len(), name_of(&calls[0])),
        },
        Action::Reconfigure { config } => {
            format!("makes the owners {} of {}", config.threshold(), config.owners().len())
        }
        Action::Cancel {} => {
            let nonce = request.nonce;
            format!("rejects what else is at sequence {} of lane {}", nonce.sequence, nonce.lane)
        }
    }
}

fn payout(token: Address, transfers: &[Transfer], tokens: &BTreeMap<Address, Token>) -> String {
    let known = tokens.get(&token);
    let exact = |amount| match known {
        None if !token.is_zero() => {
            format!("{amount} smallest units of token {}", token.to_checksum(None))
        }
        _ => exact_text_in_full(amount, known),
    };
    let of = match known {
        Some(token) => token_name_in_full(token),
        None if token.is_zero() => ETHER.to_owned(),
        None => format!("token {}", token.to_checksum(None)),
    };
    let rest = transfers.iter().filter(|transfer| transfer.is_everything_left()).count();
    match transfers {
        [transfer] => {
            let to = transfer.to.to_checksum(None);
            match transfer.is_everything_left() {
                true => format!("pays everything left of {of} to {to}"),
                false => format!("pays {} to {to}", exact(transfer.amount)),
            }
        }
        transfers => {
            let total = total_of(transfers).map_or(format!("too much of {of}"), exact);
            let rest = if rest > 0 { ", and everything left" } else { "" };
            format!("pays {total} in {} payments{rest}", transfers.len())
        }
    }
}

fn name_of(call: &Call) -> String {
    let to = call.to.to_checksum(None);
    let value = if call.value.is_zero() {
        String::new()
    } else {
        format!(" with {}", exact_text(call.value, None))
    };
    match super::calldata::decode(call) {
        Some(decoded) => format!("{} of {to}{value}", decoded.name),
        None if call.data.is_empty() => format!("{to}{value}"),
        None => format!("{to} with {} bytes that are not understood{value}", call.data.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::U256;
    use quorate_core::{Nonce, amount::EVERYTHING_LEFT};

    fn of(action: Action) -> String {
        let (wallet, nonce) = (Address::with_last_byte(1), Nonce::default());
        let request = Request { chain_id: 1, wallet, epoch: 0, action, nonce, deadline: 1 };
        summary(&request, &BTreeMap::new())
    }

    #[test]
    fn each_action_has_its_line() {
        let to = Address::ZERO;
        let transfer = |amount| Transfer { to, amount };
        let payout = |token, amounts: &[U256]| {
            let transfers = amounts.iter().map(|&amount| transfer(amount)).collect();
            of(Action::Payout { token, transfers })
        };
        let eth = U256::from(10).pow(U256::from(18));
        let nobody = to.to_checksum(None);
        assert_eq!(payout(to, &[eth]), format!("pays 1 ETH to {nobody}"));
        assert_eq!(payout(to, &[eth, eth]), "pays 2 ETH in 2 payments");
        assert_eq!(
            payout(to, &[EVERYTHING_LEFT, eth]),
            "pays 1 ETH in 2 payments, and everything left"
        );
        assert_eq!(
            payout(to, &[EVERYTHING_LEFT]),
            format!("pays everything left of ETH to {nobody}")
        );
        let token = Address::with_last_byte(9);
        let shown = token.to_checksum(None);
        assert_eq!(
            payout(token, &[eth]),
            format!("pays {eth} smallest units of token {shown} to {nobody}")
        );
        let call = |data: &'static [u8]| Call { to, value: eth, data: data.into() };
        assert_eq!(
            of(Action::Execute { calls: vec![call(b"")] }),
            format!("calls {nobody} with 1 ETH")
        );
        assert!(
            of(Action::Execute { calls: vec![call(b"x"), call(b"")] })
                .ends_with("with 1 bytes that are not understood with 1 ETH")
        );
        assert_eq!(of(Action::Cancel {}), "rejects what else is at sequence 0 of lane 0");
    }
}
