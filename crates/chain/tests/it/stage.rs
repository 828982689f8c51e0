//! An anvil with the contracts deployed, connected to.

use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    sol_types::SolCall,
};
use eyre::Result;
use quorate_bindings::{
    canonical,
    contracts::{IWallet, IWalletFactory},
};
use quorate_chain::Chain;
use quorate_core::{
    Action, Config, Nonce, OwnerSignature, Request, creation, packing, signature::EcdsaSignature,
};
use quorate_lab::{
    anvil::{Chain as Anvil, GENESIS_SECS},
    deploy,
    owners::owner,
};
use std::collections::BTreeMap;

/// A week after the genesis block, in Unix seconds.
pub(crate) const DEADLINE: u64 = GENESIS_SECS + 7 * 24 * 60 * 60;

/// The salt of all wallets here.
pub(crate) const SALT: B256 = B256::repeat_byte(0x5a);

pub(crate) struct Stage {
    pub(crate) anvil: Anvil,
    pub(crate) chain: Chain,
}

impl Stage {
    pub(crate) async fn new() -> Result<Self> {
        let anvil = Anvil::start()?;
        deploy::canonical(&anvil).await?;
        let chain = Chain::connect(&anvil.endpoint()).await?;
        Ok(Self { anvil, chain })
    }

    /// Creates a wallet by the factory.
    pub(crate) async fn create(&self, config: &Config) -> Result<Address> {
        let call = IWalletFactory::createCall { config: config.into(), salt: SALT };
        let factory = canonical::WALLET_FACTORY.address;
        self.anvil.send(factory, U256::ZERO, call.abi_encode().into()).await?;
        Ok(creation::wallet_address(config, SALT)?)
    }

    /// Deploys this very code, by nobody's factory.
    pub(crate) async fn deploy_code(&self, code: &[u8]) -> Result<Address> {
        let length = u16::try_from(code.len())?.to_be_bytes();
        let init_code = [&hex!("61")[..], &length, &hex!("80600a3d393df3"), code].concat();
        self.anvil.deploy(init_code.into()).await
    }

    /// A request of the wallet in its first epoch.
    pub(crate) fn request(&self, wallet: Address, action: Action, nonce: Nonce) -> Request {
        let chain_id = self.chain.id();
        Request { chain_id, wallet, epoch: 0, action, nonce, deadline: DEADLINE }
    }

    /// Carries out what the owners with these numbers signed; returns the transaction's hash.
    pub(crate) async fn carry_out(
        &self,
        config: &Config,
        request: &Request,
        numbers: &[u64],
    ) -> Result<B256> {
        let calldata = request.calldata(packed(config, request, numbers)?);
        Ok(self.anvil.send(request.wallet, U256::ZERO, calldata).await?.transaction_hash)
    }

    /// Lets the wallet, of owner 0 alone, approve a digest on another wallet.
    pub(crate) async fn approve_by(
        &self,
        config: &Config,
        wallet: Address,
        outer: Address,
        digest: B256,
    ) -> Result<()> {
        let data = IWallet::approveCall { digest }.abi_encode().into();
        let call = quorate_core::action::Call { to: outer, value: U256::ZERO, data };
        let action = Action::Execute { calls: vec![call] };
        let request = self.request(wallet, action, Nonce::default());
        self.carry_out(config, &request, &[0]).await?;
        Ok(())
    }

    /// Asks anvil for something that only anvil does.
    pub(crate) async fn command(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<serde_json::Value> {
        Ok(self.anvil.provider().raw_request(method.into(), params).await?)
    }

    /// A transaction of anvil's account, signed and not sent.
    pub(crate) async fn signed(&self, to: Address, data: Bytes) -> Result<Bytes> {
        let from = self.anvil.sender();
        let fees = self.chain.fees().await?;
        let nonce = self.chain.account_nonce(from, true).await?;
        let transaction = serde_json::json!([{
            "from": from,
            "to": to,
            "data": data,
            "nonce": U256::from(nonce),
            "gas": U256::from(1_000_000),
            "maxFeePerGas": U256::from(fees.max_fee_per_gas),
            "maxPriorityFeePerGas": U256::from(fees.max_priority_fee_per_gas),
            "chainId": U256::from(self.chain.id()),
        }]);
        Ok(serde_json::from_value(self.command("eth_signTransaction", transaction).await?)?)
    }
}

/// A configuration of the owners 0 to `count` - 1.
pub(crate) fn config(threshold: u64, count: u64) -> Result<Config> {
    let owners = (0..count).map(|number| owner(number).address()).collect();
    Ok(Config::new(threshold, owners, Address::ZERO, Bytes::new())?)
}

/// The signature of an owner.
pub(crate) fn sign(number: u64, digest: B256) -> Result<OwnerSignature> {
    use alloy::signers::SignerSync;
    let bytes = owner(number).sign_hash_sync(&digest)?.as_bytes();
    Ok(OwnerSignature::Ecdsa(EcdsaSignature::from_bytes(&bytes)?))
}

/// The signatures of these owners over a request, as the wallet takes them.
pub(crate) fn packed(config: &Config, request: &Request, numbers: &[u64]) -> Result<Bytes> {
    let mut signed = BTreeMap::new();
    for &number in numbers {
        signed.insert(owner(number).address(), sign(number, request.digest())?);
    }
    Ok(packing::pack(config, &signed)?)
}
