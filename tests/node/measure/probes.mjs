// What is measured: one row of the table each, a heading and what to ask. A row says what came, in the node's words.
import { ETHER, GWEI, NOBODY, hex } from "./chain.mjs";
import { worded } from "./rpc.mjs";

const UNKNOWN_HASH = `0x${"ab".repeat(32)}`;
const isNull = (result) => (result === null ? "null" : Array.isArray(result) ? `${result.length} entries` : "ok");

/** Whether a method is there: `yes`, or the error. Wrong parameters show that it is. */
async function has(chain, method, params) {
  const answer = await chain.ask(method, params);
  return answer.error === undefined ? "yes" : worded(answer);
}

const call = (chain, to, more = {}) => ({ from: chain.rich.address, to, ...more });

/** Replaces a pending transaction; `raise` gives the new fees. */
async function replaced(chain, raise) {
  const account = await chain.account();
  const fees = { maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 10n * GWEI };
  await chain.need("eth_sendRawTransaction", [await chain.signed(account, fees)]);
  return worded(await chain.send(await chain.signed(account, { ...raise(fees), value: 1n })), () => "replaced");
}

const up = (percent) => (fee) => (fee * BigInt(100 + percent)) / 100n;

export const methods = [
  ["a method that nobody has", (c) => has(c, "eth_noSuchMethod", [])],
  ["eth_simulateV1", (c) => has(c, "eth_simulateV1", [{ blockStateCalls: [{ calls: [call(c, NOBODY)] }] }, "latest"])],
  ["eth_getBlockReceipts", (c) => has(c, "eth_getBlockReceipts", ["latest"])],
  ["eth_feeHistory", (c) => has(c, "eth_feeHistory", ["0xa", "latest", [50]])],
  ["eth_maxPriorityFeePerGas", async (c) => worded(await c.ask("eth_maxPriorityFeePerGas"), (fee) => `${BigInt(fee)} wei`)],
  ["eth_gasPrice", async (c) => worded(await c.ask("eth_gasPrice"), (fee) => `${BigInt(fee)} wei`)],
  ["eth_getLogs by blockHash", async (c) => {
    const { hash } = await c.need("eth_getBlockByNumber", ["latest", false]);
    return has(c, "eth_getLogs", [{ blockHash: hash }]);
  }],
  ["eth_call with state overrides", async (c) => {
    const overrides = { [NOBODY]: { code: "0x60016000526001601ff3" } };
    return worded(await c.ask("eth_call", [call(c, NOBODY), "latest", overrides]), (result) => (result === "0x01" ? "yes" : `ignored: ${result}`));
  }],
  ["debug_traceTransaction", async (c) => has(c, "debug_traceTransaction", [(await c.mined(await c.signed(c.rich))).transactionHash])],
  ["several requests in one body", async (c) => {
    const body = JSON.stringify([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "eth_chainId", params: [] })));
    const response = await fetch(c.url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const answers = JSON.parse(await response.text());
    return Array.isArray(answers) && answers.length === 2 ? "yes" : "no";
  }],
];

export const blocks = [
  ["`safe`, `finalized` on a young chain", async (c) => {
    const latest = Number(await c.need("eth_blockNumber"));
    const tags = ["safe", "finalized"].map((tag) => c.ask("eth_getBlockByNumber", [tag, false]));
    const word = (block) => (block === null ? "null" : latest === Number(block.number) ? "the head" : `block ${Number(block.number)} of ${latest}`);
    return (await Promise.all(tags)).map((answer) => worded(answer, word)).join(", ");
  }],
  ["a block beyond the head", async (c) => worded(await c.ask("eth_getBlockByNumber", ["0xffffff", false]), isNull)],
  ["a block by a hash that is not there", async (c) => worded(await c.ask("eth_getBlockByHash", [UNKNOWN_HASH, false]), isNull)],
  ["a balance beyond the head", async (c) => worded(await c.ask("eth_getBalance", [NOBODY, "0xffffff"]))],
  ["the state of a block by its hash (EIP-1898)", async (c) => {
    const { hash } = await c.need("eth_getBlockByNumber", ["latest", false]);
    return worded(await c.ask("eth_call", [call(c, NOBODY), { blockHash: hash, requireCanonical: true }]));
  }],
  ["the state of a hash that is not there", async (c) => worded(await c.ask("eth_call", [call(c, NOBODY), { blockHash: UNKNOWN_HASH }]))],
  ["logs from beyond the head", async (c) => worded(await c.ask("eth_getLogs", [{ fromBlock: "0xffff00", toBlock: "0xffffff" }]), isNull)],
  ["logs to beyond the head", async (c) => worded(await c.ask("eth_getLogs", [{ fromBlock: "0x0", toBlock: "0xffffff" }]), () => "ok")],
  ["logs backwards", async (c) => worded(await c.ask("eth_getLogs", [{ fromBlock: "0x2", toBlock: "0x1" }]), isNull)],
  ["logs of a hash that is not there", async (c) => worded(await c.ask("eth_getLogs", [{ blockHash: UNKNOWN_HASH }]), isNull)],
  ["a receipt of nothing", async (c) => worded(await c.ask("eth_getTransactionReceipt", [UNKNOWN_HASH]), isNull)],
  ["receipts of a block beyond the head", async (c) => worded(await c.ask("eth_getBlockReceipts", ["0xffffff"]), isNull)],
  ["eth_feeHistory of more blocks than there are", async (c) => {
    const word = ({ baseFeePerGas, reward }) => `${baseFeePerGas.length - 1} blocks, ${reward === undefined ? "no" : reward.length} rewards`;
    const head = Number(await c.need("eth_blockNumber"));
    return `of ${head + 1}: ${worded(await c.ask("eth_feeHistory", [hex(head + 10), "latest", [50]]), word)}`;
  }],
  ["30 blocks in a second: the head's time", async (c) => {
    const began = Date.now();
    for (let block = 0; block < 30; block++) await c.mined(await c.signed(c.rich));
    const { timestamp } = await c.need("eth_getBlockByNumber", ["latest", false]);
    const ahead = Number(timestamp) - Math.floor(Date.now() / 1000);
    return `${ahead} s ahead of the clock, after ${((Date.now() - began) / 1000).toFixed(1)} s`;
  }],
];

export const calls = [
  ["eth_call of what reverts", async (c) => worded(await c.ask("eth_call", [call(c, c.contracts.reverts), "latest"]))],
  ["eth_estimateGas of what reverts", async (c) => worded(await c.ask("eth_estimateGas", [call(c, c.contracts.reverts)]))],
  ["eth_estimateGas, account without ether, fee named", async (c) => {
    const request = { from: (await c.newAccount(0n)).address, to: NOBODY, maxFeePerGas: hex(100n * GWEI), maxPriorityFeePerGas: "0x0" };
    return worded(await c.ask("eth_estimateGas", [request]), (gas) => `${Number(gas)}`);
  }],
  ["eth_estimateGas of a value that the account lacks", async (c) => {
    const request = { from: (await c.newAccount(0n)).address, to: NOBODY, value: hex(ETHER) };
    return worded(await c.ask("eth_estimateGas", [request]), (gas) => `${Number(gas)}`);
  }],
  ["eth_call with 2^25 gas", async (c) => worded(await c.ask("eth_call", [call(c, NOBODY, { gas: hex(1 << 25) }), "latest"]))],
  ["eth_call with both `data` and `input`", async (c) => worded(await c.ask("eth_call", [call(c, NOBODY, { data: "0x", input: "0x" }), "latest"]))],
  ["eth_estimateGas of what burns all gas", async (c) => worded(await c.ask("eth_estimateGas", [call(c, c.contracts.burns)]), (gas) => `${Number(gas)}`)],
];

/** Sends what is built of a new account with an ether. */
async function sent(chain, fields, wei = ETHER) {
  return worded(await chain.send(await chain.signed(await chain.account(wei), fields)), () => "the hash");
}

export const sends = [
  ["what reverts", async (c) => {
    const account = await c.account();
    const said = worded(await c.send(await c.signed(account, { to: c.contracts.reverts })), () => "the hash");
    const used = Number(await c.need("eth_getTransactionCount", [account.address, "latest"]));
    return `${said}; ${used === 2 ? "mined" : "not mined"}`;
  }],
  ["the same again, once it is mined", async (c) => {
    const raw = await c.signed(await c.account());
    await c.mined(raw);
    return worded(await c.send(raw), () => "the hash");
  }],
  ["another one with a nonce that is used", async (c) => {
    const account = await c.account();
    await c.mined(await c.signed(account));
    return worded(await c.send(await c.signed(account, { nonce: 1, value: 1n })), () => "the hash");
  }],
  ["an account's first one, again once it is mined", async (c) => {
    const account = await c.newAccount(ETHER);
    const raw = await c.signed(account);
    await c.mined(raw);
    const said = worded(await c.send(raw), () => "the hash");
    return `${said}; the account's nonce is ${Number(await c.need("eth_getTransactionCount", [account.address, "latest"]))}`;
  }],
  ["gas of 2^24 + 1", (c) => sent(c, { gas: (1n << 24n) + 1n }, 5n * ETHER)],
  ["gas above the block's limit", (c) => sent(c, { gas: 100_000_000n }, 5n * ETHER)],
  ["gas below 21,000", (c) => sent(c, { gas: 20_000n })],
  ["too little ether", (c) => sent(c, { value: 2n * ETHER }, 1n)],
  ["maxFeePerGas of 1 wei", (c) => sent(c, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n })],
  ["another chain's id", (c) => sent(c, { chainId: 10 })],
  ["no chain's id (before EIP-155)", async (c) => {
    const account = await c.account();
    const raw = await account.signTransaction({ type: "legacy", nonce: 1, gas: 100_000n, gasPrice: 100n * GWEI, to: NOBODY });
    return worded(await c.send(raw), () => "the hash");
  }],
  ["bytes that are no transaction", async (c) => worded(await c.send("0x1234"), () => "the hash")],
  ["a nonce too high", (c) => sent(c, { nonce: 5 })],
];

/** Where nothing makes blocks by itself. */
export const waiting = [
  ["the same again, pending", async (c) => {
    const raw = await c.signed(await c.account());
    await c.need("eth_sendRawTransaction", [raw]);
    return worded(await c.send(raw), () => "the hash");
  }],
  ["the same again, once it is mined", async (c) => {
    const raw = await c.signed(await c.account());
    await c.mined(raw);
    return worded(await c.send(raw), () => "the hash");
  }],
  ["another one with a nonce that is used", async (c) => {
    const account = await c.account();
    await c.mined(await c.signed(account));
    return worded(await c.send(await c.signed(account, { nonce: 1, value: 1n })), () => "the hash");
  }],
  ["a nonce too high", (c) => sent(c, { nonce: 5 })],
  ["maxFeePerGas of 1 wei", async (c) => {
    const account = await c.account();
    const said = worded(await c.send(await c.signed(account, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n })), () => "the hash");
    // Replaced by one that can be mined: it would stay for ever.
    await c.send(await c.signed(account));
    return said;
  }],
  ["replaced by the same and 1 wei more of maxFeePerGas", (c) => replaced(c, (fees) => ({ ...fees, maxFeePerGas: fees.maxFeePerGas + 1n }))],
  ["replaced by 1 wei more of it and half the tip", (c) => replaced(c, (fees) => ({ maxFeePerGas: fees.maxFeePerGas + 1n, maxPriorityFeePerGas: fees.maxPriorityFeePerGas / 2n }))],
  ["replaced by 10 % more of it and the same tip", (c) => replaced(c, (fees) => ({ ...fees, maxFeePerGas: up(10)(fees.maxFeePerGas) }))],
  ["replaced by 9 % more of both", (c) => replaced(c, (fees) => ({ maxFeePerGas: up(9)(fees.maxFeePerGas), maxPriorityFeePerGas: up(9)(fees.maxPriorityFeePerGas) }))],
  ["replaced by 10 % more of both", (c) => replaced(c, (fees) => ({ maxFeePerGas: up(10)(fees.maxFeePerGas), maxPriorityFeePerGas: up(10)(fees.maxPriorityFeePerGas) }))],
  ["a pending one by its hash", async (c) => {
    const account = await c.account();
    const hash = await c.need("eth_sendRawTransaction", [await c.signed(account)]);
    const transaction = await c.ask("eth_getTransactionByHash", [hash]);
    const receipt = await c.ask("eth_getTransactionReceipt", [hash]);
    const count = await c.need("eth_getTransactionCount", [account.address, "pending"]);
    const block = (found) => (found === null ? "null" : `found, block ${found.blockNumber}`);
    return `${worded(transaction, block)}; receipt ${worded(receipt, isNull)}; pending count ${Number(count)}`;
  }],
];
