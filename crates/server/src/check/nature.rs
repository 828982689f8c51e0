//! What kind of chain an endpoint serves: what it takes, how fast it is, and what it says is final.

use super::{Aspect, Findings, Verdict, verdict_of};
use alloy::primitives::{Address, Bytes, U256};
use quorate_chain::{Chain, ChainError, Header, SimulateError, Unsigned};
use quorate_core::amount::{ETHER_DECIMALS, plain};
use quorate_relayer::Settings;

/// Over how many blocks their time is measured.
const MEASURED: u64 = 64;

/// About as long as the calldata of a payment with three signatures, and what it takes.
const PAYMENT_BYTES: usize = 580;
const PAYMENT_GAS: u64 = 120_000;

/// What a plain transfer takes where nothing is added to it.
const PLAIN_GAS: u64 = 21_000;

/// Decimals of what people count fees in.
const GWEI_DECIMALS: u8 = 9;

/// Tells what is found. Nothing of it keeps the relayer from working.
pub(super) async fn look(findings: &mut Findings, chain: &Chain, settings: &Settings) {
    let subject = chain.endpoint().to_owned();
    let (verdict, detail) = told(fees(chain).await);
    findings.add(Aspect::Fees, &subject, verdict, detail);
    let (verdict, detail) = told(finality(chain, settings).await);
    findings.add(Aspect::Finality, &subject, verdict, detail);
}

fn told(found: Result<String, ChainError>) -> (Verdict, String) {
    match found {
        Ok(detail) => (Verdict::Good, detail),
        Err(error) => (verdict_of(&error), error.to_string()),
    }
}

async fn fees(chain: &Chain) -> Result<String, ChainError> {
    let offered = chain.fees().await?;
    let tip = offered.max_priority_fee_per_gas;
    let base_fee = offered.max_fee_per_gas.saturating_sub(tip) / 2;
    let gwei = |wei: u128| plain(U256::from(wei), GWEI_DECIMALS);
    let mut detail = format!("base fee {} gwei, tip {} gwei", gwei(base_fee), gwei(tip));
    let nobody = Address::with_last_byte(0xee);
    match chain.estimate(nobody, nobody, Bytes::new()).await {
        Ok(gas) if gas != PLAIN_GAS => {
            detail.push_str(&format!("; a plain transfer takes {gas} gas, layer 1 within it"));
        }
        Ok(_) | Err(SimulateError::Reverted(_) | SimulateError::NotDeployed { .. }) => {}
        // Some nodes estimate nothing for an account without ether.
        Err(SimulateError::Chain(error)) if error.refusal().is_some() => {}
        Err(SimulateError::Chain(error)) => return Err(error),
    }
    let data = Bytes::from(vec![0x5a; PAYMENT_BYTES]);
    let payment = Unsigned { to: nobody, data, gas_limit: PAYMENT_GAS };
    if let Some(bound) = chain.rollup_fee_bound(&payment).await? {
        let ether = plain(bound, ETHER_DECIMALS);
        detail.push_str(&format!(
            "; an OP chain: layer 1 and the operator take up to {ether} ether of a payment besides gas"
        ));
    }
    Ok(detail)
}

async fn finality(chain: &Chain, settings: &Settings) -> Result<String, ChainError> {
    let head = chain.head().await?;
    let earlier = chain.block_at(head.number.saturating_sub(MEASURED)).await?;
    let millis = earlier.and_then(|earlier| block_millis(&head, &earlier));
    let pace = match (settings.is_block_time_given, millis) {
        (true, _) => format!("blocks every {} s, as configured", settings.block_secs),
        (false, Some(millis)) => format!("blocks every {}.{:03} s", millis / 1_000, millis % 1_000),
        (false, None) => "blocks at no measured time".to_owned(),
    };
    let by_time = millis
        .map_or(0, |millis| settings.final_secs.saturating_mul(1_000).div_ceil(millis.max(1)));
    let depth = settings.final_depth.max(by_time);
    Ok(match chain.finalized().await? {
        Some(finalized) => format!(
            "{pace}; final is what it says, now {} blocks behind, and {depth} blocks deep",
            head.number.saturating_sub(finalized)
        ),
        None => {
            format!("{pace}; it tells nothing true of `finalized`: final is {depth} blocks deep")
        }
    })
}

fn block_millis(head: &Header, earlier: &Header) -> Option<u64> {
    let blocks = head.number.checked_sub(earlier.number).filter(|blocks| *blocks > 0)?;
    Some(head.timestamp.saturating_sub(earlier.timestamp).saturating_mul(1_000) / blocks)
}
