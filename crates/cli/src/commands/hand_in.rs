//! Handing proposals to a relayer: reviewed and signed as `sign` does.

use super::{
    show::{Known, review, tell_of_creation},
    sign::{check_owner, confirm, signature_by_key},
};
use crate::{
    arguments::{Accept, KeyOptions},
    key::Key,
    output::Output,
    relayer_access::{Answered, Relayer},
    review::{Danger, Executor, Facts, View, again::Open},
    runs,
};
use alloy::primitives::Address;
use eyre::{Result, WrapErr as _};
use quorate_chain::Chain;
use quorate_core::{OwnerSignature, Proposal};
use std::collections::BTreeMap;

/// Where proposals are handed in, and in whose name.
pub(super) struct Desk {
    pub(super) relayer: Relayer,
    accept: Accept,
    key: KeyOptions,
}

/// A proposal that is to be handed in, with what the chain says of it.
pub(super) struct Draft {
    pub(super) proposal: Proposal,
    pub(super) facts: Facts,
    /// Whether the relayer has it already.
    pub(super) is_known: bool,
}

/// What concerns all drafts.
#[derive(Default)]
pub(super) struct Around {
    /// Other proposals that may still be executed.
    pub(super) open: Vec<Open>,
    /// Dangers of the whole, which no draft has alone.
    pub(super) dangers: Vec<Danger>,
    /// How many open proposals at the relayer each owner has signed, where that limits how many more are handed in.
    pub(super) signed: Option<BTreeMap<Address, usize>>,
}

/// How many open proposals of one wallet an owner may have at a relayer before no more of a run are handed in: eight short of
/// what relayers take, so that a cancel or a rival always finds a place.
const MOST_OPEN: usize = 64 - 8;

impl Around {
    /// How many more this owner may hand in.
    fn room(&self, owner: Address) -> usize {
        self.signed.as_ref().map_or(usize::MAX, |signed| {
            MOST_OPEN.saturating_sub(signed.get(&owner).copied().unwrap_or_default())
        })
    }
}

/// A proposal that the relayer has.
pub(super) struct HandedIn {
    /// With the signature.
    pub(super) proposal: Proposal,
    pub(super) view: View,
    pub(super) answered: Answered,
    /// Whether it is new there, or this signature of it.
    pub(super) is_new: bool,
}

impl Desk {
    /// A desk, if there is a relayer and a key.
    pub(super) fn open(relayer: Option<&Relayer>, accept: Accept, key: KeyOptions) -> Option<Self> {
        let relayer = relayer.filter(|_| Key::is_named(&key))?.clone();
        Some(Self { relayer, accept, key })
    }

    /// Reviews all of them, and signs and hands in one after the other once their dangers are accepted. Says who signed.
    ///
    /// What was handed in stays so if a later one fails; handing in again changes nothing. Fewer are handed in where the owner
    /// has too many open already.
    pub(super) async fn hand_in(
        &self,
        drafts: Vec<Draft>,
        around: &Around,
        chain: &Chain,
        output: Output,
    ) -> Result<(Address, Vec<HandedIn>)> {
        let is_one = drafts.len() == 1;
        let reviewed = |draft: &Draft| {
            if !is_one {
                output.say("");
            }
            let (facts, executor, open) = (Some(&draft.facts), Executor::Relayer, &around.open[..]);
            review(&draft.proposal, Known { facts, executor, open, standing: None }, output)
        };
        let views: Vec<_> = drafts.iter().map(reviewed).collect();
        if let Some(view) = views.first() {
            tell_of_creation(view, output);
        }
        let mut dangers = around.dangers.clone();
        dangers.extend(views.iter().flat_map(|view| view.dangers.clone()));
        output.accept(&dangers, &self.accept.accept)?;
        let key = Key::open(&self.key, output).await?;
        let owner = key.address();
        for draft in &drafts {
            check_owner(owner, &draft.proposal, Some(&draft.facts))?;
        }
        let (count, name) = (drafts.len(), owner.to_checksum(None));
        let what = if count == 1 { "this".to_owned() } else { format!("these {count}") };
        confirm(&format!("Sign and propose {what} as {name}?"), output)?;
        let (mut done, mut room) = (Vec::new(), around.room(owner));
        for (draft, view) in drafts.into_iter().zip(views) {
            if !draft.is_known {
                let Some(left) = room.checked_sub(1) else { break };
                room = left;
            }
            let handed_in = self.one(draft, view, &key, chain, output).await;
            let so_far = done.len();
            done.push(if count == 1 {
                handed_in?
            } else {
                handed_in.wrap_err_with(|| {
                    format!(
                        "{so_far} of {count} are handed in, the same command goes on with the others"
                    )
                })?
            });
        }
        Ok((owner, done))
    }

    async fn one(
        &self,
        draft: Draft,
        view: View,
        key: &Key,
        chain: &Chain,
        output: Output,
    ) -> Result<HandedIn> {
        let Draft { mut proposal, is_known, .. } = draft;
        let owner = key.address();
        let signed_before = signature_by_key(&proposal, owner);
        if is_known && signed_before.is_some() {
            let answered = self.relayer.look(proposal.digest(), Some(chain)).await?;
            return Ok(HandedIn { proposal, view, answered, is_new: false });
        }
        runs::note(&proposal, output);
        let signature = OwnerSignature::Ecdsa(key.sign(proposal.request(), output).await?);
        let bytes = signature.to_bytes();
        proposal.add(owner, signature)?;
        let taken = self.relayer.propose(&proposal, owner, bytes).await?;
        let answered = self.relayer.examine_taken(taken.answer, Some(chain)).await?;
        Ok(HandedIn { proposal, view, answered, is_new: true })
    }
}
