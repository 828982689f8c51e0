//! What people type. Names and variables are those of Foundry where it has them.

mod access;
mod audit;
mod chain;
mod list;
mod payout;
mod propose;
mod relayer;
mod sign;
mod wallet;

pub(crate) use access::{AccessOptions, Source};
pub(crate) use audit::{AuditCommand, StoreOptions, Verify};
pub(crate) use chain::{ChainOptions, KeyOptions, SendOptions};
pub(crate) use list::{List, Target, Watch, WatchUntil};
pub(crate) use payout::{Decimals, PayoutCommand, PayoutPropose};
pub(crate) use propose::{Common, Propose, ProposeCommand};
pub(crate) use relayer::{
    LogFormat, LogOptions, OnChain, Relayer, RelayerCommand, RelayerOptions, Right, TokenCommand,
    WebhookCommand,
};
pub(crate) use sign::{Accept, Beside, Combine, Show, Sign, Submit};
pub(crate) use wallet::{Make, WalletCommand, WalletDeploy, WalletRegister, WalletShow};

use alloy::primitives::{Bytes, hex::FromHexError};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Reads hexadecimal, blanks and line ends around it left out: it is copied from elsewhere.
fn bytes(text: &str) -> Result<Bytes, FromHexError> {
    text.trim().parse()
}

/// Propose, sign, combine and submit actions of Quorate wallets.
///
/// Exit codes: 0 done, 1 failed on chain, 2 usage, 3 bad input, 4 danger not accepted,
/// 5 unreachable, 6 not yet, 7 mismatch or lie.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON on standard output, and errors as JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, deploy and look at wallets.
    #[command(subcommand)]
    Wallet(WalletCommand),

    /// Propose an action: write a file for others to sign, or hand it to a relayer.
    ///
    /// With --relayer and a key the proposal is reviewed as `sign` does, signed, and handed in. Without the
    /// one or the other it becomes a file.
    Propose(Box<Propose>),

    /// Pay a list of payees from a file.
    #[command(subcommand)]
    Payout(PayoutCommand),

    /// List what waits for an owner's signature, or the proposals of a wallet, at a relayer.
    List(List),

    /// Show what a proposal does, who signed it, and its dangers.
    Show(Show),

    /// Show a proposal as `show` does, then sign it.
    ///
    /// With --relayer the signature is handed in too.
    Sign(Box<Sign>),

    /// Follow proposals at a relayer, a line for each change.
    ///
    /// Ends when all of them are decided: 0 if they were executed, 1 if one never can be.
    Watch(Watch),

    /// Put the signatures of several files of one proposal into one.
    Combine(Combine),

    /// Send a proposal that has enough signatures to the chain and wait for it.
    ///
    /// Any account can do this: it pays the gas and decides nothing.
    Submit(Submit),

    /// Execute what owners signed, as a process that runs until it is stopped.
    ///
    /// It stops on SIGTERM or ctrl-c; what is on its way goes on by itself, and is found again. Logs go
    /// to standard error.
    Relayer(Relayer),

    /// Examine the audit log of a relayer's store.
    #[command(subcommand)]
    Audit(AuditCommand),

    /// Print the completions of a shell.
    Completions(Completions),
}

/// `quorate completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    /// What is typed is seen by every process on the machine and kept in the shell's history.
    #[test]
    fn no_argument_takes_a_secret() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let takes_secret = ["private", "secret", "password", "mnemonic"]
                    .iter()
                    .any(|word| name.contains(word));
                let is_place = ["file", "index", "path"].iter().any(|word| name.contains(word));
                assert!(!takes_secret || is_place, "--{name}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
