//! Proposals of a run that are known: in files, and at a relayer.

use crate::{
    failure::cause_of,
    files, open_proposals,
    output::Output,
    relayer_access::{Relayer, patiently},
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_api::Verified;
use quorate_chain::{Chain, Header, WalletState};
use quorate_core::{Proposal, status::StatusWord};
use quorate_treasury::{
    Plan,
    run::{Known, Lanes, Stage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A proposal that is known, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) proposal: Proposal,
    pub(super) known: Known,
    /// Who has not signed.
    pub(super) missing: Vec<Address>,
    /// Why it is not on its way, in a word of the relayer.
    pub(super) reason: Option<String>,
    /// The file, if it is one.
    pub(super) file: Option<PathBuf>,
    /// Whether the relayer has it.
    pub(super) is_at_relayer: bool,
}

/// Where to look.
pub(super) struct Places<'a> {
    pub(super) plan: &'a Plan,
    pub(super) plan_path: Option<&'a Path>,
    pub(super) beside: &'a [PathBuf],
    pub(super) folder: Option<&'a Path>,
    pub(super) relayer: Option<&'a Relayer>,
    pub(super) chain: &'a Chain,
    pub(super) state: &'a WalletState,
    pub(super) head: Header,
}

impl Places<'_> {
    /// All proposals of this wallet that are known, by digest.
    pub(super) async fn find(&self, output: Output) -> Result<BTreeMap<B256, Found>> {
        let mut found = BTreeMap::new();
        for (path, proposal) in self.files(output)? {
            let one = self.of_file(proposal, path).await?;
            found.entry(one.known.digest).or_insert(one);
        }
        if let Some(relayer) = self.relayer {
            for verified in self.listed(relayer, output).await? {
                let mut one = self.of_relayer(&verified)?;
                let digest = one.known.digest;
                one.file = found.get(&digest).and_then(|found: &Found| found.file.clone());
                found.insert(digest, one);
            }
        }
        Ok(found)
    }

    fn files(&self, output: Output) -> Result<Vec<(PathBuf, Proposal)>> {
        let mut files = Vec::new();
        for path in self.beside {
            files.push((path.clone(), files::read_proposal(path)?));
        }
        let folder = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut folders = vec![PathBuf::from(".")];
        folders.extend(self.plan_path.map(folder));
        folders.extend(self.folder.map(Path::to_owned));
        files.extend(open_proposals::neighbours(&folders, output));
        let is_ours = |(_, proposal): &(PathBuf, Proposal)| {
            let request = proposal.request();
            (request.chain_id, request.wallet) == (self.plan.chain_id, self.plan.wallet)
        };
        files.retain(is_ours);
        Ok(files)
    }

    async fn of_file(&self, proposal: Proposal, path: PathBuf) -> Result<Found> {
        let (request, digest) = (proposal.request().clone(), proposal.digest());
        let is_dead = request.epoch != self.state.epoch || request.deadline < self.head.timestamp;
        let threshold = self.state.config.as_ref().map_or(usize::MAX, |it| it.threshold().into());
        let (stage, missing) = if is_dead {
            (Stage::Dead, Vec::new())
        } else if self.is_of_run(&proposal) && self.state.deployed {
            let verified = self.chain.verify(&proposal, self.state).await?;
            let is_ready = verified.valid.len() >= threshold;
            (if is_ready { Stage::Ready } else { Stage::Collecting }, verified.missing)
        } else {
            (Stage::Collecting, Vec::new())
        };
        let known = Known { digest, nonce: request.nonce, action: request.action, stage };
        let (reason, file) = (None, Some(path));
        Ok(Found { proposal, known, missing, reason, file, is_at_relayer: false })
    }

    /// Whether it is in a lane of the plan, so that more has to be known of it.
    fn is_of_run(&self, proposal: &Proposal) -> bool {
        let lane = proposal.request().nonce.lane;
        let lanes: BTreeSet<_> = (self.plan.batches.iter())
            .flat_map(|batch| Lanes::of(&self.plan.run, batch.number).all())
            .collect();
        lanes.contains(&lane)
    }

    /// What the relayer lists: what can still be executed, each signed by an owner, and what expired.
    async fn listed(&self, relayer: &Relayer, output: Output) -> Result<Vec<Verified>> {
        let (chain, state) = (self.chain, self.state);
        let mut listed = patiently(async || relayer.examined(chain, state).await).await?;
        let status = Some(StatusWord::Expired);
        let expired = relayer.client.proposals(chain.id(), state.address, status);
        let expired = output.during("asking the relayer", expired).await?;
        listed.extend(expired.items);
        Ok(listed)
    }

    fn of_relayer(&self, verified: &Verified) -> Result<Found> {
        let proposal = verified.to_file(None)?;
        let (request, digest) = (proposal.request().clone(), proposal.digest());
        let told = verified.proposal();
        let is_dead = request.epoch != self.state.epoch
            || request.deadline < self.head.timestamp
            || told.status == StatusWord::Expired;
        let reason = told
            .reason
            .as_ref()
            .and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(str::to_owned));
        let stage = match told.status {
            _ if is_dead => Stage::Dead,
            StatusWord::Submitted => Stage::Submitted,
            StatusWord::Ready if reason.as_deref() == Some("simulation") => Stage::Refused,
            StatusWord::Ready => Stage::Ready,
            _ => Stage::Collecting,
        };
        let missing = told.missing.clone();
        let known = Known { digest, nonce: request.nonce, action: request.action, stage };
        Ok(Found { proposal, known, missing, reason, file: None, is_at_relayer: true })
    }
}

/// The content of a digest, where a relayer knows it.
pub(super) async fn at_relayer(relayer: &Relayer, digest: B256) -> Result<Option<Proposal>> {
    match relayer.client.proposal(digest).await {
        Ok(found) => Ok(found.map(|verified| verified.to_file(None)).transpose()?),
        Err(error) => {
            let error = eyre::Report::new(error);
            // It may be away: what the chain tells may be enough.
            match cause_of(&error) {
                crate::failure::Cause::Mismatch => Err(error),
                _ => Ok(None),
            }
        }
    }
}
