//! Endpoints that take a transaction and do not say so.
//!
//! The program is waited for, and the proxy must go on meanwhile: so each test has several threads.

use crate::environment::{Environment, PAYEE};
use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider as _,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{
    owners::owner,
    program::{Answer, Program},
    proxy::{Fault, Faults, Proxy},
};

const SEND: &str = "eth_sendRawTransaction";
const PAID: u64 = 1_500_000_000_000_000_000;

/// The chain through a proxy at which every transaction that is sent meets the fault.
async fn through(environment: &Environment, fault: Fault) -> Result<(Proxy, Program)> {
    let faults = Faults::none(1).with(fault, 1_000, Some(SEND));
    let proxy = Proxy::start(&environment.chain.endpoint(), faults).await?;
    let program = environment.program.clone().with("ETH_RPC_URL", proxy.endpoint());
    Ok((proxy, program))
}

/// The transaction that the answer names on standard output, which must be the one it warned of.
fn named(answer: &Answer) -> Result<B256> {
    let line = answer.stdout.lines().find_map(|line| line.strip_prefix("in transaction "));
    let hash = line.and_then(|line| line.split(' ').next()).ok_or_eyre("no transaction named")?;
    let warning = format!("looking whether transaction {hash} arrived");
    ensure!(answer.stderr.contains(&warning), "no warning: {answer:?}");
    Ok(hash.parse()?)
}

async fn went_through(environment: &Environment, hash: B256) -> Result<bool> {
    let receipt = environment.chain.provider().get_transaction_receipt(hash).await?;
    Ok(receipt.is_some_and(|receipt| receipt.status()))
}

/// Whether the connection breaks or the answer is none: the payment happens once, and the command says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_reply_is_lost_happens_once_and_is_reported() -> Result<()> {
    let environment = Environment::start().await?;
    let (payee, submitter): (Address, _) = (PAYEE.parse()?, owner(8).address());
    let key = environment.keystore(8)?;
    for (fault, name, said) in [
        (Fault::LoseReply, "lost.json", "cannot be reached"),
        (Fault::GarbleReply, "garbled.json", "gave no sensible answer"),
    ] {
        environment.propose(name, &[])?;
        environment.sign(name, &[0, 1, 2])?;
        let paid = environment.chain.balance(payee).await?;
        let sent = environment.chain.provider().get_transaction_count(submitter).await?;
        let (proxy, program) = through(&environment, fault).await?;

        let submit = ["submit", name, "--keystore", &key];
        let answer = program.run(environment.folder(), &submit)?;
        ensure!(answer.code == 0 && answer.stderr.contains(said), "{fault:?}: {answer:?}");
        ensure!(answer.stdout.starts_with("executed 0x"), "{fault:?}: {answer:?}");
        ensure!(went_through(&environment, named(&answer)?).await?, "{fault:?}: {answer:?}");
        assert_eq!(program.json(environment.folder(), &submit)?["already"], true);

        assert_eq!(proxy.calls()[SEND], 1);
        assert_eq!(environment.chain.balance(payee).await? - paid, U256::from(PAID));
        let count = environment.chain.provider().get_transaction_count(submitter).await?;
        assert_eq!(count - sent, 1);
    }
    Ok(())
}

/// A transaction that never arrived is not reported as sent, and the way out that is named works.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_never_arrived_is_left_open_and_made_by_the_next_run() -> Result<()> {
    let environment = Environment::start().await?;
    let payee: Address = PAYEE.parse()?;
    environment.propose("proposal.json", &[])?;
    environment.sign("proposal.json", &[0, 1, 2])?;
    let before = environment.chain.balance(payee).await?;
    let (_proxy, program) = through(&environment, Fault::LoseRequest).await?;
    let key = environment.keystore(8)?;
    let submit = ["submit", "proposal.json", "--keystore", &key, "--timeout", "1"];
    let answer = program.run(environment.folder(), &submit)?;
    ensure!(answer.code == 6 && answer.stdout.is_empty(), "{answer:?}");
    ensure!(answer.error().contains("run the same command again"), "{answer:?}");
    assert_eq!(environment.chain.balance(payee).await?, before);
    assert_eq!(environment.json(&submit)?["already"], false);
    assert_eq!(environment.chain.balance(payee).await? - before, U256::from(PAID));
    Ok(())
}

/// The same for `wallet deploy`: one transaction, and the wallet is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_whose_replies_are_lost_is_deployed_once_and_reported() -> Result<()> {
    let environment = Environment::start().await?;
    let owner = owner(10).address().to_checksum(None);
    let key = environment.keystore(8)?;
    for (fault, name) in [(Fault::LoseReply, "lost.json"), (Fault::GarbleReply, "garbled.json")] {
        let create = ["wallet", "create", "--owner", &owner, "--threshold", "1", "--out", name];
        environment.json(&create)?;
        let (proxy, program) = through(&environment, fault).await?;
        let deploy = ["wallet", "deploy", name, "--keystore", &key];
        let answer = program.run(environment.folder(), &deploy)?;
        ensure!(answer.code == 0, "{fault:?}: {answer:?}");
        ensure!(went_through(&environment, named(&answer)?).await?, "{fault:?}: {answer:?}");
        assert_eq!(program.json(environment.folder(), &deploy)?["already"], true);
        assert_eq!(proxy.calls()[SEND], 1);
        let shown = environment.json(&["wallet", "show", name])?;
        assert_eq!(shown["provenance"], "factory");
    }
    Ok(())
}
