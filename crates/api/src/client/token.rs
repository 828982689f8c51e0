//! What tells a relayer who asks.

use super::ClientError;
use alloy::transports::http::reqwest::header::HeaderValue;
use std::fmt;

/// The most characters of a token.
const LONGEST: usize = 512;

/// A bearer token. A secret: never shown.
#[derive(Clone)]
pub struct Token(HeaderValue);

impl Token {
    /// Reads a token, without the white space around it.
    ///
    /// # Errors
    ///
    /// If it is empty, too long, or has characters that cannot be sent.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let text = text.trim();
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word || text.len() > LONGEST {
            return Err(ClientError::InvalidToken);
        }
        let value = HeaderValue::from_str(&format!("Bearer {text}"));
        let mut value = value.map_err(|_| ClientError::InvalidToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The header `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_not_shown() {
        let token = Token::parse(" hunter2\n").unwrap();
        assert_eq!(token.header(), "Bearer hunter2");
        assert!(!format!("{token:?}{:?}", token.header()).contains("hunter2"));
        for text in ["", " ", "two words", "a\nb", "schlüssel", &"x".repeat(513)] {
            assert_eq!(Token::parse(text).unwrap_err(), ClientError::InvalidToken, "{text}");
        }
    }
}
