//! Values that mean nothing in particular.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use eyre::{Result, bail};
use quorate_core::{
    Action, Config, Nonce, OwnerSignature, Request, Snapshot, Status,
    action::{Call, Transfer},
    signature::EcdsaSignature,
    status::{BlockId, StatusChange},
};
use quorate_store::{
    AccountNonce, Inclusion, Lease, LeaseAnswer, MinedAttempt, NewAttempt, NewProposal,
    NewSignature, NewWallet, Purpose, Reservation, Settlement, Storage, Store, WalletKey,
};

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) fn owner(number: u8) -> Address {
    Address::with_last_byte(number + 1)
}

pub(crate) fn config() -> Config {
    Config::new(2, vec![owner(0), owner(1), owner(2)], Address::ZERO, Bytes::new())
        .expect("it is valid")
}

pub(crate) fn wallet(number: u8) -> WalletKey {
    WalletKey { chain_id: CHAIN, address: Address::repeat_byte(0xa0 + number) }
}

pub(crate) fn new_wallet(number: u8) -> NewWallet {
    let snapshot = Snapshot::new(0, true, 0, config());
    NewWallet { key: wallet(number), origin: None, snapshot }
}

/// A payment from the first wallet at that place in lane 0.
pub(crate) fn request(sequence: u64) -> Request {
    let transfers = vec![Transfer { to: owner(9), amount: U256::from(sequence + 1) }];
    Request {
        chain_id: CHAIN,
        wallet: wallet(0).address,
        epoch: 0,
        action: Action::Payout { token: Address::ZERO, transfers },
        nonce: Nonce::from_u256(U256::from(sequence)),
        deadline: 1_900_000_000,
    }
}

/// One request of each kind.
pub(crate) fn requests() -> Vec<Request> {
    let call = Call { to: owner(8), value: U256::MAX, data: Bytes::from_static(b"\0\xff") };
    let lane = U256::MAX - U256::from(7);
    let actions = [
        Action::Execute { calls: vec![call] },
        Action::Payout { token: owner(7), transfers: vec![] },
        Action::Reconfigure { config: config() },
        Action::Cancel {},
    ];
    let request = |action| Request { action, nonce: Nonce::from_u256(lane), ..request(0) };
    actions.into_iter().map(request).collect()
}

/// Bytes that have the form of a signature.
pub(crate) fn ecdsa(number: u8) -> OwnerSignature {
    OwnerSignature::Ecdsa(
        EcdsaSignature::from_bytes(&[number % 0x70 + 1; 64]).expect("it has the form"),
    )
}

pub(crate) fn signature(by: u8, number: u8) -> NewSignature {
    NewSignature { owner: owner(by), signature: ecdsa(number), verified: true, replaces: None }
}

pub(crate) fn proposal(sequence: u64) -> NewProposal {
    proposal_of(request(sequence))
}

pub(crate) fn proposal_of(request: Request) -> NewProposal {
    NewProposal { request, note: None, signature: signature(0, 0), limit_open: None }
}

/// Stores the first wallet and a proposal of it.
pub(crate) async fn proposed(store: &Store) -> Result<B256> {
    store.register_wallet(new_wallet(0), NOW).await?;
    Ok(store.record_proposal(proposal(0), NOW).await?.digest)
}

pub(crate) async fn leased(store: &Store, holder: &str) -> Result<Lease> {
    match store.acquire_lease(holder.to_owned(), 10_000, NOW).await? {
        LeaseAnswer::Acquired(lease) => Ok(lease),
        LeaseAnswer::Held(lease) => bail!("{lease:?} has it"),
    }
}

pub(crate) const fn account_nonce(nonce: u64) -> AccountNonce {
    AccountNonce { chain_id: CHAIN, sender: Address::repeat_byte(0x5e), nonce }
}

/// A no-op; `salt` makes its bytes different from another one's.
pub(crate) fn attempt(nonce: u64, number: u32, salt: u8) -> NewAttempt {
    NewAttempt {
        account_nonce: account_nonce(nonce),
        number,
        purpose: Purpose::Noop,
        wallet: Some(wallet(0).address),
        raw: format!("nonce {nonce} number {number} salt {salt}").into_bytes().into(),
        max_fee_per_gas: U256::MAX,
        max_priority_fee_per_gas: U256::from(u32::from(salt)),
        gas_limit: 21_000,
        ceiling: U256::MAX,
        rollup_fee: U256::ZERO,
        reservation: Reservation::default(),
    }
}

pub(crate) fn block(number: u64) -> BlockId {
    BlockId { number, hash: B256::with_last_byte(number as u8) }
}

/// In block 7.
pub(crate) fn inclusion(fee: u64) -> Inclusion {
    let fee = U256::from(fee);
    Inclusion { block: block(7), gas_used: 21_000, fee, l1_fee: None, operator_fee: None }
}

/// In block 7 an account nonce was used by that attempt.
pub(crate) fn mined(new: &NewAttempt, fee: u64) -> Settlement {
    let Inclusion { block, gas_used, fee, l1_fee, operator_fee } = inclusion(fee);
    let tx_hash = keccak256(&new.raw);
    let is_reverted = false;
    let mined = Some(MinedAttempt { tx_hash, is_reverted, gas_used, fee, l1_fee, operator_fee });
    Settlement { account_nonce: new.account_nonce, block, mined }
}

/// In block 7 an account nonce was used by somebody else.
pub(crate) fn foreign(nonce: u64) -> Settlement {
    Settlement { account_nonce: account_nonce(nonce), block: block(7), mined: None }
}

pub(crate) const fn change(digest: B256, revision: u64, status: Status) -> StatusChange {
    let failures = Vec::new();
    StatusChange { digest, status, is_final: false, revision, ready_order: None, failures }
}
