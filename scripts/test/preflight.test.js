// scripts/preflight: one line for each thing that the machine lacks.
"use strict";

const assert = require("node:assert/strict");
const { existsSync, readFileSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Checkout } = require("./checkout.js");

const TOOLCHAIN = path.join(__dirname, "..", "..", "rust-toolchain.toml");
const [, CHANNEL] = readFileSync(TOOLCHAIN, "utf8").match(/^channel = "(.*)"$/m);
const COMPLETE = {
  node: "echo 20.19.0",
  npm: "",
  cargo: "",
  rustc: `echo 'rustc ${CHANNEL} (f2d3ce0bd 2026-03-21)'`,
  cc: "",
};

/** What preflight says of a machine that has these programs, as [exit status, line..]. */
function preflight(t, programs) {
  const checkout = new Checkout(t, ["scripts/preflight", "rust-toolchain.toml"]);
  for (const [name, body] of Object.entries(programs)) checkout.program(`bin/${name}`, body);
  const { status, stdout, stderr } = checkout.run("/bin/sh", ["scripts/preflight"], { PATH: checkout.path("bin") });
  assert.equal(stdout, "");
  // macOS has its own question for the compiler, which a stripped PATH does not change.
  const lines = stderr.split("\n").filter((line) => line !== "");
  return [status, ...lines];
}

function without(...names) {
  return Object.fromEntries(Object.entries(COMPLETE).filter(([name]) => !names.includes(name)));
}

test("is silent on a machine that has all", (t) => {
  assert.deepEqual(preflight(t, COMPLETE), [0]);
});

test("names all that is missing in one go, one line each", { skip: existsSync("/usr/bin/xcode-select") }, (t) => {
  const [status, ...lines] = preflight(t, {});
  assert.equal(status, 1);
  assert.deepEqual(
    lines.map((line) => line.split(" ", 3).join(" ")),
    ["missing: Node.js 20.19", "missing: Rust: install", "missing: a C"],
  );
});

for (const version of ["18.19.0", "20.18.3", "8.0.0"]) {
  test(`refuses Node.js ${version}`, (t) => {
    const line = `missing: Node.js 20.19 or newer, this is ${version} (nodejs.org)`;
    assert.deepEqual(preflight(t, { ...COMPLETE, node: `echo ${version}` }), [1, line]);
  });
}

for (const version of ["20.19.0", "22.0.0", "100.1.0"]) {
  test(`takes Node.js ${version}`, (t) => {
    assert.deepEqual(preflight(t, { ...COMPLETE, node: `echo ${version}` }), [0]);
  });
}

test("tells a missing npm from a missing Node.js", (t) => {
  const line = "missing: npm, which belongs to Node.js (nodejs.org, or your system's package npm)";
  assert.deepEqual(preflight(t, without("npm")), [1, line]);
});

for (const name of ["cargo", "rustc"]) {
  test(`asks for rustup where ${name} is missing`, (t) => {
    const line = `missing: Rust: install rustup, it fetches Rust ${CHANNEL} by itself (rustup.rs)`;
    assert.deepEqual(preflight(t, without(name)), [1, line]);
  });
}

test("refuses an old Rust that does not read rust-toolchain.toml", (t) => {
  const line = `missing: Rust ${CHANNEL} or newer, this is 1.75.0: install rustup, it fetches the right one by itself (rustup.rs)`;
  assert.deepEqual(preflight(t, { ...COMPLETE, rustc: "echo 'rustc 1.75.0 (82e1608df 2023-12-21)'" }), [1, line]);
});

test("names the toolchain that rustup could not fetch", (t) => {
  const line = `missing: Rust ${CHANNEL}: run \`rustup toolchain install ${CHANNEL}\` (rustup.rs)`;
  assert.deepEqual(preflight(t, { ...COMPLETE, rustc: "echo 'error: no network' >&2; exit 1" }), [1, line]);
});
