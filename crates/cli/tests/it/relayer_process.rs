//! The relayer as a process of its own, and owners who know nothing of each other but its URL.

use crate::operator::Operator;
use eyre::{OptionExt as _, Result, bail, ensure};
use quorate_lab::{
    anvil::Chain,
    deploy,
    fixtures::world,
    keystore::{self, PASSWORD},
    owners::owner,
    program::{Answer, Program, STATE},
    service::Service,
};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};
use tempfile::TempDir;

/// A chain with the 3-of-5 treasury of the fixtures, and a relayer that may serve it.
pub(crate) struct Stage {
    pub(crate) chain: Chain,
    pub(crate) relayer: RelayerProcess,
}

/// A relayer that runs until it is dropped.
pub(crate) struct RelayerProcess {
    folder: TempDir,
    endpoint: String,
    store: String,
    http: String,
    running: Option<Service>,
    address: String,
}

/// Somebody with a folder, perhaps with a key.
pub(crate) struct Person {
    program: Program,
    folder: TempDir,
}

impl Stage {
    /// Everything deployed, the treasury funded, the relayer running.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with("").await
    }

    /// As [`Self::start`], with more in the relayer's section `[http]`.
    pub(crate) async fn start_with(http: &str) -> Result<Self> {
        Self::start_on("relayer.db", http).await
    }

    /// As [`Self::start_with`], on another store.
    pub(crate) async fn start_on(store: &str, http: &str) -> Result<Self> {
        let chain = Chain::start_live()?;
        deploy::canonical(&chain).await?;
        for token in quorate_lab::tokens::ALL {
            token.deploy(&chain).await?;
        }
        let treasury = world::treasury();
        deploy::wallet(&chain, treasury.config(), treasury.salt()).await?;
        for holding in world::TREASURY_HOLDINGS {
            holding.give(&chain, treasury.address()).await?;
        }
        world::KEY_HOLDING.give(&chain, owner(world::SUBMITTER).address()).await?;
        let relayer = RelayerProcess::start(&chain, store, http)?;
        Ok(Self { chain, relayer })
    }

    /// An owner of the treasury, by number.
    pub(crate) fn owner(&self, number: u64) -> Result<Person> {
        let person = self.stranger()?;
        keystore::write(person.folder(), "key", &owner(number))?;
        let Person { program, folder } = person;
        Ok(Person { program: program.with("ETH_KEYSTORE", "key"), folder })
    }

    /// Somebody without a key.
    pub(crate) fn stranger(&self) -> Result<Person> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("password"), PASSWORD)?;
        fs::write(folder.path().join("wallet.json"), world::treasury().to_json())?;
        let program = program()
            .with("ETH_RPC_URL", self.chain.endpoint())
            .with("ETH_PASSWORD", "password")
            .with("QUORATE_WALLET", world::treasury().address().to_checksum(None))
            .with("QUORATE_RELAYER", self.relayer.url());
        Ok(Person { program, folder })
    }

    /// Has the treasury served.
    pub(crate) fn register(&self) -> Result<()> {
        self.stranger()?.json(&["wallet", "register", "wallet.json"]).map(drop)
    }

    /// Reads a proposal as the relayer tells it, until it is so.
    pub(crate) async fn until_proposal(
        &self,
        digest: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut told = Value::Null;
        for _ in 0..600 {
            let mut stream = TcpStream::connect(&self.relayer.address)?;
            let host = &self.relayer.address;
            write!(stream, "GET /v1/proposals/{digest} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            let body = text.split_once("\r\n\r\n").ok_or_eyre("no answer")?.1;
            told = serde_json::from_str(body)?;
            if is_so(&told) {
                return Ok(told);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{told}")
    }

    /// Mines until somebody's `watch` of these digests ends, which must be well.
    pub(crate) async fn mine_until_executed(&self, by: &Person, digests: &[String]) -> Result<()> {
        let digests: Vec<_> = digests.iter().map(String::as_str).collect();
        let watching = by.begin(&[&["watch", "--until", "executed"], &digests[..]].concat())?;
        let watched = self.mine_until_done(watching).await?;
        ensure!(watched.code == 0, "{watched:?}");
        Ok(())
    }

    /// Mines until a process ends, and says how.
    pub(crate) async fn mine_until_done(&self, mut child: Child) -> Result<Answer> {
        for _ in 0..1_200 {
            if let Some(status) = child.try_wait()? {
                let (mut stdout, mut stderr) = (String::new(), String::new());
                child.stdout.take().ok_or_eyre("no output")?.read_to_string(&mut stdout)?;
                child.stderr.take().ok_or_eyre("no errors")?.read_to_string(&mut stderr)?;
                return Ok(Answer { code: status.code().unwrap_or(-1), stdout, stderr });
            }
            self.chain.mine(1).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = child.kill();
        bail!("it does not end")
    }
}

impl RelayerProcess {
    fn start(chain: &Chain, store: &str, http: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = ("KEY".to_owned(), owner(world::SUBMITTER));
        keystore::write_env_file(&folder.path().join("keys.env"), &[key])?;
        let endpoint = chain.endpoint();
        let address = "127.0.0.1:0".to_owned();
        let (store, http) = (store.to_owned(), http.to_owned());
        let mut this = Self { folder, endpoint, store, http, running: None, address };
        this.begin()?;
        Ok(this)
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Who runs it.
    pub(crate) fn operator(&self) -> Operator<'_> {
        Operator { program: program(), folder: self.folder.path() }
    }

    /// Starts it, at the address that it had, if it had one.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.begin_until(&["engine running"])
    }

    /// Starts it, as far as it serves HTTP.
    pub(crate) fn begin_to_listen(&mut self) -> Result<()> {
        self.begin_until(&[])
    }

    /// A connection to its store, past it.
    pub(crate) async fn intruder(&self) -> Result<sqlx::AnyConnection> {
        sqlx::any::install_default_drivers();
        let file = self.folder.path().join(&self.store);
        let url = format!("sqlite://{}", file.display());
        Ok(<sqlx::AnyConnection as sqlx::Connection>::connect(&url).await?)
    }

    fn begin_until(&mut self, awaited: &[&str]) -> Result<()> {
        let Self { address, endpoint, store, http, .. } = self;
        let config = format!(
            "store = \"{store}\"\n[http]\nlisten = \"{address}\"\nopen_registration = true\n{http}\
             [[chains]]\nchain_id = 31337\nrpc_urls = [\"{endpoint}\"]\npoll_millis = 50\n\
             final_depth = 3\nblock_secs = 1\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"KEY\"\n"
        );
        fs::write(self.folder.path().join("relayer.toml"), config)?;
        let folder = self.folder.path();
        let running = Service::start(&program(), folder, "relayer.toml", awaited)?;
        running.address().clone_into(&mut self.address);
        self.running = Some(running);
        Ok(())
    }

    /// Waits until its metrics have this line, with a whole number.
    pub(crate) async fn until_metric(&self, line: &str) -> Result<()> {
        let mut text = String::new();
        for _ in 0..600 {
            let mut stream = TcpStream::connect(&self.address)?;
            write!(stream, "GET /metrics HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
            text.clear();
            stream.read_to_string(&mut text)?;
            if text.lines().any(|found| found.trim_end_matches(".0") == line) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{line} is not in {text}")
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Service::kill)
    }
}

/// The program as it was built.
fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_quorate"))
}

impl Person {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same with a variable in the environment.
    pub(crate) fn with(self, variable: &'static str, value: &str) -> Self {
        Self { program: self.program.with(variable, value), folder: self.folder }
    }

    /// Runs the program, whatever comes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        self.program.run(self.folder(), arguments)
    }

    /// Runs the program with `--json`; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.program.json(self.folder(), arguments)
    }

    /// Runs the program, which must refuse with this code and say `reason`.
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, reason: &str) -> Result<()> {
        let answer = self.run(arguments)?;
        let command = arguments.join(" ");
        ensure!(answer.code == code, "quorate {command}: not {code}: {answer:?}");
        ensure!(answer.error().contains(reason), "quorate {command}: not {reason}: {answer:?}");
        Ok(())
    }

    /// Begins to run the program, with `--json`.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Result<Child> {
        self.program.spawn(self.folder(), &[arguments, &["--json"]].concat())
    }

    /// The names of the files in the folder, but for what was there from the beginning.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| !["key", "password", "wallet.json", STATE].contains(&name.as_str()));
        names.sort();
        Ok(names)
    }
}
