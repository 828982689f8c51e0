// scripts/foundry: which anvil, cast and forge are used.
"use strict";

const assert = require("node:assert/strict");
const { mkdirSync, symlinkSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Checkout } = require("./checkout.js");

const CPU = { arm64: "arm64", x64: "amd64" }[process.arch];

function setUp(t) {
  return new Checkout(t, ["scripts/foundry"]);
}

/** Puts the tool where npm puts it and returns its path. */
function installed(checkout, tool) {
  const home = tool === "anvil" ? "." : "contracts";
  return checkout.program(`${home}/node_modules/@foundry-rs/${tool}-${process.platform}-${CPU}/bin/${tool}`, "exit 1");
}

function foundry(checkout, tool, ...directories) {
  const PATH = directories.map((directory) => checkout.path(directory)).join(path.delimiter);
  return checkout.run(process.execPath, ["scripts/foundry", tool], { PATH });
}

for (const wording of [
  "forge Version: 1.5.0-stable",
  "forge Version: 1.7.1-stable\nCommit SHA: 4072e48705af9d93e3c0f6e29e93b5e9a40caed8",
  "forge Version: 1.6.0-nightly\nCommit SHA: 4072e48705af9d93e3c0f6e29e93b5e9a40caed8",
  "forge Version: 1.10.0",
  "forge Version: 2.0.0",
]) {
  test(`uses the tool on PATH: ${JSON.stringify(wording)}`, (t) => {
    const checkout = setUp(t);
    const file = checkout.program("bin/forge", `echo 'This is a nightly build' >&2\necho '${wording}'`);
    installed(checkout, "forge");
    assert.deepEqual(foundry(checkout, "forge", "bin"), { status: 0, stdout: `${file}\n`, stderr: "" });
  });
}

for (const [what, body] of [
  ["an old one", "echo 'forge Version: 1.4.0-stable'"],
  ["one from before 1.0", "echo 'forge 0.2.0 (61749757 2024-08-05T00:19:39Z)'"],
  ["another program of that name", "echo 12.5.0"],
  ["one that fails", "echo 'forge Version: 1.7.1-stable'; exit 1"],
]) {
  test(`prefers the installed tool to ${what}`, (t) => {
    const checkout = setUp(t);
    checkout.program("bin/forge", body);
    const file = installed(checkout, "forge");
    assert.deepEqual(foundry(checkout, "forge", "bin"), { status: 0, stdout: `${file}\n`, stderr: "" });
  });
}

test("passes over the commands of npm packages, which npx puts first on PATH", (t) => {
  const checkout = setUp(t);
  const wrapper = checkout.program("node_modules/@foundry-rs/anvil/bin.mjs", "echo 'anvil Version: 1.7.1-stable'");
  for (const directory of ["node_modules/.bin", "usr/bin"]) {
    mkdirSync(checkout.path(directory), { recursive: true });
    symlinkSync(wrapper, checkout.path(directory, "anvil"));
  }
  const file = checkout.program("bin/anvil", "echo 'anvil Version: 1.5.1-stable'");
  assert.equal(foundry(checkout, "anvil", "node_modules/.bin", "usr/bin", "bin").stdout, `${file}\n`);
});

test("finds each tool where its package.json puts it", (t) => {
  const checkout = setUp(t);
  for (const tool of ["anvil", "cast", "forge"]) {
    const file = installed(checkout, tool);
    assert.deepEqual(foundry(checkout, tool, "bin"), { status: 0, stdout: `${file}\n`, stderr: "" });
  }
});

for (const [tool, folder] of [["anvil", "."], ["cast", "contracts"], ["forge", "contracts"]]) {
  test(`says in one line how to get a missing ${tool}`, (t) => {
    const { status, stdout, stderr } = foundry(setUp(t), tool, "bin");
    const way = `run \`scripts/install ${folder}\`, or install Foundry (getfoundry.sh)`;
    assert.deepEqual([status, stdout, stderr], [1, "", `missing: ${tool} 1.5 or newer: ${way}\n`]);
  });
}

test("sends a platform that npm has no package for to Foundry itself", (t) => {
  const checkout = setUp(t);
  checkout.program("node_modules/@foundry-rs/anvil/bin.mjs", "");
  const way = `npm had none for ${process.platform} ${process.arch}: install Foundry (getfoundry.sh)`;
  assert.equal(foundry(checkout, "anvil", "bin").stderr, `missing: anvil 1.5 or newer: ${way}\n`);
});

test("refuses the name of anything else", (t) => {
  const { status, stderr } = foundry(setUp(t), "toString", "bin");
  assert.deepEqual([status, stderr], [2, "usage: scripts/foundry anvil|cast|forge\n"]);
});
