//! Quorate wallets, which can pay in two ways.

use super::{
    wallet::{Kind, Roster, Wallet},
    work::Payment,
};
use crate::{anvil::GENESIS_SECS, deploy::TestToken, signatures::sign};
use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use eyre::Result;
use quorate_bindings::{canonical, contracts::IWalletFactory};
use quorate_core::{
    Config, Lane, Nonce, Request,
    action::{Call, Transfer},
    packing,
};
use serde::Serialize;
use std::fmt;

/// A week after the genesis block, in Unix seconds: the default of the command line.
const DEADLINE: u64 = GENESIS_SECS + 7 * 24 * 60 * 60;

/// What payments are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// `payout`: one token, many payees.
    Payout,
    /// `execute`: a call for each payment.
    Execute,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Payout => "payout",
            Self::Execute => "execute",
        })
    }
}

/// Wallets of the canonical factory, in lane 0.
#[derive(Debug)]
pub(super) struct Quorate {
    pub(super) chain_id: u64,
    pub(super) action: Action,
}

impl Kind for Quorate {
    fn name(&self) -> &'static str {
        match self.action {
            Action::Payout => "Quorate (payout)",
            Action::Execute => "Quorate (execute)",
        }
    }

    fn create(&self, roster: &Roster, salt: U256) -> (Address, Bytes) {
        let config = (&config(roster)).into();
        let call = IWalletFactory::createCall { config, salt: salt.into() };
        (canonical::WALLET_FACTORY.address, call.abi_encode().into())
    }

    fn pay(&self, wallet: &Wallet, token: Option<Address>, payments: &[Payment]) -> Result<Bytes> {
        let action = match self.action {
            Action::Payout => {
                let transfer =
                    |payment: &Payment| Transfer { to: payment.to, amount: payment.amount };
                let transfers = payments.iter().map(transfer).collect();
                quorate_core::Action::Payout { token: token.unwrap_or_default(), transfers }
            }
            Action::Execute => {
                let calls = payments.iter().map(|payment| inner_call(token, payment));
                let calls = calls.map(|(to, value, data)| Call { to, value, data }).collect();
                quorate_core::Action::Execute { calls }
            }
        };
        self.signed(wallet, action)
    }

    fn change_owners(&self, wallet: &Wallet, roster: &Roster) -> Result<Bytes> {
        self.signed(wallet, quorate_core::Action::Reconfigure { config: config(roster) })
    }
}

impl Quorate {
    /// The call that carries an action out, signed.
    fn signed(&self, wallet: &Wallet, action: quorate_core::Action) -> Result<Bytes> {
        let request = Request {
            chain_id: self.chain_id,
            wallet: wallet.address,
            epoch: u32::try_from(wallet.epoch)?,
            action,
            nonce: Nonce::new(Lane::ZERO, wallet.nonce),
            deadline: DEADLINE,
        };
        let signed = sign(&request.digest(), wallet.roster.signers())?;
        Ok(request.calldata(packing::pack(&config(&wallet.roster), &signed)?))
    }
}

fn config(roster: &Roster) -> Config {
    let threshold = roster.threshold.into();
    Config::new(threshold, roster.addresses(), Address::ZERO, Bytes::new())
        .expect("distinct owners, some of whom sign")
}

/// Target, value and data of the call that makes a payment.
pub(super) fn inner_call(token: Option<Address>, payment: &Payment) -> (Address, U256, Bytes) {
    match token {
        None => (payment.to, payment.amount, Bytes::new()),
        Some(token) => {
            let transfer = TestToken::transferCall { to: payment.to, value: payment.amount };
            (token, U256::ZERO, transfer.abi_encode().into())
        }
    }
}
