//! Escrows from agreement to evidence, by the program and files alone. Each story ends with balances to the unit, and with the
//! evidence verified, offline and against the chain.

mod bad_input;
mod contracts;
mod dangers;
mod over_relayer;
mod paths;
mod tokens;

use crate::environment::Environment;
use alloy::primitives::{Address, U256};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{deploy, fixtures::world, owners::owner, tokens as lab_tokens};
use serde_json::Value;

/// The numbers of the parties' keys.
const BUYER: u64 = 5;
const SELLER: u64 = 6;
const ARBITER: u64 = 7;

/// A day, in seconds.
const DAY: u64 = 86_400;

/// What the escrow is about.
const TERMS: &str = "The seller delivers the report. The buyer pays within ten days.\n";

/// Units of a token with six decimals.
const fn usdc(whole: u64) -> u64 {
    whole * 1_000_000
}

/// An escrow of 1,000 tUSDC, for which an expiry in 30 days and 10 days of arbitration were agreed.
pub(crate) struct Story {
    pub(crate) at: Environment,
    token: Address,
    wallet: Address,
    expiry: u64,
    parties: [Address; 3],
    before: [U256; 3],
}

impl Story {
    /// Opened, accepted by all three, deployed and funded by the buyer.
    async fn funded(timeout_to: &str) -> Result<Self> {
        let story = Self::accepted(timeout_to).await?;
        story.at.json(&["escrow", "fund", "escrow.json", "--keystore", "key-5"])?;
        Ok(story)
    }

    /// Opened, accepted by all three and deployed.
    async fn accepted(timeout_to: &str) -> Result<Self> {
        let story = Self::opened(timeout_to).await?;
        for number in [BUYER, SELLER, ARBITER] {
            story.accept(number)?;
        }
        story.deploy()?;
        Ok(story)
    }

    /// Opened, and accepted by nobody.
    async fn opened(timeout_to: &str) -> Result<Self> {
        let at = Environment::start().await?;
        let token = lab_tokens::USDC.address();
        let parties = [BUYER, SELLER, ARBITER].map(|number| owner(number).address());
        Self::of(at, parties, token, timeout_to).await
    }

    /// Between these, of 1,000 of this token with six decimals.
    async fn of(
        at: Environment,
        parties: [Address; 3],
        token: Address,
        timeout_to: &str,
    ) -> Result<Self> {
        at.write("terms.txt", TERMS)?;
        for number in [BUYER, SELLER, ARBITER, 8] {
            at.keystore(number)?;
            world::KEY_HOLDING.give(&at.chain, owner(number).address()).await?;
        }
        let expiry = at.chain.now().await? + 30 * DAY;
        let [buyer, seller, arbiter] = parties.map(|party| party.to_checksum(None));
        let (token_text, expiry_text) = (token.to_checksum(None), expiry.to_string());
        let open =
            ["escrow", "open", "--buyer", &buyer, "--seller", &seller, "--arbiter", &arbiter];
        let what = ["--token", &token_text, "--amount", "1000", "--expiry", &expiry_text];
        let terms = ["--arbitration", "10", "--timeout-to", timeout_to, "--fee-cap", "5"];
        let rest = ["--terms", "terms.txt", "--out", "escrow.json"];
        let opened = at.json(&[&open[..], &what, &terms, &rest].concat())?;
        let wallet = opened["wallet"].as_str().ok_or_eyre("no wallet")?.parse()?;
        let mut story = Self { at, token, wallet, expiry, parties, before: [U256::ZERO; 3] };
        story.mint(parties[0], usdc(2_000)).await?;
        story.before = story.balances().await?;
        Ok(story)
    }

    async fn mint(&self, to: Address, amount: u64) -> Result<()> {
        use alloy::sol_types::SolCall as _;
        let mint = deploy::TestToken::mintCall { to, amount: U256::from(amount) };
        self.at.chain.send(self.token, U256::ZERO, mint.abi_encode().into()).await?;
        Ok(())
    }

    fn accept(&self, number: u64) -> Result<Value> {
        let key = self.at.keystore(number)?;
        self.at.json(&["escrow", "accept", "escrow.json", "--keystore", &key])
    }

    fn deploy(&self) -> Result<()> {
        self.at.json(&["wallet", "deploy", "escrow.json", "--keystore", "key-8"]).map(drop)
    }

    /// What a party does; the proposal is written to `out`.
    fn act(&self, number: u64, verb: &str, more: &[&str], out: &str) -> Result<Value> {
        let key = self.at.keystore(number)?;
        let act = ["escrow", verb, "escrow.json", "--keystore", &key, "--out", out];
        self.at.json(&[&act[..], more].concat())
    }

    /// The same, refused with this code, for this reason.
    fn refused(&self, number: u64, verb: &str, more: &[&str], code: i32, why: &str) -> Result<()> {
        let key = self.at.keystore(number)?;
        let act = ["escrow", verb, "escrow.json", "--keystore", &key, "--out", "refused.json"];
        self.at.refuses(&[&act[..], more].concat(), code, why)
    }

    /// What a party does, carried out.
    fn done(&self, number: u64, verb: &str, more: &[&str], out: &str) -> Result<()> {
        let acted = self.act(number, verb, more, out)?;
        ensure!(acted["completedBy"].as_array().is_some_and(Vec::is_empty), "{acted}");
        self.submit(out)
    }

    /// An offer, completed by another, carried out.
    fn completed(&self, out: &str, by: u64) -> Result<()> {
        self.at.sign(out, &[by])?;
        self.submit(out)
    }

    fn submit(&self, out: &str) -> Result<()> {
        let done = self.at.submit(out)?;
        ensure!(done["status"] == "executed", "{done}");
        Ok(())
    }

    /// Lets the chain's clock pass this moment.
    async fn pass(&self, moment: u64) -> Result<()> {
        self.at.chain.mine_at(moment).await
    }

    fn show(&self) -> Result<Value> {
        self.at.json(&["escrow", "show", "escrow.json"])
    }

    async fn balance(&self, account: Address) -> Result<U256> {
        lab_tokens::balance(&self.at.chain, Some(self.token), account).await
    }

    async fn balances(&self) -> Result<[U256; 3]> {
        let [buyer, seller, arbiter] = self.parties;
        Ok([self.balance(buyer).await?, self.balance(seller).await?, self.balance(arbiter).await?])
    }

    /// What each has more, or less, than in the beginning, and what is left in the escrow; then the evidence.
    async fn ends(&self, gained: [i64; 3], left: u64) -> Result<()> {
        for (role, ((now, before), gained)) in
            self.balances().await?.into_iter().zip(self.before).zip(gained).enumerate()
        {
            let expected = if gained < 0 {
                before - U256::from(gained.unsigned_abs())
            } else {
                before + U256::from(gained.unsigned_abs())
            };
            ensure!(now == expected, "party {role}: {now}, not {expected}");
        }
        let held = self.balance(self.wallet).await?;
        ensure!(held == U256::from(left), "{held} left, not {left}");
        self.evidence(0)
    }

    /// Written, and verified: offline with this code, and against the chain.
    fn evidence(&self, offline_code: i32) -> Result<()> {
        let written =
            self.at.json(&["escrow", "evidence", "escrow.json", "--out", "evidence.json"])?;
        let verified = self.at.json(&["escrow", "verify", "evidence.json"])?;
        ensure!(verified["result"] == "verified", "{verified:#}");
        ensure!(verified["hash"] == written["hash"], "{verified:#}");
        let offline = self.at.run(&["escrow", "verify", "evidence.json", "--offline", "--json"])?;
        ensure!(offline.code == offline_code, "{offline:?}");
        let offline: Value = serde_json::from_str(&offline.stdout)?;
        let executions = written["executions"].as_u64().unwrap_or_default();
        let parts = offline["parts"].as_array().ok_or_eyre("no parts")?;
        for number in 1..=executions {
            let name = format!("execution {number}");
            let part = parts.iter().find(|part| part["part"] == name.as_str());
            ensure!(part.is_some_and(|part| part["result"] == "not checked"), "{offline:#}");
        }
        Ok(())
    }
}
