//! Ledger and Trezor.
//!
//! Their libraries panic where there is no USB, so each call runs in a task of its own, and what they would
//! print is kept back.

use super::path::DerivationPath;
#[cfg(feature = "hardware")]
use super::{
    ledger::Ledger,
    trezor::{Prompt, Question, Trezor},
};
use crate::{failure::Cause, output::Output};
use alloy::{
    consensus::TxEip1559,
    primitives::{Address, Signature},
};
use eyre::Result;
use quorate_core::{Request, request::Hashes};
use serde_json::Value;

/// A device that is connected and unlocked.
pub(crate) enum Device {
    #[cfg(feature = "hardware")]
    Ledger(std::sync::Arc<Ledger>),
    #[cfg(feature = "hardware")]
    Trezor(std::sync::Arc<std::sync::Mutex<Trezor>>, Address),
}

#[cfg(not(feature = "hardware"))]
impl Device {
    pub(crate) async fn ledger(_: DerivationPath, _: Output) -> Result<Self> {
        Err(without("Ledger"))
    }

    pub(crate) async fn trezor(_: DerivationPath, _: Output) -> Result<Self> {
        Err(without("Trezor"))
    }

    pub(crate) fn address(&self) -> Address {
        match *self {}
    }

    pub(crate) async fn sign(&self, _: &Request, _: Output) -> Result<Signature> {
        match *self {}
    }

    pub(crate) async fn sign_typed(&self, _: Value, _: Hashes, _: Output) -> Result<Signature> {
        match *self {}
    }

    pub(crate) async fn sign_transaction(&self, _: &TxEip1559, _: Output) -> Result<Signature> {
        match *self {}
    }
}

#[cfg(not(feature = "hardware"))]
fn without(name: &str) -> eyre::Report {
    Cause::Usage.error(format!("this program was built without support for {name}"))
}

#[cfg(feature = "hardware")]
mod connected {
    use super::*;
    use std::{
        panic,
        sync::{Arc, Mutex, PoisonError},
    };
    use tokio::task::{self, JoinHandle};

    const CONFIRM: &str = "waiting for the device: compare what it shows, then confirm there";

    impl Device {
        /// Connects to a Ledger.
        pub(crate) async fn ledger(path: DerivationPath, output: Output) -> Result<Self> {
            let what = "waiting for the Ledger: unlock it and open the Ethereum app";
            let connect = || tokio::spawn(Ledger::connect(path));
            contained("Ledger", what, output, connect).await.map(|one| Self::Ledger(Arc::new(one)))
        }

        /// Connects to a Trezor.
        pub(crate) async fn trezor(path: DerivationPath, output: Output) -> Result<Self> {
            let what = "waiting for the Trezor: unlock it";
            let connect = || task::spawn_blocking(move || Trezor::connect(path, prompt(output)));
            let trezor = contained("Trezor", what, output, connect).await?;
            let address = trezor.address();
            Ok(Self::Trezor(Arc::new(Mutex::new(trezor)), address))
        }

        pub(crate) fn address(&self) -> Address {
            match self {
                Self::Ledger(ledger) => ledger.address(),
                Self::Trezor(_, address) => *address,
            }
        }

        pub(crate) async fn sign(&self, request: &Request, output: Output) -> Result<Signature> {
            match self {
                Self::Ledger(ledger) => {
                    let (ledger, request) = (Arc::clone(ledger), request.clone());
                    let sign = || tokio::spawn(async move { ledger.sign(&request).await });
                    contained("Ledger", CONFIRM, output, sign).await
                }
                Self::Trezor(trezor, _) => {
                    let (typed_data, hashes) = (request.typed_data(), request.hashes());
                    let sign = move |trezor: &mut Trezor| trezor.sign(&typed_data, &hashes);
                    with_trezor(trezor, CONFIRM, output, sign).await
                }
            }
        }

        pub(crate) async fn sign_typed(
            &self,
            typed_data: Value,
            hashes: Hashes,
            output: Output,
        ) -> Result<Signature> {
            match self {
                Self::Ledger(ledger) => {
                    let ledger = Arc::clone(ledger);
                    let sign = || tokio::spawn(async move { ledger.sign_hashes(&hashes).await });
                    contained("Ledger", CONFIRM, output, sign).await
                }
                Self::Trezor(trezor, _) => {
                    let sign = move |trezor: &mut Trezor| trezor.sign(&typed_data, &hashes);
                    with_trezor(trezor, CONFIRM, output, sign).await
                }
            }
        }

        pub(crate) async fn sign_transaction(
            &self,
            transaction: &TxEip1559,
            output: Output,
        ) -> Result<Signature> {
            const WHAT: &str = "waiting for the device: confirm the transaction there";
            let transaction = transaction.clone();
            match self {
                Self::Ledger(ledger) => {
                    let ledger = Arc::clone(ledger);
                    let sign =
                        || tokio::spawn(async move { ledger.sign_transaction(&transaction).await });
                    contained("Ledger", WHAT, output, sign).await
                }
                Self::Trezor(trezor, _) => {
                    let sign = move |trezor: &mut Trezor| trezor.sign_transaction(&transaction);
                    with_trezor(trezor, WHAT, output, sign).await
                }
            }
        }
    }

    async fn with_trezor<T: Send + 'static>(
        trezor: &Arc<Mutex<Trezor>>,
        what: &str,
        output: Output,
        work: impl FnOnce(&mut Trezor) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let trezor = Arc::clone(trezor);
        let work = move || work(&mut trezor.lock().unwrap_or_else(PoisonError::into_inner));
        contained("Trezor", what, output, || task::spawn_blocking(work)).await
    }

    /// What a Model One has typed on the computer is asked for where somebody is there to type it.
    fn prompt(output: Output) -> Prompt {
        Box::new(move |question| {
            let text = match question {
                Question::Pin => {
                    "PIN of the Trezor, by the places of its digits (789 above, 456, 123 below): "
                }
                Question::Passphrase => "Passphrase of the Trezor (none: press Enter): ",
            };
            output.secret(text)?.ok_or_else(|| {
                Cause::Usage.error(
                    "the Trezor wants its PIN or passphrase typed here: run this in a terminal, or unlock it in Trezor Suite",
                )
            })
        })
    }

    /// Runs what a device's library does, and turns its panics into one line.
    async fn contained<T: Send + 'static>(
        name: &'static str,
        what: &str,
        output: Output,
        start: impl FnOnce() -> JoinHandle<Result<T>>,
    ) -> Result<T> {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let done = output.during(what, start()).await;
        panic::set_hook(hook);
        done.unwrap_or_else(|_| {
            Err(Cause::BadInput.error(format!(
                "no {name} can be used: there is no USB on this machine; connect it, unlock it, and try again"
            )))
        })
    }
}
