//! Tokens of the HTTP API.

use crate::{
    database::{Database, on_both},
    sample::{NOW, wallet},
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_store::{
    NewToken, Recorded, Storage, StoreError, TokenRecord, TokenRight, TokenWallets,
};

on_both!(
    a_token_is_found_by_its_hash,
    a_name_is_given_once,
    a_revoked_token_stays_revoked,
    every_change_is_in_the_audit_log,
);

fn token(name: &str, number: u8) -> NewToken {
    NewToken {
        name: name.to_owned(),
        hash: B256::repeat_byte(number),
        right: TokenRight::Read,
        wallets: TokenWallets::All,
    }
}

async fn a_token_is_found_by_its_hash(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let these = TokenWallets::These([wallet(1), wallet(0)].into());
    let odd = "\0 \u{202e} Löhne'; --";
    let operator =
        NewToken { right: TokenRight::Operator, wallets: these.clone(), ..token(odd, 2) };
    let none = NewToken { wallets: TokenWallets::These([].into()), ..token("none", 3) };
    for new in [token("all", 1), operator, none] {
        assert_eq!(store.create_token(new.clone(), NOW).await?, Recorded::New);
        let NewToken { name, hash, right, wallets } = new;
        let expected = TokenRecord { name, right, wallets, created_at: NOW, revoked_at: None };
        assert_eq!(store.find_token(hash).await?, Some(expected));
    }
    assert_eq!(store.find_token(B256::repeat_byte(4)).await?, None);
    assert!(these.contains(wallet(0)) && !these.contains(wallet(2)));
    assert!(TokenWallets::All.contains(wallet(2)));
    Ok(())
}

async fn a_name_is_given_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.create_token(token("ci", 1), NOW).await?;
    // Asked again, as after a lost answer.
    assert_eq!(store.create_token(token("ci", 1), NOW + 1).await?, Recorded::Known);
    let taken = Err(StoreError::TokenExists { name: "ci".to_owned() });
    let more = NewToken { right: TokenRight::Operator, ..token("ci", 1) };
    for other in [token("ci", 2), token("other", 1), more] {
        assert_eq!(store.create_token(other.clone(), NOW).await, taken, "{other:?}");
    }
    store.revoke_token("ci".to_owned(), NOW).await?;
    for other in [token("ci", 1), token("ci", 2), token("other", 1)] {
        assert_eq!(store.create_token(other.clone(), NOW).await, taken, "{other:?}");
    }
    // The name of one and the token of another.
    store.create_token(token("other", 2), NOW).await?;
    assert_eq!(store.create_token(token("ci", 2), NOW).await, taken);
    assert_eq!(store.list_tokens().await?.len(), 2);
    Ok(())
}

async fn a_revoked_token_stays_revoked(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let unknown = Err(StoreError::UnknownToken { name: "ci".to_owned() });
    assert_eq!(store.revoke_token("ci".to_owned(), NOW).await, unknown);
    store.create_token(token("ci", 1), NOW).await?;
    store.create_token(token("bot", 2), NOW + 1).await?;
    assert_eq!(store.revoke_token("ci".to_owned(), NOW + 2).await?, Recorded::New);
    assert_eq!(store.revoke_token("ci".to_owned(), NOW + 3).await?, Recorded::Known);
    let found = store.find_token(B256::repeat_byte(1)).await?.expect("it is kept");
    assert_eq!(found.revoked_at, Some(NOW + 2));
    let all = store.list_tokens().await?;
    let names = all.iter().map(|token| (token.name.as_str(), token.revoked_at));
    assert!(names.eq([("ci", Some(NOW + 2)), ("bot", None)]), "{all:?}");
    Ok(())
}

async fn every_change_is_in_the_audit_log(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let mut heads = vec![store.audit_head().await?];
    store.create_token(token("ci", 1), NOW).await?;
    heads.push(store.audit_head().await?);
    store.create_token(token("ci", 1), NOW).await?;
    assert_eq!(heads.last(), Some(&store.audit_head().await?));
    store.revoke_token("ci".to_owned(), NOW).await?;
    heads.push(store.audit_head().await?);
    store.revoke_token("ci".to_owned(), NOW).await?;
    assert_eq!(heads.last(), Some(&store.audit_head().await?));
    heads.dedup();
    assert_eq!(heads.len(), 3);
    Ok(())
}
