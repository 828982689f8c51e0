//! How a command ends when it does not succeed: one line, and a fixed exit code.

use quorate_api::{ClientError, ProblemCode};
use quorate_chain::ChainError;
use quorate_core::{DocumentError, proposal::CombineError};
use quorate_server::{
    database::ExistingError, keystore::KeystoreError, run::RunError, sender::SenderError,
};
use quorate_store::{OpenError, StoreError};
use quorate_treasury::escrow::EscrowFileError;
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
        if let Some(error) = error.downcast_ref::<EscrowFileError>() {
            return if error.is_contradiction() { Cause::Mismatch } else { Cause::BadInput };
        }
        if let Some(error) = error.downcast_ref::<ChainError>() {
            return of_chain(error);
        }
        if let Some(error) = error.downcast_ref::<ClientError>() {
            return of_client(error);
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
        if let Some(error) = error.downcast_ref::<KeystoreError>() {
            return of_keystore(error);
        }
        if error.downcast_ref::<CombineError>().is_some() {
            return Cause::Mismatch;
        }
    }
    Cause::BadInput
}

/// The cause of an endpoint's error.
pub(crate) fn of_chain(error: &ChainError) -> Cause {
    match error {
        ChainError::InvalidUrl { .. } => Cause::BadInput,
        ChainError::NotAWallet { .. } | ChainError::OtherChain { .. } => Cause::Mismatch,
        ChainError::Reverted { .. } => Cause::FailedOnChain,
        ChainError::Unreachable { .. }
        | ChainError::Rpc { .. }
        | ChainError::WrongAnswer { .. }
        | ChainError::HistoryRefused { .. } => Cause::Unreachable,
    }
}

fn of_client(error: &ClientError) -> Cause {
    match error {
        ClientError::InvalidUrl { .. }
        | ClientError::InvalidToken
        | ClientError::TokenInClear { .. }
        | ClientError::Config(_) => Cause::BadInput,
        ClientError::Unreachable { .. }
        | ClientError::Unsure { .. }
        | ClientError::WrongAnswer { .. } => Cause::Unreachable,
        ClientError::Problem { status, problem, .. } => of_problem(problem.code, *status),
        ClientError::Lie(_) => Cause::Mismatch,
    }
}

/// Of a code that is not known, the HTTP status decides.
const fn of_problem(code: ProblemCode, status: u16) -> Cause {
    match code {
        ProblemCode::MalformedJson
        | ProblemCode::InvalidParameter
        | ProblemCode::Unauthorized
        | ProblemCode::Forbidden
        | ProblemCode::NoSuchPath
        | ProblemCode::UnknownWallet
        | ProblemCode::UnknownProposal
        | ProblemCode::MethodNotAllowed
        | ProblemCode::BodyTooLarge
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::InvalidBody
        | ProblemCode::UnknownChain
        | ProblemCode::WrongHost
        | ProblemCode::NotGenuine
        | ProblemCode::SenderIsOwner
        | ProblemCode::NotEscrow
        | ProblemCode::OtherTerms
        | ProblemCode::NonceUsed
        | ProblemCode::DeadlinePast
        | ProblemCode::DeadlineTooFar
        | ProblemCode::NoteTooLong
        | ProblemCode::InvalidAction
        | ProblemCode::NotOwner
        | ProblemCode::InvalidSignature
        | ProblemCode::ProposalClosed => Cause::BadInput,
        // What the relayer, or the chain, has not come to yet.
        ProblemCode::WrongEpoch
        | ProblemCode::SequenceTooFar
        | ProblemCode::NotApproved
        | ProblemCode::TooManyOpen => Cause::NotYet,
        ProblemCode::RequestTimeout
        | ProblemCode::RateLimited
        | ProblemCode::Overloaded
        | ProblemCode::Internal
        | ProblemCode::ChainUnreachable
        | ProblemCode::StoreUnavailable
        | ProblemCode::TimedOut
        | ProblemCode::Stopping => Cause::Unreachable,
        ProblemCode::Unknown => match status {
            408 | 429 | 500.. => Cause::Unreachable,
            _ => Cause::BadInput,
        },
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

const fn of_keystore(error: &KeystoreError) -> Cause {
    match error {
        KeystoreError::NoHome => Cause::Usage,
        KeystoreError::OtherAddress { .. } => Cause::Mismatch,
        KeystoreError::NotAName { .. }
        | KeystoreError::NoAccount { .. }
        | KeystoreError::Unreadable { .. }
        | KeystoreError::WrongPassword { .. }
        | KeystoreError::NotAKeystore { .. } => Cause::BadInput,
    }
}

fn of_run(error: &RunError) -> Cause {
    match error {
        RunError::Sender(SenderError::Keystore(error)) => of_keystore(error),
        RunError::Bind(_) | RunError::Sender(_) | RunError::Webhook(_) | RunError::NoToken => {
            Cause::BadInput
        }
        RunError::Tokens(error) | RunError::Webhooks(error) => of_store(error),
        RunError::Store(error) => of_opening(error),
        RunError::Endpoint { source, .. } => of_chain(source),
        RunError::WrongChain { .. } => Cause::Mismatch,
        RunError::Book { .. } | RunError::Ended { .. } | RunError::Broken => Cause::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_api::{Lie, Problem};

    fn code(error: ClientError) -> u8 {
        cause_of(&eyre::Report::new(error).wrap_err("while it was asked")) as u8
    }

    fn refused(status: u16, code: ProblemCode) -> ClientError {
        let problem = Problem::new(code, "", "because");
        ClientError::Problem { relayer: "127.0.0.1:1".to_owned(), status, problem }
    }

    /// The whole table, so that no code of the API gets another exit code unseen.
    #[test]
    fn every_problem_has_its_exit_code() {
        let bad_input = [
            "malformedJson",
            "invalidParameter",
            "unauthorized",
            "forbidden",
            "noSuchPath",
            "unknownWallet",
            "unknownProposal",
            "methodNotAllowed",
            "bodyTooLarge",
            "unsupportedMediaType",
            "invalidBody",
            "unknownChain",
            "wrongHost",
            "notGenuine",
            "senderIsOwner",
            "nonceUsed",
            "deadlinePast",
            "deadlineTooFar",
            "noteTooLong",
            "invalidAction",
            "notEscrow",
            "otherTerms",
            "notOwner",
            "invalidSignature",
            "proposalClosed",
        ];
        let unreachable = [
            "requestTimeout",
            "rateLimited",
            "overloaded",
            "internal",
            "chainUnreachable",
            "storeUnavailable",
            "timedOut",
            "stopping",
        ];
        let not_yet = ["wrongEpoch", "sequenceTooFar", "notApproved", "tooManyOpen"];
        let table = [(3, &bad_input[..]), (5, &unreachable), (6, &not_yet)];
        let count: usize = table.iter().map(|(_, words)| words.len()).sum();
        assert_eq!(count, ProblemCode::ALL.len());
        for &problem in ProblemCode::ALL {
            let expected = table.iter().find(|(_, words)| words.contains(&problem.word()));
            let expected = expected.map(|(code, _)| *code);
            assert_eq!(Some(code(refused(problem.status(), problem))), expected, "{problem:?}");
        }
        for (status, expected) in [(400, 3), (418, 3), (408, 5), (429, 5), (500, 5), (599, 5)] {
            assert_eq!(code(refused(status, ProblemCode::Unknown)), expected);
        }
    }

    #[test]
    fn a_relayer_that_lies_is_not_one_that_is_away() {
        let relayer = "127.0.0.1:1".to_owned();
        let reason = String::new();
        assert_eq!(code(ClientError::Lie(Lie::Missing)), 7);
        let away = ClientError::Unreachable { relayer: relayer.clone(), reason: reason.clone() };
        assert_eq!(code(away), 5);
        let unsure = ClientError::Unsure { relayer: relayer.clone(), reason: reason.clone() };
        assert_eq!(code(unsure), 5);
        assert_eq!(code(ClientError::WrongAnswer { relayer: relayer.clone(), reason }), 5);
        assert_eq!(code(ClientError::TokenInClear { relayer }), 3);
    }
}
