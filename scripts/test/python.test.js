// scripts/python: a Python with what tests need is made once, whole or not at all.
"use strict";

const assert = require("node:assert/strict");
const { existsSync, readdirSync, readFileSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Checkout } = require("./checkout.js");

/** A python3 that makes a venv whose pip notes what it is asked for, and fails if $PIP_FAILS is set. */
const PYTHON3 = `[ "$1" = -c ] && exit 0
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho "$@" >>calls; [ -z "$PIP_FAILS" ]\\n' >"$3/bin/pip"
printf '#!/bin/sh\\n' >"$3/bin/python"
chmod +x "$3/bin/pip" "$3/bin/python"`;

function setUp(t, { python3 = PYTHON3 } = {}) {
  const checkout = new Checkout(t, ["scripts/python", "tests/python/requirements.txt"]);
  if (python3) checkout.program("bin/python3", python3);
  for (const name of ["bash", "dirname", "cksum", "cut", "mkdir", "mv", "rm", "chmod"]) checkout.program(`bin/${name}`, `exec ${pathOf(name)} "$@"`);
  return { checkout, run: (environment = {}) => checkout.run("/bin/sh", ["-c", "bash scripts/python"], { PATH: checkout.path("bin"), ...environment }) };
}

const pathOf = (name) => ["/bin", "/usr/bin"].map((folder) => path.join(folder, name)).find(existsSync);

test("prints the path of a Python that it makes once", (t) => {
  const { checkout, run } = setUp(t);
  const first = run();
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /\/target\/python-\d+\/bin\/python\n$/);
  assert.match(first.stderr, /^installing target\/python-\d+\n$/);
  assert.ok(existsSync(first.stdout.trim()));
  assert.deepEqual(run(), { status: 0, stdout: first.stdout, stderr: "" });
  assert.equal(readFileSync(checkout.path("calls"), "utf8").trim().split("\n").length, 1);
  assert.equal(readdirSync(checkout.path("target")).length, 1);
});

test("says what is missing, and leaves nothing half made behind", (t) => {
  const { checkout, run } = setUp(t);
  const failed = run({ PIP_FAILS: "1" });
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /could not install what tests\/python\/requirements.txt lists: pip says why above/);
  assert.deepEqual([failed.stdout, readdirSync(checkout.path("target"))], ["", []]);
  assert.equal(run().status, 0);
  const none = setUp(t, { python3: "" }).run();
  assert.deepEqual(none, { status: 1, stdout: "", stderr: "missing: Python 3.9 or newer (python.org)\n" });
});
