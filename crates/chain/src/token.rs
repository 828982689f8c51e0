//! What a token says about itself. Anyone can write a token: none of it is to be believed.

use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, Bytes, U256},
    rpc::types::BlockNumberOrTag,
    sol,
    sol_types::{SolCall, SolValue},
};

/// The most characters of a symbol.
const LONGEST_SYMBOL: usize = 64;

sol! {
    function symbol() external view returns (string);
    function decimals() external view returns (uint8);
    function balanceOf(address account) external view returns (uint256);
}

/// A token, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its address.
    pub address: Address,
    /// Whether there is code at the address; without, it is no token.
    pub has_code: bool,
    /// Its symbol, 1 to 64 characters, without the blanks and controls around it; none where it gives no such text.
    ///
    /// Warning: not escaped, and not proof of anything: many tokens call themselves USDC.
    pub symbol: Option<String>,
    /// How many decimals its amounts are shown with; none where it gives no number up to 255.
    pub decimals: Option<u8>,
}

impl Chain {
    /// Asks a token for symbol and decimals. A token that answers nonsense has none; that is no error.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn token(&self, token: Address) -> Result<Token, ChainError> {
        let mut answers = Token { address: token, has_code: false, symbol: None, decimals: None };
        answers.has_code = self.has_code(token).await?;
        if answers.has_code {
            let symbol = self.ask_token(token, symbolCall {}.abi_encode()).await?;
            answers.symbol = symbol.and_then(|answer| read_symbol(&answer));
            let decimals = self.ask_token(token, decimalsCall {}.abi_encode()).await?;
            answers.decimals = decimals.and_then(|answer| read_number(&answer)?.try_into().ok());
        }
        Ok(answers)
    }

    /// What an account has of a token, in its smallest units, by the token's word; none if it gives no number.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn token_balance(
        &self,
        token: Address,
        account: Address,
    ) -> Result<Option<U256>, ChainError> {
        let balance = self.ask_token(token, balanceOfCall { account }.abi_encode()).await?;
        Ok(balance.and_then(|answer| read_number(&answer)))
    }

    async fn ask_token(
        &self,
        token: Address,
        question: Vec<u8>,
    ) -> Result<Option<Bytes>, ChainError> {
        self.ask_raw(token, question.into(), BlockNumberOrTag::Latest).await
    }
}

/// One word; what follows is ignored, as Solidity does.
fn read_number(answer: &[u8]) -> Option<U256> {
    answer.get(..32).map(U256::from_be_slice)
}

/// A string, or the 32 bytes that the oldest tokens give. Both are padded with zeros by some (bridged ones), and with
/// blanks.
fn read_symbol(answer: &[u8]) -> Option<String> {
    let text =
        if answer.len() == 32 { answer.to_vec() } else { Bytes::abi_decode(answer).ok()?.into() };
    let symbol = String::from_utf8(text).ok()?;
    let symbol = symbol.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    (1..=LONGEST_SYMBOL).contains(&symbol.chars().count()).then(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_symbol_is_read_in_both_forms() {
        assert_eq!(read_symbol(&"USDC".abi_encode()), Some("USDC".to_owned()));
        let mut word = [0; 32];
        word[..3].copy_from_slice(b"MKR");
        assert_eq!(read_symbol(&word), Some("MKR".to_owned()));
        assert_eq!(read_symbol(&"€".repeat(64).abi_encode()), Some("€".repeat(64)));
    }

    /// Case 5: what a symbol is padded with is no part of it.
    #[test]
    fn a_symbol_is_read_without_what_it_is_padded_with() {
        let padded = format!("MKR{}", "\0".repeat(100));
        for symbol in
            ["MKR\0\0", "MKR ", " MKR", "\tMKR\r\n", "\u{7f}MKR\u{9f}", "\0MKR\u{a0}", &padded]
        {
            assert_eq!(read_symbol(&symbol.abi_encode()).as_deref(), Some("MKR"), "{symbol:?}");
        }
        let mut word = [b' '; 32];
        word[..4].copy_from_slice(b"\0MKR");
        assert_eq!(read_symbol(&word).as_deref(), Some("MKR"));
        assert_eq!(read_symbol(&"\0 \0".abi_encode()), None);
        // What is inside stays, and is shown.
        assert_eq!(read_symbol(&"M\0KR".abi_encode()).as_deref(), Some("M\0KR"));
    }

    #[test]
    fn a_symbol_that_is_no_text_is_none() {
        let not_text = Bytes::from_static(&[0xff, 0xfe]).abi_encode();
        for answer in [&[0; 32][..], &[0xff; 32], &[], &[1; 31], &"".abi_encode(), &not_text] {
            assert_eq!(read_symbol(answer), None);
        }
        assert_eq!(read_symbol(&"x".repeat(65).abi_encode()), None);
    }

    proptest! {
        #[test]
        fn bytes_from_anywhere_do_not_panic(answer: Vec<u8>) {
            let _ = read_symbol(&answer);
            let _ = read_number(&answer);
        }

        #[test]
        fn offsets_and_lengths_from_anywhere_do_not_panic(words in prop::collection::vec(0_u64..200, 1..8)) {
            let answer: Vec<u8> = words.into_iter().flat_map(|word| U256::from(word).to_be_bytes::<32>()).collect();
            let _ = read_symbol(&answer);
        }
    }
}
