// A throw-away checkout that holds one script, and programs that stand in for those a machine may have.
"use strict";

const { spawnSync } = require("node:child_process");
const { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");

class Checkout {
  /** A new folder with `files` (paths from the root) of the real checkout; `test` removes it when it ends. */
  constructor(test, files) {
    this.root = mkdtempSync(path.join(tmpdir(), "quorate-scripts-"));
    test.after(() => rmSync(this.root, { recursive: true, force: true }));
    for (const file of files) {
      mkdirSync(path.dirname(this.path(file)), { recursive: true });
      copyFileSync(path.join(ROOT, file), this.path(file));
    }
  }

  path(...parts) {
    return path.join(this.root, ...parts);
  }

  /** Writes an executable shell script and returns its path. */
  program(file, body) {
    const target = this.path(file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return target;
  }

  /** Runs a script of the checkout with nothing in its environment but `environment`. */
  run(command, args, environment) {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: this.root, encoding: "utf8", env: environment });
    return { status, stdout, stderr };
  }
}

module.exports = { Checkout };
