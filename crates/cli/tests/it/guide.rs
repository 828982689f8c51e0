//! The commands in the documentation do what it says.

use crate::relayer_process::Stage;
use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolEvent as _,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_bindings::contracts::IWallet;
use quorate_core::{Config, WalletFile};
use quorate_lab::{
    anvil::Chain,
    demo::{self, Options},
    deploy,
    fixtures::world,
    keystore::{self, PASSWORD},
    owners::owner,
    program::Program,
    repository,
};
use std::{env, fs, iter, path::Path, process::Command};

/// Stands in an output for whatever differs from run to run; alone on a line, for any lines.
const ANYTHING: &str = "…";

/// A command of the documentation.
#[derive(Debug)]
struct Example {
    command: String,
    exit_code: i32,
    output: String,
}

#[tokio::test]
async fn the_guide_does_what_it_says() -> Result<()> {
    let examples = examples("docs/guide.md")?;
    ensure!(examples.len() > 10, "only {} commands", examples.len());
    let chain = Chain::start_live()?;
    deploy::canonical(&chain).await?;
    let folder = tempfile::tempdir()?;
    let keystores = folder.path().join(".foundry/keystores");
    fs::create_dir_all(&keystores)?;
    for (name, number) in [("alice", 0), ("bob", 1), ("gas", 8)] {
        keystore::write(&keystores, name, &owner(number))?;
    }
    world::KEY_HOLDING.give(&chain, owner(8).address()).await?;
    fs::write(folder.path().join("password"), PASSWORD)?;
    fs::write(folder.path().join("payroll.csv"), csv("docs/guide.md")?)?;
    for example in examples {
        run(&example, folder.path(), &chain.endpoint())?;
        // The guide says that money can be sent to the address at once.
        if example.command.starts_with("quorate wallet create") {
            let wallet = fs::read(folder.path().join("wallet.json"))?;
            let wallet = quorate_core::WalletFile::from_json(&wallet)?;
            world::KEY_HOLDING.give(&chain, wallet.address()).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_guide_to_payouts_does_what_it_says() -> Result<()> {
    let examples = examples("docs/payouts.md")?;
    ensure!(examples.len() > 10, "only {} commands", examples.len());
    let chain = Chain::start_live()?;
    deploy::canonical(&chain).await?;
    let folder = tempfile::tempdir()?;
    let keystores = folder.path().join(".foundry/keystores");
    fs::create_dir_all(&keystores)?;
    for (name, number) in [("alice", 0), ("bob", 1), ("gas", 8)] {
        keystore::write(&keystores, name, &owner(number))?;
    }
    world::KEY_HOLDING.give(&chain, owner(8).address()).await?;
    fs::write(folder.path().join("password"), PASSWORD)?;
    fs::write(folder.path().join("payroll.csv"), csv("docs/payouts.md")?)?;
    let owners = [0, 1, 2].map(|number| owner(number).address()).to_vec();
    let config = Config::new(2, owners, Address::ZERO, Bytes::new())?;
    deploy::wallet(&chain, &config, B256::ZERO).await?;
    let wallet = WalletFile::new(config, B256::ZERO, [chain.id()].into())?;
    world::KEY_HOLDING.give(&chain, wallet.address()).await?;
    fs::write(folder.path().join("wallet.json"), wallet.to_json())?;
    for example in examples {
        run(&example, folder.path(), &chain.endpoint())?;
        // Where a chain goes on by itself, blocks follow.
        if example.command.starts_with("quorate submit") {
            chain.mine(13).await?;
        }
    }
    Ok(())
}

/// The same over a relayer, whose digests the reader has in `DIGEST`.
#[tokio::test(flavor = "multi_thread")]
async fn the_guide_over_a_relayer_does_what_it_says() -> Result<()> {
    let examples = examples("docs/over-a-relayer.md")?;
    ensure!(examples.len() > 6, "only {} commands", examples.len());
    let stage = Stage::start().await?;
    let (chain, folder) = (&stage.chain, tempfile::tempdir()?);
    let keystores = folder.path().join(".foundry/keystores");
    fs::create_dir_all(&keystores)?;
    for (name, number) in [("alice", 0), ("bob", 1)] {
        keystore::write(&keystores, name, &owner(number))?;
    }
    fs::write(folder.path().join("password"), PASSWORD)?;
    fs::write(folder.path().join("payroll.csv"), csv("docs/guide.md")?)?;
    let owners = [0, 1, 2].map(|number| owner(number).address()).to_vec();
    let config = Config::new(2, owners, Address::ZERO, Bytes::new())?;
    deploy::wallet(chain, &config, B256::ZERO).await?;
    let wallet = WalletFile::new(config, B256::ZERO, [chain.id()].into())?;
    world::KEY_HOLDING.give(chain, wallet.address()).await?;
    fs::write(folder.path().join("wallet.json"), wallet.to_json())?;
    let mut variables = vec![("QUORATE_RELAYER", stage.relayer.url())];
    for example in examples {
        let printed = run_with(&example, folder.path(), &chain.endpoint(), &variables)?;
        let proposed = printed.lines().find_map(|line| line.split_once(" proposed by "));
        if let Some((digest, _)) = proposed {
            variables.push(("DIGEST", digest.to_owned()));
        }
    }
    Ok(())
}

/// What the three parties of an escrow do; and the evidence, checked with viem alone by the script that stands there.
#[tokio::test]
async fn the_guide_to_escrow_does_what_it_says() -> Result<()> {
    let examples = examples("docs/escrow.md")?;
    ensure!(examples.len() > 20, "only {} commands", examples.len());
    let chain = Chain::start_live()?;
    deploy::canonical(&chain).await?;
    let folder = tempfile::tempdir()?;
    let keystores = folder.path().join(".foundry/keystores");
    fs::create_dir_all(&keystores)?;
    for (name, number) in [("buyer", 5), ("seller", 6), ("arbiter", 7), ("gas", 8)] {
        keystore::write(&keystores, name, &owner(number))?;
        world::KEY_HOLDING.give(&chain, owner(number).address()).await?;
    }
    fs::write(folder.path().join("password"), PASSWORD)?;
    for example in examples {
        run(&example, folder.path(), &chain.endpoint())?;
    }
    let packages = repository().join("contracts/node_modules").canonicalize()?;
    std::os::unix::fs::symlink(packages, folder.path().join("node_modules"))?;
    let guide = fs::read_to_string(repository().join("docs/escrow.md"))?;
    let script = guide.split_once("```js check.mjs\n").ok_or_eyre("no script")?.1;
    let script = script.split_once("\n```").ok_or_eyre("a script without an end")?.0;
    fs::write(folder.path().join("check.mjs"), script)?;
    let check = |file: &str| {
        let mut node = Command::new("node");
        node.args(["check.mjs", file, &chain.endpoint()]).current_dir(folder.path()).output()
    };
    let checked = check("evidence.json")?;
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    ensure!(checked.status.success() && !text.contains("CHANGED"), "{text}{told}");
    ensure!(text.matches("holds").count() >= 13, "{text}");
    by_cast(&guide, folder.path(), &chain.endpoint())?;
    // The script finds a change too.
    let evidence = fs::read_to_string(folder.path().join("evidence.json"))?;
    for (from, to, named) in [
        ("\"terms\": \"V", "\"terms\": \"X", "CHANGED terms"),
        ("\"amount\": \"2", "\"amount\": \"3", "CHANGED terms"),
        ("\"salt\": \"0x", "\"salt\": \"0x1", "CHANGED wallet"),
        ("\"deadline\": 1", "\"deadline\": 2", "CHANGED"),
    ] {
        ensure!(evidence.contains(from), "{from}");
        let mut changed = evidence.replacen(from, to, 1);
        if from.contains("salt") {
            // One digit more, so the last one goes.
            let end = changed.find(to).ok_or_eyre("no salt")? + 9 + 66;
            changed.remove(end);
        }
        fs::write(folder.path().join("changed.json"), changed)?;
        let checked = check("changed.json")?;
        let text = String::from_utf8_lossy(&checked.stdout).into_owned();
        let told = String::from_utf8_lossy(&checked.stderr).into_owned();
        ensure!(checked.status.code() == Some(7) && text.contains(named), "{from}: {text}{told}");
    }
    Ok(())
}

/// The lines for cast: the hash of the terms that they compute is the one that the wallet keeps, and each execution has its event.
fn by_cast(guide: &str, folder: &Path, endpoint: &str) -> Result<()> {
    let lines = guide.split_once("```sh cast\n").ok_or_eyre("no lines for cast")?.1;
    let lines = lines.split_once("\n```").ok_or_eyre("lines without an end")?.0;
    let path = env::var_os("PATH").unwrap_or_default();
    // Skipped where there is no jq; `.ci/run` sees to it that there is.
    if !env::split_paths(&path).any(|place| place.join("jq").exists()) {
        ensure!(env::var_os("QUORATE_REQUIRE_CLIENTS").is_none(), "no jq on PATH");
        return Ok(());
    }
    let found = Command::new(repository().join("scripts/foundry")).arg("cast").output()?;
    let cast = String::from_utf8(found.stdout)?;
    let tools = folder.join("tools");
    fs::create_dir(&tools)?;
    std::os::unix::fs::symlink(cast.trim(), tools.join("cast"))?;
    let path = env::join_paths(iter::once(tools).chain(env::split_paths(&path)))?;
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", lines])
        .current_dir(folder)
        .env("PATH", path)
        .env("ETH_RPC_URL", endpoint)
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{printed}{told}");
    let (hash, rest) = printed.split_once('\n').ok_or_eyre("one line")?;
    let (config, events) = rest.split_once('\n').ok_or_eyre("two lines")?;
    let hash = hash.trim_start_matches("0x");
    ensure!(hash.len() == 64 && config.contains(hash), "{printed}");
    let evidence = fs::read_to_string(folder.join("evidence.json"))?;
    let evidence: serde_json::Value = serde_json::from_str(&evidence)?;
    let executions = evidence["executions"].as_array().ok_or_eyre("no executions")?;
    ensure!(executions.len() == 3, "{evidence:#}");
    let event = IWallet::Executed::SIGNATURE_HASH.to_string();
    for execution in executions {
        let digest = execution["digest"].as_str().unwrap_or("no digest").trim_start_matches("0x");
        let is_told = events.lines().any(|line| line.contains(&event) && line.contains(digest));
        ensure!(is_told, "{digest} is not in {events}");
    }
    Ok(())
}

/// The demo succeeds, and what the README shows of it is what it prints.
#[tokio::test]
async fn the_demo_holds_and_the_readme_shows_it() -> Result<()> {
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    let outcome = demo::play(program, Options { json: false, keep: false }).await?;
    ensure!(outcome.all_held, "{}", outcome.story);
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let transcript = readme.split_once("```text demo\n").ok_or_eyre("no transcript")?.1;
    let transcript = transcript.split_once("\n```").ok_or_eyre("a transcript without an end")?.0;
    ensure!(
        matches(transcript.trim(), outcome.story.trim()),
        "the README does not show what the demo prints:\n{}",
        outcome.story
    );
    Ok(())
}

/// The commands in the `console` blocks, with what they print.
fn examples(path: &str) -> Result<Vec<Example>> {
    let text = fs::read_to_string(repository().join(path))?;
    let mut examples: Vec<Example> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split_once("\n```").ok_or_eyre("a block without an end")?.0;
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    let (command, code) =
                        command.split_once("# exit code ").unwrap_or((command, "0"));
                    let command = command.trim_end().to_owned();
                    examples.push(Example {
                        command,
                        exit_code: code.parse()?,
                        output: String::new(),
                    });
                }
                None => {
                    let example = examples.last_mut().ok_or_eyre("output without a command")?;
                    example.output.push_str(line);
                    example.output.push('\n');
                }
            }
        }
    }
    Ok(examples)
}

/// The file that the guide prints with `cat`.
fn csv(path: &str) -> Result<String> {
    let examples = examples(path)?;
    let cat = examples.into_iter().find(|example| example.command == "cat payroll.csv");
    Ok(cat.ok_or_eyre("the guide has no payroll.csv")?.output)
}

fn run(example: &Example, folder: &Path, endpoint: &str) -> Result<()> {
    run_with(example, folder, endpoint, &[]).map(drop)
}

/// Runs an example, compares what it prints, and returns that.
fn run_with(
    example: &Example,
    folder: &Path,
    endpoint: &str,
    variables: &[(&str, String)],
) -> Result<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_quorate")).parent().ok_or_eyre("no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = iter::once(program.to_owned()).chain(env::split_paths(&path));
    let output = Command::new("sh")
        .args(["-c", &format!("{} 2>&1", example.command)])
        .current_dir(folder)
        .env_clear()
        .env("PATH", env::join_paths(path)?)
        .env("HOME", folder)
        .env("ETH_RPC_URL", endpoint)
        .env("ETH_PASSWORD", "password")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let code = output.status.code();
    ensure!(code == Some(example.exit_code), "{}: {code:?}: {printed}", example.command);
    ensure!(
        matches(&example.output, &printed),
        "{}\n--- the guide ---\n{}--- printed ---\n{printed}",
        example.command,
        example.output
    );
    Ok(printed)
}

/// Whether `printed` is `expected`, in which [`ANYTHING`] stands for anything.
pub(crate) fn matches(expected: &str, printed: &str) -> bool {
    let mut rest = printed.trim_end();
    let expected = expected.trim_end();
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(behind) = rest.strip_prefix(first) else { return false };
    rest = behind;
    let parts: Vec<_> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        if place + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn an_output_that_differs_does_not_match() {
    for (expected, printed, same) in [
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("in 0x…, … gas", "in 0x12, 7 gas", true),
        ("in 0x…, … gas", "in 0x12, 7 gas more", false),
        ("in 0x… gas", "out 0x12 gas", false),
        ("a … b … c", "a 1 c 2 b", false),
        ("a", "a b", false),
    ] {
        assert_eq!(matches(expected, printed), same, "{expected}");
    }
}
