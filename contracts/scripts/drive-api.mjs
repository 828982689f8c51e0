// Drives a relayer by nothing but its OpenAPI description, a stock HTTP client (fetch) and viem: a third implementation
// of the digest, the signatures and the reading of the chain.
//
//   node drive-api.mjs < {"url", "rpcUrl", "chainId", "config", "salt", "wallet", "keys": [..], "payee", "deadline"}
//
// Prints one JSON object with what it found, and ends with 1 where anything is not as described.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { createPublicClient, hashTypedData, http, keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { STRUCTS } from "./vectors/actions.mjs";
import { domainOf } from "./vectors/wallet.mjs";

const given = JSON.parse(await text(process.stdin));
const accounts = given.keys.map((key) => privateKeyToAccount(key));
const description = await (await fetch(new URL("/openapi.json", given.url))).json();
assert.match(description.openapi, /^3\.1\./);

/** The description behind a reference. */
const resolve = (part) =>
  part?.$ref ? part.$ref.slice(2).split("/").reduce((at, key) => at[key], description) : part;

/** Calls an operation as it is described, and checks that status and media type of the answer are described too. */
async function call(method, template, { path = {}, query = {}, body, headers = {} } = {}) {
  const operation = description.paths[template]?.[method];
  assert.ok(operation, `${method} ${template} is not described`);
  const parameters = (operation.parameters ?? []).map(resolve);
  for (const [place, values] of [["path", path], ["query", query]]) {
    for (const name of Object.keys(values)) {
      const described = parameters.some((parameter) => parameter.in === place && parameter.name === name);
      assert.ok(described, `${place} parameter ${name} of ${method} ${template} is not described`);
    }
  }
  const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]));
  const url = new URL(filled, given.url);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const init = { method: method.toUpperCase(), headers, redirect: "error" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...headers, "content-type": "application/json" };
  }
  const answer = await fetch(url, init);
  const response = resolve(operation.responses[answer.status]);
  assert.ok(response, `${method} ${template} answers ${answer.status}, which is not described`);
  const media = answer.headers.get("content-type").split(";")[0];
  assert.ok(response.content?.[media], `${method} ${template} answers ${answer.status} as ${media}`);
  return { status: answer.status, media, answer };
}

const json = async (...request) => {
  const { status, answer } = await call(...request);
  return { status, body: await answer.json() };
};

// A wallet is registered, and known the second time.
const registration = { chainId: given.chainId, config: given.config, salt: given.salt };
const first = await json("post", "/v1/wallets", { body: registration });
const second = await json("post", "/v1/wallets", { body: registration });
assert.deepEqual([first.status, second.status], [201, 200]);
assert.equal(first.body.address, given.wallet);
const place = { chainId: given.chainId, address: given.wallet };
const wallet = (await json("get", "/v1/wallets/{chainId}/{address}", { path: place })).body;
assert.equal(wallet.genuine, true);
const lane = wallet.lanes.find(({ lane }) => lane === "0");

const chain = createPublicClient({ transport: http(given.rpcUrl) });
const before = await chain.getBalance({ address: given.payee });

// viem makes the digest and the signatures.
const transfers = [{ to: given.payee, amount: "1000000000000000" }];
const token = "0x0000000000000000000000000000000000000000";
const { content, ...struct } = STRUCTS.payout({ token, transfers });
const typed = {
  ...struct,
  domain: domainOf({ ...given, epoch: wallet.epoch }),
  message: { ...content, lane: 0n, sequence: BigInt(lane.nextFree), deadline: BigInt(given.deadline) },
};
const digest = hashTypedData(typed);
const sign = async (account) => ({ owner: account.address, signature: await account.signTypedData(typed) });

const proposal = {
  epoch: wallet.epoch,
  action: { type: "payout", token, transfers },
  nonce: String(lane.nextFree),
  deadline: given.deadline,
  note: "proposed by viem",
  signature: await sign(accounts[0]),
};
const proposed = await json("post", "/v1/wallets/{chainId}/{address}/proposals", { path: place, body: proposal });
assert.equal(proposed.status, 201);
assert.equal(proposed.body.digest, digest, "viem and the relayer agree on the digest");
assert.equal(proposed.body.status, "collecting");
const again = await json("post", "/v1/wallets/{chainId}/{address}/proposals", { path: place, body: proposal });
assert.equal(again.status, 200);

// It waits for the owner who has not signed, and for nobody else.
const waiting = async ({ address }) => {
  const { body } = await json("get", "/v1/proposals", { query: { awaiting: address } });
  return body.items.some((item) => item.digest === digest);
};
assert.deepEqual([await waiting(accounts[0]), await waiting(accounts[1])], [false, true]);

// A signature by the wrong key changes nothing.
const forged = { owner: accounts[1].address, signature: proposal.signature.signature };
const refused = await json("post", "/v1/proposals/{digest}/signatures", { path: { digest }, body: forged });
assert.deepEqual([refused.status, refused.body.code], [422, "invalidSignature"]);

// The signatures that are missing, and the wait until it is executed.
for (const account of accounts.slice(1)) {
  const body = await sign(account);
  const signed = await json("post", "/v1/proposals/{digest}/signatures", { path: { digest }, body });
  assert.equal(signed.status, 201);
}
let done;
for (let round = 0; round < 10 && done?.status !== "executed"; round++) {
  const query = { wait: "executed", timeoutSecs: "10" };
  done = (await json("get", "/v1/proposals/{digest}", { path: { digest }, query })).body;
}
assert.equal(done.status, "executed");

// The chain says the same.
const receipt = await chain.getTransactionReceipt({ hash: done.execution.txHash });
const topic = keccak256(toHex("Executed(bytes32,uint256)"));
const log = receipt.logs.find(({ topics }) => topics[0] === topic && topics[1] === digest);
assert.ok(log, "the transaction it names executed this digest");
assert.equal((await chain.getBalance({ address: given.payee })) - before, 1_000_000_000_000_000n);

// The events tell it all, in order, and go on where they are told to.
async function events(after, until) {
  const headers = { accept: "text/event-stream", "last-event-id": String(after) };
  const { answer } = await call("get", "/v1/events", { query: { address: given.wallet }, headers });
  const seen = [];
  let rest = "";
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(
        part.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: ?(.*)/s)),
      );
      if (!fields.data) continue;
      const event = JSON.parse(fields.data);
      assert.equal(fields.id, String(event.sequence));
      assert.equal(fields.event, event.kind);
      seen.push(event);
      if (until(event)) return seen;
    }
  }
  assert.fail("the stream ended");
}
const all = await events(0, (event) => event.kind === "status" && event.payload.status === "executed");
const sequences = all.map(({ sequence }) => sequence);
assert.deepEqual(sequences, [...sequences].sort((a, b) => a - b));
const rest = await events(sequences[0], (event) => event.sequence === sequences.at(-1));
assert.deepEqual(rest.map(({ sequence }) => sequence), sequences.slice(1));

const kinds = all.map(({ kind }) => kind);
console.log(JSON.stringify({ digest, txHash: done.execution.txHash, events: kinds }));
process.exit(0);
