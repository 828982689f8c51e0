// docs/schema in Ajv's strict mode, as editors and other programs compile it: it takes our files and refuses broken ones.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { file, json } from "./repository.js";

/** Everything that is strict in Ajv 8, and no coercion. */
const compile = (name) => new Ajv2020({ strict: true, allErrors: true }).compile(json("docs/schema", name));

/** The largest integer that JSON carries unharmed, and the largest epoch. */
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);
const LARGEST_EPOCH = 2n ** 32n - 1n;

/** Proposal files of what viem signed. The vectors know numbers that no file carries; those are left out. */
function proposals() {
  const { actions } = json("anvil-fixtures/vectors/eip712.json");
  const fit = ({ chainId, epoch, deadline }) =>
    BigInt(chainId) >= 1n && BigInt(chainId) <= LARGEST && BigInt(deadline) <= LARGEST && BigInt(epoch) <= LARGEST_EPOCH;
  return actions.filter(fit).map((vector) => ({
    kind: "proposal",
    version: 1,
    chainId: Number(vector.chainId),
    wallet: vector.wallet,
    epoch: Number(vector.epoch),
    action: vector.action,
    nonce: ((BigInt(vector.lane) << 64n) | BigInt(vector.sequence)).toString(),
    deadline: Number(vector.deadline),
    note: vector.name,
    config: vector.config,
    salt: `0x${"00".repeat(32)}`,
    signatures: vector.signers.map(({ owner, signature }) => ({ owner, kind: "ecdsa", signature })),
  }));
}

const wallets = () =>
  readdirSync(file("anvil-fixtures/wallets"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => json("anvil-fixtures/wallets", name));

/** Every way to break a document in one place: a field that is unknown, a value of another type, a text that is no value. */
function* broken(value, where = "") {
  const others = [null, true, 1.5, -1, "no value", [[]], {}].filter((other) => where !== "/note" || typeof other !== "string");
  for (const other of others) yield [`${where} is ${JSON.stringify(other)}`, other];
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const [what, other] of broken(item, `${where}/${index}`)) yield [what, value.with(index, other)];
  } else if (value !== null && typeof value === "object") {
    yield [`${where} has a field more`, { ...value, more: 1 }];
    for (const [key, item] of Object.entries(value))
      for (const [what, other] of broken(item, `${where}/${key}`)) yield [what, { ...value, [key]: other }];
  }
}

for (const [name, documents, optional] of [
  ["proposal.v1.json", proposals(), ["note", "config", "salt"]],
  ["wallet.v1.json", wallets(), []],
]) {
  describe(`docs/schema/${name}, in ajv strict (case 25)`, () => {
    const validate = compile(name);

    test("takes the fixtures", () => {
      assert.ok(documents.length >= 2, `${documents.length} fixtures`);
      for (const document of documents) assert.ok(validate(document), JSON.stringify({ document, errors: validate.errors }));
    });

    test("refuses them with one thing wrong", () => {
      let count = 0;
      for (const document of documents) {
        for (const [what, other] of broken(document)) {
          assert.ok(!validate(other), `${what}: ${JSON.stringify(other)}`);
          count += 1;
        }
      }
      assert.ok(count >= 200, `${count} broken documents`);
    });

    test("refuses them with a field less", () => {
      const [document] = documents;
      for (const key of Object.keys(document).filter((key) => !optional.includes(key))) {
        const { [key]: _, ...rest } = document;
        assert.ok(!validate(rest), key);
      }
    });
  });
}

test("a configuration comes with its salt and a salt with its configuration (case 25)", () => {
  const validate = compile("proposal.v1.json");
  const { config, salt, ...rest } = proposals()[0];
  assert.ok(validate(rest));
  assert.ok(!validate({ ...rest, config }));
  assert.ok(!validate({ ...rest, salt }));
});

test("what the policy is told has at most 4,096 bytes (case 25)", () => {
  const [wallet] = wallets();
  const validate = compile("wallet.v1.json");
  const told = (bytes) => ({ ...wallet, config: { ...wallet.config, policyData: `0x${"00".repeat(bytes)}` } });
  assert.ok(validate(told(4_096)));
  assert.ok(!validate(told(4_097)));
});

test("the schemas of escrow files compile in ajv strict, too, and refuse what is none", () => {
  for (const name of ["escrow.v1.json", "escrow-evidence.v1.json"]) {
    const validate = compile(name);
    for (const other of [null, 1, "", [], {}, { kind: "wallet" }]) assert.ok(!validate(other), name);
  }
});
