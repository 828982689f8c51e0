//! Other nodes than anvil, from npm, each started as its users start it: Hardhat 3 and 2, and ganache.

mod installed;
mod rollup;

pub use rollup::DataScalars;

use crate::devnet::Devnet;
use alloy::{
    primitives::{Address, B256, Bytes, U256, address, bytes},
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use eyre::{OptionExt as _, Result, WrapErr as _, bail, ensure};
use quorate_bindings::canonical;
use serde_json::{Value, json};
use std::{
    env, fs,
    net::TcpListener,
    process::{Child, ChildStdin, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::sleep;

/// How often is looked whether something has happened, and how many times: until a node answers, and until a
/// transaction is mined.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_AT_START: usize = 1_200;
const LOOKS_FOR_RECEIPT: usize = 600;

/// How many ports are tried: another program may take the free one that was found.
const PORTS: usize = 3;

/// Who signed the transaction that puts the deployment proxy on a chain: nobody holds its key.
const PROXY_MAKER: Address = address!("3fab184622dc19b6109349b94811493bf2a45362");

/// What that transaction costs in wei, whatever gas costs: 100,000 gas at 100 gwei.
const PROXY_PRICE: u64 = 10_000_000_000_000_000;

/// That transaction, which is the same for every chain (it was signed before EIP-155).
const PROXY_TRANSACTION: Bytes = bytes!(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0222222222222222222222222222222222222222222"
    "2222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222"
);

/// Which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hardhat 3, as a chain of Ethereum's.
    Hardhat3,
    /// Hardhat 3, as a chain of the OP Stack: its predeploys are there, and receipts have what the data cost on layer
    /// 1, which is nothing until [`Node::charge_for_data`].
    Hardhat3Op,
    /// Hardhat 2.
    Hardhat2,
    /// Ganache 7.
    Ganache,
}

/// When a node makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// Each transaction makes one, and nothing else does: the nodes' own way.
    AtOnce,
    /// One every so many seconds, also without transactions.
    EverySecs(u16),
}

/// A running node, ended when dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Node {
    kind: Kind,
    child: Child,
    /// Closed when this process ends; the node then ends by itself.
    _life: Option<ChildStdin>,
    endpoint: String,
    provider: DynProvider,
    chain_id: u64,
    sender: Address,
    folder: TempDir,
}

impl Kind {
    /// Its name and version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hardhat3 => "Hardhat 3.18.0",
            Self::Hardhat3Op => "Hardhat 3.18.0, chain type op",
            Self::Hardhat2 => "Hardhat 2.29.1",
            Self::Ganache => "ganache 7.9.2",
        }
    }
}

impl Node {
    /// Starts a node on a free port of the loopback interface, and waits until it answers. `None` where it does not
    /// start here: the test is skipped, and says so in one line.
    ///
    /// # Errors
    ///
    /// If it does not start and has to: where `CI` or `QUORATE_REQUIRE_NODES` is set.
    pub async fn start(kind: Kind, mining: Mining) -> Result<Option<Self>> {
        match Self::try_start(kind, mining).await {
            Ok(node) => Ok(Some(node)),
            Err(error) if is_required() => {
                Err(error.wrap_err(format!("{} does not start", kind.name())))
            }
            Err(error) => {
                skip(kind, &error);
                Ok(None)
            }
        }
    }

    async fn try_start(kind: Kind, mining: Mining) -> Result<Self> {
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::start_once(kind, mining).await {
                Err(error) if tried < PORTS && error.to_string().contains("EADDRINUSE") => {}
                answer => return answer,
            }
        }
    }

    async fn start_once(kind: Kind, mining: Mining) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("quorate-node-").tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let output = fs::File::create(folder.path().join("log"))?;
        let mut command = installed::command(kind, mining, port)?;
        // A home of its own: nothing that a user has is read there, and nothing stays.
        command.env("HOME", folder.path()).stdin(Stdio::piped());
        let mut child = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .wrap_err_with(|| format!("cannot run {}", command.get_program().display()))?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let provider = ProviderBuilder::default().connect_http(endpoint.parse()?).erased();
        let (life, chain_id, sender) = (child.stdin.take(), 0, Address::ZERO);
        // From here on it ends with this, whatever happens.
        let mut node =
            Self { kind, child, _life: life, endpoint, provider, chain_id, sender, folder };
        node.chain_id = node.first_answer().await?;
        let accounts = node.provider.get_accounts().await?;
        node.sender = *accounts.first().ok_or_eyre("a node without accounts")?;
        Ok(node)
    }

    /// Waits until it answers, with the chain's id.
    async fn first_answer(&mut self) -> Result<u64> {
        for _ in 0..LOOKS_AT_START {
            if let Ok(id) = self.provider.get_chain_id().await {
                return Ok(id);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended ({status}): {}", self.last_lines());
            }
            sleep(LOOK).await;
        }
        bail!("it does not answer: {}", self.last_lines())
    }

    /// The end of its log in one line.
    fn last_lines(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let cut = |line: &str| line.trim().chars().take(200).collect::<String>();
        let lines: Vec<_> = log.lines().map(cut).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }

    /// Which node it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The URL of its JSON-RPC endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The chain's id.
    pub const fn id(&self) -> u64 {
        self.chain_id
    }

    /// Puts the deterministic deployment proxy on the chain, which none of these nodes has from the beginning: pays
    /// whom the public transaction needs, and sends it. Does nothing where the proxy is there.
    ///
    /// # Errors
    ///
    /// If the node refuses.
    pub async fn put_deployment_proxy(&self) -> Result<()> {
        if !self.provider.get_code_at(canonical::DEPLOYER).await?.is_empty() {
            return Ok(());
        }
        self.send(PROXY_MAKER, U256::from(PROXY_PRICE), Bytes::new()).await?;
        let sent = self.provider.send_raw_transaction(&PROXY_TRANSACTION).await?;
        self.mined(*sent.tx_hash()).await?;
        let code = self.provider.get_code_at(canonical::DEPLOYER).await?;
        ensure!(!code.is_empty(), "no proxy at {}", canonical::DEPLOYER);
        Ok(())
    }

    /// Makes no more blocks: what is sent waits.
    ///
    /// # Errors
    ///
    /// If the node refuses.
    pub async fn stop_mining(&self) -> Result<()> {
        match self.kind {
            Kind::Ganache => self.ask("miner_stop", json!([])).await?,
            Kind::Hardhat2 | Kind::Hardhat3 | Kind::Hardhat3Op => {
                self.ask("evm_setAutomine", json!([false])).await?;
                self.ask("evm_setIntervalMining", json!([0])).await?
            }
        };
        Ok(())
    }

    /// Makes blocks again. A Hardhat then makes one every second whatever it did before; ganache goes on as it was
    /// started.
    ///
    /// # Errors
    ///
    /// If the node refuses.
    pub async fn go_on_mining(&self) -> Result<()> {
        match self.kind {
            Kind::Ganache => self.ask("miner_start", json!([])).await?,
            Kind::Hardhat2 | Kind::Hardhat3 | Kind::Hardhat3Op => {
                self.ask("evm_setIntervalMining", json!([1_000])).await?
            }
        };
        Ok(())
    }

    /// Makes so many blocks.
    ///
    /// # Errors
    ///
    /// If the node refuses.
    pub async fn mine(&self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.ask("evm_mine", json!([])).await?;
        }
        Ok(())
    }

    /// Asks the node anything, and returns its result.
    ///
    /// # Errors
    ///
    /// What the node answers as an error.
    pub async fn ask(&self, method: &'static str, params: Value) -> Result<Value> {
        let answer = self.provider.raw_request::<_, Value>(method.into(), params).await;
        answer.wrap_err_with(|| format!("{}: {method}", self.kind.name()))
    }

    /// Waits until a transaction is mined, and returns its receipt.
    ///
    /// # Errors
    ///
    /// If it reverts, or is not mined within half a minute.
    pub async fn mined(&self, tx_hash: B256) -> Result<TransactionReceipt> {
        for _ in 0..LOOKS_FOR_RECEIPT {
            if let Some(receipt) = self.provider.get_transaction_receipt(tx_hash).await? {
                ensure!(receipt.status(), "transaction {tx_hash} reverted");
                return Ok(receipt);
            }
            sleep(LOOK).await;
        }
        bail!("transaction {tx_hash} is not mined")
    }
}

impl Devnet for Node {
    fn provider(&self) -> &DynProvider {
        &self.provider
    }

    fn sender(&self) -> Address {
        self.sender
    }

    async fn transact(&self, request: TransactionRequest) -> Result<TransactionReceipt> {
        let sent = self.provider.send_transaction(request).await?;
        self.mined(*sent.tx_hash()).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing is to be done where it ended already. It is the node itself: no process below it stays.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_required() -> bool {
    ["CI", "QUORATE_REQUIRE_NODES"].iter().any(|name| env::var_os(name).is_some())
}

#[expect(clippy::print_stderr, reason = "whoever reads the test's output should know")]
fn skip(kind: Kind, error: &eyre::Report) {
    eprintln!("skipped: {} does not start here: {error:#}", kind.name());
}
