//! Keys that sign: keystores, mnemonics and devices. Never one that was typed as an argument.

mod device;
#[cfg(feature = "hardware")]
mod ledger;
mod path;
#[cfg(feature = "hardware")]
mod trezor;

use crate::{arguments::KeyOptions, failure::Cause, files, output::Output};
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    network::TxSigner,
    primitives::{Address, Signature},
    signers::{
        Signer as _,
        local::{MnemonicBuilder, PrivateKeySigner},
    },
};
use device::Device;
use eyre::Result;
use path::DerivationPath;
use quorate_core::{Request, nested::Nested, request::Hashes, signature::EcdsaSignature};
use quorate_server::keystore;
use serde_json::Value;
use std::{env, path::Path};

/// A key that is ready to sign.
pub(crate) enum Key {
    /// In memory.
    Local(Box<PrivateKeySigner>),
    /// In a device on USB.
    Device(Device),
}

impl Key {
    /// Whether the options or the environment name a key.
    pub(crate) fn is_named(options: &KeyOptions) -> bool {
        let KeyOptions { account, keystore, ledger, trezor, mnemonic_file, .. } = options;
        account.is_some()
            || keystore.is_some()
            || mnemonic_file.is_some()
            || *ledger
            || *trezor
            || variable("ETH_KEYSTORE_ACCOUNT").is_some()
            || variable("ETH_KEYSTORE").is_some()
    }

    /// Opens the key that the options name. Asks for a password where somebody is there to type it.
    pub(crate) async fn open(options: &KeyOptions, output: Output) -> Result<Self> {
        let index = options.mnemonic_index;
        let path = options.mnemonic_derivation_path.as_deref();
        if let Some(name) = &options.account {
            return Self::keystore(&keystore::account(name)?, options, output).await;
        }
        if let Some(file) = &options.keystore {
            return Self::keystore(file, options, output).await;
        }
        if let Some(file) = &options.mnemonic_file {
            return Self::mnemonic(file, index, path);
        }
        if options.ledger {
            let path = path.map_or_else(|| Ok(DerivationPath::of_ledger(index)), str::parse)?;
            return Device::ledger(path, output).await.map(Self::Device);
        }
        if options.trezor {
            let path = path.map_or_else(|| Ok(DerivationPath::of_trezor(index)), str::parse)?;
            return Device::trezor(path, output).await.map(Self::Device);
        }
        if let Some(name) = variable("ETH_KEYSTORE_ACCOUNT") {
            return Self::keystore(&keystore::account(&name)?, options, output).await;
        }
        if let Some(file) = variable("ETH_KEYSTORE") {
            return Self::keystore(Path::new(&file), options, output).await;
        }
        Err(Cause::Usage.error(
            "no key: name one with --account, --keystore, --ledger, --trezor or --mnemonic-file",
        ))
    }

    async fn keystore(path: &Path, options: &KeyOptions, output: Output) -> Result<Self> {
        files::read(path)?;
        let password = match &options.password_file {
            Some(file) => keystore::password(files::read(file)?)
                .ok_or_else(|| Cause::BadInput.error(format!("{} is not text", file.display())))?,
            None => {
                let path = path.display();
                output.secret(&format!("Password of {path}: "))?.ok_or_else(|| {
                    Cause::Usage.error(format!(
                        "{path} needs a password: give --password-file, or run this in a terminal"
                    ))
                })?
            }
        };
        let opened = keystore::open(path, password);
        let signer = output.during("decrypting the keystore", opened).await?;
        Ok(Self::Local(Box::new(signer)))
    }

    fn mnemonic(file: &Path, index: u32, path: Option<&str>) -> Result<Self> {
        let shown = file.display();
        let refused = |reason: &str| Cause::BadInput.error(format!("{shown}: {reason}"));
        let text =
            String::from_utf8(files::read(file)?).map_err(|_| refused("the file is not text"))?;
        let words: Vec<_> = text.split_whitespace().collect();
        let builder = MnemonicBuilder::english().phrase(words.join(" "));
        let builder = match path {
            Some(path) => builder.derivation_path(path),
            None => builder.index(index),
        };
        // The words themselves must not get into a message.
        let builder = builder.map_err(|_| {
            Cause::BadInput.error("not a derivation path: one looks like m/44'/60'/0'/0/0")
        })?;
        let signer = builder
            .build()
            .map_err(|_| refused("no mnemonic: 12 to 24 English words with a right checksum"))?;
        Ok(Self::Local(Box::new(signer)))
    }

    /// Whose key it is.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Local(signer) => alloy::signers::Signer::address(signer.as_ref()),
            Self::Device(device) => device.address(),
        }
    }

    /// Signs a request as typed data, and makes sure that the signature is this key's over its digest.
    pub(crate) async fn sign(&self, request: &Request, output: Output) -> Result<EcdsaSignature> {
        let digest = request.digest();
        let signature = match self {
            Self::Local(signer) => signer.sign_hash(&digest).await?,
            Self::Device(device) => device.sign(request, output).await?,
        };
        let signature = EcdsaSignature::from_bytes(&signature.as_bytes());
        let verified = signature.and_then(|s| s.verify(self.address(), &digest).map(|()| s));
        verified.map_err(|error| Cause::Mismatch.error(error.to_string()))
    }

    /// Signs for a wallet that owns another, as typed data, and makes sure that the signature is this key's.
    pub(crate) async fn sign_nested(
        &self,
        nested: &Nested,
        output: Output,
    ) -> Result<EcdsaSignature> {
        self.sign_typed(nested.typed_data().clone(), nested.hashes(), output).await
    }

    /// Signs other typed data than a request, which its hashes belong to, and makes sure that the signature is this key's.
    pub(crate) async fn sign_typed(
        &self,
        typed_data: Value,
        hashes: Hashes,
        output: Output,
    ) -> Result<EcdsaSignature> {
        let digest = hashes.digest;
        let signature = match self {
            Self::Local(signer) => signer.sign_hash(&digest).await?,
            Self::Device(device) => device.sign_typed(typed_data, hashes, output).await?,
        };
        let signature = EcdsaSignature::from_bytes(&signature.as_bytes());
        let verified = signature.and_then(|s| s.verify(self.address(), &digest).map(|()| s));
        verified.map_err(|error| Cause::Mismatch.error(error.to_string()))
    }

    /// Signs a transaction.
    pub(crate) async fn sign_transaction(
        &self,
        mut transaction: TxEip1559,
        output: Output,
    ) -> Result<TxEnvelope> {
        let signature: Signature = match self {
            Self::Local(signer) => signer.sign_transaction(&mut transaction).await?,
            Self::Device(device) => device.sign_transaction(&transaction, output).await?,
        };
        Ok(transaction.into_signed(signature).into())
    }
}

/// A variable of the environment; one that is set to nothing is not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
