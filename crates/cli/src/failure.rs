//! How a command ends when it does not succeed: one line, and a fixed exit code.

use quorate_chain::ChainError;
use quorate_core::{DocumentError, proposal::CombineError};
use quorate_server::{database::ExistingError, keystore::KeystoreError, run::RunError};
use quorate_store::{OpenError, StoreError};
use serde::Serialize;
use std::{fmt, process::ExitCode};

/// Why a command ended. The codes are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Cause {
    /// The chain refused, or would refuse.
    FailedOnChain = 1,
    /// Wrong arguments. Clap finds most of them.
    Usage = 2,
    /// Something given cannot be used.
    BadInput = 3,
    /// A danger that was not accepted.
    DangerNotAccepted = 4,
    /// The endpoint does not answer, or not as one does.
    Unreachable = 5,
    /// It may succeed later.
    NotYet = 6,
    /// Two sources contradict each other.
    Mismatch = 7,
}

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Cause {
    /// A failure for this cause, as an error.
    pub(crate) fn error(self, message: impl Into<String>) -> eyre::Report {
        eyre::Report::new(Failure { cause: self, message: message.into() })
    }

    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// The cause of an error, by the type at its root.
pub(crate) fn cause_of(error: &eyre::Report) -> Cause {
    for error in error.chain() {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.cause;
        }
        if let Some(error) = error.downcast_ref::<DocumentError>() {
            return if error.is_contradiction() { Cause::Mismatch } else { Cause::BadInput };
        }
        if let Some(error) = error.downcast_ref::<ChainError>() {
            return of_chain(error);
        }
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return of_store(error);
        }
        if let Some(ExistingError::Open(error)) = error.downcast_ref::<ExistingError>() {
            return of_opening(error);
        }
        if let Some(error) = error.downcast_ref::<RunError>() {
            return of_run(error);
        }
        if let Some(KeystoreError::NoHome) = error.downcast_ref::<KeystoreError>() {
            return Cause::Usage;
        }
        if error.downcast_ref::<CombineError>().is_some() {
            return Cause::Mismatch;
        }
    }
    Cause::BadInput
}

fn of_chain(error: &ChainError) -> Cause {
    match error {
        ChainError::InvalidUrl { .. } => Cause::BadInput,
        ChainError::NotAWallet { .. } | ChainError::OtherChain { .. } => Cause::Mismatch,
        ChainError::Unreachable { .. }
        | ChainError::Rpc { .. }
        | ChainError::WrongAnswer { .. }
        | ChainError::HistoryRefused { .. } => Cause::Unreachable,
    }
}

fn of_store(error: &StoreError) -> Cause {
    match error {
        StoreError::Corrupt { .. } => Cause::Mismatch,
        StoreError::LeaseLost { .. } => Cause::NotYet,
        error if error.is_retryable() => Cause::Unreachable,
        _ => Cause::BadInput,
    }
}

fn of_opening(error: &OpenError) -> Cause {
    if error.is_retryable() { Cause::Unreachable } else { Cause::BadInput }
}

fn of_run(error: &RunError) -> Cause {
    match error {
        RunError::Bind(_) | RunError::Sender(_) => Cause::BadInput,
        RunError::Store(error) => of_opening(error),
        RunError::Endpoint { source, .. } => of_chain(source),
        RunError::WrongChain { .. } => Cause::Mismatch,
        RunError::Book { .. } | RunError::Ended { .. } | RunError::Broken => Cause::Unreachable,
    }
}
