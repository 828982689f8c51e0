//! Quorate wallets, which can pay in two ways.

use super::{
    wallet::{Kind, Roster, Wallet},
    work::Payment,
};
use crate::{
    anvil::GENESIS_SECS,
    deploy::TestToken,
    signatures::{Entry, pack},
};
use alloy::{
    primitives::{Address, Bytes, U256, Uint},
    sol_types::{SolCall, SolStruct},
};
use eyre::Result;
use quorate_bindings::{
    canonical,
    contracts::{IWallet, IWalletFactory},
    typed,
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
        let config = IWalletFactory::Config {
            threshold: roster.threshold,
            owners: roster.addresses(),
            policy: Address::ZERO,
            policyData: Bytes::new(),
        };
        let call = IWalletFactory::createCall { config, salt: salt.into() };
        (canonical::WALLET_FACTORY.address, call.abi_encode().into())
    }

    fn pay(&self, wallet: &Wallet, token: Option<Address>, payments: &[Payment]) -> Result<Bytes> {
        match self.action {
            Action::Payout => self.payout(wallet, token.unwrap_or_default(), payments),
            Action::Execute => self.execute(wallet, token, payments),
        }
    }

    fn change_owners(&self, wallet: &Wallet, roster: &Roster) -> Result<Bytes> {
        let signed = typed::Reconfigure {
            threshold: roster.threshold,
            owners: roster.addresses(),
            policy: Address::ZERO,
            policyData: Bytes::new(),
            lane: Uint::ZERO,
            sequence: wallet.nonce,
            deadline: U256::from(DEADLINE),
        };
        let call = IWallet::reconfigureCall {
            signatures: self.sign(wallet, &signed)?,
            config: IWallet::Config {
                threshold: signed.threshold,
                owners: signed.owners,
                policy: signed.policy,
                policyData: signed.policyData,
            },
            nonce: U256::from(wallet.nonce),
            deadline: signed.deadline,
        };
        Ok(call.abi_encode().into())
    }
}

impl Quorate {
    fn payout(&self, wallet: &Wallet, token: Address, payments: &[Payment]) -> Result<Bytes> {
        let transfer =
            |payment: &Payment| typed::Transfer { to: payment.to, amount: payment.amount };
        let signed = typed::Payout {
            token,
            transfers: payments.iter().map(transfer).collect(),
            lane: Uint::ZERO,
            sequence: wallet.nonce,
            deadline: U256::from(DEADLINE),
        };
        let transfer =
            |payment: &Payment| IWallet::Transfer { to: payment.to, amount: payment.amount };
        let call = IWallet::payoutCall {
            token,
            transfers: payments.iter().map(transfer).collect(),
            nonce: U256::from(wallet.nonce),
            deadline: signed.deadline,
            signatures: self.sign(wallet, &signed)?,
        };
        Ok(call.abi_encode().into())
    }

    fn execute(
        &self,
        wallet: &Wallet,
        token: Option<Address>,
        payments: &[Payment],
    ) -> Result<Bytes> {
        let calls = || payments.iter().map(|payment| inner_call(token, payment));
        let signed = typed::Execute {
            calls: calls().map(|(to, value, data)| typed::Call { to, value, data }).collect(),
            lane: Uint::ZERO,
            sequence: wallet.nonce,
            deadline: U256::from(DEADLINE),
        };
        let call = IWallet::executeCall {
            calls: calls().map(|(to, value, data)| IWallet::Call { to, value, data }).collect(),
            nonce: U256::from(wallet.nonce),
            deadline: signed.deadline,
            signatures: self.sign(wallet, &signed)?,
        };
        Ok(call.abi_encode().into())
    }

    fn sign(&self, wallet: &Wallet, action: &impl SolStruct) -> Result<Bytes> {
        let domain = typed::domain(self.chain_id, wallet.address, U256::from(wallet.epoch));
        let digest = action.eip712_signing_hash(&domain);
        let signers = (0..).zip(wallet.roster.signers());
        let entries: Result<Vec<_>> =
            signers.map(|(index, signer)| Entry::sign(index, &digest, signer)).collect();
        Ok(pack(&entries?))
    }
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
