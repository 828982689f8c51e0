// Vectors of what is derived without signing: a wallet's code and address, and the lanes of named payouts.
import {
  concat,
  encodeAbiParameters,
  encodePacked,
  getContractAddress,
  keccak256,
  numberToHex,
  size,
  zeroHash,
} from "viem";
import { addressOf, bytesOf, configOf, word } from "./wallet.mjs";

const lower = (address) => address.toLowerCase();

const blobOf = ({ threshold, owners, policy, policyData }) =>
  concat([
    numberToHex(threshold, { size: 1 }),
    numberToHex(owners.length, { size: 1 }),
    policy,
    ...owners,
    policyData,
  ]);

const WALLETS = [
  ["one owner", configOf(1, 1), zeroHash],
  ["two of three", configOf(2, 3), zeroHash],
  ["two of three, another salt", configOf(2, 3), `0x${"ff".repeat(32)}`],
  ["an escrow", configOf(1, 3, addressOf("policy"), bytesOf("terms", 47)), word("salt")],
  ["the largest configuration", configOf(100, 100, addressOf("policy"), bytesOf("policyData", 4096)), word("salt")],
];

/** Wallets of a factory that an account makes in its first transaction, which fixes both addresses. */
export const addresses = () => {
  const deployer = addressOf("deployer");
  const factory = lower(getContractAddress({ from: deployer, nonce: 0n }));
  const implementation = lower(getContractAddress({ from: factory, nonce: 1n }));
  return WALLETS.map(([name, config, salt]) => {
    const blob = blobOf(config);
    const code = concat([
      "0x36600557005b363d3d373d3d3d363d73",
      implementation,
      "0x5af43d82803e903d91603157fd5bf3",
      blob,
    ]);
    const initCode = encodePacked(
      ["bytes1", "uint16", "bytes7", "bytes"],
      ["0x61", size(code), "0x3d81600a3d39f3", code],
    );
    const wallet = lower(getContractAddress({ opcode: "CREATE2", from: factory, salt, bytecode: initCode }));
    return { name, deployer, factory, implementation, config, salt, code, initCodeHash: keccak256(initCode), wallet };
  });
};

const RUNS = [
  ["payroll-2026-11", 0n],
  ["payroll-2026-11", 1n],
  ["", 0n],
  ["Löhne für November, alle Standorte", 2n ** 64n],
  ["payroll-2026-11", 2n ** 256n - 1n],
];

const BATCH = [{ type: "string" }, { type: "string" }, { type: "uint256" }];

/** The first 192 bits of keccak256(abi.encode("quorate/payout", run, batch)). */
export const laneOf = (run, batch) =>
  BigInt(keccak256(encodeAbiParameters(BATCH, ["quorate/payout", run, batch]))) >> 64n;

export const lanes = () => RUNS.map(([run, batch]) => ({ run, batch, lane: laneOf(run, batch) }));
