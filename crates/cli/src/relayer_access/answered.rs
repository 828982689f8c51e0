//! What a relayer says of a proposal, next to what the chain says.

use super::Relayer;
use crate::{
    chain_access,
    failure::Cause,
    review::{self, Facts, Standing, Sureness},
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_api::{Certainty, ClientError, Lie, Verified, VerifiedWallet};
use quorate_chain::{Chain, Provenance, WalletState};
use quorate_core::{Proposal, signature::Kind};
use std::time::Duration;
use tokio::time::sleep;

/// How long to wait before both sides are read again where they contradict each other: they are never read at the
/// same moment, and an endpoint may be a block behind.
const PAUSES: [Duration; 2] = [Duration::from_millis(400), Duration::from_millis(1_600)];

/// A proposal of a relayer in which no lie was found.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) verified: Verified,
    /// As a file, with what proves the wallet's address if that is known.
    pub(crate) proposal: Proposal,
    pub(crate) facts: Option<Facts>,
    pub(crate) sureness: Sureness,
}

impl Answered {
    /// Where it stands at the relayer.
    pub(crate) fn standing(&self, relayer: &Relayer) -> Standing {
        Standing::new(relayer.name(), self.verified.proposal(), self.sureness)
    }

    /// How many signatures count: by the chain, and where none was read by the relayer's word.
    pub(crate) fn count(&self) -> usize {
        let request = self.verified.request();
        match &self.facts {
            Some(facts) if facts.state.epoch == request.epoch => facts.verified.valid.len(),
            _ => self.verified.proposal().signatures.iter().filter(|s| s.counts).count(),
        }
    }
}

impl Relayer {
    /// Reads a proposal from the relayer, and examines it against the chain if one is given.
    pub(crate) async fn look(&self, digest: B256, chain: Option<&Chain>) -> Result<Answered> {
        self.look_with(chain, async || self.proposal(digest).await).await
    }

    /// Examines an answer to something that was handed in; one that the chain contradicts is read anew.
    pub(crate) async fn examine_taken(
        &self,
        taken: Verified,
        chain: Option<&Chain>,
    ) -> Result<Answered> {
        let digest = taken.digest();
        let mut taken = Some(taken);
        self.look_with(chain, async || match taken.take() {
            Some(taken) => Ok(taken),
            None => self.proposal(digest).await,
        })
        .await
    }

    async fn look_with(
        &self,
        chain: Option<&Chain>,
        mut read: impl AsyncFnMut() -> Result<Verified>,
    ) -> Result<Answered> {
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let verified = read().await?;
            let (chain_id, wallet) = (verified.request().chain_id, verified.request().wallet);
            if let Some(chain) = chain {
                chain_access::check_same(chain, chain_id)?;
            }
            let wallet = self.wallet(chain_id, wallet).await?;
            let examined = match chain {
                Some(chain) => match wallet_state(&wallet, chain).await {
                    Ok(state) => self.examine(verified, &wallet, Some((chain, &state))).await,
                    Err(error) => Err(error),
                },
                None => self.examine(verified, &wallet, None).await,
            };
            match (examined, pause) {
                (Err(error), Some(pause)) if is_lie(&error) => sleep(pause).await,
                (examined, _) => return examined,
            }
        }
        unreachable!("the last time there is no pause")
    }

    /// Examines a proposal against the wallet that it is of, and both against the chain.
    pub(crate) async fn examine(
        &self,
        verified: Verified,
        wallet: &VerifiedWallet,
        seen: Option<(&Chain, &WalletState)>,
    ) -> Result<Answered> {
        let proposal = verified.to_file(wallet.origin().cloned());
        let proposal = proposal.map_err(|error| {
            Cause::Mismatch.error(format!("the relayer says what is not so: {error}"))
        })?;
        let Some((chain, state)) = seen else {
            let sureness = by_address(&verified, wallet).map_err(ClientError::Lie)?;
            return Ok(Answered { verified, proposal, facts: None, sureness });
        };
        let facts = Facts::beside(state.clone(), chain, &proposal);
        let facts = self.output.during("reading the chain", facts).await?;
        let sureness = by_chain(&verified, wallet, &facts, chain).await?;
        Ok(Answered { verified, proposal, facts: Some(facts), sureness })
    }
}

/// Whether an error is one that the relayer is to blame for.
pub(crate) fn is_lie(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Lie(_)))
}

/// Reads a wallet of a relayer from the chain, where it has to be one, with the same owners.
pub(crate) async fn wallet_state(wallet: &VerifiedWallet, chain: &Chain) -> Result<WalletState> {
    let (address, origin) = (wallet.wallet().address, wallet.origin());
    let state = chain.wallet(address, origin.map(|o| (&o.config, o.salt))).await?;
    let (shown, id) = (address.to_checksum(None), chain.id());
    let Some(config) = &state.config else {
        let what = match state.provenance {
            Provenance::NotDeployed => {
                "is not there, and the relayer does not say what it is made of"
            }
            Provenance::Foreign => "is no Quorate wallet: it has other code",
            Provenance::Factory | Provenance::CodeOnly => "does not tell its owners",
        };
        return Err(Cause::Mismatch
            .error(format!("the relayer serves wallet {shown} on chain {id}, which {what}")));
    };
    wallet.wallet().check_config(state.epoch, config).map_err(ClientError::Lie)?;
    Ok(state)
}

/// What is sure without a chain: until the first reconfiguration the address proves the owners.
fn by_address(verified: &Verified, wallet: &VerifiedWallet) -> Result<Sureness, Lie> {
    match wallet.proven_config().filter(|_| verified.request().epoch == 0) {
        Some(config) => verified.check_signers(config).map(|()| Sureness::Owners),
        None => Ok(Sureness::Nothing),
    }
}

async fn by_chain(
    verified: &Verified,
    wallet: &VerifiedWallet,
    facts: &Facts,
    chain: &Chain,
) -> Result<Sureness> {
    let Some(known) = facts.known() else { return Ok(Sureness::Nothing) };
    let certainty = verified.check(&known).map_err(ClientError::Lie)?;
    if verified.request().epoch != facts.state.epoch {
        return Ok(certainty.into());
    }
    let is_ahead = wallet.wallet().head.is_some_and(|head| head.number > facts.head.number);
    let holds = |owner| facts.verified.valid.contains_key(&owner);
    for signature in &verified.proposal().signatures {
        let (owner, kind) = (signature.owner, signature.kind);
        if !signature.counts || holds(owner) {
            continue;
        }
        if is_ahead {
            return Ok(Sureness::Ahead);
        }
        // A contract may have changed its mind since; what is no contract has none.
        if kind == Kind::Approved || !chain.has_code(owner).await? {
            return Err(ClientError::Lie(Lie::NotValid { owner, kind }).into());
        }
    }
    Ok(certainty.into())
}

impl From<Certainty> for Sureness {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Proven => Self::Proven,
            Certainty::Ahead => Self::Ahead,
            Certainty::Late => Self::Late,
        }
    }
}

impl Facts {
    /// What the relayer is compared with; none where the wallet tells no owners.
    pub(crate) fn known(&self) -> Option<quorate_api::Facts> {
        let outcome = self.outcome.as_ref().map(|outcome| match outcome {
            review::Outcome::Executed(execution) => quorate_api::Outcome::Executed {
                tx_hash: execution.tx_hash,
                block: execution.block_number,
            },
            review::Outcome::Superseded(_) => quorate_api::Outcome::Superseded,
        });
        Some(quorate_api::Facts {
            head: self.head.number,
            timestamp: self.head.timestamp,
            epoch: self.state.epoch,
            config: self.state.config.clone()?,
            outcome,
        })
    }
}
