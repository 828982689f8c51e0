//! From a password to a key.

use super::{
    Fault,
    document::{Document, Kdf},
};
use aes::Aes128;
use alloy::{
    primitives::{B256, keccak256},
    signers::local::PrivateKeySigner,
};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use hmac::Hmac;
use sha2::Sha256;

/// What a password does to a keystore.
#[derive(Debug)]
pub(super) enum Decrypted {
    Key(PrivateKeySigner),
    WrongPassword,
}

impl Document {
    /// Takes the time and the memory that the keystore asks for.
    pub(super) fn decrypt(&self, password: &str) -> Result<Decrypted, Fault> {
        let derived = self.kdf.derive(password.as_bytes())?;
        let (key, authenticator) = derived.split_at(16);
        if keccak256([authenticator, &self.ciphertext[..]].concat()) != self.mac {
            return Ok(Decrypted::WrongPassword);
        }
        let mut plain = self.ciphertext.clone();
        let key = key.try_into().expect("half of 32 bytes");
        Ctr128BE::<Aes128>::new(key, &self.iv.into()).apply_keystream(&mut plain);
        let not_a_key = Fault::NotAKey { found: plain.len() };
        let number = B256::try_from(&right(&plain).ok_or_else(|| not_a_key.clone())?[..]);
        let signer = number.ok().and_then(|number| PrivateKeySigner::from_bytes(&number).ok());
        signer.map(Decrypted::Key).ok_or(not_a_key)
    }
}

impl Kdf {
    fn derive(&self, password: &[u8]) -> Result<[u8; 32], Fault> {
        let mut derived = [0; 32];
        match self {
            Self::Scrypt { log_n, r, p, salt } => {
                let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| Fault::Work)?;
                scrypt::scrypt(password, salt, &params, &mut derived).map_err(|_| Fault::Work)?;
            }
            Self::Pbkdf2 { rounds, salt } => {
                let hashed = pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, *rounds, &mut derived);
                hashed.expect("HMAC takes a key of any length");
            }
        }
        Ok(derived)
    }
}

/// The number in the last 32 bytes, if nothing but zeros is before them; some programs leave zeros out, and some write one.
fn right(plain: &[u8]) -> Option<[u8; 32]> {
    let start = plain.iter().position(|&byte| byte != 0)?;
    let digits = &plain[start..];
    let mut number = [0; 32];
    number[32usize.checked_sub(digits.len())?..].copy_from_slice(digits);
    Some(number)
}
