//! What a relayer says of a proposal, next to what the chain says.

use super::Relayer;
use crate::{
    chain_access,
    failure::Cause,
    review::{self, Facts, Standing, Sureness},
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_api::{Certainty, ClientError, Lie, Verified, VerifiedWallet};
use quorate_chain::{Chain, Provenance, WalletState};
use quorate_core::{Config, OwnerSignature, Proposal, signature::Kind};
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

    /// How many are needed: by the chain, and where none was read by the relayer's word.
    pub(crate) fn threshold(&self) -> u8 {
        let config = self.facts.as_ref().and_then(|facts| facts.state.config.as_ref());
        config.map_or(self.verified.proposal().threshold, Config::threshold)
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
            None => self.client.proposal(digest).await?.ok_or_else(|| {
                Cause::Mismatch.error(format!("the relayer took {digest}, and does not know it"))
            }),
        })
        .await
    }

    async fn look_with(
        &self,
        chain: Option<&Chain>,
        mut read: impl AsyncFnMut() -> Result<Verified>,
    ) -> Result<Answered> {
        patiently(async || {
            let verified = read().await?;
            let (chain_id, wallet) = (verified.request().chain_id, verified.request().wallet);
            if let Some(chain) = chain {
                chain_access::check_same(chain, chain_id)?;
            }
            let wallet = self.wallet(chain_id, wallet).await?;
            let Some(chain) = chain else { return self.examine(verified, &wallet, None).await };
            let state = wallet_state(&wallet, chain).await?;
            self.examine(verified, &wallet, Some((chain, &state))).await
        })
        .await
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

/// Tries again a few times where relayer and chain contradict each other in what may pass.
pub(crate) async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for pause in PAUSES {
        match attempt().await {
            Err(error) if may_pass(&error) => sleep(pause).await,
            done => return done,
        }
    }
    attempt().await
}

/// Whether an error is a lie that may be none, once both sides are read again.
pub(crate) fn may_pass(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Lie(lie)) if lie.may_pass())
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
    let (claimed, actual) = (wallet.wallet().epoch, state.epoch);
    if claimed > actual && !is_ahead(wallet, state.block) {
        return Err(ClientError::Lie(Lie::Epoch { wallet: address, claimed, actual }).into());
    }
    Ok(state)
}

/// As [`wallet_state`], where both have to be in the same epoch: what is proposed is of one.
pub(crate) async fn present_state(wallet: &VerifiedWallet, chain: &Chain) -> Result<WalletState> {
    let state = patiently(async || wallet_state(wallet, chain).await).await?;
    let (relayer, endpoint) = (wallet.wallet().epoch, state.epoch);
    if relayer != endpoint {
        return Err(Cause::NotYet.error(format!(
            "the wallet was just reconfigured: the relayer is in epoch {relayer}, your endpoint in {endpoint}; try again"
        )));
    }
    Ok(state)
}

/// Whether the relayer tells of a newer block than that with this number.
fn is_ahead(wallet: &VerifiedWallet, block: u64) -> bool {
    wallet.wallet().head.is_some_and(|head| head.number > block)
}

/// What is sure without a chain: until the first reconfiguration the address proves the owners, and who of them signed
/// with a key.
fn by_address(verified: &Verified, wallet: &VerifiedWallet) -> Result<Sureness, Lie> {
    let Some(config) = wallet.proven_config().filter(|_| verified.request().epoch == 0) else {
        return Ok(Sureness::Nothing);
    };
    verified.check_signers(config)?;
    let counted = verified.proposal().signatures.iter().filter(|signature| signature.counts);
    let are_by_keys = counted.map(|signature| signature.kind).all(|kind| kind == Kind::Ecdsa);
    Ok(if are_by_keys { Sureness::Owners } else { Sureness::Nothing })
}

/// Checks that an owner signed: nobody else can propose.
///
/// A contract may refuse now what it accepted when it proposed, and an account may have lost its code; what never was a
/// contract never accepted anything.
pub(super) async fn check_signed(
    verified: &Verified,
    config: &Config,
    chain: &Chain,
) -> Result<()> {
    let (wallet, digest) = (verified.request().wallet, verified.digest());
    let mut last = None;
    for (&owner, signature) in verified.signatures() {
        if config.index_of(owner).is_none() {
            continue;
        }
        let is_signed = match signature {
            OwnerSignature::Ecdsa(_) => true,
            OwnerSignature::Contract(_) => may_have_accepted(chain, owner).await?,
            OwnerSignature::Approved => chain.approved(wallet, digest, owner).await?,
        };
        if is_signed {
            return Ok(());
        }
        last = Some(Lie::NotValid { owner, kind: signature.kind() });
    }
    Err(ClientError::Lie(last.unwrap_or(Lie::Unsigned { digest })).into())
}

async fn by_chain(
    verified: &Verified,
    wallet: &VerifiedWallet,
    facts: &Facts,
    chain: &Chain,
) -> Result<Sureness> {
    let Some(known) = facts.known() else { return Ok(Sureness::Nothing) };
    let (relayer, endpoint) = (wallet.wallet().epoch, facts.state.epoch);
    if relayer != endpoint {
        // They count by other owners.
        let certainty = verified.check_outcome(&known).map_err(ClientError::Lie)?;
        let between = if relayer > endpoint { Sureness::Ahead } else { Sureness::Late };
        return Ok(if certainty == Certainty::Proven { between } else { certainty.into() });
    }
    let certainty = verified.check(&known).map_err(ClientError::Lie)?;
    if verified.request().epoch != endpoint {
        return Ok(certainty.into());
    }
    check_signed(verified, &known.config, chain).await?;
    let is_ahead = is_ahead(wallet, facts.head.number);
    let holds = |owner| facts.verified.valid.contains_key(&owner);
    let mut has_lapsed = false;
    for signature in &verified.proposal().signatures {
        let (owner, kind) = (signature.owner, signature.kind);
        if !signature.counts || holds(owner) {
            continue;
        }
        if is_ahead {
            return Ok(Sureness::Ahead);
        }
        // A contract may have changed its mind since, or be none any more; what never was one has no mind.
        if kind == Kind::Approved || !may_have_accepted(chain, owner).await? {
            return Err(ClientError::Lie(Lie::NotValid { owner, kind }).into());
        }
        has_lapsed = true;
    }
    Ok(if has_lapsed { Sureness::Late } else { certainty.into() })
}

/// Whether an account may have accepted a signature as a contract: it is one, or was, or the past is not to be had.
async fn may_have_accepted(chain: &Chain, owner: Address) -> Result<bool> {
    Ok(chain.has_code(owner).await? || chain.ever_had_code(owner).await? != Some(false))
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
