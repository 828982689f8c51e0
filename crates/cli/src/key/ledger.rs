//! Ledger, by its Ethereum app. It signs the two hashes of typed data, and shows both.
//!
//! Commands of the app: github.com/LedgerHQ/app-ethereum, doc/ethapp.adoc.

#[cfg(test)]
mod tests;

use super::path::DerivationPath;
use crate::failure::Cause;
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    primitives::{Address, Signature},
};
use coins_ledger::{
    APDUAnswer, APDUCommand, LedgerError, common::APDUData, transports::LedgerAsync as _,
};
use eyre::Result;
use quorate_core::{Action, Request, request::Hashes, text::escaped};

/// The oldest app that knows typed data.
const OLDEST: (u8, u8, u8) = (1, 6, 0);

const GET_ADDRESS: u8 = 0x02;
const SIGN_TRANSACTION: u8 = 0x04;
const GET_CONFIGURATION: u8 = 0x06;
const SIGN_TYPED_HASHES: u8 = 0x0c;

/// How bytes get to a device and back.
pub(crate) trait Wire: Send + Sync {
    /// Sends a command and waits for the answer, and so for whoever holds the device.
    fn exchange(
        &self,
        command: &APDUCommand,
    ) -> impl Future<Output = Result<APDUAnswer, LedgerError>> + Send;
}

impl Wire for coins_ledger::Ledger {
    async fn exchange(&self, command: &APDUCommand) -> Result<APDUAnswer, LedgerError> {
        coins_ledger::transports::LedgerAsync::exchange(self, command).await
    }
}

/// A Ledger that told an address.
pub(crate) struct Ledger<W = coins_ledger::Ledger> {
    wire: W,
    path: DerivationPath,
    address: Address,
}

impl Ledger {
    /// Connects to the first Ledger on USB. Panics where the machine has no USB.
    pub(crate) async fn connect(path: DerivationPath) -> Result<Self> {
        let wire = coins_ledger::Ledger::init().await.map_err(|error| unusable(&error))?;
        Self::begin(wire, path).await
    }
}

impl<W: Wire> Ledger<W> {
    /// Asks a device for its address.
    async fn begin(wire: W, path: DerivationPath) -> Result<Self> {
        let mut ledger = Self { wire, path, address: Address::ZERO };
        let answer = ledger.ask(GET_ADDRESS, 0, &ledger.path_bytes()).await?;
        ledger.address = address_in(&answer).ok_or_else(|| malformed("address"))?;
        Ok(ledger)
    }

    /// Whose key it is.
    pub(crate) const fn address(&self) -> Address {
        self.address
    }

    /// Signs the two hashes of a request's typed data. The owner compares and confirms them there.
    ///
    /// Does not check that the signature fits.
    ///
    /// # Errors
    ///
    /// For lists that no Ledger can show, too, although hashes would do: an owner could not have them signed anywhere else.
    pub(crate) async fn sign(&self, request: &Request) -> Result<Signature> {
        check_lists(&request.action)?;
        self.sign_hashes(&request.hashes()).await
    }

    /// Signs typed data by its two hashes. The owner confirms there.
    pub(crate) async fn sign_hashes(&self, hashes: &Hashes) -> Result<Signature> {
        let configuration = self.ask(GET_CONFIGURATION, 0, &[]).await?;
        let &[_, major, minor, patch, ..] = &configuration[..] else {
            return Err(malformed("version"));
        };
        if (major, minor, patch) < OLDEST {
            let (a, b, c) = OLDEST;
            return Err(Cause::BadInput.error(format!(
                "the Ledger's Ethereum app is {major}.{minor}.{patch}, and {a}.{b}.{c} is the oldest that can: update it in Ledger Wallet"
            )));
        }
        let content = [&hashes.domain_separator[..], &hashes.struct_hash[..]].concat();
        self.signed(SIGN_TYPED_HASHES, &content).await
    }

    /// Signs a transaction. The owner confirms there.
    pub(crate) async fn sign_transaction(&self, transaction: &TxEip1559) -> Result<Signature> {
        self.signed(SIGN_TRANSACTION, &transaction.encoded_for_signing()).await
    }

    /// Sends what is to be signed in as many parts as it takes.
    async fn signed(&self, instruction: u8, content: &[u8]) -> Result<Signature> {
        let content = [&self.path_bytes()[..], content].concat();
        // Some versions take the last part for the end of a transaction's first form where it has three bytes.
        let size = (1..=255).rev().find(|size| content.len() % size != 3).unwrap_or(255);
        let mut answer = Vec::new();
        for (number, part) in content.chunks(size).enumerate() {
            answer = self.ask(instruction, if number == 0 { 0 } else { 0x80 }, part).await?;
        }
        let read = |answer: &[u8]| {
            let (v, rs) = answer.split_first()?;
            let parity = [0, 1, 27, 28].contains(v).then_some(v % 27 == 1)?;
            (rs.len() == 64).then(|| Signature::from_bytes_and_parity(rs, parity))
        };
        read(&answer).ok_or_else(|| malformed("signature"))
    }

    async fn ask(&self, ins: u8, p1: u8, content: &[u8]) -> Result<Vec<u8>> {
        let data = APDUData::new(content);
        let command = APDUCommand { cla: 0xe0, ins, p1, p2: 0, data, response_len: None };
        let answer = self.wire.exchange(&command).await.map_err(|error| unusable(&error))?;
        match answer.retcode() {
            0x9000 => Ok(answer[..answer.len() - 2].to_vec()),
            status => Err(refusal(ins, status)),
        }
    }

    /// The path as the app reads it: how many steps, and each.
    fn path_bytes(&self) -> Vec<u8> {
        let steps = self.path.steps();
        let mut bytes = vec![steps.len() as u8];
        bytes.extend(steps.iter().flat_map(|step| step.to_be_bytes()));
        bytes
    }
}

/// How many elements of a list Ledger's app and libraries can count.
const LONGEST_LIST: usize = 255;

fn check_lists(action: &Action) -> Result<()> {
    let (count, what, way_out) = match action {
        Action::Payout { transfers, .. } => {
            let way_out = "plan the run anew with `quorate payout propose --batch-size 255`, as long as nothing of it was proposed";
            (transfers.len(), "payments", way_out)
        }
        Action::Execute { calls } => {
            (calls.len(), "calls", "propose them in parts, one `--after` the other")
        }
        Action::Reconfigure { config } => (config.owners().len(), "owners", "name fewer"),
        Action::Cancel {} => return Ok(()),
    };
    if count > LONGEST_LIST {
        return Err(Cause::BadInput.error(format!(
            "the proposal has {count} {what}, and a Ledger shows {LONGEST_LIST}: {way_out}, or sign with another key"
        )));
    }
    Ok(())
}

/// The address in an answer: behind a public key, each with its length before it, as hexadecimal digits.
fn address_in(answer: &[u8]) -> Option<Address> {
    let key = usize::from(*answer.first()?);
    let rest = answer.get(1 + key..)?;
    let digits = rest.get(1..1 + usize::from(*rest.first()?))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What a status word means for whoever holds the device.
fn refusal(instruction: u8, status: u16) -> eyre::Report {
    let (cause, text) = match status {
        0x6985 | 0x5501 => {
            (Cause::DangerNotAccepted, "it was refused on the Ledger: nothing is signed")
        }
        0x6a80 if instruction != GET_ADDRESS => (
            Cause::BadInput,
            "the Ledger signs nothing that it cannot show in full: in its Ethereum app, under Settings, switch on \"Blind \
             signing\", compare the two hashes that it shows with those of `quorate show`, and switch it off again",
        ),
        0x5515 | 0x6804 | 0x6982 => (
            Cause::BadInput,
            "the Ledger is locked: unlock it, open its Ethereum app, and try again",
        ),
        0x6511 | 0x6d00 | 0x6d02 | 0x6e00 | 0x6e01 => {
            (Cause::BadInput, "the Ledger's Ethereum app is not open: open it, and try again")
        }
        _ => {
            let text = format!(
                "the Ledger refused, with status {status:04x}: unlock it, open its Ethereum app, and try again"
            );
            return Cause::BadInput.error(text);
        }
    };
    cause.error(text)
}

fn malformed(what: &str) -> eyre::Report {
    Cause::Mismatch.error(format!("the Ledger answered with something that is no {what}"))
}

fn unusable(error: &LedgerError) -> eyre::Report {
    let reason = escaped(&error.to_string());
    Cause::BadInput.error(format!(
        "no Ledger can be used: {reason}; connect it, unlock it, open its Ethereum app, close Ledger Wallet, and try again"
    ))
}
