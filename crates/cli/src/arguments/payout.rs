//! `quorate payout`.

use super::{Accept, AccessOptions, Beside, ChainOptions, KeyOptions};
use clap::{Args, Subcommand};
use quorate_core::{address::Written, text::shown};
use quorate_treasury::payout_plan::{DEFAULT_MAX_LINES, Expected, MOST_LINES_OF_BATCH};
use std::path::PathBuf;

/// What can be done with lists of payments.
#[derive(Debug, Subcommand)]
pub(crate) enum PayoutCommand {
    /// Check a list, cut it into batches, and write the plan of the run.
    ///
    /// The list is a table with the columns id,to,amount,token,note, or JSON lines with these keys; token is ETH,
    /// an address, or a symbol of the address book. The plan freezes every line and batch. Its hash is what
    /// people compare before they sign.
    #[command(override_usage = "quorate payout plan [OPTIONS] --run <NAME> <FILE>")]
    Plan(Box<PayoutPlan>),

    /// Propose what of a plan is neither paid nor proposed; or of a list, which is planned first.
    ///
    /// The run's name decides the nonces: a wallet pays each batch of a run at most once, however often it is
    /// proposed.
    ///
    /// With --relayer and a key each batch is reviewed as `sign` does, signed, and handed in. If that breaks
    /// off, the same command goes on where it was.
    #[command(override_usage = "quorate payout propose [OPTIONS] <PLAN|FILE>")]
    Propose(Box<PayoutPropose>),

    /// Show where each batch of a plan stands, by the chain.
    ///
    /// Ends with 0 if all is final, 6 if something is left to do, 4 if something else consumed a nonce of the run,
    /// 1 if a batch would fail, 7 if it cannot be told what consumed a nonce.
    Status(PayoutStatus),

    /// Propose anew what died, and what is left of a run.
    ///
    /// Nothing that lives or was declined is proposed again, but by --again.
    Resume(Box<PayoutResume>),

    /// Say of each line of a plan how it was paid, by the chain alone.
    ///
    /// Ends as `status` does.
    Reconcile(PayoutReconcile),
}

/// How many decimals a token has, by the word of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimals {
    pub(crate) token: Written,
    pub(crate) decimals: u8,
}

/// Reads `TOKEN=NUMBER`.
fn decimals(text: &str) -> Result<Decimals, String> {
    let form = || "write the token's address, = and its number of decimals, as 0x…=18".to_owned();
    let (token, number) = text.split_once('=').ok_or_else(form)?;
    let token = Written::parse_account(token).map_err(|error| error.to_string())?;
    let wrong = |_| format!("{} is no number of decimals: 0 to 255", shown(number));
    Ok(Decimals { token, decimals: number.trim_ascii().parse().map_err(wrong)? })
}

/// How a list is read, and its batches cut.
#[derive(Args, Debug)]
#[command(next_help_heading = "List")]
pub(crate) struct ListOptions {
    /// How many lines a batch has at most.
    #[arg(long, value_name = "NUMBER", alias = "batch-size",
        help = format!("How many lines a batch has, from 1 to {MOST_LINES_OF_BATCH}; {DEFAULT_MAX_LINES} where nothing is said"))]
    pub(crate) max_lines: Option<usize>,

    /// The token of all lines, where the list has no such column: ETH, an address, or a symbol of the address
    /// book.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// What stands for {period} in the run's name, as 2026-11.
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Option<String>,

    /// The plan of this run that the list is a correction of: every line stays in its batch.
    #[arg(long, value_name = "PLAN")]
    pub(crate) edit: Option<PathBuf>,

    /// The plan of an earlier run; once for each. What it pays too, by id or by payee and amount, is the danger
    /// paidBefore.
    #[arg(long, value_name = "PLAN")]
    pub(crate) paid: Vec<PathBuf>,

    /// What the list has to add up to, as 16750ETH, or 100:TOKEN with an address; once for each token.
    #[arg(long, value_name = "TOTAL")]
    pub(crate) expect_total: Vec<Expected>,

    /// How many payments the list has to have.
    #[arg(long, value_name = "NUMBER", help = "How many payments the list has to have")]
    pub(crate) expect_count: Option<usize>,

    /// How many decimals a token has that does not tell them itself, as TOKEN=18; once for each. The danger unreadableDecimals:
    /// a wrong number pays a thousandfold.
    #[arg(long, value_name = "TOKEN=NUMBER", value_parser = decimals)]
    pub(crate) decimals: Vec<Decimals>,
}

/// The address book.
#[derive(Args, Debug)]
pub(crate) struct BookOptions {
    /// The address book. Without it ~/.config/quorate/book.toml, if that is there.
    #[arg(long, value_name = "FILE", env = "QUORATE_BOOK")]
    pub(crate) book: Option<PathBuf>,
}

/// How the chain is read.
#[derive(Args, Debug)]
pub(crate) struct ReadingOptions {
    /// How many blocks on top make a block final, 12 or more.
    #[arg(long, value_name = "NUMBER", default_value_t = 12, value_parser = clap::value_parser!(u64).range(12..),
        help = "How many blocks on top make a block final, 12 or more")]
    pub(crate) depth: u64,

    /// The block from which on payments are looked for. Without it all blocks are, where the endpoint has them.
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    pub(crate) from_block: u64,
}

/// `quorate payout plan`.
#[derive(Args, Debug)]
pub(crate) struct PayoutPlan {
    /// The list.
    pub(crate) file: PathBuf,

    /// The name of the run, unique for the wallet, as payroll-2026-11; {period} in it stands for --period.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: String,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: Option<String>,

    /// The file to write, which may hold this very plan already. Without it NAME.plan.json.
    #[arg(short, long, value_name = "PLAN")]
    pub(crate) out: Option<PathBuf>,

    /// The chain's id, for where no endpoint is given.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: Option<u64>,

    #[command(flatten)]
    pub(crate) list: ListOptions,

    #[command(flatten)]
    pub(crate) book: BookOptions,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// Where proposals of a run go, and until when they are good.
#[derive(Args, Debug)]
pub(crate) struct ProposeOptions {
    /// Until when it can be executed: from now (7d, 12h, 30m), a time (2026-12-24T18:00:00Z), or Unix
    /// seconds. Without it 7d; of what waits by the rules of a treasury 7d after the delay, and no less.
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<String>,

    /// The folder for the proposal files; made if missing. Without it one named like the run; what is
    /// handed to a relayer is then not written.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) book: BookOptions,

    #[command(flatten)]
    pub(crate) reading: ReadingOptions,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,

    #[command(flatten)]
    pub(crate) key: KeyOptions,
}

/// `quorate payout propose`.
#[derive(Args, Debug)]
pub(crate) struct PayoutPropose {
    /// The plan, or a list.
    #[arg(value_name = "PLAN|FILE")]
    pub(crate) file: PathBuf,

    /// The name of the run, unique for the wallet, as payroll-2026-11; {period} in it stands for --period. A plan has
    /// one.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed. A plan has
    /// one.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: Option<String>,

    #[command(flatten)]
    pub(crate) list: ListOptions,

    #[command(flatten)]
    pub(crate) propose: ProposeOptions,
}

/// `quorate payout resume`.
#[derive(Args, Debug)]
pub(crate) struct PayoutResume {
    /// The plan.
    pub(crate) plan: PathBuf,

    /// The name of the run, if it is to be compared with the plan's.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: Option<String>,

    /// Ask for the batch without the line of this id; once for each. Equal lines of a batch are set aside together.
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) set_aside: Vec<String>,

    /// Ask for a batch again that was declined, by its number from 0; once for each. The danger wasDeclined.
    #[arg(long, value_name = "BATCH")]
    pub(crate) again: Vec<u64>,

    #[command(flatten)]
    pub(crate) propose: ProposeOptions,
}

/// `quorate payout status`.
#[derive(Args, Debug)]
pub(crate) struct PayoutStatus {
    /// The plan.
    pub(crate) plan: PathBuf,

    #[command(flatten)]
    pub(crate) look: LookOptions,
}

/// What is looked at.
#[derive(Args, Debug)]
pub(crate) struct LookOptions {
    /// The name of the run, if it is to be compared with the plan's.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: Option<String>,

    #[command(flatten)]
    pub(crate) book: BookOptions,

    #[command(flatten)]
    pub(crate) reading: ReadingOptions,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate payout reconcile`.
#[derive(Args, Debug)]
pub(crate) struct PayoutReconcile {
    /// The plan.
    pub(crate) plan: PathBuf,

    /// Write a table for accountants, in the place of what is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// Write a report that a board can be sent, in the place of what is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) look: LookOptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    /// Case 11.
    #[test]
    fn decimals_are_given_token_by_token() {
        let read = decimals(&format!("{TOKEN}=18")).unwrap();
        assert_eq!((read.token.anywhere().to_string(), read.decimals), (TOKEN.to_owned(), 18));
        for (text, reason) in [
            (TOKEN.to_owned(), "write the token's address, ="),
            (format!("{TOKEN}="), "\"\" is no number of decimals"),
            (format!("{TOKEN}=256"), "\"256\" is no number of decimals"),
            (format!("{TOKEN}=6.0"), "\"6.0\" is no number of decimals"),
            ("USDC=6".to_owned(), "\"USDC\" is not an address"),
        ] {
            assert!(decimals(&text).unwrap_err().contains(reason), "{text}");
        }
    }
}
