//! Wallets, and finding them.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, config, leased, new_wallet, owner, wallet},
};
use alloy::primitives::{Address, B256, Bytes, aliases::U192};
use eyre::Result;
use quorate_core::{Config, Lane, Snapshot, proposal::Origin};
use quorate_store::{NewWallet, Recorded, Storage, StoreError, WalletFilter, WalletKey};

on_both!(
    a_wallet_is_registered_once,
    an_origin_is_added_later,
    lists_go_on_where_they_ended,
    owners_find_wallets_by_the_present_configuration,
    a_snapshot_is_read_back,
);

async fn a_wallet_is_registered_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    assert_eq!(store.find_wallet(wallet(0)).await?, None);
    assert_eq!(store.register_wallet(new_wallet(0), NOW).await?, Recorded::New);
    assert_eq!(store.register_wallet(new_wallet(0), NOW + 1).await?, Recorded::Known);
    let found = store.find_wallet(wallet(0)).await?.expect("it is stored");
    assert_eq!((found.config, found.registered_at), (config(), NOW));
    let elsewhere = WalletKey { chain_id: CHAIN + 1, ..wallet(0) };
    assert_eq!(store.find_wallet(elsewhere).await?, None);
    Ok(())
}

async fn an_origin_is_added_later(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let origin = Some(Origin { config: config(), salt: B256::repeat_byte(3) });
    let again = NewWallet { origin: origin.clone(), ..new_wallet(0) };
    assert_eq!(store.register_wallet(again, NOW).await?, Recorded::Known);
    assert_eq!(store.find_wallet(wallet(0)).await?.expect("it is stored").origin, origin);
    Ok(())
}

async fn lists_go_on_where_they_ended(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in [4, 1, 3, 0, 2] {
        store.register_wallet(new_wallet(number), NOW).await?;
    }
    let other_chain = WalletKey { chain_id: 1, address: Address::repeat_byte(0xff) };
    store.register_wallet(NewWallet { key: other_chain, ..new_wallet(0) }, NOW).await?;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_wallets(WalletFilter::default(), after, 2).await?;
        seen.extend(page.items.iter().map(|wallet| wallet.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected = vec![other_chain];
    expected.extend((0..5).map(wallet));
    assert_eq!(seen, expected);
    let filter =
        WalletFilter { chain_id: Some(CHAIN), owner: Some(owner(0)), ..WalletFilter::default() };
    assert_eq!(store.list_wallets(filter, None, 50).await?.items.len(), 5);
    Ok(())
}

async fn owners_find_wallets_by_the_present_configuration(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let next = Config::new(1, vec![owner(5)], Address::ZERO, Bytes::new())?;
    let early = store.record_config(wallet(0), next.clone(), 1, NOW).await;
    assert_eq!(early, Err(StoreError::UnknownWallet { wallet: wallet(0) }));
    store.register_wallet(new_wallet(0), NOW).await?;
    let by = |number| WalletFilter { owner: Some(owner(number)), ..WalletFilter::default() };
    assert_eq!(store.list_wallets(by(1), None, 50).await?.items.len(), 1);
    store.record_config(wallet(0), next.clone(), 1, NOW).await?;
    assert_eq!(store.list_wallets(by(1), None, 50).await?.items, []);
    let found = store.list_wallets(by(5), None, 50).await?.items;
    assert_eq!((&found[0].config, found[0].epoch), (&next, 1));
    Ok(())
}

async fn a_snapshot_is_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let next = Config::new(1, vec![owner(5)], Address::ZERO, Bytes::from_static(b"\0"))?;
    let later = Snapshot {
        lanes: [(Lane::ZERO, 0), (Lane::new(U192::MAX), u64::MAX)].into(),
        approvals: [(B256::ZERO, owner(0)), (B256::ZERO, owner(1))].into(),
        ..Snapshot::new(u64::MAX, false, u32::MAX, next)
    };
    let early = store.checkpoint(&lease, wallet(0), later.clone()).await;
    assert_eq!(early, Err(StoreError::UnknownWallet { wallet: wallet(0) }));
    store.register_wallet(new_wallet(0), NOW).await?;
    store.register_wallet(new_wallet(1), NOW).await?;
    let found = store.find_wallet(wallet(0)).await?.expect("it is stored");
    assert_eq!(found.snapshot, new_wallet(0).snapshot);
    store.checkpoint(&lease, wallet(0), later.clone()).await?;
    // Registered again, it stays: that was examined earlier or later, this cannot be undone any more.
    store.register_wallet(new_wallet(0), NOW).await?;
    store.close().await;
    let store = database.open().await?;
    let found = store.find_wallet(wallet(0)).await?.expect("it is stored");
    assert_eq!((found.snapshot, found.config, found.epoch), (later, config(), 0));
    let other = store.find_wallet(wallet(1)).await?.expect("it is stored");
    assert_eq!(other.snapshot, new_wallet(1).snapshot);
    Ok(())
}
