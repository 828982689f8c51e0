#!/usr/bin/env bash
# eth_estimateGas of a transfer that the sender has no ether for: Hardhat 2.29.1, ganache 7.9.2 and anvil 1.7.1 estimate it all
# the same (21001, 21000, 21000), where go-ethereum and its like answer "insufficient funds". Sent, each refuses it. An
# estimate on a local node does not show that the account can pay.
#
# Needs Node.js 20 and npm, on Linux x64 or arm64, or macOS. Exits with 1 where it is no longer so.
set -euo pipefail

folder=$(mktemp -d)
nodes=()
cleanup() {
    { [ "${#nodes[@]}" = 0 ] || { kill -9 "${nodes[@]}" && wait; }; } 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    hardhat@2.29.1 ganache@7.9.2 @foundry-rs/anvil@1.7.1 >/dev/null
echo 'module.exports = {};' >hardhat.config.cjs

cat >probe.mjs <<'JS'
const [name, url, expected] = process.argv.slice(2);
async function ask(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  for (let tries = 0; ; tries++) {
    try {
      return await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    } catch (error) {
      if (tries === 300) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
const { result: version } = await ask("web3_clientVersion");
const from = `0x${"12".repeat(20)}`;
const { result: balance } = await ask("eth_getBalance", from, "latest");
const transfer = { from, to: `0x${"34".repeat(20)}`, value: "0xde0b6b3a7640000" };
const { result, error } = await ask("eth_estimateGas", transfer);
const gas = result === undefined ? error.message : Number(result);
console.log(`${version}: an account with ${Number(balance)} wei sends 1 ether: estimate ${gas}`);
process.exitCode = String(gas) === expected ? 0 : 1;
JS

port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
one=$(port) two=$(port) three=$(port)
export HOME=$folder HARDHAT_DISABLE_TELEMETRY_PROMPT=true
node node_modules/hardhat/internal/cli/bootstrap.js node --hostname 127.0.0.1 --port "$one" >one.log 2>&1 &
nodes+=($!)
node node_modules/ganache/dist/node/cli.js --server.host 127.0.0.1 --server.port "$two" --logging.quiet >two.log 2>&1 &
nodes+=($!)
"$(echo node_modules/@foundry-rs/anvil-*/bin/anvil)" --host 127.0.0.1 --port "$three" --silent >three.log 2>&1 &
nodes+=($!)
node probe.mjs hardhat "http://127.0.0.1:$one" 21001
node probe.mjs ganache "http://127.0.0.1:$two" 21000
node probe.mjs anvil "http://127.0.0.1:$three" 21000
