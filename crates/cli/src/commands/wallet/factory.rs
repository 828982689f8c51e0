//! Putting the factory on a chain that has none, and before that the proxy through which anyone can.

use crate::{
    arguments::WalletDeploy,
    failure::Cause,
    key::Key,
    output::Output,
    review::exact_text,
    transaction::{self, Call},
};
use alloy::primitives::{Address, Bytes, U256, address, hex};
use eyre::Result;
use quorate_bindings::{canonical, contracts::WalletFactory};
use quorate_chain::{Chain, SimulateError};

/// The transaction that puts the deterministic deployment proxy on a chain: signed once for all chains, without a chain id, so
/// that anyone can send it anywhere.
const PROXY_TRANSACTION: &[u8] = &hex!(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b80825250505060"
    "14600cf31ba02222222222222222222222222222222222222222222222222222222222222222a0222222222222222222"
    "2222222222222222222222222222222222222222222222"
);

/// What the proxy is created with.
const PROXY_INIT_CODE: &[u8] = &hex!(
    "604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601"
    "600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// Who signed it: nobody has the key, the signature was chosen.
const PROXY_SENDER: Address = address!("3fab184622dc19b6109349b94811493bf2a45362");

/// What it may use, and what it pays for each unit of gas, in wei.
const PROXY_GAS: u64 = 100_000;
const PROXY_GAS_PRICE: u128 = 100_000_000_000;

/// Puts the factory on a chain through the deterministic deployment proxy.
pub(super) async fn deploy(
    chain: &Chain,
    key: &Key,
    arguments: &WalletDeploy,
    output: Output,
) -> Result<()> {
    let (id, factory) = (chain.id(), canonical::WALLET_FACTORY.address);
    let has_proxy = chain.has_code(canonical::DEPLOYER).await?;
    if !has_proxy && !arguments.with_proxy {
        return Err(Cause::NotYet.error(format!(
            "chain {id} has no Quorate factory at {factory}, and no deterministic deployment proxy at {} through which that gets there: anyone may put both there, with --with-factory --with-proxy, the proxy for {}",
            canonical::DEPLOYER,
            exact_text(proxy_cost(), None)
        )));
    }
    if !arguments.with_factory {
        return Err(Cause::NotYet.error(format!(
            "chain {id} has no Quorate factory at {factory}: anyone may put it there, with --with-factory"
        )));
    }
    let timeout = arguments.send.timeout;
    if !has_proxy {
        deploy_proxy(chain, key, timeout, output).await?;
    }
    let data: Bytes = [canonical::SALT.as_slice(), &WalletFactory::BYTECODE].concat().into();
    let to = canonical::DEPLOYER;
    let estimated = chain.estimate(key.address(), to, data.clone()).await;
    let gas = transaction::gas_for(chain, key.address(), (to, &data), estimated).await?;
    transaction::send(chain, key, Call::new(to, data, gas), timeout, output).await?;
    if !chain.has_canonical(&canonical::WALLET_FACTORY).await? {
        return Err(Cause::Mismatch.error(format!("{factory} has not the factory's code")));
    }
    output.say(&format!("factory {factory} is on chain {id}"));
    Ok(())
}

fn proxy_cost() -> U256 {
    U256::from(PROXY_GAS) * U256::from(PROXY_GAS_PRICE)
}

/// Gives the sender of the proxy's transaction what it costs, and sends it. What cannot succeed is refused before anything is
/// paid.
async fn deploy_proxy(chain: &Chain, key: &Key, timeout: u64, output: Output) -> Result<()> {
    check_proxy(chain).await?;
    let present = chain.balance(PROXY_SENDER).await?;
    if let Some(missing) = proxy_cost().checked_sub(present).filter(|missing| !missing.is_zero()) {
        let gas = chain.estimate_value(key.address(), PROXY_SENDER, missing).await;
        let to = (PROXY_SENDER, &Bytes::new());
        let gas = transaction::gas_for(chain, key.address(), to, gas).await?;
        let call = Call { value: missing, ..Call::new(PROXY_SENDER, Bytes::new(), gas) };
        transaction::send(chain, key, call, timeout, output).await?;
    }
    let sent = transaction::send_raw(chain, PROXY_TRANSACTION, timeout, output).await;
    let (id, proxy) = (chain.id(), canonical::DEPLOYER);
    if chain.has_code(proxy).await? {
        output.say(&format!("deployment proxy {proxy} is on chain {id}"));
        return Ok(());
    }
    match sent {
        Ok(_) => Err(no_proxy(chain, "its presigned transaction went through and left no code there")),
        Err(error) if is_unprotected(&error) => {
            Err(error.wrap_err(format!(
                "the endpoint takes no transaction without a chain id, as that of the proxy is: find one of chain {id} that does; {PROXY_SENDER} has the ether for it"
            )))
        }
        Err(error) => Err(error),
    }
}

/// Whether the presigned transaction can still succeed.
async fn check_proxy(chain: &Chain) -> Result<()> {
    if chain.account_nonce(PROXY_SENDER, false).await? > 0 {
        return Err(no_proxy(chain, "its presigned transaction was used up there without success"));
    }
    let fees = chain.fees().await?;
    let base_fee = fees.max_fee_per_gas.saturating_sub(fees.max_priority_fee_per_gas) / 2;
    if base_fee > PROXY_GAS_PRICE {
        return Err(Cause::NotYet.error(format!(
            "the presigned transaction of the deployment proxy pays 100 gwei for gas, and chain {} asks for more now ({base_fee} wei): wait until it asks for less",
            chain.id()
        )));
    }
    match chain.estimate_creation(PROXY_SENDER, Bytes::from_static(PROXY_INIT_CODE)).await {
        Ok(gas) if gas > PROXY_GAS => Err(no_proxy(
            chain,
            &format!(
                "its presigned transaction may use {PROXY_GAS} gas, and needs {gas} by the rules of this chain (EIP-8037), which is to bring the proxy itself (EIP-7997)"
            ),
        )),
        Ok(_) => Ok(()),
        Err(SimulateError::Chain(error)) => Err(error.into()),
        Err(error) => Err(no_proxy(chain, &error.to_string())),
    }
}

fn no_proxy(chain: &Chain, reason: &str) -> eyre::Report {
    let (id, proxy) = (chain.id(), canonical::DEPLOYER);
    Cause::FailedOnChain.error(format!(
        "the deployment proxy cannot be put at {proxy} on chain {id}: {reason}; without it the factory cannot have its address there"
    ))
}

/// Whether an endpoint refuses what has no chain id in it (EIP-155).
fn is_unprotected(error: &eyre::Report) -> bool {
    let message = error.to_string().to_lowercase();
    ["eip-155", "eip155", "replay", "unprotected"].iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::{
        consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable as _},
        eips::eip2718::Decodable2718 as _,
        primitives::TxKind,
    };

    /// Case 30: what is sent is what is said to be sent, and leads to the proxy's address.
    #[test]
    fn the_presigned_transaction_makes_the_proxy() {
        let transaction = TxEnvelope::decode_2718(&mut &PROXY_TRANSACTION[..]).unwrap();
        assert_eq!(transaction.recover_signer().unwrap(), PROXY_SENDER);
        assert_eq!((transaction.gas_limit(), transaction.nonce()), (PROXY_GAS, 0));
        assert_eq!(transaction.gas_price(), Some(PROXY_GAS_PRICE));
        assert_eq!((transaction.chain_id(), transaction.kind()), (None, TxKind::Create));
        assert_eq!(transaction.input()[..], PROXY_INIT_CODE[..]);
        assert_eq!(PROXY_SENDER.create(0), canonical::DEPLOYER);
        assert_eq!(exact_text(proxy_cost(), None), "0.01 ETH");
    }
}
