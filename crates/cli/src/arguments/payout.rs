//! `quorate payout`.

use super::{Accept, AccessOptions, Beside, ChainOptions, KeyOptions};
use clap::{Args, Subcommand};
use quorate_core::{address::Written, text::shown};
use quorate_treasury::payout_plan::{DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE};
use std::path::PathBuf;

/// What can be done with payout files.
#[derive(Debug, Subcommand)]
pub(crate) enum PayoutCommand {
    /// Turn a payout file into proposals.
    ///
    /// The file is CSV with the columns id,to,amount,token,note; token is ETH or an address. The run's
    /// name decides the nonces: a wallet pays each batch of a run at most once, however often it is
    /// proposed.
    ///
    /// With --relayer and a key each batch is reviewed as `sign` does, signed, and handed in. If that breaks
    /// off, the same command goes on where it was.
    #[command(override_usage = "quorate payout propose [OPTIONS] --wallet <ADDRESS|FILE>\n       \
                                --run <NAME> <FILE>")]
    Propose(Box<PayoutPropose>),
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

/// `quorate payout propose`.
#[derive(Args, Debug)]
pub(crate) struct PayoutPropose {
    /// The payout file.
    pub(crate) file: PathBuf,

    /// The name of the run, unique for the wallet, as payroll-2026-11.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: String,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: String,

    /// How many payments go into one proposal.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_BATCH_SIZE,
        help = format!("How many payments go into one proposal, from 1 to {MAX_BATCH_SIZE}"))]
    pub(crate) batch_size: usize,

    /// Until when it can be executed: from now (7d, 12h, 30m), a time (2026-12-24T18:00:00Z), or Unix
    /// seconds.
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub(crate) deadline: String,

    /// The folder for the proposal files; made if missing. Without it one named like the run; what is
    /// handed to a relayer is then not written.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// How many decimals a token has that does not tell them itself, as ADDRESS=18; once for each. The danger unreadableDecimals:
    /// a wrong number pays a thousandfold.
    #[arg(long, value_name = "TOKEN=NUMBER", value_parser = decimals)]
    pub(crate) decimals: Vec<Decimals>,

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
