// Vectors of the four actions, and of an escrow's terms.
import { domainSeparator, hashStruct, hashTypedData, zeroAddress, zeroHash } from "viem";
import { laneOf } from "./addresses.mjs";
import {
  MAX_CHAIN_ID,
  MAX_UINT192,
  MAX_UINT256,
  MAX_UINT64,
  addressOf,
  bytesOf,
  configOf,
  domainOf,
  signBy,
  word,
} from "./wallet.mjs";

const CALL = [
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "data", type: "bytes" },
];
const TRANSFER = [
  { name: "to", type: "address" },
  { name: "amount", type: "uint256" },
];
const ORDER = [
  { name: "lane", type: "uint192" },
  { name: "sequence", type: "uint64" },
  { name: "deadline", type: "uint256" },
];

/** Types and content of each action; the types follow the fixed type strings. */
export const STRUCTS = {
  execute: ({ calls }) => ({
    primaryType: "Execute",
    types: { Execute: [{ name: "calls", type: "WalletCall[]" }, ...ORDER], WalletCall: CALL },
    content: { calls },
  }),
  payout: ({ token, transfers }) => ({
    primaryType: "Payout",
    types: {
      Payout: [{ name: "token", type: "address" }, { name: "transfers", type: "Transfer[]" }, ...ORDER],
      Transfer: TRANSFER,
    },
    content: { token, transfers },
  }),
  reconfigure: ({ config }) => ({
    primaryType: "Reconfigure",
    types: {
      Reconfigure: [
        { name: "threshold", type: "uint8" },
        { name: "owners", type: "address[]" },
        { name: "policy", type: "address" },
        { name: "policyData", type: "bytes" },
        ...ORDER,
      ],
    },
    content: config,
  }),
  cancel: () => ({ primaryType: "Cancel", types: { Cancel: ORDER }, content: {} }),
};

const DEFAULTS = {
  chainId: 1n,
  epoch: 0n,
  config: configOf(2, 3),
  lane: 0n,
  sequence: 0n,
  deadline: 4_000_000_000n,
  signers: [0, 1],
};

const execute = (list) => ({ type: "execute", calls: list });
const payout = (token, list) => ({ type: "payout", token, transfers: list });
const reconfigure = (config) => ({ type: "reconfigure", config });

const calls = (...lengths) =>
  lengths.map((length, i) => ({
    to: addressOf(`callee/${i}`),
    value: BigInt(i) * 10n ** 15n,
    data: bytesOf(`data/${i}`, length),
  }));

const transfers = (count) =>
  Array.from({ length: count }, (_, i) => ({
    to: addressOf(`payee/${i}`),
    amount: BigInt(word(`amount/${i}`)) >> 160n,
  }));

const LARGEST = {
  chainId: MAX_CHAIN_ID,
  epoch: 2n ** 32n - 1n,
  config: configOf(3, 100),
  lane: MAX_UINT192,
  deadline: MAX_UINT256,
  signers: [0, 50, 99],
};
const LAST = "0xffffffffffffffffffffffffffffffffffffffff";
const TOKEN = addressOf("token");

/** Name, action, and what differs from the defaults. */
const ACTIONS = [
  ["execute: no call", execute([])],
  ["execute: one call, no data, more signers than needed", execute(calls(0)), { signers: [0, 1, 2] }],
  [
    "execute: data of every length around a word",
    execute(calls(0, 1, 4, 31, 32, 33, 63, 64, 65, 95, 96, 97)),
    { chainId: 10n, epoch: 1n, lane: 7n, sequence: 3n, signers: [1, 2] },
  ],
  ["execute: long data", execute(calls(5000, 3)), { chainId: 11155111n, sequence: 1n }],
  [
    "execute: a hundred calls",
    execute(calls(...Array(100).fill(4))),
    { config: configOf(10, 20), signers: [0, 1, 2, 3, 4, 15, 16, 17, 18, 19] },
  ],
  [
    "execute: the largest numbers",
    execute([{ to: LAST, value: MAX_UINT256, data: "0xff" }]),
    { ...LARGEST, sequence: MAX_UINT64 - 1n },
  ],
  ["execute: the last sequence, which no wallet consumes", execute(calls(68)), { ...LARGEST, sequence: MAX_UINT64 }],

  ["payout: nobody", payout(zeroAddress, [])],
  [
    "payout: ether, and nothing to one payee",
    payout(zeroAddress, [
      { to: addressOf("payee/a"), amount: 10n ** 18n },
      { to: addressOf("payee/b"), amount: 0n },
    ]),
    { chainId: 31337n, signers: [0, 2] },
  ],
  [
    "payout: a token, one payee twice",
    payout(TOKEN, [...transfers(2), ...transfers(1)]),
    { chainId: 8453n, epoch: 1n, sequence: 1n },
  ],
  [
    "payout: everything left",
    payout(zeroAddress, [...transfers(1), { to: addressOf("payee/rest"), amount: MAX_UINT256 }]),
    { config: configOf(1, 1), signers: [0] },
  ],
  [
    "payout: a hundred payees, in the lane of a named run",
    payout(TOKEN, transfers(100)),
    { lane: laneOf("payroll-2026-11", 0n), config: configOf(3, 5), signers: [0, 3, 4] },
  ],
  [
    "payout: the largest numbers",
    payout(TOKEN, [
      { to: LAST, amount: MAX_UINT256 - 1n },
      { to: addressOf("payee/0"), amount: MAX_UINT256 },
    ]),
    { ...LARGEST, sequence: MAX_UINT64 - 1n },
  ],
  ["payout: the last sequence, which no wallet consumes", payout(LAST, transfers(1)), { sequence: MAX_UINT64 }],

  ["reconfigure: to one owner", reconfigure(configOf(1, 1))],
  [
    "reconfigure: to the same",
    reconfigure(configOf(2, 3)),
    { chainId: 137n, epoch: 1n, sequence: 2n, signers: [1, 2] },
  ],
  [
    "reconfigure: to a policy with the data of an escrow",
    reconfigure(configOf(1, 3, addressOf("policy"), bytesOf("terms", 47))),
    { lane: 3n, sequence: 1n },
  ],
  ["reconfigure: to a policy without data", reconfigure(configOf(100, 100, LAST)), { epoch: 2n ** 32n - 2n }],
  [
    "reconfigure: to the largest configuration",
    reconfigure(configOf(100, 100, addressOf("policy"), bytesOf("policyData", 4096))),
    { ...LARGEST, epoch: 2n ** 32n - 2n, sequence: MAX_UINT64 - 1n },
  ],
  [
    "reconfigure: the last sequence, which no wallet consumes",
    reconfigure(configOf(2, 2, zeroAddress, "0x00")),
    { ...LARGEST, sequence: MAX_UINT64 },
  ],

  ["cancel: the first nonce", { type: "cancel" }],
  [
    "cancel: in the second epoch, on another chain",
    { type: "cancel" },
    { chainId: 42161n, epoch: 1n, lane: 1n, sequence: 9n, signers: [0, 2] },
  ],
  ["cancel: a deadline of long ago", { type: "cancel" }, { deadline: 1n }],
  ["cancel: the last lane", { type: "cancel" }, LARGEST],
  ["cancel: the last sequence, which no wallet consumes", { type: "cancel" }, { ...LARGEST, sequence: MAX_UINT64 }],
];

const vectorOf = async (name, place, content, { chainId, epoch, config, signers }, { primaryType, types, message }) => {
  const wallet = addressOf(`wallet/${place}`);
  const domain = domainOf({ chainId, wallet, epoch });
  return {
    name,
    chainId,
    wallet,
    epoch,
    config,
    ...content,
    domainSeparator: domainSeparator({ domain }),
    structHash: hashStruct({ data: message, primaryType, types }),
    ...(await signBy(signers, hashTypedData({ domain, types, primaryType, message }))),
  };
};

export const actions = () =>
  Promise.all(
    ACTIONS.map(([name, action, changes], place) => {
      const settings = { ...DEFAULTS, ...changes };
      const { lane, sequence, deadline } = settings;
      const { content, ...struct } = STRUCTS[action.type](action);
      const nonce = (lane << 64n) | sequence;
      const message = { ...content, lane, sequence, deadline };
      return vectorOf(name, place, { action, nonce, lane, sequence, deadline }, settings, { ...struct, message });
    }),
  );

const ACCEPTS = [
  ["accept: the buyer", { role: 0, termsHash: word("terms"), deadline: 4_000_000_000n }],
  [
    "accept: the seller, in the second epoch, on another chain",
    { role: 1, termsHash: word("terms"), deadline: 1n },
    { chainId: 10n, epoch: 1n, signers: [1] },
  ],
  ["accept: the arbiter, of no terms", { role: 2, termsHash: zeroHash, deadline: 0n }, { signers: [2] }],
  [
    "accept: the largest numbers",
    { role: 255, termsHash: `0x${"ff".repeat(32)}`, deadline: MAX_UINT256 },
    { chainId: MAX_CHAIN_ID, epoch: 2n ** 32n - 1n },
  ],
];

export const accepts = () =>
  Promise.all(
    ACCEPTS.map(([name, message, changes], place) => {
      const settings = { ...DEFAULTS, config: configOf(1, 3), signers: [0], ...changes };
      const types = {
        Accept: [
          { name: "role", type: "uint8" },
          { name: "termsHash", type: "bytes32" },
          { name: "deadline", type: "uint256" },
        ],
      };
      return vectorOf(name, `escrow/${place}`, message, settings, { primaryType: "Accept", types, message });
    }),
  );
