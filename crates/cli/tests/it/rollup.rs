//! Paying on what looks like OP chains, Polygon and Arbitrum.

use crate::environment::Environment;
use alloy::{
    primitives::{Address, U256},
    providers::Provider as _,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{
    op_like::{OpLike, OpRules},
    owners::owner,
    program::{Answer, Program},
    strict::{Outcome, Rules, Strict},
};
use serde_json::Value;

/// The number of the key that submits.
const SUBMITTER: u64 = 8;

impl Environment {
    /// The program, at another endpoint of the chain.
    fn at(&self, endpoint: String) -> Program {
        self.program.clone().with("ETH_RPC_URL", endpoint)
    }

    /// A payment with enough signatures, and how it is submitted.
    fn signed(&self) -> Result<[String; 4]> {
        self.propose("signed.json", &[])?;
        self.sign("signed.json", &[0, 1, 2])?;
        let keystore = self.keystore(SUBMITTER)?;
        Ok(["submit", "signed.json", "--keystore", &keystore].map(str::to_owned))
    }

    async fn set_balance(&self, account: Address, wei: U256) -> Result<()> {
        let method = "anvil_setBalance".into();
        self.chain.provider().raw_request::<_, Value>(method, (account, wei)).await?;
        Ok(())
    }
}

fn wei(value: &Value) -> Result<U256> {
    Ok(value.as_str().ok_or_eyre("not a text")?.parse()?)
}

/// To the wei: gas, layer 1 and the operator.
#[tokio::test(flavor = "multi_thread")]
async fn what_submit_reports_is_what_the_account_lost() -> Result<()> {
    let environment = Environment::start().await?;
    let rules = OpRules { operator_fee: 4_321, strangers: 3, ..OpRules::default() };
    let op = OpLike::start(&environment.chain.endpoint(), rules).await?;
    let submit = environment.signed()?;
    let submit: Vec<_> = submit.iter().map(String::as_str).collect();
    let endpoint = quorate_chain::Chain::connect(&op.endpoint()).await?;
    let sender = owner(SUBMITTER).address();
    let before = endpoint.balance(sender).await?;
    let done = environment.at(op.endpoint()).json(environment.folder(), &submit)?;
    let lost = before - endpoint.balance(sender).await?;
    assert_eq!(wei(&done["fee"])?, lost, "{done}");
    let parts = ["gasFee", "l1Fee", "operatorFee"].map(|part| wei(&done[part]));
    let [gas, l1, operator] = parts;
    assert_eq!(gas? + l1? + operator?, lost, "{done}");
    assert_eq!(done["operatorFee"], "4321");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_takes_gas_alone_has_no_other_parts() -> Result<()> {
    let environment = Environment::start().await?;
    let submit = environment.signed()?;
    let submit: Vec<_> = submit.iter().map(String::as_str).collect();
    let done = environment.json(&submit)?;
    assert_eq!((&done["fee"], &done["l1Fee"]), (&done["gasFee"], &Value::Null));
    assert_eq!(done["operatorFee"], Value::Null);
    Ok(())
}

/// Exit code 1, with the sum; and no transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_payer_without_the_money_for_layer_one_is_told_what_is_missing() -> Result<()> {
    let environment = Environment::start().await?;
    let rules = OpRules { l1_fee_per_byte: 10_u64.pow(15), ..OpRules::default() };
    let op = OpLike::start(&environment.chain.endpoint(), rules).await?;
    let submit = environment.signed()?;
    let submit: Vec<_> = submit.iter().map(String::as_str).collect();
    // Enough for the gas, and not for half of the bytes.
    let sender = owner(SUBMITTER).address();
    environment.set_balance(sender, U256::from(10_u64.pow(17))).await?;
    let program = environment.at(op.endpoint());
    let Answer { code, stderr, .. } = program.run(environment.folder(), &submit)?;
    ensure!(
        code == 1 && stderr.contains("layer 1") && stderr.contains("ETH are missing"),
        "{stderr}"
    );
    assert_eq!(environment.chain.provider().get_transaction_count(sender).await?, 0);
    // What is said to be missing is enough.
    let words: Vec<_> = stderr.split_whitespace().collect();
    let place =
        words.windows(2).position(|pair| pair == ["are", "missing;"]).ok_or_eyre("no sum")?;
    let missing: f64 = words[place - 2].parse()?;
    let more = U256::from((missing * 1e18) as u64) + U256::from(10_u64.pow(12));
    environment.set_balance(sender, U256::from(10_u64.pow(17)) + more).await?;
    program.json(environment.folder(), &submit)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_least_tip_that_is_suggested_or_named_is_offered() -> Result<()> {
    for is_tip_secret in [false, true] {
        let environment = Environment::start().await?;
        let rules = Rules { min_tip: 25_000_000_000, is_tip_secret, ..Rules::default() };
        let strict = Strict::start(&environment.chain.endpoint(), rules).await?;
        let submit = environment.signed()?;
        let submit: Vec<_> = submit.iter().map(String::as_str).collect();
        environment.at(strict.endpoint()).json(environment.folder(), &submit)?;
        let seen = strict.seen();
        let last = seen.last().ok_or_eyre("nothing came")?;
        assert_eq!((last.tip, &last.outcome), (25_000_000_000, &Outcome::Forwarded));
        assert_eq!(seen.len(), if is_tip_secret { 2 } else { 1 });
        assert!(seen.iter().all(|seen| seen.nonce == last.nonce), "one account nonce");
    }
    Ok(())
}

/// Whoever runs an endpoint does not set the price.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_beyond_all_reason_is_not_taken() -> Result<()> {
    let environment = Environment::start().await?;
    let rules = Rules { min_tip: 90_000_000_000_000, is_tip_secret: true, ..Rules::default() };
    let strict = Strict::start(&environment.chain.endpoint(), rules).await?;
    let submit = environment.signed()?;
    let submit: Vec<_> = submit.iter().map(String::as_str).collect();
    let program = environment.at(strict.endpoint());
    let Answer { code, stderr, .. } = program.run(environment.folder(), &submit)?;
    ensure!(code == 5 && stderr.contains("minimum needed 90000000000000"), "{code} {stderr}");
    assert_eq!(strict.seen().len(), 1);
    Ok(())
}
