//! What owners hand in, straight into the store.

use crate::world::{Wallet, World, now_millis};
use eyre::{Result, WrapErr};
use quorate_core::{Request, Snapshot, proposal::Origin};
use quorate_lab::{owners::owner, signatures::sign};
use quorate_store::{NewProposal, NewSignature, NewWallet, Options, Storage, Store, WalletKey};
use std::path::Path;

/// The owners that sign.
pub const SIGNERS: [u64; 2] = [0, 2];

/// Opens the store in a folder.
///
/// # Errors
///
/// If it cannot be opened.
pub async fn open(folder: &Path) -> Result<Store> {
    let url = url(folder);
    Store::open(&url, Options::default()).await.wrap_err(url)
}

/// The store in a folder.
pub fn url(folder: &Path) -> String {
    folder.join("relayer.db").display().to_string()
}

/// Registers the wallets of a world as they are now.
///
/// # Errors
///
/// If the store fails.
pub async fn register(store: &Store, world: &World, are_deployed: bool) -> Result<()> {
    let block = world.height().await?;
    for Wallet { config, salt, address } in &world.wallets {
        let wallet = NewWallet {
            key: WalletKey { chain_id: world.chain.id(), address: *address },
            origin: Some(Origin { config: config.clone(), salt: *salt }),
            snapshot: Snapshot::new(block, are_deployed, 0, config.clone()),
        };
        store.register_wallet(wallet, at()).await?;
    }
    Ok(())
}

/// Stores a proposal with enough signatures. It is ready with the last one.
///
/// # Errors
///
/// If the store fails.
pub async fn propose(store: &Store, request: &Request) -> Result<()> {
    for (owner, signature) in sign(&request.digest(), &SIGNERS.map(owner))? {
        let signature = NewSignature { owner, signature, verified: true, replaces: None };
        let request = request.clone();
        let proposal = NewProposal { request, note: None, signature, limit_open: None };
        store.record_proposal(proposal, at()).await?;
    }
    Ok(())
}

/// Now, as the store has it.
pub fn at() -> i64 {
    i64::try_from(now_millis()).unwrap_or(i64::MAX)
}
