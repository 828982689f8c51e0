//! The loop that the engine is compared with: it stores nothing, follows nothing and repeats nothing. Whatever goes
//! wrong ends it.
//!
//! A payment behind others of its wallet passes no simulation before those are mined. So the loop simulates the same
//! payment of one more wallet, which is never sent: the same work for the endpoint, and the loop never has to wait.

use super::load::{Load, Payment, SENDERS};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::TxKind,
    signers::{SignerSync, local::PrivateKeySigner},
};
use eyre::{Result, ensure};
use quorate_chain::{Chain, SimulatedCall};
use quorate_core::Action;
use quorate_lab::owners::owner;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// How many requests are on their way at once: from 4 to 32 it makes no difference, as blocks are
/// full.
pub(super) const CONCURRENCY: usize = 16;

/// How often the accounts are looked at for the last receipt.
const POLL: Duration = Duration::from_millis(20);

/// A payment, ready to be sent.
#[derive(Clone)]
struct Job {
    call: SimulatedCall,
    key: PrivateKeySigner,
    account_nonce: u64,
}

/// How many the loop executes in a second, from the first simulation on to the last account nonce used.
pub(super) async fn run(count: u64) -> Result<f64> {
    let load = Load::start(count).await?;
    load.world.mine_every(1).await?;
    let chain = Chain::connect(&load.world.chain.endpoint()).await?;
    let jobs = jobs(&load)?;
    let (warm_up, measured) = jobs.split_at(load.warm_up().len());
    for job in warm_up {
        send(&chain, job, 200_000).await?;
    }
    wait(&chain, warm_up).await?;
    load.next_block().await?;
    let probe = load.spare.calldata(&load.world)?;
    let (measured, next) = (Arc::new(measured.to_vec()), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (chain, jobs, next) = (chain.clone(), measured.clone(), next.clone());
        let (spare, probe) = (load.spare.request.wallet, probe.clone());
        workers.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(index) else { return Ok(()) };
                let (from, to) = (job.call.from, spare);
                let gas = chain.estimate(from, to, probe.clone()).await?;
                send(&chain, job, gas * 115 / 100).await?;
            }
        });
    }
    workers.join_all().await.into_iter().collect::<Result<()>>()?;
    wait(&chain, &measured).await?;
    let took = begun.elapsed();
    for payment in load.measured() {
        ensure_paid(&load, payment).await?;
    }
    Ok(count as f64 / took.as_secs_f64())
}

/// Wallets are spread over the senders, so that each wallet's payments come in order.
fn jobs(load: &Load) -> Result<Vec<Job>> {
    let wallets = load.world.wallets.len();
    let mut account_nonces = [0; SENDERS as usize];
    let keys: Vec<_> = load.senders.iter().map(|&number| owner(number)).collect();
    let job = |(index, payment): (usize, &Payment)| {
        let sender = (index % wallets) % keys.len();
        let account_nonce = account_nonces[sender];
        account_nonces[sender] += 1;
        let (key, to) = (keys[sender].clone(), payment.request.wallet);
        let data = payment.calldata(&load.world)?;
        let call = SimulatedCall { from: key.address(), to, data };
        Ok(Job { call, key, account_nonce })
    };
    load.payments.iter().enumerate().map(job).collect()
}

async fn send(chain: &Chain, job: &Job, gas_limit: u64) -> Result<()> {
    let transaction = TxEip1559 {
        chain_id: chain.id(),
        nonce: job.account_nonce,
        gas_limit,
        max_fee_per_gas: 1_000_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(job.call.to),
        input: job.call.data.clone(),
        ..TxEip1559::default()
    };
    let signature = job.key.sign_hash_sync(&transaction.signature_hash())?;
    chain.send(&TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()).await?;
    Ok(())
}

/// Waits until every sender's last transaction is mined.
async fn wait(chain: &Chain, jobs: &[Job]) -> Result<()> {
    for job in jobs.iter().rev().take(SENDERS as usize * 2) {
        while chain.account_nonce(job.call.from, false).await? <= job.account_nonce {
            sleep(POLL).await;
        }
    }
    Ok(())
}

async fn ensure_paid(load: &Load, payment: &Payment) -> Result<()> {
    let Action::Payout { transfers, .. } = &payment.request.action else { return Ok(()) };
    for transfer in transfers {
        let has = load.world.chain.balance(transfer.to).await?;
        ensure!(has == transfer.amount, "{} has {has} wei of {}", transfer.to, transfer.amount);
    }
    Ok(())
}
