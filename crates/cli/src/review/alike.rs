//! Symbols that people take for each other.

use super::{Danger, DangerCode, view::cut_symbol};
use alloy::primitives::Address;
use quorate_chain::Token;
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

/// What ether and its parts are called.
///
/// WETH, stETH and their like are not taken for these: they differ in a letter that everybody sees, and are meant to be told
/// apart so.
const ETHER: [&str; 6] = ["ETH", "ETHER", "ETHEREUM", "Ξ", "WEI", "GWEI"];

/// A danger for each token of a list whose symbol reads as ether, or as that of another token of the list.
pub(crate) fn dangers(tokens: &BTreeMap<Address, Token>) -> Vec<Danger> {
    let mut dangers = Vec::new();
    let named: Vec<_> =
        tokens.values().filter_map(|token| Some((token, token.symbol.as_deref()?))).collect();
    for (place, (token, symbol)) in named.iter().enumerate() {
        let address = token.address.to_checksum(None);
        let shown = cut_symbol(symbol);
        if reads_as_ether(symbol) {
            dangers.push(format!(
                "the token {address} calls itself \"{shown}\", which reads as ether, and is not"
            ));
        }
        for (other, other_symbol) in &named[..place] {
            if read_alike(symbol, other_symbol) {
                let other_address = other.address.to_checksum(None);
                let other_shown = cut_symbol(other_symbol);
                dangers.push(format!(
                    "the token {address} calls itself \"{shown}\", which reads as the \"{other_shown}\" of token {other_address}"
                ));
            }
        }
    }
    let danger = |message| Danger::new(DangerCode::SymbolLike, message);
    dangers.into_iter().map(danger).collect()
}

/// Whether a symbol reads as ether's.
fn reads_as_ether(symbol: &str) -> bool {
    ETHER.iter().any(|ether| read_alike(symbol, ether))
}

/// Whether two symbols are the same but for case, look-alike letters of any script (UTS 39), marks over letters, blanks,
/// signs, and what cannot be seen.
fn read_alike(one: &str, other: &str) -> bool {
    let (one, other) = (forms(one), forms(other));
    one.iter().any(|form| other.contains(form))
}

/// What a symbol reads as: some letters look alike as capitals alone, others as small letters.
fn forms(symbol: &str) -> [String; 2] {
    let letters: String = symbol.nfkd().filter(|c| c.is_alphanumeric()).collect();
    // What has no letter at all is what it is.
    let plain = if letters.is_empty() { symbol.to_owned() } else { letters };
    [plain.clone(), plain.to_uppercase()]
        .map(|text| skeleton(&text).collect::<String>().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case 2.
    #[test]
    fn what_reads_as_ether_is_found() {
        for symbol in [
            "ETH",
            "eth",
            "Eth",
            "ETH ",
            " E T H",
            "ETH\u{200b}",
            "\u{202e}ETH",
            "ΕTH",
            "ЕТН",
            "еth",
            "eтh",
            "ＥＴＨ",
            "ÉTH",
            "ETH.",
            "$ETH",
            "𝐄𝐓𝐇",
            "Ether",
            "ethereum",
            "Ξ",
            "ETH\0\0",
            "wei",
        ] {
            assert!(reads_as_ether(symbol), "{symbol:?}");
        }
        for symbol in ["WETH", "stETH", "rETH", "cbETH", "ETHX", "USDC", "ETC", "", "TH", "ETH2"] {
            assert!(!reads_as_ether(symbol), "{symbol:?}");
        }
    }

    /// Case 2.
    #[test]
    fn symbols_that_read_alike_are_found() {
        for (one, other) in [
            ("USDC", "USDC"),
            ("USDC", "usdc"),
            ("USDC", "USDС"),
            ("USDC", "U5DC\u{200d}".replace('5', "S").as_str()),
            ("LINK", "L1NK"),
            ("LINK", "lINK"),
            ("DAI", "DAl"),
            ("UNI", "UNI "),
            ("OP", "0P"),
            ("$", "$"),
        ] {
            assert!(read_alike(one, other), "{one:?} {other:?}");
        }
        for (one, other) in
            [("USDC", "USDT"), ("USDC", "USDC.e"), ("aUSDC", "USDC"), ("DAI", "sDAI"), ("$", "€")]
        {
            assert!(!read_alike(one, other), "{one:?} {other:?}");
        }
    }

    /// Case 2.
    #[test]
    fn a_danger_names_the_addresses() {
        let token = |number: u8, symbol: &str| {
            let address = Address::with_last_byte(number);
            let symbol = Some(symbol.to_owned());
            (address, Token { address, has_code: true, symbol, decimals: Some(6) })
        };
        let found = dangers(&[token(1, "USDC"), token(2, "USDС"), token(3, "eth")].into());
        let [alike, ether] = &found[..] else { panic!("{found:?}") };
        let names = |danger: &Danger, number| {
            danger.message.contains(&Address::with_last_byte(number).to_checksum(None))
        };
        assert!(names(alike, 1) && names(alike, 2));
        assert!(names(ether, 3) && ether.message.contains("\"eth\", which reads as ether"));
        assert_eq!(dangers(&[token(1, "USDC"), token(2, "DAI")].into()), []);
    }
}
