// The npm locks: what `npm ci` on another platform or behind another registry relies on. Reads files, asks nobody.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const PLATFORMS = ["darwin arm64", "darwin x64", "linux arm64", "linux x64"];

// The registry that wrote the locks lacks these: npm then checks the download against what the user's registry says.
// `scripts/locks`, run where the registry has them, adds the integrity; then the name goes from this list.
const WITHOUT_INTEGRITY = new Set([
  "@foundry-rs/anvil-darwin-amd64",
  "@foundry-rs/anvil-darwin-arm64",
  "@foundry-rs/anvil-linux-arm64",
  "@foundry-rs/anvil-win32-amd64",
  "@foundry-rs/cast-darwin-amd64",
  "@foundry-rs/cast-darwin-arm64",
  "@foundry-rs/cast-linux-arm64",
  "@foundry-rs/cast-win32-amd64",
  "@foundry-rs/forge-darwin-amd64",
  "@foundry-rs/forge-linux-arm64",
  "rust-just-darwin-arm64",
  "rust-just-darwin-x64",
  "rust-just-linux-arm",
  "rust-just-linux-arm64",
  "rust-just-linux-armv7",
  "rust-just-linux-loong64",
  "rust-just-linux-riscv64",
  "rust-just-windows-arm64",
  "rust-just-windows-x64",
]);

for (const folder of [".", "contracts"]) {
  const read = (name) => readFileSync(path.join(ROOT, folder, name), "utf8");
  const manifest = JSON.parse(read("package.json"));
  const { packages } = JSON.parse(read("package-lock.json"));
  const families = Object.entries(packages).filter(([, entry]) => entry.optionalDependencies);
  const nameOf = (key) => key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length);

  describe(`lock of ${folder}`, () => {
    test("every version in package.json is exact, and the lock has the same", () => {
      for (const version of Object.values(manifest.dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
      assert.deepEqual(packages[""].dependencies, manifest.dependencies);
    });

    test("every optional package of every platform is listed, as npm ci demands", () => {
      assert.notEqual(families.length, 0);
      for (const [, { optionalDependencies }] of families) {
        for (const [name, version] of Object.entries(optionalDependencies)) {
          const entry = packages[`node_modules/${name}`];
          assert.ok(entry, name);
          assert.equal(entry.version, version, name);
          assert.equal(entry.optional, true, name);
        }
      }
    });

    test("every native tool has one package for each of Linux and macOS, x64 and arm64", () => {
      for (const [family, { optionalDependencies }] of families) {
        const entries = Object.keys(optionalDependencies).map((name) => packages[`node_modules/${name}`]);
        const platforms = entries.map(({ os, cpu }) => `${os} ${cpu}`).filter((one) => PLATFORMS.includes(one));
        assert.deepEqual(platforms.sort(), PLATFORMS, family);
      }
    });

    test("every package has an integrity, but for those that are known to lack it", () => {
      for (const [key, { integrity }] of Object.entries(packages).filter(([key]) => key !== "")) {
        if (WITHOUT_INTEGRITY.has(nameOf(key))) assert.equal(integrity, undefined, `${key} has an integrity: take it off the list`);
        else assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, key);
      }
    });

    test("no registry's address stands in the lock", () => {
      assert.doesNotMatch(read("package-lock.json"), /:\/\/|"resolved"/);
    });

    test("the install scripts that npm would warn about are declined", () => {
      const scripted = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript);
      const declined = Object.fromEntries(scripted.map(([key]) => [nameOf(key), false]));
      assert.deepEqual(manifest.allowScripts, declined);
    });
  });
}
