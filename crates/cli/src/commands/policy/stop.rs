//! What an owner does against an action, with a transaction of its own account.

use super::require_treasury;
use crate::{
    arguments::{FreezeWallet, SendOptions, Source, Veto},
    chain_access::{self, Named},
    failure::Cause,
    files,
    key::Key,
    output::Output,
    transaction::{self, Call, Mined},
};
use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolCall as _,
};
use eyre::Result;
use quorate_bindings::{canonical, contracts::ITreasuryPolicy as policy};
use quorate_chain::Chain;
use quorate_core::Config;
use quorate_treasury::Rules;
use serde_json::json;

/// A treasury, and one of its owners.
struct Scene {
    chain: Chain,
    wallet: Address,
    rules: Rules,
    owner: Key,
    timeout: u64,
}

impl Scene {
    async fn read(wallet: &str, send: SendOptions, output: Output) -> Result<Self> {
        let named = Named::read(wallet)?;
        let chain = chain_access::connect(&send.chain, output).await?;
        let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
        let config: Option<&Config> = state.config.as_ref();
        let config = config.ok_or_else(|| Cause::Mismatch.error("the wallet has no owners"))?;
        let rules = require_treasury(config)?;
        if rules.veto == 0 {
            return Err(Cause::BadInput.error("the rules of this wallet have no veto"));
        }
        let owner = Key::open(&send.key, output).await?;
        if config.index_of(owner.address()).is_none() {
            return Err(Cause::BadInput.error(format!(
                "{} is no owner of {}",
                owner.address().to_checksum(None),
                state.address.to_checksum(None)
            )));
        }
        Ok(Self { chain, wallet: state.address, rules, owner, timeout: send.timeout })
    }

    async fn send(&self, data: Vec<u8>, output: Output) -> Result<Mined> {
        let (to, data) = (canonical::TREASURY_POLICY.address, Bytes::from(data));
        let from = self.owner.address();
        let estimated = self.chain.estimate(from, to, data.clone()).await;
        let gas = transaction::gas_for(&self.chain, from, (to, &data), estimated).await?;
        let call = Call::new(to, data, gas);
        transaction::send(&self.chain, &self.owner, call, self.timeout, output).await
    }
}

/// `quorate veto`.
pub(crate) async fn veto(arguments: Veto, output: Output) -> Result<()> {
    let mut digests = Vec::new();
    for source in &arguments.actions {
        digests.push(match source {
            Source::Digest(digest) => *digest,
            Source::File(path) => files::read_proposal(path)?.digest(),
        });
    }
    let scene = Scene::read(&arguments.wallet, arguments.send, output).await?;
    let (chain, wallet, owner) = (&scene.chain, scene.wallet, scene.owner.address());
    let mut open: Vec<B256> = Vec::new();
    for &digest in &digests {
        if !chain.has_vetoed(wallet, digest, owner).await? {
            open.push(digest);
        }
    }
    // A second start finds the first one's work done.
    let mined = match open.is_empty() {
        true => None,
        false => {
            let input = policy::vetoCall { wallet, digests: open };
            Some(scene.send(input.abi_encode(), output).await?)
        }
    };
    let needed = scene.rules.veto;
    let mut all = Vec::new();
    for &digest in &digests {
        let count = chain.waiting(wallet, digest).await?.vetoes;
        let stopped = count >= needed.into();
        let what =
            if stopped { "stopped: only override signers pass it" } else { "not stopped yet" };
        output.say(&format!("{digest}: {count} of {needed} vetoes, {what}"));
        all.push(json!({ "digest": digest, "vetoes": count, "stopped": stopped }));
    }
    output.result(&json!({
        "wallet": wallet.to_checksum(None),
        "owner": owner.to_checksum(None),
        "needed": needed,
        "actions": all,
        "txHash": mined.map(|mined| mined.tx_hash),
    }));
    Ok(())
}

/// `quorate freeze`.
pub(crate) async fn freeze(arguments: FreezeWallet, output: Output) -> Result<()> {
    let scene = Scene::read(&arguments.wallet, arguments.send, output).await?;
    let (chain, wallet, owner) = (&scene.chain, scene.wallet, scene.owner.address());
    // A second start finds the first one's work done.
    let mined = match chain.has_frozen(wallet, owner).await? {
        true => None,
        false => Some(scene.send(policy::freezeCall { wallet }.abi_encode(), output).await?),
    };
    let frozen = chain.frozen(wallet).await?;
    let needed = scene.rules.veto;
    output.say(&match (frozen.until, mined.is_some()) {
        (0, true) => format!("voted: {} of {needed} votes for a freeze", frozen.votes),
        (0, false) => format!(
            "{owner} voted before, which counts once until the wallet is reconfigured: {} of {needed} votes for a freeze",
            frozen.votes
        ),
        (until, _) => format!("frozen until {}", crate::clock::words(until, output.now)),
    });
    output.result(&json!({
        "wallet": wallet.to_checksum(None),
        "owner": owner.to_checksum(None),
        "needed": needed,
        "votes": frozen.votes,
        "frozenUntil": frozen.until,
        "txHash": mined.map(|mined| mined.tx_hash),
    }));
    Ok(())
}
