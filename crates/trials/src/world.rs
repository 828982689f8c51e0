//! A chain with wallets, senders, and payments that can be told apart.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
};
use eyre::{Result, ensure};
use quorate_core::{Action, Config, Lane, Nonce, Request, action::Transfer, creation};
use quorate_lab::{anvil::Chain, deploy, owners::owner};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What every wallet and sender has at first, in wei.
const HOLDING: u128 = 1_000_000_000_000_000_000_000;

/// The number of the first sender's key.
const FIRST_SENDER: u64 = 100;

/// Until when payments may be made, from now on.
const DEADLINE: Duration = Duration::from_secs(86_400);

/// A wallet: 2 of 3 known owners.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// Its configuration.
    pub config: Config,
    /// What makes its address another one's.
    pub salt: B256,
    /// Where it is, or will be.
    pub address: Address,
}

/// A chain with what the trials need on it. Its time is the machine's.
#[derive(Debug)]
pub struct World {
    /// The chain.
    pub chain: Chain,
    /// The wallets, each with ether.
    pub wallets: Vec<Wallet>,
}

/// The key number of a sender.
pub const fn sender(index: u64) -> u64 {
    FIRST_SENDER + index
}

impl Wallet {
    /// The wallet with this number.
    ///
    /// # Errors
    ///
    /// Never: the configuration is a valid one.
    pub fn numbered(number: u64) -> Result<Self> {
        let owners = (0..3).map(|key| owner(key).address()).collect();
        let config = Config::new(2, owners, Address::ZERO, Bytes::new())?;
        let salt = B256::from(U256::from(number));
        let address = creation::wallet_address(&config, salt)?;
        Ok(Self { config, salt, address })
    }
}

impl World {
    /// Starts a chain with so many wallets, deployed or not, and so many senders. Each transaction is mined as it comes.
    ///
    /// # Errors
    ///
    /// If there is no anvil, or it refuses.
    pub async fn start(wallets: u64, are_deployed: bool, senders: u64) -> Result<Self> {
        let chain = Chain::start_live()?;
        deploy::canonical(&chain).await?;
        let wallets = (0..wallets).map(Wallet::numbered).collect::<Result<Vec<_>>>()?;
        let world = Self { chain, wallets };
        for wallet in &world.wallets {
            if are_deployed {
                deploy::wallet(&world.chain, &wallet.config, wallet.salt).await?;
            }
            world.set_balance(wallet.address).await?;
        }
        for index in 0..senders {
            world.set_balance(owner(sender(index)).address()).await?;
        }
        Ok(world)
    }

    async fn set_balance(&self, account: Address) -> Result<()> {
        let balance = U256::from(HOLDING);
        self.rpc("anvil_setBalance", (account, balance)).await?;
        Ok(())
    }

    /// Payment number `number`: one wei more than that, to an account that gets nothing else.
    ///
    /// # Errors
    ///
    /// If there is no such wallet.
    pub fn payment(&self, wallet: usize, number: u64, nonce: Nonce) -> Result<Request> {
        ensure!(wallet < self.wallets.len(), "there is no wallet {wallet}");
        Ok(Request {
            chain_id: self.chain.id(),
            wallet: self.wallets[wallet].address,
            epoch: 0,
            action: Action::Payout {
                token: Address::ZERO,
                transfers: vec![Transfer { to: payee(number), amount: U256::from(number + 1) }],
            },
            nonce,
            deadline: (now() + DEADLINE).as_secs(),
        })
    }

    /// Payments `count`, from all wallets in turn, each wallet's in the order of its lane 0.
    ///
    /// # Errors
    ///
    /// If there is no wallet.
    pub fn payments(&self, count: u64) -> Result<Vec<Request>> {
        let wallets = self.wallets.len() as u64;
        ensure!(wallets > 0, "there is no wallet");
        let payment = |number: u64| {
            let wallet = usize::try_from(number % wallets)?;
            self.payment(wallet, number, Nonce::new(Lane::ZERO, number / wallets))
        };
        (0..count).map(payment).collect()
    }

    /// Mines only when told.
    ///
    /// # Errors
    ///
    /// If anvil refuses.
    pub async fn mine_by_hand(&self) -> Result<()> {
        self.rpc("evm_setAutomine", (false,)).await?;
        Ok(())
    }

    /// Mines every so many seconds.
    ///
    /// # Errors
    ///
    /// If anvil refuses.
    pub async fn mine_every(&self, secs: u64) -> Result<()> {
        self.mine_by_hand().await?;
        self.rpc("evm_setIntervalMining", (secs,)).await?;
        Ok(())
    }

    /// Lets the next block have this base fee, in wei.
    ///
    /// # Errors
    ///
    /// If anvil refuses.
    pub async fn set_base_fee(&self, wei: u128) -> Result<()> {
        self.rpc("anvil_setNextBlockBaseFeePerGas", (U256::from(wei),)).await?;
        Ok(())
    }

    /// Replaces the last `depth` blocks by empty ones.
    ///
    /// # Errors
    ///
    /// If anvil refuses.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.rpc("anvil_reorg", (depth, Vec::<Value>::new())).await?;
        Ok(())
    }

    /// The number of the newest block.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn height(&self) -> Result<u64> {
        Ok(self.chain.provider().get_block_number().await?)
    }

    /// Asks anvil itself.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub async fn rpc(
        &self,
        method: &'static str,
        params: impl serde::Serialize + Clone + std::fmt::Debug + Send + Sync + Unpin + 'static,
    ) -> Result<Value> {
        Ok(self.chain.provider().raw_request(method.into(), params).await?)
    }
}

/// Who gets payment `number`, and nothing else.
pub fn payee(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(0xbeef_0000_0000 + number)))
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "the chain's time is the machine's")]
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The machine's clock, in Unix milliseconds.
pub fn now_millis() -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}
