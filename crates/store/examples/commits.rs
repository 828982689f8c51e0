//! Commits a second, each alone and together, in one run: `commits [URL]`, by default a new SQLite file.

#![expect(clippy::print_stdout, reason = "it is what this is for")]

use alloy::primitives::{Address, Bytes, U256};
use eyre::Result;
use quorate_core::{
    Action, Config, Nonce, OwnerSignature, Request, Snapshot, signature::EcdsaSignature,
};
use quorate_store::{NewProposal, NewSignature, NewWallet, Options, Storage, Store, WalletKey};
use tokio::{task::JoinSet, time::Instant};

const CALLERS: u64 = 64;
const EACH: u64 = 40;
const ROUNDS: u64 = 5;

const WALLET: WalletKey = WalletKey { chain_id: 1, address: Address::repeat_byte(0xaa) };

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("commits.db").display().to_string();
    let url = std::env::args().nth(1).unwrap_or(file);
    let (mut alone, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let one = rate(&url, 1, 2 * round).await?;
        let many = rate(&url, Options::default().group, 2 * round + 1).await?;
        println!("{one:>8.0}/s alone {many:>8.0}/s together {:>6.2} x", many / one);
        alone.push(one);
        together.push(many);
        ratios.push(many / one);
    }
    let (alone, together) = (median(alone), median(together));
    println!("median {alone:.0}/s alone, {together:.0}/s together, {:.2} x", median(ratios));
    Ok(())
}

/// Proposals stored a second by many callers, of which at most `group` share a commit.
async fn rate(url: &str, group: usize, round: u64) -> Result<f64> {
    let store = Store::open(url, Options { group, ..Options::default() }).await?;
    let owners = vec![Address::repeat_byte(1)];
    let config = Config::new(1, owners, Address::ZERO, Bytes::new())?;
    let snapshot = Snapshot::new(0, true, 0, config);
    let wallet = NewWallet { key: WALLET, origin: None, snapshot };
    store.register_wallet(wallet, 0).await?;
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                let sequence = (round * CALLERS + caller) * EACH + number;
                store.record_proposal(proposal(sequence), 0).await?;
            }
            eyre::Ok(())
        });
    }
    for stored in tasks.join_all().await {
        stored?;
    }
    let secs = begun.elapsed().as_secs_f64();
    store.close().await;
    Ok((CALLERS * EACH) as f64 / secs)
}

fn proposal(sequence: u64) -> NewProposal {
    let request = Request {
        chain_id: WALLET.chain_id,
        wallet: WALLET.address,
        epoch: 0,
        action: Action::Cancel {},
        nonce: Nonce::from_u256(U256::from(sequence)),
        deadline: 2_000_000_000,
    };
    let signature = EcdsaSignature::from_bytes(&[1; 64]).expect("it has the form");
    let signature = NewSignature {
        owner: Address::repeat_byte(1),
        signature: OwnerSignature::Ecdsa(signature),
        verified: true,
        replaces: None,
    };
    NewProposal { request, note: None, signature, limit_open: None }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
