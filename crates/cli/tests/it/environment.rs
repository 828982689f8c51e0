//! A chain with everything deployed, a folder, and owners with keystores.

use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{
    anvil::Chain,
    deploy,
    fixtures::world,
    keystore::{self, PASSWORD},
    owners::owner,
    program::{Answer, Program, STATE},
    tokens,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Wherever payments go.
pub(crate) const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// The number of the key that submits.
const SUBMITTER: u64 = 8;

/// The 3-of-5 treasury of the fixtures, deployed and funded, and the program in a folder of its own.
pub(crate) struct Environment {
    pub(crate) chain: Chain,
    pub(crate) program: Program,
    folder: TempDir,
}

impl Environment {
    /// Starts a chain. Its time is now, because deadlines are.
    pub(crate) async fn start() -> Result<Self> {
        let chain = Chain::start_live()?;
        deploy::canonical(&chain).await?;
        for token in tokens::ALL {
            token.deploy(&chain).await?;
        }
        let treasury = world::treasury();
        deploy::wallet(&chain, treasury.config(), treasury.salt()).await?;
        for holding in world::TREASURY_HOLDINGS {
            holding.give(&chain, treasury.address()).await?;
        }
        world::KEY_HOLDING.give(&chain, owner(SUBMITTER).address()).await?;

        let folder = tempfile::tempdir()?;
        let program = Program::at(env!("CARGO_BIN_EXE_quorate"))
            .with("ETH_RPC_URL", chain.endpoint())
            .with("ETH_PASSWORD", "password");
        let this = Self { chain, program, folder };
        this.write("password", PASSWORD)?;
        this.write("wallet.json", &treasury.to_json())?;
        Ok(this)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.path(name), text)?)
    }

    pub(crate) fn read(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.path(name))?)
    }

    /// The name of a keystore of this owner in the folder.
    pub(crate) fn keystore(&self, number: u64) -> Result<String> {
        let name = format!("key-{number}");
        if !self.path(&name).exists() {
            keystore::write(self.folder(), &name, &owner(number))?;
        }
        Ok(name)
    }

    /// The wallet's address.
    pub(crate) fn wallet(&self) -> Result<String> {
        let shown = self.json(&["wallet", "show", "wallet.json"])?;
        Ok(shown["address"].as_str().ok_or_eyre("no address")?.to_owned())
    }

    /// Runs the program, whatever comes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        self.program.run(self.folder(), arguments)
    }

    /// Runs the program with `--json`; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.program.json(self.folder(), arguments)
    }

    /// Runs the program, which must refuse with this code and one line that says `reason`, and write nothing.
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, reason: &str) -> Result<()> {
        let before = self.contents()?;
        let answer = self.run(arguments)?;
        let command = arguments.join(" ");
        let Answer { code: found, stderr, .. } = &answer;
        ensure!(*found == code, "quorate {command}: exit code {found}, not {code}: {stderr}");
        let errors: Vec<_> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        ensure!(errors.len() == 1, "quorate {command}: not one line: {stderr}");
        ensure!(errors[0].contains(reason), "quorate {command}: {}, not {reason}", errors[0]);
        ensure!(self.contents()? == before, "quorate {command} wrote something");
        Ok(())
    }

    fn contents(&self) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut contents = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            if path.ends_with(STATE) {
                continue;
            }
            let bytes = if path.is_file() { fs::read(&path)? } else { Vec::new() };
            contents.push((path, bytes));
        }
        contents.sort();
        Ok(contents)
    }

    /// Proposes a payment of ether and returns the name of its file.
    pub(crate) fn propose(&self, name: &str, more: &[&str]) -> Result<()> {
        let propose = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE];
        let propose = [&propose[..], &["--amount", "1.5", "--out", name], more].concat();
        self.json(&propose).map(drop)
    }

    /// Has owners sign a file, one after the other.
    pub(crate) fn sign(&self, name: &str, numbers: &[u64]) -> Result<()> {
        for &number in numbers {
            let keystore = self.keystore(number)?;
            self.json(&["sign", name, "--keystore", &keystore])?;
        }
        Ok(())
    }

    /// Has the submitter submit a file.
    pub(crate) fn submit(&self, name: &str) -> Result<Value> {
        let keystore = self.keystore(SUBMITTER)?;
        self.json(&["submit", name, "--keystore", &keystore])
    }

    /// The codes of the dangers of a file.
    pub(crate) fn dangers(&self, name: &str) -> Result<Vec<String>> {
        let shown = self.json(&["show", name])?;
        let dangers = shown["dangers"].as_array().ok_or_eyre("no dangers")?;
        let code = |danger: &Value| danger["code"].as_str().unwrap_or_default().to_owned();
        Ok(dangers.iter().map(code).collect())
    }
}
