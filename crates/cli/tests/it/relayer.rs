//! `quorate relayer`: what it says before it starts, that it stops when it is told to, and what never
//! gets into its logs.

use alloy::primitives::{Address, B256, U256, hex};
use eyre::{OptionExt as _, Result, bail, ensure};
use quorate_core::{Action, Lane, Nonce, Reason, Request, Snapshot, action::Transfer};
use quorate_lab::{
    anvil::Chain, deploy, fixtures::world, keystore, owners::owner, program::Program,
    signatures::sign,
};
use quorate_store::{
    NewProposal, NewSignature, NewWallet, Options, ProposalRecord, Storage as _, Store, WalletKey,
};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

pub(crate) const CONFIG: &str = r#"
store = "relayer.db"
[http]
listen = "127.0.0.1:0"
[[chains]]
chain_id = 31337
rpc_urls = ["http://127.0.0.1:1/v3/hunter2hunter2"]
poll_millis = 50
[[chains.senders]]
env_file = "keys.env"
variable = "KEY"
"#;

/// A folder with a configuration and a key, and the program told of these endpoints.
pub(crate) fn prepare(endpoints: &str) -> Result<(TempDir, Program)> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("relayer.toml"), CONFIG)?;
    let key = ("KEY".to_owned(), owner(world::SUBMITTER));
    keystore::write_env_file(&folder.path().join("keys.env"), &[key])?;
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    Ok((folder, program.with("QUORATE_RPC_URLS_31337", endpoints)))
}

#[tokio::test]
async fn the_check_tells_what_is_wrong_with_its_exit_code() -> Result<()> {
    let chain = Chain::start_live()?;
    let (folder, program) = prepare(&chain.endpoint())?;
    let check = |program: &Program| {
        program.run(folder.path(), &["relayer", "check", "--config", "relayer.toml"])
    };
    let answer = check(&program)?;
    ensure!(answer.code == 6 && answer.stdout.contains("WRONG"), "{answer:?}");
    ensure!(answer.error().contains("--with-factory"), "{answer:?}");
    deploy::canonical(&chain).await?;
    world::KEY_HOLDING.give(&chain, owner(world::SUBMITTER).address()).await?;
    let answer = check(&program)?;
    ensure!(answer.code == 0 && answer.stdout.starts_with("Chain 31337\n"), "{answer:?}");
    let found = program.json(folder.path(), &["relayer", "--config", "relayer.toml", "check"])?;
    ensure!(found["findings"].as_array().is_some_and(|all| all.len() == 9), "{found}");
    ensure!(found["findings"][8]["detail"] == "the address is free", "{found}");
    ensure!(found["findings"][0]["verdict"] == "good", "{found}");

    let dead = program.clone().with("QUORATE_RPC_URLS_31337", "");
    let answer = check(&dead)?;
    ensure!(answer.code == 5 && !format!("{answer:?}").contains("hunter2"), "{answer:?}");
    fs::remove_file(folder.path().join("keys.env"))?;
    let answer = check(&program)?;
    ensure!(answer.code == 3 && answer.error().contains("no such file"), "{answer:?}");
    ensure!(!folder.path().join("relayer.db").exists(), "a check makes no store");
    Ok(())
}

#[test]
fn configurations_that_cannot_be_used_give_one_line() -> Result<()> {
    let (folder, program) = prepare("http://127.0.0.1:1")?;
    fs::write(folder.path().join("bad.toml"), CONFIG.replace("poll_millis", "pol_milis"))?;
    for (arguments, code, reason) in [
        (&["relayer"][..], 2, "give --config FILE"),
        (&["relayer", "check"], 2, "give --config FILE"),
        (&["relayer", "--config", "nothing"], 3, "nothing: the file cannot be read: no such"),
        (&["relayer", "--config", "bad.toml"], 3, "bad.toml: chains[0].pol_milis is not known"),
        (&["relayer", "--config", "relayer.toml", "--store", "x://hunter2"], 3, "--store: give"),
        (&["relayer", "--config", "relayer.toml", "--log-level", "loud"], 3, "--log-level"),
    ] {
        let answer = program.run(folder.path(), arguments)?;
        ensure!(answer.code == code && answer.error().contains(reason), "{arguments:?} {answer:?}");
        ensure!(!answer.stderr.contains("hunter2"), "{answer:?}");
    }
    Ok(())
}

/// Adds proposal `sequence` of the treasury, one wei to an account of its own, signed by three owners.
async fn propose(store: &Store, sequence: u64) -> Result<B256> {
    let transfers = vec![Transfer { to: payee(sequence), amount: U256::ONE }];
    let request = Request {
        chain_id: world::CHAIN_ID,
        wallet: world::treasury().address(),
        epoch: 0,
        action: Action::Payout { token: Address::ZERO, transfers },
        nonce: Nonce::new(Lane::ZERO, sequence),
        deadline: now() + 3_600,
    };
    for (owner, signature) in sign(&request.digest(), &[0, 1, 2].map(owner))? {
        let signature = NewSignature { owner, signature, verified: true, replaces: None };
        let request = request.clone();
        let new = NewProposal { request, note: None, signature, limit_open: None };
        store.record_proposal(new, 0).await?;
    }
    Ok(request.digest())
}

fn payee(sequence: u64) -> Address {
    Address::from_word(B256::from(U256::from(0xbeef_0000 + sequence)))
}

#[expect(clippy::disallowed_methods, reason = "the program reads the clock too")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Mines until the proposal is in this state, by the word of the store.
async fn mine_until(
    chain: &Chain,
    store: &Store,
    digest: B256,
    is_so: impl Fn(&ProposalRecord) -> bool,
) -> Result<()> {
    for _ in 0..600 {
        let found = store.find_proposal(digest).await?.ok_or_eyre("it is lost")?;
        if is_so(&found) {
            return Ok(());
        }
        chain.mine(1).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{:?}", store.find_proposal(digest).await?.map(|found| found.status))
}

#[cfg(unix)]
#[tokio::test]
async fn it_executes_what_owners_signed_but_not_while_paused() -> Result<()> {
    let chain = Chain::start_live()?;
    deploy::canonical(&chain).await?;
    let treasury = world::treasury();
    deploy::wallet(&chain, treasury.config(), treasury.salt()).await?;
    world::KEY_HOLDING.give(&chain, treasury.address()).await?;
    world::KEY_HOLDING.give(&chain, owner(world::SUBMITTER).address()).await?;
    let (folder, program) = prepare(&chain.endpoint())?;
    let short = CONFIG.replace("poll_millis = 50", "poll_millis = 50\nfinal_depth = 2");
    fs::write(folder.path().join("relayer.toml"), short)?;
    let url = folder.path().join("relayer.db").display().to_string();
    let store = Store::open(&url, Options::default()).await?;
    let key = WalletKey { chain_id: world::CHAIN_ID, address: treasury.address() };
    let snapshot = Snapshot::new(0, true, 0, treasury.config().clone());
    store.register_wallet(NewWallet { key, origin: None, snapshot }, 0).await?;
    let first = propose(&store, 0).await?;
    let mut running = Running(
        Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["relayer", "--config", "relayer.toml"])
            .current_dir(folder.path())
            .env("QUORATE_RPC_URLS_31337", chain.endpoint())
            .stderr(Stdio::null())
            .spawn()?,
    );
    mine_until(&chain, &store, first, |found| found.is_final).await?;
    assert_eq!(chain.balance(payee(0)).await?, U256::ONE);

    let on_chain =
        |verb| program.run(folder.path(), &["relayer", verb, "31337", "--config", "relayer.toml"]);
    let paused = on_chain("pause")?;
    ensure!(paused.code == 0 && paused.stdout == "chain 31337 is paused\n", "{paused:?}");
    // The engine heeds it within a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = propose(&store, 1).await?;
    let is_held = |found: &ProposalRecord| found.status.reason() == Some(Reason::Paused);
    mine_until(&chain, &store, second, is_held).await?;
    let resumed = on_chain("resume")?;
    ensure!(resumed.code == 0 && resumed.stdout == "chain 31337 is not paused\n", "{resumed:?}");
    mine_until(&chain, &store, second, |found| found.is_final).await?;
    assert_eq!(chain.balance(payee(1)).await?, U256::ONE);
    let elsewhere =
        program.run(folder.path(), &["relayer", "pause", "5", "--config", "relayer.toml"])?;
    ensure!(
        elsewhere.code == 3 && elsewhere.error().contains("give one of 31337"),
        "{elsewhere:?}"
    );

    let id = running.0.id().to_string();
    ensure!(Command::new("kill").args(["-TERM", &id]).status()?.success());
    ensure!(running.0.wait()?.success());
    let head = store.audit_head().await?.to_string();
    let verified = program
        .json(folder.path(), &["audit", "verify", "--store", "relayer.db", "--head", &head])?;
    ensure!(verified["whole"] == true, "{verified}");
    Ok(())
}

/// Ends the process when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn it_runs_until_it_is_told_to_stop_and_logs_no_secret() -> Result<()> {
    let chain = Chain::start_live()?;
    for (signal, format) in [("-TERM", "json"), ("-INT", "text")] {
        let (folder, _) = prepare("")?;
        let mut running = Running(
            Command::new(env!("CARGO_BIN_EXE_quorate"))
                .args(["relayer", "--config", "relayer.toml"])
                .args(["--log-format", format, "--log-level", "trace"])
                .current_dir(folder.path())
                .env("QUORATE_RPC_URLS_31337", format!("{}/?hunter2hunter2", chain.endpoint()))
                .stderr(Stdio::piped())
                .spawn()?,
        );
        let mut log = BufReader::new(running.0.stderr.take().ok_or_eyre("no log")?);
        let mut text = String::new();
        while !text.contains("engine running") {
            ensure!(log.read_line(&mut text)? > 0, "it ended: {text}");
        }
        let id = running.0.id().to_string();
        ensure!(Command::new("kill").args([signal, &id]).status()?.success());
        log.read_to_string(&mut text)?;
        let status = running.0.wait()?;
        ensure!(status.success() && text.contains("stopped"), "{status}: {text}");
        let key = hex::encode(owner(world::SUBMITTER).to_bytes());
        ensure!(!text.contains("hunter2") && !text.contains(&key[..16]), "{text}");
        for line in text.lines().filter(|_| format == "json") {
            let _: serde_json::Value = serde_json::from_str(line)?;
        }
        ensure!(folder.path().join("relayer.db").exists(), "{text}");
    }
    Ok(())
}
