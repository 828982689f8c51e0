//! How owners sign a digest: with a key, as a contract, or by an approval on chain.

mod wrapper;

pub use wrapper::{Wrapper, unwrap};

use crate::{json, text::shown};
use alloy::primitives::{Address, B256, Bytes, Signature, U256, hex, uint};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bytes that are kept of a contract's signature.
pub const MAX_CONTRACT_SIGNATURE: usize = 8_192;

/// Half the order of secp256k1: an `s` above it is the other form of the same signature (EIP-2).
const HALF_ORDER: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// An ECDSA signature in the compact form `r(32) ‖ vs(32)` of EIP-2098, with a low `s`.
///
/// Says nothing about who made it over what: see [`Self::recover`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EcdsaSignature([u8; 64]);

/// Why bytes are not a signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Neither 65 nor 64 bytes.
    #[error("a signature has 65 bytes (r, s, v) or 64 (EIP-2098), this one has {length}")]
    Length {
        /// How many bytes there are.
        length: usize,
    },
    /// The last of 65 bytes is no recovery id.
    #[error("the signature ends with {v}: v is 27 or 28 (or 0 or 1)")]
    RecoveryId {
        /// The byte.
        v: u8,
    },
    /// `s` is in the upper half: someone turned the signature into its other form.
    #[error("the signature has a high s (EIP-2): wallets refuse this form, sign again")]
    HighS,
    /// No key could have made it.
    #[error("the bytes are no signature by any key")]
    Unrecoverable,
    /// It was made by another key, or over another digest.
    #[error(
        "the signature is not by {expected}: over digest {digest} it recovers to {recovered}, so another key signed, or something else was signed"
    )]
    OtherSigner {
        /// Who is said to have signed.
        expected: Address,
        /// Whose signature it would be.
        recovered: Address,
        /// What should have been signed.
        digest: B256,
    },
    /// What is around a signature cannot be read.
    #[error("the signature ends as one that is wrapped ({standard}), and what is inside {reason}")]
    Wrapper {
        /// The standard that its end names.
        standard: &'static str,
        /// What is wrong, behind a name.
        reason: &'static str,
    },
    /// A wrapper within a wrapper.
    #[error(
        "the signature is wrapped twice (ERC-6492, ERC-8010): no program does that, sign again"
    )]
    WrappedTwice,
    /// A contract's signature that is longer than is kept.
    #[error("a contract's signature of {length} bytes: at most {MAX_CONTRACT_SIGNATURE} are taken")]
    TooLong {
        /// How many bytes there are.
        length: usize,
    },
}

/// Why a text is no signature's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureTextError {
    /// A character that is no hexadecimal digit.
    #[error(
        "{} is not hexadecimal: a signature is digits from 0 to f, with 0x in front or without; {} is none",
        shown(text), shown(&character.to_string())
    )]
    NotHex {
        /// What was given.
        text: String,
        /// The first that is no digit.
        character: char,
    },
    /// An odd number of digits, and not one alone for v.
    #[error(
        "{} has {count} hexadecimal digits, an odd number: of r, s and v there are 130, of r and vs (EIP-2098) 128; one was lost or added",
        shown(text)
    )]
    OddDigits {
        /// What was given.
        text: String,
        /// How many digits there are.
        count: usize,
    },
}

/// Reads the bytes of a signature as programs print them and people copy them: `0x` or not, capitals or not; blanks, line ends
/// and quotation marks around it, and blanks and line ends inside, drop out. `v` may be one digit, `0` or `1`, or the decimal
/// 27 or 28 where hexadecimal is meant: neither can be anything else.
///
/// Says nothing about whose signature it is, or that it is one by a key: contracts take what they like.
///
/// # Errors
///
/// If it is not hexadecimal, or not whole bytes.
pub fn parse_bytes(text: &str) -> Result<Bytes, SignatureTextError> {
    let inner = text.trim().trim_matches(['"', '\'', '`']);
    let digits: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(&digits);
    if let Some(character) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(SignatureTextError::NotHex { text: text.to_owned(), character });
    }
    let rs = 2 * 64;
    let mut digits = digits.to_owned();
    if digits.len() == rs + 1 && digits.ends_with(['0', '1']) {
        digits.insert(rs, '0');
    }
    let is_decimal = digits.len() == rs + 2 && ["27", "28"].contains(&&digits[rs..]);
    let bytes = hex::decode(&digits).map_err(|_| {
        let count = digits.len();
        SignatureTextError::OddDigits { text: text.to_owned(), count }
    })?;
    match &bytes[..] {
        [.., v] if is_decimal => {
            let v = if *v == 0x27 { 27 } else { 28 };
            Ok([&bytes[..64], &[v]].concat().into())
        }
        _ => Ok(bytes.into()),
    }
}

impl EcdsaSignature {
    /// Reads `r ‖ s ‖ v` (65 bytes, v 27 or 28, or 0 or 1) or `r ‖ vs` (64 bytes).
    ///
    /// # Errors
    ///
    /// If the length, v or s is not as it must be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let signature = match *bytes {
            [ref rs @ .., v] if rs.len() == 64 => {
                let parity = match v {
                    0 | 27 => false,
                    1 | 28 => true,
                    _ => return Err(SignatureError::RecoveryId { v }),
                };
                Signature::from_bytes_and_parity(rs, parity)
            }
            _ if bytes.len() == 64 => Signature::from_erc2098(bytes),
            _ => return Err(SignatureError::Length { length: bytes.len() }),
        };
        if signature.s() > HALF_ORDER {
            return Err(SignatureError::HighS);
        }
        Ok(Self(signature.as_erc2098()))
    }

    /// `r ‖ vs`.
    pub const fn compact(&self) -> &[u8; 64] {
        &self.0
    }

    /// `r ‖ s ‖ v`, v 27 or 28.
    pub fn to_bytes(&self) -> [u8; 65] {
        Signature::from_erc2098(&self.0).as_bytes()
    }

    /// Who made it over `digest`. Every digest has an answer for nearly every signature: only compared with
    /// whom it should be does it mean anything.
    ///
    /// # Errors
    ///
    /// If there is no key that could have made it.
    pub fn recover(&self, digest: &B256) -> Result<Address, SignatureError> {
        Signature::from_erc2098(&self.0)
            .recover_address_from_prehash(digest)
            .map_err(|_| SignatureError::Unrecoverable)
    }

    /// Checks that `owner` made it over `digest`.
    ///
    /// # Errors
    ///
    /// If somebody else did, or over something else.
    pub fn verify(&self, owner: Address, digest: &B256) -> Result<(), SignatureError> {
        let recovered = self.recover(digest)?;
        if recovered != owner {
            let digest = *digest;
            return Err(SignatureError::OtherSigner { expected: owner, recovered, digest });
        }
        Ok(())
    }
}

/// How one owner signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub enum OwnerSignature {
    /// With its key. Can be verified by anyone who has the digest.
    Ecdsa(EcdsaSignature),
    /// As a contract: the bytes that its ERC-1271 `isValidSignature` is to be asked about, not empty. Only
    /// a chain can tell whether it agrees.
    Contract(Bytes),
    /// By calling `approve(digest)` on the wallet. Only a chain can tell whether it did.
    Approved,
}

/// The kinds of signatures, by the words used in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// [`OwnerSignature::Ecdsa`].
    Ecdsa,
    /// [`OwnerSignature::Contract`].
    Contract,
    /// [`OwnerSignature::Approved`].
    Approved,
}

impl Kind {
    /// Whether a contract has to be asked.
    pub const fn is_contract(self) -> bool {
        matches!(self, Self::Contract)
    }

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Contract => "contract",
            Self::Approved => "approved",
        }
    }
}

impl OwnerSignature {
    /// Reads what an owner hands in: its ECDSA signature over `digest` if that is what the bytes are, even if
    /// the owner has code (EIP-7702); `0x` for an approval; else a contract's signature. Of one that is wrapped (ERC-6492,
    /// ERC-8010) what is inside.
    ///
    /// Does not ask the contract, and does not look for the approval.
    ///
    /// # Errors
    ///
    /// If the bytes are more than is kept of a contract's signature, or a wrapper that cannot be read.
    pub fn of(owner: Address, digest: &B256, bytes: &Bytes) -> Result<Self, SignatureError> {
        if bytes.is_empty() {
            return Ok(Self::Approved);
        }
        let (bytes, _) = unwrap(bytes)?;
        match EcdsaSignature::from_bytes(&bytes) {
            Ok(signature) if signature.verify(owner, digest).is_ok() => Ok(Self::Ecdsa(signature)),
            _ => Self::by_contract(bytes),
        }
    }

    /// A contract's signature.
    ///
    /// # Errors
    ///
    /// If it is empty or longer than is kept.
    pub fn by_contract(bytes: Bytes) -> Result<Self, SignatureError> {
        match bytes.len() {
            0 => Err(SignatureError::Length { length: 0 }),
            1..=MAX_CONTRACT_SIGNATURE => Ok(Self::Contract(bytes)),
            length => Err(SignatureError::TooLong { length }),
        }
    }

    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Ecdsa(_) => Kind::Ecdsa,
            Self::Contract(_) => Kind::Contract,
            Self::Approved => Kind::Approved,
        }
    }

    /// 65 bytes for ECDSA, the contract's bytes, or none for an approval.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Ecdsa(signature) => signature.to_bytes().into(),
            Self::Contract(bytes) => bytes.clone(),
            Self::Approved => Bytes::new(),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    kind: Kind,
    #[serde(with = "json::bytes")]
    signature: Bytes,
}

impl From<OwnerSignature> for Unchecked {
    fn from(signature: OwnerSignature) -> Self {
        Self { kind: signature.kind(), signature: signature.to_bytes() }
    }
}

impl TryFrom<Unchecked> for OwnerSignature {
    type Error = SignatureError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { kind, signature } = unchecked;
        match kind {
            Kind::Ecdsa => EcdsaSignature::from_bytes(&signature).map(Self::Ecdsa),
            Kind::Contract => Self::by_contract(signature),
            Kind::Approved if signature.is_empty() => Ok(Self::Approved),
            Kind::Approved => Err(SignatureError::Length { length: signature.len() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{key, sign};
    use proptest::prelude::*;

    /// The order of secp256k1.
    const ORDER: U256 =
        uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

    #[test]
    fn the_other_form_of_a_signature_is_refused() {
        let digest = B256::repeat_byte(1);
        let mut bytes = sign(0, &digest).to_bytes();
        let s = U256::from_be_slice(&bytes[32..64]);
        bytes[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
        bytes[64] ^= 7; // 27 <-> 28
        assert_eq!(EcdsaSignature::from_bytes(&bytes), Err(SignatureError::HighS));
    }

    #[test]
    fn v_and_length_are_checked() {
        let bytes = sign(0, &B256::ZERO).to_bytes();
        for v in [2, 26, 29, 35, 255] {
            let mut other = bytes;
            other[64] = v;
            assert_eq!(EcdsaSignature::from_bytes(&other), Err(SignatureError::RecoveryId { v }));
        }
        for length in [0, 1, 63] {
            let error = SignatureError::Length { length };
            assert_eq!(EcdsaSignature::from_bytes(&bytes[..length]), Err(error));
        }
        let error = SignatureError::Length { length: 66 };
        assert_eq!(EcdsaSignature::from_bytes(&[&bytes[..], &[0]].concat()), Err(error));
    }

    /// Case 10.
    #[test]
    fn a_signature_is_read_as_it_is_copied() {
        let digest = B256::repeat_byte(3);
        for number in 0..8 {
            let signature = sign(number, &digest);
            let long = hex::encode(signature.to_bytes());
            let (rs, v) = long.split_at(128);
            let parity = if v == "1b" { "0" } else { "1" };
            let decimal = if v == "1b" { "27" } else { "28" };
            for text in [
                format!("0x{long}"),
                long.clone(),
                format!(" 0x{long}\n"),
                format!("0x{long}\r\n"),
                format!("\u{a0}{long}\t"),
                format!("0X{}", long.to_uppercase()),
                long.to_uppercase(),
                format!("\"0x{long}\""),
                format!("0x{}\n  {}", &long[..76], &long[76..]),
                format!("0x{rs}{parity}"),
                format!("{rs}{parity}\n"),
                format!("0x{rs}0{parity}"),
                format!("0x{rs}{decimal}"),
                hex::encode(signature.compact()),
            ] {
                let bytes = parse_bytes(&text).unwrap();
                assert_eq!(EcdsaSignature::from_bytes(&bytes), Ok(signature), "{text:?}");
            }
        }
        assert_eq!(parse_bytes("0x").unwrap(), Bytes::new());
        assert_eq!(parse_bytes("0x0102").unwrap(), Bytes::from_static(&[1, 2]));
        // What a contract takes may end like a decimal 27.
        assert_eq!(parse_bytes("0x27").unwrap(), Bytes::from_static(&[0x27]));
    }

    /// Case 10.
    #[test]
    fn what_is_no_signature_says_why() {
        let reason = |text: &str| parse_bytes(text).unwrap_err().to_string();
        assert!(reason("0x123").contains("has 3 hexadecimal digits, an odd number"));
        assert!(reason(&"a".repeat(129)).contains("has 129 hexadecimal digits"));
        assert!(reason("0xhello").contains("\"h\" is none"));
        assert!(reason("0x12\u{200b}").contains("\"\\u{200b}\" is none"));
    }

    #[test]
    fn numbers_that_no_key_makes_are_refused() {
        let zero = EcdsaSignature::from_bytes(&[0; 64]).unwrap();
        assert_eq!(zero.recover(&B256::ZERO), Err(SignatureError::Unrecoverable));
        let mut r_too_large = sign(0, &B256::ZERO).to_bytes();
        r_too_large[..32].copy_from_slice(&ORDER.to_be_bytes::<32>());
        let signature = EcdsaSignature::from_bytes(&r_too_large).unwrap();
        assert_eq!(signature.recover(&B256::ZERO), Err(SignatureError::Unrecoverable));
    }

    proptest! {
        #[test]
        fn both_forms_are_one_signature(number in 0_u64..50, digest: [u8; 32]) {
            let digest = B256::from(digest);
            let signature = sign(number, &digest);
            let long = signature.to_bytes();
            let mut with_parity = long;
            with_parity[64] -= 27;
            for bytes in [&long[..], &with_parity, signature.compact()] {
                prop_assert_eq!(EcdsaSignature::from_bytes(bytes), Ok(signature));
            }
            let owner = key(number).address();
            prop_assert!(signature.verify(owner, &digest).is_ok());
            prop_assert!(signature.verify(key(number + 1).address(), &digest).is_err());
            prop_assert!(signature.verify(owner, &!digest).is_err());
            let read = OwnerSignature::of(owner, &digest, &long.into());
            prop_assert_eq!(read, Ok(OwnerSignature::Ecdsa(signature)));
        }

        #[test]
        fn bytes_from_anywhere_do_not_panic(bytes: Vec<u8>, digest: [u8; 32]) {
            let owner = key(0).address();
            let _ = OwnerSignature::of(owner, &digest.into(), &bytes.clone().into());
            if let Ok(signature) = EcdsaSignature::from_bytes(&bytes) {
                let _ = signature.recover(&digest.into());
            }
        }
    }
}
