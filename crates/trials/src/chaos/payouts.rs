//! A payout run of ether and two tokens whose every part is killed at any moment: the program that proposes and signs, and the
//! relayer.

use super::stage::wait_ready;
use crate::{
    books::{self, Books},
    payday::{Payday, TOKENS},
    relayer::{Relayer, Setup},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_core::Request;
use quorate_lab::{
    keystore::{self, PASSWORD},
    owners::owner,
    program::{Answer, Program},
};
use quorate_store::{MAX_PAGE, Options, ProposalFilter, Storage as _, Store};
use serde_json::Value;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep},
};

/// How many accounts send.
const SENDERS: u64 = 2;

/// How long it may take until all is executed, and until it is final, once nothing is killed any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long is waited between looks.
const PAUSE: Duration = Duration::from_millis(5);

/// How many lines a batch has at most.
const MAX_LINES: &str = "50";

/// How many proposals an owner signs before the list is proposed once more.
const AT_A_TIME: usize = 6;

/// What is behind the last payment before it is final.
const DEPTH: u64 = 12;

/// Who proposes, and who signs what was proposed.
const ALICE: usize = 0;
const BOB: usize = 1;

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Program,
    Relayer,
}

/// Numbers that look random, and are the same every time.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// A number below `end`.
    const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) % end
    }

    /// What is killed during a run of the program, and when; of two runs nothing happens to one.
    fn fate(&mut self) -> Option<(Victim, Duration)> {
        let victim = match self.below(6) {
            0 | 1 => Victim::Program,
            2 => Victim::Relayer,
            _ => return None,
        };
        // As long as one run of the program takes, or a little longer.
        Some((victim, Duration::from_millis(self.below(1_500))))
    }
}

/// A wallet, a relayer, two owners, and what was killed.
struct Stage {
    payday: Payday,
    relayer: Relayer,
    setup: Setup,
    folder: TempDir,
    owners: [PathBuf; 2],
    program: Program,
    dice: Dice,
    programs_killed: u32,
    relayers_killed: u32,
}

/// So many lines, proposed, signed and paid, with so many kills of program and relayer in between. Ends paid and reconciled to
/// the last unit; proposed again, nothing is.
///
/// # Errors
///
/// What does not add up.
pub async fn run(lines: u64, kills: u32) -> Result<Books> {
    let mut stage = Stage::start(lines).await?;
    let mut is_proposed = false;
    loop {
        let propose = ["payout", "propose", "run.plan.json", "--json"];
        if let Some(answer) = stage.step(ALICE, &propose, &[0, 5, 6]).await? {
            is_proposed = answer.code == 0;
        }
        let waiting = stage.waiting_for_bob().await?;
        if is_proposed && waiting.is_empty() && stage.kills() >= kills {
            break;
        }
        for digest in waiting.iter().take(AT_A_TIME) {
            // What is executed, or expired, is nothing to sign any more.
            stage.step(BOB, &["sign", digest, "--json"], &[0, 3, 5]).await?;
        }
    }
    ensure!(stage.programs_killed > 0 && stage.relayers_killed > 0, "one was never killed");
    let batches = stage.until_executed().await?;
    let books = stage.close().await?;
    ensure!(books.executed == batches, "{} of {batches} batches are paid", books.executed);
    stage.payday.compare(&stage.reconciled()?).await?;
    let again = stage.program().json(&stage.owners[ALICE], &["payout", "propose", "run.plan.json"]);
    ensure!(again?["proposed"] == 0, "it proposed again what is paid");
    ensure!(stage.payday.executed().await? == batches, "something was executed beside");
    Ok(books)
}

impl Stage {
    async fn start(lines: u64) -> Result<Self> {
        let payday = Payday::start(lines, SENDERS).await?;
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("relayer.db").display().to_string();
        let endpoints = vec![payday.world.chain.endpoint()];
        let setup = Setup { store, endpoints, senders: SENDERS, poll_millis: 50, lease_secs: 2 };
        let relayer = Relayer::start(&payday.world, &setup, folder.path()).await?;
        wait_ready(&relayer).await?;
        relayer.register(&payday.world).await?;
        let program = Program::beside()?
            .with("ETH_RPC_URL", payday.world.chain.endpoint())
            .with("ETH_KEYSTORE", "keystore")
            .with("ETH_PASSWORD", "password");
        let mut owners = Vec::new();
        for (name, number) in [("alice", 0), ("bob", 2)] {
            let folder = folder.path().join(name);
            fs::create_dir_all(&folder)?;
            keystore::write(&folder, "keystore", &owner(number))?;
            fs::write(folder.join("password"), PASSWORD)?;
            owners.push(folder);
        }
        let owners: [PathBuf; 2] = owners.try_into().map_err(|_| eyre::eyre!("two owners"))?;
        fs::write(owners[ALICE].join("run.csv"), payday.list())?;
        let wallet = payday.wallet().to_checksum(None);
        let plan = ["payout", "plan", "run.csv", "--run", "run", "--wallet", &wallet];
        program.json(&owners[ALICE], &[&plan[..], &["--max-lines", MAX_LINES]].concat())?;
        payday.world.mine_every(1).await?;
        let dice = Dice(0x9e37_79b9_7f4a_7c15);
        let (programs_killed, relayers_killed) = (0, 0);
        Ok(Self {
            payday,
            relayer,
            setup,
            folder,
            owners,
            program,
            dice,
            programs_killed,
            relayers_killed,
        })
    }

    const fn kills(&self) -> u32 {
        self.programs_killed + self.relayers_killed
    }

    /// The program, with the relayer where it is now.
    fn program(&self) -> Program {
        self.program.clone().with("QUORATE_RELAYER", self.relayer.url())
    }

    /// Somebody runs the program, which may be killed, or the relayer. None where it did not come to its end.
    async fn step(
        &mut self,
        who: usize,
        arguments: &[&str],
        codes: &[i32],
    ) -> Result<Option<Answer>> {
        let mut child = self.program().spawn(&self.owners[who], arguments)?;
        let stdout = read(child.stdout.take().ok_or_eyre("no output")?);
        let stderr = read(child.stderr.take().ok_or_eyre("no output")?);
        if let Some((victim, after)) = self.dice.fate() {
            let begun = Instant::now();
            while begun.elapsed() < after && child.try_wait()?.is_none() {
                sleep(PAUSE).await;
            }
            match victim {
                Victim::Program if child.try_wait()?.is_none() => {
                    child.kill()?;
                    child.wait()?;
                    self.programs_killed += 1;
                    return Ok(None);
                }
                Victim::Program => {}
                Victim::Relayer => {
                    self.relayer.kill()?;
                    self.relayers_killed += 1;
                    let folder = self.folder.path();
                    self.relayer = Relayer::start(&self.payday.world, &self.setup, folder).await?;
                }
            }
        }
        let ended = spawn_blocking(move || child.wait()).await??;
        let code = ended.code().unwrap_or(-1);
        let answer = Answer { code, stdout: stdout.await??, stderr: stderr.await?? };
        let command = arguments.join(" ");
        ensure!(codes.contains(&code), "quorate {command}: exit code {code}: {}", answer.stderr);
        Ok(Some(answer))
    }

    /// What waits for the second owner's signature.
    async fn waiting_for_bob(&self) -> Result<Vec<String>> {
        let name = owner(2).address().to_checksum(None);
        let begun = Instant::now();
        let listed = loop {
            match self.program().json(&self.owners[BOB], &["list", "--owner", &name]) {
                Ok(listed) => break listed,
                // It may have been started a moment ago.
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => sleep(PAUSE).await,
            }
        };
        let all = listed["proposals"].as_array().ok_or_eyre("no proposals")?;
        let digest = |item: &Value| item["digest"].as_str().map(str::to_owned);
        Ok(all.iter().filter_map(digest).collect())
    }

    /// Waits until all batches are executed and final; how many there are.
    async fn until_executed(&self) -> Result<usize> {
        let begun = Instant::now();
        let status = ["payout", "status", "run.plan.json", "--json"];
        loop {
            self.payday.world.chain.mine(DEPTH).await?;
            let answer = self.program().run(&self.owners[ALICE], &status)?;
            if answer.code == 0 {
                let told: Value = serde_json::from_str(&answer.stdout)?;
                return Ok(told["batches"].as_array().ok_or_eyre("no batches")?.len());
            }
            let words = answer.error().to_owned();
            ensure!(answer.code == 6 && begun.elapsed() < PATIENCE, "{words}; {}", self.last());
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn last(&self) -> String {
        self.relayer.last_words()
    }

    /// Compares what chain, store and audit log say.
    async fn close(&self) -> Result<Books> {
        let store = Store::open(&self.setup.store, Options::default()).await?;
        let senders: Vec<_> = (0..SENDERS).map(crate::world::sender).collect();
        let begun = Instant::now();
        loop {
            self.payday.world.chain.mine(1).await?;
            let requests = all_requests(&store).await?;
            let world = &self.payday.world;
            match books::compare_actions(world, &store, &requests, &senders).await {
                Ok(books) => return Ok(books),
                Err(error) if begun.elapsed() > PATIENCE => {
                    return Err(error.wrap_err(self.last()));
                }
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// The table for accountants, made of the plan and the chain, in a folder that has nothing else.
    fn reconciled(&self) -> Result<String> {
        let alone = self.folder.path().join("accountant");
        fs::create_dir_all(&alone)?;
        fs::copy(self.owners[ALICE].join("run.plan.json"), alone.join("run.plan.json"))?;
        let reconcile = ["payout", "reconcile", "run.plan.json", "--csv", "paid.csv"];
        let told = self.program.json(&alone, &reconcile)?;
        let totals = told["totals"].as_array().ok_or_eyre("no totals")?;
        ensure!(totals.len() == TOKENS.len() + 1, "{totals:?}");
        read_text(&alone.join("paid.csv"))
    }
}

fn read_text(path: &Path) -> Result<String> {
    Ok(fs::read_to_string(path)?)
}

/// Reads an output to its end beside everything else: one that nobody reads would stop the program.
fn read(mut from: impl Read + Send + 'static) -> JoinHandle<std::io::Result<String>> {
    spawn_blocking(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).map(|_| text)
    })
}

/// Everything that was ever proposed.
async fn all_requests(store: &Store) -> Result<Vec<Request>> {
    let (mut requests, mut before) = (Vec::new(), None);
    loop {
        let page = store.list_proposals(ProposalFilter::default(), before, MAX_PAGE).await?;
        requests.extend(page.items.into_iter().map(|record| record.request));
        before = page.next;
        if before.is_none() {
            return Ok(requests);
        }
    }
}
