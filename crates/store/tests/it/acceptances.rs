//! Acceptances: of each party the newest stays.

use crate::{
    database::{Database, on_both},
    sample::{NOW, owner, proposed},
};
use alloy::primitives::{Address, B256, Bytes};
use eyre::Result;
use quorate_store::{Accepted, NewAcceptance, Storage, StoreError, WalletKey};

on_both!(the_newest_of_each_party_stays, of_a_wallet_that_is_not_served_none_is_kept);

async fn the_newest_of_each_party_stays(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let proposal = store.find_proposal(digest).await?.expect("it is stored");
    let wallet = proposal.wallet();
    let new = |role: u8, deadline| NewAcceptance {
        wallet,
        role,
        owner: owner(role),
        terms_hash: B256::repeat_byte(7),
        deadline,
        signature: Bytes::from(vec![role, 1]),
    };
    let accept = async |one| store.accept_terms(one, NOW).await;
    assert!(store.acceptances(wallet).await?.is_empty());
    assert_eq!(accept(new(1, 100)).await?, Accepted::New);
    assert_eq!(accept(new(0, 100)).await?, Accepted::New);
    assert_eq!(accept(new(1, 100)).await?, Accepted::Known);
    assert_eq!(accept(new(1, 99)).await?, Accepted::Kept);
    let other = NewAcceptance { signature: Bytes::from_static(b"x"), ..new(1, 100) };
    assert_eq!(accept(other).await?, Accepted::Kept);
    let later = NewAcceptance { signature: Bytes::new(), ..new(1, 101) };
    assert_eq!(accept(later.clone()).await?, Accepted::Replaced);
    let store = database.open().await?;
    let kept: Vec<_> =
        store.acceptances(wallet).await?.into_iter().map(|record| record.acceptance).collect();
    assert_eq!(kept, [new(0, 100), later]);
    Ok(())
}

async fn of_a_wallet_that_is_not_served_none_is_kept(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let wallet = WalletKey { chain_id: 1, address: Address::repeat_byte(9) };
    let new = NewAcceptance {
        wallet,
        role: 0,
        owner: owner(0),
        terms_hash: B256::ZERO,
        deadline: 1,
        signature: Bytes::new(),
    };
    let refused = store.accept_terms(new, NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownWallet { wallet }));
    Ok(())
}
