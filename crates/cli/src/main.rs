//! `quorate`: propose, sign, combine and submit from the command line.

mod arguments;
mod chain_access;
mod clock;
mod commands;
mod failure;
mod files;
mod key;
mod output;
mod review;
mod transaction;

use arguments::Arguments;
use clap::{
    Parser as _,
    error::{ContextKind, ErrorKind},
};
use failure::{Cause, cause_of};
use output::Output;
use std::process::ExitCode;

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
    match (cause, std::error::Error::source(error), error.get(ContextKind::InvalidArg)) {
        (Cause::BadInput, Some(reason), Some(argument)) => {
            report(cause, &format!("{argument}: {reason}"), json);
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
