//! Ledger and Trezor.
//!
//! Their libraries panic where there is no USB, so each call runs in a task of its own, and what they would
//! print is kept back.

use crate::{failure::Cause, output::Output};
use alloy::{
    consensus::TxEip1559,
    primitives::{Address, Signature},
};
use eyre::Result;
use quorate_core::Request;

/// A device that is connected and unlocked.
pub(crate) enum Device {
    #[cfg(feature = "hardware")]
    Ledger(std::sync::Arc<alloy::signers::ledger::LedgerSigner>),
    #[cfg(feature = "hardware")]
    Trezor(std::sync::Arc<alloy::signers::trezor::TrezorSigner>),
}

#[cfg(not(feature = "hardware"))]
impl Device {
    pub(crate) async fn ledger(_: u32, _: Option<&str>, _: Output) -> Result<Self> {
        Err(without("Ledger"))
    }

    pub(crate) async fn trezor(_: u32, _: Option<&str>, _: Output) -> Result<Self> {
        Err(without("Trezor"))
    }

    pub(crate) fn address(&self) -> Address {
        match *self {}
    }

    pub(crate) async fn sign(&self, _: &Request, _: Output) -> Result<Signature> {
        match *self {}
    }

    pub(crate) async fn sign_transaction(&self, _: &mut TxEip1559, _: Output) -> Result<Signature> {
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
    use alloy::{
        dyn_abi::TypedData,
        network::TxSigner as _,
        signers::{
            Signer as _,
            ledger::{HDPath as LedgerPath, LedgerSigner},
            trezor::{HDPath as TrezorPath, TrezorSigner},
        },
    };
    use std::{panic, sync::Arc};

    impl Device {
        /// Connects to a Ledger.
        pub(crate) async fn ledger(index: u32, path: Option<&str>, output: Output) -> Result<Self> {
            let path = path.map_or(LedgerPath::LedgerLive(index as usize), |path| {
                LedgerPath::Other(path.to_owned())
            });
            let connect = async move { LedgerSigner::new(path, None).await };
            let what = "waiting for the Ledger: unlock it and open the Ethereum app";
            let signer = contained("Ledger", what, output, connect).await?;
            Ok(Self::Ledger(Arc::new(signer)))
        }

        /// Connects to a Trezor.
        pub(crate) async fn trezor(index: u32, path: Option<&str>, output: Output) -> Result<Self> {
            let path = path.map_or(TrezorPath::TrezorLive(index as usize), |path| {
                TrezorPath::Other(path.to_owned())
            });
            let connect = async move { TrezorSigner::new(path, None).await };
            let signer =
                contained("Trezor", "waiting for the Trezor: unlock it", output, connect).await?;
            Ok(Self::Trezor(Arc::new(signer)))
        }

        pub(crate) fn address(&self) -> Address {
            match self {
                Self::Ledger(signer) => alloy::signers::Signer::address(signer.as_ref()),
                Self::Trezor(signer) => alloy::signers::Signer::address(signer.as_ref()),
            }
        }

        pub(crate) async fn sign(&self, request: &Request, output: Output) -> Result<Signature> {
            const WHAT: &str = "waiting for the device: compare what it shows, then confirm there";
            let typed: TypedData = serde_json::from_value(request.typed_data())?;
            match self {
                Self::Ledger(signer) => {
                    let signer = signer.clone();
                    let sign = async move { signer.sign_dynamic_typed_data(&typed).await };
                    contained("Ledger", WHAT, output, sign).await
                }
                Self::Trezor(signer) => {
                    let signer = signer.clone();
                    let sign = async move { signer.sign_dynamic_typed_data(&typed).await };
                    contained("Trezor", WHAT, output, sign).await
                }
            }
        }

        pub(crate) async fn sign_transaction(
            &self,
            transaction: &mut TxEip1559,
            output: Output,
        ) -> Result<Signature> {
            const WHAT: &str = "waiting for the device: confirm the transaction there";
            let mut transaction = transaction.clone();
            match self {
                Self::Ledger(signer) => {
                    let signer = signer.clone();
                    let sign = async move { signer.sign_transaction(&mut transaction).await };
                    contained("Ledger", WHAT, output, sign).await
                }
                Self::Trezor(signer) => {
                    let signer = signer.clone();
                    let sign = async move { signer.sign_transaction(&mut transaction).await };
                    contained("Trezor", WHAT, output, sign).await
                }
            }
        }
    }

    /// Runs what a device's library does, and turns its errors and panics into one line.
    async fn contained<T: Send + 'static, E: std::error::Error + Send + 'static>(
        name: &'static str,
        what: &str,
        output: Output,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T> {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let done = output.during(what, tokio::spawn(work)).await;
        panic::set_hook(hook);
        let reason = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => quorate_core::text::escaped(&error.to_string()),
            Err(_) => "there is no USB on this machine".to_owned(),
        };
        Err(Cause::BadInput.error(format!(
            "no {name} can be used: {reason}; connect it, unlock it, and try again"
        )))
    }
}
