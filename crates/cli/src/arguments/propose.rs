//! `quorate propose`.

use super::{Accept, AccessOptions, Beside, BookOptions, ChainOptions, KeyOptions, Source, bytes};
use crate::book_access;
use alloy::primitives::Bytes;
use clap::{Args, Subcommand};
use quorate_core::{Lane, address::Written};
use std::path::PathBuf;

/// `quorate propose`.
#[derive(Args, Debug)]
pub(crate) struct Propose {
    #[command(subcommand)]
    pub(crate) command: ProposeCommand,
}

/// What all proposals have.
#[derive(Args, Debug)]
#[command(next_help_heading = "Proposal")]
pub(crate) struct Common {
    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: String,

    /// The lane, from 0 to 2^192-1: lanes do not wait for each other. Without it lane 0; of a treasury the one that its rules
    /// ask for.
    #[arg(long, value_name = "NUMBER", conflicts_with = "after")]
    pub(crate) lane: Option<Lane>,

    /// The sequence in the lane, from 0 on. Without it the next one that is free, counting what is proposed at the
    /// relayer; without a relayer the next one of the chain.
    #[arg(long, value_name = "NUMBER", conflicts_with = "after")]
    pub(crate) sequence: Option<u64>,

    /// Take the place behind that of another proposal, in its lane.
    #[arg(long, value_name = "FILE|DIGEST")]
    pub(crate) after: Option<Source>,

    /// Until when it can be executed: from now (7d, 12h, 30m), a time (2026-12-24T18:00:00Z), or Unix
    /// seconds. Without it 7d; of what waits by the rules of a treasury 7d after the delay.
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<String>,

    /// Of a treasury: for override signers, in their lane, past delay, veto and freeze.
    #[arg(long = "override")]
    pub(crate) is_for_override: bool,

    /// A note to the owners, at most 2,048 bytes. Nobody signs it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// The file to write. Without it the first digits of the digest name it; what is handed to a relayer
    /// is then not written.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    // It is read before the arguments are, which it explains.
    #[command(flatten)]
    pub(crate) book: BookOptions,

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

/// What can be proposed.
#[derive(Debug, Subcommand)]
pub(crate) enum ProposeCommand {
    /// Pay ether or a token to one payee, or to several, all or nothing.
    #[command(
        override_usage = "quorate propose transfer [OPTIONS] --wallet <ADDRESS|FILE>\n       \
                                --to <ADDRESS> --amount <AMOUNT>"
    )]
    Transfer {
        /// The payee, or @NAME of the address book; once for each.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::account, required = true)]
        to: Vec<Written>,

        /// How much, in ether or in the token's units; once for each payee. `all` is everything left at
        /// that moment.
        #[arg(long, value_name = "AMOUNT", required = true)]
        amount: Vec<String>,

        /// How many decimals the token has, where it does not tell them itself.
        #[arg(long, value_name = "NUMBER", requires = "token")]
        decimals: Option<u8>,

        /// The token, or its symbol in the address book; without it ether.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::token)]
        token: Option<Written>,

        #[command(flatten)]
        common: Common,
    },

    /// Call a contract.
    #[command(override_usage = "quorate propose call [OPTIONS] --wallet <ADDRESS|FILE>\n       \
                                --to <ADDRESS> [ARGUMENT]...")]
    Call {
        /// The contract, or @NAME of the address book.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::account)]
        to: Written,

        /// How much is sent along, in ether.
        #[arg(long, value_name = "AMOUNT", default_value = "0")]
        value: String,

        /// The calldata, 0x-hex.
        #[arg(long, value_name = "HEX", value_parser = bytes, conflicts_with = "signature")]
        data: Option<Bytes>,

        /// The function, as in "approve(address,uint256)"; its arguments follow.
        #[arg(long = "sig", value_name = "SIGNATURE")]
        signature: Option<String>,

        /// The function's arguments.
        #[arg(value_name = "ARGUMENT", requires = "signature", allow_negative_numbers = true)]
        arguments: Vec<String>,

        #[command(flatten)]
        common: Common,
    },

    /// Change owners, threshold or policy.
    ///
    /// What is not named stays as it is. Every signature given before is void afterwards.
    Owners {
        /// A new owner, behind the present ones; once for each.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::account)]
        add: Vec<Written>,

        /// An owner to remove; once for each.
        #[arg(long, value_name = "ADDRESS", value_parser = Written::parse)]
        remove: Vec<Written>,

        /// An owner and who takes its place; once for each pair.
        #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], value_parser = Written::parse)]
        replace: Vec<Written>,

        /// How many owners must sign: from 1 to as many as there are.
        #[arg(long, value_name = "NUMBER")]
        threshold: Option<u64>,

        /// A contract that may veto actions; the zero address for none.
        #[arg(long, value_name = "ADDRESS", value_parser = Written::parse)]
        policy: Option<Written>,

        /// What the policy is told about this wallet, 0x-hex, at most 4,096 bytes.
        #[arg(long, value_name = "HEX", value_parser = bytes)]
        policy_data: Option<Bytes>,

        #[command(flatten)]
        common: Common,
    },

    /// Approve: let a spender take tokens, or sign for another wallet that this one owns.
    Approve {
        /// The token.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::token,
            requires_all = ["spender", "amount"], required_unless_present = "proposal")]
        token: Option<Written>,

        /// Who may take it.
        #[arg(long, value_name = "ADDRESS", value_parser = book_access::account, requires = "token")]
        spender: Option<Written>,

        /// How many decimals the token has, where it does not tell them itself.
        #[arg(long, value_name = "NUMBER", requires = "token")]
        decimals: Option<u8>,

        /// How much, in the token's units; `0` takes an approval back.
        #[arg(long, value_name = "AMOUNT", requires = "token")]
        amount: Option<String>,

        /// A proposal of another wallet, of which this wallet is an owner: sign it on chain.
        #[arg(long, value_name = "FILE|DIGEST", conflicts_with = "token")]
        proposal: Option<Source>,

        #[command(flatten)]
        common: Common,
    },

    /// Let actions of a treasury wait: the delay of its rules begins when this is executed.
    ///
    /// Without --lane it has a lane of its own, that of the actions.
    Queue {
        /// What is to wait: digests, or proposal files.
        #[arg(value_name = "DIGEST|FILE", required = true)]
        proposals: Vec<Source>,

        #[command(flatten)]
        common: Common,
    },

    /// Use up a nonce, so that what was signed for it never happens.
    Cancel {
        /// The proposal to reject. Without it --lane and --sequence say which nonce.
        #[arg(value_name = "FILE|DIGEST", conflicts_with_all = ["lane", "sequence", "after"])]
        proposal: Option<Source>,

        #[command(flatten)]
        common: Common,
    },
}
