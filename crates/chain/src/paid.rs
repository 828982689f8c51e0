//! Executions as they will be: in a transaction that pays fees, and to a wallet that is there.
//!
//! A call to an account without code goes through and does nothing; and a contract that an owner is may answer otherwise
//! where nothing is paid. Neither is found out by a plain estimate.

use crate::{Chain, ChainError, endpoint::Fault, evm::Call, lack::ESTIMATE_OVERRIDE};
use alloy::{
    primitives::{Address, U64, U256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use quorate_bindings::contracts::IWallet;
use quorate_core::creation;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

/// The fees that are offered where nobody pays them. The price that a contract sees is that of the block and the tip.
const MAX_FEE_PER_GAS: u64 = 1_000_000_000_000_000_000;
const TIP: u64 = 1_000_000_000;

/// What whoever pays is said to have.
const RICH: U256 = U256::from_limbs([0, 0, 1, 0]);

/// The code of JSON-RPC for parameters that the method does not take.
const INVALID_PARAMS: i64 = -32_602;

/// How many wallets are remembered.
const REMEMBERED: usize = 10_000;

/// From which block on the code of wallets was seen at an endpoint. A wallet never loses its code.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<Address, u64>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Address, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, wallet: Address, block: u64) -> bool {
        self.lock().get(&wallet).is_some_and(|first| *first <= block)
    }

    fn note(&self, wallet: Address, block: u64) {
        let mut seen = self.lock();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        let first = seen.entry(wallet).or_insert(block);
        *first = block.min(*first);
    }
}

/// Whether this is a call by which a wallet acts, so that it emits `Executed` if it goes through.
pub(crate) fn is_execution(data: &[u8]) -> bool {
    let selectors = [
        IWallet::executeCall::SELECTOR,
        IWallet::payoutCall::SELECTOR,
        IWallet::reconfigureCall::SELECTOR,
        IWallet::cancelCall::SELECTOR,
    ];
    data.get(..4).is_some_and(|selector| selectors.iter().any(|known| known == selector))
}

/// The override by which accounts are taken to be rich.
pub(crate) fn riches(accounts: impl IntoIterator<Item = Address>) -> Value {
    let rich = |account: Address| (account.to_string(), json!({ "balance": RICH }));
    Value::Object(accounts.into_iter().map(rich).collect())
}

impl Call {
    /// The same in a transaction that pays fees, whoever has them.
    pub(crate) fn paid(&self) -> Self {
        self.with_fees(U256::from(MAX_FEE_PER_GAS))
    }

    fn with_fees(&self, most: U256) -> Self {
        Self {
            max_fee_per_gas: Some(most),
            max_priority_fee_per_gas: Some(U256::from(TIP)),
            ..self.clone()
        }
    }
}

impl Chain {
    /// Whether the canonical wallet is at an address after a block: then whatever goes through there emits `Executed`.
    pub(crate) async fn is_wallet(
        &self,
        wallet: Address,
        at: BlockNumberOrTag,
    ) -> Result<bool, ChainError> {
        let seen = &self.raw().seen;
        let number = at.as_number();
        if number.is_some_and(|number| seen.has(wallet, number)) {
            return Ok(true);
        }
        let is_there = creation::created_with(&self.code(wallet, at).await?).is_some();
        if let Some(number) = number.filter(|_| is_there) {
            seen.note(wallet, number);
        }
        Ok(is_there)
    }

    /// The gas of an execution in a transaction that pays fees. None where the endpoint does not estimate that.
    pub(crate) async fn paid_gas_of(
        &self,
        call: &Call,
        at: BlockNumberOrTag,
    ) -> Option<Result<U64, Fault>> {
        let (method, lacks) = ("eth_estimateGas", &self.raw().lacks);
        if lacks.may_ask(ESTIMATE_OVERRIDE) {
            let rich = riches(call.from);
            match self.try_read::<U64>(method, (call.paid(), at, rich)).await {
                Err(fault) if fault.is_refusal() => match &fault {
                    Fault::Rpc(rpc) if rpc.code == INVALID_PARAMS => {
                        lacks.missing(ESTIMATE_OVERRIDE, &fault);
                    }
                    _ => lacks.refused(ESTIMATE_OVERRIDE, &fault),
                },
                answer => {
                    lacks.worked(ESTIMATE_OVERRIDE);
                    return Some(answer);
                }
            }
        }
        // By what the sender has, if that is enough.
        let base_fee = self.raw().base_fee.load(Ordering::Relaxed);
        let most = U256::from(base_fee) * U256::from(2) + U256::from(TIP);
        match self.try_read::<U64>(method, (call.with_fees(most), at)).await {
            Err(Fault::Rpc(fault)) if fault.is_execution() && !is_of_money(&fault.message) => {
                Some(Err(Fault::Rpc(fault)))
            }
            Err(_) => None,
            answer => Some(answer),
        }
    }
}

fn is_of_money(message: &str) -> bool {
    let message = message.to_lowercase();
    ["allowance", "funds", "balance", "afford"].iter().any(|word| message.contains(word))
}
