//! What is proposed to a wallet and not over, and the place behind it.

use super::Relayer;
use crate::failure::Cause;
use alloy::primitives::Address;
use eyre::Result;
use quorate_api::{ClientError, Lie, Verified};
use quorate_chain::{Chain, WalletState};
use quorate_core::{Config, Lane, Nonce, OwnerSignature, status::StatusWord};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;

/// The statuses of what is not over.
const OPEN: [StatusWord; 3] = [StatusWord::Collecting, StatusWord::Ready, StatusWord::Submitted];

/// How long to wait before both are read again where they contradict each other.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_000)];

impl Relayer {
    /// The proposals of a wallet that are not over, by the relayer's word, by nonce.
    pub(crate) async fn open(&self, chain_id: u64, wallet: Address) -> Result<Vec<Verified>> {
        let mut open = BTreeMap::new();
        for status in OPEN {
            let listed = self.client.proposals(chain_id, wallet, Some(status));
            let listed = self.output.during("asking the relayer", listed).await?;
            if !listed.is_whole {
                let count = listed.items.len();
                return Err(Cause::BadInput.error(format!(
                    "the relayer lists more than {count} proposals of this wallet, of which no more are read: say which place with --lane and --sequence"
                )));
            }
            // One that went on meanwhile is listed twice: what was read last counts.
            open.extend(listed.items.into_iter().map(|item| (item.digest(), item)));
        }
        let mut open: Vec<_> = open.into_values().collect();
        open.sort_by_key(|verified| verified.request().nonce);
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
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let answer = self.wallet(chain.id(), state.address).await?;
            if let Some(config) = &state.config {
                answer.wallet().check_config(state.epoch, config).map_err(ClientError::Lie)?;
            }
            let open = self.open(chain.id(), state.address).await?;
            let head = chain.head().await?.number;
            let next = chain.next_nonce(state, lane).await?;
            let listed = behind(&open, next, state, chain).await?;
            let claimed = answer.lane(lane).map_or(0, |lane| lane.next_free);
            if claimed <= listed.sequence {
                return Ok(listed);
            }
            if let Some(pause) = pause {
                sleep(pause).await;
            } else if answer.wallet().head.is_some_and(|answered| answered.number > head) {
                return Err(Cause::NotYet.error(
                    "the relayer tells of blocks that your endpoint does not show yet: try again, or give --sequence",
                ));
            } else {
                let listed = listed.sequence;
                return Err(ClientError::Lie(Lie::NextFree { lane, claimed, listed }).into());
            }
        }
        unreachable!("the last time there is no pause")
    }
}

/// The place behind the open proposals of a lane, or the chain's next, whichever is later.
async fn behind(
    open: &[Verified],
    next: Nonce,
    state: &WalletState,
    chain: &Chain,
) -> Result<Nonce> {
    let mut sequence = next.sequence;
    for verified in open {
        let request = verified.request();
        if request.nonce.lane != next.lane || request.epoch != state.epoch {
            continue;
        }
        if let Some(config) = &state.config {
            check_signed(verified, config, chain).await?;
        }
        let behind = request.nonce.sequence.checked_add(1);
        let behind = behind.ok_or_else(|| Cause::BadInput.error("that lane is at its end"))?;
        sequence = sequence.max(behind);
    }
    Ok(Nonce::new(next.lane, sequence))
}

/// Checks that an owner signed it: nobody else can take a place in a wallet's lanes.
async fn check_signed(verified: &Verified, config: &Config, chain: &Chain) -> Result<()> {
    verified.check_signers(config).map_err(ClientError::Lie)?;
    let (wallet, digest) = (verified.request().wallet, verified.digest());
    for (&owner, signature) in verified.signatures() {
        let is_signed = config.index_of(owner).is_some()
            && match signature {
                OwnerSignature::Ecdsa(_) => true,
                // It may refuse now what it accepted when it proposed.
                OwnerSignature::Contract(_) => chain.has_code(owner).await?,
                OwnerSignature::Approved => chain.approved(wallet, digest, owner).await?,
            };
        if is_signed {
            return Ok(());
        }
    }
    let status = verified.proposal().status;
    Err(ClientError::Lie(Lie::NotEnough { status, count: 0, threshold: 1 }).into())
}
