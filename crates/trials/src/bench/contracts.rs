//! What owners that are contracts cost in questions to the endpoint.

use super::{
    Bound, Measure, Options, Results,
    http::{self, body, url},
    load::{Load, Payment, complete_all, propose_all},
    watch::Watch,
};
use alloy::{
    hex,
    primitives::Bytes,
    transports::http::reqwest::{Client, StatusCode},
};
use eyre::{Result, ensure};
use quorate_core::OwnerSignature;
use quorate_lab::{
    owners::owner,
    proxy::{Faults, Proxy},
    service::Service,
};
use std::time::Duration;
use tokio::time::interval;

pub(super) const CALLS: Measure = Measure {
    name: "RPC calls per execution that contracts sign, 10/s",
    unit: "",
    against: "keys sign, and one more for each contract's signature",
    bound: Bound::AtMost(1.1),
};

/// How many executions, each with one signature that is posted.
const COUNT: u64 = 200;

/// From one signature to the next.
const PACE: Duration = Duration::from_millis(100);

/// The code of an owner that accepts whatever it is asked about (ERC-1271).
const ACCEPTS: &[u8] = &hex!("631626ba7e60e01b60005260206000f3");

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let by_keys = calls(options, false).await?;
    let by_contracts = calls(options, true).await?;
    results.add(CALLS, by_contracts, by_keys + 1.0);
    results.note("calls per execution that keys sign, 10/s", by_keys);
    Ok(())
}

/// How many calls each execution costs the program, from when its last signature is posted until it is final.
async fn calls(options: &Options, are_contracts: bool) -> Result<f64> {
    let count = options.scaled(COUNT);
    let mut load = Load::start(count).await?;
    if are_contracts {
        load.sign_by_contracts(ACCEPTS).await?;
    }
    load.world.mine_every(1).await?;
    propose_all(&load.store, &load.payments).await?;
    complete_all(&load.store, load.warm_up()).await?;
    let watch = Watch::start(load.store.clone());
    let proxy = Proxy::start(&load.world.chain.endpoint(), Faults::none(1)).await?;
    let relayer = http::start_at(load.folder(), &load, &proxy.endpoint()).await?;
    watch.settled(load.warm_up()).await?;
    let so_far = || proxy.calls().values().sum::<u64>();
    let before = so_far();
    post_all(&relayer.service, load.measured()).await?;
    watch.settled(load.measured()).await?;
    let calls = so_far() - before;
    relayer.service.kill()?;
    Ok(calls as f64 / count as f64)
}

/// Posts the last signature of each of these at a steady pace.
async fn post_all(service: &Service, payments: &[Payment]) -> Result<()> {
    let client = Client::new();
    let mut pace = interval(PACE);
    for payment in payments {
        pace.tick().await;
        let request = client.post(url(service, payment.digest));
        let request = request.header("content-type", "application/json").body(body(payment)?);
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status == StatusCode::CREATED, "{status}: {text}");
    }
    Ok(())
}

impl Load {
    /// Gives the owners who sign this code, and each payment signatures of contracts.
    async fn sign_by_contracts(&mut self, code: &[u8]) -> Result<()> {
        for number in crate::store::SIGNERS {
            let code = Bytes::copy_from_slice(code);
            self.world.rpc("anvil_setCode", (owner(number).address(), code)).await?;
        }
        for payment in &mut self.payments {
            for signature in payment.signatures.values_mut() {
                *signature = OwnerSignature::Contract(Bytes::from_static(&[1]));
            }
        }
        Ok(())
    }
}
