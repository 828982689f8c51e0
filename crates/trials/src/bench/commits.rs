//! What it brings that commits are shared.

use super::{Bound, Measure, Options, Results};
use alloy::primitives::{Address, Bytes, U256};
use eyre::Result;
use quorate_core::{
    Action, Config, Nonce, OwnerSignature, Request, Snapshot, signature::EcdsaSignature,
};
use quorate_store::{
    NewProposal, NewSignature, NewWallet, Options as StoreOptions, Storage, Store, WalletKey,
};
use tokio::{task::JoinSet, time::Instant};

pub(super) const MEASURE: Measure = Measure {
    name: "proposals stored, commits shared",
    unit: "1/s",
    against: "the same, each with a commit of its own",
    bound: Bound::AtLeast(1.5),
};

/// How many store at once, each waiting for its commit before it goes on.
const CALLERS: u64 = 64;

/// How many proposals each of them stores.
const EACH: u64 = 40;

const WALLET: WalletKey = WalletKey { chain_id: 1, address: Address::repeat_byte(0xaa) };
const OWNER: Address = Address::repeat_byte(1);

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let each = options.scaled(EACH);
    let alone = rate(StoreOptions { group: 1, ..StoreOptions::default() }, each).await?;
    let together = rate(StoreOptions::default(), each).await?;
    results.add(MEASURE, together, alone);
    Ok(())
}

/// Proposals stored in a second in a store of their own.
async fn rate(options: StoreOptions, each: u64) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let url = folder.path().join("commits.db").display().to_string();
    let store = Store::open(&url, options).await?;
    let snapshot =
        Snapshot::new(0, true, 0, Config::new(1, vec![OWNER], Address::ZERO, Bytes::new())?);
    store.register_wallet(NewWallet { key: WALLET, origin: None, snapshot }, 0).await?;
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            for number in 0..each {
                store.record_proposal(proposal(caller * each + number), 0).await?;
            }
            eyre::Ok(())
        });
    }
    callers.join_all().await.into_iter().collect::<Result<()>>()?;
    let secs = begun.elapsed().as_secs_f64();
    store.close().await;
    Ok((CALLERS * each) as f64 / secs)
}

fn proposal(number: u64) -> NewProposal {
    let request = Request {
        chain_id: WALLET.chain_id,
        wallet: WALLET.address,
        epoch: 0,
        action: Action::Cancel {},
        nonce: Nonce::from_u256(U256::from(number)),
        deadline: 2_000_000_000,
    };
    let signature = EcdsaSignature::from_bytes(&[1; 64]).expect("it has the form");
    let signature = OwnerSignature::Ecdsa(signature);
    let signature = NewSignature { owner: OWNER, signature, verified: true, replaces: None };
    NewProposal { request, note: None, signature, limit_open: None }
}
