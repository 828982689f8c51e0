// Two owners pay over a relayer. All that is known of it is ./openapi, which openapi-typescript makes of its description;
// digest and signatures are viem's.
//
//   node drive.js '{"url", "chainId", "config", "salt", "wallet", "keys": [..], "payee", "deadline"}'
//
// Prints one JSON object with what came of it, and fails where anything is not as it was described.
import createClient from "openapi-fetch";
import { hashTypedData, numberToHex, type Hex } from "viem";
import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import type { components, paths } from "./openapi.js";

declare const process: { argv: string[]; exit(code: number): never };

type Schemas = components["schemas"];
type Proposal = Schemas["Proposal"];
/** One type of proposals: those of a page are no others. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
const isOneType: Same<Proposal, Schemas["ProposalPage"]["items"][number]> = true;

interface Given {
  url: string;
  chainId: number;
  config: Schemas["Config"];
  salt: Hex;
  wallet: Hex;
  keys: Hex[];
  payee: Hex;
  deadline: number;
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** What a call answers that must not fail. */
function answered<T>({ data, error, response }: { data?: T; error?: Schemas["Problem"] | Schemas["Readiness"]; response: Response }): T {
  check(data !== undefined, `${response.url}: ${response.status} ${JSON.stringify(error)}`);
  return data;
}

const given = JSON.parse(process.argv[2] ?? "") as Given;
const api = createClient<paths>({ baseUrl: given.url });
const [first, ...others] = given.keys.map((key) => privateKeyToAccount(key));
check(first !== undefined && isOneType, "nobody signs");

// It takes what is handed in. What is not described does not compile.
check(answered(await api.GET("/readyz")).ready, "it is not ready");
// @ts-expect-error There is no such status.
await api.GET("/v1/proposals", { params: { query: { status: "done" } } });
// @ts-expect-error There is no such path.
await api.GET("/v1/proposal", {});

// Registered: the one time as new, the other as known.
const registration = { chainId: given.chainId, config: given.config, salt: given.salt };
const registered = await api.POST("/v1/wallets", { body: registration });
check(answered(registered).address === given.wallet && registered.response.status === 201, "it is not registered");
check((await api.POST("/v1/wallets", { body: registration })).response.status === 200, "it is not known");
const place = { chainId: given.chainId, address: given.wallet };
const wallet = answered(await api.GET("/v1/wallets/{chainId}/{address}", { params: { path: place } }));
const lane = wallet.lanes.find(({ lane }) => lane === "0");
check(wallet.genuine && lane !== undefined, "the wallet is not told");

// Proposed and signed.
const action = { type: "payout", token: "0x0000000000000000000000000000000000000000", transfers: [{ to: given.payee, amount: "1000" }] } as const;
const typed = {
  domain: { name: "Quorate", version: "1", chainId: given.chainId, verifyingContract: given.wallet, salt: numberToHex(wallet.epoch, { size: 32 }) },
  types: {
    Payout: [
      { name: "token", type: "address" },
      { name: "transfers", type: "Transfer[]" },
      { name: "lane", type: "uint192" },
      { name: "sequence", type: "uint64" },
      { name: "deadline", type: "uint256" },
    ],
    Transfer: [
      { name: "to", type: "address" },
      { name: "amount", type: "uint256" },
    ],
  },
  primaryType: "Payout",
  message: {
    token: action.token,
    transfers: action.transfers.map(({ to, amount }) => ({ to, amount: BigInt(amount) })),
    lane: 0n,
    sequence: BigInt(lane.nextFree),
    deadline: BigInt(given.deadline),
  },
} as const;
const digest = hashTypedData(typed);
const sign = async (account: PrivateKeyAccount): Promise<Schemas["NewSignature"]> => ({ owner: account.address, signature: await account.signTypedData(typed) });
const body: Schemas["NewProposal"] = {
  epoch: wallet.epoch,
  action: { ...action, transfers: [...action.transfers] },
  nonce: String(lane.nextFree),
  deadline: given.deadline,
  signature: await sign(first),
};
const proposed = answered(await api.POST("/v1/wallets/{chainId}/{address}/proposals", { params: { path: place }, body }));
check(proposed.digest === digest && proposed.status === "collecting", "it is not proposed");

// What happens is told while it does, from here on.
const events = await api.GET("/v1/events", { params: { query: { address: given.wallet, after: 0 } }, parseAs: "stream" });

// Listed for those who have not signed yet. A refusal has a code.
for (const account of others) {
  const waiting = answered(await api.GET("/v1/proposals", { params: { query: { awaiting: account.address, limit: 10 } } }));
  check(waiting.items.some((item) => item.digest === digest) && waiting.nextCursor === null, "it does not wait for an owner");
}
const at = { params: { path: { digest } } };
const forged = await api.POST("/v1/proposals/{digest}/signatures", { ...at, body: { ...body.signature, owner: given.payee } });
check(forged.error?.code === "notOwner" && forged.error.status === 422, JSON.stringify(forged.error));
for (const account of others) answered(await api.POST("/v1/proposals/{digest}/signatures", { ...at, body: await sign(account) }));

// Waited for, and watched.
async function settled(): Promise<Proposal> {
  for (let round = 0; round < 10; round += 1) {
    const query = { wait: "executed", timeoutSecs: 10 };
    const proposal = answered(await api.GET("/v1/proposals/{digest}", { params: { path: { digest }, query } }));
    if (proposal.status === "executed") return proposal;
  }
  throw new Error("it was not executed");
}

async function watched(stream: ReadableStream<Uint8Array> | null | undefined): Promise<string[]> {
  check(stream !== null && stream !== undefined, "there is no stream");
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const kinds: string[] = [];
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    check(!done, "the stream ended");
    const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    for (const data of blocks.flatMap((block) => block.split("\n")).filter((line) => line.startsWith("data:"))) {
      const event = JSON.parse(data.slice("data:".length)) as Schemas["Event"];
      kinds.push(event.kind);
      if (event.kind === "status" && (event.payload as { status?: string }).status === "executed") return kinds;
    }
  }
}

const [proposal, kinds] = await Promise.all([settled(), watched(events.data)]);
const signers: string[] = proposal.signatures.filter(({ counts }) => counts).map(({ owner }) => owner);
console.log(JSON.stringify({ digest, txHash: proposal.execution?.txHash, signers, kinds }));
process.exit(0);
