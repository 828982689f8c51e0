//! Payout runs as owners meet them when they sign: which run a proposal says it is of, which plans were seen before, and what its
//! batch paid already.

use crate::{
    failure::Cause,
    output::Output,
    review::{Danger, DangerCode},
};
use alloy::primitives::{Address, B256, U256};
use eyre::Result;
use quorate_chain::{
    Chain,
    payments::{Carried, carried},
};
use quorate_core::{
    Action, Config, Nonce, Proposal, Request, action::Transfer, proposal::RunTag, text::shown,
};
use quorate_treasury::{Plan, run::Lanes};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write as _,
    path::PathBuf,
};

/// How deep what consumed the nonce before has to be.
const DEPTH: u64 = 12;

/// How many sequences of a batch's lane are looked at: each is a round of all owners.
const MOST_SEQUENCES: u64 = 256;

/// A run that this user signed something of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Noted {
    chain_id: u64,
    wallet: String,
    run: String,
    plan_hash: B256,
}

/// The run that a proposal says it is of: by its field, or by its note.
pub(crate) fn tag_of(proposal: &Proposal) -> Option<RunTag> {
    proposal.run().cloned().or_else(|| of_note(proposal.note()?))
}

/// Reads `payout run NAME, batch K of N, ids …, plan 0x…`.
fn of_note(note: &str) -> Option<RunTag> {
    let (name, rest) = note.strip_prefix("payout run ")?.split_once(", batch ")?;
    let (batch, rest) = rest.split_once(" of ")?;
    let (_, hash) = rest.rsplit_once(", plan ")?;
    Some(RunTag {
        name: name.to_owned(),
        batch: batch.parse().ok()?,
        plan_hash: hash.parse().ok()?,
    })
}

/// A danger where a proposal says that it is of a run, at a nonce that is none of that batch.
pub(crate) fn false_tag(proposal: &Proposal, config: Option<&Config>) -> Option<Danger> {
    let tag = tag_of(proposal)?;
    let (lanes, nonce) = (Lanes::of(&tag.name, tag.batch), proposal.request().nonce);
    let has_policy = config.is_none_or(|config| config.policy().is_some());
    let is_high = nonce == Nonce::new(lanes.high, 0);
    // With a policy petty signers may have lanes of their own.
    let is_its = nonce.lane == lanes.hash || (has_policy && (is_high || nonce.lane == lanes.low));
    (!is_its).then(|| {
        let name = shown(&tag.name);
        Danger::new(
            DangerCode::RunFalse,
            format!(
                "it says that it is batch {} of the run {name}, whose nonces are others",
                tag.batch
            ),
        )
    })
}

/// Dangers where a run was seen with other plans before. `is_of` says which plans this one is an edit of.
pub(crate) fn changed(
    request: &Request,
    tag: &RunTag,
    seen: impl IntoIterator<Item = B256>,
    is_of: impl Fn(B256) -> bool,
) -> Vec<Danger> {
    let wallet = request.wallet.to_checksum(None);
    let is_it = |noted: &Noted| {
        (noted.chain_id, &noted.wallet, &noted.run) == (request.chain_id, &wallet, &tag.name)
    };
    let noted = read().into_iter().filter(is_it).map(|noted| noted.plan_hash);
    let others: BTreeSet<_> = noted.chain(seen).filter(|hash| !is_of(*hash)).collect();
    let danger = |hash: B256| {
        let name = shown(&tag.name);
        Danger::about(
            DangerCode::RunChanged,
            hash,
            format!("the run {name} was seen with the plan {hash} before, and this is of another"),
        )
    };
    others.into_iter().map(danger).collect()
}

/// As [`changed`], of a proposal of which the plan is not at hand.
pub(crate) fn changed_before(proposal: &Proposal) -> Vec<Danger> {
    let Some(tag) = tag_of(proposal) else { return Vec::new() };
    changed(proposal.request(), &tag, [], |hash| hash == tag.plan_hash)
}

/// Notes the run of a proposal that is about to be signed.
pub(crate) fn note(proposal: &Proposal, output: Output) {
    let Some(tag) = tag_of(proposal) else { return };
    let request = proposal.request();
    let noted = Noted {
        chain_id: request.chain_id,
        wallet: request.wallet.to_checksum(None),
        run: tag.name,
        plan_hash: tag.plan_hash,
    };
    if read().contains(&noted) {
        return;
    }
    let write = || -> std::io::Result<()> {
        let Some(path) = path() else { return Ok(()) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path)?;
        let line = serde_json::to_string(&noted)? + "\n";
        file.write_all(line.as_bytes())?;
        file.sync_all()
    };
    if let Err(error) = write() {
        output.warn(&format!("which run this is of cannot be noted: {error}"));
    }
}

/// `~/.local/state/quorate/runs.jsonl`.
fn path() -> Option<PathBuf> {
    let named = |name| env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let folder = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(folder.join("quorate/runs.jsonl"))
}

fn read() -> Vec<Noted> {
    let text = path().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What earlier sequences of a payout's lane paid, with the digest that did.
pub(crate) type PaidBefore = Vec<(B256, Vec<Transfer>)>;

/// What earlier sequences of a payout's lane paid of its token, as far as calldata shows it: at most one payout of a batch is
/// right.
///
/// # Errors
///
/// If what consumed the sequence before is not final: until then nothing behind it is to be signed.
pub(crate) async fn paid_in_lane(proposal: &Proposal, chain: &Chain) -> Result<PaidBefore> {
    let request = proposal.request();
    let Nonce { lane, sequence } = request.nonce;
    let Action::Payout { token, .. } = &request.action else { return Ok(Vec::new()) };
    // Small lanes are queues of a wallet, in which everything may follow; those of runs are hashes.
    if sequence == 0 || lane.number().bit_len() <= 64 {
        return Ok(Vec::new());
    }
    let sequences = 0..sequence.min(MOST_SEQUENCES);
    let nonces: BTreeSet<_> = sequences.map(|sequence| Nonce::new(lane, sequence)).collect();
    let executions = chain.consumed(request.wallet, &nonces, 0, &|_: u64| {}).await?;
    let head = chain.head().await?.number;
    if let Some(before) = executions.iter().find(|it| it.block_number.saturating_add(DEPTH) > head)
    {
        return Err(Cause::NotYet.error(format!(
            "the nonce before this one was used by {}, which is not final yet: sign it once {DEPTH} blocks are on top",
            before.digest
        )));
    }
    let mut paid = Vec::new();
    for execution in executions {
        let Some(carrier) = chain.carrier(execution.tx_hash).await? else { continue };
        let is_it = |found: &Carried| {
            (0..=request.epoch).any(|epoch| {
                let made = found.request(request.chain_id, request.wallet, epoch);
                made.digest() == execution.digest
            })
        };
        let found = carried(&carrier.input).into_iter().find(is_it).map(|found| found.action);
        if let Some(Action::Payout { token: of, transfers }) = found
            && of == *token
        {
            paid.push((execution.digest, transfers));
        }
    }
    Ok(paid)
}

/// Dangers where a payout pays what was paid before in its lane.
pub(crate) fn paid_again(proposal: &Proposal, before: &PaidBefore) -> Vec<Danger> {
    let Action::Payout { transfers, .. } = &proposal.request().action else { return Vec::new() };
    let again = |(digest, paid): &(B256, Vec<Transfer>)| {
        let count = transfers.iter().filter(|transfer| paid.contains(transfer)).count();
        let message = format!(
            "{digest} paid {count} of these payments already, at an earlier nonce of this lane"
        );
        (count > 0).then(|| Danger::new(DangerCode::PaidAgain, message))
    };
    before.iter().filter_map(again).collect()
}

/// How often each payment is in a list.
fn counts<'a>(
    payments: impl IntoIterator<Item = &'a Transfer>,
) -> BTreeMap<(Address, U256), usize> {
    let mut counts = BTreeMap::new();
    for payment in payments {
        *counts.entry((payment.to, payment.amount)).or_default() += 1;
    }
    counts
}

/// Refuses what is not of this plan: another chain, wallet, run or plan, another nonce, or a payment that is no line of its
/// batch.
///
/// # Errors
///
/// What is different.
pub(crate) fn check_plan(proposal: &Proposal, plan: &Plan) -> Result<()> {
    let request = proposal.request();
    let refuse = |what: String| Err(Cause::Mismatch.error(format!("{what}: do not sign it")));
    let Some(tag) = tag_of(proposal) else {
        return refuse("the proposal does not say that it is of a payout run".to_owned());
    };
    if (request.chain_id, request.wallet) != (plan.chain_id, plan.wallet) {
        return refuse("the plan is of another wallet or chain than the proposal".to_owned());
    }
    if tag.name != plan.run || !plan.is_of(tag.plan_hash) {
        return refuse(format!(
            "the proposal says that it is of the run {} and the plan {}, not of {} and {}",
            shown(&tag.name),
            tag.plan_hash,
            plan.run,
            plan.hash
        ));
    }
    let batch = usize::try_from(tag.batch).ok().and_then(|number| plan.batches.get(number));
    let Some(batch) = batch else {
        return refuse(format!("the plan has no batch {}", tag.batch));
    };
    if !Lanes::of(&plan.run, batch.number).all().contains(&request.nonce.lane) {
        return refuse(format!("its nonce is none of batch {}", batch.number));
    }
    let due = plan.action(batch.token, &plan.live(batch));
    let (Action::Payout { token, transfers }, Action::Payout { transfers: due, .. }) =
        (&request.action, &due)
    else {
        return refuse(format!("it is no payout of batch {}", batch.number));
    };
    let due = counts(due);
    let extra = counts(transfers)
        .into_iter()
        .find(|(payment, count)| due.get(payment).is_none_or(|due| count > due));
    match extra {
        None if *token == batch.token => Ok(()),
        None => refuse(format!("it pays another token than batch {} of the plan", batch.number)),
        Some(((to, _), _)) => refuse(format!(
            "it pays {} what batch {} of the plan does not",
            to.to_checksum(None),
            batch.number
        )),
    }
}

/// Refuses a payment that the plan's batch has less often than it would have been paid with this.
///
/// # Errors
///
/// Which is a repeat, and what paid it.
pub(crate) fn check_repeat(proposal: &Proposal, plan: &Plan, before: &PaidBefore) -> Result<()> {
    let number = tag_of(proposal).and_then(|tag| usize::try_from(tag.batch).ok());
    let batch = number.and_then(|number| plan.batches.get(number));
    let Some((batch, Action::Payout { transfers, .. })) =
        batch.map(|batch| (batch, &proposal.request().action))
    else {
        return Ok(());
    };
    let Action::Payout { transfers: due, .. } = plan.action(batch.token, &batch.lines) else {
        return Ok(());
    };
    let (due, paid) = (counts(&due), counts(before.iter().flat_map(|(_, paid)| paid)));
    for (payment, count) in counts(transfers) {
        let of = |counts: &BTreeMap<_, usize>| counts.get(&payment).copied().unwrap_or_default();
        if of(&paid) > 0 && count + of(&paid) > of(&due) {
            let by = before.iter().find(|(_, paid)| counts(paid).contains_key(&payment));
            return Err(Cause::BadInput.error(format!(
                "{} was paid this already, by {}, at an earlier nonce of batch {}: it would be paid again",
                payment.0.to_checksum(None),
                by.map(|(digest, _)| digest.to_string()).unwrap_or_default(),
                batch.number
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_its_run() {
        let hash = B256::repeat_byte(7);
        let note = format!("payout run may, batch 3 of 9, ids a, b, plan {hash}");
        let tag = RunTag { name: "may".to_owned(), batch: 3, plan_hash: hash };
        assert_eq!(of_note(&note), Some(tag));
        for note in ["", "payout run may", "payout run may, batch x of 9, ids a, plan 0x12"] {
            assert_eq!(of_note(note), None);
        }
    }
}
