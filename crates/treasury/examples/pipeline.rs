//! Pays from a pipeline: reads payments as JSON lines, plans them as the run that the first argument names, and prints what
//! owners are asked to sign.
//!
//! ```sh
//! echo '{"id":"inv-1","to":"0x90F79bf6EB2c4f870365E785982E1f101E93b906","amount":"0.25","token":"ETH"}' |
//!     cargo run --package quorate-treasury --example pipeline payroll-2026-11
//! ```

use alloy::primitives::{Address, address};
use quorate_core::Request;
use quorate_treasury::{
    PayoutFile, Plan,
    payout_plan::Terms,
    plan,
    run::{Epochs, Facts, Run, Wanted},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    io::{Read as _, Write as _},
};

/// The wallet that pays.
const WALLET: Address = address!("0x36EB1C76ceE0b9704361C5A9dea2a9226427819e");

fn main() -> Result<(), Box<dyn Error>> {
    let run = std::env::args().nth(1).ok_or("name the run")?;
    let mut list = Vec::new();
    std::io::stdin().read_to_end(&mut list)?;
    let plan = planned(&list, &run)?;
    // What consumed nonces of the run, as the chain tells: here of a run that is new.
    let facts = Facts {
        epochs: Epochs::plain(),
        epoch: 0,
        is_settled: true,
        next: BTreeMap::new(),
        consumed: Vec::new(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "plan {}", plan.hash)?;
    for request in asked(&plan, &facts, 4_000_000_000)? {
        writeln!(out, "sign {}", request.digest())?;
    }
    Ok(())
}

/// The plan of a list. The same list gives the same plan.
fn planned(list: &[u8], run: &str) -> Result<Plan, Box<dyn Error>> {
    let file = PayoutFile::from_csv(list)?;
    // The decimals of its tokens are asked of the chain; of ether they are known.
    let decimals = BTreeMap::new();
    let terms =
        Terms { chain_id: 1, wallet: WALLET, run, decimals: &decimals, max_lines: Some(100) };
    Ok(plan(&file, &terms, None)?)
}

/// What is to be signed until `deadline`: of every batch what is neither paid, declined nor alive, at the one nonce at which
/// it may be asked for.
fn asked(plan: &Plan, facts: &Facts, deadline: u64) -> Result<Vec<Request>, Box<dyn Error>> {
    let run = Run::read(plan, facts, &BTreeSet::new());
    if let Some((batch, digest)) = run.stops().first() {
        return Err(format!("{digest} used up a nonce of batch {batch}: look at it first").into());
    }
    let asked = run.ask(plan, &[], &Wanted::default())?;
    let request = |ask: quorate_treasury::run::Ask| Request {
        chain_id: plan.chain_id,
        wallet: plan.wallet,
        epoch: facts.epoch,
        action: ask.action,
        nonce: ask.nonce,
        deadline,
    };
    Ok(asked.asks.into_iter().map(request).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{B256, U256};
    use quorate_core::{Action, action::Transfer};
    use quorate_treasury::run::Consumption;

    const LIST: &[u8] = b"{\"id\":\"inv-1\",\"to\":\"0x90F79bf6EB2c4f870365E785982E1f101E93b906\",\"amount\":\"0.25\",\"token\":\"ETH\"}\n";

    #[test]
    fn what_is_paid_is_asked_for_no_more() {
        let plan = planned(LIST, "may").expect("a plan");
        let mut facts = Facts {
            epochs: Epochs::plain(),
            epoch: 0,
            is_settled: true,
            next: BTreeMap::new(),
            consumed: Vec::new(),
        };
        let requests = asked(&plan, &facts, 9).expect("nothing stops it");
        let [request] = &requests[..] else { panic!("not one batch") };
        let to = plan.lines[0].payee;
        let amount = U256::from(250_000_000_000_000_000_u64);
        let transfers = vec![Transfer { to, amount }];
        assert_eq!(request.action, Action::Payout { token: Address::ZERO, transfers });
        facts.next.insert(request.nonce.lane, 1);
        facts.consumed.push(Consumption {
            nonce: request.nonce,
            epoch: 0,
            digest: B256::repeat_byte(1),
            block: 1,
            is_final: false,
            content: Some(request.action.clone()),
        });
        assert!(asked(&plan, &facts, 9).expect("nothing stops it").is_empty());
    }
}
