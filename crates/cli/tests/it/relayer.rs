//! `quorate relayer`: what it says before it starts, that it stops when it is told to, and what never
//! gets into its logs.

use alloy::primitives::hex;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{anvil::Chain, deploy, fixtures::world, owners::owner, program::Program};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

const CONFIG: &str = r#"
store = "relayer.db"
[[chains]]
chain_id = 31337
rpc_urls = ["http://127.0.0.1:1/v3/hunter2hunter2"]
poll_millis = 50
[[chains.senders]]
env_file = "keys.env"
variable = "KEY"
"#;

/// A folder with a configuration and a key, and the program told of these endpoints.
fn prepare(endpoints: &str) -> Result<(TempDir, Program)> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("relayer.toml"), CONFIG)?;
    let key = hex::encode(owner(world::SUBMITTER).to_bytes());
    write_private(&folder.path().join("keys.env"), &format!("KEY={key}"))?;
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    Ok((folder, program.with("QUORATE_RPC_URLS_31337", endpoints)))
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
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
    ensure!(found["findings"].as_array().is_some_and(|all| all.len() == 5), "{found}");
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
