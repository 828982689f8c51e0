//! `quorate book`.

use super::{ChainOptions, payout::BookOptions};
use clap::{Args, Subcommand};

/// What can be done with the address book.
#[derive(Debug, Subcommand)]
pub(crate) enum BookCommand {
    /// Give an address a name.
    #[command(subcommand)]
    Add(BookAdd),
    /// List what the book has.
    List(BookList),
    /// Compare the book with itself, and with a chain where an endpoint is given.
    Check(BookList),
}

/// `quorate book add`.
#[derive(Debug, Subcommand)]
pub(crate) enum BookAdd {
    /// A payee, written @NAME where an address is.
    Payee(AddPayee),
    /// A token, by the symbol that lists use for it.
    Token(AddToken),
    /// A wallet, with the owners and threshold that are expected of it: where an endpoint is given, those it has
    /// now.
    #[command(
        override_usage = "quorate book add wallet [OPTIONS] --chain-id <CHAIN_ID>\n       <NAME> <ADDRESS>"
    )]
    Wallet(AddWallet),
    /// The pattern of the pages that show a transaction.
    Explorer(AddExplorer),
}

/// `quorate book add payee`.
#[derive(Args, Debug)]
pub(crate) struct AddPayee {
    /// The name: letters, digits, . _ and -.
    pub(crate) name: String,
    /// The address.
    pub(crate) address: String,
    /// The chain on which the name holds. Without it on all.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: Option<u64>,
    #[command(flatten)]
    pub(crate) book: BookOptions,
}

/// `quorate book add token`.
#[derive(Args, Debug)]
#[command(
    override_usage = "quorate book add token [OPTIONS] --chain-id <CHAIN_ID>\n       <SYMBOL> <ADDRESS>"
)]
pub(crate) struct AddToken {
    /// The symbol that lists use.
    pub(crate) symbol: String,
    /// The token's address.
    pub(crate) address: String,
    /// The chain.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: u64,
    /// How many decimals it has, for lists that are planned without an endpoint. Where one is given, the token
    /// tells.
    #[arg(
        long,
        value_name = "NUMBER",
        help = "How many decimals it has, at most 255. Where an endpoint is given, it tells"
    )]
    pub(crate) decimals: Option<u8>,
    #[command(flatten)]
    pub(crate) book: BookOptions,
    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate book add wallet`.
#[derive(Args, Debug)]
pub(crate) struct AddWallet {
    /// The name: letters, digits, . _ and -.
    pub(crate) name: String,
    /// The wallet's address.
    pub(crate) address: String,
    /// The chain.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: u64,
    #[command(flatten)]
    pub(crate) book: BookOptions,
    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate book add explorer`.
#[derive(Args, Debug)]
pub(crate) struct AddExplorer {
    /// The link, with {tx} where the transaction's hash stands.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The chain.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: u64,
    #[command(flatten)]
    pub(crate) book: BookOptions,
}

/// `quorate book list` and `check`.
#[derive(Args, Debug)]
pub(crate) struct BookList {
    /// Only what holds on this chain.
    #[arg(long, value_name = "CHAIN_ID")]
    pub(crate) chain_id: Option<u64>,
    #[command(flatten)]
    pub(crate) book: BookOptions,
    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}
