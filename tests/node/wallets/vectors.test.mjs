// The vectors that viem made, by the other libraries that wallets are made of: the same digests. The types are written from
// the fixed type strings, and shared with nobody.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SignTypedDataVersion, TypedDataUtils } from "@metamask/eth-sig-util";
import { TypedDataEncoder, Wallet } from "ethers";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const folder = mkdtempSync(path.join(tmpdir(), "quorate-vectors-"));
after(() => rmSync(folder, { recursive: true }));

const ORDER = "uint192 lane,uint64 sequence,uint256 deadline";
const TYPES = {
  EIP712Domain: "string name,string version,uint256 chainId,address verifyingContract,bytes32 salt",
  Execute: `WalletCall[] calls,${ORDER}`,
  WalletCall: "address to,uint256 value,bytes data",
  Payout: `address token,Transfer[] transfers,${ORDER}`,
  Transfer: "address to,uint256 amount",
  Reconfigure: `uint8 threshold,address[] owners,address policy,bytes policyData,${ORDER}`,
  Cancel: ORDER,
  Accept: "uint8 role,bytes32 termsHash,uint256 deadline",
};
const USED = { Execute: ["WalletCall"], Payout: ["Transfer"] };

const fields = (text) => text.split(",").map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] }));

/** Typed data as `quorate show --typed-data` prints it. */
function typedData(vector, primaryType, message) {
  const names = ["EIP712Domain", primaryType, ...(USED[primaryType] ?? [])];
  return {
    types: Object.fromEntries(names.map((name) => [name, fields(TYPES[name])])),
    primaryType,
    domain: {
      name: "Quorate",
      version: "1",
      chainId: vector.chainId,
      verifyingContract: vector.wallet,
      salt: `0x${BigInt(vector.epoch).toString(16).padStart(64, "0")}`,
    },
    message,
  };
}

const { actions, accepts } = JSON.parse(readFileSync(path.join(ROOT, "anvil-fixtures/vectors/eip712.json"), "utf8"));
const vectors = [
  ...actions.map((vector) => {
    const { type, config, ...content } = vector.action;
    const { lane, sequence, deadline } = vector;
    const message = { ...(type === "reconfigure" ? config : content), lane, sequence, deadline };
    return [vector, typedData(vector, type[0].toUpperCase() + type.slice(1), message)];
  }),
  ...accepts.map((vector) => {
    const { role, termsHash, deadline } = vector;
    return [vector, typedData(vector, "Accept", { role, termsHash, deadline })];
  }),
];

/** Public. */
const wallet = new Wallet(`0x${"46".repeat(32)}`);

test("ethers makes the digests of all vectors", () => {
  assert.ok(vectors.length > 25);
  for (const [{ name, digest }, { domain, types, message }] of vectors) {
    const { EIP712Domain, ...others } = types;
    assert.equal(TypedDataEncoder.hash(domain, others, message), digest, name);
  }
});

test("eth-sig-util makes the digests of all vectors", () => {
  for (const [{ name, digest }, data] of vectors) {
    const made = TypedDataUtils.eip712Hash(data, SignTypedDataVersion.V4);
    assert.equal(`0x${Buffer.from(made).toString("hex")}`, digest, name);
  }
});

test("cast signs the digests of all vectors", () => {
  const cast = execFileSync(path.join(ROOT, "scripts/foundry"), ["cast"], { encoding: "utf8" }).trim();
  const file = path.join(folder, "typed.json");
  for (const [{ name, digest }, data] of vectors) {
    // As the program prints it: a chain id is a number, and larger than JavaScript's are exact.
    writeFileSync(file, JSON.stringify(data).replace(/"chainId":"(\d+)"/, '"chainId":$1'));
    const options = ["wallet", "sign", "--data", "--from-file", file, "--private-key", wallet.privateKey];
    // Signatures are deterministic, so the same one is over the same digest.
    assert.equal(execFileSync(cast, options, { encoding: "utf8" }).trim(), wallet.signingKey.sign(digest).serialized, name);
  }
});

test("eth-account makes the digests of all vectors", (t) => {
  const python = spawnSync(path.join(ROOT, "scripts/python"), { encoding: "utf8" });
  if (python.status !== 0) {
    assert.equal(process.env.CI, undefined, python.stderr);
    return t.skip(python.stderr.trim());
  }
  const check = path.join(ROOT, "contracts/scripts/vectors/check.py");
  assert.match(execFileSync(python.stdout.trim(), [check], { encoding: "utf8" }), /eth-account agrees with \d+ vectors/);
});
