#!/usr/bin/env node
// Measures what nodes do where they differ, and prints the tables of docs/nodes.md.
//   tests/node/measure.mjs [--only NAME] [--with NAME=URL --key KEY]
// The second form also measures a node that runs already, by an account with ether on it. It makes blocks and sends
// transactions: never give it a chain that is worth something.
import { parseArgs } from "node:util";
import { Chain } from "./measure/chain.mjs";
import { blocks, calls, methods, sends, waiting } from "./measure/probes.mjs";
import { names, start } from "./measure/start.mjs";

const { values } = parseArgs({ options: { only: { type: "string" }, with: { type: "string" }, key: { type: "string" } } });
// Calls last: one of them keeps a node busy for long.
const AT_ONCE = { Methods: methods, Blocks: blocks, "Raw sends, where each makes a block": sends, Calls: calls };
const BY_HAND = { "Raw sends, where they wait for a block": waiting };

async function measured(chain, tables) {
  const said = { version: await chain.need("web3_clientVersion"), id: Number(await chain.need("eth_chainId")) };
  await chain.prepare();
  for (const [title, rows] of Object.entries(tables)) {
    for (const [heading, probe] of rows) {
      const key = `${title}: ${heading}`;
      try {
        said[key] = await probe(chain);
      } catch (error) {
        said[key] = `cannot be measured: ${error.message.slice(0, 200)}`;
      }
      process.stderr.write(`${chain.name}: ${key}: ${said[key]}\n`);
    }
  }
  return said;
}

async function measuredHere(name, byHand) {
  const node = await start(name, byHand);
  try {
    return await measured(new Chain(name, node, byHand), byHand ? BY_HAND : AT_ONCE);
  } finally {
    node.stop();
  }
}

async function main() {
  const columns = {};
  for (const name of names.filter((name) => values.only === undefined || values.only === name)) {
    columns[name] = { ...(await measuredHere(name, true)), ...(await measuredHere(name, false)) };
  }
  if (values.with !== undefined) {
    const [, name, url] = /^([^=]+)=(.+)$/.exec(values.with);
    columns[name] = await measured(new Chain(name, { url, key: values.key }), AT_ONCE);
  }
  const nodes = Object.keys(columns);
  for (const name of nodes) process.stdout.write(`- ${name}: \`${columns[name].version}\`, chain ${columns[name].id}\n`);
  for (const [title, rows] of Object.entries({ ...AT_ONCE, ...BY_HAND })) {
    process.stdout.write(`\n### ${title}\n\n| | ${nodes.join(" | ")} |\n|${"---|".repeat(nodes.length + 1)}\n`);
    for (const [heading] of rows) {
      const cells = nodes.map((name) => columns[name][`${title}: ${heading}`] ?? "");
      process.stdout.write(`| ${heading} | ${cells.join(" | ")} |\n`);
    }
  }
}

await main();
