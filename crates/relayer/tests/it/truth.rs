//! What must be true of the store once the world is quiet, read from the model chain alone.

use crate::{
    acts::{Act, Ask, BLOCK_SECS, owners, sender},
    chain::{Log, SENDERS},
    rig::{FINAL_DEPTH, Rig},
};
use alloy::primitives::B256;
use quorate_core::Nonce;
use quorate_relayer::{Reason, Status, attempt::End, event::BlockId, status::StatusChange};
use std::collections::BTreeMap;

/// Where and by what each nonce was consumed, and each epoch ended.
#[derive(Default)]
struct Books {
    nonces: BTreeMap<(usize, Nonce), (B256, B256, BlockId, u64)>,
    epochs: BTreeMap<(usize, u32), (B256, u64, u64)>,
}

fn books(rig: &Rig) -> Result<Books, String> {
    let mut books = Books::default();
    for (number, block) in rig.chain.blocks.iter().enumerate() {
        let id = BlockId { number: number as u64, hash: block.hash };
        let mut last = B256::ZERO;
        for (wallet, tx_hash, log) in &block.logs {
            match log {
                Log::Executed { digest, nonce } => {
                    last = *digest;
                    let entry = (*digest, *tx_hash, id, block.after.time);
                    if books.nonces.insert((*wallet, *nonce), entry).is_some() {
                        return Err(format!("nonce {nonce} of wallet {wallet} was consumed twice"));
                    }
                }
                Log::Reconfigured { epoch } => {
                    books.epochs.insert((*wallet, epoch - 1), (last, block.after.time, id.number));
                }
                Log::Created | Log::Approved { .. } => {}
            }
        }
    }
    Ok(books)
}

/// Checks everything.
pub(crate) fn check(rig: &Rig) -> Result<(), String> {
    let books = books(rig)?;
    let world = &rig.chain.head().after;
    if let Some((digest, _)) = world.executed.iter().find(|(_, times)| **times > 1) {
        return Err(format!("{digest} was executed twice"));
    }
    for (digest, (act, _)) in &rig.store.proposals {
        let told = rig.store.statuses.get(digest).ok_or(format!("{digest} has no status"))?;
        check_status(rig, &books, act, told)
            .map_err(|e| format!("{act:?}\nis told to be {told:?}\nbut {e}"))?;
    }
    for index in 0..SENDERS {
        let address = sender(index);
        let open = rig
            .store
            .attempts
            .keys()
            .find(|(s, nonce, _)| *s == address && *nonce >= world.nonce(address));
        if let Some((_, nonce, _)) = open {
            return Err(format!("account nonce {nonce} of sender {index} was left open"));
        }
    }
    let senders = rig.engine().senders().values();
    if senders.flat_map(|s| s.slots.values()).any(|slot| slot.end == End::Open) {
        return Err("an account nonce is open in the engine".to_owned());
    }
    Ok(())
}

fn check_status(rig: &Rig, books: &Books, act: &Act, told: &StatusChange) -> Result<(), String> {
    let world = &rig.chain.head().after;
    let wallet = &world.wallets[act.wallet];
    let is_final = |block: BlockId| block.number + FINAL_DEPTH <= rig.chain.height();
    let is = |status: Status, is_final: Option<bool>| {
        if told.status != status {
            return Err(format!("the chain says {status:?}"));
        }
        if is_final.is_some_and(|is_final| is_final != told.is_final) {
            return Err("whether it is final is wrong".to_owned());
        }
        Ok(())
    };
    // What came first counts, since only a reorg may undo it.
    let consumed = books.nonces.get(&(act.wallet, act.request.nonce));
    let was_over = |block: u64| {
        let end = books.epochs.get(&(act.wallet, act.epoch));
        end.is_some_and(|(_, at, number)| *at <= act.deadline && *number < block)
    };
    let is_first = |(_, _, block, at): &&(B256, B256, BlockId, u64)| {
        *at <= act.deadline && !was_over(block.number)
    };
    // What took its nonce and what ended its epoch both supersede it; which came first may be left out of what was told, or forgotten.
    let is_superseder = |told: &Status| match told {
        Status::Superseded { by: Some(by) } => {
            let taken = consumed.map(|(digest, _, _, at)| (digest, *at));
            let end = books.epochs.get(&(act.wallet, act.epoch)).map(|(by, at, _)| (by, *at));
            let is_by = |(digest, at)| digest == by && at <= act.deadline;
            wallet.epoch > act.epoch && (taken.is_some_and(is_by) || end.is_some_and(is_by))
        }
        Status::Superseded { by: None } => wallet.epoch > act.epoch,
        _ => false,
    };
    if let Some((digest, tx_hash, block, _)) = consumed.filter(is_first) {
        let (tx_hash, block) = (*tx_hash, *block);
        if *digest != act.digest && is_superseder(&told.status) {
            return Ok(());
        }
        let status = if *digest == act.digest {
            Status::Executed { tx_hash, block }
        } else {
            Status::Superseded { by: Some(*digest) }
        };
        return is(status, Some(is_final(block)));
    }
    if wallet.epoch > act.epoch {
        let (by, at, _) = books.epochs[&(act.wallet, act.epoch)];
        if is_superseder(&told.status) {
            return Ok(());
        }
        if at <= act.deadline {
            return is(Status::Superseded { by: Some(by) }, None);
        }
    }
    if world.time > act.deadline {
        return is(Status::Expired, None);
    }
    if signers(rig, act) < 2 || wallet.epoch < act.epoch {
        return is(Status::Collecting { reason: None }, Some(false));
    }
    let Status::Ready { reason } = told.status else {
        return Err("it is ready, and nothing of it is on its way".to_owned());
    };
    check_reason(rig, act, told, reason)
}

/// How many owners signed or approved.
pub(crate) fn signers(rig: &Rig, act: &Act) -> usize {
    let world = &rig.chain.head().after;
    let wallet = &world.wallets[act.wallet];
    let signatures = &rig.store.proposals[&act.digest].1;
    let owners = owners(act.wallet, act.epoch);
    let has_signed = |owner: &&alloy::primitives::Address| {
        signatures.contains_key(*owner) || wallet.approvals.contains(&(act.digest, **owner))
    };
    owners.iter().filter(has_signed).count()
}

/// Whatever is ready must have a true reason not to be executed.
fn check_reason(
    rig: &Rig,
    act: &Act,
    told: &StatusChange,
    reason: Option<Reason>,
) -> Result<(), String> {
    let world = &rig.chain.head().after;
    let wallet = &world.wallets[act.wallet];
    let next = wallet.lanes.get(&act.lane).copied().unwrap_or(0);
    let present = owners(act.wallet, wallet.epoch);
    let expected = if rig.settings.senders.iter().any(|sender| present.contains(sender)) {
        vec![Some(Reason::SenderIsOwner)]
    } else if next < act.sequence {
        vec![Some(Reason::Sequence)]
    } else if told.failures.len() >= rig.settings.max_failures {
        vec![Some(Reason::Budget)]
    } else if world.time + 2 * BLOCK_SECS > act.deadline {
        vec![Some(Reason::DeadlineNear)]
    } else {
        let mut next = world.clone();
        next.time += BLOCK_SECS;
        let passes_after_creation = next.call(&Ask::Create { wallet: act.wallet }).is_some()
            && next.call(&ask(act)).is_some();
        if passes_after_creation {
            return Err("it could be executed".to_owned());
        }
        // It waits for its next simulation, is being simulated, or a rival is.
        vec![Some(Reason::Simulation), Some(Reason::Conflict), None]
    };
    if expected.contains(&reason) {
        Ok(())
    } else {
        Err(format!("the reason is one of {expected:?}"))
    }
}

/// The call that carries an action out with signatures alone.
pub(crate) fn ask(act: &Act) -> Ask {
    let Act { wallet, deed, deadline, .. } = *act;
    let (epoch, nonce) = (Some(act.epoch), act.request.nonce);
    Ask::Act { wallet, epoch, deed, nonce, deadline, approved: Vec::new() }
}
