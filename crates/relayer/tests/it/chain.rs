//! A naive chain: blocks that hold the whole state after them, and a pool of transactions. Knows nothing of
//! the engine.

use crate::{
    acts::{Act, Ask, BLOCK_SECS, Deed, GENESIS_TIME, WALLETS, owners, sender, table},
    rng::Rng,
};
use alloy::primitives::{Address, B256};
use quorate_core::Nonce;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const SENDERS: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) hash: B256,
    pub(crate) from: Address,
    pub(crate) nonce: u64,
    pub(crate) gas_limit: u64,
    pub(crate) max_fee: u128,
    pub(crate) tip: u128,
    pub(crate) ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Created,
    Executed { digest: B256, nonce: Nonce },
    Reconfigured { epoch: u32 },
    Approved { digest: B256, owner: Address },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wallet {
    pub(crate) is_deployed: bool,
    pub(crate) epoch: u32,
    pub(crate) lanes: BTreeMap<u64, u64>,
    pub(crate) funds: u64,
    pub(crate) approvals: BTreeSet<(B256, Address)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) time: u64,
    pub(crate) wallets: Vec<Wallet>,
    pub(crate) nonces: BTreeMap<Address, u64>,
    pub(crate) balances: BTreeMap<Address, u128>,
    /// How often each digest was executed, ever.
    pub(crate) executed: BTreeMap<B256, u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Mined {
    pub(crate) hash: B256,
    pub(crate) from: Address,
    pub(crate) nonce: u64,
    pub(crate) success: bool,
    pub(crate) cost: u128,
    /// What of the cost was not for gas.
    pub(crate) l1_fee: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) hash: B256,
    pub(crate) parent: B256,
    pub(crate) base_fee: u128,
    pub(crate) mined: Vec<Mined>,
    pub(crate) logs: Vec<(usize, B256, Log)>,
    pub(crate) after: World,
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) blocks: Vec<Block>,
    pub(crate) pool: BTreeMap<(Address, u64), Tx>,
    /// What strangers put into the next block.
    pub(crate) strangers: Vec<Ask>,
    pub(crate) base_fee: u128,
    /// Gas that every transaction takes besides, as for its place on layer 1.
    pub(crate) l1_gas: u64,
    /// Wei that it costs besides gas.
    pub(crate) rollup_fee: u128,
    /// The least tip that the pool takes.
    pub(crate) least_tip: u128,
    hashes: u64,
}

impl World {
    fn new() -> Self {
        let mut wallets = vec![Wallet { funds: 4, ..Wallet::default() }; WALLETS];
        wallets[0].is_deployed = true;
        wallets[2].is_deployed = true;
        let balances = (0..SENDERS).map(|i| (sender(i), 10_u128.pow(24))).collect();
        Self { time: GENESIS_TIME, wallets, balances, ..Self::default() }
    }

    /// The action that a call is, in the wallet's epoch.
    fn find(&self, wallet: usize, deed: Deed, nonce: Nonce, deadline: u64) -> Option<&'static Act> {
        let epoch = self.wallets[wallet].epoch;
        table().iter().find(|act| {
            (act.wallet, act.deed, act.epoch, act.deadline) == (wallet, deed, epoch, deadline)
                && act.request.nonce == nonce
        })
    }

    /// Carries out a call; none if it reverts.
    pub(crate) fn call(&mut self, ask: &Ask) -> Option<Vec<(usize, Log)>> {
        match ask {
            Ask::Nothing => Some(Vec::new()),
            Ask::Approve { wallet, digest, owner } => {
                let is_owner = owners(*wallet, self.wallets[*wallet].epoch).contains(owner);
                if !is_owner || !self.wallets[*wallet].is_deployed {
                    return None;
                }
                self.wallets[*wallet].approvals.insert((*digest, *owner));
                Some(vec![(*wallet, Log::Approved { digest: *digest, owner: *owner })])
            }
            Ask::Create { wallet } => {
                let is_new = !std::mem::replace(&mut self.wallets[*wallet].is_deployed, true);
                Some(if is_new { vec![(*wallet, Log::Created)] } else { Vec::new() })
            }
            Ask::Act { wallet, epoch, deed, nonce, deadline, approved } => {
                if !self.wallets[*wallet].is_deployed {
                    // A call of an account without code does nothing, successfully.
                    return Some(Vec::new());
                }
                let act = self.find(*wallet, *deed, *nonce, *deadline)?;
                // Signatures are over a digest of one epoch.
                (epoch.is_none_or(|epoch| epoch == act.epoch)).then_some(())?;
                self.act(act, approved)
            }
        }
    }

    fn act(&mut self, act: &Act, approved: &[usize]) -> Option<Vec<(usize, Log)>> {
        let wallet = &mut self.wallets[act.wallet];
        let next = wallet.lanes.entry(act.lane).or_default();
        let names = owners(act.wallet, act.epoch);
        let is_allowed =
            approved.iter().all(|i| wallet.approvals.contains(&(act.digest, names[*i])));
        if *next != act.sequence || self.time > act.deadline || !is_allowed {
            return None;
        }
        let nonce = act.request.nonce;
        let mut logs = vec![(act.wallet, Log::Executed { digest: act.digest, nonce })];
        match act.deed {
            Deed::Pay => wallet.funds = wallet.funds.checked_sub(1)?,
            Deed::Cancel => {}
            Deed::Reconfigure => {
                wallet.epoch += 1;
                logs.push((act.wallet, Log::Reconfigured { epoch: wallet.epoch }));
            }
        }
        *next += 1;
        *self.executed.entry(act.digest).or_default() += 1;
        Some(logs)
    }

    pub(crate) fn nonce(&self, account: Address) -> u64 {
        self.nonces.get(&account).copied().unwrap_or(0)
    }
}

/// What a call takes.
pub(crate) fn gas(ask: &Ask) -> u64 {
    match ask {
        Ask::Nothing | Ask::Approve { .. } => 21_000,
        Ask::Create { .. } => 93_000,
        Ask::Act { deed: Deed::Pay, .. } => 53_000,
        Ask::Act { deed: Deed::Cancel, .. } => 40_000,
        Ask::Act { deed: Deed::Reconfigure, .. } => 120_000,
    }
}

/// What a node says about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    NonceTooLow,
    Underpriced,
    /// The tip is below this.
    TipTooLow(u128),
    GasTooLow,
    Poor,
}

impl Chain {
    pub(crate) fn new() -> Self {
        let genesis = Block {
            hash: B256::with_last_byte(1),
            parent: B256::ZERO,
            base_fee: 10,
            mined: Vec::new(),
            logs: Vec::new(),
            after: World::new(),
        };
        let mut chain = Self {
            blocks: vec![genesis],
            pool: BTreeMap::new(),
            strangers: Vec::new(),
            base_fee: 10,
            l1_gas: 0,
            rollup_fee: 0,
            least_tip: 0,
            hashes: 1,
        };
        for _ in 0..8 {
            chain.mine(&mut Rng::new(0), 100);
        }
        chain
    }

    pub(crate) fn head(&self) -> &Block {
        self.blocks.last().unwrap()
    }

    pub(crate) fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn number_of(&self, hash: B256) -> Option<u64> {
        self.blocks.iter().rposition(|block| block.hash == hash).map(|number| number as u64)
    }

    pub(crate) fn submit(&mut self, tx: &Tx) -> Verdict {
        let world = &self.blocks.last().unwrap().after;
        if tx.nonce < world.nonce(tx.from) {
            return Verdict::NonceTooLow;
        }
        if tx.gas_limit < 21_000 + self.l1_gas {
            return Verdict::GasTooLow;
        }
        if u128::from(tx.gas_limit) * tx.max_fee + self.rollup_fee > world.balances[&tx.from] {
            return Verdict::Poor;
        }
        if tx.tip < self.least_tip {
            return Verdict::TipTooLow(self.least_tip);
        }
        if let Some(old) = self.pool.get(&(tx.from, tx.nonce)) {
            let is_more = |old: u128, new: u128| new > old && new >= old * 110 / 100;
            if old.hash != tx.hash
                && !(is_more(old.max_fee, tx.max_fee) && is_more(old.tip, tx.tip))
            {
                return Verdict::Underpriced;
            }
        }
        self.pool.insert((tx.from, tx.nonce), tx.clone());
        Verdict::Taken
    }

    /// Makes a block of what strangers and the pool have, each of the pool's with this chance.
    pub(crate) fn mine(&mut self, rng: &mut Rng, percent: u64) {
        let (parent, mut after) = (self.head().hash, self.head().after.clone());
        after.time += BLOCK_SECS;
        self.hashes += 1;
        let mut hash = B256::with_last_byte(0xb1);
        hash[..8].copy_from_slice(&self.hashes.to_be_bytes());
        let base_fee = self.base_fee;
        let mut block =
            Block { hash, parent, base_fee, mined: Vec::new(), logs: Vec::new(), after };
        for ask in std::mem::take(&mut self.strangers) {
            self.hashes += 1;
            let mut hash = B256::with_last_byte(0x57);
            hash[..8].copy_from_slice(&self.hashes.to_be_bytes());
            apply(&mut block, hash, &ask);
        }
        let pooled: Vec<Tx> = self.pool.values().cloned().collect();
        for tx in pooled {
            let is_next = block.after.nonce(tx.from) == tx.nonce;
            let most = u128::from(tx.gas_limit) * tx.max_fee + self.rollup_fee;
            let is_poor = most > block.after.balances[&tx.from];
            let is_short = tx.gas_limit < 21_000 + self.l1_gas;
            if is_short {
                // Whoever has it finds out, and keeps it no longer.
                self.pool.remove(&(tx.from, tx.nonce));
                continue;
            }
            if !is_next || is_poor || tx.max_fee < base_fee || !rng.chance(percent) {
                continue;
            }
            block.after.nonces.insert(tx.from, tx.nonce + 1);
            let needed = gas(&tx.ask) + self.l1_gas;
            let success = needed <= tx.gas_limit && apply(&mut block, tx.hash, &tx.ask);
            let price = tx.max_fee.min(base_fee + tx.tip);
            let used = if success { needed } else { tx.gas_limit };
            let cost = u128::from(used) * price + self.rollup_fee;
            *block.after.balances.get_mut(&tx.from).unwrap() -= cost;
            let Tx { hash, from, nonce, .. } = tx;
            let l1_fee = self.rollup_fee;
            block.mined.push(Mined { hash, from, nonce, success, cost, l1_fee });
            self.pool.remove(&(from, nonce));
        }
        // What was overtaken falls out of the pool.
        self.pool.retain(|(from, nonce), _| *nonce >= block.after.nonce(*from));
        self.blocks.push(block);
    }

    /// Undoes the last blocks; the pool may get their transactions back.
    pub(crate) fn undo(&mut self, depth: usize, known: &BTreeMap<B256, Tx>, rng: &mut Rng) {
        for _ in 0..depth {
            if self.blocks.len() <= 9 {
                return;
            }
            let block = self.blocks.pop().unwrap();
            for mined in block.mined {
                if let Some(tx) = known.get(&mined.hash)
                    && rng.chance(60)
                {
                    self.pool.insert((mined.from, mined.nonce), tx.clone());
                }
            }
        }
    }

    pub(crate) fn find(&self, tx_hash: B256) -> Option<(u64, &Mined)> {
        let found = |block: &Block| block.mined.iter().any(|mined| mined.hash == tx_hash);
        let number = self.blocks.iter().rposition(found)?;
        let mined = self.blocks[number].mined.iter().find(|mined| mined.hash == tx_hash)?;
        Some((number as u64, mined))
    }
}

fn apply(block: &mut Block, tx_hash: B256, ask: &Ask) -> bool {
    let mut after = block.after.clone();
    let Some(logs) = after.call(ask) else { return false };
    block.after = after;
    block.logs.extend(logs.into_iter().map(|(wallet, log)| (wallet, tx_hash, log)));
    true
}
