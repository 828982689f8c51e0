//! What a wallet is, at one block.

use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, B256},
    rpc::types::{BlockNumberOrTag, Log},
    sol_types::SolEvent,
};
use quorate_bindings::{
    canonical,
    contracts::{IWallet, IWalletFactory::WalletCreated},
};
use quorate_core::{Config, Lane, Nonce, creation};

/// A wallet as it is at one block: everything here was read at that block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletState {
    /// Its address.
    pub address: Address,
    /// The number of the block.
    pub block: u64,
    /// Whether there is code at the address, whoever's.
    pub deployed: bool,
    /// What is known of where it comes from.
    pub provenance: Provenance,
    /// How often it was reconfigured.
    pub epoch: u32,
    /// The present configuration; of a wallet that is not deployed the one it would be created with, if the caller
    /// knows it. None of a foreign contract, nor of a [`Provenance::CodeOnly`] wallet that gives none.
    pub config: Option<Config>,
    /// The contract whose code it runs; none where that is not the canonical wallet.
    pub implementation: Option<Address>,
}

/// Where a wallet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// There is no code at the address.
    NotDeployed,
    /// The canonical factory made it, so its storage began empty: its address is that of a configuration
    /// and salt, from the caller or from the factory's event.
    Factory,
    /// Its code is that of a wallet, but nobody shows that the factory made it. Whoever did may have run other code
    /// at the address before, and so may have written approvals of any owner.
    CodeOnly,
    /// Some other contract, or an account that delegates (EIP-7702).
    Foreign,
}

impl Chain {
    /// Reads a wallet at the newest block.
    ///
    /// `origin` is what the wallet was made of, if the caller knows: it proves the address, and is all there is to
    /// know about a wallet that is not deployed. An origin that makes another address is ignored.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn wallet(
        &self,
        address: Address,
        origin: Option<(&Config, B256)>,
    ) -> Result<WalletState, ChainError> {
        let block = self.head().await?.number;
        let at = BlockNumberOrTag::Number(block);
        let makes_it = |config, salt| creation::wallet_address(config, salt) == Ok(address);
        let origin = origin.filter(|&(config, salt)| makes_it(config, salt));
        let mut state = WalletState {
            address,
            block,
            deployed: false,
            provenance: Provenance::NotDeployed,
            epoch: 0,
            config: origin.map(|(config, _)| config.clone()),
            implementation: None,
        };
        let code = self.code(address, at).await?;
        if code.is_empty() {
            return Ok(state);
        }
        state.deployed = true;
        let Some(created_with) = creation::created_with(&code) else {
            return Ok(WalletState { provenance: Provenance::Foreign, config: None, ..state });
        };
        state.implementation = Some(canonical::WALLET.address);
        let is_from_factory = origin.is_some() || self.is_from_factory(address, block).await?;
        let present = self.present(address, at).await?;
        if !is_from_factory {
            state.provenance = Provenance::CodeOnly;
            (state.epoch, state.config) = present.map_or((0, None), |(e, c)| (e, Some(c)));
            return Ok(state);
        }
        let (epoch, config) = present.ok_or_else(|| self.contradiction(address))?;
        if epoch == 0 && config != created_with {
            return Err(self.contradiction(address));
        }
        Ok(WalletState { provenance: Provenance::Factory, epoch, config: Some(config), ..state })
    }

    /// Epoch and configuration of a wallet after a block, by its own word; none where there is no wallet, or where that is
    /// nonsense.
    ///
    /// Does not look where the contract comes from: for wallets that are known to be genuine, and cheap.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, as where it does not have the block.
    pub async fn present_at(
        &self,
        wallet: Address,
        block: u64,
    ) -> Result<Option<(u32, Config)>, ChainError> {
        self.present(wallet, BlockNumberOrTag::Number(block)).await
    }

    /// Epoch and configuration by the wallet's word; none where that is nonsense.
    async fn present(
        &self,
        wallet: Address,
        at: BlockNumberOrTag,
    ) -> Result<Option<(u32, Config)>, ChainError> {
        let epoch = self.ask(wallet, &IWallet::epochCall {}, at).await?;
        let config = self.ask(wallet, &IWallet::configCall {}, at).await?;
        let epoch = epoch.and_then(|epoch| u32::try_from(epoch).ok());
        let config = config.and_then(|config| Config::try_from(config).ok());
        Ok(epoch.zip(config.filter(|config| config.check_for(wallet).is_ok())))
    }

    /// Whether the factory's event names the wallet. What the event says is not believed but computed again.
    async fn is_from_factory(&self, wallet: Address, block: u64) -> Result<bool, ChainError> {
        let topics = vec![WalletCreated::SIGNATURE_HASH, wallet.into_word()];
        let created = |log: &Log| {
            let event = WalletCreated::decode_log_data_validate(log.data()).ok()?;
            let config = Config::try_from(event.config).ok()?;
            (creation::wallet_address(&config, event.salt) == Ok(wallet)).then_some(())
        };
        let factory = canonical::WALLET_FACTORY.address;
        match self.find_log(factory, topics, block, created).await {
            Ok(found) => Ok(found.is_some()),
            // Without the history nobody shows it.
            Err(ChainError::HistoryRefused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn contradiction(&self, wallet: Address) -> ChainError {
        let reason = format!("the configuration of wallet {wallet} does not fit its code");
        self.wrong_answer("eth_call", reason)
    }

    /// The next nonce of a lane of a wallet, at the newest block. Of a wallet that was not deployed when `wallet` was
    /// read, sequence 0.
    ///
    /// Knows nothing of proposals that wait for signatures.
    ///
    /// # Errors
    ///
    /// If `wallet` is a foreign contract, or the endpoint gives no sensible answer.
    pub async fn next_nonce(&self, wallet: &WalletState, lane: Lane) -> Result<Nonce, ChainError> {
        let address = wallet.address;
        match wallet.provenance {
            Provenance::NotDeployed => return Ok(Nonce::new(lane, 0)),
            Provenance::Foreign => return Err(ChainError::NotAWallet { address }),
            Provenance::Factory | Provenance::CodeOnly => {}
        }
        let question = IWallet::nonceCall { lane: lane.number() };
        let nonce = self.ask(address, &question, BlockNumberOrTag::Latest).await?;
        let nonce = nonce.map(Nonce::from_u256).filter(|nonce| nonce.lane == lane);
        nonce.ok_or_else(|| {
            let reason = format!("wallet {address} gives no nonce of lane {lane}");
            self.wrong_answer("eth_call", reason)
        })
    }
}
