// A node under measurement: accounts, contracts, transactions. Where nothing else makes blocks, it asks for them.
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { privateKeyToAccount } from "../../../contracts/node_modules/viem/_esm/accounts/index.js";
import { ask, need } from "./rpc.mjs";

export const GWEI = 10n ** 9n;
export const ETHER = 10n ** 18n;
export const hex = (number) => `0x${BigInt(number).toString(16)}`;

const MINED_MILLIS = 20_000;

/** Code that answers every call so. */
const RUNTIME = {
  // Reverts with the four bytes 0xdeadbeef.
  reverts: "63deadbeef60e01b60005260046000fd",
  // Logs nothing at all, once.
  logs: "60006000a000",
  // Burns all gas that it is given.
  burns: "5b600056",
};

export class Chain {
  constructor(name, { url, key }, byHand = false) {
    Object.assign(this, { name, url, byHand, rich: privateKeyToAccount(key), contracts: {} });
  }

  ask = (method, params) => ask(this.url, method, params);
  need = (method, params) => need(this.url, method, params);

  async prepare() {
    this.chainId = Number(await this.need("eth_chainId"));
    for (const [name, runtime] of Object.entries(RUNTIME)) {
      const size = (runtime.length / 2).toString(16).padStart(2, "0");
      const data = `0x60${size}600c60003960${size}6000f3${runtime}`;
      const { contractAddress } = await this.mined(await this.signed(this.rich, { to: undefined, data }));
      this.contracts[name] = contractAddress;
    }
  }

  /** What the next block asks for, and a tip of 1 gwei. */
  async fees() {
    const { baseFeePerGas } = await this.need("eth_getBlockByNumber", ["latest", false]);
    const base = BigInt(baseFeePerGas);
    return { base, maxFeePerGas: 2n * base + GWEI, maxPriorityFeePerGas: GWEI };
  }

  /** A signed transaction of 100,000 gas to nobody in particular, but for `fields`. */
  async signed(account, fields = {}) {
    const { maxFeePerGas, maxPriorityFeePerGas } = await this.fees();
    const nonce = fields.nonce ?? Number(await this.need("eth_getTransactionCount", [account.address, "latest"]));
    const all = { type: "eip1559", chainId: this.chainId, nonce, gas: 100_000n, maxFeePerGas, maxPriorityFeePerGas };
    return account.signTransaction({ ...all, to: NOBODY, value: 0n, ...fields });
  }

  send = (raw) => this.ask("eth_sendRawTransaction", [raw]);

  /** Sends, waits until it is mined, and returns the receipt. */
  async mined(raw) {
    const { result, error } = await this.send(raw);
    if (error) throw new Error(`eth_sendRawTransaction: ${JSON.stringify(error)}`);
    if (this.byHand) await this.need("evm_mine");
    return this.receipt(result);
  }

  async receipt(hash) {
    for (let waited = 0; waited < MINED_MILLIS; waited += 50) {
      const { result } = await this.ask("eth_getTransactionReceipt", [hash]);
      if (result) return result;
      await sleep(50);
    }
    throw new Error("not mined");
  }

  /** A new account that sent nothing yet, with so much ether. */
  async newAccount(wei) {
    const account = privateKeyToAccount(`0x${createHash("sha256").update(randomBytes(32)).digest("hex")}`);
    if (wei > 0n) await this.mined(await this.signed(this.rich, { to: account.address, value: wei }));
    return account;
  }

  /** An account that sent once, so that its nonce is 1, and has so much ether left, or a little less. */
  async account(wei = ETHER) {
    const account = await this.newAccount(wei + ETHER);
    const [{ maxFeePerGas }, gas] = [await this.fees(), 21_000n];
    await this.mined(await this.signed(account, { gas, to: this.rich.address, value: ETHER - gas * maxFeePerGas, maxFeePerGas }));
    return account;
  }
}

export const NOBODY = "0x000000000000000000000000000000000000dEaD";
