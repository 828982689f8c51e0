// Vectors of ERC-1271 messages, nested as ERC-7739 says.
import {
  concat,
  domainSeparator,
  encodePacked,
  getTypesForEIP712Domain,
  hashMessage,
  hashStruct,
  hashTypedData,
  hexToString,
  size,
  stringToHex,
  toPrefixedMessage,
} from "viem";
import { hashTypedData as hashNested, wrapTypedDataSignature } from "viem/experimental/erc7739";
import { MAX_CHAIN_ID, MAX_UINT256, addressOf, bytesOf, configOf, domainOf, signBy } from "./wallet.mjs";

const DEFAULTS = { chainId: 1n, epoch: 0n, config: configOf(2, 3), signers: [0, 1] };

const PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3";

/** What an app asks for. `description` is given where its type does not come first among the types it refers to. */
const TYPED = [
  [
    "typed data: a permit, implicit",
    {
      domain: { name: "USD Coin", version: "2", chainId: 1n, verifyingContract: addressOf("usdc") },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: {
        owner: addressOf("wallet/message/0"),
        spender: addressOf("spender"),
        value: MAX_UINT256,
        nonce: 0n,
        deadline: 4_000_000_000n,
      },
    },
  ],
  [
    "typed data: a type before those it refers to, implicit",
    {
      domain: { name: "Ether Mail", version: "1", chainId: 10n, verifyingContract: addressOf("mail") },
      types: {
        Mail: [
          { name: "from", type: "Person" },
          { name: "to", type: "Person[]" },
          { name: "contents", type: "string" },
        ],
        Person: [
          { name: "name", type: "string" },
          { name: "wallet", type: "address" },
        ],
      },
      primaryType: "Mail",
      message: {
        from: { name: "Cow", wallet: addressOf("cow") },
        to: [
          { name: "Bob", wallet: addressOf("bob") },
          { name: "Zoë", wallet: addressOf("zoe") },
        ],
        contents: "Hello, Bob!",
      },
    },
    { chainId: 10n, epoch: 1n, config: configOf(3, 5), signers: [0, 2, 4] },
  ],
  [
    "typed data: a type behind those it refers to, explicit",
    {
      domain: { name: "Permit2", chainId: 1n, verifyingContract: PERMIT2 },
      types: {
        PermitSingle: [
          { name: "details", type: "PermitDetails" },
          { name: "spender", type: "address" },
          { name: "sigDeadline", type: "uint256" },
        ],
        PermitDetails: [
          { name: "token", type: "address" },
          { name: "amount", type: "uint160" },
          { name: "expiration", type: "uint48" },
          { name: "nonce", type: "uint48" },
        ],
      },
      primaryType: "PermitSingle",
      message: {
        details: { token: addressOf("usdc"), amount: 2n ** 160n - 1n, expiration: 2n ** 48n - 1n, nonce: 0n },
        spender: addressOf("spender"),
        sigDeadline: MAX_UINT256,
      },
    },
    {
      description:
        "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)" +
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitSingle",
    },
  ],
  [
    "typed data: a domain of a salt alone, in the last epoch",
    {
      domain: { salt: bytesOf("salt", 32) },
      types: {
        Vote: [
          { name: "proposal", type: "bytes32" },
          { name: "support", type: "bool" },
          { name: "weights", type: "int64[][2]" },
          { name: "reason", type: "bytes" },
        ],
      },
      primaryType: "Vote",
      message: { proposal: bytesOf("proposal", 32), support: true, weights: [[-1n, 2n ** 63n - 1n], []], reason: "0x" },
    },
    { chainId: MAX_CHAIN_ID, epoch: 2n ** 32n - 1n, config: configOf(2, 100), signers: [50, 99] },
  ],
];

const PERSONAL = [
  ["personal: a text", stringToHex("I am the treasury of example.org")],
  ["personal: nothing", "0x"],
  ["personal: a hash", bytesOf("hash", 32), { chainId: 137n, epoch: 1n, signers: [1, 2] }],
  ["personal: a long text", bytesOf("long", 1000), { config: configOf(1, 1), signers: [0] }],
];

const typed = async ([name, app, changes], place) => {
  const { description, chainId, epoch, config, signers } = { ...DEFAULTS, ...changes };
  const wallet = addressOf(`wallet/message/${place}`);
  const signed = await signBy(signers, hashNested({ ...app, verifierDomain: domainOf({ chainId, wallet, epoch }) }));

  const separator = domainSeparator({ domain: app.domain });
  const contents = hashStruct({ data: app.message, primaryType: app.primaryType, types: app.types });
  // viem wraps in the implicit mode only: take the description from it, or wrap the same in the explicit mode.
  const implicit = wrapTypedDataSignature({ ...app, signature: signed.signatures });
  const head = concat([signed.signatures, separator, contents]);
  const contentsDescription = description ?? hexToString(`0x${implicit.slice(head.length, implicit.length - 4)}`);
  const tail = encodePacked(["string", "uint16"], [contentsDescription, size(stringToHex(contentsDescription))]);

  return {
    name,
    kind: "typedDataSign",
    chainId,
    wallet,
    epoch,
    config,
    typedData: { ...app, types: { EIP712Domain: getTypesForEIP712Domain(app), ...app.types } },
    data: concat(["0x1901", separator, contents]),
    hash: hashTypedData(app),
    appDomainSeparator: separator,
    contentsHash: contents,
    contentsDescription,
    ...signed,
    signature: concat([head, tail]),
  };
};

const personal = async ([name, message, changes], place) => {
  const { chainId, epoch, config, signers } = { ...DEFAULTS, ...changes };
  const wallet = addressOf(`wallet/personal/${place}`);
  const data = toPrefixedMessage({ raw: message });
  // Not viem's own hashMessage for ERC-7739, which leaves out the domain's salt.
  const digest = hashTypedData({
    domain: domainOf({ chainId, wallet, epoch }),
    types: { PersonalSign: [{ name: "prefixed", type: "bytes" }] },
    primaryType: "PersonalSign",
    message: { prefixed: data },
  });
  const signed = await signBy(signers, digest);
  return {
    name,
    kind: "personalSign",
    chainId,
    wallet,
    epoch,
    config,
    message,
    data,
    hash: hashMessage({ raw: message }),
    ...signed,
    signature: signed.signatures,
  };
};

export const messages = async () => [
  ...(await Promise.all(TYPED.map(typed))),
  ...(await Promise.all(PERSONAL.map(personal))),
];
