//! `quorate`: propose, sign, combine and submit from the command line.

mod arguments;
mod book_access;
mod chain_access;
mod clock;
mod commands;
mod cost;
mod escrow;
mod failure;
mod files;
mod key;
mod open_proposals;
mod output;
mod relayer_access;
mod review;
mod runs;
mod transaction;
mod waiting;

use alloy::primitives::hex::FromHexError;
use arguments::Arguments;
use clap::{
    Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};
use failure::{Cause, cause_of};
use output::Output;
use quorate_core::text;
use std::{
    error::Error,
    num::{IntErrorKind, ParseIntError},
    process::ExitCode,
};
use tracing::metadata::ParseLevelError;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let output = Output { json: arguments.json, now: clock::now() };
    match commands::run(arguments.command, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = cause_of(&error);
            report(cause, &format!("{error:#}"), output.json);
            cause.exit_code()
        }
    }
}

/// What clap says. A value that does not parse is bad input, all else wrong usage.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    // The flag itself may be what is wrong, so it is looked for by hand.
    let json = std::env::args().any(|argument| argument == "--json");
    let cause = match error.kind() {
        ErrorKind::ValueValidation => Cause::BadInput,
        _ => Cause::Usage,
    };
    match (cause, error.source(), error.get(ContextKind::InvalidArg)) {
        (Cause::BadInput, Some(reason), Some(argument)) => {
            let value = match error.get(ContextKind::InvalidValue) {
                Some(ContextValue::String(value)) => value,
                _ => "",
            };
            report(cause, &format!("{argument}: {}", complaint(reason, value)), json);
        }
        _ if json => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            report(cause, line.trim_start_matches("error: "), json);
        }
        _ => drop(error.print()),
    }
    cause.exit_code()
}

/// What is wrong with a value and what is needed instead. Our own parsers say both; those of std, alloy and
/// tracing neither name the value nor the way out.
fn complaint(reason: &(dyn Error + 'static), value: &str) -> String {
    let shown = text::shown(value);
    if let Some(error) = reason.downcast_ref::<ParseIntError>() {
        return match error.kind() {
            IntErrorKind::PosOverflow => format!("{shown} is too large: give a smaller number"),
            _ => format!("{shown} is not a whole number: give digits alone"),
        };
    }
    if let Some(error) = reason.downcast_ref::<FromHexError>() {
        return match error {
            // Of a fixed length are 32 bytes alone.
            FromHexError::InvalidStringLength => {
                format!("{shown} is not 32 bytes: 0x and 64 hexadecimal digits are needed")
            }
            FromHexError::OddLength => {
                format!("{shown} has an odd number of digits: each byte needs two after 0x")
            }
            FromHexError::InvalidHexCharacter { .. } => {
                format!("{shown} is not hexadecimal: 0x and digits from 0 to f are needed")
            }
        };
    }
    if reason.is::<ParseLevelError>() {
        return format!("{shown} is not a level: give error, warn, info, debug or trace");
    }
    let reason = reason.to_string();
    // A checksum's error repeats the address without quotes.
    if reason.contains(&shown) || reason.contains(value) {
        reason
    } else {
        format!("{shown}: {reason}")
    }
}

/// One line, or one JSON object, on standard error.
#[expect(clippy::print_stderr, reason = "this is where errors are printed")]
fn report(cause: Cause, message: &str, json: bool) {
    if json {
        let error =
            serde_json::json!({ "code": cause, "exitCode": cause as u8, "message": message });
        eprintln!("{}", serde_json::json!({ "error": error }));
    } else {
        eprintln!("error: {message}");
    }
}
