//! A node with a wallet on it, owners with a folder each, and a relayer.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider as _,
    rpc::types::Filter,
    sol_types::SolEvent as _,
};
use eyre::{OptionExt as _, Result, bail, ensure};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_lab::{
    devnet::Devnet as _,
    keystore::{self, PASSWORD},
    nodes::{Kind, Mining, Node},
    owners::owner,
    program::{Answer, Program},
    service::Service,
    tokens,
};
use serde_json::Value;
use std::{fs, thread::sleep, time::Duration};
use tempfile::TempDir;

/// The numbers of the keys that submit by hand, and for the relayer.
const COURIER: u64 = 9;
const SENDER: u64 = 8;

/// How often is looked whether something has happened, and how many times.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 600;

pub(super) struct Stage {
    pub(super) node: Node,
    folder: TempDir,
    wallet: Address,
    relayer: Option<Service>,
    address: String,
}

/// Somebody with a key in a folder of their own.
pub(super) struct Person {
    pub(super) address: Address,
    program: Program,
    folder: TempDir,
}

impl Stage {
    /// A node with a 2-of-3 wallet that has ether and tokens, all put there by the program. None where the node does not
    /// start here.
    pub(super) async fn start(kind: Kind, mining: Mining) -> Result<Option<Self>> {
        let Some(node) = Node::start(kind, mining).await? else { return Ok(None) };
        node.put_deployment_proxy().await?;
        let ether = |whole: u64| U256::from(whole) * U256::from(10).pow(U256::from(18));
        for number in [COURIER, SENDER] {
            node.send(owner(number).address(), ether(10), Bytes::new()).await?;
        }
        tokens::USDC.deploy(&node).await?;
        let (folder, address) = (tempfile::tempdir()?, "127.0.0.1:0".to_owned());
        let key = ("KEY".to_owned(), owner(SENDER));
        keystore::write_env_file(&folder.path().join("keys.env"), &[key])?;
        let mut stage = Self { node, folder, wallet: Address::ZERO, relayer: None, address };
        // The relayer's account deploys, so that it is not new: ganache executes a new account's first transaction
        // again each time that it is sent.
        let deployer = stage.person(SENDER)?;
        let owners = [0, 1, 2].map(|number| owner(number).address().to_checksum(None));
        let [a, b, c] = owners.each_ref();
        let create = ["wallet", "create", "--threshold", "2", "--owner", a, "--owner", b];
        let made =
            deployer.json(&[&create[..], &["--owner", c, "--out", "wallet.json"]].concat())?;
        stage.wallet = made["address"].as_str().ok_or_eyre("no address")?.parse()?;
        fs::copy(deployer.folder.path().join("wallet.json"), stage.wallet_file())?;
        deployer.json(&["wallet", "deploy", "wallet.json", "--with-factory"])?;
        let shown = deployer.json(&["wallet", "show", "wallet.json"])?;
        assert_eq!(shown["provenance"], "factory", "{shown}");
        stage.node.send(stage.wallet, ether(100), Bytes::new()).await?;
        tokens::USDC.mint(&stage.node, stage.wallet, U256::from(1_000_000_000)).await?;
        Ok(Some(stage))
    }

    /// An owner of the wallet, by number.
    pub(super) fn owner(&self, number: u64) -> Result<Person> {
        let person = self.person(number)?;
        fs::copy(self.wallet_file(), person.folder.path().join("wallet.json"))?;
        Ok(person)
    }

    /// Who submits by hand.
    pub(super) fn courier(&self) -> Result<Person> {
        self.person(COURIER)
    }

    /// The relayer's account.
    pub(super) fn sender(&self) -> Address {
        owner(SENDER).address()
    }

    /// Starts the relayer, at the address that it had, if it had one, and has the wallet served.
    pub(super) fn start_relayer(&mut self) -> Result<()> {
        self.write_config()?;
        let running = Service::start(&Program::beside()?, self.folder.path(), "relayer.toml", &[])?;
        running.address().clone_into(&mut self.address);
        self.relayer = Some(running);
        let owner = self.owner(0)?.at(self);
        owner.json(&["wallet", "register", "wallet.json"]).map(drop)
    }

    /// What `relayer check` says of the node.
    pub(super) fn check_relayer(&self) -> Result<Answer> {
        self.write_config()?;
        let check = ["relayer", "check", "--config", "relayer.toml"];
        Program::beside()?.run(self.folder.path(), &check)
    }

    fn write_config(&self) -> Result<()> {
        let (address, endpoint, id) = (&self.address, self.node.endpoint(), self.node.id());
        let config = format!(
            "store = \"relayer.db\"\n[http]\nlisten = \"{address}\"\nopen_registration = true\n\
             [[chains]]\nchain_id = {id}\nrpc_urls = [\"{endpoint}\"]\npoll_millis = 100\n\
             final_depth = 3\nblock_secs = 1\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"KEY\"\n"
        );
        Ok(fs::write(self.folder.path().join("relayer.toml"), config)?)
    }

    /// Kills the relayer, as a power cut would.
    pub(super) fn kill_relayer(&mut self) -> Result<()> {
        self.relayer.take().map_or(Ok(()), Service::kill)
    }

    /// A payment as a file that these owners signed, one after the other; its path.
    pub(super) fn signed_file(
        &self,
        name: &str,
        to: Address,
        amount: &str,
        owners: [&Person; 2],
    ) -> Result<String> {
        let path = self.folder.path().join(format!("{name}.json")).display().to_string();
        let to = to.to_checksum(None);
        let propose = ["propose", "transfer", "--wallet", "wallet.json", "--to", &to];
        // What was proposed before at the same nonce and reverted is given up.
        let more = ["--amount", amount, "--out", &path];
        owners[0].json(&[&propose[..], &more].concat())?;
        for owner in owners {
            owner.json(&["sign", &path])?;
        }
        Ok(path)
    }

    /// The newest transaction of an account in the newest block.
    pub(super) async fn newest_transaction(&self, from: Address) -> Result<B256> {
        let block = self.node.provider().get_block(Default::default()).full().await?;
        let block = block.ok_or_eyre("a chain without blocks")?;
        let transactions = block.transactions.as_transactions().ok_or_eyre("no transactions")?;
        let sent = transactions.iter().rev().find(|transaction| transaction.inner.signer() == from);
        Ok(*sent.ok_or_eyre("nothing from this account")?.inner.tx_hash())
    }

    /// The wallet told of each of these digests once, and of nothing else since the relayer took over.
    pub(super) async fn each_was_executed_once(&self, digests: &[String]) -> Result<()> {
        let filter = Filter::new()
            .address(self.wallet)
            .event_signature(Executed::SIGNATURE_HASH)
            .from_block(0);
        let logs = self.node.provider().get_logs(&filter).await?;
        let mut executed: Vec<_> =
            logs.iter().filter_map(|log| Some(log.topics().get(1)?.to_string())).collect();
        let mut expected = digests.to_vec();
        executed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(executed, expected);
        Ok(())
    }

    fn wallet_file(&self) -> std::path::PathBuf {
        self.folder.path().join("wallet.json")
    }

    /// Anybody, by the number of the key.
    pub(super) fn person(&self, number: u64) -> Result<Person> {
        let folder = tempfile::tempdir()?;
        keystore::write(folder.path(), "key", &owner(number))?;
        fs::write(folder.path().join("password"), PASSWORD)?;
        let program = Program::beside()?
            .with("ETH_RPC_URL", self.node.endpoint())
            .with("ETH_KEYSTORE", "key")
            .with("ETH_PASSWORD", "password");
        Ok(Person { address: owner(number).address(), program, folder })
    }
}

impl Person {
    /// The same who asks the relayer.
    pub(super) fn at(self, stage: &Stage) -> Self {
        let program = self
            .program
            .with("QUORATE_WALLET", stage.wallet.to_checksum(None))
            .with("QUORATE_RELAYER", format!("http://{}", stage.address));
        Self { program, ..self }
    }

    /// Runs the program, whatever comes of it.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        self.program.run(self.folder.path(), arguments)
    }

    /// Runs the program with `--json`; it must succeed.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.program.json(self.folder.path(), arguments)
    }

    /// As [`Self::json`], where it prints a line for each change.
    pub(super) fn json_lines(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let answer = self.run(&[arguments, &["--json"]].concat())?;
        ensure!(answer.code == 0, "quorate {}: {answer:?}", arguments.join(" "));
        answer.stdout.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Proposes a payment to the relayer, signed; its digest.
    pub(super) fn pays(&self, to: Address, amount: &str, more: &[&str]) -> Result<String> {
        let to = to.to_checksum(None);
        let propose = ["propose", "transfer", "--to", &to, "--amount", amount];
        let made = self.json(&[&propose[..], more].concat())?;
        Ok(made["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
    }

    /// Asks until the relayer gives a proposal this status; what is shown then.
    pub(super) fn until(&self, digest: &str, status: &str) -> Result<Value> {
        let mut shown = Value::Null;
        for _ in 0..LOOKS {
            shown = self.json(&["show", digest])?;
            if shown["relayer"]["status"] == status {
                return Ok(shown);
            }
            sleep(LOOK);
        }
        bail!("{digest} is never {status}: {}", shown["relayer"])
    }

    /// Watches until all are executed for good.
    pub(super) fn until_final(&self, digests: &[String]) -> Result<()> {
        let digests: Vec<_> = digests.iter().map(String::as_str).collect();
        let watch = ["watch", "--timeout", "90"];
        self.json_lines(&[&watch[..], &digests].concat()).map(drop)
    }
}
