//! Trezor. The newer models ask for typed data piece by piece and show it; the Model One signs its two hashes.
//!
//! Everything above the transport is the same for a device on USB, for Trezor's emulator, and for the pretend device of
//! the tests.

mod conversation;
mod typed;

#[cfg(test)]
mod pretend;
#[cfg(test)]
mod tests;

use super::path::DerivationPath;
use crate::failure::Cause;
use alloy::{
    consensus::TxEip1559,
    primitives::{Address, Signature, TxKind, U256},
};
use conversation::Conversation;
pub(crate) use conversation::{Prompt, Question};
use eyre::Result;
use quorate_core::{request::Hashes, text::escaped};
use serde_json::Value;
use std::panic;
use trezor_client::{
    AvailableDevice, Features, Model,
    protos::{
        EthereumAddress, EthereumGetAddress, EthereumSignTxEIP1559, EthereumSignTypedHash,
        EthereumTxAck, EthereumTxRequest, EthereumTypedDataSignature, Initialize,
    },
    transport::{udp::UdpTransport, webusb::WebUsbTransport},
};

/// The oldest firmware whose transactions and typed data are known to work, of the Model One and of the others.
const OLDEST_OF_ONE: (u32, u32, u32) = (1, 11, 1);
const OLDEST: (u32, u32, u32) = (2, 5, 1);

/// The most bytes of a transaction's data in its first message.
const FIRST_CHUNK: usize = 1024;

/// A Trezor that told an address.
pub(crate) struct Trezor {
    conversation: Conversation,
    path: DerivationPath,
    address: Address,
    /// Whether it is a Model One, which knows hashes only; the others know typed data only.
    is_one: bool,
}

impl Trezor {
    /// Connects to the one Trezor on USB, or to Trezor's emulator.
    pub(crate) fn connect(path: DerivationPath, prompt: Prompt) -> Result<Self> {
        Self::begin(find()?, path, prompt)
    }

    /// Asks a device what it is, and for its address.
    fn begin(client: trezor_client::Trezor, path: DerivationPath, prompt: Prompt) -> Result<Self> {
        let mut conversation = Conversation::new(client, prompt);
        let features: Features = conversation.ask_for(Initialize::new())?;
        check(&features)?;
        conversation.learn(&features);
        let question =
            EthereumGetAddress { address_n: path.steps().to_vec(), ..Default::default() };
        let told: EthereumAddress = conversation.ask_for(question)?;
        let address = read_address(told.address())?;
        Ok(Self { conversation, path, address, is_one: is_model_one(&features) })
    }

    /// Whose key it is.
    pub(crate) const fn address(&self) -> Address {
        self.address
    }

    /// Signs typed data (`eth_signTypedData_v4`), or, on a Model One, its two hashes. The owner confirms there.
    ///
    /// Does not check that the signature fits.
    pub(crate) fn sign(&mut self, typed_data: &Value, hashes: &Hashes) -> Result<Signature> {
        let signed: EthereumTypedDataSignature = if self.is_one {
            let question = EthereumSignTypedHash {
                address_n: self.path.steps().to_vec(),
                domain_separator_hash: Some(hashes.domain_separator.to_vec()),
                message_hash: Some(hashes.struct_hash.to_vec()),
                ..Default::default()
            };
            self.conversation.ask_for(question)?
        } else {
            typed::sign(&mut self.conversation, self.path.steps(), typed_data)?
        };
        let by = read_address(signed.address())?;
        if by != self.address {
            let (by, own) = (by.to_checksum(None), self.address.to_checksum(None));
            return Err(Cause::Mismatch.error(format!(
                "the Trezor signed as {by}, and was connected as {own}: is it another passphrase, or another device?"
            )));
        }
        Signature::from_raw(signed.signature()).map_err(|_| malformed("signature"))
    }

    /// Signs a transaction. The owner confirms there.
    pub(crate) fn sign_transaction(&mut self, transaction: &TxEip1559) -> Result<Signature> {
        let to = match transaction.to {
            TxKind::Call(to) => to.to_checksum(None),
            TxKind::Create => String::new(),
        };
        let (first, mut rest) =
            transaction.input.split_at(transaction.input.len().min(FIRST_CHUNK));
        let question = EthereumSignTxEIP1559 {
            address_n: self.path.steps().to_vec(),
            nonce: Some(trimmed(U256::from(transaction.nonce))),
            max_gas_fee: Some(trimmed(U256::from(transaction.max_fee_per_gas))),
            max_priority_fee: Some(trimmed(U256::from(transaction.max_priority_fee_per_gas))),
            gas_limit: Some(trimmed(U256::from(transaction.gas_limit))),
            to: Some(to),
            value: Some(trimmed(transaction.value)),
            data_initial_chunk: Some(first.to_vec()),
            data_length: Some(transaction.input.len().try_into()?),
            chain_id: Some(transaction.chain_id),
            ..Default::default()
        };
        let mut answer: EthereumTxRequest = self.conversation.ask_for(question)?;
        while answer.data_length() > 0 {
            let (chunk, others) = rest.split_at(rest.len().min(answer.data_length() as usize));
            rest = others;
            let chunk = EthereumTxAck { data_chunk: Some(chunk.to_vec()), ..Default::default() };
            answer = self.conversation.ask_for(chunk)?;
        }
        let r = U256::try_from_be_slice(answer.signature_r());
        let s = U256::try_from_be_slice(answer.signature_s());
        match (r, s, answer.signature_v()) {
            (Some(r), Some(s), v @ (0 | 1 | 27 | 28)) => Ok(Signature::new(r, s, v % 27 == 1)),
            _ => Err(malformed("signature")),
        }
    }
}

/// The one device there is.
fn find() -> Result<trezor_client::Trezor> {
    // The library panics where the machine has no USB.
    let on_usb = panic::catch_unwind(|| WebUsbTransport::find_devices(false));
    let has_usb = on_usb.is_ok();
    let mut devices: Vec<AvailableDevice> = match on_usb {
        Ok(Ok(devices)) => devices,
        Ok(Err(error)) => return Err(unusable(&error.to_string())),
        Err(_) => Vec::new(),
    };
    // Trezor's emulator. Nobody listening is an error, too.
    devices.extend(UdpTransport::find_devices(false, None).unwrap_or_default());
    if devices.len() > 1 {
        let count = devices.len();
        return Err(unusable(&format!("{count} are connected, and one is needed")));
    }
    match devices.pop() {
        Some(device) if device.model == Model::TrezorBootloader => Err(in_bootloader()),
        Some(device) => device.connect().map_err(|error| unusable(&escaped(&error.to_string()))),
        None if has_usb => Err(unusable("none is connected")),
        None => Err(unusable("there is no USB on this machine")),
    }
}

/// Refuses what cannot sign.
fn check(features: &Features) -> Result<()> {
    if features.bootloader_mode() {
        return Err(in_bootloader());
    }
    if !features.initialized() {
        return Err(Cause::BadInput.error(
            "the Trezor holds no keys yet: set it up in Trezor Suite, or recover your backup",
        ));
    }
    let oldest = if is_model_one(features) { OLDEST_OF_ONE } else { OLDEST };
    let (major, minor, patch) =
        (features.major_version(), features.minor_version(), features.patch_version());
    if (major, minor, patch) < oldest {
        let (a, b, c) = oldest;
        return Err(Cause::BadInput.error(format!(
            "the Trezor's firmware is {major}.{minor}.{patch}, and {a}.{b}.{c} is the oldest that can: update it in Trezor Suite"
        )));
    }
    Ok(())
}

/// By the model, which all firmware in use tells; by the version's first number where it does not.
fn is_model_one(features: &Features) -> bool {
    match (features.internal_model(), features.model()) {
        ("", "") => features.major_version() == 1,
        ("", model) => model == "1",
        (internal, _) => internal == "T1B1",
    }
}

fn read_address(text: &str) -> Result<Address> {
    text.parse().map_err(|_| malformed("address"))
}

/// A number without its leading zeros.
fn trimmed(number: U256) -> Vec<u8> {
    number.to_be_bytes_trimmed_vec()
}

fn malformed(what: &str) -> eyre::Report {
    Cause::Mismatch.error(format!("the Trezor answered with something that is no {what}"))
}

fn in_bootloader() -> eyre::Report {
    Cause::BadInput.error("the Trezor is in bootloader mode: connect it anew without touching it")
}

fn unusable(reason: &str) -> eyre::Report {
    Cause::BadInput.error(format!(
        "no Trezor can be used: {reason}; connect it, close other programs that use it (Trezor Suite), and try again"
    ))
}
