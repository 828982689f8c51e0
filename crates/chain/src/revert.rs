//! Why a call failed: the bytes of a revert, read.

#[cfg(test)]
mod tests;
mod treasury_words;
mod words;

use crate::endpoint::cut;
use alloy::{
    primitives::{Bytes, U256},
    sol,
    sol_types::{Panic, Revert as ErrorString, SolError, SolInterface},
};
use quorate_bindings::contracts::{EscrowPolicy, ITreasuryPolicy, IWallet, IWalletFactory};
use std::fmt;

sol! {
    /// The errors of OpenZeppelin's tokens (ERC-6093).
    #[derive(Debug, PartialEq, Eq)]
    interface IERC20Errors {
        /// An account has less than is taken from it.
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        /// Nothing can be taken from this account.
        error ERC20InvalidSender(address sender);
        /// Nothing can be given to this account.
        error ERC20InvalidReceiver(address receiver);
        /// The owner allowed less.
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        /// This account cannot allow anything.
        error ERC20InvalidApprover(address approver);
        /// Nothing can be allowed to this account.
        error ERC20InvalidSpender(address spender);
    }
}

/// The most characters that are shown of a text from the chain.
const LONGEST_TEXT: usize = 200;

/// The most bytes that are shown in hex.
const LONGEST_HEX: usize = 64;

/// How many errors within an error are read.
const DEEPEST: u8 = 3;

/// Why a call failed. Displays as one sentence, values included, safe to show: text from the chain is
/// escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// An error of the wallet.
    Wallet(IWallet::IWalletErrors),
    /// An error of the factory.
    Factory(IWalletFactory::IWalletFactoryErrors),
    /// An error of the escrow policy.
    Escrow(EscrowPolicy::EscrowPolicyErrors),
    /// An error of the policy of treasuries.
    Treasury(ITreasuryPolicy::ITreasuryPolicyErrors),
    /// An error of a token (ERC-6093).
    Token(IERC20Errors::IERC20ErrorsErrors),
    /// `Error(string)`; the text is escaped, and cut after 200 characters.
    Message(String),
    /// `Panic(uint256)`, by its code.
    Panic(U256),
    /// A revert without any bytes.
    Silent,
    /// No revert: the execution broke, as out of gas. What the endpoint wrote, escaped.
    Halted(String),
    /// It goes through and does nothing: there is no wallet where the execution is sent.
    NoEffect,
    /// Bytes that are no known error.
    Unknown(Bytes),
}

/// What a policy refuses for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyRefusal {
    /// More signatures may do.
    Signatures,
    /// It may be done from this time on, in Unix seconds.
    NotBefore(u64),
    /// As things are it may not be done: not queued, vetoed, frozen, or not at all.
    Rules,
}

/// Reads the bytes of a revert. Never fails: what is not known is [`Revert::Unknown`].
///
/// Warning: any contract can revert with the bytes of any error; a reason is what was said, not what is
/// true.
pub fn decode(data: &[u8]) -> Revert {
    if data.is_empty() {
        return Revert::Silent;
    }
    read(data).unwrap_or_else(|| Revert::Unknown(Bytes::copy_from_slice(data)))
}

fn read(data: &[u8]) -> Option<Revert> {
    let selector: [u8; 4] = data.get(..4)?.try_into().ok()?;
    // Not validated, so that text that is not quite UTF-8 is shown as far as it goes.
    if selector == ErrorString::SELECTOR {
        let text = ErrorString::abi_decode(data).ok()?;
        return Some(Revert::Message(cut(&text.reason, LONGEST_TEXT)));
    }
    if selector == Panic::SELECTOR {
        return Panic::abi_decode_validate(data).ok().map(|panic| Revert::Panic(panic.code));
    }
    macro_rules! first_of {
        ($($variant:ident($errors:ty)),*) => {$(
            if <$errors>::valid_selector(selector) {
                return <$errors>::abi_decode_validate(data).ok().map(Revert::$variant);
            }
        )*};
    }
    first_of!(
        Wallet(IWallet::IWalletErrors),
        Factory(IWalletFactory::IWalletFactoryErrors),
        Escrow(EscrowPolicy::EscrowPolicyErrors),
        Treasury(ITreasuryPolicy::ITreasuryPolicyErrors),
        Token(IERC20Errors::IERC20ErrorsErrors)
    );
    None
}

impl Revert {
    /// What the wallet's policy refuses for, if it is the policy that refuses.
    ///
    /// The canonical policies are told apart by their errors; any other one by none: then more signatures may do.
    pub fn policy_refusal(&self) -> Option<PolicyRefusal> {
        use ITreasuryPolicy::ITreasuryPolicyErrors as Treasury;
        let Self::Wallet(IWallet::IWalletErrors::PolicyRefused(refused)) = self else {
            return None;
        };
        Some(match decode(&refused.reason) {
            Self::Treasury(Treasury::DelayNotOver(told)) => {
                PolicyRefusal::NotBefore(told.eta.saturating_to())
            }
            Self::Treasury(
                Treasury::NotQueued(_)
                | Treasury::WalletFrozen(_)
                | Treasury::VetoStands(_)
                | Treasury::CallNotAllowed(_)
                | Treasury::AlreadyQueued(_)
                | Treasury::NotFrozen(_),
            ) => PolicyRefusal::Rules,
            _ => PolicyRefusal::Signatures,
        })
    }

    /// The error's name for machines, as in `ThresholdNotMet`: that of the contract's error, else `Error`,
    /// `Panic`, `Silent`, `Halted` or `Unknown`. The same from version to version.
    pub fn name(&self) -> &'static str {
        let name = match self {
            Self::Wallet(error) => IWallet::IWalletErrors::name_by_selector(error.selector()),
            Self::Factory(error) => {
                IWalletFactory::IWalletFactoryErrors::name_by_selector(error.selector())
            }
            Self::Escrow(error) => {
                EscrowPolicy::EscrowPolicyErrors::name_by_selector(error.selector())
            }
            Self::Treasury(error) => {
                ITreasuryPolicy::ITreasuryPolicyErrors::name_by_selector(error.selector())
            }
            Self::Token(error) => {
                IERC20Errors::IERC20ErrorsErrors::name_by_selector(error.selector())
            }
            Self::Message(_) => Some("Error"),
            Self::Panic(_) => Some("Panic"),
            Self::Silent => Some("Silent"),
            Self::Halted(_) => Some("Halted"),
            Self::NoEffect => Some("NoEffect"),
            Self::Unknown(_) => None,
        };
        name.unwrap_or("Unknown")
    }

    /// The sentence, `depth` errors within the outermost one.
    fn sentence(&self, depth: u8) -> String {
        match self {
            Self::Wallet(error) => words::wallet(error, depth),
            Self::Factory(error) => words::factory(error),
            Self::Escrow(error) => words::escrow(error),
            Self::Treasury(error) => treasury_words::treasury(error),
            Self::Token(error) => words::token(error),
            Self::Message(text) => format!("\"{text}\""),
            Self::Panic(code) => words::panic(*code),
            Self::Silent => "no reason was given".to_owned(),
            Self::Halted(message) => format!("the execution broke off: {message}"),
            Self::NoEffect => "it would do nothing: there is no wallet".to_owned(),
            Self::Unknown(data) => format!("unknown error {}", hex(data)),
        }
    }
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(0))
    }
}

/// The error within an error.
fn within(reason: &Bytes, depth: u8) -> String {
    if depth >= DEEPEST { hex(reason) } else { decode(reason).sentence(depth + 1) }
}

fn hex(data: &Bytes) -> String {
    if data.len() <= LONGEST_HEX {
        return data.to_string();
    }
    format!("{}… ({} bytes)", data.slice(..LONGEST_HEX), data.len())
}
