// docs/openapi.json, read by the linters that others judge it with, and as generators of clients read it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { file, json, run } from "./repository.js";

const DESCRIPTION = file("docs/openapi.json");
const description = json("docs/openapi.json");

/** A file that is there until the test is over. */
function temporary(t, name, text) {
  const folder = mkdtempSync(path.join(tmpdir(), "quorate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
}

/** The description with something wrong, as a file. */
function spoilt(t, spoil) {
  const copy = structuredClone(description);
  spoil(copy);
  return temporary(t, "openapi.json", JSON.stringify(copy));
}

const redocly = (name) => run("@redocly/cli/bin/cli.js", "lint", "--extends", "recommended-strict", "--max-problems", "1000", name);

/** All rules but two: a relayer's operator has no address that we know, and OpenAPI 3.1 has a licence's identifier or its URL. */
const RULES = 'extends: [["spectral:oas", all]]\nrules: { contact-properties: off, license-url: off }\n';

function spectral(t, name) {
  const ruleset = temporary(t, "ruleset.yaml", RULES);
  return run("@stoplight/spectral-cli/dist/index.js", "lint", "--ruleset", ruleset, "--fail-severity", "hint", name);
}

test("redocly finds nothing in its strictest set of rules (case 25)", async (t) => {
  const { status, output } = await redocly(DESCRIPTION);
  assert.equal(status, 0, output);
  const bad = await redocly(spoilt(t, (copy) => delete copy.servers));
  assert.match(bad.output, /no-empty-servers/);
  assert.notEqual(bad.status, 0);
});

test("spectral finds nothing, also with the rules that are off by default (case 25)", async (t) => {
  const { status, output } = await spectral(t, DESCRIPTION);
  assert.equal(status, 0, output);
  const bad = await spectral(t, spoilt(t, (copy) => delete copy.paths["/livez"].get.description));
  assert.match(bad.output, /operation-description/);
  assert.notEqual(bad.status, 0);
});

/** Every schema within a part of the description, with its place. */
function* schemas(part, where = "") {
  if (part === null || typeof part !== "object") return;
  if (!Array.isArray(part) && (part.type || part.$ref || part.oneOf)) yield [where, part];
  for (const [key, value] of Object.entries(part)) yield* schemas(value, `${where}/${key}`);
}

test("an object is described once, and elsewhere referred to (case 25)", () => {
  // What fields have besides their form may differ.
  const form = (schema) => JSON.stringify(schema, (key, value) => (key === "description" ? undefined : value));
  const components = new Map();
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    if (schema.type === "object") components.set(form(schema), name);
  }
  assert.ok(components.size >= 15);
  for (const [where, schema] of schemas(description)) {
    if (schema.type !== "object") continue;
    const name = components.get(form(schema));
    if (name) assert.equal(where, `/components/schemas/${name}`, `${name} again`);
    else assert.ok(!schema.properties, `${where}: an object without a name`);
  }
});

test("every operation says who may call it, and has an answer of every kind (case 25)", () => {
  for (const [template, item] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const where = `${method} ${template}`;
      assert.ok(Array.isArray(operation.security) && operation.security.length > 0, where);
      const tokens = operation.security.map((needed) => Object.keys(needed).join());
      const expected = operation.responses[401] ? (operation.operationId === "registerWallet" ? ["token"] : ["", "token"]) : [""];
      assert.deepEqual(tokens, expected, where);
    }
  }
});

test("descriptions are for readers of JSON: no links into Rust, and the words of texts are explained (case 25)", () => {
  const texts = [];
  JSON.stringify(description, (key, value) => {
    if (["description", "summary", "title"].includes(key) && typeof value === "string") texts.push(value);
    return value;
  });
  assert.ok(texts.length > 200);
  for (const text of texts) assert.doesNotMatch(text, /\[`|::|\]\(|crate|rustdoc|\bSelf\b|\bOption\b|\bserde\b/, text);
  for (const [name, { enum: words, description: about }] of Object.entries(description.components.schemas)) {
    if (["ProblemCode", "Reason", "SignatureKind", "Status", "FailureReason"].includes(name))
      for (const word of words) assert.ok(about.includes(`- \`${word}\`: `), `${name} ${word}`);
  }
});

test("every schema compiles in ajv strict too (case 25)", () => {
  // A schema may stand anywhere in a description, its formats are OpenAPI's, and what may be null has two types.
  const formats = Object.fromEntries(["int32", "int64", "date-time"].map((name) => [name, true]));
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats });
  ajv.addVocabulary(["components"]);
  ajv.addSchema({ components: description.components }, "description");
  for (const name of Object.keys(description.components.schemas)) {
    const validate = ajv.compile({ $ref: `description#/components/schemas/${name}` });
    assert.equal(validate(Symbol.for("nothing")), false, name);
  }
});
