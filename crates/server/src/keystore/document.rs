//! Keystores of version 3 (Web3 Secret Storage), as the programs in use write them.
//!
//! They differ in the letters of field names (`crypto`, `Crypto`), in `id` (missing, null, no UUID), in `address` (missing, with
//! and without `0x`, with capital letters), in numbers (`"3"`), and in leading zeros: eth-account leaves out those of `iv`.
//! None of that changes the key, so all of it is read.

use super::{
    Fault,
    limits::{MAX_MEMORY_MIB, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_WORK},
};
use alloy::primitives::{Address, hex};
use serde_json::{Map, Value};

/// The most bytes of what is encrypted: a key, and zeros before it.
const MAX_CIPHERTEXT: usize = 64;

/// What a keystore says, checked so far that opening it ends, within the limits, in a key or in another password.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) kdf: Kdf,
    pub(super) iv: [u8; 16],
    pub(super) ciphertext: Vec<u8>,
    pub(super) mac: [u8; 32],
    /// Whose key it is, where it says so.
    pub(super) address: Option<Address>,
}

/// How the password becomes a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kdf {
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
    },
    /// With HMAC-SHA-256.
    Pbkdf2 {
        rounds: u32,
        salt: Vec<u8>,
    },
}

impl Document {
    /// Reads a keystore, a byte-order mark before it or not.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText)?;
        let text = text.trim_start_matches('\u{feff}');
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            return Err(unreadable(text));
        };
        let root = Fields { fields: &fields };
        check_version(&root)?;
        let crypto = root.object("crypto")?;
        let cipher = crypto.text("crypto.cipher")?;
        if !cipher.eq_ignore_ascii_case("aes-128-ctr") {
            let read = "aes-128-ctr";
            return Err(Fault::Unsupported {
                field: "crypto.cipher",
                found: cipher.to_owned(),
                read,
            });
        }
        let iv = crypto.object("crypto.cipherparams")?.bytes("crypto.cipherparams.iv")?;
        let ciphertext = crypto.bytes("crypto.ciphertext")?;
        if ciphertext.is_empty() || ciphertext.len() > MAX_CIPHERTEXT {
            let (field, found) = ("crypto.ciphertext", ciphertext.len());
            return Err(Fault::Length { field, found, wanted: "32" });
        }
        let mac = crypto.bytes("crypto.mac")?;
        let (field, found) = ("crypto.mac", mac.len());
        let mac = mac.try_into().map_err(|_| Fault::Length { field, found, wanted: "32" })?;
        Ok(Self {
            kdf: Kdf::read(&crypto)?,
            iv: left_padded(&iv)?,
            ciphertext,
            mac,
            address: address_of(&root)?,
        })
    }
}

impl Kdf {
    fn read(crypto: &Fields<'_>) -> Result<Self, Fault> {
        let name = crypto.text("crypto.kdf")?;
        let params = crypto.object("crypto.kdfparams")?;
        match name.to_ascii_lowercase().as_str() {
            "scrypt" => Self::scrypt(&params),
            "pbkdf2" => Self::pbkdf2(&params),
            _ => {
                let (field, read) = ("crypto.kdf", "scrypt or pbkdf2");
                Err(Fault::Unsupported { field, found: name.to_owned(), read })
            }
        }
    }

    fn scrypt(params: &Fields<'_>) -> Result<Self, Fault> {
        let n = params.number("crypto.kdfparams.n")?;
        let r = params.positive("crypto.kdfparams.r")?;
        let p = params.positive("crypto.kdfparams.p")?;
        let salt = params.derivation()?;
        if n < 2 || !n.is_power_of_two() {
            return Err(Fault::NotAPowerOfTwo { found: n });
        }
        let mib = (128 * u128::from(n) * u128::from(r)).div_ceil(1 << 20);
        if mib > MAX_MEMORY_MIB {
            return Err(Fault::Memory { mib });
        }
        if u128::from(n) * u128::from(r) * u128::from(p) > MAX_SCRYPT_WORK {
            return Err(Fault::Work);
        }
        Ok(Self::Scrypt { log_n: n.ilog2() as u8, r, p, salt })
    }

    fn pbkdf2(params: &Fields<'_>) -> Result<Self, Fault> {
        let rounds = params.positive("crypto.kdfparams.c")?;
        let prf = params.text("crypto.kdfparams.prf")?;
        if !prf.eq_ignore_ascii_case("hmac-sha256") {
            let (field, read) = ("crypto.kdfparams.prf", "hmac-sha256");
            return Err(Fault::Unsupported { field, found: prf.to_owned(), read });
        }
        let salt = params.derivation()?;
        if u64::from(rounds) > MAX_PBKDF2_ROUNDS {
            return Err(Fault::Work);
        }
        Ok(Self::Pbkdf2 { rounds, salt })
    }
}

/// The fields of an object, whatever the letters of their names.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The value of a field that is named with the fields it is in; null counts as not there.
    fn find(&self, field: &'static str) -> Result<Option<&'a Value>, Fault> {
        let name = field.rsplit('.').next().unwrap_or(field);
        let named = |(key, value): &(&'a String, &'a Value)| {
            key.eq_ignore_ascii_case(name) && !value.is_null()
        };
        let mut found = self.fields.iter().filter(named).map(|(_, value)| value);
        let first = found.next();
        if found.any(|value| Some(value) != first) {
            return Err(Fault::Twice { field });
        }
        Ok(first)
    }

    fn get(&self, field: &'static str) -> Result<&'a Value, Fault> {
        self.find(field)?.ok_or(Fault::Missing { field })
    }

    fn object(&self, field: &'static str) -> Result<Self, Fault> {
        let fields = self.get(field)?.as_object();
        let fields = fields.ok_or(Fault::Malformed { field, wanted: "an object" })?;
        Ok(Self { fields })
    }

    fn text(&self, field: &'static str) -> Result<&'a str, Fault> {
        self.get(field)?.as_str().ok_or(Fault::Malformed { field, wanted: "text" })
    }

    fn bytes(&self, field: &'static str) -> Result<Vec<u8>, Fault> {
        let digits = self.text(field)?;
        let digits =
            digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
        let malformed =
            |_| Fault::Malformed { field, wanted: "hexadecimal digits, two for each byte" };
        // The decoder takes a prefix of its own, which here would be the second.
        if digits.starts_with("0x") {
            return Err(malformed(()));
        }
        hex::decode(digits).map_err(|_| malformed(()))
    }

    fn number(&self, field: &'static str) -> Result<u64, Fault> {
        whole(self.get(field)?).ok_or(Fault::Malformed { field, wanted: "a whole number" })
    }

    fn positive(&self, field: &'static str) -> Result<u32, Fault> {
        let number = self.number(field)?;
        let number = u32::try_from(number).ok().filter(|&number| number > 0);
        number.ok_or(Fault::Malformed { field, wanted: "a number from 1 to 4294967295" })
    }

    /// The salt, if as many bytes are derived as are needed. The first 32 are the same however many there are.
    fn derivation(&self) -> Result<Vec<u8>, Fault> {
        let length = self.number("crypto.kdfparams.dklen")?;
        if length < 32 {
            return Err(Fault::ShortKey { found: length });
        }
        self.bytes("crypto.kdfparams.salt")
    }
}

fn check_version(root: &Fields<'_>) -> Result<(), Fault> {
    match root.number("version")? {
        3 => Ok(()),
        4 => Err(Fault::Validator),
        found => Err(Fault::Version { found }),
    }
}

/// Whose key it is, where the keystore says so.
fn address_of(root: &Fields<'_>) -> Result<Option<Address>, Fault> {
    let field = "address";
    match root.find(field)? {
        None => Ok(None),
        Some(value) if value.as_str() == Some("") => Ok(None),
        Some(_) => {
            let malformed =
                Fault::Malformed { field, wanted: "an address of 40 hexadecimal digits" };
            let bytes = root.bytes(field).map_err(|_| malformed.clone())?;
            Address::try_from(&bytes[..]).map(Some).map_err(|_| malformed)
        }
    }
}

/// A whole number, as a number or in quotes.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        Value::Number(number) => {
            let float = number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f));
            number.as_u64().or_else(|| float.map(|float| float as u64))
        }
        _ => None,
    }
}

/// The counter block that a number stands for whose leading zeros may be left out.
fn left_padded(iv: &[u8]) -> Result<[u8; 16], Fault> {
    let (field, found) = ("crypto.cipherparams.iv", iv.len());
    let mut padded = [0; 16];
    match padded.len().checked_sub(found) {
        Some(zeros) if found > 0 => padded[zeros..].copy_from_slice(iv),
        _ => return Err(Fault::Length { field, found, wanted: "16" }),
    }
    Ok(padded)
}

/// Why text is no keystore, without repeating any of it.
fn unreadable(text: &str) -> Fault {
    let text = text.trim().trim_matches('"');
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Fault::PlainKey;
    }
    let words: Vec<_> = text.split_whitespace().collect();
    let is_word = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
    if (12..=24).contains(&words.len()) && words.iter().all(is_word) {
        return Fault::Words;
    }
    Fault::NotJson
}
