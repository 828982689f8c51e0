//! Where the demo plays: a chain, people with a folder each, and a record of what was done and checked.

use crate::{
    anvil::Chain,
    keystore::{self, PASSWORD},
    owners::owner,
    program::{Answer, Program},
};
use alloy::primitives::Address;
use eyre::{Result, ensure};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Somebody with a folder, and in it a keystore and its password.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) folder: PathBuf,
    pub(super) address: Address,
}

/// A step that was done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    who: &'static str,
    command: String,
    exit_code: i32,
}

/// Something that had to hold.
#[derive(Debug, Serialize)]
struct Check {
    claim: String,
    held: bool,
}

#[derive(Debug)]
pub(super) struct Stage {
    chain: Chain,
    program: Program,
    folder: PathBuf,
    is_silent: bool,
    scenes: usize,
    steps: Vec<Step>,
    checks: Vec<Check>,
    notes: Map<String, Value>,
    story: String,
}

impl Stage {
    pub(super) fn new(chain: Chain, program: Program, folder: PathBuf, is_silent: bool) -> Self {
        let (steps, checks, notes, story) = Default::default();
        Self { chain, program, folder, is_silent, scenes: 0, steps, checks, notes, story }
    }

    pub(super) const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Somebody comes, with the key of this number and a folder of its own.
    pub(super) fn enter(&self, name: &'static str, number: u64) -> Result<Person> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        let key = owner(number);
        keystore::write(&folder, "keystore", &key)?;
        fs::write(folder.join("password"), PASSWORD)?;
        Ok(Person { name, folder, address: key.address() })
    }

    /// Begins a part of the story.
    pub(super) fn scene(&mut self, title: &str) {
        self.scenes += 1;
        self.print(&format!("\n{}  {title}", self.scenes));
    }

    pub(super) fn tell(&mut self, text: &str) {
        for line in text.lines() {
            self.print(&format!("   {line}"));
        }
    }

    /// Shows what the program printed.
    pub(super) fn quote(&mut self, text: &str) {
        for line in text.lines() {
            self.print(format!("   │ {line}").trim_end());
        }
    }

    /// Records a value for `--json`.
    pub(super) fn note(&mut self, name: &str, value: Value) {
        self.notes.insert(name.to_owned(), value);
    }

    /// Somebody runs the program and gets an answer, whichever.
    pub(super) fn ask(&mut self, who: &Person, arguments: &[&str]) -> Result<Answer> {
        let program = self.program.clone();
        let program = program.with("ETH_KEYSTORE", "keystore").with("ETH_PASSWORD", "password");
        let answer = program.run(&who.folder, arguments)?;
        let command =
            arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ");
        let shown: Vec<_> = command.split(' ').filter(|part| *part != "--json").collect();
        self.print(&format!("   {:<10} $ quorate {}", who.name, shown.join(" ")));
        self.steps.push(Step { who: who.name, command, exit_code: answer.code });
        Ok(answer)
    }

    /// Somebody runs the program with `--json`, and it must succeed.
    pub(super) fn run(&mut self, who: &Person, arguments: &[&str]) -> Result<Value> {
        let answer = self.ask(who, &[arguments, &["--json"]].concat())?;
        ensure!(answer.code == 0, "exit code {}: {}", answer.code, answer.stderr.trim());
        Ok(serde_json::from_str(&answer.stdout)?)
    }

    /// Somebody runs the program, and it must refuse with this exit code.
    pub(super) fn refused(
        &mut self,
        who: &Person,
        arguments: &[&str],
        code: i32,
        claim: &str,
    ) -> Result<()> {
        let answer = self.ask(who, arguments)?;
        self.quote(answer.error());
        self.check(claim, answer.code == code);
        Ok(())
    }

    /// Records whether something holds.
    pub(super) fn check(&mut self, claim: &str, held: bool) {
        self.print(&format!("   {} {claim}", if held { "✓" } else { "✗ NOT SO:" }));
        self.checks.push(Check { claim: claim.to_owned(), held });
    }

    pub(super) fn story(&self) -> &str {
        &self.story
    }

    pub(super) fn all_held(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.held)
    }

    pub(super) fn finish(&mut self) {
        let held = self.checks.iter().filter(|check| check.held).count();
        let count = self.checks.len();
        self.print(&if self.all_held() {
            format!("\nAll {count} checks held, by what the chain says.")
        } else {
            format!("\n{held} of {count} checks held.")
        });
    }

    #[expect(clippy::print_stdout, reason = "this is the demo's output")]
    pub(super) fn print_json(&self) {
        let document = json!({
            "ok": self.all_held(),
            "notes": self.notes,
            "steps": self.steps,
            "checks": self.checks,
        });
        println!("{document:#}");
    }

    /// Lets anvil run on when this process ends, and says how to connect.
    #[expect(clippy::print_stderr, reason = "this is the demo's output")]
    pub(super) fn leave_running(self, folder: &Path) {
        let (endpoint, id) = (self.chain.endpoint(), self.chain.process_id());
        eprintln!(
            "\nanvil still runs: export ETH_RPC_URL={endpoint}\nend it with: kill {id}\nfiles, keystores (password \"{PASSWORD}\"): {}",
            folder.display()
        );
        self.chain.leave_running();
    }

    /// Says where the files of a demo that failed are.
    #[expect(clippy::print_stderr, reason = "this is the demo's output")]
    pub(super) fn keep_for_inspection(&self, folder: PathBuf) {
        eprintln!("the demo's files are in {}", folder.display());
    }

    #[expect(clippy::print_stdout, reason = "this is the demo's output")]
    fn print(&mut self, text: &str) {
        self.story.push_str(text);
        self.story.push('\n');
        if !self.is_silent {
            println!("{text}");
        }
    }
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{argument}'")
    }
}
