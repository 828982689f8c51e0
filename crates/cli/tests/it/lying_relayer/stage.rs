//! Every command that reads from a relayer, and what it must not do when that lies.

use crate::{
    environment::{Environment, PAYEE},
    fake_relayer::{FakeRelayer, Fault},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{
    owners::owner,
    program::{Answer, Program, STATE},
};
use std::{collections::BTreeMap, fs};

/// What a command reads of the relayer, and so what lie it can notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    /// A proposal that it asked for by its digest.
    ByDigest,
    /// Proposals of a wallet.
    OfWallet,
    /// What awaits an owner.
    OfOwner,
    /// What became of proposals.
    Status,
    /// The next free place.
    NextFree,
    /// The wallet alone.
    OfWalletAlone,
}
use Reads::{ByDigest, NextFree, OfOwner, OfWallet, Status};

pub(super) const ANY: &[Reads] = &[ByDigest, OfWallet, OfOwner];

/// A command with its arguments.
pub(super) struct Command {
    pub(super) arguments: Vec<String>,
    pub(super) reads: &'static [Reads],
}

pub(super) struct Stage {
    pub(super) environment: Environment,
    pub(super) relayer: FakeRelayer,
    pub(super) program: Program,
    pub(super) commands: Vec<Command>,
}

impl Stage {
    pub(super) async fn start() -> Result<Self> {
        let environment = Environment::start().await?;
        let relayer = FakeRelayer::start(&environment).await?;
        environment.keystore(2)?;
        environment.write("run.csv", &format!("id,to,amount,token,note\na,{PAYEE},1,ETH,\n"))?;
        // Who proposes a list writes its plan first.
        environment.json(&[
            "payout",
            "plan",
            "run.csv",
            "--run",
            "r",
            "--wallet",
            "wallet.json",
        ])?;
        let program = environment
            .program
            .clone()
            .with("QUORATE_RELAYER", relayer.url())
            .with("QUORATE_WALLET", "wallet.json")
            .with("ETH_KEYSTORE", "key-2");
        let mut this = Self { environment, relayer, program, commands: Vec::new() };
        this.write_file()?;
        this.commands = this.all_commands();
        Ok(this)
    }

    /// The relayer's proposal as a file.
    fn write_file(&self) -> Result<()> {
        let digest = self.relayer.digest.to_string();
        let nobody = self.program.clone().with("ETH_KEYSTORE", "");
        // An approval of another wallet's proposal would do: what is wanted is the file alone.
        let sign = ["sign", &digest, "--out", "known.json", "--keystore", "key-2"];
        nobody.json(self.environment.folder(), &sign)?;
        let text = self.environment.read("known.json")?;
        let mut file: serde_json::Value = serde_json::from_str(&text)?;
        file["signatures"] = serde_json::json!([]);
        self.environment.write("known.json", &file.to_string())?;
        file["deadline"] = serde_json::json!(file["deadline"].as_u64().unwrap_or_default() + 1);
        self.environment.write("new-one.json", &file.to_string())
    }

    /// Every command that reads from a relayer.
    fn all_commands(&self) -> Vec<Command> {
        let digest = self.relayer.digest.to_string();
        let me = owner(2).address().to_checksum(None);
        let command = |text: &str, reads| {
            let named = |word: &str| match word {
                "DIGEST" => digest.clone(),
                "ME" => me.clone(),
                "PAYEE" => PAYEE.to_owned(),
                word => word.to_owned(),
            };
            Command { arguments: text.split(' ').map(named).collect(), reads }
        };
        vec![
            command("show DIGEST", &[ByDigest, Status]),
            command("show DIGEST --typed-data", &[ByDigest, Status]),
            command("sign DIGEST", &[ByDigest, Status]),
            command("sign DIGEST --out signed.json", &[ByDigest, Status]),
            command("sign known.json", &[ByDigest, Status]),
            command("sign new-one.json", &[Reads::OfWalletAlone]),
            command("list --owner ME", &[OfOwner, Status]),
            command("list", &[OfWallet, Status]),
            command("watch DIGEST --timeout 60", &[ByDigest, Status]),
            command("propose transfer --to PAYEE --amount 1", &[OfWallet, NextFree]),
            command("propose transfer --to PAYEE --amount 1 --out new.json", &[OfWallet, NextFree]),
            command("propose transfer --to PAYEE --amount 1 --after DIGEST", &[ByDigest, Status]),
            command("propose cancel DIGEST", &[ByDigest, Status]),
            command("propose approve --proposal DIGEST --lane 9", &[ByDigest, Status]),
            command("payout propose run.csv --run r --out folder", &[OfWallet]),
        ]
    }

    /// Has every command that reads one of these run, all at once, each of which must end with this code, one line that
    /// says why, nothing written and nothing handed in.
    pub(super) fn all_refuse(
        &self,
        name: &str,
        fault: Fault,
        reads: &[Reads],
        code: i32,
    ) -> Result<()> {
        let is_concerned = |command: &&Command| command.reads.iter().any(|r| reads.contains(r));
        let concerned: Vec<_> = self.commands.iter().filter(is_concerned).collect();
        ensure!(!concerned.is_empty(), "{name}: no command");
        self.refuse(name, fault, &concerned, code)
    }

    fn refuse(&self, name: &str, fault: Fault, commands: &[&Command], code: i32) -> Result<()> {
        let (before, handed_in) = (self.contents()?, self.relayer.handed_in());
        self.relayer.set(fault);
        for (command, answer) in self.run(&self.program, commands)? {
            let command = command.arguments.join(" ");
            ensure!(answer.code == code, "{name}: quorate {command}: not {code}: {answer:?}");
            let errors = answer.stderr.lines().filter(|line| line.starts_with("error: "));
            ensure!(errors.count() == 1, "{name}: quorate {command}: not one line: {answer:?}");
            ensure!(answer.stdout.is_empty(), "{name}: quorate {command} said: {answer:?}");
        }
        ensure!(self.contents()? == before, "{name}: something was written");
        ensure!(self.relayer.handed_in() == handed_in, "{name}: something was handed in");
        self.relayer.set(Fault::default());
        Ok(())
    }

    pub(super) fn run<'a>(
        &self,
        program: &Program,
        commands: &[&'a Command],
    ) -> Result<Vec<(&'a Command, Answer)>> {
        let begin = |command: &&'a Command| {
            let arguments: Vec<_> = command.arguments.iter().map(String::as_str).collect();
            Ok((*command, program.spawn(self.environment.folder(), &arguments)?))
        };
        let running: Vec<_> = commands.iter().map(begin).collect::<Result<_>>()?;
        let end = |(command, child): (&'a Command, std::process::Child)| {
            let output = child.wait_with_output()?;
            let code = output.status.code().unwrap_or(-1);
            let [stdout, stderr] = [output.stdout, output.stderr].map(String::from_utf8);
            Ok((command, Answer { code, stdout: stdout?, stderr: stderr? }))
        };
        running.into_iter().map(end).collect()
    }

    pub(super) fn contents(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut contents = BTreeMap::new();
        for entry in fs::read_dir(self.environment.folder())? {
            let path = entry?.path();
            let name = path.file_name().ok_or_eyre("no name")?.to_string_lossy().into_owned();
            let bytes = if path.is_file() { fs::read(&path)? } else { Vec::new() };
            if name != STATE {
                contents.insert(name, bytes);
            }
        }
        Ok(contents)
    }
}
