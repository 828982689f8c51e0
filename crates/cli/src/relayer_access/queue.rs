//! What is proposed to a wallet and not over, and the place behind it.

use super::{
    Relayer,
    answered::{check_signed, patiently},
};
use crate::failure::Cause;
use alloy::primitives::Address;
use eyre::Result;
use quorate_api::{ClientError, Lie, Verified, client::Listed};
use quorate_chain::{Chain, WalletState};
use quorate_core::{Lane, Nonce, status::StatusWord};
use std::collections::BTreeMap;

/// The statuses of what is not over.
const OPEN: [StatusWord; 3] = [StatusWord::Collecting, StatusWord::Ready, StatusWord::Submitted];

impl Relayer {
    /// The proposals of a wallet that are not over, by the relayer's word, by nonce.
    pub(crate) async fn open(&self, chain_id: u64, wallet: Address) -> Result<Vec<Verified>> {
        let Listed { items, is_whole } = self.open_as_listed(chain_id, wallet).await?;
        if !is_whole {
            let count = items.len();
            return Err(Cause::BadInput.error(format!(
                "the relayer lists more than {count} proposals of this wallet, of which no more are read: say which place with --lane and --sequence"
            )));
        }
        Ok(items)
    }

    /// As [`Self::open`], where it need not be all of them.
    pub(crate) async fn open_as_listed(
        &self,
        chain_id: u64,
        wallet: Address,
    ) -> Result<Listed<Verified>> {
        let (mut open, mut is_whole) = (BTreeMap::new(), true);
        for status in OPEN {
            let listed = self.client.proposals(chain_id, wallet, Some(status));
            let listed = self.output.during("asking the relayer", listed).await?;
            is_whole &= listed.is_whole;
            // One that went on meanwhile is listed twice: what was read last counts.
            open.extend(listed.items.into_iter().map(|item| (item.digest(), item)));
        }
        let mut items: Vec<_> = open.into_values().collect();
        items.sort_by_key(|verified| verified.request().nonce);
        Ok(Listed { items, is_whole })
    }

    /// As [`Self::open`], each of the present epoch, and signed by an owner.
    pub(crate) async fn examined(
        &self,
        chain: &Chain,
        state: &WalletState,
    ) -> Result<Vec<Verified>> {
        let mut open = self.open(chain.id(), state.address).await?;
        // The relayer may be late: what is of another epoch can never be executed.
        open.retain(|verified| verified.request().epoch == state.epoch);
        for verified in &open {
            if let Some(config) = &state.config {
                verified.check_signers(config).map_err(ClientError::Lie)?;
                check_signed(verified, config, chain).await?;
            }
        }
        Ok(open)
    }

    /// The next free nonce of a lane, behind what is proposed. What the relayer says of it has to follow from what it
    /// lists: each of that an owner signed.
    pub(crate) async fn next_free(
        &self,
        chain: &Chain,
        state: &WalletState,
        lane: Lane,
    ) -> Result<Nonce> {
        let mut is_ahead = false;
        let found = patiently(async || {
            let answer = self.wallet(chain.id(), state.address).await?;
            if let Some(config) = &state.config {
                answer.wallet().check_config(state.epoch, config).map_err(ClientError::Lie)?;
            }
            let open = self.examined(chain, state).await?;
            let head = chain.head().await?.number;
            is_ahead = answer.wallet().head.is_some_and(|answered| answered.number > head);
            let nonce = behind(&open, chain.next_nonce(state, lane).await?)?;
            let claimed = answer.lane(lane).map_or(0, |lane| lane.next_free);
            if claimed > nonce.sequence {
                let listed = nonce.sequence;
                return Err(ClientError::Lie(Lie::NextFree { lane, claimed, listed }).into());
            }
            Ok(nonce)
        })
        .await;
        match found {
            Err(error) if is_ahead && is_of_next_free(&error) => Err(Cause::NotYet.error(
                "the relayer tells of blocks that your endpoint does not show yet: try again, or give --sequence",
            )),
            found => found,
        }
    }
}

fn is_of_next_free(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Lie(Lie::NextFree { .. })))
}

/// The place behind the open proposals of a lane, or the chain's next, whichever is later.
fn behind(open: &[Verified], next: Nonce) -> Result<Nonce> {
    let nonces = open.iter().map(|verified| verified.request().nonce);
    let last = nonces.filter(|nonce| nonce.lane == next.lane).map(|nonce| nonce.sequence).max();
    let behind = match last {
        None => 0,
        Some(last) => {
            last.checked_add(1).ok_or_else(|| Cause::BadInput.error("that lane is at its end"))?
        }
    };
    Ok(Nonce::new(next.lane, next.sequence.max(behind)))
}
