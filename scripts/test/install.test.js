// scripts/install: npm is asked when it has to be, and only then.
"use strict";

const assert = require("node:assert/strict");
const { appendFileSync, existsSync, readFileSync, rmSync } = require("node:fs");
const { test } = require("node:test");
const { Checkout } = require("./checkout.js");

const FILES = ["package.json", "package-lock.json"];

/** A checkout with an npm that works like `npm ci`, notes each call, and fails half-way if $NPM_FAILS is set. */
function setUp(t) {
  const checkout = new Checkout(t, ["scripts/install", ...FILES, ...FILES.map((file) => `contracts/${file}`)]);
  const calls = checkout.path("calls");
  checkout.program("bin/npm", `pwd >>'${calls}'; rm -rf node_modules; mkdir node_modules; [ -z "\${NPM_FAILS:-}" ]`);
  const PATH = `${checkout.path("bin")}:/usr/bin:/bin`;
  return {
    checkout,
    install: (folders = [], environment = {}) =>
      checkout.run(process.execPath, ["scripts/install", ...folders], { PATH, ...environment }),
    /** How often npm was called since the last question. */
    calls: () => {
      const count = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n").length : 0;
      rmSync(calls, { force: true });
      return count;
    },
  };
}

const SILENT = { status: 0, stdout: "", stderr: "" };

test("installs both folders, and has nothing to do or say the second time", (t) => {
  const { install, calls } = setUp(t);
  assert.equal(install().stderr, "installing node_modules\ninstalling contracts/node_modules\n");
  assert.equal(calls(), 2);
  assert.deepEqual(install(), SILENT);
  assert.equal(calls(), 0);
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
  assert.equal(calls(), 1);
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
  assert.deepEqual(install(["crates"]), { status: 2, stdout: "", stderr: "usage: scripts/install [.|contracts]..\n" });
  assert.equal(calls(), 0);
});
