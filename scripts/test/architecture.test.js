// docs/architecture.md: its crates, what they depend on, and the effects of the engine are those of the source.
"use strict";

const assert = require("node:assert/strict");
const { existsSync, readFileSync, readdirSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const page = read("docs/architecture.md");

/** The rows of the table that begins with this header, each as its cells. */
function table(header) {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${header} |`));
  assert.ok(start >= 0, `no table that begins with ${header}`);
  const rows = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(line.split("|").slice(1, -1).map((cell) => cell.trim()));
  }
  return rows;
}

/** What a crate depends on, of this workspace, without what its tests need. */
function dependencies(crate) {
  const section = read(`crates/${crate}/Cargo.toml`).split(/^\[/m).find((part) => part.startsWith("dependencies]"));
  return [...(section ?? "").matchAll(/^quorate-([a-z]+)/gm)].map((found) => found[1]).sort();
}

test("it lists every crate with what it depends on", () => {
  const crates = readdirSync(path.join(ROOT, "crates")).sort();
  const told = new Map(table("crate").map(([crate, on]) => [crate, on.split(",").map((name) => name.trim()).filter(Boolean)]));
  assert.deepEqual([...told.keys()].sort(), crates);
  for (const crate of crates) {
    assert.deepEqual([...told.get(crate)].sort(), dependencies(crate), crate);
  }
});

test("it lists every effect once", () => {
  const source = read("crates/relayer/src/effect.rs").split("pub enum Effect {")[1].split("\n}")[0];
  const effects = [...source.matchAll(/^ {4}([A-Z]\w+)/gm)].map((found) => found[1]).sort();
  const told = table("of").flatMap(([, names]) => [...names.matchAll(/`(\w+)`/g)].map((found) => found[1]));
  assert.ok(effects.length > 15);
  assert.deepEqual(told.sort(), effects);
});

test("what it points at is there", () => {
  for (const [found, name] of page.matchAll(/`((?:crates|contracts|docs)\/[\w./-]+)`/g)) {
    assert.ok(existsSync(path.join(ROOT, name)), found);
  }
  const inRelayer = [...page.matchAll(/`((?:engine|driver)\/\w+)/g)].map(([, name]) => name);
  for (const name of inRelayer) {
    assert.ok(existsSync(path.join(ROOT, "crates/relayer/src", `${name}.rs`)), name);
  }
});
