//! What an escrow executed, and what its calldata says of it.

use super::{super::file::EscrowFile, parts::Finding};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolInterface as _,
};
use quorate_bindings::contracts::IWallet::{self, IWalletCalls};
use quorate_core::{Action, Config, Nonce, Proposal, Request, json, packing};
use serde::{Deserialize, Serialize};

/// How many epochs are tried for what was executed.
const MOST_EPOCHS: u32 = 64;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Block {
    /// Its number.
    #[serde(with = "json::integer")]
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in Unix seconds.
    #[serde(with = "json::integer")]
    pub time: u64,
}

/// Something that the escrow executed, and the transaction that carried it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Executed {
    /// What was signed.
    pub digest: B256,
    /// The nonce it consumed.
    pub nonce: Nonce,
    /// The transaction's hash.
    pub tx_hash: B256,
    /// The block it is in.
    pub block: Block,
    /// Who sent it.
    #[serde(with = "json::account")]
    pub from: Address,
    /// Whom it calls: the escrow, or something that calls it.
    #[serde(with = "json::account")]
    pub to: Address,
    /// Its calldata.
    #[serde(with = "json::bytes")]
    pub input: Bytes,
}

impl Executed {
    /// Whether the calldata makes the digest, with signatures that the wallet takes.
    pub(super) fn check(&self, escrow: &EscrowFile) -> Finding {
        if self.to != escrow.wallet() {
            return Finding::NotChecked(format!(
                "the transaction calls {}, which called the escrow",
                self.to.to_checksum(None)
            ));
        }
        match self.proposal(escrow) {
            Some(_) => Finding::Holds,
            None => Finding::Changed(format!(
                "the calldata is not that of {}, signed by parties",
                self.digest
            )),
        }
    }

    /// What was executed, with its signatures, read from the calldata; none if that is not of this digest, or signed by
    /// nobody. Of a later configuration than the first it has no signatures.
    pub fn proposal(&self, escrow: &EscrowFile) -> Option<Proposal> {
        let (request, signatures) = read_call(&self.input, escrow)?;
        let epoch = (0..MOST_EPOCHS)
            .find(|&epoch| Request { epoch, ..request.clone() }.digest() == self.digest)?;
        let request = Request { epoch, ..request };
        if request.nonce != self.nonce || request.calldata(signatures.clone()) != self.input {
            return None;
        }
        let mut proposal = Proposal::new(request, None, Some(escrow.origin())).ok()?;
        if epoch == 0 {
            for (owner, signature) in
                packing::unpack(escrow.config(), &self.digest, &signatures).ok()?
            {
                proposal.add(owner, signature).ok()?;
            }
        }
        Some(proposal)
    }
}

/// A call of the wallet as a request of epoch 0, and the packed signatures.
fn read_call(input: &[u8], escrow: &EscrowFile) -> Option<(Request, Bytes)> {
    let (action, nonce, deadline, signatures) =
        match IWalletCalls::abi_decode_validate(input).ok()? {
            IWalletCalls::payout(call) => {
                let transfer = |it: &IWallet::Transfer| quorate_core::action::Transfer {
                    to: it.to,
                    amount: it.amount,
                };
                let transfers = call.transfers.iter().map(transfer).collect();
                let action = Action::Payout { token: call.token, transfers };
                (action, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::execute(call) => {
                let one = |it: &IWallet::Call| quorate_core::action::Call {
                    to: it.to,
                    value: it.value,
                    data: it.data.clone(),
                };
                let action = Action::Execute { calls: call.calls.iter().map(one).collect() };
                (action, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::cancel(call) => {
                (Action::Cancel {}, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::reconfigure(call) => {
                let config = Config::try_from(call.config).ok()?;
                (Action::Reconfigure { config }, call.nonce, call.deadline, call.signatures)
            }
            _ => return None,
        };
    let deadline = u64::try_from(deadline).ok()?;
    let request = Request {
        chain_id: escrow.chain_id(),
        wallet: escrow.wallet(),
        epoch: 0,
        action,
        nonce: Nonce::from_u256(U256::from(nonce)),
        deadline,
    };
    Some((request, signatures))
}
