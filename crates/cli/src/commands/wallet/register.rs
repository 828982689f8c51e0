//! `quorate wallet register`.

use super::configuration;
use crate::{
    arguments::WalletRegister,
    chain_access::{self, Named},
    failure::Cause,
    output::{Output, Sheet},
    relayer_access::{Relayer, wallet_state},
};
use eyre::Result;
use quorate_api::{RegisterWallet, VerifiedWallet, client::Taken};
use quorate_chain::Chain;
use serde_json::{Value, json};

pub(crate) async fn register(arguments: WalletRegister, output: Output) -> Result<()> {
    let relayer = Relayer::named(&arguments.access, output)?;
    let named = Named::read(&arguments.wallet)?;
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let mut documents = Vec::new();
    for chain_id in chain_ids(&arguments, &named, chain.as_ref())? {
        let wanted = match &named.origin {
            Some(origin) => {
                RegisterWallet::Made { chain_id, config: origin.config.clone(), salt: origin.salt }
            }
            None => RegisterWallet::Deployed { chain_id, address: named.address },
        };
        let registering = relayer.client.register_wallet(&wanted);
        let taken = output.during("asking the relayer", registering).await?;
        if let Some(chain) = chain.as_ref().filter(|chain| chain.id() == chain_id) {
            wallet_state(&taken.answer, chain).await?;
        }
        documents.push(report(&taken, &relayer, output));
    }
    output.result(&json!({ "relayer": relayer.name(), "wallets": documents }));
    Ok(())
}

fn chain_ids(arguments: &WalletRegister, named: &Named, chain: Option<&Chain>) -> Result<Vec<u64>> {
    let of_file = named.chain_ids().map(|ids| ids.iter().copied().collect());
    let ids = if !arguments.chain_ids.is_empty() {
        arguments.chain_ids.clone()
    } else if let Some(chain) = chain {
        vec![chain.id()]
    } else if let Some(ids) = of_file {
        ids
    } else {
        return Err(
            Cause::Usage.error("no chain: give --chain-id or --rpc-url, or name the wallet file")
        );
    };
    for &id in &ids {
        chain_access::check_chain(id)?;
        if named.chain_ids().is_some_and(|known| !known.contains(&id)) {
            return Err(Cause::Mismatch.error(format!("the wallet file is not for chain {id}")));
        }
    }
    Ok(ids)
}

fn report(taken: &Taken<VerifiedWallet>, relayer: &Relayer, output: Output) -> Value {
    let wallet = taken.answer.wallet();
    let (address, chain_id) = (wallet.address.to_checksum(None), wallet.chain_id);
    let verb = if taken.is_new { "serves" } else { "served already" };
    let mut sheet = Sheet::default();
    sheet.title(&format!("The relayer {} {verb} wallet {address}", relayer.name()));
    sheet.row("chain", &chain_id.to_string());
    configuration(&mut sheet, &wallet.config, output.now);
    let proof = match (taken.answer.origin(), taken.answer.proven_config()) {
        (Some(_), Some(_)) => "the address proves the owners",
        (Some(_), None) => "reconfigured since it was made",
        (None, _) => "what it was made of is not told",
    };
    sheet.row("origin", proof);
    output.say(&sheet.finish());
    json!({
        "chainId": chain_id,
        "address": address,
        "new": taken.is_new,
        "deployed": wallet.deployed,
        "epoch": wallet.epoch,
        "config": wallet.config,
    })
}
