// Where things are, and programs of node_modules run as a user runs them.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** This package. */
export const PACKAGE = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

/** A file of the repository. */
export const file = (...parts) => path.join(PACKAGE, "..", "..", "..", ...parts);

/** A JSON file of the repository. */
export const json = (...parts) => JSON.parse(readFileSync(file(...parts), "utf8"));

/** Runs a program of node_modules. It asks nobody whether there is a newer one, and tells nobody that it was run. */
export function run(script, ...args) {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" };
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(PACKAGE, "node_modules", script), ...args], { cwd: PACKAGE, env }, (error, stdout, stderr) =>
      resolve({ status: error ? (error.code ?? -1) : 0, output: `${stdout}${stderr}` }),
    );
  });
}
