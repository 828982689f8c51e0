// Accounts of other people's software: accounts.mjs CONTRACTS WALLETS deploy|found|sign, the question as JSON on stdin, the answer
// on stdout. CONTRACTS and WALLETS are the folders with what npm brought.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [contracts, wallets, mode] = process.argv.slice(2);
const require = createRequire(path.resolve(contracts, "package.json"));
const requireWallets = createRequire(path.resolve(wallets, "package.json"));
const viem = require("viem");
const { toSoladySmartAccount } = require("viem/account-abstraction");
const { privateKeyToAccount } = require("viem/accounts");
const erc7739 = require("viem/experimental/erc7739");

const input = JSON.parse(readFileSync(0, "utf8"));
const client = viem.createPublicClient({ transport: viem.http(input.rpc), pollingInterval: 50 });
const chainId = await client.getChainId();
const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
const chain = viem.defineChain({ id: chainId, name: "dev", nativeCurrency, rpcUrls: { default: { http: [input.rpc] } } });
const smartClient = viem.createPublicClient({ chain, transport: viem.http(input.rpc) });

/** The contracts of Accounts.sol: name to creation code. */
function compiled() {
  const solc = require("solc");
  const file = "Accounts.sol";
  const settings = { evmVersion: "cancun", optimizer: { enabled: true, runs: 200 }, outputSelection: { [file]: { "*": ["evm.bytecode.object"] } } };
  const sources = { [file]: { content: readFileSync(new URL(file, import.meta.url), "utf8") } };
  const read = (name) => ({ contents: readFileSync(path.join(contracts, "node_modules", name), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: read }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return Object.fromEntries(Object.entries(output.contracts[file]).map(([name, { evm }]) => [name, `0x${evm.bytecode.object}`]));
}

async function send(transaction) {
  const [from] = await client.request({ method: "eth_accounts" });
  const hash = await client.request({ method: "eth_sendTransaction", params: [{ from, gas: "0xe00000", ...transaction }] });
  const receipt = await client.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success") throw new Error("a transaction failed");
  return receipt.contractAddress;
}

const create = (code, types = [], values = []) =>
  send({ data: viem.concat([code, viem.encodeAbiParameters(types.map((type) => ({ type })), values)]) });

async function call(to, signature, args, transact) {
  const abi = viem.parseAbi([`function ${signature}`]);
  const data = viem.encodeFunctionData({ abi, args });
  const result = (await client.call({ to, data, gas: 15_000_000n })).data;
  if (transact) await send({ to, data });
  return result === undefined || viem.size(result) === 0 ? undefined : viem.decodeFunctionResult({ abi, data: result });
}

async function safeOf(folder, owners, threshold) {
  const artifact = (name) => require(`@safe-global/${folder}/build/artifacts/contracts/${name}.json`).bytecode;
  const singleton = await create(artifact("Safe.sol/Safe"));
  const factory = await create(artifact("proxies/SafeProxyFactory.sol/SafeProxyFactory"));
  const handler = await create(artifact("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler"));
  const setup = "setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)";
  const args = [owners, BigInt(threshold), viem.zeroAddress, "0x", handler, viem.zeroAddress, 0n, viem.zeroAddress];
  const initializer = viem.encodeFunctionData({ abi: viem.parseAbi([`function ${setup}`]), args });
  return call(factory, "createProxyWithNonce(address singleton, bytes initializer, uint256 salt) returns (address)", [singleton, initializer, 0n], true);
}

/** Everything deployed; `keys` are addresses by the name of the account that they are for. */
async function deploy({ keys }) {
  const code = compiled();
  const factory = await create(code.SoladyFactory);
  const salt = viem.pad("0x0");
  const solady = await call(factory, "getAddress(bytes32 salt) view returns (address)", [salt]);
  if (input.isEarly !== true) await found({ factory, owner: keys.solady[0] });
  const metamask = requireWallets("@metamask/delegation-abis/bytecode").EIP7702StatelessDeleGator;
  return {
    factory,
    solady,
    probe: await create(code.Probe),
    openzeppelin: await create(code.OpenZeppelinAccount, ["address"], [keys.openzeppelin[0]]),
    openzeppelinDelegate: await create(code.OpenZeppelinDelegate),
    simple7702: await create(requireWallets("@account-abstraction/contracts/artifacts/Simple7702Account.json").bytecode),
    metamask: await create(metamask, ["address", "address"], [factory, factory]),
    safe141: await safeOf("safe-contracts", keys.safe141, keys.safe141.length),
    safe150: await safeOf("safe-smart-account", keys.safe150, keys.safe150.length),
  };
}

/** By viem's action for accounts that nest (ERC-7739). A Quorate wallet takes packed signatures: the owner's place, then r and vs. */
async function nested(account, verifier, typed) {
  const signature = await erc7739.signTypedData(client, { account, ...typed, verifier });
  const { domain } = await client.getEip712Domain({ address: verifier });
  if (domain.name !== "Quorate") return signature;
  const byKey = viem.parseSignature(viem.slice(signature, 0, 65));
  const compact = viem.serializeCompactSignature(viem.signatureToCompactSignature(byKey));
  return viem.concat(["0x00", compact, viem.slice(signature, 65)]);
}

/** The signature of an account over typed data, made by the software that its users have. */
async function signatureOf({ kind, address, keys, factory }, typed) {
  const accounts = keys.map((key) => privateKeyToAccount(key));
  const [account] = accounts;
  if (kind === "key") return account.signTypedData(typed);
  if (kind === "erc7739") return nested(account, address, typed);
  if (kind === "solady") {
    const solady = await toSoladySmartAccount({ client: smartClient, owner: account, factoryAddress: factory });
    return solady.signTypedData(typed);
  }
  const message = viem.hashTypedData(typed);
  const types = { SafeMessage: [{ name: "message", type: "bytes" }] };
  const domain = { chainId, verifyingContract: address };
  accounts.sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1));
  return viem.concat(await Promise.all(accounts.map((owner) => owner.signTypedData({ domain, types, primaryType: "SafeMessage", message: { message } }))));
}

/** Deploys Solady's account. */
async function found({ factory, owner }) {
  return call(factory, "createAccount(address owner, bytes32 salt) returns (address)", [owner, viem.pad("0x0")], true);
}

async function sign({ typed, members, probe }) {
  const { domain, types, primaryType, message } = typed;
  const data = { domain, types, primaryType, message };
  const signed = [];
  for (const member of members) {
    const signature = await signatureOf(member, data);
    const cost = "cost(address owner, bytes32 hash, bytes signature) view returns (uint256, bytes)";
    const [gas, answer] = await call(probe, cost, [member.address, viem.hashTypedData(data), signature]);
    signed.push({ signature, gas: Number(gas), answer });
  }
  return signed;
}

process.stdout.write(JSON.stringify(await { deploy, found, sign }[mode](input)));
