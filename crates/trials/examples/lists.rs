//! How long the lists of the HTTP API take in the store itself, with a million proposals: `lists [URL] [PROPOSALS]`, by
//! default on a new SQLite file. What is stored is kept: run on the same URL again, it measures only.

#![expect(clippy::print_stdout, reason = "it is what this is for")]

use alloy::primitives::{Address, B256};
use eyre::{Result, ensure};
use quorate_core::status::StatusWord;
use quorate_store::{EventFilter, Options, ProposalFilter, Storage, Store, WalletFilter};
use quorate_trials::million::{self, WALLETS, owners, wallet, whale};
use std::env;
use tokio::time::Instant;

const ROUNDS: u64 = 40;
const PAGE: u32 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("million.db").display().to_string();
    let url = env::args().nth(1).unwrap_or(file);
    let proposals = env::args().nth(2).map_or(Ok(1_000_000), |text| text.parse())?;
    let store = Store::open(&url, Options::default()).await?;
    if store.last_event().await? == 0 {
        let begun = Instant::now();
        million::fill(&store, &url, proposals).await?;
        println!("{proposals} proposals put in in {:.0} s", begun.elapsed().as_secs_f64());
    }
    measure(&store).await?;
    store.close().await;
    Ok(())
}

/// Middle and longest of many, in milliseconds, each for another wallet or owner.
async fn time(what: &str, ask: impl AsyncFn(u64) -> Result<usize>) -> Result<()> {
    let (mut millis, mut most) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let begun = Instant::now();
        most = most.max(ask(round * 241 % WALLETS).await?);
        millis.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    millis.sort_by(f64::total_cmp);
    let (middle, longest) = (millis[millis.len() / 2], millis[millis.len() - 1]);
    println!("{middle:>8.2} ms  {longest:>8.2} ms at most  {most:>4} items  {what}");
    Ok(())
}

async fn measure(store: &Store) -> Result<()> {
    let all = ProposalFilter::default;
    let list = async |filter: ProposalFilter, before| {
        eyre::Ok(store.list_proposals(filter, before, PAGE).await?.items.len())
    };
    let of = |number| ProposalFilter {
        chain_id: Some(wallet(number).chain_id),
        wallet: Some(wallet(number).address),
        ..all()
    };
    let middle = Some(store.last_event().await? / 2);
    time("all", async |_| list(all(), None).await).await?;
    for before in [None, middle] {
        let place = if before.is_some() { ", from the middle on" } else { "" };
        time(&format!("of a wallet{place}"), async |n| list(of(n), before).await).await?;
        time(&format!("of the biggest wallet{place}"), async |_| list(of(0), before).await).await?;
        for status in [StatusWord::Collecting, StatusWord::Submitted, StatusWord::Executed] {
            let (status, word) = (Some(status), status.name());
            let with = |filter| ProposalFilter { status, ..filter };
            time(&format!("{word}{place}"), async |_| list(with(all()), before).await).await?;
            let what = format!("{word} of a wallet{place}");
            time(&what, async |n| list(with(of(n)), before).await).await?;
            let what = format!("{word} of the biggest wallet{place}");
            time(&what, async |_| list(with(of(0)), before).await).await?;
        }
        for status in [None, Some(StatusWord::Ready)] {
            for chain_id in [None, Some(1)] {
                let by =
                    |owner| ProposalFilter { awaiting: Some(owner), status, chain_id, ..all() };
                let more = format!("{status:?}, chain {chain_id:?}{place}");
                let what = format!("awaiting an owner, {more}");
                time(&what, async |n| list(by(owners(n)[1]), before).await).await?;
                let what = format!("awaiting the owner of all, {more}");
                time(&what, async |_| list(by(whale()), before).await).await?;
            }
        }
    }
    measure_rest(store).await
}

async fn measure_rest(store: &Store) -> Result<()> {
    let wallets = async |owner, chain_id| {
        let filter = WalletFilter { owner, chain_id, among: None };
        eyre::Ok(store.list_wallets(filter, Some(wallet(5)), PAGE).await?.items.len())
    };
    time("wallets", async |_| wallets(None, None).await).await?;
    time("wallets of an owner", async |n| wallets(Some(owners(n)[0]), None).await).await?;
    time("wallets of the owner of all", async |_| wallets(Some(whale()), None).await).await?;
    time("wallets of the owner of all, chain 2", async |_| wallets(Some(whale()), Some(2)).await)
        .await?;
    let nonces = async |number| eyre::Ok(store.open_nonces(vec![wallet(number)]).await?.len());
    time("open nonces", async |n| nonces(n).await).await?;
    time("open nonces of the biggest wallet", async |_| nonces(0).await).await?;
    let last = store.last_event().await?;
    for (place, after) in [("all", 0), ("the second half", last / 2), ("the end", last - 200)] {
        let events = async |filter| eyre::Ok(store.events_after(after, filter, PAGE).await?.len());
        let all = EventFilter::default;
        let on = |chain_id| EventFilter { chain_id: Some(chain_id), ..all() };
        let at = |n| EventFilter { address: Some(wallet(n).address), ..all() };
        let by = |owner| EventFilter { owner: Some(owner), ..all() };
        time(&format!("{place}: events"), async |_| events(all()).await).await?;
        time(&format!("{place}: events of a chain"), async |_| events(on(2)).await).await?;
        time(&format!("{place}: events of no chain"), async |_| events(on(3)).await).await?;
        time(&format!("{place}: events of a wallet"), async |n| events(at(n)).await).await?;
        let what = format!("{place}: events of an owner");
        time(&what, async |n| events(by(owners(n)[1])).await).await?;
        let what = format!("{place}: events of the owner of all");
        time(&what, async |_| events(by(whale())).await).await?;
        let what = format!("{place}: events of a stranger");
        time(&what, async |_| events(by(Address::ZERO)).await).await?;
    }
    let digest = store.list_proposals(ProposalFilter::default(), None, 1).await?.items[0].digest;
    ensure!(digest != B256::ZERO, "it has one");
    time("one proposal", async |_| Ok(store.find_proposal(digest).await?.into_iter().count())).await
}
