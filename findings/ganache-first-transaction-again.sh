#!/usr/bin/env bash
# ganache 7.9.2 executes a signed transaction of nonce 0 again each time that it is sent: it takes the 0 for no nonce, gives it
# the account's next one, and keeps the hash. One of another nonce, sent again, is refused, as everywhere. Whoever sends
# the same bytes again, to be sure, pays twice where the account is new.
#
# Needs Node.js 20 and npm. Exits with 1 where it is no longer so.
set -euo pipefail

folder=$(mktemp -d)
cleanup() {
    { [ -z "${node:-}" ] || { kill -9 "$node" && wait "$node"; }; } 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" ganache@7.9.2 viem@2.57.20 >/dev/null

cat >probe.mjs <<'JS'
import { privateKeyToAccount } from "viem/accounts";

const url = process.argv[2];
async function ask(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
}
const need = async (...request) => {
  const { result, error } = await ask(...request);
  if (error) throw new Error(JSON.stringify(error));
  return result;
};
const chainId = Number(await need("eth_chainId"));
const [rich] = await need("eth_accounts");
const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const payee = "0x000000000000000000000000000000000000dEaD";
await need("eth_sendTransaction", { from: rich, to: account.address, value: "0xde0b6b3a7640000" });
const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n };
const signed = (nonce) => account.signTransaction({ type: "eip1559", chainId, nonce, gas: 21_000n, to: payee, value: 1_000n, ...fees });
const state = async () => {
  const [nonce, paid] = await Promise.all([need("eth_getTransactionCount", account.address, "latest"), need("eth_getBalance", payee, "latest")]);
  return `nonce ${Number(nonce)}, payee has ${Number(paid)} wei`;
};

console.log(await need("web3_clientVersion"));
const first = await signed(0);
const seen = [];
for (let time = 1; time <= 3; time++) {
  const hash = await need("eth_sendRawTransaction", first);
  seen.push(await state());
  console.log(`nonce 0, sent ${time} times: ${hash.slice(0, 10)}…, account's ${seen.at(-1)}`);
}
const next = await signed(3);
await need("eth_sendRawTransaction", next);
const { error } = await ask("eth_sendRawTransaction", next);
console.log(`nonce 3, sent 2 times: ${error?.message ?? "taken again"}`);
const isSo = seen.join() === [1, 2, 3].map((n) => `nonce ${n}, payee has ${n * 1_000} wei`).join() && error !== undefined;
process.exitCode = isSo ? 0 : 1;
JS

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
node node_modules/ganache/dist/node/cli.js --server.host 127.0.0.1 --server.port "$port" --logging.quiet >log 2>&1 &
node=$!
for _ in $(seq 100); do
    if node -e 'fetch(process.argv[1]).then(() => {}, () => { process.exitCode = 1; })' "http://127.0.0.1:$port"; then break; fi
    sleep 0.2
done
node probe.mjs "http://127.0.0.1:$port"
