#!/usr/bin/env node
// Writes anvil-fixtures/vectors: what owners sign, as viem computes it, for the tests of the contracts and of the Rust
// crates. The same on every run; `--check` writes nothing and fails where a file differs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { accepts, actions } from "./vectors/actions.mjs";
import { addresses, lanes } from "./vectors/addresses.mjs";
import { messages } from "./vectors/messages.mjs";

const folder = new URL("../../anvil-fixtures/vectors/", import.meta.url);

const files = {
  "eip712.json": { actions: await actions(), accepts: await accepts(), messages: await messages() },
  "addresses.json": { wallets: addresses() },
  "lanes.json": { lanes: lanes() },
};

const decimal = (_, value) => (typeof value === "bigint" ? value.toString() : value);

mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(files)) {
  const file = new URL(name, folder);
  const text = `${JSON.stringify(content, decimal, 1)}\n`;
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    console.error(`${name} differs from what viem computes`);
    process.exitCode = 1;
  }
}
