//! Every promise on a PostgreSQL server, and what only a server can do to one.

use crate::{
    acceptances, attempts, audit, budgets, chain, commits, crash,
    database::{Database, Promise},
    lease, many, mending, older, opening, outbox, proposals, readers,
    sample::{NOW, proposal, proposed, request},
    signatures, tokens, wallets, webhooks,
};
use eyre::Result;
use quorate_lab::postgres::{MAIN, Server};
use quorate_store::{AuditReport, DatabaseError, OpenError, Options, Storage, Store, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// How many promises are tried at once.
const AT_ONCE: usize = 4;

fn promises() -> impl Iterator<Item = (String, Promise)> {
    let all = [
        ("acceptances", acceptances::PROMISES),
        ("attempts", attempts::PROMISES),
        ("audit", audit::PROMISES),
        ("budgets", budgets::PROMISES),
        ("chain", chain::PROMISES),
        ("commits", commits::PROMISES),
        ("crash", crash::PROMISES),
        ("lease", lease::PROMISES),
        ("many", many::PROMISES),
        ("mending", mending::PROMISES),
        ("older", older::PROMISES),
        ("opening", opening::PROMISES),
        ("outbox", outbox::PROMISES),
        ("proposals", proposals::PROMISES),
        ("readers", readers::PROMISES),
        ("signatures", signatures::PROMISES),
        ("tokens", tokens::PROMISES),
        ("wallets", wallets::PROMISES),
        ("webhooks", webhooks::PROMISES),
    ];
    let named = |(module, promises): (&'static str, &'static [(&str, Promise)])| {
        promises.iter().map(move |(name, promise)| (format!("{module}::{name}"), *promise))
    };
    all.into_iter().flat_map(named)
}

/// On one server, each on a database of its own: a server of each one's own takes longer than all of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_promise_is_kept() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    let server = Arc::new(server);
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (number, (name, promise)) in promises().enumerate() {
        let (server, permits) = (Arc::clone(&server), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            // A task of its own, so that a failed assertion does not hide the name.
            let kept = tokio::spawn(async move {
                promise(Database::postgres(&server, format!("promise{number}")).await?).await
            });
            let broken = match kept.await {
                Ok(kept) => kept.err().map(|error| format!("{error:#}")),
                Err(panic) => Some(panic.to_string()),
            };
            broken.map(|reason| format!("{name}: {reason}"))
        });
    }
    let broken: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_gone_is_found_again() -> Result<()> {
    let Some(mut server) = Server::start().await? else { return Ok(()) };
    let store = Store::open(&server.url(MAIN), Options::default()).await?;
    proposed(&store).await?;
    server.stop()?;
    let refused = store.record_proposal(proposal(1), NOW).await;
    assert!(
        matches!(&refused, Err(error @ StoreError::Database(DatabaseError::Disconnected { .. })) if error.is_retryable()),
        "{refused:?}"
    );
    assert!(store.check_writable().await.is_err());
    server.run().await?;
    store.check_writable().await?;
    store.record_proposal(proposal(1), NOW).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_made_anew() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    let database = Database::Postgres { server: Arc::new(server), name: MAIN.to_owned() };
    let store = database.open().await?;
    proposed(&store).await?;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    database.tamper(cut).await?;
    store.record_proposal(proposal(1), NOW).await?;
    assert!(store.find_proposal(request(1).digest()).await?.is_some());
    Ok(())
}

/// Case 51: it may be a standby by now, or one that was told to take nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_read_and_written_again_later() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    let store = Store::open(&server.url(MAIN), Options::default()).await?;
    let digest = proposed(&store).await?;
    server.set_read_only(true).await?;
    let standby = |error: &StoreError| {
        matches!(error, StoreError::Database(DatabaseError::Standby { .. })) && error.is_retryable()
    };
    // The server takes it up a moment later.
    let begun = Instant::now();
    while let Ok(()) = store.check_writable().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "it takes writes");
    }
    let refused = store.record_proposal(proposal(1), NOW).await;
    assert!(refused.as_ref().is_err_and(standby), "{refused:?}");
    assert!(store.find_proposal(digest).await?.is_some());
    // Whoever opens it now is not told that it makes no sense.
    let opened = Store::open(&server.url(MAIN), Options::default()).await;
    assert!(opened.as_ref().is_err_and(OpenError::is_retryable), "{opened:?}");
    server.set_read_only(false).await?;
    let begun = Instant::now();
    while let Err(error) = store.check_writable().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{error}");
    }
    store.record_proposal(proposal(1), NOW).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}

/// Case 51: no connection is refused or cut, there is just no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_given_up_and_found_again() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    let options = Options { transaction_wait: Duration::from_millis(300), ..Options::default() };
    let store = Store::open(&server.url(MAIN), options).await?;
    proposed(&store).await?;
    server.set_still(true)?;
    let refused = store.record_proposal(proposal(1), NOW).await;
    server.set_still(false)?;
    let is_gone = matches!(&refused, Err(StoreError::Database(DatabaseError::Disconnected { .. })));
    assert!(is_gone, "{refused:?}");
    store.check_writable().await?;
    store.record_proposal(proposal(1), NOW).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}
