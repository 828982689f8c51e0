//! Signatures: the first of an owner stays.

use crate::{
    database::{Database, on_both},
    sample::{NOW, ecdsa, leased, owner, proposed, signature},
};
use alloy::primitives::{B256, Bytes};
use eyre::Result;
use quorate_core::OwnerSignature;
use quorate_store::{
    Accepted, EventFilter, EventKind, Lapse, NewSignature, ProposalFilter, Recorded, Storage,
    StoreError,
};

on_both!(
    each_kind_is_read_back,
    the_first_stays_unless_it_verifies_no_longer,
    of_many_at_once_one_is_the_first,
    what_lapsed_is_told_and_gives_way,
);

async fn each_kind_is_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let long = Bytes::from(vec![0; 8_192]);
    let kinds = [ecdsa(3), OwnerSignature::by_contract(long)?, OwnerSignature::Approved];
    for (number, kind) in (1..).zip(kinds) {
        let new = NewSignature { signature: kind.clone(), verified: false, ..signature(number, 0) };
        assert_eq!(store.accept_signature(digest, new, NOW + 1).await?, Accepted::New);
        let found = store.find_proposal(digest).await?.expect("it is stored");
        let kept = &found.signatures[usize::from(number)];
        assert_eq!((kept.owner, &kept.signature), (owner(number), &kind));
        assert_eq!((kept.verified, kept.received_at, found.updated_at), (false, NOW + 1, NOW + 1));
        assert_eq!(found.revision, 0, "signatures do not count as changes of status");
    }
    let unknown = B256::repeat_byte(1);
    let refused = store.accept_signature(unknown, signature(0, 0), NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownProposal { digest: unknown }));
    Ok(())
}

async fn the_first_stays_unless_it_verifies_no_longer(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let replacing =
        |number, old| NewSignature { replaces: Some(ecdsa(old)), ..signature(1, number) };
    let accept = async |new| store.accept_signature(digest, new, NOW).await;
    assert_eq!(accept(replacing(1, 8)).await?, Accepted::New, "there is nothing to replace");
    assert_eq!(accept(signature(1, 1)).await?, Accepted::Known);
    assert_eq!(accept(signature(1, 2)).await?, Accepted::Kept);
    assert_eq!(accept(replacing(2, 8)).await?, Accepted::Kept, "that is not the one");
    assert_eq!(accept(replacing(2, 1)).await?, Accepted::Replaced);
    assert_eq!(accept(replacing(2, 1)).await?, Accepted::Known, "asked again after a crash");
    let found = store.find_proposal(digest).await?.expect("it is stored");
    assert_eq!(found.signatures[1].signature, ecdsa(2));
    Ok(())
}

async fn of_many_at_once_one_is_the_first(database: &Database) -> Result<()> {
    let stores = [database.open().await?, database.open().await?];
    let digest = proposed(&stores[0]).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = stores[usize::from(number % 2)].clone();
        tasks.spawn(async move { store.accept_signature(digest, signature(1, number), NOW).await });
    }
    let answers = tasks.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(answers.iter().filter(|&&answer| answer == Accepted::New).count(), 1);
    assert_eq!(answers.iter().filter(|&&answer| answer == Accepted::Kept).count(), 39);
    Ok(())
}

/// Case 43.
async fn what_lapsed_is_told_and_gives_way(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let (digest, lease) = (proposed(&store).await?, leased(&store, "one").await?);
    let bytes = |byte| OwnerSignature::by_contract(Bytes::from(vec![byte]));
    let by =
        |byte| Ok::<_, eyre::Report>(NewSignature { signature: bytes(byte)?, ..signature(1, 0) });
    store.accept_signature(digest, by(1)?, NOW).await?;
    let lapse = |byte| {
        Ok::<_, eyre::Report>(Lapse {
            digest,
            owner: owner(1),
            signature: bytes(byte)?,
            reason: "refuses",
        })
    };
    let before = store.last_event().await?;
    assert_eq!(
        store.lapse_signature(&lease, lapse(2)?, NOW).await?,
        Recorded::Known,
        "another one"
    );
    assert_eq!(store.lapse_signature(&lease, lapse(1)?, NOW).await?, Recorded::New);
    assert_eq!(store.lapse_signature(&lease, lapse(1)?, NOW).await?, Recorded::Known);
    let events = store.events_after(before, EventFilter::default(), 10).await?;
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.digest)).collect();
    assert_eq!(told, [(EventKind::SignatureLapsed, Some(digest))]);
    assert_eq!(events[0].payload["reason"], "refuses");
    let found = store.find_proposal(digest).await?.expect("it is stored");
    assert!(!found.signatures[1].verified);
    let filter = ProposalFilter { awaiting: Some(owner(1)), ..ProposalFilter::default() };
    assert_eq!(store.list_proposals(filter.clone(), None, 5).await?.items.len(), 1);

    // What holds takes its place, itself included.
    assert_eq!(store.accept_signature(digest, by(1)?, NOW).await?, Accepted::Replaced);
    assert_eq!(store.list_proposals(filter, None, 5).await?.items.len(), 0);
    store.lapse_signature(&lease, lapse(1)?, NOW).await?;
    assert_eq!(store.accept_signature(digest, signature(1, 3), NOW).await?, Accepted::Replaced);
    Ok(())
}
