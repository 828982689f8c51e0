//! The process from start to stop.

use crate::checking::config;
use eyre::{Result, ensure};
use quorate_lab::{
    anvil::Chain,
    proxy::{Faults, Proxy},
};
use quorate_server::{run, run::RunError};
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, time::timeout};

/// Any: an engine that has nothing to do needs no true time.
fn clock() -> u64 {
    1_800_000_000_000
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_its_chain_until_it_is_told_to_stop() -> Result<()> {
    let chain = Chain::start_live()?;
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    let (folder, config) = config(chain.id(), &[proxy.endpoint()])?;
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(run(config, clock, async move { drop(stopped.await) }));
    let begun = now();
    // It asks for the head again and again.
    let asked = || proxy.calls().values().sum::<u64>();
    while asked() < 20 {
        ensure!(begun.elapsed() < LONG && !running.is_finished(), "{:?}", proxy.calls());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _ = stop.send(());
    timeout(LONG, running).await???;
    ensure!(folder.path().join("relayer.db").is_file());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_stopped_while_it_waits_for_endpoints() -> Result<()> {
    let (_folder, config) = config(1, &["http://127.0.0.1:1".to_owned()])?;
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(run(config, clock, async move { drop(stopped.await) }));
    let _ = stop.send(());
    timeout(LONG, running).await???;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_does_not_mend_ends_it() -> Result<()> {
    let chain = Chain::start_live()?;
    let (_kept, other) = config(1, &[chain.endpoint()])?;
    let ended = timeout(LONG, run(other, clock, std::future::pending())).await?;
    assert!(matches!(ended, Err(RunError::WrongChain { expected: 1, found: 31_337, .. })));

    let (folder, keyless) = config(chain.id(), &[chain.endpoint()])?;
    fs::remove_file(folder.path().join("keys.env"))?;
    let ended = timeout(LONG, run(keyless, clock, std::future::pending())).await?;
    assert!(matches!(ended, Err(RunError::Sender(_))), "{ended:?}");
    ensure!(!folder.path().join("relayer.db").exists(), "a store without a relayer");

    let (folder, damaged) = config(chain.id(), &[chain.endpoint()])?;
    fs::write(folder.path().join("relayer.db"), "no database at all".repeat(100))?;
    let ended = timeout(LONG, run(damaged, clock, std::future::pending())).await?;
    assert!(matches!(ended, Err(RunError::Store(_))), "{ended:?}");
    Ok(())
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
    Instant::now()
}
