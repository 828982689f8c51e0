//! Where the demo plays: a chain, people with a folder each, and a record of what was done and checked.

use crate::{
    anvil::Chain,
    keystore::{self, PASSWORD},
    owners::owner,
    program::{Answer, Program},
};
use alloy::primitives::Address;
use eyre::{OptionExt as _, Result, ensure};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc,
    thread,
    time::Duration,
};
use tokio::time::sleep;

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
    watching: Option<Watching>,
}

/// Somebody who watches.
#[derive(Debug)]
struct Watching {
    name: &'static str,
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stage {
    pub(super) fn new(chain: Chain, program: Program, folder: PathBuf, is_silent: bool) -> Self {
        let (steps, checks, notes, story) = Default::default();
        let watching = None;
        Self { chain, program, folder, is_silent, scenes: 0, steps, checks, notes, story, watching }
    }

    pub(super) const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The program, as everybody runs it.
    pub(super) const fn program(&self) -> &Program {
        &self.program
    }

    /// Where everybody's folder is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on everybody knows this variable.
    pub(super) fn set(&mut self, variable: &'static str, value: &str) {
        self.program = self.program.clone().with(variable, value);
    }

    /// From now on nobody knows this variable.
    pub(super) fn unset(&mut self, variable: &'static str) {
        self.program = self.program.clone().without(variable);
    }

    /// Shows a command that somebody gives.
    pub(super) fn shown(&mut self, who: &str, command: &str) {
        self.print(&format!("   {who:<10} $ {command}"));
    }

    /// Somebody begins to watch something. What the program prints is told as it comes, with [`Self::news`].
    pub(super) fn watch(&mut self, who: &Person, arguments: &[&str]) -> Result<()> {
        self.shown(who.name, &format!("quorate {} &", arguments.join(" ")));
        let mut child = self.program.spawn(&who.folder, arguments)?;
        let output = BufReader::new(child.stdout.take().ok_or_eyre("no output")?);
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        self.watching = Some(Watching { name: who.name, child, lines });
        Ok(())
    }

    /// Tells what the one who watches has seen since.
    pub(super) fn news(&mut self) {
        let Some(watching) = &self.watching else { return };
        let name = watching.name;
        let lines: Vec<_> = watching.lines.try_iter().collect();
        for line in lines {
            self.print(&format!("   {name:<10} ┆ {line}"));
        }
    }

    /// Tells what is seen until the one who watches has seen enough; the exit code.
    pub(super) async fn watched(&mut self) -> Result<i32> {
        let ended = loop {
            self.news();
            let watching = self.watching.as_mut().ok_or_eyre("nobody watches")?;
            match watching.child.try_wait()? {
                Some(ended) => break ended,
                None => sleep(Duration::from_millis(50)).await,
            }
        };
        let rest: Vec<_> =
            self.watching.iter().flat_map(|watching| watching.lines.iter()).collect();
        let name = self.watching.take().map_or("", |watching| watching.name);
        for line in rest {
            self.print(&format!("   {name:<10} ┆ {line}"));
        }
        Ok(ended.code().unwrap_or(-1))
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
        self.news();
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
