//! What people type. Names and variables are those of Foundry where it has them.

mod access;
mod audit;
mod book;
mod chain;
mod check;
mod escrow;
mod list;
mod payout;
mod policy;
mod propose;
mod relayer;
mod sign;
mod wallet;

pub(crate) use access::{AccessOptions, Source};
pub(crate) use audit::{AuditCommand, StoreOptions, Verify};
pub(crate) use book::{AddExplorer, AddPayee, AddToken, AddWallet, BookAdd, BookCommand, BookList};
pub(crate) use chain::{ChainOptions, KeyOptions, SendOptions};
pub(crate) use check::Check;
pub(crate) use escrow::{
    EscrowAccept, EscrowAct, EscrowCancel, EscrowCommand, EscrowDivide, EscrowEvidence, EscrowFund,
    EscrowList, EscrowOpen, EscrowPay, EscrowShow, EscrowVerify,
};
pub(crate) use list::{List, Target, Watch, WatchUntil};
pub(crate) use payout::{
    BookOptions, Decimals, ListOptions, LookOptions, PayoutCommand, PayoutPlan, PayoutPropose,
    PayoutReconcile, PayoutResume, PayoutStatus, ProposeOptions, ReadingOptions,
};
pub(crate) use policy::{
    FreezeWallet, PolicyCommand, PolicyExplain, PolicyInit, PolicyShow, Unfreeze, Veto,
};
pub(crate) use propose::{Common, Propose, ProposeCommand};
pub(crate) use relayer::{
    LogFormat, LogOptions, OnChain, Relayer, RelayerCommand, RelayerOptions, Right, TokenCommand,
    WebhookCommand,
};
pub(crate) use sign::{
    Accept, Beside, Combine, Expected, Show, Sign, Submit, VerifyProposal, WhichWords,
};
pub(crate) use wallet::{
    Make, WalletCheck, WalletCommand, WalletDeploy, WalletRegister, WalletShow,
};

use alloy::primitives::{Bytes, hex::FromHexError};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Reads hexadecimal, blanks and line ends around it left out: it is copied from elsewhere.
fn bytes(text: &str) -> Result<Bytes, FromHexError> {
    text.trim().parse()
}

/// Propose, sign, combine and submit actions of Quorate wallets.
///
/// Exit codes: 0 done, 1 failed on chain, 2 usage, 3 bad input, 4 danger not accepted,
/// 5 unreachable, 6 not yet, 7 mismatch or lie.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, max_term_width = 80)]
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

    /// Hold money between a buyer and a seller, with an arbiter.
    #[command(subcommand)]
    Escrow(EscrowCommand),

    /// Keep names of addresses, tokens and wallets.
    #[command(subcommand)]
    Book(BookCommand),

    /// Rules of a treasury: small payments, a delay with a veto, and a way past both.
    #[command(subcommand)]
    Policy(PolicyCommand),

    /// Stop actions of a treasury that wait, as one of its owners.
    ///
    /// A transaction of the owner's own account. As many owners as the rules say stop an action for good, until the
    /// wallet is next reconfigured; override signers pass it.
    Veto(Box<Veto>),

    /// Vote for a freeze of a treasury, as one of its owners: once until it is next reconfigured.
    ///
    /// A transaction of the owner's own account. With as many votes as the rules say only override signers act for 30
    /// days, and what was queued is void.
    Freeze(Box<FreezeWallet>),

    /// Propose to end a freeze: it takes override signers.
    Unfreeze(Box<Unfreeze>),

    /// List what waits for an owner's signature, or the proposals of a wallet, at a relayer.
    List(List),

    /// Show what a proposal does, who signed it, and its dangers.
    Show(Show),

    /// Report how much of the usual guidance for multisigs (CCSS, SEAL) a wallet meets, as far as the chain shows.
    ///
    /// Most of what keeps keys safe cannot be seen from here: the report says so.
    Check(Check),

    /// Check what would be signed: what it is, what of that was checked, and whether it is what you expect.
    ///
    /// Nothing is signed and nothing is sent. Missing signatures do not matter.
    Verify(Box<VerifyProposal>),

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
    ///
    /// `quorate completions bash >FILE` writes them; which file, the list of shells says. They are read by
    /// the next shell that starts.
    Completions(Completions),

    /// Write the manual pages, one for each command, into a folder.
    ///
    /// `man quorate` finds them in ~/.local/share/man/man1 where ~/.local/bin is on PATH, and for everybody
    /// in /usr/local/share/man/man1. Pages that are there already are replaced.
    Man(Man),
}

/// `quorate completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A shell, and where it looks for completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// ~/.local/share/bash-completion/completions/quorate, where the package bash-completion is.
    Bash,
    /// ~/.config/elvish/lib/quorate.elv, with `use quorate` in ~/.config/elvish/rc.elv.
    Elvish,
    /// ~/.config/fish/completions/quorate.fish.
    Fish,
    /// A file of your own, with `. FILE` in the one that $PROFILE names.
    #[value(name = "powershell")]
    Pwsh,
    /// _quorate in a folder of $fpath: ~/.zfunc, with `fpath+=~/.zfunc` before compinit in ~/.zshrc.
    Zsh,
}

/// `quorate man`.
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder; made if missing.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    /// A usage that is written by hand names what has to be given, and nothing that there is not.
    fn check_usage(command: &clap::Command, path: &str) {
        let Some(usage) = command.get_overridden_usage().map(ToString::to_string) else { return };
        assert!(usage.starts_with(path), "{path}: {usage}");
        let names: Vec<_> =
            usage.split_whitespace().filter(|word| word.starts_with("--")).collect();
        let required = command.get_arguments().filter(|argument| argument.is_required_set());
        let longs: Vec<_> =
            required.filter_map(|it| Some(format!("--{}", it.get_long()?))).collect();
        assert!(longs.iter().all(|long| names.contains(&long.as_str())), "{path}: {usage}");
        assert_eq!(names.len(), longs.len(), "{path}: {usage}");
        for argument in command.get_positionals() {
            let name = argument.get_value_names().map(|names| names[0].as_str());
            assert!(name.is_some_and(|name| usage.contains(name)), "{path}: {usage}");
        }
    }

    /// Everything that can be typed says what it is, in lines that fit an old terminal.
    #[test]
    fn no_help_is_missing_and_none_is_too_wide() {
        fn check(command: &mut clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments() {
                let name = format!("{path} {}", argument.get_id());
                assert!(argument.get_help().is_some(), "{name}");
                assert!(argument.is_positional() || argument.get_long().is_some(), "{name}");
                for value in argument.get_possible_values() {
                    let is_flag = !argument.get_action().takes_values();
                    assert!(is_flag || value.get_help().is_some(), "{name} {}", value.get_name());
                }
            }
            for help in [command.render_long_help(), command.render_help()] {
                for line in help.to_string().lines() {
                    assert!(
                        line.chars().count() <= 80,
                        "{path}, break it in override_usage: {line}"
                    );
                }
            }
            check_usage(command, path);
            for child in command.get_subcommands_mut() {
                let path = format!("{path} {}", child.get_name());
                check(child, &path);
            }
        }
        let mut command = Arguments::command();
        command.build();
        check(&mut command, "quorate");
    }

    /// Numbers of bytes, of seconds and of things are told with their unit or range, and variables where they count.
    #[test]
    fn every_number_says_in_what_it_counts() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let help = argument.get_long_help().or(argument.get_help());
                let help = help.map(ToString::to_string).unwrap_or_default();
                let names = argument.get_value_names().unwrap_or_default();
                let says = |words: &[&str]| words.iter().any(|word| help.contains(word));
                let is_said = match names.first().map(|name| name.as_str()) {
                    Some("SECONDS") => says(&["in seconds"]),
                    Some("NUMBER") => says(&[" from 0", " from 1", "How many", "at most"]),
                    Some("AMOUNT") => says(&["ether", "Ether", "units"]),
                    Some("HEX") => says(&["0x-hex", "32 bytes"]),
                    _ => true,
                };
                assert!(is_said, "{} --{}: {help}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
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
