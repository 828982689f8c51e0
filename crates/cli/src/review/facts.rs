//! What the chain says about a proposal.

use super::calldata;
use crate::{arguments::ChainOptions, chain_access, escrow, output::Output};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_chain::{Chain, Execution, Header, Token, Verified, WalletState};
use quorate_core::{Action, Nonce, Proposal};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was read for one proposal.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) head: Header,
    pub(crate) state: WalletState,
    /// The next nonce of the proposal's lane; none where there is no wallet to ask.
    pub(crate) next: Option<Nonce>,
    /// The tokens that amounts are in.
    pub(crate) tokens: BTreeMap<Address, Token>,
    /// Accounts that are sent data but have no code.
    pub(crate) codeless: BTreeSet<Address>,
    pub(crate) verified: Verified,
    /// What became of the nonce, if it is consumed.
    pub(crate) outcome: Option<Outcome>,
}

/// How a nonce was consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// By this proposal.
    Executed(Execution),
    /// By another action; its digest, if the chain still tells.
    Superseded(Option<B256>),
}

impl Facts {
    /// Reads all of it from the endpoint that the options name, if they name one.
    pub(crate) async fn of(
        proposal: &Proposal,
        options: &ChainOptions,
        output: Output,
    ) -> Result<(Option<Chain>, Option<Self>)> {
        let chain_id = proposal.request().chain_id;
        let Some(chain) = chain_access::try_connect_to(chain_id, options, output).await? else {
            return Ok((None, None));
        };
        let facts = output.during("reading the chain", Self::read(&chain, proposal)).await?;
        Ok((Some(chain), Some(facts)))
    }

    /// Reads all of it.
    pub(crate) async fn read(chain: &Chain, proposal: &Proposal) -> Result<Self> {
        let origin = proposal.origin().map(|origin| (&origin.config, origin.salt));
        let state = chain.wallet(proposal.request().wallet, origin).await?;
        Self::beside(state, chain, proposal).await
    }

    /// Reads what there is besides the wallet's state, which was read just before.
    pub(crate) async fn beside(
        state: WalletState,
        chain: &Chain,
        proposal: &Proposal,
    ) -> Result<Self> {
        let request = proposal.request();
        let head = chain.head().await?;
        let (next, verified) = if state.config.is_some() {
            let next = chain.next_nonce(&state, request.nonce.lane).await?;
            (Some(next), chain.verify(proposal, &state).await?)
        } else {
            (None, Verified::default())
        };
        let mut tokens = BTreeMap::new();
        for address in tokens_of(&request.action) {
            tokens.insert(address, chain.token(address).await?);
        }
        let mut codeless = BTreeSet::new();
        for address in called_with_data(&request.action) {
            if !chain.has_code(address).await? {
                codeless.insert(address);
            }
        }
        let outcome = if next.is_some_and(|next| next.sequence > request.nonce.sequence) {
            Some(Self::outcome(chain, proposal).await?)
        } else {
            None
        };
        Ok(Self { head, state, next, tokens, codeless, verified, outcome })
    }

    async fn outcome(chain: &Chain, proposal: &Proposal) -> Result<Outcome> {
        let (wallet, nonce) = (proposal.request().wallet, proposal.request().nonce);
        if let Some(execution) = chain.executed(wallet, proposal.digest()).await? {
            return Ok(Outcome::Executed(execution));
        }
        let by = chain.executed_nonce(wallet, nonce).await?;
        Ok(Outcome::Superseded(by.map(|execution| execution.digest)))
    }

    /// The one of the design's words that says where the proposal stands, and why if that needs a word.
    pub(crate) fn status(&self, proposal: &Proposal) -> (&'static str, Option<String>) {
        let request = proposal.request();
        match &self.outcome {
            Some(Outcome::Executed(_)) => return ("executed", None),
            Some(Outcome::Superseded(by)) => {
                let by =
                    by.map_or("another action".to_owned(), |digest| format!("digest {digest}"));
                return ("superseded", Some(format!("{by} consumed the nonce")));
            }
            None => {}
        }
        if request.epoch != self.state.epoch {
            let reason =
                format!("epoch {} ended, the wallet is in {}", request.epoch, self.state.epoch);
            return ("superseded", Some(reason));
        }
        if self.head.timestamp > request.deadline {
            return ("expired", None);
        }
        let threshold = self.state.config.as_ref().map_or(usize::MAX, |c| c.threshold().into());
        if self.verified.valid.len() < threshold {
            return ("collecting", None);
        }
        if !escrow::is_complete(proposal, self) {
            return ("collecting", Some("policy: the escrow asks for more signatures".to_owned()));
        }
        let next = self.next.map_or(0, |next| next.sequence);
        let waits = request.nonce.sequence > next;
        ("ready", waits.then(|| format!("sequence: the lane is at {next}")))
    }
}

/// The tokens whose units amounts of `action` are in.
fn tokens_of(action: &Action) -> BTreeSet<Address> {
    match action {
        Action::Payout { token, .. } if !token.is_zero() => BTreeSet::from([*token]),
        Action::Execute { calls } => {
            calls.iter().filter_map(|call| calldata::decode(call)?.token(call.to)).collect()
        }
        Action::Payout { .. } | Action::Reconfigure { .. } | Action::Cancel {} => BTreeSet::new(),
    }
}

fn called_with_data(action: &Action) -> BTreeSet<Address> {
    match action {
        Action::Execute { calls } => {
            calls.iter().filter(|call| !call.data.is_empty()).map(|call| call.to).collect()
        }
        Action::Payout { token, .. } if !token.is_zero() => BTreeSet::from([*token]),
        Action::Payout { .. } | Action::Reconfigure { .. } | Action::Cancel {} => BTreeSet::new(),
    }
}
