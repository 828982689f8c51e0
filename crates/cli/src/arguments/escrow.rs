//! `quorate escrow`.

use super::{Accept, AccessOptions, Beside, ChainOptions, KeyOptions, SendOptions};
use alloy::primitives::{B256, Bytes};
use clap::{Args, Subcommand, ValueEnum};
use quorate_core::{address::Written, signature};
use quorate_treasury::{escrow::Role, escrow_terms::Party};
use std::path::PathBuf;

/// What can be done with escrows.
#[derive(Debug, Subcommand)]
pub(crate) enum EscrowCommand {
    /// Write the file of a new escrow, for the three parties to accept.
    ///
    /// Nothing is sent and nothing signed. The address of the escrow follows from the file; `wallet deploy` puts it on the
    /// chain, and `escrow fund` pays into it once all three accepted.
    #[command(
        override_usage = "quorate escrow open [OPTIONS] --buyer <ADDRESS> --seller <ADDRESS>\n       \
                          --arbiter <ADDRESS> --token <ADDRESS|ETH> --amount <AMOUNT>\n       \
                          --expiry <WHEN> --arbitration <DAYS> --timeout-to <PARTY>\n       \
                          --fee-cap <PERCENT> --terms <FILE>"
    )]
    Open(Box<EscrowOpen>),

    /// Read the terms, and accept them in your role: your signature is put into the file.
    ///
    /// With --relayer it is handed in there too.
    Accept(Box<EscrowAccept>),

    /// Show what each party can do now and later, what is accepted, funded and decided.
    Show(Box<EscrowShow>),

    /// List escrows: those of files, and with --relayer and --owner those of a party there.
    List(Box<EscrowList>),

    /// Pay what is missing into the escrow, once all three accepted and it is on the chain.
    ///
    /// Without a key it says what is missing, and what has arrived.
    Fund(Box<EscrowFund>),

    /// Buyer: pay the seller, alone. Everything, or a part with --amount.
    Release(Box<EscrowPay>),

    /// Seller: pay the buyer back, alone. Everything, or a part with --amount.
    Refund(Box<EscrowPay>),

    /// Offer to divide the money: the other party, or the arbiter, completes it with `sign`.
    Split(Box<EscrowDivide>),

    /// Arbiter: decide, with a fee if one was agreed. The buyer or the seller completes it with `sign`.
    Resolve(Box<EscrowDivide>),

    /// After the time-out: take everything, alone. Only for whom the time-out is.
    Claim(Box<EscrowAct>),

    /// Before the expiry, once: move the time-out, so that the arbiter has time. Only for whom it is not.
    Dispute(Box<EscrowAct>),

    /// Use up a nonce, so that what was signed for it never happens.
    ///
    /// Alone one cancels only what is in one's own lane; an offer takes two signatures to be cancelled.
    Cancel(Box<EscrowCancel>),

    /// Write everything that was agreed, signed and executed into one file.
    #[command(override_usage = "quorate escrow evidence [OPTIONS] --out <FILE> <FILE>")]
    Evidence(Box<EscrowEvidence>),

    /// Check a file of evidence, offline, and with an endpoint against the chain.
    Verify(EscrowVerify),
}

/// One of the two between whom the escrow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartyWord {
    /// Who pays.
    Buyer,
    /// Who delivers.
    Seller,
}

impl From<PartyWord> for Party {
    fn from(word: PartyWord) -> Self {
        match word {
            PartyWord::Buyer => Self::Buyer,
            PartyWord::Seller => Self::Seller,
        }
    }
}

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleWord {
    /// Who pays.
    Buyer,
    /// Who delivers.
    Seller,
    /// Who decides where the two do not agree.
    Arbiter,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Buyer => Self::Buyer,
            RoleWord::Seller => Self::Seller,
            RoleWord::Arbiter => Self::Arbiter,
        }
    }
}

/// `quorate escrow open`.
#[derive(Args, Debug)]
pub(crate) struct EscrowOpen {
    /// Who pays.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) buyer: Written,

    /// Who delivers.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) seller: Written,

    /// Who decides where the two do not agree.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) arbiter: Written,

    /// What is held: a token's address, or ETH.
    #[arg(long, value_name = "ADDRESS|ETH")]
    pub(crate) token: String,

    /// How much is held, in ether or in the token's units.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) amount: String,

    /// How many decimals the token has, where it does not tell them itself.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) decimals: Option<u8>,

    /// The time-out if nobody disputes: from now (90d), a time (2027-03-01T12:00:00Z), or Unix seconds.
    #[arg(long, value_name = "WHEN")]
    pub(crate) expiry: String,

    /// How much later the time-out comes after a dispute: days, or a length (14d, 36h).
    #[arg(long, value_name = "DAYS")]
    pub(crate) arbitration: String,

    /// Who may take everything at the time-out.
    #[arg(long, value_name = "PARTY", value_enum)]
    pub(crate) timeout_to: PartyWord,

    /// The most that the arbiter may be paid, in percent of what a decision moves: 2.5. Above 10 it is a danger.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) fee_cap: String,

    /// The agreement in words: a file of any kind, at most 1 MiB, whose very bytes are accepted.
    #[arg(long, value_name = "FILE")]
    pub(crate) terms: PathBuf,

    /// 32 bytes, 0x-hex, that tell apart escrows of the same terms; chosen by itself.
    #[arg(long, value_name = "HEX")]
    pub(crate) salt: Option<B256>,

    /// The chain, where there is no endpoint to ask.
    #[arg(long, value_name = "ID")]
    pub(crate) chain_id: Option<u64>,

    /// The file to write; without it escrow-ADDRESS.json.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate escrow accept`.
#[derive(Args, Debug)]
pub(crate) struct EscrowAccept {
    /// The escrow file, into which the acceptance is written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The role to accept, if it is not to follow from the key.
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    pub(crate) role: Option<RoleWord>,

    /// Until when the escrow can be funded on this acceptance: from now (7d), a time, or Unix seconds.
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub(crate) deadline: String,

    /// Write another file and leave the first as it is.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// An acceptance made elsewhere, 0x-hex: by a key, what a contract takes, or 0x for one approved on chain. With
    /// --as, and with the --deadline that was signed, in Unix seconds.
    #[arg(long, value_name = "HEX", value_parser = signature::parse_bytes, conflicts_with = "key", requires = "role")]
    pub(crate) signature: Option<Bytes>,

    /// Print the EIP-712 JSON that other wallets sign, and nothing else. With --as.
    #[arg(long, requires = "role", conflicts_with_all = ["key", "signature"])]
    pub(crate) typed_data: bool,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,

    #[command(flatten)]
    pub(crate) key: KeyOptions,
}

/// `quorate escrow show`.
#[derive(Args, Debug)]
pub(crate) struct EscrowShow {
    /// The escrow file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print the terms, as they are, and nothing else.
    #[arg(long)]
    pub(crate) terms: bool,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate escrow list`.
#[derive(Args, Debug)]
pub(crate) struct EscrowList {
    /// Escrow files; without them those in the present folder.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// A party whose escrows the relayer is asked for.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) owner: Option<Written>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate escrow fund`.
#[derive(Args, Debug)]
pub(crate) struct EscrowFund {
    /// The escrow file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// How much to pay, in ether or the token's units; without it what is missing.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) amount: Option<String>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) send: SendOptions,
}

/// What every action has.
#[derive(Args, Debug)]
pub(crate) struct EscrowAct {
    /// The escrow file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Who acts, if it is not to follow from the key: then the file is written unsigned, as for a party that is a contract.
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    pub(crate) role: Option<RoleWord>,

    /// Until when it can be executed: from now (24h), a time, or Unix seconds. Without it 7 days, for an offer 24 hours.
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<String>,

    /// The proposal to write. Without it verb and digest name it; what is handed to a relayer is then not written.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

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

/// Of what the money is, and how much.
#[derive(Args, Debug)]
pub(crate) struct Of {
    /// Another token than the agreed one, as one that was sent by mistake: its address, or ETH.
    #[arg(long, value_name = "ADDRESS|ETH")]
    pub(crate) token: Option<String>,
}

/// `quorate escrow release` and `refund`.
#[derive(Args, Debug)]
pub(crate) struct EscrowPay {
    /// A part, in ether or the token's units, or in percent of what is there (50%): the rest stays. Without it everything.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) amount: Option<String>,

    #[command(flatten)]
    pub(crate) of: Of,

    #[command(flatten)]
    pub(crate) act: EscrowAct,
}

/// `quorate escrow split` and `resolve`.
#[derive(Args, Debug)]
pub(crate) struct EscrowDivide {
    /// What the buyer gets, in ether or the token's units, or in percent (60%); the seller gets the rest.
    #[arg(long = "to-buyer", value_name = "AMOUNT", conflicts_with = "to_seller")]
    pub(crate) to_buyer: Option<String>,

    /// What the seller gets, in ether or the token's units, or in percent (60%); the buyer gets the rest.
    #[arg(long = "to-seller", value_name = "AMOUNT", required_unless_present = "to_buyer")]
    pub(crate) to_seller: Option<String>,

    /// What the arbiter gets, in ether or the token's units, or in percent of all of it, up to the agreed cap. `resolve`
    /// alone.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) fee: Option<String>,

    /// Pay the named party its exact amount and leave the rest in the escrow.
    #[arg(long, conflicts_with_all = ["fee", "first"])]
    pub(crate) milestone: bool,

    /// Two proposals, one behind the other: this party is paid first, and the other by the second one. For where the other
    /// cannot receive. Warning: whoever completes the first need not complete the second.
    #[arg(long, value_name = "PARTY", value_enum, conflicts_with = "fee")]
    pub(crate) first: Option<PartyWord>,

    #[command(flatten)]
    pub(crate) of: Of,

    #[command(flatten)]
    pub(crate) act: EscrowAct,
}

/// `quorate escrow cancel`.
#[derive(Args, Debug)]
pub(crate) struct EscrowCancel {
    #[command(flatten)]
    pub(crate) act: EscrowAct,

    /// The proposal to cancel. Without it the next nonce of one's own lane.
    #[arg(value_name = "PROPOSAL")]
    pub(crate) proposal: Option<PathBuf>,
}

/// `quorate escrow evidence`.
#[derive(Args, Debug)]
pub(crate) struct EscrowEvidence {
    /// The escrow file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// A proposal that belongs to it; once for each. Those in the folder of the file, in the present one, and at the relayer
    /// are taken too.
    #[arg(long, value_name = "FILE")]
    pub(crate) proposal: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate escrow verify`.
#[derive(Args, Debug)]
pub(crate) struct EscrowVerify {
    /// The file of evidence.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Check nothing on a chain, whatever endpoint is named.
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}
